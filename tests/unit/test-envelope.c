/* SPDX-License-Identifier: MIT */
/* Tests of the envelope: the table of cases in envelope-rows.h; then copies, and what a copy puts on the wire. */
#include "octets.h"

#include <locale.h>

#include "core/base/error.h"
#include "core/message/envelope.h"
#include "envelope-rows.h"

static const VdBodyPolicy policy = { FALSE, FALSE };
static const guint8 random_octets[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static VeredaMessage *
prepared (const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));
  VeredaMessage *message = vereda_message_new_from_bytes (bytes);
  g_autoptr (GError) error = NULL;
  vd_message_prepare (message, &policy, &error);
  g_assert_no_error (error);
  return message;
}

static void
option_free (gpointer data)
{
  VdHeaderOption *option = data;
  g_free (option->name);
  g_free (option->value);
  g_free (option);
}

static gboolean
moment (VdMoment *ret_moment, GError **error)
{
  ret_moment->now = NOW;
  ret_moment->utc_offset = 19800;
  memcpy (ret_moment->random, random_octets, sizeof ret_moment->random);
  return TRUE;
}

static VdEnvelope *
build (const Row *row, VeredaMessage *message, GError **error)
{
  g_autoptr (GPtrArray) headers = g_ptr_array_new_with_free_func (option_free);
  for (gsize i = 0; i < G_N_ELEMENTS (row->headers) && row->headers[i] != NULL; i++)
    {
      VdHeaderOption *option = g_new0 (VdHeaderOption, 1);
      const char *colon = strstr (row->headers[i], ":");
      option->name = g_strndup (row->headers[i], (gsize) (colon - row->headers[i]));
      option->value = g_strdup (colon[1] == ' ' ? colon + 2 : colon + 1);
      g_ptr_array_add (headers, option);
    }
  const VdEnvelopeOptions options = {
    .originator = row->originator,
    .recipients = row->recipients,
    .headers = headers,
    .bcc = row->bcc,
    .empty_bcc = row->empty_bcc,
    .default_domain = row->domain,
    .provide = moment,
    .user = row->user,
  };
  return vd_envelope_new (message, &options, error);
}

static char *
recipients_of (const VdEnvelope *envelope)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < envelope->n_recipients; i++)
    {
      const VdRecipient *recipient = &envelope->recipients[i];
      g_string_append_printf (text, "%s%s%s", i > 0 ? " " : "", recipient->blind ? "!" : "", recipient->path);
      if (recipient->same_as >= 0)
        g_string_append_printf (text, "=%d", recipient->same_as);
    }
  return g_string_free (text, FALSE);
}

/* What a copy puts on the wire is what its facts say, in both modes. */
static GString *
wire_of (const VdCopy *copy, VeredaMessage *message, VdBodyMode mode)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VdBody) body = vd_copy_open (copy, message, mode, &policy, &error);
  g_assert_no_error (error);
  GString *wire = g_string_new (NULL);
  gboolean end = FALSE;
  while (!end)
    {
      VeredaSpan spans[16];
      gsize n;
      vd_body_next (body, spans, 16, &n, &end, &error);
      g_assert_no_error (error);
      for (gsize i = 0; i < n; i++)
        g_string_append_len (wire, spans[i].data, (gssize) spans[i].size);
    }
  return wire;
}

static void
check_copy (const VdCopy *copy, VeredaMessage *message)
{
  GString *bdat = wire_of (copy, message, VD_BODY_BDAT);
  GString *data = wire_of (copy, message, VD_BODY_DATA);
  gboolean eight = FALSE;
  for (gsize i = 0; i < bdat->len; i++)
    eight |= (guint8) bdat->str[i] >= 0x80;
  g_assert_cmpuint (copy->size, ==, bdat->len);
  g_assert_cmpint (copy->eight_bit, ==, eight);
  g_assert_true (g_str_has_suffix (data->str, "\r\n.\r\n"));
  /* BCC-5: no blind recipient in sight of others. */
  if (!copy->blind)
    g_assert_null (strstr (bdat->str, "hidden"));
  g_string_free (bdat, TRUE);
  g_string_free (data, TRUE);
}

static void
run_row (gconstpointer data)
{
  const Row *row = data;
  g_autoptr (VeredaMessage) message = prepared (row->message);
  g_autoptr (GError) error = NULL;
  g_autoptr (VdEnvelope) envelope = build (row, message, &error);
  if (row->sender == NULL)
    {
      if (envelope != NULL)
        g_error ("an error with \"%s\" was due", row->head);
      g_assert_true (error->domain == VEREDA_ERROR && error->code <= VEREDA_ERROR_MESSAGE);
      if (strstr (error->message, row->head) == NULL)
        g_error ("\"%s\" is not \"%s\"", error->message, row->head);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpstr (envelope->reverse_path, ==, row->sender);
  g_autofree char *to = recipients_of (envelope);
  g_assert_cmpstr (to, ==, row->to);
  const VdCopy *copy = &envelope->copies[0];
  g_autoptr (GBytes) head = vd_copy_head (copy, message);
  if (row->head != NULL)
    assert_octets_text (g_bytes_get_data (head, NULL), g_bytes_get_size (head), row->head);
  for (guint i = 0; i < envelope->n_copies; i++)
    check_copy (&envelope->copies[i], message);
}

/* ---- refused options ---- */

static void
test_refused_names (void)
{
  static const char *const refused[]
      = { "Content-Type", "content-transfer-encoding", "CONTENT-MD5", "Mime-Version", "Return-Path", "received" };
  static const char *const fine[] = { "Subject", "X-Y", "Resent-To", "Content-Description", "Bcc" };
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_false (vd_header_option_check (refused[i], "x", &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_nonnull (strstr (error->message, "cannot be user-specified"));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (fine); i++)
    g_assert_true (vd_header_option_check (fine[i], "a@b.example\tc", NULL));
  static const char *const names[] = { "", "a b", "a:b", "a\r\nb", "\xc3\xa4", "a\x7f" };
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    g_assert_false (vd_header_option_check (names[i], "x", NULL));
  static const char *const values[] = { "a\nb", "a\rb", "\x01", "\x1b[31m", "\x7f", "\xff", "\xed\xa0\x80" };
  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    g_assert_false (vd_header_option_check ("X-Y", values[i], NULL));
}

/* ---- blind copies ---- */

static const char blind_message[] = DONE "From: Ann <a@a.example>\nSubject: The\n subject\nTo: b@b.example\nBcc: "
                                         "hidden1@e.example, Two <hidden2@e.example>, b@b.example\n"
                                         "Dcc: hidden3@e.example\n\n.body\nno end";

static char *
indexes_of (const VdCopy *copy)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < copy->n_recipients; i++)
    g_string_append_printf (text, "%s%u", i > 0 ? " " : "", vd_copy_recipient (copy, i));
  return g_string_free (text, FALSE);
}

static void
check_copy_of (const VdEnvelope *envelope, guint index, gboolean blind, const char *indexes)
{
  const VdCopy *copy = &envelope->copies[index];
  g_autofree char *got = indexes_of (copy);
  g_assert_cmpstr (got, ==, indexes);
  g_assert_cmpint (copy->blind, ==, blind);
}

static void
test_bcc_same (void)
{
  Row row = { .bcc = VD_BCC_SAME };
  g_autoptr (VeredaMessage) message = prepared (blind_message);
  g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
  g_autofree char *to = recipients_of (envelope);
  g_assert_cmpstr (to, ==, "b@b.example !hidden1@e.example !hidden2@e.example !b@b.example=0 !hidden3@e.example");
  g_assert_cmpstr (((VdRecipient *) &envelope->recipients[2])->given, ==, "Two <hidden2@e.example>");
  g_assert_cmpuint (envelope->n_copies, ==, 1);
  check_copy_of (envelope, 0, FALSE, "0 1 2 4");
  check_copy (&envelope->copies[0], message);
}

static void
test_bcc_separate (void)
{
  Row row = { .bcc = VD_BCC_SEPARATE };
  g_autoptr (VeredaMessage) message = prepared (blind_message);
  g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
  g_assert_cmpuint (envelope->n_copies, ==, 3);
  check_copy_of (envelope, 0, FALSE, "0 4"); /* Dcc stays with the others, as in the seed */
  check_copy_of (envelope, 1, TRUE, "1");
  check_copy_of (envelope, 2, TRUE, "2");
  for (guint i = 0; i < 3; i++)
    check_copy (&envelope->copies[i], message);
  GString *wire = wire_of (&envelope->copies[2], message, VD_BODY_DATA);
  assert_octets_text (wire->str, wire->len,
                      DONE_WIRE
                      "From: Ann <a@a.example>\r\nSubject: The\r\n subject\r\nTo: b@b.example\r\nBcc: hidden2@e.example\r\n\r\n"
                      "..body\r\nno end\r\n.\r\n");
  g_string_free (wire, TRUE);
}

/* The seed's own form of a blind copy, with its errors mended: subject of the message, one boundary that is nobody's guess,
 * a whole end. */
static void
test_bcc_digest (void)
{
  Row row = { .bcc = VD_BCC_DIGEST, .originator = "Agent <o@o.example>" };
  g_autoptr (VeredaMessage) message = prepared (blind_message);
  g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
  g_assert_cmpuint (envelope->n_copies, ==, 2);
  check_copy_of (envelope, 0, FALSE, "0 4");
  check_copy_of (envelope, 1, TRUE, "1 2");
  check_copy (&envelope->copies[0], message);
  check_copy (&envelope->copies[1], message);
  GString *wire = wire_of (&envelope->copies[1], message, VD_BODY_DATA);
  g_autofree char *boundary = g_strndup (strstr (wire->str, "boundary=\"") + 10, 34);
  g_autofree char *id = g_strndup (strstr (wire->str, "Message-ID: <") + 13, 32);
  g_assert_cmpstr (id, !=, "000102030405060708090a0b0c0d0e0f");
  g_autofree char *wanted
      = g_strdup_printf ("From: Agent <o@o.example>\r\nBcc:\r\nSubject: [Bcc] The subject\r\n" DATE
                         "Message-ID: <%s@o.example>\r\nMIME-Version: 1.0\r\n"
                         "Content-Type: multipart/digest;\r\n boundary=\"%s\"\r\nContent-Description: Blind Carbon Copy\r\n\r\n"
                         "--%s\r\nContent-Type: message/rfc822\r\nContent-Description: Original Message\r\n\r\n" DONE_WIRE
                         "From: Ann <a@a.example>\r\nSubject: The\r\n subject\r\n"
                         "To: b@b.example\r\nSender: Agent <o@o.example>\r\n\r\n..body\r\nno end\r\n\r\n--%s--\r\n.\r\n",
                         id, boundary, boundary, boundary);
  assert_octets_text (wire->str, wire->len, wanted);
  g_string_free (wire, TRUE);
}

/* The null reverse-path leaves From as the message has it, here too. */
static void
test_bcc_digest_null_originator (void)
{
  Row row = { .bcc = VD_BCC_DIGEST, .originator = "" };
  g_autoptr (VeredaMessage) message
      = prepared (DONE "From: Ann <a@a.example>\nTo: b@b.example\nBcc: hidden@e.example\n\n\xc3\xa9");
  g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
  GString *wire = wire_of (&envelope->copies[1], message, VD_BODY_BDAT);
  g_assert_true (g_str_has_prefix (wire->str, "From: Ann <a@a.example>\r\nBcc:\r\nSubject: [Bcc]\r\n"));
  g_assert_nonnull (strstr (wire->str, "Content-Transfer-Encoding: 8bit\r\nContent-Description: Blind"));
  check_copy (&envelope->copies[1], message);
  g_string_free (wire, TRUE);
}

/* All recipients are blind: there is no main copy that the others could wait for. */
static void
test_bcc_only (void)
{
  g_autoptr (VeredaMessage) message = prepared (DONE "From: a@a.example\nBcc: hidden1@e.example, hidden2@e.example\n\nx");
  for (int mode = VD_BCC_SEPARATE; mode <= VD_BCC_DIGEST; mode++)
    {
      Row row = { .bcc = (VdBccMode) mode };
      g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
      g_assert_cmpuint (envelope->n_copies, ==, mode == VD_BCC_DIGEST ? 1 : 2);
      check_copy_of (envelope, 0, TRUE, mode == VD_BCC_DIGEST ? "0 1" : "0");
    }
}

static void
test_bcc_separate_resent (void)
{
  Row row = { .bcc = VD_BCC_SEPARATE };
  g_autoptr (VeredaMessage) message = prepared (
      "Received: r\nResent-From: r@r.example\nResent-To: n@n.example\nResent-Bcc: hidden@h.example\nResent-Date: d\n"
      "Resent-Message-ID: <i@d>\nFrom: old@o.example\n\nx");
  g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
  const VdCopy *copy = &envelope->copies[1];
  assert_octets_text (
      g_bytes_get_data (copy->head, NULL), g_bytes_get_size (copy->head),
      "Received: r\r\nResent-Bcc: hidden@h.example\r\nResent-From: r@r.example\r\nResent-To: n@n.example\r\nResent-Date: d\r\n"
      "Resent-Message-ID: <i@d>\r\nFrom: old@o.example\r\n\r\n");
}

/* ---- facts ---- */

static void
test_facts (void)
{
  Row row = { .path = NULL };
  static const struct
  {
    const char *text;
    gboolean eight_bit;
    gboolean utf8_header;
  } cases[] = {
    { "From: a@a.example\nTo: b@b.example\n\nplain\n", FALSE, FALSE },
    { "From: a@a.example\nTo: b@b.example\n\nk\xc3\xa4se\n", TRUE, FALSE },
    { "From: a@a.example\nTo: b@b.example\nX: k\xc3\xa4se\n\nplain\n", TRUE, TRUE },
    { "From: a@a.example\nTo: b@b.example\nBcc: k\xc3\xa4se <hidden@b.example>\n\nplain\n", FALSE, FALSE },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (VeredaMessage) message = prepared (cases[i].text);
      g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
      const VdCopy *copy = &envelope->copies[0];
      g_assert_cmpint (copy->eight_bit, ==, cases[i].eight_bit);
      g_assert_cmpint (copy->utf8_header, ==, cases[i].utf8_header);
      check_copy (copy, message);
    }
}

static void
test_utf8_flags (void)
{
  Row row = { .originator = "\xc3\xbc@b.example",
              .recipients = "\xc3\xbc@c.example, x@b\xc3\xbc"
                            "cher.example" };
  g_autoptr (VeredaMessage) message = prepared ("To: b@b.example\n\n");
  g_autoptr (GError) error = NULL;
  g_autoptr (VdEnvelope) envelope = build (&row, message, &error);
  g_assert_no_error (error);
  g_assert_true (envelope->reverse_utf8);
  g_assert_true (((VdRecipient *) &envelope->recipients[0])->utf8);
  g_assert_false (((VdRecipient *) &envelope->recipients[1])->utf8);
  g_assert_true (((VdCopy *) &envelope->copies[0])->utf8_header); /* From was made of it */
}

/* The message is the caller's: a second sending finds it as the first one did. */
static void
test_not_modified (void)
{
  Row row = { .originator = "o@o.example", .headers = { "Subject: new", "To: c@c.example" } };
  g_autoptr (VeredaMessage) message = prepared (blind_message);
  g_autoptr (VdEnvelope) one = build (&row, message, NULL);
  g_autoptr (VdEnvelope) two = build (&row, message, NULL);
  g_assert_true (g_bytes_equal (one->copies[0].head, two->copies[0].head));
  gsize size;
  const char *section = vd_header_section (vd_message_header (message), &size);
  assert_octets (section, size, blind_message, (gsize) (strstr (blind_message, "\n\n") + 1 - blind_message));
}

/* Ten thousand recipients take no square of that. */
static void
test_many (void)
{
  g_autoptr (GString) to = g_string_new ("From: a@a.example\nTo: x@b.example");
  for (int i = 0; i < 10000; i++)
    g_string_append_printf (to, ",\n u%d@b.example", i);
  g_string_append (to, "\n\nx");
  g_autoptr (VeredaMessage) message = prepared (to->str);
  Row row = { .path = NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (VdEnvelope) envelope = build (&row, message, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (envelope->n_recipients, ==, 10001);
}

/* HDR-5: with a locale that has other names for days and months (where the system has one). */
static void
test_locale (void)
{
  static const char *const locales[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "es_ES.UTF-8", "C.UTF-8" };
  Row row = { .path = NULL };
  gsize i = 0;
  while (i < G_N_ELEMENTS (locales) && setlocale (LC_ALL, locales[i]) == NULL)
    i++;
  g_autoptr (VeredaMessage) message = prepared ("From: a@a.example\nTo: b@b.example\n\n");
  g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
  const VdCopy *copy = &envelope->copies[0];
  const char *head = g_bytes_get_data (copy->head, NULL);
  g_assert_nonnull (g_strstr_len (head, (gssize) g_bytes_get_size (copy->head), DATE));
  setlocale (LC_ALL, "C");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strconcat ("/envelope/", rows[i].path, NULL);
      g_test_add_data_func (path, &rows[i], run_row);
    }
  g_test_add_func ("/envelope/HDR-8-refused-names", test_refused_names);
  g_test_add_func ("/envelope/BCC-1-same", test_bcc_same);
  g_test_add_func ("/envelope/BCC-2-separate", test_bcc_separate);
  g_test_add_func ("/envelope/seed-K-BCC-4-digest", test_bcc_digest);
  g_test_add_func ("/envelope/seed-F-digest-with-null-originator", test_bcc_digest_null_originator);
  g_test_add_func ("/envelope/BCC-6-only-blind", test_bcc_only);
  g_test_add_func ("/envelope/BCC-2-separate-resent", test_bcc_separate_resent);
  g_test_add_func ("/envelope/SIZ-1-facts", test_facts);
  g_test_add_func ("/envelope/U8-1-flags", test_utf8_flags);
  g_test_add_func ("/envelope/seed-F-message-is-not-modified", test_not_modified);
  g_test_add_func ("/envelope/many-recipients", test_many);
  g_test_add_func ("/envelope/HDR-5-locale", test_locale);
  return g_test_run ();
}

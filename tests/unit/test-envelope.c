/* SPDX-License-Identifier: MIT */
/* Tests of the envelope: one table of cases, each a message with options and what must become of it; then copies, and what a copy puts on
 * the wire.  Rows named seed-F-* show behaviour that the seed promised and did not keep. */
#include "octets.h"

#include <locale.h>

#include "core/base/error.h"
#include "core/message/envelope.h"

static const VdBodyPolicy policy = { FALSE, FALSE };
static const guint8 random_octets[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

#define NOW G_GINT64_CONSTANT (1709251199) /* 2024-02-29 23:59:59 UTC */
#define DATE "Date: Fri, 01 Mar 2024 05:29:59 +0530\r\n"
#define RESENT_DATE "Resent-" DATE
#define ID(domain) "Message-ID: <000102030405060708090a0b0c0d0e0f@" domain ">\r\n"
/* Fields that need no completion. */
#define DONE "Date: Thu, 1 Feb 2024 10:00:00 +0000\nMessage-ID: <x@y>\n"
#define DONE_WIRE "Date: Thu, 1 Feb 2024 10:00:00 +0000\r\nMessage-ID: <x@y>\r\n"

typedef struct
{
  const char *path;       /* of the test */
  const char *message;
  const char *originator; /* option */
  const char *recipients; /* option */
  const char *headers[7]; /* "Name: value" */
  const char *sender;     /* reverse-path wanted; NULL: an error is wanted */
  const char *to;         /* recipients wanted: paths, "!" before a blind one, "=N" for one equal to number N */
  const char *head;       /* header section wanted; or what the error must say */
  VdBccMode bcc;
  const char *domain;     /* default_domain */
  const char *user;
  gboolean empty_bcc;
} Row;

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
    .originator = row->originator, .recipients = row->recipients, .headers = headers, .bcc = row->bcc, .empty_bcc = row->empty_bcc,
    .default_domain = row->domain, .now = NOW, .utc_offset = 19800, .random = random_octets, .user = row->user,
  };
  return vd_envelope_new (message, &options, error);
}

static char *
recipients_of (const VdEnvelope *envelope)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < envelope->recipients->len; i++)
    {
      const VdRecipient *recipient = g_ptr_array_index (envelope->recipients, i);
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
  const VdCopy *copy = g_ptr_array_index (envelope->copies, 0);
  if (row->head != NULL)
    assert_octets_text (g_bytes_get_data (copy->head, NULL), g_bytes_get_size (copy->head), row->head);
  for (guint i = 0; i < envelope->copies->len; i++)
    check_copy (g_ptr_array_index (envelope->copies, i), message);
}

static const Row rows[] = {
  /* ---- originator ---- */
  { .path = "from-header", .message = DONE "From: Ann <ann@a.example>\nTo: bob@b.example\n\nx", .sender = "ann@a.example", .to = "bob@b.example",
    .head = DONE_WIRE "From: Ann <ann@a.example>\r\nTo: bob@b.example\r\n\r\n" },
  { .path = "sender-field", .message = DONE "From: ann@a.example\nSender: sec@a.example\nTo: b@b.example\n", .sender = "sec@a.example",
    .to = "b@b.example", .head = DONE_WIRE "From: ann@a.example\r\nSender: sec@a.example\r\nTo: b@b.example\r\n" },
  { .path = "originator-option-equal", .message = DONE "From: Ann <ann@a.example>\nTo: b@b.example\n", .originator = "ann@A.EXAMPLE",
    .sender = "ann@A.EXAMPLE", .to = "b@b.example", .head = DONE_WIRE "From: Ann <ann@a.example>\r\nTo: b@b.example\r\n" },
  { .path = "seed-F-HDR-3-sender-is-the-originator", .message = DONE "From: one@b.example\nTo: b@b.example\n\n",
    .originator = "The Agent <agent@a.example>", .sender = "agent@a.example", .to = "b@b.example",
    .head = DONE_WIRE "From: one@b.example\r\nTo: b@b.example\r\nSender: The Agent <agent@a.example>\r\n\r\n" },
  { .path = "existing-sender-stays", .message = DONE "From: one@b.example\nSender: s@b.example\nTo: b@b.example\n\n", .originator = "agent@a.example",
    .sender = "agent@a.example", .to = "b@b.example", .head = DONE_WIRE "From: one@b.example\r\nSender: s@b.example\r\nTo: b@b.example\r\n\r\n" },
  { .path = "seed-F-HDR-2-several-from-with-originator", .message = DONE "From: a@a.example, b@b.example\nTo: c@c.example\n",
    .originator = "a@a.example", .sender = "a@a.example", .to = "c@c.example",
    .head = DONE_WIRE "From: a@a.example, b@b.example\r\nTo: c@c.example\r\nSender: a@a.example\r\n" },
  { .path = "seed-F-several-from-with-sender", .message = DONE "From: a@a.example, b@b.example\nSender: b@b.example\nTo: c@c.example\n",
    .sender = "b@b.example", .to = "c@c.example", .head = DONE_WIRE "From: a@a.example, b@b.example\r\nSender: b@b.example\r\nTo: c@c.example\r\n" },
  { .path = "seed-F-several-from-alone", .message = "From: a@a.example, b@b.example\nTo: c@c.example\n",
    .head = "too many mailboxes in field From, so it does not tell who sends: set the option originator, or add a Sender field" },
  { .path = "ADR-1-group-in-from", .message = "From: G:a@a.example;\nTo: c@c.example\n", .head = "not one plain mailbox in field From" },
  { .path = "ADR-1-group-in-from-with-originator", .message = DONE "From: Nobody:;\nTo: c@c.example\n", .originator = "a@a.example",
    .sender = "a@a.example", .to = "c@c.example", .head = DONE_WIRE "From: Nobody:;\r\nTo: c@c.example\r\nSender: a@a.example\r\n" },
  { .path = "seed-F-null-originator-keeps-from", .message = DONE "From: ann@a.example\nTo: b@b.example\n\n", .originator = "", .sender = "",
    .to = "b@b.example", .head = DONE_WIRE "From: ann@a.example\r\nTo: b@b.example\r\n\r\n" },
  { .path = "seed-F-null-originator-needs-from", .message = DONE "To: b@b.example\n\n", .originator = "",
    .head = "the message has no From field: add one" },
  { .path = "null-originator-several-from", .message = DONE "From: a@a.example, b@b.example\nTo: c@c.example\n", .originator = "",
    .head = "field From does not name one mailbox, so the message needs a Sender field" },
  { .path = "null-originator-unqualified-from", .message = DONE "From: MAILER-DAEMON (Mail System)\nTo: b@b.example\n", .originator = "",
    .sender = "", .to = "b@b.example", .head = DONE_WIRE "From: MAILER-DAEMON (Mail System)\r\nTo: b@b.example\r\n" },
  { .path = "from-created-from-originator", .message = "To: b@b.example\n\n", .originator = "Ann <ann@a.example>", .sender = "ann@a.example",
    .to = "b@b.example", .head = "To: b@b.example\r\n" DATE "From: Ann <ann@a.example>\r\n" ID ("a.example") "\r\n" },
  { .path = "nobody-to-send-as", .message = "To: b@b.example\n\n", .head = "nobody to send as: the message has no From field" },
  { .path = "seed-F-MAI-6-no-domain-is-invented", .message = "From: ann\nTo: b@b.example\n\n", .head = "field From: \"ann\" has no domain" },
  { .path = "seed-F-default-domain", .message = DONE "From: ann\nTo: bob\n\n", .sender = "ann@home.example", .to = "bob@home.example",
    .domain = "home.example", .head = DONE_WIRE "From: ann\r\nTo: bob\r\n\r\n" },
  { .path = "seed-F-login-name-with-default-domain", .message = DONE "To: bob\n\n", .sender = "ann@home.example", .to = "bob@home.example",
    .domain = "home.example", .user = "ann", .head = DONE_WIRE "To: bob\r\nFrom: ann@home.example\r\n\r\n" },
  { .path = "login-name-without-default-domain", .message = DONE "To: b@b.example\n\n", .user = "ann", .head = "nobody to send as" },
  { .path = "ADR-4-two-originators", .message = "To: b@b.example\n", .originator = "a@a.example, c@c.example",
    .head = "too many mailboxes in option originator" },
  { .path = "CFG-1-originator-line-end", .message = "To: b@b.example\n", .originator = "a@a.example>\r\nRCPT TO:<x@x.example",
    .head = "option originator: a control character, at offset 12" },
  { .path = "two-senders", .message = "From: a@a.example\nSender: b@b.example, c@c.example\nTo: b@b.example\n",
    .head = "too many mailboxes in field Sender" },

  /* ---- recipients ---- */
  { .path = "recipients-from-all-fields", .message = DONE "From: a@a.example\nTo: b@b.example, G: c@c.example;\nCc: d@d.example\nBcc: hidden1@e.example\n"
    "Dcc: hidden2@f.example\n\n", .sender = "a@a.example", .to = "b@b.example c@c.example d@d.example !hidden1@e.example !hidden2@f.example",
    .head = DONE_WIRE "From: a@a.example\r\nTo: b@b.example, G: c@c.example;\r\nCc: d@d.example\r\n\r\n" },
  { .path = "seed-F-bcc-alone-is-enough", .message = DONE "From: a@a.example\nBcc: hidden@e.example\n\n", .sender = "a@a.example",
    .to = "!hidden@e.example", .head = DONE_WIRE "From: a@a.example\r\n\r\n" },
  { .path = "seed-F-cc-alone-is-enough", .message = DONE "From: a@a.example\nCc: c@c.example\n\n", .sender = "a@a.example", .to = "c@c.example" },
  { .path = "RCP-8-nobody-to-send-to", .message = "From: a@a.example\n\n", .head = "nobody to send to: no To, Cc, Bcc or Dcc" },
  { .path = "seed-F-empty-group-is-nobody", .message = "From: a@a.example\nTo: undisclosed-recipients:;\n\n", .head = "nobody to send to" },
  { .path = "recipients-option", .message = DONE "From: a@a.example\nTo: b@b.example\n\n", .recipients = "G: x@x.example, y@y.example;",
    .sender = "a@a.example", .to = "x@x.example y@y.example" },
  { .path = "seed-F-recipients-of-spaces", .message = "From: a@a.example\nTo: b@b.example\n\n", .recipients = " ",
    .head = "option recipients holds no address" },
  { .path = "seed-F-dcc-with-recipients-not-transmitted", .message = DONE "From: a@a.example\nTo: b@b.example\nDcc: hidden@e.example\n\n",
    .recipients = "x@x.example", .sender = "a@a.example", .to = "x@x.example", .head = DONE_WIRE "From: a@a.example\r\nTo: b@b.example\r\n\r\n" },
  { .path = "seed-F-recipients-override-bcc", .message = DONE "From: a@a.example\nBcc: hidden@e.example\n\n", .recipients = "x@x.example",
    .headers = { "Bcc: hidden2@e.example", "Dcc: hidden3@e.example" }, .sender = "a@a.example", .to = "x@x.example",
    .head = DONE_WIRE "From: a@a.example\r\n\r\n" },
  { .path = "BCC-5-folded-duplicated-spaced", .message = DONE "bCC :\n hidden1@e.example,\n\thidden2@e.example\nFrom: a@a.example\n"
    "BCC: hidden3@e.example\n \nDCC: hidden4@e.example\nResent-Bcc: hidden5@e.example\nX-After: y\n\n", .recipients = "x@x.example",
    .sender = "a@a.example", .to = "x@x.example", .originator = "a@a.example", .headers = { "Cc: z@z.example" },
    .head = DONE_WIRE "From: a@a.example\r\nX-After: y\r\nCc: z@z.example\r\n\r\n" },
  { .path = "BCC-3-empty-bcc", .message = DONE "From: a@a.example\nTo: b@b.example\nBcc: hidden@e.example\n\n", .empty_bcc = TRUE,
    .sender = "a@a.example", .to = "b@b.example !hidden@e.example", .head = DONE_WIRE "From: a@a.example\r\nTo: b@b.example\r\nBcc:\r\n\r\n" },
  { .path = "seed-D-HDR-11-no-bcc-is-invented", .message = DONE "From: a@a.example\nCc: b@b.example\n\n", .empty_bcc = TRUE, .sender = "a@a.example",
    .to = "b@b.example", .head = DONE_WIRE "From: a@a.example\r\nCc: b@b.example\r\n\r\n" },
  { .path = "RCP-7-duplicates", .message = DONE "From: a@a.example\nTo: b@b.example, B@b.example\nCc: Bob <b@B.example>\nBcc: hidden@e.example, b@b.example\n\n",
    .sender = "a@a.example", .to = "b@b.example B@b.example b@B.example=0 !hidden@e.example !b@b.example=0" },
  { .path = "RCP-2-postmaster", .message = DONE "From: a@a.example\nTo: b@b.example\n\n", .recipients = "postmaster, Postmaster",
    .sender = "a@a.example", .to = "postmaster Postmaster=0" },
  { .path = "error-names-the-field", .message = "From: a@a.example\nTo: b@b.example,\n bob, c@c.example\n\n",
    .head = "field To: \"bob\" has no domain: write the whole address, as in bob@example.org, at offset 13" },
  { .path = "error-names-the-option", .message = "From: a@a.example\n\n", .headers = { "To: b@b..example" },
    .head = "header option To: the domain has an empty label, at offset 4" },

  /* ---- header options ---- */
  { .path = "HDR-9-option-replaces-in-place", .message = DONE "Subject: old\n folded\nFrom: a@a.example\nTo: b@b.example\n\n",
    .headers = { "subject: new", "TO: c@c.example" }, .sender = "a@a.example", .to = "c@c.example",
    .head = DONE_WIRE "subject: new\r\nFrom: a@a.example\r\nTO: c@c.example\r\n\r\n" },
  { .path = "HDR-9-option-appends", .message = DONE "X-A: 1\nFrom: a@a.example\nTo: b@b.example\n\n", .headers = { "X-a: 2", "x-A: 3", "Comments: c" },
    .sender = "a@a.example", .to = "b@b.example",
    .head = DONE_WIRE "X-A: 1\r\nFrom: a@a.example\r\nTo: b@b.example\r\nX-a: 2\r\nX-a: 3\r\nComments: c\r\n\r\n" },
  { .path = "HDR-1-to-options-merge", .message = DONE "From: a@a.example\n\n", .headers = { "To: b@b.example", "Subject: s", "to: C <c@c.example>" },
    .sender = "a@a.example", .to = "b@b.example c@c.example",
    .head = DONE_WIRE "From: a@a.example\r\nTo: b@b.example, C <c@c.example>\r\nSubject: s\r\n\r\n" },
  { .path = "HDR-1-references-merge", .message = DONE "From: a@a.example\nTo: b@b.example\n\n", .headers = { "References: <a@b>", "References: <c@d>" },
    .sender = "a@a.example", .to = "b@b.example", .head = DONE_WIRE "From: a@a.example\r\nTo: b@b.example\r\nReferences: <a@b> <c@d>\r\n\r\n" },
  { .path = "HDR-1-two-subject-options", .message = "From: a@a.example\nTo: b@b.example\n\n", .headers = { "Subject: a", "Subject: b" },
    .head = "header option \"Subject\" is given twice" },
  { .path = "HDR-1-two-from-fields", .message = "From: a@a.example\nTo: b@b.example\nFrom: a@a.example\n\n", .originator = "a@a.example",
    .head = "the message has more than one From field" },
  { .path = "HDR-1-option-settles-duplicates", .message = DONE "Subject: a\nFrom: a@a.example\nSubject: b\nTo: b@b.example\n\n",
    .headers = { "Subject: c" }, .sender = "a@a.example", .to = "b@b.example",
    .head = DONE_WIRE "Subject: c\r\nFrom: a@a.example\r\nTo: b@b.example\r\n\r\n" },
  { .path = "seed-F-from-option-and-from-in-message", .message = DONE "From: a@a.example\nTo: b@b.example\n\n", .headers = { "From: c@c.example" },
    .sender = "c@c.example", .to = "b@b.example", .head = DONE_WIRE "From: c@c.example\r\nTo: b@b.example\r\n\r\n" },
  { .path = "seed-F-sender-and-recipients-looked-up-in-both", .message = DONE "Sender: s@s.example\nCc: c@c.example\n\n",
    .headers = { "From: a@a.example", "To: b@b.example" }, .sender = "s@s.example", .to = "b@b.example c@c.example" },
  { .path = "empty-option-takes-the-field-out", .message = DONE "From: a@a.example\nTo: b@b.example\nCc: c@c.example\nSubject: s\n\n",
    .headers = { "Cc: ", "Subject:" }, .sender = "a@a.example", .to = "b@b.example", .head = DONE_WIRE "From: a@a.example\r\nTo: b@b.example\r\n\r\n" },
  { .path = "bcc-option", .message = DONE "From: a@a.example\nTo: b@b.example\n\n", .headers = { "Bcc: hidden@e.example" }, .sender = "a@a.example",
    .to = "b@b.example !hidden@e.example", .head = DONE_WIRE "From: a@a.example\r\nTo: b@b.example\r\n\r\n" },
  { .path = "option-line-end-is-made-crlf", .message = "Date: d\r\nMessage-ID: <x@y>\nFrom: a@a.example\r\nTo: b@b.example\nX: y\r\n z\n\tw\n\nbody\n.\n",
    .sender = "a@a.example", .to = "b@b.example",
    .head = "Date: d\r\nMessage-ID: <x@y>\r\nFrom: a@a.example\r\nTo: b@b.example\r\nX: y\r\n z\r\n\tw\r\n\r\n" },
  { .path = "body-only", .message = "\nHello\n", .headers = { "From: a@a.example", "To: b@b.example", "Subject: s" }, .sender = "a@a.example",
    .to = "b@b.example", .head = "From: a@a.example\r\nTo: b@b.example\r\nSubject: s\r\n" DATE ID ("a.example") "\r\n" },
  { .path = "HDR-7-line-end-in-option", .message = "From: a@a.example\nTo: b@b.example\n\n", .headers = { "Subject: a\r\nBcc: x@x.example" },
    .head = "header option \"Subject\" holds a control character (\\x0D) at offset 1 of its value" },
  { .path = "HDR-7-bad-name", .message = "From: a@a.example\nTo: b@b.example\n\n", .headers = { "X Y: a" }, .head = "is not a field name" },
  { .path = "HDR-7-bad-utf8", .message = "From: a@a.example\nTo: b@b.example\n\n", .headers = { "Subject: a\xff" }, .head = "not valid UTF-8 at offset 1" },
  { .path = "CFG-1-originator-control", .message = "From: a@a.example\nTo: b@b.example\n\n", .originator = "a@a.example\x01",
    .head = "option originator: a control character" },

  /* ---- encoding ---- */
  { .path = "HDR-12-encoded", .message = DONE "\n", .headers = { "From: J\xc3\xbcrgen (B\xc3\xbcro) <j@a.example>", "To: \"K\xc3\xa4se, \\\"x\\\"\" <k@b\xc3\xbc" "cher.example>, Bob <b@b.example>",
    "Subject: Gr\xc3\xbc\xc3\x9f" "e aus Berlin" }, .sender = "j@a.example", .to = "k@xn--bcher-kva.example b@b.example",
    .head = DONE_WIRE "From: =?UTF-8?Q?J=C3=BCrgen?= (=?UTF-8?B?QsO8cm8=?=) <j@a.example>\r\n"
    "To: =?UTF-8?B?S8Okc2UsICJ4Ig==?= <k@xn--bcher-kva.example>, Bob\r\n <b@b.example>\r\nSubject: =?UTF-8?B?R3LDvMOfZQ==?= aus Berlin\r\n\r\n" },
  { .path = "HDR-12-comment-encoded", .message = DONE "\n", .headers = { "From: j@a.example (J\xc3\xbcrgen)", "To: b" }, .domain = "home.example", .sender = "j@a.example",
    .to = "b@home.example", .head = DONE_WIRE "From: j@a.example (=?UTF-8?Q?J=C3=BCrgen?=)\r\nTo: b@home.example\r\n\r\n" },
  { .path = "HDR-12-from-created", .message = DONE "To: b@b.example\n\n", .originator = "J\xc3\xbcrgen <j@a.example>", .sender = "j@a.example",
    .to = "b@b.example", .head = DONE_WIRE "To: b@b.example\r\nFrom: =?UTF-8?Q?J=C3=BCrgen?= <j@a.example>\r\n\r\n" },
  { .path = "HDR-12-message-is-left-alone", .message = DONE "From: J\xc3\xbcrgen <j@a.example>\nTo: b@b.example\n\n", .sender = "j@a.example",
    .to = "b@b.example", .head = DONE_WIRE "From: J\xc3\xbcrgen <j@a.example>\r\nTo: b@b.example\r\n\r\n" },
  { .path = "HDR-12-ascii-field", .message = "From: a@a.example\nTo: b@b.example\n\n", .headers = { "Message-ID: <\xc3\xa4@b>" }, .head = "must be ASCII" },
  { .path = "U8-1-utf8-local-part", .message = DONE "From: a@a.example\nTo: b@b.example\n\n", .recipients = "\xc3\xbc@b\xc3\xbc" "cher.example",
    .sender = "a@a.example", .to = "\xc3\xbc@b\xc3\xbc" "cher.example" },

  /* ---- completion ---- */
  { .path = "HDR-4-HDR-5-date-and-message-id", .message = "From: a@a.example\nTo: b@b.example\n\nx", .sender = "a@a.example", .to = "b@b.example",
    .head = "From: a@a.example\r\nTo: b@b.example\r\n" DATE ID ("a.example") "\r\n" },
  { .path = "message-id-of-the-originator", .message = "From: a@a.example\nTo: b@b.example\nDate: d\n\nx", .originator = "o@\xc3\xbc.example",
    .sender = "o@xn--tda.example", .to = "b@b.example", .head = "From: a@a.example\r\nTo: b@b.example\r\nDate: d\r\nSender: o@xn--tda.example\r\n" ID ("xn--tda.example") "\r\n" },
  { .path = "message-id-with-null-originator", .message = "From: a@a.example\nTo: b@b.example\nDate: d\n\nx", .originator = "", .sender = "",
    .to = "b@b.example", .head = "From: a@a.example\r\nTo: b@b.example\r\nDate: d\r\n" ID ("a.example") "\r\n" },
  { .path = "no-separator-is-added", .message = "From: a@a.example\nTo: b@b.example", .sender = "a@a.example", .to = "b@b.example",
    .head = "From: a@a.example\r\nTo: b@b.example\r\n" DATE ID ("a.example") },

  /* ---- resending ---- */
  { .path = "seed-F-RES-2-RES-6-block-is-prepended", .message = "Received: r1\nFrom: old@o.example\nTo: t@o.example\nSubject: s\n\nx",
    .headers = { "Resent-To: n@n.example", "Resent-From: me@m.example", "Resent-Bcc: hidden@h.example" }, .sender = "me@m.example",
    .to = "n@n.example !hidden@h.example",
    .head = "Resent-To: n@n.example\r\nResent-From: me@m.example\r\n" RESENT_DATE "Resent-" ID ("m.example")
    "Received: r1\r\nFrom: old@o.example\r\nTo: t@o.example\r\nSubject: s\r\n\r\n" },
  { .path = "RES-1-from-and-sender", .message = "From: old@o.example\nTo: t@o.example\n\nx", .originator = "me@m.example",
    .headers = { "Resent-To: n@n.example", "Resent-From: a@m.example, b@m.example", "X-Tool: v" }, .sender = "me@m.example", .to = "n@n.example",
    .head = "X-Tool: v\r\nResent-To: n@n.example\r\nResent-From: a@m.example, b@m.example\r\n" RESENT_DATE "Resent-Sender: me@m.example\r\n"
    "Resent-" ID ("m.example") "From: old@o.example\r\nTo: t@o.example\r\n\r\n" },
  { .path = "RES-1-from-created", .message = "From: old@o.example\n\nx", .originator = "me@m.example", .headers = { "Resent-To: n@n.example" },
    .sender = "me@m.example", .to = "n@n.example",
    .head = "Resent-To: n@n.example\r\n" RESENT_DATE "Resent-From: me@m.example\r\nResent-" ID ("m.example") "From: old@o.example\r\n\r\n" },
  { .path = "RES-1-no-from", .message = "From: old@o.example\n\nx", .headers = { "Resent-To: n@n.example" },
    .head = "nobody to send as: the message has no Resent-From field" },
  { .path = "RES-2-nothing-else-changes", .message = "From: old@o.example\n\nx", .headers = { "Resent-To: n@n.example", "Subject: new" },
    .originator = "me@m.example", .head = "header option Subject: a message that is resent keeps its own Subject" },
  { .path = "RES-3-newest-block-of-the-message",
    .message = "Received: r2\nResent-From: two@r.example\nResent-To: new@n.example\nResent-Bcc: hidden@h.example\nResent-From: one@r.example\n"
    "Resent-To: older@n.example\nFrom: old@o.example\nTo: t@o.example\n\nx", .sender = "two@r.example", .to = "new@n.example !hidden@h.example",
    .head = "Received: r2\r\n" RESENT_DATE "Resent-" ID ("r.example") "Resent-From: two@r.example\r\nResent-To: new@n.example\r\nResent-From: one@r.example\r\n"
    "Resent-To: older@n.example\r\nFrom: old@o.example\r\nTo: t@o.example\r\n\r\n" },
  { .path = "RES-3-resent-sender", .message = "Resent-From: a@r.example, b@r.example\nResent-Sender: s@r.example\nResent-To: n@n.example\nResent-Date: d\n"
    "Resent-Message-ID: <i@d>\nFrom: old@o.example\nFrom: old2@o.example\n\nx", .sender = "s@r.example", .to = "n@n.example",
    .head = "Resent-From: a@r.example, b@r.example\r\nResent-Sender: s@r.example\r\nResent-To: n@n.example\r\nResent-Date: d\r\nResent-Message-ID: <i@d>\r\n"
    "From: old@o.example\r\nFrom: old2@o.example\r\n\r\n" },
  { .path = "RES-4-resent-bcc-stripped-everywhere", .message = DONE "From: a@a.example\nTo: b@b.example\nresent-bcc: hidden@h.example\nRESENT-DCC:\n hidden2@h.example\n\n",
    .headers = { "To: c@c.example" }, .sender = "a@a.example", .to = "c@c.example", .head = DONE_WIRE "From: a@a.example\r\nTo: c@c.example\r\n\r\n" },
  { .path = "RES-3-nobody", .message = "Resent-From: a@r.example\nFrom: a@a.example\nTo: b@b.example\n\n",
    .head = "nobody to send to: no Resent-To, Resent-Cc, Resent-Bcc or Resent-Dcc" },
};

/* ---- refused options ---- */

static void
test_refused_names (void)
{
  static const char *const refused[] = { "Content-Type", "content-transfer-encoding", "CONTENT-MD5", "Mime-Version", "Return-Path", "received" };
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

static const char blind_message[] = DONE "From: Ann <a@a.example>\nSubject: The\n subject\nTo: b@b.example\nBcc: hidden1@e.example, Two <hidden2@e.example>, b@b.example\n"
                                    "Dcc: hidden3@e.example\n\n.body\nno end";

static char *
indexes_of (const VdCopy *copy)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < copy->recipients->len; i++)
    g_string_append_printf (text, "%s%u", i > 0 ? " " : "", g_array_index (copy->recipients, guint, i));
  return g_string_free (text, FALSE);
}

static void
check_copy_of (const VdEnvelope *envelope, guint index, gboolean blind, const char *indexes)
{
  const VdCopy *copy = g_ptr_array_index (envelope->copies, index);
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
  g_assert_cmpstr (((VdRecipient *) g_ptr_array_index (envelope->recipients, 2))->given, ==, "Two <hidden2@e.example>");
  g_assert_cmpuint (envelope->copies->len, ==, 1);
  check_copy_of (envelope, 0, FALSE, "0 1 2 4");
  check_copy (g_ptr_array_index (envelope->copies, 0), message);
}

static void
test_bcc_separate (void)
{
  Row row = { .bcc = VD_BCC_SEPARATE };
  g_autoptr (VeredaMessage) message = prepared (blind_message);
  g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
  g_assert_cmpuint (envelope->copies->len, ==, 3);
  check_copy_of (envelope, 0, FALSE, "0 4"); /* Dcc stays with the others, as in the seed */
  check_copy_of (envelope, 1, TRUE, "1");
  check_copy_of (envelope, 2, TRUE, "2");
  for (guint i = 0; i < 3; i++)
    check_copy (g_ptr_array_index (envelope->copies, i), message);
  GString *wire = wire_of (g_ptr_array_index (envelope->copies, 2), message, VD_BODY_DATA);
  assert_octets_text (wire->str, wire->len, DONE_WIRE "From: Ann <a@a.example>\r\nSubject: The\r\n subject\r\nTo: b@b.example\r\nBcc: hidden2@e.example\r\n\r\n"
                      "..body\r\nno end\r\n.\r\n");
  g_string_free (wire, TRUE);
}

/* The seed's own form of a blind copy, with its errors mended: subject of the message, one boundary that is nobody's guess, a whole end. */
static void
test_bcc_digest (void)
{
  Row row = { .bcc = VD_BCC_DIGEST, .originator = "Agent <o@o.example>" };
  g_autoptr (VeredaMessage) message = prepared (blind_message);
  g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
  g_assert_cmpuint (envelope->copies->len, ==, 2);
  check_copy_of (envelope, 0, FALSE, "0 4");
  check_copy_of (envelope, 1, TRUE, "1 2");
  check_copy (g_ptr_array_index (envelope->copies, 0), message);
  check_copy (g_ptr_array_index (envelope->copies, 1), message);
  GString *wire = wire_of (g_ptr_array_index (envelope->copies, 1), message, VD_BODY_DATA);
  g_autofree char *boundary = g_strndup (strstr (wire->str, "boundary=\"") + 10, 34);
  g_autofree char *id = g_strndup (strstr (wire->str, "Message-ID: <") + 13, 32);
  g_assert_cmpstr (id, !=, "000102030405060708090a0b0c0d0e0f");
  g_autofree char *wanted = g_strdup_printf (
      "From: Agent <o@o.example>\r\nBcc:\r\nSubject: [Bcc] The subject\r\n" DATE "Message-ID: <%s@o.example>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/digest;\r\n boundary=\"%s\"\r\nContent-Description: Blind Carbon Copy\r\n\r\n"
      "--%s\r\nContent-Type: message/rfc822\r\nContent-Description: Original Message\r\n\r\n" DONE_WIRE "From: Ann <a@a.example>\r\nSubject: The\r\n subject\r\n"
      "To: b@b.example\r\nSender: Agent <o@o.example>\r\n\r\n..body\r\nno end\r\n\r\n--%s--\r\n.\r\n", id, boundary, boundary, boundary);
  assert_octets_text (wire->str, wire->len, wanted);
  g_string_free (wire, TRUE);
}

/* The null reverse-path leaves From as the message has it, here too. */
static void
test_bcc_digest_null_originator (void)
{
  Row row = { .bcc = VD_BCC_DIGEST, .originator = "" };
  g_autoptr (VeredaMessage) message = prepared (DONE "From: Ann <a@a.example>\nTo: b@b.example\nBcc: hidden@e.example\n\n\xc3\xa9");
  g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
  GString *wire = wire_of (g_ptr_array_index (envelope->copies, 1), message, VD_BODY_BDAT);
  g_assert_true (g_str_has_prefix (wire->str, "From: Ann <a@a.example>\r\nBcc:\r\nSubject: [Bcc]\r\n"));
  g_assert_nonnull (strstr (wire->str, "Content-Transfer-Encoding: 8bit\r\nContent-Description: Blind"));
  check_copy (g_ptr_array_index (envelope->copies, 1), message);
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
      g_assert_cmpuint (envelope->copies->len, ==, mode == VD_BCC_DIGEST ? 1 : 2);
      check_copy_of (envelope, 0, TRUE, mode == VD_BCC_DIGEST ? "0 1" : "0");
    }
}

static void
test_bcc_separate_resent (void)
{
  Row row = { .bcc = VD_BCC_SEPARATE };
  g_autoptr (VeredaMessage) message = prepared ("Received: r\nResent-From: r@r.example\nResent-To: n@n.example\nResent-Bcc: hidden@h.example\nResent-Date: d\n"
                                                "Resent-Message-ID: <i@d>\nFrom: old@o.example\n\nx");
  g_autoptr (VdEnvelope) envelope = build (&row, message, NULL);
  const VdCopy *copy = g_ptr_array_index (envelope->copies, 1);
  assert_octets_text (g_bytes_get_data (copy->head, NULL), g_bytes_get_size (copy->head),
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
      const VdCopy *copy = g_ptr_array_index (envelope->copies, 0);
      g_assert_cmpint (copy->eight_bit, ==, cases[i].eight_bit);
      g_assert_cmpint (copy->utf8_header, ==, cases[i].utf8_header);
      check_copy (copy, message);
    }
}

static void
test_utf8_flags (void)
{
  Row row = { .originator = "\xc3\xbc@b.example", .recipients = "\xc3\xbc@c.example, x@b\xc3\xbc" "cher.example" };
  g_autoptr (VeredaMessage) message = prepared ("To: b@b.example\n\n");
  g_autoptr (GError) error = NULL;
  g_autoptr (VdEnvelope) envelope = build (&row, message, &error);
  g_assert_no_error (error);
  g_assert_true (envelope->reverse_utf8);
  g_assert_true (((VdRecipient *) g_ptr_array_index (envelope->recipients, 0))->utf8);
  g_assert_false (((VdRecipient *) g_ptr_array_index (envelope->recipients, 1))->utf8);
  g_assert_true (((VdCopy *) g_ptr_array_index (envelope->copies, 0))->utf8_header); /* From was made of it */
}

/* The message is the caller's: a second sending finds it as the first one did. */
static void
test_not_modified (void)
{
  Row row = { .originator = "o@o.example", .headers = { "Subject: new", "To: c@c.example" } };
  g_autoptr (VeredaMessage) message = prepared (blind_message);
  g_autoptr (VdEnvelope) one = build (&row, message, NULL);
  g_autoptr (VdEnvelope) two = build (&row, message, NULL);
  g_assert_true (g_bytes_equal (((VdCopy *) g_ptr_array_index (one->copies, 0))->head, ((VdCopy *) g_ptr_array_index (two->copies, 0))->head));
  GBytes *section = vd_header_section (vd_message_header (message));
  assert_octets (g_bytes_get_data (section, NULL), g_bytes_get_size (section), blind_message, (gsize) (strstr (blind_message, "\n\n") + 1 - blind_message));
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
  g_assert_cmpuint (envelope->recipients->len, ==, 10001);
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
  const VdCopy *copy = g_ptr_array_index (envelope->copies, 0);
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

/* SPDX-License-Identifier: MIT */
/* Tests of the header section: finding its end at any slicing, fields by octets, what is refused, and the fields that the
 * library writes. */
#include "octets.h"

#include "core/base/error.h"
#include "core/message/field.h"
#include "core/message/header.h"
#include "core/message/message.h"
#include "core/message/words.h"

static const VdBodyPolicy strict = { FALSE, FALSE };
static const VdBodyPolicy converting = { TRUE, FALSE };

static VdHeader *
scan (const VdBodyPolicy *policy, const char *text, gsize size, GError **error)
{
  g_autoptr (GBytes) section = g_bytes_new (text, size);
  return vd_header_scan (policy, section, error);
}

static void
test_fields (void)
{
  const char *text = "Subject: one\r\n two\r\n\tthree  \r\nBcc : x@y\nX-Empty:\r\nFROM:a@b";
  g_autoptr (GError) error = NULL;
  g_autoptr (VdHeader) header = scan (&strict, text, strlen (text), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vd_header_count (header), ==, 4);
  g_assert_cmpuint (vd_header_lines (header), ==, 6);
  g_autofree char *subject = vd_header_value (header, 0, NULL);
  g_assert_cmpstr (subject, ==, "one two\tthree");
  g_assert_cmpuint (vd_header_known (header, 1), ==, VD_NAME_BCC);
  g_autofree char *bcc = vd_header_value (header, 1, NULL);
  g_assert_cmpstr (bcc, ==, "x@y");
  gsize size = 99;
  g_autofree char *empty = vd_header_value (header, 2, &size);
  g_assert_cmpstr (empty, ==, "");
  g_assert_cmpuint (size, ==, 0);
  g_assert_cmpint (vd_header_find (header, VD_NAME_FROM, 0), ==, 3);
  g_assert_cmpint (vd_header_find (header, VD_NAME_FROM, 4), ==, -1);
  g_assert_cmpint (vd_header_find (header, VD_NAME_TO, 0), ==, -1);
  g_assert_cmpuint (vd_header_known (header, 2), ==, VD_NAME_OTHER);
  static const char *const raws[]
      = { "Subject: one\r\n two\r\n\tthree  \r\n", "Bcc : x@y\r\n", "X-Empty:\r\n", "FROM:a@b\r\n" };
  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (GByteArray) raw = g_byte_array_new ();
      vd_header_append_raw (header, i, raw);
      assert_octets_text (raw->data, raw->len, raws[i]);
    }
}

static void
test_refused (void)
{
  static const struct
  {
    const char *text;
    gsize size; /* 0: strlen */
    const char *said;
  } rows[] = {
    { "Hello world\r\n", 0, "line 1 of the message is not a header field" },
    { " x: y\r\n", 0, "line 1 of the message begins with white space" },
    { "From a@b Thu Jan  1\nFrom: x\n", 0, "separator line of an mbox file" },
    { ">From a@b Thu Jan  1 00:00:00\n", 0, "line 1 of the message is not" },
    { "A: b\r\nnonsense\r\n", 0, "line 2 of the message is neither a header field nor the continuation" },
    { "A: b\nC d: e\n", 0, "line 2 of the message is neither" },
    { ": b\n", 0, "line 1" },
    { "\xc3\xa4: b\n", 0, "line 1" },
    { "A: b\nX\0: c\n", 10, "line 2 of the message holds a NUL octet: \"X\\x00: c\"" },
    { "A: b\rC: d\n", 0, "line 1 of the message holds a CR without LF" },
    { "A: b\r\r\n", 0, "line 1 of the message holds a CR without LF" },
    { "A: b\n C\r", 0, "line 2 of the message holds a CR without LF" },
    { "A: b\nA\x1b[2J", 0, "\"A\\x1B[2J\"" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (scan (&strict, rows[i].text, rows[i].size > 0 ? rows[i].size : strlen (rows[i].text), &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_MESSAGE);
      if (strstr (error->message, rows[i].said) == NULL)
        g_error ("\"%s\" is not \"%s\"", error->message, rows[i].said);
    }
}

static void
test_line_limit (void)
{
  const VdBodyPolicy lax = { FALSE, TRUE };
  g_autoptr (GString) text = g_string_new ("A: b\nX: ");
  while (text->len < 5 + 998)
    g_string_append_c (text, 'x');
  g_string_append (text, "\r\n");
  g_autoptr (VdHeader) fits = scan (&strict, text->str, text->len, NULL);
  g_assert_nonnull (fits);
  g_string_insert_c (text, 9, 'x');
  g_autoptr (GError) error = NULL;
  g_assert_null (scan (&strict, text->str, text->len, &error));
  g_assert_nonnull (strstr (error->message, "line 2 of the message has 999 octets, more than the 998 that mail allows"));
  g_autoptr (VdHeader) passes = scan (&lax, text->str, text->len, NULL);
  g_assert_nonnull (passes);
}

static void
test_converted_cr (void)
{
  const char *text = "A: b\r c\rD: e\r\nF: g\r";
  g_autoptr (VdHeader) header = scan (&converting, text, strlen (text), NULL);
  g_assert_cmpuint (vd_header_count (header), ==, 3);
  g_autoptr (GByteArray) raw = g_byte_array_new ();
  for (guint i = 0; i < 3; i++)
    vd_header_append_raw (header, i, raw);
  assert_octets_text (raw->data, raw->len, "A: b\r\n c\r\nD: e\r\nF: g\r\n");
}

/* Every short text: the end that is found piecewise is the end that is found at once. */
static void
test_find_end (void)
{
  static const char alphabet[] = { '\r', '\n', 'a' };
  for (int variant = 0; variant < 2; variant++)
    for (gsize n = 0; n <= 7; n++)
      for (guint input = 0; input < (guint) 2187; input++)
        {
          guint8 data[8];
          guint rest = input;
          for (gsize i = 0; i < n; i++, rest /= 3)
            data[i] = (guint8) alphabet[rest % 3];
          const VdBodyPolicy *policy = variant == 0 ? &strict : &converting;
          gsize from = 0;
          gsize section = 0;
          gsize body = 0;
          gboolean whole = vd_header_find_end (policy, data, n, TRUE, &from, &section, &body);
          gsize piece_from = 0;
          gsize piece_section = 0;
          gsize piece_body = 0;
          gboolean piecewise = FALSE;
          for (gsize have = 0; have <= n && !piecewise; have++)
            piecewise = vd_header_find_end (policy, data, have, FALSE, &piece_from, &piece_section, &piece_body);
          if (!piecewise)
            piecewise = vd_header_find_end (policy, data, n, TRUE, &piece_from, &piece_section, &piece_body);
          g_assert_cmpint (whole, ==, piecewise);
          g_assert_cmpuint (section, ==, piece_section);
          g_assert_cmpuint (body, ==, piece_body);
        }
}

/* ---- whole messages ---- */

static VeredaMessage *
message (const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));
  return vereda_message_new_from_bytes (bytes);
}

static void
test_prepare (void)
{
  static const struct
  {
    const char *text;
    guint fields;
    gboolean has_body;
    guint64 body_size;
    gboolean eight_bit;
  } rows[] = {
    { "A: b\r\n\r\nbody", 1, TRUE, 6, FALSE },
    { "A: b\nC: d\n\nbody\n\xc3\xa4\n", 2, TRUE, 10, TRUE },
    { "A: b\r\n", 1, FALSE, 0, FALSE },
    { "A: b", 1, FALSE, 0, FALSE },
    { "A: b\r\n\r\n", 1, TRUE, 0, FALSE },
    { "\nbody\n", 0, TRUE, 6, FALSE },
    { "", 0, FALSE, 0, FALSE },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VeredaMessage) m = message (rows[i].text);
      g_autoptr (GError) error = NULL;
      g_assert_true (vd_message_prepare (m, &strict, &error));
      g_assert_true (vd_message_prepare (m, &strict, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (vd_header_count (vd_message_header (m)), ==, rows[i].fields);
      g_assert_cmpint (vd_message_has_body (m), ==, rows[i].has_body);
      g_assert_cmpuint (vd_message_body_facts (m)->size, ==, rows[i].body_size);
      g_assert_cmpint (vd_message_body_facts (m)->eight_bit, ==, rows[i].eight_bit);
    }
}

/* A source that gives its text a few octets at a time, so that nothing of it is in memory. */
typedef struct
{
  const char *text;
  gsize size, at;
} Drops;

static gssize
read_drops (gpointer user_data, void *buffer, gsize size, GError **error)
{
  Drops *drops = user_data;
  const gsize n = MIN (MIN (size, drops->size - drops->at), 7);
  if (n > 0)
    memcpy (buffer, drops->text + drops->at, n);
  drops->at += n;
  return (gssize) n;
}

static gboolean
rewind_drops (gpointer user_data, GError **error)
{
  ((Drops *) user_data)->at = 0;
  return TRUE;
}

/* What lies in memory is looked at at once, all else line by line: both find the same. */
static void
test_prepare_both_ways (void)
{
  static const struct
  {
    const char *text;
    gboolean ascii, dotless; /* known */
  } rows[] = {
    { "A: b\r\n\r\nbody\r\n", TRUE, TRUE },
    { "A: b\r\n c\r\nTo: d\r\nto: e\r\n\r\n", TRUE, TRUE },
    { "A: b\r\n", TRUE, TRUE },
    { "\r\nbody\r\n", TRUE, TRUE },
    { "A: b\r\n\r\n.\r\nx\r\n..y\r\n", TRUE, FALSE },
    { "A: b\r\n\r\n.\r\nx\r\n..y", FALSE, FALSE },
    { ".A: b\r\n\r\nx\r\n", TRUE, FALSE },
    { "A: b\r\n\r\n\xc3\xa4\r\n", FALSE, TRUE },
    { "A: \xc3\xa4\r\n\r\nx\r\n", FALSE, TRUE },
    { "A: b\r\n\r\nx\ny\r\n", FALSE, FALSE },
    { "A: b\n\r\nx\r\n", FALSE, FALSE },
    { "A : b\r\n\r\n", TRUE, TRUE },
    { "A b\r\n\r\n", FALSE, FALSE },
    { " A: b\r\n\r\n", FALSE, FALSE },
    { "From a\r\nA: b\r\n\r\n", FALSE, FALSE },
    { "A: b\r\n\r\nx\ry\r\n", FALSE, FALSE },
    { "A: \rb\r\n\r\nx\r\n", FALSE, FALSE },
    { "", TRUE, TRUE },
  };
  const VeredaSourceFuncs funcs = { sizeof funcs, read_drops, rewind_drops };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    for (guint policy = 0; policy < 2; policy++)
      {
        const VdBodyPolicy *wanted = policy == 0 ? &strict : &converting;
        Drops drops = { rows[i].text, strlen (rows[i].text), 0 };
        g_autoptr (VeredaMessage) there = message (rows[i].text);
        g_autoptr (VeredaMessage) read = vereda_message_new_from_callbacks (&funcs, &drops, NULL);
        g_autoptr (GError) one = NULL, two = NULL;
        const gboolean fine = vd_message_prepare (there, wanted, &one);
        g_assert_cmpint (fine, ==, vd_message_prepare (read, wanted, &two));
        g_assert_cmpstr (fine ? NULL : one->message, ==, fine ? NULL : two->message);
        if (!fine)
          continue;
        const VdHeader *a = vd_message_header (there), *b = vd_message_header (read);
        g_assert_cmpint (vd_message_is_ascii (there), ==, rows[i].ascii);
        g_assert_cmpint (vd_message_is_dotless (there), ==, rows[i].dotless);
        g_assert_false (vd_message_is_ascii (read) || vd_message_is_dotless (read));
        g_assert_cmpint (vd_message_has_body (there), ==, vd_message_has_body (read));
        const VdBodyFacts *found = vd_message_body_facts (there), *wants = vd_message_body_facts (read);
        g_assert_cmpuint (found->size, ==, wants->size);
        g_assert_cmpuint (found->lines, ==, wants->lines);
        g_assert_cmpint (found->eight_bit, ==, wants->eight_bit);
        g_assert_cmpuint (vd_header_count (a), ==, vd_header_count (b));
        g_assert_cmpuint (vd_header_lines (a), ==, vd_header_lines (b));
        g_assert_cmphex (vd_header_names (a), ==, vd_header_names (b));
        g_assert_cmphex (vd_header_repeated (a), ==, vd_header_repeated (b));
        g_assert_cmpint (vd_header_is_exact (a), ==, vd_header_is_exact (b));
        for (guint field = 0; field < vd_header_count (a); field++)
          {
            g_autofree char *left = vd_header_value (a, field, NULL), *right = vd_header_value (b, field, NULL);
            g_autoptr (GByteArray) left_raw = g_byte_array_new (), right_raw = g_byte_array_new ();
            g_assert_cmpstr (left, ==, right);
            vd_header_append_raw (a, field, left_raw);
            vd_header_append_raw (b, field, right_raw);
            assert_octets (left_raw->data, left_raw->len, right_raw->data, right_raw->len);
          }
      }
}

static void
test_prepare_errors (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaMessage) cr = message ("A: b\nC: d\n\nx\ny\rz\n");
  g_assert_false (vd_message_prepare (cr, &strict, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_MESSAGE);
  g_assert_cmpstr (error->message, ==, "line 5 of the message holds a CR without LF");
  g_assert_true (vd_message_prepare (cr, &converting, NULL)); /* another policy, another pass */
  g_assert_cmpuint (vd_message_body_facts (cr)->size, ==, 9);

  g_clear_error (&error);
  g_autofree char *endless = g_strnfill (1100000, 'x');
  for (gsize i = 100; i < 1100000; i += 100)
    memcpy (endless + i, "\nA:", 3);
  memcpy (endless, "A:", 2);
  g_autoptr (VeredaMessage) huge = message (endless);
  g_assert_false (vd_message_prepare (huge, &strict, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_MESSAGE);
  g_assert_nonnull (strstr (error->message, "longer than 1048576 octets"));
}

/* ---- fields that the library writes ---- */

static void
test_date (void)
{
  static const struct
  {
    gint64 now;
    gint32 offset;
    const char *date;
  } rows[] = {
    { 0, 0, "Thu, 01 Jan 1970 00:00:00 +0000" },
    { 1709164799, 0, "Wed, 28 Feb 2024 23:59:59 +0000" },
    { 1709164799, 3600, "Thu, 29 Feb 2024 00:59:59 +0100" },
    { 1709251199, 19800, "Fri, 01 Mar 2024 05:29:59 +0530" },  /* India */
    { 1709251199, -12600, "Thu, 29 Feb 2024 20:29:59 -0330" }, /* Newfoundland */
    { 1709251199, 20700, "Fri, 01 Mar 2024 05:44:59 +0545" },
    { 1709251199, -1800, "Thu, 29 Feb 2024 23:29:59 -0030" },
    { 1709251199, G_MININT32, "Thu, 29 Feb 2024 23:59:59 -0000" },
    { 1709251199, 1172, "Fri, 01 Mar 2024 00:18:59 +0019" }, /* seconds have no place */
    { 1735689599, 0, "Tue, 31 Dec 2024 23:59:59 +0000" },
    { -5, 0, "Thu, 01 Jan 1970 00:00:00 +0000" },
  };
  static const char *const names[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *date = vd_field_date (rows[i].now, rows[i].offset);
      g_assert_cmpstr (date, ==, rows[i].date);
    }
  for (guint month = 0; month < 12; month++)
    {
      g_autofree char *date = vd_field_date (G_GINT64_CONSTANT (1705276800) + month * G_GINT64_CONSTANT (2629800), 0);
      g_assert_nonnull (strstr (date, names[month]));
    }
}

static void
test_message_id (void)
{
  static const guint8 random[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255 };
  g_autofree char *id = vd_field_message_id (random, "b.example");
  g_assert_cmpstr (id, ==, "<000102030405060708090a0b0c0d0eff@b.example>");
}

static void
check_fold (const char *name, const char *value, const char *wanted)
{
  g_autoptr (GByteArray) to = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  g_assert_true (vd_field_append (to, name, value, &error));
  assert_octets_text (to->data, to->len, wanted);
}

static void
test_fold (void)
{
  check_fold ("A", "", "A:\r\n");
  check_fold ("A", "b  c", "A: b  c\r\n");
  check_fold ("A", "b  ", "A: b\r\n"); /* never a line of white space */
  check_fold ("To", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.example, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb@b.example, c@b.example",
              "To: aaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.example,\r\n bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb@b.example, c@b.example\r\n");
  g_autofree char *word = g_strnfill (990, 'w');
  g_autofree char *long_line = g_strdup_printf ("X: %s\r\n y\r\n", word);
  g_autofree char *value = g_strdup_printf ("%s y", word);
  check_fold ("X", value, long_line);
  g_autofree char *too_long = g_strdup_printf ("%swwwwww", word);
  g_autoptr (GByteArray) to = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  g_assert_false (vd_field_append (to, "X", too_long, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_MESSAGE);
  g_assert_cmpuint (to->len, ==, 0);
}

/* Any text of words: unfolding gives the value back, no line is longer than it must be. */
static void
test_fold_random (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (9);
  for (int round = 0; round < 3000; round++)
    {
      g_autoptr (GString) value = g_string_new ("v");
      for (int i = g_rand_int_range (rand, 0, 30); i > 0; i--)
        {
          g_string_append (value, &"\t  "[g_rand_int_range (rand, 0, 3)]);
          for (int j = g_rand_int_range (rand, 1, 70); j > 0; j--)
            g_string_append_c (value, 'w');
        }
      g_strchomp (value->str);
      g_string_set_size (value, strlen (value->str));
      g_autoptr (GByteArray) to = g_byte_array_new ();
      g_assert_true (vd_field_append (to, "Name", value->str, NULL));
      g_autoptr (VdHeader) header = scan (&strict, (const char *) to->data, to->len, NULL);
      g_autofree char *back = vd_header_value (header, 0, NULL);
      g_assert_cmpstr (back, ==, value->str);
      g_byte_array_append (to, (const guint8 *) "", 1);
      g_auto (GStrv) lines = g_strsplit ((const char *) to->data, "\r\n", -1);
      for (guint i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++)
        {
          g_assert_cmpuint (strlen (lines[i]), <=, 78);
          g_assert_cmpuint (strspn (lines[i], " \t"), <, strlen (lines[i]));
        }
    }
}

static void
test_flags (void)
{
  static const struct
  {
    const char *name;
    guint flags;
  } rows[] = {
    { "to", VD_FIELD_SINGLE | VD_FIELD_ADDRESS },
    { "RESENT-BCC", VD_FIELD_SINGLE | VD_FIELD_ADDRESS | VD_FIELD_BLIND | VD_FIELD_RESENT },
    { "Dcc", VD_FIELD_SINGLE | VD_FIELD_ADDRESS | VD_FIELD_BLIND },
    { "content-md5", VD_FIELD_SINGLE | VD_FIELD_REFUSED },
    { "Received", VD_FIELD_REFUSED },
    { "Resent-Received", VD_FIELD_RESENT },
    { "X-To", 0 },
    { "Resent-", 0 },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    g_assert_cmpuint (vd_name_flags (vd_name_read (rows[i].name, strlen (rows[i].name))), ==, rows[i].flags);
}

/* ---- encoded-words ---- */

static char *
decode_words (const char *words)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_auto (GStrv) parts = g_strsplit (words, " ", -1);
  for (guint i = 0; parts[i] != NULL; i++)
    {
      g_assert_cmpuint (strlen (parts[i]), <=, 75);
      g_assert_true (g_str_has_prefix (parts[i], "=?UTF-8?") && g_str_has_suffix (parts[i], "?="));
      g_autofree char *payload = g_strndup (parts[i] + 10, strlen (parts[i]) - 12);
      gsize before = text->len;
      if (parts[i][8] == 'B')
        {
          gsize size;
          g_autofree guchar *octets = g_base64_decode (payload, &size);
          g_string_append_len (text, (char *) octets, (gssize) size);
        }
      for (const char *p = payload; parts[i][8] == 'Q' && *p != '\0'; p++)
        {
          if (*p == '=')
            {
              g_string_append_c (text, (char) (g_ascii_xdigit_value (p[1]) << 4 | g_ascii_xdigit_value (p[2])));
              p += 2;
            }
          else
            g_string_append_c (text, *p == '_' ? ' ' : *p);
        }
      g_assert_true (g_utf8_validate (text->str + before, -1, NULL)); /* whole characters in each */
    }
  return g_strdup (text->str);
}

static void
test_words (void)
{
  static const char *const characters[] = { "a", " ", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\xa8", "=", "?", "_", "Z" };
  g_autofree char *cafe = vd_words_encode ("caf\xc3\xa9 au lait", 75);
  g_assert_cmpstr (cafe, ==, "=?UTF-8?Q?caf=C3=A9_au_lait?=");
  g_autofree char *han = vd_words_encode ("\xe6\x97\xa5\xe6\x9c\xac", 75);
  g_assert_cmpstr (han, ==, "=?UTF-8?B?5pel5pys?=");
  g_autoptr (GRand) rand = g_rand_new_with_seed (2);
  for (int round = 0; round < 2000; round++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      for (int i = g_rand_int_range (rand, 1, 120); i > 0; i--)
        g_string_append (text, characters[g_rand_int_range (rand, 0, G_N_ELEMENTS (characters))]);
      gsize room = (gsize) g_rand_int_range (rand, 0, 76);
      g_autofree char *words = vd_words_encode (text->str, room);
      g_autofree char *back = decode_words (words);
      g_assert_cmpstr (back, ==, text->str);
      if (room >= 24)
        g_assert_cmpuint (strcspn (words, " "), <=, room);
    }
}

static void
test_words_text (void)
{
  static const struct
  {
    const char *in;
    const char *out;
  } rows[] = {
    { "plain  text", "plain  text" },
    { "ein  sch\xc3\xb6ner  und gr\xc3\xbcner Tag", "ein  =?UTF-8?B?c2Now7ZuZXIgIHVuZCBncsO8bmVy?= Tag" },
    { "\xc3\xa9", "=?UTF-8?B?w6k=?=" },
    { "[Bcc] =?utf-8?q?x?=", "[Bcc] =?utf-8?q?x?=" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *out = vd_words_encode_text (rows[i].in, 9);
      g_assert_cmpstr (out, ==, rows[i].out);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/header/HDR-10-fields", test_fields);
  g_test_add_func ("/header/NRM-5-HDR-7-refused", test_refused);
  g_test_add_func ("/header/HDR-6-line-limit", test_line_limit);
  g_test_add_func ("/header/converted-cr", test_converted_cr);
  g_test_add_func ("/header/end-at-any-slicing", test_find_end);
  g_test_add_func ("/header/message-prepare", test_prepare);
  g_test_add_func ("/header/message-prepare-both-ways", test_prepare_both_ways);
  g_test_add_func ("/header/message-prepare-errors", test_prepare_errors);
  g_test_add_func ("/header/HDR-5-date", test_date);
  g_test_add_func ("/header/HDR-4-message-id", test_message_id);
  g_test_add_func ("/header/HDR-6-fold", test_fold);
  g_test_add_func ("/header/HDR-6-fold-random", test_fold_random);
  g_test_add_func ("/header/field-flags", test_flags);
  g_test_add_func ("/header/HDR-12-words", test_words);
  g_test_add_func ("/header/HDR-12-words-in-text", test_words_text);
  return g_test_run ();
}

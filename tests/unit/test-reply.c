/* SPDX-License-Identifier: MIT */
/* Tests of core/smtp/reply: the parser under every cut of the stream, its caps, enhanced codes, text for display. */
#include "octets.h"

#include "core/base/error.h"
#include "core/smtp/reply.h"

/* Feeds in two parts; octets after the reply must stay untouched. */
static VdReplyStatus
feed_split (const char *data, gsize size, gsize cut, gsize *ret_used, VdReply **ret_reply, GError **error)
{
  VdReplyParser *parser = vd_reply_parser_new ();
  VdReplyStatus status = vd_reply_parser_feed (parser, data, cut, ret_used, ret_reply, error);
  if (status == VD_REPLY_MORE)
    {
      g_assert_cmpuint (*ret_used, ==, cut);
      gsize used = 0;
      status = vd_reply_parser_feed (parser, data + cut, size - cut, &used, ret_reply, error);
      *ret_used = cut + used;
    }
  vd_reply_parser_free (parser);
  return status;
}

static VdReplyStatus
feed_octets (const char *data, gsize size, gsize *ret_used, VdReply **ret_reply, GError **error)
{
  VdReplyParser *parser = vd_reply_parser_new ();
  VdReplyStatus status = VD_REPLY_MORE;
  for (gsize i = 0; i < size && status == VD_REPLY_MORE; i++)
    {
      gsize used = 0;
      status = vd_reply_parser_feed (parser, data + i, 1, &used, ret_reply, error);
      *ret_used = i + used;
    }
  vd_reply_parser_free (parser);
  return status;
}

static void
check_reply (VdReply *reply, guint code, const char *const *lines, gsize n_lines)
{
  g_assert_cmpuint (reply->code, ==, code);
  g_assert_cmpuint (reply->n_lines, ==, n_lines);
  for (gsize i = 0; i < n_lines; i++)
    assert_octets_text (reply->lines[i], reply->sizes[i], lines[i]);
  g_assert_null (reply->lines[n_lines]);
}

typedef struct
{
  const char *octets;
  guint code;
  const char *lines[4];
} GoodRow;

static void
check_good (const GoodRow *row)
{
  gsize size = strlen (row->octets);
  gsize n = 0;
  while (row->lines[n] != NULL)
    n++;
  g_autofree char *longer = g_strconcat (row->octets, "250 next\r\n", NULL);
  for (gsize cut = 0; cut <= size; cut++)
    {
      g_autoptr (VdReply) reply = NULL;
      gsize used = 0;
      g_assert_cmpint (feed_split (longer, strlen (longer), cut, &used, &reply, NULL), ==, VD_REPLY_READY);
      g_assert_cmpuint (used, ==, size);
      check_reply (reply, row->code, row->lines, n);
    }
  g_autoptr (VdReply) reply = NULL;
  gsize used = 0;
  g_assert_cmpint (feed_octets (longer, strlen (longer), &used, &reply, NULL), ==, VD_REPLY_READY);
  g_assert_cmpuint (used, ==, size);
  check_reply (reply, row->code, row->lines, n);
}

static void
test_good (gconstpointer data)
{
  for (const GoodRow *row = data; row->octets != NULL; row++)
    check_good (row);
}

static const GoodRow bare[] = {
  { "250\r\n", 250, { "" } },
  { "250 \r\n", 250, { "" } },
  { "250-\r\n250\r\n", 250, { "", "" } },
  { NULL },
};

static const GoodRow continued[] = {
  { "250 ok\r\n", 250, { "ok" } },
  { "220-mx\r\n220-hello\r\n220 ready\r\n", 220, { "mx", "hello", "ready" } },
  { "250-250 not the end\r\n250  two spaces\r\n", 250, { "250 not the end", " two spaces" } },
  { "354-go\r\n354 on\r\n", 354, { "go", "on" } },
  { NULL },
};

static const GoodRow unknown_codes[] = {
  { "259 x\r\n", 259, { "x" } },
  { "299 x\r\n", 299, { "x" } },
  { "399 x\r\n", 399, { "x" } },
  { "471 x\r\n", 471, { "x" } },
  { "571 x\r\n", 571, { "x" } },
  { "599 x\r\n", 599, { "x" } },
  { NULL },
};

static const GoodRow eight_bit[] = {
  { "250 gr\xc3\xbc\xc3\x9f\r\n", 250, { "gr\xc3\xbc\xc3\x9f" } },
  { "550 latin \xe9\x80\xff\r\n", 550, { "latin \xe9\x80\xff" } },
  { "550 tab\there \x1b[0m\r\n", 550, { "tab\there \x1b[0m" } },
  { NULL },
};

typedef struct
{
  const char *octets;
  gsize at;            /* index of the octet that must be refused */
  const char *message; /* part of it */
} BadRow;

/* Refused at that very octet, whatever the cut, and for good. */
static void
check_bad (const BadRow *row)
{
  gsize size = strlen (row->octets);
  for (gsize cut = 0; cut <= size; cut++)
    {
      g_autoptr (GError) error = NULL;
      VdReply *reply = NULL;
      gsize used = 0;
      g_assert_cmpint (feed_split (row->octets, size, cut, &used, &reply, &error), ==, VD_REPLY_BROKEN);
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PROTOCOL);
      if (strstr (error->message, row->message) == NULL)
        g_error ("\"%s\" does not hold \"%s\"", error->message, row->message);
      g_assert_null (reply);
    }
  VdReplyParser *parser = vd_reply_parser_new ();
  gsize used = 0;
  VdReply *reply = NULL;
  g_assert_cmpint (vd_reply_parser_feed (parser, row->octets, row->at, &used, &reply, NULL), ==, VD_REPLY_MORE);
  g_assert_cmpint (vd_reply_parser_feed (parser, row->octets + row->at, 1, &used, &reply, NULL), ==, VD_REPLY_BROKEN);
  g_assert_cmpint (vd_reply_parser_feed (parser, "250 fine\r\n", 10, &used, &reply, NULL), ==, VD_REPLY_BROKEN);
  vd_reply_parser_reset (parser);
  g_assert_true (vd_reply_parser_is_empty (parser));
  g_assert_cmpint (vd_reply_parser_feed (parser, "250 fine\r\n", 10, &used, &reply, NULL), ==, VD_REPLY_READY);
  vd_reply_unref (reply);
  vd_reply_parser_free (parser);
}

static void
test_bad (gconstpointer data)
{
  for (const BadRow *row = data; row->octets != NULL; row++)
    check_bad (row);
}

static const BadRow first_digit[] = {
  { "199 x\r\n", 0, "digit from 2 to 5" },
  { "650 x\r\n", 0, "digit from 2 to 5" },
  { "050 x\r\n", 0, "digit from 2 to 5" },
  { "\r\n", 0, "shorter" },
  { "25\r\n", 2, "shorter" },
  { "2x0 x\r\n", 1, "three digits" },
  { "25x x\r\n", 2, "three digits" },
  { "-50 x\r\n", 0, "digit" },
  { "+50 x\r\n", 0, "digit" },
  { " 250 x\r\n", 0, "digit" },
  { "\xb2"
    "50 x\r\n",
    0, "digit" },
  { "2\xb5"
    "0 x\r\n",
    1, "three digits" },
  { NULL },
};

static const BadRow fourth_column[] = {
  { "250x\r\n", 3, "space nor a hyphen" },
  { "2500\r\n", 3, "space nor a hyphen" },
  { "250\tok\r\n", 3, "space nor a hyphen" },
  { "250_ok\r\n", 3, "space nor a hyphen" },
  { "250-a\r\n250+b\r\n", 10, "space nor a hyphen" },
  { NULL },
};

static const BadRow different_codes[] = {
  { "250-a\r\n251 b\r\n", 9, "different codes" },
  { "250-a\r\n550 b\r\n", 9, "different codes" },
  { "550-a\r\n250 b\r\n", 9, "different codes" },
  { "220-a\r\n220-b\r\n221 c\r\n", 16, "different codes" },
  { NULL },
};

static const BadRow line_ends[] = {
  { "250 ok\n", 6, "LF without CR" },     { "250\n", 3, "LF without CR" },
  { "\n", 0, "LF without CR" },           { "250 o\rk\r\n", 6, "CR without LF" },
  { "250 ok\r\r\n", 7, "CR without LF" }, { "250-a\r\n\n", 7, "LF without CR" },
  { "250-a\r\n\r\n", 7, "shorter" },      { NULL },
};

static const BadRow other_protocols[] = {
  { "\x16\x03\x01\x02", 1, "speaks TLS" },
  { "\x15\x03\x03\x01\x02\x01", 1, "speaks TLS" },
  { "HTTP/1.1 400 Bad\r\n", 4, "speaks HTTP" },
  { "SSH-2.0-x\r\n", 3, "speaks SSH" },
  { NULL },
};

/* What begins like another protocol and is none; after a first line no such guess is made. */
static const BadRow nearly_other[] = {
  { "HT50 ok\r\n", 2, "no SMTP reply" },
  { "HTT\r\n", 3, "no SMTP reply" },
  { "SMTP ready\r\n", 1, "no SMTP reply" },
  { "H\r\n", 1, "no SMTP reply" },
  { "250-a\r\nHTTP/1.1\r\n", 7, "no SMTP reply" },
  { "\x16\x02", 1, "no SMTP reply" },
  { "\x16\n", 1, "no SMTP reply" },
  { NULL },
};

/* RPL-12, RPL-13: the parser stops at the end of each reply. */
static void
test_sequence (void)
{
  const char *octets = "250 a\r\n250-b\r\n250 c\r\n421 d\r\n35";
  static const guint codes[] = { 250, 250, 421 };
  VdReplyParser *parser = vd_reply_parser_new ();
  gsize at = 0;
  g_assert_true (vd_reply_parser_is_empty (parser));
  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      g_autoptr (VdReply) reply = NULL;
      gsize used = 0;
      g_assert_cmpint (vd_reply_parser_feed (parser, octets + at, strlen (octets) - at, &used, &reply, NULL), ==,
                       VD_REPLY_READY);
      g_assert_cmpuint (reply->code, ==, codes[i]);
      g_assert_true (vd_reply_parser_is_empty (parser));
      at += used;
    }
  gsize used = 0;
  VdReply *none = NULL;
  g_assert_cmpint (vd_reply_parser_feed (parser, octets + at, strlen (octets) - at, &used, &none, NULL), ==, VD_REPLY_MORE);
  g_assert_cmpuint (used, ==, 2);
  g_assert_false (vd_reply_parser_is_empty (parser));
  g_assert_cmpint (vd_reply_parser_feed (parser, NULL, 0, &used, &none, NULL), ==, VD_REPLY_MORE);
  vd_reply_parser_free (parser);
}

/* STL-5: what was fed before a reset is gone, also a half line and the code of a first line. */
static void
test_reset (void)
{
  VdReplyParser *parser = vd_reply_parser_new ();
  g_autoptr (VdReply) reply = NULL;
  gsize used = 0;
  g_assert_cmpint (vd_reply_parser_feed (parser, "250-EVIL\r\n250-AU", 16, &used, &reply, NULL), ==, VD_REPLY_MORE);
  vd_reply_parser_reset (parser);
  g_assert_true (vd_reply_parser_is_empty (parser));
  g_assert_cmpint (vd_reply_parser_feed (parser, "354 x\r\n", 7, &used, &reply, NULL), ==, VD_REPLY_READY);
  g_assert_cmpuint (reply->code, ==, 354);
  g_assert_cmpuint (reply->n_lines, ==, 1);
  vd_reply_parser_free (parser);
}

/* A line of exactly the cap passes, one octet more does not, in one piece and octet by octet. */
static void
test_line_cap (void)
{
  for (gsize over = 0; over <= 1; over++)
    {
      g_autoptr (GString) octets = g_string_new ("250 ");
      while (octets->len < VD_REPLY_LINE_MAX + over)
        g_string_append_c (octets, 'x');
      g_string_append (octets, "\r\n");
      VdReplyStatus want = over == 0 ? VD_REPLY_READY : VD_REPLY_BROKEN;
      gsize used = 0;
      VdReply *reply = NULL;
      g_assert_cmpint (feed_split (octets->str, octets->len, 0, &used, &reply, NULL), ==, want);
      g_clear_pointer (&reply, vd_reply_unref);
      g_assert_cmpint (feed_octets (octets->str, octets->len, &used, &reply, NULL), ==, want);
      g_assert_cmpuint (used, ==, over == 0 ? octets->len : VD_REPLY_LINE_MAX);
      g_clear_pointer (&reply, vd_reply_unref);
    }
}

/* A megabyte without a line end is refused at the cap, not at its end. */
static void
test_megabyte (void)
{
  VdReplyParser *parser = vd_reply_parser_new ();
  g_autoptr (GError) error = NULL;
  gsize fed = 0;
  VdReplyStatus status = VD_REPLY_MORE;
  char piece[1000];
  memset (piece, '5', sizeof piece);
  memcpy (piece, "550-", 4);
  VdReply *reply = NULL;
  for (; status == VD_REPLY_MORE && fed < 1000000; fed += sizeof piece)
    {
      gsize used = 0;
      status = vd_reply_parser_feed (parser, piece, sizeof piece, &used, &reply, &error);
    }
  g_assert_cmpint (status, ==, VD_REPLY_BROKEN);
  g_assert_cmpuint (fed, <=, VD_REPLY_LINE_MAX + sizeof piece);
  g_assert_cmpuint (strlen (error->message), <, 300);
  vd_reply_parser_free (parser);
}

static void
check_cap (GString *octets, VdReplyStatus want, const char *message)
{
  gsize used = 0;
  VdReply *reply = NULL;
  g_autoptr (GError) error = NULL;
  g_assert_cmpint (feed_split (octets->str, octets->len, octets->len / 2, &used, &reply, &error), ==, want);
  if (message != NULL)
    g_assert_nonnull (strstr (error->message, message));
  vd_reply_unref (reply);
}

static void
test_lines_cap (void)
{
  g_autoptr (GString) octets = g_string_new (NULL);
  for (guint i = 1; i < VD_REPLY_LINES_MAX; i++)
    g_string_append (octets, "250-x\r\n");
  g_autoptr (GString) more = g_string_new (octets->str);
  g_string_append (octets, "250 x\r\n");
  check_cap (octets, VD_REPLY_READY, NULL);
  g_string_append (more, "250-x\r\n");
  check_cap (more, VD_REPLY_BROKEN, "200 lines");
}

static void
test_size_cap (void)
{
  g_autofree char *text = g_strnfill (10000, 'x');
  g_autoptr (GString) octets = g_string_new (NULL);
  while (octets->len + 10006 < VD_REPLY_SIZE_MAX - 10)
    g_string_append_printf (octets, "250-%s\r\n", text);
  g_autoptr (GString) over = g_string_new (octets->str);
  g_string_append_printf (octets, "250 x\r\n");
  check_cap (octets, VD_REPLY_READY, NULL);
  g_string_append_printf (over, "250-%s\r\n250 x\r\n", text);
  check_cap (over, VD_REPLY_BROKEN, "256 KiB");
}

/* RPL-11: a NUL does not cut the text. */
static void
test_nul (void)
{
  static const char octets[] = "550 a\0b\0\r\n";
  g_autoptr (VdReply) reply = NULL;
  gsize used = 0;
  g_assert_cmpint (feed_split (octets, sizeof octets - 1, 7, &used, &reply, NULL), ==, VD_REPLY_READY);
  assert_octets_text (reply->lines[0], reply->sizes[0],
                      "a\xef\xbf\xbd"
                      "b\xef\xbf\xbd");
  VdReplyParser *parser = vd_reply_parser_new ();
  VdReply *none = NULL;
  g_assert_cmpint (vd_reply_parser_feed (parser, "\0", 1, &used, &none, NULL), ==, VD_REPLY_BROKEN);
  vd_reply_parser_free (parser);
}

static VdReply *
parse (const char *octets)
{
  VdReply *reply = NULL;
  gsize used = 0;
  if (feed_split (octets, strlen (octets), 0, &used, &reply, NULL) != VD_REPLY_READY)
    g_error ("no reply: %s", octets);
  return reply;
}

static void
test_enhanced (void)
{
  static const struct
  {
    const char *octets;
    const char *enhanced;
    const char *text;
  } rows[] = {
    { "550 5.1.1 no such user\r\n", "5.1.1", "no such user" },
    { "550-5.7.1 first\r\n550 5.7.1 second\r\n", "5.7.1", "first\nsecond" },
    { "550-prose\r\n550 5.7.1 reason\r\n", "5.7.1", "prose\nreason" },
    { "550-5.7.1 one\r\n550 5.2.2 other\r\n", "5.7.1", "one\n5.2.2 other" },
    { "250 2.0.0\r\n", "2.0.0", "" },
    { "452 4.5.3 too many\r\n", "4.5.3", "too many" },
    { "550 5.123.456 x\r\n", "5.123.456", "x" },
    { "550 5.1234.1 x\r\n", NULL, "5.1234.1 x" }, /* four digits */
    { "550 5.1.1x y\r\n", NULL, "5.1.1x y" },
    { "550 5.1. x\r\n", NULL, "5.1. x" },
    { "550 5..1 x\r\n", NULL, "5..1 x" },
    { "550 5.1 x\r\n", NULL, "5.1 x" },
    { "550 4.1.1 x\r\n", NULL, "4.1.1 x" }, /* ESC-3: contradicts */
    { "450 5.1.1 x\r\n", NULL, "5.1.1 x" },
    { "250 5.1.1 x\r\n", NULL, "5.1.1 x" },
    { "354 2.0.0 go\r\n", NULL, "2.0.0 go" }, /* ESC-2 */
    { "334 3.0.0 go\r\n", NULL, "3.0.0 go" },
    { "550 -5.1.1 x\r\n", NULL, "-5.1.1 x" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (VdReply) reply = parse (rows[i].octets);
      g_autofree char *enhanced = vd_reply_enhanced_text (reply);
      g_autofree char *text = vd_reply_text (reply);
      g_assert_cmpstr (enhanced, ==, rows[i].enhanced);
      g_assert_cmpstr (text, ==, rows[i].text);
    }
}

static void
test_text (void)
{
  g_autoptr (VdReply) reply = parse ("550-\x1b[31m red\r\n550-gr\xc3\xbc\xc3\x9f \xe9\r\n550 back\\slash\r\n");
  g_autofree char *text = vd_reply_text (reply);
  g_assert_cmpstr (text, ==, "\\x1B[31m red\ngr\xc3\xbc\xc3\x9f \\xE9\nback\\\\slash");
  g_autofree char *brief = vd_reply_brief (reply);
  g_assert_cmpstr (brief, ==, "550 \\x1B[31m red gr\xc3\xbc\xc3\x9f \\xE9 back\\\\slash");

  g_autoptr (VdReply) refused = parse ("535-5.7.8 authentication\r\n535 5.7.8 failed\r\n");
  g_autofree char *line = vd_reply_brief (refused);
  g_assert_cmpstr (line, ==, "535 5.7.8 authentication failed");
  g_autoptr (VdReply) short_one = parse ("250\r\n");
  g_autofree char *code = vd_reply_brief (short_one);
  g_assert_cmpstr (code, ==, "250");
}

static void
test_brief_is_short (void)
{
  g_autoptr (GString) octets = g_string_new ("550 ");
  for (int i = 0; i < 1000; i++)
    g_string_append (octets, "\xc3\xa9");
  g_string_append (octets, "\r\n");
  g_autoptr (VdReply) reply = parse (octets->str);
  g_autofree char *brief = vd_reply_brief (reply);
  g_assert_true (g_utf8_validate (brief, -1, NULL));
  g_assert_cmpint (g_utf8_strlen (brief, -1), ==, 300);
  g_assert_true (g_str_has_suffix (brief, "\xc3\xa9…"));
}

/* SEC-9: an error about a broken challenge does not show it. */
static void
test_challenge_hidden (void)
{
  g_autoptr (GError) error = NULL;
  VdReply *reply = NULL;
  gsize used = 0;
  const char *octets = "334 c2VjcmV0\n";
  g_assert_cmpint (feed_split (octets, strlen (octets), 8, &used, &reply, &error), ==, VD_REPLY_BROKEN);
  g_assert_null (strstr (error->message, "c2V"));
}

static void
test_local (void)
{
  g_autoptr (VdReply) reply = vd_reply_new_local (553, "5.6.7", "no SMTPUTF8 here");
  g_autoptr (VdReply) again = vd_reply_ref (reply);
  g_autofree char *brief = vd_reply_brief (again);
  g_assert_cmpstr (brief, ==, "553 5.6.7 no SMTPUTF8 here");
  g_assert_true (VD_REPLY_IS_PERMANENT (reply));
  g_autoptr (VdReply) plain = vd_reply_new_local (450, NULL, "two\nlines");
  g_autofree char *text = vd_reply_text (plain);
  g_assert_cmpstr (text, ==, "two\nlines");
  g_assert_cmpint (plain->enhanced.klass, ==, 0);
  g_autoptr (VdReply) empty = vd_reply_new_local (450, NULL, "");
  g_assert_cmpuint (empty->n_lines, ==, 1);
  vd_reply_unref (NULL);
}

static void
test_guess (void)
{
  g_assert_cmpstr (vd_reply_guess_protocol ("\x16\x03\x01", 3), ==, "TLS");
  g_assert_cmpstr (vd_reply_guess_protocol ("HTTP/1.0 200", 12), ==, "HTTP");
  g_assert_cmpstr (vd_reply_guess_protocol ("SSH-2.0", 7), ==, "SSH");
  g_assert_null (vd_reply_guess_protocol ("220 HTTP/", 9));
  g_assert_null (vd_reply_guess_protocol ("HTT", 3));
  g_assert_null (vd_reply_guess_protocol ("", 0));

  VdReplyParser *parser = vd_reply_parser_new ();
  const char *octets = "SSH-2.0";
  VdReply *reply = NULL;
  gsize used = 0;
  g_assert_null (vd_reply_parser_protocol (parser));
  for (gsize i = 0; octets[i] != '\0'; i++)
    vd_reply_parser_feed (parser, octets + i, 1, &used, &reply, NULL);
  g_assert_cmpstr (vd_reply_parser_protocol (parser), ==, "SSH");
  vd_reply_parser_reset (parser);
  g_assert_null (vd_reply_parser_protocol (parser));
  vd_reply_parser_free (parser);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/reply/RPL-2-unknown-codes", unknown_codes, test_good);
  g_test_add_data_func ("/reply/RPL-3-RPL-8-code", first_digit, test_bad);
  g_test_add_data_func ("/reply/RPL-4-bare", bare, test_good);
  g_test_add_data_func ("/reply/RPL-5-RPL-6-continuation", continued, test_good);
  g_test_add_data_func ("/reply/RPL-6-fourth-column", fourth_column, test_bad);
  g_test_add_data_func ("/reply/RPL-7-different-codes", different_codes, test_bad);
  g_test_add_data_func ("/reply/RPL-9-line-ends", line_ends, test_bad);
  g_test_add_func ("/reply/RPL-10-line-cap", test_line_cap);
  g_test_add_func ("/reply/RPL-10-megabyte", test_megabyte);
  g_test_add_func ("/reply/RPL-10-lines-cap", test_lines_cap);
  g_test_add_func ("/reply/RPL-10-size-cap", test_size_cap);
  g_test_add_func ("/reply/RPL-11-nul", test_nul);
  g_test_add_func ("/reply/RPL-11-text", test_text);
  g_test_add_func ("/reply/RPL-12-sequence", test_sequence);
  g_test_add_data_func ("/reply/RPL-16-eight-bit", eight_bit, test_good);
  g_test_add_func ("/reply/STL-5-reset", test_reset);
  g_test_add_func ("/reply/ESC-2-ESC-3-enhanced", test_enhanced);
  g_test_add_func ("/reply/brief-is-short", test_brief_is_short);
  g_test_add_func ("/reply/SEC-9-challenge-hidden", test_challenge_hidden);
  g_test_add_func ("/reply/local", test_local);
  g_test_add_data_func ("/reply/GRT-7-other-protocols", other_protocols, test_bad);
  g_test_add_data_func ("/reply/GRT-7-nearly-other", nearly_other, test_bad);
  g_test_add_func ("/reply/GRT-7-guess", test_guess);
  return g_test_run ();
}

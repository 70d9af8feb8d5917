/* SPDX-License-Identifier: MIT */
/*
 * Replies that are wrong, early, late, too long, or missing, at every stage.
 *
 * One property everywhere: the verdict is true.  Unknown only where the end of the data was handed over; otherwise sent or not sent, as it is on
 * the server's side.
 */
#include "fault.h"

#define PIPE "PIPELINING;8BITMIME"
#define BDAT "PIPELINING;CHUNKING;8BITMIME"

static const char *const exts[] = { "SIZE", PIPE, BDAT };

/* ---- one octet at a time ---- */

static void
test_split (gconstpointer data)
{
  const char *how = data;
  gboolean clear = g_str_equal (how, "clear");

  for (gsize i = 0; i < G_N_ELEMENTS (exts) * 2; i++)
    {
      const char *ext = exts[i / 2], *mode = i % 2 == 0 ? "implicit" : "starttls";
      g_autofree char *script = clear ? g_strdup_printf ("split\next %s;ENHANCEDSTATUSCODES\nhello\nserve", ext)
                                : i % 2 == 0
                                    ? g_strdup_printf ("tls good\nsplit\next %s\nhello\nserve", ext)
                                    : g_strdup_printf ("split\next STARTTLS\nhello\nstarttls good\next %s\nserve", ext);
      g_autoptr (KitScript) server = kit_script_new (script, NULL);
      g_autoptr (Fault) fault = fault_new ();

      if (clear)
        fault_set (fault, "tls", "never");
      else
        fault_tls (fault, mode, how);
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_sent (fault);
      fault_expect_clean (server);
      fault_expect_content (server, 0);
      g_assert_cmpstr (vereda_reply_get_text (vereda_result_get_reply (fault->result)), ==, "queued as KIT1");
    }
}

/* ---- replies in place of the right one ---- */

typedef enum
{
  GREETING,
  EHLO,
  MAIL,
  RCPT,
  DATA,
  END,
  N_STAGES
} Stage;

static const char *const stage_names[N_STAGES] = { "greeting", "ehlo", "mail", "rcpt", "data", "end" };
static const int stage_codes[N_STAGES] = { VEREDA_ERROR_GREETING,   VEREDA_ERROR_EHLO, VEREDA_ERROR_MAIL,
                                           VEREDA_ERROR_RECIPIENTS, VEREDA_ERROR_DATA, VEREDA_ERROR_CONTENT };

/* A script that behaves but for `octets` (escaped) instead of the reply at `stage`. */
static KitScript *
server_with (Stage stage, const char *octets, const char *ext)
{
  static const char *const until[N_STAGES] = { NULL, NULL, "MAIL", "RCPT", "DATA", NULL };
  g_autoptr (GString) script = g_string_new (NULL);

  g_string_append_printf (script, "ext %s\n", ext);
  if (stage == GREETING)
    g_string_append_printf (script, ">> %s\nserve", octets);
  else if (stage == EHLO)
    g_string_append_printf (script, "> 220 kit.test\n< EHLO\n>> %s\nserve", octets);
  else if (stage == END)
    g_string_append_printf (script, "hello\nuntil DATA\n> 354 go\ncontent\n>> %s\nserve", octets);
  else
    g_string_append_printf (script, "hello\nuntil %s\n>> %s\nserve", until[stage], octets);
  return kit_script_new (script->str, NULL);
}

typedef enum
{
  SENT,
  BROKEN,    /* no reply at all: protocol error; at the end of data: unknown */
  REFUSED,   /* the stage's own error */
  TRANSIENT, /* the same, and later may help */
  CLOSING    /* 421 */
} Outcome;

typedef struct
{
  const char *octets;
  Outcome outcome[N_STAGES];
} CodeRow;

#define ALL_SENT                                                                                                               \
  {                                                                                                                            \
    SENT, SENT, SENT, SENT, BROKEN, SENT                                                                                       \
  }
#define ALL_BROKEN                                                                                                             \
  {                                                                                                                            \
    BROKEN, BROKEN, BROKEN, BROKEN, BROKEN, BROKEN                                                                             \
  }
#define ALL_REFUSED                                                                                                            \
  {                                                                                                                            \
    REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED                                                                       \
  }
#define ALL_LATER                                                                                                              \
  {                                                                                                                            \
    TRANSIENT, TRANSIENT, TRANSIENT, TRANSIENT, TRANSIENT, TRANSIENT                                                           \
  }

static const CodeRow code_rows[] = {
  { "250 fine\\r\\n", ALL_SENT },
  { "259 fine\\r\\n", ALL_SENT },
  { "299 fine\\r\\n", ALL_SENT },
  { "250\\r\\n", ALL_SENT },
  { "250 \\r\\n", ALL_SENT },
  { "250-one\\r\\n250-two\\r\\n250 three\\r\\n", ALL_SENT },
  { "250-\\r\\n250\\r\\n", ALL_SENT },
  { "250 \\xff\\xfe eight bits\\r\\n", ALL_SENT },
  { "250 a\\x00b\\r\\n", ALL_SENT },
  { "399 what\\r\\n", { REFUSED, REFUSED, BROKEN, BROKEN, BROKEN, BROKEN } },
  { "354 go\\r\\n", { REFUSED, REFUSED, BROKEN, BROKEN, SENT, BROKEN } },
  { "499 later\\r\\n", ALL_LATER },
  { "450-one\\r\\n450 two\\r\\n", ALL_LATER },
  { "599 never\\r\\n", ALL_REFUSED },
  { "550\\r\\n", ALL_REFUSED },
  { "421 closing\\r\\n", { CLOSING, CLOSING, CLOSING, CLOSING, CLOSING, CLOSING } },
  { "199 what\\r\\n", ALL_BROKEN },
  { "654 what\\r\\n", ALL_BROKEN },
  { "099 what\\r\\n", ALL_BROKEN },
  { "25\\r\\n", ALL_BROKEN },
  { "2\\r\\n", ALL_BROKEN },
  { "\\r\\n", ALL_BROKEN },
  { "2x0 what\\r\\n", ALL_BROKEN },
  { "2500 what\\r\\n", ALL_BROKEN },
  { "250_what\\r\\n", ALL_BROKEN },
  { "250\\twhat\\r\\n", ALL_BROKEN },
  { " 250 what\\r\\n", ALL_BROKEN },
  { "+50 what\\r\\n", ALL_BROKEN },
  { "-50 what\\r\\n", ALL_BROKEN },
  { "250 what\\n", ALL_BROKEN },
  { "250 what\\r250 more\\r\\n", ALL_BROKEN },
  { "25\\x00 what\\r\\n", ALL_BROKEN },
  { "250-one\\r\\n251 two\\r\\n", ALL_BROKEN },
  { "250-one\\r\\n550 two\\r\\n", ALL_BROKEN },
  { "550-one\\r\\n250 two\\r\\n", ALL_BROKEN },
  { "550-one\\r\\n550-two\\r\\n250 three\\r\\n", ALL_BROKEN },
  { "250-one\\r\\nno code\\r\\n250 three\\r\\n", ALL_BROKEN },
};

static void
expect_outcome (Fault *fault, Outcome outcome, Stage stage)
{
  if (outcome == SENT)
    fault_expect_sent (fault);
  else if (outcome == BROKEN && stage == END)
    g_assert_cmpint (vereda_result_get_verdict (fault->result), ==, VEREDA_UNKNOWN);
  else if (outcome == BROKEN)
    fault_expect_error (fault, VEREDA_ERROR_PROTOCOL, NULL);
  else if (outcome == CLOSING && stage != END)
    fault_expect_error (fault, stage == GREETING ? VEREDA_ERROR_GREETING : VEREDA_ERROR_CLOSED, "421");
  else
    fault_expect_error (fault, (VeredaErrorCode) stage_codes[stage], NULL);
  if (outcome == TRANSIENT || outcome == CLOSING)
    g_assert_true (vereda_result_is_transient (fault->result));
  if (outcome == REFUSED)
    g_assert_false (vereda_result_is_transient (fault->result));
}

static void
test_code (gconstpointer data)
{
  Stage stage = (Stage) GPOINTER_TO_INT (data);

  for (gsize i = 0; i < G_N_ELEMENTS (code_rows); i++)
    for (int pipelined = 0; pipelined < 2; pipelined++)
      {
        g_autoptr (KitScript) server = server_with (stage, code_rows[i].octets, pipelined ? PIPE : "SIZE");
        g_autoptr (Fault) fault = fault_new ();

        if (stage == DATA && code_rows[i].outcome[DATA] == SENT)
          continue; /* tested by everything else */
        g_test_message ("%s, %s", stage_names[stage], code_rows[i].octets);
        fault_set (fault, "tls", "never");
        fault_server (fault, server);
        fault_send (fault);
        expect_outcome (fault, code_rows[i].outcome[stage], stage);
        kit_script_settle (server);
        if (stage < DATA && code_rows[i].outcome[stage] != SENT) /* at most the lone dot of PIP-6 */
          g_assert_true (kit_script_content (server, 0, 0) == NULL || *kit_script_content (server, 0, 0) == '\0');
      }
}

/* A refusal is told with its code, its enhanced code and all of its text. */
static void
test_whole_text (void)
{
  for (Stage stage = MAIL; stage <= END; stage++)
    {
      g_autoptr (KitScript) server = server_with (
          stage, "550-5.7.1 first line\\r\\n550-5.7.1 \\x1b[31msecond\\x07\\r\\n550 5.7.1 third\\r\\n", "ENHANCEDSTATUSCODES");
      g_autoptr (Fault) fault = fault_new ();
      VeredaReply *reply;

      fault_set (fault, "tls", "never");
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_error (fault, (VeredaErrorCode) stage_codes[stage], "550 5.7.1");
      reply = stage == RCPT ? vereda_recipient_get_reply (vereda_result_get_recipient (fault->result, 0))
                            : vereda_result_get_reply (fault->result);
      g_assert_nonnull (reply);
      g_assert_cmpint (vereda_reply_get_code (reply), ==, 550);
      g_assert_cmpstr (vereda_reply_get_enhanced (reply), ==, "5.7.1");
      g_assert_true (g_str_has_prefix (vereda_reply_get_text (reply), "first line\n"));
      g_assert_true (g_str_has_suffix (vereda_reply_get_text (reply), "third"));
      g_assert_false (vereda_reply_is_local (reply));
      /* GRT-6: nothing for a terminal to obey, anywhere */
      g_assert_null (strpbrk (vereda_reply_get_text (reply), "\x1b\x07\r"));
      g_assert_null (strpbrk (fault->error->message, "\x1b\x07\r\n"));
      g_assert_null (strpbrk (fault->trace->str, "\x1b\x07\r"));
    }
}

/* ---- too much ---- */

static void
test_too_long (gconstpointer data)
{
  Stage stage = (Stage) GPOINTER_TO_INT (data);
  g_autofree char *megabyte = g_strnfill (1024 * 1024, 'x');
  g_autofree char *one_line = g_strdup_printf ("250 %s\\r\\n", megabyte);
  g_autofree char *no_end = g_strdup_printf ("250 %s", megabyte);
  g_autofree char *no_code = g_strdup (megabyte);
  GString *lines = g_string_new (NULL);
  const char *octets[] = { one_line, no_end, no_code, NULL };

  for (int i = 0; i < 20000; i++)
    g_string_append (lines, "250-a line of many, and there is no end\\r\\n");
  octets[3] = lines->str;
  for (gsize i = 0; i < G_N_ELEMENTS (octets); i++)
    {
      g_autoptr (KitScript) server = server_with (stage, octets[i], "SIZE");
      g_autoptr (Fault) fault = fault_new ();

      fault_set (fault, "tls", "never");
      fault_server (fault, server);
      fault_send (fault);
      expect_outcome (fault, BROKEN, stage);
      g_assert_cmpuint (strlen (fault->error->message), <, 2000);
    }
  g_string_free (lines, TRUE);
}

/* RPL-10: long lines and many lines that are still within reason. */
static void
test_long_enough (void)
{
  for (Stage stage = GREETING; stage < N_STAGES; stage++)
    {
      g_autofree char *text = g_strnfill (8000, 'y');
      g_autoptr (GString) octets = g_string_new (NULL);
      g_autoptr (Fault) fault = fault_new ();
      g_autoptr (KitScript) server = NULL;

      if (stage == DATA)
        continue;
      for (int i = 0; i < 25; i++)
        g_string_append_printf (octets, "250%c%s\\r\\n", i < 24 ? '-' : ' ', text);
      server = server_with (stage, octets->str, "SIZE");
      fault_set (fault, "tls", "never");
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_sent (fault);
    }
}

/* ---- replies that nothing asked for ---- */

static void
test_unsolicited (void)
{
  static const struct
  {
    const char *script;
    int code;
  } rows[] = {
    { ">> 220 kit.test\\r\\n250 evil\\r\\n\nserve", VEREDA_ERROR_PROTOCOL },
    { ">> 220 kit.test\\r\\n220 kit.test\\r\\n\nserve", VEREDA_ERROR_PROTOCOL },
    { "> 220 kit.test\n< EHLO\n>> 250 kit.test\\r\\n235 2.7.0 you are in\\r\\n\nserve", VEREDA_ERROR_PROTOCOL },
    { "hello\nuntil MAIL\n>> 250 fine\\r\\n250 fine\\r\\n250 fine\\r\\n354 go\\r\\n250 queued\\r\\n\nserve",
      VEREDA_ERROR_PROTOCOL },
    { "ext " PIPE "\nhello\nuntil MAIL\n>> 250 1\\r\\n250 2\\r\\n354 3\\r\\n250 4\\r\\n221 5\\r\\n\nserve",
      VEREDA_ERROR_PROTOCOL },
    { "hello\nuntil RCPT\n>> 250 fine\\r\\n354 go\\r\\n\nserve", VEREDA_ERROR_PROTOCOL },
    { "hello\nuntil DATA\n>> 354 go\\r\\n250 queued\\r\\n\ndrain", VEREDA_ERROR_PROTOCOL },
    { "hello\nuntil DATA\n>> 354 go\\r\\n550 no\\r\\n\ndrain", VEREDA_ERROR_PROTOCOL },
    { ">> 220 kit.test\\r\\n421 closing\\r\\n\nclose", VEREDA_ERROR_CLOSED },
    { "hello\nuntil MAIL\n>> 250 fine\\r\\n421 closing\\r\\n\nclose", VEREDA_ERROR_CLOSED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (Fault) fault = fault_new ();

      g_test_message ("%s", rows[i].script);
      fault_set (fault, "tls", "never");
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_error (fault, (VeredaErrorCode) rows[i].code, NULL);
      kit_script_settle (server);
      g_assert_false (kit_script_got_end (server, 0));
    }
}

/* After the message was accepted nothing that follows takes it back (END-1). */
static void
test_after_the_end (void)
{
  static const char *const scripts[] = {
    "hello\nuntil DATA\n> 354 go\ncontent\n>> 250 queued\\r\\n550 changed my mind\\r\\n\nserve",
    "hello\nuntil DATA\n> 354 go\ncontent\n>> 250 queued\\r\\n\nrst",
    "hello\nuntil DATA\n> 354 go\ncontent\n> 250 queued\n= QUIT\nclose",
    "hello\nuntil DATA\n> 354 go\ncontent\n> 250 queued\n= QUIT\n> 554 no, stay\nclose",
    "hello\nuntil DATA\n> 354 go\ncontent\n> 250 queued\n= QUIT\ndrain",
    "ext " PIPE "\nhello\nuntil DATA\n> 354 go\ncontent\n> 250 queued\n> 421 bye\nclose",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (scripts[i], NULL);
      g_autoptr (Fault) fault = fault_new ();

      g_test_message ("%s", scripts[i]);
      fault_set (fault, "tls", "never");
      fault_set (fault, "timeout-quit", "0.3");
      fault_server (fault, server);
      fault_send (fault);
      if (i != 1 || fault->sent) /* a reset may overtake the reply: then unknown is the truth */
        fault_expect_sent (fault);
      else
        g_assert_cmpint (vereda_result_get_verdict (fault->result), ==, VEREDA_UNKNOWN);
    }
}

/* ---- while content is on its way ---- */

static void
test_early_reply (void)
{
  static const struct
  {
    const char *script;
    int code, reply;
  } rows[] = {
    { "hello\nuntil DATA\n> 354 go\ntake 10000\n> 552 5.3.4 too big\ndrain", VEREDA_ERROR_CONTENT, 552 },
    { "hello\nuntil DATA\n> 354 go\ntake 10000\n> 452 4.3.1 full\ndrain", VEREDA_ERROR_CONTENT, 452 },
    { "hello\nuntil DATA\n> 354 go\ntake 10000\n> 552 5.3.4 too big\nclose", VEREDA_ERROR_CONTENT, 552 },
    { "hello\nuntil DATA\n> 354 go\ntake 10000\n> 421 4.3.2 closing\nclose", VEREDA_ERROR_CLOSED, 421 },
    { "hello\nuntil DATA\n> 354 go\ntake 10000\n> 250 thank you, that is enough\ndrain", VEREDA_ERROR_PROTOCOL, 0 },
    { "hello\nuntil DATA\n> 354 go\ntake 10000\nrst", VEREDA_ERROR_CLOSED, 0 },
    { "hello\nuntil DATA\n> 354 go\ntake 10000\nclose", VEREDA_ERROR_CLOSED, 0 },
    { "ext " BDAT "\nhello\nuntil BDAT\ntake 10000\n> 452 4.3.1 full\ndrain", VEREDA_ERROR_CONTENT, 452 },
    { "ext " BDAT "\nhello\nuntil BDAT\ntake 10000\n> 250 thank you, that is enough\ndrain", VEREDA_ERROR_PROTOCOL, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (Fault) fault = fault_new ();
      const GByteArray *clear;

      g_test_message ("%s", rows[i].script);
      fault_message_of_size (fault, 24 * 1024 * 1024);
      fault_set (fault, "tls", "never");
      fault_set (fault, "recipients", "bob@example.test, joe@example.test");
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_error (fault, (VeredaErrorCode) rows[i].code, NULL);
      if (rows[i].reply != 0)
        g_assert_cmpint (vereda_reply_get_code (vereda_result_get_reply (fault->result)), ==, rows[i].reply);
      kit_script_settle (server);
      clear = kit_script_clear (server, 0);
      g_assert_null (memmem (clear->data, clear->len, "\r\n.\r\n", 5));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/RPL/split/clear", "clear", test_split);
  fault_add_backends ("/RPL/split", test_split);
  for (int stage = GREETING; stage < N_STAGES; stage++)
    {
      g_autofree char *code = g_strconcat ("/RPL-2/", stage_names[stage], NULL),
                      *length = g_strconcat ("/RPL-10/", stage_names[stage], NULL);

      g_test_add_data_func (code, GINT_TO_POINTER (stage), test_code);
      g_test_add_data_func (length, GINT_TO_POINTER (stage), test_too_long);
    }
  g_test_add_func ("/RPL-11/whole-text", test_whole_text);
  g_test_add_func ("/RPL-10/long-enough", test_long_enough);
  g_test_add_func ("/RPL-13/unsolicited", test_unsolicited);
  g_test_add_func ("/END-1/after-the-end", test_after_the_end);
  g_test_add_func ("/DAT-7/early-reply", test_early_reply);
  return g_test_run ();
}

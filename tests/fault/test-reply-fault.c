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
expect_content (KitScript *server, guint n)
{
  const char *content = kit_script_content (server, n, 0);

  g_assert_nonnull (content);
  g_assert_nonnull (strstr (content, "Subject: fault\r\n"));
  g_assert_true (g_str_has_suffix (content, FAULT_BODY "..a dot first\r\n")
                 || g_str_has_suffix (content, FAULT_BODY ".a dot first\r\n"));
}

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
      expect_content (server, 0);
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
  Stage stage = GPOINTER_TO_INT (data);

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
  Stage stage = GPOINTER_TO_INT (data);
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
big_message (Fault *fault, gsize size)
{
  GString *text = g_string_new ("From: ann@example.test\r\nTo: bob@example.test\r\n\r\n");

  while (text->len < size)
    g_string_append (text, "sixty-four octets of nothing in particular, again and again ...\r\n");
  fault_message (fault, text->str);
  g_string_free (text, TRUE);
}

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
      big_message (fault, 24 * 1024 * 1024);
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

/* ---- the envelope: every way of accepting and refusing three recipients ---- */

static void
test_recipients (gconstpointer data)
{
  const char *ext = data;
  static const char *const names[] = { "r0@example.test", "r1@example.test", "r2@example.test" };

  for (guint bits = 0; bits < 8; bits++)
    for (int any = 0; any < 2; any++)
      {
        g_autofree char *script
            = g_strdup_printf ("ext %s\nhello\n%s\n%s\n%s\nserve", ext, (bits & 1) ? "" : "on RCPT TO:<r0 = 550 5.1.1 no r0",
                               (bits & 2) ? "" : "on RCPT TO:<r1 = 451 4.2.1 not now r1",
                               (bits & 4) ? "" : "on RCPT TO:<r2 = 550-5.1.1 no\\r\\n550 5.1.1 r2");
        g_autoptr (KitScript) server = kit_script_new (script, NULL);
        g_autoptr (Fault) fault = fault_new ();
        guint good = (bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1);
        gboolean granted = any ? good > 0 : good == 3;

        g_test_message ("%s bits %u any %d", ext, bits, any);
        fault_set (fault, "tls", "never");
        fault_set (fault, "recipients", "r0@example.test, r1@example.test, r2@example.test");
        fault_set (fault, "at-least-one", any ? "yes" : "no");
        fault_server (fault, server);
        fault_send (fault);
        kit_script_settle (server);
        if (granted)
          fault_expect_sent (fault);
        else
          fault_expect_error (fault, VEREDA_ERROR_RECIPIENTS, "nothing was sent");
        for (guint i = 0; i < 3; i++)
          {
            VeredaRecipient *recipient = vereda_result_get_recipient (fault->result, i);
            gboolean accepted = (bits >> i & 1) != 0;

            g_assert_cmpstr (vereda_recipient_get_address (recipient), ==, names[i]);
            g_assert_cmpint (vereda_recipient_get_status (recipient), ==,
                             !accepted ? VEREDA_RECIPIENT_REFUSED
                             : granted ? VEREDA_RECIPIENT_ACCEPTED
                                       : VEREDA_RECIPIENT_NOT_SENT);
            if (!accepted)
              g_assert_true (vereda_recipient_is_permanent (recipient) == (i != 1));
          }
        /* A server that gave 354 in vain got a lone dot, and nothing of the mail. */
        if (granted)
          expect_content (server, 0);
        else if (kit_script_content (server, 0, 0) != NULL)
          {
            g_assert_cmpstr (kit_script_content (server, 0, 0), ==, "");
            g_assert_cmpuint (good, ==, 0);
          }
      }
}

/* PIP-5, PIP-6 */
static void
test_data_in_vain (void)
{
  static const struct
  {
    const char *script;
    int code;
  } rows[] = {
    { "ext " PIPE "\nhello\non RCPT = 550 5.1.1 no\non CONTENT = 250 took it\nserve", VEREDA_ERROR_RECIPIENTS },
    { "ext " PIPE "\nhello\non RCPT = 550 5.1.1 no\non CONTENT = 554 no valid recipients\nserve", VEREDA_ERROR_RECIPIENTS },
    { "ext " PIPE "\nhello\non RCPT = 550 5.1.1 no\non DATA = 503 rcpt first\nserve", VEREDA_ERROR_RECIPIENTS },
    { "ext " PIPE "\nhello\non RCPT = 550 5.1.1 no\non CONTENT = !close\nserve", VEREDA_ERROR_RECIPIENTS },
    { "ext " PIPE "\nhello\non MAIL = 550 5.7.1 no\non RCPT = 503 mail first\non DATA = 503 mail first\nserve",
      VEREDA_ERROR_MAIL },
    { "ext " PIPE "\nhello\non MAIL = 550 5.7.1 no\nserve", VEREDA_ERROR_MAIL },
    { "ext " PIPE "\nhello\non MAIL = 550 5.7.1 no\non CONTENT = 250 took it\nserve", VEREDA_ERROR_MAIL },
    { "ext " PIPE "\nhello\non DATA = 250 what data\nserve", VEREDA_ERROR_PROTOCOL },
    { "ext " PIPE "\nhello\non DATA = 451 4.3.0 not now\nserve", VEREDA_ERROR_DATA },
    { "ext SIZE\nhello\non DATA = 250 what data\nserve", VEREDA_ERROR_PROTOCOL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (Fault) fault = fault_new ();
      const GByteArray *clear;

      g_test_message ("%s", rows[i].script);
      fault_set (fault, "tls", "never");
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_error (fault, (VeredaErrorCode) rows[i].code, NULL);
      kit_script_settle (server);
      clear = kit_script_clear (server, 0);
      g_assert_null (memmem (clear->data, clear->len, "Quetzalcoatl", 12));
      if (rows[i].code == VEREDA_ERROR_MAIL) /* RCP-10: no verdict on the address */
        g_assert_cmpint (vereda_recipient_get_status (vereda_result_get_recipient (fault->result, 0)), ==,
                         VEREDA_RECIPIENT_NOT_SENT);
    }
}

/* BDT-12, SEC-7: a server that refuses BDAT without taking the chunk gets nothing more on that connection; then DATA is tried. */
static void
test_bdat_as_commands (void)
{
  g_autoptr (KitScript) server
      = kit_script_new ("ext " BDAT "\nhello\nuntil BDAT\n> 502 5.5.1 what is BDAT\nserve", "ext " BDAT "\nhello\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_message (fault, "From: ann@example.test\r\nTo: bob@example.test\r\n\r\nMAIL FROM:<evil@example.test>\r\nRCPT "
                        "TO:<victim@example.test>\r\nDATA\r\n\r\nhello\r\n");
  fault_set (fault, "tls", "never");
  fault_set (fault, "recipients", "bob@example.test, joe@example.test");
  fault_server (fault, server);
  fault_send (fault);
  kit_script_settle (server);
  fault_expect_sent (fault);
  fault_expect_connections (server, 2);
  g_assert_cmpuint (kit_script_count (server, 1, "DATA"), ==, 1);
  g_assert_cmpuint (kit_script_count (server, 1, "BDAT"), ==, 0);
}

/* ---- silence ---- */

static void
test_timeout (gconstpointer data)
{
  static const char *const options[N_STAGES]
      = { "timeout-greeting", "timeout-command", "timeout-mail", "timeout-rcpt", "timeout-data", "timeout-end" };
  static const char *const scripts[N_STAGES] = { "drain",
                                                 "> 220 kit.test\n< EHLO\ndrain",
                                                 "hello\nuntil MAIL\ndrain",
                                                 "hello\nuntil RCPT\ndrain",
                                                 "hello\nuntil DATA\ndrain",
                                                 "hello\nuntil DATA\n> 354 go\ncontent\ndrain" };
  Stage stage = GPOINTER_TO_INT (data);

  for (gsize i = 0; i < G_N_ELEMENTS (exts); i++)
    {
      g_autofree char *script = g_strdup_printf ("ext %s\n%s", exts[i], scripts[stage]);
      g_autoptr (KitScript) server = kit_script_new (script, NULL);
      g_autoptr (Fault) fault = fault_new ();
      gint64 begin = g_get_monotonic_time ();

      fault_set (fault, "tls", "never");
      fault_set (fault, options[stage], "0.2");
      fault_server (fault, server);
      fault_send (fault);
      g_assert_cmpint (g_get_monotonic_time () - begin, >=, 200 * 1000);
      g_assert_cmpint (g_get_monotonic_time () - begin, <, 5000 * 1000);
      if (stage == END)
        g_assert_cmpint (vereda_result_get_verdict (fault->result), ==, VEREDA_UNKNOWN);
      else
        {
          fault_expect_error (fault, VEREDA_ERROR_TIMEOUT, "0.2 seconds");
          g_assert_true (vereda_result_is_transient (fault->result));
        }
    }
}

/* TMO-4: a reply that drips in does not hold the client for ever. */
static void
test_drip (void)
{
  GString *script = g_string_new ("> 220 kit.test\n< EHLO\n");
  g_autoptr (KitScript) server = NULL;
  g_autoptr (Fault) fault = fault_new ();
  gint64 begin = g_get_monotonic_time ();

  for (int i = 0; i < 100; i++)
    g_string_append (script, "> 250-wait\npause 50\n");
  server = kit_script_new (script->str, NULL);
  g_string_free (script, TRUE);
  fault_set (fault, "tls", "never");
  fault_set (fault, "timeout-command", "0.3");
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_TIMEOUT, NULL);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 2000 * 1000);
}

static void
test_no_progress (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\nuntil DATA\n> 354 go\npause 9000", NULL);
  g_autoptr (Fault) fault = fault_new ();
  gint64 begin = g_get_monotonic_time ();

  big_message (fault, 24 * 1024 * 1024);
  fault_set (fault, "tls", "never");
  fault_set (fault, "timeout-block", "0.4");
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_TIMEOUT, NULL);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5000 * 1000);
}

/* TMO-5: the overall deadline, before and after the end of the data. */
static void
test_deadline (void)
{
  for (int after = 0; after < 2; after++)
    {
      g_autoptr (KitScript) server
          = kit_script_new (after ? "hello\non CONTENT = !silence\nserve" : "hello\non MAIL = !silence\nserve", NULL);
      g_autoptr (Fault) fault = fault_new ();

      fault_set (fault, "tls", "never");
      fault_set (fault, "deadline", "0.3");
      fault_server (fault, server);
      fault_send (fault);
      if (after)
        g_assert_cmpint (vereda_result_get_verdict (fault->result), ==, VEREDA_UNKNOWN);
      else
        fault_expect_error (fault, VEREDA_ERROR_TIMEOUT, "deadline");
    }
}

/* ---- PIP-9: much to say to somebody who hears little ---- */

static void
test_many_recipients (gconstpointer data)
{
  const char *ext = data;
  GString *recipients = g_string_new (NULL);
  g_autofree char *script = g_strdup_printf (
      "buffers 1\next %s\nhello\non RCPT = 250-2.1.5 a rather long answer to each and every recipient, to fill "
      "what there is of socket buffers\\r\\n250 2.1.5 and one more line\non RCPT TO:<u7 = 550 5.1.1 no\nserve",
      ext);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  g_autoptr (Fault) fault = fault_new ();

  for (int i = 0; i < 2000; i++)
    g_string_append_printf (recipients, "%su%d@example.test", i > 0 ? "," : "", i);
  fault_set (fault, "tls", "never");
  fault_set (fault, "recipients", recipients->str);
  fault_set (fault, "at-least-one", "yes");
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_clean (server);
  fault_expect_sent (fault);
  g_assert_cmpuint (kit_script_count (server, 0, "RCPT TO:"), ==, 2000);
  g_assert_cmpuint (vereda_result_get_n_recipients (fault->result), ==, 2000);
  for (guint i = 0; i < 2000; i++)
    {
      VeredaRecipient *recipient = vereda_result_get_recipient (fault->result, i);
      g_autofree char *address = g_strdup_printf ("u%u@example.test", i);

      g_assert_cmpstr (vereda_recipient_get_address (recipient), ==, address);
      g_assert_cmpint (vereda_recipient_get_status (recipient), ==,
                       address[1] == '7' ? VEREDA_RECIPIENT_REFUSED : VEREDA_RECIPIENT_ACCEPTED);
    }
  expect_content (server, 0);
  g_string_free (recipients, TRUE);
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
                      *length = g_strconcat ("/RPL-10/", stage_names[stage], NULL),
                      *silence = g_strconcat ("/TMO-1/", stage_names[stage], NULL);

      g_test_add_data_func (code, GINT_TO_POINTER (stage), test_code);
      g_test_add_data_func (length, GINT_TO_POINTER (stage), test_too_long);
      g_test_add_data_func (silence, GINT_TO_POINTER (stage), test_timeout);
    }
  g_test_add_func ("/RPL-11/whole-text", test_whole_text);
  g_test_add_func ("/RPL-10/long-enough", test_long_enough);
  g_test_add_func ("/RPL-13/unsolicited", test_unsolicited);
  g_test_add_func ("/END-1/after-the-end", test_after_the_end);
  g_test_add_func ("/DAT-7/early-reply", test_early_reply);
  for (gsize i = 0; i < G_N_ELEMENTS (exts); i++)
    {
      g_autofree char *envelope = g_strconcat ("/PIP-8/recipients/", exts[i], NULL),
                      *many = g_strconcat ("/PIP-9/many-recipients/", exts[i], NULL);

      g_test_add_data_func (envelope, exts[i], test_recipients);
      g_test_add_data_func (many, exts[i], test_many_recipients);
    }
  g_test_add_func ("/PIP-6/data-in-vain", test_data_in_vain);
  g_test_add_func ("/SEC-7/bdat-as-commands", test_bdat_as_commands);
  g_test_add_func ("/TMO-4/drip", test_drip);
  g_test_add_func ("/TMO-data-block/no-progress", test_no_progress);
  g_test_add_func ("/TMO-5/deadline", test_deadline);
  return g_test_run ();
}

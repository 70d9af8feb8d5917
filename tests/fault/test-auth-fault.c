/* SPDX-License-Identifier: MIT */
/*
 * Hostile and broken servers during AUTH, in clear and under TLS by each back end: order, floor, fall-through, and who may see the password.
 */
#include "fault.h"

#define ALL       "ext AUTH LOGIN PLAIN CRAM-MD5 DIGEST-MD5\nhello\n"
#define CHALLENGE "> 334 PDE4OTYuNjk3MTcwOTUyQGtpdC50ZXN0Pg==\n"

/* ---- dialogues ---- */

typedef struct
{
  const char *name;
  const char *script;  /* of the first connection */
  const char *again;   /* of the second; NULL: there must be none */
  const char *options; /* NAME=VALUE;… */
  int code;            /* of the error; 0: sent */
  const char *part;    /* of the error */
  int transient;       /* -1: either */
} Row;

static const Row rows[] = {
  /* the control: what works */
  { "AUT-1/plain", "ext AUTH PLAIN\nhello\n< AUTH PLAIN \n> 235 ok\n< MAIL\n> 250 ok\nserve", NULL, "", 0, NULL, 0 },
  { "LGN-1/login",
    "ext AUTH LOGIN\nhello\n= AUTH LOGIN\n> 334 VXNlcm5hbWU6\n= dGltQGV4YW1wbGUudGVzdA==\n> 334 UGFzc3dvcmQ6\n<\n> 235 "
    "ok\nserve",
    NULL, "", 0, NULL, 0 },
  { "LGN-1/odd-prompts", "ext AUTH LOGIN\nhello\n= AUTH LOGIN\n> 334\n= dGltQGV4YW1wbGUudGVzdA==\n> 334 \n<\n> 235 ok\nserve",
    NULL, "", 0, NULL, 0 },
  { "CRM-1/cram-md5", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n" CHALLENGE "<\n> 235 ok\nserve", NULL, "", 0, NULL, 0 },
  { "DIG-6/digest-md5", "ext AUTH DIGEST-MD5\nhello\n= AUTH DIGEST-MD5\ndigest " FAULT_PASSWORD "\n=\n> 235 ok\nserve", NULL,
    "", 0, NULL, 0 },
  { "EHL-11/lower-case", "ext auth plain\nhello\n< AUTH PLAIN \n> 235 ok\nserve", NULL, "", 0, NULL, 0 },
  { "EHL-11/equals-sign", "ext AUTH=PLAIN\nhello\n< AUTH PLAIN \n> 235 ok\nserve", NULL, "", 0, NULL, 0 },
  { "AUT-8/long-challenge", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n@long\n<\n> 235 ok\nserve", NULL, "", 0, NULL, 0 },

  /* the server's proof */
  { "DIG-6/wrong-proof", ALL "= AUTH DIGEST-MD5\ndigest " FAULT_PASSWORD " bad\n= *\n> 501 cancelled\n= QUIT\n> 221 bye", NULL,
    "", VEREDA_ERROR_AUTH, "proof", 0 },
  { "DIG-6/wrong-proof-password-unknown", ALL "= AUTH DIGEST-MD5\ndigest another\n= *\n> 501 cancelled\n= QUIT\n> 221 bye",
    NULL, "", VEREDA_ERROR_AUTH, "proof", 0 },
  { "DIG-6/235-instead-of-the-proof",
    ALL "= AUTH DIGEST-MD5\n> 334 "
        "bm9uY2U9IkFCQyIscmVhbG09ImtpdC50ZXN0Iixxb3A9ImF1dGgiLGFsZ29yaXRobT1tZDUtc2VzcyxjaGFyc2V0PXV0Zi04\n<\n> 235 2.7.0 "
        "welcome\ndrain",
    NULL, "", VEREDA_ERROR_AUTH, "before mechanism DIGEST-MD5 was finished", 0 },
  { "DIG-6/235-at-once", ALL "= AUTH DIGEST-MD5\n> 235 2.7.0 welcome\ndrain", NULL, "", VEREDA_ERROR_AUTH, "before mechanism",
    0 },
  { "AUT-9/235-to-cram-md5-at-once", "ext AUTH CRAM-MD5 PLAIN\nhello\n= AUTH CRAM-MD5\n> 235 2.7.0 welcome\ndrain", NULL, "",
    VEREDA_ERROR_AUTH, "before mechanism", 0 },
  { "AUT-9/235-to-login-at-once", "ext AUTH LOGIN\nhello\n= AUTH LOGIN\n> 235 2.7.0 welcome\ndrain", NULL, "",
    VEREDA_ERROR_AUTH, "before mechanism", 0 },
  { "AUT-9/235-after-the-user-name", "ext AUTH LOGIN\nhello\n= AUTH LOGIN\n> 334 VXNlcm5hbWU6\n<\n> 235 2.7.0 welcome\ndrain",
    NULL, "", VEREDA_ERROR_AUTH, "before mechanism", 0 },
  { "AUT-9/235-to-bare-plain",
    "ext AUTH PLAIN\nhello\n< AUTH PLAIN \n> 501 5.5.2 no initial response here\n= AUTH PLAIN\n> 235 2.7.0 welcome\ndrain",
    NULL, "", VEREDA_ERROR_AUTH, "before mechanism", 0 },
  { "AUT-9/250-to-auth", ALL "= AUTH DIGEST-MD5\n> 250 welcome\ndrain", NULL, "", VEREDA_ERROR_PROTOCOL, NULL, -1 },
  { "AUT-9/354-to-auth", ALL "= AUTH DIGEST-MD5\n> 354 go\ndrain", NULL, "", VEREDA_ERROR_PROTOCOL, NULL, -1 },

  /* broken challenges */
  { "AUT-5/not-base64", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n> 334 !!!!\n= *\n> 501 cancelled\n= QUIT\n> 221 bye", NULL,
    "", VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-5/cut-short", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n> 334 YWJ\n= *\n> 501 cancelled\n= QUIT\n> 221 bye", NULL,
    "", VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-5/two-words", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n> 334 YWJj YWJj\n= *\n> 501 cancelled\n= QUIT\n> 221 bye",
    NULL, "", VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-5/padding-inside",
    "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n> 334 YW==YWJj\n= *\n> 501 cancelled\n= QUIT\n> 221 bye", NULL, "",
    VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-5/several-lines",
    "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n> 334-YWJj\n> 334 YWJj\n= *\n> 501 cancelled\n= QUIT\n> 221 bye", NULL, "",
    VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-7/equals-sign", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n> 334 =\n= *\n> 501 cancelled\n= QUIT\n> 221 bye", NULL,
    "", VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-5/then-the-next",
    ALL "= AUTH DIGEST-MD5\n> 334 ????\n= *\n> 501 cancelled\n= AUTH CRAM-MD5\n" CHALLENGE "<\n> 235 ok\nserve", NULL, "", 0,
    NULL, 0 },
  { "AUT-6/cancel-answered-by-535",
    ALL "= AUTH DIGEST-MD5\n> 334 ????\n= *\n> 535 no\n= AUTH CRAM-MD5\n" CHALLENGE "<\n> 235 ok\nserve", NULL, "", 0, NULL,
    0 },
  { "AUT-6/cancel-answered-by-a-challenge", ALL "= AUTH DIGEST-MD5\n> 334 ????\n= *\n> 334 YWJj\ndrain", NULL, "",
    VEREDA_ERROR_PROTOCOL, NULL, -1 },
  { "AUT-6/cancel-answered-by-235", ALL "= AUTH DIGEST-MD5\n> 334 ????\n= *\n> 235 welcome\ndrain", NULL, "",
    VEREDA_ERROR_PROTOCOL, NULL, -1 },
  { "AUT-6/one-challenge-too-many",
    "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n" CHALLENGE "<\n" CHALLENGE "= *\n> 501 cancelled\n= QUIT\n> 221 bye", NULL, "",
    VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-6/login-asked-thrice",
    "ext AUTH LOGIN\nhello\n= AUTH LOGIN\n> 334 YQ==\n<\n> 334 YQ==\n<\n> 334 YQ==\n= *\n> 501 cancelled\n= QUIT\n> 221 bye",
    NULL, "", VEREDA_ERROR_AUTH, NULL, 0 },
  { "PLN-3/plain-asked-again", "ext AUTH PLAIN\nhello\n< AUTH PLAIN \n> 334 YWJj\n= *\n> 501 cancelled\n= QUIT\n> 221 bye",
    NULL, "", VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-6/endless-challenges", "ext AUTH CRAM-MD5\nhello\non AUTH = 334 YWJj\non * = 334 YWJj\non dGlt = 334 YWJj\nserve",
    NULL, "", VEREDA_ERROR_PROTOCOL, NULL, -1 },
  { "RPL-10/megabyte-challenge", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n@megabyte\ndrain", NULL, "", VEREDA_ERROR_PROTOCOL,
    NULL, -1 },

  /* refusals: order and fall-through */
  { "AUT-10/strongest-first",
    ALL "= AUTH DIGEST-MD5\n> 535 no\n= AUTH CRAM-MD5\n" CHALLENGE
        "<\n> 535 no\n< AUTH PLAIN \n> 535 5.7.8 no\n= QUIT\n> 221 bye",
    "ext AUTH LOGIN PLAIN CRAM-MD5 DIGEST-MD5\nhello\n= AUTH LOGIN\n> 334 VXNlcm5hbWU6\n<\n> 334 UGFzc3dvcmQ6\n<\n> 535 5.7.8 "
    "no\n= QUIT\n> 221 bye",
    "", VEREDA_ERROR_AUTH, "LOGIN: 535", 0 },
  { "AUT-18/the-fourth-on-a-new-connection", ALL "on AUTH = 535 no\nserve",
    "ext AUTH LOGIN PLAIN CRAM-MD5 DIGEST-MD5\nhello\n= AUTH LOGIN\n> 334 VXNlcm5hbWU6\n<\n> 334 UGFzc3dvcmQ6\n<\n> 235 ok\n< "
    "MAIL\n> 250 ok\nserve",
    "", 0, NULL, 0 },
  { "AUT-9/stop-at-535", ALL "= AUTH DIGEST-MD5\n> 535 5.7.8 no\n= QUIT\n> 221 bye", NULL, "auth-fallback=stop",
    VEREDA_ERROR_AUTH, "535", 0 },
  { "AUT-9/454-stops", ALL "= AUTH DIGEST-MD5\n> 454 4.7.0 later\n= QUIT\n> 221 bye", NULL, "", VEREDA_ERROR_AUTH, "454", 1 },
  { "AUT-9/432-stops", ALL "= AUTH DIGEST-MD5\n> 432 4.7.12 transition\n= QUIT\n> 221 bye", NULL, "", VEREDA_ERROR_AUTH, "432",
    -1 },
  { "AUT-9/538-stops", ALL "= AUTH DIGEST-MD5\n> 538 5.7.11 encryption needed\n= QUIT\n> 221 bye", NULL, "", VEREDA_ERROR_AUTH,
    "538", 0 },
  { "AUT-9/530-stops", ALL "= AUTH DIGEST-MD5\n> 530 5.7.0 starttls first\n= QUIT\n> 221 bye", NULL, "", VEREDA_ERROR_AUTH,
    "530", 0 },
  { "AUT-9/534-never-weaker", ALL "= AUTH DIGEST-MD5\n> 534 5.7.9 too weak\n= QUIT\n> 221 bye", NULL, "", VEREDA_ERROR_AUTH,
    "534", 0 },
  { "AUT-9/534-then-stronger", ALL "< AUTH PLAIN \n> 534 5.7.9 too weak\n= AUTH CRAM-MD5\n" CHALLENGE "<\n> 235 ok\nserve",
    NULL, "auth=LOGIN,PLAIN,CRAM-MD5;no-auth=LOGIN", 0, NULL, 0 },
  { "AUT-9/504-next", ALL "= AUTH DIGEST-MD5\n> 504 5.5.4 unknown\n= AUTH CRAM-MD5\n" CHALLENGE "<\n> 235 ok\nserve", NULL, "",
    0, NULL, 0 },
  { "AUT-9/500-next", ALL "= AUTH DIGEST-MD5\n> 500 what\n= AUTH CRAM-MD5\n" CHALLENGE "<\n> 235 ok\nserve", NULL, "", 0, NULL,
    0 },
  { "AUT-9/502-next", ALL "= AUTH DIGEST-MD5\n> 502 what\n= AUTH CRAM-MD5\n" CHALLENGE "<\n> 235 ok\nserve", NULL, "", 0, NULL,
    0 },
  { "AUT-9/501-without-initial-response",
    "ext AUTH PLAIN\nhello\n< AUTH PLAIN \n> 501 5.5.2 no\n= AUTH PLAIN\n> 334 \n< AHRpbUBleGFtcGxlLnRlc3QA\n> 235 ok\nserve",
    NULL, "", 0, NULL, 0 },
  { "AUT-9/500-5.5.6-without-initial-response",
    "ext AUTH PLAIN\nhello\n< AUTH PLAIN \n> 500 5.5.6 line too long\n= AUTH PLAIN\n> 334 \n< AHRpbUBleGFtcGxlLnRlc3QA\n> 235 "
    "ok\nserve",
    NULL, "", 0, NULL, 0 },
  { "AUT-9/501-twice",
    "ext AUTH PLAIN LOGIN\nhello\n< AUTH PLAIN \n> 501 5.5.2 no\n= AUTH PLAIN\n> 501 5.5.2 no\n= AUTH LOGIN\n> 535 no\n= "
    "QUIT\n> 221 bye",
    NULL, "", VEREDA_ERROR_AUTH, "LOGIN: 535", 0 },
  { "AUT-9/421", ALL "= AUTH DIGEST-MD5\n> 421 4.3.2 closing\nclose", NULL, "", VEREDA_ERROR_CLOSED, "421", 1 },
  { "AUT-9/421-in-the-exchange", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n" CHALLENGE "<\n> 421 4.3.2 closing\nclose", NULL,
    "", VEREDA_ERROR_CLOSED, "421", 1 },
  { "RPL-15/closed-in-the-exchange", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n" CHALLENGE "<\nclose", NULL, "",
    VEREDA_ERROR_CLOSED, NULL, 1 },
  { "RPL-15/reset-in-the-exchange", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n" CHALLENGE "<\nrst", NULL, "",
    VEREDA_ERROR_CLOSED, NULL, 1 },
  { "TMO-1/silent-in-the-exchange", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n" CHALLENGE "<\ndrain", NULL,
    "timeout-command=0.3", VEREDA_ERROR_TIMEOUT, NULL, 1 },

  /* what the caller allows */
  { "AUT-10/list", ALL "< AUTH PLAIN \n> 535 no\n= AUTH CRAM-MD5\n> 535 no\n= QUIT\n> 221 bye", NULL, "auth=PLAIN,CRAM-MD5",
    VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-10/not-these", ALL "= AUTH LOGIN\n> 535 no\n= QUIT\n> 221 bye", NULL, "no-auth=PLAIN,CRAM-MD5,DIGEST-MD5",
    VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-10/no-historic", ALL "< AUTH PLAIN \n> 535 no\n= AUTH LOGIN\n> 535 no\n= QUIT\n> 221 bye", NULL,
    "no-historic-auth=yes", VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-13/least-strength", ALL "= AUTH DIGEST-MD5\n> 535 no\n= AUTH CRAM-MD5\n> 535 no\n= QUIT\n> 221 bye", NULL,
    "auth-min-strength=2000", VEREDA_ERROR_AUTH, NULL, 0 },
  { "AUT-13/least-strength-not-offered", "ext AUTH PLAIN LOGIN\nhello\n= QUIT\n> 221 bye", NULL, "auth-min-strength=2000",
    VEREDA_ERROR_POLICY, "PLAIN", 0 },
  { "AUT-14/optional", ALL "on AUTH = 535 no\nserve",
    "ext AUTH LOGIN PLAIN CRAM-MD5 DIGEST-MD5\nhello\non AUTH = 535 no\nserve", "auth-optional=yes", 0, NULL, 0 },
  { "AUT-14/optional-none-offered", "ext SIZE\nhello\n< MAIL\n> 250 ok\nserve", NULL, "auth-optional=yes", 0, NULL, 0 },
  { "AUT-14/none-offered", "ext SIZE\nhello\n= QUIT\n> 221 bye", NULL, "", VEREDA_ERROR_AUTH, "offers none", 0 },
  { "AUT-14/none-known", "ext AUTH GSSAPI X-OWN\nhello\n= QUIT\n> 221 bye", NULL, "", VEREDA_ERROR_AUTH, "GSSAPI", 0 },
  { "AUT-14/ehlo-not-known", "> 220 kit.test\n< EHLO\n> 502 what\n= QUIT\n> 221 bye", NULL, "", VEREDA_ERROR_EHLO, NULL, 0 },
};

typedef struct
{
  const Row *row;
  const char *how; /* a back end, or "clear" */
} Case;

static char *
expand (const char *script, const char *how)
{
  g_autofree char *whole = fault_auth_script (script, how);
  GString *text = g_string_new (whole);

  for (int i = 0; i < 2; i++)
    {
      g_autofree char *challenge = g_strnfill (i == 0 ? 9000 : 700000, 'c');
      g_autofree char *coded = g_base64_encode ((const guchar *) challenge, strlen (challenge));
      g_autofree char *line = g_strconcat ("> 334 ", coded, NULL);

      g_string_replace (text, i == 0 ? "@long" : "@megabyte", line, 0);
    }
  return g_string_free (text, FALSE);
}

static void
test_row (gconstpointer data)
{
  const Case *c = data;
  g_autofree char *first = expand (c->row->script, c->how),
                  *again = c->row->again != NULL ? expand (c->row->again, c->how) : NULL;
  g_autoptr (KitScript) server = kit_script_new (first, again, NULL);
  g_autoptr (Fault) fault = fault_new_auth (c->how);
  gboolean shows = strstr (c->row->script, "PLAIN") != NULL || strstr (c->row->script, "LOGIN") != NULL;

  kit_set_all (fault->options, c->row->options);
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_clean (server);
  fault_expect_connections (server, again != NULL ? 2 : 1);
  if (c->row->code == 0)
    fault_expect_sent (fault);
  else
    {
      fault_expect_error (fault, (VeredaErrorCode) c->row->code, c->row->part);
      g_assert_cmpuint (kit_script_count (server, -1, "MAIL"), ==, 0);
      if (c->row->transient >= 0)
        g_assert_cmpint (vereda_result_is_transient (fault->result), ==, c->row->transient);
    }
  /* Where nothing that shows the password was offered, it is nowhere at all. */
  if (!g_str_equal (c->how, "clear") || !shows)
    fault_expect_no_secret (fault, server, !shows);
  /* A server whose proof failed, or whose word came too early, is shown nothing afterwards. */
  if (g_str_has_prefix (c->row->name, "DIG-6/") && c->row->code != 0)
    {
      fault_expect_no_secret (fault, server, TRUE);
      g_assert_cmpuint (kit_script_count (server, -1, "AUTH"), ==, 1);
    }
}

/* Each attempt is in the log, in order. */
static void
test_attempt_log (gconstpointer how)
{
  g_autofree char *first = expand (ALL "on AUTH = 535 5.7.8 no\nserve", how);
  g_autofree char *again = expand (
      "ext AUTH LOGIN PLAIN CRAM-MD5 DIGEST-MD5\nhello\n= AUTH LOGIN\n> 334 YQ==\n<\n> 334 YQ==\n<\n> 235 ok\nserve", how);
  g_autoptr (KitScript) server = kit_script_new (first, again, NULL);
  g_autoptr (Fault) fault = fault_new_auth (how);
  g_autoptr (GString) seen = g_string_new (NULL);

  fault_server (fault, server);
  fault_send (fault);
  fault_expect_sent (fault);
  for (guint i = 0; i < vereda_result_get_n_attempts (fault->result); i++)
    {
      VeredaAttempt *attempt = vereda_result_get_attempt (fault->result, i);
      VeredaReply *reply = vereda_attempt_get_reply (attempt);
      g_auto (GStrv) words = g_strsplit (vereda_attempt_get_detail (attempt), ":", 2);

      if (vereda_attempt_get_stage (attempt) == VEREDA_STAGE_AUTH && strchr (words[0], '.') == NULL)
        g_string_append_printf (seen, "%s %d %s; ", words[0], reply != NULL ? vereda_reply_get_code (reply) : 0,
                                vereda_decision_name (vereda_attempt_get_decision (attempt)));
    }
  g_assert_cmpstr (
      seen->str, ==,
      "DIGEST-MD5 535 next-mechanism; CRAM-MD5 535 next-mechanism; PLAIN 535 next-mechanism; LOGIN 235 continue; ");
  fault_expect_attempt (fault, VEREDA_STAGE_AUTH, VEREDA_DECISION_RECONNECT, NULL);
}

/* ---- the floor ---- */

static void
test_floor (void)
{
  static const struct
  {
    const char *script, *tls;
    int code;
  } floors[] = {
    { "ext AUTH PLAIN LOGIN\nhello\nserve", "never", VEREDA_ERROR_POLICY },
    { "ext AUTH PLAIN\nhello\nserve", "never", VEREDA_ERROR_POLICY },
    { "ext AUTH=LOGIN;auth plain\nhello\nserve", "never", VEREDA_ERROR_POLICY },
    { "ext AUTH PLAIN LOGIN\nhello\nserve", "auto", VEREDA_ERROR_TLS },
    { "ext AUTH PLAIN LOGIN\nhello\nserve", "opportunistic", VEREDA_ERROR_TLS },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (floors); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (floors[i].script, NULL);
      g_autoptr (Fault) fault = fault_new ();

      fault_server (fault, server);
      fault_set (fault, "tls", floors[i].tls);
      fault_credentials (fault);
      fault_send (fault);
      fault_expect_error (fault, (VeredaErrorCode) floors[i].code, NULL);
      fault_expect_no_secret (fault, server, TRUE);
      fault_expect_no_mail_in_clear (server);
    }
}

/* A mechanism that shows no password may be used in clear; its refusal opens no door to one that does. */
static void
test_floor_after_refusal (void)
{
  g_autoptr (KitScript) server = kit_script_new (ALL "on AUTH = 535 5.7.8 no\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_server (fault, server);
  fault_set (fault, "tls", "never");
  fault_credentials (fault);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_AUTH, "insecure-cleartext-auth");
  fault_expect_no_secret (fault, server, TRUE);
  g_assert_cmpuint (kit_script_count (server, -1, "AUTH "), ==, 2);
  g_assert_cmpuint (kit_script_count (server, -1, "AUTH PLAIN") + kit_script_count (server, -1, "AUTH LOGIN"), ==, 0);
}

/* The search for the secret finds it where it is: the tests above can fail. */
static void
test_secret_is_found (void)
{
  g_autoptr (KitScript) server = kit_script_new ("ext AUTH PLAIN\nhello\nserve", NULL);
  g_autoptr (KitScript) other
      = kit_script_new ("ext AUTH LOGIN\nhello\n<\n> 334 YQ==\n<\n> 334 YQ==\n<\n> 235 ok\nserve", NULL);
  KitScript *const both[] = { server, other };

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (Fault) fault = fault_new_auth ("clear");
      const GByteArray *clear;

      fault_server (fault, both[i]);
      fault_send (fault);
      fault_expect_sent (fault);
      fault_expect_clean (both[i]);
      clear = kit_script_clear (both[i], 0);
      g_assert_true (fault_holds_secret (clear->data, clear->len, FAULT_PASSWORD));
    }
  for (int shift = 0; shift < 3; shift++)
    {
      g_autofree char *text = g_strconcat (&"ab"[2 - shift], FAULT_PASSWORD, "cd", NULL);
      g_autofree char *coded = g_base64_encode ((const guchar *) text, strlen (text));

      g_assert_true (fault_holds_secret (coded, strlen (coded), FAULT_PASSWORD));
    }
  g_assert_false (fault_holds_secret (FAULT_MESSAGE, strlen (FAULT_MESSAGE), FAULT_PASSWORD));
}

/* ---- AUT-3: 512 octets ---- */

static void
test_long_password (gconstpointer how)
{
  /* 11 octets of "AUTH PLAIN ", 2 of CRLF: 499 are left, so 496 digits of base64 or 372 octets, less user name and NULs. */
  const gsize most = 372 - 2 - strlen (FAULT_USER);

  for (gsize size = most; size <= most + 1; size++)
    {
      g_autofree char *password = g_strnfill (size, 'p');
      g_autofree char *script = expand (size == most ? "ext AUTH PLAIN\nhello\n< AUTH PLAIN AHRpb\n> 235 ok\nserve"
                                                     : "ext AUTH PLAIN\nhello\n= AUTH PLAIN\n> 334 \n< AHRpb\n> 235 ok\nserve",
                                        how);
      g_autoptr (KitScript) server = kit_script_new (script, NULL);
      g_autoptr (Fault) fault = fault_new_auth (how);

      vereda_options_set_password (fault->options, password);
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_clean (server);
      fault_expect_sent (fault);
      g_assert_cmpuint (strlen (kit_script_line (server, 0, "AUTH PLAIN", 0)), <=, 510);
    }
}

/* ---- all of them ---- */

static void
add_row (const Row *row, const char *how)
{
  g_autofree char *path = g_strdup_printf ("/%s/%s", row->name, how);
  Case *c = g_new (Case, 1);

  *c = (Case){ row, how };
  g_test_add_data_func_full (path, c, test_row, g_free);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const char *const *backends = fault_backends ();

      add_row (&rows[i], "clear");
      for (guint b = 0; backends[b] != NULL; b++)
        add_row (&rows[i], backends[b]);
    }
  fault_add_everywhere ("/AUT-10/attempt-log", test_attempt_log);
  g_test_add_func ("/AUT-11/floor", test_floor);
  g_test_add_func ("/AUT-12/floor-after-refusal", test_floor_after_refusal);
  g_test_add_func ("/kit/secret-is-found", test_secret_is_found);
  fault_add_everywhere ("/AUT-3/long-password", test_long_password);
  return g_test_run ();
}

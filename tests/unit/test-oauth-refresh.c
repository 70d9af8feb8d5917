/* SPDX-License-Identifier: MIT */
/*
 * Tokens through the public API, against scripted servers with TLS: how long ones travel, when the application is asked for a
 * fresh one and with what reason, and that one expired token is refused once.
 */
#include <string.h>
#include <vereda/vereda.h>

#include "scriptserver.h"
#include "sending.h"

#define EXPIRED "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=" /* {"status":"401","schemes":"bearer"} */
#define SCOPE                                                                                                                  \
  "eyJzdGF0dXMiOiJpbnN1ZmZpY2llbnRfc2NvcGUiLCJzY29wZSI6InNtdHAifQ==" /* {"status":"insufficient_scope","scope":"smtp"} */
#define BOTH         "tls good\next AUTH OAUTHBEARER XOAUTH2\nhello\n"
#define REFUSE_O     "< AUTH OAUTHBEARER \n> 334 " EXPIRED "\n= AQ==\n> 535 5.7.8 no\n"
#define REFUSE_X     "< AUTH XOAUTH2 \n> 334 " EXPIRED "\n= \n> 535 5.7.8 no\n"
#define REFUSE_BLUNT "> 535 5.7.8 no\n"
#define ACCEPT       "> 235 ok\nserve"

typedef struct
{
  const char *tokens[4]; /* in the order asked for; NULL: decline */
  VeredaCredentialReason reasons[4];
  guint asked;
} Wallet;

static void
on_credential (VeredaCredentialRequest *request, gpointer data)
{
  Wallet *wallet = data;
  const char *token;

  if (vereda_credential_request_get_kind (request) != VEREDA_CREDENTIAL_TOKEN)
    {
      vereda_credential_request_decline (request);
      return;
    }
  g_assert_cmpuint (wallet->asked, <, G_N_ELEMENTS (wallet->reasons));
  g_assert_cmpstr (vereda_credential_request_get_user (request), ==, "ann@example.test");
  wallet->reasons[wallet->asked] = vereda_credential_request_get_reason (request);
  token = wallet->tokens[wallet->asked++];
  if (token != NULL)
    vereda_credential_request_answer (request, token, strlen (token));
  else
    vereda_credential_request_decline (request);
}

static VeredaOptions *
options_for (KitScript *server)
{
  g_autofree char *roots = g_build_filename (g_getenv ("VEREDA_TEST_CERTS"), "root.pem", NULL);

  return kit_options_printf ("servers=127.0.0.1:%u;client=client.example.test;tls=implicit;ca-file=%s;"
                             "username=ann@example.test;deadline=20",
                             kit_script_port (server), roots);
}

static VeredaResult *
send_one (VeredaOptions *options)
{
  g_autoptr (VeredaSender) sender = kit_sender_new (options);
  VeredaResult *result = kit_submit_text (sender, KIT_SMALL, NULL, NULL);

  vereda_sender_run (sender);
  return result;
}

/* What the i-th AUTH of mechanism carried as its initial response; free with g_free. */
static char *
carried (KitScript *server, const char *mechanism, guint i)
{
  g_autofree char *prefix = g_strdup_printf ("AUTH %s ", mechanism);
  const char *line = kit_script_line (server, 0, prefix, i);
  gsize size;

  g_assert_nonnull (line);
  guchar *octets = g_base64_decode (line + strlen (prefix), &size);
  for (gsize k = 0; k < size; k++)
    if (octets[k] == '\001')
      octets[k] = '|';
  char *text = g_strndup ((char *) octets, size);
  g_free (octets);
  return text;
}

static void
assert_script (KitScript *server)
{
  kit_script_settle (server);
  for (guint i = 0; i < kit_script_connections (server); i++)
    g_assert_cmpstr (kit_script_problem (server, i), ==, NULL);
}

/* OAU-5: asked again with the reason, and the same mechanism has the new token; XOAUTH2 is not tried with the old one. */
static void
test_refreshed (void)
{
  static const struct
  {
    const char *script, *mechanism;
    VeredaCredentialReason reason;
  } rows[] = {
    { BOTH REFUSE_O "< AUTH OAUTHBEARER \n" ACCEPT, "OAUTHBEARER", VEREDA_CREDENTIAL_EXPIRED },
    { BOTH "< AUTH OAUTHBEARER \n" REFUSE_BLUNT "< AUTH OAUTHBEARER \n" ACCEPT, "OAUTHBEARER", VEREDA_CREDENTIAL_REJECTED },
    { BOTH "< AUTH OAUTHBEARER \n> 334 " SCOPE "\n= AQ==\n> 535 no\n< AUTH OAUTHBEARER \n" ACCEPT, "OAUTHBEARER",
      VEREDA_CREDENTIAL_REJECTED },
    { "tls good\next AUTH XOAUTH2\nhello\n" REFUSE_X "< AUTH XOAUTH2 \n" ACCEPT, "XOAUTH2", VEREDA_CREDENTIAL_EXPIRED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (VeredaOptions) options = options_for (server);
      Wallet wallet = { .tokens = { "old", "new" } };

      vereda_options_set_credential_callback (options, on_credential, &wallet);
      g_autoptr (VeredaResult) result = send_one (options);

      g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
      assert_script (server);
      g_assert_cmpuint (wallet.asked, ==, 2);
      g_assert_cmpint (wallet.reasons[0], ==, VEREDA_CREDENTIAL_FIRST);
      g_assert_cmpint (wallet.reasons[1], ==, rows[i].reason);
      g_autofree char *first = carried (server, rows[i].mechanism, 0);
      g_autofree char *second = carried (server, rows[i].mechanism, 1);
      g_assert_true (g_str_has_suffix (first, "|auth=Bearer old||"));
      g_assert_true (g_str_has_suffix (second, "|auth=Bearer new||"));
      if (g_str_equal (rows[i].mechanism, "OAUTHBEARER"))
        {
          g_autofree char *expected
              = g_strdup_printf ("n,a=ann@example.test,|host=127.0.0.1|port=%u|auth=Bearer new||", kit_script_port (server));

          g_assert_cmpstr (second, ==, expected);
          g_assert_cmpuint (kit_script_count (server, -1, "AUTH XOAUTH2"), ==, 0);
        }
    }
}

/* OAU-5: then it stops, with the server's words, and nothing is sent. */
static void
test_refreshed_once (void)
{
  static const char *const scripts[] = {
    BOTH REFUSE_O REFUSE_O "serve",
    BOTH "< AUTH OAUTHBEARER \n" REFUSE_BLUNT "< AUTH OAUTHBEARER \n" REFUSE_BLUNT "serve",
    BOTH "< AUTH OAUTHBEARER \n" REFUSE_BLUNT REFUSE_O "serve",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (scripts[i], NULL);
      g_autoptr (VeredaOptions) options = options_for (server);
      Wallet wallet = { .tokens = { "old", "new", "newer" } };

      vereda_options_set_credential_callback (options, on_credential, &wallet);
      g_autoptr (VeredaResult) result = send_one (options);

      g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_NOT_SENT);
      g_assert_error (vereda_result_get_error (result), VEREDA_ERROR, VEREDA_ERROR_AUTH);
      assert_script (server);
      g_assert_cmpuint (wallet.asked, ==, 2);
      g_assert_cmpuint (kit_script_connections (server), ==, 1);
      g_assert_cmpuint (kit_script_count (server, -1, "AUTH "), ==, 2);
      g_assert_cmpuint (kit_script_count (server, -1, "MAIL"), ==, 0);
      if (i == 0)
        g_assert_nonnull (strstr (vereda_result_get_error (result)->message, "status 401"));
    }
}

/* A fixed token that has expired, and one that is not renewed, cost one refusal, not one for each mechanism. */
static void
test_one_refusal (void)
{
  for (guint declined = 0; declined < 2; declined++)
    {
      g_autoptr (KitScript) server = kit_script_new (BOTH REFUSE_O "serve", NULL);
      g_autoptr (VeredaOptions) options = options_for (server);
      Wallet wallet = { .tokens = { "old", NULL } };

      if (declined)
        vereda_options_set_credential_callback (options, on_credential, &wallet);
      else
        vereda_options_set_token (options, "old");
      g_autoptr (VeredaResult) result = send_one (options);

      g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_NOT_SENT);
      assert_script (server);
      g_assert_cmpuint (wallet.asked, ==, declined ? 2 : 0);
      g_assert_cmpuint (kit_script_count (server, -1, "AUTH "), ==, 1);
    }
}

/* A refusal without a reason may be the mechanism's fault: a token that cannot be renewed has its chance with the other one. */
static void
test_blunt_then_next (void)
{
  g_autoptr (KitScript) server = kit_script_new (BOTH "< AUTH OAUTHBEARER \n" REFUSE_BLUNT "< AUTH XOAUTH2 \n" ACCEPT, NULL);
  g_autoptr (VeredaOptions) options = options_for (server);

  vereda_options_set_token (options, "fixed");
  g_autoptr (VeredaResult) result = send_one (options);
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
  assert_script (server);
}

/* auth-fallback=stop spares accounts that lock; an expired token locks none. */
static void
test_stop (void)
{
  static const struct
  {
    const char *script;
    VeredaVerdict verdict;
    guint asked;
  } rows[] = {
    { BOTH REFUSE_O "< AUTH OAUTHBEARER \n" ACCEPT, VEREDA_SENT, 2 },
    { BOTH REFUSE_O REFUSE_O "serve", VEREDA_NOT_SENT, 2 },
    { BOTH "< AUTH OAUTHBEARER \n" REFUSE_BLUNT "serve", VEREDA_NOT_SENT, 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new (rows[i].script, NULL);
      g_autoptr (VeredaOptions) options = options_for (server);
      Wallet wallet = { .tokens = { "old", "new", "newer" } };

      kit_set (options, "auth-fallback", "stop");
      vereda_options_set_credential_callback (options, on_credential, &wallet);
      g_autoptr (VeredaResult) result = send_one (options);
      g_assert_cmpint (vereda_result_get_verdict (result), ==, rows[i].verdict);
      assert_script (server);
      g_assert_cmpuint (wallet.asked, ==, rows[i].asked);
    }
}

/* AUT-3: a token too long for the AUTH line waits for the empty challenge. */
static void
test_long (void)
{
  static const gsize sizes[] = { 100, 1500, 8192 };
  static const char *const mechanisms[] = { "OAUTHBEARER", "XOAUTH2" };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes) * G_N_ELEMENTS (mechanisms); i++)
    {
      const char *mechanism = mechanisms[i % 2];
      gsize size = sizes[i / 2];
      g_autofree char *script = g_strdup_printf ("tls good\next AUTH %s\nhello\n%s AUTH %s%s\n" ACCEPT, mechanism,
                                                 size > 400 ? "=" : "<", mechanism, size > 400 ? "\n> 334 \n<" : " ");
      g_autoptr (KitScript) server = kit_script_new (script, NULL);
      g_autoptr (VeredaOptions) options = options_for (server);
      g_autofree char *token = g_strnfill (size, 'k');

      vereda_options_set_token (options, token);
      g_autoptr (VeredaResult) result = send_one (options);
      g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_SENT);
      assert_script (server);
      if (size > 400)
        {
          const char *line = kit_script_line (server, 0, g_str_equal (mechanism, "XOAUTH2") ? "dXNlcj1" : "bixhPW", 0);
          gsize n;

          g_assert_nonnull (line);
          g_autofree guchar *octets = g_base64_decode (line, &n);
          g_assert_nonnull (memmem (octets, n, token, size));
        }
    }
}

/* OAU-4: never where others can read it, whatever is allowed. */
static void
test_never_in_clear (void)
{
  g_autoptr (KitScript) server = kit_script_new ("ext AUTH OAUTHBEARER XOAUTH2\nhello\nserve", NULL);
  g_autoptr (VeredaOptions) options = options_for (server);

  kit_set (options, "tls", "never");
  kit_set (options, "insecure-cleartext-auth", "yes");
  vereda_options_set_token (options, "secret");
  g_autoptr (VeredaResult) result = send_one (options);
  g_assert_cmpint (vereda_result_get_verdict (result), ==, VEREDA_NOT_SENT);
  assert_script (server);
  g_assert_cmpuint (kit_script_count (server, -1, "AUTH"), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/OAU-5/refreshed", test_refreshed);
  g_test_add_func ("/OAU-5/refreshed-once", test_refreshed_once);
  g_test_add_func ("/OAU-5/one-refusal", test_one_refusal);
  g_test_add_func ("/OAU-5/without-a-reason", test_blunt_then_next);
  g_test_add_func ("/OAU-5/auth-fallback-stop", test_stop);
  g_test_add_func ("/AUT-3/long-token", test_long);
  g_test_add_func ("/OAU-4/never-in-clear", test_never_in_clear);
  return g_test_run ();
}

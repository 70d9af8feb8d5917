/* SPDX-License-Identifier: MIT */
/*
 * Credentials on demand, answered, declined and never; and mechanisms whose plugins are not there.
 */
#include "fault.h"

#include <glib/gstdio.h>

#define ALL       "ext AUTH LOGIN PLAIN CRAM-MD5 DIGEST-MD5\nhello\n"
#define CHALLENGE "> 334 PDE4OTYuNjk3MTcwOTUyQGtpdC50ZXN0Pg==\n"

/* ---- credentials on demand ---- */

typedef enum
{
  ANSWER,
  DECLINE,
  IGNORE,
  KEEP
} Manner;

typedef struct
{
  Manner manner;
  guint asked;
  VeredaCredentialRequest *kept;
} Wallet;

static void
on_credential (VeredaCredentialRequest *request, gpointer data)
{
  Wallet *wallet = data;

  wallet->asked++;
  g_assert_cmpstr (vereda_credential_request_get_user (request), ==, FAULT_USER);
  g_assert_cmpstr (vereda_credential_request_get_server (request), ==, "127.0.0.1");
  if (vereda_credential_request_get_kind (request) != VEREDA_CREDENTIAL_PASSWORD || wallet->manner == DECLINE)
    vereda_credential_request_decline (request);
  else if (wallet->manner == ANSWER)
    vereda_credential_request_answer (request, FAULT_PASSWORD, strlen (FAULT_PASSWORD));
  else if (wallet->manner == KEEP)
    wallet->kept = vereda_credential_request_ref (request);
}

static Fault *
wallet_submission (const char *how, Wallet *wallet)
{
  Fault *fault = fault_new_auth (how);

  vereda_options_set_password (fault->options, NULL);
  vereda_options_set_credential_callback (fault->options, on_credential, wallet);
  return fault;
}

static void
test_credential_answered (gconstpointer how)
{
  static const char *const scripts[]
      = { "ext AUTH PLAIN\nhello\nserve", "ext AUTH CRAM-MD5\nhello\n= AUTH CRAM-MD5\n" CHALLENGE "<\n> 235 ok\nserve",
          "ext AUTH DIGEST-MD5\nhello\n= AUTH DIGEST-MD5\ndigest " FAULT_PASSWORD "\n=\n> 235 ok\nserve" };

  for (gsize i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autofree char *script = fault_auth_script (scripts[i], how);
      g_autoptr (KitScript) server = kit_script_new (script, NULL);
      Wallet wallet = { .manner = ANSWER };
      g_autoptr (Fault) fault = wallet_submission (how, &wallet);

      fault_server (fault, server);
      fault_send (fault);
      fault_expect_clean (server);
      fault_expect_sent (fault);
      g_assert_cmpuint (wallet.asked, ==, 1);
    }
}

/* Never asked for where it could not be used. */
static void
test_credential_not_asked (void)
{
  g_autoptr (KitScript) server = kit_script_new ("ext AUTH PLAIN\nhello\nserve", NULL);
  Wallet wallet = { .manner = ANSWER };
  g_autoptr (Fault) fault = wallet_submission ("clear", &wallet);

  fault_set (fault, "insecure-cleartext-auth", "no");
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_POLICY, NULL);
  g_assert_cmpuint (wallet.asked, ==, 0);
}

static void
test_credential_declined (gconstpointer how)
{
  static const Manner manners[] = { DECLINE, IGNORE };

  for (gsize i = 0; i < G_N_ELEMENTS (manners); i++)
    {
      g_autofree char *script
          = fault_auth_script (ALL "on * = 501 cancelled\non AUTH = 334 PDE4OTYuNjk3MTcwOTUyQGtpdC50ZXN0Pg==\nserve", how);
      g_autofree char *again
          = fault_auth_script (ALL "on * = 501 cancelled\non AUTH = 334 PDE4OTYuNjk3MTcwOTUyQGtpdC50ZXN0Pg==\nserve", how);
      g_autoptr (KitScript) server = kit_script_new (script, again, NULL);
      Wallet wallet = { .manner = manners[i] };
      g_autoptr (Fault) fault = wallet_submission (how, &wallet);

      fault_server (fault, server);
      fault_send (fault);
      fault_expect_error (fault, VEREDA_ERROR_AUTH, NULL);
      kit_script_settle (server);
      g_assert_cmpuint (kit_script_count (server, -1, "MAIL"), ==, 0);
      g_assert_cmpuint (wallet.asked, >=, 1);
    }
}

/* Asked, kept, and the deadline passes, or the server goes; then the answer comes to nobody, and nothing happens. */
static void
test_credential_too_late (gconstpointer how)
{
  for (int gone = 0; gone < 2; gone++)
    {
      g_autofree char *script
          = fault_auth_script (gone ? "ext AUTH CRAM-MD5\nhello\npause 50\nclose" : "ext AUTH CRAM-MD5\nhello\ndrain", how);
      g_autoptr (KitScript) server = kit_script_new (script, NULL);
      Wallet wallet = { .manner = KEEP };
      g_autoptr (Fault) fault = wallet_submission (how, &wallet);

      if (!gone)
        fault_set (fault, "deadline", "0.4");
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_error (fault, gone ? VEREDA_ERROR_CLOSED : VEREDA_ERROR_TIMEOUT, NULL);
      g_assert_nonnull (wallet.kept);
      vereda_credential_request_answer (wallet.kept, FAULT_PASSWORD, strlen (FAULT_PASSWORD));
      vereda_credential_request_unref (wallet.kept);
      fault_expect_no_secret (fault, server, TRUE);
    }
}

/* ---- the answer comes from another thread, and others go on ---- */

typedef struct
{
  VeredaCredentialRequest *request;
  KitScript *other;
  GThread *thread;
  guint asked;
  gboolean declines;
} Clerk;

/* A whole submission of its own while the first session waits; then the answer. */
static gpointer
clerk (gpointer data)
{
  Clerk *self = data;
  g_autoptr (Fault) fault = fault_new ();

  fault_server (fault, self->other);
  fault_send (fault);
  fault_expect_sent (fault);
  if (!self->declines)
    vereda_credential_request_answer (self->request, FAULT_PASSWORD, strlen (FAULT_PASSWORD));
  vereda_credential_request_unref (self->request); /* without an answer: there is none */
  return NULL;
}

static void
on_clerk (VeredaCredentialRequest *request, gpointer data)
{
  Clerk *self = data;

  self->asked++;
  self->request = vereda_credential_request_ref (request);
  self->thread = g_thread_new ("clerk", clerk, self);
}

static void
test_credential_other_thread (gconstpointer how)
{
  for (int declines = 0; declines < 2; declines++)
    {
      g_autofree char *script = fault_auth_script ("ext AUTH PLAIN\nhello\nserve", how);
      g_autoptr (KitScript) server = kit_script_new (script, NULL);
      g_autoptr (KitScript) other = kit_script_new ("hello\nserve", NULL);
      Clerk self = { .other = other, .declines = declines };
      g_autoptr (Fault) fault = fault_new_auth (how);

      vereda_options_set_password (fault->options, NULL);
      vereda_options_set_credential_callback (fault->options, on_clerk, &self);
      fault_server (fault, server);
      fault_send (fault);
      g_thread_join (self.thread);
      if (declines)
        fault_expect_error (fault, VEREDA_ERROR_AUTH, NULL);
      else
        fault_expect_sent (fault);
      g_assert_cmpuint (self.asked, ==, 1);
      kit_script_settle (other);
      g_assert_cmpuint (kit_script_count (other, -1, "MAIL"), ==, 1);
    }
}

/* A kept question holds the session no longer than a reply would. */
static void
test_credential_timeout (gconstpointer how)
{
  g_autofree char *script = fault_auth_script ("ext AUTH PLAIN\nhello\ndrain", how);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  Wallet wallet = { .manner = KEEP };
  g_autoptr (Fault) fault = wallet_submission (how, &wallet);
  gint64 begin = g_get_monotonic_time ();

  fault_set (fault, "timeout-command", "0.3");
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_TIMEOUT, NULL);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 300 * 1000);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5000 * 1000);
  g_assert_nonnull (wallet.kept);
  vereda_credential_request_unref (wallet.kept);
}

/* ---- a refusal, and asked again ---- */

typedef struct
{
  guint right_at; /* which answer is the right one, from 1; 0: none */
  guint stop_at;  /* which question is declined; 0: none */
  guint asked;
  GString *reasons;
} Guesser;

static void
on_guess (VeredaCredentialRequest *request, gpointer data)
{
  static const char *const words[] = { "", "first ", "rejected ", "expired " };
  Guesser *guesser = data;
  g_autofree char *wrong = g_strdup_printf ("wrong-%u", ++guesser->asked);
  const char *answer = guesser->asked == guesser->right_at ? FAULT_PASSWORD : wrong;

  if (vereda_credential_request_get_kind (request) != VEREDA_CREDENTIAL_PASSWORD)
    {
      guesser->asked--;
      vereda_credential_request_decline (request);
      return;
    }
  g_string_append (guesser->reasons, words[vereda_credential_request_get_reason (request)]);
  if (guesser->asked == guesser->stop_at)
    vereda_credential_request_decline (request);
  else
    vereda_credential_request_answer (request, answer, strlen (answer));
}

typedef struct
{
  const char *name, *script, *options;
  Guesser guesser;
  gboolean sent;
  const char *reasons;
  guint attempts; /* AUTH commands */
} GuessRow;

/* 535 to all but the right password. */
#define JUDGE "ext AUTH PLAIN\nhello\non AUTH PLAIN AHRpbUBleGFtcGxlLnRlc3QAd3Jvbmc = 535 5.7.8 no\nserve"

static const GuessRow guess_rows[] = {
  { "second-is-right", JUDGE, "", { .right_at = 2 }, TRUE, "first rejected ", 2 },
  { "third-is-right", JUDGE, "", { .right_at = 3 }, TRUE, "first rejected rejected ", 3 },
  { "never-right", JUDGE, "", { .right_at = 0 }, FALSE, "first rejected rejected ", 3 },
  { "declined-then", JUDGE, "", { .stop_at = 2 }, FALSE, "first rejected ", 1 },
  { "stop", JUDGE, "auth-fallback=stop", { .right_at = 2 }, FALSE, "first ", 1 },
  { "transient", "ext AUTH PLAIN\nhello\non AUTH = 454 4.7.0 later\nserve", "", { .right_at = 2 }, FALSE, "first ", 1 },
};

typedef struct
{
  const GuessRow *row;
  const char *how;
} GuessCase;

static void
test_credential_rejected (gconstpointer data)
{
  const GuessCase *c = data;
  g_autofree char *script = fault_auth_script (c->row->script, c->how);
  g_autoptr (KitScript) server = kit_script_new (script, script, script, NULL);
  Guesser guesser = c->row->guesser;
  g_autoptr (Fault) fault = fault_new_auth (c->how);

  guesser.reasons = g_string_new (NULL);
  vereda_options_set_password (fault->options, NULL);
  vereda_options_set_credential_callback (fault->options, on_guess, &guesser);
  if (*c->row->options != '\0')
    fault_set (fault, "auth-fallback", "stop");
  fault_server (fault, server);
  fault_send (fault);
  if (c->row->sent)
    fault_expect_sent (fault);
  else
    fault_expect_error (fault, VEREDA_ERROR_AUTH, NULL);
  kit_script_settle (server);
  g_assert_cmpstr (guesser.reasons->str, ==, c->row->reasons);
  g_assert_cmpuint (kit_script_count (server, -1, "AUTH PLAIN"), ==, c->row->attempts);
  g_string_free (guesser.reasons, TRUE);
}

static void
add_guesses (const char *how)
{
  for (gsize i = 0; i < G_N_ELEMENTS (guess_rows); i++)
    {
      g_autofree char *path = g_strdup_printf ("/SEC-10/credential-rejected/%s/%s", guess_rows[i].name, how);
      GuessCase *c = g_new (GuessCase, 1);

      *c = (GuessCase){ &guess_rows[i], how };
      g_test_add_data_func_full (path, c, test_credential_rejected, g_free);
    }
}

/* ---- plugins that are not there ---- */

static void
spoil_module (const char *dir, const char *stem)
{
  g_autofree char *leaf = g_strconcat (stem, ".so", NULL), *path = g_build_filename (dir, leaf, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents_full (path, "not an object", -1, G_FILE_SET_CONTENTS_NONE, 0644, &error);
  g_assert_no_error (error);
}

static void
test_plugin_broken (gconstpointer how)
{
  g_autofree char *script = fault_auth_script (ALL "< AUTH PLAIN \n> 235 ok\nserve", how);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  static const char *const without[] = { "auth_digest_md5", NULL };
  g_autoptr (FaultPlugins) dir = fault_plugins_new (without);
  g_autoptr (Fault) fault = fault_new_auth (how);

  spoil_module (dir, "auth_cram_md5");
  fault_use_plugins (fault, dir);
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_clean (server); /* DIGEST-MD5 is gone, CRAM-MD5 does not load: PLAIN */
  fault_expect_sent (fault);
  fault_expect_attempt (fault, VEREDA_STAGE_PLUGIN, VEREDA_DECISION_NEXT_MECHANISM, "CRAM-MD5");
}

static void
test_plugins_all_gone (gconstpointer how)
{
  static const char *const without[] = { "auth_digest_md5", "auth_cram_md5", "auth_plain", "auth_login", NULL };
  g_autofree char *script = fault_auth_script (ALL "= QUIT\n> 221 bye", how);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  g_autoptr (FaultPlugins) dir = fault_plugins_new (without);
  g_autoptr (Fault) fault = fault_new_auth (how);

  fault_use_plugins (fault, dir);
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_AUTH, "no plugin has it");
  fault_expect_clean (server);
  fault_expect_no_secret (fault, server, TRUE);
}

/* The module is gone, its keyfile is still there. */
static void
test_plugin_module_gone (gconstpointer how)
{
  g_autofree char *script = fault_auth_script ("ext AUTH CRAM-MD5 PLAIN\nhello\n< AUTH PLAIN \n> 235 ok\nserve", how);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  g_autoptr (FaultPlugins) dir = fault_plugins_new (NULL);
  g_autofree char *module = g_build_filename (dir, "auth_cram_md5.so", NULL);
  g_autoptr (Fault) fault = fault_new_auth (how);

  g_assert_cmpint (g_unlink (module), ==, 0);
  fault_use_plugins (fault, dir);
  fault_server (fault, server);
  fault_send (fault);
  fault_expect_clean (server);
  fault_expect_sent (fault);
  fault_expect_attempt (fault, VEREDA_STAGE_PLUGIN, VEREDA_DECISION_NEXT_MECHANISM, "CRAM-MD5");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fault_add_everywhere ("/SEC-10/credential-answered", test_credential_answered);
  g_test_add_func ("/SEC-10/credential-not-asked", test_credential_not_asked);
  fault_add_everywhere ("/SEC-10/credential-declined", test_credential_declined);
  fault_add_everywhere ("/SEC-10/credential-too-late", test_credential_too_late);
  fault_add_everywhere ("/SEC-10/credential-from-another-thread", test_credential_other_thread);
  fault_add_everywhere ("/TMO-1/credential-kept", test_credential_timeout);
  add_guesses ("clear");
  for (guint i = 0; fault_backends ()[i] != NULL; i++)
    add_guesses (fault_backends ()[i]);
  fault_add_everywhere ("/plugins/mechanism-broken", test_plugin_broken);
  fault_add_everywhere ("/plugins/mechanisms-gone", test_plugins_all_gone);
  fault_add_everywhere ("/plugins/module-gone", test_plugin_module_gone);
  return g_test_run ();
}

/* SPDX-License-Identifier: MIT */
/* Tests of the explanation: order, reasons, and that nothing is opened.  The plugins are keyfiles only: there is no module to open. */
#include <string.h>
#include <vereda/vereda.h>

#include "../zoo/pen.h"
#include "core/plugin/loader.h"

#define PLAIN  "[Mechanism PLAIN]\nExposure=password\nNeeds=authcid;password\nFlags=client-first\n"
#define LOGIN  "[Mechanism LOGIN]\nExposure=password\nNeeds=authcid;password\n"
#define CRAM   "[Mechanism CRAM-MD5]\nExposure=weak-proof\nHash=128\nNeeds=authcid;password\nFlags=historic\n"
#define DIGEST "[Mechanism DIGEST-MD5]\nExposure=weak-proof\nTraits=mutual\nHash=128\nNeeds=authcid;password\nFlags=historic\n"
#define PLUS                                                                                                                   \
  "[Mechanism SCRAM-SHA-256-PLUS]\nExposure=bound-proof\nTraits=mutual;binding\nHash=256\nNeeds=authcid;password\n"            \
  "Flags=client-first;server-last;needs-binding\n"
#define BEARER   "[Mechanism OAUTHBEARER]\nExposure=token\nNeeds=authcid;token\nFlags=client-first\n"
#define EXTERNAL "[Mechanism EXTERNAL]\nExposure=nothing\nFlags=client-first\n"

#define VERIFIED (VEREDA_CONNECTION_VERIFIED | VEREDA_CONNECTION_BINDING)

typedef struct
{
  PenDir *dir;
  VeredaRegistry *registry;
  VeredaOptions *options;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->dir = pen_new ();
  pen_keyfile (f->dir, "one", PLAIN LOGIN CRAM DIGEST);
  pen_keyfile (f->dir, "two", PLUS BEARER EXTERNAL);
  f->registry = pen_registry (f->dir, NULL);
  f->options = vereda_options_new ();
  g_assert_true (vereda_options_set_user (f->options, "ana", NULL));
  vereda_options_set_password (f->options, "x");
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_auto (GStrv) opened = vd_loader_opened ();

  g_assert_cmpuint (g_strv_length (opened), ==, 0);
  vereda_options_free (f->options);
  vereda_registry_unref (f->registry);
  pen_free (f->dir);
}

static VeredaExplanation *
explain (Fixture *f, const char *offered, guint state)
{
  g_autoptr (GError) error = NULL;
  VeredaExplanation *explanation = vereda_explanation_new (f->registry, offered, f->options, state, &error);

  g_assert_no_error (error);
  return explanation;
}

/* "DIGEST-MD5=first:usable CRAM-MD5=next:usable …", of what is offered. */
static char *
summary (VeredaExplanation *explanation)
{
  static const char *const choices[] = { "?", "first", "next", "spare", "refused", "not-offered" };
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < vereda_explanation_get_n_rows (explanation); i++)
    {
      VeredaExplanationRow *row = vereda_explanation_get_row (explanation, i);
      const VeredaChoice choice = vereda_explanation_row_get_choice (row);

      g_assert_cmpint (vereda_explanation_row_is_offered (row), ==, choice != VEREDA_CHOICE_NOT_OFFERED);
      g_assert_cmpint (vereda_explanation_row_is_usable (row), ==, choice <= VEREDA_CHOICE_SPARE);
      g_assert_nonnull (vereda_explanation_row_get_text (row));
      if (choice != VEREDA_CHOICE_NOT_OFFERED)
        g_string_append_printf (text, "%s%s=%s:%s", text->len > 0 ? " " : "", vereda_explanation_row_get_mechanism (row),
                                choices[choice], vereda_explanation_row_get_reason (row));
    }
  g_assert_null (vereda_explanation_get_row (explanation, vereda_explanation_get_n_rows (explanation)));
  return g_string_free (text, FALSE);
}

static void
expect (Fixture *f, const char *offered, guint state, const char *wanted)
{
  g_autoptr (VeredaExplanation) explanation = explain (f, offered, state);
  g_autofree char *got = summary (explanation);

  g_assert_cmpstr (got, ==, wanted);
}

static void
test_order (Fixture *f, gconstpointer data)
{
  expect (f, "PLAIN LOGIN CRAM-MD5 DIGEST-MD5", VEREDA_CONNECTION_CLEAR,
          "DIGEST-MD5=first:usable CRAM-MD5=next:usable LOGIN=refused:cleartext PLAIN=refused:cleartext");
  expect (f, "PLAIN CRAM-MD5", VERIFIED, "CRAM-MD5=first:usable PLAIN=next:usable");
  expect (f, "PLAIN", VEREDA_CONNECTION_TLS, "PLAIN=refused:unverified");
  expect (f, "scram-sha-256-plus plain", VERIFIED, "SCRAM-SHA-256-PLUS=first:usable PLAIN=spare:usable");
  expect (f, "SCRAM-SHA-256-PLUS", VEREDA_CONNECTION_VERIFIED, "SCRAM-SHA-256-PLUS=refused:no-binding");
  expect (f, "X-OTHER PLAIN", VERIFIED, "PLAIN=first:usable X-OTHER=refused:no-plugin");
  expect (f, "", VERIFIED, "");
}

static void
test_credentials (Fixture *f, gconstpointer data)
{
  expect (f, "OAUTHBEARER EXTERNAL PLAIN", VERIFIED,
          "EXTERNAL=refused:no-client-certificate OAUTHBEARER=refused:no-credential PLAIN=first:usable");
  vereda_options_set_token (f->options, "t");
  expect (f, "OAUTHBEARER EXTERNAL PLAIN", VERIFIED | VEREDA_CONNECTION_CLIENT_CERT,
          "EXTERNAL=first:usable OAUTHBEARER=next:usable PLAIN=next:usable");
}

static void
never_asked (VeredaCredentialRequest *request, gpointer data)
{
  g_assert_not_reached ();
}

static void
test_callback (Fixture *f, gconstpointer data)
{
  vereda_options_set_password (f->options, NULL);
  expect (f, "OAUTHBEARER PLAIN", VERIFIED, "OAUTHBEARER=refused:no-credential PLAIN=refused:no-credential");
  vereda_options_set_credential_callback (f->options, never_asked, NULL);
  expect (f, "OAUTHBEARER PLAIN", VERIFIED, "OAUTHBEARER=first:usable PLAIN=next:usable");
}

static void
test_policy (Fixture *f, gconstpointer data)
{
  g_assert_true (vereda_options_set (f->options, "no-historic-auth", "yes", NULL));
  g_assert_true (vereda_options_set (f->options, "no-auth", "LOGIN", NULL));
  expect (f, "LOGIN CRAM-MD5 PLAIN", VERIFIED, "CRAM-MD5=refused:historic LOGIN=refused:denied PLAIN=first:usable");
  g_assert_true (vereda_options_set (f->options, "no-auth", NULL, NULL));
  g_assert_true (vereda_options_set (f->options, "auth", "LOGIN,PLAIN", NULL));
  g_assert_true (vereda_options_set (f->options, "insecure-cleartext-auth", "yes", NULL));
  expect (f, "PLAIN LOGIN CRAM-MD5", VEREDA_CONNECTION_CLEAR,
          "LOGIN=first:usable PLAIN=next:usable CRAM-MD5=refused:not-allowed");
  g_assert_true (vereda_options_set (f->options, "auth", NULL, NULL));
  g_assert_true (vereda_options_set (f->options, "auth-min-strength", "2000", NULL));
  expect (f, "PLAIN", VERIFIED, "PLAIN=refused:min-strength");
}

/* What a person copies from a transcript is what a connection would have read. */
static void
test_lines (Fixture *f, gconstpointer data)
{
  static const char *const lines[] = { "250-AUTH PLAIN LOGIN", "250 AUTH PLAIN LOGIN\r\n", "AUTH=PLAIN LOGIN", "PLAIN,LOGIN",
                                       " plain , login ",      "AUTH PLAIN LOGIN PLAIN",   "PLAIN\tLOGIN" };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_test_message ("%s", lines[i]);
      expect (f, lines[i], VERIFIED, "LOGIN=first:usable PLAIN=next:usable");
    }
  expect (f, "AUTH", VERIFIED, "");
}

static void
test_bad_word (Fixture *f, gconstpointer data)
{
  static const char *const bad[] = { "PLAIN A.B", "PLAIN \033[31m", "PLAIN ABCDEFGHIJKLMNOPQRSTU", "PLAIN \xc3\xa4" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (vereda_explanation_new (f->registry, bad[i], f->options, VERIFIED, &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_null (strchr (error->message, '\033'));
    }
}

/* Two plugins with one mechanism: the second is there for when the first does not load. */
static void
test_spare (Fixture *f, gconstpointer data)
{
  g_autoptr (VeredaRegistry) both = NULL;
  g_autoptr (VeredaExplanation) explanation = NULL;

  pen_keyfile (f->dir, "other", "[Mechanism PLAIN]\nExposure=password\nNeeds=authcid;password\nFlags=client-first\nRank=500\n");
  both = pen_registry (f->dir, NULL);
  explanation = vereda_explanation_new (both, "PLAIN", f->options, VERIFIED, NULL);
  g_autofree char *got = summary (explanation);
  g_assert_cmpstr (got, ==, "PLAIN=first:usable PLAIN=spare:usable");
  VeredaExplanationRow *first = vereda_explanation_get_chosen (explanation);
  g_assert_cmpstr (vereda_explanation_row_get_stem (first), ==, "other");
  g_assert_cmpint (vereda_explanation_row_get_rank (first), ==, 500);
}

static void
test_getters (Fixture *f, gconstpointer data)
{
  g_autoptr (VeredaExplanation) explanation = explain (f, "CRAM-MD5 X-NO", VEREDA_CONNECTION_CLEAR);
  VeredaExplanationRow *row = vereda_explanation_get_chosen (explanation);

  g_assert_cmpstr (vereda_explanation_row_get_mechanism (row), ==, "CRAM-MD5");
  g_assert_cmpstr (vereda_explanation_row_get_stem (row), ==, "one");
  g_assert_cmpuint (vereda_explanation_row_get_strength (row), >, 2000);
  g_assert_cmpstr (vereda_explanation_row_get_strength_words (row), ==, "weak-proof; hash 128");
  g_assert_nonnull (strstr (vereda_explanation_row_get_text (row), "guessed offline; historic"));

  row = vereda_explanation_get_row (explanation, vereda_explanation_get_n_rows (explanation) - 1);
  g_assert_cmpstr (vereda_explanation_row_get_mechanism (row), ==, "X-NO");
  g_assert_null (vereda_explanation_row_get_stem (row));
  g_assert_null (vereda_explanation_row_get_strength_words (row));
  g_assert_cmpuint (vereda_explanation_row_get_strength (row), ==, 0);

  g_autoptr (VeredaExplanation) none = explain (f, "PLAIN", VEREDA_CONNECTION_CLEAR);
  g_assert_null (vereda_explanation_get_chosen (none));
}

/* The registry of the options, where none is given. */
static void
test_registry_of_options (Fixture *f, gconstpointer data)
{
  vereda_options_set_registry (f->options, f->registry);
  g_autoptr (VeredaExplanation) explanation = vereda_explanation_new (NULL, "PLAIN", f->options, VERIFIED, NULL);
  g_assert_cmpstr (vereda_explanation_row_get_stem (vereda_explanation_get_chosen (explanation)), ==, "one");
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*func) (Fixture *f, gconstpointer data);
  } tests[] = {
    { "/explain/AUT-order-and-floor", test_order },
    { "/explain/credentials", test_credentials },
    { "/explain/callback-is-not-asked", test_callback },
    { "/explain/policy", test_policy },
    { "/explain/lines-of-a-server", test_lines },
    { "/explain/what-is-no-mechanism", test_bad_word },
    { "/explain/spare", test_spare },
    { "/explain/getters", test_getters },
    { "/explain/registry-of-options", test_registry_of_options },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}

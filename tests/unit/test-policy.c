/* SPDX-License-Identifier: MIT */
/* Tests of the floor. */
#include <string.h>

#include "core/plugin/policy.h"
#include "core/plugin/rank.h"

#define NEEDS_PASSWORD (VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_PASSWORD))
#define NEEDS_TOKEN    (VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_TOKEN))

static const VdMechFacts plain = { "PLAIN", { VEREDA_EXPOSE_PASSWORD, 0, 0, 1 }, NEEDS_PASSWORD, VEREDA_MECH_CLIENT_FIRST };
static const VdMechFacts cram = { "CRAM-MD5", { VEREDA_EXPOSE_WEAK_PROOF, 0, 128, 0 }, NEEDS_PASSWORD, VEREDA_MECH_HISTORIC };
static const VdMechFacts digest = { "DIGEST-MD5",
                                    { VEREDA_EXPOSE_WEAK_PROOF, VEREDA_TRAIT_MUTUAL, 128, 0 },
                                    NEEDS_PASSWORD,
                                    VEREDA_MECH_HISTORIC | VEREDA_MECH_NEEDS_HOST };
static const VdMechFacts xoauth = { "XOAUTH2", { VEREDA_EXPOSE_TOKEN, 0, 0, 0 }, NEEDS_TOKEN, VEREDA_MECH_NEEDS_TLS };
static const VdMechFacts bearer = { "OAUTHBEARER", { VEREDA_EXPOSE_TOKEN, 0, 0, 1 }, NEEDS_TOKEN, 0 };
static const VdMechFacts scram = { "SCRAM-SHA-256", { VEREDA_EXPOSE_PROOF, VEREDA_TRAIT_MUTUAL, 256, 0 }, NEEDS_PASSWORD, 0 };
static const VdMechFacts plus = {
  "SCRAM-SHA-256-PLUS", { VEREDA_EXPOSE_BOUND_PROOF, VEREDA_TRAIT_MUTUAL, 256, 0 }, NEEDS_PASSWORD, VEREDA_MECH_NEEDS_BINDING
};
static const VdMechFacts external = { "EXTERNAL", { VEREDA_EXPOSE_NOTHING, 0, 0, 0 }, 0, VEREDA_MECH_NEEDS_TLS };
static const VdMechFacts anonymous = { "ANONYMOUS", { VEREDA_EXPOSE_ANONYMOUS, 0, 0, 0 }, 0, 0 };

static const VdAuthPolicy usual = VD_AUTH_POLICY_INIT;
static const VdAuthContext verified = { .tls_active = TRUE,
                                        .tls_verified = TRUE,
                                        .credentials = NEEDS_PASSWORD | NEEDS_TOKEN,
                                        .client_cert_sent = TRUE,
                                        .binding = TRUE,
                                        .host = TRUE };
static const VdAuthContext unverified = {
  .tls_active = TRUE, .credentials = NEEDS_PASSWORD | NEEDS_TOKEN, .client_cert_sent = TRUE, .binding = TRUE, .host = TRUE
};
static const VdAuthContext clear = { .credentials = NEEDS_PASSWORD | NEEDS_TOKEN, .host = TRUE };
static const VdAuthContext lying
    = { .tls_verified = TRUE, .credentials = NEEDS_PASSWORD | NEEDS_TOKEN, .binding = TRUE, .host = TRUE };

/* Each mechanism on each kind of connection, with and without insecure-cleartext-auth. */
static void
test_cleartext (void)
{
  static const struct
  {
    const VdMechFacts *mech;
    VdAuthReason on_verified, on_unverified, on_clear, insecure_clear;
  } cases[] = {
    { &plain, VD_AUTH_USABLE, VD_AUTH_UNVERIFIED, VD_AUTH_CLEARTEXT, VD_AUTH_USABLE },
    { &bearer, VD_AUTH_USABLE, VD_AUTH_UNVERIFIED, VD_AUTH_CLEARTEXT, VD_AUTH_USABLE },
    { &xoauth, VD_AUTH_USABLE, VD_AUTH_UNVERIFIED, VD_AUTH_NEEDS_TLS, VD_AUTH_NEEDS_TLS },
    { &cram, VD_AUTH_USABLE, VD_AUTH_USABLE, VD_AUTH_USABLE, VD_AUTH_USABLE },
    { &digest, VD_AUTH_USABLE, VD_AUTH_USABLE, VD_AUTH_USABLE, VD_AUTH_USABLE },
    { &scram, VD_AUTH_USABLE, VD_AUTH_USABLE, VD_AUTH_USABLE, VD_AUTH_USABLE },
    { &plus, VD_AUTH_USABLE, VD_AUTH_USABLE, VD_AUTH_NO_BINDING, VD_AUTH_NO_BINDING },
    { &external, VD_AUTH_USABLE, VD_AUTH_USABLE, VD_AUTH_NO_CLIENT_CERT, VD_AUTH_NO_CLIENT_CERT },
    { &anonymous, VD_AUTH_ANONYMOUS, VD_AUTH_ANONYMOUS, VD_AUTH_ANONYMOUS, VD_AUTH_ANONYMOUS },
  };
  VdAuthPolicy insecure = VD_AUTH_POLICY_INIT;
  insecure.insecure_cleartext_auth = TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const VdMechFacts *mech = cases[i].mech;
      g_test_message ("%s", mech->name);
      g_assert_cmpint (vd_auth_policy_judge (&usual, &verified, mech), ==, cases[i].on_verified);
      g_assert_cmpint (vd_auth_policy_judge (&usual, &unverified, mech), ==, cases[i].on_unverified);
      g_assert_cmpint (vd_auth_policy_judge (&usual, &clear, mech), ==, cases[i].on_clear);
      g_assert_cmpint (vd_auth_policy_judge (&insecure, &clear, mech), ==, cases[i].insecure_clear);
    }
  /* "verified" without TLS is no protection */
  g_assert_cmpint (vd_auth_policy_judge (&usual, &lying, &plain), ==, VD_AUTH_CLEARTEXT);
  g_assert_cmpint (vd_auth_policy_judge (&usual, &lying, &plus), ==, VD_AUTH_NO_BINDING);
  g_assert_cmpint (vd_auth_policy_judge (&insecure, &unverified, &plain), ==, VD_AUTH_USABLE);
}

/* Whatever else holds: without verified TLS nothing that shows a password or token passes, unless insecure-cleartext-auth. */
static void
test_floor_holds (void)
{
  static const char *const allow[] = { "PLAIN", NULL };
  for (guint bits = 0; bits < 1u << 12; bits++)
    {
      VdAuthPolicy policy = VD_AUTH_POLICY_INIT;
      VdAuthContext context = { 0 };
      VdMechFacts mech = plain;
      policy.allow = (bits & 1) != 0 ? allow : NULL;
      policy.allow_anonymous = (bits & 2) != 0;
      policy.allow_historic = (bits & 4) != 0;
      context.tls_active = (bits & 8) != 0;
      context.tls_verified = (bits & 16) != 0 && !context.tls_active;
      context.client_cert_sent = (bits & 32) != 0;
      context.binding = (bits & 64) != 0;
      context.host = (bits & 128) != 0;
      context.credentials = (bits & 256) != 0 ? G_MAXUINT : NEEDS_PASSWORD;
      mech.strength.exposure = (bits & 512) != 0 ? VEREDA_EXPOSE_TOKEN : VEREDA_EXPOSE_PASSWORD;
      mech.needs = (bits & 1024) != 0 ? 0 : mech.needs;
      mech.flags = (bits & 2048) != 0 ? 0x3f : 0;
      g_assert_cmpint (vd_auth_policy_judge (&policy, &context, &mech), !=, VD_AUTH_USABLE);
    }
}

static void
test_credentials (void)
{
  VdAuthContext context = verified;
  context.credentials = NEEDS_TOKEN;
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &plain), ==, VD_AUTH_NO_CREDENTIAL);
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &bearer), ==, VD_AUTH_USABLE);
  context.credentials = NEEDS_PASSWORD;
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &bearer), ==, VD_AUTH_NO_CREDENTIAL);
  context.credentials = VEREDA_NEEDS (VEREDA_CRED_PASSWORD);
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &plain), ==, VD_AUTH_NO_CREDENTIAL);
  context.credentials = 0;
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &external), ==, VD_AUTH_USABLE);
  context.client_cert_sent = FALSE;
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &external), ==, VD_AUTH_NO_CLIENT_CERT);
  context = verified;
  context.host = FALSE;
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &digest), ==, VD_AUTH_NO_HOST);
  context = verified;
  context.binding = FALSE;
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &plus), ==, VD_AUTH_NO_BINDING);
}

static void
test_lists (void)
{
  static const char *const allow[] = { "login", "Plain", "cram-md5", NULL };
  static const char *const none[] = { NULL };
  static const char *const deny[] = { "plain", NULL };
  VdAuthPolicy policy = VD_AUTH_POLICY_INIT;
  policy.allow = allow;
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &plain), ==, VD_AUTH_USABLE);
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &scram), ==, VD_AUTH_NOT_ALLOWED);
  g_assert_cmpint (vd_auth_policy_judge (&policy, &clear, &plain), ==, VD_AUTH_CLEARTEXT); /* a list is no licence */
  g_assert_cmpuint (vd_auth_policy_position (&policy, "LOGIN"), ==, 0);
  g_assert_cmpuint (vd_auth_policy_position (&policy, "PLAIN"), ==, 1);
  g_assert_cmpuint (vd_auth_policy_position (&policy, "SCRAM-SHA-1"), ==, VD_POSITION_NONE);
  g_assert_cmpuint (vd_auth_policy_position (&usual, "PLAIN"), ==, VD_POSITION_NONE);
  policy.deny = deny;
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &plain), ==, VD_AUTH_DENIED);
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &cram), ==, VD_AUTH_USABLE);
  policy.allow = none;
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &cram), ==, VD_AUTH_NOT_ALLOWED);
}

static void
test_minimum (void)
{
  VdAuthPolicy policy = VD_AUTH_POLICY_INIT;
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &cram), ==, VD_AUTH_USABLE);
  policy.allow_historic = FALSE;
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &cram), ==, VD_AUTH_HISTORIC);
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &plain), ==, VD_AUTH_USABLE);
  policy = usual;
  policy.min_exposure = VEREDA_EXPOSE_PROOF;
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &bearer), ==, VD_AUTH_MIN_EXPOSURE);
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &scram), ==, VD_AUTH_USABLE);
  policy = usual;
  policy.min_strength = vd_strength_number (&digest.strength);
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &cram), ==, VD_AUTH_MIN_STRENGTH);
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &digest), ==, VD_AUTH_USABLE);
  policy = usual;
  policy.allow_anonymous = TRUE;
  g_assert_cmpint (vd_auth_policy_judge (&policy, &verified, &anonymous), ==, VD_AUTH_USABLE);
}

/* RFC 4954 section 6: 534 asks for something stronger. */
static void
test_only_stronger (void)
{
  VdAuthContext context = verified;
  context.above = &cram.strength;
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &plain), ==, VD_AUTH_NOT_STRONGER);
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &cram), ==, VD_AUTH_NOT_STRONGER);
  g_assert_cmpint (vd_auth_policy_judge (&usual, &context, &digest), ==, VD_AUTH_USABLE);
}

static void
test_texts (void)
{
  g_autofree char *cleartext = vd_auth_reason_text (VD_AUTH_CLEARTEXT, &usual, &clear, &plain);
  g_assert_cmpstr (cleartext, ==, "would send the password without verified TLS; use insecure-cleartext-auth to allow it");
  g_autofree char *unknown = vd_auth_reason_text (VD_AUTH_UNVERIFIED, &usual, &unverified, &bearer);
  g_assert_nonnull (strstr (unknown, "would send the token to a server whose certificate was not verified"));
  VdAuthContext nothing = verified;
  nothing.credentials = VEREDA_NEEDS (VEREDA_CRED_AUTHCID);
  g_autofree char *missing = vd_auth_reason_text (VD_AUTH_NO_CREDENTIAL, &usual, &nothing, &plain);
  g_assert_cmpstr (missing, ==, "needs what was not given: password");
  g_autoptr (GHashTable) words = g_hash_table_new (g_str_hash, g_str_equal);
  for (int i = 0; i < VD_AUTH_REASON_N; i++)
    {
      g_autofree char *text = vd_auth_reason_text ((VdAuthReason) i, &usual, &clear, &plain);
      g_assert_cmpuint (strlen (text), >, 4);
      g_assert_null (strchr (text, '%'));
      g_assert_true (g_hash_table_add (words, (gpointer) vd_auth_reason_word ((VdAuthReason) i)));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/policy/cleartext", test_cleartext);
  g_test_add_func ("/policy/floor-holds", test_floor_holds);
  g_test_add_func ("/policy/credentials", test_credentials);
  g_test_add_func ("/policy/lists", test_lists);
  g_test_add_func ("/policy/minimum", test_minimum);
  g_test_add_func ("/policy/only-stronger", test_only_stronger);
  g_test_add_func ("/policy/texts", test_texts);
  return g_test_run ();
}

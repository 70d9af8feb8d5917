/* SPDX-License-Identifier: MIT */
/*
 * The mechanisms PLAIN, LOGIN and CRAM-MD5, and what all four plugins have in common, each loaded from its shared object.
 * DIGEST-MD5's own rules are in test-mech-digest.c, SASLprep in test-mech-saslprep.c, a foreign server in test-mech-cyrus.c.
 */
#include "test-mech-drive.h"

#include "kit/keyfile.h"

#include <string.h>

/* --- PLAIN --- */

static void
test_pln_1_vector (void)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_plain", "tim", "tanstaaftanstaaf");
  g_autofree char *base64 = NULL;

  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_DONE);
  base64 = g_base64_encode (d->response->data, d->response->len);
  g_assert_cmpstr (base64, ==, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
}

static void
test_pln_1_authzid (void)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_plain", "Kurt", "xipj3plmq");

  mech_drive_set (d, VEREDA_CRED_AUTHZID, "Ursel", 5);
  g_assert_cmpint (mech_drive_say (d, ""), ==, VEREDA_STEP_DONE);
  assert_response (d, "Ursel\0Kurt\0xipj3plmq", 20); /* RFC 4616 section 4 */
}

static void
test_pln_1_utf8 (void)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_plain", "jos\xc3\xa9", "\xce\xa9mega");

  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_DONE);
  assert_response (d, "\0jos\xc3\xa9\0\xce\xa9mega", 13);
  mech_drive_free (g_steal_pointer (&d));

  d = mech_drive_new ("auth_plain", "jos\xe9", "secret");
  assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
  mech_drive_set (d, VEREDA_CRED_AUTHCID, "tim", 3);
  mech_drive_set (d, VEREDA_CRED_PASSWORD, "\xe9t\xe9", 3);
  assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
}

static void
test_pln_3_further_challenge (void)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_plain", "tim", "secret");

  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_DONE);
  assert_failed (d, "", 0, VEREDA_AUTH_ERROR_PROTOCOL);
  assert_failed (d, "Password:", 9, VEREDA_AUTH_ERROR_PROTOCOL);
}

static void
test_pln_challenge_ignored (void)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_plain", "tim", "secret");

  g_assert_cmpint (mech_drive_step (d, "\xff\0go ahead", 10), ==, VEREDA_STEP_DONE);
  assert_response (d, "\0tim\0secret", 11);
}

/* --- LOGIN --- */

static void
test_lgn_1_positional (void)
{
  static const struct
  {
    const char *text;
    gsize size;
  } prompts[] = { { "Username:", 9 }, { "User Name\0", 10 }, { "Password:", 9 }, { "", 0 }, { "Benutzer\xff", 9 } };

  for (gsize i = 0; i < G_N_ELEMENTS (prompts); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (prompts); j++)
      {
        g_autoptr (MechDrive) d = mech_drive_new ("auth_login", "tim", "secret");

        g_assert_cmpint (mech_drive_step (d, prompts[i].text, prompts[i].size), ==, VEREDA_STEP_CONTINUE);
        assert_response (d, "tim", 3);
        g_assert_cmpint (mech_drive_step (d, prompts[j].text, prompts[j].size), ==, VEREDA_STEP_DONE);
        assert_response (d, "secret", 6);
        assert_failed (d, prompts[i].text, prompts[i].size, VEREDA_AUTH_ERROR_PROTOCOL);
      }
}

static void
test_lgn_2_no_initial_response (void)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_login", "tim", "secret");

  g_assert_cmpuint (d->mech->flags & VEREDA_MECH_CLIENT_FIRST, ==, 0);
  assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_PROTOCOL);
}

static void
test_lgn_octets (void)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_login", "jos\xe9", "\xe9t\xe9");

  g_assert_cmpint (mech_drive_say (d, "Username:"), ==, VEREDA_STEP_CONTINUE);
  assert_response (d, "jos\xe9", 4);
  g_assert_cmpint (mech_drive_say (d, "Password:"), ==, VEREDA_STEP_DONE);
  assert_response (d, "\xe9t\xe9", 3);
}

/* --- CRAM-MD5 --- */

#define CRAM_CHALLENGE "<1896.697170952@postoffice.reston.mci.net>"

static void
test_crm_1_vector (void)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_cram_md5", "tim", "tanstaaftanstaaf");

  g_assert_cmpint (mech_drive_say (d, CRAM_CHALLENGE), ==, VEREDA_STEP_DONE);
  assert_response (d, "tim b913a602c7eda7a495b4e6e7334d3890", 36);
  assert_failed (d, CRAM_CHALLENGE, strlen (CRAM_CHALLENGE), VEREDA_AUTH_ERROR_PROTOCOL);
}

/* The expected values come from Python's hmac module. */
static void
test_crm_1_verbatim (void)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_cram_md5", "tim tam", "jos\xe9");
  g_autofree char *huge = g_strnfill (12000, 'x');
  g_autofree char *long_password = g_strnfill (300, 'p');

  g_assert_cmpint (mech_drive_step (d, "a\0b\r\n\xff", 6), ==, VEREDA_STEP_DONE);
  assert_response (d, "tim tam 859b3ecf36131ae237f99bfc849b7b3d", 40);
  mech_drive_free (g_steal_pointer (&d));

  d = mech_drive_new ("auth_cram_md5", "tim", long_password); /* a key longer than the block is hashed first */
  g_assert_cmpint (mech_drive_step (d, huge, 12000), ==, VEREDA_STEP_DONE);
  assert_response (d, "tim 869398256a0517bb51ab3193832086ac", 36);
}

static void
test_crm_1_no_challenge (void)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_cram_md5", "tim", "secret");

  g_assert_cmpuint (d->mech->flags & VEREDA_MECH_CLIENT_FIRST, ==, 0);
  assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_PROTOCOL);
  assert_failed (d, "", 0, VEREDA_AUTH_ERROR_PROTOCOL);
}

/* --- all four --- */

/* A first challenge that the mechanism accepts. */
static const char *
first_challenge (const char *mech)
{
  if (g_str_equal (mech, "PLAIN"))
    return "";
  return g_str_equal (mech, "DIGEST-MD5") ? "realm=\"example.org\",nonce=\"n\",charset=utf-8,algorithm=md5-sess"
                                          : CRAM_CHALLENGE;
}

/* Runs the client's half to where the password has been used; the number of steps that succeeded. */
static guint
run_to_password (MechDrive *d)
{
  VeredaStep s = mech_drive_say (d, first_challenge (d->mech->name));

  if (s == VEREDA_STEP_FAILED || !g_str_equal (d->mech->name, "LOGIN"))
    return s != VEREDA_STEP_FAILED;
  return mech_drive_say (d, "Password:") == VEREDA_STEP_FAILED ? 1 : 2;
}

static void
test_bad_credentials (void)
{
  static const struct
  {
    VeredaCred kind;
    const char *data;
    gsize size;
  } bad[] = {
    { VEREDA_CRED_AUTHCID, NULL, 0 },
    { VEREDA_CRED_AUTHCID, "", 0 },
    { VEREDA_CRED_AUTHCID, "t\0m", 3 },
    { VEREDA_CRED_AUTHCID, "tim\n", 4 },
    { VEREDA_CRED_AUTHCID, "\xc2\xad", 2 },
    { VEREDA_CRED_AUTHCID, "\xd7\x90z", 3 },
    { VEREDA_CRED_PASSWORD, NULL, 0 },
    { VEREDA_CRED_PASSWORD, "", 0 },
    { VEREDA_CRED_PASSWORD, "sec\0ret", 7 },
    { VEREDA_CRED_PASSWORD, "secret\r", 7 },
    { VEREDA_CRED_PASSWORD, "\xee\x80\x80", 3 },
    { VEREDA_CRED_PASSWORD, "\0", 1 },
  };

  for (gsize m = 0; m < G_N_ELEMENTS (mech_stems); m++)
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
      {
        g_autoptr (MechDrive) d = mech_drive_new (mech_stems[m][0], "tim", "secret");

        mech_drive_set (d, bad[i].kind, bad[i].data, bad[i].size);
        if (g_str_equal (mech_stems[m][1], "LOGIN") && bad[i].kind == VEREDA_CRED_PASSWORD)
          g_assert_cmpuint (run_to_password (d), ==, 1);
        else
          g_assert_cmpuint (run_to_password (d), ==, 0);
        g_assert_error (d->error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL);
      }
}

/* WAIT at each question, then the same call gives the same response as without. */
static void
test_wait (void)
{
  static const VeredaCred kinds[] = { VEREDA_CRED_AUTHCID, VEREDA_CRED_PASSWORD, VEREDA_CRED_AUTHZID, VEREDA_CRED_REALM };

  for (gsize m = 0; m < G_N_ELEMENTS (mech_stems); m++)
    for (gsize k = 0; k < G_N_ELEMENTS (kinds); k++)
      {
        g_autoptr (MechDrive) plain = mech_drive_new (mech_stems[m][0], "tim", "secret");
        g_autoptr (MechDrive) waits = mech_drive_new (mech_stems[m][0], "tim", "secret");
        const char *challenge = first_challenge (mech_stems[m][1]);
        VeredaStep expected, got;
        guint n_waits = 0;

        do
          {
            expected = mech_drive_say (plain, challenge);
            waits->later[kinds[k]] = TRUE;
            got = mech_drive_say (waits, challenge);
            for (guint i = 0; got == VEREDA_STEP_WAIT && i < 2; i++, n_waits++)
              {
                waits->later[kinds[k]] = i == 0; /* the answer may be late more than once */
                got = mech_drive_say (waits, challenge);
              }
            g_assert_cmpint (got, ==, expected);
            assert_response (waits, plain->response->data, plain->response->len);
          }
        while (expected == VEREDA_STEP_CONTINUE && g_str_equal (mech_stems[m][1], "LOGIN"));
        g_assert_cmpuint (n_waits, ==, plain->asked[kinds[k]] > 0 ? 2 : 0);
      }
}

/* Up to the last octet of the room, and one more. */
static void
test_long_credentials (void)
{
  const gsize max = VEREDA_AUTH_RESPONSE_MAX;
  const struct
  {
    const char *stem;
    VeredaCred kind;
    gsize fits;
    gsize makes;
  } cases[] = {
    { "auth_plain", VEREDA_CRED_PASSWORD, max - 5, max },    { "auth_plain", VEREDA_CRED_AUTHCID, max - 8, max },
    { "auth_login", VEREDA_CRED_AUTHCID, max, max },         { "auth_login", VEREDA_CRED_PASSWORD, max, max },
    { "auth_cram_md5", VEREDA_CRED_AUTHCID, max - 33, max }, { "auth_cram_md5", VEREDA_CRED_PASSWORD, max, 36 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strnfill (cases[i].fits + 1, 'x');
      g_autoptr (MechDrive) d = mech_drive_new (cases[i].stem, "tim", "secret");

      mech_drive_set (d, cases[i].kind, text, cases[i].fits);
      g_assert_cmpuint (run_to_password (d), ==, g_str_equal (d->mech->name, "LOGIN") ? 2 : 1);
      if (!g_str_equal (d->mech->name, "LOGIN") || cases[i].kind == VEREDA_CRED_PASSWORD)
        g_assert_cmpuint (d->response->len, ==, cases[i].makes);
      mech_drive_free (g_steal_pointer (&d));

      d = mech_drive_new (cases[i].stem, "tim", "secret");
      mech_drive_set (d, cases[i].kind, text, cases[i].fits + 1);
      run_to_password (d);
      g_assert_error (d->error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL);
    }
  for (gsize m = 0; m < G_N_ELEMENTS (mech_stems); m++)
    {
      g_autofree char *text = g_strnfill (1 << 20, 'x');
      g_autoptr (MechDrive) d = mech_drive_new (mech_stems[m][0], text, text);

      assert_failed (d, first_challenge (mech_stems[m][1]), strlen (first_challenge (mech_stems[m][1])),
                     VEREDA_AUTH_ERROR_CREDENTIAL);
    }
}

static void
test_hostile_challenges (void)
{
  g_autofree char *huge = g_strnfill (1 << 20, ',');
  const VeredaSpan hostile[] = {
    { "", 0 },   { "\0", 1 },       { "\xff\xfe\xc0\x80", 4 }, { "=", 1 },
    { "\"", 1 }, { "nonce=\"", 7 }, { "realm=\"a\\", 9 },      { huge, 1 << 20 },
  };

  for (gsize m = 0; m < G_N_ELEMENTS (mech_stems); m++)
    for (gsize i = 0; i < G_N_ELEMENTS (hostile); i++)
      for (gsize j = 0; j < G_N_ELEMENTS (hostile); j++)
        {
          g_autoptr (MechDrive) d = mech_drive_new (mech_stems[m][0], "tim", "secret");
          guint after_done = 0;

          if (i % 2 == 0)
            mech_drive_say (d, first_challenge (mech_stems[m][1]));
          mech_drive_step (d, hostile[i].data, hostile[i].size);
          mech_drive_step (d, hostile[j].data, hostile[j].size);
          for (guint n = 0; n < 3; n++)
            after_done += mech_drive_step (d, hostile[j].data, hostile[j].size) == VEREDA_STEP_FAILED;
          if (!g_str_equal (mech_stems[m][1], "CRAM-MD5") || hostile[j].size > 0)
            g_assert_cmpuint (after_done, >=, 2); /* nobody goes on for ever */
        }
}

/* --- descriptor and keyfile --- */

static void
test_keyfile (void)
{
  for (gsize m = 0; m < G_N_ELEMENTS (mech_stems); m++)
    {
      g_autofree char *dir = NULL;
      const VeredaPlugin *plugin = mech_plugin_load (mech_stems[m][0], &dir);
      const VeredaMech *mech = plugin->mechs[0];
      g_autofree char *leaf = g_strconcat (mech_stems[m][0], ".plugin", NULL);
      g_autofree char *path = g_build_filename (dir, leaf, NULL);
      g_autofree char *group = g_strconcat ("Mechanism ", mech->name, NULL);
      g_autofree char *abi = g_strdup_printf ("%u", plugin->abi);
      g_autoptr (GKeyFile) file = g_key_file_new (); /* for the rank, which the kit leaves alone */
      g_autoptr (GError) error = NULL;
      g_autoptr (KitKeyfile) keyfile = kit_keyfile_read (path, &error);
      const KitMechWords *words;

      g_assert_no_error (error);
      g_assert_cmpuint (keyfile->wrong->len + keyfile->unknown->len, ==, 0);
      g_assert_cmpuint (plugin->struct_size, ==, sizeof (VeredaPlugin));
      g_assert_cmpuint (plugin->abi, ==, VEREDA_PLUGIN_ABI);
      g_assert_cmpstr (keyfile->abi, ==, abi);
      g_assert_cmpstr (plugin->name, ==, mech_stems[m][0]);
      g_assert_cmpstr (keyfile->name, ==, plugin->name);
      g_assert_cmpstr (keyfile->version, ==, plugin->version);
      g_assert_cmpstr (keyfile->license, ==, plugin->license);
      g_assert_null (plugin->transports);
      g_assert_null (plugin->mechs[1]);

      g_assert_cmpstr (mech->name, ==, mech_stems[m][1]);
      words = kit_keyfile_mech (keyfile, mech->name);
      g_assert_nonnull (words);
      g_assert_cmpuint (mech->struct_size, ==, sizeof (VeredaMech));
      g_assert_cmpuint (mech->instance_size, >=, sizeof (VeredaAuth));
      g_assert_cmpuint (words->strength.exposure, ==, mech->strength.exposure);
      g_assert_cmpuint (words->strength.traits, ==, mech->strength.traits);
      g_assert_cmpint (words->strength.hash_bits, ==, mech->strength.hash_bits);
      g_assert_cmpint (words->strength.ssf, ==, mech->strength.ssf);
      g_assert_cmpuint (words->needs, ==, mech->needs);
      g_assert_cmpuint (words->flags, ==, mech->flags);
      g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, &error);
      g_assert_no_error (error);
      g_assert_cmpint (g_key_file_get_integer (file, group, "Rank", NULL), ==, 100);
    }
}

static int
compare_strength (const VeredaStrength *a, const VeredaStrength *b)
{
  const int parts[] = { a->exposure - b->exposure, a->traits - b->traits, a->hash_bits - b->hash_bits, a->ssf - b->ssf };

  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
    if (parts[i] != 0)
      return parts[i];
  return 0;
}

static void
test_golden_order (void)
{
  static const char *const order[] = { "auth_digest_md5", "auth_cram_md5", "auth_plain", "auth_login" };

  for (gsize i = 0; i + 1 < G_N_ELEMENTS (order); i++)
    {
      const VeredaMech *stronger = mech_plugin_load (order[i], NULL)->mechs[0];
      const VeredaMech *weaker = mech_plugin_load (order[i + 1], NULL)->mechs[0];

      g_assert_cmpint (compare_strength (&stronger->strength, &weaker->strength), >, 0);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mech/PLN-1-vector", test_pln_1_vector);
  g_test_add_func ("/mech/PLN-1-authzid", test_pln_1_authzid);
  g_test_add_func ("/mech/PLN-1-utf8", test_pln_1_utf8);
  g_test_add_func ("/mech/PLN-3-further-challenge", test_pln_3_further_challenge);
  g_test_add_func ("/mech/PLN-challenge-ignored", test_pln_challenge_ignored);
  g_test_add_func ("/mech/LGN-1-positional", test_lgn_1_positional);
  g_test_add_func ("/mech/LGN-2-no-initial-response", test_lgn_2_no_initial_response);
  g_test_add_func ("/mech/LGN-octets", test_lgn_octets);
  g_test_add_func ("/mech/CRM-1-vector", test_crm_1_vector);
  g_test_add_func ("/mech/CRM-1-verbatim", test_crm_1_verbatim);
  g_test_add_func ("/mech/CRM-1-no-challenge", test_crm_1_no_challenge);
  g_test_add_func ("/mech/AUT-17-bad-credentials", test_bad_credentials);
  g_test_add_func ("/mech/wait", test_wait);
  g_test_add_func ("/mech/AUT-8-long-credentials", test_long_credentials);
  g_test_add_func ("/mech/hostile-challenges", test_hostile_challenges);
  g_test_add_func ("/mech/keyfile", test_keyfile);
  g_test_add_func ("/mech/AUT-10-golden-order", test_golden_order);
  return g_test_run ();
}

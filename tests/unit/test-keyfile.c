/* SPDX-License-Identifier: MIT */
/* Tests of the keyfile grammar and of overrides. */
#include <string.h>

#include "core/base/error.h"
#include "core/plugin/keyfile.h"
#include "core/plugin/words.h"

#define HEAD "[Plugin]\nAbi=1\nName=x\n"
#define MECH HEAD "[Mechanism A]\nExposure=password\n"

static VdKeyfile *
parse (const char *text, GError **error)
{
  return vd_keyfile_parse (text, strlen (text), "x", error);
}

static void
test_mechanism (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VdKeyfile) keyfile
      = parse ("# comment\n[Plugin]\nAbi=1\nName=x\nVersion= 1.2 \nLicense=MIT\nDescription=Uñ mecanismo\n"
               "[Mechanism SCRAM-SHA-256-PLUS]\nExposure=bound-proof\nHash=256\n"
               "Traits=mutual;no-active;no-dictionary;forward-secret;binding;\nSsf=7\n"
               "Needs=authcid; authzid;password;token;realm\n"
               "Flags=client-first;server-last;needs-tls;needs-binding;needs-host;historic\nRank=-3\n"
               "[Mechanism B_2]\nExposure=nothing\n",
               &error);
  g_assert_no_error (error);
  g_assert_cmpuint (keyfile->abi, ==, 1);
  g_assert_cmpstr (keyfile->stem, ==, "x");
  g_assert_cmpstr (keyfile->version, ==, "1.2");
  g_assert_cmpstr (keyfile->license, ==, "MIT");
  g_assert_cmpstr (keyfile->description, ==, "Uñ mecanismo");
  g_assert_cmpuint (keyfile->mechs->len, ==, 2);
  g_assert_cmpuint (keyfile->transports->len, ==, 0);
  VdMechInfo *mech = keyfile->mechs->pdata[0];
  g_assert_cmpstr (mech->name, ==, "SCRAM-SHA-256-PLUS");
  g_assert_cmpuint (mech->strength.exposure, ==, VEREDA_EXPOSE_BOUND_PROOF);
  g_assert_cmphex (mech->strength.traits, ==, 0xf800);
  g_assert_cmpuint (mech->strength.hash_bits, ==, 256);
  g_assert_cmpuint (mech->strength.ssf, ==, 7);
  g_assert_cmphex (mech->needs, ==, 0x3e);
  g_assert_cmphex (mech->flags, ==, 0x3f);
  g_assert_cmpint (mech->rank, ==, -3);
  g_assert_true (mech->enabled);
  mech = keyfile->mechs->pdata[1];
  g_assert_cmpstr (mech->name, ==, "B_2");
  g_assert_cmpuint (mech->strength.exposure, ==, VEREDA_EXPOSE_NOTHING);
  g_assert_cmphex (mech->needs, ==, 0);
  g_assert_cmpint (mech->rank, ==, VD_RANK_DEFAULT);
}

static void
test_transport (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VdKeyfile) keyfile
      = parse (HEAD "[Transport gnutls]\nRoles=wrap\nBindings=tls-exporter;tls-server-end-point\nRank=200\n"
                    "[Transport plain]\nRoles=open\n",
               &error);
  g_assert_no_error (error);
  g_assert_cmpuint (keyfile->transports->len, ==, 2);
  VdTransportInfo *transport = keyfile->transports->pdata[0];
  g_assert_cmpstr (transport->name, ==, "gnutls");
  g_assert_cmpuint (transport->role, ==, VD_ROLE_WRAP);
  g_assert_cmphex (transport->bindings, ==, 1u << VEREDA_BINDING_TLS_EXPORTER | 1u << VEREDA_BINDING_TLS_SERVER_END_POINT);
  g_assert_cmpint (transport->rank, ==, 200);
  transport = keyfile->transports->pdata[1];
  g_assert_cmpuint (transport->role, ==, VD_ROLE_OPEN);
  g_assert_cmphex (transport->bindings, ==, 0);
}

/* A newer plugin meets an older library: what is not known is skipped. */
static void
test_forward (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VdKeyfile) keyfile
      = parse (HEAD "Novelty=yes\n[Mechanism A]\nExposure=token\nColour=blue\n[Widget w]\nSize=3\n", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (keyfile->mechs->len, ==, 1);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *text;
    const char *says;
  } cases[] = {
    { "", "[Plugin]: this section is missing" },
    { "junk", "Key file" },
    { "[Plugin]\nName=x\n[Mechanism A]\nExposure=token\n", "[Plugin] Abi: missing" },
    { "[Plugin]\nAbi=2\nName=x\n[Mechanism A]\nExposure=token\n", "interface 2, this library has 1" },
    { "[Plugin]\nAbi=one\nName=x\n[Mechanism A]\nExposure=token\n", "[Plugin] Abi" },
    { "[Plugin]\nAbi=1\n[Mechanism A]\nExposure=token\n", "[Plugin] Name" },
    { "[Plugin]\nAbi=1\nName=../x\n[Mechanism A]\nExposure=token\n", "is \"../x\", but the file is named \"x\"" },
    { HEAD, "neither" },
    { HEAD "Version=1\\n2\n[Mechanism A]\nExposure=token\n", "[Plugin] Version: the value has a control character" },
    { HEAD "Description=\x1b[2J\n[Mechanism A]\nExposure=token\n", "[Plugin] Description: the value has a control character" },
    { HEAD "License=\\q\n[Mechanism A]\nExposure=token\n", "[Plugin] License" },
    { HEAD "[Mechanism A]\nHash=1\n", "[Mechanism A] Exposure: missing" },
    { HEAD "[Mechanism A]\nExposure=some\n", "[Mechanism A] Exposure: unknown word \"some\"" },
    { HEAD "[Mechanism a]\nExposure=token\n", "[Mechanism a]: not a mechanism name" },
    { HEAD "[Mechanism ../A]\nExposure=token\n", "not a mechanism name" },
    { HEAD "[Mechanism ]\nExposure=token\n", "not a mechanism name" },
    { HEAD "[Mechanism ABCDEFGHIJKLMNOPQRSTU]\nExposure=token\n", "not a mechanism name" },
    { MECH "Traits=mutual;telepathy\n", "[Mechanism A] Traits: unknown word \"telepathy\"" },
    { MECH "Needs=pass\\qword\n", "[Mechanism A] Needs" },
    { MECH "Needs=money\n", "[Mechanism A] Needs: unknown word \"money\"" },
    { MECH "Flags=PLAIN\n", "[Mechanism A] Flags: unknown word \"PLAIN\"" },
    { MECH "Hash=65536\n", "[Mechanism A] Hash" },
    { MECH "Hash=-1\n", "[Mechanism A] Hash" },
    { MECH "Ssf=x\n", "[Mechanism A] Ssf" },
    { MECH "Rank=9999999\n", "[Mechanism A] Rank" },
    { HEAD "[Transport t]\n", "[Transport t] Roles: must be either" },
    { HEAD "[Transport t]\nRoles=open;wrap\n", "[Transport t] Roles: must be either" },
    { HEAD "[Transport t]\nRoles=wrap\nBindings=tls-guess\n", "[Transport t] Bindings: unknown word \"tls-guess\"" },
    { HEAD "[Transport T]\nRoles=wrap\n", "[Transport T]: not a transport name" },
    { MECH "Needs=\xff\n", "not UTF-8" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_test_message ("%s", cases[i].says);
      g_assert_null (parse (cases[i].text, &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
      g_assert_nonnull (strstr (error->message, cases[i].says));
    }
}

static void
test_octets (void)
{
  g_autoptr (GError) error = NULL;
  static const char nul[] = MECH "Rank=1\0\n";
  g_assert_null (vd_keyfile_parse (nul, sizeof nul - 1, "x", &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
  g_clear_error (&error);

  g_autoptr (GString) large = g_string_new (MECH);
  while (large->len <= VD_KEYFILE_SIZE_MAX)
    g_string_append (large, "# and so on\n");
  g_assert_null (vd_keyfile_parse (large->str, large->len, "x", &error));
  g_assert_nonnull (strstr (error->message, "larger than"));
}

static void
test_names (void)
{
  static const char *const good[] = { "a", "plain", "auth_digest_md5", "x9", "abcdefghijklmnopqrstuvwxyzabcdef" };
  static const char *const bad[]
      = { "", "A", "9a", "_a", "a-b", "a.b", "a/b", "..", "../a", "a b", "ab\n", "ñ", "abcdefghijklmnopqrstuvwxyzabcdefg" };
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (vd_stem_valid (good[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (vd_stem_valid (bad[i]));
  g_assert_true (vd_mech_name_valid ("SCRAM-SHA-256-PLUS"));
  g_assert_true (vd_mech_name_valid ("ABCDEFGHIJKLMNOPQR_9"));
  g_assert_false (vd_mech_name_valid ("ABCDEFGHIJKLMNOPQR_99"));
  g_assert_false (vd_mech_name_valid ("Plain"));
  g_assert_false (vd_mech_name_valid (""));
}

#define TWO                                                                                                                    \
  HEAD "[Mechanism A]\nExposure=password\nRank=1\n[Mechanism B]\nExposure=token\nRank=2\n[Transport t]\nRoles=open\nRank=3\n"

static void
check_two (VdKeyfile *keyfile, gboolean a, int rank_a, gboolean b, int rank_b, gboolean t, int rank_t)
{
  VdMechInfo *mech_a = keyfile->mechs->pdata[0];
  VdMechInfo *mech_b = keyfile->mechs->pdata[1];
  VdTransportInfo *transport = keyfile->transports->pdata[0];
  g_assert_cmpint (mech_a->enabled, ==, a);
  g_assert_cmpint (mech_a->rank, ==, rank_a);
  g_assert_cmpint (mech_b->enabled, ==, b);
  g_assert_cmpint (mech_b->rank, ==, rank_b);
  g_assert_cmpint (transport->enabled, ==, t);
  g_assert_cmpint (transport->rank, ==, rank_t);
}

static void
test_override (void)
{
  static const struct
  {
    const char *text;
    gboolean a, b, t;
    int rank_a, rank_b, rank_t;
  } cases[] = {
    { "", TRUE, TRUE, TRUE, 1, 2, 3 },
    { "[Plugin]\nEnabled=false\n", FALSE, FALSE, FALSE, 1, 2, 3 },
    { "[Plugin]\nRank=50\n", TRUE, TRUE, TRUE, 50, 50, 50 },
    { "[Mechanism B]\nEnabled=true\nRank=7\n[Plugin]\nEnabled=false\nRank=50\n", FALSE, TRUE, FALSE, 50, 7, 50 },
    { "[Transport t]\nEnabled=false\n", TRUE, TRUE, FALSE, 1, 2, 3 },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VdKeyfile) keyfile = parse (TWO, NULL);
      g_assert_true (vd_keyfile_apply_override (keyfile, cases[i].text, strlen (cases[i].text), &error));
      g_assert_no_error (error);
      check_two (keyfile, cases[i].a, cases[i].rank_a, cases[i].b, cases[i].rank_b, cases[i].t, cases[i].rank_t);
    }
}

/* A wrong override changes nothing, not even what came before the mistake. */
static void
test_override_refused (void)
{
  static const struct
  {
    const char *text;
    const char *says;
  } cases[] = {
    { "[Plugin]\nEnabled=false\nModule=/tmp/evil.so\n", "[Plugin] Module: an override may set Enabled and Rank only" },
    { "[Plugin]\nEnabled=false\n[Mechanism A]\nExposure=nothing\n", "[Mechanism A] Exposure" },
    { "[Mechanism A]\nEnabled=false\n[Mechanism C]\nEnabled=false\n", "[Mechanism C]: plugin \"x\" has no such section" },
    { "[Mechanism A]\nEnabled=maybe\n", "[Mechanism A] Enabled" },
    { "[Plugin]\nEnabled=false\nRank=high\n", "[Plugin] Rank" },
    { "Enabled=false\n", "Key file" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VdKeyfile) keyfile = parse (TWO, NULL);
      g_test_message ("%s", cases[i].says);
      g_assert_false (vd_keyfile_apply_override (keyfile, cases[i].text, strlen (cases[i].text), &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
      g_assert_nonnull (strstr (error->message, cases[i].says));
      check_two (keyfile, TRUE, 1, TRUE, 2, TRUE, 3);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/keyfile/mechanism", test_mechanism);
  g_test_add_func ("/keyfile/transport", test_transport);
  g_test_add_func ("/keyfile/forward-compatible", test_forward);
  g_test_add_func ("/keyfile/refused", test_refused);
  g_test_add_func ("/keyfile/octets", test_octets);
  g_test_add_func ("/keyfile/names", test_names);
  g_test_add_func ("/keyfile/override", test_override);
  g_test_add_func ("/keyfile/override-refused", test_override_refused);
  return g_test_run ();
}

/* SPDX-License-Identifier: MIT */
/*
 * SCRAM: the arithmetic against the RFCs' vectors, whole exchanges against values computed elsewhere (Python's hashlib), the gs2 flag,
 * every message of a server that must be refused, credentials that come later, and what is left behind.
 */
#include "test-mech-drive.h"

#include "../../plugins/auth/scram/keys.h"

#include <string.h>

#define STEM      "auth_scram"
#define NONCE     "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX" /* of the drive's randomness */
#define SALT_ITER ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define FIRST     "r=" NONCE "%hvYD" SALT_ITER

static const char *const names[]
    = { "SCRAM-SHA-512-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1" };

/* ---- arithmetic ---- */

static const ScramHash sha1 = { G_CHECKSUM_SHA1, 20, 64 };
static const ScramHash sha256 = { G_CHECKSUM_SHA256, 32, 64 };
static const ScramHash sha512 = { G_CHECKSUM_SHA512, 64, 128 };

#define SHA2_MESSAGE                                                                                                           \
  "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"      \
  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

/* RFC 5802 section 5, RFC 7677 section 3; SHA-512 and the long key from Python's hashlib. */
static const struct
{
  const ScramHash *hash;
  const char *password, *salt, *message;
  guint iterations;
  const char *proof, *signature;
} vectors[] = {
  { &sha1, "pencil", "QSXCR+Q6sek8bf92",
    "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,c=biws,"
    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
    4096, "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
  { &sha256, "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", SHA2_MESSAGE, 4096,
    "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
  { &sha512, "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", SHA2_MESSAGE, 4096,
    "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
    "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==" },
  { &sha1, NULL, NULL, "m", 4097, "KmrOvQV78oYEf4YHxMS3nV1Z/Mw=", "0AuyQA3zrOjSLlQ0z5/drzI5U5o=" },
  { &sha512, NULL, NULL, "m", 4097, "S4f9BsF+2AOSsvru1Npkfn0MmE/mXnfN8292P1Z95TX3Llbm1iqW1h+kalsUW/7YDblz2/kS5HL+EdFSUZntkA==",
    "6h28tOR40zur6nBylWYOOkGyiWo4yJeIgmTT/eYQUsTNbi2StCb/H8TC4iIAYNmdTLtwBKmutDlXrs1AW0JCIw==" },
};

static void
test_vectors (void)
{
  char long_password[200];
  guint8 long_salt[256];

  memset (long_password, 'x', sizeof long_password);
  for (guint i = 0; i < sizeof long_salt; i++)
    long_salt[i] = (guint8) i;
  for (gsize i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      guint8 proof[SCRAM_HASH_MAX], signature[SCRAM_HASH_MAX];
      gsize salt_size = sizeof long_salt;
      g_autofree guint8 *salt
          = vectors[i].salt != NULL ? g_base64_decode (vectors[i].salt, &salt_size) : g_memdup2 (long_salt, sizeof long_salt);
      ScramInput in
          = { { long_password, sizeof long_password }, { salt, salt_size }, vectors[i].iterations, vectors[i].message };

      if (vectors[i].password != NULL)
        in.password = (VeredaSpan){ vectors[i].password, strlen (vectors[i].password) };
      scram_compute (vectors[i].hash, &in, proof, signature);
      g_autofree char *p = g_base64_encode (proof, vectors[i].hash->size);
      g_autofree char *v = g_base64_encode (signature, vectors[i].hash->size);
      g_assert_cmpstr (p, ==, vectors[i].proof);
      g_assert_cmpstr (v, ==, vectors[i].signature);
      g_assert_true (scram_equal (proof, proof, vectors[i].hash->size));
      g_assert_false (scram_equal (proof, signature, vectors[i].hash->size));
    }
}

/* ---- a channel ---- */

static guint has_bindings; /* 1u << VEREDA_BINDING_* */

static GBytes *
fixed_binding (void *self, VeredaBinding kind, GError **error)
{
  guint8 octets[32];

  if ((has_bindings & (1u << kind)) == 0)
    {
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED, "not this one");
      return NULL;
    }
  for (guint i = 0; i < sizeof octets; i++)
    octets[i] = (guint8) (0x80 + i);
  return g_bytes_new (octets, sizeof octets);
}

#define EXPORTER  (1u << VEREDA_BINDING_TLS_EXPORTER)
#define END_POINT (1u << VEREDA_BINDING_TLS_SERVER_END_POINT)
#define UNIQUE    (1u << VEREDA_BINDING_TLS_UNIQUE)

static MechDrive *
drive (const char *name, guint bindings, const char *const *offered)
{
  MechDrive *d = mech_drive_new_named (STEM, name, "user", "pencil");

  has_bindings = bindings;
  d->exchange.binding = fixed_binding;
  d->exchange.offered = offered;
  return d;
}

/* At the point where the server's first message is waited for, or its last. */
static MechDrive *
drive_to (const char *name, gboolean final)
{
  MechDrive *d = drive (name, EXPORTER, NULL);

  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_CONTINUE);
  if (final)
    g_assert_cmpint (mech_drive_say (d, FIRST), ==, VEREDA_STEP_CONTINUE);
  return d;
}

/* ---- whole exchanges ---- */

#define PLUS_FINAL "c=cD10bHMtZXhwb3J0ZXIsLICBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6f,r=" NONCE "%hvYD,p="
#define BARE_FINAL "c=biws,r=" NONCE "%hvYD,p="

static const struct
{
  const char *name, *first, *final, *verifier;
} exchanges[] = {
  { "SCRAM-SHA-512-PLUS", "p=tls-exporter,,n=user,r=" NONCE,
    PLUS_FINAL "4LJPdSHa7eqjLplOr3JjzBKohsGSVVErGrR1Rr/aPsxi2Xj6ImJBUCXyCjSqSn3IzvJROJroUtaAEw7D/Oa1sA==",
    "v=vvL+yY8nzNTvSuJ6U8xQ5SaEcMyYVOov2yo5n/KKbo2vlXuCAAXSDIniCHO8k1z++dS8YbXDjaCdnuD3ncmivA==" },
  { "SCRAM-SHA-512", "n,,n=user,r=" NONCE,
    BARE_FINAL "gksSjWayPOFSxcjVkSnKAJOtXX6vNh9kX0J95wUjhT0ZDSvxoGh03MqL3mNU3lI1bcckGhH4DYWgwmNgQB0o/A==",
    "v=CLw0hY5O8lPMqY+L6ReqsDkCPS3OvPpAqDdhkHtvY82q1gJTwG+ruaG2xTjzqPMuUhcVAPLA865Jh+4nP+zRYA==" },
  { "SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=user,r=" NONCE,
    PLUS_FINAL "1KXFT12BI4zbT/hBEA2LZqlDR6rXYS3insKQeg/mJAg=", "v=xAkUTEvUtWx4DVjjiIa0v0m6Bcos4lj1ddbusAHN8QI=" },
  { "SCRAM-SHA-256", "n,,n=user,r=" NONCE,
    BARE_FINAL "0MczLARxMWLDhrVrpTogipChHZdhAy8hvW6q37yV/r0=", "v=mJjdEv+siEmpl0RLZ8G1ltPJBPuDyN3lBGJldCD6Xqk=" },
  { "SCRAM-SHA-1-PLUS", "p=tls-exporter,,n=user,r=" NONCE,
    PLUS_FINAL "DnQ09TaAxMpHYub2Yn3Zmo4p+VU=", "v=HQvz11d2hoOgXWPvBzabM0V6I04=" },
  { "SCRAM-SHA-1", "n,,n=user,r=" NONCE, BARE_FINAL "ftMz43gMZDeGhlnOtNuYgAf1bN4=", "v=nUkxOIJoDIW7jPmEJVapHiYW3n0=" },
};

static void
test_exchange (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (exchanges); i++)
    {
      g_autoptr (MechDrive) d = drive (exchanges[i].name, EXPORTER, NULL);

      g_assert_cmpint (mech_drive_step (d, i % 2 == 0 ? NULL : "", 0), ==, VEREDA_STEP_CONTINUE);
      assert_response (d, exchanges[i].first, strlen (exchanges[i].first));
      g_assert_cmpint (mech_drive_say (d, FIRST ",x=an extension"), ==, VEREDA_STEP_CONTINUE); /* signed, so another proof */
      g_assert_cmpuint (d->response->len, ==, strlen (exchanges[i].final));
      g_assert_true (memcmp (d->response->data, exchanges[i].final, strlen (exchanges[i].final)) != 0);
      mech_drive_free (g_steal_pointer (&d));

      d = drive_to (exchanges[i].name, TRUE);
      assert_response (d, exchanges[i].final, strlen (exchanges[i].final));
      g_assert_false (d->mech->explain (d->auth, NULL));
      g_assert_cmpint (mech_drive_say (d, exchanges[i].verifier), ==, VEREDA_STEP_DONE); /* SCR-7 */
      g_assert_cmpuint (d->response->len, ==, 0);
      assert_failed (d, exchanges[i].verifier, strlen (exchanges[i].verifier), VEREDA_AUTH_ERROR_PROTOCOL);
      assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_PROTOCOL);
    }
}

static void
test_nonce (void)
{
  g_autoptr (MechDrive) d = drive ("SCRAM-SHA-256", 0, NULL);

  d->no_random = TRUE;
  assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_SYSTEM);
  d->no_random = FALSE;
  assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_PROTOCOL); /* failed once, failed for good */
}

static void
test_client_first (void)
{
  g_autoptr (MechDrive) early = drive ("SCRAM-SHA-256", 0, NULL);
  g_autoptr (MechDrive) again = drive_to ("SCRAM-SHA-256", FALSE);

  assert_failed (early, FIRST, strlen (FIRST), VEREDA_AUTH_ERROR_PROTOCOL);
  assert_failed (again, NULL, 0, VEREDA_AUTH_ERROR_PROTOCOL);
}

/* ---- names ---- */

static void
test_names (void)
{
  static const struct
  {
    const char *user, *authzid, *first; /* first NULL: refused */
  } cases[] = {
    { "a,b=c", NULL, "n,,n=a=2Cb=3Dc,r=" NONCE },
    { "user", "x=,y", "n,a=x=3D=2Cy,n=user,r=" NONCE },
    { "I\xc2\xadX", NULL, "n,,n=IX,r=" NONCE },      /* SASLprep: soft hyphen to nothing */
    { "\xe2\x85\xa8", NULL, "n,,n=IX,r=" NONCE },    /* ROMAN NUMERAL NINE */
    { "e\xcc\x81", NULL, "n,,n=\xc3\xa9,r=" NONCE }, /* composed */
    { "bell\x07", NULL, NULL },                      /* prohibited */
    { "\xc2\xad", NULL, NULL },                      /* nothing is left */
    { "\xff", NULL, NULL },                          /* not UTF-8 */
    { "user", "bell\x07", NULL },
    { NULL, NULL, NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MechDrive) d = mech_drive_new_named (STEM, "SCRAM-SHA-256", cases[i].user, "pencil");

      if (cases[i].authzid != NULL)
        mech_drive_set (d, VEREDA_CRED_AUTHZID, cases[i].authzid, strlen (cases[i].authzid));
      if (cases[i].first == NULL)
        {
          assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
          continue;
        }
      g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_CONTINUE);
      assert_response (d, cases[i].first, strlen (cases[i].first));
    }
}

static void
test_passwords (void)
{
  static const char *const bad[] = { "bell\x07", "\xc2\xad", "\xff", "", NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (MechDrive) d = mech_drive_new_named (STEM, "SCRAM-SHA-1", "user", bad[i]);

      g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_CONTINUE);
      assert_failed (d, FIRST, strlen (FIRST), VEREDA_AUTH_ERROR_CREDENTIAL);
    }
}

/* The response has its limit, however much the escaping adds. */
static void
test_long_name (void)
{
  g_autofree char *name = g_strnfill (VEREDA_AUTH_RESPONSE_MAX, ',');
  g_autoptr (MechDrive) d = mech_drive_new_named (STEM, "SCRAM-SHA-1", name, "pencil");

  assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
}

/* ---- CBD-1, CBD-2: the gs2 header ---- */

static const char *const none[] = { NULL };
static const char *const unbound[] = { "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", NULL };
static const char *const with_plus[] = { "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", NULL };
static const char *const other_plus[] = { "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", NULL };

static void
test_flag (void)
{
  static const struct
  {
    gboolean plus;
    guint bindings;
    const char *const *offered;
    const char *header; /* NULL: refused */
  } rows[] = {
    { FALSE, 0, NULL, "n,," },
    { FALSE, 0, unbound, "n,," },
    { FALSE, 0, with_plus, "n,," }, /* it is offered, we cannot: never "y" */
    { FALSE, UNIQUE, unbound, "n,," },
    { FALSE, EXPORTER, NULL, "n,," }, /* no list is no statement about one */
    { FALSE, EXPORTER, none, "y,," },
    { FALSE, EXPORTER, unbound, "y,," },
    { FALSE, END_POINT, unbound, "y,," },
    { FALSE, EXPORTER, with_plus, "n,," },
    { FALSE, EXPORTER | END_POINT, other_plus, "n,," },
    { TRUE, EXPORTER, with_plus, "p=tls-exporter,," },
    { TRUE, EXPORTER | END_POINT | UNIQUE, with_plus, "p=tls-exporter,," },
    { TRUE, END_POINT | UNIQUE, with_plus, "p=tls-server-end-point,," },
    { TRUE, END_POINT, unbound, "p=tls-server-end-point,," },
    { TRUE, UNIQUE, with_plus, NULL },
    { TRUE, 0, with_plus, NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MechDrive) d
          = drive (rows[i].plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", rows[i].bindings, rows[i].offered);
      g_autofree char *first = g_strconcat (rows[i].header != NULL ? rows[i].header : "", "n=user,r=" NONCE, NULL);

      g_test_message ("row %zu", i);
      if (rows[i].header == NULL)
        {
          assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_UNSUPPORTED);
          continue;
        }
      g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_CONTINUE);
      assert_response (d, first, strlen (first));
    }
}

/* An exchange of a core that knows no list: the member is not looked at. */
static void
test_older_core (void)
{
  g_autoptr (MechDrive) d = drive ("SCRAM-SHA-256", EXPORTER, unbound);

  d->exchange.struct_size = offsetof (VeredaExchange, offered);
  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_CONTINUE);
  assert_response (d, "n,,n=user,r=" NONCE, strlen ("n,,n=user,r=" NONCE));
}

/* ---- messages that must be refused ---- */

typedef struct
{
  const char *text;
  gsize size;
  VeredaAuthError code;
} Bad;

#define BAD(text, what)                                                                                                        \
  {                                                                                                                            \
    text, sizeof (text) - 1, VEREDA_AUTH_ERROR_##what                                                                          \
  }
#define R "r=" NONCE "x"
#define S ",s=QSXCR+Q6sek8bf92"
#define I ",i=4096"

static const Bad bad_firsts[] = {
  BAD ("", PROTOCOL),
  BAD (",", PROTOCOL),
  BAD ("r", PROTOCOL),
  BAD ("r=", PROTOCOL),
  BAD ("1=x" S I, PROTOCOL),
  BAD ("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", PROTOCOL),
  BAD (R, PROTOCOL),
  BAD (R S, PROTOCOL),
  BAD (R I S, PROTOCOL),
  BAD (S I, PROTOCOL),
  BAD ("s=QSXCR+Q6sek8bf92," R I, PROTOCOL),
  BAD (R ",," S I, PROTOCOL),
  BAD (R S I ",", PROTOCOL),
  BAD (R S I ",x", PROTOCOL),
  BAD (R S I ",x=", PROTOCOL),
  BAD (R S I ",x=\xff", PROTOCOL),
  BAD (R "\0" S I, PROTOCOL),
  BAD (R "\x7f" S I, PROTOCOL), /* nonce: printable */
  BAD (R " " S I, PROTOCOL),
  BAD (R "\xc3\xa9" S I, PROTOCOL),
  BAD ("r=" NONCE S I, PROTOCOL), /* SCR-2 */
  BAD ("r=x" NONCE S I, PROTOCOL),
  BAD ("r=AAEC" S I, PROTOCOL),
  BAD ("r=AAECAwQFBgcICQoLDA0ODxAREhMUFRYx" S I, PROTOCOL),
  BAD (R ",s=" I, PROTOCOL),
  BAD (R ",s=QSX" I, PROTOCOL),
  BAD (R ",s=QSX*" I, PROTOCOL),
  BAD (R ",s=Q===" I, PROTOCOL),
  BAD (R ",s=QR==" I, PROTOCOL), /* bits behind the end */
  BAD (R ",s=QSX CR+Q" I, PROTOCOL),
  BAD (R S ",i=", PROTOCOL),
  BAD (R S ",i=x", PROTOCOL),
  BAD (R S ",i=-4096", PROTOCOL),
  BAD (R S ",i=+4096", PROTOCOL),
  BAD (R S ",i=04096", PROTOCOL),
  BAD (R S ",i=0", PROTOCOL),
  BAD (R S ",i=4096 ", PROTOCOL),
  BAD (R S ",i=1", UNSUPPORTED), /* SCR-4 */
  BAD (R S ",i=4095", UNSUPPORTED),
  BAD (R S ",i=1000001", UNSUPPORTED),
  BAD (R S ",i=4294971392", UNSUPPORTED), /* 2^32 + 4096 */
  BAD (R S ",i=99999999999999999999999999999999", UNSUPPORTED),
  BAD ("m=x," R S I, UNSUPPORTED), /* SCR-3 */
  BAD (R S I ",m=x", UNSUPPORTED),
  BAD (
      "a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,"
      "a=1,a=1,a=1,a=1",
      PROTOCOL),
};

static const Bad bad_finals[] = {
  BAD ("", PROTOCOL),
  BAD ("v", PROTOCOL),
  BAD ("v=", PROTOCOL),
  BAD ("v=*", PROTOCOL),
  BAD ("v=nUkxOIJoDIW7jPmEJVapHiYW3n0", PROTOCOL),
  BAD ("v=nUkxOIJoDIW7jPmEJVapHiYW3n1=", PROTOCOL), /* the right octets, written otherwise */
  BAD ("v=nUkxOIJoDIW7jPmEJVapHiYW", PROTOCOL),     /* too short */
  BAD ("v=nUkxOIJoDIW7jPmEJVapHiYW3n0AAAA=", PROTOCOL),
  BAD ("v=nUkxOIJoDIW7jPmEJVapHiYW3n0=,", PROTOCOL),
  BAD ("v=nUkxOIJoDIW7jPmEJVapHiYW3n0=\0", PROTOCOL),
  BAD ("m=x,v=nUkxOIJoDIW7jPmEJVapHiYW3n0=", UNSUPPORTED),
  BAD ("v=nUkxOIJoDIW7jPmEJVapHiYW3n0=,m=x", UNSUPPORTED),
  BAD ("x=y", SERVER),
  BAD ("x=y,v=nUkxOIJoDIW7jPmEJVapHiYW3n0=", SERVER),
  BAD ("v=mUkxOIJoDIW7jPmEJVapHiYW3n0=", SERVER), /* first and last octet wrong: SCR-5 */
  BAD ("v=nUkxOIJoDIW7jPmEJVapHiYW3n4=", SERVER),
  BAD (FIRST, SERVER), /* the first message again */
};

static void
check_bad (const Bad *bad, gsize n, gboolean final)
{
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (MechDrive) d = drive_to ("SCRAM-SHA-1", final);

      g_test_message ("%s", bad[i].text);
      assert_failed (d, bad[i].text, bad[i].size, bad[i].code);
      g_assert_null (strstr (d->error->message, "AAEC")); /* the server's octets are not repeated */
      /* What would have been right comes too late. */
      assert_failed (d, FIRST, strlen (FIRST), VEREDA_AUTH_ERROR_PROTOCOL);
      assert_failed (d, "v=nUkxOIJoDIW7jPmEJVapHiYW3n0=", 30, VEREDA_AUTH_ERROR_PROTOCOL);
    }
}

static void
test_bad_first (void)
{
  check_bad (bad_firsts, G_N_ELEMENTS (bad_firsts), FALSE);
}

static void
test_bad_final (void)
{
  check_bad (bad_finals, G_N_ELEMENTS (bad_finals), TRUE);
}

static void
test_iterations (void)
{
  static const char *const good[] = { R S ",i=4096", R S ",i=10000" };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (MechDrive) d = drive_to ("SCRAM-SHA-1", FALSE);

      g_assert_cmpint (mech_drive_say (d, good[i]), ==, VEREDA_STEP_CONTINUE);
    }
  {
    g_autoptr (MechDrive) few = drive_to ("SCRAM-SHA-1", FALSE);
    g_autoptr (MechDrive) many = drive_to ("SCRAM-SHA-1", FALSE);

    assert_failed (few, R S ",i=4095", strlen (R S ",i=4095"), VEREDA_AUTH_ERROR_UNSUPPORTED);
    g_assert_nonnull (strstr (few->error->message, "4095 iterations"));
    g_assert_cmpuint (few->asked[VEREDA_CRED_PASSWORD], ==, 0); /* not even asked for */
    assert_failed (many, R S ",i=7000000", strlen (R S ",i=7000000"), VEREDA_AUTH_ERROR_UNSUPPORTED);
    g_assert_nonnull (strstr (many->error->message, "more than 1000000"));
  }
}

/* ---- e= ---- */

static void
test_refused (void)
{
  static const struct
  {
    const char *text;
    VeredaAuthError code;
    const char *words;
  } cases[] = {
    { "e=invalid-proof", VEREDA_AUTH_ERROR_REFUSED, "invalid-proof: the password is wrong" },
    { "e=unknown-user,x=y", VEREDA_AUTH_ERROR_REFUSED, "unknown-user" },
    { "e=channel-bindings-dont-match", VEREDA_AUTH_ERROR_SERVER, "between this client and the server" },
    { "e=server-does-support-channel-binding", VEREDA_AUTH_ERROR_SERVER, "removed" },
    { "e=invalid-proofx", VEREDA_AUTH_ERROR_REFUSED, "does not know" },
    { "e=", VEREDA_AUTH_ERROR_REFUSED, "does not know" },
    { "e=\x1b[31m\xff", VEREDA_AUTH_ERROR_REFUSED, "does not know" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint final = 0; final < 2; final++)
      {
        g_autoptr (MechDrive) d = drive_to ("SCRAM-SHA-256", final == 1);
        g_autoptr (GError) error = NULL;

        g_assert_cmpint (mech_drive_say (d, cases[i].text), ==, VEREDA_STEP_CONTINUE); /* never DONE */
        g_assert_cmpuint (d->response->len, ==, 0);
        g_assert_true (d->mech->explain (d->auth, NULL));
        g_assert_true (d->mech->explain (d->auth, &error));
        g_assert_error (error, VEREDA_AUTH_ERROR, (int) cases[i].code);
        g_assert_nonnull (strstr (error->message, cases[i].words));
        g_assert_null (strchr (error->message, '\x1b'));
        assert_failed (d, "v=mJjdEv+siEmpl0RLZ8G1ltPJBPuDyN3lBGJldCD6Xqk=", 46, VEREDA_AUTH_ERROR_PROTOCOL);
      }
}

/* ---- credentials that come later ---- */

static void
test_wait (void)
{
  g_autoptr (MechDrive) d = drive ("SCRAM-SHA-1", 0, NULL);

  d->later[VEREDA_CRED_AUTHCID] = d->later[VEREDA_CRED_AUTHZID] = d->later[VEREDA_CRED_PASSWORD] = TRUE;
  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_WAIT);
  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_WAIT);
  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_CONTINUE);
  assert_response (d, exchanges[5].first, strlen (exchanges[5].first));
  g_assert_cmpint (mech_drive_say (d, FIRST), ==, VEREDA_STEP_WAIT);
  g_assert_cmpint (mech_drive_say (d, FIRST), ==, VEREDA_STEP_CONTINUE);
  assert_response (d, exchanges[5].final, strlen (exchanges[5].final));
  g_assert_cmpint (mech_drive_say (d, exchanges[5].verifier), ==, VEREDA_STEP_DONE);
}

/* ---- what is left behind ---- */

static void
test_wiped (void)
{
  g_autoptr (MechDrive) d = drive_to ("SCRAM-SHA-512-PLUS", TRUE);
  const guint8 *own = (const guint8 *) d->auth + sizeof (VeredaAuth);
  gsize size = d->mech->instance_size - sizeof (VeredaAuth), used = 0;

  for (gsize i = 0; i < size; i++)
    used += own[i] != 0;
  g_assert_cmpuint (used, >, 64); /* the signature to expect is there */
  d->mech->clear (d->auth);
  for (gsize i = used = 0; i < size; i++)
    used += own[i] != 0;
  g_assert_cmpuint (used, <=, sizeof (int)); /* the state */
  d->mech->clear (d->auth);
}

static void
test_table (void)
{
  const VeredaPlugin *plugin = mech_plugin_load (STEM, NULL);
  gsize n = 0;

  for (; plugin->mechs[n] != NULL; n++)
    {
      const VeredaMech *m = plugin->mechs[n];
      gboolean plus = g_str_has_suffix (m->name, "-PLUS");

      g_assert_cmpstr (m->name, ==, names[n]);
      g_assert_cmpuint (strlen (m->name), <=, 20);
      g_assert_true ((m->flags & VEREDA_MECH_SERVER_LAST) && (m->flags & VEREDA_MECH_CLIENT_FIRST));
      g_assert_cmpint (plus, ==, (m->flags & VEREDA_MECH_NEEDS_BINDING) != 0);
      g_assert_cmpint (plus, ==, (m->flags & VEREDA_MECH_NEEDS_TLS) != 0);
      g_assert_cmpuint (m->strength.exposure, ==, plus ? VEREDA_EXPOSE_BOUND_PROOF : VEREDA_EXPOSE_PROOF);
    }
  g_assert_cmpuint (n, ==, G_N_ELEMENTS (names));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/scram/vectors", test_vectors);
  g_test_add_func ("/scram/table", test_table);
  g_test_add_func ("/scram/SCR-7-exchange", test_exchange);
  g_test_add_func ("/scram/SCR-1-nonce", test_nonce);
  g_test_add_func ("/scram/client-first", test_client_first);
  g_test_add_func ("/scram/SCR-1-names", test_names);
  g_test_add_func ("/scram/AUT-17-passwords", test_passwords);
  g_test_add_func ("/scram/long-name", test_long_name);
  g_test_add_func ("/scram/CBD-1-flag", test_flag);
  g_test_add_func ("/scram/CBD-1-older-core", test_older_core);
  g_test_add_func ("/scram/SCR-2-SCR-3-bad-first", test_bad_first);
  g_test_add_func ("/scram/SCR-5-bad-final", test_bad_final);
  g_test_add_func ("/scram/SCR-4-iterations", test_iterations);
  g_test_add_func ("/scram/SCR-5-refused", test_refused);
  g_test_add_func ("/scram/wait", test_wait);
  g_test_add_func ("/scram/wiped", test_wiped);
  return g_test_run ();
}

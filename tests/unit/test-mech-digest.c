/* SPDX-License-Identifier: MIT */
/*
 * DIGEST-MD5 (RFC 2831): the vector of section 4, every rule of the challenge, and the server's proof.  Expected hashes other
 * than the RFC's were computed with Python's hashlib from the formula of section 2.1.2.1.
 */
#include "test-mech-drive.h"

#include "../../plugins/auth/digest-md5/digest.h"

#include <string.h>

#define CNONCE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX" /* the drive's randomness */
#define NONCE  "OA6MG9tEQGm2hh"

static const char rfc_challenge[]
    = "realm=\"elwood.innosoft.com\",nonce=\"" NONCE "\",qop=\"auth\",algorithm=md5-sess,charset=utf-8";

#define SPAN(text)                                                                                                             \
  {                                                                                                                            \
    (text), sizeof (text) - 1                                                                                                  \
  }

static void
test_rfc_vector (void)
{
  const DigestInput input = {
    .user = SPAN ("chris"),
    .realm = SPAN ("elwood.innosoft.com"),
    .password = SPAN ("secret"),
    .nonce = NONCE,
    .cnonce = "OA6MHXh6VqTrRk",
    .uri = "imap/elwood.innosoft.com",
  };
  char response[DIGEST_HEX], rspauth[DIGEST_HEX];

  digest_compute (&input, response, rspauth);
  g_assert_true (memcmp (response, "d388dad90d4bbd760a152321f2143af7", DIGEST_HEX) == 0);
  g_assert_true (memcmp (rspauth, "ea40f60335c427b5527b84dbabcdfffd", DIGEST_HEX) == 0);
  g_assert_true (digest_equal (response, "d388dad90d4bbd760a152321f2143af7", DIGEST_HEX));
  g_assert_false (digest_equal (response, rspauth, DIGEST_HEX));
}

static MechDrive *
drive_chris (void)
{
  MechDrive *d = mech_drive_new ("auth_digest_md5", "chris", "secret");

  d->exchange.service = "imap";
  d->exchange.server_name = "elwood.innosoft.com";
  return d;
}

static void
test_dig_3_response (void)
{
  g_autoptr (MechDrive) d = drive_chris ();
  static const char expected[]
      = "charset=utf-8,username=\"chris\",realm=\"elwood.innosoft.com\",nonce=\"" NONCE "\",nc=00000001,"
        "cnonce=\"" CNONCE "\",digest-uri=\"imap/elwood.innosoft.com\","
        "response=53cdc7f36cb98eeb3deebd2592435de9,qop=auth";

  g_assert_cmpuint (d->mech->flags & VEREDA_MECH_CLIENT_FIRST, ==, 0);
  g_assert_cmpint (mech_drive_say (d, rfc_challenge), ==, VEREDA_STEP_CONTINUE);
  assert_response (d, expected, sizeof expected - 1);
  g_assert_cmpint (mech_drive_say (d, "rspauth=195020af445978675c615c03c7257b9b"), ==, VEREDA_STEP_DONE);
  g_assert_cmpuint (d->response->len, ==, 0);
  assert_failed (d, "", 0, VEREDA_AUTH_ERROR_PROTOCOL);
}

static void
test_dig_6_rspauth (void)
{
  static const struct
  {
    const char *text;
    VeredaAuthError code;
  } wrong[] = {
    { "rspauth=195020af445978675c615c03c7257b9a", VEREDA_AUTH_ERROR_SERVER },
    { "rspauth=095020af445978675c615c03c7257b9b", VEREDA_AUTH_ERROR_SERVER },
    { "rspauth=53cdc7f36cb98eeb3deebd2592435de9", VEREDA_AUTH_ERROR_SERVER }, /* our own proof, reflected */
    { "rspauth=195020af445978675c615c03c7257b9", VEREDA_AUTH_ERROR_SERVER },
    { "rspauth=195020af445978675c615c03c7257b9b0", VEREDA_AUTH_ERROR_SERVER },
    { "rspauth=\"\"", VEREDA_AUTH_ERROR_SERVER },
    { "", VEREDA_AUTH_ERROR_SERVER },
    { "nextnonce=\"x\"", VEREDA_AUTH_ERROR_SERVER },
    { rfc_challenge, VEREDA_AUTH_ERROR_SERVER },
    { "rspauth", VEREDA_AUTH_ERROR_PROTOCOL },
    { "rspauth=", VEREDA_AUTH_ERROR_PROTOCOL },
    { "rspauth=\"195020af", VEREDA_AUTH_ERROR_PROTOCOL },
    { "rspauth=195020af445978675c615c03c7257b9b,rspauth=195020af445978675c615c03c7257b9b", VEREDA_AUTH_ERROR_PROTOCOL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (MechDrive) d = drive_chris ();

      g_assert_cmpint (mech_drive_say (d, rfc_challenge), ==, VEREDA_STEP_CONTINUE);
      assert_failed (d, wrong[i].text, strlen (wrong[i].text), wrong[i].code);
      /* No second chance, not even with the right one. */
      assert_failed (d, "rspauth=195020af445978675c615c03c7257b9b", 40, VEREDA_AUTH_ERROR_PROTOCOL);
    }
}

#define GOOD "nonce=\"n\",algorithm=md5-sess"

static void
test_dig_2_challenges (void)
{
  static const struct
  {
    VeredaSpan text;
    int code; /* 0: accepted */
  } cases[] = {
    { SPAN (GOOD), 0 },
    { SPAN (",, nonce = \"n\" ,\t,algorithm\r\n =\tMD5-SESS,"), 0 },
    { SPAN ("NONCE=n,Algorithm=\"md5-sess\",Charset=\"UTF-8\",QOP=AUTH"), 0 },
    { SPAN (GOOD ",frob=\"x,y=\\\"z\",knob=1,frob=2"), 0 },
    { SPAN (GOOD ",qop=\"auth-int, auth ,auth-conf\",cipher=\"rc4\",maxbuf=1"), 0 },
    { SPAN (GOOD ",qop=auth"), 0 },
    { SPAN (GOOD ",stale=true"), 0 },
    { SPAN ("nonce=\"\xff\xfe\",algorithm=md5-sess"), 0 },
    { SPAN ("nonce=\"\xff\xfe\",charset=utf-8,algorithm=md5-sess"), 0 },
    { SPAN (GOOD ",realm=\"\xff\""), 0 },
    { SPAN (GOOD ",realm=\"\""), 0 },

    { SPAN (""), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN ("algorithm=md5-sess"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN ("nonce=\"\",algorithm=md5-sess"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN ("nonce=\"n\""), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN ("nonce=\"n\",algorithm=md5"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",nonce=\"n\""), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",algorithm=md5-sess"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",qop=auth,qop=auth"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",charset=utf-8,charset=utf-8"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",stale=true,stale=true"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",maxbuf=1,maxbuf=1"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",charset=koi8-r"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",charset=utf-8,realm=\"\xff\""), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",realm=\"unterminated"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",realm=\"unterminated\\"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",realm=\"unterminated\\\""), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",realm=\"a\"b"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",realm=\"a\0b\""), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",realm=\"a\\\0b\""), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",realm=\"a\r\nb\""), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD "\0"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN ("\0" GOOD), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD " realm=\"a\""), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",realm"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",realm="), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",=\"a\""), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",maxbuf=\xc3\xa9"), VEREDA_AUTH_ERROR_PROTOCOL },
    { SPAN (GOOD ",qop=\"auth-int,auth-conf\""), VEREDA_AUTH_ERROR_UNSUPPORTED },
    { SPAN (GOOD ",qop=\"\""), VEREDA_AUTH_ERROR_UNSUPPORTED },
    { SPAN (GOOD ",qop=\"authentic\""), VEREDA_AUTH_ERROR_UNSUPPORTED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MechDrive) d = mech_drive_new ("auth_digest_md5", "chris", "secret");

      g_test_message ("case %zu", i);
      if (cases[i].code == 0)
        g_assert_cmpint (mech_drive_step (d, cases[i].text.data, cases[i].text.size), ==, VEREDA_STEP_CONTINUE);
      else
        assert_failed (d, cases[i].text.data, cases[i].text.size, cases[i].code);
      if (cases[i].code == VEREDA_AUTH_ERROR_PROTOCOL)
        g_assert_cmpuint (d->asked[VEREDA_CRED_PASSWORD], ==, 0);
    }
}

static void
test_dig_2_size (void)
{
  for (gsize size = 2046; size <= 2049; size++)
    {
      g_autoptr (MechDrive) d = mech_drive_new ("auth_digest_md5", "chris", "secret");
      g_autofree char *text = g_strnfill (size, ',');

      memcpy (text, GOOD, sizeof GOOD - 1);
      if (size < 2048)
        g_assert_cmpint (mech_drive_step (d, text, size), ==, VEREDA_STEP_CONTINUE);
      else
        assert_failed (d, text, size, VEREDA_AUTH_ERROR_PROTOCOL);
    }
}

typedef struct
{
  const char *user, *password, *authzid, *realm;
  const char *challenge;
  const char *expected; /* response, or NULL for a credential error */
  const char *rspauth;
} Exchange;

static void
run_exchange (const Exchange *e)
{
  g_autoptr (MechDrive) d = mech_drive_new ("auth_digest_md5", e->user, e->password);
  g_autofree char *proof = g_strconcat ("rspauth=", e->rspauth, NULL);

  if (e->authzid != NULL)
    mech_drive_set (d, VEREDA_CRED_AUTHZID, e->authzid, strlen (e->authzid));
  if (e->realm != NULL)
    mech_drive_set (d, VEREDA_CRED_REALM, e->realm, strlen (e->realm));
  if (e->expected == NULL)
    {
      assert_failed (d, e->challenge, strlen (e->challenge), VEREDA_AUTH_ERROR_CREDENTIAL);
      return;
    }
  g_assert_cmpint (mech_drive_say (d, e->challenge), ==, VEREDA_STEP_CONTINUE);
  assert_response (d, e->expected, strlen (e->expected));
  g_assert_cmpint (mech_drive_say (d, proof), ==, VEREDA_STEP_DONE);
}

#define TAIL(hash)                                                                                                             \
  ",nonce=\"" NONCE "\",nc=00000001,cnonce=\"" CNONCE "\",digest-uri=\"smtp/mail.example.org\",response=" hash ",qop=auth"
#define OFFER "nonce=\"" NONCE "\",algorithm=md5-sess"

static void
test_dig_4_charset (void)
{
  static const Exchange cases[] = {
    /* Sent as UTF-8, hashed as ISO-8859-1. */
    { "jos\xc3\xa9",
      "contrase\xc3\xb1"
      "a",
      NULL, NULL, "realm=\"example.org\",charset=utf-8," OFFER,
      "charset=utf-8,username=\"jos\xc3\xa9\",realm=\"example.org\"" TAIL ("a090d5fc93d80b2b8b9bbe015ccb6e5b"),
      "ebb0a62460b983918768fa8fe90022ce" },
    /* Sent as ISO-8859-1 to a server that speaks no UTF-8: the same hash. */
    { "jos\xc3\xa9",
      "contrase\xc3\xb1"
      "a",
      NULL, NULL, "realm=\"example.org\"," OFFER,
      "username=\"jos\xe9\",realm=\"example.org\"" TAIL ("a090d5fc93d80b2b8b9bbe015ccb6e5b"),
      "ebb0a62460b983918768fa8fe90022ce" },
    /* Each string for itself: the user name has an ISO-8859-1 form, the password has not. */
    { "jos\xc3\xa9", "\xce\xa9mega", NULL, NULL, "realm=\"example.org\",charset=utf-8," OFFER,
      "charset=utf-8,username=\"jos\xc3\xa9\",realm=\"example.org\"" TAIL ("096d990be800f49eca9ca64af28f4cb6"),
      "b145a09ca2bdc4de3e3073436a67deb8" },
    { "chris", "secret", NULL, NULL, "realm=\"ex\xe4mple\"," OFFER,
      "username=\"chris\",realm=\"ex\xe4mple\"" TAIL ("a2b84e5d923b0470c42454ec66ea513f"), "b9823f8614ce368d4be34907b61f942a" },
    { "chris", "secret", NULL, NULL, "realm=\"ex\xc3\xa4mple\",charset=utf-8," OFFER,
      "charset=utf-8,username=\"chris\",realm=\"ex\xc3\xa4mple\"" TAIL ("a2b84e5d923b0470c42454ec66ea513f"),
      "b9823f8614ce368d4be34907b61f942a" },
    { "chris", "secret", NULL, NULL, "realm=\"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80\",charset=utf-8," OFFER,
      "charset=utf-8,username=\"chris\",realm=\"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80\"" TAIL (
          "beeb78af22d726bac3d66a27e93c5c9d"),
      "dedbcd260393e2db47acbbd63386f2c8" },
    /* Not expressible, or not UTF-8 at all. */
    { "jos\xc3\xa9", "\xce\xa9mega", NULL, NULL, "realm=\"example.org\"," OFFER, NULL, NULL },
    { "\xce\xa9mega", "secret", NULL, NULL, "realm=\"example.org\"," OFFER, NULL, NULL },
    { "chris", "secret", NULL, "\xce\xa9mega", "realm=\"example.org\"," OFFER, NULL, NULL },
    { "jos\xe9", "secret", NULL, NULL, "realm=\"example.org\"," OFFER, NULL, NULL },
    { "chris", "secret", NULL, "a\nb", "realm=\"example.org\"," OFFER, NULL, NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    run_exchange (&cases[i]);
}

static void
test_dig_5_authzid (void)
{
  static const Exchange with_authzid = {
    "chris",
    "secret",
    "b\xc3\xb6sse",
    NULL,
    "realm=\"example.org\",charset=utf-8," OFFER,
    "charset=utf-8,username=\"chris\",realm=\"example.org\"" TAIL (
        "c0cfc839eba8e55a13657d1c3fe70787") ",authzid=\"b\xc3\xb6sse\"",
    "155cb18fbfe8fa10eda90b39fb36de14",
  };

  run_exchange (&with_authzid);
}

static void
test_dig_3_escapes (void)
{
  static const Exchange escaped = {
    "ch\"r\\is",
    "secret",
    NULL,
    NULL,
    "realm=\"ex\\\"am\\\\p\\le\",charset=utf-8,nonce=\"a\\\"b\\\\c\",algorithm=md5-sess",
    "charset=utf-8,username=\"ch\\\"r\\\\is\",realm=\"ex\\\"am\\\\ple\",nonce=\"a\\\"b\\\\c\",nc=00000001,cnonce=\"" CNONCE
    "\",digest-uri=\"smtp/mail.example.org\",response=6a7e109bf05084c5d9fc1699a04b1c49,qop=auth",
    "e91860488479686deac3892b8ae016e7",
  };

  run_exchange (&escaped);
}

static void
test_dig_7_realms (void)
{
  static const struct
  {
    const char *offered; /* in the challenge */
    const char *given;   /* by the caller */
    const char *hint;
    const char *sent; /* NULL: no realm */
  } cases[] = {
    { "", NULL, "", NULL },
    { "", "mine", "", "mine" },
    { "realm=\"a\",", NULL, "a", "a" },
    { "realm=\"\",", NULL, "", "" },
    { "realm=\"a\",realm=\"b\",", NULL, "a,b", "a" },
    { "realm=\"a\",realm=\"b\",", "b", "a,b", "b" },
    { "realm=\"a\",realm=\"b\",", "c", "a,b", "c" },
    { "realm=\"a\",realm=\"EXAMPLE.ORG\",realm=\"org\",", NULL, "a,EXAMPLE.ORG,org", "EXAMPLE.ORG" },
    { "realm=\"org\",realm=\"mail.example.org\",realm=\"example.org\",", NULL, "org,mail.example.org,example.org",
      "mail.example.org" },
    { "realm=\"a\",realm=\"ample.org\",realm=\"xmail.example.org\",", NULL, "a,ample.org,xmail.example.org", "a" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MechDrive) d = mech_drive_new ("auth_digest_md5", "chris", "secret");
      g_autofree char *challenge = g_strconcat (cases[i].offered, OFFER, NULL);
      g_autofree char *text = NULL, *expected = NULL;

      if (cases[i].given != NULL)
        mech_drive_set (d, VEREDA_CRED_REALM, cases[i].given, strlen (cases[i].given));
      g_assert_cmpint (mech_drive_say (d, challenge), ==, VEREDA_STEP_CONTINUE);
      g_assert_cmpstr (d->hint, ==, cases[i].hint);
      text = g_strndup ((char *) d->response->data, d->response->len);
      expected = cases[i].sent == NULL ? g_strdup ("username=\"chris\",nonce=")
                                       : g_strdup_printf ("username=\"chris\",realm=\"%s\",nonce=", cases[i].sent);
      g_assert_true (g_str_has_prefix (text, expected));
      if (cases[i].sent == NULL)
        g_assert_nonnull (strstr (text, "response=2082c1f941f81fcaf91d90e283df108e"));
    }
}

static void
test_response_size (void)
{
  g_autofree char *user = g_strnfill (4096, 'u');
  g_autoptr (MechDrive) d = mech_drive_new ("auth_digest_md5", "u", "secret");
  gsize fits;

  g_assert_cmpint (mech_drive_say (d, GOOD), ==, VEREDA_STEP_CONTINUE);
  fits = 4095 - d->response->len + 1;
  for (gsize more = 0; more < 2; more++)
    {
      mech_drive_free (g_steal_pointer (&d));
      d = mech_drive_new ("auth_digest_md5", NULL, "secret");
      mech_drive_set (d, VEREDA_CRED_AUTHCID, user, fits + more);
      if (more)
        assert_failed (d, GOOD, sizeof GOOD - 1, VEREDA_AUTH_ERROR_CREDENTIAL);
      else
        {
          g_assert_cmpint (mech_drive_say (d, GOOD), ==, VEREDA_STEP_CONTINUE);
          g_assert_cmpuint (d->response->len, ==, 4095);
        }
    }
}

static void
test_no_help (void)
{
  g_autoptr (MechDrive) d = drive_chris ();

  d->no_random = TRUE;
  assert_failed (d, rfc_challenge, strlen (rfc_challenge), VEREDA_AUTH_ERROR_SYSTEM);
  d->no_random = FALSE;
  d->exchange.server_name = NULL;
  assert_failed (d, rfc_challenge, strlen (rfc_challenge), VEREDA_AUTH_ERROR_UNSUPPORTED);
  d->exchange.server_name = "elwood.innosoft.com";
  assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_PROTOCOL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mech/DIG-vector", test_rfc_vector);
  g_test_add_func ("/mech/DIG-2-challenges", test_dig_2_challenges);
  g_test_add_func ("/mech/DIG-2-size", test_dig_2_size);
  g_test_add_func ("/mech/DIG-3-response", test_dig_3_response);
  g_test_add_func ("/mech/DIG-3-escapes", test_dig_3_escapes);
  g_test_add_func ("/mech/DIG-3-size", test_response_size);
  g_test_add_func ("/mech/DIG-4-charset", test_dig_4_charset);
  g_test_add_func ("/mech/DIG-5-authzid", test_dig_5_authzid);
  g_test_add_func ("/mech/DIG-6-rspauth", test_dig_6_rspauth);
  g_test_add_func ("/mech/DIG-7-realms", test_dig_7_realms);
  g_test_add_func ("/mech/DIG-no-help", test_no_help);
  return g_test_run ();
}

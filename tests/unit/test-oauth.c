/* SPDX-License-Identifier: MIT */
/*
 * OAUTHBEARER and XOAUTH2: the messages, what may be in them, the answer to an error document and what is learned from it; and
 * the reader of these documents alone.
 */
#include "../../plugins/auth/oauth/document.h"
#include "test-mech-drive.h"

#include <string.h>

#define STEM "auth_oauth"

static MechDrive *
drive_new (const char *name, const char *token)
{
  MechDrive *d = mech_drive_new_named (STEM, name, "user@example.com", NULL);

  d->exchange.server_name = "server.example.com";
  if (token != NULL)
    mech_drive_set (d, VEREDA_CRED_TOKEN, token, strlen (token));
  return d;
}

#define assert_text(d, text) assert_response ((d), (text), strlen (text))

/* RFC 7628 section 4.1, with the SMTP port; and the example that Google gives for XOAUTH2. */
static void
test_message (void)
{
  g_autoptr (MechDrive) bearer = drive_new ("OAUTHBEARER", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
  g_autoptr (MechDrive) xoauth2 = drive_new ("XOAUTH2", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");

  bearer->exchange.remote_addr = "192.0.2.1;587";
  g_assert_cmpint (mech_drive_step (bearer, NULL, 0), ==, VEREDA_STEP_DONE);
  assert_text (bearer, "n,a=user@example.com,\001host=server.example.com\001port=587\001"
                       "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\001\001");
  mech_drive_set (xoauth2, VEREDA_CRED_AUTHCID, "someuser@example.com", 20);
  g_assert_cmpint (mech_drive_step (xoauth2, NULL, 0), ==, VEREDA_STEP_DONE);
  g_autofree char *encoded = g_base64_encode (xoauth2->response->data, xoauth2->response->len);
  g_assert_cmpstr (
      encoded, ==,
      "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==");
}

static void
test_host_and_port (void)
{
  static const struct
  {
    const char *host, *remote, *expected;
  } rows[] = {
    { "mail.example", "[2001:db8::1];465", "n,a=u,\001host=mail.example\001port=465\001auth=Bearer t\001\001" },
    { "mail.example", "2001:db8::1;465", "n,a=u,\001host=mail.example\001port=465\001auth=Bearer t\001\001" },
    { "mail.example", NULL, "n,a=u,\001host=mail.example\001auth=Bearer t\001\001" },
    { "mail.example", "nonsense", "n,a=u,\001host=mail.example\001auth=Bearer t\001\001" },
    { "mail.example", "192.0.2.1;5x", "n,a=u,\001host=mail.example\001auth=Bearer t\001\001" },
    { "mail.example", "192.0.2.1;", "n,a=u,\001host=mail.example\001auth=Bearer t\001\001" },
    { "", "192.0.2.1;25", "n,a=u,\001port=25\001auth=Bearer t\001\001" },
    { NULL, NULL, "n,a=u,\001auth=Bearer t\001\001" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MechDrive) d = drive_new ("OAUTHBEARER", "t");

      mech_drive_set (d, VEREDA_CRED_AUTHCID, "u", 1);
      d->exchange.server_name = rows[i].host;
      d->exchange.remote_addr = rows[i].remote;
      g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_DONE);
      assert_text (d, rows[i].expected);
    }
}

/* RFC 5801 section 4 for the name; XOAUTH2 has no escapes, so that what SASLprep leaves is what is sent. */
static void
test_names (void)
{
  g_autoptr (MechDrive) bearer = drive_new ("OAUTHBEARER", "t");
  g_autoptr (MechDrive) xoauth2 = drive_new ("XOAUTH2", "t");
  g_autoptr (MechDrive) other = drive_new ("OAUTHBEARER", "t");

  bearer->exchange.server_name = NULL;
  mech_drive_set (bearer, VEREDA_CRED_AUTHCID, "a=b,,c=", 7);
  g_assert_cmpint (mech_drive_step (bearer, NULL, 0), ==, VEREDA_STEP_DONE);
  assert_text (bearer, "n,a=a=3Db=2C=2Cc=3D,\001auth=Bearer t\001\001");
  mech_drive_set (xoauth2, VEREDA_CRED_AUTHCID, "a=b,c", 5);
  g_assert_cmpint (mech_drive_step (xoauth2, NULL, 0), ==, VEREDA_STEP_DONE);
  assert_text (xoauth2, "user=a=b,c\001auth=Bearer t\001\001");
  other->exchange.server_name = NULL; /* the mailbox, where it is another than the user's own */
  mech_drive_set (other, VEREDA_CRED_AUTHZID, "shared@example.com", 18);
  g_assert_cmpint (mech_drive_step (other, NULL, 0), ==, VEREDA_STEP_DONE);
  assert_text (other, "n,a=shared@example.com,\001auth=Bearer t\001\001");
}

static void
test_credentials (gconstpointer data)
{
  static const struct
  {
    const char *token;
    gsize size;
  } wrong[] = {
    { "", 0 },       { "a b", 3 },  { "Bearer abc", 10 },  { "abc\n", 4 }, { "abc\r\n", 5 },
    { "a\001b", 3 }, { "a\0b", 3 }, { "t\xc3\xb6ken", 6 }, { "\x7f", 1 },  { "\xff", 1 },
  };
  const char *name = data;

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (MechDrive) d = drive_new (name, NULL);

      mech_drive_set (d, VEREDA_CRED_TOKEN, wrong[i].token, wrong[i].size);
      assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
    }
  g_autoptr (MechDrive) none = drive_new (name, NULL);
  assert_failed (none, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
  g_autoptr (MechDrive) nobody = drive_new (name, "t");
  nobody->creds[VEREDA_CRED_AUTHCID] = (VeredaSpan){ NULL, 0 };
  assert_failed (nobody, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
  g_autoptr (MechDrive) control = drive_new (name, "t");
  mech_drive_set (control, VEREDA_CRED_AUTHCID, "a\001auth=Bearer x", 15);
  assert_failed (control, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
  g_autoptr (MechDrive) good = drive_new (name, "AZaz09-._~+/!#$%&'*==");
  g_assert_cmpint (mech_drive_step (good, NULL, 0), ==, VEREDA_STEP_DONE);
}

/* Each question may be answered later, and the same call then goes through. */
static void
test_later (gconstpointer data)
{
  static const VeredaCred kinds[] = { VEREDA_CRED_AUTHCID, VEREDA_CRED_AUTHZID, VEREDA_CRED_TOKEN };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (MechDrive) d = drive_new (data, "token");

      d->later[kinds[i]] = TRUE;
      g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_WAIT);
      g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_DONE);
    }
}

/* AUT-3: what SMTP's line limit lets through is sent, and not an octet more. */
static void
test_long_token (gconstpointer data)
{
  static const gsize sizes[] = { 1500, 8192, VEREDA_AUTH_RESPONSE_MAX };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *token = g_strnfill (sizes[i], 'T');
      g_autoptr (MechDrive) d = drive_new (data, token);

      if (sizes[i] == VEREDA_AUTH_RESPONSE_MAX)
        {
          assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
          continue;
        }
      g_assert_cmpint (mech_drive_step (d, "", 0), ==, VEREDA_STEP_DONE); /* in answer to the empty challenge */
      g_assert_nonnull (memmem (d->response->data, d->response->len, token, sizes[i]));
    }
}

/* OAU-2, OAU-3: the document is answered without content, a success behind it is none, and a second document is too much. */
static void
test_refused (gconstpointer data)
{
  const char *name = data;
  g_autoptr (MechDrive) d = drive_new (name, "secret-token");
  g_autoptr (GError) why = NULL;

  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_DONE);
  g_assert_false (d->mech->explain (d->auth, &why));
  g_assert_cmpint (mech_drive_say (d, "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"https://mail.google.com/\"}"), ==,
                   VEREDA_STEP_CONTINUE);
  assert_text (d, g_str_equal (name, "OAUTHBEARER") ? "\001" : "");
  g_assert_true (d->mech->explain (d->auth, &why));
  g_assert_error (why, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_EXPIRED);
  g_assert_nonnull (strstr (why->message, "401"));
  g_assert_nonnull (strstr (why->message, "https://mail.google.com/"));
  assert_failed (d, "{}", 2, VEREDA_AUTH_ERROR_PROTOCOL);
}

static void
test_explained (void)
{
  static const struct
  {
    const char *document;
    VeredaAuthError code;
    const char *has, *has_not;
  } rows[] = {
    { "{\"status\":\"invalid_token\"}", VEREDA_AUTH_ERROR_EXPIRED, "invalid_token", NULL },
    { "{\"status\":401}", VEREDA_AUTH_ERROR_EXPIRED, "401", NULL },
    { "{\"status\":\"insufficient_scope\",\"scope\":\"smtp\"}", VEREDA_AUTH_ERROR_REFUSED, "\"smtp\"", NULL },
    { "{\"status\":\"invalid_request\",\"openid-configuration\":\"https://idp.example/.well-known\"}",
      VEREDA_AUTH_ERROR_REFUSED, "https://idp.example/.well-known", NULL },
    { "{}", VEREDA_AUTH_ERROR_REFUSED, "refused", "status" },
    { "{\"status\":\"\\u001b[31mred\\n\"}", VEREDA_AUTH_ERROR_REFUSED, "[31mred", "\033" },
    { "401 Unauthorized", VEREDA_AUTH_ERROR_REFUSED, "JSON", "401" },
    { "", VEREDA_AUTH_ERROR_REFUSED, "JSON", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MechDrive) d = drive_new ("OAUTHBEARER", "t");
      g_autoptr (GError) why = NULL;

      g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_DONE);
      g_assert_cmpint (mech_drive_say (d, rows[i].document), ==, VEREDA_STEP_CONTINUE);
      g_assert_true (d->mech->explain (d->auth, &why));
      g_assert_error (why, VEREDA_AUTH_ERROR, (int) rows[i].code);
      g_assert_nonnull (strstr (why->message, rows[i].has));
      g_assert_true (rows[i].has_not == NULL || strstr (why->message, rows[i].has_not) == NULL);
      g_assert_true (g_utf8_validate (why->message, -1, NULL));
    }
}

/* ---- documents ---- */

static gboolean
parse (const char *text, gsize size, OauthDocument *ret)
{
  g_autofree char *copy = g_memdup2 (text, size); /* of its own, so that a read past its end is seen */

  return oauth_document_parse (&(VeredaSpan){ copy, size }, ret);
}

static void
test_document_good (void)
{
  static const struct
  {
    const char *text, *status, *scope;
  } rows[] = {
    { " { } ", NULL, NULL },
    { "{\"status\":\"a\",\"scope\":\"b\"}", "a", "b" },
    { "\t{\r\n\"status\" : \"a\" , \"x\" : [ 1 , -0.5e+3 , true , null , { \"status\" : \"no\" } ] , \"scope\":\"b\" }\n", "a",
      "b" },
    { "{\"status\":\"first\",\"status\":\"second\"}", "first", NULL },
    { "{\"status\":\"\",\"scope\":null}", NULL, NULL },
    { "{\"status\":{\"a\":1},\"scope\":[\"x\"]}", NULL, NULL },
    { "{\"\\u0073tatus\":\"\\\"\\\\\\/\\u00e9\\ud83d\\ude00\"}", "\"\\/\xc3\xa9\xf0\x9f\x98\x80", NULL },
    { "{\"status\":\"a\\u0000b\"}",
      "a\xef\xbf\xbd"
      "b",
      NULL },
    { "{\"status\":\"\\ud83dx\"}", "\xef\xbf\xbdx", NULL },
    { "{\"status\":\"\\ude00\"}", "\xef\xbf\xbd", NULL },
    { "{\"status\":\"\\ud83d\\u0041\"}",
      "\xef\xbf\xbd"
      "A",
      NULL },
    { "{\"status\":\"\xc2\x9b"
      "1m\"}",
      "\xef\xbf\xbd"
      "1m",
      NULL }, /* a C1 control */
    { "{\"status\":0,\"scope\":-12.5E-7}", "0", "-12.5E-7" },
    { "{\"status\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", NULL, NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_auto (OauthDocument) d = { NULL, NULL, NULL };

      g_test_message ("%zu", i);
      g_assert_true (parse (rows[i].text, strlen (rows[i].text), &d));
      g_assert_cmpstr (d.status, ==, rows[i].status);
      g_assert_cmpstr (d.scope, ==, rows[i].scope);
    }
}

static void
test_document_bad (void)
{
  static const char *const rows[] = {
    "",
    " ",
    "x",
    "[]",
    "\"a\"",
    "{",
    "}",
    "{}}",
    "{} {}",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{'a':1}",
    "{\"a\":tru}",
    "{\"a\":True}",
    "{\"a\":01}",
    "{\"a\":1.}",
    "{\"a\":.5}",
    "{\"a\":-}",
    "{\"a\":1e}",
    "{\"a\":+1}",
    "{\"a\":\"\n\"}",
    "{\"a\":\"\\x41\"}",
    "{\"a\":\"\\u12\"}",
    "{\"a\":\"\\u12g4\"}",
    "{\"a\":\"\\ud83d\\u\"}",
    "{\"a\":\"",
    "{\"a\":\"\\",
    "{\"a\":\"\\\"}",
    "{\"a\":[1,]}",
    "{\"a\":[1 2]}",
    "{\"a\":[1}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":\"\xff\"}",
    "{\"a\":\"\xc3\"}",
    "\xef\xbb\xbf{}",
    "{\"a\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}",
  };
  g_auto (OauthDocument) d = { NULL, NULL, NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_test_message ("%zu", i);
      g_assert_false (parse (rows[i], strlen (rows[i]), &d));
    }
  g_assert_false (parse ("{\"a\":\"\0\"}", 9, &d));
  g_assert_false (parse ("{\"a\":\"\\\0\"}", 10, &d));
  g_assert_false (parse ("{}\0", 3, &d));
  g_assert_true (d.status == NULL && d.scope == NULL && d.openid_configuration == NULL);
}

/* Every beginning of a document is none, and a long text is cut at a character. */
static void
test_document_cut (void)
{
  static const char text[] = "{\"status\":\"\\u00e9\xc3\xa9\",\"scope\":[1.5,{\"a\":false}]}";
  g_autofree char *pile = g_strnfill (3 * OAUTH_TEXT_MAX, 'x');
  g_autofree char *big = g_strdup_printf ("{\"status\":\"\xe2\x82\xac%s\"}", pile);
  g_auto (OauthDocument) d = { NULL, NULL, NULL };

  for (gsize size = 0; size < strlen (text); size++)
    g_assert_false (parse (text, size, &d));
  g_assert_true (parse (big, strlen (big), &d));
  g_assert_cmpint (g_utf8_strlen (d.status, -1), ==, OAUTH_TEXT_MAX);
}

int
main (int argc, char **argv)
{
  static const char *const names[] = { "OAUTHBEARER", "XOAUTH2" };
  static const struct
  {
    const char *path;
    GTestDataFunc func;
  } both[] = {
    { "/OAU-5/%s/token-and-user", test_credentials },
    { "/OAU-5/%s/later", test_later },
    { "/AUT-3/%s/long-token", test_long_token },
    { "/OAU-2/%s/error-document", test_refused },
  };

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/OAU-1/message", test_message);
  g_test_add_func ("/OAU-1/host-and-port", test_host_and_port);
  g_test_add_func ("/OAU-1/names", test_names);
  for (gsize i = 0; i < G_N_ELEMENTS (both); i++)
    for (gsize k = 0; k < G_N_ELEMENTS (names); k++)
      {
        g_autoptr (GString) path = g_string_new (both[i].path);

        g_string_replace (path, "%s", names[k], 1);
        g_test_add_data_func (path->str, names[k], both[i].func);
      }
  g_test_add_func ("/OAU-2/explained", test_explained);
  g_test_add_func ("/OAU-2/document/good", test_document_good);
  g_test_add_func ("/OAU-2/document/bad", test_document_bad);
  g_test_add_func ("/OAU-2/document/cut", test_document_cut);
  return g_test_run ();
}

/* SPDX-License-Identifier: MIT */
/* dialogue - the server's half of the exchanges that the kit knows.
 *
 * Pure.  Computes with verifiers that were derived from KIT_PASSWORD beforehand, never with the password itself, so that no copy of
 * it is left here for the search to find. */
#include "kit/dialogue.h"

#include <string.h>

#include "kit/mech.h"

#define CRAM_CHALLENGE "<1896.697170952@postoffice.reston.mci.net>"
#define SCRAM_SALT     "vereda-kit-salt!"
#define SCRAM_SERVER   "-kit-5c2e07b1d8"
#define HASH_MAX       64

typedef KitTurn (*TurnFunc) (KitDialogue *d, const char *response, gsize size, GByteArray *challenge, char **ret_wrong);

typedef struct
{
  const char *mechanism;
  TurnFunc turn;
  GChecksumType hash; /* of SCRAM */
  const guint8 *salted;
} Known;

struct KitDialogue
{
  const Known *known;
  guint turn;
  gboolean lies;
  GString *auth_message; /* of SCRAM */
  char *nonce;
  char *gs2;
};

static KitTurn wrong (char **ret_wrong, const char *format, ...) G_GNUC_PRINTF (2, 3);

static KitTurn
wrong (char **ret_wrong, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_free (*ret_wrong);
  *ret_wrong = g_strdup_vprintf (format, args);
  va_end (args);
  return KIT_TURN_WRONG;
}

static KitTurn
ask (GByteArray *challenge, const char *text)
{
  g_byte_array_append (challenge, (const guint8 *) text, (guint) strlen (text));
  return KIT_TURN_CHALLENGE;
}

static gboolean
is (const char *response, gsize size, const char *expected, gsize expected_size)
{
  return size == expected_size && memcmp (response, expected, size) == 0;
}

/* --- password and token shown --- */

static KitTurn
plain_turn (KitDialogue *d, const char *response, gsize size, GByteArray *challenge, char **ret_wrong)
{
  static const char expected[] = "\0" KIT_USER "\0" KIT_PASSWORD;
  if (response == NULL)
    return ask (challenge, "");
  return is (response, size, expected, sizeof expected - 1)
             ? KIT_TURN_SUCCESS
             : wrong (ret_wrong, "the message is not NUL user NUL password (RFC 4616 section 2)");
}

static KitTurn
login_turn (KitDialogue *d, const char *response, gsize size, GByteArray *challenge, char **ret_wrong)
{
  if (d->turn == 0)
    return ask (challenge, "Username:");
  if (d->turn == 1)
    return is (response, size, KIT_USER, strlen (KIT_USER)) ? ask (challenge, "Password:")
                                                            : wrong (ret_wrong, "the first answer is not the user name");
  return is (response, size, KIT_PASSWORD, strlen (KIT_PASSWORD)) ? KIT_TURN_SUCCESS
                                                                  : wrong (ret_wrong, "the second answer is not the password");
}

static KitTurn
token_turn (KitDialogue *d, const char *response, gsize size, GByteArray *challenge, char **ret_wrong)
{
  static const char bearer[] = "\1auth=Bearer " KIT_TOKEN "\1";
  gboolean google = strcmp (d->known->mechanism, "XOAUTH2") == 0;
  const char *first = google ? "user=" KIT_USER "\1" : "n,a=" KIT_USER ",\1";
  if (response == NULL)
    return ask (challenge, "");
  if (size < strlen (first) || memcmp (response, first, strlen (first)) != 0)
    return wrong (ret_wrong, "the message does not begin with the user name as %s",
                  google ? "XOAUTH2 wants it" : "RFC 7628 section 3.1 says");
  if (memmem (response, size, bearer, sizeof bearer - 1) == NULL || response[size - 1] != '\1' || response[size - 2] != '\1')
    return wrong (ret_wrong, "the message does not hold auth=Bearer and the token, or does not end in two ^A");
  return KIT_TURN_SUCCESS;
}

static KitTurn
external_turn (KitDialogue *d, const char *response, gsize size, GByteArray *challenge, char **ret_wrong)
{
  if (response == NULL)
    return ask (challenge, "");
  if (size == 0 || is (response, size, KIT_USER, strlen (KIT_USER)))
    return KIT_TURN_SUCCESS;
  return wrong (ret_wrong, "the message is neither empty nor an identity that was given (RFC 4422 appendix A)");
}

static KitTurn
anonymous_turn (KitDialogue *d, const char *response, gsize size, GByteArray *challenge, char **ret_wrong)
{
  if (response == NULL)
    return ask (challenge, "");
  return size <= 1020 ? KIT_TURN_SUCCESS : wrong (ret_wrong, "the trace is longer than 255 characters (RFC 4505 section 2)");
}

/* --- MD5 --- */

static KitTurn
cram_turn (KitDialogue *d, const char *response, gsize size, GByteArray *challenge, char **ret_wrong)
{
  static const char expected[] = KIT_USER " 070465324164c52236272117a2cf4cda";
  if (d->turn == 0)
    return ask (challenge, CRAM_CHALLENGE);
  return is (response, size, expected, sizeof expected - 1) ? KIT_TURN_SUCCESS
                                                            : wrong (ret_wrong, "the proof is wrong (RFC 2195 section 2)");
}

/* MD5 (user ":" realm ":" password). */
static const guint8 digest_secret[]
    = { 0x70, 0xcf, 0x4e, 0x22, 0x02, 0xfe, 0xc7, 0x2c, 0x3b, 0x87, 0x0a, 0x0c, 0x93, 0x68, 0x55, 0xf9 };

/* The value of a directive, without its quotes; "" if it is not there.  What the kit's own values need, not a parser. */
static char *
directive (const char *text, const char *name)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);
  for (char **part = parts; *part != NULL; part++)
    {
      char *equals = strchr (*part, '=');
      if (equals == NULL)
        continue;
      *equals++ = '\0';
      if (g_ascii_strcasecmp (g_strstrip (*part), name) == 0)
        {
          g_strstrip (equals);
          gsize length = strlen (equals);
          return length >= 2 && equals[0] == '"' && equals[length - 1] == '"' ? g_strndup (equals + 1, length - 2)
                                                                              : g_strdup (equals);
        }
    }
  return g_strdup ("");
}

/* RFC 2831 section 2.1.2.1, of the client for `a2` "AUTHENTICATE:uri" and of the server for ":uri". */
static char *
digest_value (const char *response, const char *method)
{
  g_autofree char *nonce = directive (response, "nonce"), *cnonce = directive (response, "cnonce");
  g_autofree char *nc = directive (response, "nc"), *uri = directive (response, "digest-uri");
  g_autoptr (GByteArray) a1 = g_byte_array_new ();
  g_autofree char *rest = g_strdup_printf (":%s:%s", nonce, cnonce);
  g_byte_array_append (a1, digest_secret, sizeof digest_secret);
  g_byte_array_append (a1, (const guint8 *) rest, (guint) strlen (rest));
  g_autofree char *a2 = g_strconcat (method, ":", uri, NULL);
  g_autofree char *h1 = g_compute_checksum_for_data (G_CHECKSUM_MD5, a1->data, a1->len);
  g_autofree char *h2 = g_compute_checksum_for_string (G_CHECKSUM_MD5, a2, -1);
  g_autofree char *all = g_strdup_printf ("%s:%s:%s:%s:auth:%s", h1, nonce, nc, cnonce, h2);
  return g_compute_checksum_for_string (G_CHECKSUM_MD5, all, -1);
}

static KitTurn
digest_turn (KitDialogue *d, const char *response, gsize size, GByteArray *challenge, char **ret_wrong)
{
  if (d->turn == 0)
    return ask (challenge, "realm=\"example.org\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",charset=utf-8,algorithm=md5-sess");
  if (d->turn == 1)
    {
      g_autofree char *text = g_strndup (response, size);
      g_autofree char *got = directive (text, "response"), *user = directive (text, "username");
      g_autofree char *uri = directive (text, "digest-uri"), *expected = digest_value (text, "AUTHENTICATE");
      if (strcmp (user, KIT_USER) != 0 || !g_str_has_prefix (uri, "smtp/"))
        return wrong (ret_wrong, "username is \"%s\" and digest-uri \"%s\"", user, uri);
      if (strcmp (got, expected) != 0)
        return wrong (ret_wrong, "the proof is wrong (RFC 2831 section 2.1.2)");
      g_autofree char *proof = digest_value (text, "");
      proof[0] = (char) (d->lies ? (proof[0] == '0' ? '1' : '0') : proof[0]);
      g_autofree char *rspauth = g_strconcat ("rspauth=", proof, NULL);
      return ask (challenge, rspauth);
    }
  return size == 0 ? KIT_TURN_SUCCESS : wrong (ret_wrong, "the answer to rspauth is not empty (RFC 2831 section 2.1.3)");
}

/* --- SCRAM (RFC 5802, RFC 7677) --- */

static const guint8 salted_sha1[] = { 0x60, 0xf9, 0xf7, 0x1c, 0x90, 0xe7, 0x15, 0xff, 0xf8, 0x2a,
                                      0x99, 0x23, 0xac, 0xcf, 0xc7, 0x67, 0xbe, 0x31, 0x28, 0x80 };
static const guint8 salted_sha256[]
    = { 0x44, 0x63, 0xde, 0xd5, 0xb8, 0xea, 0x0c, 0x91, 0x40, 0x04, 0x0f, 0xa1, 0xcb, 0xb9, 0xb3, 0x24,
        0xea, 0xe1, 0x16, 0x19, 0xb6, 0x88, 0x85, 0x1a, 0x09, 0xf3, 0x86, 0x1f, 0x8f, 0x7d, 0x33, 0x8a };
static const guint8 salted_sha512[]
    = { 0x1d, 0xb4, 0x48, 0xe8, 0x4d, 0xaa, 0x84, 0x5c, 0xfd, 0x03, 0xed, 0x23, 0x17, 0xf1, 0xec, 0x96,
        0x10, 0x44, 0xb4, 0x2d, 0xdc, 0x92, 0xbf, 0x74, 0x59, 0xc7, 0xa0, 0x42, 0x47, 0x63, 0xd6, 0x45,
        0x4f, 0x4f, 0xc1, 0x10, 0xb1, 0x7e, 0x08, 0xbb, 0x64, 0xf8, 0xcc, 0xcc, 0xf4, 0x8f, 0xc4, 0xb4,
        0x8f, 0x4d, 0x66, 0x0d, 0x9f, 0x3f, 0x79, 0x99, 0x3a, 0x3c, 0x79, 0x9f, 0x3a, 0x20, 0x3e, 0x14 };

static gsize
hmac (GChecksumType hash, const guint8 *key, gsize key_size, const char *text, guint8 *to)
{
  gsize size = HASH_MAX;
  g_autoptr (GHmac) h = g_hmac_new (hash, key, key_size);
  g_hmac_update (h, (const guchar *) text, (gssize) strlen (text));
  g_hmac_get_digest (h, to, &size);
  return size;
}

static gboolean
proof_is_right (KitDialogue *d, const char *proof)
{
  guint8 key[HASH_MAX], stored[HASH_MAX], signature[HASH_MAX];
  gsize n = (gsize) g_checksum_type_get_length (d->known->hash), stored_size = sizeof stored, size = 0;
  g_autofree guchar *got = g_base64_decode (proof, &size);
  g_autoptr (GChecksum) sum = g_checksum_new (d->known->hash);
  hmac (d->known->hash, d->known->salted, n, "Client Key", key);
  g_checksum_update (sum, key, (gssize) n);
  g_checksum_get_digest (sum, stored, &stored_size);
  hmac (d->known->hash, stored, n, d->auth_message->str, signature);
  for (gsize i = 0; i < n; i++)
    key[i] ^= signature[i];
  return size == n && memcmp (got, key, n) == 0;
}

static KitTurn
scram_first (KitDialogue *d, const char *text, GByteArray *challenge, char **ret_wrong)
{
  gboolean plus = g_str_has_suffix (d->known->mechanism, "-PLUS");
  const char *comma = strchr (text, ',');
  const char *bare = comma != NULL ? strchr (comma + 1, ',') : NULL;
  if (bare == NULL || !g_str_has_prefix (bare, ",n=" KIT_USER ",r="))
    return wrong (ret_wrong, "the first message is not gs2-header n=user,r=nonce (RFC 5802 section 7)");
  if (plus ? !g_str_has_prefix (text, "p=tls-") : !g_str_has_prefix (text, "n,") && !g_str_has_prefix (text, "y,"))
    return wrong (ret_wrong, "the flag of the gs2 header does not fit the mechanism (RFC 5802 section 6)");
  bare++;
  d->gs2 = g_strndup (text, (gsize) (bare - text));
  g_autofree char *nonce = directive (bare, "r");
  if (*nonce == '\0')
    return wrong (ret_wrong, "the nonce is empty");
  d->nonce = g_strconcat (nonce, SCRAM_SERVER, NULL);
  g_autofree char *salt = g_base64_encode ((const guchar *) SCRAM_SALT, strlen (SCRAM_SALT));
  g_autofree char *first = g_strdup_printf ("r=%s,s=%s,i=4096", d->nonce, salt);
  d->auth_message = g_string_new (bare);
  g_string_append_printf (d->auth_message, ",%s,", first);
  return ask (challenge, first);
}

/* c= is the gs2 header, and behind it the octets of the binding, which are the kit's own. */
static gboolean
binding_is_right (KitDialogue *d, const char *text)
{
  gsize size = 0;
  gsize gs2_size = strlen (d->gs2);
  g_autofree char *c = directive (text, "c");
  /* directive() takes padding for part of the value, as it splits at the first '=' only */
  g_autofree guchar *got = g_base64_decode (c, &size);
  gboolean plus = g_str_has_suffix (d->known->mechanism, "-PLUS");
  return size >= gs2_size && memcmp (got, d->gs2, gs2_size) == 0
         && (plus ? size == gs2_size + 32 && got[gs2_size] == got[size - 1] : size == gs2_size);
}

static KitTurn
scram_final (KitDialogue *d, const char *text, GByteArray *challenge, char **ret_wrong)
{
  guint8 key[HASH_MAX], signature[HASH_MAX];
  gsize n = (gsize) g_checksum_type_get_length (d->known->hash);
  const char *proof = g_strrstr (text, ",p=");
  g_autofree char *nonce = directive (text, "r");
  if (proof == NULL || strcmp (nonce, d->nonce) != 0)
    return wrong (ret_wrong, "the final message has no proof, or another nonce (RFC 5802 section 5)");
  if (!binding_is_right (d, text))
    return wrong (ret_wrong, "c= is not the gs2 header and the channel binding (RFC 5802 section 7)");
  g_string_append_len (d->auth_message, text, proof - text);
  if (!proof_is_right (d, proof + 3))
    return wrong (ret_wrong, "the proof is wrong (RFC 5802 section 3)");
  hmac (d->known->hash, d->known->salted, n, "Server Key", key);
  hmac (d->known->hash, key, n, d->auth_message->str, signature);
  signature[0] = (guint8) (signature[0] ^ (d->lies ? 1 : 0));
  g_autofree char *encoded = g_base64_encode (signature, n);
  g_autofree char *final = g_strconcat ("v=", encoded, NULL);
  return ask (challenge, final);
}

static KitTurn
scram_turn (KitDialogue *d, const char *response, gsize size, GByteArray *challenge, char **ret_wrong)
{
  if (response == NULL)
    {
      d->turn--; /* a server that must be spoken to first */
      return ask (challenge, "");
    }
  g_autofree char *text = g_strndup (response, size);
  if (d->gs2 == NULL)
    return scram_first (d, text, challenge, ret_wrong);
  if (d->turn == 1)
    return scram_final (d, text, challenge, ret_wrong);
  return size == 0 ? KIT_TURN_SUCCESS : wrong (ret_wrong, "there is a message after the server's proof");
}

/* --- the table --- */

static KitTurn
unknown_turn (KitDialogue *d, const char *response, gsize size, GByteArray *challenge, char **ret_wrong)
{
  static const char *const questions[] = { "", "Username:", "Password:", CRAM_CHALLENGE };
  return d->turn < G_N_ELEMENTS (questions) ? ask (challenge, questions[d->turn]) : KIT_TURN_SUCCESS;
}

static const Known known[] = {
  { "PLAIN", plain_turn, 0, NULL },
  { "LOGIN", login_turn, 0, NULL },
  { "CRAM-MD5", cram_turn, 0, NULL },
  { "DIGEST-MD5", digest_turn, 0, NULL },
  { "SCRAM-SHA-1", scram_turn, G_CHECKSUM_SHA1, salted_sha1 },
  { "SCRAM-SHA-1-PLUS", scram_turn, G_CHECKSUM_SHA1, salted_sha1 },
  { "SCRAM-SHA-256", scram_turn, G_CHECKSUM_SHA256, salted_sha256 },
  { "SCRAM-SHA-256-PLUS", scram_turn, G_CHECKSUM_SHA256, salted_sha256 },
  { "SCRAM-SHA-512", scram_turn, G_CHECKSUM_SHA512, salted_sha512 },
  { "SCRAM-SHA-512-PLUS", scram_turn, G_CHECKSUM_SHA512, salted_sha512 },
  { "OAUTHBEARER", token_turn, 0, NULL },
  { "XOAUTH2", token_turn, 0, NULL },
  { "EXTERNAL", external_turn, 0, NULL },
  { "ANONYMOUS", anonymous_turn, 0, NULL },
  { NULL, unknown_turn, 0, NULL },
};

KitDialogue *
kit_dialogue_new (const char *mechanism)
{
  KitDialogue *d = g_new0 (KitDialogue, 1);
  d->known = known;
  while (d->known->mechanism != NULL && strcmp (d->known->mechanism, mechanism) != 0)
    d->known++;
  return d;
}

void
kit_dialogue_free (KitDialogue *d)
{
  if (d == NULL)
    return;
  if (d->auth_message != NULL)
    g_string_free (d->auth_message, TRUE);
  g_free (d->nonce);
  g_free (d->gs2);
  g_free (d);
}

gboolean
kit_dialogue_is_known (const KitDialogue *d)
{
  return d->known->mechanism != NULL;
}

void
kit_dialogue_lie (KitDialogue *d)
{
  d->lies = TRUE;
}

KitTurn
kit_dialogue_next (KitDialogue *d, const void *response, gsize size, GByteArray *challenge, char **ret_wrong)
{
  g_byte_array_set_size (challenge, 0);
  /* A client that went first has had the first turn of a server that asks first. */
  KitTurn turn = d->known->turn (d, response, size, challenge, ret_wrong);
  d->turn++;
  return turn;
}

/* SPDX-License-Identifier: MIT */
/*
 * DIGEST-MD5 arithmetic: see digest.h.
 *
 * May touch nothing but its arguments.  Cannot fail.  Hashes on the way are as good as the password to an attacker, so they are
 * wiped, in our memory and in GLib's.
 */
#include "digest.h"

#include <string.h>

#define MD5_SIZE 16

static void
md5_add (GChecksum *md5, const void *data, gsize size)
{
  if (size > 0)
    g_checksum_update (md5, data, (gssize) size);
}

static void
md5_add_text (GChecksum *md5, const char *text)
{
  md5_add (md5, text, strlen (text));
}

/* Taking the digest makes GLib wipe its block buffer but keep the digest, so take another one, of nothing, over it. */
static void
md5_finish (GChecksum *md5, guint8 ret_digest[MD5_SIZE])
{
  guint8 nothing[MD5_SIZE];
  gsize size = MD5_SIZE;

  g_checksum_get_digest (md5, ret_digest, &size);
  g_checksum_reset (md5);
  size = sizeof nothing;
  g_checksum_get_digest (md5, nothing, &size);
  g_checksum_free (md5);
}

static void
hex_encode (const guint8 digest[MD5_SIZE], char hex[DIGEST_HEX])
{
  static const char digits[] = "0123456789abcdef";

  for (gsize i = 0; i < MD5_SIZE; i++)
    {
      hex[2 * i] = digits[digest[i] >> 4];
      hex[2 * i + 1] = digits[digest[i] & 15];
    }
}

/* HEX (H (A1)), with A1 = H (user ":" realm ":" password) ":" nonce ":" cnonce [":" authzid]; the inner
 * hash goes in as 16 octets. */
static void
hash_a1 (const DigestInput *in, char hex[DIGEST_HEX])
{
  guint8 digest[MD5_SIZE];
  GChecksum *md5 = g_checksum_new (G_CHECKSUM_MD5);

  md5_add (md5, in->user.data, in->user.size);
  md5_add_text (md5, ":");
  md5_add (md5, in->realm.data, in->realm.size);
  md5_add_text (md5, ":");
  md5_add (md5, in->password.data, in->password.size);
  md5_finish (md5, digest);

  md5 = g_checksum_new (G_CHECKSUM_MD5);
  md5_add (md5, digest, sizeof digest);
  md5_add_text (md5, ":");
  md5_add_text (md5, in->nonce);
  md5_add_text (md5, ":");
  md5_add_text (md5, in->cnonce);
  if (in->authzid.size > 0)
    {
      md5_add_text (md5, ":");
      md5_add (md5, in->authzid.data, in->authzid.size);
    }
  md5_finish (md5, digest);
  hex_encode (digest, hex);
  explicit_bzero (digest, sizeof digest);
}

/* HEX (KD (HEX (H (A1)), nonce ":" nc ":" cnonce ":" qop ":" HEX (H (A2)))), with A2 = verb ":" digest-uri. */
static void
hash_kd (const DigestInput *in, const char a1[DIGEST_HEX], const char *verb, char hex[DIGEST_HEX])
{
  guint8 digest[MD5_SIZE];
  char a2[DIGEST_HEX];
  GChecksum *md5 = g_checksum_new (G_CHECKSUM_MD5);

  md5_add_text (md5, verb);
  md5_add_text (md5, ":");
  md5_add_text (md5, in->uri);
  md5_finish (md5, digest);
  hex_encode (digest, a2);

  md5 = g_checksum_new (G_CHECKSUM_MD5);
  md5_add (md5, a1, DIGEST_HEX);
  md5_add_text (md5, ":");
  md5_add_text (md5, in->nonce);
  md5_add_text (md5, ":00000001:");
  md5_add_text (md5, in->cnonce);
  md5_add_text (md5, ":auth:");
  md5_add (md5, a2, sizeof a2);
  md5_finish (md5, digest);
  hex_encode (digest, hex);
}

void
digest_compute (const DigestInput *input, char ret_response[DIGEST_HEX], char ret_rspauth[DIGEST_HEX])
{
  char a1[DIGEST_HEX];

  hash_a1 (input, a1);
  hash_kd (input, a1, "AUTHENTICATE", ret_response);
  hash_kd (input, a1, "", ret_rspauth);
  explicit_bzero (a1, sizeof a1);
  auth_burn_stack ();
}

gboolean
digest_latin1 (const AuthText *utf8, AuthText *ret_latin1)
{
  gsize size = 0;
  char *out;

  for (const char *p = utf8->data; p < utf8->data + utf8->size; p = g_utf8_next_char (p), size++)
    if (g_utf8_get_char (p) > 0xff)
      return FALSE;
  ret_latin1->data = out = g_malloc (size + 1);
  ret_latin1->size = size;
  for (const char *p = utf8->data; p < utf8->data + utf8->size; p = g_utf8_next_char (p))
    *out++ = (char) (guint8) g_utf8_get_char (p);
  *out = '\0';
  return TRUE;
}

gboolean
digest_equal (const char *a, const char *b, gsize size)
{
  volatile guint8 difference = 0;

  for (gsize i = 0; i < size; i++)
    difference |= (guint8) (a[i] ^ b[i]);
  return difference == 0;
}

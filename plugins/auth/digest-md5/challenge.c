/* SPDX-License-Identifier: MIT */
/*
 * DIGEST-MD5 challenges: see challenge.h.
 *
 * May touch nothing but its arguments.  Fails on anything that RFC 2831 section 2.1.1 tells a client to abort for: broken
 * grammar, 2048 octets or more, a directive that came twice and may not, no nonce, another algorithm, no qop that we do.
 * Messages name directives of our own table only and never repeat the server's octets.
 */
#include "challenge.h"

#include <string.h>

#define CHALLENGE_LIMIT 2048 /* RFC 2831 section 2.1.1: "The size of a digest-challenge MUST be less than 2048 bytes." */

/* The directives that mean something to us.  The others are ignored (auth-param, section 2.1.1). */
enum
{
  REALM,
  NONCE,
  QOP,
  STALE,
  MAXBUF,
  CHARSET,
  ALGORITHM,
  CIPHER,
  RSPAUTH,
  N_KNOWN
};

static const char *const known_names[N_KNOWN] = {
  [REALM] = "realm",     [NONCE] = "nonce",         [QOP] = "qop",       [STALE] = "stale",     [MAXBUF] = "maxbuf",
  [CHARSET] = "charset", [ALGORITHM] = "algorithm", [CIPHER] = "cipher", [RSPAUTH] = "rspauth",
};

typedef struct
{
  GPtrArray *realms;     /* the one directive that may come again */
  char *values[N_KNOWN]; /* NULL when absent; unescaped octets without NUL and without control characters but TAB */
} Directives;

typedef struct
{
  const guint8 *at;
  const guint8 *end;
} Cursor;

static void
directives_clear (Directives *d)
{
  g_clear_pointer (&d->realms, g_ptr_array_unref);
  for (gsize i = 0; i < N_KNOWN; i++)
    g_clear_pointer (&d->values[i], g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Directives, directives_clear)

static gboolean
broken (GError **error, const char *what)
{
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_PROTOCOL, "DIGEST-MD5: the server's challenge %s (RFC 2831)", what);
  return FALSE;
}

/* --- grammar: 1#( token "=" ( token | quoted-string ) ), with the lists and linear white space of RFC 2616 section 2.1 --- */

static void
skip_space (Cursor *c)
{
  while (c->at < c->end && strchr (" \t\r\n", *c->at) != NULL && *c->at != '\0')
    c->at++;
}

static void
skip_space_and_commas (Cursor *c)
{
  for (skip_space (c); c->at < c->end && *c->at == ','; skip_space (c))
    c->at++;
}

static gboolean
is_token_char (guint8 c)
{
  return c > ' ' && c < 127 && strchr ("()<>@,;:\\\"/[]?={}", c) == NULL;
}

static char *
read_token (Cursor *c)
{
  const guint8 *from = c->at;

  while (c->at < c->end && is_token_char (*c->at))
    c->at++;
  return c->at > from ? g_strndup ((const char *) from, (gsize) (c->at - from)) : NULL;
}

static char *
read_quoted (Cursor *c)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (c->at++; c->at < c->end; c->at++)
    {
      if (*c->at == '"')
        {
          c->at++;
          return g_string_free (g_steal_pointer (&text), FALSE);
        }
      if (*c->at == '\\' && ++c->at == c->end)
        return NULL;
      if ((*c->at < ' ' && *c->at != '\t') || *c->at == 127)
        return NULL;
      g_string_append_c (text, (char) *c->at);
    }
  return NULL;
}

static gboolean
take_directive (Directives *d, const char *name, char *value, GError **error)
{
  for (gsize i = 0; i < N_KNOWN; i++)
    {
      if (g_ascii_strcasecmp (name, known_names[i]) != 0)
        continue;
      if (i == REALM)
        {
          g_ptr_array_add (d->realms, value);
          return TRUE;
        }
      if (d->values[i] == NULL)
        {
          d->values[i] = value;
          return TRUE;
        }
      g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_PROTOCOL,
                   "DIGEST-MD5: the server's challenge has '%s' twice (RFC 2831)", known_names[i]);
      g_free (value);
      return FALSE;
    }
  g_free (value);
  return TRUE;
}

static gboolean
read_directives (const VeredaSpan *text, Directives *d, GError **error)
{
  Cursor c = { text->data, NULL };

  d->realms = g_ptr_array_new_with_free_func (g_free);
  if (text->size == 0)
    return TRUE;
  if (text->size >= CHALLENGE_LIMIT)
    return broken (error, "has 2048 octets or more");
  c.end = c.at + text->size;
  for (skip_space_and_commas (&c); c.at < c.end; skip_space_and_commas (&c))
    {
      g_autofree char *name = read_token (&c);
      char *value;

      if (name == NULL)
        return broken (error, "has something other than a directive where one should begin");
      skip_space (&c);
      if (c.at == c.end || *c.at != '=')
        return broken (error, "has a directive without '='");
      c.at++;
      skip_space (&c);
      value = c.at < c.end && *c.at == '"' ? read_quoted (&c) : read_token (&c);
      if (value == NULL)
        return broken (error, "has a directive whose value is missing, not closed, or not allowed");
      if (!take_directive (d, name, value, error))
        return FALSE;
      skip_space (&c);
      if (c.at < c.end && *c.at != ',')
        return broken (error, "has something other than a comma after a directive");
    }
  return TRUE;
}

/* --- meaning --- */

static char *
utf8_from_latin1 (const char *text)
{
  GString *utf8 = g_string_new (NULL);

  for (const guint8 *p = (const guint8 *) text; *p != '\0'; p++)
    g_string_append_unichar (utf8, *p);
  return g_string_free (utf8, FALSE);
}

/* Section 2.1.1, qop-options: a list in one string; absent means "auth"; unknown options are ignored. */
static gboolean
offers_auth (const char *qop)
{
  g_auto (GStrv) options = NULL;

  if (qop == NULL)
    return TRUE;
  options = g_strsplit_set (qop, ", \t", -1);
  for (gsize i = 0; options[i] != NULL; i++)
    if (g_ascii_strcasecmp (options[i], "auth") == 0)
      return TRUE;
  return FALSE;
}

static gboolean
take_realms (Directives *d, gboolean utf8, DigestChallenge *ret, GError **error)
{
  for (guint i = 0; i < d->realms->len; i++)
    {
      const char *realm = d->realms->pdata[i];

      if (utf8 && !g_utf8_validate (realm, -1, NULL))
        return broken (error, "says charset=utf-8 and has a realm that is not UTF-8");
      g_ptr_array_add (ret->realms, utf8 ? g_strdup (realm) : utf8_from_latin1 (realm));
    }
  return TRUE;
}

void
digest_challenge_clear (DigestChallenge *challenge)
{
  g_clear_pointer (&challenge->realms, g_ptr_array_unref);
  g_clear_pointer (&challenge->nonce, g_free);
}

gboolean
digest_challenge_parse (const VeredaSpan *text, DigestChallenge *ret_challenge, GError **error)
{
  g_auto (Directives) d = { NULL };
  g_auto (DigestChallenge) result = { g_ptr_array_new_with_free_func (g_free), NULL, FALSE };

  if (!read_directives (text, &d, error))
    return FALSE;
  if (d.values[NONCE] == NULL || *d.values[NONCE] == '\0')
    return broken (error, "has no nonce");
  if (d.values[ALGORITHM] == NULL || g_ascii_strcasecmp (d.values[ALGORITHM], "md5-sess") != 0)
    return broken (error, "does not say algorithm=md5-sess");
  if (d.values[CHARSET] != NULL && g_ascii_strcasecmp (d.values[CHARSET], "utf-8") != 0)
    return broken (error, "names a character set other than utf-8");
  if (!offers_auth (d.values[QOP]))
    {
      g_set_error (
          error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_UNSUPPORTED,
          "DIGEST-MD5: the server offers no qop=auth; its protection layers are not used (RFC 6331), TLS protects instead");
      return FALSE;
    }
  result.utf8 = d.values[CHARSET] != NULL;
  result.nonce = g_steal_pointer (&d.values[NONCE]);
  if (!take_realms (&d, result.utf8, &result, error))
    return FALSE;
  *ret_challenge = result;
  result = (DigestChallenge){ NULL, NULL, FALSE };
  return TRUE;
}

char *
digest_rspauth_parse (const VeredaSpan *text, GError **error)
{
  g_auto (Directives) d = { NULL };

  if (!read_directives (text, &d, error))
    return NULL;
  if (d.values[RSPAUTH] == NULL)
    g_set_error (
        error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_SERVER,
        "DIGEST-MD5: the server sent no rspauth, so it has not proved that it knows the password (RFC 2831 section 2.1.3)");
  return g_steal_pointer (&d.values[RSPAUTH]);
}

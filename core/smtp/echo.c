/* SPDX-License-Identifier: MIT */
/* echo - see echo.h. */
#include "core/smtp/echo.h"

#include <string.h>

#include "core/base/secret.h"

/* Servers cut what they repeat: so many characters are enough to know it by.  What is shorter must be there as a whole; one group of base64 is
 * the least, which no password of any use fits into. */
#define ENOUGH 8
#define LEAST  4

struct VdEcho
{
  GPtrArray *said; /* of VdSecret: base64 */
  VdSecret *clear; /* the secret of the last response as it is; NULL: none */
};

VdEcho *
vd_echo_new (void)
{
  VdEcho *echo = g_new0 (VdEcho, 1);

  echo->said = g_ptr_array_new_with_free_func ((GDestroyNotify) vd_secret_unref);
  return echo;
}

void
vd_echo_free (VdEcho *echo)
{
  if (echo == NULL)
    return;
  g_ptr_array_unref (echo->said);
  vd_secret_unref (echo->clear);
  g_free (echo);
}

/* The last of the parts that PLAIN (RFC 4616) divides with NUL and the OAuth mechanisms (RFC 7628) with 0x01 is the secret; LOGIN says it last, and
 * the name before it, which may be shown, with its own response. */
static void
keep_clear (VdEcho *echo, const char *response, gsize size)
{
  static const char bearer[] = "auth=Bearer ";
  gsize from;

  vd_secret_unref (echo->clear);
  echo->clear = NULL;
  while (size > 0 && (guchar) response[size - 1] <= 1)
    size--;
  for (from = size; from > 0 && (guchar) response[from - 1] > 1; from--)
    ;
  if (size - from >= sizeof bearer && memcmp (response + from, bearer, sizeof bearer - 1) == 0)
    from += sizeof bearer - 1;
  if (size - from >= LEAST)
    echo->clear = vd_secret_new (response + from, size - from);
}

void
vd_echo_add (VdEcho *echo, const void *response, gsize size)
{
  char *text;
  gsize length;

  if (size == 0)
    return;
  keep_clear (echo, response, size);
  text = g_base64_encode (response, size);
  length = strlen (text);
  g_ptr_array_add (echo->said, vd_secret_new (text, length));
  vd_wipe (text, length);
  g_free (text);
}

/* How many octets at `at` repeat the beginning of `said`; 0 when too few to tell. */
static gsize
repeats (const char *at, gsize left, VeredaSpan said)
{
  const char *text = said.data;
  gsize n = 0;

  while (n < left && n < said.size && at[n] == text[n])
    n++;
  return n == said.size || n >= ENOUGH ? n : 0;
}

static gsize
longest (const VdEcho *echo, const char *at, gsize left)
{
  VeredaSpan clear = echo->clear != NULL ? vd_secret_span (echo->clear) : (VeredaSpan){ 0 };
  /* As a whole only: what begins like it may be anything. */
  gsize most = clear.size > 0 && clear.size <= left && memcmp (at, clear.data, clear.size) == 0 ? clear.size : 0;

  for (guint i = 0; i < echo->said->len; i++)
    {
      VeredaSpan said = vd_secret_span (g_ptr_array_index (echo->said, i));

      most = MAX (most, said.size >= LEAST ? repeats (at, left, said) : 0);
    }
  return most;
}

/* NULL: there is nothing to hide. */
static GString *
redact_line (const VdEcho *echo, const char *line, gsize size)
{
  GString *text = NULL;
  gsize done = 0;

  for (gsize at = 0; at < size;)
    {
      gsize n = longest (echo, line + at, size - at);

      if (n == 0)
        {
          at++;
          continue;
        }
      if (text == NULL)
        text = g_string_new (NULL);
      g_string_append_len (text, line + done, (gssize) (at - done));
      g_string_append_printf (text, "<redacted %" G_GSIZE_FORMAT " octets>", n);
      at += n;
      done = at;
    }
  if (text != NULL)
    g_string_append_len (text, line + done, (gssize) (size - done));
  return text;
}

VdReply *
vd_echo_redact (VdEcho *echo, VdReply *reply)
{
  VdReply *copy = NULL;

  for (guint i = 0; i < reply->n_lines; i++)
    {
      GString *line = redact_line (echo, reply->lines[i], reply->sizes[i]);

      if (line == NULL)
        continue;
      if (copy == NULL)
        copy = vd_reply_copy (reply);
      g_free (copy->lines[i]);
      copy->sizes[i] = line->len;
      copy->lines[i] = g_string_free (line, FALSE);
    }
  return copy != NULL ? copy : vd_reply_ref (reply);
}

/* SPDX-License-Identifier: MIT */
/*
 * scriptsteps: the steps of a script, one line each; scriptserver.h lists them.
 *
 * What is wrong with a script ends the test.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "scripttalk.h"

/* ---- TLS ---- */

/* One for each certificate, so that a session of one connection can be resumed by the next. */
static SSL_CTX *
context_for (const char *cert)
{
  static GMutex lock;
  static GHashTable *contexts;
  KitServerConfig config = { .cert = cert };
  SSL_CTX *ctx;

  g_mutex_lock (&lock);
  if (contexts == NULL)
    contexts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  ctx = g_hash_table_lookup (contexts, cert);
  if (ctx == NULL)
    {
      ctx = kit_server_context (&config);
      g_hash_table_insert (contexts, g_strdup (cert), ctx);
    }
  SSL_CTX_up_ref (ctx);
  g_mutex_unlock (&lock);
  return ctx;
}

static void
do_tls (KitTalk *talk, const char *name)
{
  g_autofree char *leaf = g_strconcat (name, ".pem", NULL);
  g_autofree char *path = g_build_filename (g_getenv ("VEREDA_TEST_CERTS"), leaf, NULL);
  gssize first;

  if (talk->in_from < talk->in_to)
    {
      kit_talk_spoil (talk, "octets of the client came before TLS was agreed upon");
      return;
    }
  /* What the client begins with counts as clear: it has to be a ClientHello and nothing else. */
  first = recv (talk->conn->fd, talk->in, 512, MSG_PEEK);
  if (first > 0)
    g_byte_array_append (talk->clear, talk->in, (guint) first);
  talk->conn->ctx = context_for (path);
  talk->had_tls = kit_conn_start_tls (talk->conn);
  if (!talk->had_tls)
    {
      /* An orderly end, so that the client can read the alert. */
      shutdown (talk->conn->fd, SHUT_WR);
      while ((first = recv (talk->conn->fd, talk->in, sizeof talk->in, 0)) > 0)
        g_byte_array_append (talk->clear, talk->in, (guint) first);
      talk->over = TRUE;
    }
}

/* ---- DIGEST-MD5 (RFC 2831), only what the proof needs ---- */

static char *
directive (const char *response, const char *name)
{
  g_autofree char *pattern = g_strdup_printf ("(?:^|,)\\s*%s=(\"[^\"]*\"|[^,]*)", name);
  g_autoptr (GRegex) regex = g_regex_new (pattern, 0, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  char *value;
  gsize size;

  if (!g_regex_match (regex, response, 0, &match))
    return g_strdup ("");
  value = g_match_info_fetch (match, 1);
  size = strlen (value);
  if (*value == '"')
    {
      memmove (value, value + 1, size - 2);
      value[size - 2] = '\0';
    }
  return value;
}

static char *
proof (const char *response, const char *password)
{
  g_autofree char *user = directive (response, "username"), *realm = directive (response, "realm"),
                  *nonce = directive (response, "nonce"), *cnonce = directive (response, "cnonce"),
                  *uri = directive (response, "digest-uri");
  g_autofree char *who = g_strdup_printf ("%s:%s:%s", user, realm, password);
  g_autofree char *tail = g_strdup_printf (":%s:%s", nonce, cnonce), *a2 = g_strdup_printf (":%s", uri);
  g_autofree char *ha2 = g_compute_checksum_for_string (G_CHECKSUM_MD5, a2, -1), *all = NULL;
  g_autoptr (GChecksum) inner = g_checksum_new (G_CHECKSUM_MD5), a1 = g_checksum_new (G_CHECKSUM_MD5);
  guint8 raw[16];
  gsize size = sizeof raw;

  g_checksum_update (inner, (const guchar *) who, -1);
  g_checksum_get_digest (inner, raw, &size);
  g_checksum_update (a1, raw, (gssize) size);
  g_checksum_update (a1, (const guchar *) tail, -1);
  all = g_strdup_printf ("%s:%s:00000001:%s:auth:%s", g_checksum_get_string (a1), nonce, cnonce, ha2);
  return g_compute_checksum_for_string (G_CHECKSUM_MD5, all, -1);
}

static gboolean
say_challenge (KitTalk *talk, const char *text)
{
  g_autofree char *coded = g_base64_encode ((const guchar *) text, strlen (text));
  g_autofree char *line = g_strconcat ("334 ", coded, NULL);

  return kit_talk_say (talk, line);
}

static void
do_digest (KitTalk *talk, const char *args)
{
  g_auto (GStrv) words = g_strsplit (args, " ", -1);
  g_autofree char *response = NULL, *good = NULL, *line = NULL;
  const char *heard;
  gsize size;

  if (!say_challenge (talk, "realm=\"kit.test\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",algorithm=md5-sess,charset=utf-8")
      || (heard = kit_talk_hear (talk)) == NULL)
    return;
  response = (char *) g_base64_decode (heard, &size);
  response = g_realloc (response, size + 1);
  response[size] = '\0';
  good = proof (response, words[0]);
  if (words[1] != NULL) /* "bad": one digit off */
    good[0] = good[0] == '0' ? '1' : '0';
  line = g_strconcat ("rspauth=", good, NULL);
  say_challenge (talk, line);
}

/* ---- steps ---- */

static void
do_say (KitTalk *talk, const char *args)
{
  kit_talk_say (talk, args);
}

static void
hear_line (KitTalk *talk, const char *text, gboolean whole)
{
  const char *line = kit_talk_hear (talk);

  if (line == NULL)
    kit_talk_spoil (talk, "the client was gone; \"%s\" was expected", text);
  else if (whole ? !g_str_equal (line, text) : !g_str_has_prefix (line, text))
    kit_talk_spoil (talk, "\"%s\" was expected, the client said \"%s\"", text, line);
}

static void
do_hear (KitTalk *talk, const char *args)
{
  hear_line (talk, args, FALSE);
}

static void
do_hear_exactly (KitTalk *talk, const char *args)
{
  hear_line (talk, args, TRUE);
}

static void
do_ext (KitTalk *talk, const char *args)
{
  g_free (talk->ext);
  talk->ext = g_strdup (args);
}

static void
add_rule (KitTalk *talk, const char *text, gboolean once)
{
  const char *equals = strstr (text, " = ");
  KitRule *rule = g_new0 (KitRule, 1);

  g_assert_nonnull (equals);
  rule->prefix = g_strndup (text, (gsize) (equals - text));
  rule->reply = g_strdup (equals + 3);
  rule->once = once;
  g_ptr_array_add (talk->rules, rule);
}

static void
do_on (KitTalk *talk, const char *args)
{
  add_rule (talk, args, FALSE);
}

static void
do_once (KitTalk *talk, const char *args)
{
  add_rule (talk, args, TRUE);
}

static void
do_hello (KitTalk *talk, const char *args)
{
  kit_talk_say (talk, "220 kit.test ESMTP");
  do_hear (talk, "EHLO");
  if (!talk->over)
    kit_talk_say_ehlo (talk);
}

static void
do_serve (KitTalk *talk, const char *args)
{
  kit_talk_serve (talk, NULL);
}

static void
do_until (KitTalk *talk, const char *args)
{
  kit_talk_serve (talk, args);
}

static void
do_content (KitTalk *talk, const char *args)
{
  kit_talk_hear_content (talk);
}

static void
do_starttls (KitTalk *talk, const char *args)
{
  do_hear (talk, "STARTTLS");
  if (kit_talk_say (talk, "220 go ahead"))
    do_tls (talk, args);
}

static void
do_split (KitTalk *talk, const char *args)
{
  talk->split = TRUE;
}

static void
do_cut (KitTalk *talk, const char *args)
{
  talk->cut = g_ascii_strtoll (args, NULL, 10);
  talk->cut_rst = strstr (args, "rst") != NULL;
}

static void
do_limit (KitTalk *talk, const char *args)
{
  talk->limit = g_ascii_strtoll (args, NULL, 10);
  talk->limit_rst = strstr (args, "rst") != NULL;
}

static void
do_buffers (KitTalk *talk, const char *args)
{
  int size = atoi (args);

  setsockopt (talk->conn->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt (talk->conn->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static void
do_slow (KitTalk *talk, const char *args)
{
  talk->slow = (gsize) atoi (args);
}

static void
do_pause (KitTalk *talk, const char *args)
{
  gint64 until = g_get_monotonic_time () + (gint64) atoi (args) * 1000;
  gint64 left;

  while ((left = (until - g_get_monotonic_time () + 999) / 1000) > 0)
    {
      struct pollfd fd = { .fd = talk->conn->fd, .events = POLLRDHUP };

      if (poll (&fd, 1, (int) left) > 0)
        break;
    }
}

static void
do_take (KitTalk *talk, const char *args)
{
  for (int n = atoi (args); n > 0 && kit_talk_fill (talk); n--)
    talk->in_from++;
}

static void
do_drain (KitTalk *talk, const char *args)
{
  while (kit_talk_fill (talk))
    talk->in_from = talk->in_to;
}

static void
do_close (KitTalk *talk, const char *args)
{
  kit_talk_end (talk, FALSE);
}

static void
do_rst (KitTalk *talk, const char *args)
{
  kit_talk_end (talk, TRUE);
}

static const struct
{
  const char *word;
  void (*func) (KitTalk *talk, const char *args);
} steps[] = {
  { ">", do_say },
  { ">>", kit_talk_say_escaped },
  { "<", do_hear },
  { "=", do_hear_exactly },
  { "ext", do_ext },
  { "on", do_on },
  { "once", do_once },
  { "hello", do_hello },
  { "serve", do_serve },
  { "until", do_until },
  { "content", do_content },
  { "tls", do_tls },
  { "starttls", do_starttls },
  { "digest", do_digest },
  { "split", do_split },
  { "cut", do_cut },
  { "limit", do_limit },
  { "buffers", do_buffers },
  { "slow", do_slow },
  { "pause", do_pause },
  { "take", do_take },
  { "drain", do_drain },
  { "close", do_close },
  { "rst", do_rst },
};

static void
step (KitTalk *talk, const char *text)
{
  gsize size = strcspn (text, " ");
  const char *args = text + size + (text[size] == ' ');

  for (gsize i = 0; i < G_N_ELEMENTS (steps); i++)
    if (strlen (steps[i].word) == size && strncmp (steps[i].word, text, size) == 0)
      {
        steps[i].func (talk, args);
        return;
      }
  g_error ("script: what is \"%s\"?", text);
}

void
kit_talk_follow (KitTalk *talk, const char *script)
{
  g_auto (GStrv) lines = g_strsplit (script, "\n", -1);

  for (guint i = 0; lines[i] != NULL && !talk->over; i++)
    if (*g_strchug (lines[i]) != '\0')
      step (talk, lines[i]);
}

/* SPDX-License-Identifier: MIT */
/*
 * tls-resume: sessions that outlive their connection.  See the header.
 */
#include "tls-resume.h"

#include <string.h>
#include <sys/stat.h>

#include "tls-der.h"

/* A packet: this head, the chain, the library's session.  It never leaves the process that made it, so the numbers are in the
   machine's order; the mark keeps anything else from being taken for one, and the sum what was spoilt: the libraries' readers
   are made for what they wrote themselves (GnuTLS 3.7.9 falls over other octets). */
typedef struct
{
  char mark[8];
  guint8 sum[32]; /* SHA-256 of all that follows */
  guint8 made_under[TLS_SETTINGS_HASH];
  gint64 end; /* seconds since 1970 */
  guint32 client_cert;
  guint32 chain_size;
  guint32 session_size;
  guint32 reserved;
} Head;

static const char mark[8] = "vdtls-1";

/* --- the settings --- */

static void
mix (GChecksum *sum, const void *data, size_t size)
{
  guint64 length = size;

  g_checksum_update (sum, (const guchar *) &length, sizeof length); /* so that no two lists look alike */
  if (size > 0)
    g_checksum_update (sum, data, (gssize) size);
}

/* NULL and "" differ. */
static void
mix_text (GChecksum *sum, const char *text)
{
  mix (sum, text != NULL ? "+" : "-", 1);
  mix (sum, text, text != NULL ? strlen (text) : 0);
}

/* The server knows the client of a resumed session by the certificate of then: another file is another client. */
static void
mix_file (GChecksum *sum, const char *path)
{
  struct stat info;
  gint64 facts[5] = { 0 };

  mix_text (sum, path);
  if (path != NULL && stat (path, &info) == 0)
    {
      facts[0] = (gint64) info.st_dev;
      facts[1] = (gint64) info.st_ino;
      facts[2] = (gint64) info.st_size;
      facts[3] = (gint64) info.st_mtim.tv_sec;
      facts[4] = (gint64) info.st_mtim.tv_nsec;
    }
  mix (sum, facts, sizeof facts);
}

void
tls_resume_bind (TlsSession *self, const VeredaTlsSettings *full)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  guint32 numbers[2] = { full->min_version, full->insecure_skip_verify != 0 };
  gsize size = sizeof self->made_under;

  mix_text (sum, self->layer.ops->name);
  mix (sum, numbers, sizeof numbers);
  mix_text (sum, self->peer_name);
  mix_text (sum, full->trust_file);
  mix_text (sum, full->trust_dir);
  mix_file (sum, full->cert_file);
  mix_file (sum, full->key_file);
  mix_text (sum, full->priority);
  for (size_t i = 0; full->alpn != NULL && full->alpn[i] != NULL; i++)
    mix_text (sum, full->alpn[i]);
  mix_text (sum, NULL);
  for (size_t i = 0; i < full->n_pins; i++)
    mix (sum, full->pins[i].data, full->pins[i].size);
  mix_text (sum, NULL);
  for (size_t i = 0; i < full->n_tlsa; i++)
    {
      const VeredaTlsa *record = &full->tlsa[i];
      guint8 fields[3] = { record->usage, record->selector, record->matching };

      mix (sum, fields, sizeof fields);
      mix (sum, record->data.data, record->data.size);
    }
  g_checksum_get_digest (sum, self->made_under, &size);
}

/* --- packets --- */

#define SUMMED offsetof (Head, made_under)

static void
sum_packet (const guint8 *packet, size_t size, guint8 sum[32])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize sum_size = 32;

  g_checksum_update (checksum, packet + SUMMED, (gssize) (size - SUMMED));
  g_checksum_get_digest (checksum, sum, &sum_size);
}

gboolean
tls_resume_open (TlsSession *self, GBytes *packet, VeredaSpan *ret_session)
{
  gsize size = 0;
  const guint8 *data = packet != NULL ? g_bytes_get_data (packet, &size) : NULL;
  const guint8 *body;
  guint8 sum[32];
  Head head;

  if (size < sizeof head)
    return FALSE;
  memcpy (&head, data, sizeof head);
  body = data + sizeof head;
  sum_packet (data, size, sum);
  if (memcmp (head.mark, mark, sizeof mark) != 0 || memcmp (head.sum, sum, sizeof sum) != 0 || head.session_size == 0
      || (guint64) head.chain_size + head.session_size != size - sizeof head)
    return FALSE;
  if (memcmp (head.made_under, self->made_under, sizeof head.made_under) != 0)
    {
      tls_session_debug (self, "the session to resume was made under other settings");
      return FALSE;
    }
  if (head.end < g_get_real_time () / G_USEC_PER_SEC) /* that second belongs to it (RFC 5280 section 4.1.2.5) */
    {
      tls_session_debug (self, "a certificate behind the session to resume has expired");
      return FALSE;
    }
  g_clear_pointer (&self->offered_chain, g_bytes_unref);
  self->offered_chain = g_bytes_new (body, head.chain_size); /* a copy: the packet is wiped, certificates are no secret */
  self->offered_client_cert = head.client_cert != 0;
  *ret_session = (VeredaSpan){ body + head.chain_size, head.session_size };
  return TRUE;
}

void
tls_resume_settle (TlsSession *self, gboolean resumed)
{
  self->resumed = resumed;
  if (resumed && self->offered_chain != NULL)
    {
      g_clear_pointer (&self->chain, g_bytes_unref);
      self->chain = g_steal_pointer (&self->offered_chain);
      self->client_cert = self->offered_client_cert;
    }
  g_clear_pointer (&self->offered_chain, g_bytes_unref);
}

/* Plain memory with its size in front, so that the last to let go can wipe it. */
typedef struct
{
  size_t size;
  guint8 data[];
} Wiped;

static void
wiped_free (gpointer data)
{
  Wiped *self = data;

  explicit_bzero (self->data, self->size);
  g_free (self);
}

GBytes *
tls_resume_pack (const TlsSession *self, const void *session, size_t size)
{
  gsize chain_size = 0;
  const void *chain = self->chain != NULL ? g_bytes_get_data (self->chain, &chain_size) : NULL;
  Head head = { .end = tls_der_chain_end (self->chain),
                .client_cert = self->client_cert != 0,
                .chain_size = (guint32) chain_size,
                .session_size = (guint32) size };
  Wiped *packet;

  if (head.end == 0 || size == 0 || size > G_MAXINT32 || chain_size > G_MAXINT32)
    return NULL;
  memcpy (head.mark, mark, sizeof mark);
  memcpy (head.made_under, self->made_under, sizeof head.made_under);
  packet = g_malloc (sizeof *packet + sizeof head + chain_size + size);
  packet->size = sizeof head + chain_size + size;
  memcpy (packet->data, &head, sizeof head);
  memcpy (packet->data + sizeof head, chain, chain_size);
  memcpy (packet->data + sizeof head + chain_size, session, size);
  sum_packet (packet->data, packet->size, packet->data + offsetof (Head, sum));
  return g_bytes_new_with_free_func (packet->data, packet->size, wiped_free, packet);
}

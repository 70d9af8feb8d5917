/* SPDX-License-Identifier: MIT */
/*
 * roots: the system's trusted certificates, found by name.
 *
 * GnuTLS reads all of them into objects before it judges the first certificate: a hundred and forty for a path that needs one,
 * which is four times the work of a whole handshake.  Here the distribution's bundle is only cut up and sorted by subject, and the
 * library gets those whose subject is the issuer, or the subject, of a certificate that the server sent.  No other could end the
 * path: GnuTLS looks for an issuer by the octets of its name, too.  So what is trusted is what is in the bundle, as before.
 *
 * Reads the bundle, once a minute at most.  Where there is none of that name, the library finds its store by itself.
 */
#include "layer.h"

#include <gnutls/x509.h>

#include "tls-der.h"
#include "tls-files.h"

/* What GnuTLS is built to read where it does not ask a PKCS #11 module. */
#define BUNDLE "/etc/ssl/certs/ca-certificates.crt"

struct GnutlsRoots
{
  GHashTable *by_subject; /* GBytes, borrowing from the certificates -> GPtrArray of TlsAnchor, borrowed */
  GPtrArray *anchors;
};

static void
roots_clear (gpointer data)
{
  GnutlsRoots *self = data;

  g_hash_table_unref (self->by_subject);
  g_ptr_array_unref (self->anchors);
}

void
gnutls_roots_release (GnutlsRoots *self)
{
  if (self != NULL)
    g_atomic_rc_box_release_full (self, roots_clear);
}

static GnutlsRoots *
roots_new (void)
{
  GPtrArray *anchors = tls_files_load_bundle (BUNDLE);
  GnutlsRoots *self;

  if (anchors == NULL)
    return NULL;
  self = g_atomic_rc_box_new0 (GnutlsRoots);
  self->anchors = anchors;
  self->by_subject
      = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, (GDestroyNotify) g_ptr_array_unref);
  for (guint i = 0; i < anchors->len; i++)
    {
      TlsAnchor *anchor = anchors->pdata[i];
      VeredaSpan der, issuer, subject;
      GPtrArray *same;
      GBytes *name;

      der.data = g_bytes_get_data (anchor->der, &der.size);
      if (!tls_der_names (der, &issuer, &subject))
        continue;
      name = g_bytes_new_static (subject.data, subject.size);
      same = g_hash_table_lookup (self->by_subject, name);
      if (same == NULL)
        {
          same = g_ptr_array_new ();
          g_hash_table_insert (self->by_subject, g_bytes_ref (name), same);
        }
      g_ptr_array_add (same, anchor);
      g_bytes_unref (name);
    }
  return self;
}

GnutlsRoots *
gnutls_roots_take (void)
{
  static GMutex lock;
  static GnutlsRoots *shared;
  static gint64 made;
  GnutlsRoots *taken;

  g_mutex_lock (&lock);
  if (shared == NULL || g_get_monotonic_time () - made > TLS_STORE_AGE)
    {
      gnutls_roots_release (shared); /* its sessions hold it */
      shared = roots_new ();
      made = g_get_monotonic_time ();
    }
  taken = shared != NULL ? g_atomic_rc_box_acquire (shared) : NULL;
  g_mutex_unlock (&lock);
  return taken;
}

static void
trust_named (const GnutlsRoots *self, gnutls_certificate_credentials_t creds, VeredaSpan name)
{
  g_autoptr (GBytes) key = g_bytes_new_static (name.data, name.size);
  const GPtrArray *same = g_hash_table_lookup (self->by_subject, key);

  for (guint i = 0; same != NULL && i < same->len; i++)
    {
      const TlsAnchor *anchor = same->pdata[i];
      gsize size = 0;
      const void *der = g_bytes_get_data (anchor->der, &size);
      gnutls_datum_t datum = { (unsigned char *) der, (unsigned int) size };

      /* One that the library cannot read is passed over, as it does itself. */
      gnutls_certificate_set_x509_trust_mem (creds, &datum, GNUTLS_X509_FMT_DER);
    }
}

void
gnutls_roots_trust (const GnutlsRoots *self, gnutls_certificate_credentials_t creds, GBytes *chain)
{
  VeredaSpan der, issuer, subject;

  for (size_t at = 0; tls_der_chain_next (chain, &at, &der);)
    if (tls_der_names (der, &issuer, &subject))
      {
        trust_named (self, creds, issuer);
        trust_named (self, creds, subject); /* it may stand in the bundle itself */
      }
}

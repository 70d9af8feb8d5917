/* SPDX-License-Identifier: MIT */
/*
 * creds: whom a session trusts, and the certificate it can show.
 *
 * Reads the files the settings name.  Fails with VEREDA_TRANSPORT_ERROR_SETTINGS when one of them is not usable.  Where roots.c
 * does not know the system's store the library reads it, which takes milliseconds, so sessions share one copy for a while.
 */
#include "layer.h"

#include <gnutls/x509.h>

#include "tls-files.h"

gboolean
gnutls_layer_refuse (GError **error, const char *what, int ret)
{
  g_set_error (error, VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS, "%s (library says: %s)", what,
               gnutls_strerror (ret));
  return FALSE;
}

static gboolean
trust_anchor (GnutlsCreds *self, const TlsAnchor *anchor, GError **error)
{
  gsize size = 0;
  const void *der = g_bytes_get_data (anchor->der, &size);
  gnutls_datum_t datum = { (unsigned char *) der, (unsigned int) size };
  gnutls_x509_crt_t cert;
  int ret = gnutls_x509_crt_init (&cert);

  if (ret == GNUTLS_E_SUCCESS)
    {
      ret = gnutls_x509_crt_import (cert, &datum, GNUTLS_X509_FMT_DER);
      if (ret == GNUTLS_E_SUCCESS)
        ret = gnutls_certificate_set_x509_trust (self->handle, &cert, 1);
      gnutls_x509_crt_deinit (cert);
    }
  if (ret >= 0 || anchor->optional)
    return TRUE;
  tls_files_refuse_anchor (anchor, gnutls_strerror (ret), error);
  return FALSE;
}

static gboolean
set_trust (GnutlsCreds *self, TlsSession *session, const VeredaTlsSettings *settings, GError **error)
{
  g_autoptr (GPtrArray) anchors = tls_files_load_anchors (settings, error);

  if (anchors == NULL)
    return FALSE;
  if (settings->trust_file == NULL && settings->trust_dir == NULL)
    {
      /* A system without a store has no trusted issuer; the verdict on the first certificate says so. */
      self->roots = gnutls_roots_take ();
      if (self->roots == NULL && gnutls_certificate_set_x509_system_trust (self->handle) <= 0)
        tls_session_debug (session, "no certificate in the system's trust store");
      return TRUE;
    }
  for (guint i = 0; i < anchors->len; i++)
    if (!trust_anchor (self, anchors->pdata[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
set_identity (GnutlsCreds *self, const VeredaTlsSettings *settings, GError **error)
{
  g_auto (TlsIdentity) identity = { 0 };
  gnutls_datum_t cert, key;
  int ret;

  if (!tls_files_load_identity (settings, &identity, error))
    return FALSE;
  if (identity.cert == NULL)
    return TRUE;
  cert = (gnutls_datum_t){ (unsigned char *) identity.cert, (unsigned int) identity.cert_size };
  key = (gnutls_datum_t){ (unsigned char *) identity.key, (unsigned int) identity.key_size };
  ret = gnutls_certificate_set_x509_key_mem2 (self->handle, &cert, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (ret < 0)
    return gnutls_layer_refuse (
        error, "the client certificate and its key are not usable; both must be PEM, the key not encrypted", ret);
  return TRUE;
}

static void
creds_clear (gpointer data)
{
  GnutlsCreds *self = data;

  if (self->handle != NULL)
    gnutls_certificate_free_credentials (self->handle);
  gnutls_roots_release (self->roots);
}

void
gnutls_creds_release (GnutlsCreds *self)
{
  if (self != NULL)
    g_atomic_rc_box_release_full (self, creds_clear);
}

static GnutlsCreds *
creds_new (TlsSession *session, const VeredaTlsSettings *settings, GError **error)
{
  GnutlsCreds *self = g_atomic_rc_box_new0 (GnutlsCreds);
  int ret = gnutls_certificate_allocate_credentials (&self->handle);

  if (ret != GNUTLS_E_SUCCESS)
    gnutls_layer_refuse (error, "no credentials", ret);
  else
    {
      /* The library's own look at a staple is not OpenSSL's; staple.c judges it, in both plugins by the same rules. */
      gnutls_certificate_set_verify_flags (self->handle, GNUTLS_VERIFY_DISABLE_CRL_CHECKS);
      gnutls_certificate_set_verify_function (self->handle, gnutls_layer_verify);
      if (set_trust (self, session, settings, error) && set_identity (self, settings, error))
        return self;
    }
  gnutls_creds_release (self);
  return NULL;
}

GnutlsCreds *
gnutls_creds_take (TlsSession *session, const VeredaTlsSettings *settings, GError **error)
{
  static GMutex lock;
  static GnutlsCreds *shared;
  static gint64 made;
  GnutlsRoots *roots;
  GnutlsCreds *taken;

  if (settings->n_tlsa > 0 || settings->trust_file != NULL || settings->trust_dir != NULL || settings->cert_file != NULL)
    return creds_new (session, settings, error);
  roots = gnutls_roots_take (); /* not before it is wanted: it reads the bundle */
  if (roots != NULL)
    {
      gnutls_roots_release (roots);
      return creds_new (session, settings, error);
    }
  g_mutex_lock (&lock);
  if (shared == NULL || g_get_monotonic_time () - made > TLS_STORE_AGE)
    {
      GnutlsCreds *fresh = creds_new (session, settings, error);

      if (fresh != NULL)
        {
          gnutls_creds_release (shared); /* its sessions hold it */
          shared = fresh;
          made = g_get_monotonic_time ();
        }
      else
        {
          g_mutex_unlock (&lock);
          return NULL;
        }
    }
  taken = g_atomic_rc_box_acquire (shared);
  g_mutex_unlock (&lock);
  return taken;
}

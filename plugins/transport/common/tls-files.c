/* SPDX-License-Identifier: MIT */
/*
 * tls-files: certificates and keys from disk.  See the header.
 *
 * Trusted certificates are cut out of their PEM armour here, because the libraries differ in what they do with a bad block,
 * an unhashed directory and an empty file.  What is inside the armour is for the library.
 */
#include "tls-files.h"

#include <string.h>

#define SETTINGS_ERROR VEREDA_TRANSPORT_ERROR, VEREDA_TRANSPORT_ERROR_SETTINGS

/* RFC 7468 section 5; the second label is an old one of the same meaning (its appendix A). */
static const char *const cert_labels[] = { "CERTIFICATE", "X509 CERTIFICATE" };

static void
anchor_free (gpointer data)
{
  TlsAnchor *anchor = data;

  g_bytes_unref (anchor->der);
  g_free (anchor->origin);
  g_free (anchor);
}

static gboolean
read_file (const char *what, const char *path, char **ret_data, size_t *ret_size, GError **error)
{
  g_autoptr (GError) why = NULL;
  char *data = NULL;
  gsize size = 0;

  if (!g_file_get_contents (path, &data, &size, &why))
    {
      g_set_error (error, SETTINGS_ERROR, "the %s cannot be read: %s", what, why->message);
      return FALSE;
    }
  if (size == 0)
    {
      g_free (data);
      g_set_error (error, SETTINGS_ERROR, "the %s %s is empty", what, path);
      return FALSE;
    }
  *ret_data = data;
  *ret_size = size;
  return TRUE;
}

/* The next "-----<edge> LABEL-----" of a certificate at or after @at; sets @ret_end to what follows it. */
static const char *
find_mark (const char *at, const char *edge, const char **ret_end)
{
  size_t edge_size = strlen (edge);

  for (; (at = strstr (at, edge)) != NULL; at += edge_size)
    for (size_t i = 0; i < G_N_ELEMENTS (cert_labels); i++)
      {
        size_t size = strlen (cert_labels[i]);
        const char *label = at + edge_size;

        if (strncmp (label, cert_labels[i], size) == 0 && strncmp (label + size, "-----", 5) == 0)
          {
            *ret_end = label + size + 5;
            return at;
          }
      }
  return NULL;
}

/* Adds every certificate of a PEM text; FALSE when a block has no end. */
static gboolean
add_pem (GPtrArray *anchors, const char *text, const char *origin, gboolean optional)
{
  const char *body = NULL, *after = NULL;
  guint number = 0;

  for (const char *at = text; find_mark (at, "-----BEGIN ", &body) != NULL; at = after)
    {
      const char *end = find_mark (body, "-----END ", &after);
      g_autofree char *armour = NULL;
      gsize size = 0;
      TlsAnchor *anchor;
      guchar *der;

      if (end == NULL)
        return FALSE;
      armour = g_strndup (body, (gsize) (end - body));
      der = g_base64_decode (armour, &size);
      anchor = g_new0 (TlsAnchor, 1);
      anchor->der = g_bytes_new_take (der, size);
      anchor->origin = g_strdup (origin);
      anchor->number = ++number;
      anchor->optional = optional;
      g_ptr_array_add (anchors, anchor);
    }
  return TRUE;
}

static gboolean
load_file (GPtrArray *anchors, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  size_t size = 0;
  guint before = anchors->len;

  if (!read_file ("CA file", path, &text, &size, error))
    return FALSE;
  if (!add_pem (anchors, text, path, FALSE))
    {
      g_set_error (error, SETTINGS_ERROR, "the CA file %s ends inside a certificate", path);
      return FALSE;
    }
  if (anchors->len == before)
    {
      g_set_error (error, SETTINGS_ERROR, "the CA file %s holds no certificate in PEM form", path);
      return FALSE;
    }
  return TRUE;
}

/* In a hashed directory the same certificates appear under two names; the libraries keep one. */
static gboolean
load_dir (GPtrArray *anchors, const char *path, GError **error)
{
  g_autoptr (GError) why = NULL;
  GDir *dir = g_dir_open (path, 0, &why);
  guint before = anchors->len;
  const char *name;

  if (dir == NULL)
    {
      g_set_error (error, SETTINGS_ERROR, "the CA directory cannot be read: %s", why->message);
      return FALSE;
    }
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);
      g_autofree char *text = NULL;

      if (g_file_test (file, G_FILE_TEST_IS_REGULAR) && g_file_get_contents (file, &text, NULL, NULL))
        add_pem (anchors, text, file, TRUE);
    }
  g_dir_close (dir);
  if (anchors->len == before)
    {
      g_set_error (error, SETTINGS_ERROR, "no file of the CA directory %s holds a certificate in PEM form", path);
      return FALSE;
    }
  return TRUE;
}

GPtrArray *
tls_files_load_bundle (const char *path)
{
  g_autoptr (GPtrArray) anchors = g_ptr_array_new_with_free_func (anchor_free);
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL) || !add_pem (anchors, text, path, TRUE) || anchors->len == 0)
    return NULL;
  return g_steal_pointer (&anchors);
}

GPtrArray *
tls_files_load_anchors (const VeredaTlsSettings *settings, GError **error)
{
  g_autoptr (GPtrArray) anchors = g_ptr_array_new_with_free_func (anchor_free);

  if (settings->trust_file != NULL && !load_file (anchors, settings->trust_file, error))
    return NULL;
  if (settings->trust_dir != NULL && !load_dir (anchors, settings->trust_dir, error))
    return NULL;
  return g_steal_pointer (&anchors);
}

void
tls_files_refuse_anchor (const TlsAnchor *anchor, const char *why, GError **error)
{
  g_set_error (error, SETTINGS_ERROR, "certificate %u of the CA file %s is not usable (library says: %s)", anchor->number,
               anchor->origin, why);
}

gboolean
tls_files_load_identity (const VeredaTlsSettings *settings, TlsIdentity *ret, GError **error)
{
  const char *key_file = settings->key_file != NULL ? settings->key_file : settings->cert_file;

  memset (ret, 0, sizeof *ret);
  if (settings->cert_file == NULL)
    return TRUE;
  if (read_file ("client certificate", settings->cert_file, &ret->cert, &ret->cert_size, error)
      && read_file ("client key", key_file, &ret->key, &ret->key_size, error))
    return TRUE;
  tls_identity_clear (ret);
  return FALSE;
}

void
tls_identity_clear (TlsIdentity *identity)
{
  /* The certificate's file may hold the key as well. */
  if (identity->cert != NULL)
    explicit_bzero (identity->cert, identity->cert_size);
  if (identity->key != NULL)
    explicit_bzero (identity->key, identity->key_size);
  g_clear_pointer (&identity->cert, g_free);
  g_clear_pointer (&identity->key, g_free);
}

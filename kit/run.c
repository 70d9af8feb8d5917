/* SPDX-License-Identifier: MIT */
/* run - all checks of one plugin, group by group.
 *
 * Loads nothing itself: every group is a child's.  Makes the certificates of TLS in a temporary folder that goes away again. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/groups.h"
#include "kit/report.h"
#include "kit/tls.h"
#ifdef KIT_OPENSSL
#include "kit/certs.h"
#endif

/* What the descriptor's child told. */
typedef struct
{
  GPtrArray *mechs;      /* names; "" for one that cannot be driven */
  GPtrArray *transports; /* ToldTransport */
  gboolean init;
} Told;

typedef struct
{
  char *kind; /* "bottom", "wrapper", "transport" */
  char *name;
} ToldTransport;

static void
told_transport_free (gpointer data)
{
  ToldTransport *t = data;
  g_free (t->kind);
  g_free (t->name);
  g_free (t);
}

static void
take_told (const char *key, const char *value, gpointer data)
{
  Told *told = data;
  if (strcmp (key, "init") == 0)
    told->init = *value != '\0';
  else if (strcmp (key, "mechanism") == 0)
    g_ptr_array_add (told->mechs, g_strdup (value));
  else
    {
      ToldTransport *t = g_new0 (ToldTransport, 1);
      t->kind = g_strdup (key);
      t->name = g_strdup (value);
      g_ptr_array_add (told->transports, t);
    }
}

static gboolean
run_groups (VeredaKitReport *report, KitTarget *target, const KitGroupFunc *groups, gsize n, GError **error)
{
  for (gsize i = 0; i < n; i++)
    if (!kit_child_run (report, groups[i], target, NULL, NULL, error))
      return FALSE;
  return TRUE;
}

static gboolean
run_mechs (VeredaKitReport *report, KitTarget *target, const Told *told, GError **error)
{
  static const KitGroupFunc groups[] = { kit_group_mech_hostile, kit_group_mech_credentials, kit_group_mech_residue };
  for (target->index = 0; target->index < told->mechs->len; target->index++)
    {
      if (*(const char *) told->mechs->pdata[target->index] == '\0')
        continue;
      for (target->part = 0; target->part < KIT_MECH_RULES; target->part++)
        if (!kit_child_run (report, kit_group_mech_rules, target, NULL, NULL, error))
          return FALSE;
      if (!run_groups (report, target, groups, G_N_ELEMENTS (groups), error))
        return FALSE;
    }
  return TRUE;
}

#ifdef KIT_OPENSSL
/* A folder with the certificates, or NULL. */
static char *
make_certs (GError **error)
{
  static const char *const names[]
      = { "root", "good-ecdsa", "other-root", "wrong-host", "cn-only", "expired", "not-yet-valid", "self-signed", NULL };
  g_autofree char *dir = g_dir_make_tmp ("vereda-kit-XXXXXX", error);
  if (dir == NULL || !kit_certs_write (dir, names, error))
    return NULL;
  return g_steal_pointer (&dir);
}

static void
remove_certs (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  for (const char *name = dir != NULL ? g_dir_read_name (dir) : NULL; name != NULL; name = g_dir_read_name (dir))
    {
      g_autofree char *file = g_build_filename (path, name, NULL);
      g_unlink (file);
    }
  g_rmdir (path);
}
#endif

static gboolean
run_tls (VeredaKitReport *report, KitTarget *target, const char *name, GError **error)
{
#ifdef KIT_OPENSSL
  static const KitGroupFunc groups[] = { kit_group_tls_session, kit_group_tls_torture, kit_group_tls_cut };
  g_autofree char *certs = make_certs (error);
  if (certs == NULL)
    return FALSE;
  target->certs_dir = certs;
  gboolean good = run_groups (report, target, groups, G_N_ELEMENTS (groups), error);
  target->certs_dir = NULL;
  remove_certs (certs);
  return good;
#else
  kit_report_begin (report, "tls.handshake", name);
  kit_report_skip (report, "this kit was built without OpenSSL, which makes its certificates");
  return TRUE;
#endif
}

static gboolean
run_transports (VeredaKitReport *report, KitTarget *target, const Told *told, GError **error)
{
  static const KitGroupFunc bottom[] = { kit_group_bottom };
  for (target->index = 0; target->index < told->transports->len; target->index++)
    {
      const ToldTransport *t = told->transports->pdata[target->index];
      if (*t->name == '\0')
        continue;
      if (strcmp (t->kind, "bottom") == 0 ? !run_groups (report, target, bottom, 1, error)
                                          : !run_tls (report, target, t->name, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
run_all (VeredaKitReport *report, KitTarget *target, GError **error)
{
  g_autoptr (GPtrArray) mechs = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) transports = g_ptr_array_new_with_free_func (told_transport_free);
  Told told = { mechs, transports, FALSE };
  if (!kit_child_run (report, kit_group_files, target, NULL, NULL, error)
      || !kit_child_run (report, kit_group_descriptor, target, take_told, &told, error))
    return FALSE;
  /* Without init nothing of a plugin may be called. */
  return !told.init || (run_mechs (report, target, &told, error) && run_transports (report, target, &told, error));
}

VeredaKitReport *
vereda_kit_run_all (const char *module, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (module, NULL);
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *dir = g_path_get_dirname (path);
  GStatBuf info;
  if (g_lstat (path, &info) != 0)
    {
      g_set_error (error, VEREDA_KIT_ERROR, VEREDA_KIT_ERROR_FILE, "%s is not there", path);
      return NULL;
    }
  g_autofree char *stem = g_str_has_suffix (base, ".so") ? g_strndup (base, strlen (base) - 3) : g_strdup (base);
  g_autofree char *keyfile = g_strconcat (dir, G_DIR_SEPARATOR_S, stem, ".plugin", NULL);
  KitTarget target = { .path = path, .dir = dir, .stem = stem, .keyfile_path = keyfile };
  g_autoptr (VeredaKitReport) report = kit_report_new (path);
  return run_all (report, &target, error) ? g_steal_pointer (&report) : NULL;
}

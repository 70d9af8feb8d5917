/* SPDX-License-Identifier: MIT */
/* keyfile - what a plugin's side-car file says about it, so that nothing has to be opened to choose.
 *
 * Pure: octets in, a checked structure out.  Unknown sections and keys are skipped (a newer plugin meets an older library);
 * an unknown word in a list is an error that names it, because guessing at a mechanism's strength would be worse. */
#ifndef VD_KEYFILE_H
#define VD_KEYFILE_H

#include <glib.h>
#include <vereda-plugin/auth.h>

#define VD_KEYFILE_SIZE_MAX 65536 /* octets */
#define VD_RANK_DEFAULT     100
#define VD_RANK_MAX         1000000 /* and its negative */

/* A [Mechanism NAME] section. */
typedef struct
{
  char *name;
  VeredaStrength strength;
  guint needs; /* VEREDA_NEEDS() bits */
  guint flags; /* VEREDA_MECH_* */
  int rank;
  gboolean enabled; /* TRUE from a keyfile; an override may clear it */
} VdMechInfo;

/* A [Transport NAME] section. */
typedef struct
{
  char *name;
  guint role;     /* VD_ROLE_OPEN or VD_ROLE_WRAP */
  guint bindings; /* 1u << VEREDA_BINDING_* */
  int rank;
  gboolean enabled;
} VdTransportInfo;

typedef struct
{
  char *stem;
  guint abi;
  char *version; /* "" when the file has none; so the next two */
  char *license;
  char *description;
  GPtrArray *mechs;      /* VdMechInfo */
  GPtrArray *transports; /* VdTransportInfo */
} VdKeyfile;

/* Parses the keyfile of plugin `stem`.  NULL with VEREDA_ERROR_PLUGIN and the section and key at fault. */
VdKeyfile *vd_keyfile_parse (const char *data, gsize size, const char *stem, GError **error);
void vd_keyfile_free (VdKeyfile *keyfile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdKeyfile, vd_keyfile_free)

/* Applies an administrator's override file: Enabled= and Rank=, in [Plugin] for all of the plugin or in a section of it for
 * that one. Anything else in it is an error, so that a mistake does not pass for a setting.  On failure `keyfile` is
 * unchanged. */
gboolean vd_keyfile_apply_override (VdKeyfile *keyfile, const char *data, gsize size, GError **error);

#endif

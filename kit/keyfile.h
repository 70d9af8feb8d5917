/* SPDX-License-Identifier: MIT */
/* keyfile - the kit's own reading of a plugin's keyfile, as vereda.plugin(5) describes it. */
#ifndef KIT_KEYFILE_H
#define KIT_KEYFILE_H

#include <glib.h>
#include <vereda-plugin/auth.h>
#include <vereda-plugin/transport.h>

typedef struct
{
  char *name;
  VeredaStrength strength;
  guint needs;
  guint flags;
} KitMechWords;

typedef struct
{
  char *name;
  gboolean wraps; /* Roles=wrap */
  gboolean opens;
  guint bindings; /* 1u << VEREDA_BINDING_* */
} KitTransportWords;

typedef struct
{
  char *abi; /* each "" when missing */
  char *name;
  char *version;
  char *license;
  GPtrArray *mechs;      /* KitMechWords */
  GPtrArray *transports; /* KitTransportWords */
  GPtrArray *wrong;      /* char *: sentences about values */
  GPtrArray *unknown;    /* char *: sentences about keys and sections */
} KitKeyfile;

/* NULL with an error when it is no keyfile at all. */
KitKeyfile *kit_keyfile_read (const char *path, GError **error);
void kit_keyfile_free (KitKeyfile *keyfile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KitKeyfile, kit_keyfile_free)

const KitMechWords *kit_keyfile_mech (const KitKeyfile *keyfile, const char *name);
const KitTransportWords *kit_keyfile_transport (const KitKeyfile *keyfile, const char *name);

/* The grammar of names. */
gboolean kit_stem_valid (const char *stem);
gboolean kit_mech_name_valid (const char *name);

#endif

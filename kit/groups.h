/* SPDX-License-Identifier: MIT */
/* groups - the groups of checks, each for one child. */
#ifndef KIT_GROUPS_H
#define KIT_GROUPS_H

#include "kit/child.h"
#include "kit/keyfile.h"

/* What every group is given. */
typedef struct
{
  const char *path; /* of the module, absolute */
  char *dir;
  char *stem; /* of its file name, whatever that is */
  char *keyfile_path;
  const char *certs_dir; /* for TLS; NULL where there is no library to make certificates with */
  guint index;           /* of the mechanism or transport */
  guint part;            /* of a group whose checks have a child each */
} KitTarget;

/* Nothing is loaded. */
void kit_group_files (KitContext *kit, gpointer target);

/* Loads, calls init, compares.  Tells "mechanism" and "transport" for each that can be driven. */
void kit_group_descriptor (KitContext *kit, gpointer target);

/* Of the mechanism with the target's index: what it does, what it survives, what it leaves behind. */
#define KIT_MECH_RULES 8 /* parts */
void kit_group_mech_rules (KitContext *kit, gpointer target);
void kit_group_mech_hostile (KitContext *kit, gpointer target);
void kit_group_mech_credentials (KitContext *kit, gpointer target);
void kit_group_mech_residue (KitContext *kit, gpointer target);

/* Of the transport with the target's index. */
void kit_group_bottom (KitContext *kit, gpointer target);
void kit_group_tls_session (KitContext *kit, gpointer target);
void kit_group_tls_torture (KitContext *kit, gpointer target);
void kit_group_tls_cut (KitContext *kit, gpointer target);

/* In a child that has checked it before: the module is opened and initialised; NULL never comes back. */
const VeredaPlugin *kit_target_load (KitContext *kit, const KitTarget *target);
const VeredaMech *kit_target_mech (KitContext *kit, const KitTarget *target);
const VeredaTransport *kit_target_transport (KitContext *kit, const KitTarget *target);

/* module.c: open and query, without init. */
const VeredaPlugin *kit_module_query (const char *path, GError **error);
const VeredaHost *kit_host (void);

#endif

/* SPDX-License-Identifier: MIT */
/* registry - the plugins of a process (or of a caller's own directories), and the questions core/send asks about them.
 *
 * Immutable after construction but for the state of loading, which the loader guards; so everything here may be called from any
 * thread.  Looking reads no module; only the vd_registry_load_* functions do. */
#ifndef VD_REGISTRY_H
#define VD_REGISTRY_H

#include <glib.h>
#include <vereda-plugin/auth.h>
#include <vereda-plugin/transport.h>
#include <vereda/registry.h>

#include "core/plugin/policy.h"
#include "core/plugin/record.h"

/* Where a registry takes its plugins from; strings are copied. */
typedef struct
{
  const char *const *dirs;  /* NULL-ended, absolute */
  const char *override_dir; /* plugins.d, or NULL */
  const char *ranks;        /* as VEREDA_RANK, or NULL */
} VdRegistrySetup;

VeredaRegistry *vd_registry_new (const VdRegistrySetup *setup);

/* A mechanism that the server offers or a plugin has, whether or not it may be used. */
typedef struct
{
  char *mechanism; /* safe to show */
  char *stem;      /* NULL: no plugin has it */
  VeredaStrength strength;
  guint needs;
  guint flags;
  int rank;
  gboolean offered;
  gboolean usable; /* reason == VD_AUTH_USABLE */
  VdAuthReason reason;
  char *text;       /* the reason in words; NULL when usable */
  VdRecord *record; /* the registry's; NULL without a plugin */
} VdCandidate;

/* Every VdCandidate, in the order of vd_rank_compare(); those without a plugin come last, in the server's order.
 * `offered`: NULL-ended, as the server wrote them.  The caller unrefs the array; candidates stay valid as long as the array
 * and the registry. */
GPtrArray *vd_registry_mechanisms (VeredaRegistry *registry, const char *const *offered, const VdAuthPolicy *policy,
                                   const VdAuthContext *context);

/* The vtable of a candidate.  NULL with VEREDA_ERROR_PLUGIN: try the next candidate. */
const VeredaMech *vd_registry_load_mechanism (VeredaRegistry *registry, const VdCandidate *candidate, GError **error);

/* The vtable of the transport of that name; where several plugins have one, the best by rank that loads.  NULL with
 * VEREDA_ERROR_PLUGIN. */
const VeredaTransport *vd_registry_load_transport (VeredaRegistry *registry, const char *name, GError **error);

/* Names of the TLS transports, best rank first, without those known not to load.  Array of char *; the caller unrefs. */
GPtrArray *vd_registry_wrappers (VeredaRegistry *registry);

/* The table of vd_mode_table() for this registry. */
GPtrArray *vd_registry_modes (VeredaRegistry *registry);

/* Records of all files found, in order of discovery; the registry's. */
GPtrArray *vd_registry_records (VeredaRegistry *registry);

#endif

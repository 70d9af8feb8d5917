/* SPDX-License-Identifier: MIT */
/* entry - the rows of the public list of plugins, made once when the registry is built. */
#ifndef VD_ENTRY_H
#define VD_ENTRY_H

#include <glib.h>
#include <vereda/registry.h>

#include "core/plugin/record.h"

/* All entries for `records`, sorted: transports, mechanisms, broken.  Array that owns its VeredaRegistryEntry's; they refer
 * to the records. */
GPtrArray *vd_entries_new (GPtrArray *records);

/* Loads the entry's plugin. */
gboolean vd_entry_load (VeredaRegistryEntry *entry, GError **error);

#endif

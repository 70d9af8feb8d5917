/* SPDX-License-Identifier: MIT */
/* discover - finding plugins: directories in, records out.
 *
 * Reads directories and keyfiles; opens no module.  Never fails as a whole: what cannot be used becomes a record with its
 * reason or a warning. */
#ifndef VD_DISCOVER_H
#define VD_DISCOVER_H

#include <glib.h>

#include "core/plugin/record.h"

/* Appends the VdRecords of every `*.plugin` file of `dir`, by name, to `records`; a stem that is there already is shadowed. */
void vd_discover_dir (const char *dir, GPtrArray *records, GPtrArray *warnings);

/* Applies plugins.d: for each usable record the file `<stem>.plugin` of `dir`, where there is one.  A file that cannot be
 * read or understood takes its plugin out of use: it may have been meant to. */
void vd_discover_overrides (const char *dir, GPtrArray *records, GPtrArray *warnings);

/* Applies "name:rank,…"; a name is a stem, a mechanism or a transport, in its own case. It ranks only what was discovered. */
void vd_discover_ranks (const char *text, GPtrArray *records, GPtrArray *warnings);

#endif

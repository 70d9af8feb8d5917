/* SPDX-License-Identifier: MIT */
/* loader - opening modules, the only place that does.
 *
 * Modules are opened by full path, with local binding, checked, initialised once per process, and stay for ever.  One
 * process-wide lock; may be called from any thread, but not from a plugin. */
#ifndef VD_LOADER_H
#define VD_LOADER_H

#include <glib.h>
#include <vereda-plugin/plugin.h>

#include "core/plugin/record.h"

/* The descriptor of a record whose state is VD_RECORD_OK, loading the module if this is the first time.  NULL with
 * VEREDA_ERROR_PLUGIN; a failure is kept and told again. */
const VeredaPlugin *vd_loader_load (VdRecord *record, GError **error);

/* How loading of a record stands; *ret_reason (may be NULL) is lent, valid as long as the record, NULL unless it failed. */
VdLoadState vd_loader_state (VdRecord *record, const char **ret_reason);

/* Stems of the modules that this process opened, in that order, whether or not they passed the checks; free with g_strfreev. */
char **vd_loader_opened (void);

#endif

/* SPDX-License-Identifier: MIT */
/* check - does a module's descriptor keep the contract and say what its keyfile said?
 *
 * Pure but for reading the descriptor, and it reads no member before struct_size has vouched for it. */
#ifndef VD_CHECK_H
#define VD_CHECK_H

#include <glib.h>
#include <vereda-plugin/transport.h>

#include "core/plugin/keyfile.h"

/* Sizes of the structs in version 1.0 of the interface; whatever is smaller was never valid. */
#define VD_PLUGIN_SIZE_1_0    (offsetof (VeredaPlugin, init) + sizeof (((VeredaPlugin *) 0)->init))
#define VD_TRANSPORT_SIZE_1_0 (offsetof (VeredaTransport, clear) + sizeof (((VeredaTransport *) 0)->clear))
#define VD_MECH_SIZE_1_0      (offsetof (VeredaMech, clear) + sizeof (((VeredaMech *) 0)->clear))
#define VD_INSTANCE_SIZE_MAX  (1u << 20)

/* FALSE with VEREDA_ERROR_PLUGIN and the first thing that is wrong. */
gboolean vd_check_plugin (const VeredaPlugin *plugin, const VdKeyfile *keyfile, GError **error);

#endif

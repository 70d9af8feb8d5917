/* SPDX-License-Identifier: MIT */
/* host - the services that the core lends to plugins.
 *
 * One constant table per process, usable from any thread. */
#ifndef VD_HOST_H
#define VD_HOST_H

#include <glib.h>
#include <vereda-plugin/plugin.h>

const VeredaHost *vd_host_get (void);

/* Receives the debug text of plugins, already formatted and safe to show.  May be called on any thread, one call at a time. */
typedef void (*VdHostDebugFunc) (const char *topic, const char *text, gpointer user_data);

/* Where debug text goes; NULL (the default): nowhere, and nothing is formatted. */
void vd_host_set_debug (VdHostDebugFunc func, gpointer user_data);

#endif

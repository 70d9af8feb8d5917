/* SPDX-License-Identifier: MIT */
/* glib - stands in for GLib's header where the layout of the plugin interface is checked for a pointer size that this machine has
 * no GLib for.  Only what the interface names; every type of the interface's structures has GLib's size. */
#ifndef STAND_IN_GLIB_H
#define STAND_IN_GLIB_H

#define G_BEGIN_DECLS
#define G_END_DECLS
#define G_GNUC_PRINTF(format, arguments)

typedef int gboolean;
typedef struct _GError GError;
typedef struct _GBytes GBytes;
typedef struct _GByteArray GByteArray;

#endif

/* SPDX-License-Identifier: MIT */
/* zeros - objects that are made for each message.
 *
 * Pure.  Cannot fail: as everywhere with GLib, no memory ends the program. */
#ifndef VD_ZEROS_H
#define VD_ZEROS_H

#include <glib.h>
#include <string.h>

/* What g_new0() gives, from malloc(): glibc's calloc() does not look into the memory that its own thread has just given back (before 2.41),
 * and searches its lists for each object. */
#define vd_zeros_new(Type) ((Type *) memset (g_malloc (sizeof (Type)), 0, sizeof (Type)))

#endif

/* SPDX-License-Identifier: MIT */
/* exports - what a module defines for others to see; that ought to be its query function and nothing else.
 *
 * A second exported symbol is one that somebody forgot to hide, mostly of a library that was linked in statically.  It can take the
 * place of the same symbol elsewhere in the process, or have its own taken.  The module is open when it is looked at, so this
 * reads what the dynamic linker itself mapped; no file is parsed.  Nothing of the module is called, and nothing in its tables
 * is believed before it was found to lie in the module's own segments. */
#ifndef VD_EXPORTS_H
#define VD_EXPORTS_H

#include <glib.h>

/* A readable part of an object. */
typedef struct
{
  guint64 address;    /* before the object was moved: as its tables have it */
  const guint8 *data; /* where it is now */
  gsize size;
} VdSegment;

typedef struct
{
  const VdSegment *segments;
  guint n_segments;
  guint64 bias;    /* how far it was moved; some linkers add that to the addresses in the dynamic section, others do not */
  guint64 dynamic; /* address of the dynamic section, before the move */
  guint64 dynamic_size;
} VdImage;

/* Names of the symbols that are defined for others and belong to nobody but the module's author: global ones, without the query
 * functions of `stem` and without what linkers and instrumentation add.  Weak and unique ones are not listed: compilers emit those
 * for C++ by themselves, and they are meant to be the same everywhere.  Array of char *, free with unref; NULL with
 * VEREDA_ERROR_PLUGIN when the tables make no sense. */
GPtrArray *vd_exports_list (const VdImage *image, const char *stem, GError **error);

/* FALSE with VEREDA_ERROR_PLUGIN when the open module that holds `address` exports what it should not, naming the first few.  TRUE
 * on systems that do not tell where a module lies. */
gboolean vd_exports_check (gconstpointer address, const char *stem, GError **error);

#endif

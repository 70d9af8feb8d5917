/* SPDX-License-Identifier: MIT */
/* record - one plugin as it was found: its files, what its keyfile says, and, once tried, how loading went.
 *
 * Written while the registry is built; afterwards only the last group changes, under the loader's lock. */
#ifndef VD_RECORD_H
#define VD_RECORD_H

#include <glib.h>

#include "core/plugin/keyfile.h"

typedef enum
{
  VD_RECORD_OK,
  VD_RECORD_DISABLED, /* by the administrator, the whole plugin */
  VD_RECORD_SHADOWED, /* the same stem was found in an earlier directory */
  VD_RECORD_BROKEN    /* a file that cannot be used: the reason says why */
} VdRecordState;

typedef enum
{
  VD_LOAD_NOT_TRIED,
  VD_LOAD_DONE,
  VD_LOAD_FAILED
} VdLoadState;

typedef struct
{
  char *stem;
  char *dir;
  char *keyfile_path;
  char *module_path; /* NULL when the stem is not valid */
  VdKeyfile *info;   /* NULL when the keyfile could not be read */
  VdRecordState state;
  char *reason; /* why not VD_RECORD_OK, else NULL */

  /* The loader's, under its lock; written once. */
  VdLoadState load;
  const VeredaPlugin *plugin;
  GError *failure;
} VdRecord;

void vd_record_free (VdRecord *record);

#endif

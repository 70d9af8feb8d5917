/* SPDX-License-Identifier: MIT */
/* record - one plugin as it was found.  Cannot fail. */
#include "core/plugin/record.h"

void
vd_record_free (VdRecord *record)
{
  if (record == NULL)
    return;
  g_free (record->stem);
  g_free (record->dir);
  g_free (record->keyfile_path);
  g_free (record->module_path);
  vd_keyfile_free (record->info);
  g_free (record->reason);
  g_clear_error (&record->failure);
  g_free (record);
}

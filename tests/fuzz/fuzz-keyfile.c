/* SPDX-License-Identifier: MIT */
/* Fuzz target: a plugin's keyfile and an override of it.  What is accepted obeys the grammar; what is refused has an error. */
#include <string.h>

#include "core/plugin/keyfile.h"
#include "core/plugin/rank.h"
#include "core/plugin/words.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (const VdKeyfile *keyfile)
{
  g_assert_true (keyfile->abi == VEREDA_PLUGIN_ABI && strcmp (keyfile->stem, "x") == 0);
  g_assert_true (keyfile->mechs->len + keyfile->transports->len > 0);
  g_assert_true (g_utf8_validate (keyfile->description, -1, NULL));
  for (guint i = 0; i < keyfile->mechs->len; i++)
    {
      const VdMechInfo *mech = keyfile->mechs->pdata[i];
      g_assert_true (vd_mech_name_valid (mech->name) && vd_strength_number (&mech->strength) <= 6999);
    }
  for (guint i = 0; i < keyfile->transports->len; i++)
    g_assert_true (vd_transport_name_valid (((VdTransportInfo *) keyfile->transports->pdata[i])->name));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char base[] = "[Plugin]\nAbi=1\nName=x\n[Mechanism A]\nExposure=token\n[Transport t]\nRoles=open\n";
  g_autoptr (GError) error = NULL;
  g_autoptr (VdKeyfile) keyfile = vd_keyfile_parse ((const char *) data, size, "x", &error);
  g_assert_true ((keyfile == NULL) == (error != NULL));
  if (keyfile != NULL)
    check (keyfile);
  g_clear_error (&error);
  g_autoptr (VdKeyfile) target = vd_keyfile_parse (base, sizeof base - 1, "x", NULL);
  gboolean applied = vd_keyfile_apply_override (target, (const char *) data, size, &error);
  g_assert_true (applied == (error == NULL));
  check (target);
  return 0;
}

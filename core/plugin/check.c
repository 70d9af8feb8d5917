/* SPDX-License-Identifier: MIT */
/* check - does a module's descriptor keep the contract and say what its keyfile said?
 *
 * Pure but for reading the descriptor.  Fails with the first thing that is wrong, in the words of the header. */
#include "core/plugin/check.h"

#include <string.h>

#include "core/base/error.h"
#include "core/plugin/words.h"

G_GNUC_PRINTF (2, 3)
static gboolean
fail (GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN, what);
  return FALSE;
}

static gboolean
check_instance_size (const char *what, uint32_t size, gsize least, GError **error)
{
  if (size < least)
    return fail (error, "%s: instance_size is %u, less than the %" G_GSIZE_FORMAT " of its first member", what, size, least);
  if (size > VD_INSTANCE_SIZE_MAX)
    return fail (error, "%s: instance_size is %u, more than %u", what, size, VD_INSTANCE_SIZE_MAX);
  return TRUE;
}

static gboolean
check_mech (const VeredaMech *mech, const VdMechInfo *info, GError **error)
{
  const VeredaStrength *a = &mech->strength;
  const VeredaStrength *b = &info->strength;
  if (!check_instance_size (mech->name, mech->instance_size, sizeof (VeredaAuth), error))
    return FALSE;
  if (mech->step == NULL)
    return fail (error, "mechanism %s: step is NULL", mech->name);
  if (a->exposure != b->exposure || a->traits != b->traits || a->hash_bits != b->hash_bits || a->ssf != b->ssf)
    return fail (
        error,
        "mechanism %s: strength is not what the keyfile says (exposure, traits, hash, ssf: module %u 0x%04x %u %u, keyfile "
        "%u 0x%04x %u %u)",
        mech->name, a->exposure, a->traits, a->hash_bits, a->ssf, b->exposure, b->traits, b->hash_bits, b->ssf);
  if (mech->needs != info->needs)
    return fail (error, "mechanism %s: needs is 0x%x, but 0x%x by the keyfile", mech->name, mech->needs, info->needs);
  if (mech->flags != info->flags)
    return fail (error, "mechanism %s: flags is 0x%x, but 0x%x by the keyfile", mech->name, mech->flags, info->flags);
  return TRUE;
}

static gboolean
check_transport (const VeredaTransport *transport, const VdTransportInfo *info, GError **error)
{
  const char *name = transport->name;
  if (!check_instance_size (name, transport->instance_size, sizeof (VeredaLayer), error))
    return FALSE;
  if ((transport->open == NULL) == (transport->wrap == NULL))
    return fail (error, "transport %s: exactly one of open and wrap must be set", name);
  if (transport->read == NULL || transport->writev == NULL || transport->clear == NULL)
    return fail (error, "transport %s: %s is NULL", name,
                 transport->read == NULL ? "read" : (transport->writev == NULL ? "writev" : "clear"));
  if ((info->role == VD_ROLE_OPEN) != (transport->open != NULL))
    return fail (error, "transport %s: the module has %s, but the keyfile says Roles=%s", name,
                 transport->open != NULL ? "open" : "wrap", vd_words_of_value (vd_words_roles, info->role));
  if (info->bindings != 0 && transport->binding == NULL)
    return fail (error, "transport %s: the keyfile names channel bindings, but binding is NULL", name);
  return TRUE;
}

static const VdMechInfo *
find_mech (const VdKeyfile *keyfile, const char *name)
{
  for (guint i = 0; i < keyfile->mechs->len; i++)
    if (strcmp (((VdMechInfo *) keyfile->mechs->pdata[i])->name, name) == 0)
      return keyfile->mechs->pdata[i];
  return NULL;
}

static const VdTransportInfo *
find_transport (const VdKeyfile *keyfile, const char *name)
{
  for (guint i = 0; i < keyfile->transports->len; i++)
    if (strcmp (((VdTransportInfo *) keyfile->transports->pdata[i])->name, name) == 0)
      return keyfile->transports->pdata[i];
  return NULL;
}

static gboolean
check_mechs (const VeredaMech *const *mechs, const VdKeyfile *keyfile, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (; mechs != NULL && *mechs != NULL; mechs++)
    {
      const VeredaMech *mech = *mechs;
      if (mech->struct_size < VD_MECH_SIZE_1_0)
        return fail (error, "a mechanism's struct_size is %u, less than version 1.0's %" G_GSIZE_FORMAT, mech->struct_size,
                     VD_MECH_SIZE_1_0);
      if (mech->name == NULL || !vd_mech_name_valid (mech->name))
        return fail (error, "a mechanism's name is not legal (1 to 20 of A-Z 0-9 - _)");
      const VdMechInfo *info = find_mech (keyfile, mech->name);
      if (info == NULL)
        return fail (error, "the module has mechanism %s, which the keyfile does not name", mech->name);
      if (!g_hash_table_add (seen, (gpointer) mech->name))
        return fail (error, "the module has mechanism %s twice", mech->name);
      if (!check_mech (mech, info, error))
        return FALSE;
    }
  for (guint i = 0; i < keyfile->mechs->len; i++)
    if (!g_hash_table_contains (seen, ((VdMechInfo *) keyfile->mechs->pdata[i])->name))
      return fail (error, "the keyfile names mechanism %s, which the module does not have",
                   ((VdMechInfo *) keyfile->mechs->pdata[i])->name);
  return TRUE;
}

static gboolean
check_transports (const VeredaTransport *const *transports, const VdKeyfile *keyfile, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (; transports != NULL && *transports != NULL; transports++)
    {
      const VeredaTransport *transport = *transports;
      if (transport->struct_size < VD_TRANSPORT_SIZE_1_0)
        return fail (error, "a transport's struct_size is %u, less than version 1.0's %" G_GSIZE_FORMAT, transport->struct_size,
                     VD_TRANSPORT_SIZE_1_0);
      if (transport->name == NULL || !vd_transport_name_valid (transport->name))
        return fail (error, "a transport's name is not legal ([a-z][a-z0-9_]{0,31})");
      const VdTransportInfo *info = find_transport (keyfile, transport->name);
      if (info == NULL)
        return fail (error, "the module has transport %s, which the keyfile does not name", transport->name);
      if (!g_hash_table_add (seen, (gpointer) transport->name))
        return fail (error, "the module has transport %s twice", transport->name);
      if (!check_transport (transport, info, error))
        return FALSE;
    }
  for (guint i = 0; i < keyfile->transports->len; i++)
    {
      const VdTransportInfo *info = keyfile->transports->pdata[i];
      if (!g_hash_table_contains (seen, info->name))
        return fail (error, "the keyfile names transport %s, which the module does not have", info->name);
    }
  return TRUE;
}

gboolean
vd_check_plugin (const VeredaPlugin *plugin, const VdKeyfile *keyfile, GError **error)
{
  if (plugin->struct_size < VD_PLUGIN_SIZE_1_0)
    return fail (error, "the descriptor's struct_size is %u, less than version 1.0's %" G_GSIZE_FORMAT, plugin->struct_size,
                 VD_PLUGIN_SIZE_1_0);
  if (plugin->abi != VEREDA_PLUGIN_ABI)
    return fail (error, "the module is for interface %u, this library has %u", plugin->abi, VEREDA_PLUGIN_ABI);
  if (plugin->name == NULL || strcmp (plugin->name, keyfile->stem) != 0)
    return fail (error, "the module calls itself \"%s\", the keyfile \"%s\"", plugin->name != NULL ? plugin->name : "",
                 keyfile->stem);
  return check_mechs (plugin->mechs, keyfile, error) && check_transports (plugin->transports, keyfile, error);
}

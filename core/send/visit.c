/* SPDX-License-Identifier: MIT */
/* visit - see visit.h.  Cannot fail. */
#include "core/send/visit.h"

VdVisit *
vd_visit_new (const VeredaOptions *options, const VdTarget *target)
{
  VdVisit *visit = g_new0 (VdVisit, 1);

  visit->target = target;
  visit->route = vd_route_decide (options, target);
  visit->auth_story = g_ptr_array_new_with_free_func (g_free);
  visit->auth_tried = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (target->scheme == VD_SCHEME_UNIX || target->port != 0)
    visit->name = g_strdup (target->text);
  else
    visit->name = g_strdup_printf (strchr (target->host, ':') != NULL ? "[%s]:%u" : "%s:%u", target->host, visit->route.port);
  return visit;
}

void
vd_visit_free (VdVisit *visit)
{
  if (visit == NULL)
    return;
  g_hash_table_unref (visit->auth_tried);
  g_ptr_array_unref (visit->auth_story);
  vd_credential_slot_clear (&visit->password);
  vd_credential_slot_clear (&visit->token);
  g_clear_pointer (&visit->endpoints, g_ptr_array_unref);
  g_free (visit->name);
  g_free (visit);
}

void
vd_visit_recall (VdVisit *visit, const VdVisitKnown *known)
{
  vd_credential_slot_share (&known->password, &visit->password);
  vd_credential_slot_share (&known->token, &visit->token);
}

void
vd_visit_remember (const VdVisit *visit, VdVisitKnown *known)
{
  vd_credential_slot_share (&visit->password, &known->password);
  vd_credential_slot_share (&visit->token, &known->token);
}

void
vd_visit_known_clear (VdVisitKnown *known)
{
  vd_credential_slot_clear (&known->password);
  vd_credential_slot_clear (&known->token);
}

gboolean
vd_visit_tolerates (const VdVisit *visit, const VeredaOptions *options)
{
  return visit->unverified || vd_options_bool (options, VD_OPTION_INSECURE)
         || (visit->route.mode == VD_MODE_STARTTLS && !visit->route.required);
}

gboolean
vd_visit_asks_policy (const VdVisit *visit, const VeredaOptions *options)
{
  return !visit->unverified && !vd_options_bool (options, VD_OPTION_INSECURE)
         && (options->tls_policy != NULL || vd_options_text (options, VD_OPTION_TLSPOLICY) != NULL);
}

char *
vd_visit_peer_name (const VdVisit *visit, const VeredaOptions *options)
{
  const char *name = vd_options_text (options, VD_OPTION_VERIFY_NAME);
  char *ascii = name != NULL ? vd_host_to_ascii (name, NULL) : NULL;

  if (ascii != NULL)
    return ascii;
  return g_strdup (name != NULL ? name : visit->target->peer_name);
}

/* SPDX-License-Identifier: MIT */
/* dns-none - in the place of dns.c where the build had no libunbound: says so.  See dns.h. */
#include "dns.h"
#include "tool.h"

Dns *
dns_new (const char *resolver, const char *anchor, guint patience, GError **error)
{
  g_set_error_literal (error, TOOL_ERROR, TOOL_ERROR_HELPER,
                       "this smtp-tool was built without libunbound, which looks servers of domains up");
  return NULL;
}

void
dns_free (Dns *dns)
{
}

DnsAnswer *
dns_ask (Dns *dns, const char *name, DnsType type)
{
  g_assert_not_reached ();
}

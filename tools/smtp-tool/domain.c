/* SPDX-License-Identifier: MIT */
/* domain - see domain.h. */
#include "domain.h"
#include "text.h"
#include "tool.h"

#include <string.h>
#include <vereda/vereda.h>

static const struct
{
  const char *prefix;
  DomainKind kind;
} kinds[] = { { "mx:", DOMAIN_MX }, { "srv:", DOMAIN_SRV } };

static const struct
{
  const char *service;
  gboolean implicit;
} services[]
    = { { "_submissions", TRUE }, { "_submission", FALSE } }; /* RFC 8314 section 3: TLS from the first octet is preferred */

/* ---- the name ---- */

gboolean
domain_is_target (const char *text)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_ascii_strncasecmp (text, kinds[i].prefix, strlen (kinds[i].prefix)) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
is_name (const char *name)
{
  const gsize size = strlen (name);
  gsize label = 0;

  for (gsize i = 0; i < size; i++)
    {
      if (name[i] != '.' && !g_ascii_isalnum (name[i]) && name[i] != '-' && name[i] != '_')
        return FALSE;
      label = name[i] == '.' ? 0 : label + 1;
      if (label > 63 || (label == 0 && (i == 0 || name[i - 1] == '.')))
        return FALSE;
    }
  return size > 0 && size <= 253;
}

static void
host_free (gpointer data)
{
  DomainHost *host = data;

  dns_answer_free (host->a);
  dns_answer_free (host->aaaa);
  g_ptr_array_unref (host->addresses);
  g_free (host->name);
  g_free (host);
}

static void
query_free (gpointer data)
{
  DomainQuery *query = data;

  dns_answer_free (query->answer);
  g_free (query->name);
  g_free (query);
}

Domain *
domain_new (const char *text, GError **error)
{
  const char *name = strchr (text, ':') + 1;
  gsize size = strlen (name);

  if (size > 0 && name[size - 1] == '.')
    size--;
  g_autofree char *plain = g_ascii_strdown (name, (gssize) size);
  if (!is_name (plain))
    {
      g_autofree char *shown = text_escape (text);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "'%s': what follows is no domain (in ASCII: xn--… where it is not)",
                   shown);
      return NULL;
    }
  Domain *domain = g_new0 (Domain, 1);
  domain->kind = g_ascii_tolower (*text) == 'm' ? DOMAIN_MX : DOMAIN_SRV;
  domain->given = g_strdup (text);
  domain->name = g_steal_pointer (&plain);
  domain->queries = g_ptr_array_new_with_free_func (query_free);
  domain->hosts = g_ptr_array_new_with_free_func (host_free);
  return domain;
}

void
domain_free (Domain *domain)
{
  if (domain == NULL)
    return;
  g_clear_error (&domain->error);
  g_ptr_array_unref (domain->hosts);
  g_ptr_array_unref (domain->queries);
  g_free (domain->given);
  g_free (domain->name);
  g_free (domain);
}

/* ---- records ---- */

static guint
number_at (GBytes *rdata, gsize at)
{
  gsize size;
  const guint8 *octets = g_bytes_get_data (rdata, &size);

  return at + 2 <= size ? (guint) octets[at] << 8 | octets[at + 1] : 0;
}

static DomainHost *
add_host (Domain *domain, const char *name, const char *service)
{
  DomainHost *host = g_new0 (DomainHost, 1);

  host->name = g_strdup (name);
  host->service = service;
  host->weight = 1;
  host->addresses = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (domain->hosts, host);
  return host;
}

static DnsAnswer *
ask (Domain *domain, Dns *dns, const char *name, DnsType type, const char *word)
{
  DomainQuery *query = g_new0 (DomainQuery, 1);

  query->name = g_strdup (name);
  query->type = word;
  query->answer = dns_ask (dns, name, type);
  g_ptr_array_add (domain->queries, query);
  return query->answer;
}

/* There is nobody to ask; it is the name that is at fault. */
static void G_GNUC_PRINTF (3, 4) fail (Domain *domain, VeredaErrorCode code, const char *format, ...)
{
  va_list args;

  if (domain->error != NULL)
    return;
  va_start (args, format);
  domain->error = g_error_new_valist (VEREDA_ERROR, code, format, args);
  va_end (args);
}

/* FALSE: the answer is of no use, and that was said. */
static gboolean
is_usable (Domain *domain, const DnsAnswer *answer, const char *what)
{
  if (answer->state == DNS_BOGUS)
    fail (domain, VEREDA_ERROR_RESOLVE, "%s: the %s records are bogus, and must not be used: %s", domain->name, what,
          answer->why);
  else if (answer->failure != NULL)
    fail (domain, VEREDA_ERROR_RESOLVE, "%s: the %s records cannot be looked up: %s", domain->name, what, answer->failure);
  else
    return TRUE;
  return FALSE;
}

static void
read_mx (Domain *domain, const DnsAnswer *answer)
{
  gboolean null = FALSE;

  for (guint i = 0; i < answer->records->len; i++)
    {
      gsize at = 2;
      g_autofree char *name = dns_read_name (answer->records->pdata[i], &at);

      if (name == NULL || *name == '\0')
        null = null || name != NULL;
      else
        add_host (domain, name, "mx")->priority = number_at (answer->records->pdata[i], 0);
    }
  domain->null_broken = null && domain->hosts->len > 0;
  if (domain->hosts->len > 0)
    return;
  if (null)
    {
      domain->meaning = DOMAIN_NULL_MX;
      fail (domain, VEREDA_ERROR_NO_HOST, "%s accepts no mail: its MX record is the null MX (RFC 7505)", domain->name);
    }
  else if (answer->records->len > 0)
    fail (domain, VEREDA_ERROR_NO_HOST, "%s: none of its MX records names a host", domain->name);
  else if (answer->no_name)
    fail (domain, VEREDA_ERROR_NO_HOST, "%s: the domain does not exist", domain->name);
  else
    {
      domain->meaning = DOMAIN_IMPLICIT;
      add_host (domain, domain->name, "mx");
    }
}

/* How many of them say that the service is decidedly not available: target "." (RFC 2782). */
static guint
read_srv (Domain *domain, const DnsAnswer *answer, guint service)
{
  guint none = 0;

  for (guint i = 0; i < answer->records->len; i++)
    {
      GBytes *rdata = answer->records->pdata[i];
      gsize at = 6;
      g_autofree char *name = dns_read_name (rdata, &at);

      if (name == NULL || *name == '\0')
        {
          none += name != NULL;
          continue;
        }
      DomainHost *host = add_host (domain, name, services[service].service);
      host->priority = number_at (rdata, 0);
      host->weight = number_at (rdata, 2);
      host->port = number_at (rdata, 4);
      host->implicit = services[service].implicit;
    }
  return none;
}

/* ---- the order ---- */

static gint
by_priority (gconstpointer a, gconstpointer b)
{
  const DomainHost *one = *(DomainHost *const *) a, *other = *(DomainHost *const *) b;

  if (one->implicit != other->implicit)
    return one->implicit ? -1 : 1;
  if (one->priority != other->priority)
    return one->priority < other->priority ? -1 : 1;
  return (one->weight != 0) - (other->weight != 0); /* RFC 2782: those of weight 0 stand first for the lot */
}

/* RFC 2782: the first whose sum of weights reaches the lot.  The lot is 0 only where a weight is, so that equal weights have equal chances. */
static guint
draw (GPtrArray *hosts, guint from, guint to)
{
  const DomainHost *first = hosts->pdata[from];
  guint sum = 0, reached = 0;

  for (guint i = from; i < to; i++)
    sum += ((const DomainHost *) hosts->pdata[i])->weight;
  const guint lot = sum == 0 ? 0 : (guint) g_random_int_range (first->weight == 0 ? 0 : 1, (gint32) sum + 1);
  for (guint i = from; i < to; i++)
    {
      reached += ((const DomainHost *) hosts->pdata[i])->weight;
      if (reached >= lot)
        return i;
    }
  return to - 1;
}

static void
sort_hosts (GPtrArray *hosts)
{
  g_ptr_array_sort (hosts, by_priority);
  for (guint from = 0; from < hosts->len; from++)
    {
      const DomainHost *first = hosts->pdata[from];
      guint to = from;

      for (; to < hosts->len; to++)
        {
          const DomainHost *host = hosts->pdata[to];
          if (host->priority != first->priority || host->implicit != first->implicit)
            break;
        }
      const guint drawn = draw (hosts, from, to);
      const gpointer host = hosts->pdata[drawn];
      memmove (hosts->pdata + from + 1, hosts->pdata + from, (drawn - from) * sizeof *hosts->pdata);
      hosts->pdata[from] = host;
    }
}

/* ---- looking up ---- */

static void
add_addresses (DomainHost *host, const DnsAnswer *answer)
{
  for (guint i = 0; i < answer->records->len; i++)
    {
      char *address = dns_read_address (answer->records->pdata[i]);
      if (address != NULL)
        g_ptr_array_add (host->addresses, address);
    }
}

static void
look_up_addresses (DomainHost *host, Dns *dns)
{
  const gboolean is_address = g_hostname_is_ip_address (host->name); /* a common mistake, and no name of anything */

  host->aaaa = is_address ? dns_answer_new () : dns_ask (dns, host->name, DNS_TYPE_AAAA);
  host->a = is_address ? dns_answer_new () : dns_ask (dns, host->name, DNS_TYPE_A);
  add_addresses (host, host->aaaa);
  add_addresses (host, host->a);
}

static void
look_up_srv (Domain *domain, Dns *dns)
{
  guint records = 0, none = 0;

  for (guint i = 0; i < G_N_ELEMENTS (services); i++)
    {
      g_autofree char *name = g_strdup_printf ("%s._tcp.%s", services[i].service, domain->name);
      const DnsAnswer *answer = ask (domain, dns, name, DNS_TYPE_SRV, "SRV");

      if (!is_usable (domain, answer, "SRV"))
        return;
      records += answer->records->len;
      none += read_srv (domain, answer, i);
    }
  if (domain->hosts->len > 0)
    return;
  if (records == 0)
    {
      domain->meaning = DOMAIN_NO_SERVICE;
      fail (domain, VEREDA_ERROR_NO_HOST,
            "%s: there are no SRV records for submission (_submissions._tcp, _submission._tcp; RFC 8314 section 5.1)",
            domain->name);
    }
  else if (none > 0)
    {
      domain->meaning = DOMAIN_NOT_OFFERED;
      fail (domain, VEREDA_ERROR_NO_HOST,
            "%s says by its SRV records that it has no submission service (target \".\", RFC 2782)", domain->name);
    }
  else
    fail (domain, VEREDA_ERROR_NO_HOST, "%s: none of its SRV records names a host", domain->name);
}

void
domain_look_up (Domain *domain, Dns *dns)
{
  if (domain->kind == DOMAIN_SRV)
    look_up_srv (domain, dns);
  else
    {
      const DnsAnswer *answer = ask (domain, dns, domain->name, DNS_TYPE_MX, "MX");
      if (is_usable (domain, answer, "MX"))
        read_mx (domain, answer);
    }
  if (domain->error != NULL)
    return;
  sort_hosts (domain->hosts);
  for (guint i = 0; i < domain->hosts->len; i++)
    look_up_addresses (domain->hosts->pdata[i], dns);
}

DnsState
domain_state (const Domain *domain)
{
  DnsState state = DNS_SECURE;

  for (guint i = 0; i < domain->queries->len; i++)
    state = dns_state_worse (state, ((const DomainQuery *) domain->queries->pdata[i])->answer->state);
  return state;
}

DnsState
domain_host_state (const DomainHost *host)
{
  return dns_state_worse (host->a->state, host->aaaa->state);
}

const char *
domain_host_alias (const DomainHost *host)
{
  return host->a->canonical != NULL ? host->a->canonical : host->aaaa->canonical;
}

gboolean
domain_has_host (const Domain *domain, const DomainHost *host)
{
  const gsize own = strlen (domain->name), size = strlen (host->name);

  return size >= own && strcmp (host->name + size - own, domain->name) == 0
         && (size == own || host->name[size - own - 1] == '.');
}

gboolean
domain_query_is_null (const DomainQuery *query)
{
  const GPtrArray *records = query->answer->records;

  for (guint i = 0; i < records->len; i++)
    {
      gsize at = strcmp (query->type, "MX") == 0 ? 2 : 6;
      g_autofree char *name = dns_read_name (records->pdata[i], &at);

      if (name == NULL || *name != '\0')
        return FALSE;
    }
  return records->len > 0;
}

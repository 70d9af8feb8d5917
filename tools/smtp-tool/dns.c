/* SPDX-License-Identifier: MIT */
/* dns - see dns.h. */
#include "dns.h"
#include "text.h"
#include "tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>
#include <unistd.h>

struct Dns
{
  struct ub_ctx *context;
  guint patience;   /* seconds */
  char *unanchored; /* why nothing is validated; NULL: it is */
};

/* Where distributions keep the root's key. */
static const char *const anchors[] = { "/usr/share/dns/root.key", "/var/lib/unbound/root.key", "/etc/unbound/root.key", NULL };

/* Names that libunbound says do not exist without asking (RFC 6761, RFC 8375), and that a network has by itself: its resolver knows. */
static const char *const own_zones[] = { "test.", "home.arpa." };

static gboolean
fine (int code, const char *what, GError **error)
{
  if (code == 0)
    return TRUE;
  g_autofree char *shown = text_escape (what);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "%s: %s", shown, ub_strerror (code));
  return FALSE;
}

static gboolean
set_option (Dns *dns, const char *name, const char *value, GError **error)
{
  return fine (ub_ctx_set_option (dns->context, name, value), name, error);
}

static gboolean
set_resolver (Dns *dns, const char *resolver, GError **error)
{
  guint8 octets[sizeof (struct in6_addr)];

  if (resolver == NULL)
    return fine (ub_ctx_resolvconf (dns->context, NULL), "/etc/resolv.conf", error);
  g_auto (GStrv) parts = g_strsplit (resolver, "@", 2);
  if (parts[0] == NULL || (inet_pton (AF_INET, parts[0], octets) != 1 && inet_pton (AF_INET6, parts[0], octets) != 1)
      || (parts[1] != NULL && !g_ascii_string_to_unsigned (parts[1], 10, 1, 65535, NULL, NULL)))
    {
      g_autofree char *shown = text_escape (resolver);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE, "--resolver: '%s' is not ADDRESS or ADDRESS@PORT", shown);
      return FALSE;
    }
  return fine (ub_ctx_set_fwd (dns->context, resolver), "--resolver", error);
}

/* The file that is gone by; NULL: there is none, or an error. */
static const char *
set_anchor (Dns *dns, const char *anchor, GError **error)
{
  if (anchor != NULL && access (anchor, R_OK) != 0)
    {
      g_autofree char *shown = text_escape (anchor);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "--trust-anchor: %s: %s", shown, g_strerror (errno));
      return NULL;
    }
  for (guint i = 0; anchor == NULL && anchors[i] != NULL; i++)
    if (access (anchors[i], R_OK) == 0)
      anchor = anchors[i];
  if (anchor != NULL)
    return fine (ub_ctx_add_ta_file (dns->context, anchor), anchor, error) ? anchor : NULL;
  dns->unanchored = g_strdup ("there is no trust anchor on this machine; --trust-anchor=FILE names one");
  return NULL;
}

/* The first complaint in libunbound's log: behind "[time] libunbound[pid:0] error: ". */
static char *
complaint_of (const char *log)
{
  static const char mark[] = "error: ";
  const char *text = log != NULL ? strstr (log, mark) : NULL;

  if (text == NULL)
    return g_strdup ("it cannot be used");
  text += strlen (mark);
  g_autofree char *line = g_strndup (text, strcspn (text, "\n"));
  return text_one_line (line);
}

/* Here libunbound reads the file, and says what is wrong with it in its log alone. */
static gboolean
start (Dns *dns, const char *anchor, GError **error)
{
  char *log = NULL;
  size_t size = 0;
  FILE *stream = open_memstream (&log, &size);

  (void) ub_ctx_debugout (dns->context, stream);
  int code = 0;
  for (guint i = 0; i < G_N_ELEMENTS (own_zones) && code == 0; i++)
    code = ub_ctx_zone_remove (dns->context, own_zones[i]);
  (void) ub_ctx_debugout (dns->context, NULL);
  if (stream != NULL)
    (void) fclose (stream);
  if (code != 0 && anchor != NULL)
    {
      g_autofree char *why = complaint_of (log);
      g_autofree char *shown = text_escape (anchor);
      g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "--trust-anchor: %s: %s", shown, why);
    }
  else
    (void) fine (code, "libunbound", error);
  free (log);
  return code == 0;
}

static gboolean
set_up (Dns *dns, const char *resolver, const char *anchor, GError **error)
{
  GError *problem = NULL;

  /* A resolver of this machine is on loopback as often as not, which libunbound leaves alone unless told. */
  if (!fine (ub_ctx_async (dns->context, 1), "libunbound", error) || !set_option (dns, "do-not-query-localhost:", "no", error)
      || !set_resolver (dns, resolver, error))
    return FALSE;
  anchor = set_anchor (dns, anchor, &problem);
  if (problem == NULL)
    return start (dns, anchor, error);
  g_propagate_error (error, problem);
  return FALSE;
}

Dns *
dns_new (const char *resolver, const char *anchor, guint patience, GError **error)
{
  Dns *dns = g_new0 (Dns, 1);

  dns->patience = patience;
  dns->context = ub_ctx_create ();
  if (dns->context == NULL)
    g_set_error_literal (error, TOOL_ERROR, TOOL_ERROR_HELPER, "libunbound: no memory");
  else if (set_up (dns, resolver, anchor, error))
    return dns;
  dns_free (dns);
  return NULL;
}

void
dns_free (Dns *dns)
{
  if (dns == NULL)
    return;
  if (dns->context != NULL)
    ub_ctx_delete (dns->context);
  g_free (dns->unanchored);
  g_free (dns);
}

/* ---- asking ---- */

static const char *
rcode_word (int rcode)
{
  static const char *const words[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };

  return rcode >= 0 && (gsize) rcode < G_N_ELEMENTS (words) ? words[rcode] : "another response code";
}

/* What the name is an alias of. */
static char *
canonical_of (const struct ub_result *result)
{
  if (result->canonname == NULL)
    return NULL;
  g_autofree char *name = g_ascii_strdown (result->canonname, -1);
  const gsize size = strlen (name);

  if (size > 0 && name[size - 1] == '.')
    name[size - 1] = '\0';
  return g_ascii_strcasecmp (name, result->qname) != 0 ? text_escape (name) : NULL;
}

static void
read_result (const Dns *dns, const struct ub_result *result, DnsAnswer *answer)
{
  enum
  {
    NO_ERROR = 0,
    NX_DOMAIN = 3
  };

  if (result->bogus)
    {
      answer->state = DNS_BOGUS;
      answer->why = text_escape (result->why_bogus != NULL ? result->why_bogus : "the signatures do not fit");
      return; /* what is in it is not to be used (RFC 4035 section 5.5) */
    }
  if (result->rcode != NO_ERROR && result->rcode != NX_DOMAIN)
    answer->failure = g_strdup (rcode_word (result->rcode));
  answer->no_name = result->nxdomain != 0;
  answer->canonical = canonical_of (result);
  for (guint i = 0; result->havedata && result->data[i] != NULL; i++)
    g_ptr_array_add (answer->records, g_bytes_new (result->data[i], (gsize) result->len[i]));
  if (dns->unanchored != NULL || answer->failure != NULL)
    answer->why = g_strdup (dns->unanchored != NULL ? dns->unanchored : "the resolver did not answer");
  else
    answer->state = result->secure ? DNS_SECURE : DNS_INSECURE;
}

typedef struct
{
  gboolean done;
  int code;
  struct ub_result *result;
} Wait;

static void
on_result (void *data, int code, struct ub_result *result)
{
  Wait *wait = data;

  wait->done = TRUE;
  wait->code = code;
  wait->result = result;
}

/* libunbound tries a silent server for minutes. */
static const char *
resolve (Dns *dns, const char *name, DnsType type, struct ub_result **ret_result)
{
  const gint64 end = g_get_monotonic_time () + (gint64) dns->patience * G_USEC_PER_SEC;
  Wait wait = { 0 };
  int id = 0;
  int code = ub_resolve_async (dns->context, name, (int) type, 1, &wait, on_result, &id);

  while (code == 0 && !wait.done)
    {
      const gint64 left = (end - g_get_monotonic_time ()) / 1000;
      struct pollfd row = { .fd = ub_fd (dns->context), .events = POLLIN };

      if (left <= 0)
        {
          (void) ub_cancel (dns->context, id);
          return "the time is over";
        }
      if (poll (&row, 1, (int) left) > 0)
        code = ub_process (dns->context);
    }
  *ret_result = wait.result;
  code = code != 0 ? code : wait.code;
  return code != 0 ? ub_strerror (code) : NULL;
}

DnsAnswer *
dns_ask (Dns *dns, const char *name, DnsType type)
{
  DnsAnswer *answer = dns_answer_new ();
  struct ub_result *result = NULL;

  const char *failure = resolve (dns, name, type, &result);
  if (failure == NULL)
    read_result (dns, result, answer);
  else
    {
      answer->failure = g_strdup (failure);
      answer->why = g_strdup ("there is no answer");
    }
  ub_resolve_free (result);
  return answer;
}

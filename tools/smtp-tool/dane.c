/* SPDX-License-Identifier: MIT */
/* dane - see dane.h. */
#include "dane.h"

#include <string.h>

static void
record_free (gpointer data)
{
  DaneRecord *record = data;

  g_free (record->hex);
  g_free (record);
}

/* RFC 7672 sections 3.1.3 and 3.1.2; what option tlsa would refuse. */
static const char *
why_unusable (const DaneRecord *record, gsize size)
{
  static const gsize sizes[] = { 0, 32, 64 };

  if (record->usage != 2 && record->usage != 3)
    return "usage";
  if (record->selector > 1)
    return "selector";
  if (record->matching > 2)
    return "matching-type";
  if (size == 0 || (record->matching != 0 && size != sizes[record->matching]))
    return "size";
  return NULL;
}

static DaneRecord *
record_new (GBytes *rdata)
{
  static const char digits[] = "0123456789abcdef";
  gsize size;
  const guint8 *octets = g_bytes_get_data (rdata, &size);
  DaneRecord *record = g_new0 (DaneRecord, 1);
  GString *hex = g_string_new (NULL);

  for (gsize i = 3; i < size; i++)
    {
      g_string_append_c (hex, digits[octets[i] >> 4]);
      g_string_append_c (hex, digits[octets[i] & 15]);
    }
  record->hex = g_string_free (hex, FALSE);
  record->usage = size > 0 ? octets[0] : 255;
  record->selector = size > 1 ? octets[1] : 255;
  record->matching = size > 2 ? octets[2] : 255;
  record->unusable = why_unusable (record, size > 3 ? size - 3 : 0);
  return record;
}

static const char *
why_not (const DnsAnswer *answer, guint usable)
{
  if (answer->state == DNS_BOGUS)
    return "bogus";
  if (answer->failure != NULL)
    return "no-answer";
  if (answer->state != DNS_SECURE)
    return answer->state == DNS_INSECURE ? "not-secure" : "not-validated";
  if (answer->records->len == 0)
    return "no-records";
  return usable == 0 ? "unusable" : NULL;
}

static void
read_answer (Dane *dane, const DnsAnswer *answer)
{
  int usable = 0;

  dane->dnssec = answer->state;
  dane->why = g_strdup (answer->why);
  for (guint i = 0; i < answer->records->len; i++)
    {
      DaneRecord *record = record_new (answer->records->pdata[i]);

      record->place = record->unusable == NULL ? usable++ : -1;
      g_ptr_array_add (dane->records, record);
    }
  dane->reason = why_not (answer, (guint) usable);
}

static Dane *
begin (const char *base, guint port)
{
  Dane *dane = g_new0 (Dane, 1);

  dane->base = g_strdup (base);
  dane->name = g_strdup_printf ("_%u._tcp.%s", port, base != NULL ? base : "");
  dane->records = g_ptr_array_new_with_free_func (record_free);
  return dane;
}

static Dane *
look_up (Dns *dns, const char *base, guint port)
{
  Dane *dane = begin (base, port);
  g_autoptr (DnsAnswer) answer = dns_ask (dns, dane->name, DNS_TYPE_TLSA);

  read_answer (dane, answer);
  return dane;
}

/* TRUE: there are none that count, and that is sure: the next name may have some. */
static gboolean
is_absent (const Dane *dane)
{
  return g_strcmp0 (dane->reason, "no-records") == 0 || g_strcmp0 (dane->reason, "not-secure") == 0;
}

Dane *
dane_new (Dns *dns, const char *host, const char *alias, guint port, DnsState reached)
{
  Dane *dane = NULL;

  if (host == NULL || g_hostname_is_ip_address (host))
    {
      dane = begin (NULL, port);
      dane->reason = "no-name"; /* records belong to names */
      return dane;
    }
  if (reached != DNS_SECURE)
    {
      dane = begin (host, port);
      dane->reason = reached == DNS_BOGUS ? "bogus" : "host-not-secure";
      dane->why = g_strdup_printf ("what led to the server is %s", dns_state_word (reached));
      return dane;
    }
  if (alias != NULL)
    {
      dane = look_up (dns, alias, port);
      if (!is_absent (dane))
        return dane;
      dane_free (dane);
    }
  return look_up (dns, host, port);
}

void
dane_free (Dane *dane)
{
  if (dane == NULL)
    return;
  g_ptr_array_unref (dane->records);
  g_free (dane->name);
  g_free (dane->base);
  g_free (dane->why);
  g_free (dane);
}

char *
dane_option (const Dane *dane)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; dane->reason == NULL && i < dane->records->len; i++)
    {
      const DaneRecord *record = dane->records->pdata[i];

      if (record->place >= 0)
        g_string_append_printf (text, "%s%u %u %u %s", text->len > 0 ? "," : "", record->usage, record->selector,
                                record->matching, record->hex);
    }
  return text->len > 0 ? g_strdup (text->str) : NULL;
}

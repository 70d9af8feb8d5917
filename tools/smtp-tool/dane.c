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

Dane *
dane_new (Dns *dns, const char *host, guint port, DnsState reached)
{
  Dane *dane = g_new0 (Dane, 1);

  dane->name = g_strdup_printf ("_%u._tcp.%s", port, host != NULL ? host : "");
  dane->records = g_ptr_array_new_with_free_func (record_free);
  if (host == NULL || g_hostname_is_ip_address (host))
    {
      dane->reason = "no-name"; /* records belong to names */
      return dane;
    }
  if (reached != DNS_SECURE)
    {
      dane->reason = reached == DNS_BOGUS ? "bogus" : "host-not-secure";
      dane->why = g_strdup_printf ("what led to the server is %s", dns_state_word (reached));
      return dane;
    }
  g_autoptr (DnsAnswer) answer = dns_ask (dns, dane->name, DNS_TYPE_TLSA);
  read_answer (dane, answer);
  return dane;
}

void
dane_free (Dane *dane)
{
  if (dane == NULL)
    return;
  g_ptr_array_unref (dane->records);
  g_free (dane->name);
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

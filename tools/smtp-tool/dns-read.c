/* SPDX-License-Identifier: MIT */
/* dns-read - what answers hold, in a form that can be worked with.  See dns.h.  Pure. */
#include "dns.h"
#include "text.h"

#include <arpa/inet.h>
#include <string.h>

DnsAnswer *
dns_answer_new (void)
{
  DnsAnswer *answer = g_new0 (DnsAnswer, 1);

  answer->records = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  return answer;
}

void
dns_answer_free (DnsAnswer *answer)
{
  if (answer == NULL)
    return;
  g_free (answer->why);
  g_free (answer->failure);
  g_free (answer->canonical);
  g_ptr_array_unref (answer->records);
  g_free (answer);
}

const char *
dns_state_word (DnsState state)
{
  static const char *const words[] = { "not_validated", "secure", "insecure", "bogus" };

  return words[state];
}

DnsState
dns_state_worse (DnsState a, DnsState b)
{
  static const guint rank[] = { [DNS_SECURE] = 0, [DNS_INSECURE] = 1, [DNS_NOT_VALIDATED] = 2, [DNS_BOGUS] = 3 };

  return rank[a] >= rank[b] ? a : b;
}

/* ---- reading ---- */

char *
dns_read_name (GBytes *rdata, gsize *at)
{
  gsize size;
  const guint8 *octets = g_bytes_get_data (rdata, &size);
  g_autoptr (GString) name = g_string_new (NULL);

  while (*at < size && octets[*at] != 0)
    {
      const gsize length = octets[*at];

      if (length > 63 || *at + 1 + length >= size)
        return NULL;
      if (name->len > 0)
        g_string_append_c (name, '.');
      for (gsize i = 0; i < length; i++)
        {
          const char c = (char) octets[*at + 1 + i];
          if (!g_ascii_isalnum (c) && c != '-' && c != '_')
            return NULL;
          g_string_append_c (name, g_ascii_tolower (c));
        }
      *at += 1 + length;
    }
  if (*at >= size)
    return NULL;
  *at += 1;
  return g_strdup (name->str);
}

char *
dns_read_address (GBytes *rdata)
{
  char text[INET6_ADDRSTRLEN];
  gsize size;
  const void *octets = g_bytes_get_data (rdata, &size);

  if (size != sizeof (struct in_addr) && size != sizeof (struct in6_addr))
    return NULL;
  return g_strdup (inet_ntop (size == sizeof (struct in_addr) ? AF_INET : AF_INET6, octets, text, sizeof text));
}

char *
dns_read_text (GBytes *rdata)
{
  gsize size;
  const guint8 *octets = g_bytes_get_data (rdata, &size);
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize at = 0; at < size; at += 1 + (gsize) octets[at])
    g_string_append_len (text, (const char *) octets + at + 1, (gssize) MIN (octets[at], size - at - 1));
  return text_escape (text->str);
}

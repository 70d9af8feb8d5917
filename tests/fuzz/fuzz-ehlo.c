/* SPDX-License-Identifier: MIT */
/* Fuzzer of core/smtp/ehlo.  Properties: mechanism names are legal and unique, keyword lines are safe to show. */
#include <stdint.h>
#include <string.h>

#include "core/smtp/ehlo.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_mechanisms (char **names)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (; *names != NULL; names++)
    {
      g_assert (strlen (*names) >= 1 && strlen (*names) <= 20);
      g_assert (strspn (*names, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen (*names));
      g_assert (g_hash_table_add (seen, *names));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autofree char *lines = g_strconcat ("mx\n", text, NULL);
  g_autoptr (VdReply) reply = vd_reply_new_local (250, NULL, lines);
  g_autoptr (VdEhlo) ehlo = vd_ehlo_parse (reply);
  check_mechanisms (ehlo->mechanisms);
  g_assert (ehlo->size_limit == 0 || vd_ehlo_has (ehlo, VD_EXT_SIZE));
  g_assert (ehlo->mechanisms[0] == NULL || vd_ehlo_has (ehlo, VD_EXT_AUTH));
  for (char **line = ehlo->keywords; *line != NULL; line++)
    for (const char *p = *line; *p != '\0'; p++)
      g_assert (!g_ascii_iscntrl (*p));
  return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target for the error documents of OAUTHBEARER and XOAUTH2: octets in, at most three short texts out, each of them
 * fit to be shown; and what was accepted is still accepted with blanks around it.
 */
#include "../../plugins/auth/oauth/document.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_text (const char *text)
{
  if (text == NULL)
    return;
  g_assert (*text != '\0' && g_utf8_validate (text, -1, NULL) && g_utf8_strlen (text, -1) <= OAUTH_TEXT_MAX);
  for (; *text != '\0'; text = g_utf8_next_char (text))
    g_assert (!g_unichar_iscntrl (g_utf8_get_char (text)));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_auto (OauthDocument) document = { NULL, NULL, NULL };
  g_auto (OauthDocument) again = { NULL, NULL, NULL };

  if (!oauth_document_parse (&(VeredaSpan){ data, size }, &document))
    {
      g_assert (document.status == NULL && document.scope == NULL && document.openid_configuration == NULL);
      return 0;
    }
  check_text (document.status);
  check_text (document.scope);
  check_text (document.openid_configuration);
  oauth_document_is_expired (&document);
  g_autofree char *padded = g_malloc (size + 2);
  padded[0] = ' ';
  memcpy (padded + 1, data, size);
  padded[size + 1] = '\n';
  g_assert (oauth_document_parse (&(VeredaSpan){ padded, size + 2 }, &again));
  g_assert (g_strcmp0 (again.status, document.status) == 0 && g_strcmp0 (again.scope, document.scope) == 0);
  return 0;
}

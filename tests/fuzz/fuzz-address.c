/* SPDX-License-Identifier: MIT */
/* Fuzzes the address parser: whatever is taken can be written into a command, and reads back as itself. */
#include <string.h>

#include "core/message/address.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
check_mailbox (const VdMailbox *mailbox, const VdAddressContext *context)
{
  gboolean quoted = FALSE;
  g_assert (g_utf8_validate (mailbox->path, -1, NULL));
  g_assert (strlen (mailbox->path) <= 254);
  for (const char *p = mailbox->path; *p != '\0'; p++)
    {
      g_assert ((guint8) *p >= 0x20 && *p != 0x7f);
      if (quoted && *p == '\\')
        p++;
      else if (*p == '"')
        quoted = !quoted;
      else
        g_assert (quoted || strchr (" <>()\\,;\"", *p) == NULL);
    }
  g_assert (!quoted);
  g_assert (mailbox->utf8 || g_str_is_ascii (mailbox->path));
  g_autoptr (VdMailbox) again = vd_address_parse_one (mailbox->path, strlen (mailbox->path), context, NULL);
  g_assert (again != NULL && strcmp (again->path, mailbox->path) == 0 && vd_mailbox_equal (again, mailbox));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const VdAddressContext context = { "field To", size % 3 == 0 ? "b.example" : NULL, size % 2 == 0, FALSE };
  g_autoptr (GError) error = NULL;
  g_autoptr (VdAddressList) list = vd_address_list_parse ((const char *) data, size, &context, &error);
  g_assert ((list == NULL) == (error != NULL));
  g_assert (error == NULL || g_utf8_validate (error->message, -1, NULL));
  for (guint i = 0; list != NULL && i < list->mailboxes->len; i++)
    check_mailbox (g_ptr_array_index (list->mailboxes, i), &context);
  gsize at = 0;
  for (guint i = 0; list != NULL && i < list->pieces->len; i++)
    {
      const VdAddressPiece *piece = &g_array_index (list->pieces, VdAddressPiece, i);
      g_assert (piece->start >= at && piece->start < piece->end && piece->end <= size);
      at = piece->start;
      g_autofree char *text = vd_phrase_text ((const char *) data + piece->start, piece->end - piece->start);
      g_assert (strlen (text) <= piece->end - piece->start);
    }
  return 0;
}

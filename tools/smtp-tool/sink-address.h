/* SPDX-License-Identifier: MIT */
/* sink-address - paths and domains as RFC 5321 section 4.1.2 and RFC 6531 section 3.3 write them.
 *
 * Pure.  Says what is wrong by code; the caller knows the reply. */
#ifndef SINK_ADDRESS_H
#define SINK_ADDRESS_H

#include <glib.h>

typedef enum
{
  SINK_ADDRESS_OK,
  SINK_ADDRESS_SYNTAX,
  SINK_ADDRESS_TOO_LONG, /* section 4.5.3.1 */
  SINK_ADDRESS_UTF8      /* would be good with SMTPUTF8 */
} SinkAddressVerdict;

typedef enum
{
  SINK_ADDRESS_MAY_BE_EMPTY = 1 << 0, /* <> */
  SINK_ADDRESS_MAY_BE_LOCAL = 1 << 1, /* <Postmaster> */
  SINK_ADDRESS_MAY_BE_UTF8 = 1 << 2,
  SINK_ADDRESS_MAY_BE_ODD = 1 << 3 /* lenient: anything between angle brackets */
} SinkAddressFlags;

/* `*text` stands on "<"; after success it stands behind ">", and the mailbox without source route is ret_address. */
SinkAddressVerdict sink_address_read_path (const gchar **text, guint flags, const gchar **ret_address, gsize *ret_size);

/* Is [text, end) a Domain or an address-literal, as EHLO wants it? */
gboolean sink_address_is_domain (const gchar *text, const gchar *end, gboolean may_be_utf8);

#endif

/* SPDX-License-Identifier: MIT */
/* address - RFC 5322 address lists, and the form that goes into MAIL and RCPT.
 *
 * Pure.  Reads the whole grammar (section 3.4) with the obsolete forms of section 4.4: groups, quoted strings, nested comments,
 * routes (dropped), domain literals, empty list elements; and UTF-8 as RFC 6532 adds it.  What comes out has nothing in it that
 * could break out of a path: the local part is quoted again, minimally, from its content (RFC 5321 section 4.1.2).
 *
 * Errors are VEREDA_ERROR_ADDRESS and name the option or field, the offset and the place. */
#ifndef VD_ADDRESS_H
#define VD_ADDRESS_H

#include <glib.h>

#include "core/message/mailbox.h"

/* How to read, and how to call the text in errors.  All borrowed. */
typedef struct
{
  const char *what;           /* "option originator", "field To" */
  const char *default_domain; /* completes an address without domain; NULL: that is an error (MAI-6) */
  gboolean recipient;         /* a bare Postmaster is fine (RCP-2) */
  gboolean unqualified;       /* an address without domain is fine: it is only looked at, not sent to */
  const char *kind;           /* before it, in errors; NULL: nothing */
} VdAddressContext;

/* Parts of the text that a writer of header fields may have to replace. */
typedef enum
{
  VD_PIECE_PHRASE,  /* display name of a mailbox or a group */
  VD_PIECE_COMMENT, /* with its parentheses */
  VD_PIECE_SPEC     /* local part and domain, or the local part alone; `mailbox` is whose */
} VdPieceKind;

typedef struct
{
  VdPieceKind kind;
  gsize start;
  gsize end;
  const VdMailbox *mailbox;
} VdAddressPiece;

typedef struct
{
  GPtrArray *mailboxes; /* of VdMailbox, in order, members of groups among them */
  GArray *pieces;       /* of VdAddressPiece, by start, an outer one before those inside it */
  gboolean group;       /* there was a group */
} VdAddressList;

/* An empty list is fine here; what it means is the caller's to say. */
VdAddressList *vd_address_list_parse (const char *text, gsize size, const VdAddressContext *context, GError **error);
void vd_address_list_free (VdAddressList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdAddressList, vd_address_list_free)

/* The usual case, local@domain in plain ASCII or Words <local@domain>, and nothing else: what vd_address_list_parse() makes of it.  NULL: that is
 * needed. */
VdMailbox *vd_address_parse_plain (const char *text, gsize size);

/* Exactly one mailbox, not in a group (ADR-4). */
VdMailbox *vd_address_parse_one (const char *text, gsize size, const VdAddressContext *context, GError **error);

#endif

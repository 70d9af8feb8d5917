/* SPDX-License-Identifier: MIT */
/* mailbox - one address, and the form of it that goes into MAIL and RCPT.
 *
 * Pure.  The local part of a path is quoted from its content, minimally (RFC 5321 section 4.1.2), so that nothing in it can
 * end the path or begin a parameter. */
#ifndef VD_MAILBOX_H
#define VD_MAILBOX_H

#include <glib.h>

typedef struct
{
  char *given;   /* as it stood, display name and comments and all */
  char *display; /* the phrase before "<" as it stood; NULL: none */
  char *local;   /* content of the local part: unquoted, without comments */
  char *domain;  /* as in `path`; NULL: none */
  char *ascii;   /* domain in A-labels, or the literal; NULL: none */
  char *path; /* envelope form without angle brackets; U-labels only where the local part needs SMTPUTF8 anyway (U8-4, U8-5) */
  gboolean utf8;  /* local part not ASCII: needs SMTPUTF8 */
  gboolean whole; /* all of it is one piece of memory */
} VdMailbox;

/* One of plain ASCII: local part a dot-string, domain a name; in one piece of memory. `given` is the whole text, its first `display` octets the
 * phrase (0: none).  NULL: it is not that plain, or has a fault. */
VdMailbox *vd_mailbox_new_plain (const char *given, gsize size, gsize display, const char *local, gsize local_size,
                                 const char *domain, gsize domain_size);

/* Sets domain, ascii, path and utf8 from `local`, which is set, and `domain` as read (a name or a literal; NULL: none).  On
 * failure *ret_why is a phrase ("the local part is longer than 64 octets"), *ret_in_domain tells where. */
gboolean vd_mailbox_complete (VdMailbox *mailbox, const char *domain, char **ret_why, gboolean *ret_in_domain);

/* A short list of them, which it owns. Begin with zeros. */
typedef struct
{
  VdMailbox **at; /* `few`, while there is room */
  guint n, room;
  VdMailbox *few[4];
} VdMailboxes;

void vd_mailboxes_add (VdMailboxes *list, VdMailbox *mailbox); /* takes it */
void vd_mailboxes_clear (VdMailboxes *list);                   /* frees those that were not taken out (NULL) */

VdMailbox *vd_mailbox_copy (const VdMailbox *mailbox);
void vd_mailbox_free (VdMailbox *mailbox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdMailbox, vd_mailbox_free)

/* Equal as recipients are (RCP-7): local parts octet for octet, domains without case; a bare Postmaster without case. */
gboolean vd_mailbox_equal (const VdMailbox *a, const VdMailbox *b);
/* A text that is equal for equal mailboxes. */
char *vd_mailbox_key (const VdMailbox *mailbox);

/* Content of a phrase: unquoted, without comments, white space as single spaces. */
char *vd_phrase_text (const char *text, gsize size);

#endif

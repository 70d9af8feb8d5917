/* SPDX-License-Identifier: MIT */
/* envelope - who sends, who receives, and the header section that goes on the wire.
 *
 * Pure: the moment and the randomness are asked of the caller, and only if they are needed.  Carries the seed's rules (standards.md Part II) and RFC 5322 section 3.6:
 * recipients from To, Cc, Bcc, Dcc or from the newest Resent- block; Bcc and Dcc always taken out; Date, Message-ID, From and
 * Sender completed; header options added or replacing; nothing else of the message touched. */
#ifndef VD_ENVELOPE_H
#define VD_ENVELOPE_H

#include <glib.h>

#include "core/base/refs.h"
#include "core/message/mailbox.h"
#include "core/message/message.h"

typedef struct
{
  char *name;
  char *value;
} VdHeaderOption;

typedef enum
{
  VD_BCC_SAME,     /* stripped, recipients in the same transaction (BCC-1) */
  VD_BCC_SEPARATE, /* each in its own transaction, with a Bcc field of only itself (BCC-2) */
  VD_BCC_DIGEST    /* the seed's: one more transaction, multipart/digest around the message, "[Bcc] subject" (BCC-4) */
} VdBccMode;

/* What Date, Message-ID and the boundaries of a digest are made of. */
typedef struct
{
  gint64 now;        /* seconds since the epoch */
  gint32 utc_offset; /* seconds east; G_MININT32: unknown, written as -0000 (HDR-5) */
  guint8 random[16];
} VdMoment;

typedef gboolean (*VdMomentFunc) (VdMoment *moment, GError **error);

/* Everything borrowed. */
typedef struct
{
  const char *originator;   /* NULL: from the header; "": the null reverse-path; else exactly one mailbox */
  const char *recipients;   /* NULL or "": from the header; else an address list that overrides To, Cc, Bcc and Dcc alike */
  const GPtrArray *headers; /* of VdHeaderOption, in the order given; may be NULL */
  VdBccMode bcc;
  gboolean empty_bcc;         /* BCC-3: leave an empty Bcc field when blind recipients were taken out */
  const char *default_domain; /* completes unqualified addresses; NULL: they are errors (MAI-6) */
  VdMomentFunc provide;       /* asked at most once, where something has to be made of it */
  const char *user; /* login name: the originator, at default_domain, where nothing else gives one; NULL: that is an error */
} VdEnvelopeOptions;

typedef struct
{
  VdMailbox *mailbox;
  const char *given; /* as it stood in the option or field, for the result */
  const char *path;  /* envelope form, without angle brackets; domain in A-labels where the local part is ASCII (U8-4) */
  gboolean utf8;     /* needs SMTPUTF8 (local part not ASCII) */
  gboolean blind;    /* came from Bcc or Dcc */
  gboolean apart;    /* gets a copy of its own */
  gint same_as;      /* index of the first equal recipient, sent once for both (RCP-7); -1: this is the first */
} VdRecipient;

/* One copy of the message: its transaction's recipients and its header section. */
typedef struct
{
  guint n_recipients; /* see vd_copy_recipient() */
  guint first;        /* the only one, where there is one */
  guint *several;     /* NULL: there is one */
  GBytes
      *head; /* wire form: CRLF lines; with the separating empty line if there is a body.  NULL: the message's own, as it is */
  GBytes *tail;         /* wire form octets after the body (digest's closing boundary); NULL for none */
  guint64 size;         /* of head, body and tail: SIZE's value */
  gboolean eight_bit;   /* any octet >= 0x80 in head or body */
  gboolean utf8_header; /* head holds an octet >= 0x80: needs SMTPUTF8 */
  gboolean blind;       /* a copy for blind recipients: sent only if the main copy was, where there is one */
} VdCopy;

/* Immutable, reference-counted, for any thread. */
typedef struct VdEnvelope VdEnvelope;
struct VdEnvelope
{
  VdRefs refs;
  VdMailbox *originator;    /* NULL: the null reverse-path */
  const char *reverse_path; /* "" for that */
  gboolean reverse_utf8;
  VdRecipient *recipients; /* in input order; `one`, where there is one */
  guint n_recipients;
  VdCopy *
      copies; /* the main copy first; blind copies after it, sent only if it was (BCC-6).  No main copy where all recipients have copies of
                   * their own.  `single`, where there is one */
  guint n_copies;
  gboolean lasting; /* nothing of the moment is in it: it would be the same at any other */
  VdRecipient one;
  VdCopy single;
};

/* Index of a recipient of a copy in VdEnvelope.recipients; only first ones have one. */
static inline guint
vd_copy_recipient (const VdCopy *copy, guint i)
{
  return copy->several == NULL ? copy->first : copy->several[i];
}

/* `message` is prepared.  Errors name the option or field and the place.
 *
 * Originator: the option; else Sender (or Resent-Sender); else From (Resent-From), which then has to be one mailbox and no
 * group. */
VdEnvelope *vd_envelope_new (VeredaMessage *message, const VdEnvelopeOptions *options, GError **error);
VdEnvelope *vd_envelope_ref (VdEnvelope *envelope);
void vd_envelope_unref (VdEnvelope *envelope); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdEnvelope, vd_envelope_unref)

/* Content of a copy, ready to be written: head, body, tail; fails while it is read if it does not come to copy->size octets.
 * `policy` is the one the message was prepared with. */
VdBody *vd_copy_open (const VdCopy *copy, VeredaMessage *message, VdBodyMode mode, const VdBodyPolicy *policy, GError **error);

/* The head as it is sent; a new reference. */
GBytes *vd_copy_head (const VdCopy *copy, VeredaMessage *message);

/* The same content for BDAT, where head and body lie in memory as they are sent, and nothing can change them as long as both are there; with
 * *ret_dotless the same also for DATA, but for the lone dot. FALSE: it has to be opened. */
gboolean vd_copy_exact (const VdCopy *copy, VeredaMessage *message, VeredaSpan ret_spans[2], gboolean *ret_dotless);

/* Checks of one header option where it is set: field name, no CR LF NUL, not one of the refused fields (HDR-7, HDR-8). */
gboolean vd_header_option_check (const char *name, const char *value, GError **error);

#endif

/* SPDX-License-Identifier: MIT */
/* transaction - one MAIL … end-of-data, what is to be sent and what became of it.
 *
 * Pure.  Made by the sender, given to a session, taken back when finished.  Everything that a session learns about the message is
 * here; nothing is lost when the session dies. */
#ifndef VD_TRANSACTION_H
#define VD_TRANSACTION_H

#include "core/message/body.h"
#include "core/smtp/plan.h"
#include "core/smtp/reply.h"
#include <glib.h>

/* The verdict on the message, and on each recipient. */
typedef enum
{
  VD_OUTCOME_PENDING,
  VD_OUTCOME_NOT_SENT, /* certainly not taken by this server */
  VD_OUTCOME_SENT,     /* the server answered 2yz to the end of data */
  VD_OUTCOME_UNKNOWN   /* the end of data was handed over and the reply never came */
} VdOutcome;

typedef struct
{
  const char *path;  /* envelope form, borrowed */
  gboolean utf8;     /* needs SMTPUTF8 */
  VdReply *reply;    /* to RCPT, or made locally; NULL: never answered */
  gboolean accepted; /* RCPT answered 2yz */
  VdReply *final;    /* LMTP: the reply after the end of data for this recipient */
} VdTxnRecipient;

typedef struct VdTransaction VdTransaction;

/* Opens the content for one pass. The session owns the body. */
typedef VdBody *(*VdContentFunc) (VdTransaction *txn, VdBodyMode mode, gpointer data, GError **error);

struct VdTransaction
{
  /* What to send. */
  const char *reverse_path; /* "" for the null reverse-path; borrowed */
  gboolean reverse_utf8;
  VdTxnRecipient *recipients; /* `few`, while there is room */
  guint n_recipients;
  VdCommit commit;
  guint64 size; /* octets as counted by RFC 1870 */
  gboolean eight_bit, utf8_header;
  VdContentFunc open_content;
  VeredaSpan exact[2]; /* the whole content as BDAT has it, in memory that does not change; sizes 0: it has to be opened */
  gboolean dotless;    /* that is also what DATA has, but for the lone dot */
  gpointer data;

  /* What became of it. */
  VdOutcome outcome;
  gboolean mail_accepted;
  gboolean settled;        /* it ended with its session, not by an answer of its own */
  gboolean may_move;       /* so that another connection may have it: nothing of it counts with this server */
  gboolean lacking;        /* never begun: the server lacks an extension it needs, or takes no message of its size */
  gboolean begun;          /* MAIL was written (the point after which a stale connection is no excuse) */
  gboolean size_declared;  /* MAIL said SIZE= */
  guint64 content_written; /* octets of its content that left, dots and all */
  gboolean handed_over;    /* and its end */
  VdReply *mail_reply;     /* to MAIL, if it refused */
  VdReply *data_reply;     /* to DATA or a BDAT chunk, if it refused */
  VdReply *final_reply;    /* to the end of data; with LMTP the first positive one */
  GError *error;           /* why it was not sent; NULL when sent, and when recipients were refused: then the replies say it */

  /* The session's own notes. */
  guint64 begin_mark; /* output position before MAIL */
  guint64 end_mark;   /* output position after the end of data; G_MAXUINT64: not yet produced */
  guint next_rcpt;    /* write cursor */
  guint rcpt_replies; /* read cursor */
  guint accepted, refused;
  guint lmtp_replies;
  gboolean abandoned;  /* no further step is written; finished when the replies are in */
  gboolean bdat_begun; /* a BDAT was written */
  gboolean closed;     /* the server's buffers for it are gone or its end is sent: no RSET needed for it */
  gboolean windowed;   /* begun in the window: its octets went ahead of replies */
  gboolean again;      /* what the server said was no verdict on it: it is to be begun once more */
  gboolean retried;    /* that happened already */
  gboolean delivered;  /* and its end had been handed over then */
  gboolean doubtful;   /* the server refused its reverse-path and took a recipient */
  gboolean void_end;   /* a lone dot closes a DATA that must not deliver (PIP-6) */

  /* Places in lists; their data is the transaction. */
  GList link;   /* one of the session's */
  GList flying; /* its owner's */

  guint room; /* for recipients */
  VdTxnRecipient few[2];
};

/* Paths, here and of recipients, outlive the transaction. */
void vd_transaction_init (VdTransaction *txn, const char *reverse_path, gboolean reverse_utf8);
void vd_transaction_clear (VdTransaction *txn);
VdTransaction *vd_transaction_new (const char *reverse_path, gboolean reverse_utf8);
/* As it was before it was begun; `retried` and `delivered` stay. */
void vd_transaction_rewind (VdTransaction *txn);
void vd_transaction_add_recipient (VdTransaction *txn, const char *path, gboolean utf8);
void vd_transaction_free (VdTransaction *txn);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdTransaction, vd_transaction_free)

/* RCP-6: whether the refusal of a recipient is permanent; 552 is "too many recipients" unless it says size or quota. */
gboolean vd_transaction_is_permanent (VdReply *reply, gboolean size_declared);

#endif

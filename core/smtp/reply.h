/* SPDX-License-Identifier: MIT */
/* reply - SMTP replies: an incremental parser and the finished object (RFC 5321 section 4.2, RFC 2034).
 *
 * Pure.  The parser consumes octets one reply at a time and never looks past the end of a reply: what follows it stays with the
 * caller, who alone knows whether anything may follow. */
#ifndef VD_REPLY_H
#define VD_REPLY_H

#include <glib.h>

#include "core/base/refs.h"

/* Caps (RPL-10).  Lines count without CRLF. */
#define VD_REPLY_LINE_MAX  16384u
#define VD_REPLY_LINES_MAX 200u
#define VD_REPLY_SIZE_MAX  (256u * 1024u)

typedef struct
{
  guint16 subject, detail;
  guint8 klass; /* 2, 4, 5; 0: none */
} VdEnhanced;

/* A complete reply; immutable, reference-counted, for any thread.  Results hand it out as what it is, a VeredaReply. */
typedef struct VeredaReply VdReply;
struct VeredaReply
{
  VdRefs refs;
  guint code;          /* 200 to 599 */
  gboolean local;      /* made here; no server said it */
  VdEnhanced enhanced; /* klass 0 when absent or not consistent with code (ESC-3) */
  guint n_lines;
  char **
      lines; /* text after code and separator, raw octets without CRLF, NUL-ended (NUL octets inside become U+FFFD); enhanced code kept */
  gsize *sizes; /* octets in each line */

  gpointer shown, shown_enhanced; /* texts made when somebody asks, atomic; NULL: nobody did */

  char *one_line[2]; /* `lines` and `sizes` of a reply of one line, whose text stands behind the structure */
  gsize one_size;
};

VdReply *vd_reply_ref (VdReply *reply);
void vd_reply_unref (VdReply *reply); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdReply, vd_reply_unref)

/* A reply made locally (a refusal that no server spoke), for results. */
VdReply *vd_reply_new_local (guint code, const char *enhanced, const char *text);

/* Another of the same; the only one who knows of it may still change its lines. */
VdReply *vd_reply_copy (VdReply *reply);

/* Whole text, lines joined by "\n", enhanced code of each line removed when it is the reply's, escaped for display. Free with g_free. */
char *vd_reply_text (VdReply *reply);
/* "5.7.8" or NULL.  Free with g_free. */
char *vd_reply_enhanced_text (VdReply *reply);
/* The same two, made at the first call and kept. */
const char *vd_reply_shown (VdReply *reply);
const char *vd_reply_shown_enhanced (VdReply *reply);
/* One line for messages: "535 5.7.8 authentication failed", escaped, at most ~300 characters. */
char *vd_reply_brief (VdReply *reply);

#define VD_REPLY_IS_POSITIVE(r)     ((r)->code / 100 == 2)
#define VD_REPLY_IS_INTERMEDIATE(r) ((r)->code / 100 == 3)
#define VD_REPLY_IS_TRANSIENT(r)    ((r)->code / 100 == 4)
#define VD_REPLY_IS_PERMANENT(r)    ((r)->code / 100 == 5)

typedef struct VdReplyParser VdReplyParser;

VdReplyParser *vd_reply_parser_new (void);
void vd_reply_parser_free (VdReplyParser *parser);

/* Rebuilds the parser: nothing of what was fed before survives (STL-5). */
void vd_reply_parser_reset (VdReplyParser *parser);

typedef enum
{
  VD_REPLY_MORE,  /* all octets taken, reply not complete */
  VD_REPLY_READY, /* *ret_reply is the complete reply; *ret_used octets were taken, the rest untouched */
  VD_REPLY_BROKEN /* the octets are not an SMTP reply: error VEREDA_ERROR_PROTOCOL (with what was seen); sticky until reset */
} VdReplyStatus;

/* Only CRLF ends a line; lone LF or CR, mismatched codes, a first digit outside 2-5, a wrong fourth octet, caps exceeded: broken.
 * `ret_line` callbacks are not needed: trace from the finished reply. */
VdReplyStatus vd_reply_parser_feed (VdReplyParser *parser, const void *data, gsize size, gsize *ret_used, VdReply **ret_reply,
                                    GError **error);

/* TRUE when no octet of an unfinished reply is held. */
gboolean vd_reply_parser_is_empty (VdReplyParser *parser);

/* What the first octets look like when they are no SMTP: "TLS", "HTTP", "SSH" or NULL (GRT-7). */
const char *vd_reply_guess_protocol (const void *data, gsize size);

/* The same of what a broken parser refused, however the stream was cut. */
const char *vd_reply_parser_protocol (const VdReplyParser *parser);

#endif

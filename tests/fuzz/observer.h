/* SPDX-License-Identifier: MIT */
/*
 * observer: an SMTP server's memory of what a client said and what it was answered, kept apart from the session and by other means: it reads
 * the octets that really left.  It knows nothing of flights and verdicts and so can judge both.
 *
 * Each broken rule of a client ends the program with its name.
 */
#ifndef TEST_OBSERVER_H
#define TEST_OBSERVER_H

#include "core/smtp/reply.h"
#include "core/smtp/session.h"

#define OBSERVER_MAILS 4

typedef enum
{
  SAID_GREETING, /* nothing: the greeting is owed */
  SAID_HELLO,
  SAID_STARTTLS,
  SAID_AUTH, /* AUTH and each response */
  SAID_CANCEL,
  SAID_QUED,
  SAID_MAIL,
  SAID_RCPT,
  SAID_DATA,
  SAID_END, /* CRLF.CRLF */
  SAID_BDAT,
  SAID_BDAT_LAST,
  SAID_RSET,
  SAID_QUIT
} Said;

/* One message, as the server saw it. */
typedef struct
{
  guint mails; /* MAIL commands for it */
  guint rcpts; /* RCPT commands */
  guint ends;  /* ends of data that it heard whole */
  gboolean mail_refused, chunk_refused, odd, unknown_bdat;
  guint accepted, refused;
  guint end_replies, end_positive;
  gboolean only_a_dot, in_chunks;
  GString *content; /* as it came */
} Mail;

typedef struct
{
  const VdSessionConfig *config;
  gboolean may_be_insecure; /* the owner said so */
  Mail mails[OBSERVER_MAILS];
  GQueue owed;     /* of Owed: what was said and not answered */
  GString *line;   /* the beginning of a line */
  GString *secret; /* SASL responses in base64, each on a line */
  VdReplyParser *replies;
  gboolean greeted, secure, tls_begun, authenticated, quit, silent /* DATA was said */, content, sasl, in_transaction,
      must_reset;
  gboolean greeting_refused;
  guint64 chunk; /* octets of a chunk still to come */
  gboolean chunk_is_last;
  guint offered; /* bit of VdExtension */
  guint now;     /* the message at hand */
} Observer;

void observer_init (Observer *observer, const VdSessionConfig *config);
void observer_clear (Observer *observer);

/* Octets that left. */
void observer_hears (Observer *observer, const void *data, gsize size);
/* A reply reaches the client.  FALSE: nothing was said that it could answer. */
gboolean observer_answers (Observer *observer, const VdReply *reply);
void observer_secured (Observer *observer);
/* What is owed next. */
gboolean observer_next (Observer *observer, Said *ret_said);
/* What has to become of a message when the connection is over. */
VdOutcome observer_verdict (const Observer *observer, guint mail);

#endif

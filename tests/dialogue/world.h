/* SPDX-License-Identifier: MIT */
/* world - everything around a session that a dialogue plays: the network, time, the message source, the owner's decisions.
 *
 * One run of one dialogue.  A difference between the transcript and the session ends the run with a complaint. */
#ifndef DIALOGUE_WORLD_H
#define DIALOGUE_WORLD_H

#include "core/smtp/session.h"
#include "fake-mech.h"
#include "script.h"

/* How the octets travel; every dialogue is played in each way. */
typedef enum
{
  CUT_LINES,  /* each server item in one piece, the client may speak after each */
  CUT_OCTETS, /* octet by octet in both directions */
  CUT_BURSTS, /* server items that follow each other in one piece */
  CUT_N
} Cut;

#define NO_FUSE G_MAXUINT64

/* A message that the dialogue submits. */
typedef struct
{
  VdTransaction *txn;
  GString *body;
  gint64 fails_at; /* octet at which its source fails; -1: never */
  gint64 size;     /* the size to claim; -1: the true one */
  gboolean submitted, finished, judged;
  gboolean eight_bit;
} Mail;

typedef struct
{
  const Script *script;
  Cut cut;
  guint at; /* item being played */
  VdSessionConfig config;
  gboolean keep; /* the owner does not finish the session by itself */
  gboolean split_never;
  gboolean cut_every;
  VdSession *session; /* NULL until the first item that is no option */
  gint64 now;
  GPtrArray *mails; /* of Mail */
  Mail *pending;    /* being described, not yet submitted */
  Mail *about;      /* whom expectations concern */
  GPtrArray *mechs; /* of FakeMech */
  GString *held;    /* what the client said and the transcript has not yet matched */
  GString *trace;
  gboolean stalled;    /* the network takes nothing more for now */
  guint64 steps;       /* octets that have passed, in both directions together */
  guint64 fuse;        /* the connection ends after so many (CUT_OCTETS) */
  gboolean burnt;      /* it has */
  gboolean error_seen; /* the dialogue said which error it expects */
  char *complaint;     /* why the run failed; NULL: it did not */
} World;

World *world_new (const Script *script, Cut cut);
void world_free (World *world);

/* Plays all; FALSE: see complaint. */
gboolean world_play (World *world);

/* Ends the run; the first complaint stays.  Always FALSE. */
gboolean world_complain (World *world, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* cuts.c: the dialogue again and again, the connection ending at another octet each time. NULL, or what was wrong: free with g_free. */
char *cuts_play (const Script *script);

/* checks.c: an `expect` line. */
gboolean world_expect (World *world, const Item *item);

/* mail.c: the lines that describe a message; FALSE with *ret_known FALSE: the line is none of them. */
gboolean world_mail_line (World *world, const Item *item, gboolean *ret_known);
gboolean world_submit_pending (World *world);
void mail_free (gpointer mail);

#endif

/* SPDX-License-Identifier: MIT */
/* probe - the inside of a probe, shared by its files:
 *   probe.c       runs a connection and stops it
 *   probe-look.c  what was seen: rows of stages and addresses, facts
 *   probe-talk.c  what is said after it has come to its end
 *   probe-get.c   the getters
 *
 * Implements include/vereda/probe.h. */
#ifndef VD_PROBE_H
#define VD_PROBE_H

#include <vereda/probe.h>

#include "core/net/connect.h"
#include "core/send/connection.h"
#include "core/send/job.h"

struct VeredaProbeStage
{
  VeredaStage stage;
  guint connection;
  gboolean secure, succeeded, open;
  gint64 start, duration;
  guint turns;     /* replies that were waited for */
  guint wire;      /* of a handshake: what the meter showed when it began */
  guint64 in, out; /* the same of octets, then the difference */
  VeredaReply *reply;
  char *detail;
  guint attempt; /* of AUTH: index in the session's list of attempts */
};

struct VeredaProbeAddress
{
  char *text;
  int outcome; /* VdAttemptOutcome; -1: not tried */
  int code;
  gint64 start, took;
  int afterwards; /* VdAttemptOutcome; -1: nothing followed */
  gint64 afterwards_took;
};

typedef struct
{
  gboolean begun;
  guint version;
  int resumed, ocsp, verify, depth, pin, tlsa; /* -1: not known */
  int key_bits;                                /* 0: not known */
  gboolean verified;
  guint state; /* VeredaConnectionState */
  char *cipher, *group, *signature, *backend, *verify_text, *matched;
  GPtrArray *chain; /* of GBytes */
} VdProbeTls;

struct VeredaProbe
{
  VeredaOptions *options;
  VeredaRegistry *registry;
  GPtrArray *targets;
  VdReactor *reactor;
  VdTimer *deadline;
  VdLog log;
  VdVisit *visit;
  VdMemory *memory;
  VdNames *names;
  VdMeter meter;
  VdConnectionObserver observer;
  VdConnection *connection;
  guint connections;
  VeredaProbePoint end;
  gboolean drop;
  gboolean drop_sent, cut; /* the end is when its command was said; it was */
  gboolean talk;           /* stays at the end, for vereda_probe_say() */
  gboolean talks;          /* has come to it: no other connection follows */
  GQueue heard;            /* of VdReply */
  gint cancelled;          /* atomic */
  gboolean ran, over, reached;

  VdJob *job; /* of MAIL, RCPT and DATA */
  gboolean submitted;

  gint64 began, ended;
  GPtrArray *stages;    /* of VeredaProbeStage */
  GPtrArray *addresses; /* of VeredaProbeAddress */
  VdConnect *followed;  /* a race that is won, while the others go on; NULL: none */
  GArray *attempts;     /* of VdAttempt: its record */
  gint64 raced;         /* when it began, since the run did */
  VeredaReply *greeting;
  char **extensions[2]; /* before TLS, inside */
  char **mechanisms;
  char *authenticated, *address, *transport, *peer_name;
  VdProbeTls tls;

  GError *error;
  VeredaStage error_stage;
  VeredaReply *error_reply;
  gboolean transient;
  GPtrArray *warnings;
};

void vd_probe_said (VeredaProbe *probe, VdStep step); /* the end may be when it was said */

/* ---- probe-look.c ---- */
void vd_probe_look_init (VeredaProbe *probe);
void vd_probe_look_clear (VeredaProbe *probe);
void vd_probe_look_begin (VeredaProbe *probe);                   /* a connection is about to be made */
void vd_probe_look_ready (VeredaProbe *probe);                   /* its session is ready */
void vd_probe_look_around (VeredaProbe *probe);                  /* where it leads, and how */
void vd_probe_look_follow (VeredaProbe *probe, gboolean follow); /* what vereda_probe_set_follow() says */
/* Whether something is still to be learnt of the addresses that lost the race. */
gboolean vd_probe_look_follows (VeredaProbe *probe);
/* What became of them; what is still open stays so. */
void vd_probe_look_followed (VeredaProbe *probe);
/* Whatever of the connection would go away with it is taken over. */
void vd_probe_look_closed (VeredaProbe *probe);

/* ---- probe.c ---- */
/* One turn of the reactor, of so many microseconds at most; -1: until something happens. */
void vd_probe_turn (VeredaProbe *probe, gint64 wait);
VdGo vd_probe_may (VeredaProbe *probe, VdStep step);

#endif

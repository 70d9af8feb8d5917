/* SPDX-License-Identifier: MIT */
/* connect - a race over the endpoints of one server (RFC 8305 section 5).
 *
 * Attempts start `attempt_delay_us` apart, and at once when the one before failed.  The first that the kernel reports connected wins
 * (TCP-4); the others are closed before an octet is sent.  The only place that makes sockets for the network; it reads and writes
 * nothing.  Errors are VEREDA_ERROR_CONNECT and name each endpoint with its reason. */
#ifndef VD_CONNECT_H
#define VD_CONNECT_H

#include "core/net/endpoint.h"
#include "core/net/reactor.h"

#define VD_CONNECT_ATTEMPT_DELAY_US     (250 * G_TIME_SPAN_MILLISECOND) /* RFC 8305 section 8 */
#define VD_CONNECT_ATTEMPT_DELAY_MIN_US (10 * G_TIME_SPAN_MILLISECOND)
#define VD_CONNECT_TIMEOUT_US           (30 * G_TIME_SPAN_SECOND)

typedef struct VdConnect VdConnect;

/* The race is won, others are still connecting, and they go on: what becomes of them is written into the attempts that `done`, which is called
 * next, is given.  The race is the callee's now: vd_connect_cancel(). */
typedef void (*VdFollowFunc) (gpointer data, VdConnect *race);

typedef struct
{
  gint64 attempt_delay_us;       /* 0: 250 ms; raised to 10 ms where less (TCP-3) */
  gint64 per_address_timeout_us; /* 0: 30 s */
  const VdEndpoint
      *local_address;  /* bind to it (its port, 0: any); endpoints of another family fail; NULL: the system chooses */
  VdFollowFunc follow; /* NULL: the losers are closed at once */
  gpointer follow_data;
} VdConnectOptions;

typedef enum
{
  VD_ATTEMPT_WAITING = 0, /* only while the race is on */
  VD_ATTEMPT_WON,
  VD_ATTEMPT_FAILED, /* `code` is the errno */
  VD_ATTEMPT_TIMED_OUT,
  VD_ATTEMPT_LOST /* still connecting when another won */
} VdAttemptOutcome;

/* One line of the race's record, in the order started; endpoints never started are not in it. */
typedef struct
{
  guint endpoint; /* index */
  VdAttemptOutcome outcome;
  int code;                    /* errno of a failure, else 0 */
  gint64 start_us;             /* since the race began */
  gint64 took_us;              /* until the outcome */
  VdAttemptOutcome afterwards; /* of a loser that is followed: WAITING, WON (it would have), FAILED with `code`, TIMED_OUT */
  gint64 afterwards_us;        /* since its start */
} VdAttempt;

/* fd >= 0 (non-blocking, close-on-exec, TCP_NODELAY; now the callee's) and the index of its endpoint; or -1 and `error`.  `attempts`
 * (GArray of VdAttempt) and `error` are borrowed.  The VdConnect is gone when this is called, unless it is followed. */
typedef void (*VdConnectedFunc) (gpointer data, int fd, guint endpoint, const GArray *attempts, const GError *error);

/* `endpoints` is referenced, at least one; `options` (NULL: defaults) is read now.  `done` is called exactly once, from a later turn, unless
 * cancelled. */
VdConnect *vd_connect_start (VdReactor *reactor, GPtrArray *endpoints, const VdConnectOptions *options, VdConnectedFunc done,
                             gpointer data);
void vd_connect_cancel (VdConnect *connect); /* closes everything; `done` is not called any more */

/* What was read from this TCP socket is acknowledged at once instead of with the next write, or 40 ms later.  Where the system cannot: nothing. */
void vd_connect_acknowledge (int fd);

const char *
vd_attempt_outcome_name (VdAttemptOutcome outcome); /* "connected", "failed", "timed out", "lost the race", "waiting" */

#endif

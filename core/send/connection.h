/* SPDX-License-Identifier: MIT */
/* connection - one connection to one server: drives a session over a stack of layers from a reactor.
 *
 * Orchestrates and implements no protocol.  Its owner is called after anything happened that may matter: the session became ready, a
 * transaction finished, it closed.  Nothing here decides about other servers. */
#ifndef VD_CONNECTION_H
#define VD_CONNECTION_H

#include "core/net/connect.h"
#include "core/net/layer.h"
#include "core/net/meter.h"
#include "core/net/names.h"
#include "core/net/reactor.h"
#include "core/send/log.h"
#include "core/send/memory.h"
#include "core/send/tickets.h"
#include "core/send/visit.h"
#include "core/smtp/session.h"

typedef struct VdConnection VdConnection;

/* Called from a reactor turn as the last thing that a connection does in it: the owner may free it. */
typedef void (*VdConnectionFunc) (gpointer data);
/* Called in the middle of a turn: messages may be taken back and given, and nothing else be done.  TRUE: some were given. */
typedef gboolean (*VdFeedFunc) (gpointer data);
/* Content of `txn`, or its end, left. */
typedef void (*VdWroteFunc) (gpointer data, VdTransaction *txn);

/* Somebody who looks on; told in the connection's thread.  Functions of its own may be NULL. */
typedef struct
{
  VdObserver session;
  VdMeter *meter;                                     /* counts what goes over the wire; NULL: nobody counts */
  void (*entered) (gpointer data, VeredaStage stage); /* RESOLVE, CONNECT, GREETING, TLS where it is implicit */
  void (*raced) (gpointer data, GPtrArray *endpoints, const GArray *attempts); /* after every race, won or lost */
  VdFollowFunc follow;                               /* NULL: addresses that lost the race do not matter */
  VdGo (*passed) (gpointer data, VeredaStage stage); /* CONNECT, TLS; GO_QUIT after CONNECT closes */
  /* A certificate that is not accepted is refused when the handshake is done, which then can be described, in place of in the middle of it.
   * Nothing is said in between.  A client's own certificate is not shown that way: with one the handshake ends where it is refused. */
  gboolean whole_handshake;
  gpointer data;
} VdConnectionObserver;

typedef struct
{
  VdReactor *reactor;
  VdNames *names;
  VeredaRegistry *registry;
  const VeredaOptions *options;
  VdVisit *visit;
  VdMemory *memory;
  VdTickets *tickets; /* NULL: TLS sessions are not resumed */
  VdLog *log;
  const VdConnectionObserver *observer; /* NULL: nobody */
  VdConnectionFunc func;
  VdFeedFunc feed;   /* NULL: nothing is given */
  VdWroteFunc wrote; /* NULL: nobody wants to know */
  gpointer data;
} VdConnectionSetup; /* everything borrowed, and must outlive the connection */

/* Begins; whatever goes wrong is told through func. */
VdConnection *vd_connection_new (const VdConnectionSetup *setup);
/* Closes without a word. NULL is fine. */
void vd_connection_free (VdConnection *connection);

/* NULL until the server is connected; owned by the connection, also after it closed.  After using it call vd_connection_kick(). */
VdSession *vd_connection_session (VdConnection *connection);
void vd_connection_kick (VdConnection *connection);                 /* something was submitted: work in the next turn */
void vd_connection_abort (VdConnection *connection, GError *error); /* owned; cancelled, overall deadline */

gboolean vd_connection_is_closed (VdConnection *connection);
gboolean vd_connection_was_ready (VdConnection *connection);
const GError *vd_connection_error (VdConnection *connection); /* NULL after an orderly QUIT */
VdReply *vd_connection_error_reply (VdConnection *connection);
VeredaStage vd_connection_stage (VdConnection *connection); /* where it failed */
VdStack *vd_connection_stack (VdConnection *connection);    /* NULL before connecting; to ask for facts, also after it closed */
const char *vd_connection_address (VdConnection *connection);   /* NULL before connecting */
const char *vd_connection_transport (VdConnection *connection); /* "starttls/gnutls", "plain" */

/* Reads what is there already, without waiting: after that a connection that the server closed while it was idle is closed here too. */
void vd_connection_look (VdConnection *connection);

/* Writes what can be written at once. */
void vd_connection_flush (VdConnection *connection);

/* What another connection to the same server would do differently; the visit was changed accordingly. */
typedef enum
{
  VD_AGAIN_NO,
  VD_AGAIN_NEXT_ADDRESS, /* this address greeted with 421 or 4yz (TCP-5) */
  VD_AGAIN_IN_CLEAR,     /* the policy said so */
  VD_AGAIN_UNVERIFIED,
  VD_AGAIN_NO_CHUNKING,
  VD_AGAIN_NO_WINDOW, /* messages ahead of their replies are not for this server */
  VD_AGAIN_MORE_AUTH  /* three mechanisms failed on this connection, others are left (AUT-18) */
} VdAgain;

VdAgain vd_connection_again (VdConnection *connection);
gboolean vd_connection_is_fatal (
    VdConnection *connection); /* a local trouble that no other server mends: a CA file that cannot be read, … */

/* Sentences for the results of the messages it carried; borrowed, of char *. */
GPtrArray *vd_connection_warnings (VdConnection *connection);

#endif

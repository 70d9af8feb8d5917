/* SPDX-License-Identifier: MIT */
/* sink-connection - see sink-connection.h.
 *
 * One read, all its commands, one write: replies collect in session.out and leave together.  While they cannot leave,
 * nothing is read, so a client that never reads its replies costs bounded memory. */
#include "sink-connection.h"
#include "sink-event.h"
#include "sink-record.h"
#include "sink-replay.h"
#include "sink-tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPLIT_GAP (G_USEC_PER_SEC / 1000) /* between the parts of a reply that goes out in parts */
#define OUT_KEPT  (256 * 1024)            /* a larger buffer is given back when it is empty */

typedef enum
{
  IO_DONE,
  IO_WAIT_READ,
  IO_WAIT_WRITE,
  IO_WAIT_TIME, /* a fault has it wait */
  IO_ENDED,
  IO_FAILED
} Io;

static gboolean settle (SinkConnection *connection);
static void handshake (SinkConnection *connection);
static void read_input (SinkConnection *connection);

static void
watch (SinkConnection *connection, guint events)
{
  if (connection->events == events)
    return;
  struct epoll_event event = { .events = events, .data.ptr = connection };
  epoll_ctl (connection->loop->epoll, EPOLL_CTL_MOD, connection->fd, &event);
  connection->events = events;
}

static void
wait_in (SinkConnection *connection, GQueue *queue)
{
  if (connection->queue != NULL)
    g_queue_unlink (connection->queue, &connection->link);
  connection->queue = queue;
  connection->since = connection->loop->now;
  g_queue_push_tail_link (queue, &connection->link);
}

/* Lets nothing happen before `due`. */
static void
pause_until (SinkConnection *connection, gint64 due)
{
  GQueue *queue = &connection->loop->paused;
  GList *later = NULL;
  g_queue_unlink (connection->queue, &connection->link);
  connection->queue = queue;
  connection->since = due;
  connection->state = SINK_STATE_PAUSE;
  for (GList *l = queue->tail; l != NULL && ((const SinkConnection *) l->data)->since > due; l = l->prev)
    later = l;
  if (later != NULL)
    g_queue_insert_before_link (queue, later, &connection->link);
  else
    g_queue_push_tail_link (queue, &connection->link);
  watch (connection, 0);
}

static void
end (SinkConnection *connection, const gchar *why)
{
  SinkLoop *loop = connection->loop;
  loop->stats.violations += sink_violations_total (&connection->session.violations);
  sink_player_end (&connection->session);
  sink_record_event (&connection->session, "close", why);
  sink_event_close (&connection->session, why);
  g_queue_unlink (connection->queue, &connection->link);
  if (connection->tls != NULL)
    SSL_free (connection->tls);
  ERR_clear_error ();
  close (connection->fd);
  sink_session_clear (&connection->session);
  g_free (connection);
  loop->connections--;
}

/* ---- octets ---- */

static Io
tls_outcome (SinkConnection *connection, int result)
{
  int error = SSL_get_error (connection->tls, result);
  Io io = error == SSL_ERROR_WANT_READ     ? IO_WAIT_READ
          : error == SSL_ERROR_WANT_WRITE  ? IO_WAIT_WRITE
          : error == SSL_ERROR_ZERO_RETURN ? IO_ENDED
                                           : IO_FAILED;
  if (io != IO_FAILED)
    ERR_clear_error ();
  return io;
}

static Io
receive (SinkConnection *connection, gchar *data, gsize room, int flags, gsize *ret_size)
{
  if (connection->tls != NULL)
    {
      ERR_clear_error ();
      int result = flags == MSG_PEEK ? SSL_peek_ex (connection->tls, data, room, ret_size)
                                     : SSL_read_ex (connection->tls, data, room, ret_size);
      return result == 1 ? IO_DONE : tls_outcome (connection, result);
    }
  gssize got;
  do
    got = recv (connection->fd, data, room, flags);
  while (got < 0 && errno == EINTR);
  if (got > 0)
    *ret_size = (gsize) got;
  return got > 0 ? IO_DONE : got == 0 ? IO_ENDED : errno == EAGAIN ? IO_WAIT_READ : IO_FAILED;
}

static Io
send_some (SinkConnection *connection, const gchar *data, gsize size, gsize *ret_size)
{
  if (connection->tls != NULL)
    {
      ERR_clear_error ();
      int result = SSL_write_ex (connection->tls, data, size, ret_size);
      return result == 1 ? IO_DONE : tls_outcome (connection, result);
    }
  gssize done;
  do
    done = send (connection->fd, data, size, MSG_NOSIGNAL);
  while (done < 0 && errno == EINTR);
  if (done >= 0)
    *ret_size = (gsize) done;
  return done >= 0 ? IO_DONE : errno == EAGAIN ? IO_WAIT_WRITE : IO_FAILED;
}

/* How many of the next octets may go in one write. */
static gsize
next_part (const SinkConnection *connection)
{
  const SinkSession *session = &connection->session;
  gsize left = session->out->len - connection->sent;
  if (!connection->faulty || (!connection->holds && session->fault->split == 0))
    return left;
  if (connection->sent < session->fault_at) /* replies to what came before */
    return session->fault_at - connection->sent;
  return connection->holds ? 0 : MIN (left, session->fault->split);
}

static Io
flush (SinkConnection *connection)
{
  GString *out = connection->session.out;
  if (connection->sent < out->len)
    sink_report_flush (connection->loop->server->report); /* who has the reply can read of it */
  sink_record_replies (&connection->session, connection->holds ? connection->session.fault_at : out->len);
  while (connection->sent < out->len)
    {
      gsize size = 0;
      gsize part = next_part (connection);
      if (part == 0)
        return IO_WAIT_TIME;
      Io io = send_some (connection, out->str + connection->sent, part, &size);
      if (io != IO_DONE)
        return io;
      connection->sent += size;
      if (connection->faulty && connection->session.fault->split != 0 && connection->sent < out->len)
        return IO_WAIT_TIME;
    }
  connection->sent = 0;
  connection->session.recorded = 0;
  if (out->allocated_len > OUT_KEPT)
    {
      g_string_free (out, TRUE);
      connection->session.out = g_string_sized_new (1024);
    }
  else
    g_string_truncate (out, 0);
  return IO_DONE;
}

/* TLS records hold 16 KiB at most; several are put together, so that one flight is seen as one. */
static Io
fill (SinkConnection *connection, gsize *ret_size)
{
  gchar *buffer = connection->loop->buffer;
  gsize have = 0;
  Io io;
  do
    {
      gsize size = 0;
      io = receive (connection, buffer + have, SINK_BUFFER_OCTETS - have, 0, &size);
      have += size;
    }
  while (io == IO_DONE && connection->tls != NULL && have < SINK_BUFFER_OCTETS);
  *ret_size = have;
  return have > 0 ? IO_DONE : io;
}

/* ---- stages ---- */

/* Closing at once would make the kernel reset the connection if the client is still sending, and the last reply would be
 * lost. */
static void
linger (SinkConnection *connection, const gchar *why)
{
  connection->why = why;
  if (connection->tls != NULL && SSL_is_init_finished (connection->tls))
    {
      SSL_shutdown (connection->tls);
      ERR_clear_error ();
    }
  shutdown (connection->fd, SHUT_WR);
  connection->state = SINK_STATE_LINGER;
  wait_in (connection, &connection->loop->lingering);
  watch (connection, EPOLLIN);
}

/* What goes wrong in the handshake's place is done like a reply's fault; what goes wrong within it or behind it is kept.  Returns TRUE if
 * there is to be a handshake now. */
static gboolean
reach_tls (SinkConnection *connection)
{
  SinkSession *session = &connection->session;
  if (connection->tls_reached)
    return TRUE;
  connection->tls_reached = TRUE;
  const gchar *reply = sink_session_reach (session, SINK_STAGE_TLS);
  if (reply != NULL)
    {
      sink_session_reply (session, reply); /* in clear, where TLS should be */
      session->want = SINK_WANT_CLOSE;
    }
  else if (session->fault == NULL)
    return TRUE;
  else if (session->fault->split != 0 || session->fault->action->after == SINK_AFTER_CLOSE)
    {
      connection->tls_fault = g_steal_pointer (&session->fault);
      connection->pace.split = connection->tls_fault->split;
      return TRUE;
    }
  else if (session->fault->action->edit == SINK_EDIT_GARBAGE)
    session->want = SINK_WANT_CLOSE;
  settle (connection);
  return FALSE;
}

static void
start_tls (SinkConnection *connection)
{
  SinkPace *pace = &connection->pace;
  if (!reach_tls (connection))
    return;
  connection->state = SINK_STATE_HANDSHAKE;
  connection->tls = SSL_new (connection->loop->server->tls);
  if (connection->tls == NULL || !sink_tls_set_fd (connection->tls, connection->fd, pace->split != 0 ? pace : NULL))
    {
      end (connection, "no memory for TLS");
      return;
    }
  SSL_set_accept_state (connection->tls);
  handshake (connection);
}

/* The one place where faults are done.  sink-fault's table says what becomes of the reply ... */
static void
begin_fault (SinkConnection *connection)
{
  SinkSession *session = &connection->session;
  const SinkFault *fault = session->fault;
  sink_report_flush (connection->loop->server->report); /* who sees the fault can read of it */
  connection->faulty = TRUE;
  connection->holds = fault->delay > 0;
  if (fault->action->edit == SINK_EDIT_REMOVE || fault->action->edit == SINK_EDIT_GARBAGE)
    g_string_truncate (session->out, session->fault_at);
  if (fault->action->edit == SINK_EDIT_GARBAGE)
    sink_fault_append_garbage (session->out, session->fault_occasion, connection->loop->server->config.seed);
  else if (fault->action->edit == SINK_EDIT_INJECT)
    sink_fault_append_injection (session->out);
  if (connection->holds && session->out->len == session->fault_at) /* a handshake: there is no octet to hold back */
    pause_until (connection, connection->loop->now + fault->delay);
}

/* ... and of the connection, once it is out.  Returns FALSE if the connection is at its end. */
static gboolean
end_fault (SinkConnection *connection)
{
  connection->faulty = FALSE;
  switch (connection->session.fault->action->after)
    {
    case SINK_AFTER_DROP:
      end (connection, "fault");
      return FALSE;
    case SINK_AFTER_CLOSE:
      linger (connection, "fault");
      return FALSE;
    case SINK_AFTER_SILENCE:
      connection->why = "fault";
      connection->state = SINK_STATE_LINGER;
      wait_in (connection, &connection->loop->idle);
      watch (connection, EPOLLIN);
      return FALSE;
    case SINK_AFTER_GO_ON:
    default:
      sink_session_resume (&connection->session);
      return TRUE;
    }
}

/* Sends what there is and does what the session wants next.  Returns TRUE if more may be read; otherwise the connection may
 * be gone. */
static gboolean
settle (SinkConnection *connection)
{
  SinkSession *session = &connection->session;
  do
    {
      if (session->fault != NULL && !connection->faulty)
        begin_fault (connection);
      Io io = connection->state == SINK_STATE_PAUSE ? IO_WAIT_TIME : flush (connection);
      switch (io)
        {
        case IO_WAIT_READ:
        case IO_WAIT_WRITE:
          watch (connection, io == IO_WAIT_READ ? EPOLLIN : EPOLLOUT);
          return FALSE;
        case IO_WAIT_TIME:
          if (connection->state != SINK_STATE_PAUSE)
            pause_until (connection, connection->loop->now + (connection->holds ? session->fault->delay : SPLIT_GAP));
          return FALSE;
        case IO_DONE:
          break;
        case IO_ENDED:
        case IO_FAILED:
        default:
          end (connection, "cannot write");
          return FALSE;
        }
      if (connection->faulty && !end_fault (connection))
        return FALSE;
    }
  while (session->fault != NULL || session->out->len > 0);
  switch (session->want)
    {
    case SINK_WANT_TLS:
      start_tls (connection);
      return FALSE;
    case SINK_WANT_CLOSE:
      linger (connection, "done");
      return FALSE;
    case SINK_WANT_INPUT:
    default:
      watch (connection, EPOLLIN);
      return TRUE;
    }
}

static void
greet (SinkConnection *connection)
{
  gchar octet;
  gsize size = 0;
  if (receive (connection, &octet, 1, MSG_PEEK, &size) == IO_DONE)
    sink_session_blame (&connection->session, SINK_VIOLATION_EARLY_TALK);
  connection->state = SINK_STATE_OPEN;
  wait_in (connection, &connection->loop->idle);
  sink_session_greet (&connection->session);
  if (settle (connection) && size > 0) /* what TLS holds already, epoll does not see */
    read_input (connection);
}

static void
start_session (SinkConnection *connection)
{
  if (connection->loop->server->config.greeting_delay == 0)
    {
      greet (connection);
      return;
    }
  connection->state = SINK_STATE_DELAY;
  wait_in (connection, &connection->loop->to_greet);
  watch (connection, EPOLLIN);
}

static void
handshake (SinkConnection *connection)
{
  SinkSession *session = &connection->session;
  gboolean is_starttls = connection->loop->server->config.tls == SINK_TLS_STARTTLS;
  ERR_clear_error ();
  int result = SSL_do_handshake (connection->tls);
  if (result != 1)
    {
      Io io = tls_outcome (connection, result);
      if (io == IO_WAIT_WRITE && connection->pace.spent)
        {
          pause_until (connection, connection->loop->now + SPLIT_GAP);
          return;
        }
      if (io == IO_WAIT_READ || io == IO_WAIT_WRITE)
        {
          watch (connection, io == IO_WAIT_READ ? EPOLLIN : EPOLLOUT);
          return;
        }
      g_autofree gchar *why = sink_tls_take_error ();
      sink_event_tls_failed (session, why);
      linger (connection, "tls-failed"); /* OpenSSL has sent an alert: it shall arrive */
      return;
    }
  g_autofree gchar *identity = sink_tls_client_identity (connection->tls);
  if (connection->loop->server->binds)
    sink_bindings_take (&session->bindings, connection->tls);
  sink_session_secured (session, SSL_get_version (connection->tls), SSL_get_cipher_name (connection->tls), identity);
  sink_event_tls (session, SSL_session_reused (connection->tls) == 1,
                  SSL_get_servername (connection->tls, TLSEXT_NAMETYPE_host_name));
  sink_record_event (session, "tls", SSL_get_version (connection->tls));
  connection->pace.split = 0;
  if (connection->tls_fault != NULL && connection->tls_fault->action->after == SINK_AFTER_CLOSE)
    {
      linger (connection, "fault");
      return;
    }
  if (!is_starttls)
    {
      start_session (connection);
      return;
    }
  connection->state = SINK_STATE_OPEN;
  watch (connection, EPOLLIN);
  read_input (connection);
}

static void
read_input (SinkConnection *connection)
{
  gsize size;
  do
    {
      Io io = fill (connection, &size);
      if (io == IO_WAIT_READ)
        {
          watch (connection, EPOLLIN);
          return;
        }
      if (io == IO_WAIT_WRITE)
        {
          watch (connection, EPOLLOUT);
          return;
        }
      if (io != IO_DONE)
        {
          if (io == IO_ENDED && connection->tls != NULL)
            SSL_shutdown (connection->tls); /* answers the client's close_notify: RFC 8446 section 6.1 */
          end (connection, io == IO_ENDED ? "eof" : "lost");
          return;
        }
      wait_in (connection, &connection->loop->idle);
      sink_session_feed (&connection->session, connection->loop->buffer, size);
      if (!settle (connection))
        return;
    }
  while (connection->tls != NULL && (size == SINK_BUFFER_OCTETS || SSL_get_shutdown (connection->tls) != 0));
}

/* ---- what the loop calls ---- */

void
sink_connection_new (SinkLoop *loop, int fd, const gchar *peer)
{
  SinkConnection *connection = g_new0 (SinkConnection, 1);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
  connection->loop = loop;
  connection->fd = fd;
  connection->link.data = connection;
  connection->events = EPOLLIN;
  guint64 id = __atomic_add_fetch (&loop->server->last_connection, 1, __ATOMIC_RELAXED);
  sink_session_init (&connection->session, loop->server, &loop->stats, id, peer);
  wait_in (connection, &loop->idle);
  loop->connections++;
  loop->stats.connections++;
  sink_record_event (&connection->session, "connect", peer);
  sink_event_connect (&connection->session);
  if (epoll_ctl (loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
    end (connection, "epoll refuses it");
  else if (loop->server->config.tls == SINK_TLS_IMPLICIT)
    {
      connection->session.want = SINK_WANT_TLS;
      start_tls (connection);
    }
  else
    start_session (connection);
}

void
sink_connection_ready (SinkConnection *connection)
{
  switch (connection->state)
    {
    case SINK_STATE_HANDSHAKE:
      handshake (connection);
      break;
    case SINK_STATE_DELAY:
      greet (connection); /* sees that the client spoke first, or went away */
      break;
    case SINK_STATE_OPEN:
      if (connection->session.out->len == 0 || settle (connection))
        read_input (connection);
      break;
    case SINK_STATE_PAUSE:
      end (connection, "lost"); /* nothing else is waited for */
      break;
    case SINK_STATE_LINGER:
      if (recv (connection->fd, connection->loop->buffer, SINK_BUFFER_OCTETS, 0) <= 0)
        end (connection, connection->why);
      break;
    default:
      g_assert_not_reached ();
    }
}

/* A pause is over. */
static void
proceed (SinkConnection *connection)
{
  wait_in (connection, &connection->loop->idle);
  if (connection->tls != NULL && !SSL_is_init_finished (connection->tls))
    {
      connection->state = SINK_STATE_HANDSHAKE;
      connection->pace.spent = FALSE;
      handshake (connection);
      return;
    }
  connection->state = SINK_STATE_OPEN;
  connection->holds = FALSE;
  if (settle (connection))
    read_input (connection);
}

void
sink_connection_overdue (SinkConnection *connection)
{
  switch (connection->state)
    {
    case SINK_STATE_DELAY:
      greet (connection);
      break;
    case SINK_STATE_OPEN:
      if (connection->session.out->len == 0)
        {
          sink_session_reply (&connection->session, "421 4.4.2 nothing came for too long");
          flush (connection);
        }
      end (connection, "timeout");
      break;
    case SINK_STATE_PAUSE:
      proceed (connection);
      break;
    case SINK_STATE_HANDSHAKE:
      end (connection, "timeout");
      break;
    case SINK_STATE_LINGER:
    default:
      end (connection, connection->why);
    }
}

void
sink_connection_stop (SinkConnection *connection)
{
  if (connection->state == SINK_STATE_OPEN && connection->session.out->len == 0)
    {
      sink_session_reply (&connection->session, "421 4.3.2 server is shutting down");
      flush (connection);
    }
  end (connection, "shutdown");
}

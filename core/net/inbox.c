/* SPDX-License-Identifier: MIT */
/* inbox - calls that other threads hand to the reactor's thread.
 *
 * The mutex is held for list surgery and the wake-up only, never while a function or a destroy function runs.  Making one can fail for
 * want of descriptors. */
#include "core/net/inbox.h"

#include <errno.h>
#include <glib-unix.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include "core/base/error.h"

typedef struct
{
  VdDeferFunc func;
  gpointer data;
  GDestroyNotify destroy;
} Letter;

struct VdInbox
{
  gint refs; /* atomic */
  GMutex lock;
  GArray *letters;  /* Letter; guarded */
  int fds[2];       /* read end, write end (the same for an eventfd); -1 once closed; guarded */
  gboolean ringing; /* the descriptor is readable; guarded */
};

static gboolean
make_descriptors (int fds[2], GError **error)
{
#ifdef __linux__
  fds[0] = fds[1] = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fds[0] >= 0)
    return TRUE;
#else
  if (pipe (fds) == 0)
    {
      for (int i = 0; i < 2; i++)
        {
          g_unix_set_fd_nonblocking (fds[i], TRUE, NULL);
          fcntl (fds[i], F_SETFD, FD_CLOEXEC);
        }
      return TRUE;
    }
#endif
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_INTERNAL, "Cannot make a descriptor to wake the event loop: %s",
               g_strerror (errno));
  return FALSE;
}

VdInbox *
vd_inbox_new (GError **error)
{
  int fds[2];

  if (!make_descriptors (fds, error))
    return NULL;
  VdInbox *inbox = g_new0 (VdInbox, 1);
  inbox->refs = 1;
  g_mutex_init (&inbox->lock);
  inbox->letters = g_array_new (FALSE, FALSE, sizeof (Letter));
  inbox->fds[0] = fds[0];
  inbox->fds[1] = fds[1];
  return inbox;
}

int
vd_inbox_fd (VdInbox *inbox)
{
  return inbox->fds[0];
}

VdInbox *
vd_inbox_ref (VdInbox *inbox)
{
  g_atomic_int_inc (&inbox->refs);
  return inbox;
}

void
vd_inbox_unref (VdInbox *inbox)
{
  if (inbox == NULL || !g_atomic_int_dec_and_test (&inbox->refs))
    return;
  g_array_unref (inbox->letters);
  g_mutex_clear (&inbox->lock);
  g_free (inbox);
}

/* With the lock held. */
static void
ring (VdInbox *inbox)
{
  guint64 one = 1;
  ssize_t n;

  if (inbox->ringing || inbox->fds[1] < 0)
    return;
  inbox->ringing = TRUE;
  do /* an eventfd at 0 and an empty pipe always take this */
    n = write (inbox->fds[1], &one, sizeof one);
  while (n < 0 && errno == EINTR);
}

/* No lock: it is for signal handlers too, and the descriptor stays while the reactor lives. */
void
vd_inbox_wake (VdInbox *inbox)
{
  guint64 one = 1;
  int saved = errno;
  ssize_t n;

  do
    n = write (inbox->fds[1], &one, sizeof one); /* what is full rings already */
  while (n < 0 && errno == EINTR);
  errno = saved;
}

gboolean
vd_inbox_post (VdInbox *inbox, VdDeferFunc func, gpointer data, GDestroyNotify destroy)
{
  Letter letter = { func, data, destroy };

  g_mutex_lock (&inbox->lock);
  gboolean open = inbox->fds[1] >= 0;
  if (open)
    {
      g_array_append_val (inbox->letters, letter);
      ring (inbox);
    }
  g_mutex_unlock (&inbox->lock);
  if (!open && destroy != NULL)
    destroy (data);
  return open;
}

static GArray *
take_letters (VdInbox *inbox)
{
  GArray *letters = inbox->letters;
  inbox->letters = g_array_new (FALSE, FALSE, sizeof (Letter));
  return letters;
}

void
vd_inbox_run (VdInbox *inbox)
{
  guint64 sink;

  g_mutex_lock (&inbox->lock);
  while (read (inbox->fds[0], &sink, sizeof sink) > 0 || errno == EINTR)
    ;
  inbox->ringing = FALSE;
  GArray *letters = inbox->letters->len > 0 ? take_letters (inbox) : NULL;
  g_mutex_unlock (&inbox->lock);
  for (guint i = 0; letters != NULL && i < letters->len; i++)
    {
      Letter *letter = &g_array_index (letters, Letter, i);
      letter->func (letter->data);
      if (letter->destroy != NULL)
        letter->destroy (letter->data);
    }
  if (letters != NULL)
    g_array_unref (letters);
}

void
vd_inbox_close (VdInbox *inbox)
{
  g_mutex_lock (&inbox->lock);
  if (inbox->fds[0] != inbox->fds[1])
    close (inbox->fds[1]);
  close (inbox->fds[0]);
  inbox->fds[0] = inbox->fds[1] = -1;
  GArray *letters = take_letters (inbox);
  g_mutex_unlock (&inbox->lock);
  for (guint i = 0; i < letters->len; i++)
    {
      Letter *letter = &g_array_index (letters, Letter, i);
      if (letter->destroy != NULL)
        letter->destroy (letter->data);
    }
  g_array_unref (letters);
}

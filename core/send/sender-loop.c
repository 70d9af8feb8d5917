/* SPDX-License-Identifier: MIT */
/* sender-loop - a sender as a source of GLib's main loop.  Part of sender; uses its public functions only. */
#include <vereda/sender.h>

typedef struct
{
  GSource source;
  VeredaSender *sender;
} SenderSource;

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  vereda_sender_dispatch (((SenderSource *) source)->sender);
  return callback == NULL || callback (user_data);
}

static GSourceFuncs source_funcs = { NULL, NULL, dispatch, NULL, NULL, NULL };

GSource *
vereda_sender_create_source (VeredaSender *sender)
{
  int fd = vereda_sender_get_fd (sender);
  GSource *source;

  if (fd < 0)
    return NULL;
  source = g_source_new (&source_funcs, sizeof (SenderSource));
  ((SenderSource *) source)->sender = sender;
  g_source_set_static_name (source, "vereda sender");
  g_source_add_unix_fd (source, fd, G_IO_IN);
  return source;
}

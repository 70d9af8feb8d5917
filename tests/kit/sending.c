/* SPDX-License-Identifier: MIT */
/* sending - see sending.h.  Linked without the library: with which one, the shared one or its parts, is the test's choice. */
#include "sending.h"

#include <stdarg.h>
#include <string.h>

void
kit_set (VeredaOptions *options, const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;
  gboolean fine = vereda_options_set (options, name, value, &error);

  g_assert_no_error (error);
  g_assert_true (fine);
}

void
kit_set_all (VeredaOptions *options, const char *settings)
{
  g_auto (GStrv) list = g_strsplit (settings, ";", -1);

  for (guint i = 0; list[i] != NULL; i++)
    {
      char *value = strchr (list[i], '=');

      g_assert_nonnull (value);
      *value++ = '\0';
      if (g_str_equal (value, "-"))
        value = NULL;
      if (g_str_equal (list[i], "token"))
        vereda_options_set_token (options, value);
      else
        kit_set (options, list[i], value);
    }
}

VeredaOptions *
kit_options_new (const char *settings)
{
  VeredaOptions *options = vereda_options_new ();

  kit_set_all (options, settings);
  return options;
}

VeredaOptions *
kit_options_printf (const char *format, ...)
{
  g_autofree char *settings = NULL;
  va_list args;

  va_start (args, format);
  settings = g_strdup_vprintf (format, args);
  va_end (args);
  return kit_options_new (settings);
}

VeredaSender *
kit_sender_new (VeredaOptions *options)
{
  g_autoptr (GError) error = NULL;
  VeredaSender *sender = vereda_sender_new (options, &error);

  g_assert_no_error (error);
  return sender;
}

VeredaMessage *
kit_message_new (const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  return vereda_message_new_from_bytes (bytes);
}

VeredaResult *
kit_submit (VeredaSender *sender, VeredaMessage *message, VeredaDoneFunc done, gpointer data)
{
  g_autoptr (GError) error = NULL;
  VeredaResult *result = NULL;
  gboolean taken = vereda_sender_submit (sender, message, NULL, done, data, &result, &error);

  g_assert_no_error (error);
  g_assert_true (taken);
  return result;
}

VeredaResult *
kit_submit_text (VeredaSender *sender, const char *text, VeredaDoneFunc done, gpointer data)
{
  g_autoptr (VeredaMessage) message = kit_message_new (text);

  return kit_submit (sender, message, done, data);
}

void
kit_told (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer data)
{
  KitTold *told = data;

  told->times++;
  told->verdict = vereda_result_get_verdict (result);
  g_assert_true ((told->verdict == VEREDA_SENT) == (vereda_result_get_error (result) == NULL));
}

void
kit_sender_step (VeredaSender *sender, int milliseconds)
{
  GPollFD fd = { .fd = vereda_sender_get_fd (sender), .events = G_IO_IN };

  g_poll (&fd, 1, milliseconds);
  vereda_sender_dispatch (sender);
}

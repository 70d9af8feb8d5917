/* SPDX-License-Identifier: MIT */
/* error - the error domain, and prefixing and wrapping of errors on their way up.
 *
 * Pure.  Cannot fail. */
#include "core/base/error.h"

G_DEFINE_QUARK (vereda - error - quark, vereda_error)

void
vd_error_prefix (GError **error, const char *format, ...)
{
  if (error == NULL || *error == NULL)
    return;
  va_list args;
  va_start (args, format);
  g_autofree char *prefix = g_strdup_vprintf (format, args);
  va_end (args);
  char *message = g_strconcat (prefix, ": ", (*error)->message, NULL);
  g_free ((*error)->message);
  (*error)->message = message;
}

void
vd_error_wrap (GError **error, VeredaErrorCode code, GError *cause, const char *format, ...)
{
  if (error != NULL)
    {
      va_list args;
      va_start (args, format);
      g_autofree char *what = g_strdup_vprintf (format, args);
      va_end (args);
      if (cause == NULL)
        g_set_error_literal (error, VEREDA_ERROR, (int) code, what);
      else
        g_set_error (error, VEREDA_ERROR, (int) code, "%s: %s", what, cause->message);
    }
  g_clear_error (&cause);
}

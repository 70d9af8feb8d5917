/* SPDX-License-Identifier: MIT */
/* sink-parameter - what may follow the path of MAIL and RCPT: each keyword, its grammar, and the extension that grants it.
 *
 * Pure but for the session's envelope, which it fills.  A wrong parameter yields the reply to give. */
#ifndef SINK_PARAMETER_H
#define SINK_PARAMETER_H

#include "sink-smtp.h"

/* `text` is what follows the ">": empty, or " KEY[=VALUE]" again and again; changed while it is read.
 * Returns NULL if all is well, else the reply.  The parameters as they came are left in ret_text. */
const gchar *sink_parameters_read (SinkSession *session, gboolean is_rcpt, gchar *text, const gchar **ret_text);

/* SMTPUTF8 decides how the path before it is read, so it is looked for first. */
gboolean sink_parameters_have (const gchar *text, const gchar *keyword);

guint sink_parameters_offered (const SinkSession *session); /* SINK_EXT_* bits that this session knows of */

#endif

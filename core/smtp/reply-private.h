/* SPDX-License-Identifier: MIT */
/* reply-private - how the parser makes replies. */
#ifndef VD_REPLY_PRIVATE_H
#define VD_REPLY_PRIVATE_H

#include "core/smtp/reply.h"

/* Takes the contents of both arrays. */
VdReply *vd_reply_new (guint code, GPtrArray *lines, GArray *sizes);
/* Of one line, without NUL: one piece of memory. */
VdReply *vd_reply_new_short (guint code, const guint8 *text, gsize size);

#endif

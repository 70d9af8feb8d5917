/* SPDX-License-Identifier: MIT */
/* policy - what a message may hold that is not quite in order; one answer for its header section and its body. */
#ifndef VD_MESSAGE_POLICY_H
#define VD_MESSAGE_POLICY_H

#include <glib.h>

/* Octets of a line without CRLF (RFC 5321 section 4.5.3.1.6, RFC 5322 section 2.1.1). */
#define VD_LINE_MAX 998

typedef struct
{
  gboolean convert_cr;       /* lone CR becomes CRLF; FALSE: refused with VEREDA_ERROR_MESSAGE */
  gboolean allow_long_lines; /* lines above VD_LINE_MAX octets pass; FALSE: refused */
} VdBodyPolicy;

#endif

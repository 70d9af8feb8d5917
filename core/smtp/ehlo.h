/* SPDX-License-Identifier: MIT */
/* ehlo - what a server offers: the parsed reply to EHLO (RFC 5321 section 4.1.1.1).
 *
 * Pure. A VdEhlo is made anew for each EHLO and never merged with an earlier one (EHL-10, STL-6). */
#ifndef VD_EHLO_H
#define VD_EHLO_H

#include "core/smtp/reply.h"
#include <glib.h>

typedef enum
{
  VD_EXT_SIZE,
  VD_EXT_8BITMIME,
  VD_EXT_SMTPUTF8,
  VD_EXT_PIPELINING,
  VD_EXT_CHUNKING,
  VD_EXT_BINARYMIME,
  VD_EXT_ENHANCEDSTATUSCODES,
  VD_EXT_STARTTLS,
  VD_EXT_AUTH,
  VD_EXT_DSN,
  VD_EXT_DELIVERBY,
  VD_EXT_FUTURERELEASE,
  VD_EXT_MT_PRIORITY,
  VD_EXT_REQUIRETLS,
  VD_EXT_LIMITS,
  VD_EXT_XQUE,
  VD_EXT_N
} VdExtension;

typedef struct
{
  guint32 offered;    /* bit 1u << VdExtension */
  guint64 size_limit; /* SIZE's parameter; 0: none or not a number (SIZ-3, SIZ-7) */
  char **
      mechanisms; /* AUTH's words, upper case, union of all AUTH lines and AUTH= forms (EHL-11), only legal names; never NULL */
  char **keywords; /* each keyword line as received after the first, raw but valid for display; never NULL */
} VdEhlo;

VdEhlo *vd_ehlo_parse (VdReply *reply); /* malformed lines are skipped (EHL-11); never fails */
VdEhlo *vd_ehlo_new_helo (void);        /* no extensions (EHL-12) */
void vd_ehlo_free (VdEhlo *ehlo);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdEhlo, vd_ehlo_free)

static inline gboolean
vd_ehlo_has (const VdEhlo *ehlo, VdExtension extension) /* NULL ehlo: FALSE */
{
  return ehlo != NULL && (ehlo->offered & (1u << extension)) != 0;
}
const char *vd_extension_name (VdExtension extension); /* "8BITMIME" */

#endif

/* SPDX-License-Identifier: MIT */
/* route - how a server is approached: mode, TLS or not, port.
 *
 * The decision is pure: options and target.  The check of the options looks whether the files they name are there. */
#ifndef VD_ROUTE_H
#define VD_ROUTE_H

#include "core/net/target.h"
#include "core/plugin/mode.h"
#include "core/send/options.h"

typedef struct
{
  VdMode mode;       /* IMPLICIT, STARTTLS or PLAIN; never ANY */
  gboolean required; /* of STARTTLS: without it nothing is sent */
  guint16 port;      /* 0 for unix: */
  const char *why;   /* static: "port 465", "option tls", … */
} VdRoute;

VdRoute vd_route_decide (const VeredaOptions *options, const VdTarget *target);

/* Names of the TLS transports that the `transport` option allows for this mode, in its order; empty: all, by rank.  NULL-ended, g_strfreev. */
char **vd_route_transports (const VeredaOptions *options, VdMode mode);

/* Whether the options can be obeyed together at all: VEREDA_ERROR_OPTION names both. */
gboolean vd_route_check (const VeredaOptions *options, GError **error);

/* The servers of options that were checked so, of VdTarget; one at least. */
GPtrArray *vd_route_targets (const VeredaOptions *options, GError **error);

#endif

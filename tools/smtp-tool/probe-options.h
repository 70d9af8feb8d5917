/* SPDX-License-Identifier: MIT */
/* probe-options - the command lines of what looks at servers: rows of their own, and those of `send` that make sense without a message.
 *
 * Apart from the commands, so that completion and the manual know them without linking what they do.  Pure. */
#ifndef TOOL_PROBE_OPTIONS_H
#define TOOL_PROBE_OPTIONS_H

#include <glib.h>

/* Where a look may stop, and where only without QUIT, which would be content. */
#define PROBE_POINTS "CONNECT|BANNER|FIRST-EHLO|TLS|EHLO|AUTH|MAIL|RCPT"
#define PROBE_DROPS  PROBE_POINTS "|DATA"

typedef enum
{
  COMMAND_PROBE = 1 << 0,
  COMMAND_TLS = 1 << 1,
  COMMAND_AUTH = 1 << 2,
  COMMAND_COMPARE = 1 << 3,
  COMMAND_CHECK = 1 << 4,
  COMMAND_SESSION = 1 << 5,
  COMMAND_SEND = 1 << 6 /* that stops before there is a message */
} CommandKind;

typedef enum
{
  OPT_FAIL_ON = 1000,
  OPT_EXPECT,
  OPT_PRINT,
  OPT_CERT_DAYS,
  OPT_PEM,
  OPT_MAX_TRIES,
  OPT_TRANSPORTS,
  OPT_COUNT,
  OPT_AS,
  OPT_WARNING,
  OPT_CRITICAL,
  OPT_CHECK_FORMAT,
  OPT_AUTH_REFUSED,
  OPT_PEER_CERT,
  OPT_PEER_CHAIN,
  OPT_COPY_ROUTING,
  OPT_SCRIPT,
  OPT_UNTIL,
  OPT_RESOLVER,
  OPT_TRUST_ANCHOR,
  OPT_DANE,
  OPT_MTA_STS,
  OPT_MTA_STS_POLICY
} CommandOption;

/* Rows are valid until the process ends. */
GPtrArray *options_for_look (CommandKind kind);

#endif

/* SPDX-License-Identifier: MIT */
/* sink - what all parts of the sink share: the configuration, the reports, the counters.
 *
 * Made once by main, read by every thread; what changes is marked and changes atomically. */
#ifndef SINK_H
#define SINK_H

#include "sink-capture.h"
#include "sink-config.h"
#include "sink-report.h"

#include <openssl/ssl.h>

typedef struct SinkReplay SinkReplay;

typedef struct
{
  SinkConfig config;
  SinkReport *report;
  SinkCapture *capture; /* NULL = messages are not kept */
  SinkReport *record;   /* NULL = nothing is written down */
  int record_fd;
  SinkReplay *replay;      /* NULL = the server is itself */
  SSL_CTX *tls;            /* NULL = no TLS */
  gchar *mechanisms;       /* "PLAIN LOGIN", or NULL */
  gboolean external;       /* EXTERNAL for those who show a certificate */
  gboolean binds;          /* mechanisms with channel binding are among them */
  gboolean wants_digest;   /* somebody reads the SHA-256 of messages */
  guint64 last_connection; /* atomic */
  guint64 last_message;    /* atomic; numbers messages */
  guint64 taken;           /* atomic; messages accepted, for --exit-after */
  gint stopping;           /* atomic; end now */
  int wake_fd;             /* eventfd, readable once the run is to end: at once if stopping, else when the clients have gone */
} SinkServer;

/* Counted by each loop on its own, added up at the end. */
typedef struct
{
  guint64 connections;
  guint64 messages;
  guint64 refused; /* messages */
  guint64 recipients;
  guint64 octets;
  guint64 violations;
} SinkStats;

void sink_server_taken (SinkServer *server); /* one more message; at --exit-after the run begins to end */
void sink_server_stop (SinkServer *server);

#endif

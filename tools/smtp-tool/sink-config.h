/* SPDX-License-Identifier: MIT */
/* sink-config - what the sink was asked to be: its options, checked, as plain data.
 *
 * Touches: argv, and the password file.  Fails on a value out of its range or a combination that cannot work; the error
 * names the option.  After sink_config_parse the structure is read only, and all threads share it. */
#ifndef SINK_CONFIG_H
#define SINK_CONFIG_H

#include "sink-fault.h"

#define SINK_ERROR (sink_error_quark ())
GQuark sink_error_quark (void);

typedef enum
{
  SINK_ERROR_USAGE, /* the options are wrong */
  SINK_ERROR_FILE,  /* a file cannot be read or written */
  SINK_ERROR_LISTEN,
  SINK_ERROR_TLS,
  SINK_ERROR_AUTH
} SinkError;

typedef enum
{
  SINK_TLS_NONE,
  SINK_TLS_STARTTLS,
  SINK_TLS_IMPLICIT
} SinkTlsMode;

typedef enum
{
  SINK_FORMAT_HUMAN,
  SINK_FORMAT_JSONL
} SinkFormat;

/* What EHLO may announce; bit n of SinkConfig.extensions.  STARTTLS and AUTH are decided connection by connection. */
typedef enum
{
  SINK_EXT_PIPELINING = 1 << 0,
  SINK_EXT_SIZE = 1 << 1,
  SINK_EXT_8BITMIME = 1 << 2,
  SINK_EXT_SMTPUTF8 = 1 << 3,
  SINK_EXT_DSN = 1 << 4,
  SINK_EXT_CHUNKING = 1 << 5,
  SINK_EXT_ENHANCED = 1 << 6,
  SINK_EXT_AUTH = 1 << 7, /* only as "needed by" of MAIL's AUTH parameter */
  SINK_EXT_ALL = (1 << 7) - 1
} SinkExtension;

typedef struct
{
  GPatternSpec *pattern; /* matched against the whole address */
  gchar *reply;          /* what RCPT is answered with */
} SinkRejection;

typedef struct
{
  gchar *listen;
  gchar *hostname;
  gboolean allow_remote;
  gboolean lmtp;
  gboolean lenient;

  SinkTlsMode tls;
  gboolean require_tls;
  gchar *cert;
  gchar *key;
  gboolean self_signed;
  gchar *ca_out;
  gchar **tls_names;
  gint tls_min; /* OpenSSL's version numbers, 0 = its own limit */
  gint tls_max;
  gchar *client_ca;

  gchar **auth; /* upper case; NULL = no AUTH at all */
  gchar *user;
  gchar *password; /* wiped by sink_config_clear */
  gchar *realm;
  gboolean auth_before_tls;
  gboolean require_auth;

  guint extensions;
  gchar **hide;
  guint64 size; /* 0 = no limit */
  guint max_recipients;
  GArray *rejections; /* of SinkRejection */
  GArray *faults;     /* of SinkFault; the first of a stage that fires is done */
  guint64 seed;       /* of faults by share, and of garbage */

  gchar *capture;
  gchar *record;
  gchar *replay;
  SinkFormat format;
  gboolean quiet;
  gboolean verbose;
  gboolean print_port;
  guint64 exit_after;    /* messages; 0 = run until a signal */
  gint64 greeting_delay; /* microseconds */
  gint64 timeout;        /* microseconds */
  guint threads;
  gboolean with_parent;
  gboolean show_version;
  gboolean list_options; /* they were printed, and nothing else is wanted */
} SinkConfig;

gboolean sink_config_parse (SinkConfig *config, int *argc, char ***argv, GError **error);
void sink_config_clear (SinkConfig *config);

gboolean sink_config_hides (const SinkConfig *config, const gchar *keyword);

#endif

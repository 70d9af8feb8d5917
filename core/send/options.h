/* SPDX-License-Identifier: MIT */
/* options - the option table, and what a caller set.
 *
 * Implements include/vereda/options.h.  The table in options-table.c is the one place where an option is described; everything else
 * (setters, checks, help, manual) is made from it. */
#ifndef VD_OPTIONS_H
#define VD_OPTIONS_H

#include <vereda/options.h>

#include "core/base/secret.h"
#include "core/base/trace.h"
#include "core/message/envelope.h"

typedef enum
{
  VD_OPTION_SERVERS,
  VD_OPTION_PORTS,
  VD_OPTION_CLIENT,
  VD_OPTION_ORIGINATOR,
  VD_OPTION_RECIPIENTS,
  VD_OPTION_HEADER,
  VD_OPTION_AT_LEAST_ONE,
  VD_OPTION_BCC,
  VD_OPTION_EMPTY_BCC,
  VD_OPTION_DEFAULT_DOMAIN,
  VD_OPTION_QUEUE,
  VD_OPTION_TLS,
  VD_OPTION_USETLS,
  VD_OPTION_TLSIMPORT,
  VD_OPTION_TLSPOLICY,
  VD_OPTION_TRANSPORT,
  VD_OPTION_CA_FILE,
  VD_OPTION_CA_DIR,
  VD_OPTION_CERT_FILE,
  VD_OPTION_KEY_FILE,
  VD_OPTION_VERIFY_NAME,
  VD_OPTION_PINS,
  VD_OPTION_TLSA,
  VD_OPTION_TLS_MIN,
  VD_OPTION_TLS_PRIORITY,
  VD_OPTION_INSECURE,
  VD_OPTION_USERNAME,
  VD_OPTION_PASSWORD,
  VD_OPTION_AUTHZID,
  VD_OPTION_REALM,
  VD_OPTION_AUTH,
  VD_OPTION_NO_AUTH,
  VD_OPTION_AUTH_FALLBACK,
  VD_OPTION_AUTH_OPTIONAL,
  VD_OPTION_AUTH_MIN_STRENGTH,
  VD_OPTION_NO_HISTORIC_AUTH,
  VD_OPTION_INSECURE_CLEARTEXT_AUTH,
  VD_OPTION_PIPELINING,
  VD_OPTION_WINDOW_MESSAGES,
  VD_OPTION_WINDOW_OCTETS,
  VD_OPTION_AUTH_PIPELINING,
  VD_OPTION_CHUNKING,
  VD_OPTION_LONE_CR,
  VD_OPTION_LONG_LINES,
  VD_OPTION_CONNECTIONS,
  VD_OPTION_MESSAGES_PER_CONNECTION,
  VD_OPTION_KEEP,
  VD_OPTION_TLS_RESUME,
  VD_OPTION_FAMILY,
  VD_OPTION_LOCAL_ADDRESS,
  VD_OPTION_IDLE_TIMEOUT,
  VD_OPTION_CONNECT_TIMEOUT,
  VD_OPTION_TLS_TIMEOUT,
  VD_OPTION_TIMEOUT_GREETING,
  VD_OPTION_TIMEOUT_COMMAND,
  VD_OPTION_TIMEOUT_MAIL,
  VD_OPTION_TIMEOUT_RCPT,
  VD_OPTION_TIMEOUT_DATA,
  VD_OPTION_TIMEOUT_BLOCK,
  VD_OPTION_TIMEOUT_END,
  VD_OPTION_TIMEOUT_QUIT,
  VD_OPTION_MAXSECS,
  VD_OPTION_DEADLINE,
  VD_OPTION_DEBUG,
  VD_OPTION_N
} VdOptionId;

typedef struct VdOptionRow VdOptionRow;

/* A check of a value beyond its type; the message says what is wrong, without the option's name. */
typedef gboolean (*VdOptionCheck) (const char *value, GError **error);

struct VdOptionRow
{
  VeredaOptionInfo info;
  VdOptionCheck check; /* NULL: the type says it all */
};

extern const VdOptionRow vd_option_rows[VD_OPTION_N];

struct VeredaOptions
{
  guint64 serial;            /* another after each change of values or headers: where it is the same, so are they */
  char *values[VD_OPTION_N]; /* NULL: default.  PASSWORD holds no value, only "" when set */
  GPtrArray *headers;        /* of VdHeaderOption */
  VdSecret *password, *token;
  VeredaRegistry *registry;
  VeredaTlsPolicyFunc tls_policy;
  gpointer tls_policy_data;
  VeredaCredentialFunc credential;
  gpointer credential_data;
  VeredaTraceFunc trace;
  gpointer trace_data;
  gboolean trace_secrets;
  VeredaProgressFunc progress;
  gpointer progress_data;
};

/* The one that was set, or the default one; borrowed. */
VeredaRegistry *vd_options_registry (const VeredaOptions *options);

/* The value or the default; may be NULL. */
const char *vd_options_text (const VeredaOptions *options, VdOptionId id);
gboolean vd_options_bool (const VeredaOptions *options, VdOptionId id);
/* Index of the word among the row's choices. */
guint vd_options_choice (const VeredaOptions *options, VdOptionId id);
/* Of an option whose check is one of numbers. */
guint64 vd_options_number (const VeredaOptions *options, VdOptionId id);
/* Microseconds; 0 (and only then the row's default is 0 too): none. */
gint64 vd_options_time (const VeredaOptions *options, VdOptionId id);
/* Elements of a LIST, NULL-ended, free with g_strfreev; NULL when unset or empty. */
char **vd_options_list (const VeredaOptions *options, VdOptionId id);

/* Credentials were given: authentication is asked for, and TLS is required unless switched off. */
gboolean vd_options_wants_auth (const VeredaOptions *options);
VdBodyPolicy vd_options_body_policy (const VeredaOptions *options);

#endif

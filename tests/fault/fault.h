/* SPDX-License-Identifier: MIT */
/*
 * fault: what the tests of this folder share: one submission through the public API against scripted servers, and the properties
 * that have to hold whatever the servers did.
 *
 * Uses <vereda/...> and the kit only.  Failed expectations end the test with the server's view and the library's.
 */
#ifndef VEREDA_TESTS_FAULT_FAULT_H
#define VEREDA_TESTS_FAULT_FAULT_H

#include <string.h>
#include <vereda/vereda.h>

#include "scriptserver.h"
#include "sending.h"

#define FAULT_USER     "tim@example.test"
#define FAULT_PASSWORD "tanstaaf-Zephyr-7731-corral"
#define FAULT_BODY     "a line only of this body: Quetzalcoatl\r\n"
#define FAULT_MESSAGE                                                                                                          \
  "From: Ann <ann@example.test>\r\nTo: bob@example.test\r\nSubject: fault\r\n\r\n" FAULT_BODY ".a dot first\r\n"

typedef struct
{
  VeredaOptions *options;
  VeredaMessage *message;
  VeredaResult *result; /* after fault_send() */
  GError *error;
  gboolean sent;
  GString *trace; /* the transcript */
  GString *asked; /* what the policy callback was asked: "PROBLEM CODE TEXT\n" */
  guint servers;
  VeredaTlsDecision answer; /* of the policy callback */
} Fault;

/* A submission of FAULT_MESSAGE from ann@ to bob@example.test, everything within twelve seconds. */
Fault *fault_new (void);
/* The same without a word about who, to whom and as whom. */
Fault *fault_new_bare (void);
void fault_free (Fault *fault);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Fault, fault_free)

/* The library's words end the test when they refuse. */
void fault_set (Fault *fault, const char *name, const char *value);
/* One more server to try, at its port on 127.0.0.1. */
void fault_server (Fault *fault, KitScript *server);
/* Trusts the test root and expects mail.example.test; `backend` NULL: as the library likes. */
void fault_tls (Fault *fault, const char *mode, const char *backend);
/* FAULT_USER and FAULT_PASSWORD. */
void fault_credentials (Fault *fault);
/* A submission with credentials and a way to show them: under implicit TLS by the back end `how`, or in clear for "clear", with the flag that
 * allows it; and the script that goes with it. */
Fault *fault_new_auth (const char *how);
char *fault_auth_script (const char *script, const char *how);
/* A policy callback that answers `answer` and writes down what it was asked. */
void fault_policy (Fault *fault, VeredaTlsDecision answer);
void fault_message (Fault *fault, const char *text);
void fault_message_of_size (Fault *fault, gsize size); /* or a little more */

/* As an application would that has no loop (vereda_sender_run() or vereda_sendmessage()), or with VEREDA_TEST_DRIVER=poll or =source from
 * an event loop of its own or GLib's. */
gboolean fault_send (Fault *fault);
void fault_run (VeredaSender *sender);

typedef char FaultPlugins;

/* A directory of the test's own with copies of all built plugins but those of `without` (stems, NULL-ended; may be NULL).  The directory goes
 * with fault_plugins_free(). */
char *fault_plugins_new (const char *const *without);
void fault_plugins_free (char *dir);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FaultPlugins, fault_plugins_free)
/* The submission takes its plugins from there alone. */
void fault_use_plugins (Fault *fault, const char *dir);

/* The TLS back ends of this build, NULL-ended. */
const char *const *fault_backends (void);
/* Adds `func` as PATH/BACKEND for each back end, with the back end's name as data. */
void fault_add_backends (const char *path, GTestDataFunc func);
/* The same, and PATH/clear with "clear". */
void fault_add_everywhere (const char *path, GTestDataFunc func);

/* ---- expectations: each settles the server it looks at ---- */

void fault_expect_sent (Fault *fault);
/* Not sent, with an error of `code` whose message holds `part` (NULL: any). */
void fault_expect_error (Fault *fault, VeredaErrorCode code, const char *part);
/* The n-th connection took FAULT_MESSAGE, whole. */
void fault_expect_content (KitScript *server, guint n);
/* The script came to its end as written. */
void fault_expect_clean (KitScript *server);
/* No password in clear in any coding on the wire; none at all, not even under TLS, with `under_tls`; none in trace, errors, attempts. */
void fault_expect_no_secret (Fault *fault, KitScript *server, gboolean under_tls);
/* Nothing of the envelope and of the message went in clear. */
void fault_expect_no_mail_in_clear (KitScript *server);
/* Row of the attempt log at `stage` with this decision (0: any) whose detail holds `part` (NULL: any); the last one.  Ends the test when there is none. */
VeredaAttempt *fault_expect_attempt (Fault *fault, VeredaStage stage, VeredaDecision decision, const char *part);
void fault_expect_connections (KitScript *server, guint n);
/* The secret is in these octets: raw, base64 at any alignment, or hexadecimal. */
gboolean fault_holds_secret (const void *data, gsize size, const char *secret);

#endif

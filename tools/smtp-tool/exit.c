/* SPDX-License-Identifier: MIT */
/* exit - see exit.h. */
#include "exit.h"
#include "tool.h"

#include <sysexits.h>

G_DEFINE_QUARK (smtp - tool - error - quark, tool_error)

/* Worst first: with several messages the first row that any of them has is the answer.  What must not be tried again blindly comes
 * before what may, what concerns every message before what concerns one. */
static const ExitInfo table[] = {
  { EXIT_INTERRUPTED, "interrupted", "interrupted by a signal (128 + its number)", EX_TEMPFAIL },
  { EXIT_UNKNOWN_OUTCOME, "unknown-outcome", "the message may have been sent: its end was handed over, no reply came",
    EX_PROTOCOL },
  { EXIT_INTERNAL, "internal", "internal error", EX_SOFTWARE },
  { EXIT_USAGE, "usage", "usage or configuration error, or an address that cannot be used", EX_USAGE },
  { EXIT_PLUGIN, "plugin", "a plugin or program that is needed is missing or does not load", EX_UNAVAILABLE },
  { EXIT_FILE, "file", "a local file or pipe cannot be read or written", EX_NOINPUT },
  { EXIT_MESSAGE, "message", "the message cannot be sent as it is", EX_DATAERR },
  { EXIT_POLICY, "policy", "refused here: it would break a policy (cleartext credentials, SIZE, ...)", EX_NOPERM },
  { EXIT_TLS_MODE, "tls-mode", "the port speaks TLS at once, or not at all, against what was asked", EX_CONFIG },
  { EXIT_CERTIFICATE, "certificate", "certificate not accepted; the handshake itself was fine", EX_PROTOCOL },
  { EXIT_TLS, "tls", "TLS not offered, refused, or its handshake failed", EX_PROTOCOL },
  { EXIT_EHLO_TLS, "ehlo-tls", "EHLO after TLS refused", EX_PROTOCOL },
  { EXIT_AUTH, "auth", "authentication failed", EX_NOPERM },
  { EXIT_CONNECT, "connect", "cannot connect (name, network, no greeting in time)", EX_NOHOST },
  { EXIT_GREETING, "greeting", "bad greeting", EX_UNAVAILABLE },
  { EXIT_EHLO, "ehlo", "EHLO and HELO refused", EX_UNAVAILABLE },
  { EXIT_CLOSED, "closed", "connection closed, timed out or broken in mid-session", EX_PROTOCOL },
  { EXIT_MAIL, "mail", "MAIL refused", EX_UNAVAILABLE },
  { EXIT_DATA, "data", "DATA refused", EX_UNAVAILABLE },
  { EXIT_CONTENT, "content", "message refused after its end", EX_UNAVAILABLE },
  { EXIT_RECIPIENTS, "recipients", "no recipient accepted, or not all where all were asked for", EX_NOUSER },
  { EXIT_PARTIAL, "partial", "sent, some recipients refused (0 with --allow-partial)", EX_NOUSER },
  { EXIT_EXPECT, "expect", "an --expect did not hold, or --fail-on was reached", EX_UNAVAILABLE },
  { EXIT_DIFFER, "differ", "what was compared differs", EX_UNAVAILABLE },
  { EXIT_OK, "ok", "everything that was asked for was done", EX_OK },
};

static const struct
{
  VeredaErrorCode code;
  ExitStatus status;
  const char *name;
} library_errors[] = {
  { VEREDA_ERROR_OPTION, EXIT_USAGE, "option" },
  { VEREDA_ERROR_ADDRESS, EXIT_USAGE, "address" },
  { VEREDA_ERROR_MESSAGE, EXIT_MESSAGE, "message" },
  { VEREDA_ERROR_SOURCE, EXIT_FILE, "source" },
  { VEREDA_ERROR_PLUGIN, EXIT_PLUGIN, "plugin" },
  { VEREDA_ERROR_POLICY, EXIT_POLICY, "policy" },
  { VEREDA_ERROR_RESOLVE, EXIT_CONNECT, "resolve" },
  { VEREDA_ERROR_NO_HOST, EXIT_CONNECT, "no-host" },
  { VEREDA_ERROR_CONNECT, EXIT_CONNECT, "connect" },
  { VEREDA_ERROR_GREETING, EXIT_GREETING, "greeting" },
  { VEREDA_ERROR_EHLO, EXIT_EHLO, "ehlo" },
  { VEREDA_ERROR_TLS, EXIT_TLS, "tls" },
  { VEREDA_ERROR_CERTIFICATE, EXIT_CERTIFICATE, "certificate" },
  { VEREDA_ERROR_TLS_MODE, EXIT_TLS_MODE, "tls-mode" },
  { VEREDA_ERROR_EHLO_TLS, EXIT_EHLO_TLS, "ehlo-tls" },
  { VEREDA_ERROR_AUTH, EXIT_AUTH, "auth" },
  { VEREDA_ERROR_MAIL, EXIT_MAIL, "mail" },
  { VEREDA_ERROR_RECIPIENTS, EXIT_RECIPIENTS, "recipients" },
  { VEREDA_ERROR_DATA, EXIT_DATA, "data" },
  { VEREDA_ERROR_CONTENT, EXIT_CONTENT, "content" },
  { VEREDA_ERROR_PROTOCOL, EXIT_CLOSED, "protocol" },
  { VEREDA_ERROR_CLOSED, EXIT_CLOSED, "closed" },
  { VEREDA_ERROR_TIMEOUT, EXIT_CLOSED, "timeout" },
  { VEREDA_ERROR_CANCELLED, EXIT_INTERRUPTED, "cancelled" },
  { VEREDA_ERROR_UNKNOWN_OUTCOME, EXIT_UNKNOWN_OUTCOME, "unknown-outcome" },
  { VEREDA_ERROR_INTERNAL, EXIT_INTERNAL, "internal" },
};

static const struct
{
  ToolErrorCode code;
  ExitStatus status;
  const char *name;
} tool_errors[] = {
  { TOOL_ERROR_USAGE, EXIT_USAGE, "usage" },
  { TOOL_ERROR_FILE, EXIT_FILE, "file" },
  { TOOL_ERROR_HELPER, EXIT_PLUGIN, "helper" },
  { TOOL_ERROR_COMPOSE, EXIT_MESSAGE, "compose" },
  { TOOL_ERROR_INTERRUPTED, EXIT_INTERRUPTED, "interrupted" },
  { TOOL_ERROR_NO_PLUGIN, EXIT_PLUGIN, "plugin" },
};

guint
exit_count (void)
{
  return G_N_ELEMENTS (table);
}

const ExitInfo *
exit_at (guint index)
{
  return index < G_N_ELEMENTS (table) ? &table[index] : NULL;
}

static guint
row_of (ExitStatus status)
{
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (table[i].status == status)
      return i;
  return row_of (EXIT_INTERNAL);
}

const ExitInfo *
exit_info (ExitStatus status)
{
  return &table[row_of (status)];
}

ExitStatus
exit_worse (ExitStatus a, ExitStatus b)
{
  return row_of (a) <= row_of (b) ? a : b;
}

ExitStatus
exit_of_error (const GError *error)
{
  if (error == NULL)
    return EXIT_OK;
  if (error->domain == VEREDA_ERROR)
    for (guint i = 0; i < G_N_ELEMENTS (library_errors); i++)
      if ((int) library_errors[i].code == error->code)
        return library_errors[i].status;
  if (error->domain == TOOL_ERROR)
    for (guint i = 0; i < G_N_ELEMENTS (tool_errors); i++)
      if ((int) tool_errors[i].code == error->code)
        return tool_errors[i].status;
  return EXIT_INTERNAL;
}

const char *
exit_error_name (const GError *error)
{
  if (error->domain == VEREDA_ERROR)
    for (guint i = 0; i < G_N_ELEMENTS (library_errors); i++)
      if ((int) library_errors[i].code == error->code)
        return library_errors[i].name;
  if (error->domain == TOOL_ERROR)
    for (guint i = 0; i < G_N_ELEMENTS (tool_errors); i++)
      if ((int) tool_errors[i].code == error->code)
        return tool_errors[i].name;
  return "internal";
}

/* The library's code alone does not say how far it came: a timeout before the greeting is "cannot connect", and what another protocol says
 * in the place of a greeting is a bad greeting. */
static ExitStatus
status_of_failure (VeredaResult *result)
{
  const GError *error = vereda_result_get_error (result);
  const guint n = vereda_result_get_n_attempts (result);
  const VeredaStage stage = n > 0 ? vereda_attempt_get_stage (vereda_result_get_attempt (result, n - 1)) : VEREDA_STAGE_QUIT;

  if (error->domain == VEREDA_ERROR && error->code == VEREDA_ERROR_TIMEOUT && stage <= VEREDA_STAGE_GREETING)
    return EXIT_CONNECT;
  if (error->domain == VEREDA_ERROR && error->code == VEREDA_ERROR_PROTOCOL && stage == VEREDA_STAGE_GREETING)
    return EXIT_GREETING;
  return exit_of_error (error);
}

ExitStatus
exit_of_result (VeredaResult *result, gboolean allow_partial)
{
  const GError *error = vereda_result_get_error (result);

  switch (vereda_result_get_verdict (result))
    {
    case VEREDA_SENT:
      if (vereda_result_count (result, VEREDA_RECIPIENT_ACCEPTED) < vereda_result_get_n_recipients (result) && !allow_partial)
        return EXIT_PARTIAL;
      return EXIT_OK;
    case VEREDA_UNKNOWN:
      return EXIT_UNKNOWN_OUTCOME;
    case VEREDA_NOT_SENT:
    default:
      return error == NULL ? EXIT_INTERNAL : status_of_failure (result);
    }
}

int
exit_number (ExitStatus status, gboolean retryable, gboolean sysexits)
{
  if (!sysexits)
    return (int) status;
  return retryable ? EX_TEMPFAIL : exit_info (status)->sysexits;
}

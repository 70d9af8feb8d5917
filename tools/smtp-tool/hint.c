/* SPDX-License-Identifier: MIT */
/* hint - see hint.h. */
#include "hint.h"
#include "options.h"
#include "tool.h"

#include <string.h>

typedef struct
{
  const Plan *plan;
  const GError *error;
  VeredaResult *result;
} Context;

static gboolean
tls_is (const Context *c, const char *word)
{
  return g_strcmp0 (vereda_options_get (c->plan->options, "tls"), word) == 0;
}

static gboolean
tls_implicit (const Context *c)
{
  return tls_is (c, "implicit");
}

static gboolean
tls_not_implicit (const Context *c)
{
  return !tls_is (c, "implicit");
}

static gboolean
tls_off (const Context *c)
{
  return tls_is (c, "never");
}

static gboolean
with_user (const Context *c)
{
  return c->plan->wants_auth;
}

static gboolean
unverified (const Context *c)
{
  return c->plan->wants_auth && options_is_true (c->plan->options, "insecure") && !tls_off (c);
}

static gboolean
in_clear (const Context *c)
{
  return c->plan->wants_auth && !unverified (c);
}

static gboolean
says_before_tls (const Context *c)
{
  return strstr (c->error->message, "before STARTTLS") != NULL;
}

/* Not where the floor, or the list of mechanisms, is what leaves none. */
static gboolean
says_unverified (const Context *c)
{
  return unverified (c) && strstr (c->error->message, "not verified") != NULL;
}

static gboolean
says_in_clear (const Context *c)
{
  return in_clear (c) && strstr (c->error->message, "without verified TLS") != NULL;
}

static gboolean
says_mechanisms (const Context *c)
{
  return strstr (c->error->message, "mechanism") != NULL && !says_unverified (c) && !says_in_clear (c);
}

static gboolean
is_socket (const Context *c)
{
  return strstr (c->error->message, "unix:") != NULL;
}

static gboolean
is_host (const Context *c)
{
  return !is_socket (c);
}

/* RFC 2033 section 4.1: an LMTP server wants LHLO. */
static gboolean
says_lhlo (const Context *c)
{
  VeredaReply *reply = c->result != NULL ? vereda_result_get_reply (c->result) : NULL;

  return reply != NULL && (strstr (vereda_reply_get_text (reply), "LHLO") || strstr (vereda_reply_get_text (reply), "LMTP"));
}

/* A port of implicit TLS waits for the client in silence. */
static gboolean
no_greeting (const Context *c)
{
  const guint n = c->result != NULL ? vereda_result_get_n_attempts (c->result) : 0;

  return n > 0 && !tls_implicit (c)
         && vereda_attempt_get_stage (vereda_result_get_attempt (c->result, n - 1)) == VEREDA_STAGE_GREETING;
}

static gboolean
without_user (const Context *c)
{
  return !c->plan->wants_auth;
}

/* The library's own words tell cases of one code apart; a changed word costs a hint, nothing more. */
static gboolean
lone_cr (const Context *c)
{
  return strstr (c->error->message, "CR without LF") != NULL;
}

static gboolean
long_line (const Context *c)
{
  return strstr (c->error->message, "998") != NULL;
}

static gboolean
no_sender (const Context *c)
{
  return strstr (c->error->message, "nobody to send as") != NULL;
}

static gboolean
no_recipient (const Context *c)
{
  return strstr (c->error->message, "nobody to send to") != NULL;
}

static gboolean
reply_is (const Context *c, int code)
{
  VeredaReply *reply = c->result != NULL ? vereda_result_get_reply (c->result) : NULL;

  return reply != NULL && vereda_reply_get_code (reply) == code;
}

/* RFC 4954 section 6: 530 5.7.0 Authentication required; RFC 3207 section 4: 530 Must issue a STARTTLS command first. */
static gboolean
says_auth_required (const Context *c)
{
  return reply_is (c, 530) && !c->plan->wants_auth
         && strstr (vereda_reply_get_text (vereda_result_get_reply (c->result)), "TLS") == NULL;
}

static gboolean
says_tls_required (const Context *c)
{
  return reply_is (c, 530) && strstr (vereda_reply_get_text (vereda_result_get_reply (c->result)), "TLS") != NULL;
}

static gboolean
some_accepted (const Context *c)
{
  return c->result != NULL && vereda_result_get_n_recipients (c->result) > 1
         && vereda_result_count (c->result, VEREDA_RECIPIENT_REFUSED) < vereda_result_get_n_recipients (c->result);
}

static const struct
{
  int code;
  gboolean (*when) (const Context *);
  const char *text;
} library_hints[] = {
  { VEREDA_ERROR_OPTION, NULL, "smtp-tool help send" },
  { VEREDA_ERROR_ADDRESS, no_sender, "--from=ADDRESS" },
  { VEREDA_ERROR_ADDRESS, no_recipient, "--to=ADDRESS" },
  { VEREDA_ERROR_MESSAGE, lone_cr, "--lone-cr=convert" },
  { VEREDA_ERROR_MESSAGE, long_line, "--long-lines=allow, if the message is to go as it is" },
  { VEREDA_ERROR_PLUGIN, NULL, "smtp-tool plugins" },
  { VEREDA_ERROR_POLICY, says_unverified,
    "--ca-file=FILE instead of --insecure; --allow-cleartext-auth only on a network you trust" },
  { VEREDA_ERROR_POLICY, says_in_clear,
    "--tls=starttls or --tls=implicit; --allow-cleartext-auth only on a network you trust" },
  { VEREDA_ERROR_POLICY, says_mechanisms,
    "smtp-tool plugins for the mechanisms there are, -v for those that the server offers" },
  { VEREDA_ERROR_NO_HOST, NULL, "--server=HOST[:PORT] with another spelling of the host" },
  { VEREDA_ERROR_RESOLVE, NULL, "--server=HOST[:PORT] with another spelling of the host" },
  { VEREDA_ERROR_NO_HOST, NULL, "--server=HOST[:PORT] with another spelling of the host" },
  { VEREDA_ERROR_CONNECT, is_socket, "--server=unix:/PATH with the socket that the server listens on" },
  { VEREDA_ERROR_CONNECT, is_host,
    "--server=HOST:PORT with another port: 587 with STARTTLS, 465 with implicit TLS, 25 between servers" },
  { VEREDA_ERROR_TLS_MODE, tls_implicit, "--tls=starttls" },
  { VEREDA_ERROR_TLS_MODE, tls_not_implicit, "--tls=implicit" },
  { VEREDA_ERROR_TLS, with_user, "--server=HOST:587 --tls=starttls or --server=HOST:465 --tls=implicit" },
  { VEREDA_ERROR_TLS, without_user, "--tls=opportunistic, if the message may go unprotected where the server has no TLS" },
  { VEREDA_ERROR_CERTIFICATE, NULL, "--ca-file=FILE for an authority of your own, --verify-name=NAME for another name" },
  { VEREDA_ERROR_CERTIFICATE, NULL, "--insecure only to have a look: it lets anyone answer" },
  { VEREDA_ERROR_AUTH, says_before_tls, "--tls=starttls" },
  { VEREDA_ERROR_AUTH, with_user, "-v to see which mechanisms were tried and what the server said" },
  { VEREDA_ERROR_AUTH, without_user, "--user=NAME --password-file=FILE" },
  { VEREDA_ERROR_MAIL, says_auth_required, "--user=NAME --password-file=FILE" },
  { VEREDA_ERROR_MAIL, says_tls_required, "--tls=starttls" },
  { VEREDA_ERROR_RECIPIENTS, says_auth_required, "--user=NAME --password-file=FILE" },
  { VEREDA_ERROR_RECIPIENTS, some_accepted, "--at-least-one to send to those that are accepted" },
  { VEREDA_ERROR_EHLO, says_lhlo, "--server=lmtp://HOST:PORT or --server=lmtp:unix:/PATH" },
  { VEREDA_ERROR_EHLO, tls_off, "--tls=starttls" },
  { VEREDA_ERROR_TIMEOUT, no_greeting, "--tls=implicit: a port that speaks TLS from the first octet greets nobody" },
  { VEREDA_ERROR_TIMEOUT, NULL, "--timeout=SECONDS for a slow server; -v to see where it stands still" },
  { VEREDA_ERROR_UNKNOWN_OUTCOME, NULL,
    "asking a recipient or the server's logs before sending again: a second copy is possible" },
};

static const struct
{
  int code;
  const char *text;
} tool_hints[] = {
  { TOOL_ERROR_USAGE, "smtp-tool help send" },
  { TOOL_ERROR_HELPER, "installing the part of smtp-tool that composes messages" },
};

const char **
hint_list (const Plan *plan, const GError *error, VeredaResult *result)
{
  g_autoptr (GPtrArray) hints = g_ptr_array_new ();
  const Context context = { plan, error, result };

  if (error != NULL && error->domain == VEREDA_ERROR)
    for (guint i = 0; i < G_N_ELEMENTS (library_hints); i++)
      if (library_hints[i].code == error->code && (library_hints[i].when == NULL || library_hints[i].when (&context)))
        g_ptr_array_add (hints, (gpointer) library_hints[i].text);
  if (error != NULL && error->domain == TOOL_ERROR)
    for (guint i = 0; i < G_N_ELEMENTS (tool_hints); i++)
      if (tool_hints[i].code == error->code)
        g_ptr_array_add (hints, (gpointer) tool_hints[i].text);
  g_ptr_array_add (hints, NULL);
  return (const char **) g_ptr_array_free (g_steal_pointer (&hints), FALSE);
}

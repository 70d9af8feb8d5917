/* SPDX-License-Identifier: MIT */
/* probe-options - see probe-options.h. */
#include "probe-options.h"
#include "cli.h"
#include "options.h"

#include <string.h>

#define SERVERS "Servers and connection"
#define AUTH    "Authentication"
#define OUTPUT  "Output"

typedef struct
{
  guint kinds;
  CliOption option;
} Row;

#define ALL (COMMAND_PROBE | COMMAND_TLS | COMMAND_AUTH | COMMAND_COMPARE | COMMAND_CHECK)

#define OWN(kinds, flag, letter, kind, id, group, argument, help)                                                              \
  {                                                                                                                            \
    kinds,                                                                                                                     \
    {                                                                                                                          \
      flag, letter, kind, id, NULL, NULL, NULL, group, argument, help                                                          \
    }                                                                                                                          \
  }

static const Row own_rows[] = {
  OWN (COMMAND_PROBE, "copy-routing", 0, CLI_VALUE, OPT_COPY_ROUTING, SERVERS, NULL, NULL),
  { COMMAND_TLS, { "tls-get-peer-cert", 0, CLI_WORD, OPT_PEER_CERT, NULL, "", "", OUTPUT, "FILE", NULL } },
  { COMMAND_TLS, { "tls-get-peer-chain", 0, CLI_WORD, OPT_PEER_CHAIN, NULL, "", "", OUTPUT, "FILE", NULL } },
  OWN (COMMAND_SESSION, "script", 0, CLI_VALUE, OPT_SCRIPT, OUTPUT, "FILE",
       "lines to say; without it they come from standard input"),
  OWN (COMMAND_SESSION, "until", 0, CLI_VALUE, OPT_UNTIL, SERVERS, "BANNER|FIRST-EHLO|TLS|EHLO|AUTH",
       "how far the library goes by itself before the first line (BANNER)"),
  OWN (COMMAND_AUTH, "max-tries", 0, CLI_VALUE, OPT_MAX_TRIES, AUTH, "N", "try: give up after N refusals (3)"),
  OWN (COMMAND_COMPARE, "transports", 0, CLI_VALUE, OPT_TRANSPORTS, SERVERS, "NAME,...",
       "compare these, such as openssl,gnutls; all TLS transports by default"),
  OWN (COMMAND_COMPARE, "count", 0, CLI_VALUE, OPT_COUNT, SERVERS, "N",
       "rounds of which the times are the median (3), while it works"),
  OWN (COMMAND_CHECK, "warning", 'w', CLI_VALUE, OPT_WARNING, OUTPUT, "RANGE",
       "warn when the total time in seconds is outside"),
  OWN (COMMAND_CHECK, "critical", 'c', CLI_VALUE, OPT_CRITICAL, OUTPUT, "RANGE", "the same for critical"),
  OWN (COMMAND_CHECK, "format", 'o', CLI_VALUE, OPT_CHECK_FORMAT, OUTPUT, "nagios|prometheus|json",
       "one line with performance data, metrics, or the report of probe"),
  OWN (COMMAND_CHECK, "expect-auth-refused", 0, CLI_FLAG, OPT_AUTH_REFUSED, AUTH, NULL,
       "it is fine when the credentials are refused, and critical when they are accepted"),
  OWN (COMMAND_TLS, "pem", 0, CLI_FLAG, OPT_PEM, OUTPUT, NULL, "print the certificates that were sent in PEM, nothing else"),
  OWN (ALL, "cert-days", 'D', CLI_VALUE, OPT_CERT_DAYS, OUTPUT, "WARN[,ERROR]",
       "days below which a certificate expires soon (21), and too soon (7)"),
  OWN (COMMAND_PROBE | COMMAND_TLS | COMMAND_AUTH, "fail-on", 0, CLI_VALUE, OPT_FAIL_ON, OUTPUT, "error|warn|note",
       "exit status 44 when there is a finding as bad as this"),
  OWN (
      COMMAND_PROBE | COMMAND_TLS | COMMAND_AUTH, "expect", 0, CLI_VALUE, OPT_EXPECT, OUTPUT, "EXPR",
      "exit status 44 unless it holds of the JSON report: tls.version=TLSv1.3, ehlo.after_tls.SIZE, tls.chain.0.days_left>=21, "
      "!findings.cert-expires-soon; may be repeated"),
  OWN (COMMAND_PROBE, "resolver", 0, CLI_VALUE, OPT_RESOLVER, SERVERS, "ADDR[@PORT]",
       "ask this name server about domains and TLSA records, not those of the system"),
  OWN (COMMAND_PROBE, "trust-anchor", 0, CLI_VALUE, OPT_TRUST_ANCHOR, SERVERS, "FILE",
       "DS or DNSKEY records from which DNSSEC is validated, instead of the root's key"),
  OWN (COMMAND_PROBE, "dane", 0, CLI_FLAG, OPT_DANE, SERVERS, NULL,
       "look the TLSA records of each server up, and go by them where DNSSEC secures them"),
  OWN (COMMAND_PROBE, "mta-sts", 0, CLI_FLAG, OPT_MTA_STS, SERVERS, NULL,
       "mx: targets: hold the servers against the MTA-STS policy of the domain"),
  OWN (COMMAND_PROBE, "mta-sts-policy", 0, CLI_VALUE, OPT_MTA_STS_POLICY, SERVERS, "FILE",
       "the same with the policy in FILE, not the one on the web"),
  OWN (COMMAND_PROBE, "as", 0, CLI_VALUE, OPT_AS, OUTPUT, "swaks|curl|openssl|gnutls-cli|posttls-finger",
       "connect nowhere; print the command of another tool that does the same"),
  OWN (COMMAND_PROBE, "print", 0, CLI_VALUE, OPT_PRINT, OUTPUT, "LETTERS",
       "parts to print: s summary, m stages with times, c certificate, e extensions, a authentication, f findings"),
};

/* Rows of `send` that have no meaning without a message. */
static const char *const not_here[]
    = { "add-header",  "data",       "allow-partial", "dry-run",     "dump-mail",    "subject",
        "body",        "attach",     "attach-type",   "attach-name", "cc",           "bcc",
        "bcc-mode",    "header",     "at-least-one",  "queue",       "empty-bcc",    "default-domain",
        "lone-cr",     "long-lines", "pipelining",    "chunking",    "timeout-data", "timeout-block",
        "timeout-end", "maxsecs",    "auth-optional", "originator",  "recipients",   "debug",
        "password",    "dump",       "support",       NULL };

static gboolean
has_meaning (CommandKind kind, const CliOption *option)
{
  const gboolean is_point = option->id == OPT_QUIT_AFTER || option->id == OPT_DROP_AFTER || option->id == OPT_DROP_AFTER_SEND;

  return !g_strv_contains (not_here, option->name) && (!is_point || kind == COMMAND_PROBE);
}

GPtrArray *
options_for_look (CommandKind kind)
{
  GPtrArray *options = g_ptr_array_new ();
  g_autoptr (GPtrArray) all = options_for_send ();

  for (guint i = 0; i < G_N_ELEMENTS (own_rows); i++)
    if ((own_rows[i].kinds & kind) != 0)
      g_ptr_array_add (options, (gpointer) &own_rows[i].option);
  for (guint i = 0; i < all->len; i++)
    {
      const CliOption *option = all->pdata[i];

      if (kind == COMMAND_SEND || (has_meaning (kind, option) && !options_have (options, option->name)))
        g_ptr_array_add (options, (gpointer) option);
    }
  return options;
}

/* SPDX-License-Identifier: MIT */
/* probe - `smtp-tool probe TARGET`: connects, reads everything, sends nothing, and tells what was seen. */
#include "probe-as.h"
#include "probe-checks.h"
#include "probe-command.h"
#include "probe-domain.h"
#include "probe-report.h"
#include "tool.h"

#include <stdio.h>

static const CommandInfo info
    = { "Usage: smtp-tool probe [OPTION]... TARGET\n"
        "Connect to a server as a sender would, and tell what it is like.  Nothing is sent.\n"
        "\n"
        "TARGET is HOST, HOST:PORT, smtp://HOST, submission://HOST, smtps://HOST, lmtp://HOST:PORT or\n"
        "unix:/PATH; mx:DOMAIN and srv:DOMAIN are all servers of a domain.  Port 465 means TLS at once, 587 STARTTLS; "
        "elsewhere STARTTLS is used where it is\n"
        "offered, unless --tls says otherwise.  With --user the server is asked whether it lets in.",
        "Exit status: 0 ready; 44 when --expect or --fail-on was not met; else what failed, see\n"
        "smtp-tool explain exit.  Each finding has a name: smtp-tool explain NAME.",
        COMMAND_PROBE, 0 };

/* FALSE: the resolver cannot be asked at all. */
static gboolean
begin_dane (Command *command, Look *look)
{
  VeredaOptions *options = command->plan->options;
  g_autoptr (Dns) dns = command_dns (command);
  g_autoptr (VeredaProbe) probe = dns != NULL ? vereda_probe_new (options, NULL) : NULL;
  g_autofree char *alias = NULL;
  DnsState reached = DNS_NOT_VALIDATED;

  if (probe == NULL)
    return dns != NULL; /* look_run() says why */
  const char *host = vereda_probe_get_host (probe);
  if (host != NULL && !g_hostname_is_ip_address (host))
    {
      g_autoptr (DnsAnswer) a = dns_ask (dns, host, DNS_TYPE_A);
      g_autoptr (DnsAnswer) aaaa = dns_ask (dns, host, DNS_TYPE_AAAA);
      reached = dns_state_worse (a->state, aaaa->state);
      alias = g_strdup (a->canonical != NULL ? a->canonical : aaaa->canonical);
    }
  look->resolver = command_value (command, OPT_RESOLVER);
  checks_begin (look, command->plan, dns, host, alias, vereda_probe_get_port (probe), reached);
  if (look->dane->reason == NULL && !vereda_options_is_set (options, "verify-name"))
    (void) vereda_options_set (options, "verify-name", look->dane->base, NULL);
  return TRUE;
}

/* Only says what would be typed. */
static int
print_as (Command *command)
{
  g_autofree char *line = NULL;

  if (command->is_domain)
    g_set_error_literal (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE, "--as: one server is wanted, not a domain");
  else
    line = probe_as (command, command_value (command, OPT_AS), &command->error);
  if (line == NULL)
    return command_fail (command);
  puts (line);
  return 0;
}

static const CommandInfo early = { "Usage: smtp-tool send --quit-after=STAGE [OPTION]...\n"
                                   "Begin as if to send, stop at that stage, and tell what was seen.",
                                   NULL, COMMAND_SEND, 0 };

static int
look_at (const CommandInfo *what, int argc, char **argv)
{
  g_autoptr (Command) command = command_new (what, argc, argv);
  g_autoptr (GPtrArray) failed = g_ptr_array_new_with_free_func (g_free);

  if (command->done)
    return 0;
  if (command->error != NULL)
    return command_fail (command);
  if (command_value (command, OPT_AS) != NULL)
    return print_as (command);
  if (command->is_domain)
    return probe_domain (command);
  g_autoptr (Look) look = command_look (command);
  if (command_has (command, OPT_DANE) && !begin_dane (command, look))
    return command_fail (command);
  look_run (look, command->plan, command->point, command->drop);
  json_t *document = look_json (look, command->plan, "probe");
  const ExitStatus status = command_judge (command, look, document, failed);
  const Outcome outcome = command_outcome (command, status, look_is_transient (look));
  if (command->plan->format == FORMAT_JSON)
    {
      command_print_json (document, failed, &outcome);
      return outcome.number;
    }
  json_decref (document);
  look_human (look, command, &outcome);
  command_complain (command, look, failed);
  return outcome.number;
}

int
probe_main (int argc, char **argv)
{
  return look_at (&info, argc, argv);
}

int
send_early_main (int argc, char **argv)
{
  return look_at (&early, argc, argv);
}

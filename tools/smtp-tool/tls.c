/* SPDX-License-Identifier: MIT */
/* tls - `smtp-tool tls TARGET`: the TLS of a server and every certificate it sends, or those in PEM. */
#include "probe-cert.h"
#include "probe-report.h"
#include "text.h"
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const CommandInfo info
    = { "Usage: smtp-tool tls [OPTION]... TARGET\n"
        "Show the TLS of a server and the certificates it sends: names, dates, keys, pins.\n"
        "\n"
        "The targets are those of smtp-tool probe.  A certificate that is not accepted is shown all the\n"
        "same; nothing is said to the server after the handshake but QUIT.",
        "Exit status: 0; 40 certificate not accepted, 29 no TLS, 43 TLS begins at another moment; 44 when\n"
        "--expect or --fail-on was not met.",
        COMMAND_TLS, 0 };

/* How many certificates are wanted in PEM, from the server's own; 0: none. */
static guint
wants_pem (const Command *command)
{
  if (command_has (command, OPT_PEM) || command_has (command, OPT_PEER_CHAIN))
    return G_MAXUINT;
  return command_has (command, OPT_PEER_CERT) ? 1 : 0;
}

/* swaks writes them to a file, if one is named. */
static const char *
pem_file (const Command *command)
{
  const char *chain = command_value (command, OPT_PEER_CHAIN);
  const char *cert = command_value (command, OPT_PEER_CERT);

  return chain != NULL && *chain != '\0' ? chain : cert != NULL && *cert != '\0' ? cert : NULL;
}

static void
print_pem (const Look *look, guint most, FILE *out)
{
  const guint count = vereda_probe_get_n_certificates (look->probe);

  for (guint i = 0; i < MIN (count, most); i++)
    {
      const Cert *cert = look->certs->pdata[i];
      g_autofree char *pem = cert_pem (vereda_probe_get_certificate (look->probe, i));
      g_autofree char *subject = text_one_line (cert->subject != NULL ? cert->subject : "?");

      fprintf (out, "# %s\n%s", subject, pem);
    }
}

/* A file that cannot be written is told, unless something worse was. */
static Outcome
write_pem (const Command *command, const Look *look, Outcome outcome)
{
  const char *path = pem_file (command);
  FILE *out = path != NULL ? fopen (path, "we") : stdout;

  if (out != NULL)
    print_pem (look, wants_pem (command), out);
  const gboolean good = out != NULL && (out == stdout || fclose (out) == 0);
  if (good || outcome.status != EXIT_OK)
    return outcome;
  g_autofree char *shown = text_escape (path);
  g_autofree char *text = g_strdup_printf ("%s: %s", shown, g_strerror (errno));
  report_problem (NULL, text, NULL);
  return command_outcome (command, EXIT_FILE, FALSE);
}

static void
row (const char *name, const char *value)
{
  g_autofree char *shown = text_one_line (value != NULL ? value : "-");

  printf ("    %-11s %s\n", name, shown);
}

static void
print_certificate (const Cert *cert, guint place)
{
  g_autofree char *names = g_strjoinv (", ", cert->names);

  printf ("\n  %u %s\n", place, place == 0 ? "(the server's)" : cert->self_issued ? "(a root)" : "(an issuer)");
  if (cert->broken != NULL)
    row ("broken", cert->broken);
  if (cert->subject == NULL)
    {
      row ("sha256", cert->sha256);
      return;
    }
  g_autofree char *before = cert_time (cert->not_before), *after = cert_time (cert->not_after);
  g_autofree char *days = g_strdup_printf ("%" G_GINT64_FORMAT, cert_days_left (cert));
  g_autofree char *bits = g_strdup_printf ("%s%s%s %d", cert->key_type, cert->key_group != NULL ? " " : "",
                                           cert->key_group != NULL ? cert->key_group : "", cert->key_bits);
  g_autofree char *pin = g_strconcat ("sha256//", cert->spki_sha256, NULL);
  row ("subject", cert->subject);
  row ("issuer", cert->issuer);
  row ("serial", cert->serial);
  row ("names", *names != '\0' ? names : NULL);
  row ("not before", before);
  row ("not after", after);
  row ("days left", days);
  row ("key", bits);
  row ("signature", cert->signature);
  row ("sha256", cert->sha256);
  row ("pin", pin);
}

static void
print_session (const Look *look)
{
  VeredaProbe *probe = look->probe;

  puts ("");
  row ("transport", vereda_probe_get_transport (probe));
  row ("library", vereda_probe_get_tls_backend (probe));
  row ("version", look_tls_word (vereda_probe_get_tls_version (probe)));
  row ("cipher", vereda_probe_get_tls_cipher (probe));
  if (vereda_probe_get_tls_key_bits (probe) > 0)
    {
      g_autofree char *bits = g_strdup_printf ("%u", vereda_probe_get_tls_key_bits (probe));
      row ("key bits", bits);
    }
  row ("group", vereda_probe_get_tls_group (probe));
  row ("signature", vereda_probe_get_tls_signature (probe));
  row ("name", vereda_probe_get_peer_name (probe));
  row ("matched", vereda_probe_get_matched_name (probe));
  row ("verdict", vereda_probe_get_verify_code (probe));
  row ("in words", vereda_probe_get_verify_text (probe));
  row ("OCSP", vereda_probe_get_ocsp (probe));
}

/* Without TLS there is nothing to show, and it was asked for. */
static void
need_tls (Look *look)
{
  if (look->error == NULL && look->probe != NULL && !vereda_probe_has_tls (look->probe))
    look->error = g_error_new (
        VEREDA_ERROR, VEREDA_ERROR_TLS, "%s: there is no TLS to look at: %s", vereda_probe_get_server (look->probe),
        strcmp (vereda_probe_get_mode (look->probe), "plain") == 0 ? "it was switched off" : "STARTTLS is not offered");
}

int
tls_main (int argc, char **argv)
{
  g_autoptr (Command) command = command_new (&info, argc, argv);
  g_autoptr (GPtrArray) failed = g_ptr_array_new_with_free_func (g_free);

  if (command->done)
    return 0;
  if (command->error == NULL && command->plan->redact != REDACT_SECRETS && wants_pem (command) > 0)
    g_set_error (&command->error, TOOL_ERROR, TOOL_ERROR_USAGE, "--pem and --redact: a certificate is its names");
  if (command->error != NULL)
    return command_fail (command);
  g_autoptr (Look) look = command_look (command);
  look_run (look, command->plan, VEREDA_PROBE_TLS, FALSE);
  need_tls (look);
  json_t *document = look_json (look, command->plan, "tls");
  Outcome outcome = command_outcome (command, command_judge (command, look, document, failed), look_is_transient (look));
  if (command->plan->format == FORMAT_JSON)
    {
      command_print_json (document, failed, &outcome);
      return outcome.number;
    }
  json_decref (document);
  if (look->probe != NULL && wants_pem (command) > 0)
    outcome = write_pem (command, look, outcome);
  else if (look->probe != NULL && !command->plan->quiet)
    {
      look_human_head (look, command->plan, &outcome);
      if (vereda_probe_has_tls (look->probe))
        print_session (look);
      for (guint i = 0; i < look->certs->len; i++)
        print_certificate (look->certs->pdata[i], i);
      look_human_findings (look, command->plan, FALSE);
    }
  command_complain (command, look, failed);
  return outcome.number;
}

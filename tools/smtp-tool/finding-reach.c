/* SPDX-License-Identifier: MIT */
/* finding-reach - addresses of a name that do not answer, or answer late, while another one does; and replies that TCP holds up.  See finding.h.
 *
 * A client races them (RFC 8305), so that nobody sees an error; each connection pays for it all the same, or fails where a client does not race. */
#include "finding.h"

#include <errno.h>
#include <string.h>

typedef enum
{
  REACH_FINE, /* connected, not tried, or it is this machine that lacks a route */
  REACH_LATE, /* answers, later than it may */
  REACH_NOT   /* does not answer, or refuses */
} Reach;

static gboolean
is_ipv6 (VeredaProbeAddress *address)
{
  return vereda_probe_address_get_text (address)[0] == '[';
}

static gboolean
is_connected (VeredaProbeAddress *address)
{
  return strcmp (vereda_probe_address_get_outcome (address), "connected") == 0;
}

/* Without a route the trouble is here, not there. */
static gboolean
is_of_this_machine (int code)
{
  return code == ENETUNREACH || code == EHOSTUNREACH || code == EADDRNOTAVAIL;
}

static Reach
reach_of (VeredaProbeAddress *address)
{
  const char *outcome = vereda_probe_address_get_outcome (address);
  const char *afterwards = vereda_probe_address_get_afterwards (address);
  const int code = vereda_probe_address_get_errno (address);

  if (strcmp (outcome, "timed-out") == 0 || g_strcmp0 (afterwards, "no-answer") == 0)
    return REACH_NOT;
  if ((strcmp (outcome, "failed") == 0 || g_strcmp0 (afterwards, "failed") == 0) && !is_of_this_machine (code))
    return REACH_NOT;
  return g_strcmp0 (afterwards, "connected") == 0 ? REACH_LATE : REACH_FINE;
}

/* What became of it, and when: "Connection refused after 3 ms", "no answer in 2.0 s". */
static char *
fate (VeredaProbeAddress *address)
{
  const char *afterwards = vereda_probe_address_get_afterwards (address);
  const gint64 took = afterwards != NULL ? vereda_probe_address_get_afterwards_duration (address)
                                         : vereda_probe_address_get_duration (address);
  const int code = vereda_probe_address_get_errno (address);

  if (code != 0)
    return g_strdup_printf ("%s after %.0f ms", g_strerror (code), (double) took / 1000.0);
  if (g_strcmp0 (afterwards, "connected") == 0)
    return g_strdup_printf ("answered after %.0f ms", (double) took / 1000.0);
  return g_strdup_printf ("no answer in %.1f s", (double) took / 1e6);
}

static VeredaProbeAddress *
winner (VeredaProbe *probe)
{
  for (guint i = 0; i < vereda_probe_get_n_addresses (probe); i++)
    if (is_connected (vereda_probe_get_nth_address (probe, i)))
      return vereda_probe_get_nth_address (probe, i);
  return NULL;
}

void
finding_list_addresses (GPtrArray *list, const Look *look)
{
  VeredaProbe *probe = look->probe;
  VeredaProbeAddress *connected = winner (probe);
  gboolean told[REACH_NOT + 1] = { FALSE };

  for (guint i = 0; connected != NULL && i < vereda_probe_get_n_addresses (probe); i++)
    {
      VeredaProbeAddress *address = vereda_probe_get_nth_address (probe, i);
      const Reach reach = reach_of (address);
      const gboolean hidden = is_ipv6 (address) && !is_ipv6 (connected);
      /* One that is late costs something where clients take it first. */
      if (reach == REACH_FINE || told[reach]
          || (reach == REACH_LATE && vereda_probe_address_get_start (address) > vereda_probe_address_get_start (connected)))
        continue;
      g_autofree char *words = fate (address);
      told[reach] = TRUE; /* one of each is enough: the stage tcp has them all */
      finding_add (list, look,
                   reach == REACH_LATE ? "address-slow"
                   : hidden            ? "ipv6-broken"
                                       : "address-failed",
                   NULL, "%s: %s; %s took over at %.0f ms", vereda_probe_address_get_text (address), words,
                   vereda_probe_address_get_text (connected),
                   (double) (vereda_probe_address_get_start (connected) + vereda_probe_address_get_duration (connected))
                       / 1000.0);
    }
}

/* ---- replies ---- */

/* The least that the ways TCP waits for an acknowledgement take, and what comes on top (Linux: 40 ms; Windows and BSD: 200 ms). */
static gboolean
is_quantum (gint64 us)
{
  return (us >= 39000 && us < 50000) || (us >= 199000 && us < 215000);
}

void
finding_list_delays (GPtrArray *list, const Look *look)
{
  VeredaProbe *probe = look->probe;
  VeredaProbeAddress *connected = winner (probe);

  if (connected == NULL || vereda_probe_address_get_duration (connected) > 10000)
    return; /* the way itself takes as long */
  for (guint i = 0; i < vereda_probe_get_n_stages (probe); i++)
    {
      VeredaProbeStage *row = vereda_probe_get_stage (probe, i);
      const gint64 took = vereda_probe_stage_get_duration (row);

      /* Only what a server need not think about: a password it does, and looks up who comes. */
      if (vereda_probe_stage_get_stage (row) != VEREDA_STAGE_EHLO || !is_quantum (took))
        continue;
      finding_add (list, look, "delayed-ack", NULL, "%s%s took %.0f ms, connecting %.1f ms",
                   vereda_probe_stage_get_detail (row) != NULL ? vereda_probe_stage_get_detail (row) : "EHLO",
                   vereda_probe_stage_is_secure (row) ? " inside TLS" : "", (double) took / 1000.0,
                   (double) vereda_probe_address_get_duration (connected) / 1000.0);
      return;
    }
}

/* SPDX-License-Identifier: MIT */
/* connection-trace - what a handshake came to, in lines of the transcript.  Part of connection.
 *
 * Asks the layer for its facts, and only when somebody listens.  What a plugin says is escaped.  Cannot fail. */
#include "core/send/connection-private.h"
#include "core/send/verify.h"

#include <string.h>

#include "core/base/trace.h"

static void G_GNUC_PRINTF (2, 3) say (VdConnection *c, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *shown = vd_text_escape (text, strlen (text));
  vd_trace_line (&c->setup.log->trace, VEREDA_TRACE_TLS, FALSE, shown);
}

/* -1: not known */
static gint64
number_of (VdConnection *c, VeredaFact fact)
{
  VeredaFactValue value = { .num = 0 };

  return vd_stack_fact (c->stack, fact, &value) ? (gint64) value.num : -1;
}

static const char *
text_of (VdConnection *c, VeredaFact fact)
{
  VeredaFactValue value = { .str = NULL };

  return vd_stack_fact (c->stack, fact, &value) ? value.str : NULL;
}

static void
say_text (VdConnection *c, const char *what, VeredaFact fact)
{
  const char *text = text_of (c, fact);

  if (text != NULL)
    say (c, "%s: %s", what, text);
}

/* Each by its fingerprint: what is in them is for tools that read certificates. */
static void
say_chain (VdConnection *c)
{
  VeredaFactValue value = { .bytes = NULL };
  gsize size, place = 0;

  if (!vd_stack_fact (c->stack, VEREDA_FACT_PEER_CHAIN, &value) || value.bytes == NULL)
    return;
  g_autoptr (GBytes) bytes = value.bytes;
  const guint8 *at = g_bytes_get_data (bytes, &size);
  for (guint n = 0; size - place >= 4; n++)
    {
      const gsize length = (gsize) at[place] << 24 | (gsize) at[place + 1] << 16 | (gsize) at[place + 2] << 8 | at[place + 3];

      place += 4;
      if (length > size - place)
        return;
      g_autofree char *digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, at + place, length);
      say (c, "certificate %u: %" G_GSIZE_FORMAT " octets, SHA-256 %s", n, length, digest);
      place += length;
    }
}

static void
say_verdict (VdConnection *c)
{
  const char *word = vd_verify_code ((int) number_of (c, VEREDA_FACT_VERIFY));
  const char *text = text_of (c, VEREDA_FACT_VERIFY_TEXT);
  const gint64 depth = number_of (c, VEREDA_FACT_VERIFY_DEPTH);

  if (word == NULL)
    return;
  g_autofree char *where = depth >= 0 ? g_strdup_printf (" (certificate %d)", (int) depth) : g_strdup ("");
  say (c, "verdict: %s%s%s%s", word, where, text != NULL ? ": " : "", text != NULL ? text : "");
}

void
vd_connection_trace_tls (VdConnection *c)
{
  static const struct
  {
    const char *what;
    VeredaFact fact;
  } texts[] = { { "cipher", VEREDA_FACT_CIPHER },
                { "key exchange", VEREDA_FACT_GROUP },
                { "server signed with", VEREDA_FACT_SIGNATURE },
                { "name sent (SNI)", VEREDA_FACT_SNI } };

  if (!vd_trace_wanted (&c->setup.log->trace) || c->stack == NULL)
    return;
  const gint64 version = number_of (c, VEREDA_FACT_TLS_VERSION), in = number_of (c, VEREDA_FACT_HANDSHAKE_IN);
  const char *ocsp = vd_ocsp_code ((int) number_of (c, VEREDA_FACT_OCSP));
  if (version > 0)
    say (c, "TLS 1.%d by %s%s", (int) (version - 0x0301), c->transport,
         number_of (c, VEREDA_FACT_RESUMED) > 0 ? ", resumed" : "");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    say_text (c, texts[i].what, texts[i].fact);
  if (in > 0)
    say (c, "handshake: %" G_GINT64_FORMAT " octets in, %" G_GINT64_FORMAT " out", in,
         number_of (c, VEREDA_FACT_HANDSHAKE_OUT));
  say_chain (c);
  say_verdict (c);
  say_text (c, "name matched", VEREDA_FACT_MATCHED_NAME);
  if (number_of (c, VEREDA_FACT_PIN) >= 0)
    say (c, "pin %d fits", (int) number_of (c, VEREDA_FACT_PIN));
  if (number_of (c, VEREDA_FACT_TLSA) >= 0)
    say (c, "TLSA record %d fits", (int) number_of (c, VEREDA_FACT_TLSA));
  if (ocsp != NULL)
    say (c, "OCSP: %s", ocsp);
  if (number_of (c, VEREDA_FACT_CLIENT_ASKED) > 0)
    say (c, "client certificate: asked for, %s", number_of (c, VEREDA_FACT_CLIENT_CERT) > 0 ? "sent" : "none sent");
}

/* SPDX-License-Identifier: MIT */
/*
 * The window through the public API and sockets: a batch of fifty messages, the first server's connection ending somewhere, with refusals, drip by drip, by
 * an orderly end and by reset; what was not sent goes over another connection or to the second server.  tests/dialogue/window.c
 * looks at every octet without sockets; here a sample is enough, VEREDA_WINDOW_STRIDE=1 for every octet.
 */
#include <stdlib.h>
#include <vereda/vereda.h>

#include "relayhost.h"
#include "sending.h"

#define MESSAGES 50
#define SAMPLES  40

/* The batch; what became of each in `told`. */
static void
send_batch (guint16 first, guint16 second, const char *recipients, KitTold *told)
{
  g_autofree char *servers
      = second != 0 ? g_strdup_printf ("127.0.0.1:%u, 127.0.0.1:%u", first, second) : g_strdup_printf ("127.0.0.1:%u", first);
  g_autoptr (VeredaOptions) options = kit_options_printf (
      "servers=%s;tls=never;client=client.example.org;pipelining=window;window-messages=20;deadline=20", servers);
  g_autoptr (VeredaSender) sender = kit_sender_new (options);

  for (guint n = 0; n < MESSAGES; n++)
    {
      g_autofree char *text
          = g_strdup_printf ("From: m%u@example.org\r\nTo: %s\r\nSubject: %u\r\n\r\nhello\r\n.\r\nQUIT\r\n", n, recipients, n);

      vereda_result_unref (kit_submit_text (sender, text, kit_told, &told[n]));
    }
  vereda_sender_run (sender);
}

static void
check (const KitRelayTruth *truth, const KitTold *told, guint n, const char *what, guint64 at)
{
  guint accepted = truth->accepted[n];
  const char *wrong = told->times != 1                                    ? "it was not told about once"
                      : accepted > 1                                      ? "it was accepted twice"
                      : told->verdict == VEREDA_SENT && accepted != 1     ? "it is called sent and nobody has it"
                      : told->verdict == VEREDA_NOT_SENT && accepted != 0 ? "it is called not sent and somebody has it"
                                                                          : NULL;

  if (wrong != NULL)
    g_error ("%s, %" G_GUINT64_FORMAT " octets: message %u: %s", what, at, n, wrong);
}

typedef struct
{
  const char *name;
  KitRelayRules rules;
  const char *recipients;
  gsize drip;
} Setting;

static const Setting settings[] = {
  { "good", { 0 }, "b@example.net", 0 },
  { "refusals", { .mail = 11, .rcpt = 7, .chunk = 9 }, "b@example.net", 0 },
  { "strict", { .strict = TRUE, .chunk = 9 }, "b@example.net", 0 },
  { "several", { .chunk = 9 }, "b@example.net, c@example.net", 0 },
  { "drip", { .rcpt = 7 }, "b@example.net", 37 },
};

static void
run (const Setting *setting, guint64 hears, guint64 says, gboolean reset, gboolean second, guint64 *ret_heard,
     guint64 *ret_said, guint *verdicts)
{
  static const KitRelayRules kind = { 0 };
  KitRelayTruth truth = { 0 };
  KitTold told[MESSAGES] = { 0 };
  g_autoptr (KitHost) host = kit_host_new (&setting->rules, &truth, hears, says, reset, setting->drip);
  g_autoptr (KitHost) other = second ? kit_host_new (&kind, &truth, G_MAXUINT64, G_MAXUINT64, FALSE, 0) : NULL;

  send_batch (kit_host_port (host), other != NULL ? kit_host_port (other) : 0, setting->recipients, told);
  kit_host_stop (host);
  if (other != NULL)
    kit_host_stop (other);
  for (guint n = 0; n < MESSAGES; n++)
    {
      check (&truth, &told[n], n, setting->name, MIN (hears, says));
      verdicts[told[n].verdict]++;
    }
  *ret_heard = kit_host_relay (host, 0)->in;
  *ret_said = kit_host_relay (host, 0)->out->len;
}

static void
test_cuts (gconstpointer data)
{
  const Setting *setting = data;
  const char *value = g_getenv ("VEREDA_WINDOW_STRIDE");
  guint64 heard = 0, said = 0, size[2];
  guint verdicts[3] = { 0 };

  run (setting, G_MAXUINT64, G_MAXUINT64, FALSE, TRUE, &heard, &said, verdicts);
  g_assert_cmpuint (verdicts[VEREDA_UNKNOWN], ==, 0);
  size[0] = heard;
  size[1] = said;
  for (guint mouth = 0; mouth < 2; mouth++)
    {
      guint64 step = value != NULL ? (guint64) MAX (1, atoi (value)) : MAX (1, size[mouth] / SAMPLES);

      for (guint64 at = 0; at < size[mouth]; at += step)
        run (setting, mouth ? G_MAXUINT64 : at, mouth ? at : G_MAXUINT64, at % 3 == 1, at % 2 == 0, &heard, &said, verdicts);
    }
  g_test_message ("%s: sent %u, not sent %u, unknown %u", setting->name, verdicts[VEREDA_SENT], verdicts[VEREDA_NOT_SENT],
                  verdicts[VEREDA_UNKNOWN]);
  g_assert_cmpuint (verdicts[VEREDA_SENT], >, 0);
  g_assert_cmpuint (verdicts[VEREDA_UNKNOWN], >, 0);
}

/* CHUNKING that is none: found out with one message on its way; the sender remembers, and every message arrives once. */
static void
test_remembers (void)
{
  static const KitRelayRules rules = { .no_bdat = TRUE };
  KitRelayTruth truth = { 0 };
  KitTold told[MESSAGES] = { 0 };
  g_autoptr (KitHost) host = kit_host_new (&rules, &truth, G_MAXUINT64, G_MAXUINT64, FALSE, 0);

  send_batch (kit_host_port (host), 0, "b@example.net", told);
  kit_host_stop (host);
  g_assert_cmpuint (kit_host_connections (host), ==, 2);
  g_assert_cmpuint (kit_host_relay (host, 0)->bdats, ==, 1);
  g_assert_cmpuint (kit_host_relay (host, 1)->bdats, ==, 0);
  for (guint n = 0; n < MESSAGES; n++)
    {
      g_assert_cmpint (told[n].verdict, ==, VEREDA_SENT);
      g_assert_cmpuint (truth.accepted[n], ==, 1);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      g_autofree char *path = g_strdup_printf ("/window/cuts/%s", settings[i].name);

      g_test_add_data_func (path, &settings[i], test_cuts);
    }
  g_test_add_func ("/window/remembers", test_remembers);
  return g_test_run ();
}

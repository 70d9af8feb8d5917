/* SPDX-License-Identifier: MIT */
/*
 * A probe against scripted servers: where it stops, that it never sends content, what its rows say; and the search for TLS behind a port that
 * does not greet, which every sender has.
 */
#include "fault.h"

#define HOST "mail.example.test"

static VeredaProbe *
probe_new (Fault *fault, VeredaProbePoint point, gboolean drop)
{
  g_autoptr (GError) error = NULL;
  VeredaProbe *probe = vereda_probe_new (fault->options, &error);

  g_assert_no_error (error);
  vereda_probe_set_end (probe, point, drop);
  return probe;
}

static char *
script_of (gboolean implicit)
{
  return g_strdup (implicit ? "tls good\next AUTH PLAIN;SIZE 100\nhello\non RCPT TO:<bad = 550 5.1.1 no\nserve"
                            : "ext STARTTLS;SIZE 100\nhello\nstarttls good\next AUTH PLAIN;SIZE 100\n"
                              "on RCPT TO:<bad = 550 5.1.1 no\nserve");
}

/* ---- where it stops ---- */

typedef struct
{
  VeredaProbePoint point;
  const char *last;          /* the last command under STARTTLS; NULL: none */
  const char *last_implicit; /* the same with implicit TLS */
} StopRow;

static const StopRow stop_rows[] = {
  { VEREDA_PROBE_CONNECT, NULL, NULL },   { VEREDA_PROBE_GREETING, NULL, NULL }, { VEREDA_PROBE_FIRST_EHLO, "EHLO", "EHLO" },
  { VEREDA_PROBE_TLS, "STARTTLS", NULL }, { VEREDA_PROBE_EHLO, "EHLO", "EHLO" }, { VEREDA_PROBE_AUTH, "AUTH", "AUTH" },
  { VEREDA_PROBE_MAIL, "MAIL", "MAIL" },  { VEREDA_PROBE_RCPT, "RCPT", "RCPT" },
};

typedef struct
{
  const StopRow *row;
  const char *backend;
  gboolean implicit, drop;
} StopCase;

/* The commands of connection 0, in the order of their time. */
static GPtrArray *
commands (KitScript *server)
{
  static const char *const verbs[] = { "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "QUIT" };
  GPtrArray *all = g_ptr_array_new ();
  gint64 at = 0;

  for (gboolean more = TRUE; more;)
    {
      const char *next = NULL;
      gint64 best = G_MAXINT64;

      for (guint v = 0; v < G_N_ELEMENTS (verbs); v++)
        for (guint i = 0; kit_script_line (server, 0, verbs[v], i) != NULL; i++)
          {
            const gint64 when = kit_script_line_time (server, 0, verbs[v], i);

            if (when > at && when < best)
              {
                best = when;
                next = verbs[v];
              }
          }
      more = next != NULL;
      at = best;
      if (more)
        g_ptr_array_add (all, (gpointer) next);
    }
  return all;
}

static void
test_stop (gconstpointer data)
{
  const StopCase *c = data;
  g_autofree char *script = script_of (c->implicit);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  g_autoptr (Fault) fault = fault_new_bare ();
  g_autoptr (GError) error = NULL;
  const char *last = c->implicit ? c->row->last_implicit : c->row->last;

  fault_server (fault, server);
  fault_tls (fault, c->implicit ? "implicit" : "starttls", c->backend);
  fault_credentials (fault);
  fault_set (fault, "recipients", "a@example.test,b@example.test");
  g_autoptr (VeredaProbe) probe = probe_new (fault, c->row->point, c->drop);
  const gboolean done = vereda_probe_run (probe, &error);

  g_assert_no_error (error);
  g_assert_true (done);
  kit_script_settle (server);
  g_autoptr (GPtrArray) said = commands (server);
  const gboolean quits
      = !c->drop && c->row->point != VEREDA_PROBE_CONNECT && !(c->implicit && c->row->point == VEREDA_PROBE_TLS);
  const char *quit = said->len > 0 ? said->pdata[said->len - 1] : NULL;

  if (quits)
    {
      g_assert_cmpstr (quit, ==, "QUIT");
      g_ptr_array_set_size (said, (gint) said->len - 1);
    }
  g_assert_cmpstr (said->len > 0 ? said->pdata[said->len - 1] : NULL, ==, last);
  g_assert_cmpuint (kit_script_count (server, -1, "DATA"), ==, 0);
  g_assert_cmpuint (kit_script_count (server, -1, "BDAT"), ==, 0);
  g_assert_cmpuint (kit_script_count (server, -1, "RCPT"), ==, c->row->point == VEREDA_PROBE_RCPT ? 2 : 0);
  fault_expect_connections (server, 1);
}

/* ---- rows ---- */

static void
test_rows (gconstpointer backend)
{
  static const struct
  {
    VeredaStage stage;
    gboolean secure;
    guint round_trips;
    int code;
  } rows[] = {
    { VEREDA_STAGE_PLUGIN, FALSE, 0, 0 },     { VEREDA_STAGE_RESOLVE, FALSE, 0, 0 }, { VEREDA_STAGE_CONNECT, FALSE, 1, 0 },
    { VEREDA_STAGE_GREETING, FALSE, 1, 220 }, { VEREDA_STAGE_EHLO, FALSE, 1, 250 },  { VEREDA_STAGE_TLS, FALSE, 2, 220 },
    { VEREDA_STAGE_EHLO, TRUE, 1, 250 },      { VEREDA_STAGE_AUTH, TRUE, 1, 235 },   { VEREDA_STAGE_MAIL, TRUE, 1, 250 },
    { VEREDA_STAGE_RCPT, TRUE, 1, 250 },      { VEREDA_STAGE_RCPT, TRUE, 1, 550 },   { VEREDA_STAGE_QUIT, TRUE, 1, 221 },
  };
  g_autofree char *script = script_of (FALSE);
  g_autoptr (KitScript) server = kit_script_new (script, NULL);
  g_autoptr (Fault) fault = fault_new_bare ();
  g_autoptr (GError) error = NULL;
  gint64 end = 0;
  guint64 out = 0;

  fault_server (fault, server);
  fault_tls (fault, "starttls", backend);
  fault_credentials (fault);
  fault_set (fault, "originator", "ann@example.test");
  fault_set (fault, "recipients", "good@example.test,bad@example.test");
  g_autoptr (VeredaProbe) probe = probe_new (fault, VEREDA_PROBE_RCPT, FALSE);
  g_assert_false (vereda_probe_run (probe, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_RECIPIENTS);
  g_assert_cmpint (vereda_probe_get_error_stage (probe), ==, VEREDA_STAGE_RCPT);
  g_assert_cmpint (vereda_reply_get_code (vereda_probe_get_error_reply (probe)), ==, 550);
  g_assert_cmpuint (vereda_probe_get_n_stages (probe), ==, G_N_ELEMENTS (rows));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      VeredaProbeStage *row = vereda_probe_get_stage (probe, i);
      VeredaReply *reply = vereda_probe_stage_get_reply (row);

      g_test_message ("row %u", i);
      g_assert_cmpint (vereda_probe_stage_get_stage (row), ==, rows[i].stage);
      g_assert_cmpint (vereda_probe_stage_is_secure (row), ==, rows[i].secure);
      g_assert_cmpuint (vereda_probe_stage_get_round_trips (row), ==, rows[i].round_trips);
      g_assert_cmpint (reply != NULL ? vereda_reply_get_code (reply) : 0, ==, rows[i].code);
      g_assert_cmpint (vereda_probe_stage_succeeded (row), ==, rows[i].code < 400);
      g_assert_cmpint (vereda_probe_stage_get_start (row), >=, end);
      end = vereda_probe_stage_get_start (row) + vereda_probe_stage_get_duration (row);
      out += vereda_probe_stage_get_octets_out (row);
    }
  g_assert_cmpint (vereda_probe_get_elapsed (probe), >=, end);
  g_assert_cmpuint (out, >, 300);
  g_assert_cmpstr (vereda_probe_stage_get_detail (vereda_probe_get_stage (probe, 7)), ==, "PLAIN");
  g_assert_cmpstr (vereda_probe_stage_get_detail (vereda_probe_get_stage (probe, 8)), ==, "<ann@example.test>");
  g_assert_cmpstr (vereda_probe_stage_get_detail (vereda_probe_get_stage (probe, 10)), ==, "<bad@example.test>");
  g_assert_cmpstr (vereda_probe_get_authenticated (probe), ==, "PLAIN");
  g_assert_true (g_strv_contains (vereda_probe_get_extensions (probe, FALSE), "STARTTLS"));
  g_assert_true (g_strv_contains (vereda_probe_get_extensions (probe, TRUE), "AUTH PLAIN"));
  g_assert_false (g_strv_contains (vereda_probe_get_extensions (probe, TRUE), "STARTTLS"));
  g_assert_cmpstr (vereda_probe_get_mechanisms (probe)[0], ==, "PLAIN");
  g_assert_cmpstr (vereda_probe_get_verify_code (probe), ==, "ok");
  g_assert_true (vereda_probe_is_verified (probe));
  g_assert_cmpuint (vereda_probe_get_tls_version (probe), >=, 0x0303);
  g_assert_cmpuint (vereda_probe_get_n_certificates (probe), >=, 1);
  g_autofree char *transport = g_strconcat ("starttls/", backend, NULL);
  g_assert_cmpstr (vereda_probe_get_transport (probe), ==, transport);
}

/* A certificate that is not accepted is there to be looked at. */
static void
test_certificate (gconstpointer backend)
{
  g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS\nhello\nstarttls expired\nserve", NULL);
  g_autoptr (Fault) fault = fault_new_bare ();
  g_autoptr (GError) error = NULL;

  fault_server (fault, server);
  fault_tls (fault, "starttls", backend);
  fault_credentials (fault);
  g_autoptr (VeredaProbe) probe = probe_new (fault, VEREDA_PROBE_AUTH, FALSE);
  g_assert_false (vereda_probe_run (probe, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_CERTIFICATE);
  g_assert_nonnull (strstr (error->message, "certificate of " HOST " not accepted: expired (library says: "));
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_count (server, -1, "EHLO"), ==, 1); /* nothing inside TLS, not even QUIT */
  g_assert_cmpuint (kit_script_count (server, -1, "AUTH") + kit_script_count (server, -1, "QUIT"), ==, 0);
  g_assert_cmpuint (vereda_probe_get_tls_version (probe), ==, 0x0304);
  g_assert_nonnull (vereda_probe_get_tls_cipher (probe));
  g_assert_nonnull (vereda_probe_get_tls_group (probe));
  g_assert_cmpuint (vereda_probe_get_tls_key_bits (probe), >=, 128);
  g_assert_nonnull (vereda_probe_get_tls_signature (probe));
  g_assert_cmpint (vereda_probe_is_tls_resumed (probe), ==, 0);
  g_assert_false (vereda_probe_is_verified (probe));
  g_assert_cmpint (vereda_probe_get_error_stage (probe), ==, VEREDA_STAGE_TLS);
  g_assert_cmpstr (vereda_probe_get_verify_code (probe), ==, "expired");
  g_assert_cmpuint (vereda_probe_get_n_certificates (probe), >=, 1);
  g_assert_null (vereda_probe_get_extensions (probe, TRUE));
  g_assert_nonnull (vereda_probe_get_extensions (probe, FALSE));
}

/* A certificate of the client's is not shown to such a server: the handshake ends where the other is refused, before its signature is known. */
static void
test_certificate_of_both (gconstpointer backend)
{
  g_autoptr (KitScript) server = kit_script_new ("ext STARTTLS\nhello\nstarttls expired\nserve", NULL);
  g_autoptr (Fault) fault = fault_new_bare ();
  g_autoptr (GError) error = NULL;

  fault_server (fault, server);
  fault_tls (fault, "starttls", backend);
  g_autofree char *cert = g_build_filename (g_getenv ("VEREDA_TEST_CERTS"), "good.pem", NULL);
  g_autofree char *key = g_build_filename (g_getenv ("VEREDA_TEST_CERTS"), "good.key", NULL);
  fault_set (fault, "cert-file", cert);
  fault_set (fault, "key-file", key);
  g_autoptr (VeredaProbe) probe = probe_new (fault, VEREDA_PROBE_EHLO, FALSE);
  g_assert_false (vereda_probe_run (probe, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_CERTIFICATE);
  g_assert_cmpstr (vereda_probe_get_verify_code (probe), ==, "expired");
  g_assert_cmpuint (vereda_probe_get_tls_version (probe), ==, 0x0304);
  g_assert_nonnull (vereda_probe_get_tls_cipher (probe));
  g_assert_null (vereda_probe_get_tls_signature (probe));
}

/* ---- a port that does not greet ---- */

static void
silent (KitScript *server, gconstpointer backend)
{
  g_autoptr (Fault) fault = fault_new ();
  const gint64 began = g_get_monotonic_time ();

  fault_server (fault, server);
  fault_tls (fault, "starttls", backend);
  fault_send (fault);
  fault_expect_error (fault, VEREDA_ERROR_TLS_MODE, "tls=implicit");
  g_assert_cmpint (g_get_monotonic_time () - began, <, 3 * G_USEC_PER_SEC);
  fault_expect_no_secret (fault, server, TRUE);
  fault_expect_no_mail_in_clear (server);
}

static void
test_silent_tls (gconstpointer backend)
{
  g_autoptr (KitScript) server = kit_script_new ("drain", "tls good\ndrain", NULL);

  silent (server, backend);
  fault_expect_connections (server, 2);
}

/* Whoever answers the second connection with a refusal in TLS speaks TLS. */
static void
test_silent_alert (gconstpointer backend)
{
  g_autoptr (KitScript) server = kit_script_new ("drain", "take 5\n>> \\x15\\x03\\x01\\x00\\x02\\x02\\x28\ndrain", NULL);

  silent (server, backend);
}

/* A server that takes its time for the greeting is not disturbed, whatever it does with the second connection. */
static void
test_slow (gconstpointer data)
{
  g_autoptr (KitScript) server = kit_script_new ("pause 3200\nhello\nserve", data, NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_server (fault, server);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_content (server, 0);
  g_assert_cmpuint (kit_script_connections (server), ==, 2);
}

static void
add_stops (void)
{
  for (const char *const *backend = fault_backends (); *backend != NULL; backend++)
    for (guint i = 0; i < G_N_ELEMENTS (stop_rows); i++)
      for (guint how = 0; how < 4; how++)
        {
          StopCase *c = g_new0 (StopCase, 1);
          g_autofree char *path = g_strdup_printf ("/probe/stop/%u/%s/%s%s", stop_rows[i].point,
                                                   how & 1 ? "implicit" : "starttls", *backend, how & 2 ? "/drop" : "");

          *c = (StopCase){ &stop_rows[i], *backend, (how & 1) != 0, (how & 2) != 0 };
          g_test_add_data_func_full (path, c, test_stop, g_free);
        }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_stops ();
  fault_add_backends ("/probe/rows", test_rows);
  fault_add_backends ("/probe/certificate", test_certificate);
  fault_add_backends ("/probe/certificate-of-both", test_certificate_of_both);
  fault_add_backends ("/probe/silent/implicit-tls", test_silent_tls);
  fault_add_backends ("/probe/silent/alert", test_silent_alert);
  g_test_add_data_func ("/probe/silent/slow-same", "pause 3000\nhello\ndrain", test_slow);
  g_test_add_data_func ("/probe/silent/slow-closes", "close", test_slow);
  g_test_add_data_func ("/probe/silent/slow-resets", "take 5\nrst", test_slow);
  return g_test_run ();
}

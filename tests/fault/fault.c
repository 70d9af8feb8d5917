/* SPDX-License-Identifier: MIT */
/*
 * fault: see the header.
 */
#include "fault.h"

#include <glib/gstdio.h>

/* ---- one submission ---- */

static void
keep_trace (VeredaTraceKind kind, gboolean secure, const char *server, const char *text, gpointer data)
{
  static const char *const marks[] = {
    [VEREDA_TRACE_CLIENT] = "C:", [VEREDA_TRACE_SERVER] = "S:", [VEREDA_TRACE_SERVER_ERROR] = "S!",
    [VEREDA_TRACE_INFO] = "==",   [VEREDA_TRACE_ERROR] = "**",  [VEREDA_TRACE_TLS] = "==",
  };
  Fault *fault = data;

  g_assert_cmpuint (kind, <, G_N_ELEMENTS (marks)); /* a new kind: to be added here */
  g_string_append_printf (fault->trace, "%s%s %s\n", marks[kind], secure ? "~" : "", text);
}

static VeredaTlsDecision
decide (VeredaTlsProblem problem, const char *server, int code, const char *text, gpointer data)
{
  static const char *const words[] = { "", "not-offered", "refused", "handshake", "certificate" };
  Fault *fault = data;

  g_string_append_printf (fault->asked, "%s %d %s\n", words[problem], code, text);
  return fault->answer;
}

Fault *
fault_new_bare (void)
{
  Fault *fault = g_new0 (Fault, 1);

  fault->options = vereda_options_new ();
  fault->trace = g_string_new (NULL);
  fault->asked = g_string_new (NULL);
  fault_set (fault, "deadline", "12");
  fault_set (fault, "timeout-quit", "1");
  vereda_options_set_trace (fault->options, keep_trace, fault);
  return fault;
}

Fault *
fault_new (void)
{
  Fault *fault = fault_new_bare ();

  fault_set (fault, "client", "client.example.test");
  fault_set (fault, "originator", "ann@example.test");
  fault_set (fault, "recipients", "bob@example.test");
  return fault;
}

void
fault_free (Fault *fault)
{
  vereda_options_free (fault->options);
  vereda_message_unref (fault->message);
  vereda_result_unref (fault->result);
  g_clear_error (&fault->error);
  g_string_free (fault->trace, TRUE);
  g_string_free (fault->asked, TRUE);
  g_free (fault);
}

void
fault_set (Fault *fault, const char *name, const char *value)
{
  kit_set (fault->options, name, value);
}

void
fault_server (Fault *fault, KitScript *server)
{
  const char *before = fault->servers++ > 0 ? vereda_options_get (fault->options, "servers") : NULL;
  g_autofree char *servers
      = g_strdup_printf ("%s%s127.0.0.1:%u", before != NULL ? before : "", before != NULL ? "," : "", kit_script_port (server));

  fault_set (fault, "servers", servers);
}

void
fault_tls (Fault *fault, const char *mode, const char *backend)
{
  g_autofree char *root = g_build_filename (g_getenv ("VEREDA_TEST_CERTS"), "root.pem", NULL);

  fault_set (fault, "tls", mode);
  fault_set (fault, "ca-file", root);
  fault_set (fault, "verify-name", "mail.example.test");
  if (backend != NULL)
    fault_set (fault, "transport", backend);
}

void
fault_credentials (Fault *fault)
{
  fault_set (fault, "username", FAULT_USER);
  vereda_options_set_password (fault->options, FAULT_PASSWORD);
}

Fault *
fault_new_auth (const char *how)
{
  Fault *fault = fault_new ();

  if (g_str_equal (how, "clear"))
    {
      fault_set (fault, "tls", "never");
      fault_set (fault, "insecure-cleartext-auth", "yes");
    }
  else
    fault_tls (fault, "implicit", how);
  fault_credentials (fault);
  return fault;
}

char *
fault_auth_script (const char *script, const char *how)
{
  return g_strconcat (g_str_equal (how, "clear") ? "" : "tls good\n", script, NULL);
}

void
fault_policy (Fault *fault, VeredaTlsDecision answer)
{
  fault->answer = answer;
  vereda_options_set_tls_policy (fault->options, decide, fault);
}

void
fault_message (Fault *fault, const char *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  vereda_message_unref (fault->message);
  fault->message = vereda_message_new_from_bytes (bytes);
}

void
fault_message_of_size (Fault *fault, gsize size)
{
  GString *text = g_string_new ("From: ann@example.test\r\nTo: bob@example.test\r\n\r\n");

  while (text->len < size)
    g_string_append (text, "sixty-four octets of nothing in particular, again and again ...\r\n");
  fault_message (fault, text->str);
  g_string_free (text, TRUE);
}

/* ---- who runs the turns ---- */

static void
run_by_poll (VeredaSender *sender)
{
  GPollFD fd = { .fd = vereda_sender_get_fd (sender), .events = G_IO_IN };

  g_assert_cmpint (fd.fd, >=, 0);
  while (vereda_sender_get_n_pending (sender) > 0 || vereda_sender_get_n_connections (sender) > 0)
    {
      if (vereda_sender_get_n_pending (sender) == 0)
        vereda_sender_close (sender);
      g_assert_cmpint (g_poll (&fd, 1, 20000), ==, 1); /* there is always something to come, if only a time-out */
      vereda_sender_dispatch (sender);
      g_assert_cmpint (vereda_sender_get_fd (sender), ==, fd.fd);
    }
}

static gboolean
on_dispatched (gpointer data)
{
  if (vereda_sender_get_n_pending (data) == 0)
    vereda_sender_close (data);
  return G_SOURCE_CONTINUE;
}

static void
run_by_source (VeredaSender *sender)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSource) source = vereda_sender_create_source (sender);

  g_assert_nonnull (source);
  g_source_set_callback (source, on_dispatched, sender, NULL);
  g_source_attach (source, context);
  while (vereda_sender_get_n_pending (sender) > 0 || vereda_sender_get_n_connections (sender) > 0)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (source);
}

static const char *
driver (void)
{
  const char *name = g_getenv ("VEREDA_TEST_DRIVER");

  return name != NULL ? name : "run";
}

void
fault_run (VeredaSender *sender)
{
  if (g_str_equal (driver (), "poll"))
    run_by_poll (sender);
  else if (g_str_equal (driver (), "source"))
    run_by_source (sender);
  else
    vereda_sender_run (sender);
}

/* What vereda_sendmessage() does, in a loop. */
static gboolean
send_in_loop (VeredaMessage *message, VeredaOptions *options, VeredaResult **ret_result, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autoptr (VeredaSender) sender = vereda_sender_new (options, &why);
  gboolean sent;

  if (sender == NULL) /* the options: which have no result to be told in but that of vereda_sendmessage() */
    return vereda_sendmessage (message, options, ret_result, error);
  if (!vereda_sender_submit (sender, message, NULL, NULL, NULL, ret_result, error))
    return FALSE;
  fault_run (sender);
  sent = vereda_result_get_verdict (*ret_result) == VEREDA_SENT;
  if (vereda_result_get_error (*ret_result) != NULL)
    g_propagate_error (error, g_error_copy (vereda_result_get_error (*ret_result)));
  return sent;
}

gboolean
fault_send (Fault *fault)
{
  if (fault->message == NULL)
    fault_message (fault, FAULT_MESSAGE);
  vereda_result_unref (fault->result);
  fault->result = NULL;
  g_clear_error (&fault->error);
  fault->sent = (g_str_equal (driver (), "run") ? vereda_sendmessage : send_in_loop) (fault->message, fault->options,
                                                                                      &fault->result, &fault->error);

  /* What holds always. */
  g_assert_nonnull (fault->result);
  g_assert_true (fault->sent == (fault->error == NULL));
  g_assert_true (fault->sent == (vereda_result_get_verdict (fault->result) == VEREDA_SENT));
  g_assert_true ((fault->error != NULL) == (vereda_result_get_error (fault->result) != NULL));
  if (vereda_result_get_verdict (fault->result) == VEREDA_UNKNOWN)
    {
      g_assert_error (fault->error, VEREDA_ERROR, VEREDA_ERROR_UNKNOWN_OUTCOME);
      g_assert_false (vereda_result_is_transient (fault->result));
    }
  return fault->sent;
}

/* ---- back ends ---- */

const char *const *
fault_backends (void)
{
  static GPtrArray *names;
  VeredaRegistry *registry = vereda_registry_get_default ();

  if (names != NULL)
    return (const char *const *) names->pdata;
  names = g_ptr_array_new ();
  for (guint i = 0; i < vereda_registry_get_n_entries (registry); i++)
    {
      VeredaRegistryEntry *entry = vereda_registry_get_entry (registry, i);

      if (g_strcmp0 (vereda_registry_entry_get_mode (entry), "starttls") == 0)
        g_ptr_array_add (names, (gpointer) vereda_registry_entry_get_transport (entry));
    }
  if (names->len == 0)
    g_error ("no TLS transport was built, or VEREDA_PLUGIN_PATH is not set");
  g_ptr_array_add (names, NULL);
  return (const char *const *) names->pdata;
}

void
fault_add_backends (const char *path, GTestDataFunc func)
{
  const char *const *names = fault_backends ();

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autofree char *whole = g_strdup_printf ("%s/%s", path, names[i]);

      g_test_add_data_func (whole, names[i], func);
    }
}

void
fault_add_everywhere (const char *path, GTestDataFunc func)
{
  g_autofree char *clear = g_strconcat (path, "/clear", NULL);

  g_test_add_data_func (clear, "clear", func);
  fault_add_backends (path, func);
}

/* ---- plugins of the test's own ---- */

static void
copy_file (const char *from, const char *dir)
{
  g_autofree char *leaf = g_path_get_basename (from), *to = g_build_filename (dir, leaf, NULL), *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  g_file_get_contents (from, &data, &size, &error);
  g_assert_no_error (error);
  g_file_set_contents_full (to, data, (gssize) size, G_FILE_SET_CONTENTS_NONE, 0644, &error);
  g_assert_no_error (error);
}

char *
fault_plugins_new (const char *const *without)
{
  VeredaRegistry *registry = vereda_registry_get_default ();
  g_autoptr (GError) error = NULL;
  char *dir = g_dir_make_tmp ("vereda-fault-XXXXXX", &error);

  g_assert_no_error (error);
  for (guint i = 0; i < vereda_registry_get_n_entries (registry); i++)
    {
      VeredaRegistryEntry *entry = vereda_registry_get_entry (registry, i);
      const char *stem = vereda_registry_entry_get_stem (entry);

      if (without != NULL && g_strv_contains (without, stem))
        continue;
      copy_file (vereda_registry_entry_get_file (entry), dir);
      copy_file (vereda_registry_entry_get_keyfile (entry), dir);
    }
  return dir;
}

void
fault_plugins_free (char *path)
{
  g_autoptr (GDir) dir = path != NULL ? g_dir_open (path, 0, NULL) : NULL;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      g_unlink (file);
    }
  if (path != NULL)
    g_rmdir (path);
  g_free (path);
}

void
fault_use_plugins (Fault *fault, const char *dir)
{
  const char *const dirs[] = { dir, NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (VeredaRegistry) registry = vereda_registry_new_from_dirs (dirs, &error);

  g_assert_no_error (error);
  vereda_options_set_registry (fault->options, registry);
}

/* ---- expectations ---- */

static void G_GNUC_NORETURN G_GNUC_PRINTF (2, 3) fail (Fault *fault, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_printerr ("# %s\n# error: %s\n", what, fault->error != NULL ? fault->error->message : "none");
  for (guint i = 0; fault->result != NULL && i < vereda_result_get_n_attempts (fault->result); i++)
    {
      VeredaAttempt *attempt = vereda_result_get_attempt (fault->result, i);

      g_printerr ("# attempt: %s %s %s: %s\n", vereda_stage_name (vereda_attempt_get_stage (attempt)),
                  vereda_attempt_succeeded (attempt) ? "ok" : "failed",
                  vereda_decision_name (vereda_attempt_get_decision (attempt)), vereda_attempt_get_detail (attempt));
    }
  g_printerr ("# transcript:\n%s", fault->trace->str);
  g_error ("%s", what);
}

void
fault_expect_sent (Fault *fault)
{
  if (!fault->sent)
    fail (fault, "it was not sent");
}

void
fault_expect_error (Fault *fault, VeredaErrorCode code, const char *part)
{
  if (fault->sent || vereda_result_get_verdict (fault->result) != VEREDA_NOT_SENT)
    fail (fault, "verdict %s, and not-sent was expected", vereda_verdict_name (vereda_result_get_verdict (fault->result)));
  if (!g_error_matches (fault->error, VEREDA_ERROR, (gint) code))
    fail (fault, "error %d, and %d was expected", fault->error->code, (int) code);
  if (part != NULL && strstr (fault->error->message, part) == NULL)
    fail (fault, "the error does not say \"%s\"", part);
}

void
fault_expect_content (KitScript *server, guint n)
{
  const char *content = kit_script_content (server, n, 0);

  g_assert_nonnull (content);
  g_assert_nonnull (strstr (content, "Subject: fault\r\n"));
  g_assert_true (g_str_has_suffix (content, FAULT_BODY "..a dot first\r\n")
                 || g_str_has_suffix (content, FAULT_BODY ".a dot first\r\n"));
}

void
fault_expect_clean (KitScript *server)
{
  kit_script_settle (server);
  for (guint i = 0; i < kit_script_connections (server); i++)
    if (kit_script_problem (server, i) != NULL)
      g_error ("connection %u: %s", i, kit_script_problem (server, i));
}

void
fault_expect_connections (KitScript *server, guint n)
{
  kit_script_settle (server);
  g_assert_cmpuint (kit_script_connections (server), ==, n);
}

/* ---- secrets ---- */

static gboolean
holds (const void *data, gsize size, const char *part)
{
  return size > 0 && memmem (data, size, part, strlen (part)) != NULL;
}

gboolean
fault_holds_secret (const void *data, gsize size, const char *secret)
{
  gsize n = strlen (secret);
  g_autoptr (GString) hex = g_string_new (NULL);

  if (holds (data, size, secret))
    return TRUE;
  for (gsize shift = 0; shift < 3; shift++)
    {
      g_autofree char *padded = g_strconcat (&"xx"[2 - shift], secret, NULL);
      g_autofree char *coded = g_base64_encode ((const guchar *) padded, n + shift);
      gsize from = (shift * 8 + 5) / 6, to = (n + shift) * 8 / 6; /* digits that are the secret's alone */

      coded[to] = '\0';
      if (holds (data, size, coded + from))
        return TRUE;
    }
  for (gsize i = 0; i < n; i++)
    g_string_append_printf (hex, "%02x", (guint) (guchar) secret[i]);
  if (holds (data, size, hex->str))
    return TRUE;
  g_string_ascii_up (hex);
  return holds (data, size, hex->str);
}

static void
expect_no_secret_in (const char *where, const void *data, gsize size)
{
  if (fault_holds_secret (data, size, FAULT_PASSWORD))
    g_error ("the password is in %s: %.*s", where, (int) size, (const char *) data);
}

void
fault_expect_no_secret (Fault *fault, KitScript *server, gboolean under_tls)
{
  expect_no_secret_in ("the transcript", fault->trace->str, fault->trace->len);
  expect_no_secret_in ("the policy's questions", fault->asked->str, fault->asked->len);
  if (fault->error != NULL)
    expect_no_secret_in ("the error", fault->error->message, strlen (fault->error->message));
  for (guint i = 0; i < vereda_result_get_n_attempts (fault->result); i++)
    {
      const char *detail = vereda_attempt_get_detail (vereda_result_get_attempt (fault->result, i));

      expect_no_secret_in ("an attempt", detail, strlen (detail));
    }
  kit_script_settle (server);
  for (guint i = 0; i < kit_script_connections (server); i++)
    {
      const GByteArray *clear = kit_script_clear (server, i), *secure = kit_script_secure (server, i);

      expect_no_secret_in ("clear octets", clear->data, clear->len);
      if (under_tls)
        expect_no_secret_in ("octets under TLS", secure->data, secure->len);
    }
}

void
fault_expect_no_mail_in_clear (KitScript *server)
{
  static const char *const words[] = { "MAIL FROM", "RCPT TO", "AUTH ", "DATA\r\n", "BDAT ", "Quetzalcoatl", "ann@", "bob@" };

  kit_script_settle (server);
  for (guint i = 0; i < kit_script_connections (server); i++)
    for (guint k = 0; k < G_N_ELEMENTS (words); k++)
      {
        const GByteArray *clear = kit_script_clear (server, i);

        if (holds (clear->data, clear->len, words[k]))
          g_error ("\"%s\" went in clear: %.*s", words[k], (int) clear->len, (const char *) clear->data);
      }
}

VeredaAttempt *
fault_expect_attempt (Fault *fault, VeredaStage stage, VeredaDecision decision, const char *part)
{
  for (guint i = vereda_result_get_n_attempts (fault->result); i-- > 0;)
    {
      VeredaAttempt *attempt = vereda_result_get_attempt (fault->result, i);

      if (vereda_attempt_get_stage (attempt) == stage && (decision == 0 || vereda_attempt_get_decision (attempt) == decision)
          && (part == NULL || strstr (vereda_attempt_get_detail (attempt), part) != NULL))
        return attempt;
    }
  fail (fault, "no attempt at stage %s with decision %s and \"%s\"", vereda_stage_name (stage),
        decision != 0 ? vereda_decision_name (decision) : "any", part != NULL ? part : "");
}

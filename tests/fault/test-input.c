/* SPDX-License-Identifier: MIT */
/*
 * Bad input: refused with an error that names the option and the place, before anybody is contacted. 
 */
#include "fault.h"

/* ---- control characters in every option ---- */

/* Something that each option takes. */
static const char *
fine_value (const VeredaOptionInfo *info)
{
  static const struct
  {
    const char *name, *value;
  } rows[] = {
    { "servers", "mail.example.test" },
    { "ports", "587" },
    { "client", "client.example.test" },
    { "originator", "ann@example.test" },
    { "recipients", "bob@example.test" },
    { "header", "X-Fault: fine" },
    { "default-domain", "example.test" },
    { "transport", "gnutls" },
    { "verify-name", "mail.example.test" },
    { "tls-priority", "NORMAL" },
    { "pins", "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
    { "tlsa", "3 1 1 0000000000000000000000000000000000000000000000000000000000000000" },
    { "username", FAULT_USER },
    { "password", FAULT_PASSWORD },
    { "authzid", "tom" },
    { "realm", "example.test" },
    { "auth", "PLAIN" },
    { "no-auth", "LOGIN" },
    { "auth-min-strength", "10" },
    { "window-messages", "10" },
    { "window-octets", "10000" },
    { "connections", "3" },
    { "messages-per-connection", "2" },
    { "local-address", "127.0.0.1" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_equal (rows[i].name, info->name))
      return rows[i].value;
  switch (info->type)
    {
    case VEREDA_OPTION_BOOLEAN:
      return "yes";
    case VEREDA_OPTION_SECONDS:
      return "7";
    case VEREDA_OPTION_FILE:
      return "/dev/null";
    case VEREDA_OPTION_CHOICE:
      return NULL; /* its own words */
    case VEREDA_OPTION_STRING:
    case VEREDA_OPTION_LIST:
    case VEREDA_OPTION_HEADER:
    case VEREDA_OPTION_SECRET:
    default:
      g_error ("option %s is new: give it a row here", info->name);
    }
}

static void
expect_refused (VeredaOptions *options, const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *before = g_strdup (vereda_options_get (options, name));
  gboolean was_set = vereda_options_is_set (options, name);
  g_autofree char *shown = g_strescape (value, NULL);

  g_test_message ("%s=%s", name, shown);
  g_assert_false (vereda_options_set (options, name, value, &error));
  g_assert_nonnull (error);
  g_assert_true (g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_OPTION)
                 || g_error_matches (error, VEREDA_ERROR, VEREDA_ERROR_ADDRESS));
  if (strstr (error->message, name) == NULL)
    g_error ("the error does not name option %s: %s", name, error->message);
  g_assert_null (strpbrk (error->message, "\r\n\x1b\x7f\x01"));
  g_assert_cmpstr (vereda_options_get (options, name), ==, before);
  g_assert_true (vereda_options_is_set (options, name) == was_set);
}

static void
test_control_characters (void)
{
  static const char *const evil[]
      = { "\r\n", "\r", "\n", "\x01", "\x1b[2J", "\x7f", "\r\nRCPT TO:<victim@example.test>", "\n.\n" };
  g_autoptr (KitScript) server = kit_script_new ("hello\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_set (fault, "tls", "never");
  fault_server (fault, server);
  for (guint i = 0; i < vereda_option_count (); i++)
    {
      const VeredaOptionInfo *info = vereda_option_at (i);
      const char *fine = fine_value (info);
      g_autofree char *first = fine == NULL ? g_strndup (info->choices, strcspn (info->choices, "|")) : g_strdup (fine);
      g_autoptr (VeredaOptions) options = vereda_options_new ();
      g_autoptr (GError) error = NULL;

      vereda_options_set (options, info->name, first, &error);
      g_assert_no_error (error); /* the value is fine; the rest is what is refused */
      for (gsize k = 0; k < G_N_ELEMENTS (evil); k++)
        {
          gsize half = strlen (first) / 2;
          g_autofree char *middle = g_strdup_printf ("%.*s%s%s", (int) half, first, evil[k], first + half);
          g_autofree char *end = g_strconcat (first, evil[k], NULL), *begin = g_strconcat (evil[k], first, NULL);

          expect_refused (options, info->name, middle);
          expect_refused (options, info->name, end);
          expect_refused (options, info->name, begin);
          expect_refused (fault->options, info->name, end);
        }
    }
  fault_expect_connections (server, 0);
}

/* The seed's names reach the same checks. */
static void
test_seed_names (void)
{
  for (guint i = 0; i < vereda_option_count (); i++)
    {
      const VeredaOptionInfo *info = vereda_option_at (i);
      g_autoptr (VeredaOptions) options = vereda_options_new ();
      g_autoptr (GError) error = NULL;

      if (info->seed == NULL)
        continue;
      g_assert_false (vereda_options_set (options, info->seed, "x\r\nNOOP", &error));
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, info->name));
    }
}

static void
test_header_function (void)
{
  static const struct
  {
    const char *name, *value;
  } rows[] = {
    { "X-Fault\r\nBcc", "a@example.test" },
    { "X-Fault", "a\r\nBcc: victim@example.test" },
    { "X Fault", "a" },
    { "X:Fault", "a" },
    { "", "a" },
    { "X-F\xc3\xa4ult", "a" },
    { "X-Fault", "a\nb" },
    { "X-Fault", "a\rb" },
    { "X-Fault", "\xff\xfe" },
    { "X-Fault", "a\x1b[0m" },
    { "Subject", "a\r\n\r\nbody" },
    { "Content-Type", "text/html" },
    { "Received", "from me" },
    { "Return-Path", "<a@example.test>" },
  };
  g_autoptr (VeredaOptions) options = vereda_options_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (vereda_options_add_header (options, rows[i].name, rows[i].value, &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_nonnull (strstr (error->message, "header"));
      g_assert_null (strpbrk (error->message, "\r\n\x1b"));
      g_assert_false (vereda_options_is_set (options, "header"));
    }
}

/* ---- values that make no sense ---- */

static void
test_values (void)
{
  static const struct
  {
    const char *name, *value;
  } rows[] = {
    { "servers", "" },
    { "servers", "," },
    { "servers", "http://mail.example.test" },
    { "servers", "mail.example.test:0" },
    { "servers", "mail.example.test:65536" },
    { "servers", "mail.example.test:x" },
    { "servers", "ma_il..example" },
    { "servers", "[::1" },
    { "servers", "lmtp://mail.example.test:25" },
    { "servers", "smtp://user:" FAULT_PASSWORD "@mail.example.test" },
    { "ports", "0" },
    { "ports", "65536" },
    { "ports", "-1" },
    { "ports", "25x" },
    { "ports", "smtp" },
    { "client", "" },
    { "client", "a_b.example" },
    { "client", "a b" },
    { "client", "[1.2.3]" },
    { "client", "-a.example" },
    { "originator", "ann@" },
    { "originator", "@example.test" },
    { "originator", "ann@example..test" },
    { "originator", "<ann@example.test" },
    { "originator", "a@example.test, b@example.test" },
    { "originator", "ann@exa mple.test" },
    { "originator", "ann@[1.2.3.400]" },
    { "originator", "ann@-example.test" },
    { "originator", " " },
    { "recipients", " " },
    { "recipients", "," },
    { "recipients", "group:;" },
    { "recipients", "bob@example.test, joe@" },
    { "recipients", "bob@example.test> SIZE=1" },
    { "recipients", "\"bob@example.test" },
    { "recipients", "bob@example.test joe@example.test" },
    { "at-least-one", "perhaps" },
    { "bcc", "sometimes" },
    { "tls", "ssl" },
    { "usetls", "2" },
    { "tlspolicy", "maybe" },
    { "transport", "starttls/" },
    { "ca-file", "" },
    { "tls-min", "1.0" },
    { "username", "" },
    { "auth", "" },
    { "auth", "PL AIN/" },
    { "auth", "A-MECHANISM-WITH-MORE-THAN-20" },
    { "auth-min-strength", "7000" },
    { "auth-min-strength", "-1" },
    { "window-messages", "0" },
    { "window-octets", "1k" },
    { "connect-timeout", "-1" },
    { "connect-timeout", "abc" },
    { "connect-timeout", "86401" },
    { "connect-timeout", "0.0001" },
    { "connect-timeout", "1s" },
    { "connect-timeout", "nan" },
    { "connect-timeout", "inf" },
    { "local-address", "localhost" },
    { "header", "no colon" },
    { "header", ": value" },
    { "header", "Bad Name: value" },
    { "header", "MIME-Version: 1.0" },
    { "header", "content-transfer-encoding: 8bit" },
  };
  g_autoptr (VeredaOptions) options = vereda_options_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      expect_refused (options, rows[i].name, rows[i].value);
      vereda_options_set (options, rows[i].name, rows[i].value, &error);
      g_assert_null (strstr (error->message, FAULT_PASSWORD));
    }
}

static void
test_unknown_option (void)
{
  static const char *const names[] = { "server", "", "-server", "Servers", "servers ", "x\r\ny" };
  g_autoptr (VeredaOptions) options = vereda_options_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (vereda_options_set (options, names[i], "value", &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION);
      g_assert_null (strpbrk (error->message, "\r\n"));
      g_assert_null (vereda_options_get (options, names[i]));
      g_assert_false (vereda_options_is_set (options, names[i]));
    }
}

/* ---- what is seen only when it comes together, still before any connection ---- */

typedef struct
{
  const char *name;
  const char *options; /* NAME=VALUE;… "-" resets */
  const char *message; /* NULL: the usual one */
  int code;
  const char *part;
} TogetherRow;

static const TogetherRow together_rows[] = {
  { "unqualified-originator", "originator=ann", NULL, VEREDA_ERROR_ADDRESS, "originator" },
  { "unqualified-recipient", "recipients=bob@example.test, joe", NULL, VEREDA_ERROR_ADDRESS, "recipients" },
  { "nobody", "recipients=-", "From: ann@example.test\r\nSubject: x\r\n\r\nbody\r\n", VEREDA_ERROR_ADDRESS,
    "nobody to send to" },
  { "empty-to", "recipients=-", "From: ann@example.test\r\nTo: undisclosed:;\r\n\r\nbody\r\n", VEREDA_ERROR_ADDRESS,
    "nobody to send to" },
  { "bad-to", "recipients=-", "From: ann@example.test\r\nTo: bob@example.test, joe@@example.test\r\n\r\nbody\r\n",
    VEREDA_ERROR_ADDRESS, "To" },
  { "bad-from", "originator=-", "From: ann\r\nTo: bob@example.test\r\n\r\nbody\r\n", VEREDA_ERROR_ADDRESS, "From" },
  { "no-from", "originator=-", "To: bob@example.test\r\n\r\nbody\r\n", VEREDA_ERROR_ADDRESS, "From" },
  { "two-from", "", "From: ann@example.test\r\nFrom: eve@example.test\r\n\r\nbody\r\n", VEREDA_ERROR_MESSAGE, "From" },
  { "null-path-without-from", "originator=", "To: bob@example.test\r\n\r\nbody\r\n", VEREDA_ERROR_MESSAGE, "From" },
  { "no-header", "", "just some text\r\nand more\r\n", VEREDA_ERROR_MESSAGE, NULL },
  { "continuation-first", "", " folded: what\r\nFrom: ann@example.test\r\n\r\nbody\r\n", VEREDA_ERROR_MESSAGE, NULL },
  { "line-without-colon", "", "From: ann@example.test\r\nnonsense\r\nTo: bob@example.test\r\n\r\nbody\r\n",
    VEREDA_ERROR_MESSAGE, NULL },
  { "lone-cr", "", "From: ann@example.test\r\n\r\nbo\rdy\r\n", VEREDA_ERROR_MESSAGE, "line 3" },
  { "lone-cr-at-the-end", "", "From: ann@example.test\r\n\r\nbody\r", VEREDA_ERROR_MESSAGE, NULL },
  { "lone-cr-in-the-header", "", "From: ann@example.test\r\nSubject: a\rb\r\n\r\nbody\r\n", VEREDA_ERROR_MESSAGE, NULL },
  { "password-without-user", "password=x", NULL, VEREDA_ERROR_OPTION, "username" },
  { "key-without-certificate", "key-file=/dev/null", NULL, VEREDA_ERROR_OPTION, "cert-file" },
  { "ca-file-missing", "tls=starttls;ca-file=/nonexistent/ca.pem", NULL, VEREDA_ERROR_OPTION, "ca-file" },
  { "cert-file-missing", "tls=starttls;cert-file=/nonexistent/cert.pem", NULL, VEREDA_ERROR_OPTION, "cert-file" },
  { "transport-against-tls", "tls=starttls;transport=implicit/gnutls", NULL, VEREDA_ERROR_OPTION, "transport" },
  { "header-twice", "header=Subject: a;header=Subject: b", NULL, VEREDA_ERROR_OPTION, "Subject" },
  { "header-address", "header=To: bob@;recipients=-", NULL, VEREDA_ERROR_ADDRESS, "To" },
};

static void
test_together (gconstpointer data)
{
  const TogetherRow *row = data;
  g_autoptr (KitScript) server = kit_script_new ("hello\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();

  fault_set (fault, "tls", "never");
  fault_server (fault, server);
  kit_set_all (fault->options, row->options);
  if (row->message != NULL)
    fault_message (fault, row->message);
  fault_send (fault);
  fault_expect_error (fault, (VeredaErrorCode) row->code, row->part);
  fault_expect_connections (server, 0);
}

/* An empty message is one without a body: its header section is built. */
static void
test_empty_message (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\nserve", NULL);
  g_autoptr (Fault) fault = fault_new ();
  g_autofree char *content = NULL;

  fault_set (fault, "tls", "never");
  fault_server (fault, server);
  fault_message (fault, "");
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  content = g_strconcat ("\r\n", kit_script_content (server, 0, 0), NULL);
  g_assert_nonnull (strstr (content, "\r\nFrom: ann@example.test\r\n"));
  g_assert_nonnull (strstr (content, "\r\nDate: "));
  g_assert_nonnull (strstr (content, "\r\nMessage-ID: <"));
}

/* Octets that C strings cannot hold. */
static void
test_nul (void)
{
  static const char in_body[] = "From: ann@example.test\r\n\r\nbo\0dy\r\n",
                    in_header[] = "From: ann@example.test\r\nSubject: a\0b\r\n\r\nbody\r\n";
  const struct
  {
    const char *data;
    gsize size;
  } rows[] = { { in_body, sizeof in_body - 1 }, { in_header, sizeof in_header - 1 } };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (KitScript) server = kit_script_new ("hello\nserve", NULL);
      g_autoptr (Fault) fault = fault_new ();
      g_autoptr (GBytes) bytes = g_bytes_new_static (rows[i].data, rows[i].size);

      fault->message = vereda_message_new_from_bytes (bytes);
      fault_set (fault, "tls", "never");
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_error (fault, VEREDA_ERROR_MESSAGE, NULL);
      fault_expect_connections (server, 0);
    }
}

/* No mechanism could say such a password (RFC 4013 section 2.3): known before anybody is asked. */
static void
test_password_octets (void)
{
  static const char *const passwords[] = { "one\0two", "one\r\ntwo", "\x01", "tab\there" };
  static const gsize sizes[] = { 7, 8, 1, 8 };

  for (gsize i = 0; i < G_N_ELEMENTS (passwords); i++)
    {
      g_autoptr (KitScript) server = kit_script_new ("ext AUTH PLAIN LOGIN CRAM-MD5\nhello\nserve", NULL);
      g_autoptr (Fault) fault = fault_new ();

      fault_set (fault, "tls", "never");
      fault_set (fault, "insecure-cleartext-auth", "yes");
      fault_set (fault, "username", FAULT_USER);
      vereda_options_set_password_data (fault->options, passwords[i], sizes[i]);
      fault_server (fault, server);
      fault_send (fault);
      fault_expect_error (fault, VEREDA_ERROR_OPTION, "password");
      fault_expect_connections (server, 0);
    }
}

/* The place is named: the line of what is wrong. */
static void
test_place (void)
{
  g_autoptr (KitScript) server = kit_script_new ("hello\nserve", NULL);
  g_autofree char *line = g_strnfill (999, 'l'), *text = NULL;

  text = g_strdup_printf ("From: ann@example.test\r\n\r\none\r\ntwo\r\n%s\r\n", line);
  {
    g_autoptr (Fault) fault = fault_new ();

    fault_set (fault, "tls", "never");
    fault_server (fault, server);
    fault_message (fault, text);
    fault_send (fault);
    fault_expect_error (fault, VEREDA_ERROR_MESSAGE, "line 5");
    fault_set (fault, "long-lines", "allow");
    g_assert_true (fault_send (fault));
  }
  {
    g_autoptr (Fault) fault = fault_new ();
    g_autoptr (KitScript) other = kit_script_new ("hello\nserve", NULL);

    fault_set (fault, "tls", "never");
    fault_set (fault, "lone-cr", "convert");
    fault_server (fault, other);
    fault_message (fault, "From: ann@example.test\r\nTo: bob@example.test\r\n\r\none\rtwo\r\n");
    g_assert_true (fault_send (fault));
    kit_script_settle (other);
    g_assert_nonnull (strstr (kit_script_content (other, 0, 0), "one\r\ntwo\r\n"));
  }
}

static void
test_files (void)
{
  static const char *const paths[] = { "/nonexistent/message.eml", "/", "" };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_assert_null (vereda_message_new_from_file (paths[i], &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
      g_clear_error (&error);
    }
  g_assert_null (vereda_message_new_from_fd (-1, FALSE, &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_SOURCE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/CFG-1/every-option", test_control_characters);
  g_test_add_func ("/CFG-1/seed-names", test_seed_names);
  g_test_add_func ("/HDR-7/header-function", test_header_function);
  g_test_add_func ("/CFG/values", test_values);
  g_test_add_func ("/CFG/unknown-option", test_unknown_option);
  for (gsize i = 0; i < G_N_ELEMENTS (together_rows); i++)
    {
      g_autofree char *path = g_strconcat ("/input/", together_rows[i].name, NULL);

      g_test_add_data_func (path, &together_rows[i], test_together);
    }
  g_test_add_func ("/input/empty", test_empty_message);
  g_test_add_func ("/NRM-3/nul", test_nul);
  g_test_add_func ("/AUT-17/password-octets", test_password_octets);
  g_test_add_func ("/NRM-4/place", test_place);
  g_test_add_func ("/input/files", test_files);
  return g_test_run ();
}

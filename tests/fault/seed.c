/* SPDX-License-Identifier: MIT */
/*
 * seed: see the header.
 */
#include "seed.h"

/* A submission in the seed's words: one server, no TLS. */
Fault *
seed_new (KitScript *server)
{
  Fault *fault = fault_new_bare ();
  g_autofree char *port = g_strdup_printf ("%u", kit_script_port (server));

  fault_set (fault, "-servers", "127.0.0.1");
  fault_set (fault, "-ports", port);
  fault_set (fault, "-usetls", "no");
  return fault;
}

void
seed_servers (Fault *fault, KitScript *first, KitScript *second)
{
  g_autofree char *ports = g_strdup_printf ("%u,%u", kit_script_port (first), kit_script_port (second));

  fault_set (fault, "-servers", "127.0.0.1,127.0.0.1");
  fault_set (fault, "-ports", ports);
}

/* Sends `message` to a server that behaves; gives the record with the content of the one message. */
const char *
seed_content (Fault *fault, KitScript *server, const char *message)
{
  fault_message (fault, message);
  fault_send (fault);
  fault_expect_sent (fault);
  fault_expect_clean (server);
  return kit_script_content (server, 0, 0);
}

guint
seed_count (const char *text, const char *part)
{
  guint n = 0;

  for (const char *p = strstr (text, part); p != NULL; p = strstr (p + 1, part))
    n++;
  return n;
}

/* The field's value where it stands at the beginning of a line; NULL: none. */
char *
seed_field (const char *content, const char *name)
{
  g_autofree char *start = g_strconcat ("\r\n", name, ": ", NULL), *text = g_strconcat ("\r\n", content, NULL);
  char *at = strstr (text, start);

  if (at == NULL)
    return NULL;
  at += strlen (start);
  return g_strndup (at, strcspn (at, "\r"));
}

void
seed_expect_field (const char *content, const char *name, const char *value)
{
  g_autofree char *found = seed_field (content, name);

  g_assert_cmpstr (found, ==, value);
}

void
seed_expect_set_error (const char *name, const char *value)
{
  g_autoptr (VeredaOptions) options = vereda_options_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (vereda_options_set (options, name, value, &error));
  g_assert_nonnull (error);
  g_assert_cmpint ((int) error->domain, ==, (int) VEREDA_ERROR);
}

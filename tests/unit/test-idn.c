/* SPDX-License-Identifier: MIT */
/* Tests of the conversion of names: that its library is opened when it is needed and is the one of the headers, and what it says. */
#include <dlfcn.h>
#include <glib.h>
#include <idn2.h>

#include "core/base/idn.h"

/* Headers and library belong together by the soname alone. */
#define SONAME "libidn2.so.0"

static gboolean
is_open (void)
{
  void *handle = dlopen (SONAME, RTLD_LAZY | RTLD_NOLOAD);

  if (handle != NULL)
    dlclose (handle);
  return handle != NULL;
}

static gpointer
convert (gpointer data)
{
  char *why = NULL;
  char *ascii = vd_idn_to_ascii ("españa.example", &why);

  g_assert_null (why);
  return ascii;
}

/* First, and from many threads: one of them opens the library. */
static void
test_opened_when_needed (void)
{
  GThread *threads[8];

  g_assert_false (is_open ());
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("convert", convert, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_autofree char *ascii = g_thread_join (threads[i]);
      g_assert_cmpstr (ascii, ==, "xn--espaa-rta.example");
    }
  g_assert_true (is_open ());
}

static void
test_of_the_headers (void)
{
  void *handle = dlopen (SONAME, RTLD_LAZY);

  g_assert_nonnull (handle);
  __typeof__ (&idn2_check_version) check;
  *(void **) &check = dlsym (handle, "idn2_check_version");
  g_assert_nonnull (check);
  g_assert_nonnull (check (IDN2_VERSION));
  dlclose (handle);
}

static void
test_refused (void)
{
  g_autofree char *why = NULL;

  g_assert_null (vd_idn_to_ascii ("a\u2024\u2024b", &why));
  g_assert_nonnull (why);
  g_assert_cmpstr (why, !=, "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/idn/opened-when-needed", test_opened_when_needed);
  g_test_add_func ("/idn/of-the-headers", test_of_the_headers);
  g_test_add_func ("/idn/refused", test_refused);
  return g_test_run ();
}

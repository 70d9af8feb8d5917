/* SPDX-License-Identifier: MIT */
/*
 * make-certs DIR [STAMP]: writes the certificates that the tests use, which are the conformance kit's.
 */
#include <errno.h>
#include <glib.h>

#include "kit/certs.h"

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc < 2 || argc > 3)
    {
      g_printerr ("usage: make-certs DIR [STAMP]\n");
      return 1;
    }
  if (g_mkdir_with_parents (argv[1], 0755) != 0)
    {
      g_printerr ("make-certs: %s: %s\n", argv[1], g_strerror (errno));
      return 1;
    }
  if (!kit_certs_write (argv[1], NULL, &error) || (argc == 3 && !g_file_set_contents (argv[2], "made\n", -1, &error)))
    {
      g_printerr ("make-certs: %s\n", error->message);
      return 1;
    }
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* version - what --version prints, of every program of the tool. */
#include "tool.h"

#include <stdio.h>
#include <vereda/vereda.h>

#ifndef TOOL_VERSION
#error "TOOL_VERSION comes from the build"
#endif

void
tool_print_version (void)
{
  printf ("smtp-tool (Vereda) %s\n"
          "library %s, GLib %u.%u.%u\n"
          "Licence MIT.  There is no warranty, to the extent the law permits.\n",
          TOOL_VERSION, vereda_version (), glib_major_version, glib_minor_version, glib_micro_version);
}

/* SPDX-License-Identifier: MIT */
/* sink-options - the sink's options as one JSON document, in the form of `smtp-tool --generate=options`: the manual is made from it.
 *
 * Pure but for standard output. */
#ifndef SINK_OPTIONS_H
#define SINK_OPTIONS_H

#include <glib.h>

typedef struct
{
  const gchar *heading;
  const GOptionEntry *entries; /* ends in a row without a name */
} SinkOptionGroup;

void sink_options_print (const SinkOptionGroup *groups, guint count);

#endif

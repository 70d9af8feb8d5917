/* SPDX-License-Identifier: MIT */
/* plan - what `send` was asked to do: from a read command line to options of the library and a list of messages.
 *
 * Touches the files that are named, the password's source, and the composer.  Everything that can be found wrong before a
 * connection is found here. */
#ifndef TOOL_PLAN_H
#define TOOL_PLAN_H

#include <glib.h>
#include <vereda/vereda.h>

#include "cli.h"
#include "provider.h"
#include "redact.h"
#include "text.h"

typedef enum
{
  FORMAT_HUMAN,
  FORMAT_JSON
} Format;

typedef enum
{
  PROGRESS_AUTO,
  PROGRESS_ALWAYS, /* where there is a terminal at all */
  PROGRESS_NEVER
} ProgressWish;

/* One message and what became of it. */
typedef struct
{
  char *file;             /* as given, "-" for standard input; NULL: composed here */
  VeredaMessage *message; /* NULL: cannot be read, see error */
  VeredaResult *result;   /* NULL until there is one */
  GError *error;          /* wrong before the library saw it */
  int fd;                 /* of a copy to show (dry run); -1: none */
  gboolean submitted;     /* the library took it */
} Item;

typedef struct
{
  Format format;
  TextColour colour;
  ProgressWish progress;
  gboolean verbose;
  guint verbosity; /* how often it was said */
  RedactLevel redact;
  gboolean quiet;
  gboolean dry_run;
  gboolean allow_partial;
  gboolean sysexits;
  gboolean wants_auth;
  gint interrupted; /* number of the signal, or 0; messages without a result have no known outcome then */
  VeredaOptions *options;
  Provider *provider;  /* of passwords that are asked for by server; NULL: there is one for all, or none */
  GPtrArray *items;    /* Item */
  GPtrArray *warnings; /* strings */
} Plan;

Plan *plan_new (void);
void plan_free (Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Plan, plan_free)

/* How to report; needs no correct command line, so that its errors can be reported in the form that was asked for. */
void plan_read_output (Plan *plan, const CliLine *line, GError **error);

/* The index in @p words (NULL-ended) of the option's value; *ret_index stays as it is when the option was not given. */
gboolean plan_read_word (const CliLine *line, int id, const char *const *words, guint *ret_index, GError **error);

/* Options, envelope, credentials. */
gboolean plan_read_options (Plan *plan, const CliLine *line, GError **error);

/* The messages; composes if asked to.  A file that cannot be opened is an item with an error, not a failure. */
gboolean plan_read_messages (Plan *plan, const CliLine *line, GError **error);

/* What to call the message when people read it; free it. */
char *item_name (const Item *item);

#endif

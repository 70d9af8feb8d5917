/* SPDX-License-Identifier: MIT */
/* doctor - `smtp-tool plugins doctor`: everything that is known to be wrong with the plugins, and what each costs.
 *
 * doctor.c finds out, doctor-probe.c loads one plugin in a process of its own, doctor-report.c tells. */
#ifndef TOOL_DOCTOR_H
#define TOOL_DOCTOR_H

#include <jansson.h>
#include <vereda/vereda.h>

#include "report.h"

typedef enum
{
  FINDING_ERROR,   /* something does not work: exit status 10 */
  FINDING_WARNING, /* something is not as it looks */
  FINDING_NOTE     /* somebody wanted it so */
} Severity;

typedef struct
{
  Severity severity;
  const char *id; /* stable: "load-failed" */
  char *subject;  /* a plugin, a folder, a variable */
  char *text;
} Finding;

/* What one process found out by loading one plugin. */
typedef struct
{
  gboolean loaded;
  char *error;   /* the loader's own words; NULL when loaded */
  gboolean died; /* the process ended before it could answer */
  double ms;     /* time that loading took */
  gint64 kb;     /* growth of the resident set */
} Probe;

typedef struct
{
  VeredaRegistryEntry *entry;  /* the first row of the plugin */
  GPtrArray *provides;         /* names of its transports and mechanisms, borrowed */
  VeredaRegistryEntry *usable; /* a row that is not switched off; NULL: none */
  Probe *probe;                /* NULL: not loaded */
} Patient;

/* A line in a file of the administrator's. */
typedef struct
{
  char *file;    /* path */
  char *section; /* "Plugin", "Mechanism PLAIN" */
  char *setting; /* "Rank=200" */
} Override;

typedef struct
{
  VeredaRegistry *registry;                  /* borrowed */
  const char *path_variable, *rank_variable; /* VEREDA_PLUGIN_PATH, VEREDA_RANK as they are in force, or NULL */
  GPtrArray *patients;                       /* Patient, in the order of their files */
  GPtrArray *overrides;                      /* Override */
  GPtrArray *findings;                       /* Finding, in the order in which they were made */
} Doctor;

/* ---- doctor.c ---- */
Doctor *doctor_new (VeredaRegistry *registry);
void doctor_free (Doctor *doctor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Doctor, doctor_free)
guint doctor_count (const Doctor *doctor, Severity severity);
/* What is wrong with one of the registry's folders; NULL: nothing.  Borrowed. */
const char *doctor_folder_problem (const Doctor *doctor, const char *folder);

/* ---- doctor-probe.c ---- */
#define DOCTOR_PROBE "__probe" /* hidden: smtp-tool plugins __probe KEYFILE */
/* Runs this program again, to load the plugin with that keyfile. */
Probe *doctor_probe (const char *keyfile);
void doctor_probe_free (Probe *probe);
/* The other side: loads it, and prints one line of JSON. */
int doctor_probe_main (VeredaRegistry *registry, const char *keyfile);

/* ---- doctor-report.c ---- */
void doctor_print_human (const Doctor *doctor, gboolean colour);
json_t *doctor_json (const Doctor *doctor, const Outcome *outcome);

#endif

/* SPDX-License-Identifier: MIT */
/* pen - a temporary plugin directory for tests: keyfiles written, zoo modules copied into it. */
#ifndef ZOO_PEN_H
#define ZOO_PEN_H

#include <glib.h>
#include <vereda/registry.h>

#include "core/plugin/registry.h"

typedef char PenDir; /* its path */

/* A new directory that only we can write; pen_free removes it with all in it. */
PenDir *pen_new (void);
void pen_free (PenDir *dir);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PenDir, pen_free)

/* Writes `dir`/`name`. */
void pen_write (const char *dir, const char *name, const char *text);

/* The head of a keyfile for `stem` and after it `sections`, as `dir`/`stem`.plugin. */
void pen_keyfile (const char *dir, const char *stem, const char *sections);

/* Copies the built zoo module of that stem. */
void pen_module (const char *dir, const char *stem);

/* Keyfile with one mechanism ZOO as the zoo's modules have it, with `rank`; and the module. */
void pen_mech (const char *dir, const char *stem, int rank);

/* The same for a wrapping transport. */
void pen_transport (const char *dir, const char *stem, const char *transport, int rank);

void pen_chmod (const char *dir, const char *name, guint mode);

/* A registry of these directories, without overrides; NULL-ended. */
VeredaRegistry *pen_registry (const char *dir, ...) G_GNUC_NULL_TERMINATED;

/* What it knows of the plugin of that stem, which it has. */
VdRecord *pen_record (VeredaRegistry *registry, const char *stem);

#define PEN_ZOO_SECTION "[Mechanism ZOO]\nExposure=weak-proof\nHash=128\nNeeds=authcid\nFlags=client-first\n"

#endif

/* SPDX-License-Identifier: MIT */
/* child - a group of checks in a process of its own, which tells what it does before it does it. */
#ifndef KIT_CHILD_H
#define KIT_CHILD_H

#include <vereda-kit/kit.h>

typedef struct KitContext KitContext; /* the child's end */

typedef void (*KitGroupFunc) (KitContext *kit, gpointer data);
/* A word from the child: what kind of thing is called what. */
typedef void (*KitToldFunc) (const char *key, const char *value, gpointer data);

/* Seconds without a sign of life after which a child has hung; tests may lower it. */
extern guint kit_child_patience;

/* Runs `func` in a child and writes what it finds into the report.  A child that dies or hangs fails the check that it was at. */
gboolean
kit_child_run (VeredaKitReport *report, KitGroupFunc func, gpointer data, KitToldFunc told, gpointer told_data, GError **error);

/* In the child. */
void kit_begin (KitContext *kit, const char *id, const char *subject);
void kit_doing (KitContext *kit, const char *format, ...) G_GNUC_PRINTF (2, 3);
void kit_fail (KitContext *kit, const char *format, ...) G_GNUC_PRINTF (2, 3);
void kit_skip (KitContext *kit, const char *why);
void kit_tell (KitContext *kit, const char *key, const char *value);

/* In the child, before anything of the plugin was called: what `func` makes of it in a process of its own; NULL if that fails. */
GBytes *kit_child_fresh (GByteArray *(*func) (gpointer data), gpointer data);

/* begin, and fail if `good` is not so. */
#define kit_expect(kit, good, ...)                                                                                             \
  G_STMT_START                                                                                                                 \
  {                                                                                                                            \
    if (!(good))                                                                                                               \
      kit_fail (kit, __VA_ARGS__);                                                                                             \
  }                                                                                                                            \
  G_STMT_END

#endif

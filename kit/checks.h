/* SPDX-License-Identifier: MIT */
/* checks - the table of everything that is checked: a name that never changes, and what to do when it fails. */
#ifndef KIT_CHECKS_H
#define KIT_CHECKS_H

#include <glib.h>

typedef struct
{
  const char *id;
  const char *advice;
} KitCheck;

/* Ends with a NULL id. */
extern const KitCheck kit_checks[];

/* The advice of a check; a check that is not in the table is a mistake of the kit, and ends it. */
const char *kit_check_advice (const char *id);

#endif

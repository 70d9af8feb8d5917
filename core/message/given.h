/* SPDX-License-Identifier: MIT */
/* given - the header fields that the caller gives as options: checked, merged, made fit for the wire.
 *
 * Pure.  Errors are VEREDA_ERROR_OPTION or VEREDA_ERROR_ADDRESS and name the field. */
#ifndef VD_GIVEN_H
#define VD_GIVEN_H

#include <glib.h>

#include "core/message/address.h"

typedef struct
{
  char *name;  /* as spelled first */
  guint known; /* VdName of it */
  guint flags; /* VdFieldFlags */
  char *what;  /* "header option To", for errors */
  char *text;  /* as given; several values of a single-instance field joined; "": takes the field out */
  char *value; /* for the wire: encoded-words, whole addresses; NULL for blind fields */
} VdGiven;

/* From an array of VdHeaderOption (NULL: none) to an array of VdGiven, in the order given. */
GPtrArray *vd_given_new (const GPtrArray *options, const char *default_domain, GError **error);

/* The single-instance field of that name (VdName); NULL: not given. */
const VdGiven *vd_given_find (const GPtrArray *given, guint name);

/* A mailbox as a header field has it: display name, encoded where it must be, and path. */
char *vd_given_mailbox_text (const VdMailbox *mailbox);

#endif

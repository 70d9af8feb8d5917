/* SPDX-License-Identifier: MIT */
/**
 * @file saslprep.h
 * @brief SASLprep (RFC 4013) of user names and passwords, for the mechanisms of this folder.
 *
 * Compiled into each plugin that uses it; GLib only.  Pure: no state, no I/O.  Everything it allocates for its work is wiped
 * before it is freed, since the text is usually a password.
 */
#ifndef VEREDA_AUTH_SASLPREP_H
#define VEREDA_AUTH_SASLPREP_H

#include <glib.h>

G_BEGIN_DECLS

/** What SASLprep objected to. */
typedef enum
{
  AUTH_PREP_OK = 0,
  AUTH_PREP_NOT_UTF8,
  AUTH_PREP_EMPTY,   /**< nothing is left */
  AUTH_PREP_CONTROL, /**< the rest up to TAGGING: RFC 4013 section 2.3, prohibited output */
  AUTH_PREP_PRIVATE,
  AUTH_PREP_NONCHARACTER,
  AUTH_PREP_PLAIN,
  AUTH_PREP_CANONICAL,
  AUTH_PREP_DISPLAY,
  AUTH_PREP_TAGGING,
  AUTH_PREP_BIDI /**< RFC 4013 section 2.4 */
} AuthPrep;

/**
 * Prepares @p size octets at @p text as a "query" string (unassigned code points pass: RFC 4616 section 2, RFC 3454 section 7).
 *
 * @param ret_text on AUTH_PREP_OK a new block, NUL-ended; the caller wipes *ret_size octets and frees it with g_free().
 * @return AUTH_PREP_OK, or the objection; the outputs are then untouched.
 */
AuthPrep auth_saslprep (const char *text, gsize size, char **ret_text, gsize *ret_size);

/** What the objection says about the text, without quoting it: "holds a control character". */
const char *auth_prep_text (AuthPrep prep);

G_END_DECLS

#endif

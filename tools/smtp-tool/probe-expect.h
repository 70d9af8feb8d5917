/* SPDX-License-Identifier: MIT */
/* probe-expect - one condition on a report in JSON: --expect=EXPR.  Pure.
 *
 *   PATH            it is there, and neither null, false nor empty
 *   !PATH           it is not
 *   PATH = VALUE    also != < <= > >=, and ~ for "holds the text"; blanks around the sign do not matter
 *
 * A path is names joined by dots.  In an array a name is the place (0 the first) or what a member is called: its keyword, mechanism, id, name
 * or address.  Numbers are compared as numbers, all else as text, without regard to case. */
#ifndef TOOL_PROBE_EXPECT_H
#define TOOL_PROBE_EXPECT_H

#include <glib.h>
#include <jansson.h>

/* Whether it can be understood; TOOL_ERROR_USAGE. */
gboolean expect_check (const char *expression, GError **error);

/* NULL: it holds.  Else what was found instead; free it. */
char *expect_failed (json_t *document, const char *expression);

#endif

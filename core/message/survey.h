/* SPDX-License-Identifier: MIT */
/* survey - the pass over a whole body before any connection: size, 8-bit octets, and all that makes it no message.
 *
 * Reads the source, large ones with every processor.  Errors are those of body and source; of several, the first in the text. */
#ifndef VD_SURVEY_H
#define VD_SURVEY_H

#include <glib.h>

#include "core/message/body.h"

/* From `offset` to the end.  Errors name the line, counted from `first_line`.  *ret_chart, if it is asked for: of a large source in memory
 * that is not sent as it is, where something has to be put in (g_atomic_rc_box_release); of any other NULL. */
gboolean vd_survey (VdSource *source, guint64 offset, const VdBodyPolicy *policy, guint64 first_line, VdBodyFacts *ret_facts,
                    VdChart **ret_chart, GError **error);

#endif

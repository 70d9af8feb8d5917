/* SPDX-License-Identifier: MIT */
/* hint - what to try next, by what went wrong: a table.  Pure. */
#ifndef TOOL_HINT_H
#define TOOL_HINT_H

#include "plan.h"

/* What a user may try; NULL-ended, strings static; free the array.  @p error may be NULL, @p result too. */
const char **hint_list (const Plan *plan, const GError *error, VeredaResult *result);

#endif

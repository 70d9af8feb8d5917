/* SPDX-License-Identifier: MIT */
/* environment - the one place of the library that reads environment variables.
 *
 * Through secure_getenv(3): a set-uid program, or one with file capabilities, sees none of them, so that who starts it cannot
 * choose the code that it loads. */
#ifndef VD_ENVIRONMENT_H
#define VD_ENVIRONMENT_H

/* Value of a variable, NULL when unset, empty, or when the process is privileged.  Borrowed. */
const char *vd_environment_get (const char *name);

#endif

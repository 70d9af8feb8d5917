/* SPDX-License-Identifier: MIT */
/* environment - the one place of the library that reads environment variables.
 *
 * Touches the environment only.  Cannot fail. */
#include "core/plugin/environment.h"

#include <stddef.h>
#include <stdlib.h>

const char *
vd_environment_get (const char *name)
{
  const char *value = secure_getenv (name);
  return value == NULL || *value == '\0' ? NULL : value;
}

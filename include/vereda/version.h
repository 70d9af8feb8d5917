/* SPDX-License-Identifier: MIT */
/**
 * @file version.h
 * @brief Version of the library.
 */
#ifndef VEREDA_VERSION_H
#define VEREDA_VERSION_H

#include <vereda/macros.h>

/** "0.1.0", of the library in use.  Static. */
VEREDA_API
const char *vereda_version (void);

#endif

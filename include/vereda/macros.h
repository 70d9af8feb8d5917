/* SPDX-License-Identifier: MIT */
/**
 * @file macros.h
 * @brief Export marker of the public functions.
 */
#ifndef VEREDA_MACROS_H
#define VEREDA_MACROS_H

#if defined(__GNUC__)
#define VEREDA_API __attribute__ ((visibility ("default")))
#else
#define VEREDA_API
#endif

#endif

/* SPDX-License-Identifier: MIT */
/**
 * @file vereda.h
 * @brief Everything an application includes.
 */
#ifndef VEREDA_VEREDA_H
#define VEREDA_VEREDA_H

#include <vereda/error.h>
#include <vereda/explain.h>
#include <vereda/macros.h>
#include <vereda/message.h>
#include <vereda/options.h>
#include <vereda/probe.h>
#include <vereda/progress.h>
#include <vereda/registry.h>
#include <vereda/result.h>
#include <vereda/sender.h>
#include <vereda/trace.h>
#include <vereda/version.h>

#endif

/* SPDX-License-Identifier: MIT */
/* report - the checks that were made and what they found. */
#ifndef KIT_REPORT_H
#define KIT_REPORT_H

#include <vereda-kit/kit.h>

VeredaKitReport *kit_report_new (const char *module);

/* A check begins; what follows belongs to it.  A check of the same name and subject that is there already goes on. */
void kit_report_begin (VeredaKitReport *report, const char *id, const char *subject);
/* It has failed; `text` is a sentence. */
void kit_report_fail (VeredaKitReport *report, const char *text);
/* It could not be made. */
void kit_report_skip (VeredaKitReport *report, const char *text);

#endif

/* SPDX-License-Identifier: MIT */
/* fake-mech - a mechanism that says what a dialogue's `mech` line tells it to say. */
#ifndef DIALOGUE_FAKE_MECH_H
#define DIALOGUE_FAKE_MECH_H

#include "core/smtp/sasl.h"
#include "script.h"

typedef struct FakeMech FakeMech;

/* From `mech NAME [server-last] [initial] STEP…`; NULL: the line makes no sense. */
FakeMech *fake_mech_new (const Item *item);
void fake_mech_free (FakeMech *fake); /* after its exchange */

VdSasl *fake_mech_begin (FakeMech *fake);

/* The credential is there: a `wait` step has passed. */
void fake_mech_release (FakeMech *fake);

/* What went against the line ("challenge was …"), or NULL. Borrowed. */
const char *fake_mech_complaint (FakeMech *fake);

/* FALSE: `text` shows one of the responses, raw or in base64. */
gboolean fake_mech_is_hidden (FakeMech *fake, const char *text);

#endif

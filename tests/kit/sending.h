/* SPDX-License-Identifier: MIT */
/* sending - what every test of options and senders does first, through the public API; what fails ends the test. */
#ifndef VEREDA_TESTS_KIT_SENDING_H
#define VEREDA_TESTS_KIT_SENDING_H

#include <vereda/vereda.h>

#define KIT_SMALL "From: ann@example.test\r\nTo: bob@example.test\r\nSubject: small\r\n\r\nhello\r\n"

void kit_set (VeredaOptions *options, const char *name, const char *value);
/* NAME=VALUE;… in this order; "-" takes a value back; "token" as well, which is no option. */
void kit_set_all (VeredaOptions *options, const char *settings);
VeredaOptions *kit_options_new (const char *settings);
/* The same from a format. */
VeredaOptions *kit_options_printf (const char *format, ...) G_GNUC_PRINTF (1, 2);

VeredaSender *kit_sender_new (VeredaOptions *options);
VeredaMessage *kit_message_new (const char *text); /* copied */

/* With the sender's own options. */
VeredaResult *kit_submit (VeredaSender *sender, VeredaMessage *message, VeredaDoneFunc done, gpointer data);
VeredaResult *kit_submit_text (VeredaSender *sender, const char *text, VeredaDoneFunc done, gpointer data);

/* What was told of a message: a VeredaDoneFunc, and its data. */
typedef struct
{
  guint times;
  VeredaVerdict verdict;
} KitTold;

void kit_told (VeredaSender *sender, VeredaMessage *message, VeredaResult *result, gpointer told);

/* Waits for the sender's descriptor, so long at most, and does what there is to do. */
void kit_sender_step (VeredaSender *sender, int milliseconds);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * seed: submissions in the words of tcllib's smtp::sendmessage.
 */
#ifndef VEREDA_TESTS_FAULT_SEED_H
#define VEREDA_TESTS_FAULT_SEED_H

#include "fault.h"

#define BODY "\r\nhello\r\n"
#define FINE "hello\nserve"
#define ANN  "From: ann@example.test\r\nTo: bob@example.test\r\nSubject: seed\r\n" BODY

/* One server, no TLS. */
Fault *seed_new (KitScript *server);
void seed_servers (Fault *fault, KitScript *first, KitScript *second);
/* Sends `message` to a server that behaves; gives the content of the one message it took. */
const char *seed_content (Fault *fault, KitScript *server, const char *message);
guint seed_count (const char *text, const char *part);
/* The field's value, where it begins a line; NULL: none. */
char *seed_field (const char *content, const char *name);
void seed_expect_field (const char *content, const char *name, const char *value);
/* The option is refused with an error of the library. */
void seed_expect_set_error (const char *name, const char *value);

#endif

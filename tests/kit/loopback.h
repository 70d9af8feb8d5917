/* SPDX-License-Identifier: MIT */
/* loopback: sockets on 127.0.0.1 as the servers of the tests need them: no delay, no signal, no surprise. */
#ifndef VEREDA_TESTS_KIT_LOOPBACK_H
#define VEREDA_TESTS_KIT_LOOPBACK_H

#include <glib.h>

int kit_loopback_listen (guint16 *ret_port); /* on a free port */
int kit_loopback_accept (int listener);
int kit_loopback_connect (guint16 port);
/* All of it, however long that takes.  FALSE: the other side is gone. */
gboolean kit_loopback_send (int fd, const void *data, gsize size);

#endif

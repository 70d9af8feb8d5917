/* SPDX-License-Identifier: MIT */
/*
 * delayrelay: stands between a client and a server on loopback and makes the way long: octets arrive a fixed time after they left, in either direction, and a
 * connection takes its round trip before the first of them, as on a network.  There is no bandwidth limit and no loss.
 */
#ifndef VEREDA_TESTS_KIT_DELAYRELAY_H
#define VEREDA_TESTS_KIT_DELAYRELAY_H

#include <glib.h>

typedef struct KitDelay KitDelay;

/* To `port` on 127.0.0.1; `one_way` microseconds in each direction. */
KitDelay *kit_delay_new (guint16 port, gint64 one_way);
guint16 kit_delay_port (KitDelay *delay);
void kit_delay_free (KitDelay *delay); /* ends what is still connected */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KitDelay, kit_delay_free)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * relayhost: model servers (relaymodel.h) behind a listening socket, one connection after the other, and where each ends.
 */
#ifndef VEREDA_TESTS_KIT_RELAYHOST_H
#define VEREDA_TESTS_KIT_RELAYHOST_H

#include "relaymodel.h"

typedef struct KitHost KitHost;

/* The first connection ends when `hears` octets were heard or `says` were said (G_MAXUINT64: it does not), by a reset with `reset`; further ones do not.
 * `drip`: octets read at a time, 0: as many as come.  Everything borrowed. */
KitHost *
kit_host_new (const KitRelayRules *rules, KitRelayTruth *truth, guint64 hears, guint64 says, gboolean reset, gsize drip);
guint16 kit_host_port (KitHost *host);
/* Stops it, and waits for that; then its figures may be looked at. */
void kit_host_stop (KitHost *host);
guint kit_host_connections (const KitHost *host);
const KitRelay *kit_host_relay (const KitHost *host, guint n);
void kit_host_free (KitHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KitHost, kit_host_free)

#endif

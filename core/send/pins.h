/* SPDX-License-Identifier: MIT */
/* pins - keys of the server that the caller knows beforehand: the options `pins` and `tlsa`, as a TLS transport wants them.
 *
 * Pure.  Errors name the entry and what is wrong with it, without the option's name. */
#ifndef VD_PINS_H
#define VD_PINS_H

#include "core/net/layer.h"

typedef struct
{
  GArray *pins;    /* of VeredaSpan: SHA-256 of a SubjectPublicKeyInfo */
  GArray *tlsa;    /* of VeredaTlsa */
  GPtrArray *kept; /* the octets of both */
} VdPins;

/* Either may be NULL: none of these.  `pins`: sha256//BASE64, as curl writes them, between commas or blanks.  `tlsa`: USAGE SELECTOR MATCHING HEX
 * as in a zone file (RFC 6698 section 2.2), between commas; only what can be used without a public authority, usages 2 and 3 (RFC 7672
 * section 3.1.3), as a record that is not looked at would be taken for a check. */
VdPins *vd_pins_new (const char *pins, const char *tlsa, GError **error);
void vd_pins_free (VdPins *self);

/* Lends them to the settings, as long as `self` lives. */
void vd_pins_lend (const VdPins *self, VeredaTlsSettings *settings);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdPins, vd_pins_free)

#endif

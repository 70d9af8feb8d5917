/* SPDX-License-Identifier: MIT */
/* digest - the seed's blind copy: a message of its own around the original, multipart/digest{message/rfc822} (BCC-4).
 *
 * Pure: the randomness is given. */
#ifndef VD_DIGEST_H
#define VD_DIGEST_H

#include <glib.h>

typedef struct
{
  const char *from;    /* value of From */
  const char *sender;  /* value of Sender; NULL: none */
  const char *subject; /* of the original, unfolded; NULL: none */
  const char *date;
  const char *domain;   /* for the Message-ID */
  const guint8 *random; /* 16 octets, those of the original's Message-ID: what is made of them here differs */
  gboolean eight_bit;   /* the original has octets >= 0x80 */
  gboolean utf8_header; /* ... in its header section */
} VdDigest;

/* What goes before and after the original (its header section in wire form is `inner`). */
gboolean vd_digest_wrap (const VdDigest *digest, GBytes *inner, GBytes **ret_head, GBytes **ret_tail, GError **error);

#endif

/* SPDX-License-Identifier: MIT */
/* certs - the certificates that TLS is tried with, good and bad. */
#ifndef KIT_CERTS_H
#define KIT_CERTS_H

#include <glib.h>

/* Writes DIR/NAME.pem and DIR/NAME.key for each of `names`, NULL-ended; NULL: for all there are. */
gboolean kit_certs_write (const char *dir, const char *const *names, GError **error);

#endif

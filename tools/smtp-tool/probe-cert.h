/* SPDX-License-Identifier: MIT */
/* probe-cert - what a certificate says, read from its DER.
 *
 * The library gives out the octets that the server sent, the same through every TLS library, and so this says the same.  The one file of the
 * tool that names a library for certificates.  Nothing is judged here but the syntax: what cannot be read is a certificate with `broken` set. */
#ifndef TOOL_PROBE_CERT_H
#define TOOL_PROBE_CERT_H

#include <glib.h>

/* Text is as it stood, UTF-8 or escaped by whoever reads names; show it through text_escape(). */
typedef struct
{
  char *broken; /* why it cannot be read; NULL: it can, and the rest is filled in */
  char *subject, *issuer, *serial;
  char **names;                 /* "DNS:…", "IP:…", "email:…", "URI:…"; never NULL */
  gint64 not_before, not_after; /* seconds since the epoch */
  char *key_type;               /* "rsa", "ec", "ed25519", … */
  char *key_group;              /* of "ec"; else NULL */
  int key_bits;
  char *signature;   /* "sha256WithRSAEncryption" */
  char *sha256;      /* of the DER, lower-case hexadecimal */
  char *spki_sha256; /* of the SubjectPublicKeyInfo, base64: a pin */
  gboolean is_ca, self_issued;
} Cert;

Cert *cert_new (GBytes *der);
void cert_free (Cert *cert);

/* "-----BEGIN CERTIFICATE-----…", with a last line end; free it. */
char *cert_pem (GBytes *der);

/* Whole days until `not_after`, negative when it has passed. */
gint64 cert_days_left (const Cert *cert);

/* "2026-11-23T09:57:52Z"; free it. */
char *cert_time (gint64 seconds);

#endif

/* SPDX-License-Identifier: MIT */
/* endpoint - one address that a socket can connect to, with its printable form.
 *
 * Pure.  Immutable once made; arrays of them (GPtrArray, owning) are shared by reference. */
#ifndef VD_ENDPOINT_H
#define VD_ENDPOINT_H

#include <glib.h>
#include <sys/socket.h>

typedef struct
{
  struct sockaddr_storage address;
  socklen_t size;
  char *text; /* "192.0.2.1:25", "[2001:db8::1]:587", "[fe80::1%2]:25", "unix:/run/lmtp" */
} VdEndpoint;

VdEndpoint *vd_endpoint_new (const struct sockaddr *address, socklen_t size); /* IPv4, IPv6 or unix; NULL for another family */
/* An IP literal without brackets; IPv6 may carry a zone ("fe80::1%eth0").  NULL when `host` is not one. */
VdEndpoint *vd_endpoint_new_literal (const char *host, guint16 port);
/* Error VEREDA_ERROR_OPTION: path empty, not absolute or too long for a socket address. */
VdEndpoint *vd_endpoint_new_unix (const char *path, GError **error);
/* This end of a connected socket; NULL when the system does not say. */
VdEndpoint *vd_endpoint_new_local (int fd);
VdEndpoint *vd_endpoint_copy (const VdEndpoint *endpoint);
void vd_endpoint_free (VdEndpoint *endpoint);

/* The address literal of RFC 5321 section 4.1.3, "[192.0.2.1]" or "[IPv6:2001:db8::1]"; NULL for a unix socket.  Free with g_free. */
char *vd_endpoint_smtp_literal (const VdEndpoint *endpoint);

int vd_endpoint_family (const VdEndpoint *endpoint);           /* AF_INET, AF_INET6, AF_UNIX */
gboolean vd_endpoint_is_loopback (const VdEndpoint *endpoint); /* 127/8, ::1, their mapped forms, and unix sockets */

/* Arrays that own their endpoints. */
GPtrArray *vd_endpoints_new (void);
/* RFC 8305 section 4: keeps the order inside each family, alternates the families, beginning with the family of the first (TCP-2). */
void vd_endpoints_interleave (GPtrArray *endpoints);
/* A new array of the endpoints but the `skip`th: what remains to be tried after that server greeted with 421 (TCP-5). */
GPtrArray *vd_endpoints_without (const GPtrArray *endpoints, guint skip);

#endif

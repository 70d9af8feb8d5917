/* SPDX-License-Identifier: MIT */
/* tls-libraries - which TLS servers this kit has.  Pure data. */
#include "kit/tls.h"

const KitTlsLibrary *const kit_tls_libraries[] = {
#ifdef KIT_OPENSSL
  &kit_tls_openssl,
#endif
#ifdef KIT_GNUTLS
  &kit_tls_gnutls,
#endif
  NULL,
};

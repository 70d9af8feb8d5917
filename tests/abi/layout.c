/* SPDX-License-Identifier: MIT */
/* layout - the structures and numbers of the plugin interface, frozen.
 *
 * Compiled, never run.  A structure grows at its end and nowhere else (see plugin.h), so an offset that changes here breaks every
 * plugin there is; a size that grows is entered here together with the new member.  The two numbers are for 64-bit and 32-bit
 * pointers. */
#include <vereda-plugin/auth.h>
#include <vereda-plugin/plugin.h>
#include <vereda-plugin/transport.h>

#if __SIZEOF_POINTER__ == 8
#define NUMBER(lp64, ilp32) (lp64)
#elif __SIZEOF_POINTER__ == 4
#define NUMBER(lp64, ilp32) (ilp32)
#else
#error "the layout for this pointer size is not known"
#endif

#define SIZE(type, lp64, ilp32) _Static_assert(sizeof (type) == NUMBER (lp64, ilp32), "size of " #type)
#define AT(type, member, lp64, ilp32)                                                                                          \
  _Static_assert(offsetof (type, member) == NUMBER (lp64, ilp32), "place of " #type "." #member)
#define VALUE(name, number) _Static_assert((int) (name) == (number), "value of " #name)

/* clang-format off */
SIZE (VeredaSpan, 16, 8);
AT (VeredaSpan, data, 0, 0);
AT (VeredaSpan, size, 8, 4);

SIZE (VeredaHost, 32, 20);
AT (VeredaHost, struct_size, 0, 0);
AT (VeredaHost, reserved, 4, 4);
AT (VeredaHost, self, 8, 8);
AT (VeredaHost, debug, 16, 12);
AT (VeredaHost, random, 24, 16);

SIZE (VeredaPlugin, 56, 32);
AT (VeredaPlugin, struct_size, 0, 0);
AT (VeredaPlugin, abi, 4, 4);
AT (VeredaPlugin, name, 8, 8);
AT (VeredaPlugin, version, 16, 12);
AT (VeredaPlugin, license, 24, 16);
AT (VeredaPlugin, transports, 32, 20);
AT (VeredaPlugin, mechs, 40, 24);
AT (VeredaPlugin, init, 48, 28);

SIZE (VeredaFactValue, 8, 8);

SIZE (VeredaTlsSettings, 112, 60);
AT (VeredaTlsSettings, struct_size, 0, 0);
AT (VeredaTlsSettings, min_version, 4, 4);
AT (VeredaTlsSettings, peer_name, 8, 8);
AT (VeredaTlsSettings, trust_file, 16, 12);
AT (VeredaTlsSettings, trust_dir, 24, 16);
AT (VeredaTlsSettings, cert_file, 32, 20);
AT (VeredaTlsSettings, key_file, 40, 24);
AT (VeredaTlsSettings, alpn, 48, 28);
AT (VeredaTlsSettings, insecure_skip_verify, 56, 32);
AT (VeredaTlsSettings, priority, 64, 36);
AT (VeredaTlsSettings, session, 72, 40);
AT (VeredaTlsSettings, pins, 80, 44);
AT (VeredaTlsSettings, n_pins, 88, 48);
AT (VeredaTlsSettings, tlsa, 96, 52);
AT (VeredaTlsSettings, n_tlsa, 104, 56);

SIZE (VeredaTlsa, 24, 12); /* frozen for ever: it comes in arrays */
AT (VeredaTlsa, usage, 0, 0);
AT (VeredaTlsa, selector, 1, 1);
AT (VeredaTlsa, matching, 2, 2);
AT (VeredaTlsa, data, 8, 4);

SIZE (VeredaLayer, 24, 12);
AT (VeredaLayer, ops, 0, 0);
AT (VeredaLayer, host, 8, 4);
AT (VeredaLayer, lower, 16, 8);

SIZE (VeredaTransport, 104, 56);
AT (VeredaTransport, struct_size, 0, 0);
AT (VeredaTransport, instance_size, 4, 4);
AT (VeredaTransport, name, 8, 8);
AT (VeredaTransport, description, 16, 12);
AT (VeredaTransport, open, 24, 16);
AT (VeredaTransport, wrap, 32, 20);
AT (VeredaTransport, handshake, 40, 24);
AT (VeredaTransport, read, 48, 28);
AT (VeredaTransport, writev, 56, 32);
AT (VeredaTransport, shutdown, 64, 36);
AT (VeredaTransport, pending, 72, 40);
AT (VeredaTransport, fact, 80, 44);
AT (VeredaTransport, binding, 88, 48);
AT (VeredaTransport, clear, 96, 52);

SIZE (VeredaStrength, 8, 8);
AT (VeredaStrength, exposure, 0, 0);
AT (VeredaStrength, traits, 2, 2);
AT (VeredaStrength, hash_bits, 4, 4);
AT (VeredaStrength, ssf, 6, 6);

SIZE (VeredaAuth, 24, 12); /* frozen for ever: plugins' own members lie behind it */
AT (VeredaAuth, ops, 0, 0);
AT (VeredaAuth, host, 8, 4);
AT (VeredaAuth, exchange, 16, 8);

SIZE (VeredaExchange, 72, 40);
AT (VeredaExchange, struct_size, 0, 0);
AT (VeredaExchange, tls_ssf, 4, 4);
AT (VeredaExchange, service, 8, 8);
AT (VeredaExchange, server_name, 16, 12);
AT (VeredaExchange, local_addr, 24, 16);
AT (VeredaExchange, remote_addr, 32, 20);
AT (VeredaExchange, self, 40, 24);
AT (VeredaExchange, credential, 48, 28);
AT (VeredaExchange, binding, 56, 32);
AT (VeredaExchange, offered, 64, 36);

SIZE (VeredaMech, 64, 44);
AT (VeredaMech, struct_size, 0, 0);
AT (VeredaMech, instance_size, 4, 4);
AT (VeredaMech, name, 8, 8);
AT (VeredaMech, strength, 16, 12);
AT (VeredaMech, needs, 24, 20);
AT (VeredaMech, flags, 28, 24);
AT (VeredaMech, start, 32, 28);
AT (VeredaMech, step, 40, 32);
AT (VeredaMech, clear, 48, 36);
AT (VeredaMech, explain, 56, 40);

VALUE (VEREDA_PLUGIN_ABI, 1);
VALUE (VEREDA_AUTH_RESPONSE_MAX, 9216);

VALUE (VEREDA_STEP_FAILED, -1);
VALUE (VEREDA_STEP_DONE, 0);
VALUE (VEREDA_STEP_CONTINUE, 1);
VALUE (VEREDA_STEP_WAIT, 2);

VALUE (VEREDA_CRED_AUTHCID, 1);
VALUE (VEREDA_CRED_AUTHZID, 2);
VALUE (VEREDA_CRED_PASSWORD, 3);
VALUE (VEREDA_CRED_TOKEN, 4);
VALUE (VEREDA_CRED_REALM, 5);

VALUE (VEREDA_CRED_NONE, 0);
VALUE (VEREDA_CRED_HAVE, 1);
VALUE (VEREDA_CRED_LATER, 2);

VALUE (VEREDA_EXPOSE_ANONYMOUS, 0);
VALUE (VEREDA_EXPOSE_PASSWORD, 1);
VALUE (VEREDA_EXPOSE_WEAK_PROOF, 2);
VALUE (VEREDA_EXPOSE_TOKEN, 3);
VALUE (VEREDA_EXPOSE_PROOF, 4);
VALUE (VEREDA_EXPOSE_BOUND_PROOF, 5);
VALUE (VEREDA_EXPOSE_NOTHING, 6);

VALUE (VEREDA_TRAIT_MUTUAL, 32768);
VALUE (VEREDA_TRAIT_NO_ACTIVE, 16384);
VALUE (VEREDA_TRAIT_NO_DICTIONARY, 8192);
VALUE (VEREDA_TRAIT_FORWARD_SECRET, 4096);
VALUE (VEREDA_TRAIT_BINDING, 2048);

VALUE (VEREDA_MECH_CLIENT_FIRST, 1);
VALUE (VEREDA_MECH_SERVER_LAST, 2);
VALUE (VEREDA_MECH_NEEDS_TLS, 4);
VALUE (VEREDA_MECH_NEEDS_BINDING, 8);
VALUE (VEREDA_MECH_NEEDS_HOST, 16);
VALUE (VEREDA_MECH_HISTORIC, 32);

VALUE (VEREDA_AUTH_ERROR_CREDENTIAL, 1);
VALUE (VEREDA_AUTH_ERROR_PROTOCOL, 2);
VALUE (VEREDA_AUTH_ERROR_SERVER, 3);
VALUE (VEREDA_AUTH_ERROR_UNSUPPORTED, 4);
VALUE (VEREDA_AUTH_ERROR_REFUSED, 5);
VALUE (VEREDA_AUTH_ERROR_SYSTEM, 6);
VALUE (VEREDA_AUTH_ERROR_EXPIRED, 7);

VALUE (VEREDA_IO_ERROR, -1);
VALUE (VEREDA_IO_DONE, 0);
VALUE (VEREDA_IO_WANT_READ, 1);
VALUE (VEREDA_IO_WANT_WRITE, 2);
VALUE (VEREDA_IO_EOF, 3);

VALUE (VEREDA_BINDING_TLS_EXPORTER, 1);
VALUE (VEREDA_BINDING_TLS_SERVER_END_POINT, 2);
VALUE (VEREDA_BINDING_TLS_UNIQUE, 3);

VALUE (VEREDA_VERIFY_OK, 0);
VALUE (VEREDA_VERIFY_NO_CERTIFICATE, 1);
VALUE (VEREDA_VERIFY_UNKNOWN_ISSUER, 2);
VALUE (VEREDA_VERIFY_SELF_SIGNED, 3);
VALUE (VEREDA_VERIFY_EXPIRED, 4);
VALUE (VEREDA_VERIFY_NOT_YET_VALID, 5);
VALUE (VEREDA_VERIFY_NAME_MISMATCH, 6);
VALUE (VEREDA_VERIFY_WEAK, 7);
VALUE (VEREDA_VERIFY_REVOKED, 8);
VALUE (VEREDA_VERIFY_PURPOSE, 9);
VALUE (VEREDA_VERIFY_INVALID, 10);
VALUE (VEREDA_VERIFY_PIN_MISMATCH, 11);
VALUE (VEREDA_VERIFY_DANE_MISMATCH, 12);

VALUE (VEREDA_OCSP_NONE, 0);
VALUE (VEREDA_OCSP_GOOD, 1);
VALUE (VEREDA_OCSP_REVOKED, 2);
VALUE (VEREDA_OCSP_UNKNOWN, 3);
VALUE (VEREDA_OCSP_INVALID, 4);

VALUE (VEREDA_FACT_FD, 1);
VALUE (VEREDA_FACT_TLS_VERSION, 2);
VALUE (VEREDA_FACT_CIPHER, 3);
VALUE (VEREDA_FACT_KEY_BITS, 4);
VALUE (VEREDA_FACT_PEER_CHAIN, 5);
VALUE (VEREDA_FACT_PEER_VERIFIED, 6);
VALUE (VEREDA_FACT_ALPN, 7);
VALUE (VEREDA_FACT_KTLS, 8);
VALUE (VEREDA_FACT_VERIFY, 9);
VALUE (VEREDA_FACT_VERIFY_TEXT, 10);
VALUE (VEREDA_FACT_GROUP, 11);
VALUE (VEREDA_FACT_BACKEND, 12);
VALUE (VEREDA_FACT_CLIENT_CERT, 13);
VALUE (VEREDA_FACT_SESSION, 14);
VALUE (VEREDA_FACT_RESUMED, 15);
VALUE (VEREDA_FACT_SIGNATURE, 16);
VALUE (VEREDA_FACT_OCSP, 17);
VALUE (VEREDA_FACT_OCSP_RESPONSE, 18);
VALUE (VEREDA_FACT_MATCHED_NAME, 19);
VALUE (VEREDA_FACT_VERIFY_DEPTH, 20);
VALUE (VEREDA_FACT_HANDSHAKE_IN, 21);
VALUE (VEREDA_FACT_HANDSHAKE_OUT, 22);
VALUE (VEREDA_FACT_SNI, 23);
VALUE (VEREDA_FACT_CLIENT_ASKED, 24);
VALUE (VEREDA_FACT_CLIENT_ISSUERS, 25);
VALUE (VEREDA_FACT_PIN, 26);
VALUE (VEREDA_FACT_TLSA, 27);
VALUE (VEREDA_FACT_CLEAR_ANSWER, 28);

VALUE (VEREDA_TRANSPORT_ERROR_IO, 1);
VALUE (VEREDA_TRANSPORT_ERROR_TRUNCATED, 2);
VALUE (VEREDA_TRANSPORT_ERROR_HANDSHAKE, 3);
VALUE (VEREDA_TRANSPORT_ERROR_CERTIFICATE, 4);
VALUE (VEREDA_TRANSPORT_ERROR_PROTOCOL, 5);
VALUE (VEREDA_TRANSPORT_ERROR_UNSUPPORTED, 6);
VALUE (VEREDA_TRANSPORT_ERROR_SETTINGS, 7);
/* clang-format on */

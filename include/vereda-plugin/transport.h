/* SPDX-License-Identifier: MIT */
/**
 * @file transport.h
 * @brief Transports: non-blocking byte-stream layers.
 *
 * A transport either opens a connected descriptor (the bottom layer) or wraps a lower layer (TLS).  STARTTLS and implicit TLS
 * are the same wrapping transport, applied at different moments by the core.
 *
 * The contract, for everyone who implements or calls a layer:
 *
 * 1. Nothing blocks.  No call sleeps, polls, resolves, logs, starts a thread, or changes signals, locale or environment.
 *    Deadlines and cancellation are the core's.
 * 2. WANT_READ and WANT_WRITE name the direction of the *bottom descriptor*, not the operation: a read may want to write.
 * 3. Ask `pending` before waiting: octets decrypted inside a library leave the descriptor looking idle.
 * 4. Partial writes are normal.  On DONE at least one octet was taken (unless none was offered).  On WANT_* nothing was taken
 *    and the next writev begins with the same octets; their address may differ and their number may have grown.
 * 5. Layers call down, the core walks: a layer uses lower->ops->read and ->writev for its data and never forwards shutdown,
 *    clear, fact or binding.
 * 6. Errors are sticky: after VEREDA_IO_ERROR each later call on that layer fails the same way.  A failed handshake poisons the
 *    connection; nothing is ever sent in clear on it again.
 * 7. One thread at a time per stack; different stacks run concurrently.
 * 8. The instance block belongs to the core: zeroed before open or wrap, wiped and freed after clear.  After an open or wrap that
 *    failed clear is not called: what it had got it has given back itself.  What `settings` points to
 *    is the caller's and lives only for the duration of the wrap call.
 */
#ifndef VEREDA_PLUGIN_TRANSPORT_H
#define VEREDA_PLUGIN_TRANSPORT_H

#include <vereda-plugin/plugin.h>

G_BEGIN_DECLS

/** Result of a layer operation. */
typedef enum
{
  VEREDA_IO_ERROR = -1,     /**< @c error is set; sticky */
  VEREDA_IO_DONE = 0,       /**< done; @c *ret_n says how much */
  VEREDA_IO_WANT_READ = 1,  /**< call again when the bottom descriptor is readable */
  VEREDA_IO_WANT_WRITE = 2, /**< call again when the bottom descriptor is writable */
  VEREDA_IO_EOF = 3         /**< orderly end; under TLS only after close_notify (else ERROR with code TRUNCATED) */
} VeredaIo;

/** Channel bindings (RFC 5929, RFC 9266). */
typedef enum
{
  VEREDA_BINDING_TLS_EXPORTER = 1,
  VEREDA_BINDING_TLS_SERVER_END_POINT = 2,
  VEREDA_BINDING_TLS_UNIQUE = 3
} VeredaBinding;

/** Why a certificate was not accepted: one vocabulary for every TLS library.  Values never change. */
typedef enum
{
  VEREDA_VERIFY_OK = 0,
  VEREDA_VERIFY_NO_CERTIFICATE = 1, /**< the server sent none */
  VEREDA_VERIFY_UNKNOWN_ISSUER = 2, /**< no path to a trusted root (also a missing intermediate) */
  VEREDA_VERIFY_SELF_SIGNED = 3,    /**< the leaf signs itself and is not trusted */
  VEREDA_VERIFY_EXPIRED = 4,
  VEREDA_VERIFY_NOT_YET_VALID = 5,
  VEREDA_VERIFY_NAME_MISMATCH = 6, /**< includes names only in CN, and partial wildcards (RFC 9525 section 6) */
  VEREDA_VERIFY_WEAK = 7,          /**< key too small, or signature algorithm not acceptable */
  VEREDA_VERIFY_REVOKED = 8,
  VEREDA_VERIFY_PURPOSE = 9,       /**< not a server certificate, issuer is no CA, constraint violated */
  VEREDA_VERIFY_INVALID = 10,      /**< anything else */
  VEREDA_VERIFY_PIN_MISMATCH = 11, /**< the server's key is none of VeredaTlsSettings.pins */
  VEREDA_VERIFY_DANE_MISMATCH = 12 /**< no record of VeredaTlsSettings.tlsa fits, though some can be used */
} VeredaVerify;

/** What a server said by OCSP about its own certificate (RFC 6066 section 8).  Values never change. */
typedef enum
{
  VEREDA_OCSP_NONE = 0,    /**< nothing */
  VEREDA_OCSP_GOOD = 1,    /**< signed by the issuer or its delegate, current, and the certificate stands */
  VEREDA_OCSP_REVOKED = 2, /**< the same, and it is revoked: VEREDA_VERIFY_REVOKED */
  VEREDA_OCSP_UNKNOWN = 3, /**< the same, and the responder does not know it */
  VEREDA_OCSP_INVALID = 4  /**< not readable, about another certificate, not current, or not signed by who may */
} VeredaOcsp;

/** Facts a layer may state about itself; a layer answers FALSE for what it does not know. */
typedef enum
{
  VEREDA_FACT_FD = 1,            /**< num: the descriptor; bottom layer only */
  VEREDA_FACT_TLS_VERSION = 2,   /**< num: 0x0303, 0x0304 */
  VEREDA_FACT_CIPHER = 3,        /**< str: the library's name of the cipher suite */
  VEREDA_FACT_KEY_BITS = 4,      /**< num: strength of the protection in bits (SASL's external SSF) */
  VEREDA_FACT_PEER_CHAIN = 5,    /**< bytes: DER certificates, leaf first, each after a 4-octet big-endian length */
  VEREDA_FACT_PEER_VERIFIED = 6, /**< num: 1 only if chain *and* name were checked and passed, or the
                                        pins or TLSA records that stand in their place */
  VEREDA_FACT_ALPN = 7,          /**< str */
  VEREDA_FACT_KTLS = 8,          /**< num: bit 0 send, bit 1 receive */
  VEREDA_FACT_VERIFY = 9,        /**< num: a VeredaVerify; also valid after a handshake that failed for it */
  VEREDA_FACT_VERIFY_TEXT = 10,  /**< str: the library's own words for it */
  VEREDA_FACT_GROUP = 11,        /**< str: key-exchange group */
  VEREDA_FACT_BACKEND = 12,      /**< str: library and version, such as "GnuTLS 3.7.9" */
  VEREDA_FACT_CLIENT_CERT = 13,  /**< num: 1 if a client certificate was sent in this session, or in the one it resumes */
  /** bytes, a secret: what VeredaTlsSettings.session takes, in the transport's own form.  The newest there is; the tickets of
   * TLS 1.3 come after the handshake and are seen when the layer is read, so ask when the connection has done its work.  FALSE
   * while there is none.  The memory is wiped when the last reference is gone: keep references, not copies. */
  VEREDA_FACT_SESSION = 14,
  VEREDA_FACT_RESUMED = 15,        /**< num: 1 if VeredaTlsSettings.session was resumed, 0 after a full handshake */
  VEREDA_FACT_SIGNATURE = 16,      /**< str: how the server signed the handshake, as the TLS registry names the scheme:
                                        "rsa_pss_rsae_sha256"; unknown in a resumed session, where nothing is signed */
  VEREDA_FACT_OCSP = 17,           /**< num: a VeredaOcsp */
  VEREDA_FACT_OCSP_RESPONSE = 18,  /**< bytes: the stapled response, DER */
  VEREDA_FACT_MATCHED_NAME = 19,   /**< str: the name in the certificate that is the server's: "DNS:*.example.org" or
                                        "IP:192.0.2.1"; also when something else of it was not accepted */
  VEREDA_FACT_VERIFY_DEPTH = 20,   /**< num: which certificate VEREDA_FACT_VERIFY is about, 0 for the server's own */
  VEREDA_FACT_HANDSHAKE_IN = 21,   /**< num: octets the handshake has read from the layer below */
  VEREDA_FACT_HANDSHAKE_OUT = 22,  /**< num: octets the handshake has written to it */
  VEREDA_FACT_SNI = 23,            /**< str: the server name that was sent; none for a literal address */
  VEREDA_FACT_CLIENT_ASKED = 24,   /**< num: 1 if the server asked for a client certificate */
  VEREDA_FACT_CLIENT_ISSUERS = 25, /**< bytes: the issuers it named for that, DER names, in the form of PEER_CHAIN */
  VEREDA_FACT_PIN = 26,  /**< num: which of VeredaTlsSettings.pins fits, from 0.  Who gave pins accepts no session without this
                                        fact: a transport older than pins does not look at them */
  VEREDA_FACT_TLSA = 27, /**< num: which of VeredaTlsSettings.tlsa fits, from 0 */
  VEREDA_FACT_CLEAR_ANSWER
  = 28 /**< bytes: what the server said where a TLS record had to be; its presence proves that it does not
                                        speak TLS here.  After a handshake that failed with code PROTOCOL */
} VeredaFact;

/** Value of a fact.  str: borrowed, valid until the layer is cleared.  bytes: a new reference, the caller unrefs. */
typedef union
{
  int64_t num;     /**< of a fact that is a number */
  const char *str; /**< of a fact that is text */
  GBytes *bytes;   /**< of a fact that is octets */
} VeredaFactValue;

/** A TLSA record (RFC 6698 section 2.1).  Frozen.  That it came by DNSSEC is for the caller to know. */
typedef struct
{
  uint8_t usage;    /**< 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE */
  uint8_t selector; /**< 0 the certificate, 1 its SubjectPublicKeyInfo */
  uint8_t matching; /**< 0 the thing itself, 1 its SHA-256, 2 its SHA-512 */
  VeredaSpan data;  /**< the certificate association data */
} VeredaTlsa;

/** What the core asks of a TLS layer.  Append only.  Strings are UTF-8 paths or A-label names, NUL-ended. */
typedef struct
{
  uint32_t struct_size;          /**< sizeof (VeredaTlsSettings) as the core was compiled */
  uint32_t min_version;          /**< lowest TLS version; 0 means 0x0303 */
  const char *peer_name;         /**< host name (A-labels) or IP literal without brackets; for SNI and the name check */
  const char *trust_file;        /**< PEM roots; with trust_dir NULL as well: the system store */
  const char *trust_dir;         /**< directory of PEM roots, hashed or not */
  const char *cert_file;         /**< client certificate chain, PEM; may be NULL */
  const char *key_file;          /**< its key, PEM; NULL: in cert_file */
  const char *const *alpn;       /**< NULL-ended, or NULL for none */
  gboolean insecure_skip_verify; /**< go on after a certificate that does not pass; the facts still tell the truth */
  const char *priority;          /**< cipher string in the library's own language; NULL: the policy's default */

  /** A session to resume: VEREDA_FACT_SESSION of the same transport, or NULL.  It saves work and never trust: the transport
   * compares the settings with those it was made under, judges the server's certificate of then as in a full handshake, by
   * today's date and roots, and does a full handshake when the session is of another making, spoilt or too old.  What it
   * states afterwards about the server (chain, verdict, bindings) is of the certificate of then.  A session that was given to
   * a handshake that failed is to be forgotten.  Lent for the call of wrap. */
  GBytes *session;
  /** SHA-256 hashes (32 octets each) of the SubjectPublicKeyInfo that the server's own certificate may have.  Where there are
   * any they decide alone: in place of roots, name and dates, and of TLSA records. */
  const VeredaSpan *pins;
  size_t n_pins; /**< of @c pins */
  /** TLSA records of the server (RFC 7671).  Where one can be used, they decide with or in place of the trusted roots, as their
   * usage says.  DANE-TA and DANE-EE can (RFC 7672 section 3.1.3); DANE-EE asks for neither name nor dates.  None that can be
   * used: as if there were none. */
  const VeredaTlsa *tlsa;
  size_t n_tlsa; /**< of @c tlsa */
} VeredaTlsSettings;

typedef struct VeredaLayer VeredaLayer; /**< one layer of one connection */

/** First member of every instance; filled by the core before open or wrap.  Frozen: the plugin's own members lie behind it. */
struct VeredaLayer
{
  const VeredaTransport *ops; /**< the transport */
  const VeredaHost *host;     /**< services of the core */
  VeredaLayer *lower;         /**< NULL for the bottom */
};

/** A transport: static and constant. */
struct VeredaTransport
{
  uint32_t struct_size;    /**< sizeof (VeredaTransport) as the plugin was compiled */
  uint32_t instance_size;  /**< sizeof the plugin's instance struct, which begins with a VeredaLayer */
  const char *name;        /**< "plain", "gnutls", "openssl" */
  const char *description; /**< one line */

  /** Bottom layers: take over a connected, non-blocking stream socket.  On failure the descriptor stays the caller's. */
  gboolean (*open) (VeredaLayer *l, int fd, GError **error);
  /** Wrapping layers: prepare a client session over l->lower.  No I/O.  Exactly one of open and wrap is set. */
  gboolean (*wrap) (VeredaLayer *l, const VeredaTlsSettings *settings, GError **error);

  VeredaIo (*handshake) (VeredaLayer *l, GError **error); /**< NULL: nothing to negotiate */
  /** Up to @p size octets into @p buf; on VEREDA_IO_DONE at least one. */
  VeredaIo (*read) (VeredaLayer *l, void *buf, size_t size, size_t *ret_n, GError **error);
  /** As many octets of the @p n spans as go now. */
  VeredaIo (*writev) (VeredaLayer *l, const VeredaSpan *v, size_t n, size_t *ret_n, GError **error);
  VeredaIo (*shutdown) (VeredaLayer *l, GError **error); /**< say goodbye; may WANT; not a free; may be NULL */
  size_t (*pending) (VeredaLayer *l);                    /**< octets readable without I/O; may be NULL: none */
  gboolean (*fact) (VeredaLayer *l, VeredaFact fact, VeredaFactValue *ret); /**< may be NULL */
  GBytes *(*binding) (VeredaLayer *l, VeredaBinding kind, GError **error);  /**< may be NULL */
  void (*clear) (VeredaLayer *l); /**< releases everything, closes a bottom descriptor; never blocks, never does I/O */
};

/** Domain of the errors that a transport reports.  The message is the library's own text, without secrets. */
#define VEREDA_TRANSPORT_ERROR (g_quark_from_static_string ("vereda-transport-error"))

/** Codes of VEREDA_TRANSPORT_ERROR.  Values never change. */
typedef enum
{
  VEREDA_TRANSPORT_ERROR_IO = 1,          /**< the lower layer or the system failed */
  VEREDA_TRANSPORT_ERROR_TRUNCATED = 2,   /**< the stream ended without a close_notify */
  VEREDA_TRANSPORT_ERROR_HANDSHAKE = 3,   /**< negotiation failed, alert received, no common version or cipher */
  VEREDA_TRANSPORT_ERROR_CERTIFICATE = 4, /**< handshake fine, certificate not accepted: ask VEREDA_FACT_VERIFY */
  VEREDA_TRANSPORT_ERROR_PROTOCOL = 5,    /**< the peer does not speak TLS, or broke its rules */
  VEREDA_TRANSPORT_ERROR_UNSUPPORTED = 6, /**< asked for something this transport cannot do */
  VEREDA_TRANSPORT_ERROR_SETTINGS = 7     /**< a file or string of the settings is not usable; local, nothing was sent */
} VeredaTransportError;

/**
 * Helper for libraries without a gather write: copies as many octets of @p v as fit into @p buf.
 * @return the number of octets copied
 */
static inline size_t
vereda_spans_flatten (const VeredaSpan *v, size_t n, void *buf, size_t size)
{
  size_t done = 0;

  for (size_t i = 0; i < n && done < size; i++)
    {
      size_t take = v[i].size < size - done ? v[i].size : size - done;
      const unsigned char *from = (const unsigned char *) v[i].data;
      unsigned char *to = (unsigned char *) buf + done;

      for (size_t k = 0; k < take; k++)
        to[k] = from[k];
      done += take;
    }
  return done;
}

G_END_DECLS

#endif

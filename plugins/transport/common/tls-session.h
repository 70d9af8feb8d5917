/* SPDX-License-Identifier: MIT */
/*
 * tls-session: what every TLS transport has in common, whichever library it uses.
 *
 * Compiled into each TLS plugin.  It knows the layer below, the settings, the verdict on the certificate and the sticky
 * failure; it knows no TLS library.  One place for these is what makes the plugins fail alike.
 */
#ifndef VEREDA_TLS_SESSION_H
#define VEREDA_TLS_SESSION_H

#include <vereda-plugin/transport.h>

/* The largest piece of plaintext that one TLS record carries (RFC 8446 section 5.1). */
#define TLS_RECORD_SIZE 16384

/* Microseconds for which a copy of the system's trust store is used before it is read again. */
#define TLS_STORE_AGE (60 * G_USEC_PER_SEC)

/* Octets of a hash over the settings. */
#define TLS_SETTINGS_HASH 32

/* First octets of the server kept to recognise one that does not speak TLS. */
#define TLS_HEAD_SIZE 64

typedef struct
{
  VeredaLayer layer;

  /* Settings that outlive wrap. */
  char *peer_name; /* as SNI and the name check want it, or NULL */
  guint8 ip[16];   /* of an IP literal, network order */
  size_t ip_size;  /* 0, 4 or 16 */
  gboolean insecure;
  GArray *pins;    /* hashes of 32 octets; see tls-pin.h */
  GArray *records; /* VeredaTlsa, the data its own */

  /* Progress. */
  gboolean established;
  gboolean goodbye_said;
  GError *failure; /* the first error, said again for ever */

  /* What the layer below did, filled by the functions the library calls back. */
  VeredaIo want;        /* WANT_* of the present call, or DONE */
  guint64 handshake_in; /* octets read and written by it */
  guint64 handshake_out;
  guint64 lower_calls; /* to notice a library that asks to be called again without reason */
  gboolean lower_eof;
  GError *lower_error;
  gboolean alien; /* the server's first octets are no TLS record */
  gboolean head_done;
  guint8 head[TLS_HEAD_SIZE];
  size_t head_n;

  /* The verdict. */
  gboolean judged;
  VeredaVerify verify;
  char *verify_text;
  GBytes *chain;      /* as VEREDA_FACT_PEER_CHAIN */
  int depth;          /* of the certificate the verdict is about */
  char *matched_name; /* as VEREDA_FACT_MATCHED_NAME, or NULL */
  int pin;            /* which fits, or -1 */
  gboolean dane_ee;   /* a TLSA record names the key itself */
  int record_found;   /* which TLSA record fits, or -1 */
  char signature[40]; /* as VEREDA_FACT_SIGNATURE, or empty */

  VeredaOcsp ocsp;
  GBytes *ocsp_response; /* DER, or NULL */

  /* The server's request for a client certificate; see tls-asked.h. */
  gboolean client_asked;
  GBytes *client_issuers;

  /* The client's own certificate was sent, in this session or in the one it resumes. */
  gboolean client_cert;

  /* Resumption; see tls-resume.h. */
  guint8 made_under[TLS_SETTINGS_HASH];
  GBytes *offered_chain; /* behind the session that is offered to the server */
  gboolean offered_client_cert;
  gboolean resumed;

  /* A record the library has taken and the layer below has not. */
  size_t stuck; /* octets of plaintext in it, 0 for none */
  guint8 record[TLS_RECORD_SIZE];
} TlsSession;

/* Copies and checks the settings; @ret_full gets them with absent members as zero. */
gboolean tls_session_setup (TlsSession *self, const VeredaTlsSettings *settings, VeredaTlsSettings *ret_full, GError **error);
void tls_session_clear (TlsSession *self);

/* A line for a developer, without secrets and without anything from the network. */
void tls_session_debug (TlsSession *self, const char *text);

/* Opens every operation: FALSE (and the old error) when the session has failed already. */
gboolean tls_session_begin (TlsSession *self, GError **error);
/* The same for read and writev, which need a handshake. */
gboolean tls_session_begin_data (TlsSession *self, GError **error);

/* Records the failure and reports it. */
VeredaIo
tls_session_fail (TlsSession *self, VeredaTransportError code, GError **error, const char *format, ...) G_GNUC_PRINTF (4, 5);
/* Reports what went wrong below, when that is the reason; FALSE when the library has to say it. */
gboolean tls_session_fail_below (TlsSession *self, GError **error);
/* Reports the verdict as the failure. */
VeredaIo tls_session_fail_certificate (TlsSession *self, GError **error);

/* For the library's callbacks: the layer below, remembering what it said. */
VeredaIo tls_session_lower_read (TlsSession *self, void *buf, size_t size, size_t *ret_n);
VeredaIo tls_session_lower_writev (TlsSession *self, const VeredaSpan *v, size_t n, size_t *ret_n);

/* The plaintext of the next record: borrowed from @v when one span fills it, else gathered into self->record. */
const void *tls_session_next_record (TlsSession *self, const VeredaSpan *v, size_t n, size_t *ret_size);

/* Verdict: @mask holds 1 << VeredaVerify for each thing that is wrong, 0 for nothing. */
VeredaVerify tls_session_worst (guint mask);
void tls_session_judge (TlsSession *self, VeredaVerify verify, const char *text);
/* What the server has stapled, at the end of a full handshake.  One that is revoked changes the verdict, unless a key known
   beforehand stands for it.  FALSE when that ends the session; then the failure is recorded. */
gboolean tls_session_note_staple (TlsSession *self, VeredaOcsp ocsp, const void *response, size_t size, GError **error);
/* The name in the certificate that is the server's: as DNS name @dns, or its address when @dns is NULL. */
void tls_session_note_name (TlsSession *self, const char *dns);
/* Appends one certificate to @chain in the format of VEREDA_FACT_PEER_CHAIN. */
void tls_session_chain_add (GByteArray *chain, const void *der, size_t size);
/* The leaf of self->chain; an empty span when there is none. */
VeredaSpan tls_session_leaf (const TlsSession *self);

#endif

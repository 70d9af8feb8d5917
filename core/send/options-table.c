/* SPDX-License-Identifier: MIT */
/* options-table - every option, one row each.  Data; the checks are in options-check.c.
 *
 * The order is the order of help texts and of the manual. */
#include "core/send/options-check.h"
#include "core/send/options.h"

#define S VEREDA_OPTION_STRING
#define B VEREDA_OPTION_BOOLEAN
#define T VEREDA_OPTION_SECONDS
#define C VEREDA_OPTION_CHOICE
#define L VEREDA_OPTION_LIST
#define H VEREDA_OPTION_HEADER
#define F VEREDA_OPTION_FILE
#define X VEREDA_OPTION_SECRET

#define ROW(name, type, value, choices, argument, help, seed, check)                                                           \
  {                                                                                                                            \
    { name, type, value, choices, argument, help, seed }, check                                                                \
  }

/* clang-format off */
const VdOptionRow vd_option_rows[VD_OPTION_N] = {
  /* where */
  [VD_OPTION_SERVERS] = ROW ("servers", L, "localhost", NULL, "HOST[:PORT],…",
    "servers to try in this order; smtp://, submission://, smtps://, submissions://, lmtp:// and unix:/path too", "-servers", vd_check_servers),
  [VD_OPTION_PORTS] = ROW ("ports", L, NULL, NULL, "PORT,…",
    "ports, in tandem with the servers; a missing one is the default of the mode (25, 587 with STARTTLS required, 465 implicit)", "-ports", vd_check_ports),
  [VD_OPTION_CLIENT] = ROW ("client", S, NULL, NULL, "NAME",
    "name said with EHLO; default: this host's qualified name, else the local address as a literal", "-client", vd_check_client),

  /* envelope and header section */
  [VD_OPTION_ORIGINATOR] = ROW ("originator", S, NULL, NULL, "ADDRESS",
    "reverse-path; default: from the header section; empty: the null reverse-path", "-originator", vd_check_originator),
  [VD_OPTION_RECIPIENTS] = ROW ("recipients", S, NULL, NULL, "ADDRESS,…",
    "recipients, instead of those in the header section", "-recipients", vd_check_recipients),
  [VD_OPTION_HEADER] = ROW ("header", H, NULL, NULL, "NAME: VALUE",
    "header field to add, or to replace where there may be only one; may be given many times", "-header", NULL),
  [VD_OPTION_AT_LEAST_ONE] = ROW ("at-least-one", B, "no", NULL, NULL,
    "send when at least one recipient is accepted; default: all of them or nothing", "-atleastone", NULL),
  [VD_OPTION_BCC] = ROW ("bcc", C, "same", "same|separate|digest", "HOW",
    "blind copies: in the same transaction, each in its own, or as the seed's digest", NULL, NULL),
  [VD_OPTION_EMPTY_BCC] = ROW ("empty-bcc", B, "no", NULL, NULL,
    "leave an empty Bcc field where blind recipients were taken out", NULL, NULL),
  [VD_OPTION_DEFAULT_DOMAIN] = ROW ("default-domain", S, NULL, NULL, "DOMAIN",
    "completes addresses without a domain; default: they are errors", NULL, vd_check_domain),
  [VD_OPTION_QUEUE] = ROW ("queue", B, "no", NULL, NULL,
    "ask the server to queue only, where it says that it can (XQUE)", "-queue", NULL),

  /* TLS */
  [VD_OPTION_TLS] = ROW ("tls", C, "auto", "never|opportunistic|starttls|implicit|auto", "MODE",
    "auto: port 465 implicit, 587 STARTTLS required, else opportunistic; credentials always mean required", NULL, NULL),
  [VD_OPTION_USETLS] = ROW ("usetls", B, NULL, NULL, NULL,
    "no: tls=never; yes: tls=opportunistic", "-usetls", NULL),
  [VD_OPTION_TLSIMPORT] = ROW ("tlsimport", B, NULL, NULL, NULL,
    "yes: tls=implicit", "-tlsimport", NULL),
  [VD_OPTION_TLSPOLICY] = ROW ("tlspolicy", C, NULL, "secure|insecure", "ANSWER",
    "standing answer to TLS problems where no policy callback is given", "-tlspolicy", NULL),
  [VD_OPTION_TRANSPORT] = ROW ("transport", L, NULL, NULL, "NAME,…",
    "transports allowed, in order: openssl, gnutls, starttls/gnutls, implicit/openssl, plain, …; default: all, by rank", NULL, vd_check_transport),
  [VD_OPTION_CA_FILE] = ROW ("ca-file", F, NULL, NULL, "FILE",
    "roots to trust (PEM) instead of the system's", NULL, vd_check_path),
  [VD_OPTION_CA_DIR] = ROW ("ca-dir", F, NULL, NULL, "DIR",
    "directory of roots to trust (PEM) instead of the system's", NULL, vd_check_path),
  [VD_OPTION_CERT_FILE] = ROW ("cert-file", F, NULL, NULL, "FILE",
    "client certificate (PEM)", NULL, vd_check_path),
  [VD_OPTION_KEY_FILE] = ROW ("key-file", F, NULL, NULL, "FILE",
    "its key (PEM); default: in the same file", NULL, vd_check_path),
  [VD_OPTION_VERIFY_NAME] = ROW ("verify-name", S, NULL, NULL, "NAME",
    "name that the certificate has to match, and that is sent as SNI; default: the server's name as given", NULL, vd_check_verify_name),
  [VD_OPTION_PINS] = ROW ("pins", L, NULL, NULL, "sha256//BASE64,…",
    "the server's key is one of these, whoever signed it: SHA-256 of its public key; nothing else of the certificate counts", NULL, vd_check_pins),
  [VD_OPTION_TLSA] = ROW ("tlsa", L, NULL, NULL, "U S M HEX,…",
    "TLSA records of the server that are known to be right, usage 2 or 3: they stand in place of the trusted roots", NULL, vd_check_tlsa),
  [VD_OPTION_TLS_MIN] = ROW ("tls-min", C, "1.2", "1.2|1.3", "VERSION",
    "lowest TLS version", NULL, NULL),
  [VD_OPTION_TLS_PRIORITY] = ROW ("tls-priority", S, NULL, NULL, "STRING",
    "ciphers, in the language of the TLS library in use", NULL, vd_check_printable),
  [VD_OPTION_INSECURE] = ROW ("insecure", B, "no", NULL, NULL,
    "accept a certificate that does not verify; credentials stay back unless insecure-cleartext-auth", NULL, NULL),

  /* authentication */
  [VD_OPTION_USERNAME] = ROW ("username", S, NULL, NULL, "USER",
    "user to authenticate as", "-username", vd_check_user),
  [VD_OPTION_PASSWORD] = ROW ("password", X, NULL, NULL, "PASSWORD",
    "its password", "-password", NULL),
  [VD_OPTION_AUTHZID] = ROW ("authzid", S, NULL, NULL, "USER",
    "user to act as, where it is not the one who authenticates", NULL, vd_check_user),
  [VD_OPTION_REALM] = ROW ("realm", S, NULL, NULL, "REALM",
    "realm, for mechanisms that have them", NULL, vd_check_user),
  [VD_OPTION_AUTH] = ROW ("auth", L, NULL, NULL, "MECH,…",
    "mechanisms allowed, in this order; default: all, strongest first", NULL, vd_check_mechanisms),
  [VD_OPTION_NO_AUTH] = ROW ("no-auth", L, NULL, NULL, "MECH,…",
    "mechanisms never to use", NULL, vd_check_mechanisms),
  [VD_OPTION_AUTH_FALLBACK] = ROW ("auth-fallback", C, "next", "next|stop", "WHAT",
    "after a refusal of the credentials: the next mechanism, or stop (for accounts that lock)", NULL, NULL),
  [VD_OPTION_AUTH_OPTIONAL] = ROW ("auth-optional", B, "no", NULL, NULL,
    "go on without authentication when none succeeds", NULL, NULL),
  [VD_OPTION_AUTH_MIN_STRENGTH] = ROW ("auth-min-strength", S, NULL, NULL, "NUMBER",
    "floor: no mechanism below this strength, a number as the list of plugins shows it", NULL, vd_check_number),
  [VD_OPTION_NO_HISTORIC_AUTH] = ROW ("no-historic-auth", B, "no", NULL, NULL,
    "never CRAM-MD5, DIGEST-MD5, NTLM", NULL, NULL),
  [VD_OPTION_INSECURE_CLEARTEXT_AUTH] = ROW ("insecure-cleartext-auth", B, "no", NULL, NULL,
    "show passwords and tokens without verified TLS", NULL, NULL),

  /* how */
  [VD_OPTION_PIPELINING] = ROW ("pipelining", C, "auto", "off|auto|window", "LEVEL",
    "how much may travel together: nothing; all that the RFCs grant; or, to a relay of one's own, whole messages by BDAT ahead of the replies", NULL, NULL),
  [VD_OPTION_WINDOW_MESSAGES] = ROW ("window-messages", S, "100", NULL, "NUMBER",
    "with pipelining=window: messages on their way without an answer, at most", NULL, vd_check_window_messages),
  [VD_OPTION_WINDOW_OCTETS] = ROW ("window-octets", S, "1048576", NULL, "OCTETS",
    "with pipelining=window: their octets, at most; a larger message goes alone", NULL, vd_check_window_octets),
  [VD_OPTION_AUTH_PIPELINING] = ROW ("auth-pipelining", B, "no", NULL, NULL,
    "send the envelope together with AUTH PLAIN or EXTERNAL, one round trip less; whoever is at the other end sees sender and recipients even when it refuses the password", NULL, NULL),
  [VD_OPTION_CHUNKING] = ROW ("chunking", C, "auto", "auto|never", "WHEN",
    "BDAT where it saves a round trip, or never", NULL, NULL),
  [VD_OPTION_LONE_CR] = ROW ("lone-cr", C, "refuse", "refuse|convert", "WHAT",
    "a CR without LF in the message: refuse it, or make it CRLF", NULL, NULL),
  [VD_OPTION_LONG_LINES] = ROW ("long-lines", C, "refuse", "refuse|allow", "WHAT",
    "lines above 998 octets: refuse the message, or send it as it is", NULL, NULL),
  [VD_OPTION_CONNECTIONS] = ROW ("connections", S, "1", NULL, "NUMBER",
    "connections of one sender at the same time, at most", NULL, vd_check_count),
  [VD_OPTION_MESSAGES_PER_CONNECTION] = ROW ("messages-per-connection", S, "0", NULL, "NUMBER",
    "messages after which a connection is closed and another made; 0: any number", NULL, vd_check_limit),
  [VD_OPTION_KEEP] = ROW ("keep", B, "no", NULL, NULL,
    "connections stay open when a sender has nothing left to send, for the next message", NULL, NULL),
  [VD_OPTION_TLS_RESUME] = ROW ("tls-resume", B, "yes", NULL, NULL,
    "resume the TLS session of an earlier connection of the same sender", NULL, NULL),
  [VD_OPTION_FAMILY] = ROW ("family", C, "any", "any|ipv4|ipv6", "FAMILY",
    "address family", NULL, NULL),
  [VD_OPTION_LOCAL_ADDRESS] = ROW ("local-address", S, NULL, NULL, "ADDRESS",
    "local address to connect from", NULL, vd_check_local_address),

  /* time */
  [VD_OPTION_IDLE_TIMEOUT] = ROW ("idle-timeout", T, "30", NULL, "SECONDS",
    "after which a connection that has nothing to carry is closed, where it is kept at all", NULL, NULL),
  [VD_OPTION_CONNECT_TIMEOUT] = ROW ("connect-timeout", T, "30", NULL, "SECONDS",
    "for each address", NULL, NULL),
  [VD_OPTION_TLS_TIMEOUT] = ROW ("tls-timeout", T, "60", NULL, "SECONDS",
    "for a TLS handshake", NULL, NULL),
  [VD_OPTION_TIMEOUT_GREETING] = ROW ("timeout-greeting", T, "300", NULL, "SECONDS",
    "for the greeting", NULL, NULL),
  [VD_OPTION_TIMEOUT_COMMAND] = ROW ("timeout-command", T, "300", NULL, "SECONDS",
    "for the replies to EHLO, STARTTLS, AUTH and RSET", NULL, NULL),
  [VD_OPTION_TIMEOUT_MAIL] = ROW ("timeout-mail", T, "300", NULL, "SECONDS",
    "for the reply to MAIL", NULL, NULL),
  [VD_OPTION_TIMEOUT_RCPT] = ROW ("timeout-rcpt", T, "300", NULL, "SECONDS",
    "for the reply to RCPT", NULL, NULL),
  [VD_OPTION_TIMEOUT_DATA] = ROW ("timeout-data", T, "120", NULL, "SECONDS",
    "for the reply to DATA", NULL, NULL),
  [VD_OPTION_TIMEOUT_BLOCK] = ROW ("timeout-block", T, "180", NULL, "SECONDS",
    "without progress while content is being sent", NULL, NULL),
  [VD_OPTION_TIMEOUT_END] = ROW ("timeout-end", T, "600", NULL, "SECONDS",
    "for the reply to the end of the data; less than 600 risks duplicates (RFC 5321 section 4.5.3.2.6)", NULL, NULL),
  [VD_OPTION_TIMEOUT_QUIT] = ROW ("timeout-quit", T, "5", NULL, "SECONDS",
    "for the reply to QUIT, which changes nothing any more", NULL, NULL),
  [VD_OPTION_MAXSECS] = ROW ("maxsecs", T, NULL, NULL, "SECONDS",
    "the seed's name for timeout-end, at most 600", "-maxsecs", NULL),
  [VD_OPTION_DEADLINE] = ROW ("deadline", T, "0", NULL, "SECONDS",
    "for everything together, names and connecting included; 0: none", NULL, NULL),
  [VD_OPTION_DEBUG] = ROW ("debug", B, "no", NULL, NULL,
    "without a trace callback: the redacted transcript goes to GLib's log, domain vereda, level debug", "-debug", NULL),
};
/* clang-format on */

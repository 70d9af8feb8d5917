/* SPDX-License-Identifier: MIT */
/* finding-table - every finding, one row each, in the order of a session.  Data; see finding.h. */
#include "finding.h"

#include <string.h>

#define N FINDING_NOTE
#define W FINDING_WARN
#define E FINDING_ERROR

/* clang-format off */
static const FindingInfo rows[] = {
  /* reaching it */
  { "plugin-missing", E, "load", "a plugin that is needed is missing or does not load",
    "TLS and authentication are plugins.  The one that was asked for is not installed, or the dynamic linker refused it.",
    "smtp-tool plugins doctor" },
  { "name-not-found", E, "dns", "the name has no address",
    "There is no A or AAAA record for the name.  Check the spelling; for a mail domain the server's name is in its MX "
    "record, not the domain itself.", "getent ahosts {host}" },
  { "name-no-answer", E, "dns", "the resolver did not answer",
    "The name server is not reachable, or the one that knows the name does not answer.  Trying later may help.", "getent ahosts {host}" },
  { "mx-null", E, "dns", "the domain accepts no mail",
    "Its MX record is the null MX (RFC 7505): preference 0 and the root as name.  Mail for it is to be returned at once.", "dig {at}MX {domain}" },
  { "mx-null-not-alone", W, "dns", "a null MX stands beside other MX records",
    "RFC 7505 section 3: a domain that has a null MX has no other.  Senders differ in what they do.  Remove one kind.", "dig {at}MX {domain}" },
  { "mx-implicit", W, "dns", "the domain has no MX record",
    "Senders then take the domain's own addresses (RFC 5321 section 5.1).  It works, and an MX record says that it is meant; one that is null says that no "
    "mail is wanted.", "dig {at}MX {domain}" },
  { "srv-none", E, "dns", "the domain tells no submission servers",
    "Mail programs that look for _submissions._tcp and _submission._tcp (RFC 6186, RFC 8314 section 5.1) find none; their users have to know the server.",
    "dig {at}SRV _submissions._tcp.{domain}" },
  { "srv-not-offered", E, "dns", "the domain says that it has no submission service",
    "The target of its SRV records is \".\": decidedly not available (RFC 2782, RFC 6186 section 3.4).  A program that believes it tries nothing else.",
    "dig {at}SRV _submissions._tcp.{domain}" },
  { "srv-other-domain", W, "dns", "the server is of another domain, and nothing proves that it is meant",
    "SRV records that DNSSEC does not secure can be changed on the way.  Mail programs ask the user before they give a password to a server outside the "
    "domain (RFC 6186 section 6, RFC 8314 section 5.1).", "dig {at}DS {domain}" },
  { "host-is-alias", W, "dns", "the server's name is an alias",
    "The name in an MX or SRV record must not be a CNAME (RFC 2181 section 10.3, RFC 2782).  Most senders follow it all the same, some return the mail.  Name "
    "the host itself.", "dig {at}A {host}" },
  { "host-is-address", E, "dns", "the record has an address where a name belongs",
    "An MX or SRV record holds the name of a host (RFC 5321 section 5.1); an address is looked up as a name and not found.  Give the host a name with an A or "
    "AAAA record, and name that.", "dig {at}MX {domain}" },
  { "dns-bogus", E, "dns", "an answer is signed, and the signatures are wrong",
    "DNSSEC: expired signatures, a DS record that fits no key, or somebody on the way changes answers.  Resolvers that validate give no answer at all.",
    "delv {at}MX {domain}" },
  { "dns-insecure", N, "dns", "the answers are not signed",
    "The zone has no DNSSEC: who can change answers on the way leads mail to another server, and DANE cannot be used.", "dig {at}DS {domain}" },
  { "dns-not-validated", N, "dns", "whether the answers are right was not checked",
    "No trust anchor is known: Debian has one in the package dns-root-data, and --trust-anchor=FILE names another.",
    "smtp-tool probe --trust-anchor=FILE {target}" },
  { "sts-no-record", W, "dns", "the domain announces no MTA-STS policy",
    "There is no TXT record at _mta-sts that begins with v=STSv1; senders that know MTA-STS have nothing to hold its servers to (RFC 8461 section 3.1).",
    "dig {at}TXT _mta-sts.{domain}" },
  { "sts-record-invalid", E, "dns", "the MTA-STS record cannot be used",
    "It must be one TXT record, v=STSv1; id=..., with an id of at most 32 letters and digits.  With more than one it is as if there were none.",
    "dig {at}TXT _mta-sts.{domain}" },
  { "sts-policy-unreachable", E, "dns", "the MTA-STS policy cannot be had",
    "It is at https://mta-sts.DOMAIN/.well-known/mta-sts.txt, with a certificate for that name, as text/plain, without redirects (RFC 8461 section 3.3).",
    "curl -v https://mta-sts.{domain}/.well-known/mta-sts.txt" },
  { "sts-policy-invalid", E, "dns", "the MTA-STS policy cannot be read",
    "It needs version, mode, max_age and, unless the mode is none, mx (RFC 8461 section 3.2).  A file that is to replace it can be tried first.",
    "smtp-tool probe --mta-sts-policy=FILE mx:{domain}" },
  { "sts-mode-none", N, "dns", "the MTA-STS policy says that there is none",
    "Mode none is how a policy is withdrawn (RFC 8461 section 8.3).", NULL },
  { "sts-mode-testing", N, "dns", "the MTA-STS policy is only tested",
    "Senders report failures and deliver all the same.", NULL },
  { "sts-max-age-short", W, "dns", "the MTA-STS policy is kept for less than a day",
    "Who can keep a sender from the policy for that long has it forgotten; weeks are usual (RFC 8461 section 3.2).",
    "smtp-tool probe --mta-sts-policy=FILE mx:{domain}" },
  { "sts-mx-not-listed", E, "dns", "the MTA-STS policy does not list the server",
    "With mode enforce senders do not deliver to it.  Add it to the mx lines, change the id of the record afterwards.  A star stands for one label.",
    "smtp-tool probe --mta-sts-policy=FILE mx:{domain}" },
  { "connection-refused", E, "tcp", "nothing listens on the port",
    "The machine answered that nobody listens there.  The service is down, listens on another port (25 between servers, 587 submission with STARTTLS, "
    "465 submission with implicit TLS) or on another address, or a firewall rejects.", "smtp-tool probe {host}:587" },
  { "connection-timeout", E, "tcp", "no answer to the connection",
    "Packets vanish: a firewall drops them, or the machine is down.  Many access networks block outgoing port 25; submission ports are 587 and 465.",
    "smtp-tool probe {host}:587" },
  { "network-unreachable", E, "tcp", "there is no route to the address",
    "This machine has no route to the address, often because it has no IPv6 at all and the name has IPv6 addresses only.", "smtp-tool probe --ipv4 {target}" },
  { "connection-failed", E, "tcp", "no address accepted the connection", "See the addresses with their reasons.", NULL },
  { "ipv6-broken", W, "tcp", "an IPv6 address of the name does not answer, IPv4 does",
    "Every client tries IPv6 first and loses time, or has no success when it does not try further.  Remove the AAAA record or make the server listen.",
    "smtp-tool probe --ipv6 {target}" },
  { "address-failed", W, "tcp", "some addresses of the name do not answer",
    "Clients that take them first lose time.", "smtp-tool probe {target}" },
  { "address-slow", W, "tcp", "an address that is tried first answers late",
    "Another one was tried meanwhile and was faster.  Clients that race addresses (RFC 8305) give the first 250 ms and lose them with each connection; those that do not "
    "race wait for all of it.  With IPv6 it is often a tunnel, or a first packet that is dropped.", "smtp-tool probe --ipv6 {target}" },

  /* greeting */
  { "tls-mode-mismatch", E, "banner", "TLS begins at another moment than was asked for",
    "With implicit TLS the first octet is TLS's (port 465, smtps: and submissions: URLs); with STARTTLS the server greets in clear first (587, 25).  A "
    "client of one kind and a port of the other wait for each other, or see what they cannot read.", NULL },
  { "no-greeting", E, "banner", "the server accepts the connection and says nothing",
    "The program that should answer dies as soon as it is started (a mistake in its configuration; its log has it), something listens that does not speak SMTP, a proxy has no "
    "server behind it, or the server waits on purpose for longer than the time-out.",
    "smtp-tool probe --timeout=60 {target}" },
  { "not-smtp", E, "banner", "what came is no SMTP",
    "Another protocol listens on the port.", NULL },
  { "greeting-refused", E, "banner", "the server refuses the connection in its greeting",
    "554 and 521: it accepts no mail at all, or none from this address (a block list).  The text says more, often with a URL.", "smtp-tool explain {code}" },
  { "greeting-transient", E, "banner", "the server refuses the connection for now",
    "421 and 4yz: overloaded, too many connections from here, or a grey list.  Trying later helps.", "smtp-tool explain {code}" },
  { "greeting-slow", W, "banner", "the greeting took more than two seconds",
    "The server looks up names or identities of its clients, or waits on purpose to see who talks too early.  Every connection pays for it.", NULL },
  { "closed-before-greeting", E, "banner", "the connection ended before a greeting",
    "The program that should answer dies, a load balancer has no server behind it, there is a limit on connections, or a "
    "firewall lets the handshake through and nothing else.", NULL },
  { "rate-limited", E, "banner", "the server limits how often it is asked",
    "421 4.7.0 and texts of its kind: too many connections or messages in too short a time.  Wait, and use one connection for many messages.", "smtp-tool explain {code}" },

  /* EHLO */
  { "ehlo-refused", E, "ehlo", "EHLO was refused",
    "The server wants another name from its clients, or refuses this one by policy.  The name must be qualified, or an address in brackets.",
    "smtp-tool probe --ehlo=NAME.EXAMPLE {target}" },
  { "helo-only", W, "ehlo", "the server knows only HELO",
    "No extensions, so no TLS, no authentication, no size announcement.  Sometimes a middlebox (SMTP fixup) takes EHLO away.", NULL },
  { "extensions-hidden", E, "ehlo", "somebody between here and the server rewrites its extensions",
    "A keyword of X letters stands where STARTTLS was: a firewall's SMTP inspection (Cisco's fixup writes XXXXXXXA) keeps clients from using TLS.  "
    "Switch the inspection off.", NULL },
  { "no-pipelining", N, "ehlo", "PIPELINING is not offered",
    "Each command waits for its reply: a message costs three or four round trips more.", NULL },
  { "no-size-limit", N, "ehlo", "no limit on the size of messages is announced", "A refusal for size is only seen after the whole message was sent.", NULL },
  { "no-eightbit", W, "ehlo", "8BITMIME is not offered",
    "Messages with octets above 127 must be encoded by their composer, or they are not sent.", NULL },
  { "delayed-ack", N, "ehlo", "a reply came as late as TCP may delay an acknowledgement",
    "The way there and back is short, and a reply takes 40 ms (some systems: 200 ms) all the same, again and again.  The server, or a proxy before it, sends in two pieces "
    "and waits with the second one for the acknowledgement of the first (Nagle's algorithm): TCP_NODELAY there ends it.", "smtp-tool bench --messages=100 {target}" },
  { "protocol-violation", E, "ehlo", "the server broke the protocol",
    "A reply that nothing asked for, or one that is no reply.  The connection was dropped, since what follows cannot be trusted to answer what was asked.",
    "smtp-tool probe -v {target}" },

  /* TLS */
  { "starttls-not-offered", E, "ehlo", "TLS is required and STARTTLS is not offered",
    "The server has no certificate configured, or offers TLS on another port only (465), or somebody on the way takes the offer away.  Nothing secret was sent.",
    "smtp-tool probe --tls=implicit {host}:465" },
  { "no-tls", W, "ehlo", "the connection is not protected",
    "STARTTLS is not offered, and TLS was only wanted where it is.  Everybody on the way can read and change the mail.", "smtp-tool probe --tls=starttls {target}" },
  { "tls-off", N, "ehlo", "TLS was switched off", "Asked for by --tls=never, or because the target is a local socket.", NULL },
  { "starttls-refused", E, "tls", "STARTTLS is offered and refused",
    "454 means that TLS is not available now: often a certificate or key that the server cannot read.  Its log says which.", "smtp-tool explain {code}" },
  { "starttls-injection", E, "tls", "octets came in clear after the reply to STARTTLS",
    "They would be taken for replies inside TLS (CVE-2011-0411 and its kin).  Either the server is broken or somebody on the way tries it.", NULL },
  { "tls-handshake-failed", E, "tls", "the TLS handshake failed",
    "No common version or cipher, or the server wants a client certificate.  Old servers speak TLS 1.0 only, which nobody should use any more.",
    "openssl s_client -connect {host}:{port}{starttls}" },
  { "tls-slow", W, "tls", "the TLS handshake took more than a second", "A large key on a small machine, a slow OCSP or session store, or the network.", NULL },
  { "tls-12-only", N, "tls", "TLS 1.2 was the best there was", "TLS 1.3 saves a round trip and hides the certificate.", NULL },
  { "cert-none", E, "tls", "the server sent no certificate", "Anonymous key exchange proves nothing about who is at the other end.", NULL },
  { "cert-expired", E, "tls", "a certificate has expired",
    "Renewal failed, or the server was not told to load the new one: it keeps the old in memory until it is reloaded.", "smtp-tool tls {target}" },
  { "cert-not-yet-valid", E, "tls", "a certificate is not valid yet", "One of the two clocks is wrong.", "smtp-tool tls {target}" },
  { "cert-name-mismatch", E, "tls", "the certificate is for another name",
    "The name in the target is none of the certificate's.  Use a name that it has, or --verify-name=NAME if the server is known to be called so.",
    "smtp-tool tls {target}" },
  { "cert-no-ip-name", E, "tls", "connected by address, and the certificate has names only",
    "A certificate is for names; an address is in it only as an IP name of its own.  Use the server's name.", "smtp-tool probe --verify-name=NAME {target}" },
  { "cert-unknown-issuer", E, "tls", "no path to a trusted authority",
    "The authority is a private one (give its certificate with --ca-file), or the server does not send the intermediate certificates: then browsers may "
    "succeed and mail fails.", "smtp-tool probe --ca-file=FILE {target}" },
  { "cert-chain-incomplete", N, "tls", "the server sends its own certificate and no issuer's",
    "Unless a root that is trusted here signed it, clients cannot get from it to one.  The server's certificate file must hold the intermediate certificates behind the leaf.",
    "smtp-tool tls --pem {target}" },
  { "cert-self-signed", E, "tls", "the certificate signs itself",
    "Nobody vouches for it.  Trust exactly this one with --ca-file, after comparing its fingerprint over another channel.", "smtp-tool tls --pem {target}" },
  { "cert-weak", E, "tls", "key or signature of the certificate is too weak", "RSA below 2048 bits, or SHA-1 and older.", "smtp-tool tls {target}" },
  { "cert-revoked", E, "tls", "the certificate is revoked", "Its authority withdrew it.", NULL },
  { "cert-purpose", E, "tls", "the certificate is not meant for servers",
    "The extended key usage lacks server authentication, or an issuer is no authority, or breaks a constraint.", "smtp-tool tls {target}" },
  { "cert-invalid", E, "tls", "the certificate cannot be accepted", "See the TLS library's words.", "smtp-tool tls {target}" },
  { "cert-pin-mismatch", E, "tls", "the key is none of the pinned ones", "The server has a new key, or it is another server.", "smtp-tool tls {target}" },
  { "cert-tlsa-mismatch", E, "tls", "no TLSA record fits the certificate",
    "The server has a new key and its records were not changed before (RFC 7671 section 8.1), or it is another server.  A sender that goes by DANE "
    "does not deliver.", "smtp-tool tls {target}" },
  { "dane-bogus", E, "tls", "the TLSA records cannot be had",
    "The answer is bogus, or there is none.  A sender that goes by DANE must not deliver then (RFC 7672 section 2.1.2), so mail waits.",
    "delv {at}TLSA {tlsa}" },
  { "dane-unusable", W, "tls", "none of the TLSA records can be used",
    "In mail only DANE-TA(2) and DANE-EE(3) with known selectors and hashes count (RFC 7672 section 3.1).  Senders then use TLS without knowing with whom.",
    "dig {at}TLSA {tlsa}" },
  { "dane-not-secure", W, "tls", "there are TLSA records, and the zone is not signed",
    "Nobody goes by records that DNSSEC does not secure.", "delv {at}TLSA {tlsa}" },
  { "dane-none", N, "tls", "there are no TLSA records",
    "Senders then do without DANE.", NULL },
  { "dane-not-checked", N, "tls", "DANE was not checked",
    "What leads to the server (MX record, addresses) is not secured by DNSSEC, it was not validated, or the server has no name.", NULL },
  { "dane-match", N, "tls", "a TLSA record fits",
    "DANE holds: the records are secured by DNSSEC, and one of them is of this certificate.", NULL },
  { "sts-tls-invalid", E, "tls", "TLS is not what the MTA-STS policy asks for",
    "The server must offer it, and its certificate be right by the usual authorities, for the name in the MX record.  With mode enforce senders do not deliver.",
    "smtp-tool tls {target}" },
  { "cert-not-verified", W, "tls", "the certificate was not accepted, and that was tolerated",
    "By --insecure, or because TLS was only wanted where it is offered.  Who is at the other end is not known; no password is sent there.",
    "smtp-tool probe --tls=starttls {target}" },
  { "cert-expires-soon", W, "tls", "the certificate expires soon",
    "Fewer days are left than the first number of --cert-days (21), an error below the second (7).  With automatic renewal it should have been replaced by now.",
    "smtp-tool check {target}" },
  { "root-in-chain", N, "tls", "the root certificate was sent too",
    "Who trusts it has it, who has it not does not trust it: it costs octets in each handshake.", NULL },
  { "ocsp-invalid", W, "tls", "the stapled status cannot be used", "Out of date, of another certificate, or not signed by who may.", NULL },
  { "ehlo-tls-refused", E, "ehlo", "EHLO inside TLS was refused", "Before TLS it was accepted.  Often a policy that treats TLS clients differently.", NULL },
  { "starttls-inside-tls", W, "ehlo", "STARTTLS is offered again inside TLS", "RFC 3207 section 4.2 forbids it; clients may try it and fail.", NULL },

  /* authentication */
  { "auth-after-tls", N, "auth", "AUTH is offered only after TLS", "As it should be: clients that do not use TLS see no way to log in.", NULL },
  { "auth-in-clear", W, "auth", "passwords may be sent before TLS",
    "The server offers PLAIN or LOGIN on a connection that anybody can read.  A client that does not insist on TLS gives its password away.", NULL },
  { "auth-not-offered", N, "auth", "no authentication is offered", "As usual on port 25; submission ports (587, 465) should offer it.", "smtp-tool probe {host}:587" },
  { "auth-none-usable", E, "auth", "none of the mechanisms offered can be used",
    "See the table: no plugin, forbidden by options, or below the floor without verified TLS.", "smtp-tool auth list {target}" },
  { "auth-failed", E, "auth", "the credentials were refused",
    "535: user or password is wrong, or the account may not send.  Some providers want a password made for the application, or a token.",
    "smtp-tool auth try {target}" },
  { "auth-challenge-needs-secret", E, "auth", "a challenge mechanism was refused",
    "CRAM-MD5 and DIGEST-MD5 work only where the server stores the plain password.  Many (PAM, LDAP bind, saslauthd) cannot, and offer the mechanism all the same.",
    "smtp-tool auth try {target}" },
  { "auth-temporary", E, "auth", "the server cannot authenticate now", "454: its password store does not answer.  Trying later helps.", "smtp-tool explain {code}" },
  { "auth-too-weak", E, "auth", "the server wants a stronger mechanism", "534 5.7.9: a policy of the server or of the account.", "smtp-tool auth list {target}" },
  { "auth-historic-only", W, "auth", "only historic or cleartext mechanisms are offered",
    "PLAIN inside TLS is what most have.  SCRAM-SHA-256 (RFC 7677) does not show the password to the server.", NULL },

  /* envelope */
  { "mail-refused", E, "mail", "the reverse-path was refused", "The server wants authentication first, or does not accept this sender here.", "smtp-tool explain {code}" },
  { "auth-required", E, "mail", "authentication is required", "530 5.7.0: the port is for submission.", "smtp-tool auth list {target}" },
  { "tls-required", E, "mail", "the server requires TLS", "530 5.7.0 Must issue a STARTTLS command first (RFC 3207).", "smtp-tool probe --tls=starttls {target}" },
  { "recipient-refused", E, "rcpt", "a recipient was refused", "See the reply: 550 5.1.1 no such mailbox, 551 another server, 553 an address that is not understood.", NULL },
  { "recipient-deferred", E, "rcpt", "a recipient was put off", "4yz: not now, perhaps later: a full mailbox, a look-up that failed, too much mail.  A queue tries again by itself.",
    "smtp-tool explain {code}" },
  { "greylisted", E, "rcpt", "the server puts unknown senders off for a while",
    "A grey list: the first attempt from an address is refused with 4yz, one that comes again after some minutes is taken.  A queue does that by itself; a "
    "program that sends directly must try again, from the same address.", "smtp-tool explain {code}" },
  { "relay-denied", E, "rcpt", "the server does not relay to that domain", "It is not responsible for the domain and does not know the client.  Log in, or use the domain's own server (MX).",
    "smtp-tool auth list {target}" },
  { "policy", E, "auth", "going on would break a policy", "A secret would be shown without verified TLS, or a mechanism is below the floor.", "smtp-tool auth list {target}" },

  /* any stage */
  { "closed-early", E, "ehlo", "the server closed the connection", "421 (it shuts down, or what it depends on does not answer: the text says which), a crash, or a limit.  Its log knows.", "smtp-tool probe -v {target}" },
  { "stage-timeout", E, "ehlo", "a reply did not come in time", "The server stands still at this command: a look-up or a filter behind it waits.", "smtp-tool probe --timeout=60 {target}" },
  { "interrupted", E, "ehlo", "interrupted", "A signal ended the probe.", NULL },
  { "failed", E, "ehlo", "it failed", "See the error.", "smtp-tool probe -v {target}" },
};
/* clang-format on */

guint
finding_count (void)
{
  return G_N_ELEMENTS (rows);
}

const FindingInfo *
finding_at (guint index)
{
  return index < G_N_ELEMENTS (rows) ? &rows[index] : NULL;
}

const FindingInfo *
finding_info (const char *id)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strcmp (rows[i].id, id) == 0)
      return &rows[i];
  return NULL;
}

const char *
finding_severity_word (FindingSeverity severity)
{
  static const char *const words[] = { "note", "warn", "error" };

  return words[severity];
}

/* SPDX-License-Identifier: MIT */
/* explain-codes - reply codes (RFC 5321 and its extensions) and enhanced status codes (RFC 3463; IANA's registry, RFC 5248).  See
 * explain-codes.h.
 *
 * Enhanced codes are written with X where the class varies, as in the registry. */
#include "explain-codes.h"

#include <string.h>

/* clang-format off */
static const CodeInfo replies[] = {
  { "211", "system status, or help", NULL, "RFC 5321 section 4.2.3" },
  { "214", "help", NULL, "RFC 5321 section 4.2.3" },
  { "220", "ready: the greeting, or the go-ahead for TLS", NULL, "RFC 5321 section 4.2.3, RFC 3207 section 4" },
  { "221", "closing: the answer to QUIT", NULL, "RFC 5321 section 4.2.3" },
  { "235", "authenticated", NULL, "RFC 4954 section 6" },
  { "250", "done", "After the end of the data: the server took responsibility for the message.", "RFC 5321 section 4.2.3" },
  { "251", "not here, will be forwarded", NULL, "RFC 5321 section 3.4" },
  { "252", "cannot verify the user, will try to deliver", "The usual answer to VRFY.", "RFC 5321 section 3.5.3" },
  { "334", "go on: a challenge of an authentication exchange", NULL, "RFC 4954 section 4" },
  { "354", "send the message", NULL, "RFC 5321 section 4.2.3" },
  { "421", "the service closes the connection", "Overloaded, shutting down, too many connections, or waiting too long for a command.  Try later, "
    "with fewer connections.", "RFC 5321 section 4.2.3" },
  { "422", "the mailbox is over its quota for now", NULL, "in use, not registered" },
  { "432", "a password transition is needed", "The server must see the password once, by PLAIN inside TLS, before it can offer better mechanisms.", "RFC 4954 section 6" },
  { "450", "the mailbox is not available now", "Grey-listing answers so on purpose: the same attempt succeeds some minutes later.  Or the mailbox is locked.", "RFC 5321 section 4.2.3" },
  { "451", "local error in processing", "Also grey-listing, a filter that does not answer, a look-up that failed.  Try later.", "RFC 5321 section 4.2.3" },
  { "452", "not enough storage, or too many recipients", "Send to fewer recipients in one transaction; the rest in another one.", "RFC 5321 sections 4.2.3 and 4.5.3.1.10" },
  { "454", "TLS or authentication is not available now", "STARTTLS: a certificate or key cannot be read.  AUTH: the password store does not answer.", "RFC 3207 section 4, RFC 4954 section 6" },
  { "455", "the server cannot accommodate parameters now", NULL, "RFC 5321 section 4.2.3" },
  { "500", "command not recognised, or line too long", NULL, "RFC 5321 section 4.2.3" },
  { "501", "syntax error in parameters", "Often a name in EHLO that is not qualified, or an address that is not in angle brackets.", "RFC 5321 section 4.2.3" },
  { "502", "command not implemented", NULL, "RFC 5321 section 4.2.3" },
  { "503", "bad sequence of commands", "Something has to come first: EHLO, MAIL, RCPT, or AUTH.  After refused recipients also the answer to DATA.", "RFC 5321 section 4.2.3" },
  { "504", "parameter not implemented", "To AUTH: the mechanism is not offered.", "RFC 5321 section 4.2.3, RFC 4954 section 4" },
  { "521", "the host accepts no mail", "At all, from anybody.", "RFC 7504" },
  { "523", "encryption needed", "In use by some servers for authentication without TLS.", "in use, not registered" },
  { "524", "authentication mechanism too weak", NULL, "in use, not registered" },
  { "530", "authentication required, or STARTTLS first", "The text says which.  A port for submission wants a login; some want TLS before anything.", "RFC 4954 section 6, RFC 3207 section 4" },
  { "534", "the mechanism is too weak", "The account or the server wants a stronger one, or a password made for the application.", "RFC 4954 section 6" },
  { "535", "credentials invalid", "User or password is wrong, the account is locked, or password logins are switched off (a token or an application password is needed).", "RFC 4954 section 6" },
  { "538", "encryption required for the mechanism", "Use TLS.", "RFC 4954 section 6" },
  { "541", "rejected by the recipient's filter", NULL, "in use, not registered" },
  { "550", "not available: no such mailbox, or refused by policy", "5.1.1: the address is wrong.  5.7.1: policy, a block list, SPF, or a sender who may not use that address.", "RFC 5321 section 4.2.3" },
  { "551", "not local, try elsewhere", NULL, "RFC 5321 section 3.4" },
  { "552", "too large, or over quota", "To RCPT it can mean too many recipients.", "RFC 5321 sections 4.2.3 and 4.5.3.1.10" },
  { "553", "the mailbox name is not allowed", "Often a sender address that does not belong to the account.", "RFC 5321 section 4.2.3" },
  { "554", "transaction failed, or no SMTP service here", "In the greeting: the client's address is on a block list.  To RCPT: relaying denied.", "RFC 5321 section 4.2.3" },
  { "555", "parameters of MAIL or RCPT not recognised", NULL, "RFC 5321 section 4.2.3" },
  { "556", "the domain accepts no mail", "It has a null MX.", "RFC 7504" },
};

static const CodeInfo enhanced[] = {
  { "X.0.0", "no more is known", NULL, "RFC 3463 section 3.1" },
  { "X.1.0", "other trouble with an address", NULL, "RFC 3463 section 3.2" },
  { "X.1.1", "bad destination mailbox", "There is no such user there.", "RFC 3463 section 3.2" },
  { "X.1.2", "bad destination system", "The domain does not exist or takes no mail.", "RFC 3463 section 3.2" },
  { "X.1.3", "bad syntax of the destination", NULL, "RFC 3463 section 3.2" },
  { "X.1.4", "the destination is ambiguous", NULL, "RFC 3463 section 3.2" },
  { "X.1.5", "the destination is valid", NULL, "RFC 3463 section 3.2" },
  { "X.1.6", "the mailbox has moved", NULL, "RFC 3463 section 3.2" },
  { "X.1.7", "bad syntax of the sender's address", NULL, "RFC 3463 section 3.2" },
  { "X.1.8", "bad sender's system", "The sender's domain does not exist: nobody could be told of a failure.", "RFC 3463 section 3.2" },
  { "X.1.9", "relayed to a system that does not know SMTP", NULL, "RFC 3886" },
  { "X.1.10", "the recipient's domain has a null MX", "It takes no mail at all.", "RFC 7505" },
  { "X.2.0", "other trouble with the mailbox", NULL, "RFC 3463 section 3.3" },
  { "X.2.1", "the mailbox is disabled", NULL, "RFC 3463 section 3.3" },
  { "X.2.2", "the mailbox is full", NULL, "RFC 3463 section 3.3" },
  { "X.2.3", "the message is longer than the mailbox allows", NULL, "RFC 3463 section 3.3" },
  { "X.2.4", "a mailing list cannot be expanded", NULL, "RFC 3463 section 3.3" },
  { "X.3.0", "other trouble with the mail system", NULL, "RFC 3463 section 3.4" },
  { "X.3.1", "the mail system is full", NULL, "RFC 3463 section 3.4" },
  { "X.3.2", "the system does not accept messages", "Shut down, or not now.", "RFC 3463 section 3.4" },
  { "X.3.3", "the system cannot do what the message needs", NULL, "RFC 3463 section 3.4" },
  { "X.3.4", "the message is too big for the system", "See SIZE in the answer to EHLO.", "RFC 3463 section 3.4" },
  { "X.3.5", "the system is not configured rightly", NULL, "RFC 3463 section 3.4" },
  { "X.3.6", "the requested priority was changed", NULL, "RFC 6710" },
  { "X.4.0", "other trouble with network or routing", NULL, "RFC 3463 section 3.5" },
  { "X.4.1", "no answer from the host", NULL, "RFC 3463 section 3.5" },
  { "X.4.2", "bad connection", NULL, "RFC 3463 section 3.5" },
  { "X.4.3", "a directory server failed", "DNS or LDAP behind the mail server.", "RFC 3463 section 3.5" },
  { "X.4.4", "the mail cannot be routed", NULL, "RFC 3463 section 3.5" },
  { "X.4.5", "the mail system is congested", NULL, "RFC 3463 section 3.5" },
  { "X.4.6", "a routing loop", NULL, "RFC 3463 section 3.5" },
  { "X.4.7", "too old: delivery time expired", NULL, "RFC 3463 section 3.5" },
  { "X.5.0", "other trouble with the protocol", NULL, "RFC 3463 section 3.6" },
  { "X.5.1", "invalid command", NULL, "RFC 3463 section 3.6" },
  { "X.5.2", "syntax error", NULL, "RFC 3463 section 3.6" },
  { "X.5.3", "too many recipients", "Send to fewer at a time.", "RFC 3463 section 3.6" },
  { "X.5.4", "invalid arguments of a command", NULL, "RFC 3463 section 3.6" },
  { "X.5.5", "wrong version of the protocol", NULL, "RFC 3463 section 3.6" },
  { "X.5.6", "an authentication line is too long", NULL, "RFC 4954 section 6" },
  { "X.6.0", "other trouble with the content", NULL, "RFC 3463 section 3.7" },
  { "X.6.1", "the medium is not supported", NULL, "RFC 3463 section 3.7" },
  { "X.6.2", "a conversion is required and prohibited", NULL, "RFC 3463 section 3.7" },
  { "X.6.3", "a conversion is required and not supported", "8-bit content to a server without 8BITMIME.", "RFC 3463 section 3.7" },
  { "X.6.4", "converted, with losses", NULL, "RFC 3463 section 3.7" },
  { "X.6.5", "conversion failed", NULL, "RFC 3463 section 3.7" },
  { "X.6.6", "the content of the message is not available", NULL, "RFC 4468" },
  { "X.6.7", "addresses beyond ASCII are not permitted", "The server, or the next one, has no SMTPUTF8.", "RFC 6531" },
  { "X.6.8", "a reply in UTF-8 is required and not permitted", NULL, "RFC 6531" },
  { "X.6.9", "a header in UTF-8 cannot be passed on", NULL, "RFC 6531" },
  { "X.7.0", "other trouble with security", "Also limits on how often one may ask, and block lists.", "RFC 3463 section 3.8" },
  { "X.7.1", "delivery not authorised, refused", "A policy: relaying, a block list, a sender address that is not the account's, SPF, or a filter.  The text says which.", "RFC 3463 section 3.8" },
  { "X.7.2", "the list may not be expanded", NULL, "RFC 3463 section 3.8" },
  { "X.7.3", "a security conversion is required and not possible", NULL, "RFC 3463 section 3.8" },
  { "X.7.4", "security features are not supported", NULL, "RFC 3463 section 3.8" },
  { "X.7.5", "cryptographic failure", NULL, "RFC 3463 section 3.8" },
  { "X.7.6", "the cryptographic algorithm is not supported", NULL, "RFC 3463 section 3.8" },
  { "X.7.7", "the integrity of the message is broken", NULL, "RFC 3463 section 3.8" },
  { "X.7.8", "credentials invalid", "User or password is wrong, or the account needs an application password or a token.", "RFC 4954 section 6" },
  { "X.7.9", "the authentication mechanism is too weak", "Some providers: password logins are off for this account.", "RFC 4954 section 6" },
  { "X.7.10", "encryption needed", NULL, "RFC 5248" },
  { "X.7.11", "encryption required for the mechanism", "Use TLS.", "RFC 4954 section 6" },
  { "X.7.12", "a password transition is needed", NULL, "RFC 4954 section 6" },
  { "X.7.13", "the account is disabled", NULL, "RFC 5248" },
  { "X.7.14", "a trust relationship is required", NULL, "RFC 5248" },
  { "X.7.15", "the priority is too low", NULL, "RFC 6710" },
  { "X.7.16", "the message is too big for its priority", NULL, "RFC 6710" },
  { "X.7.17", "the mailbox has changed its owner", NULL, "RFC 7293" },
  { "X.7.18", "the domain has changed its owner", NULL, "RFC 7293" },
  { "X.7.19", "the RRVS test cannot be completed", NULL, "RFC 7293" },
  { "X.7.20", "no passing DKIM signature found", NULL, "RFC 7372" },
  { "X.7.21", "no acceptable DKIM signature found", NULL, "RFC 7372" },
  { "X.7.22", "no valid DKIM signature of the author's domain", NULL, "RFC 7372" },
  { "X.7.23", "SPF validation failed", "The sender's domain does not list this client: send through the domain's own server.", "RFC 7372" },
  { "X.7.24", "SPF validation error", NULL, "RFC 7372" },
  { "X.7.25", "reverse DNS validation failed", "The client's address has no name, or one that does not lead back.", "RFC 7372" },
  { "X.7.26", "several authentication checks failed", "DMARC: neither SPF nor DKIM fits.", "RFC 7372" },
  { "X.7.27", "the sender's domain has a null MX", NULL, "RFC 7505" },
  { "X.7.28", "a mail flood was detected", "Too much in too short a time.", "IANA registry" },
  { "X.7.29", "ARC validation failed", NULL, "RFC 8617" },
  { "X.7.30", "REQUIRETLS support is required", NULL, "RFC 8689" },
};

static const struct
{
  const char *subject;
  const char *meaning;
} subjects[] = {
  { "0", "nothing in particular" }, { "1", "addresses" },          { "2", "the mailbox" },   { "3", "the mail system" },
  { "4", "network and routing" },   { "5", "the mail protocol" }, { "6", "the content" }, { "7", "security or policy" },
};
/* clang-format on */

guint
code_count (void)
{
  return G_N_ELEMENTS (replies) + G_N_ELEMENTS (enhanced);
}

const CodeInfo *
code_at (guint index)
{
  if (index < G_N_ELEMENTS (replies))
    return &replies[index];
  index -= (guint) G_N_ELEMENTS (replies);
  return index < G_N_ELEMENTS (enhanced) ? &enhanced[index] : NULL;
}

const CodeInfo *
code_reply (const char *code)
{
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    if (strcmp (replies[i].code, code) == 0)
      return &replies[i];
  return NULL;
}

const CodeInfo *
code_enhanced (const char *code)
{
  for (guint i = 0; i < G_N_ELEMENTS (enhanced); i++)
    if (strcmp (enhanced[i].code + 1, code + 1) == 0)
      return &enhanced[i];
  return NULL;
}

const char *
code_class (char digit)
{
  switch (digit)
    {
    case '2':
      return "success";
    case '3':
      return "go on";
    case '4':
      return "refused for now: the same may succeed later";
    case '5':
      return "refused: the same will be refused again";
    default:
      return NULL;
    }
}

const char *
code_subject (const char *subject)
{
  for (guint i = 0; i < G_N_ELEMENTS (subjects); i++)
    if (strcmp (subjects[i].subject, subject) == 0)
      return subjects[i].meaning;
  return NULL;
}

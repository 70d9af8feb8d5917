/* SPDX-License-Identifier: MIT */
/*
 * The server side of Cyrus SASL, an implementation of the mechanisms that is not ours, with a sasldb in a temporary folder, and
 * exchanges between it and a driven mechanism.
 */
#ifndef TEST_SASL_SERVER_H
#define TEST_SASL_SERVER_H

#include "test-mech-drive.h"

#include <sasl/sasl.h>

#define SASL_SERVER_FQDN  "mail.example.org"
#define SASL_SERVER_REALM "example.org"

typedef struct
{
  const char *user, *password; /* password NULL: 300 octets, longer than a block of any of the hashes */
} SaslAccount;

/** The end of a channel that the server sees; name NULL: it binds to none. */
typedef struct
{
  const char *name;
  const guint8 *octets;
  gsize size;
} SaslChannel;

/** What came of an exchange: what each side thinks. */
typedef struct
{
  gboolean server_ok;
  gboolean client_ok; /* the mechanism said DONE, and it was the last word */
  char *authcid, *authzid;
} SaslOutcome;

/** Starts the library's server side, for the whole process, with these accounts. */
void sasl_server_begin (const SaslAccount *accounts, gsize n_accounts);

/** Removes the accounts; nothing where it never began.  The library itself is ended by sasl_done(), where that is right. */
void sasl_server_end (void);

const char *sasl_account_password (const SaslAccount *account);

/** Whether the installed library has a server side of it; the running test is marked as skipped where not. */
gboolean sasl_server_offers (const char *mech);

/** One exchange, as over SMTP; channel NULL: the server binds to none. */
void sasl_server_run (MechDrive *d, const SaslChannel *channel, gboolean initial_response, SaslOutcome *o);

void sasl_outcome_clear (SaslOutcome *o);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SaslOutcome, sasl_outcome_clear)

#endif

/* SPDX-License-Identifier: MIT */
/**
 * @file kit.h
 * @brief The conformance kit: everything vereda-plugin-check does, for the tests of those who write plugins.
 *
 * vereda_kit_run_all() checks a built plugin from its file to its behaviour and tells everything that is wrong with it.
 * VeredaKitMech drives one mechanism the way the library does, with the randomness, the credentials and the server that a test
 * wants, and notes every promise of auth.h that the mechanism breaks on the way.
 *
 * Nothing here is for programs that send mail.  One thread at a time; vereda_kit_run_all() forks, so it is called before a program
 * starts threads.
 */
#ifndef VEREDA_KIT_KIT_H
#define VEREDA_KIT_KIT_H

#include <vereda-plugin/auth.h>
#include <vereda-plugin/transport.h>

G_BEGIN_DECLS

/** Marks what the kit's library exports. */
#define VEREDA_KIT_API __attribute__ ((visibility ("default")))

/** Domain of the kit's own errors; a plugin's errors pass with the domain they have. */
#define VEREDA_KIT_ERROR (g_quark_from_static_string ("vereda-kit-error"))

/** Codes of VEREDA_KIT_ERROR.  Values never change. */
typedef enum
{
  VEREDA_KIT_ERROR_FILE = 1,   /**< the file cannot be read, or is none */
  VEREDA_KIT_ERROR_SYSTEM = 2, /**< no process, pipe or memory for the checks */
  VEREDA_KIT_ERROR_LOAD = 3    /**< the module cannot be opened, or has no descriptor */
} VeredaKitError;

/** How a check came out.  Values never change. */
typedef enum
{
  VEREDA_KIT_PASSED = 0, /**< the plugin does what the check demands */
  VEREDA_KIT_FAILED = 1, /**< it does not; the text says in what */
  VEREDA_KIT_SKIPPED = 2 /**< could not be made here; the text says why */
} VeredaKitOutcome;

/* --- everything at once --- */

typedef struct VeredaKitReport VeredaKitReport; /**< the checks that were made, in order */

/**
 * Checks the plugin whose shared object is the file @p module; its keyfile is looked for beside it.  Every group of checks runs in a
 * process of its own, so a plugin that crashes or hangs is a finding and not the end.
 *
 * @return a report, also when everything is wrong; NULL with VEREDA_KIT_ERROR if the checks could not be made at all
 */
VEREDA_KIT_API VeredaKitReport *vereda_kit_run_all (const char *module, GError **error);
/** Frees a report and every string it lent; NULL is fine. */
VEREDA_KIT_API void vereda_kit_report_free (VeredaKitReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VeredaKitReport, vereda_kit_report_free)

/** Number of checks, whatever came out. */
VEREDA_KIT_API guint vereda_kit_report_get_n_checks (VeredaKitReport *report);
/** Number of checks that failed; 0: the plugin may be shipped. */
VEREDA_KIT_API guint vereda_kit_report_get_n_failed (VeredaKitReport *report);

/** The name of check @p i, counted from 0; it never changes: "auth.wait".  Lent, as all strings of a report. */
VEREDA_KIT_API const char *vereda_kit_report_get_id (VeredaKitReport *report, guint i);
/** What check @p i was about: a mechanism or transport such as "PLAIN", or "" for the whole plugin. */
VEREDA_KIT_API const char *vereda_kit_report_get_subject (VeredaKitReport *report, guint i);
/** How check @p i came out. */
VEREDA_KIT_API VeredaKitOutcome vereda_kit_report_get_outcome (VeredaKitReport *report, guint i);
/** What check @p i found wrong, a sentence a line; why it was skipped; "" when it passed. */
VEREDA_KIT_API const char *vereda_kit_report_get_text (VeredaKitReport *report, guint i);
/** What to do when check @p i fails. */
VEREDA_KIT_API const char *vereda_kit_report_get_advice (VeredaKitReport *report, guint i);

/** The report for a person, with what passed too if @p verbose; free with g_free(). */
VEREDA_KIT_API char *vereda_kit_report_to_text (VeredaKitReport *report, gboolean verbose);
/** The report in the Test Anything Protocol, a line a check; free with g_free(). */
VEREDA_KIT_API char *vereda_kit_report_to_tap (VeredaKitReport *report);

/* --- one mechanism --- */

/**
 * Opens a module as the library does, with local binding, never to be closed, and returns its descriptor; calls init the first
 * time.  Nothing is checked beyond that.
 */
VEREDA_KIT_API const VeredaPlugin *vereda_kit_load (const char *module, GError **error);

typedef struct VeredaKitMech VeredaKitMech; /**< one exchange with one mechanism */

/**
 * A new exchange.  No credential is there, randomness counts up from zero, the server is "mail.example.org", protected with 256 bits,
 * and offers this mechanism alone.  start is called before the first step.  The instance lies at the end of a page behind which
 * nothing may be touched.
 */
VEREDA_KIT_API VeredaKitMech *vereda_kit_mech_new (const VeredaMech *mech);
/** Calls clear, wipes what the library would wipe, frees. */
VEREDA_KIT_API void vereda_kit_mech_free (VeredaKitMech *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VeredaKitMech, vereda_kit_mech_free)

/** What the mechanism is told when it asks; copied; @p data NULL: there is none. */
VEREDA_KIT_API void vereda_kit_mech_set_credential (VeredaKitMech *m, VeredaCred kind, const void *data, size_t size);
/** The next @p times questions of this kind are answered VEREDA_CRED_LATER. */
VEREDA_KIT_API void vereda_kit_mech_set_later (VeredaKitMech *m, VeredaCred kind, guint times);
/** The octets that VeredaHost.random gives, over and over; copied.  @p size 0: randomness fails. */
VEREDA_KIT_API void vereda_kit_mech_set_random (VeredaKitMech *m, const void *data, size_t size);
/** The channel binding of that kind; copied; @p data NULL: there is none. */
VEREDA_KIT_API void vereda_kit_mech_set_binding (VeredaKitMech *m, VeredaBinding kind, const void *data, size_t size);
/** The server's name as the mechanism is told it; copied.  Before the first step. */
VEREDA_KIT_API void vereda_kit_mech_set_server_name (VeredaKitMech *m, const char *name);
/** The bits of protection below, 0 for clear text.  Before the first step. */
VEREDA_KIT_API void vereda_kit_mech_set_tls_ssf (VeredaKitMech *m, guint bits);
/** The mechanisms that the server offers, NULL-ended; copied.  Before the first step. */
VEREDA_KIT_API void vereda_kit_mech_set_offered (VeredaKitMech *m, const char *const *offered);

/** One step.  @p challenge NULL: none yet; otherwise @p size octets, copied to the end of a page. */
VEREDA_KIT_API VeredaStep vereda_kit_mech_step (VeredaKitMech *m, const void *challenge, size_t size, GError **error);
/** The response of the last step; lent until the next one. */
VEREDA_KIT_API const void *vereda_kit_mech_get_response (VeredaKitMech *m, size_t *ret_size);
/** Calls explain, if the mechanism has it; FALSE: it knows nothing. */
VEREDA_KIT_API gboolean vereda_kit_mech_explain (VeredaKitMech *m, GError **error);
/** How often the mechanism asked for a credential of this kind. */
VEREDA_KIT_API guint vereda_kit_mech_get_asked (VeredaKitMech *m, VeredaCred kind);
/** How often it asked for randomness. */
VEREDA_KIT_API guint vereda_kit_mech_get_random_calls (VeredaKitMech *m);

/** Promises of auth.h that were broken so far, a sentence each; NULL-ended, lent. */
VEREDA_KIT_API const char *const *vereda_kit_mech_get_faults (VeredaKitMech *m);

/**
 * Searches the writable memory of the process for the password and the token, as they are, as UCS-4 and as HMAC pads, after wiping
 * what the library would wipe by itself at this point.  Call it after each step and after vereda_kit_mech_clear().  A secret needs 32
 * octets to be looked for, and the caller keeps it in memory that cannot be written, such as a constant.
 *
 * @return the number of places, 0 under AddressSanitizer and valgrind, whose heaps are not the memory that this is about
 */
VEREDA_KIT_API guint vereda_kit_mech_count_residue (VeredaKitMech *m);
/** Calls clear now; no step may follow. */
VEREDA_KIT_API void vereda_kit_mech_clear (VeredaKitMech *m);

G_END_DECLS

#endif

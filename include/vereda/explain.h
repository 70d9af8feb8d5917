/* SPDX-License-Identifier: MIT */
/**
 * @file explain.h
 * @brief Which authentication mechanism would be tried first, which next, and why not the others: computed without a server.
 *
 * The answer is the sender's own: both ask the same function, which knows the registry, the options and how the connection stands.
 * Nothing is contacted and no plugin is loaded; a plugin whose module turns out not to load is passed over only when it is used.
 *
 * Threads: an explanation never changes after it was made.  Strings that getters return belong to it.
 */
#ifndef VEREDA_EXPLAIN_H
#define VEREDA_EXPLAIN_H

#include <glib.h>
#include <vereda/error.h>
#include <vereda/macros.h>
#include <vereda/options.h>
#include <vereda/registry.h>

G_BEGIN_DECLS

/** Opaque. */
typedef struct VeredaExplanation VeredaExplanation;

/** One mechanism of an explanation: one that the server offers, or that a plugin has.  The explanation's. */
typedef struct VeredaExplanationRow VeredaExplanationRow;

/** How the connection stands: bits.  Values never change; new bits may come. */
typedef enum
{
  VEREDA_CONNECTION_CLEAR = 0,            /**< no TLS */
  VEREDA_CONNECTION_TLS = 1 << 0,         /**< TLS, with whatever certificate */
  VEREDA_CONNECTION_VERIFIED = 1 << 1,    /**< its certificate was verified, chain and name; means TLS too */
  VEREDA_CONNECTION_CLIENT_CERT = 1 << 2, /**< a client certificate was sent; means TLS too */
  VEREDA_CONNECTION_BINDING = 1 << 3      /**< the TLS session can be bound to; means TLS too */
} VeredaConnectionState;

/** What becomes of a mechanism.  Values never change; new ones may come. */
typedef enum
{
  VEREDA_CHOICE_FIRST = 1,      /**< tried first */
  VEREDA_CHOICE_NEXT = 2,       /**< tried when those before it fail in a way that lets others be tried */
  VEREDA_CHOICE_SPARE = 3,      /**< tried only when a plugin before it does not load: see the text */
  VEREDA_CHOICE_REFUSED = 4,    /**< offered and not tried: the reason says why */
  VEREDA_CHOICE_NOT_OFFERED = 5 /**< a plugin has it, the server does not offer it */
} VeredaChoice;

/**
 * Computes what a sender would do.
 * @param registry the plugins; NULL: the registry of @p options, else the default one
 * @param offered the mechanisms a server offers: names separated by blanks or commas, or the line of an EHLO reply as it came
 *        ("250-AUTH PLAIN LOGIN"); may be empty
 * @param options the user, the policy (auth, no-auth, auth-min-strength, no-historic-auth, insecure-cleartext-auth) and which credentials
 *        there are: set, or to be had from the credential callback, which is not called
 * @param state bits of VeredaConnectionState
 * @return a new explanation, free with vereda_explanation_free(); NULL with VEREDA_ERROR_OPTION when a word of @p offered is not
 *         the name of a mechanism (RFC 4422 section 3.1)
 */
VEREDA_API
VeredaExplanation *
vereda_explanation_new (VeredaRegistry *registry, const char *offered, VeredaOptions *options, guint state, GError **error);

/** Frees; NULL is fine. */
VEREDA_API
void vereda_explanation_free (VeredaExplanation *explanation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VeredaExplanation, vereda_explanation_free)

/** Number of rows. */
VEREDA_API
guint vereda_explanation_get_n_rows (VeredaExplanation *explanation);

/**
 * The row at @p index, in the order of trying: the caller's own list first, else strongest first; what no plugin has comes last.
 * @return borrowed; NULL when @p index is not below vereda_explanation_get_n_rows()
 */
VEREDA_API
VeredaExplanationRow *vereda_explanation_get_row (VeredaExplanation *explanation, guint index);

/** The row that is tried first.  @return borrowed; NULL when no mechanism can be used */
VEREDA_API
VeredaExplanationRow *vereda_explanation_get_chosen (VeredaExplanation *explanation);

/** Name of the mechanism, safe to show. */
VEREDA_API
const char *vereda_explanation_row_get_mechanism (VeredaExplanationRow *row);

/** Name of the plugin; NULL: none has it. */
VEREDA_API
const char *vereda_explanation_row_get_stem (VeredaExplanationRow *row);

/** Strength as vereda_registry_entry_get_strength(); 0 without a plugin. */
VEREDA_API
guint vereda_explanation_row_get_strength (VeredaExplanationRow *row);

/** Strength in words; NULL without a plugin. */
VEREDA_API
const char *vereda_explanation_row_get_strength_words (VeredaExplanationRow *row);

/** Rank among equals; 0 without a plugin. */
VEREDA_API
int vereda_explanation_row_get_rank (VeredaExplanationRow *row);

/** TRUE when the server offers it. */
VEREDA_API
gboolean vereda_explanation_row_is_offered (VeredaExplanationRow *row);

/** TRUE when it would be tried: first, next or as a spare. */
VEREDA_API
gboolean vereda_explanation_row_is_usable (VeredaExplanationRow *row);

/** What becomes of it. */
VEREDA_API
VeredaChoice vereda_explanation_row_get_choice (VeredaExplanationRow *row);

/** One stable word, such as "usable", "cleartext", "no-plugin", "historic"; new words may come. */
VEREDA_API
const char *vereda_explanation_row_get_reason (VeredaExplanationRow *row);

/** The reason in words: why it is not used, or what using it gives away. */
VEREDA_API
const char *vereda_explanation_row_get_text (VeredaExplanationRow *row);

G_END_DECLS

#endif

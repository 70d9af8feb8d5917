/* SPDX-License-Identifier: MIT */
/* explain - what a sender would do with the mechanisms a server offers, computed without the server.  Implements include/vereda/explain.h.
 *
 * Reads the registry's records and opens no module.  The parser of EHLO lines and the choice are the connection's own; nothing is decided
 * here.  Fails only with a word that is no name of a mechanism. */
#include <vereda/explain.h>

#include <string.h>

#include "core/base/error.h"
#include "core/base/trace.h"
#include "core/plugin/rank.h"
#include "core/send/choice.h"
#include "core/smtp/ehlo.h"

struct VeredaExplanationRow
{
  const VdCandidate *candidate; /* of the array in the explanation */
  VeredaChoice choice;
  char *strength_words;
  char *text;
};

struct VeredaExplanation
{
  VeredaRegistry *registry;
  GPtrArray *candidates; /* VdCandidate */
  GPtrArray *rows;       /* VeredaExplanationRow */
  VeredaExplanationRow *chosen;
};

static void
row_free (gpointer data)
{
  VeredaExplanationRow *row = data;

  g_free (row->strength_words);
  g_free (row->text);
  g_free (row);
}

/* ---- what is offered ---- */

/* The words after "250-", "250 ", "AUTH " or "AUTH=", separated by single blanks. */
static char *
bare_words (const char *offered)
{
  g_autofree char *text = g_strdelimit (g_strdup (offered), ",\t\r\n", ' ');
  const char *rest = g_strstrip (text);

  if (strncmp (rest, "250", 3) == 0 && (rest[3] == '-' || rest[3] == ' '))
    rest += 4;
  while (*rest == ' ')
    rest++;
  if (g_ascii_strncasecmp (rest, "AUTH", 4) == 0 && (rest[4] == ' ' || rest[4] == '=' || rest[4] == '\0'))
    rest += rest[4] == '\0' ? 4 : 5;
  return g_strdup (rest);
}

/* Through the parser of EHLO replies, so that nothing is read here that a connection would not see.  It passes over what is no name; somebody
 * who asks wants to be told. */
static VdEhlo *
parse_offered (const char *offered, GError **error)
{
  g_autofree char *words = bare_words (offered);
  g_auto (GStrv) list = g_strsplit (words, " ", -1);

  for (char **word = list; *word != NULL; word++)
    {
      g_autofree char *line = g_strconcat ("AUTH ", *word, NULL);
      char greeting[] = "";
      char *lines[] = { greeting, line };
      gsize sizes[] = { 0, strlen (line) };
      VdReply reply = { .code = 250, .n_lines = 2, .lines = lines, .sizes = sizes };
      g_autoptr (VdEhlo) one = vd_ehlo_parse (&reply);

      if (**word != '\0' && one->mechanisms[0] == NULL)
        {
          g_autofree char *shown = vd_text_escape (*word, strlen (*word));
          g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_OPTION,
                       "mechanisms offered: \"%s\" is not the name of a mechanism (1 to 20 of A-Z 0-9 - _)", shown);
          return NULL;
        }
    }

  g_autofree char *all = g_strconcat ("AUTH ", words, NULL);
  char greeting[] = "";
  char *lines[] = { greeting, all };
  gsize sizes[] = { 0, strlen (all) };
  VdReply reply = { .code = 250, .n_lines = 2, .lines = lines, .sizes = sizes };
  return vd_ehlo_parse (&reply);
}

/* ---- what using it means ---- */

static char *
usable_text (const VdCandidate *candidate, const VdChoiceState *state)
{
  static const char *const texts[] = {
    [VEREDA_EXPOSE_ANONYMOUS] = "no identity is proved",
    [VEREDA_EXPOSE_PASSWORD] = "the password itself is sent",
    [VEREDA_EXPOSE_WEAK_PROOF] = "the password is not sent; the response can be guessed offline",
    [VEREDA_EXPOSE_TOKEN] = "a token is sent, which expires",
    [VEREDA_EXPOSE_PROOF] = "the password is not sent; the proof is salted, and the server proves itself",
    [VEREDA_EXPOSE_BOUND_PROOF] = "the password is not sent; the proof is good for this TLS session only",
    [VEREDA_EXPOSE_NOTHING] = "no secret is sent that could be used again",
  };
  const guint exposure = candidate->strength.exposure;
  const gboolean shows = exposure == VEREDA_EXPOSE_PASSWORD || exposure == VEREDA_EXPOSE_TOKEN;
  const char *where = !shows                ? ""
                      : !state->tls_active  ? ", in clear"
                      : state->tls_verified ? ", inside verified TLS"
                                            : ", to a server whose certificate was not verified";

  return g_strconcat (exposure < G_N_ELEMENTS (texts) ? texts[exposure] : "its class is newer than this library", where,
                      (candidate->flags & VEREDA_MECH_HISTORIC) != 0 ? "; historic" : "", NULL);
}

/* Of what can be used: will it be, when those before it are refused? */
static const char *
spare_text (VeredaExplanation *explanation, GHashTable *seen, const VdCandidate *candidate)
{
  if (!g_hash_table_add (seen, candidate->mechanism)) /* connection-auth.c gives each name one chance */
    return "only when the plugin before it, which has the same mechanism, does not load";
  for (guint i = 0; i < explanation->rows->len; i++)
    {
      const VeredaExplanationRow *before = g_ptr_array_index (explanation->rows, i);

      if (before->choice <= VEREDA_CHOICE_SPARE && vd_choice_is_bound (&before->candidate->strength)
          && candidate->strength.exposure < before->candidate->strength.exposure)
        return "only when the plugin of what is bound to TLS does not load: after a failed binding nothing unbound is tried";
    }
  return NULL;
}

static void
add_row (VeredaExplanation *explanation, GHashTable *seen, const VdCandidate *candidate, const VdChoiceState *state)
{
  VeredaExplanationRow *row = g_new0 (VeredaExplanationRow, 1);

  row->candidate = candidate;
  if (candidate->stem != NULL)
    row->strength_words = vd_strength_words (&candidate->strength);
  const char *spare = candidate->usable ? spare_text (explanation, seen, candidate) : NULL;
  row->text = spare != NULL       ? g_strdup (spare)
              : candidate->usable ? usable_text (candidate, state)
                                  : g_strdup (candidate->text);
  if (!candidate->offered)
    row->choice = VEREDA_CHOICE_NOT_OFFERED;
  else if (!candidate->usable)
    row->choice = VEREDA_CHOICE_REFUSED;
  else if (spare != NULL)
    row->choice = VEREDA_CHOICE_SPARE;
  else
    row->choice = explanation->chosen == NULL ? VEREDA_CHOICE_FIRST : VEREDA_CHOICE_NEXT;
  if (row->choice == VEREDA_CHOICE_FIRST)
    explanation->chosen = row;
  g_ptr_array_add (explanation->rows, row);
}

/* ---- public ---- */

VeredaExplanation *
vereda_explanation_new (VeredaRegistry *registry, const char *offered, VeredaOptions *options, guint state, GError **error)
{
  const guint tls
      = VEREDA_CONNECTION_TLS | VEREDA_CONNECTION_VERIFIED | VEREDA_CONNECTION_CLIENT_CERT | VEREDA_CONNECTION_BINDING;
  g_autoptr (VdEhlo) ehlo = parse_offered (offered != NULL ? offered : "", error);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  VdChoiceState how = { 0 };

  if (ehlo == NULL)
    return NULL;
  how.tls_active = (state & tls) != 0;
  how.tls_verified = (state & VEREDA_CONNECTION_VERIFIED) != 0;
  how.client_cert_sent = (state & VEREDA_CONNECTION_CLIENT_CERT) != 0;
  how.binding = (state & VEREDA_CONNECTION_BINDING) != 0;
  how.host = TRUE; /* whoever is connected to was called by a name */

  VeredaExplanation *explanation = g_new0 (VeredaExplanation, 1);
  if (registry == NULL)
    registry = vd_options_registry (options);
  explanation->registry = vereda_registry_ref (registry);
  explanation->rows = g_ptr_array_new_with_free_func (row_free);
  explanation->candidates = vd_choice_candidates (registry, (const char *const *) ehlo->mechanisms, options, &how);
  for (guint i = 0; i < explanation->candidates->len; i++)
    add_row (explanation, seen, explanation->candidates->pdata[i], &how);
  return explanation;
}

void
vereda_explanation_free (VeredaExplanation *explanation)
{
  if (explanation == NULL)
    return;
  g_ptr_array_unref (explanation->rows);
  g_ptr_array_unref (explanation->candidates);
  vereda_registry_unref (explanation->registry);
  g_free (explanation);
}

guint
vereda_explanation_get_n_rows (VeredaExplanation *explanation)
{
  return explanation->rows->len;
}

VeredaExplanationRow *
vereda_explanation_get_row (VeredaExplanation *explanation, guint index)
{
  return index < explanation->rows->len ? explanation->rows->pdata[index] : NULL;
}

VeredaExplanationRow *
vereda_explanation_get_chosen (VeredaExplanation *explanation)
{
  return explanation->chosen;
}

const char *
vereda_explanation_row_get_mechanism (VeredaExplanationRow *row)
{
  return row->candidate->mechanism;
}

const char *
vereda_explanation_row_get_stem (VeredaExplanationRow *row)
{
  return row->candidate->stem;
}

guint
vereda_explanation_row_get_strength (VeredaExplanationRow *row)
{
  return row->candidate->stem != NULL ? vd_strength_number (&row->candidate->strength) : 0;
}

const char *
vereda_explanation_row_get_strength_words (VeredaExplanationRow *row)
{
  return row->strength_words;
}

int
vereda_explanation_row_get_rank (VeredaExplanationRow *row)
{
  return row->candidate->rank;
}

gboolean
vereda_explanation_row_is_offered (VeredaExplanationRow *row)
{
  return row->candidate->offered;
}

gboolean
vereda_explanation_row_is_usable (VeredaExplanationRow *row)
{
  return row->candidate->usable;
}

VeredaChoice
vereda_explanation_row_get_choice (VeredaExplanationRow *row)
{
  return row->choice;
}

const char *
vereda_explanation_row_get_reason (VeredaExplanationRow *row)
{
  return vd_auth_reason_word (row->candidate->reason);
}

const char *
vereda_explanation_row_get_text (VeredaExplanationRow *row)
{
  return row->text;
}

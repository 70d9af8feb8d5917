/* SPDX-License-Identifier: MIT */
/* words - the vocabulary of the keyfiles, and the grammar of stems and mechanism names.
 *
 * Pure tables.  Cannot fail. */
#include "core/plugin/words.h"

#include <string.h>
#include <vereda-plugin/transport.h>

const VdWord vd_words_exposure[] = {
  { "anonymous", VEREDA_EXPOSE_ANONYMOUS },   { "password", VEREDA_EXPOSE_PASSWORD },
  { "weak-proof", VEREDA_EXPOSE_WEAK_PROOF }, { "token", VEREDA_EXPOSE_TOKEN },
  { "proof", VEREDA_EXPOSE_PROOF },           { "bound-proof", VEREDA_EXPOSE_BOUND_PROOF },
  { "nothing", VEREDA_EXPOSE_NOTHING },       { NULL, 0 },
};

const VdWord vd_words_traits[] = {
  { "mutual", VEREDA_TRAIT_MUTUAL },
  { "no-active", VEREDA_TRAIT_NO_ACTIVE },
  { "no-dictionary", VEREDA_TRAIT_NO_DICTIONARY },
  { "forward-secret", VEREDA_TRAIT_FORWARD_SECRET },
  { "binding", VEREDA_TRAIT_BINDING },
  { NULL, 0 },
};

const VdWord vd_words_needs[] = {
  { "authcid", VEREDA_NEEDS (VEREDA_CRED_AUTHCID) },   { "authzid", VEREDA_NEEDS (VEREDA_CRED_AUTHZID) },
  { "password", VEREDA_NEEDS (VEREDA_CRED_PASSWORD) }, { "token", VEREDA_NEEDS (VEREDA_CRED_TOKEN) },
  { "realm", VEREDA_NEEDS (VEREDA_CRED_REALM) },       { NULL, 0 },
};

const VdWord vd_words_flags[] = {
  { "client-first", VEREDA_MECH_CLIENT_FIRST },
  { "server-last", VEREDA_MECH_SERVER_LAST },
  { "needs-tls", VEREDA_MECH_NEEDS_TLS },
  { "needs-binding", VEREDA_MECH_NEEDS_BINDING },
  { "needs-host", VEREDA_MECH_NEEDS_HOST },
  { "historic", VEREDA_MECH_HISTORIC },
  { NULL, 0 },
};

const VdWord vd_words_roles[] = {
  { "open", VD_ROLE_OPEN },
  { "wrap", VD_ROLE_WRAP },
  { NULL, 0 },
};

const VdWord vd_words_bindings[] = {
  { "tls-exporter", 1u << VEREDA_BINDING_TLS_EXPORTER },
  { "tls-server-end-point", 1u << VEREDA_BINDING_TLS_SERVER_END_POINT },
  { "tls-unique", 1u << VEREDA_BINDING_TLS_UNIQUE },
  { NULL, 0 },
};

const VdWord *
vd_words_find (const VdWord *table, const char *word)
{
  for (; table->word != NULL; table++)
    if (strcmp (table->word, word) == 0)
      return table;
  return NULL;
}

char **
vd_words_of_bits (const VdWord *table, guint bits)
{
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();
  for (; table->word != NULL; table++)
    if ((bits & table->value) != 0)
      g_strv_builder_add (words, table->word);
  return g_strv_builder_end (words);
}

const char *
vd_words_of_value (const VdWord *table, guint value)
{
  for (; table->word != NULL; table++)
    if (table->value == value)
      return table->word;
  return NULL;
}

static gboolean
only_of (const char *text, const char *alphabet, gsize max)
{
  gsize length = strspn (text, alphabet);
  return text[length] == '\0' && length >= 1 && length <= max;
}

gboolean
vd_stem_valid (const char *stem)
{
  return stem[0] >= 'a' && stem[0] <= 'z' && only_of (stem, "abcdefghijklmnopqrstuvwxyz0123456789_", 32);
}

gboolean
vd_mech_name_valid (const char *name)
{
  return only_of (name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", 20);
}

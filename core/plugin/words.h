/* SPDX-License-Identifier: MIT */
/* words - the vocabulary of the keyfiles: each word of a list and the bit or value it stands for.
 *
 * Pure tables.  Also the grammar of the two kinds of name that reach a path or a command: stems and mechanism names. */
#ifndef VD_WORDS_H
#define VD_WORDS_H

#include <glib.h>
#include <vereda-plugin/auth.h>

typedef struct
{
  const char *word;
  guint value;
} VdWord;

/* Tables end with a NULL word. */
extern const VdWord vd_words_exposure[]; /* VEREDA_EXPOSE_* */
extern const VdWord vd_words_traits[];   /* VEREDA_TRAIT_* */
extern const VdWord vd_words_needs[];    /* VEREDA_NEEDS (VEREDA_CRED_*) */
extern const VdWord vd_words_flags[];    /* VEREDA_MECH_* */
extern const VdWord vd_words_roles[];    /* VD_ROLE_* */
extern const VdWord vd_words_bindings[]; /* 1u << VEREDA_BINDING_* */

enum
{
  VD_ROLE_OPEN = 1u << 0, /* takes over a descriptor */
  VD_ROLE_WRAP = 1u << 1  /* wraps a lower layer: TLS */
};

/* The entry of `word`, or NULL. */
const VdWord *vd_words_find (const VdWord *table, const char *word);

/* The words of the bits in `bits`, in table order, NULL-ended; free with g_strfreev. */
char **vd_words_of_bits (const VdWord *table, guint bits);

/* The word of exactly `value`, or NULL. */
const char *vd_words_of_value (const VdWord *table, guint value);

/* `[a-z][a-z0-9_]{0,31}`: the only shape that becomes part of a file name or a symbol. */
gboolean vd_stem_valid (const char *stem);

/* RFC 4422 section 3.1: 1*20 of A-Z 0-9 - _ */
gboolean vd_mech_name_valid (const char *name);

/* Transports are named like stems. */
#define vd_transport_name_valid(name) vd_stem_valid (name)

#endif

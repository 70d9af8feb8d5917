/* SPDX-License-Identifier: MIT */
/*
 * SASLprep: the examples of RFC 4013 section 3; mixed strings whose expected results were computed with Python's stringprep
 * module and Unicode 3.2 database, an implementation that is not ours; normalisation against GLib's own.
 */
#include "../../plugins/auth/common/saslprep.h"

#include <string.h>

typedef struct
{
  const char *in;
  const char *out; /* NULL: refused */
} Vector;

static const Vector vectors[] = {
#include "test-mech-saslprep.inc"
};

static AuthPrep
prep (const char *in, char **ret_out)
{
  char *text = NULL;
  gsize size = 0;
  AuthPrep result = auth_saslprep (in, strlen (in), &text, &size);

  if (result == AUTH_PREP_OK)
    g_assert_cmpuint (strlen (text), ==, size);
  else
    g_assert_null (text);
  *ret_out = text;
  return result;
}

static void
test_examples (void)
{
  static const struct
  {
    const char *in, *out;
    AuthPrep result;
  } examples[] = {
    { "I\xc2\xadX", "IX", AUTH_PREP_OK },
    { "user", "user", AUTH_PREP_OK },
    { "USER", "USER", AUTH_PREP_OK },
    { "\xc2\xaa", "a", AUTH_PREP_OK },
    { "\xe2\x85\xa8", "IX", AUTH_PREP_OK },
    { "\x07", NULL, AUTH_PREP_CONTROL },
    { "\xd8\xa7\x31", NULL, AUTH_PREP_BIDI },
    { "\xd8\xa7\x31\xd8\xa8", "\xd8\xa7\x31\xd8\xa8", AUTH_PREP_OK },
    { "", NULL, AUTH_PREP_EMPTY },
    { "\xc2\xad\xe2\x80\x8d", NULL, AUTH_PREP_EMPTY },
    { "\xe9", NULL, AUTH_PREP_NOT_UTF8 },
    { "a\xc2\xa0\xe3\x80\x80\xe2\x80\x8b"
      "b",
      "a   b", AUTH_PREP_OK },
    { "\x7f", NULL, AUTH_PREP_CONTROL },
    { "\xee\x80\x80", NULL, AUTH_PREP_PRIVATE },
    { "\xef\xb7\x90", NULL, AUTH_PREP_NONCHARACTER },
    { "\xef\xbf\xbd", NULL, AUTH_PREP_PLAIN },
    { "\xe2\xbf\xb0", NULL, AUTH_PREP_CANONICAL },
    { "\xe2\x80\xae", NULL, AUTH_PREP_DISPLAY },
    { "\xf3\xa0\x80\x81", NULL, AUTH_PREP_TAGGING },
    { "\xf0\x9f\x94\x91", "\xf0\x9f\x94\x91", AUTH_PREP_OK }, /* unassigned in Unicode 3.2: a query may hold it */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (examples); i++)
    {
      g_autofree char *out = NULL;

      g_assert_cmpint (prep (examples[i].in, &out), ==, examples[i].result);
      g_assert_cmpstr (out, ==, examples[i].out);
      g_assert_nonnull (auth_prep_text (examples[i].result));
    }
}

static void
test_nul (void)
{
  char *out = NULL;
  gsize size;

  g_assert_cmpint (auth_saslprep ("a\0b", 3, &out, &size), ==, AUTH_PREP_CONTROL);
  g_assert_cmpint (auth_saslprep (NULL, 0, &out, &size), ==, AUTH_PREP_EMPTY);
  g_assert_null (out);
}

static void
test_vectors (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      g_autofree char *out = NULL;

      g_assert_true ((prep (vectors[i].in, &out) == AUTH_PREP_OK) == (vectors[i].out != NULL));
      g_assert_cmpstr (out, ==, vectors[i].out);
    }
}

/* Every character alone, and many beside a base letter and marks, as g_utf8_normalize() has it (what is accepted and
 * untouched by mapping). */
static void
test_normalization (void)
{
  static const char *const frames[][2] = { { "", "" }, { "e\xcc\xa7", "\xcc\x81" }, { "", "\xe1\x85\xa1\xe1\x86\xa8" } };
  guint accepted = 0;

  for (gunichar c = 0x21; c <= 0x10ffff; c++)
    for (gsize f = 0; f < G_N_ELEMENTS (frames); f++)
      {
        g_autofree char *in = NULL, *out = NULL, *expected = NULL;
        char utf8[7] = "";

        if (c == 0x30000)
          c = 0x10fffe;
        if (!g_unichar_validate (c) || !g_unichar_isdefined (c) || g_unichar_type (c) == G_UNICODE_SPACE_SEPARATOR)
          continue;
        utf8[g_unichar_to_utf8 (c, utf8)] = '\0';
        in = g_strconcat (frames[f][0], utf8, frames[f][1], NULL);
        if (prep (in, &out) != AUTH_PREP_OK)
          continue;
        expected = g_utf8_normalize (in, -1, G_NORMALIZE_NFKC);
        if (g_strcmp0 (out, expected) == 0)
          {
            accepted++;
            continue;
          }
        /* The characters of table B.1, which vanish. */
        g_assert_true (c == 0xad || c == 0x34f || c == 0x1806 || (c >= 0x180b && c <= 0x180d) || (c >= 0x200b && c <= 0x200d)
                       || c == 0x2060 || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff);
      }
  g_assert_cmpuint (accepted, >, 200000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mech/AUT-17-examples", test_examples);
  g_test_add_func ("/mech/AUT-17-nul", test_nul);
  g_test_add_func ("/mech/AUT-17-vectors", test_vectors);
  g_test_add_func ("/mech/AUT-17-normalization", test_normalization);
  return g_test_run ();
}

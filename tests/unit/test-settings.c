/* SPDX-License-Identifier: MIT */
/* Tests that a keyfile read the short way says what GKeyFile would say, and that whatever is unusual is left to GKeyFile. */
#include <string.h>

#include "core/plugin/settings.h"

/* Everything that two readings of one text can be asked, and that both answer alike. */
static void
compare (const VdSettings *plain, const VdSettings *thorough, const char *text)
{
  g_auto (GStrv) sections = vd_settings_sections (plain);
  g_auto (GStrv) others = vd_settings_sections (thorough);

  g_test_message ("%s", text);
  g_assert_cmpstrv (sections, others);
  g_assert_false (vd_settings_has_section (plain, "no such"));
  for (char **section = sections; *section != NULL; section++)
    {
      g_auto (GStrv) keys = vd_settings_keys (plain, *section);
      g_auto (GStrv) other_keys = vd_settings_keys (thorough, *section);
      g_assert_true (vd_settings_has_section (plain, *section));
      g_assert_cmpstrv (keys, other_keys);
      g_assert_false (vd_settings_has (plain, *section, "no-such"));
      for (char **key = keys; *key != NULL; key++)
        {
          GError *error = NULL, *other_error = NULL;
          g_autofree char *value = vd_settings_text (plain, *section, *key, &error);
          g_autofree char *other = vd_settings_text (thorough, *section, *key, &other_error);
          g_assert_no_error (error);
          g_assert_no_error (other_error);
          g_assert_cmpstr (value, ==, other);
          g_assert_true (vd_settings_has (plain, *section, *key));

          g_auto (GStrv) list = vd_settings_list (plain, *section, *key, &error);
          g_auto (GStrv) other_list = vd_settings_list (thorough, *section, *key, &other_error);
          g_assert_no_error (error);
          g_assert_no_error (other_error);
          g_assert_cmpstrv (list, other_list);

          gboolean yes = FALSE, other_yes = FALSE;
          const gboolean valid = vd_settings_boolean (plain, *section, *key, &yes, &error);
          g_assert_cmpint (valid, ==, vd_settings_boolean (thorough, *section, *key, &other_yes, &other_error));
          g_assert_cmpint (yes, ==, other_yes);
          g_assert_cmpstr (error != NULL ? error->message : NULL, ==, other_error != NULL ? other_error->message : NULL);
          g_clear_error (&error);
          g_clear_error (&other_error);
        }
    }
}

/* TRUE when the text was plain. */
static gboolean
check (const char *text, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VdSettings) plain = vd_settings_new_plain (text, size);

  if (plain == NULL)
    return FALSE;
  g_autoptr (VdSettings) thorough = vd_settings_new_thorough (text, size, &error);
  g_assert_no_error (error);
  compare (plain, thorough, text);
  return TRUE;
}

static void
test_plain (void)
{
  static const char *const texts[] = {
    "",
    "\n\n",
    "# nothing\n",
    "[Plugin]\nAbi=1\nName=x\n\n[Mechanism A]\nExposure=password\nNeeds=authcid;password;\n",
    "[Plugin]\nAbi=1\nName=x", /* no last line end */
    "[a]\nKey=a=b;;c;\nB=;\nC=;;\nD=true\nE=false\nF=maybe\n[b]\n[c]\nKey=x\n",
    "[a]\n#Key=1\nKey=2\n",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    g_assert_true (check (texts[i], strlen (texts[i])));
}

/* Not wrong, all of it, but nothing that this side should have an opinion on. */
static void
test_left_to_glib (void)
{
  static const char *const texts[] = {
    "Key=1\n",                     /* before any section */
    "[a]\nKey = 1\n",              /* spaces */
    "[a]\nKey= 1\n",               /* */
    "[a]\nKey=1 \n",               /* */
    " [a]\n",                      /* */
    "[a] \n",                      /* */
    "[a]\n\tKey=1\n",              /* */
    "[a]\r\nKey=1\r\n",            /* line ends of another system */
    "[a]\nKey=a\\sb\n",            /* escapes */
    "[a]\nKey[de]=1\n",            /* languages */
    "[a]\nKey=1\nKey=2\n",         /* said twice */
    "[a]\nKey=1\n[b]\n[a]\nL=2\n", /* */
    "[a]\nEncoding=UTF-8\n",       /* GKeyFile's own word */
    "[a]\nKey=\xC3\xA9\n",         /* not ASCII */
    "[a]\nKey\n",
    "[a]\n=1\n",
    "[]\n",
    "[a\n",
    "[a[b]\n",
    "[a]]\n",
    "[a]\nKey=\x7F\n",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_test_message ("%s", texts[i]);
      g_assert_null (vd_settings_new_plain (texts[i], strlen (texts[i])));
    }
  g_assert_null (vd_settings_new_plain ("[a]\nKey=1\0\n", 11));
}

/* Texts of pieces that mean something to a keyfile: most are nonsense, and what is taken for plain must mean the same to both. */
static void
test_random (void)
{
  static const char *const pieces[] = {
    "[",    "]", "=", ";",  "#",  "\n", "\n",       "\n[a]\n", "\n[b c]\n", "\nKey=",  "\nKey-2=",  "\nRank=",
    "true", "1", " ", "\\", "\t", "x",  "Encoding", "\n\n",    ",",         "\nA=1\n", "\nB=1;2\n", "\n# c\n",
  };
  guint taken = 0;

  for (guint round = 0; round < 200000; round++)
    {
      g_autoptr (GString) text = g_string_new (round % 2 == 0 ? "[s]" : NULL);
      const int n = g_test_rand_int_range (0, 10);

      for (int i = 0; i < n; i++)
        g_string_append (text, pieces[g_test_rand_int_range (0, G_N_ELEMENTS (pieces))]);
      taken += check (text->str, text->len) ? 1 : 0;
    }
  g_test_message ("%u of 200000 were plain", taken);
  g_assert_cmpuint (taken, >, 2000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/settings/plain", test_plain);
  g_test_add_func ("/settings/left-to-glib", test_left_to_glib);
  g_test_add_func ("/settings/random", test_random);
  return g_test_run ();
}

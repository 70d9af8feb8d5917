/* SPDX-License-Identifier: MIT */
/* Tests of core/smtp/plan: the whole matrix against a golden text, and by name the pairs that must never be. */
#include "octets.h"

#include "core/smtp/plan.h"

static const struct
{
  const char *name;
  VdPlanState state;
} states[] = {
  { "off", { VD_PIPELINING_OFF, TRUE, TRUE, VD_COMMIT_ANY, 1 } },
  { "auto, nothing offered", { VD_PIPELINING_AUTO, FALSE, FALSE, VD_COMMIT_ANY, 1 } },
  { "auto, only CHUNKING offered", { VD_PIPELINING_AUTO, FALSE, TRUE, VD_COMMIT_ANY, 1 } },
  { "auto, any of 3", { VD_PIPELINING_AUTO, TRUE, FALSE, VD_COMMIT_ANY, 3 } },
  { "auto, all of 1", { VD_PIPELINING_AUTO, TRUE, FALSE, VD_COMMIT_ALL, 1 } },
  { "auto, all of 3", { VD_PIPELINING_AUTO, TRUE, FALSE, VD_COMMIT_ALL, 3 } },
  { "auto, all of 3, CHUNKING", { VD_PIPELINING_AUTO, TRUE, TRUE, VD_COMMIT_ALL, 3 } },
  { "window, any of 3, CHUNKING", { VD_PIPELINING_WINDOW, TRUE, TRUE, VD_COMMIT_ANY, 3 } },
  { "window, all of 1, CHUNKING", { VD_PIPELINING_WINDOW, TRUE, TRUE, VD_COMMIT_ALL, 1 } },
  { "window, all of 3, CHUNKING", { VD_PIPELINING_WINDOW, TRUE, TRUE, VD_COMMIT_ALL, 3 } },
  { "window, any of 3, no CHUNKING", { VD_PIPELINING_WINDOW, TRUE, FALSE, VD_COMMIT_ANY, 3 } },
  { "window, only CHUNKING offered", { VD_PIPELINING_WINDOW, FALSE, TRUE, VD_COMMIT_ANY, 3 } },
};

/* A line is what was sent last, a column (in the order of VdStep) what may follow it; lines without any are left out. */
static const char golden[] = "                  GETAMRDCBLSNQ\n"
                             "off\n"
                             "auto, nothing offered\n"
                             "auto, only CHUNKING offered\n"
                             "auto, any of 3\n"
                             "  MAIL            .....R.......\n"
                             "  RCPT            .....RD......\n"
                             "  end of data     ....M.......Q\n"
                             "  RSET            ....M.......Q\n"
                             "auto, all of 1\n"
                             "  MAIL            .....R.......\n"
                             "  RCPT            .....RD......\n"
                             "  end of data     ....M.......Q\n"
                             "  RSET            ....M.......Q\n"
                             "auto, all of 3\n"
                             "  MAIL            .....R.......\n"
                             "  RCPT            .....R.......\n"
                             "  end of data     ....M.......Q\n"
                             "  RSET            ....M.......Q\n"
                             "auto, all of 3, CHUNKING\n"
                             "  MAIL            .....R.......\n"
                             "  RCPT            .....R.......\n"
                             "  end of data     ....M.......Q\n"
                             "  BDAT            ........BL...\n"
                             "  RSET            ....M.......Q\n"
                             "window, any of 3, CHUNKING\n"
                             "  MAIL            .....R.......\n"
                             "  RCPT            .....RD.BL...\n"
                             "  end of data     ....M.......Q\n"
                             "  BDAT            ........BL...\n"
                             "  BDAT LAST       ....M.......Q\n"
                             "  RSET            ....M.......Q\n"
                             "window, all of 1, CHUNKING\n"
                             "  MAIL            .....R.......\n"
                             "  RCPT            .....RD.BL...\n"
                             "  end of data     ....M.......Q\n"
                             "  BDAT            ........BL...\n"
                             "  BDAT LAST       ....M.......Q\n"
                             "  RSET            ....M.......Q\n"
                             "window, all of 3, CHUNKING\n"
                             "  MAIL            .....R.......\n"
                             "  RCPT            .....R.......\n"
                             "  end of data     ....M.......Q\n"
                             "  BDAT            ........BL...\n"
                             "  BDAT LAST       ....M.......Q\n"
                             "  RSET            ....M.......Q\n"
                             "window, any of 3, no CHUNKING\n"
                             "  MAIL            .....R.......\n"
                             "  RCPT            .....RD......\n"
                             "  end of data     ....M.......Q\n"
                             "  RSET            ....M.......Q\n"
                             "window, only CHUNKING offered\n";

static const char letters[VD_STEP_N + 1] = "GETAMRDCBLSNQ";

static void
append_matrix (GString *to, const VdPlanState *state)
{
  for (guint sent = 0; sent < VD_STEP_N; sent++)
    {
      char line[VD_STEP_N + 1] = { 0 };
      gboolean some = FALSE;
      for (guint next = 0; next < VD_STEP_N; next++)
        {
          gboolean may = vd_plan_may_follow (state, sent, next) != NULL;
          line[next] = may ? letters[next] : '.';
          some = some || may;
        }
      if (some)
        g_string_append_printf (to, "  %-16s%s\n", vd_step_name (sent), line);
    }
}

static void
test_golden (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (text, "%18s%s\n", "", letters);
  for (gsize i = 0; i < G_N_ELEMENTS (states); i++)
    {
      g_string_append_printf (text, "%s\n", states[i].name);
      append_matrix (text, &states[i].state);
    }
  if (strcmp (text->str, golden) != 0)
    g_test_message ("the matrix is now:\n%s", text->str);
  g_assert_cmpstr (text->str, ==, golden);
}

/* Every state there is, for properties. */
static void
each_state (void (*check) (const VdPlanState *state))
{
  static const guint counts[] = { 1, 2, 100 };
  for (guint level = 0; level <= VD_PIPELINING_WINDOW; level++)
    for (guint bits = 0; bits < 8; bits++)
      for (gsize n = 0; n < G_N_ELEMENTS (counts); n++)
        {
          VdPlanState state
              = { level, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0 ? VD_COMMIT_ANY : VD_COMMIT_ALL, counts[n] };
          check (&state);
        }
}

static void
assert_nothing_after (const VdPlanState *state, VdStep sent)
{
  for (guint next = 0; next < VD_STEP_N; next++)
    if (vd_plan_may_follow (state, sent, next) != NULL)
      g_error ("%s may follow %s", vd_step_name (next), vd_step_name (sent));
}

/* PIP-2: last in a group. */
static void
check_last (const VdPlanState *state)
{
  static const VdStep last[] = { VD_STEP_GREETING, VD_STEP_EHLO, VD_STEP_DATA, VD_STEP_NOOP, VD_STEP_QUIT };
  for (gsize i = 0; i < G_N_ELEMENTS (last); i++)
    assert_nothing_after (state, last[i]);
}

/* PIP-3, PIP-7: the extensions' commands. */
static void
check_extensions (const VdPlanState *state)
{
  assert_nothing_after (state, VD_STEP_AUTH);
  if (state->level != VD_PIPELINING_WINDOW)
    assert_nothing_after (state, VD_STEP_BDAT_LAST);
}

/* STL-2: alone in its group; so are EHLO, AUTH and NOOP, which nothing makes worth sending early. */
static void
check_alone (const VdPlanState *state)
{
  static const VdStep alone[] = { VD_STEP_STARTTLS, VD_STEP_EHLO, VD_STEP_AUTH, VD_STEP_NOOP, VD_STEP_GREETING };
  assert_nothing_after (state, VD_STEP_STARTTLS);
  for (gsize i = 0; i < G_N_ELEMENTS (alone); i++)
    for (guint sent = 0; sent < VD_STEP_N; sent++)
      g_assert_null (vd_plan_may_follow (state, sent, alone[i]));
}

/* PIP-1. */
static void
check_offered (const VdPlanState *state)
{
  if (!state->pipelining || state->level == VD_PIPELINING_OFF)
    for (guint sent = 0; sent < VD_STEP_N; sent++)
      assert_nothing_after (state, sent);
}

/* PIP-8: every recipient or nothing, several of them: nothing that commits may leave before their replies. */
static void
check_all_waits (const VdPlanState *state)
{
  if (state->commit == VD_COMMIT_ANY || state->recipients == 1)
    return;
  g_assert_null (vd_plan_may_follow (state, VD_STEP_RCPT, VD_STEP_DATA));
  g_assert_null (vd_plan_may_follow (state, VD_STEP_RCPT, VD_STEP_BDAT));
  g_assert_null (vd_plan_may_follow (state, VD_STEP_RCPT, VD_STEP_BDAT_LAST));
}

/* DAT-2, BDT-2, BDT-3: content only behind 354; chunks only where they are offered, never behind DATA. */
static void
check_content (const VdPlanState *state)
{
  for (guint sent = 0; sent < VD_STEP_N; sent++)
    {
      g_assert_null (vd_plan_may_follow (state, sent, VD_STEP_CONTENT));
      if (state->chunking && sent != VD_STEP_DATA && sent != VD_STEP_CONTENT)
        continue;
      g_assert_null (vd_plan_may_follow (state, sent, VD_STEP_BDAT));
      g_assert_null (vd_plan_may_follow (state, sent, VD_STEP_BDAT_LAST));
    }
}

static void
check_source (const VdPlanState *state)
{
  for (guint sent = 0; sent < VD_STEP_N; sent++)
    for (guint next = 0; next < VD_STEP_N; next++)
      {
        const VdPlanRow *row = vd_plan_may_follow (state, sent, next);
        if (row == NULL)
          continue;
        g_assert_true (g_str_has_prefix (row->source, "RFC "));
        g_assert_cmpint (row->level, <=, state->level);
        g_assert_cmphex (row->needs & VD_PLAN_NEEDS_PIPELINING, !=, 0);
      }
}

static void
test_state (gconstpointer check)
{
  each_state ((void (*) (const VdPlanState *)) check);
}

static void
test_content_verb (void)
{
  static const struct
  {
    VdPlanState state;
    VdContentVerb want;
  } rows[] = {
    { { VD_PIPELINING_AUTO, TRUE, TRUE, VD_COMMIT_ALL, 2 }, VD_CONTENT_BDAT },
    { { VD_PIPELINING_AUTO, TRUE, TRUE, VD_COMMIT_ALL, 1 }, VD_CONTENT_DATA },
    { { VD_PIPELINING_AUTO, TRUE, TRUE, VD_COMMIT_ANY, 2 }, VD_CONTENT_DATA },
    { { VD_PIPELINING_AUTO, TRUE, FALSE, VD_COMMIT_ALL, 2 }, VD_CONTENT_DATA },
    { { VD_PIPELINING_WINDOW, TRUE, TRUE, VD_COMMIT_ANY, 2 }, VD_CONTENT_BDAT },
    { { VD_PIPELINING_WINDOW, TRUE, TRUE, VD_COMMIT_ALL, 1 }, VD_CONTENT_BDAT },
    { { VD_PIPELINING_WINDOW, FALSE, TRUE, VD_COMMIT_ANY, 2 }, VD_CONTENT_DATA },
    { { VD_PIPELINING_WINDOW, TRUE, FALSE, VD_COMMIT_ANY, 2 }, VD_CONTENT_DATA },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_assert_cmpint (vd_plan_content_verb (&rows[i].state, TRUE), ==, rows[i].want);
      g_assert_cmpint (vd_plan_content_verb (&rows[i].state, FALSE), ==, VD_CONTENT_DATA);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/golden", test_golden);
  g_test_add_data_func ("/plan/PIP-1-only-if-offered", check_offered, test_state);
  g_test_add_data_func ("/plan/PIP-2-last-in-group", check_last, test_state);
  g_test_add_data_func ("/plan/PIP-3-PIP-7-extensions-last", check_extensions, test_state);
  g_test_add_data_func ("/plan/PIP-8-all-waits", check_all_waits, test_state);
  g_test_add_data_func ("/plan/STL-2-alone", check_alone, test_state);
  g_test_add_data_func ("/plan/DAT-2-BDT-3-content", check_content, test_state);
  g_test_add_data_func ("/plan/each-row-has-its-source", check_source, test_state);
  g_test_add_func ("/plan/content-verb", test_content_verb);
  return g_test_run ();
}

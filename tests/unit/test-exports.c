/* SPDX-License-Identifier: MIT */
/*
 * What the loader sees of a module's exported symbols: in the module as it is in memory, in both kinds of hash table, and in tables that
 * are damaged in every way that a hundred thousand throws of the dice find.
 */
#include <elf.h>
#include <link.h>
#include <string.h>

#include "../zoo/pen.h"
#include "core/base/error.h"
#include "core/plugin/exports.h"
#include "core/plugin/loader.h"
#include "core/plugin/registry.h"

/* A module's file as its segments would lie in memory, each a block of its own, so that a checker of memory sees every step aside. */
typedef struct
{
  VdSegment segments[16];
  VdImage image;
} Model;

static void
model_clear (Model *model)
{
  for (guint i = 0; i < model->image.n_segments; i++)
    g_free ((gpointer) model->segments[i].data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Model, model_clear)

static void
model_init (Model *model, const char *stem)
{
  g_autofree char *path = g_strdup_printf ("%s/%s.so", ZOO_DIR, stem);
  g_autofree char *data = NULL;
  gsize size = 0;
  ElfW (Ehdr) header;
  memset (model, 0, sizeof *model);
  g_assert_true (g_file_get_contents (path, &data, &size, NULL));
  memcpy (&header, data, sizeof header);
  for (guint i = 0; i < header.e_phnum; i++)
    {
      ElfW (Phdr) part;
      memcpy (&part, data + header.e_phoff + i * sizeof part, sizeof part);
      if (part.p_type == PT_DYNAMIC)
        {
          model->image.dynamic = part.p_vaddr;
          model->image.dynamic_size = part.p_memsz;
        }
      if (part.p_type == PT_LOAD && part.p_filesz > 0)
        {
          g_assert_cmpuint (model->image.n_segments, <, G_N_ELEMENTS (model->segments));
          model->segments[model->image.n_segments++]
              = (VdSegment){ part.p_vaddr, g_memdup2 (data + part.p_offset, part.p_filesz), part.p_filesz };
        }
    }
  model->image.segments = model->segments;
}

static char *
list (const VdImage *image, const char *stem)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) names = vd_exports_list (image, stem, &error);
  g_assert_no_error (error);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

static void
test_list (void)
{
  static const struct
  {
    const char *stem;
    const char *names;
  } cases[] = {
    { "beast_good", "" },
    { "zoo_good", "" },
    { "beast_rightly", "" },
    { "beast_extra", "beast_helper" },
    { "beast_old_hash", "beast_helper" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Model) model;
      model_init (&model, cases[i].stem);
      g_autofree char *names = list (&model.image, cases[i].stem);
      g_assert_cmpstr (names, ==, cases[i].names);
    }
}

/* The query function of another stem is a stranger. */
static void
test_other_stem (void)
{
  static const char *const others[] = { "beast", "beast_goo", "beast_good_", "eam", "" };
  g_auto (Model) model;
  model_init (&model, "beast_good");
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *names = list (&model.image, others[i]);
      g_assert_cmpstr (names, ==, "vereda1_beast_good_query");
    }
}

/* Moved to where it was loaded, with the addresses of the dynamic section moved as well, and left alone: both kinds of linker. */
static void
test_moved (void)
{
  g_auto (Model) model;
  model_init (&model, "beast_extra");
  model.image.bias = 0x7f0000000000 & G_MAXSIZE;
  g_autofree char *alone = list (&model.image, "beast_extra");
  g_assert_cmpstr (alone, ==, "beast_helper");
  for (guint i = 0; i < model.image.n_segments; i++)
    {
      const VdSegment *segment = &model.segments[i];
      if (model.image.dynamic < segment->address || model.image.dynamic - segment->address >= segment->size)
        continue;
      ElfW (Dyn) *entry = (ElfW (Dyn) *) (gpointer) (segment->data + (model.image.dynamic - segment->address));
      for (; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_SYMTAB || entry->d_tag == DT_STRTAB || entry->d_tag == DT_GNU_HASH || entry->d_tag == DT_HASH)
          entry->d_un.d_ptr += (ElfW (Addr)) model.image.bias;
    }
  g_autofree char *moved = list (&model.image, "beast_extra");
  g_assert_cmpstr (moved, ==, "beast_helper");
}

/* Octets, words and whole entries are overwritten where the tables lie; the answer is a list or an error, in little time. */
static void
test_damaged (gconstpointer data)
{
  const char *stem = data;
  const guint rounds = g_test_slow () ? 1000000 : 50000;
  static const guint32 words[] = { 0, 1, 2, 0x7f, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };
  g_autoptr (GRand) dice = g_rand_new_with_seed (20261123);
  g_auto (Model) model;
  guint refused = 0;
  model_init (&model, stem);
  for (guint round = 0; round < rounds; round++)
    {
      struct
      {
        guint32 *at;
        guint32 was;
      } changed[4];
      const guint n = 1 + (guint) g_rand_int_range (dice, 0, G_N_ELEMENTS (changed));
      for (guint i = 0; i < n; i++)
        {
          /* the tables lie at the beginning of the first segment, the dynamic section in one of its own */
          const gboolean in_dynamic = g_rand_boolean (dice);
          const VdSegment *segment = &model.segments[0];
          gsize from = 0, size = MIN (segment->size, 2048);
          for (guint s = 0; in_dynamic && s < model.image.n_segments; s++)
            if (model.image.dynamic - model.segments[s].address < model.segments[s].size)
              {
                segment = &model.segments[s];
                from = (gsize) (model.image.dynamic - segment->address);
                size = MIN (segment->size - from, (gsize) model.image.dynamic_size);
              }
          const gsize place = from / 4 + (gsize) g_rand_int_range (dice, 0, (gint32) (size / 4));
          changed[i].at = (guint32 *) (gpointer) segment->data + place;
          changed[i].was = *changed[i].at;
          *changed[i].at = g_rand_boolean (dice) ? words[g_rand_int_range (dice, 0, G_N_ELEMENTS (words))]
                                                 : changed[i].was ^ (1u << g_rand_int_range (dice, 0, 32));
        }
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) names = vd_exports_list (&model.image, stem, &error);
      if (names == NULL)
        {
          g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
          refused++;
        }
      for (guint i = n; i > 0; i--) /* the same place may have been hit twice */
        *changed[i - 1].at = changed[i - 1].was;
    }
  g_test_message ("%u of %u refused", refused, rounds);
  g_assert_cmpuint (refused, >, rounds / 20);
  g_assert_cmpuint (refused, <, rounds);
  g_autofree char *names = list (&model.image, stem);
  g_assert_cmpstr (names, ==, "beast_helper");
}

/* An object that is cut off anywhere. */
static void
test_cut (void)
{
  g_auto (Model) model;
  model_init (&model, "beast_extra");
  const gsize whole = model.segments[0].size;
  for (gsize size = 0; size < whole; size++)
    {
      g_autofree guint8 *cut = g_memdup2 (model.segments[0].data, size);
      VdSegment segments[G_N_ELEMENTS (model.segments)];
      VdImage image = model.image;
      memcpy (segments, model.segments, sizeof segments);
      segments[0].data = cut;
      segments[0].size = size;
      image.segments = segments;
      g_autoptr (GPtrArray) names = vd_exports_list (&image, "beast_extra", NULL);
      g_assert_true (names == NULL || names->len <= 1);
    }
  for (guint64 size = 0; size < model.image.dynamic_size; size++)
    {
      VdImage image = model.image;
      image.dynamic_size = size;
      g_autoptr (GPtrArray) names = vd_exports_list (&image, "beast_extra", NULL);
      g_assert_true (names == NULL || names->len <= 1);
    }
}

/* In this process itself: a module that is open, and an address that belongs to nobody. */
static void
test_open (void)
{
  static const char *const stems[] = { "beast_extra", "beast_many", "beast_old_hash" };
  g_autoptr (PenDir) dir = pen_new ();
  g_autoptr (GError) error = NULL;
  int here = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (stems); i++)
    {
      pen_keyfile (dir, stems[i], "[Mechanism X-BEAST]\nExposure=password\n");
      pen_module (dir, stems[i]);
    }
  g_autoptr (VeredaRegistry) registry = pen_registry (dir, NULL);
  GPtrArray *records = vd_registry_records (registry);
  for (guint i = 0; i < records->len; i++)
    {
      g_assert_null (vd_loader_load (records->pdata[i], &error));
      g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, "the module exports beast_"));
      g_assert_nonnull (strstr (error->message, "-fvisibility=hidden"));
      g_clear_error (&error);
    }
  g_assert_false (vd_exports_check (&here, "beast", &error));
  g_assert_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exports/list", test_list);
  g_test_add_func ("/exports/other-stem", test_other_stem);
  g_test_add_func ("/exports/moved", test_moved);
  g_test_add_data_func ("/exports/damaged/gnu-hash", "beast_extra", test_damaged);
  g_test_add_data_func ("/exports/damaged/old-hash", "beast_old_hash", test_damaged);
  g_test_add_func ("/exports/cut", test_cut);
  g_test_add_func ("/exports/open", test_open);
  return g_test_run ();
}

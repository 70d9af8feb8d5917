/* SPDX-License-Identifier: MIT */
/* exports - what a module defines for others to see; see exports.h.
 *
 * Touches the memory of a module that is open, and only through read_at(), which copies what lies inside one of the module's readable
 * segments.  The number of symbols is told by nothing but the hash tables (System V ABI, "Hash Table"; GNU's has no standard but
 * the linkers).  Fails on tables that lead outside; loops are bounded by the segments' size. */
#include "core/plugin/exports.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#include "core/base/error.h"
#include "vereda-config.h"

#define NAMES_SHOWN    3
#define NAME_MAX_SHOWN 64

typedef struct
{
  guint64 symbols, strings, strings_size, hash, gnu_hash;
} Tables;

/* The octets from `address` to the end of its segment; NULL: there are none. */
static const guint8 *
place_of (const VdImage *image, guint64 address, gsize *ret_room)
{
  for (guint i = 0; i < image->n_segments; i++)
    {
      const VdSegment *segment = &image->segments[i];
      if (address >= segment->address && address - segment->address < segment->size)
        {
          const gsize offset = (gsize) (address - segment->address);
          *ret_room = segment->size - offset;
          return segment->data + offset;
        }
    }
  return NULL;
}

/* Copies, for it may lie anywhere. */
static gboolean
read_at (const VdImage *image, guint64 address, void *to, gsize size)
{
  gsize room = 0;
  const guint8 *data = place_of (image, address, &room);
  if (data == NULL || room < size)
    return FALSE;
  memcpy (to, data, size);
  return TRUE;
}

/* An address of the dynamic section, which glibc has moved on most machines and other linkers have not. */
static guint64
unmoved (const VdImage *image, guint64 address)
{
  gsize room = 0;
  return address >= image->bias && place_of (image, address - image->bias, &room) != NULL ? address - image->bias : address;
}

static gboolean
read_tables (const VdImage *image, Tables *tables)
{
  for (guint64 done = 0; done + sizeof (ElfW (Dyn)) <= image->dynamic_size; done += sizeof (ElfW (Dyn)))
    {
      ElfW (Dyn) entry;
      if (!read_at (image, image->dynamic + done, &entry, sizeof entry))
        return FALSE;
      switch (entry.d_tag)
        {
        case DT_NULL:
          return tables->symbols != 0 && tables->strings != 0;
        case DT_SYMTAB:
          tables->symbols = unmoved (image, entry.d_un.d_ptr);
          break;
        case DT_STRTAB:
          tables->strings = unmoved (image, entry.d_un.d_ptr);
          break;
        case DT_STRSZ:
          tables->strings_size = entry.d_un.d_val;
          break;
        case DT_HASH:
          tables->hash = unmoved (image, entry.d_un.d_ptr);
          break;
        case DT_GNU_HASH:
          tables->gnu_hash = unmoved (image, entry.d_un.d_ptr);
          break;
        default:
          break;
        }
    }
  return FALSE; /* no end */
}

/* Number of symbols: one more than the highest that a chain reaches.  The last bit of a chain's entry ends it. */
static gboolean
count_by_gnu_hash (const VdImage *image, guint64 at, guint64 *ret_n)
{
  guint32 head[4]; /* buckets, first symbol that is hashed, words of the filter, shift */
  guint32 last = 0, hash = 0;
  if (!read_at (image, at, head, sizeof head))
    return FALSE;
  const guint64 buckets = at + sizeof head + (guint64) head[2] * sizeof (ElfW (Addr));
  const guint64 chains = buckets + (guint64) head[0] * sizeof hash;
  for (guint32 i = 0; i < head[0]; i++)
    {
      guint32 first = 0;
      if (!read_at (image, buckets + (guint64) i * sizeof first, &first, sizeof first))
        return FALSE;
      last = MAX (last, first);
    }
  *ret_n = head[1];
  if (last < head[1]) /* nothing is defined */
    return TRUE;
  for (*ret_n = last; (hash & 1) == 0; (*ret_n)++)
    if (!read_at (image, chains + (*ret_n - head[1]) * sizeof hash, &hash, sizeof hash))
      return FALSE;
  return TRUE;
}

static gboolean
count_symbols (const VdImage *image, const Tables *tables, guint64 *ret_n)
{
  guint32 head[2]; /* buckets, chains: one for each symbol */
  if (tables->gnu_hash != 0)
    return count_by_gnu_hash (image, tables->gnu_hash, ret_n);
  if (tables->hash == 0) /* a kind of table that only this machine's linker knows: nothing can be said */
    {
      *ret_n = 0;
      return TRUE;
    }
  if (!read_at (image, tables->hash, head, sizeof head))
    return FALSE;
  *ret_n = head[1];
  return TRUE;
}

/* Lent; NULL when it does not end where it may. */
static const char *
name_of (const VdImage *image, const Tables *tables, guint64 place)
{
  gsize room = 0;
  const guint8 *data = place < tables->strings_size ? place_of (image, tables->strings + place, &room) : NULL;
  if (data == NULL)
    return NULL;
  return memchr (data, '\0', (gsize) MIN ((guint64) room, tables->strings_size - place)) != NULL ? (const char *) data : NULL;
}

/* For others to see, to be used instead of others', and somebody's: what a linker defines by a version script is absolute. */
static gboolean
is_exported (const ElfW (Sym) * symbol)
{
  const guint visibility = ELF64_ST_VISIBILITY (symbol->st_other); /* the macros are the same for both classes */
  return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS && ELF64_ST_BIND (symbol->st_info) == STB_GLOBAL
         && visibility != STV_HIDDEN && visibility != STV_INTERNAL;
}

/* "mangle_path" is libgcov's, the only name of these that might be somebody's own. */
static gboolean
is_added_by_tools (const char *name)
{
  static const char *const linkers[] = { "_init",       "_fini",      "_edata",  "edata",       "_end",
                                         "end",         "_etext",     "etext",   "__bss_start", "__bss_start__",
                                         "__bss_end__", "_bss_end__", "__end__", "_DYNAMIC",    "_GLOBAL_OFFSET_TABLE_",
                                         "mangle_path", NULL };
  static const char *const instruments[]
      = { "__asan_",   "__hwasan_",         "__odr_asan",       "__tsan_", "__msan_", "__ubsan_", "__sanitizer_",
          "__sancov_", "__start___sancov_", "__stop___sancov_", "__gcov_", "__llvm_", "__prof" };
  for (gsize i = 0; i < G_N_ELEMENTS (instruments); i++)
    if (g_str_has_prefix (name, instruments[i]))
      return TRUE;
  return g_strv_contains (linkers, name);
}

/* "vereda<digits>_<stem>_query": one file may serve several interfaces. */
static gboolean
is_query (const char *name, const char *stem)
{
  if (!g_str_has_prefix (name, "vereda"))
    return FALSE;
  const char *rest = name + strlen ("vereda");
  const gsize digits = strspn (rest, "0123456789");
  const gsize length = strlen (stem);
  rest += digits;
  return digits > 0 && rest[0] == '_' && strncmp (rest + 1, stem, length) == 0 && strcmp (rest + 1 + length, "_query") == 0;
}

GPtrArray *
vd_exports_list (const VdImage *image, const char *stem, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  Tables tables = { 0 };
  guint64 n = 0;
  gboolean good = read_tables (image, &tables) && count_symbols (image, &tables, &n);
  for (guint64 i = 1; good && i < n; i++) /* the first is reserved */
    {
      ElfW (Sym) symbol;
      good = read_at (image, tables.symbols + i * sizeof symbol, &symbol, sizeof symbol);
      if (!good || !is_exported (&symbol))
        continue;
      const char *name = name_of (image, &tables, symbol.st_name);
      good = name != NULL;
      if (good && !is_query (name, stem) && !is_added_by_tools (name))
        g_ptr_array_add (names, g_strdup (name));
    }
  if (good)
    return g_steal_pointer (&names);
  g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN,
                       "the module's table of dynamic symbols is damaged; build it again");
  return NULL;
}

#if VEREDA_HAVE_DL_ITERATE_PHDR
/* "a, b, c and 4 more" */
static char *
describe (GPtrArray *names)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; i < MIN (names->len, NAMES_SHOWN); i++)
    {
      g_autofree char *cut = g_strndup (names->pdata[i], NAME_MAX_SHOWN);
      g_autofree char *shown = g_strescape (cut, NULL);
      g_string_append_printf (text, "%s%s", i > 0 ? (i + 1 == names->len ? " and " : ", ") : "", shown);
    }
  if (names->len > NAMES_SHOWN)
    g_string_append_printf (text, " and %u more", names->len - NAMES_SHOWN);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

typedef struct
{
  guint64 address; /* looked for */
  GArray *segments;
  VdImage image;
} Search;

/* Called by the dynamic linker for each object, under its lock; 1 ends the search. */
static int
take_object (struct dl_phdr_info *info, size_t size, void *data)
{
  Search *search = data;
  gboolean ours = FALSE;
  g_array_set_size (search->segments, 0);
  search->image.dynamic_size = 0;
  for (guint i = 0; i < info->dlpi_phnum; i++)
    {
      const ElfW (Phdr) *header = &info->dlpi_phdr[i];
      const guint64 start = (guint64) info->dlpi_addr + header->p_vaddr;
      if (header->p_type == PT_DYNAMIC)
        {
          search->image.dynamic = header->p_vaddr;
          search->image.dynamic_size = header->p_memsz;
        }
      if (header->p_type != PT_LOAD)
        continue;
      ours |= search->address >= start && search->address - start < header->p_memsz;
      if ((header->p_flags & PF_R) != 0)
        {
          VdSegment segment = { header->p_vaddr, (const guint8 *) (gsize) start, (gsize) header->p_memsz };
          g_array_append_val (search->segments, segment);
        }
    }
  search->image.bias = (guint64) info->dlpi_addr;
  return ours;
}

gboolean
vd_exports_check (gconstpointer address, const char *stem, GError **error)
{
  g_autoptr (GArray) segments = g_array_new (FALSE, FALSE, sizeof (VdSegment));
  Search search = { .address = (guint64) (gsize) address, .segments = segments };
  if (dl_iterate_phdr (take_object, &search) == 0 || search.image.dynamic_size == 0)
    {
      g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN,
                           "the query function lies in no object that the linker knows");
      return FALSE;
    }
  search.image.segments = (const VdSegment *) (gpointer) segments->data;
  search.image.n_segments = segments->len;
  g_autoptr (GPtrArray) names = vd_exports_list (&search.image, stem, error);
  if (names == NULL || names->len == 0)
    return names != NULL;
  g_autofree char *text = describe (names);
  g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_PLUGIN,
               "the module exports %s besides its query function; compile it with -fvisibility=hidden and link it with "
               "-Wl,--exclude-libs,ALL",
               text);
  return FALSE;
}
#else
gboolean
vd_exports_check (gconstpointer address, const char *stem, GError **error)
{
  return TRUE;
}
#endif

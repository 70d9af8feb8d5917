/* SPDX-License-Identifier: MIT */
/* elf - what the dynamic linker will see in a shared object.
 *
 * Maps the file and follows the program headers to the dynamic section, as the linker does: section headers may be stripped.  The
 * file is not trusted: every place is checked against the size before it is looked at, and copied, as it may lie anywhere. */
#include "kit/elf.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <vereda-kit/kit.h>

typedef struct
{
  const guint8 *data;
  gsize size;
  ElfW (Ehdr) header;
  /* of the dynamic section */
  guint64 symbols, strings, strings_size, hash, gnu_hash, rpath, runpath, flags, flags_1;
  gboolean textrel;
} Image;

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, VEREDA_KIT_ERROR, VEREDA_KIT_ERROR_FILE, "%s", what);
  return FALSE;
}

static gboolean
copy_out (const Image *image, guint64 offset, void *to, gsize size)
{
  if (offset > image->size || size > image->size - offset)
    return FALSE;
  memcpy (to, image->data + offset, size);
  return TRUE;
}

static gboolean
program_header (const Image *image, guint i, ElfW (Phdr) * ret_header)
{
  return copy_out (image, (guint64) image->header.e_phoff + (guint64) i * sizeof *ret_header, ret_header, sizeof *ret_header);
}

/* An address of the running object as a place in the file. */
static gboolean
offset_of (const Image *image, guint64 address, guint64 *ret_offset)
{
  ElfW (Phdr) header;
  for (guint i = 0; i < image->header.e_phnum; i++)
    if (program_header (image, i, &header) && header.p_type == PT_LOAD && address >= header.p_vaddr
        && address - header.p_vaddr < header.p_filesz)
      {
        *ret_offset = (guint64) header.p_offset + (address - header.p_vaddr);
        return *ret_offset < image->size;
      }
  return FALSE;
}

static gboolean
read_at (const Image *image, guint64 address, void *to, gsize size)
{
  guint64 offset = 0;
  return offset_of (image, address, &offset) && copy_out (image, offset, to, size);
}

/* A string of the dynamic string table, or NULL. */
static char *
string_at (const Image *image, guint64 place)
{
  guint64 offset = 0;
  if (place >= image->strings_size || !offset_of (image, image->strings, &offset) || place >= image->size - offset)
    return NULL;
  gsize room = (gsize) MIN (image->strings_size - place, image->size - offset - place);
  const char *text = (const char *) image->data + offset + place;
  return memchr (text, '\0', room) != NULL ? g_strdup (text) : NULL;
}

/* The program that runs says what this machine's objects look like. */
static gboolean
check_header (Image *image, GError **error)
{
  g_autofree char *self = NULL;
  gsize self_size = 0;
  ElfW (Ehdr) own;
  if (!copy_out (image, 0, &image->header, sizeof image->header) || memcmp (image->header.e_ident, ELFMAG, SELFMAG) != 0)
    return fail (error, "it is not an ELF file");
  if (!g_file_get_contents ("/proc/self/exe", &self, &self_size, NULL) || self_size < sizeof own)
    return fail (error, "/proc/self/exe cannot be read, so this machine is not known");
  memcpy (&own, self, sizeof own);
  if (memcmp (image->header.e_ident + EI_CLASS, own.e_ident + EI_CLASS, 2) != 0 || image->header.e_machine != own.e_machine)
    return fail (error, "it is for another machine than this one");
  if (image->header.e_type != ET_DYN)
    return fail (error, "it is an ELF file, but no shared object");
  if (image->header.e_phentsize != sizeof (ElfW (Phdr)))
    return fail (error, "it is a damaged ELF file: the size of its program headers is wrong");
  return TRUE;
}

static void
take_entry (Image *image, KitElf *elf, const ElfW (Dyn) * entry)
{
  const guint64 value = entry->d_un.d_val;
  switch (entry->d_tag)
    {
    case DT_SYMTAB:
      image->symbols = value;
      break;
    case DT_STRTAB:
      image->strings = value;
      break;
    case DT_STRSZ:
      image->strings_size = value;
      break;
    case DT_HASH:
      image->hash = value;
      break;
    case DT_GNU_HASH:
      image->gnu_hash = value;
      break;
    case DT_RPATH:
      image->rpath = value;
      break;
    case DT_RUNPATH:
      image->runpath = value;
      break;
    case DT_FLAGS:
      image->flags = value;
      break;
    case DT_FLAGS_1:
      image->flags_1 = value;
      break;
    case DT_BIND_NOW:
      elf->bind_now = TRUE;
      break;
    case DT_TEXTREL:
      elf->textrel = TRUE;
      break;
    default:
      break;
    }
}

/* Goes through the dynamic section: once for the tables, once, knowing them, for the names of libraries. */
static gboolean
read_dynamic (Image *image, KitElf *elf, const ElfW (Phdr) * at, gboolean names)
{
  for (guint64 done = 0; done + sizeof (ElfW (Dyn)) <= at->p_filesz; done += sizeof (ElfW (Dyn)))
    {
      ElfW (Dyn) entry;
      if (!copy_out (image, (guint64) at->p_offset + done, &entry, sizeof entry))
        return FALSE;
      if (entry.d_tag == DT_NULL)
        return TRUE;
      if (!names)
        take_entry (image, elf, &entry);
      else if (entry.d_tag == DT_NEEDED)
        {
          char *name = string_at (image, entry.d_un.d_val);
          if (name == NULL)
            return FALSE;
          g_ptr_array_add (elf->needed, name);
        }
    }
  return FALSE; /* no end */
}

/* How many symbols the table has: nothing but the hash tables tells.  0 when they are damaged. */
static guint64
count_by_hash (const Image *image)
{
  guint32 head[2]; /* buckets, chains; there is a chain for each symbol */
  return read_at (image, image->hash, head, sizeof head) ? head[1] : 0;
}

static guint64
count_by_gnu_hash (const Image *image)
{
  guint32 head[4]; /* buckets, first symbol, words of the filter, shift */
  guint32 last = 0;
  if (!read_at (image, image->gnu_hash, head, sizeof head) || head[0] > image->size || head[2] > image->size)
    return 0;
  guint64 buckets = image->gnu_hash + sizeof head + (guint64) head[2] * sizeof (ElfW (Addr));
  guint64 chains = buckets + (guint64) head[0] * 4;
  for (guint32 i = 0; i < head[0]; i++)
    {
      guint32 first = 0;
      if (!read_at (image, buckets + (guint64) i * 4, &first, sizeof first))
        return 0;
      last = MAX (last, first);
    }
  if (last < head[1])
    return head[1]; /* nothing is exported */
  for (guint32 hash = 0; (hash & 1) == 0; last++)
    if (!read_at (image, chains + ((guint64) last - head[1]) * 4, &hash, sizeof hash))
      return 0;
  return last;
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

/* For others to see, and somebody's own.  Compilers emit weak and unique definitions for C++ by themselves, and the names of a version
 * script's nodes are absolute. */
static gboolean
is_exported (const ElfW (Sym) * symbol)
{
  guint visibility = ELF64_ST_VISIBILITY (symbol->st_other); /* the same macros for both classes */
  return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS && ELF64_ST_BIND (symbol->st_info) == STB_GLOBAL
         && visibility != STV_HIDDEN && visibility != STV_INTERNAL;
}

static gboolean
read_exports (const Image *image, KitElf *elf)
{
  guint64 n = image->gnu_hash != 0 ? count_by_gnu_hash (image) : count_by_hash (image);
  if (n == 0 || n > image->size / sizeof (ElfW (Sym)))
    return FALSE;
  for (guint64 i = 1; i < n; i++)
    {
      ElfW (Sym) symbol;
      if (!read_at (image, image->symbols + i * sizeof symbol, &symbol, sizeof symbol))
        return FALSE;
      if (!is_exported (&symbol))
        continue;
      g_autofree char *name = string_at (image, symbol.st_name);
      if (name == NULL)
        return FALSE;
      if (!is_added_by_tools (name))
        g_ptr_array_add (elf->exports, g_steal_pointer (&name));
    }
  return TRUE;
}

static gboolean
read_all (Image *image, KitElf *elf, GError **error)
{
  ElfW (Phdr) header;
  ElfW (Phdr) dynamic = { 0 };
  if (!check_header (image, error))
    return FALSE;
  elf->exec_stack = TRUE; /* what the kernel assumes of an object that does not say */
  for (guint i = 0; i < image->header.e_phnum; i++)
    {
      if (!program_header (image, i, &header))
        return fail (error, "it is a damaged ELF file: a program header lies beyond its end");
      if (header.p_type == PT_DYNAMIC)
        dynamic = header;
      if (header.p_type == PT_GNU_STACK)
        elf->exec_stack = (header.p_flags & PF_X) != 0;
    }
  if (dynamic.p_filesz == 0 || !read_dynamic (image, elf, &dynamic, FALSE) || !read_dynamic (image, elf, &dynamic, TRUE))
    return fail (error, "it is a damaged ELF file: its dynamic section cannot be read");
  if (!read_exports (image, elf))
    return fail (error, "it is a damaged ELF file: its dynamic symbols cannot be read");
  elf->nodelete = (image->flags_1 & DF_1_NODELETE) != 0;
  elf->bind_now |= (image->flags & DF_BIND_NOW) != 0 || (image->flags_1 & DF_1_NOW) != 0;
  elf->textrel |= (image->flags & DF_TEXTREL) != 0;
  if (image->runpath != 0 || image->rpath != 0)
    elf->rpath = string_at (image, image->runpath != 0 ? image->runpath : image->rpath);
  if ((image->runpath != 0 || image->rpath != 0) && elf->rpath == NULL)
    return fail (error, "it is a damaged ELF file: its run path cannot be read");
  return TRUE;
}

KitElf *
kit_elf_parse (const guint8 *data, gsize size, GError **error)
{
  Image image = { .data = data, .size = size };
  g_autoptr (KitElf) elf = g_new0 (KitElf, 1);
  elf->needed = g_ptr_array_new_with_free_func (g_free);
  elf->exports = g_ptr_array_new_with_free_func (g_free);
  return read_all (&image, elf, error) ? g_steal_pointer (&elf) : NULL;
}

KitElf *
kit_elf_read (const char *path, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, &cause);
  if (file == NULL)
    {
      g_set_error (error, VEREDA_KIT_ERROR, VEREDA_KIT_ERROR_FILE, "%s", cause->message);
      return NULL;
    }
  return kit_elf_parse ((const guint8 *) g_mapped_file_get_contents (file), g_mapped_file_get_length (file), error);
}

void
kit_elf_free (KitElf *elf)
{
  if (elf == NULL)
    return;
  g_free (elf->rpath);
  g_ptr_array_unref (elf->needed);
  g_ptr_array_unref (elf->exports);
  g_free (elf);
}

/* SPDX-License-Identifier: MIT */
/* elf - what the dynamic linker will see in a shared object, read without loading it. */
#ifndef KIT_ELF_H
#define KIT_ELF_H

#include <glib.h>

typedef struct
{
  gboolean nodelete;
  gboolean bind_now;
  gboolean textrel;
  gboolean exec_stack;
  char *rpath;        /* RPATH or RUNPATH, or NULL */
  GPtrArray *needed;  /* char * */
  GPtrArray *exports; /* char *, global, without what linkers, compilers and instrumentation add by themselves */
} KitElf;

/* From the octets of a file.  NULL with VEREDA_KIT_ERROR_FILE when they are no shared object for this machine. */
KitElf *kit_elf_parse (const guint8 *data, gsize size, GError **error);
KitElf *kit_elf_read (const char *path, GError **error);
void kit_elf_free (KitElf *elf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KitElf, kit_elf_free)

#endif

/* SPDX-License-Identifier: MIT */
/* files - lint of what lies on the disk: names, modes, the keyfile's words, the shared object's flags and symbols.
 *
 * Reads files, loads nothing. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/elf.h"
#include "kit/groups.h"

/* The loader's own demands on files; see vereda-plugin(7). */
static void
check_mode (KitContext *kit, const char *id, const char *path, gboolean directory)
{
  struct stat info;
  kit_begin (kit, id, "");
  if ((directory ? stat : lstat) (path, &info) != 0)
    {
      kit_fail (kit, "%s: cannot be looked at", path);
      return;
    }
  if (!directory && S_ISLNK (info.st_mode))
    kit_fail (kit, "%s is a symbolic link; the library opens regular files only", path);
  else if (directory ? !S_ISDIR (info.st_mode) : !S_ISREG (info.st_mode))
    kit_fail (kit, "%s is not a %s", path, directory ? "directory" : "regular file");
  kit_expect (kit, info.st_uid == 0 || info.st_uid == geteuid (),
              "%s belongs to user %u, neither root nor the one who runs this", path, (guint) info.st_uid);
  kit_expect (kit, (info.st_mode & S_IWGRP) == 0, "%s is writable by its group", path);
  kit_expect (kit, (info.st_mode & S_IWOTH) == 0, "%s is writable by everybody", path);
}

static void
check_name (KitContext *kit, const KitTarget *target)
{
  kit_begin (kit, "file.name", "");
  kit_expect (kit, g_str_has_suffix (target->path, ".so"), "%s does not end in .so", target->path);
  kit_expect (kit, kit_stem_valid (target->stem), "\"%s\" is not a plugin name", target->stem);
}

static void
check_keyfile (KitContext *kit, const KitTarget *target)
{
  g_autoptr (GError) error = NULL;
  kit_begin (kit, "keyfile.there", "");
  if (access (target->keyfile_path, F_OK) != 0)
    {
      kit_fail (kit, "%s is not there, so the library will not find the plugin", target->keyfile_path);
      return;
    }
  check_mode (kit, "keyfile.mode", target->keyfile_path, FALSE);
  kit_begin (kit, "keyfile.syntax", "");
  g_autoptr (KitKeyfile) keyfile = kit_keyfile_read (target->keyfile_path, &error);
  if (keyfile == NULL)
    {
      kit_fail (kit, "%s cannot be read: %s", target->keyfile_path, error->message);
      return;
    }
  for (guint i = 0; i < keyfile->wrong->len; i++)
    kit_fail (kit, "%s", (const char *) keyfile->wrong->pdata[i]);
  kit_begin (kit, "keyfile.keys", "");
  for (guint i = 0; i < keyfile->unknown->len; i++)
    kit_fail (kit, "%s", (const char *) keyfile->unknown->pdata[i]);
  kit_begin (kit, "keyfile.abi", "");
  kit_expect (kit, strcmp (keyfile->abi, G_STRINGIFY (1)) == 0, "Abi is \"%s\"; this kit is for interface %u", keyfile->abi,
              VEREDA_PLUGIN_ABI);
  kit_begin (kit, "keyfile.name", "");
  kit_expect (kit, strcmp (keyfile->name, target->stem) == 0, "Name is \"%s\", but the file is named \"%s\"", keyfile->name,
              target->stem);
}

/* "vereda<digits>_<stem>_query": one file may serve several interfaces. */
static gboolean
is_query (const char *name, const char *stem)
{
  g_autofree char *tail = g_strdup_printf ("_%s_query", stem);
  const gsize head = strlen ("vereda");
  const gsize digits = g_str_has_prefix (name, "vereda") ? strspn (name + head, "0123456789") : 0;
  return digits > 0 && g_str_equal (name + head + digits, tail);
}

static void
check_symbols (KitContext *kit, const KitTarget *target, const KitElf *elf)
{
  g_autofree char *query = g_strdup_printf ("vereda%u_%s_query", VEREDA_PLUGIN_ABI, target->stem);
  kit_begin (kit, "elf.symbol", "");
  kit_expect (kit, g_ptr_array_find_with_equal_func (elf->exports, query, g_str_equal, NULL), "it does not export %s", query);
  kit_begin (kit, "elf.check-init", "");
  for (guint i = 0; i < elf->exports->len; i++)
    if (g_str_equal (elf->exports->pdata[i], "g_module_check_init") || g_str_equal (elf->exports->pdata[i], "g_module_unload"))
      kit_fail (kit, "it exports %s, which GLib calls before anything of the plugin was checked",
                (const char *) elf->exports->pdata[i]);
  kit_begin (kit, "elf.one-symbol", "");
  for (guint i = 0; i < elf->exports->len; i++)
    if (!is_query (elf->exports->pdata[i], target->stem) && !g_str_has_prefix (elf->exports->pdata[i], "g_module_"))
      kit_fail (kit, "it exports %s beside its query function", (const char *) elf->exports->pdata[i]);
}

static void
check_elf (KitContext *kit, const KitTarget *target)
{
  g_autoptr (GError) error = NULL;
  kit_begin (kit, "elf.format", "");
  g_autoptr (KitElf) elf = kit_elf_read (target->path, &error);
  if (elf == NULL)
    {
      kit_fail (kit, "%s: %s", target->path, error->message);
      return;
    }
  check_symbols (kit, target, elf);
  kit_begin (kit, "elf.nodelete", "");
  kit_expect (kit, elf->nodelete, "it is not marked NODELETE, and may be unmapped while something still points into it");
  kit_begin (kit, "elf.bind-now", "");
  kit_expect (kit, elf->bind_now,
              "it is not marked BIND_NOW, so a missing symbol would end the program in the middle of a session");
  kit_begin (kit, "elf.rpath", "");
  kit_expect (kit, elf->rpath == NULL, "it looks for libraries in %s", elf->rpath);
  kit_begin (kit, "elf.core", "");
  for (guint i = 0; i < elf->needed->len; i++)
    kit_expect (kit, !g_str_has_prefix (elf->needed->pdata[i], "libvereda-1.so"), "it is linked with %s",
                (const char *) elf->needed->pdata[i]);
  kit_begin (kit, "elf.stack", "");
  kit_expect (kit, !elf->exec_stack, "it wants an executable stack, and the whole program would have to have one");
  kit_begin (kit, "elf.textrel", "");
  kit_expect (kit, !elf->textrel, "it has relocations in its code");
}

void
kit_group_files (KitContext *kit, gpointer data)
{
  const KitTarget *target = data;
  kit_doing (kit, "reading the files");
  check_name (kit, target);
  check_mode (kit, "file.mode", target->path, FALSE);
  check_mode (kit, "file.directory", target->dir, TRUE);
  check_keyfile (kit, target);
  check_elf (kit, target);
}

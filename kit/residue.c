/* SPDX-License-Identifier: MIT */
/* residue - the search of the process's writable memory for copies of a secret.
 *
 * Looks for it as it is, as UCS-4 (what normalisation works on) and as the two pads of HMAC.  Touches /proc/self/maps and all memory
 * that can be written; allocates nothing until the search is over, as an allocation could overwrite what is looked for. */
#include "kit/residue.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED TRUE
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED TRUE
#endif
#ifndef SANITIZED
#define SANITIZED FALSE
#endif

#define MAPS_SIZE (1 << 18)

typedef enum
{
  FORM_PLAIN,
  FORM_UCS4,
  FORM_IPAD,
  FORM_OPAD,
  N_FORMS
} Form;

static const char *const form_names[N_FORMS]
    = { "as it is", "as UCS-4", "as the inner pad of an HMAC", "as the outer pad of an HMAC" };

void
kit_vault_init (KitVault *vault, gsize size)
{
  kit_block_init (&vault->block, size + N_FORMS * 4 * KIT_RESIDUE_SIZE, "a credential");
  vault->used = N_FORMS * 4 * KIT_RESIDUE_SIZE; /* the patterns lie there, too */
}

const void *
kit_vault_keep (KitVault *vault, const void *data, gsize size)
{
  if (data == NULL)
    return NULL;
  if (size > vault->block.size - vault->used)
    g_error ("the credentials of an exchange take more than the kit has room for");
  char *to = (char *) vault->block.data + vault->used;
  memcpy (to, data, size);
  vault->used += size;
  return to;
}

void
kit_vault_clear (KitVault *vault)
{
  explicit_bzero (vault->block.data, vault->used);
  kit_block_clear (&vault->block);
}

static const char *
read_maps (void)
{
  static char maps[MAPS_SIZE];
  int fd = open ("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  gsize size = 0;
  gssize n;
  while (fd >= 0 && (n = read (fd, maps + size, sizeof maps - 1 - size)) > 0)
    size += (gsize) n;
  if (fd >= 0)
    close (fd);
  maps[size] = '\0';
  return maps;
}

gboolean
kit_residue_can_search (void)
{
  const char *maps = read_maps ();
  return !SANITIZED && *maps != '\0' && strstr (maps, "/vgpreload_") == NULL && strstr (maps, "libasan.so") == NULL
         && strstr (maps, "libclang_rt.") == NULL;
}

static guint8 *
pattern (KitVault *vault, Form form)
{
  return (guint8 *) vault->block.data + (gsize) form * 4 * KIT_RESIDUE_SIZE;
}

static gsize
pattern_size (Form form)
{
  return form == FORM_UCS4 ? 4 * KIT_RESIDUE_SIZE : KIT_RESIDUE_SIZE;
}

static void
make_patterns (KitVault *vault, const guint8 *secret)
{
  memset (pattern (vault, FORM_PLAIN), 0, N_FORMS * 4 * KIT_RESIDUE_SIZE);
  for (gsize i = 0; i < KIT_RESIDUE_SIZE; i++)
    {
      guint8 octet = secret[KIT_RESIDUE_FROM + i];
      pattern (vault, FORM_PLAIN)[i] = octet;
      pattern (vault, FORM_UCS4)[4 * i] = octet;
      pattern (vault, FORM_IPAD)[i] = octet ^ 0x36;
      pattern (vault, FORM_OPAD)[i] = octet ^ 0x5c;
    }
}

guint
kit_residue_search (KitVault *vault, const VeredaSpan *secret, char **ret_where)
{
  guint found = 0;
  Form first_form = FORM_PLAIN;
  const char *first_line = NULL;
  if (ret_where != NULL)
    *ret_where = NULL;
  if (secret->data == NULL || secret->size < KIT_RESIDUE_FROM + KIT_RESIDUE_SIZE || !kit_residue_can_search ())
    return 0;
  make_patterns (vault, secret->data);
  const char *next = NULL;
  for (const char *line = read_maps (); *line != '\0'; line = next)
    {
      char *end;
      gsize from = strtoul (line, &end, 16), to = strtoul (end + 1, &end, 16);
      next = line + strcspn (line, "\n");
      next += *next == '\n';
      if (strncmp (end, " rw", 3) != 0 || ((gsize) vault->block.data >= from && (gsize) vault->block.data < to))
        continue;
      for (Form form = FORM_PLAIN; form < N_FORMS; form++)
        if (memmem ((const void *) from, to - from, pattern (vault, form), pattern_size (form)) != NULL && found++ == 0)
          {
            first_form = form;
            first_line = line;
          }
    }
  if (found > 0 && ret_where != NULL)
    {
      gsize length = strcspn (first_line, "\n");
      gboolean heap = memmem (first_line, length, "[heap]", 6) != NULL,
               stack = memmem (first_line, length, "[stack]", 7) != NULL;
      const char *path = memchr (first_line, '/', length);
      g_autofree char *file = path != NULL ? g_strndup (path, length - (gsize) (path - first_line)) : NULL;
      *ret_where = g_strdup_printf ("%s in %s", form_names[first_form],
                                    heap ? "the heap" : (stack ? "the stack" : (file != NULL ? file : "mapped memory")));
    }
  return found;
}

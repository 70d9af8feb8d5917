/* SPDX-License-Identifier: MIT */
/*
 * After an exchange no copy of the password is left in the writable memory of the process: not in freed heap, not below the
 * stack, not in a plugin's data; neither as it is, nor as UCS-4 (what normalisation works on), nor as an HMAC pad.
 *
 * The password itself is kept in a mapping of its own, which the search leaves out, and coded in the program's constants.  Says
 * nothing under AddressSanitizer and valgrind, whose heaps are not the memory that this is about.
 */
#include "test-mech-drive.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED TRUE
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED TRUE
#endif
#endif
#ifndef SANITIZED
#define SANITIZED FALSE
#endif

#define CODE 0x5a
#define PAGE 65536

/* "Kupfer-Distel-Laterne-77 und noch ein Schirmchen", coded; used as it is, and with an accent that SASLprep must compose. */
static const guint8 coded[] = {
  0x11, 0x2f, 0x2a, 0x3c, 0x3f, 0x28, 0x77, 0x1e, 0x33, 0x29, 0x2e, 0x3f, 0x36, 0x77, 0x16, 0x3b,
  0x2e, 0x3f, 0x28, 0x34, 0x3f, 0x77, 0x6d, 0x6d, 0x7a, 0x2f, 0x34, 0x3e, 0x7a, 0x34, 0x35, 0x39,
  0x32, 0x7a, 0x3f, 0x33, 0x34, 0x7a, 0x09, 0x39, 0x32, 0x33, 0x28, 0x37, 0x39, 0x32, 0x3f, 0x34,
};

/* What is searched for begins here: malloc() itself overwrites the first octets of what is freed. */
#define FROM 16

/* Everything that must not be found elsewhere lies in this mapping. */
typedef struct
{
  char password[64];
  char accented[64];
  VeredaSpan patterns[4];
  guint8 store[4][256];
} Vault;

static G_GNUC_NO_INLINE void
fill_vault (Vault *v)
{
  memset (v->store, 0, sizeof v->store);
  for (gsize i = 0; i < sizeof coded; i++)
    {
      v->password[i] = (char) (coded[i] ^ CODE);
      v->store[0][i] = (guint8) v->password[i];
      v->store[1][4 * i] = (guint8) v->password[i];
      v->store[2][i] = v->store[0][i] ^ 0x36;
      v->store[3][i] = v->store[0][i] ^ 0x5c;
    }
  memcpy (v->accented, v->password, sizeof coded);
  memcpy (v->accented + sizeof coded, "e\xcc\x81", 4);
}

static void
aim_at_store (Vault *v)
{
  for (gsize i = 0; i < G_N_ELEMENTS (v->patterns); i++)
    v->patterns[i] = (VeredaSpan){ v->store[i] + (i == 1 ? 4 * FROM : FROM), i == 1 ? 4 * 16 : 16 };
}

/* What this test itself left below the stack is not what it looks for. */
static G_GNUC_NO_INLINE void
sweep (void)
{
  char below[8192];

  explicit_bzero (below, sizeof below);
}

/* Reads the list of mappings without allocating: an allocation could overwrite what is looked for. */
static const char *
read_maps (void)
{
  static char maps[1 << 17];
  int fd = open ("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  gsize size = 0;
  gssize n;

  g_assert_cmpint (fd, >=, 0);
  while ((n = read (fd, maps + size, sizeof maps - 1 - size)) > 0)
    size += (gsize) n;
  close (fd);
  maps[size] = '\0';
  return maps;
}

/* Returns how many copies there are. */
static guint
search (const Vault *vault)
{
  guint found = 0;

  for (const char *line = read_maps (); *line != '\0'; line = strchr (line, '\n') + 1)
    {
      char *end;
      gsize from = strtoul (line, &end, 16), to = strtoul (end + 1, &end, 16);

      if (strncmp (end, " rw", 3) != 0 || ((gsize) vault >= from && (gsize) vault < to))
        continue;
      for (gsize p = 0; p < G_N_ELEMENTS (vault->patterns); p++)
        {
          const guint8 *at = memmem ((const void *) from, to - from, vault->patterns[p].data, vault->patterns[p].size);

          if (at == NULL)
            continue;
          found++;
          g_test_message ("pattern %zu at %p in %.*s", p, (const void *) at, (int) strcspn (line, "\n"), line);
        }
    }
  return found;
}

/* One step, the core's wiping of the response, and a search at once, before anything overwrites what the step left. */
static guint
step (MechDrive *d, const char *challenge, const Vault *vault)
{
  mech_drive_say (d, challenge);
  explicit_bzero (d->response->data, VEREDA_AUTH_RESPONSE_MAX);
  return search (vault);
}

/* A whole exchange.  The wrong rspauth at its end makes DIGEST-MD5 take its error path as well. */
static G_GNUC_NO_INLINE guint
run_scram (const char *mechanism, const char *password, const Vault *vault)
{
  static const char first[] = "r=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXx,s=QSXCR+Q6sek8bf92,i=4096";
  MechDrive *d = mech_drive_new_named ("auth_scram", mechanism, "tim", password);
  guint found = 0;

  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_CONTINUE);
  found += step (d, first, vault);
  g_assert_cmpuint (d->asked[VEREDA_CRED_PASSWORD], ==, 1);
  found += step (d, "v=nUkxOIJoDIW7jPmEJVapHiYW3n0=", vault); /* not right */
  mech_drive_free (d);
  return found + search (vault);
}

static G_GNUC_NO_INLINE guint
run (const char *stem, const char *password, const Vault *vault)
{
  static const char challenge[] = "realm=\"example.org\",nonce=\"n\",charset=utf-8,algorithm=md5-sess";
  MechDrive *d;
  guint found = 0;

  if (g_str_has_prefix (stem, "SCRAM-"))
    return run_scram (stem, password, vault);
  d = mech_drive_new (stem, "tim", password);

  d->later[VEREDA_CRED_AUTHZID] = TRUE; /* asked after the password: what was prepared must go when the step waits */
  found += step (d, challenge, vault);
  found += step (d, challenge, vault);
  if (g_str_equal (stem, "auth_digest_md5"))
    found += step (d, "rspauth=00000000000000000000000000000000", vault);
  g_assert_cmpuint (d->asked[VEREDA_CRED_PASSWORD], >, 0);
  mech_drive_free (d);
  return found + search (vault);
}

static void
test_residue (gconstpointer stem)
{
  /* Sized so that no mapping beside it is merged with it and searched in its place. */
  char *area = mmap (NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Vault *vault = (Vault *) (void *) (area + PAGE);

  if (SANITIZED || strstr (read_maps (), "/vgpreload_") != NULL)
    {
      g_test_skip ("not under AddressSanitizer or valgrind");
      return;
    }
  g_assert_true (area != MAP_FAILED);
  g_assert_true (mprotect (vault, PAGE, PROT_READ | PROT_WRITE) == 0);
  /* Once with nothing to hide: lazy binding saves vector registers, which the filling uses, on the stack. */
  aim_at_store (vault);
  memset (vault->store, 0xa7, sizeof vault->store);
  g_assert_cmpuint (run (stem, "dry run", vault), ==, 0);
  sweep ();
  fill_vault (vault);
  sweep ();
  g_assert_cmpuint (search (vault), ==, 0);
  g_assert_cmpuint (run (stem, vault->password, vault), ==, 0);
  g_assert_cmpuint (run (stem, vault->accented, vault), ==, 0);

  /* The search finds what is there to be found. */
  {
    g_autofree char *copy = g_strdup (vault->password);

    g_assert_cmpuint (search (vault), >, 0);
    explicit_bzero (copy, strlen (copy));
  }
  munmap (area, 3 * PAGE);
}

int
main (int argc, char **argv)
{
  mallopt (M_PERTURB, 0); /* MALLOC_PERTURB_, which Meson sets, would wipe for us what is freed */
  g_test_init (&argc, &argv, NULL);
  for (gsize m = 0; m < G_N_ELEMENTS (mech_stems); m++)
    {
      g_autofree char *path = g_strconcat ("/mech/residue/", mech_stems[m][1], NULL);

      g_test_add_data_func (path, mech_stems[m][0], test_residue);
    }
  g_test_add_data_func ("/mech/residue/SCRAM-SHA-1", "SCRAM-SHA-1", test_residue);
  g_test_add_data_func ("/mech/residue/SCRAM-SHA-256", "SCRAM-SHA-256", test_residue);
  g_test_add_data_func ("/mech/residue/SCRAM-SHA-512", "SCRAM-SHA-512", test_residue);
  return g_test_run ();
}

/* SPDX-License-Identifier: MIT */
/* idn - A-labels of internationalised domain names.
 *
 * Opens libidn2, by the name that its interface has borne since there is one, and nothing that anybody outside could name.
 * Fails where the library is not installed, and where it refuses a name. */
#include "core/base/idn.h"

#include <dlfcn.h>
#include <idn2.h>

#define SONAME "libidn2.so.0"

/* Packagers' tools find libraries that are opened, as they find those that are linked, by the note of
 * uapi-group.org/specifications/specs/elf_dlopen_metadata. */
#define NOTE_TYPE 0x407c0c0au
static const struct
{
  guint32 name_size;
  guint32 text_size;
  guint32 type;
  char name[4];
  char text[sizeof "[{\"soname\":[\"" SONAME "\"],\"feature\":\"idn\",\"description\":\"internationalised domain names\","
                   "\"priority\":\"recommended\"}]"];
} note __attribute__ ((used, aligned (4), section (".note.dlopen"))) = {
  sizeof note.name,
  sizeof note.text,
  NOTE_TYPE,
  "FDO",
  "[{\"soname\":[\"" SONAME "\"],\"feature\":\"idn\",\"description\":\"internationalised domain names\","
  "\"priority\":\"recommended\"}]",
};

/* What is used of it; the types are those of its header, so a change there is an error here. */
typedef struct
{
  __typeof__ (&idn2_lookup_u8) lookup;
  __typeof__ (&idn2_free) release;
  __typeof__ (&idn2_strerror) describe;
  char *fault; /* why it cannot be used, or NULL */
} Library;

static Library library;

static void
open_library (void)
{
  /* For good: a library with this many users is not worth the hazards of closing it. */
  void *handle = dlopen (SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle != NULL)
    {
      *(void **) &library.lookup = dlsym (handle, "idn2_lookup_u8"); /* as POSIX has it, for want of a better way */
      *(void **) &library.release = dlsym (handle, "idn2_free");
      *(void **) &library.describe = dlsym (handle, "idn2_strerror");
    }
  if (library.lookup == NULL || library.release == NULL || library.describe == NULL)
    {
      const char *cause = dlerror ();
      library.fault
          = g_strdup_printf ("names beyond ASCII need libidn2, which cannot be used here: %s", cause != NULL ? cause : SONAME);
    }
}

char *
vd_idn_to_ascii (const char *name, char **ret_why)
{
  static gsize once;
  guint8 *converted = NULL;

  if (g_once_init_enter (&once))
    {
      open_library ();
      g_once_init_leave (&once, 1);
    }
  if (library.fault != NULL)
    {
      *ret_why = g_strdup (library.fault);
      return NULL;
    }
  const int code = library.lookup ((const guint8 *) name, &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (code != IDN2_OK)
    {
      *ret_why = g_strdup (library.describe (code));
      return NULL;
    }
  char *ascii = g_strdup ((const char *) converted);
  library.release (converted);
  return ascii;
}

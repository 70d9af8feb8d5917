/* SPDX-License-Identifier: MIT */
/*
 * Drives one mechanism plugin the way the core does, with a fixed source of randomness, and checks at every step what the
 * interface promises: the response never moves or outgrows its room, an error goes with FAILED and only with it, and no error
 * repeats a credential.
 */
#ifndef TEST_MECH_DRIVE_H
#define TEST_MECH_DRIVE_H

#include <vereda-plugin/auth.h>

#define N_CREDS (VEREDA_CRED_REALM + 1)

typedef struct
{
  const VeredaMech *mech;
  VeredaAuth *auth;
  VeredaExchange exchange;
  GByteArray *response;
  GError *error; /* of the last step */
  VeredaHost host;
  VeredaSpan creds[N_CREDS]; /* data NULL: there is none */
  gboolean later[N_CREDS];   /* the next question of this kind is answered LATER, once */
  guint asked[N_CREDS];
  char *hint; /* of the last question for REALM */
  gboolean no_random;
} MechDrive;

/** Stem, mechanism. */
extern const char *const mech_stems[4][2];

/** Loads <stem>.so from VEREDA_PLUGIN_PATH as the loader does and returns its descriptor; ret_dir may be NULL. */
const VeredaPlugin *mech_plugin_load (const char *stem, char **ret_dir);

/** For the first mechanism of `stem`, with user name and password (NUL-ended, borrowed; NULL for none). */
MechDrive *mech_drive_new (const char *stem, const char *user, const char *password);
/** The same for one mechanism of several. */
MechDrive *mech_drive_new_named (const char *stem, const char *name, const char *user, const char *password);
void mech_drive_free (MechDrive *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MechDrive, mech_drive_free)

void mech_drive_set (MechDrive *d, VeredaCred kind, const void *data, gsize size);

/** One step.  challenge NULL: none yet. */
VeredaStep mech_drive_step (MechDrive *d, const void *challenge, gsize size);

/** The same with text. */
VeredaStep mech_drive_say (MechDrive *d, const char *challenge);

/** Aborts, and shows both, when the last response is not these octets. */
void mech_check_response (const char *file, int line, const MechDrive *d, const void *data, gsize size);

#define assert_response(d, data, size) mech_check_response (__FILE__, __LINE__, (d), (data), (gsize) (size))
#define assert_failed(d, challenge, size, code)                                                                                \
  G_STMT_START                                                                                                                 \
  {                                                                                                                            \
    g_assert_cmpint (mech_drive_step ((d), (challenge), (size)), ==, VEREDA_STEP_FAILED);                                      \
    g_assert_error ((d)->error, VEREDA_AUTH_ERROR, (int) (code));                                                              \
  }                                                                                                                            \
  G_STMT_END

#endif

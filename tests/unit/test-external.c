/* SPDX-License-Identifier: MIT */
/* EXTERNAL: one message, with the authorization identity or without; when it may be used is core/plugin/policy's. */
#include "test-mech-drive.h"

#include <string.h>

#define STEM "auth_external"

static void
test_message (void)
{
  g_autoptr (MechDrive) own = mech_drive_new (STEM, "ignored", "ignored");
  g_autoptr (MechDrive) other = mech_drive_new (STEM, NULL, NULL);

  g_assert_cmpint (mech_drive_step (own, NULL, 0), ==, VEREDA_STEP_DONE);
  assert_response (own, "", 0); /* "=" on the wire (AUT-4) */
  g_assert_cmpuint (own->asked[VEREDA_CRED_PASSWORD] + own->asked[VEREDA_CRED_AUTHCID], ==, 0);
  mech_drive_set (other, VEREDA_CRED_AUTHZID, "fred@example.com", 16); /* RFC 4422 appendix A.4 */
  g_assert_cmpint (mech_drive_step (other, "", 0), ==, VEREDA_STEP_DONE);
  assert_response (other, "fred@example.com", 16);
}

static void
test_refused (void)
{
  static const VeredaSpan wrong[] = { { "a\0b", 3 }, { "\xff\xff", 2 }, { "a\nb", 3 } };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (MechDrive) d = mech_drive_new (STEM, NULL, NULL);

      mech_drive_set (d, VEREDA_CRED_AUTHZID, wrong[i].data, wrong[i].size);
      assert_failed (d, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
    }
  g_autoptr (MechDrive) long_one = mech_drive_new (STEM, NULL, NULL);
  g_autofree char *name = g_strnfill (VEREDA_AUTH_RESPONSE_MAX + 1, 'n');
  mech_drive_set (long_one, VEREDA_CRED_AUTHZID, name, strlen (name));
  assert_failed (long_one, NULL, 0, VEREDA_AUTH_ERROR_CREDENTIAL);
}

static void
test_order (void)
{
  g_autoptr (MechDrive) d = mech_drive_new (STEM, NULL, NULL);

  d->later[VEREDA_CRED_AUTHZID] = TRUE;
  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_WAIT);
  g_assert_cmpint (mech_drive_step (d, NULL, 0), ==, VEREDA_STEP_DONE);
  assert_failed (d, "", 0, VEREDA_AUTH_ERROR_PROTOCOL);
  assert_failed (d, "more", 4, VEREDA_AUTH_ERROR_PROTOCOL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/EXT-1/message", test_message);
  g_test_add_func ("/EXT-1/refused", test_refused);
  g_test_add_func ("/EXT-1/order", test_order);
  return g_test_run ();
}

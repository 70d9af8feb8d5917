/* SPDX-License-Identifier: MIT */
/* mech - what the kit's own checks want of an exchange beyond the public header. */
#ifndef KIT_MECH_H
#define KIT_MECH_H

#include <vereda-kit/kit.h>

/* The credentials that the kit's checks use.  The password takes part in the search for residue. */
#define KIT_USER     "tim"
#define KIT_PASSWORD "Kupfer-Distel-Laterne-77 und noch ein Schirmchen"
#define KIT_TOKEN    "ya29.Zinnober-Wetterhahn-Pergament-4711-Ofenrohr-am-Kanal"

/* Where the last search found something; NULL if it did not. */
const char *kit_mech_residue_place (VeredaKitMech *m);

/* The mechanism's name, however broken the rest is. */
const char *kit_mech_name (VeredaKitMech *m);

#endif

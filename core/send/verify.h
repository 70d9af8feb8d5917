/* SPDX-License-Identifier: MIT */
/* verify - verdicts on certificates (VeredaVerify, VeredaOcsp) as words.  Data; nothing fails. */
#ifndef VD_VERIFY_H
#define VD_VERIFY_H

#include <glib.h>

const char *vd_verify_code (int verify);  /* "name-mismatch": stable; "invalid" for one that is not known; NULL below 0 */
const char *vd_verify_words (int verify); /* "it is for another name": for a sentence */

const char *vd_ocsp_code (int ocsp); /* the same of VeredaOcsp: "not-stapled" */

#endif

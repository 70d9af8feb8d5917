/* SPDX-License-Identifier: MIT */
/* verify - see verify.h.  The words for a sentence are those of the transports, which refuse certificates themselves but for a probe. */
#include "core/send/verify.h"

#include "core/net/layer.h" /* VeredaVerify */

static const struct
{
  const char *code;
  const char *words;
} rows[] = {
  [VEREDA_VERIFY_OK] = { "ok", "fine" },
  [VEREDA_VERIFY_NO_CERTIFICATE] = { "no-certificate", "the server sent none" },
  [VEREDA_VERIFY_UNKNOWN_ISSUER] = { "unknown-issuer", "unknown issuer" },
  [VEREDA_VERIFY_SELF_SIGNED] = { "self-signed", "self-signed" },
  [VEREDA_VERIFY_EXPIRED] = { "expired", "expired" },
  [VEREDA_VERIFY_NOT_YET_VALID] = { "not-yet-valid", "not yet valid" },
  [VEREDA_VERIFY_NAME_MISMATCH] = { "name-mismatch", "it is for another name" },
  [VEREDA_VERIFY_WEAK] = { "weak", "key or signature too weak" },
  [VEREDA_VERIFY_REVOKED] = { "revoked", "revoked" },
  [VEREDA_VERIFY_PURPOSE] = { "purpose", "not valid for this purpose" },
  [VEREDA_VERIFY_INVALID] = { "invalid", "invalid" },
  [VEREDA_VERIFY_PIN_MISMATCH] = { "pin-mismatch", "not a pinned key" },
  [VEREDA_VERIFY_DANE_MISMATCH] = { "dane-mismatch", "not what the TLSA records of the server name" },
};

static guint
row_of (int verify)
{
  return (guint) verify < G_N_ELEMENTS (rows) && rows[verify].code != NULL ? (guint) verify : VEREDA_VERIFY_INVALID;
}

const char *
vd_verify_code (int verify)
{
  return verify < 0 ? NULL : rows[row_of (verify)].code;
}

const char *
vd_verify_words (int verify)
{
  return rows[row_of (verify)].words;
}

const char *
vd_ocsp_code (int ocsp)
{
  static const char *const words[] = {
    [VEREDA_OCSP_NONE] = "not-stapled", [VEREDA_OCSP_GOOD] = "good",       [VEREDA_OCSP_REVOKED] = "revoked",
    [VEREDA_OCSP_UNKNOWN] = "unknown",  [VEREDA_OCSP_INVALID] = "invalid",
  };

  if (ocsp < 0)
    return NULL;
  return (guint) ocsp < G_N_ELEMENTS (words) ? words[ocsp] : "invalid";
}

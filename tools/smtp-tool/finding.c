/* SPDX-License-Identifier: MIT */
/* finding - which rows of the table apply to a look.  See finding.h.
 *
 * One function for each part of a session, each looks at facts and adds rows; the error of the look, if there is one, has one row of its own. */
#include "finding.h"
#include "probe-cert.h"
#include "text.h"
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

typedef struct
{
  const Look *look;
  GPtrArray *list;
} Search;

static void
finding_free (gpointer data)
{
  Finding *finding = data;

  g_free (finding->text);
  g_free (finding->next);
  g_free (finding);
}

static Finding *add (Search *search, const char *id, const char *next, const char *format, ...) G_GNUC_PRINTF (4, 5);

/* @p next: instead of the table's; @p format NULL: the table's summary. */
static Finding *
add (Search *search, const char *id, const char *next, const char *format, ...)
{
  Finding *finding = g_new0 (Finding, 1);
  va_list args;

  finding->info = finding_info (id);
  g_assert (finding->info != NULL);
  finding->severity = finding->info->severity;
  va_start (args, format);
  g_autofree char *text = format != NULL ? g_strdup_vprintf (format, args) : g_strdup (finding->info->summary);
  va_end (args);
  finding->text = text_one_line (text);
  next = next != NULL ? next : finding->info->next;
  finding->next = next != NULL ? finding_command (next, search->look) : NULL;
  g_ptr_array_add (search->list, finding);
  return finding;
}

static const char *
reply_text (VeredaReply *reply)
{
  return reply != NULL ? vereda_reply_get_text (reply) : "";
}

static gboolean
says (VeredaReply *reply, const char *part)
{
  g_autofree char *text = g_ascii_strdown (reply_text (reply), -1);

  return strstr (text, part) != NULL;
}

static gboolean
has_enhanced (VeredaReply *reply, const char *code)
{
  return reply != NULL && g_strcmp0 (vereda_reply_get_enhanced (reply), code) == 0;
}

/* ---- the error ---- */

static const char *
id_of_connect (VeredaProbe *probe)
{
  static const struct
  {
    int code;
    const char *id;
  } rows[] = { { ECONNREFUSED, "connection-refused" },
               { ETIMEDOUT, "connection-timeout" },
               { ENETUNREACH, "network-unreachable" },
               { EHOSTUNREACH, "network-unreachable" } };
  const char *found = NULL;

  /* What all addresses agree on, but for those of a family that this machine lacks. */
  for (guint i = 0; i < vereda_probe_get_n_addresses (probe); i++)
    {
      VeredaProbeAddress *address = vereda_probe_get_nth_address (probe, i);
      const int code = strcmp (vereda_probe_address_get_outcome (address), "timed-out") == 0
                           ? ETIMEDOUT
                           : vereda_probe_address_get_errno (address);
      const char *id = "connection-failed";

      for (guint r = 0; r < G_N_ELEMENTS (rows); r++)
        if (rows[r].code == code)
          id = rows[r].id;
      if (found == NULL || strcmp (found, "network-unreachable") == 0)
        found = id;
      else if (strcmp (id, "network-unreachable") != 0 && strcmp (found, id) != 0)
        found = "connection-failed";
    }
  return found != NULL ? found : "connection-failed";
}

static const char *
id_of_greeting (const Look *look, VeredaReply *reply)
{
  if (reply == NULL)
    return "closed-before-greeting";
  if (says (reply, "too many") || says (reply, "rate") || has_enhanced (reply, "4.7.0"))
    return "rate-limited";
  return vereda_reply_get_code (reply) < 500 ? "greeting-transient" : "greeting-refused";
}

static const char *
id_of_auth (const Look *look, VeredaReply *reply)
{
  VeredaProbeStage *stage = look_stage (look, VEREDA_STAGE_AUTH, -1);
  const char *mechanism = stage != NULL ? vereda_probe_stage_get_detail (stage) : NULL;

  reply = reply != NULL ? reply : stage != NULL ? vereda_probe_stage_get_reply (stage) : NULL;
  if (stage == NULL)
    return "auth-none-usable";
  if (reply != NULL && vereda_reply_get_code (reply) == 534)
    return "auth-too-weak";
  if (reply != NULL && vereda_reply_get_code (reply) < 500)
    return "auth-temporary";
  if (mechanism != NULL && (strcmp (mechanism, "CRAM-MD5") == 0 || strcmp (mechanism, "DIGEST-MD5") == 0))
    return "auth-challenge-needs-secret";
  return "auth-failed";
}

static const char *
id_of_certificate (const Look *look)
{
  static const struct
  {
    const char *code;
    const char *id;
  } rows[] = {
    { "no-certificate", "cert-none" },
    { "unknown-issuer", "cert-unknown-issuer" },
    { "self-signed", "cert-self-signed" },
    { "expired", "cert-expired" },
    { "not-yet-valid", "cert-not-yet-valid" },
    { "name-mismatch", "cert-name-mismatch" },
    { "weak", "cert-weak" },
    { "revoked", "cert-revoked" },
    { "purpose", "cert-purpose" },
    { "pin-mismatch", "cert-pin-mismatch" },
    { "dane-mismatch", "cert-tlsa-mismatch" },
  };
  const char *code = vereda_probe_get_verify_code (look->probe);
  const char *peer = vereda_probe_get_peer_name (look->probe);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      if (g_strcmp0 (code, rows[i].code) != 0)
        continue;
      if (strcmp (code, "name-mismatch") == 0 && peer != NULL && g_hostname_is_ip_address (peer))
        return "cert-no-ip-name";
      return rows[i].id;
    }
  return "cert-invalid";
}

static const char *
id_of_envelope (VeredaReply *reply, const char *otherwise)
{
  if (reply == NULL)
    return otherwise;
  if (vereda_reply_get_code (reply) == 530)
    return says (reply, "tls") ? "tls-required" : "auth-required";
  if (says (reply, "relay"))
    return "relay-denied";
  if (vereda_reply_get_code (reply) / 100 == 4 && strcmp (otherwise, "recipient-refused") == 0)
    return says (reply, "greylist") || says (reply, "graylist") || says (reply, "grey list") ? "greylisted"
                                                                                             : "recipient-deferred";
  return otherwise;
}

static const char *
id_of_tls (const Look *look)
{
  const char *text = look->error->message;
  VeredaProbeStage *stage = look_stage (look, VEREDA_STAGE_TLS, -1);
  VeredaReply *reply = stage != NULL ? vereda_probe_stage_get_reply (stage) : NULL;

  if (stage == NULL)
    return "starttls-not-offered";
  if (reply != NULL && vereda_reply_get_code (reply) != 220)
    return "starttls-refused";
  return strstr (text, "octets came in clear") != NULL ? "starttls-injection" : "tls-handshake-failed";
}

static const char *
id_of_protocol (const Look *look)
{
  return vereda_probe_get_error_stage (look->probe) == VEREDA_STAGE_GREETING ? "not-smtp" : "protocol-violation";
}

static const char *
id_of_error (const Look *look)
{
  VeredaReply *reply = vereda_probe_get_error_reply (look->probe);

  switch ((VeredaErrorCode) look->error->code)
    {
    case VEREDA_ERROR_PLUGIN:
      return "plugin-missing";
    case VEREDA_ERROR_POLICY:
      return "policy";
    case VEREDA_ERROR_RESOLVE:
      return "name-no-answer";
    case VEREDA_ERROR_NO_HOST:
      return "name-not-found";
    case VEREDA_ERROR_CONNECT:
      return id_of_connect (look->probe);
    case VEREDA_ERROR_GREETING:
      return id_of_greeting (look, reply);
    case VEREDA_ERROR_EHLO:
      return "ehlo-refused";
    case VEREDA_ERROR_TLS:
      return id_of_tls (look);
    case VEREDA_ERROR_CERTIFICATE:
      return id_of_certificate (look);
    case VEREDA_ERROR_TLS_MODE:
      return "tls-mode-mismatch";
    case VEREDA_ERROR_EHLO_TLS:
      return "ehlo-tls-refused";
    case VEREDA_ERROR_AUTH:
      return id_of_auth (look, reply);
    case VEREDA_ERROR_MAIL:
      return id_of_envelope (reply, "mail-refused");
    case VEREDA_ERROR_RECIPIENTS:
      return id_of_envelope (reply, "recipient-refused");
    case VEREDA_ERROR_PROTOCOL:
      return id_of_protocol (look);
    case VEREDA_ERROR_CLOSED:
      return reply != NULL && has_enhanced (reply, "4.7.0") ? "rate-limited" : "closed-early";
    case VEREDA_ERROR_TIMEOUT:
      return vereda_probe_get_greeting (look->probe) == NULL
                     && vereda_probe_get_error_stage (look->probe) == VEREDA_STAGE_GREETING
                 ? "no-greeting"
                 : "stage-timeout";
    case VEREDA_ERROR_CANCELLED:
      return "interrupted";
    default:
      return "failed";
    }
}

/* What the TLS library says of it, behind what the library says around it; NULL: nothing. */
static const char *
handshake_words (const Look *look)
{
  static const char before[] = "TLS handshake: ";
  const char *words = strstr (look->error->message, before);

  return words != NULL ? words + strlen (before) : NULL;
}

/* The error's own words say the rest; what to type depends on which way the modes differ. */
static void
find_error (Search *search)
{
  const Look *look = search->look;

  if (look->error == NULL || look->probe == NULL || look->error->domain != VEREDA_ERROR)
    return;
  const char *id = id_of_error (look);
  const gboolean implicit = strcmp (vereda_probe_get_mode (look->probe), "implicit") == 0;
  if (strcmp (id, "tls-mode-mismatch") == 0)
    add (search, id, implicit ? "smtp-tool probe --tls=starttls {target}" : "smtp-tool probe --tls=implicit {target}", "%s",
         implicit ? "the server speaks no TLS here at once; it may offer STARTTLS"
                  : "this port speaks TLS from the first octet (implicit TLS)");
  else if (strcmp (id, "closed-early") == 0 && vereda_probe_get_error_reply (look->probe) != NULL)
    add (search, id, "smtp-tool explain {code}", "the server ended the session: %d %s",
         vereda_reply_get_code (vereda_probe_get_error_reply (look->probe)),
         vereda_reply_get_text (vereda_probe_get_error_reply (look->probe)));
  else if (strcmp (id, "tls-handshake-failed") == 0 && handshake_words (look) != NULL)
    add (search, id, NULL, "the TLS handshake failed: %s", handshake_words (look));
  else if (g_str_has_prefix (id, "cert-"))
    finding_list_refusal (search->list, look, id);
  else
    add (search, id, NULL, NULL);
}

/* ---- greeting, EHLO ---- */

static gboolean
offers (VeredaProbe *probe, gboolean secure, const char *keyword)
{
  const char *const *lines = vereda_probe_get_extensions (probe, secure);
  const gsize length = strlen (keyword);

  for (; lines != NULL && *lines != NULL; lines++)
    if (g_ascii_strncasecmp (*lines, keyword, length) == 0 && ((*lines)[length] == '\0' || (*lines)[length] == ' '))
      return TRUE;
  return FALSE;
}

static gboolean
is_last (VeredaProbe *probe, gboolean secure)
{
  return vereda_probe_get_extensions (probe, secure) != NULL && (secure || vereda_probe_get_extensions (probe, TRUE) == NULL);
}

static void
find_greeting (Search *search)
{
  VeredaProbeStage *stage = look_stage (search->look, VEREDA_STAGE_GREETING, -1);

  if (stage != NULL && vereda_probe_stage_succeeded (stage) && vereda_probe_stage_get_duration (stage) > 2 * G_USEC_PER_SEC)
    add (search, "greeting-slow", NULL, "the greeting took %.1f s", (double) vereda_probe_stage_get_duration (stage) / 1e6);
}

static gboolean
is_xs (const char *line)
{
  return strlen (line) >= 6 && (strspn (line, "X") == strlen (line) || strspn (line, "X") + 1 == strlen (line));
}

static void
find_extensions (Search *search)
{
  VeredaProbe *probe = search->look->probe;
  const char *const *before = vereda_probe_get_extensions (probe, FALSE);
  VeredaProbeStage *stage = look_stage (search->look, VEREDA_STAGE_EHLO, -1);
  const gboolean secure = vereda_probe_get_extensions (probe, TRUE) != NULL;

  if (stage == NULL || (before == NULL && !secure))
    return;
  for (; before != NULL && *before != NULL; before++)
    if (is_xs (*before))
      add (search, "extensions-hidden", NULL, "\"%s\" stands among the extensions", *before);
  if (g_strcmp0 (vereda_probe_stage_get_detail (stage), "HELO") == 0)
    {
      add (search, "helo-only", NULL, NULL);
      return;
    }
  if (secure && offers (probe, TRUE, "STARTTLS"))
    add (search, "starttls-inside-tls", NULL, NULL);
  if (!offers (probe, secure, "PIPELINING"))
    add (search, "no-pipelining", NULL, NULL);
  if (!offers (probe, secure, "8BITMIME"))
    add (search, "no-eightbit", NULL, NULL);
  if (!offers (probe, secure, "SIZE"))
    add (search, "no-size-limit", NULL, NULL);
}

/* ---- TLS ---- */

static void
find_protection (Search *search)
{
  VeredaProbe *probe = search->look->probe;
  const char *mode = vereda_probe_get_mode (probe);

  if (vereda_probe_has_tls (probe) || vereda_probe_get_extensions (probe, FALSE) == NULL || search->look->error != NULL)
    return;
  if (strcmp (mode, "plain") == 0)
    add (search, "tls-off", NULL, "no TLS: %s", vereda_probe_get_mode_reason (probe));
  else if (!offers (probe, FALSE, "STARTTLS"))
    add (search, "no-tls", NULL, "STARTTLS is not offered: the connection is not protected");
}

static void
find_dates (Search *search)
{
  for (guint i = 0; i < search->look->certs->len; i++)
    {
      const Cert *cert = search->look->certs->pdata[i];
      const gint64 left = cert_days_left (cert);

      if (cert->broken != NULL || left < 0 || left >= search->look->warn_days || (i > 0 && cert->self_issued))
        continue;
      Finding *finding
          = add (search, "cert-expires-soon", NULL, "%s%" G_GINT64_FORMAT " days left, threshold %" G_GINT64_FORMAT,
                 i == 0 ? "" : "an intermediate certificate: ", left,
                 left < search->look->error_days ? search->look->error_days : search->look->warn_days);
      if (left < search->look->error_days)
        finding->severity = FINDING_ERROR;
      return; /* one is enough */
    }
}

static void
find_tls (Search *search)
{
  const Look *look = search->look;
  VeredaProbe *probe = look->probe;
  VeredaProbeStage *stage = look_stage (look, VEREDA_STAGE_TLS, -1);
  const char *ocsp = vereda_probe_get_ocsp (probe);

  if (stage == NULL)
    return;
  if (vereda_probe_stage_succeeded (stage) && !vereda_probe_is_verified (probe))
    add (search, "cert-not-verified", NULL, "the certificate was not accepted (%s), and that was tolerated",
         vereda_probe_get_verify_code (probe) != NULL ? vereda_probe_get_verify_code (probe) : "not checked");
  if (vereda_probe_stage_succeeded (stage) && vereda_probe_stage_get_duration (stage) > G_USEC_PER_SEC)
    add (search, "tls-slow", NULL, "the handshake took %.1f s", (double) vereda_probe_stage_get_duration (stage) / 1e6);
  if (vereda_probe_get_tls_version (probe) == 0x0303)
    add (search, "tls-12-only", NULL, NULL);
  find_dates (search);
  if (look->certs->len == 1 && g_strcmp0 (vereda_probe_get_verify_code (probe), "unknown-issuer") == 0)
    add (search, "cert-chain-incomplete", NULL, NULL);
  if (look->certs->len > 1)
    {
      const Cert *last = look->certs->pdata[look->certs->len - 1];
      GBytes *der = vereda_probe_get_certificate (probe, look->certs->len - 1);

      if (last->broken == NULL && last->self_issued)
        add (search, "root-in-chain", NULL, "%.1f kB of each handshake saved by not sending the root",
             (double) g_bytes_get_size (der) / 1000.0);
    }
  if (g_strcmp0 (ocsp, "invalid") == 0)
    add (search, "ocsp-invalid", NULL, NULL);
}

/* ---- authentication ---- */

static gboolean
is_listed (VeredaProbe *probe, gboolean secure, const char *mechanism)
{
  const char *const *lines = vereda_probe_get_extensions (probe, secure);

  for (; lines != NULL && *lines != NULL; lines++)
    {
      g_auto (GStrv) words = g_strsplit_set (*lines, " =", -1);

      if (g_ascii_strcasecmp (words[0], "AUTH") == 0 && g_strv_contains ((const char *const *) words + 1, mechanism))
        return TRUE;
    }
  return FALSE;
}

static gboolean
any_modern (const char *const *mechanisms)
{
  for (; *mechanisms != NULL; mechanisms++)
    if (g_str_has_prefix (*mechanisms, "SCRAM-") || g_str_has_prefix (*mechanisms, "GS")
        || strcmp (*mechanisms, "EXTERNAL") == 0 || strcmp (*mechanisms, "OAUTHBEARER") == 0
        || strcmp (*mechanisms, "XOAUTH2") == 0)
      return TRUE;
  return FALSE;
}

static void
find_auth (Search *search)
{
  const Look *look = search->look;
  VeredaProbe *probe = look->probe;
  const char *const *mechanisms = vereda_probe_get_mechanisms (probe);
  const gboolean before = offers (probe, FALSE, "AUTH"), tls = vereda_probe_get_extensions (probe, TRUE) != NULL;
  const gboolean starttls = vereda_probe_get_extensions (probe, FALSE) != NULL;

  if (!is_last (probe, TRUE) && !is_last (probe, FALSE))
    return;
  if (tls && starttls && !before && *mechanisms != NULL)
    add (search, "auth-after-tls", NULL, NULL);
  if (starttls && (is_listed (probe, FALSE, "PLAIN") || is_listed (probe, FALSE, "LOGIN"))
      && strcmp (vereda_probe_get_mode (probe), "plain") != 0)
    add (search, "auth-in-clear", NULL, NULL);
  if (look->error != NULL)
    return;
  if (*mechanisms == NULL)
    add (search, "auth-not-offered", NULL, NULL);
  else if (!any_modern (mechanisms))
    add (search, "auth-historic-only", NULL, NULL);
}

/* ---- all ---- */

static gint
by_severity (gconstpointer a, gconstpointer b)
{
  const Finding *one = *(const Finding *const *) a, *other = *(const Finding *const *) b;

  if (one->severity != other->severity)
    return (gint) other->severity - (gint) one->severity;
  return one->info < other->info ? -1 : one->info > other->info ? 1 : 0; /* the table is in the order of a session */
}

void
finding_add (GPtrArray *list, const Look *look, const char *id, const char *next, const char *format, ...)
{
  Search search = { look, list };
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = format != NULL ? g_strdup_vprintf (format, args) : NULL;
  va_end (args);
  if (text != NULL)
    add (&search, id, next, "%s", text);
  else
    add (&search, id, next, NULL);
}

void
finding_sort (GPtrArray *list)
{
  g_ptr_array_sort (list, by_severity);
}

GPtrArray *
finding_list (const Look *look)
{
  Search search = { look, g_ptr_array_new_with_free_func (finding_free) };

  if (look->probe == NULL)
    return search.list;
  find_error (&search);
  finding_list_addresses (search.list, look);
  finding_list_delays (search.list, look);
  find_greeting (&search);
  find_extensions (&search);
  find_protection (&search);
  find_tls (&search);
  find_auth (&search);
  g_ptr_array_sort (search.list, by_severity);
  return search.list;
}

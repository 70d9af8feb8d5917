/* SPDX-License-Identifier: MIT */
/* session - TLS sessions where all goes well or the server is not who it should be: every library and version that there is, good and
 * bad certificates, endings, channel bindings.
 *
 * Each function is one check. */
#include <string.h>

#include "kit/wire.h"

static const guint versions[] = { 0x0303, 0x0304 };
static const guint8 line[] = "EHLO client.example.test\r\n";
#define LINE_SIZE (sizeof line - 1)

static const char *
version_name (guint version)
{
  return version == 0x0304 ? "TLS 1.3" : "TLS 1.2";
}

static gboolean
heard_is (const KitSession *s, const guint8 *data, gsize size)
{
  return s->heard->len == size && memcmp (s->heard->data, data, size) == 0;
}

static gboolean
went_out (const KitSession *s, const void *data, gsize size)
{
  return s->wire->sent->len > 0 && memmem (s->wire->sent->data, s->wire->sent->len, data, size) != NULL;
}

static const char *
why (const KitSession *s)
{
  return s->error != NULL ? s->error->message : "without saying why";
}

static void
check_good (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library, guint version)
{
  KitSession s;
  if (!kit_session_init (&s, kit, target, library, version, "good-ecdsa", NULL))
    kit_fail (kit, "wrap failed: %s", why (&s));
  else
    {
      VeredaIo io = kit_session_converse (&s, line, LINE_SIZE);
      if (io != VEREDA_IO_EOF)
        kit_fail (kit, "a session with %s over %s came to %s: %s", library->library, version_name (version), kit_io_name (io),
                  why (&s));
      else
        {
          kit_expect (kit, heard_is (&s, line, LINE_SIZE), "%s over %s: what came back is not what was written",
                      library->library, version_name (version));
          kit_expect (kit, kit_fact (s.top, VEREDA_FACT_TLS_VERSION, 0) == version,
                      "%s: the fact TLS_VERSION is 0x%04x and not 0x%04x", library->library,
                      (guint) kit_fact (s.top, VEREDA_FACT_TLS_VERSION, 0), version);
          kit_expect (kit, kit_fact (s.top, VEREDA_FACT_PEER_VERIFIED, 0) == 1,
                      "%s: the certificate is good, and the fact PEER_VERIFIED is not 1", library->library);
          kit_expect (kit, kit_fact (s.top, VEREDA_FACT_KEY_BITS, 0) >= 112, "%s: the fact KEY_BITS is missing or below 112",
                      library->library);
        }
      kit_begin (kit, "tls.clear-text", s.ops->name);
      kit_expect (kit, !went_out (&s, line, 10), "what was written went over the wire in clear");
      kit_begin (kit, "tls.handshake", s.ops->name);
    }
  kit_session_clear (&s);
}

typedef struct
{
  const char *cert;
  const char *what;
  gint64 verify;
} Bad;

static const Bad bads[] = {
  { "other-root", "from an unknown issuer", VEREDA_VERIFY_UNKNOWN_ISSUER },
  { "wrong-host", "for another name", VEREDA_VERIFY_NAME_MISMATCH },
  { "cn-only", "with the name in CN only", VEREDA_VERIFY_NAME_MISMATCH },
  { "expired", "that has expired", VEREDA_VERIFY_EXPIRED },
  { "not-yet-valid", "that is not yet valid", VEREDA_VERIFY_NOT_YET_VALID },
  { "self-signed", "signed by itself", VEREDA_VERIFY_SELF_SIGNED },
};

static void
check_bad (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library, guint version, const Bad *bad,
           gboolean insecure)
{
  VeredaTlsSettings settings = kit_settings (target, KIT_HOST);
  KitSession s;
  settings.insecure_skip_verify = insecure;
  if (!kit_session_init (&s, kit, target, library, version, bad->cert, &settings))
    kit_fail (kit, "wrap failed: %s", why (&s));
  else
    {
      VeredaIo io = kit_session_handshake (&s);
      if (insecure)
        kit_expect (kit, io == VEREDA_IO_DONE, "insecure_skip_verify is set, and a certificate %s still ends the handshake: %s",
                    bad->what, why (&s));
      else if (io != VEREDA_IO_ERROR)
        kit_fail (kit, "a certificate %s was accepted (%s server, %s)", bad->what, library->library, version_name (version));
      else if (s.error != NULL)
        kit_expect (kit, s.error->code == VEREDA_TRANSPORT_ERROR_CERTIFICATE,
                    "a certificate %s failed with code %d, not VEREDA_TRANSPORT_ERROR_CERTIFICATE", bad->what, s.error->code);
      kit_expect (kit, kit_fact (s.top, VEREDA_FACT_VERIFY, -1) == bad->verify,
                  "a certificate %s: the fact VERIFY is %d and should be %d", bad->what,
                  (int) kit_fact (s.top, VEREDA_FACT_VERIFY, -1), (int) bad->verify);
      kit_expect (kit, kit_fact (s.top, VEREDA_FACT_PEER_VERIFIED, 0) == 0, "a certificate %s: the fact PEER_VERIFIED is 1",
                  bad->what);
      if (!insecure)
        kit_session_check_sticky (&s, s.error);
    }
  kit_session_clear (&s);
}

/* An end without close_notify is told apart from one with it. */
static void
check_truncated (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library, guint version)
{
  KitSession s;
  if (kit_session_init (&s, kit, target, library, version, "good-ecdsa", NULL))
    {
      s.wire->silent = TRUE;
      VeredaIo io = kit_session_handshake (&s);
      if (io == VEREDA_IO_DONE)
        io = kit_session_write (&s, line, LINE_SIZE);
      if (io == VEREDA_IO_DONE)
        io = kit_session_read (&s, LINE_SIZE);
      if (io == VEREDA_IO_DONE)
        {
          s.wire->hang_up = TRUE;
          io = kit_session_read (&s, G_MAXSIZE);
          kit_expect (kit, io == VEREDA_IO_ERROR && s.error != NULL && s.error->code == VEREDA_TRANSPORT_ERROR_TRUNCATED,
                      "an end without close_notify (%s, %s) comes out as %s%s%s, and not as TRUNCATED", library->library,
                      version_name (version), kit_io_name (io), s.error != NULL ? ": " : "",
                      s.error != NULL ? s.error->message : "");
          kit_session_check_sticky (&s, s.error);
        }
    }
  kit_session_clear (&s);
}

static void
compare_binding (KitSession *s, guint version, VeredaBinding kind, const char *name, gboolean named)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) server = s->wire->library->binding (s->wire->server, kind);
  g_autoptr (GBytes) client = s->ops->binding != NULL ? s->ops->binding (s->top, kind, &error) : NULL;
  const char *library = s->wire->library->library;
  kit_expect (s->kit, s->ops->binding == NULL || (client == NULL) == (error != NULL), "binding for %s gave %s and %s", name,
              client != NULL ? "octets" : "nothing", error != NULL ? "set an error" : "did not set the error");
  if (client == NULL && named && server != NULL)
    kit_fail (s->kit, "the keyfile names %s, and there is none (%s server, %s): %s", name, library, version_name (version),
              error != NULL ? error->message : "");
  if (client != NULL && server != NULL)
    kit_expect (s->kit, g_bytes_equal (client, server), "%s is not the same at both ends (%s server, %s)", name, library,
                version_name (version));
  if (client != NULL && kind == VEREDA_BINDING_TLS_UNIQUE && version == 0x0304)
    kit_fail (s->kit, "there is a tls-unique under TLS 1.3, which has none (RFC 8446 appendix C.5)");
}

static void
check_bindings (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library, guint version)
{
  g_autoptr (KitKeyfile) keyfile = kit_keyfile_read (target->keyfile_path, NULL);
  KitSession s;
  if (kit_session_init (&s, kit, target, library, version, "good-ecdsa", NULL))
    {
      const KitTransportWords *words = keyfile != NULL ? kit_keyfile_transport (keyfile, s.ops->name) : NULL;
      guint named = words != NULL ? words->bindings : 0;
      if (kit_session_handshake (&s) == VEREDA_IO_DONE && kit_session_write (&s, line, LINE_SIZE) == VEREDA_IO_DONE
          && kit_session_read (&s, LINE_SIZE) == VEREDA_IO_DONE)
        {
          compare_binding (&s, version, VEREDA_BINDING_TLS_EXPORTER, "tls-exporter",
                           (named & (1u << VEREDA_BINDING_TLS_EXPORTER)) != 0);
          compare_binding (&s, version, VEREDA_BINDING_TLS_SERVER_END_POINT, "tls-server-end-point",
                           (named & (1u << VEREDA_BINDING_TLS_SERVER_END_POINT)) != 0);
          compare_binding (&s, version, VEREDA_BINDING_TLS_UNIQUE, "tls-unique",
                           version == 0x0303 && (named & (1u << VEREDA_BINDING_TLS_UNIQUE)) != 0);
        }
    }
  kit_session_clear (&s);
}

static void
check_settings (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library)
{
  for (guint i = 0; i < 2; i++)
    {
      VeredaTlsSettings settings = kit_settings (target, KIT_HOST);
      KitSession s;
      if (i == 0)
        settings.trust_file = "/nonexistent/roots.pem";
      else
        settings.cert_file = kit_cert (target, "root", ".key"); /* no certificate in it */
      if (kit_session_init (&s, kit, target, library, 0x0304, "good-ecdsa", &settings))
        kit_fail (kit, "%s is accepted", i == 0 ? "a trust_file that is not there" : "a cert_file without a certificate");
      else
        kit_expect (kit, s.error != NULL && s.error->code == VEREDA_TRANSPORT_ERROR_SETTINGS,
                    "%s fails with another code than VEREDA_TRANSPORT_ERROR_SETTINGS",
                    i == 0 ? "a trust_file that is not there" : "a cert_file without a certificate");
      kit_session_clear (&s);
    }
}

/* No octet of data before the handshake is done. */
static void
check_before (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library)
{
  const VeredaSpan span = { "AUTH PLAIN", 10 };
  gsize n = 0;
  KitSession s;
  if (kit_session_init (&s, kit, target, library, 0x0304, "good-ecdsa", NULL))
    {
      kit_doing (kit, "writev before the handshake");
      VeredaIo io = s.ops->writev (s.top, &span, 1, &n, &s.error);
      kit_expect (kit, io == VEREDA_IO_ERROR, "writev before the handshake returned %s", kit_io_name (io));
      kit_expect (kit, !went_out (&s, "AUTH PLAIN", 10), "writev before the handshake sent data in clear");
      kit_session_check_sticky (&s, s.error);
    }
  kit_session_clear (&s);
}

void
kit_group_tls_session (KitContext *kit, gpointer data)
{
  const KitTarget *target = data;
  const char *name = kit_target_transport (kit, target)->name;
  for (const KitTlsLibrary *const *library = kit_tls_libraries; *library != NULL; library++)
    for (gsize v = 0; v < G_N_ELEMENTS (versions); v++)
      {
        kit_begin (kit, "tls.handshake", name);
        check_good (kit, target, *library, versions[v]);
        kit_begin (kit, "tls.certificates", name);
        for (gsize i = 0; i < 2 * G_N_ELEMENTS (bads); i++)
          check_bad (kit, target, *library, versions[v], &bads[i / 2], (i & 1) != 0);
        kit_begin (kit, "tls.cut", name);
        check_truncated (kit, target, *library, versions[v]);
        kit_begin (kit, "tls.binding", name);
        check_bindings (kit, target, *library, versions[v]);
      }
  kit_begin (kit, "tls.settings", name);
  check_settings (kit, target, kit_tls_libraries[0]);
  kit_begin (kit, "tls.before", name);
  check_before (kit, target, kit_tls_libraries[0]);
}

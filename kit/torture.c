/* SPDX-License-Identifier: MIT */
/* torture - TLS sessions over a lower layer that is as awkward as the contract allows: one octet at a time, waiting at every second
 * call, an end or an error at each call in turn. */
#include <string.h>

#include "kit/wire.h"

typedef struct
{
  const char *name;
  guint version;
  gsize read_most, write_most;
  gboolean alternate, twisted;
  gsize size;
} Torture;

static const Torture tortures[] = {
  { "octet by octet", 0x0303, 1, 1, FALSE, FALSE, 3000 },
  { "octet by octet", 0x0304, 1, 1, FALSE, FALSE, 3000 },
  { "with a wait at every second call", 0x0303, 700, 500, TRUE, FALSE, 40000 },
  { "with a wait at every second call", 0x0304, 700, 500, TRUE, FALSE, 40000 },
  { "with waits for the other direction", 0x0304, 3, 5, TRUE, TRUE, 20000 },
};

static guint8 *
pattern (gsize size)
{
  guint8 *data = g_malloc (size);
  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i * 7 + i / 251);
  return data;
}

static void
check_torture (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library, const Torture *t)
{
  g_autofree guint8 *sent = pattern (t->size);
  KitSession s;
  if (kit_session_init (&s, kit, target, library, t->version, "good-ecdsa", NULL))
    {
      s.wire->read_most = t->read_most;
      s.wire->write_most = t->write_most;
      s.wire->alternate = t->alternate;
      s.wire->twisted = t->twisted;
      VeredaIo io = kit_session_converse (&s, sent, t->size);
      if (io != VEREDA_IO_EOF)
        kit_fail (kit, "a session %s with %s came to %s: %s", t->name, library->library, kit_io_name (io),
                  s.error != NULL ? s.error->message : "");
      else
        {
          kit_expect (kit, s.heard->len == t->size && memcmp (s.heard->data, sent, t->size) == 0,
                      "a session %s with %s: what came back is not what was written", t->name, library->library);
          kit_expect (kit, kit_session_read (&s, G_MAXSIZE) == VEREDA_IO_EOF, "the end does not stay the end");
        }
    }
  kit_session_clear (&s);
}

/* Nothing offered: nothing taken, nothing waited for. */
static void
check_empty (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library)
{
  const VeredaSpan nothing[2] = { { NULL, 0 }, { "", 0 } };
  KitSession s;
  if (kit_session_init (&s, kit, target, library, 0x0304, "good-ecdsa", NULL) && kit_session_handshake (&s) == VEREDA_IO_DONE)
    {
      gsize n = 5, m = 5;
      s.wire->frozen = TRUE;
      kit_doing (kit, "writev of nothing");
      VeredaIo a = s.ops->writev (s.top, nothing, 2, &n, &s.error);
      VeredaIo b = s.ops->read (s.top, &m, 0, &m, &s.error);
      kit_expect (kit, a == VEREDA_IO_DONE && n == 0, "writev of nothing returned %s", kit_io_name (a));
      kit_expect (kit, b == VEREDA_IO_DONE && m == 0, "read into no room returned %s", kit_io_name (b));
    }
  kit_session_clear (&s);
}

/* Rule 3: with the lower layer frozen, exactly what is pending can be read. */
static void
check_pending (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library)
{
  g_autofree guint8 *sent = pattern (5000);
  KitSession s;
  if (kit_session_init (&s, kit, target, library, 0x0304, "good-ecdsa", NULL) && kit_session_handshake (&s) == VEREDA_IO_DONE
      && kit_session_write (&s, sent, 5000) == VEREDA_IO_DONE && kit_session_read (&s, 100) == VEREDA_IO_DONE)
    {
      gsize pending = s.ops->pending != NULL ? s.ops->pending (s.top) : 0, got = 0, n = 0;
      guint8 buf[64];
      VeredaIo io;
      s.wire->frozen = TRUE;
      kit_doing (kit, "read with nothing coming from below");
      while ((io = s.ops->read (s.top, buf, sizeof buf, &n, &s.error)) == VEREDA_IO_DONE)
        got += n;
      kit_expect (kit, got == pending,
                  "pending says %" G_GSIZE_FORMAT ", and %" G_GSIZE_FORMAT " octets can be read without I/O", pending, got);
      kit_expect (kit, io == VEREDA_IO_WANT_READ, "with nothing pending read returned %s", kit_io_name (io));
    }
  kit_session_clear (&s);
}

/* After the goodbye nothing more may be written. */
static void
check_shutdown (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library)
{
  const VeredaSpan span = { "QUIT\r\n", 6 };
  KitSession s;
  if (kit_session_init (&s, kit, target, library, 0x0304, "good-ecdsa", NULL) && kit_session_handshake (&s) == VEREDA_IO_DONE)
    {
      gsize n = 0, before = 0;
      VeredaIo io = kit_session_shutdown (&s);
      kit_expect (kit, s.ops->shutdown != NULL, "shutdown is NULL, so the server cannot tell the end from a cut");
      kit_expect (kit, io == VEREDA_IO_DONE, "shutdown returned %s", kit_io_name (io));
      kit_expect (kit, kit_session_shutdown (&s) == VEREDA_IO_DONE, "shutdown cannot be called twice");
      before = s.wire->sent->len;
      io = s.ops->writev (s.top, &span, 1, &n, &s.error);
      kit_expect (kit, io == VEREDA_IO_ERROR && s.wire->sent->len == before, "writev after shutdown returned %s",
                  kit_io_name (io));
    }
  kit_session_clear (&s);
}

static void
check_clear (KitContext *kit, const KitTarget *target, const KitTlsLibrary *library)
{
  g_autofree guint8 *sent = pattern (40000);
  gboolean finished = FALSE;
  for (int at = 0; !finished && at < 4000; at += at < 40 ? 1 : 97)
    {
      KitSession s;
      if (!kit_session_init (&s, kit, target, library, at & 1 ? 0x0303 : 0x0304, "good-ecdsa", NULL))
        finished = TRUE;
      s.wire->alternate = TRUE;
      s.wire->write_most = 1000;
      s.stop_at = at;
      VeredaIo io = kit_session_converse (&s, sent, 40000);
      finished |= io == VEREDA_IO_EOF || io == VEREDA_IO_ERROR;
      kit_session_clear (&s);
    }
}

void
kit_group_tls_torture (KitContext *kit, gpointer data)
{
  const KitTarget *target = data;
  const char *name = kit_target_transport (kit, target)->name;
  for (const KitTlsLibrary *const *library = kit_tls_libraries; *library != NULL; library++)
    {
      kit_begin (kit, "tls.torture", name);
      for (gsize i = 0; i < G_N_ELEMENTS (tortures); i++)
        check_torture (kit, target, *library, &tortures[i]);
      check_empty (kit, target, *library);
      kit_begin (kit, "tls.pending", name);
      check_pending (kit, target, *library);
      kit_begin (kit, "tls.shutdown", name);
      check_shutdown (kit, target, *library);
    }
  kit_begin (kit, "tls.clear", name);
  check_clear (kit, target, kit_tls_libraries[0]);
}

/* --- rule 6, at every place where the layer below can fail --- */

/* TRUE when this was the last place. */
static gboolean
cut_once (KitContext *kit, const KitTarget *target, guint version, VeredaIo with, int at)
{
  static const guint8 text[] = "EHLO client.example.test\r\nQUIT\r\n";
  KitSession s;
  if (!kit_session_init (&s, kit, target, kit_tls_libraries[0], version, "good-ecdsa", NULL))
    {
      kit_session_clear (&s);
      return TRUE;
    }
  s.wire->cut_at = at;
  s.wire->cut_with = with;
  s.wire->silent = TRUE; /* so that the end is never a natural one */
  VeredaIo io = kit_session_handshake (&s);
  if (io == VEREDA_IO_DONE)
    io = kit_session_write (&s, text, sizeof text);
  if (io == VEREDA_IO_DONE)
    io = kit_session_read (&s, sizeof text);
  if (io == VEREDA_IO_DONE)
    io = kit_session_shutdown (&s);
  gboolean was_cut = s.wire->was_cut;
  if (was_cut)
    {
      const char *how = with == VEREDA_IO_EOF ? "an end" : "an error";
      kit_expect (kit, io == VEREDA_IO_ERROR, "%s of the lower layer at its call %d came out as %s", how, at, kit_io_name (io));
      if (s.error != NULL && with == VEREDA_IO_ERROR)
        kit_expect (kit, s.error->code == VEREDA_TRANSPORT_ERROR_IO,
                    "an error of the lower layer came out with code %d, not _IO", s.error->code);
      else if (s.error != NULL)
        kit_expect (kit, s.error->code == VEREDA_TRANSPORT_ERROR_TRUNCATED || s.error->code == VEREDA_TRANSPORT_ERROR_IO,
                    "an end of the lower layer came out with code %d, neither _TRUNCATED nor _IO", s.error->code);
      kit_expect (kit, s.ops->pending == NULL || s.ops->pending (s.top) == 0, "after an error there is something pending");
      kit_session_check_sticky (&s, s.error);
    }
  kit_session_clear (&s);
  return !was_cut;
}

void
kit_group_tls_cut (KitContext *kit, gpointer data)
{
  static const VeredaIo ends[] = { VEREDA_IO_ERROR, VEREDA_IO_EOF };
  static const guint versions[] = { 0x0303, 0x0304 };
  const KitTarget *target = data;
  kit_begin (kit, "tls.cut", kit_target_transport (kit, target)->name);
  for (gsize e = 0; e < G_N_ELEMENTS (ends); e++)
    for (gsize v = 0; v < G_N_ELEMENTS (versions); v++)
      for (int at = 0; at < 1000; at++)
        if (cut_once (kit, target, versions[v], ends[e], at))
          break;
}

/* SPDX-License-Identifier: MIT */
/* probe-look - what a probe saw: it is the connection's observer, keeps rows and facts, and gives them out.  Part of probe.
 *
 * A row is open from where its stage begins to where it ends; at most one is.  The clock is read here because a reactor's stands still
 * during a turn, in which a handshake may compute for longer than the network took. */
#include "core/send/probe.h"

#include <string.h>

#include "core/base/trace.h"
#include "core/smtp/ehlo.h"

/* ---- rows ---- */

static void
stage_free (gpointer data)
{
  VeredaProbeStage *row = data;

  vd_reply_unref (row->reply);
  g_free (row->detail);
  g_free (row);
}

static void
address_free (gpointer data)
{
  VeredaProbeAddress *row = data;

  g_free (row->text);
  g_free (row);
}

static gint64
now (VeredaProbe *probe)
{
  return g_get_monotonic_time () - probe->began;
}

static VeredaProbeStage *
open_row (VeredaProbe *probe)
{
  VeredaProbeStage *row = probe->stages->len > 0 ? probe->stages->pdata[probe->stages->len - 1] : NULL;

  return row != NULL && row->open ? row : NULL;
}

static void
end_row (VeredaProbe *probe, gboolean succeeded)
{
  VeredaProbeStage *row = open_row (probe);

  if (row == NULL)
    return;
  if (row->stage == VEREDA_STAGE_TLS) /* one command at a time has its replies counted; a handshake has none */
    row->turns += probe->meter.turns - row->wire;
  row->open = FALSE;
  row->succeeded = succeeded;
  row->duration = now (probe) - row->start;
  row->in = probe->meter.in - row->in;
  row->out = probe->meter.out - row->out;
}

static VeredaProbeStage *
begin_row (VeredaProbe *probe, VeredaStage stage)
{
  VeredaProbeStage *row = g_new0 (VeredaProbeStage, 1);

  end_row (probe, TRUE);
  row->stage = stage;
  row->connection = probe->connections;
  row->secure = probe->connection != NULL && vd_connection_stack (probe->connection) != NULL
                && vd_stack_is_secure (vd_connection_stack (probe->connection));
  row->open = TRUE;
  row->start = now (probe);
  row->wire = probe->meter.turns;
  row->in = probe->meter.in;
  row->out = probe->meter.out;
  g_ptr_array_add (probe->stages, row);
  return row;
}

static void
keep_reply (VeredaProbeStage *row, VdReply *reply)
{
  vd_reply_unref (row->reply);
  row->reply = reply != NULL ? vd_reply_ref (reply) : NULL;
}

/* ---- what the session says and hears ---- */

/* HELO is EHLO's second row on the same side of TLS. */
static const char *
hello_word (VeredaProbe *probe)
{
  const VeredaProbeStage *last = probe->stages->len > 0 ? probe->stages->pdata[probe->stages->len - 1] : NULL;

  if (probe->visit->target->lmtp)
    return "LHLO";
  return last != NULL && last->stage == VEREDA_STAGE_EHLO && last->connection == probe->connections ? "HELO" : "EHLO";
}

static void
said_auth (VeredaProbe *probe)
{
  VeredaProbeStage *row = open_row (probe);

  if (row == NULL || row->stage != VEREDA_STAGE_AUTH)
    row = begin_row (probe, VEREDA_STAGE_AUTH);
  row->attempt = vd_session_auth_attempts (vd_connection_session (probe->connection))->len;
}

static void
said (gpointer data, VdStep step)
{
  VeredaProbe *probe = data;
  const VdTransaction *txn = probe->job != NULL ? probe->job->txn : NULL;
  const char *hello;

  switch (step)
    {
    case VD_STEP_EHLO:
      hello = hello_word (probe);
      begin_row (probe, VEREDA_STAGE_EHLO)->detail = g_strdup (hello);
      break;
    case VD_STEP_STARTTLS:
      begin_row (probe, VEREDA_STAGE_TLS);
      break;
    case VD_STEP_AUTH:
      said_auth (probe);
      break;
    case VD_STEP_MAIL:
      begin_row (probe, VEREDA_STAGE_MAIL)->detail = g_strdup_printf ("<%s>", probe->job->envelope->reverse_path);
      break;
    case VD_STEP_RCPT:
      begin_row (probe, VEREDA_STAGE_RCPT)->detail = g_strdup_printf ("<%s>", txn->recipients[txn->next_rcpt].path);
      break;
    case VD_STEP_DATA:
      begin_row (probe, VEREDA_STAGE_DATA);
      break;
    case VD_STEP_QUIT:
      begin_row (probe, VEREDA_STAGE_QUIT);
      break;
    default:
      break;
    }
  vd_probe_said (probe, step);
}

static char *
one_blank (const char *line)
{
  g_auto (GStrv) words = g_strsplit_set (line, " \t", -1);
  g_autoptr (GPtrArray) kept = g_ptr_array_new ();

  for (char **word = words; *word != NULL; word++)
    if (**word != '\0')
      g_ptr_array_add (kept, *word);
  g_ptr_array_add (kept, NULL);
  return g_strjoinv (" ", (char **) kept->pdata);
}

static void
keep_extensions (VeredaProbe *probe, VdReply *reply, gboolean secure, gboolean helo)
{
  g_autoptr (VdEhlo) ehlo = helo ? vd_ehlo_new_helo () : vd_ehlo_parse (reply);
  GPtrArray *lines = g_ptr_array_new ();

  for (char **line = ehlo->keywords; *line != NULL; line++)
    g_ptr_array_add (lines, one_blank (*line));
  g_ptr_array_add (lines, NULL);
  g_strfreev (probe->extensions[secure ? 1 : 0]);
  probe->extensions[secure ? 1 : 0] = (char **) g_ptr_array_free (lines, FALSE);
  g_strfreev (probe->mechanisms);
  probe->mechanisms = g_strdupv (ehlo->mechanisms);
}

static void
heard (gpointer data, VdStep step, VdReply *reply)
{
  VeredaProbe *probe = data;
  VeredaProbeStage *row = open_row (probe);
  const gboolean positive = VD_REPLY_IS_POSITIVE (reply) || (step == VD_STEP_DATA && VD_REPLY_IS_INTERMEDIATE (reply));

  if (row == NULL || step == VD_STEP_RSET || step == VD_STEP_NOOP)
    return;
  keep_reply (row, reply);
  row->turns++;
  switch (step)
    {
    case VD_STEP_GREETING:
      vd_reply_unref (probe->greeting);
      probe->greeting = reply != NULL ? vd_reply_ref (reply) : NULL;
      break;
    case VD_STEP_EHLO:
      if (positive)
        keep_extensions (probe, reply, row->secure, g_str_equal (row->detail, "HELO"));
      break;
    case VD_STEP_STARTTLS:
      row->wire = probe->meter.turns;
      if (reply->code == 220)
        return; /* the handshake follows */
      break;
    case VD_STEP_AUTH:
      if (VD_REPLY_IS_INTERMEDIATE (reply))
        return;
      break;
    default:
      break;
    }
  end_row (probe, step == VD_STEP_STARTTLS ? FALSE : positive);
}

static VdGo
may (gpointer data, VdStep step)
{
  return vd_probe_may (data, step);
}

/* ---- what the connection does ---- */

static void
entered (gpointer data, VeredaStage stage)
{
  VeredaProbe *probe = data;

  begin_row (probe, stage);
  if (stage == VEREDA_STAGE_TLS)
    probe->tls.begun = TRUE;
}

static void
add_address (VeredaProbe *probe, const VdEndpoint *endpoint, const VdAttempt *attempt)
{
  VeredaProbeAddress *row = g_new0 (VeredaProbeAddress, 1);

  row->text = g_strdup (endpoint->text);
  row->outcome = attempt != NULL ? (int) attempt->outcome : -1;
  row->code = attempt != NULL ? attempt->code : 0;
  row->start = attempt != NULL ? attempt->start_us : 0;
  row->took = attempt != NULL ? attempt->took_us : 0;
  row->afterwards = -1;
  g_ptr_array_add (probe->addresses, row);
}

static void
raced (gpointer data, GPtrArray *endpoints, const GArray *attempts)
{
  VeredaProbe *probe = data;
  VeredaProbeStage *row = open_row (probe);

  if (row != NULL)
    {
      row->turns = 1; /* whoever was asked answered, or did not: that was waited for */
      probe->raced = row->start;
    }
  g_ptr_array_set_size (probe->addresses, 0); /* of the latest connection */
  for (guint i = 0; i < attempts->len; i++)
    {
      const VdAttempt *attempt = &g_array_index (attempts, VdAttempt, i);

      add_address (probe, endpoints->pdata[attempt->endpoint], attempt);
    }
  for (guint i = attempts->len; i < endpoints->len; i++) /* they are started in this order */
    add_address (probe, endpoints->pdata[i], NULL);
  if (probe->followed != NULL)
    probe->attempts = g_array_ref ((GArray *) attempts);
}

static void
stop_following (VeredaProbe *probe)
{
  g_clear_pointer (&probe->followed, vd_connect_cancel);
  g_clear_pointer (&probe->attempts, g_array_unref);
}

static void
follow (gpointer data, VdConnect *race)
{
  VeredaProbe *probe = data;

  stop_following (probe);
  probe->followed = race;
}

void
vd_probe_look_follow (VeredaProbe *probe, gboolean follows)
{
  probe->observer.follow = follows ? follow : NULL;
}

gboolean
vd_probe_look_follows (VeredaProbe *probe)
{
  for (guint i = 0; probe->attempts != NULL && i < probe->attempts->len; i++)
    {
      const VdAttempt *attempt = &g_array_index (probe->attempts, VdAttempt, i);

      if (attempt->outcome == VD_ATTEMPT_LOST && attempt->afterwards == VD_ATTEMPT_WAITING)
        return TRUE;
    }
  return FALSE;
}

/* The rows are in the order of the attempts. */
void
vd_probe_look_followed (VeredaProbe *probe)
{
  for (guint i = 0; probe->attempts != NULL && i < probe->attempts->len; i++)
    {
      const VdAttempt *attempt = &g_array_index (probe->attempts, VdAttempt, i);
      VeredaProbeAddress *row = probe->addresses->pdata[i];

      if (attempt->outcome != VD_ATTEMPT_LOST)
        continue;
      row->afterwards = (int) attempt->afterwards;
      row->afterwards_took
          = attempt->afterwards == VD_ATTEMPT_WAITING ? now (probe) - probe->raced - row->start : attempt->afterwards_us;
      row->code = attempt->code;
    }
  stop_following (probe);
}

static void
set_text (char **to, VdStack *stack, VeredaFact fact)
{
  VeredaFactValue value;

  if (!vd_stack_fact (stack, fact, &value) || value.str == NULL)
    return;
  g_free (*to);
  *to = vd_text_escape (value.str, strlen (value.str));
}

static gboolean
get_number (VdStack *stack, VeredaFact fact, int *ret)
{
  VeredaFactValue value;

  if (!vd_stack_fact (stack, fact, &value))
    return FALSE;
  *ret = (int) value.num;
  return TRUE;
}

/* Octets from a plugin: lengths are checked, what is cut short is left out. */
static void
split_chain (GPtrArray *chain, GBytes *bytes)
{
  gsize size;
  const guint8 *at = g_bytes_get_data (bytes, &size);
  gsize place = 0;

  while (size - place >= 4)
    {
      const gsize length = (gsize) at[place] << 24 | (gsize) at[place + 1] << 16 | (gsize) at[place + 2] << 8 | at[place + 3];

      place += 4;
      if (length > size - place)
        return;
      g_ptr_array_add (chain, g_bytes_new_from_bytes (bytes, place, length));
      place += length;
    }
}

static gboolean
can_bind (VdStack *stack, guint version)
{
  g_autoptr (GBytes) exporter = version >= 0x0304 ? vd_stack_binding (stack, VEREDA_BINDING_TLS_EXPORTER, NULL) : NULL;
  g_autoptr (GBytes) end_point = vd_stack_binding (stack, VEREDA_BINDING_TLS_SERVER_END_POINT, NULL);

  return exporter != NULL || end_point != NULL;
}

static void
tls_clear (VdProbeTls *tls)
{
  g_free (tls->cipher);
  g_free (tls->group);
  g_free (tls->signature);
  g_free (tls->backend);
  g_free (tls->verify_text);
  g_free (tls->matched);
  g_clear_pointer (&tls->chain, g_ptr_array_unref);
  *tls = (VdProbeTls){ .resumed = -1, .ocsp = -1, .verify = -1, .depth = -1, .pin = -1, .tlsa = -1 };
  tls->chain = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
}

/* Asked when the handshake is over, whatever came of it. */
static void
look_at_tls (VeredaProbe *probe)
{
  VdStack *stack = vd_connection_stack (probe->connection);
  VdProbeTls *tls = &probe->tls;
  VeredaFactValue chain = { 0 };
  int number = 0;

  tls_clear (tls);
  tls->begun = TRUE;
  g_free (probe->transport);
  probe->transport = g_strdup (vd_connection_transport (probe->connection));
  if (stack == NULL)
    return;
  if (get_number (stack, VEREDA_FACT_TLS_VERSION, &number))
    tls->version = (guint) number;
  get_number (stack, VEREDA_FACT_KEY_BITS, &tls->key_bits);
  get_number (stack, VEREDA_FACT_VERIFY, &tls->verify);
  get_number (stack, VEREDA_FACT_VERIFY_DEPTH, &tls->depth);
  get_number (stack, VEREDA_FACT_PIN, &tls->pin);
  get_number (stack, VEREDA_FACT_TLSA, &tls->tlsa);
  get_number (stack, VEREDA_FACT_OCSP, &tls->ocsp);
  get_number (stack, VEREDA_FACT_RESUMED, &tls->resumed);
  set_text (&tls->cipher, stack, VEREDA_FACT_CIPHER);
  set_text (&tls->group, stack, VEREDA_FACT_GROUP);
  set_text (&tls->signature, stack, VEREDA_FACT_SIGNATURE);
  set_text (&tls->matched, stack, VEREDA_FACT_MATCHED_NAME);
  set_text (&tls->backend, stack, VEREDA_FACT_BACKEND);
  set_text (&tls->verify_text, stack, VEREDA_FACT_VERIFY_TEXT);
  if (vd_stack_fact (stack, VEREDA_FACT_PEER_CHAIN, &chain) && chain.bytes != NULL)
    {
      split_chain (tls->chain, chain.bytes);
      g_bytes_unref (chain.bytes);
    }
  tls->verified = vd_stack_is_verified (stack);
  if (!vd_stack_is_secure (stack))
    return;
  tls->state = VEREDA_CONNECTION_TLS | (tls->verified ? VEREDA_CONNECTION_VERIFIED : 0);
  if (get_number (stack, VEREDA_FACT_CLIENT_CERT, &number) && number == 1)
    tls->state |= VEREDA_CONNECTION_CLIENT_CERT;
  if (can_bind (stack, tls->version))
    tls->state |= VEREDA_CONNECTION_BINDING;
}

static VdGo
passed (gpointer data, VeredaStage stage)
{
  VeredaProbe *probe = data;
  const gboolean implicit = probe->visit->route.mode == VD_MODE_IMPLICIT;

  end_row (probe, TRUE);
  if (stage == VEREDA_STAGE_TLS)
    look_at_tls (probe);
  if (probe->talk)
    return VD_GO_ON;
  if ((stage == VEREDA_STAGE_CONNECT && probe->end == VEREDA_PROBE_CONNECT)
      || (stage == VEREDA_STAGE_TLS && implicit && probe->end == VEREDA_PROBE_TLS))
    {
      probe->reached = TRUE;
      return VD_GO_QUIT;
    }
  return VD_GO_ON;
}

/* ---- life ---- */

void
vd_probe_look_init (VeredaProbe *probe)
{
  probe->stages = g_ptr_array_new_with_free_func (stage_free);
  probe->addresses = g_ptr_array_new_with_free_func (address_free);
  probe->warnings = g_ptr_array_new_with_free_func (g_free);
  probe->mechanisms = g_new0 (char *, 1);
  probe->peer_name = vd_visit_peer_name (probe->visit, probe->options);
  probe->observer = (VdConnectionObserver){ .session = { .may = may, .said = said, .heard = heard, .data = probe },
                                            .meter = &probe->meter,
                                            .entered = entered,
                                            .raced = raced,
                                            .follow = follow,
                                            .passed = passed,
                                            .whole_handshake = TRUE,
                                            .data = probe };
  tls_clear (&probe->tls);
}

void
vd_probe_look_clear (VeredaProbe *probe)
{
  stop_following (probe);
  g_ptr_array_unref (probe->stages);
  g_ptr_array_unref (probe->addresses);
  g_ptr_array_unref (probe->warnings);
  g_strfreev (probe->extensions[0]);
  g_strfreev (probe->extensions[1]);
  g_strfreev (probe->mechanisms);
  vd_reply_unref (probe->greeting);
  g_free (probe->authenticated);
  g_free (probe->address);
  g_free (probe->transport);
  g_free (probe->peer_name);
  tls_clear (&probe->tls);
  g_ptr_array_unref (probe->tls.chain);
}

void
vd_probe_look_begin (VeredaProbe *probe)
{
  stop_following (probe);
  tls_clear (&probe->tls);
  memset (&probe->meter, 0, sizeof probe->meter); /* the connection sets it up */
  begin_row (probe, VEREDA_STAGE_PLUGIN);
}

/* Whether a mechanism succeeded, and which row is which, the session knows once the exchange is over. */
static void
name_attempts (VeredaProbe *probe)
{
  VdSession *session = vd_connection_session (probe->connection);
  GPtrArray *attempts = session != NULL ? vd_session_auth_attempts (session) : NULL;

  for (guint i = 0; attempts != NULL && i < probe->stages->len; i++)
    {
      VeredaProbeStage *row = probe->stages->pdata[i];

      if (row->stage != VEREDA_STAGE_AUTH || row->connection != probe->connections || row->attempt >= attempts->len)
        continue;
      const VdAuthAttempt *attempt = attempts->pdata[row->attempt];
      g_free (row->detail);
      row->detail = g_strdup (attempt->mechanism);
      row->succeeded = attempt->succeeded;
      if (!attempt->succeeded)
        continue;
      g_free (probe->authenticated);
      probe->authenticated = g_strdup (attempt->mechanism);
    }
}

void
vd_probe_look_ready (VeredaProbe *probe)
{
  name_attempts (probe);
}

void
vd_probe_look_around (VeredaProbe *probe)
{
  const char *address = vd_connection_address (probe->connection);

  g_free (probe->address);
  probe->address = g_strdup (address);
  if (probe->transport == NULL && address != NULL)
    probe->transport = g_strdup (vd_connection_transport (probe->connection));
}

void
vd_probe_look_closed (VeredaProbe *probe)
{
  const VeredaProbeStage *row = open_row (probe);
  GPtrArray *warnings = vd_connection_warnings (probe->connection);

  if (row != NULL && row->stage == VEREDA_STAGE_TLS)
    look_at_tls (probe);
  end_row (probe, probe->cut); /* what was cut short was meant to be */
  name_attempts (probe);
  vd_probe_look_around (probe);
  for (guint i = 0; i < warnings->len; i++)
    g_ptr_array_add (probe->warnings, g_strdup (warnings->pdata[i]));
}

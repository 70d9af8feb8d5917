/* SPDX-License-Identifier: MIT */
/* sink-command - see sink-command.h. */
#include "sink-command.h"
#include "sink-address.h"
#include "sink-auth.h"
#include "sink-event.h"
#include "sink-message.h"
#include "sink-parameter.h"

#include <string.h>

#define COMMAND_MAX 512 /* RFC 5321 section 4.5.3.1.4, with CRLF */

enum
{
  LAST = 1 << 0,        /* ends a pipelined group: RFC 2920 section 3.1 */
  BARE = 1 << 1,        /* takes no argument */
  NEEDS_HELLO = 1 << 2, /* 503 before EHLO */
  NEEDS_TLS = 1 << 3,   /* 530 in clear if --require-tls: RFC 3207 section 4 */
  NEEDS_AUTH = 1 << 4,  /* 530 if --require-auth: RFC 4954 section 6 */
  OWN_FAULT = 1 << 5    /* looks for --fault itself */
};

typedef struct
{
  const gchar *verb;
  SinkStage stage;
  guint flags;
  void (*run) (SinkSession *session, gchar *argument);
} Command;

static gboolean
has_tls_to_offer (const SinkSession *session)
{
  return session->server->config.tls == SINK_TLS_STARTTLS && session->tls_version == NULL;
}

/* ---- EHLO, HELO, LHLO ---- */

static void
announce (SinkSession *session, GString *list, const gchar *keyword, const gchar *value)
{
  if (sink_config_hides (&session->server->config, keyword))
    return;
  g_string_append_printf (list, "%s%s%s\n", keyword, value[0] != '\0' ? " " : "", value);
}

static void
reply_with_extensions (SinkSession *session)
{
  const SinkConfig *config = &session->server->config;
  static const struct
  {
    SinkExtension bit;
    const gchar *keyword;
  } fixed[] = {
    { SINK_EXT_PIPELINING, "PIPELINING" }, { SINK_EXT_8BITMIME, "8BITMIME" },
    { SINK_EXT_SMTPUTF8, "SMTPUTF8" },     { SINK_EXT_DSN, "DSN" },
    { SINK_EXT_CHUNKING, "CHUNKING" },     { SINK_EXT_ENHANCED, "ENHANCEDSTATUSCODES" },
  };
  g_autofree gchar *size = g_strdup_printf ("%" G_GUINT64_FORMAT, config->size);
  g_autofree gchar *mechanisms = sink_auth_offer (session);
  GString *list = g_string_new (NULL);
  g_string_append_printf (list, "%s greets %s\n", config->hostname, session->hello->str);
  for (guint i = 0; i < G_N_ELEMENTS (fixed); i++)
    if ((config->extensions & fixed[i].bit) != 0)
      announce (session, list, fixed[i].keyword, "");
  if ((config->extensions & SINK_EXT_SIZE) != 0)
    announce (session, list, "SIZE", size);
  if (has_tls_to_offer (session))
    announce (session, list, "STARTTLS", "");
  if (mechanisms != NULL)
    announce (session, list, "AUTH", mechanisms);
  for (gchar *line = list->str, *lf; (lf = strchr (line, '\n')) != NULL; line = lf + 1)
    {
      *lf = '\0';
      g_string_append_printf (session->out, "250%c%s\r\n", lf[1] == '\0' ? ' ' : '-', line);
    }
  g_string_free (list, TRUE);
}

static void
say_hello (SinkSession *session, const gchar *name, gboolean extended)
{
  const SinkConfig *config = &session->server->config;
  gboolean good = config->lenient ? name[0] != '\0' : sink_address_is_domain (name, name + strlen (name), FALSE);
  if (!good)
    {
      sink_session_reply (session, "501 5.5.4 a domain name or an address literal is wanted");
      return;
    }
  g_string_assign (session->hello, name);
  session->extended = extended;
  sink_session_reset (session); /* RFC 5321 section 4.1.4 */
  if (extended)
    reply_with_extensions (session);
  else
    sink_session_replyf (session, "250 %s", config->hostname);
}

static void
run_ehlo (SinkSession *session, gchar *argument)
{
  if (session->server->config.lmtp)
    sink_session_reply (session, "500 5.5.1 this is LMTP: LHLO is wanted"); /* RFC 2033 section 4.1 */
  else
    say_hello (session, argument, TRUE);
}

static void
run_helo (SinkSession *session, gchar *argument)
{
  if (session->server->config.lmtp)
    sink_session_reply (session, "500 5.5.1 this is LMTP: LHLO is wanted");
  else
    say_hello (session, argument, FALSE);
}

static void
run_lhlo (SinkSession *session, gchar *argument)
{
  if (session->server->config.lmtp)
    say_hello (session, argument, TRUE);
  else
    sink_session_reply (session, "500 5.5.1 this is SMTP: EHLO is wanted");
}

/* ---- MAIL and RCPT ---- */

/* Steps over "FROM:" or "TO:"; returns where the path begins, or NULL. */
static gchar *
skip_word (const SinkSession *session, gchar *argument, const gchar *word)
{
  gsize size = strlen (word);
  if (g_ascii_strncasecmp (argument, word, size) != 0)
    return NULL;
  argument += size;
  if (session->server->config.lenient)
    argument += strspn (argument, " ");
  return argument;
}

static guint
path_flags (const SinkSession *session, guint flags)
{
  if (session->envelope.smtputf8)
    flags |= SINK_ADDRESS_MAY_BE_UTF8;
  if (session->server->config.lenient)
    flags |= SINK_ADDRESS_MAY_BE_ODD;
  return flags;
}

static const gchar *
read_mail (SinkSession *session, gchar *argument)
{
  static const gchar *const refusals[] = {
    [SINK_ADDRESS_SYNTAX] = "501 5.1.7 sender address is not <local-part@domain>",
    [SINK_ADDRESS_TOO_LONG] = "501 5.1.7 sender address is too long",
    [SINK_ADDRESS_UTF8] = "553 5.6.7 sender address needs SMTPUTF8",
  };
  SinkEnvelope *envelope = &session->envelope;
  gchar *path = skip_word (session, argument, "FROM:");
  if (path == NULL)
    return "501 5.5.2 MAIL FROM:<address> is wanted";
  envelope->smtputf8 = (sink_parameters_offered (session) & SINK_EXT_SMTPUTF8) != 0 && sink_parameters_have (path, "SMTPUTF8");
  const gchar *after = path;
  const gchar *address;
  gsize size;
  SinkAddressVerdict verdict
      = sink_address_read_path (&after, path_flags (session, SINK_ADDRESS_MAY_BE_EMPTY), &address, &size);
  if (verdict != SINK_ADDRESS_OK)
    return refusals[verdict];
  const gchar *parameters;
  const gchar *refusal = sink_parameters_read (session, FALSE, path + (after - path), &parameters);
  g_string_append_len (envelope->from, address, (gssize) size);
  g_string_append (envelope->mail_parameters, parameters);
  return refusal;
}

static void
run_mail (SinkSession *session, gchar *argument)
{
  if (session->envelope.open)
    {
      sink_session_reply (session, "503 5.5.1 a transaction is open already");
      return;
    }
  const gchar *refusal = read_mail (session, argument);
  const gchar *reply = refusal != NULL ? refusal : "250 2.1.0 Ok";
  sink_event_mail (session, reply);
  sink_session_reply (session, reply);
  if (refusal != NULL)
    sink_session_reset (session);
  else
    session->envelope.open = TRUE;
}

static const gchar *
find_rejection (const SinkSession *session, const gchar *address, gsize size)
{
  const GArray *rejections = session->server->config.rejections;
  if (rejections->len == 0)
    return NULL;
  g_autofree gchar *copy = g_strndup (address, size);
  for (guint i = 0; i < rejections->len; i++)
    {
      const SinkRejection *rejection = &g_array_index (rejections, SinkRejection, i);
      if (g_pattern_spec_match_string (rejection->pattern, copy))
        return rejection->reply;
    }
  return NULL;
}

static const gchar *
read_rcpt (SinkSession *session, gchar *argument)
{
  static const gchar *const refusals[] = {
    [SINK_ADDRESS_SYNTAX] = "501 5.1.3 recipient address is not <local-part@domain>",
    [SINK_ADDRESS_TOO_LONG] = "501 5.1.3 recipient address is too long",
    [SINK_ADDRESS_UTF8] = "553 5.6.7 recipient address needs SMTPUTF8",
  };
  SinkEnvelope *envelope = &session->envelope;
  gchar *path = skip_word (session, argument, "TO:");
  if (path == NULL)
    return "501 5.5.2 RCPT TO:<address> is wanted";
  const gchar *after = path;
  const gchar *address;
  gsize size;
  SinkAddressVerdict verdict
      = sink_address_read_path (&after, path_flags (session, SINK_ADDRESS_MAY_BE_LOCAL), &address, &size);
  if (verdict != SINK_ADDRESS_OK)
    return refusals[verdict];
  const gchar *parameters;
  const gchar *refusal = sink_parameters_read (session, TRUE, path + (after - path), &parameters);
  if (refusal == NULL)
    refusal = find_rejection (session, address, size);
  if (refusal == NULL && envelope->accepted >= session->server->config.max_recipients)
    refusal = "452 4.5.3 too many recipients"; /* RFC 5321 section 4.5.3.1.10 */
  sink_event_rcpt (session, address, size, refusal != NULL ? refusal : "250 2.1.5 Ok");
  if (refusal != NULL)
    return refusal;
  g_string_append_len (envelope->recipients, address, (gssize) size);
  g_string_append_c (envelope->recipients, '\0');
  g_string_append_len (envelope->recipients, parameters, (gssize) strlen (parameters) + 1);
  envelope->accepted++;
  return NULL;
}

static void
run_rcpt (SinkSession *session, gchar *argument)
{
  SinkEnvelope *envelope = &session->envelope;
  if (!envelope->open || envelope->chunked)
    {
      sink_session_reply (session, envelope->open ? "503 5.5.1 RCPT after BDAT" : "503 5.5.1 MAIL comes before RCPT");
      return;
    }
  envelope->tried++;
  const gchar *refusal = read_rcpt (session, argument);
  sink_session_reply (session, refusal != NULL ? refusal : "250 2.1.5 Ok");
}

/* ---- DATA and BDAT ---- */

static const gchar *
content_refusal (const SinkSession *session)
{
  const SinkEnvelope *envelope = &session->envelope;
  if (!envelope->open)
    return "503 5.5.1 MAIL comes before content";
  if (envelope->broken)
    return "503 5.5.1 a chunk was refused: RSET is wanted";
  if (envelope->accepted == 0)
    return envelope->tried == 0 ? "503 5.5.1 RCPT comes before content" : "554 5.5.1 no valid recipients";
  return NULL;
}

static void
run_data (SinkSession *session, gchar *argument)
{
  const gchar *refusal = content_refusal (session);
  if (refusal == NULL && session->envelope.chunked)
    refusal = "503 5.5.1 DATA after BDAT"; /* RFC 3030 section 2 */
  if (refusal != NULL)
    {
      sink_session_reply (session, refusal);
      return;
    }
  sink_session_reply (session, "354 End data with <CR><LF>.<CR><LF>");
  sink_message_begin (session);
  session->mode = SINK_MODE_DATA;
}

/* "123" or "123 LAST" */
static gboolean
read_chunk_size (const gchar *argument, guint64 *ret_size, gboolean *ret_last)
{
  gsize digits = strspn (argument, "0123456789");
  if (digits == 0 || digits > 19)
    return FALSE;
  const gchar *after = argument + digits;
  *ret_size = g_ascii_strtoull (argument, NULL, 10);
  *ret_last = g_ascii_strcasecmp (after, " LAST") == 0;
  return *ret_last || *after == '\0';
}

/* Whatever is wrong, the octets come: they are read first and answered then.  RFC 3030 section 2. */
static void
run_bdat (SinkSession *session, gchar *argument)
{
  const SinkConfig *config = &session->server->config;
  SinkEnvelope *envelope = &session->envelope;
  if ((sink_parameters_offered (session) & SINK_EXT_CHUNKING) == 0)
    {
      sink_session_reply (session, "502 5.5.1 BDAT is not offered");
      return;
    }
  guint64 size;
  gboolean last;
  if (!read_chunk_size (argument, &size, &last))
    {
      sink_session_reply (session, "501 5.5.4 BDAT SIZE or BDAT SIZE LAST is wanted");
      return;
    }
  const gchar *refusal = sink_session_reach (session, SINK_STAGE_BDAT);
  session->chunk_fault = g_steal_pointer (&session->fault); /* its reply comes behind the octets */
  if (refusal == NULL)
    refusal = content_refusal (session);
  if (refusal == NULL && !envelope->chunked)
    {
      sink_message_begin (session);
      envelope->chunked = TRUE;
    }
  if (refusal == NULL && config->size != 0 && session->content.size + size > config->size)
    refusal = "552 5.3.4 message is larger than this server takes";
  session->chunk_left = size;
  session->chunk_size = size;
  session->chunk_last = last;
  session->chunk_discard = refusal != NULL;
  session->chunk_refusal = refusal;
  session->mode = SINK_MODE_CHUNK;
  if (size == 0)
    sink_command_end_chunk (session);
}

void
sink_command_end_chunk (SinkSession *session)
{
  session->mode = SINK_MODE_COMMAND;
  session->fault = g_steal_pointer (&session->chunk_fault);
  session->fault_at = session->out->len;
  if (session->chunk_refusal != NULL)
    {
      if (session->chunk_last)
        sink_session_reset (session);
      else
        session->envelope.broken = session->envelope.open;
      sink_session_reply (session, session->chunk_refusal);
      if (g_str_has_prefix (session->chunk_refusal, "421"))
        session->want = SINK_WANT_CLOSE;
    }
  else if (session->chunk_last)
    {
      sink_content_end_chunks (&session->content);
      sink_message_end (session);
    }
  else
    sink_session_replyf (session, "250 2.0.0 %" G_GUINT64_FORMAT " octets received", session->chunk_size);
}

/* ---- the rest ---- */

static void
run_rset (SinkSession *session, gchar *argument)
{
  sink_session_reset (session);
  sink_session_reply (session, "250 2.0.0 Ok");
}

static void
run_noop (SinkSession *session, gchar *argument)
{
  sink_session_reply (session, "250 2.0.0 Ok");
}

static void
run_quit (SinkSession *session, gchar *argument)
{
  sink_event_quit (session);
  sink_session_reply (session, "221 2.0.0 Bye");
  session->want = SINK_WANT_CLOSE;
}

static void
run_starttls (SinkSession *session, gchar *argument)
{
  if (session->tls_version != NULL)
    sink_session_reply (session, "503 5.5.1 TLS is active already");
  else if (session->server->config.tls != SINK_TLS_STARTTLS)
    sink_session_reply (session, "502 5.5.1 STARTTLS is not offered");
  else if (session->rest > 0)
    {
      /* RFC 3207 section 4.2; whatever follows would have been sent in clear and read as if it came through TLS. */
      sink_session_blame (session, SINK_VIOLATION_BYTES_AFTER_STARTTLS);
      sink_session_reply (session, "554 5.5.0 octets after STARTTLS");
      session->want = SINK_WANT_CLOSE;
    }
  else
    {
      sink_session_reply (session, "220 2.0.0 Ready to start TLS");
      session->want = SINK_WANT_TLS;
    }
}

static void
run_auth (SinkSession *session, gchar *argument)
{
  sink_auth_begin (session, argument);
}

static void
run_vrfy (SinkSession *session, gchar *argument)
{
  sink_session_reply (session,
                      argument[0] == '\0' ? "501 5.5.4 an address is wanted" : "252 2.0.0 cannot verify, will take it");
}

static void
run_help (SinkSession *session, gchar *argument)
{
  sink_session_reply (session, "214 2.0.0 RFC 5321 is the help");
}

static void
run_nothing (SinkSession *session, gchar *argument)
{
  sink_session_reply (session, "502 5.5.1 command is not implemented");
}

static const Command commands[] = {
  { "MAIL", SINK_STAGE_MAIL, NEEDS_HELLO | NEEDS_TLS | NEEDS_AUTH, run_mail },
  { "RCPT", SINK_STAGE_RCPT, NEEDS_HELLO | NEEDS_TLS, run_rcpt },
  { "DATA", SINK_STAGE_DATA, NEEDS_HELLO | NEEDS_TLS | LAST | BARE, run_data },
  { "BDAT", SINK_STAGE_BDAT, OWN_FAULT, run_bdat },
  { "RSET", SINK_STAGE_RSET, NEEDS_TLS | BARE, run_rset },
  { "NOOP", SINK_STAGE_NOOP, LAST, run_noop },
  { "QUIT", SINK_STAGE_QUIT, LAST | BARE, run_quit },
  { "EHLO", SINK_STAGE_EHLO, LAST, run_ehlo },
  { "HELO", SINK_STAGE_EHLO, NEEDS_TLS | LAST, run_helo },
  { "LHLO", SINK_STAGE_EHLO, LAST, run_lhlo },
  { "STARTTLS", SINK_STAGE_STARTTLS, NEEDS_HELLO | BARE, run_starttls },
  { "AUTH", SINK_STAGE_AUTH, NEEDS_HELLO | NEEDS_TLS, run_auth },
  { "VRFY", SINK_STAGE_OTHER, NEEDS_TLS | NEEDS_AUTH | LAST, run_vrfy },
  { "HELP", SINK_STAGE_OTHER, NEEDS_TLS | LAST, run_help },
  { "EXPN", SINK_STAGE_OTHER, NEEDS_TLS | LAST, run_nothing },
  { "TURN", SINK_STAGE_OTHER, NEEDS_TLS | LAST, run_nothing },
  { "ETRN", SINK_STAGE_OTHER, NEEDS_TLS | LAST, run_nothing },
  { "SEND", SINK_STAGE_OTHER, NEEDS_TLS, run_nothing },
  { "SOML", SINK_STAGE_OTHER, NEEDS_TLS, run_nothing },
  { "SAML", SINK_STAGE_OTHER, NEEDS_TLS, run_nothing },
};

static const Command *
find_command (const gchar *line, gsize size)
{
  gchar verb[9];
  if (size >= sizeof verb)
    return NULL;
  for (gsize i = 0; i < size; i++)
    verb[i] = g_ascii_toupper (line[i]);
  verb[size] = '\0';
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (commands[i].verb, verb) == 0)
      return &commands[i];
  return NULL;
}

gboolean
sink_command_is_known (const gchar *line, gsize size)
{
  gsize verb = 0;
  while (verb < size && line[verb] != ' ' && line[verb] != '\r')
    verb++;
  return find_command (line, verb) != NULL;
}

/* The limit of RFC 5321 section 4.5.3.1.4, with what the offered extensions add to MAIL: RFC 1870 section 3, RFC 6152
 * section 2, RFC 6531 section 3.1(5), RFC 4954 section 3. */
static gsize
length_limit (const SinkSession *session, const Command *command)
{
  gsize limit = COMMAND_MAX;
  guint offered = sink_parameters_offered (session);
  if (command == NULL || command->stage != SINK_STAGE_MAIL)
    return limit;
  limit += (offered & SINK_EXT_SIZE) != 0 ? 26 : 0;
  limit += (offered & SINK_EXT_8BITMIME) != 0 ? 17 : 0;
  limit += (offered & SINK_EXT_SMTPUTF8) != 0 ? 10 : 0;
  limit += (offered & SINK_EXT_AUTH) != 0 ? 500 : 0;
  return limit;
}

static void
check_group (SinkSession *session, const Command *command)
{
  if (session->rest == 0 || command->stage == SINK_STAGE_BDAT || command->stage == SINK_STAGE_STARTTLS)
    return;
  if (!(session->extended && session->pipelining))
    sink_session_blame (session, SINK_VIOLATION_PIPELINING_NOT_OFFERED);
  else if ((command->flags & LAST) != 0)
    sink_session_blame (session, SINK_VIOLATION_PIPELINED_AFTER_LAST);
}

/* What speaks against running it at all, or NULL. */
static const gchar *
early_refusal (SinkSession *session, const Command *command, const gchar *argument, gsize whole)
{
  const SinkConfig *config = &session->server->config;
  if (whole > length_limit (session, command))
    {
      sink_session_blame (session, SINK_VIOLATION_LONG_COMMAND);
      if (!config->lenient)
        return "500 5.5.6 line is too long";
    }
  if (command == NULL)
    return "500 5.5.2 command not recognized";
  if ((command->flags & NEEDS_TLS) != 0 && config->require_tls && session->tls_version == NULL)
    return "530 5.7.0 STARTTLS comes first";
  if ((command->flags & BARE) != 0 && argument[0] != '\0')
    return "501 5.5.4 no argument is wanted";
  if ((command->flags & NEEDS_HELLO) != 0 && session->hello->len == 0)
    return config->lmtp ? "503 5.5.1 LHLO comes first" : "503 5.5.1 EHLO comes first";
  if ((command->flags & NEEDS_AUTH) != 0 && config->require_auth && session->auth_user == NULL)
    return "530 5.7.0 authentication required";
  return (command->flags & OWN_FAULT) != 0 ? NULL : sink_session_reach (session, command->stage);
}

void
sink_command_run (SinkSession *session, gchar *line, gsize size, gsize whole)
{
  while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t'))
    line[--size] = '\0'; /* to be tolerated: RFC 5321 section 4.1.1 */
  gsize verb = strcspn (line, " ");
  gchar *argument = line + verb + (line[verb] == ' ' ? 1 : 0);
  const Command *command = find_command (line, verb);
  if (command != NULL)
    check_group (session, command);
  const gchar *refusal = early_refusal (session, command, argument, whole);
  if (refusal == NULL)
    {
      command->run (session, argument);
      return;
    }
  sink_session_reply (session, refusal);
  if (g_str_has_prefix (refusal, "421"))
    session->want = SINK_WANT_CLOSE;
}

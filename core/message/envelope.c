/* SPDX-License-Identifier: MIT */
/* envelope - puts scope, addresses and head together: originator, recipients, completed header section, copies.
 *
 * Pure.  Fails with VEREDA_ERROR_ADDRESS, VEREDA_ERROR_OPTION or VEREDA_ERROR_MESSAGE, before anything was sent to anybody. */
#include "core/message/envelope.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/octet.h"
#include "core/base/zeros.h"
#include "core/message/address.h"
#include "core/message/digest.h"
#include "core/message/field.h"
#include "core/message/given.h"
#include "core/message/head.h"
#include "core/message/scope.h"

/* What is found out on the way to an envelope. */
typedef struct
{
  const VdEnvelopeOptions *options;
  VeredaMessage *message;
  VdScope scope;
  VdEnvelope *envelope;
  VdHead head;
  VdMoment moment; /* not set while the envelope is lasting */

  VdMailboxes from;
  gboolean has_from;
  gboolean from_group;
  VdMailbox *sender;           /* of the field Sender; NULL: none */
  const VdMailbox *originator; /* NULL: the null reverse-path */
  VdMailboxes scratch;         /* empty between two uses */
  VdMailbox *read_originator;  /* the same, where it is of no field */
  GHashTable *known;           /* key of a recipient to its index + 1; NULL: not needed yet */
  guint n_main;                /* who gets the main copy */
  guint n_apart;               /* who gets a copy of their own */
} Builder;

static gboolean
refuse (GError **error, VeredaErrorCode code, const char *before, const char *name, const char *after)
{
  g_set_error (error, VEREDA_ERROR, (int) code, "%s%s%s", before, name, after);
  return FALSE;
}

/* ---- who sends ---- */

/* Sender and From as they stand.  Where an originator is given they are only looked at: an address without domain may be
 * left to the server. */
static gboolean
read_authors (Builder *builder, GError **error)
{
  VdAddressContext context = { NULL, builder->options->default_domain, FALSE, builder->options->originator != NULL };
  VdMailboxes *senders = &builder->scratch;
  gboolean has_sender;
  gboolean group;
  if (!vd_scope_mailboxes (&builder->scope, VD_NAME_FROM, &context, &builder->from, &builder->has_from, &builder->from_group,
                           error)
      || !vd_scope_mailboxes (&builder->scope, VD_NAME_SENDER, &context, senders, &has_sender, &group, error))
    return FALSE;
  if (!has_sender)
    return TRUE;
  if (senders->n != 1 || group)
    {
      const char *name = vd_scope_text (&builder->scope, VD_NAME_SENDER);
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_ADDRESS, "%s mailboxes in field %s: it names exactly one",
                   senders->n > 1 ? "too many"
                   : group        ? "a group instead of"
                                  : "no",
                   name);
      return FALSE;
    }
  builder->sender = g_steal_pointer (&senders->at[0]);
  vd_mailboxes_clear (senders);
  return TRUE;
}

static gboolean
has_single_from (const Builder *builder)
{
  return builder->from.n == 1 && !builder->from_group;
}

static gboolean
parse_originator (Builder *builder, const char *what, const char *text, GError **error)
{
  VdAddressContext context = { what, builder->options->default_domain, FALSE, FALSE };
  builder->originator = builder->read_originator = vd_address_parse_one (text, strlen (text), &context, error);
  return builder->originator != NULL;
}

static gboolean
refuse_originator (Builder *builder, GError **error)
{
  const char *name = vd_scope_text (&builder->scope, VD_NAME_FROM);
  if (builder->has_from)
    return refuse (error, VEREDA_ERROR_ADDRESS,
                   builder->from.n > 1 ? "too many mailboxes in field " : "not one plain mailbox in field ", name,
                   ", so it does not tell who sends: set the option originator, or add a Sender field");
  return refuse (error, VEREDA_ERROR_ADDRESS, "nobody to send as: the message has no ", name,
                 " field, and the option originator is not set");
}

static gboolean
originator_from_header (Builder *builder, GError **error)
{
  const VdEnvelopeOptions *options = builder->options;
  if (builder->sender != NULL)
    builder->originator = builder->sender;
  else if (has_single_from (builder))
    builder->originator = builder->from.at[0];
  else if (!builder->has_from && options->user != NULL && options->default_domain != NULL)
    return parse_originator (builder, "login name", options->user, error);
  else
    return refuse_originator (builder, error);
  return TRUE;
}

static gboolean
find_originator (Builder *builder, GError **error)
{
  const char *given = builder->options->originator;
  if (given == NULL && !originator_from_header (builder, error))
    return FALSE;
  if (given != NULL && *given != '\0' && !parse_originator (builder, "option originator", given, error))
    return FALSE;
  builder->envelope->reverse_path = builder->originator == NULL ? "" : builder->originator->path;
  builder->envelope->reverse_utf8 = builder->originator != NULL && builder->originator->utf8;
  return TRUE;
}

/* ---- who receives ---- */

/* Room for one element more, in an array that begins as `one`. */
static gpointer
make_room (gpointer array, gpointer one, guint n, gsize size)
{
  if (n == 0)
    return one;
  if (array == one)
    {
      gpointer more = g_malloc_n (2, size);
      memcpy (more, one, size);
      return more;
    }
  return (n & (n - 1)) == 0 ? g_realloc_n (array, 2 * (gsize) n, size) : array; /* a power of two is full */
}

/* Index of the first recipient equal to the one that comes next; -1: there is none. */
static gint
find_equal (Builder *builder, const VdMailbox *mailbox)
{
  const VdEnvelope *envelope = builder->envelope;
  if (envelope->n_recipients == 0)
    return -1;
  if (builder->known == NULL) /* nearly always there is one and no more */
    {
      builder->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      g_hash_table_insert (builder->known, vd_mailbox_key (envelope->recipients[0].mailbox), GINT_TO_POINTER (1));
    }
  g_autofree char *key = vd_mailbox_key (mailbox);
  const gint found = GPOINTER_TO_INT (g_hash_table_lookup (builder->known, key)) - 1;
  if (found < 0)
    g_hash_table_insert (builder->known, g_steal_pointer (&key), GINT_TO_POINTER ((gint) envelope->n_recipients + 1));
  return found;
}

/* Takes the mailbox. */
static void
add_recipient (Builder *builder, VdMailbox *mailbox, gboolean blind, gboolean apart)
{
  VdEnvelope *envelope = builder->envelope;
  const gint same_as = find_equal (builder, mailbox);
  envelope->recipients = make_room (envelope->recipients, &envelope->one, envelope->n_recipients, sizeof envelope->one);
  envelope->recipients[envelope->n_recipients++]
      = (VdRecipient){ mailbox, mailbox->given, mailbox->path, mailbox->utf8, blind, apart, same_as };
  builder->n_main += same_as < 0 && !apart;
  builder->n_apart += same_as < 0 && apart;
}

/* All that are in `mailboxes`, which is empty then. */
static void
add_recipients (Builder *builder, VdMailboxes *mailboxes, gboolean blind, gboolean apart)
{
  for (guint i = 0; i < mailboxes->n; i++)
    add_recipient (builder, g_steal_pointer (&mailboxes->at[i]), blind, apart);
  vd_mailboxes_clear (mailboxes);
}

static gboolean
recipients_from_option (Builder *builder, GError **error)
{
  const char *text = builder->options->recipients;
  VdAddressContext context = { "option recipients", builder->options->default_domain, TRUE, FALSE };
  VdMailbox *plain = vd_address_parse_plain (text, strlen (text));
  if (plain != NULL)
    {
      add_recipient (builder, plain, FALSE, FALSE);
      return TRUE;
    }
  g_autoptr (VdAddressList) list = vd_address_list_parse (text, strlen (text), &context, error);
  if (list == NULL)
    return FALSE;
  for (guint i = 0; i < list->mailboxes->len; i++)
    add_recipient (builder, g_steal_pointer (&g_ptr_array_index (list->mailboxes, i)), FALSE, FALSE);
  if (builder->envelope->n_recipients > 0)
    return TRUE;
  g_set_error_literal (error, VEREDA_ERROR, VEREDA_ERROR_ADDRESS, "option recipients holds no address");
  return FALSE;
}

static gboolean
recipients_from_header (Builder *builder, GError **error)
{
  static const struct
  {
    guint name; /* VdName */
    gboolean blind;
    gboolean apart; /* in the modes that give blind recipients copies of their own; the seed's Dcc never has them */
  } rows[] = {
    { VD_NAME_TO, FALSE, FALSE }, { VD_NAME_CC, FALSE, FALSE }, { VD_NAME_BCC, TRUE, TRUE }, { VD_NAME_DCC, TRUE, FALSE }
  };
  VdAddressContext context = { NULL, builder->options->default_domain, TRUE, FALSE };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      gboolean found;
      gboolean group;
      if (!vd_scope_mailboxes (&builder->scope, rows[i].name, &context, &builder->scratch, &found, &group, error))
        return FALSE;
      add_recipients (builder, &builder->scratch, rows[i].blind, rows[i].apart && builder->options->bcc != VD_BCC_SAME);
    }
  if (builder->envelope->n_recipients > 0)
    return TRUE;
  return refuse (error, VEREDA_ERROR_ADDRESS, "nobody to send to: no ",
                 builder->scope.resent ? "Resent-To, Resent-Cc, Resent-Bcc or Resent-Dcc" : "To, Cc, Bcc or Dcc",
                 " field names an address, and the option recipients is not set");
}

static gboolean
find_recipients (Builder *builder, GError **error)
{
  const char *given = builder->options->recipients;
  return given != NULL && *given != '\0' ? recipients_from_option (builder, error) : recipients_from_header (builder, error);
}

/* ---- completion of the header section ---- */

static gboolean
add_author (Builder *builder, guint name, GError **error)
{
  g_autofree char *text = vd_given_mailbox_text (builder->originator);
  return vd_head_add (&builder->head, name, text, error);
}

static gboolean
refuse_authors (Builder *builder, const char *before, const char *after, GError **error)
{
  const char *name = vd_scope_text (&builder->scope, VD_NAME_FROM);
  return refuse (error, VEREDA_ERROR_MESSAGE, before, name, after);
}

/* From has to be there; Sender where From does not say who transmits (RFC 5322 section 3.6.2, HDR-2, HDR-3, RES-1). */
static gboolean
complete_authors (Builder *builder, GError **error)
{
  if (!builder->has_from)
    return builder->originator != NULL && builder->sender == NULL
               ? add_author (builder, VD_NAME_FROM, error)
               : refuse_authors (builder, "the message has no ", " field: add one, as a header option for instance", error);
  if (builder->sender != NULL)
    return TRUE;
  if (has_single_from (builder) && (builder->originator == NULL || vd_mailbox_equal (builder->originator, builder->from.at[0])))
    return TRUE;
  if (builder->originator == NULL)
    return refuse_authors (builder, "field ", " does not name one mailbox, so the message needs a Sender field", error);
  return add_author (builder, VD_NAME_SENDER, error);
}

/* A domain for Message-IDs: of who sends, else of who wrote. */
static const char *
message_domain (const Builder *builder)
{
  const VdMailbox *first = builder->from.n > 0 ? builder->from.at[0] : NULL;
  const VdMailbox *const candidates[] = { builder->originator, builder->sender, first };
  for (gsize i = 0; i < G_N_ELEMENTS (candidates); i++)
    if (candidates[i] != NULL && candidates[i]->ascii != NULL)
      return candidates[i]->ascii;
  return "localhost.invalid"; /* RFC 6761: only where From itself has no domain and the reverse-path is null */
}

static gboolean
need_moment (Builder *builder, GError **error)
{
  if (!builder->envelope->lasting)
    return TRUE;
  builder->envelope->lasting = FALSE;
  return builder->options->provide (&builder->moment, error);
}

static gboolean
add_date (Builder *builder, GError **error)
{
  g_autofree char *date = vd_field_date (builder->moment.now, builder->moment.utc_offset);
  return vd_head_add (&builder->head, VD_NAME_DATE, date, error);
}

static gboolean
add_message_id (Builder *builder, GError **error)
{
  g_autofree char *id = vd_field_message_id (builder->moment.random, message_domain (builder));
  return vd_head_add (&builder->head, VD_NAME_MESSAGE_ID, id, error);
}

static gboolean
complete_head (Builder *builder, GError **error)
{
  gboolean date = vd_scope_has (&builder->scope, VD_NAME_DATE, NULL);
  gboolean id = vd_scope_has (&builder->scope, VD_NAME_MESSAGE_ID, NULL);
  if ((!date || !id) && !need_moment (builder, error))
    return FALSE;
  return (date || add_date (builder, error)) && complete_authors (builder, error) && (id || add_message_id (builder, error));
}

/* ---- copies ---- */

/* Takes head and tail.  No head: the message's own. */
static VdCopy *
add_copy (Builder *builder, GBytes *head, GBytes *tail, gboolean blind)
{
  const VdBodyFacts *facts = vd_message_body_facts (builder->message);
  VdEnvelope *envelope = builder->envelope;
  VeredaSpan octets = { NULL, 0 };
  envelope->copies = make_room (envelope->copies, &envelope->single, envelope->n_copies, sizeof envelope->single);
  VdCopy *copy = &envelope->copies[envelope->n_copies++];
  if (head != NULL)
    octets.data = g_bytes_get_data (head, &octets.size);
  else
    vd_message_exact_head (builder->message, &octets);
  const gboolean ascii = head == NULL && vd_message_is_ascii (builder->message);
  const gboolean utf8 = !ascii && vd_octet_any_high (octets.data, octets.size);
  *copy = (VdCopy){ .head = head, .tail = tail, .utf8_header = utf8, .eight_bit = facts->eight_bit || utf8, .blind = blind };
  copy->size = (guint64) octets.size + facts->size + (tail == NULL ? 0 : (guint64) g_bytes_get_size (tail));
  return copy;
}

/* All first ones that are `apart` or not; there are `n`. */
static void
fill_copy (const Builder *builder, VdCopy *copy, gboolean apart, guint n)
{
  copy->several = n > 1 ? g_new (guint, n) : NULL;
  for (guint i = 0; i < builder->envelope->n_recipients; i++)
    {
      const VdRecipient *recipient = &builder->envelope->recipients[i];
      if (recipient->same_as >= 0 || recipient->apart != apart)
        continue;
      *(copy->several != NULL ? &copy->several[copy->n_recipients] : &copy->first) = i;
      copy->n_recipients++;
    }
}

static gboolean
add_main_copy (Builder *builder, GError **error)
{
  gboolean empty_bcc = builder->options->empty_bcc && vd_head_had_blind (&builder->head);
  VeredaSpan own;
  GBytes *head = NULL;
  if (empty_bcc || !vd_head_is_untouched (&builder->head) || !vd_message_exact_head (builder->message, &own))
    {
      head = vd_head_build (&builder->head, empty_bcc ? VD_NAME_BCC : VD_NAME_OTHER, "", error);
      if (head == NULL)
        return FALSE;
    }
  fill_copy (builder, add_copy (builder, head, NULL, FALSE), FALSE, builder->n_main);
  return TRUE;
}

/* BCC-2: each sees only itself. */
static gboolean
add_separate_copies (Builder *builder, GError **error)
{
  for (guint i = 0; i < builder->envelope->n_recipients; i++)
    {
      const VdRecipient *recipient = &builder->envelope->recipients[i];
      if (!recipient->apart || recipient->same_as >= 0)
        continue;
      GBytes *head = vd_head_build (&builder->head, VD_NAME_BCC, recipient->path, error);
      if (head == NULL)
        return FALSE;
      VdCopy *copy = add_copy (builder, head, NULL, TRUE);
      copy->first = i;
      copy->n_recipients = 1;
    }
  return TRUE;
}

static gboolean
add_digest_copy (Builder *builder, GError **error)
{
  if (!need_moment (builder, error))
    return FALSE;
  VdScope plain = builder->scope; /* the subject of the original, also when it is resent */
  plain.resent = FALSE;
  plain.first = 0;
  plain.end = vd_header_count (plain.header);
  g_autofree char *subject = NULL;
  g_autofree char *from = NULL;
  g_autofree char *sender = NULL;
  g_autofree char *date = vd_field_date (builder->moment.now, builder->moment.utc_offset);
  g_autoptr (GBytes) inner = vd_head_build (&builder->head, VD_NAME_OTHER, NULL, error);
  if (inner == NULL)
    return FALSE;
  vd_scope_has (&plain, VD_NAME_SUBJECT, &subject);
  if (builder->originator != NULL)
    from = vd_given_mailbox_text (builder->originator);
  else
    {
      vd_scope_has (&builder->scope, VD_NAME_FROM, &from);
      vd_scope_has (&builder->scope, VD_NAME_SENDER, &sender);
    }
  gsize inner_size;
  const guint8 *inner_octets = g_bytes_get_data (inner, &inner_size);
  gboolean utf8 = vd_octet_any_high (inner_octets, inner_size);
  VdDigest digest = { from,
                      sender,
                      subject,
                      date,
                      message_domain (builder),
                      builder->moment.random,
                      utf8 || vd_message_body_facts (builder->message)->eight_bit,
                      utf8 };
  GBytes *head;
  GBytes *tail;
  if (!vd_digest_wrap (&digest, inner, &head, &tail, error))
    return FALSE;
  fill_copy (builder, add_copy (builder, head, tail, TRUE), TRUE, builder->n_apart);
  return TRUE;
}

static gboolean
add_copies (Builder *builder, GError **error)
{
  if (builder->n_main > 0 && !add_main_copy (builder, error))
    return FALSE;
  if (builder->n_apart == 0)
    return TRUE;
  return builder->options->bcc == VD_BCC_DIGEST ? add_digest_copy (builder, error) : add_separate_copies (builder, error);
}

/* ---- the whole ---- */

static gboolean
build (Builder *builder, GError **error)
{
  if (!read_authors (builder, error) || !find_originator (builder, error) || !find_recipients (builder, error))
    return FALSE;
  return vd_head_init (&builder->head, &builder->scope, vd_message_has_body (builder->message), error)
         && complete_head (builder, error) && add_copies (builder, error);
}

/* The reverse-path is a part of it. */
static void
keep_originator (Builder *builder)
{
  VdMailbox **places[] = { &builder->read_originator, &builder->sender, builder->from.n > 0 ? &builder->from.at[0] : NULL };
  for (gsize i = 0; builder->originator != NULL && i < G_N_ELEMENTS (places); i++)
    if (places[i] != NULL && *places[i] == builder->originator)
      builder->envelope->originator = g_steal_pointer (places[i]);
}

VdEnvelope *
vd_envelope_new (VeredaMessage *message, const VdEnvelopeOptions *options, GError **error)
{
  static const GPtrArray none = { NULL, 0 };
  g_autoptr (GPtrArray) given = NULL;
  if (options->headers != NULL && options->headers->len > 0)
    {
      given = vd_given_new (options->headers, options->default_domain, error);
      if (given == NULL)
        return NULL;
    }
  g_autoptr (VdEnvelope) envelope = vd_zeros_new (VdEnvelope);
  vd_refs_init (&envelope->refs);
  envelope->lasting = TRUE;
  Builder builder = { .options = options, .message = message, .envelope = envelope };
  vd_scope_init (&builder.scope, vd_message_header (message), given != NULL ? given : &none);
  gboolean fine = build (&builder, error);
  if (fine)
    keep_originator (&builder);
  vd_head_clear (&builder.head);
  vd_mailbox_free (builder.sender);
  vd_mailbox_free (builder.read_originator);
  vd_mailboxes_clear (&builder.from);
  vd_mailboxes_clear (&builder.scratch);
  g_clear_pointer (&builder.known, g_hash_table_unref);
  return fine ? g_steal_pointer (&envelope) : NULL;
}

VdEnvelope *
vd_envelope_ref (VdEnvelope *envelope)
{
  vd_refs_take (&envelope->refs);
  return envelope;
}

void
vd_envelope_unref (VdEnvelope *envelope)
{
  if (envelope == NULL || !vd_refs_drop (&envelope->refs))
    return;
  vd_mailbox_free (envelope->originator);
  for (guint i = 0; i < envelope->n_recipients; i++)
    vd_mailbox_free (envelope->recipients[i].mailbox);
  if (envelope->recipients != &envelope->one)
    g_free (envelope->recipients);
  for (guint i = 0; i < envelope->n_copies; i++)
    {
      g_clear_pointer (&envelope->copies[i].head, g_bytes_unref);
      g_clear_pointer (&envelope->copies[i].tail, g_bytes_unref);
      g_free (envelope->copies[i].several);
    }
  if (envelope->copies != &envelope->single)
    g_free (envelope->copies);
  g_free (envelope);
}

VdBody *
vd_copy_open (const VdCopy *copy, VeredaMessage *message, VdBodyMode mode, const VdBodyPolicy *policy, GError **error)
{
  const gboolean all = copy->head == NULL; /* the head is what the message begins with */
  VdReader *reader = NULL;
  if (all || vd_message_has_body (message))
    {
      reader = all ? vd_message_open_all (message, error) : vd_message_open_body (message, error);
      if (reader == NULL)
        return NULL;
    }
  VdBody *body = vd_body_new (mode, policy, copy->head, reader, copy->tail);
  VdBodyTrust trust;
  if (reader != NULL && vd_message_trust (message, mode, &trust))
    {
      trust.reader_at = all ? 0 : trust.reader_at;
      vd_body_trust (body, &trust);
    }
  vd_body_expect (body, copy->size);
  return body;
}

gboolean
vd_copy_exact (const VdCopy *copy, VeredaMessage *message, VeredaSpan ret_spans[2], gboolean *ret_dotless)
{
  VeredaSpan body = { NULL, 0 };
  if (copy->tail != NULL || !vd_message_exact_body (message, &body))
    return FALSE;
  if (copy->head != NULL)
    ret_spans[0].data = g_bytes_get_data (copy->head, &ret_spans[0].size);
  else if (!vd_message_exact_head (message, &ret_spans[0]))
    return FALSE;
  ret_spans[1] = body;
  if (ret_spans[0].size + body.size != copy->size)
    return FALSE;
  *ret_dotless = copy->head == NULL && vd_message_is_dotless (message);
  return TRUE;
}

GBytes *
vd_copy_head (const VdCopy *copy, VeredaMessage *message)
{
  VeredaSpan own = { NULL, 0 };
  if (copy->head != NULL)
    return g_bytes_ref (copy->head);
  vd_message_exact_head (message, &own);
  return g_bytes_new (own.data, own.size);
}

/* SPDX-License-Identifier: MIT */
/* address - a hand-written reader of the RFC 5322 address grammar; one function per rule, no recursion.
 *
 * Pure.  Fails with VEREDA_ERROR_ADDRESS, naming what was read, the offset in it and the place. */
#include "core/message/address.h"

#include <string.h>

#include "core/base/error.h"
#include "core/base/octet.h"
#include "core/base/trace.h"

#define COMMENT_DEPTH_MAX 32
#define EXCERPT           24

typedef enum
{
  WORD_ATOM,
  WORD_QUOTED,
  WORD_DOT
} WordKind;

typedef struct
{
  WordKind kind;
  gsize start;
  gsize end;
} Word;

typedef struct
{
  const char *text;
  gsize size;
  gsize at;
  const VdAddressContext *context;
  VdAddressList *list;
  GArray *words; /* of Word: what the address began with, before its nature is known */
  GError **error;
} Parser;

/* ---- errors ---- */

/* Up to EXCERPT octets on each side, cut between characters. */
static char *
excerpt (const Parser *parser, gsize offset)
{
  gsize start = offset > EXCERPT ? offset - EXCERPT : 0;
  gsize end = MIN (parser->size, offset + EXCERPT);
  while (start > 0 && ((guint8) parser->text[start] & 0xc0) == 0x80)
    start--;
  while (end < parser->size && ((guint8) parser->text[end] & 0xc0) == 0x80)
    end++;
  GString *shown = g_string_new (start > 0 ? "..." : NULL);
  vd_text_escape_append (shown, parser->text + start, end - start);
  if (end < parser->size)
    g_string_append (shown, "...");
  return g_string_free (shown, FALSE);
}

static gboolean fail (const Parser *parser, gsize offset, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
fail (const Parser *parser, gsize offset, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *what = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *near = excerpt (parser, offset);
  g_set_error (parser->error, VEREDA_ERROR, VEREDA_ERROR_ADDRESS, "%s%s: %s, at offset %" G_GSIZE_FORMAT " of \"%s\"",
               parser->context->kind != NULL ? parser->context->kind : "", parser->context->what, what, offset, near);
  return FALSE;
}

/* ---- tokens ---- */

static gboolean
is_wsp (char c)
{
  return c == ' ' || c == '\t';
}

/* The octet at hand; NUL at the end (none is inside, check_octets() saw to that). */
static char
peek (const Parser *parser)
{
  return parser->at < parser->size ? parser->text[parser->at] : '\0';
}

static void
add_piece (Parser *parser, VdPieceKind kind, gsize start, gsize end, const VdMailbox *mailbox)
{
  VdAddressPiece piece = { kind, start, end, mailbox };
  g_array_append_val (parser->list->pieces, piece);
}

static gboolean
skip_comment (Parser *parser)
{
  gsize start = parser->at;
  guint depth = 0;
  for (; parser->at < parser->size; parser->at++)
    {
      char c = parser->text[parser->at];
      if (c == '\\')
        parser->at++;
      else if (c == '(' && ++depth > COMMENT_DEPTH_MAX)
        return fail (parser, parser->at, "comments are nested too deep");
      else if (c == ')' && --depth == 0)
        {
          add_piece (parser, VD_PIECE_COMMENT, start, ++parser->at, NULL);
          return TRUE;
        }
    }
  parser->at = parser->size;
  return fail (parser, start, "a comment is not closed");
}

static gboolean
skip_cfws (Parser *parser)
{
  for (;;)
    {
      while (is_wsp (peek (parser)))
        parser->at++;
      if (peek (parser) != '(')
        return TRUE;
      if (!skip_comment (parser))
        return FALSE;
    }
}

static gboolean
skip_quoted (Parser *parser)
{
  gsize start = parser->at++;
  for (; parser->at < parser->size; parser->at++)
    {
      char c = parser->text[parser->at];
      if (c == '\\')
        parser->at++;
      else if (c == '"')
        {
          parser->at++;
          return TRUE;
        }
    }
  parser->at = parser->size;
  return fail (parser, start, "a quoted string is not closed");
}

/* Reads words and dots for as long as there are any: a phrase or a local part, nobody knows yet. */
static gboolean
read_words (Parser *parser)
{
  g_array_set_size (parser->words, 0);
  for (;;)
    {
      if (!skip_cfws (parser))
        return FALSE;
      Word word = { WORD_DOT, parser->at, 0 };
      char c = peek (parser);
      if (c == '.')
        parser->at++;
      else if (c == '"')
        {
          word.kind = WORD_QUOTED;
          if (!skip_quoted (parser))
            return FALSE;
        }
      else if (vd_octet_is (c, VD_OCTET_ATEXT))
        {
          word.kind = WORD_ATOM;
          parser->at += vd_octet_span (parser->text + parser->at, parser->size - parser->at, VD_OCTET_ATEXT);
        }
      else
        return TRUE;
      word.end = parser->at;
      g_array_append_val (parser->words, word);
    }
}

static void
append_word (GString *to, const char *text, const Word *word)
{
  if (word->kind != WORD_QUOTED)
    {
      g_string_append_len (to, text + word->start, (gssize) (word->end - word->start));
      return;
    }
  for (gsize i = word->start + 1; i + 1 < word->end; i++)
    {
      if (text[i] == '\\')
        i++;
      g_string_append_c (to, text[i]);
    }
}

/* ---- parts of an address ---- */

/* The words as obs-local-part = word *("." word); NULL with error. */
static char *
local_from_words (Parser *parser)
{
  g_autoptr (GString) local = g_string_new (NULL);
  guint n = parser->words->len;
  for (guint i = 0; i < n; i++)
    {
      const Word *word = &g_array_index (parser->words, Word, i);
      gboolean dot_due = i % 2 == 1;
      if (dot_due && word->kind != WORD_DOT)
        {
          fail (parser, word->start, "more than one word before \"@\": a name needs its address in <>");
          return NULL;
        }
      if (!dot_due && word->kind == WORD_DOT)
        {
          fail (parser, word->start, "a local part may not begin with a dot nor have two in a row, unless quoted");
          return NULL;
        }
      append_word (local, parser->text, word);
    }
  if (n == 0)
    {
      fail (parser, parser->at, "there is no local part before \"@\"");
      return NULL;
    }
  if (n % 2 == 0)
    {
      fail (parser, g_array_index (parser->words, Word, n - 1).start, "a local part may not end with a dot, unless quoted");
      return NULL;
    }
  return g_string_free (g_steal_pointer (&local), FALSE);
}

static gboolean
read_literal (Parser *parser, GString *domain)
{
  gsize start = parser->at;
  while (parser->at < parser->size && peek (parser) != ']' && peek (parser) != ',' && peek (parser) != '>')
    parser->at++;
  if (peek (parser) != ']')
    return fail (parser, start, "an address literal is not closed");
  parser->at++;
  g_string_append_len (domain, parser->text + start, (gssize) (parser->at - start));
  return TRUE;
}

/* What follows "@": dot-atom with comments between, or a literal. *ret_end is behind its last octet, before white space and
 * comments. */
static gboolean
read_domain (Parser *parser, GString *domain, gsize *ret_end)
{
  if (!skip_cfws (parser))
    return FALSE;
  if (peek (parser) == '[')
    {
      if (!read_literal (parser, domain))
        return FALSE;
      *ret_end = parser->at;
      return skip_cfws (parser);
    }
  for (;;)
    {
      gsize start = parser->at;
      parser->at += vd_octet_span (parser->text + start, parser->size - start, VD_OCTET_ATEXT);
      if (parser->at == start)
        return fail (parser, start, domain->len == 0 ? "the domain is missing" : "the domain has an empty label");
      g_string_append_len (domain, parser->text + start, (gssize) (parser->at - start));
      *ret_end = parser->at;
      if (!skip_cfws (parser))
        return FALSE;
      if (peek (parser) != '.')
        return TRUE;
      g_string_append_c (domain, '.');
      parser->at++;
      if (!skip_cfws (parser))
        return FALSE;
    }
}

/* Makes the path of a mailbox whose local part is read. */
static gboolean
complete_mailbox (Parser *parser, VdMailbox *mailbox, const char *domain, gsize start, gsize domain_at)
{
  const VdAddressContext *context = parser->context;
  gboolean bare = domain == NULL && context->recipient && g_ascii_strcasecmp (mailbox->local, "postmaster") == 0;
  g_autofree char *why = NULL;
  gboolean in_domain;
  if (domain == NULL && !bare)
    domain = context->default_domain;
  if (!vd_mailbox_complete (mailbox, domain, &why, &in_domain))
    return fail (parser, in_domain ? domain_at : start, "%s", why);
  if (domain == NULL && !bare && !context->unqualified)
    return fail (parser, start, "\"%s\" has no domain: write the whole address, as in %s@example.org", mailbox->path,
                 mailbox->path);
  return TRUE;
}

/* local-part ["@" domain], its words read already; gives a mailbox without display and given. */
static VdMailbox *
read_spec (Parser *parser)
{
  g_autoptr (VdMailbox) mailbox = g_new0 (VdMailbox, 1);
  g_autoptr (GString) domain = NULL;
  mailbox->local = local_from_words (parser);
  if (mailbox->local == NULL)
    return NULL;
  gsize start = g_array_index (parser->words, Word, 0).start;
  gsize end = g_array_index (parser->words, Word, parser->words->len - 1).end;
  gsize domain_at = start;
  if (peek (parser) == '@')
    {
      domain_at = ++parser->at;
      domain = g_string_new (NULL);
      if (!read_domain (parser, domain, &end))
        return NULL;
    }
  if (!complete_mailbox (parser, mailbox, domain == NULL ? NULL : domain->str, start, domain_at))
    return NULL;
  add_piece (parser, VD_PIECE_SPEC, start, end, mailbox);
  return g_steal_pointer (&mailbox);
}

/* obs-route = "@" domain *("," ["@" domain]) ":" - read over and dropped (MAI-3). */
static gboolean
skip_route (Parser *parser)
{
  while (peek (parser) == '@' || peek (parser) == ',')
    {
      gboolean named = peek (parser) == '@';
      gsize end;
      parser->at++;
      g_autoptr (GString) dropped = g_string_new (NULL);
      if (named ? !read_domain (parser, dropped, &end) : !skip_cfws (parser))
        return FALSE;
    }
  if (peek (parser) != ':')
    return fail (parser, parser->at, "a source route does not end with \":\"");
  parser->at++;
  return TRUE;
}

/* "<" [obs-route] addr-spec ">" */
static VdMailbox *
read_angle (Parser *parser)
{
  gsize open = parser->at++;
  if (!skip_cfws (parser))
    return NULL;
  if (peek (parser) == '>')
    {
      fail (parser, open, "an empty address");
      return NULL;
    }
  if ((peek (parser) == '@' || peek (parser) == ',') && !skip_route (parser))
    return NULL;
  if (!read_words (parser))
    return NULL;
  g_autoptr (VdMailbox) mailbox = read_spec (parser);
  if (mailbox == NULL)
    return NULL;
  if (peek (parser) != '>')
    {
      fail (parser, parser->at, "\">\" is missing after the address");
      return NULL;
    }
  parser->at++;
  return skip_cfws (parser) ? g_steal_pointer (&mailbox) : NULL;
}

/* ---- lists ---- */

static char *
trimmed (const char *text, gsize start, gsize end)
{
  return g_strstrip (g_strndup (text + start, end - start));
}

/* One mailbox, its words read already; parser->at stands behind them. */
static gboolean
read_mailbox (Parser *parser, gsize start)
{
  gboolean angle = peek (parser) == '<';
  gboolean named = angle && parser->words->len > 0;
  gsize phrase_start = 0;
  gsize phrase_end = 0;
  if (named)
    {
      phrase_start = g_array_index (parser->words, Word, 0).start;
      phrase_end = g_array_index (parser->words, Word, parser->words->len - 1).end;
    }
  VdMailbox *mailbox = angle ? read_angle (parser) : read_spec (parser);
  if (mailbox == NULL)
    return FALSE;
  g_ptr_array_add (parser->list->mailboxes, mailbox);
  mailbox->given = trimmed (parser->text, start, parser->at);
  if (named)
    {
      mailbox->display = g_strndup (parser->text + phrase_start, phrase_end - phrase_start);
      add_piece (parser, VD_PIECE_PHRASE, phrase_start, phrase_end, mailbox);
    }
  return TRUE;
}

/* The octet that must follow an element: a comma, `close`, or the end where `close` is NUL. */
static gboolean
check_follow (Parser *parser, char close)
{
  char c = peek (parser);
  if (c == ',' || (close != '\0' ? c == close : parser->at == parser->size))
    return TRUE;
  if (parser->at == parser->size)
    return fail (parser, parser->at, "a group is not closed by \";\"");
  if (c == ';')
    return fail (parser, parser->at, "\";\" outside of a group: addresses are separated by commas");
  if (c == '@')
    return fail (parser, parser->at, "a second \"@\"");
  return fail (parser, parser->at, "unexpected character");
}

/* ":" [members] ";" - the name's words are read already. */
static gboolean
read_group (Parser *parser)
{
  if (parser->words->len == 0)
    return fail (parser, parser->at, "a group has no name before \":\"");
  add_piece (parser, VD_PIECE_PHRASE, g_array_index (parser->words, Word, 0).start,
             g_array_index (parser->words, Word, parser->words->len - 1).end, NULL);
  parser->list->group = TRUE;
  parser->at++;
  for (;;)
    {
      gsize start = parser->at;
      if (!read_words (parser))
        return FALSE;
      if (peek (parser) == ':')
        return fail (parser, parser->at, "a group inside a group");
      gboolean present = parser->words->len > 0 || peek (parser) == '<' || peek (parser) == '@';
      if ((present && !read_mailbox (parser, start)) || !check_follow (parser, ';'))
        return FALSE;
      if (parser->text[parser->at++] == ';')
        return skip_cfws (parser);
    }
}

static gboolean
read_list (Parser *parser)
{
  for (;;)
    {
      gsize start = parser->at;
      if (!read_words (parser))
        return FALSE;
      char c = peek (parser);
      gboolean present = parser->words->len > 0 || c == '<' || c == '@';
      if (c == ':' ? !read_group (parser) : present && !read_mailbox (parser, start))
        return FALSE;
      if (!check_follow (parser, '\0'))
        return FALSE;
      if (parser->at == parser->size)
        return TRUE;
      parser->at++;
    }
}

/* CFG-1: no control character gets anywhere near a command. */
static gboolean
check_octets (Parser *parser)
{
  for (gsize i = 0; i < parser->size; i++)
    if (((guint8) parser->text[i] < 0x20 && parser->text[i] != '\t') || parser->text[i] == 0x7f)
      return fail (parser, i, "a control character");
  return TRUE;
}

static int
compare_pieces (gconstpointer a, gconstpointer b)
{
  const VdAddressPiece *left = a;
  const VdAddressPiece *right = b;
  if (left->start != right->start)
    return left->start < right->start ? -1 : 1;
  return left->end == right->end ? 0 : left->end > right->end ? -1 : 1;
}

VdAddressList *
vd_address_list_parse (const char *text, gsize size, const VdAddressContext *context, GError **error)
{
  g_autoptr (VdAddressList) list = g_new0 (VdAddressList, 1);
  list->mailboxes = g_ptr_array_new_with_free_func ((GDestroyNotify) vd_mailbox_free);
  list->pieces = g_array_new (FALSE, FALSE, sizeof (VdAddressPiece));
  g_autoptr (GArray) words = g_array_new (FALSE, FALSE, sizeof (Word));
  Parser parser = { text, size, 0, context, list, words, error };
  if (!check_octets (&parser) || !read_list (&parser))
    return NULL;
  g_array_sort (list->pieces, compare_pieces);
  return g_steal_pointer (&list);
}

void
vd_address_list_free (VdAddressList *list)
{
  if (list == NULL)
    return;
  g_clear_pointer (&list->mailboxes, g_ptr_array_unref);
  g_clear_pointer (&list->pieces, g_array_unref);
  g_free (list);
}

/* Atoms and single spaces; where they end, at "<". */
static gsize
plain_phrase (const char *text, gsize size)
{
  gsize at = 0;
  for (;;)
    {
      gsize word = vd_octet_span (text + at, size - at, VD_OCTET_ATEXT);
      at += word;
      if (word == 0 || at == size || text[at] != ' ')
        return 0;
      at++;
      if (at < size && text[at] == '<')
        return at;
    }
}

VdMailbox *
vd_address_parse_plain (const char *text, gsize size)
{
  gsize open = 0;
  gsize end = size;
  if (size > 0 && text[size - 1] == '>')
    {
      open = plain_phrase (text, size);
      if (open == 0 && text[0] != '<')
        return NULL;
      end--;
    }
  const gsize start = end < size ? open + 1 : 0;
  const char *at = memchr (text + start, '@', end - start);
  return at == NULL ? NULL
                    : vd_mailbox_new_plain (text, size, open > 0 ? open - 1 : 0, text + start, (gsize) (at - text) - start,
                                            at + 1, (gsize) (text + end - at) - 1);
}

VdMailbox *
vd_address_parse_one (const char *text, gsize size, const VdAddressContext *context, GError **error)
{
  VdMailbox *plain = vd_address_parse_plain (text, size);
  if (plain != NULL)
    return plain;
  g_autoptr (VdAddressList) list = vd_address_list_parse (text, size, context, error);
  if (list == NULL)
    return NULL;
  const char *fault = list->group                 ? "a group where one mailbox is needed in"
                      : list->mailboxes->len == 0 ? "no mailbox in"
                      : list->mailboxes->len > 1  ? "too many mailboxes in"
                                                  : NULL;
  if (fault != NULL)
    {
      g_autofree char *shown = vd_text_escape (text, size);
      g_set_error (error, VEREDA_ERROR, VEREDA_ERROR_ADDRESS, "%s %s: \"%s\"", fault, context->what, shown);
      return NULL;
    }
  return g_ptr_array_steal_index (list->mailboxes, 0);
}

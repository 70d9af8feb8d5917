/* SPDX-License-Identifier: MIT */
/* netrc - see netrc.h. */
#include "netrc.h"
#include "text.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum
{
  FILE_MAX = 128 * 1024
};

typedef struct
{
  char *data; /* NULL: the end */
  gsize size;
} Token;

/* Where a text is being read. */
typedef struct
{
  char *at, *end;
  guint line;
} Reader;

void
netrc_entry_clear (NetrcEntry *entry)
{
  g_clear_pointer (&entry->login, g_free);
  g_clear_pointer (&entry->password, secret_free);
}

char *
netrc_default_path (void)
{
  return g_build_filename (g_get_home_dir (), ".netrc", NULL);
}

G_GNUC_PRINTF (3, 4)
static gboolean
fail (GError **error, const char *path, const char *format, ...)
{
  g_autofree char *shown = text_escape (path);
  va_list list;

  va_start (list, format);
  g_autofree char *text = g_strdup_vprintf (format, list);
  va_end (list);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_FILE, "--netrc: %s: %s", shown, text);
  return FALSE;
}

/* ---- the file ---- */

static gboolean
is_private (int fd, const char *path, GError **error)
{
  struct stat st;

  if (fstat (fd, &st) != 0)
    return fail (error, path, "%s", g_strerror (errno));
  if (!S_ISREG (st.st_mode))
    return fail (error, path, "is not a regular file");
  if (st.st_uid != geteuid ())
    return fail (error, path, "belongs to another user");
  if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail (error, path, "is open to other users; chmod 600 it");
  if (st.st_size > FILE_MAX)
    return fail (error, path, "has more than %d octets", FILE_MAX);
  return TRUE;
}

/* @p text has room for FILE_MAX + 1. */
static gboolean
read_all (int fd, const char *path, char *text, gsize *ret_size, GError **error)
{
  gsize size = 0;
  ssize_t n;

  do
    {
      n = read (fd, text + size, FILE_MAX + 1 - size);
      size += n > 0 ? (gsize) n : 0;
    }
  while ((n > 0 && size <= FILE_MAX) || (n < 0 && errno == EINTR));
  *ret_size = size;
  if (n < 0)
    return fail (error, path, "%s", g_strerror (errno));
  if (size > FILE_MAX)
    return fail (error, path, "has more than %d octets", FILE_MAX);
  if (memchr (text, '\0', size) != NULL)
    return fail (error, path, "holds a NUL");
  return TRUE;
}

/* ---- the grammar ---- */

static void
skip_blanks (Reader *r)
{
  for (; r->at < r->end && g_ascii_isspace (*r->at); r->at++)
    r->line += *r->at == '\n';
}

static void
skip_line (Reader *r)
{
  while (r->at < r->end && *r->at != '\n')
    r->at++;
}

/* A macro ends at an empty line. */
static void
skip_macro (Reader *r)
{
  while (r->at < r->end)
    {
      skip_line (r);
      if (r->at < r->end)
        r->at++, r->line++;
      if (r->at >= r->end || *r->at == '\n' || (*r->at == '\r' && r->at + 1 < r->end && r->at[1] == '\n'))
        return;
    }
}

static char
unescaped (char c)
{
  return c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
}

/* Between double quotes; the backslash escapes, as curl has it.  Unfolds in place, so that no copy is left behind. */
static gboolean
read_quoted (Reader *r, Token *ret)
{
  char *to = ++r->at;

  for (ret->data = to; r->at < r->end && *r->at != '"' && *r->at != '\n'; r->at++)
    {
      if (*r->at == '\\' && r->at + 1 < r->end)
        *to++ = unescaped (*++r->at);
      else
        *to++ = *r->at;
    }
  ret->size = (gsize) (to - ret->data);
  if (r->at >= r->end || *r->at != '"')
    return FALSE;
  r->at++;
  return TRUE;
}

/* One token; FALSE: a quote that is not closed.  At the end: size 0, data NULL. */
static gboolean
read_token (Reader *r, Token *ret)
{
  skip_blanks (r);
  *ret = (Token){ NULL, 0 };
  if (r->at >= r->end)
    return TRUE;
  if (*r->at == '"')
    return read_quoted (r, ret);
  for (ret->data = r->at; r->at < r->end && !g_ascii_isspace (*r->at); r->at++)
    ret->size++;
  return TRUE;
}

static gboolean
is_word (const Token *token, const char *word)
{
  return token->data != NULL && token->size == strlen (word) && memcmp (token->data, word, token->size) == 0;
}

/* What is being collected. */
typedef struct
{
  const char *host, *user;
  gboolean in_entry; /* of this host, or of any */
  gboolean found;
  Token login, password;
} Search;

/* The entry that ends here: is it the one? */
static void
end_entry (Search *s)
{
  if (!s->in_entry || s->found)
    return;
  s->in_entry = FALSE;
  s->found = s->user == NULL || s->login.data == NULL
             || (s->login.size == strlen (s->user) && memcmp (s->login.data, s->user, s->login.size) == 0);
}

static void
begin_entry (Search *s, const Token *host)
{
  end_entry (s);
  if (s->found)
    return;
  s->login = s->password = (Token){ NULL, 0 };
  s->in_entry = host == NULL || (host->size == strlen (s->host) && g_ascii_strncasecmp (host->data, s->host, host->size) == 0);
}

static gboolean
search (Reader *r, Search *s, const char *path, GError **error)
{
  Token word, value;

  for (;;)
    {
      if (!read_token (r, &word))
        return fail (error, path, "line %u: a quote is not closed", r->line);
      if (word.data == NULL)
        break;
      if (word.size > 0 && word.data[0] == '#')
        {
          skip_line (r);
          continue;
        }
      if (is_word (&word, "default"))
        {
          begin_entry (s, NULL);
          continue;
        }
      const gboolean machine = is_word (&word, "machine"), login = is_word (&word, "login"),
                     password = is_word (&word, "password");
      const gboolean macro = is_word (&word, "macdef");
      /* What is not understood is not shown: it may be a password in the wrong place. */
      if (!machine && !login && !password && !macro && !is_word (&word, "account"))
        return fail (error, path, "line %u: neither machine, default, login, password, account nor macdef", r->line);
      if (!read_token (r, &value))
        return fail (error, path, "line %u: a quote is not closed", r->line);
      if (value.data == NULL)
        return fail (error, path, "line %u: a value is missing", r->line);
      if (machine)
        begin_entry (s, &value);
      else if (macro)
        skip_macro (r);
      else if (s->in_entry && login)
        s->login = value;
      else if (s->in_entry && password)
        s->password = value;
    }
  end_entry (s);
  return TRUE;
}

static gboolean
take (const Search *s, const char *path, NetrcEntry *ret_entry, GError **error)
{
  if (s->password.size >= SECRET_MAX)
    return fail (error, path, "a password has more than %d octets", SECRET_MAX - 1);
  if (s->found && s->login.data != NULL)
    ret_entry->login = g_strndup (s->login.data, s->login.size);
  if (s->found && s->password.size > 0)
    {
      ret_entry->password = g_new0 (Secret, 1);
      memcpy (ret_entry->password->data, s->password.data, s->password.size);
      ret_entry->password->size = s->password.size;
    }
  return TRUE;
}

gboolean
netrc_lookup (const char *path, const char *host, const char *user, NetrcEntry *ret_entry, GError **error)
{
  const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  g_autofree char *text = g_malloc (FILE_MAX + 2);
  Search s = { .host = host, .user = user };
  gsize size = 0;

  if (fd < 0)
    return fail (error, path, "%s", g_strerror (errno));
  gboolean good = is_private (fd, path, error) && read_all (fd, path, text, &size, error);
  close (fd);
  if (good)
    {
      Reader r = { text, text + size, 1 };
      good = search (&r, &s, path, error) && take (&s, path, ret_entry, error);
    }
  explicit_bzero (text, FILE_MAX + 2);
  return good;
}

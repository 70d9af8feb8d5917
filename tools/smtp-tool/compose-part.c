/* SPDX-License-Identifier: MIT */
/* compose-part - the body text and the attachments as MIME parts.  Reads the files that are attached. */
#include "compose.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What endings mean (IANA's registry of media types); what is not here is looked into. */
static const struct
{
  const char *ending;
  const char *type;
} types[] = {
  { "txt", "text/plain" },
  { "log", "text/plain" },
  { "md", "text/markdown" },
  { "csv", "text/csv" },
  { "html", "text/html" },
  { "htm", "text/html" },
  { "css", "text/css" },
  { "ics", "text/calendar" },
  { "vcf", "text/vcard" },
  { "xml", "application/xml" },
  { "json", "application/json" },
  { "js", "text/javascript" },
  { "pdf", "application/pdf" },
  { "ps", "application/postscript" },
  { "rtf", "application/rtf" },
  { "zip", "application/zip" },
  { "gz", "application/gzip" },
  { "tgz", "application/gzip" },
  { "tar", "application/x-tar" },
  { "7z", "application/x-7z-compressed" },
  { "doc", "application/msword" },
  { "xls", "application/vnd.ms-excel" },
  { "ppt", "application/vnd.ms-powerpoint" },
  { "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
  { "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
  { "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
  { "odt", "application/vnd.oasis.opendocument.text" },
  { "ods", "application/vnd.oasis.opendocument.spreadsheet" },
  { "odp", "application/vnd.oasis.opendocument.presentation" },
  { "epub", "application/epub+zip" },
  { "p7s", "application/pkcs7-signature" },
  { "asc", "application/pgp-signature" },
  { "png", "image/png" },
  { "jpg", "image/jpeg" },
  { "jpeg", "image/jpeg" },
  { "gif", "image/gif" },
  { "webp", "image/webp" },
  { "svg", "image/svg+xml" },
  { "tif", "image/tiff" },
  { "tiff", "image/tiff" },
  { "bmp", "image/bmp" },
  { "mp3", "audio/mpeg" },
  { "ogg", "audio/ogg" },
  { "wav", "audio/x-wav" },
  { "flac", "audio/flac" },
  { "mp4", "video/mp4" },
  { "webm", "video/webm" },
  { "mpeg", "video/mpeg" },
  { "mov", "video/quicktime" },
  { "eml", "message/rfc822" },
};

const char *
compose_type_of_name (const char *name)
{
  const char *dot = strrchr (name, '.');

  for (guint i = 0; dot != NULL && i < G_N_ELEMENTS (types); i++)
    if (g_ascii_strcasecmp (dot + 1, types[i].ending) == 0)
      return types[i].type;
  return NULL;
}

static void
fail_errno (GError **error, const char *path)
{
  g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_FILE, "'%s': %s", path, g_strerror (errno));
}

static gboolean
is_ascii (const char *text)
{
  for (; *text != '\0'; text++)
    if ((guchar) *text >= 0x80)
      return FALSE;
  return TRUE;
}

/* Line ends as LF, whatever they were. */
static char *
unify_line_ends (const char *text)
{
  GString *out = g_string_sized_new (strlen (text) + 1);

  for (; *text != '\0'; text++)
    {
      if (*text == '\r')
        {
          g_string_append_c (out, '\n');
          if (text[1] == '\n')
            text++;
        }
      else
        g_string_append_c (out, *text);
    }
  if (out->len > 0 && out->str[out->len - 1] != '\n')
    g_string_append_c (out, '\n');
  return g_string_free (out, FALSE);
}

/* 7bit for plain ASCII; else quoted-printable while most of it stays readable, else base64.  Never 8bit: not every server takes it. */
static GMimeContentEncoding
best_encoding (const char *text)
{
  GMimeFilter *best = g_mime_filter_best_new (GMIME_FILTER_BEST_ENCODING);
  char *out;
  size_t size;
  size_t prespace;

  g_mime_filter_complete (best, (char *) (gpointer) text, strlen (text), 0, &out, &size, &prespace);
  const GMimeContentEncoding encoding = g_mime_filter_best_encoding (GMIME_FILTER_BEST (best), GMIME_ENCODING_CONSTRAINT_7BIT);
  g_object_unref (best);
  return encoding == GMIME_CONTENT_ENCODING_DEFAULT ? GMIME_CONTENT_ENCODING_7BIT : encoding;
}

GMimeObject *
compose_text_part (const char *text, GError **error)
{
  const char *bad;

  if (!g_utf8_validate (text, -1, &bad))
    {
      g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_CONTENT,
                   "the body is not UTF-8 (octet %" G_GSIZE_FORMAT "); convert it, or attach it", (gsize) (bad - text) + 1);
      return NULL;
    }
  g_autofree char *unified = unify_line_ends (text);
  const gboolean flowed = compose_needs_flow (unified);
  g_autofree char *content = flowed ? compose_flow (unified) : g_strdup (unified);

  GMimePart *part = g_mime_part_new_with_type ("text", "plain");
  g_mime_object_set_content_type_parameter (GMIME_OBJECT (part), "charset", is_ascii (content) ? "us-ascii" : "utf-8");
  if (flowed)
    g_mime_object_set_content_type_parameter (GMIME_OBJECT (part), "format", "flowed");
  GMimeStream *stream = g_mime_stream_mem_new_with_buffer (content, strlen (content));
  GMimeDataWrapper *wrapper = g_mime_data_wrapper_new_with_stream (stream, GMIME_CONTENT_ENCODING_DEFAULT);
  g_mime_part_set_content (part, wrapper);
  g_mime_part_set_content_encoding (part, best_encoding (content));
  g_object_unref (wrapper);
  g_object_unref (stream);
  return GMIME_OBJECT (part);
}

char *
compose_read_text (const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *text = NULL;
  gsize size;

  if (!g_file_get_contents (path, &text, &size, &local))
    {
      g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_FILE, "%s", local->message);
      return NULL;
    }
  if (memchr (text, '\0', size) != NULL)
    {
      g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_CONTENT, "'%s' is not text; use --attach", path);
      return NULL;
    }
  return g_steal_pointer (&text);
}

/* A pipe cannot be read twice: its octets are held in memory. */
static GMimeStream *
hold (int fd, const char *path, GError **error)
{
  GMimeStream *memory = g_mime_stream_mem_new ();
  char block[8192];
  ssize_t n;

  do
    {
      n = read (fd, block, sizeof block);
      if (n > 0)
        (void) g_mime_stream_write (memory, block, (size_t) n);
    }
  while (n > 0 || (n < 0 && errno == EINTR));
  if (n < 0)
    {
      fail_errno (error, path);
      g_clear_object (&memory);
    }
  else
    (void) g_mime_stream_reset (memory);
  return memory;
}

/* The octets of a file, streamed where they can be read twice. */
static GMimeStream *
open_file (const char *path, GError **error)
{
  const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  struct stat st;
  GMimeStream *stream = NULL;

  if (fd < 0 || fstat (fd, &st) != 0)
    fail_errno (error, path);
  else if (S_ISDIR (st.st_mode))
    {
      errno = EISDIR;
      fail_errno (error, path);
    }
  else if (S_ISREG (st.st_mode))
    return g_mime_stream_fs_new (fd);
  else
    stream = hold (fd, path, error);
  if (fd >= 0)
    close (fd);
  return stream;
}

/* What a look at the octets tells. */
typedef struct
{
  gboolean text; /* UTF-8 without control characters that text does not have */
  gboolean ascii;
  gboolean mailable; /* could go as 7bit: ASCII, no NUL, no lone CR, lines of at most 998 octets (RFC 5322 section 2.1.1) */
} Look;

static gboolean
look_at (GMimeStream *stream, Look *ret_look)
{
  char block[8192];
  Look look = { TRUE, TRUE, TRUE };
  gsize line = 0;
  gsize kept = 0; /* start of a character that continues in the next block */
  gboolean after_cr = FALSE;
  ssize_t n;

  while ((n = g_mime_stream_read (stream, block + kept, sizeof block - kept)) > 0)
    {
      const gsize size = kept + (gsize) n;
      const char *end;

      for (gsize i = kept; i < size; i++)
        {
          const guchar c = (guchar) block[i];

          look.ascii = look.ascii && c < 0x80;
          look.text = look.text && (c >= 0x20 || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == 033);
          look.mailable = look.mailable && c != 0 && !(after_cr && c != '\n');
          after_cr = c == '\r';
          line = c == '\n' ? 0 : line + 1;
          look.mailable = look.mailable && line <= 998;
        }
      kept = 0;
      if (look.text && !g_utf8_validate (block, (gssize) size, &end))
        {
          kept = size - (gsize) (end - block);
          look.text = kept < 4 && g_utf8_get_char_validated (end, (gssize) kept) == (gunichar) -2;
          kept = look.text ? kept : 0;
          memmove (block, end, kept);
        }
    }
  look.text = look.text && kept == 0;
  look.mailable = look.mailable && look.ascii && !after_cr;
  *ret_look = look;
  return n == 0 && g_mime_stream_reset (stream) == 0;
}

static GMimeContentType *
content_type (const char *type, GError **error)
{
  GMimeContentType *parsed = NULL;

  /* GMime reads anything as something; what is given here must be what it says. */
  if (g_regex_match_simple ("^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(\\s*;.*)?$", type, G_REGEX_DOLLAR_ENDONLY, 0))
    parsed = g_mime_content_type_parse (NULL, type);
  if (parsed == NULL || g_mime_content_type_is_type (parsed, "multipart", "*"))
    {
      g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_REQUEST, "--attach-type: '%s' is not a type an attachment can have",
                   type);
      g_clear_object (&parsed);
    }
  return parsed;
}

static void
set_charset (GMimeParamList *list, const char *name)
{
  GMimeParam *parameter = g_mime_param_list_get_parameter (list, name);

  if (parameter != NULL)
    g_mime_param_set_charset (parameter, "utf-8");
}

/* filename of Content-Disposition, and name of Content-Type for old readers; UTF-8 by RFC 2231, whatever the locale is. */
static void
set_file_name (GMimePart *part, const char *name)
{
  g_autofree char *utf8 = g_utf8_make_valid (name, -1);

  g_mime_part_set_filename (part, utf8);
  set_charset (g_mime_content_disposition_get_parameters (g_mime_object_get_content_disposition (GMIME_OBJECT (part))),
               "filename");
  set_charset (g_mime_content_type_get_parameters (g_mime_object_get_content_type (GMIME_OBJECT (part))), "name");
}

GMimeObject *
compose_attachment (const char *path, const char *type, const char *name, GError **error)
{
  g_autofree char *base = name != NULL && *name != '\0' ? g_strdup (name) : g_path_get_basename (path);
  Look look;
  GMimeStream *stream = open_file (path, error);

  if (stream == NULL)
    return NULL;
  if (!look_at (stream, &look))
    {
      fail_errno (error, path);
      g_object_unref (stream);
      return NULL;
    }
  const char *guess = type != NULL && *type != '\0' ? type : compose_type_of_name (base);
  /* RFC 2046 section 5.2.1 allows message/rfc822 no encoding, so what needs one is not sent under that name. */
  if (guess == NULL)
    guess = look.text ? "text/plain" : "application/octet-stream";
  else if (g_ascii_strncasecmp (guess, "message/", 8) == 0 && !look.mailable)
    guess = "application/octet-stream";
  GMimeContentType *parsed = content_type (guess, error);
  if (parsed == NULL)
    {
      g_object_unref (stream);
      return NULL;
    }

  if (g_mime_content_type_is_type (parsed, "text", "*") && g_mime_content_type_get_parameter (parsed, "charset") == NULL
      && look.text)
    g_mime_content_type_set_parameter (parsed, "charset", look.ascii ? "us-ascii" : "utf-8");
  GMimePart *part = g_mime_part_new ();
  g_mime_object_set_content_type (GMIME_OBJECT (part), parsed);
  /* base64 also for text: the octets of a file are kept, its line ends too. */
  const gboolean bare = g_mime_content_type_is_type (parsed, "message", "*");
  g_mime_part_set_content_encoding (part, bare ? GMIME_CONTENT_ENCODING_7BIT : GMIME_CONTENT_ENCODING_BASE64);
  g_mime_object_set_disposition (GMIME_OBJECT (part), GMIME_DISPOSITION_ATTACHMENT);
  set_file_name (part, base);
  GMimeDataWrapper *wrapper = g_mime_data_wrapper_new_with_stream (stream, GMIME_CONTENT_ENCODING_DEFAULT);
  g_mime_part_set_content (part, wrapper);
  g_object_unref (wrapper);
  g_object_unref (stream);
  g_object_unref (parsed);
  return GMIME_OBJECT (part);
}

/* SPDX-License-Identifier: MIT */
/* smtp-tool-compose - makes an RFC 5322 message with GMime.
 *
 * Reads a request from standard input: records key=value, each ended by NUL.  Keys: from to cc bcc subject body body-file, and, in
 * order, attach-type attach-name attach.  Writes the message to standard output; Date and Message-ID are left to who sends it.  On
 * failure says why on standard error and ends with the status that its error's code is; nothing of use is written then. */
#include "compose.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK (smtp - tool - compose - error - quark, compose_error)

typedef struct
{
  GMimeMessage *message;
  GMimeObject *text;
  GPtrArray *attachments; /* GMimeObject */
  char *type;             /* for the attachments that follow */
  char *name;             /* for the next attachment */
} Composer;

/* Header text must not end the line it is put into. */
static gboolean
check_line (const char *key, const char *value, GError **error)
{
  if (strpbrk (value, "\r\n") != NULL)
    {
      g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_REQUEST, "--%s holds a line break", key);
      return FALSE;
    }
  if (!g_utf8_validate (value, -1, NULL))
    {
      g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_REQUEST, "--%s is not UTF-8", key);
      return FALSE;
    }
  return TRUE;
}

static gboolean
is_mailbox (InternetAddress *address)
{
  if (INTERNET_ADDRESS_IS_GROUP (address))
    return TRUE;
  const char *spec = internet_address_mailbox_get_addr (INTERNET_ADDRESS_MAILBOX (address));
  const char *at = spec != NULL ? strrchr (spec, '@') : NULL;
  return spec != NULL && *spec != '\0' && (at == NULL || (at > spec && at[1] != '\0'));
}

/* The sender has checked every list with the library's parser; GMime, which passes over what it cannot read, is the second reader. */
static gboolean
set_addresses (Composer *composer, GMimeAddressType type, const char *key, const char *value, GError **error)
{
  GMimeParserOptions *options = g_mime_parser_options_new ();

  g_mime_parser_options_set_address_compliance_mode (options, GMIME_RFC_COMPLIANCE_STRICT);
  InternetAddressList *list = check_line (key, value, error) ? internet_address_list_parse (options, value) : NULL;
  g_mime_parser_options_free (options);
  gboolean good = list != NULL && internet_address_list_length (list) > 0;
  for (int i = 0; good && i < internet_address_list_length (list); i++)
    {
      InternetAddress *address = internet_address_list_get_address (list, i);

      good = is_mailbox (address);
      internet_address_set_charset (address, "utf-8");
    }
  if (good && type == GMIME_ADDRESS_TYPE_FROM && internet_address_list_length (list) > 1)
    {
      g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_REQUEST, "--from: one address, please");
      good = FALSE;
    }
  else if (good)
    internet_address_list_append (g_mime_message_get_addresses (composer->message, type), list);
  if (!good && error != NULL && *error == NULL)
    g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_REQUEST, "--%s: '%s' is not a list of addresses", key, value);
  g_clear_object (&list);
  return good;
}

static gboolean
set_text (Composer *composer, const char *text, GError **error)
{
  g_clear_object (&composer->text);
  composer->text = compose_text_part (text, error);
  return composer->text != NULL;
}

static gboolean
add_attachment (Composer *composer, const char *path, GError **error)
{
  if (composer->name != NULL && !check_line ("attach-name", composer->name, error))
    return FALSE;
  GMimeObject *part = compose_attachment (path, composer->type, composer->name, error);

  g_clear_pointer (&composer->name, g_free);
  if (part == NULL)
    return FALSE;
  g_ptr_array_add (composer->attachments, part);
  return TRUE;
}

static gboolean
do_record (Composer *composer, const char *key, const char *value, GError **error)
{
  static const struct
  {
    const char *key;
    GMimeAddressType type;
  } fields[] = {
    { "from", GMIME_ADDRESS_TYPE_FROM },
    { "to", GMIME_ADDRESS_TYPE_TO },
    { "cc", GMIME_ADDRESS_TYPE_CC },
    { "bcc", GMIME_ADDRESS_TYPE_BCC },
  };

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    if (strcmp (fields[i].key, key) == 0)
      return set_addresses (composer, fields[i].type, key, value, error);
  if (strcmp (key, "subject") == 0)
    {
      if (!check_line (key, value, error))
        return FALSE;
      g_mime_message_set_subject (composer->message, value, "utf-8");
      return TRUE;
    }
  if (strcmp (key, "body") == 0)
    return set_text (composer, value, error);
  if (strcmp (key, "body-file") == 0)
    {
      g_autofree char *text = compose_read_text (value, error);
      return text != NULL && set_text (composer, text, error);
    }
  if (strcmp (key, "attach") == 0)
    return add_attachment (composer, value, error);
  if (strcmp (key, "attach-type") == 0 || strcmp (key, "attach-name") == 0)
    {
      char **slot = strcmp (key, "attach-type") == 0 ? &composer->type : &composer->name;
      g_free (*slot);
      *slot = g_strdup (value);
      return TRUE;
    }
  g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_REQUEST, "unknown record '%s' in the request", key);
  return FALSE;
}

/* Cuts the request into records, in place. */
static gboolean
do_request (Composer *composer, GByteArray *request, GError **error)
{
  guint at = 0;

  while (at < request->len)
    {
      char *record = (char *) request->data + at;
      const gsize size = strnlen (record, request->len - at);
      char *equals = memchr (record, '=', size);

      if (at + size == request->len || equals == NULL)
        {
          g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_REQUEST, "the request is cut short");
          return FALSE;
        }
      *equals = '\0';
      if (!do_record (composer, record, equals + 1, error))
        return FALSE;
      at += (guint) size + 1;
    }
  return TRUE;
}

/* One text part alone, one attachment alone under an empty text, or multipart/mixed. */
static gboolean
assemble (Composer *composer, GError **error)
{
  if (composer->text == NULL && (composer->text = compose_text_part ("", error)) == NULL)
    return FALSE;
  if (composer->attachments->len == 0)
    {
      g_mime_message_set_mime_part (composer->message, composer->text);
      return TRUE;
    }
  GMimeMultipart *mixed = g_mime_multipart_new_with_subtype ("mixed");
  g_mime_multipart_add (mixed, composer->text);
  for (guint i = 0; i < composer->attachments->len; i++)
    g_mime_multipart_add (mixed, composer->attachments->pdata[i]);
  g_mime_message_set_mime_part (composer->message, GMIME_OBJECT (mixed));
  g_object_unref (mixed);
  return TRUE;
}

static gboolean
write_message (Composer *composer, GError **error)
{
  GMimeStream *out = g_mime_stream_pipe_new (STDOUT_FILENO);
  GMimeFormatOptions *format = g_mime_format_options_new ();

  g_mime_stream_pipe_set_owner (GMIME_STREAM_PIPE (out), FALSE);
  g_mime_format_options_set_newline_format (format, GMIME_NEWLINE_FORMAT_UNIX);
  g_mime_format_options_set_param_encoding_method (format, GMIME_PARAM_ENCODING_METHOD_RFC2231);
  errno = 0;
  const gboolean written
      = g_mime_object_write_to_stream (GMIME_OBJECT (composer->message), format, out) > 0 && g_mime_stream_flush (out) == 0;
  const int saved = errno;
  g_mime_format_options_free (format);
  g_object_unref (out);
  if (!written)
    g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_FILE, "writing the message: %s", g_strerror (saved != 0 ? saved : EIO));
  return written;
}

static GByteArray *
read_request (GError **error)
{
  g_autoptr (GByteArray) request = g_byte_array_new ();
  guint8 block[8192];

  for (;;)
    {
      const ssize_t n = read (STDIN_FILENO, block, sizeof block);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          g_set_error (error, COMPOSE_ERROR, COMPOSE_ERROR_FILE, "reading the request: %s", g_strerror (errno));
          return NULL;
        }
      if (n == 0)
        return g_steal_pointer (&request);
      g_byte_array_append (request, block, (guint) n);
    }
}

int
main (void)
{
  g_autoptr (GError) error = NULL;

  (void) setlocale (LC_ALL, "");
  g_autoptr (GByteArray) request = read_request (&error);
  g_mime_init ();
  Composer composer = { g_mime_message_new (TRUE), NULL, g_ptr_array_new_with_free_func (g_object_unref), NULL, NULL };
  if (request != NULL && do_request (&composer, request, &error) && assemble (&composer, &error))
    (void) write_message (&composer, &error);
  g_clear_object (&composer.text);
  g_ptr_array_unref (composer.attachments);
  g_free (composer.type);
  g_free (composer.name);
  g_object_unref (composer.message);
  g_mime_shutdown ();
  if (error == NULL)
    return 0;
  fprintf (stderr, "%s\n", error->message);
  return error->code;
}

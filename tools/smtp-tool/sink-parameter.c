/* SPDX-License-Identifier: MIT */
/* sink-parameter - see sink-parameter.h. */
#include "sink-parameter.h"
#include "sink-address.h"

#include <string.h>

#define ENVID_MAX 100 /* RFC 3461 section 4.4 */
#define ORCPT_MAX 500 /* section 4.2 */

typedef const gchar *(*Check) (SinkSession *session, const gchar *value);

static gboolean
is_xtext (const gchar *text, gsize *ret_length)
{
  gsize length = 0;
  for (; *text != '\0'; text++, length++)
    {
      if (*text == '+')
        {
          for (guint i = 1; i <= 2; i++)
            if (!g_ascii_isdigit (text[i]) && !(text[i] >= 'A' && text[i] <= 'F'))
              return FALSE;
          text += 2;
        }
      else if (*text < 33 || *text > 126 || *text == '=')
        return FALSE;
    }
  *ret_length = length;
  return TRUE;
}

static const gchar *
check_size (SinkSession *session, const gchar *value)
{
  gsize digits = strspn (value, "0123456789");
  if (digits == 0 || digits > 20 || value[digits] != '\0')
    return "501 5.5.4 SIZE= wants 1 to 20 digits";
  guint64 size = g_ascii_strtoull (value, NULL, 10);
  guint64 limit = session->server->config.size;
  if (limit != 0 && size > limit)
    return "552 5.3.4 message is larger than this server takes";
  session->envelope.declared = size;
  return NULL;
}

static const gchar *
check_body (SinkSession *session, const gchar *value)
{
  if (g_ascii_strcasecmp (value, "8BITMIME") == 0)
    session->envelope.body_8bit = TRUE;
  else if (g_ascii_strcasecmp (value, "7BIT") != 0)
    return "501 5.5.4 BODY= is 7BIT or 8BITMIME";
  return NULL;
}

static const gchar *
check_smtputf8 (SinkSession *session, const gchar *value)
{
  session->envelope.smtputf8 = TRUE;
  return NULL;
}

static const gchar *
check_ret (SinkSession *session, const gchar *value)
{
  return g_ascii_strcasecmp (value, "FULL") == 0 || g_ascii_strcasecmp (value, "HDRS") == 0 ? NULL
                                                                                            : "501 5.5.4 RET= is FULL or HDRS";
}

static const gchar *
check_envid (SinkSession *session, const gchar *value)
{
  gsize length;
  return is_xtext (value, &length) && length >= 1 && length <= ENVID_MAX ? NULL
                                                                         : "501 5.5.4 ENVID= wants 1 to 100 octets of xtext";
}

/* RFC 4954 section 5: a mailbox as xtext, or <>. */
static const gchar *
check_auth (SinkSession *session, const gchar *value)
{
  gsize length;
  return g_str_equal (value, "<>") || (is_xtext (value, &length) && length > 0) ? NULL : "501 5.5.4 AUTH= wants xtext or <>";
}

static const gchar *
check_notify (SinkSession *session, const gchar *value)
{
  static const gchar *const words[] = { "SUCCESS", "FAILURE", "DELAY", NULL };
  if (g_ascii_strcasecmp (value, "NEVER") == 0)
    return NULL;
  guint seen = 0;
  g_auto (GStrv) list = g_strsplit (value, ",", -1);
  for (gchar **word = list; *word != NULL; word++)
    {
      guint i = 0;
      while (words[i] != NULL && g_ascii_strcasecmp (words[i], *word) != 0)
        i++;
      if (words[i] == NULL || (seen & (1U << i)) != 0)
        return "501 5.5.4 NOTIFY= is NEVER, or a list of SUCCESS FAILURE DELAY";
      seen |= 1U << i;
    }
  return seen != 0 ? NULL : "501 5.5.4 NOTIFY= is NEVER, or a list of SUCCESS FAILURE DELAY";
}

static const gchar *
check_orcpt (SinkSession *session, const gchar *value)
{
  const gchar *semicolon = strchr (value, ';');
  gsize length = 0;
  gboolean good = semicolon != NULL && semicolon != value && strlen (value) <= ORCPT_MAX;
  for (const gchar *p = value; good && p < semicolon; p++)
    good = g_ascii_isalnum (*p) || *p == '-';
  /* RFC 6533 section 3: the utf-8 type may carry UTF-8 itself when SMTPUTF8 was asked for. */
  if (good && session->envelope.smtputf8 && g_ascii_strncasecmp (value, "utf-8;", 6) == 0)
    good = g_utf8_validate (value, -1, NULL) && semicolon[1] != '\0';
  else
    good = good && is_xtext (semicolon + 1, &length) && length > 0;
  return good ? NULL : "501 5.5.4 ORCPT= wants TYPE;XTEXT";
}

static const struct
{
  const gchar *keyword;
  gboolean is_rcpt;
  gboolean has_value;
  guint extension;
  const gchar *offer; /* the extension's keyword in EHLO's reply */
  Check check;
} parameters[] = {
  { "SIZE", FALSE, TRUE, SINK_EXT_SIZE, "SIZE", check_size },
  { "BODY", FALSE, TRUE, SINK_EXT_8BITMIME, "8BITMIME", check_body },
  { "SMTPUTF8", FALSE, FALSE, SINK_EXT_SMTPUTF8, "SMTPUTF8", check_smtputf8 },
  { "RET", FALSE, TRUE, SINK_EXT_DSN, "DSN", check_ret },
  { "ENVID", FALSE, TRUE, SINK_EXT_DSN, "DSN", check_envid },
  { "AUTH", FALSE, TRUE, SINK_EXT_AUTH, "AUTH", check_auth },
  { "NOTIFY", TRUE, TRUE, SINK_EXT_DSN, "DSN", check_notify },
  { "ORCPT", TRUE, TRUE, SINK_EXT_DSN, "DSN", check_orcpt },
};

guint
sink_parameters_offered (const SinkSession *session)
{
  if (!session->extended)
    return 0;
  return session->server->config.extensions | (session->server->mechanisms != NULL ? SINK_EXT_AUTH : 0);
}

/* One parameter, already cut out.  The keyword's grammar is RFC 5321 section 4.1.2's esmtp-keyword. */
static const gchar *
read_one (SinkSession *session, gboolean is_rcpt, const gchar *keyword, gsize size, const gchar *value, guint *seen)
{
  for (gsize i = 0; i < size; i++)
    if (!g_ascii_isalnum (keyword[i]) && (keyword[i] != '-' || i == 0))
      return "501 5.5.4 parameter is no KEYWORD or KEYWORD=VALUE";
  if (size == 0)
    return "501 5.5.4 parameter is no KEYWORD or KEYWORD=VALUE";
  for (guint i = 0; i < G_N_ELEMENTS (parameters); i++)
    {
      if (parameters[i].is_rcpt != is_rcpt || strlen (parameters[i].keyword) != size
          || g_ascii_strncasecmp (parameters[i].keyword, keyword, size) != 0)
        continue;
      if ((sink_parameters_offered (session) & parameters[i].extension) == 0)
        {
          sink_session_blame (session, SINK_VIOLATION_PARAMETER_NOT_OFFERED);
          return "555 5.5.4 parameter of an extension that was not offered";
        }
      if (sink_config_hides (&session->server->config, parameters[i].offer))
        sink_session_blame (session, SINK_VIOLATION_PARAMETER_NOT_OFFERED);
      if ((*seen & (1U << i)) != 0)
        return "501 5.5.4 parameter given twice";
      *seen |= 1U << i;
      if (parameters[i].has_value != (value != NULL))
        return parameters[i].has_value ? "501 5.5.4 parameter wants a value" : "501 5.5.4 parameter takes no value";
      return parameters[i].check (session, value);
    }
  sink_session_blame (session, SINK_VIOLATION_PARAMETER_NOT_OFFERED);
  return "555 5.5.4 parameter not recognized";
}

const gchar *
sink_parameters_read (SinkSession *session, gboolean is_rcpt, gchar *text, const gchar **ret_text)
{
  guint seen = 0;
  *ret_text = "";
  if (text[0] == '\0')
    return NULL;
  if (text[0] != ' ')
    return "501 5.5.4 one space is wanted between path and parameters";
  *ret_text = text + 1;
  for (gchar *p = text; *p != '\0';)
    {
      if (session->server->config.lenient)
        while (*p == ' ' && (p[1] == ' ' || p[1] == '\0'))
          p++;
      if (*p == '\0')
        break;
      gchar *keyword = p + 1; /* behind the space */
      gsize length = strcspn (keyword, " ");
      gsize size = strcspn (keyword, " =");
      gchar after = keyword[length];
      keyword[length] = '\0';
      const gchar *refusal
          = read_one (session, is_rcpt, keyword, size, keyword[size] == '=' ? keyword + size + 1 : NULL, &seen);
      keyword[length] = after;
      if (refusal != NULL)
        return refusal;
      p = keyword + length;
    }
  return NULL;
}

gboolean
sink_parameters_have (const gchar *text, const gchar *keyword)
{
  gsize size = strlen (keyword);
  for (const gchar *p = strchr (text, ' '); p != NULL; p = strchr (p + 1, ' '))
    if (g_ascii_strncasecmp (p + 1, keyword, size) == 0 && (p[1 + size] == '\0' || p[1 + size] == ' '))
      return TRUE;
  return FALSE;
}

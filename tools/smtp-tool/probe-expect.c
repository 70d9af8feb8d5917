/* SPDX-License-Identifier: MIT */
/* probe-expect - see probe-expect.h. */
#include "probe-expect.h"
#include "text.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>

typedef enum
{
  IS_THERE,
  IS_NOT,
  NOT_EQUAL,
  AT_MOST,
  AT_LEAST,
  EQUAL,
  BELOW,
  ABOVE,
  HOLDS
} Sign;

/* The longer ones first. */
static const struct
{
  const char *text;
  Sign sign;
} signs[] = { { "!=", NOT_EQUAL }, { "<=", AT_MOST }, { ">=", AT_LEAST }, { "==", EQUAL },
              { "=", EQUAL },      { "<", BELOW },    { ">", ABOVE },     { "~", HOLDS } };

typedef struct
{
  Sign sign;
  char *path, *value;
} Expression;

static void
expression_clear (Expression *expression)
{
  g_free (expression->path);
  g_free (expression->value);
}

static Expression
parse (const char *text)
{
  Expression expression = { IS_THERE, NULL, NULL };
  const gboolean negated = *text == '!';

  text += negated ? 1 : 0;
  const char *at = strpbrk (text, "!=<>~");
  if (at == NULL)
    {
      expression.sign = negated ? IS_NOT : IS_THERE;
      expression.path = g_strstrip (g_strdup (text));
      return expression;
    }
  for (guint i = 0; i < G_N_ELEMENTS (signs); i++)
    {
      if (!g_str_has_prefix (at, signs[i].text) || negated)
        continue;
      expression.sign = signs[i].sign;
      expression.path = g_strstrip (g_strndup (text, (gsize) (at - text)));
      expression.value = g_strstrip (g_strdup (at + strlen (signs[i].text)));
      break;
    }
  if (expression.path == NULL)
    expression.path = g_strdup ("");
  return expression;
}

gboolean
expect_check (const char *text, GError **error)
{
  Expression expression = parse (text);
  const gboolean fine = *expression.path != '\0' && strstr (expression.path, "..") == NULL && expression.path[0] != '.';

  expression_clear (&expression);
  if (fine)
    return TRUE;
  g_autofree char *shown = text_escape (text);
  g_set_error (error, TOOL_ERROR, TOOL_ERROR_USAGE,
               "--expect: '%s' is not PATH, !PATH or PATH with = != < <= > >= ~ and a value", shown);
  return FALSE;
}

/* ---- looking it up ---- */

static gboolean
is_called (json_t *member, const char *name)
{
  static const char *const keys[] = { "keyword", "mechanism", "id", "name", "address", "transport" };

  if (json_is_string (member))
    return g_ascii_strcasecmp (json_string_value (member), name) == 0;
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const char *value = json_string_value (json_object_get (member, keys[i]));

      if (value != NULL && g_ascii_strcasecmp (value, name) == 0)
        return TRUE;
    }
  return FALSE;
}

static json_t *
step (json_t *from, const char *name)
{
  guint64 place;
  json_t *member;
  size_t i;

  if (json_is_object (from))
    return json_object_get (from, name);
  if (!json_is_array (from))
    return NULL;
  json_array_foreach (from, i, member) if (is_called (member, name)) return member;
  if (g_ascii_string_to_unsigned (name, 10, 0, G_MAXUINT, &place, NULL))
    return json_array_get (from, (size_t) place);
  return NULL;
}

/* A name may hold dots: the longest that fits is taken ("tls-1.2", an address). */
static json_t *
look_up (json_t *from, const char *path)
{
  g_autofree char *copy = g_strdup (path);

  for (char *dot = copy + strlen (copy); dot != NULL; dot = strrchr (copy, '.'))
    {
      const char *rest = path + (dot - copy);

      *dot = '\0';
      json_t *next = step (from, copy);
      if (next == NULL)
        continue;
      json_t *found = *rest == '\0' ? next : look_up (next, rest + 1);
      if (found != NULL)
        return found;
    }
  return NULL;
}

/* ---- comparing ---- */

static gboolean
is_empty (json_t *value)
{
  return value == NULL || json_is_null (value) || json_is_false (value)
         || (json_is_string (value) && *json_string_value (value) == '\0')
         || ((json_is_array (value) || json_is_object (value)) && json_array_size (value) + json_object_size (value) == 0);
}

static char *
text_of (json_t *value)
{
  if (value == NULL)
    return g_strdup ("nothing");
  if (json_is_string (value))
    return g_strdup (json_string_value (value));
  char *dump = json_dumps (value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION (9));
  char *text = g_strdup (dump != NULL ? dump : "?");
  free (dump);
  return text;
}

static gboolean
as_number (const char *text, double *ret)
{
  char *end = NULL;

  *ret = g_ascii_strtod (text, &end);
  return end != text && *end == '\0';
}

static int
compare (const char *found, const char *wanted)
{
  double a, b;

  if (as_number (found, &a) && as_number (wanted, &b))
    return a < b ? -1 : a > b ? 1 : 0;
  return g_ascii_strcasecmp (found, wanted);
}

static gboolean
has_part (const char *text, const char *part)
{
  g_autofree char *a = g_utf8_casefold (text, -1), *b = g_utf8_casefold (part, -1);

  return strstr (a, b) != NULL;
}

static gboolean
holds (const Expression *expression, json_t *value, const char *found)
{
  const int order = expression->value != NULL ? compare (found, expression->value) : 0;

  switch (expression->sign)
    {
    case IS_THERE:
      return !is_empty (value);
    case IS_NOT:
      return is_empty (value);
    case NOT_EQUAL:
      return value == NULL || order != 0;
    case EQUAL:
      return value != NULL && order == 0;
    case BELOW:
      return value != NULL && order < 0;
    case AT_MOST:
      return value != NULL && order <= 0;
    case ABOVE:
      return value != NULL && order > 0;
    case AT_LEAST:
      return value != NULL && order >= 0;
    case HOLDS:
    default:
      return value != NULL && has_part (found, expression->value);
    }
}

char *
expect_failed (json_t *document, const char *text)
{
  Expression expression = parse (text);
  json_t *value = look_up (document, expression.path);
  g_autofree char *found = text_of (value);
  const gboolean fine = holds (&expression, value, found);

  expression_clear (&expression);
  return fine ? NULL : g_strdup_printf ("--expect=%s: found %.200s", text, found);
}

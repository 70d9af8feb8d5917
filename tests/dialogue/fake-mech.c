/* SPDX-License-Identifier: MIT */
/* fake-mech - a mechanism that says what a dialogue's `mech` line tells it to say.  See fake-mech.h and README.md. */
#include "fake-mech.h"

#include <string.h>

#include "core/base/trace.h"

struct FakeMech
{
  VeredaMech mech; /* first: found again through VeredaAuth.ops */
  char *name;
  GPtrArray *steps; /* of GString: responses, or the words below; owned by the item */
  guint next;
  gboolean released;
  char *complaint;
};

typedef struct
{
  VeredaAuth base;
} FakeAuth;

static gboolean
is_word (const GString *step, const char *word)
{
  return strcmp (step->str, word) == 0;
}

static gboolean
is_failure (const GString *step)
{
  return is_word (step, "fail") || is_word (step, "fail-proof");
}

static void
complain (FakeMech *fake, const char *format, const GString *wanted, const VeredaSpan *got)
{
  if (fake->complaint != NULL)
    return;
  g_autofree char *left = wanted == NULL ? NULL : vd_text_escape (wanted->str, wanted->len);
  g_autofree char *right = got == NULL ? NULL : vd_text_escape (got->data, got->size);
  fake->complaint = g_strdup_printf ("%s: %s: wanted %s, got %s", fake->name, format, left, right);
}

/* "?text": the challenge of this step must be text; the response follows in the same step. */
static void
check_challenge (FakeMech *fake, const VeredaSpan *challenge)
{
  while (fake->next < fake->steps->len)
    {
      const GString *step = fake->steps->pdata[fake->next];
      if (step->str[0] != '?')
        return;
      fake->next++;
      if (challenge == NULL || challenge->size != step->len - 1
          || (challenge->size > 0 && memcmp (challenge->data, step->str + 1, challenge->size) != 0))
        complain (fake, "challenge", step, challenge);
    }
}

static VeredaStep
fake_step (VeredaAuth *auth, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  FakeMech *fake = (FakeMech *) (gpointer) auth->ops;
  if (response->len != 0)
    complain (fake, "the response buffer is not empty", NULL, NULL);
  if (challenge == NULL && (fake->mech.flags & VEREDA_MECH_CLIENT_FIRST) == 0)
    complain (fake, "an initial response was asked of a server-first mechanism", NULL, NULL);
  check_challenge (fake, challenge);
  const GString *step = fake->next < fake->steps->len ? fake->steps->pdata[fake->next] : NULL;
  if (step != NULL && is_word (step, "wait"))
    {
      if (!fake->released)
        return VEREDA_STEP_WAIT;
      step = fake->steps->pdata[++fake->next];
    }
  if (step == NULL || is_failure (step))
    {
      gboolean proof = step != NULL && is_word (step, "fail-proof");
      g_set_error (error, VEREDA_AUTH_ERROR, proof ? VEREDA_AUTH_ERROR_SERVER : VEREDA_AUTH_ERROR_PROTOCOL, "not as expected");
      return VEREDA_STEP_FAILED;
    }
  fake->next++;
  if (!is_word (step, "empty"))
    g_byte_array_append (response, (const guint8 *) step->str, (guint) step->len);
  return fake->next < fake->steps->len && !is_failure (fake->steps->pdata[fake->next]) ? VEREDA_STEP_CONTINUE
                                                                                       : VEREDA_STEP_DONE;
}

FakeMech *
fake_mech_new (const Item *item)
{
  if (item->words->len < 3)
    return NULL;
  FakeMech *fake = g_new0 (FakeMech, 1);
  fake->name = g_strdup (item_word (item, 1));
  fake->steps = g_ptr_array_new ();
  fake->mech.struct_size = sizeof fake->mech;
  fake->mech.instance_size = sizeof (FakeAuth);
  fake->mech.name = fake->name;
  fake->mech.step = fake_step;
  for (guint i = 2; i < item->words->len; i++)
    {
      GString *word = item->words->pdata[i];
      if (is_word (word, "initial"))
        fake->mech.flags |= VEREDA_MECH_CLIENT_FIRST;
      else if (is_word (word, "server-last"))
        fake->mech.flags |= VEREDA_MECH_SERVER_LAST;
      else
        g_ptr_array_add (fake->steps, word);
    }
  return fake;
}

void
fake_mech_free (FakeMech *fake)
{
  g_free (fake->name);
  g_free (fake->complaint);
  g_ptr_array_unref (fake->steps);
  g_free (fake);
}

static VeredaCredState
no_credential (gpointer data, VeredaCred kind, const char *hint, VeredaSpan *ret)
{
  return VEREDA_CRED_NONE;
}

VdSasl *
fake_mech_begin (FakeMech *fake)
{
  VdSaslSource source = { NULL, no_credential, NULL };
  VdSaslFacts facts = { "mx.example.org", NULL, NULL, 0 };
  return vd_sasl_new (&fake->mech, NULL, &source, &facts, NULL);
}

void
fake_mech_release (FakeMech *fake)
{
  fake->released = TRUE;
}

const char *
fake_mech_complaint (FakeMech *fake)
{
  return fake->complaint;
}

gboolean
fake_mech_is_hidden (FakeMech *fake, const char *text)
{
  for (guint i = 0; i < fake->steps->len; i++)
    {
      const GString *step = fake->steps->pdata[i];
      if (step->len < 4 || is_failure (step) || is_word (step, "wait") || is_word (step, "empty"))
        continue;
      const char *word = step->str[0] == '?' ? step->str + 1 : step->str;
      gsize size = step->len - (gsize) (word - step->str);
      g_autofree char *encoded = g_base64_encode ((const guint8 *) word, size);
      g_autofree char *shown = vd_text_escape (word, size);
      if (strstr (text, encoded) != NULL || strstr (text, shown) != NULL)
        return FALSE;
    }
  return TRUE;
}

/* SPDX-License-Identifier: MIT */
/* Tests of questions for credentials: answered at once, later, never, by nobody, too late; asked again when refused; dropped with the asker. */
#include <string.h>

#include "core/send/credential.h"

typedef struct
{
  void (*act) (VeredaCredentialRequest *request);
  guint calls;
  VeredaCredentialRequest *kept;
  VeredaCredentialReason reason;
  guint told; /* how often the asker was told */
} App;

static App app;

static void
on_question (VeredaCredentialRequest *request, gpointer data)
{
  App *self = data;

  self->calls++;
  self->reason = vereda_credential_request_get_reason (request);
  g_assert_cmpint (vereda_credential_request_get_kind (request), ==, VEREDA_CREDENTIAL_PASSWORD);
  g_assert_cmpstr (vereda_credential_request_get_server (request), ==, "mail.example.org");
  g_assert_cmpstr (vereda_credential_request_get_user (request), ==, "tim");
  self->act (request);
}

static void
on_answered (gpointer data)
{
  ((App *) data)->told++;
}

static void
keep (VeredaCredentialRequest *request)
{
  app.kept = vereda_credential_request_ref (request);
}

static void
answer (VeredaCredentialRequest *request)
{
  vereda_credential_request_answer (request, "secret", 6);
}

static void
decline (VeredaCredentialRequest *request)
{
  vereda_credential_request_decline (request);
}

static void
ignore (VeredaCredentialRequest *request)
{
}

/* As a binding to another language does: a reference for its object, dropped before the answer. */
static void
wrap_and_answer (VeredaCredentialRequest *request)
{
  vereda_credential_request_ref (request);
  vereda_credential_request_unref (request);
  answer (request);
}

static void
answer_twice (VeredaCredentialRequest *request)
{
  answer (request);
  vereda_credential_request_answer (request, "another", 7);
  vereda_credential_request_decline (request);
}

static VeredaCredState
get (VdCredentialSlot *slot, VeredaSpan *ret)
{
  *ret = (VeredaSpan){ NULL, 0 };
  return vd_credential_get (slot, NULL, on_question, &app, VEREDA_CREDENTIAL_PASSWORD, "mail.example.org", "tim", NULL,
                            on_answered, &app, ret);
}

static void
expect_secret (VdCredentialSlot *slot, const char *text)
{
  VeredaSpan span;

  g_assert_cmpint (get (slot, &span), ==, VEREDA_CRED_HAVE);
  g_assert_cmpuint (span.size, ==, strlen (text));
  g_assert_true (memcmp (span.data, text, span.size) == 0);
}

static void
reset (void (*act) (VeredaCredentialRequest *))
{
  app = (App){ .act = act };
}

static void
test_fixed (void)
{
  g_autoptr (VdSecret) secret = vd_secret_new ("fixed", 5);
  VdCredentialSlot slot = { NULL };
  VeredaSpan span;

  reset (answer);
  g_assert_cmpint (
      vd_credential_get (&slot, secret, on_question, &app, VEREDA_CREDENTIAL_PASSWORD, "s", "u", NULL, NULL, NULL, &span), ==,
      VEREDA_CRED_HAVE);
  g_assert_cmpuint (span.size, ==, 5);
  g_assert_cmpuint (app.calls, ==, 0); /* nobody is asked for what is known */
  g_assert_cmpint (vd_credential_get (&slot, NULL, NULL, NULL, VEREDA_CREDENTIAL_TOKEN, "s", "u", NULL, NULL, NULL, &span), ==,
                   VEREDA_CRED_NONE);
  vd_credential_slot_clear (&slot);
}

static void
test_at_once (void)
{
  VdCredentialSlot slot = { NULL };

  reset (answer);
  expect_secret (&slot, "secret");
  expect_secret (&slot, "secret");
  g_assert_cmpuint (app.calls, ==, 1);
  g_assert_cmpint (app.reason, ==, VEREDA_CREDENTIAL_FIRST);
  g_assert_cmpuint (app.told, ==, 0); /* who asks has the answer in hand */
  vd_credential_slot_clear (&slot);
}

static void
test_later (void)
{
  VdCredentialSlot slot = { NULL };
  VeredaSpan span;

  reset (keep);
  g_assert_cmpint (get (&slot, &span), ==, VEREDA_CRED_LATER);
  g_assert_cmpint (get (&slot, &span), ==, VEREDA_CRED_LATER);
  g_assert_cmpuint (app.calls, ==, 1);
  answer (app.kept);
  g_assert_cmpuint (app.told, ==, 1);
  expect_secret (&slot, "secret");
  vereda_credential_request_answer (app.kept, "too late", 8); /* one answer */
  expect_secret (&slot, "secret");
  g_assert_cmpuint (app.told, ==, 1);
  vereda_credential_request_unref (app.kept);
  expect_secret (&slot, "secret");
  vd_credential_slot_clear (&slot);
}

static void
test_answered_twice (void)
{
  VdCredentialSlot slot = { NULL };

  reset (answer_twice);
  expect_secret (&slot, "secret");
  vd_credential_slot_clear (&slot);
}

static void
test_declined (void)
{
  void (*const acts[]) (VeredaCredentialRequest *) = { decline, ignore };

  for (gsize i = 0; i < G_N_ELEMENTS (acts); i++)
    {
      VdCredentialSlot slot = { NULL };
      VeredaSpan span;

      reset (acts[i]);
      g_assert_cmpint (get (&slot, &span), ==, VEREDA_CRED_NONE);
      g_assert_cmpint (get (&slot, &span), ==, VEREDA_CRED_NONE);
      g_assert_cmpuint (app.calls, ==, 1);
      g_assert_true (vd_credential_slot_is_declined (&slot));
      g_assert_false (
          vd_credential_slot_reject (&slot, VEREDA_CREDENTIAL_REJECTED)); /* nothing was answered that could be wrong */
      vd_credential_slot_clear (&slot);
    }
}

/* The last reference of the application goes without an answer. */
static void
test_dropped (void)
{
  VdCredentialSlot slot = { NULL };
  VeredaSpan span;

  reset (keep);
  g_assert_cmpint (get (&slot, &span), ==, VEREDA_CRED_LATER);
  vereda_credential_request_ref (app.kept);
  vereda_credential_request_unref (app.kept);
  g_assert_cmpuint (app.told, ==, 0); /* not the last */
  vereda_credential_request_unref (app.kept);
  g_assert_cmpuint (app.told, ==, 1);
  g_assert_cmpint (get (&slot, &span), ==, VEREDA_CRED_NONE);
  vd_credential_slot_clear (&slot);
}

static void
test_wrapped (void)
{
  VdCredentialSlot slot = { NULL };

  reset (wrap_and_answer);
  expect_secret (&slot, "secret");
  vd_credential_slot_clear (&slot);
}

/* The connection is gone before the answer comes: nobody is told, nothing leaks, and the next connection asks again. */
static void
test_asker_gone (void)
{
  VdCredentialSlot slot = { NULL };
  VeredaCredentialRequest *first;
  VeredaSpan span;

  reset (keep);
  g_assert_cmpint (get (&slot, &span), ==, VEREDA_CRED_LATER);
  first = app.kept;
  vd_credential_slot_detach (&slot);
  g_assert_null (slot.request);
  answer (first);
  vereda_credential_request_unref (first);
  g_assert_cmpuint (app.told, ==, 0);
  app.act = answer;
  expect_secret (&slot, "secret");
  g_assert_cmpint (app.reason, ==, VEREDA_CREDENTIAL_FIRST);
  g_assert_cmpuint (app.calls, ==, 2);
  vd_credential_slot_detach (&slot); /* an answer stays */
  expect_secret (&slot, "secret");
  g_assert_cmpuint (app.calls, ==, 2);
  vd_credential_slot_clear (&slot);
  vd_credential_slot_clear (&slot);
}

static void
test_rejected (void)
{
  VdCredentialSlot slot = { NULL };

  reset (answer);
  g_assert_false (vd_credential_slot_reject (&slot, VEREDA_CREDENTIAL_REJECTED));
  expect_secret (&slot, "secret");
  g_assert_true (vd_credential_slot_reject (&slot, VEREDA_CREDENTIAL_REJECTED));
  expect_secret (&slot, "secret");
  g_assert_cmpuint (app.calls, ==, 2);
  g_assert_cmpint (app.reason, ==, VEREDA_CREDENTIAL_REJECTED);
  vd_credential_slot_clear (&slot);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/credential/fixed", test_fixed);
  g_test_add_func ("/credential/at-once", test_at_once);
  g_test_add_func ("/credential/later", test_later);
  g_test_add_func ("/credential/answered-twice", test_answered_twice);
  g_test_add_func ("/credential/declined", test_declined);
  g_test_add_func ("/credential/dropped", test_dropped);
  g_test_add_func ("/credential/wrapped", test_wrapped);
  g_test_add_func ("/credential/asker-gone", test_asker_gone);
  g_test_add_func ("/credential/rejected", test_rejected);
  return g_test_run ();
}

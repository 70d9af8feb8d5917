/* SPDX-License-Identifier: MIT */
/* beast - mechanisms that look right and behave wrong, one per BEAST_* define, and one that is right.
 *
 * The mechanism is made up: the client sends user name and password, once.  Each wrong one differs from the right one in a single
 * point. */
#include <vereda-plugin/auth.h>

#include <stdio.h>
#include <string.h>

#define STRING_(x)                #x
#define STRING(x)                 STRING_ (x)
#define DEFINE_(stem, descriptor) VEREDA_PLUGIN_DEFINE (stem, descriptor)
#define DEFINE(stem, descriptor)  DEFINE_ (stem, descriptor)

#ifndef BEAST_MECH
#define BEAST_MECH "X-BEAST"
#endif
#ifndef BEAST_FLAGS
#define BEAST_FLAGS VEREDA_MECH_CLIENT_FIRST
#endif

typedef struct
{
  VeredaAuth auth;
  gboolean done;
  guint calls;
  char more[256];
} Beast;

#ifdef BEAST_EXTRA
__attribute__ ((visibility ("default"))) int beast_helper (void);
int
beast_helper (void)
{
  return 1;
}
#endif
#ifdef BEAST_MANY
#define SHOWN __attribute__ ((visibility ("default")))
SHOWN extern int beast_one, beast_two, beast_three, beast_four;
int beast_one = 1, beast_two = 2, beast_three = 3, beast_four = 4;
#endif
/* What no author can help, or may want: none of it is a mistake. */
#ifdef BEAST_RIGHTLY
__attribute__ ((visibility ("default"), weak)) int beast_inline (void);
int
beast_inline (void)
{
  return 1;
}
VEREDA_PLUGIN_EXPORT const VeredaPlugin *vereda2_beast_rightly_query (void);
const VeredaPlugin *
vereda2_beast_rightly_query (void)
{
  return NULL;
}
#endif
#ifdef BEAST_CHECK_INIT
__attribute__ ((visibility ("default"))) const char *g_module_check_init (void *module);
const char *
g_module_check_init (void *module)
{
  return NULL;
}
#endif
#ifdef BEAST_CONSTRUCTOR
__attribute__ ((constructor)) static void
begin (void)
{
  static volatile gsize nowhere = 16;
  *(volatile int *) nowhere = 1;
}
#endif
#ifdef BEAST_CORE
extern const char *vereda_version (void);
#endif

static VeredaStep
give_up (GError **error, VeredaAuthError code, const char *text)
{
  g_set_error_literal (error, VEREDA_AUTH_ERROR, (int) code, text);
  return VEREDA_STEP_FAILED;
}

static VeredaCredState
ask (VeredaAuth *a, VeredaCred kind, VeredaSpan *ret)
{
  VeredaCredState state = a->exchange->credential (a->exchange->self, kind, NULL, ret);
#ifdef BEAST_BLOCKS
  while (state == VEREDA_CRED_LATER)
    {
      g_usleep (10);
      state = a->exchange->credential (a->exchange->self, VEREDA_CRED_AUTHZID, NULL, ret);
      state = VEREDA_CRED_LATER;
    }
#endif
  return state;
}

/* What is wrong with the moment, before anything was asked. */
static VeredaStep
before (Beast *self, const VeredaSpan *challenge, GError **error)
{
#ifdef BEAST_CRASHES_ON_EMPTY
  if (challenge != NULL && ((volatile const char *) challenge->data)[0] == 'x')
    return give_up (error, VEREDA_AUTH_ERROR_PROTOCOL, "an x");
#endif
#ifdef BEAST_SMALL
  memset (self->more, 1, sizeof self->more);
#endif
#ifdef BEAST_TALKS
  if (fputs ("hello from the beast\n", stdout) < 0 || fflush (stdout) < 0)
    return give_up (error, VEREDA_AUTH_ERROR_SYSTEM, "cannot talk");
#endif
#ifdef BEAST_HASTY
  self->calls++; /* before it has what it needs */
#endif
#ifdef BEAST_SPINS
  for (volatile int forever = 1; forever;)
    ;
#endif
#ifndef BEAST_ENDLESS
  if (self->done)
    return give_up (error, VEREDA_AUTH_ERROR_PROTOCOL, "there is nothing more to say");
#endif
  return VEREDA_STEP_DONE;
}

static VeredaStep
missing (const VeredaSpan *user, const VeredaSpan *password, GError **error)
{
#ifdef BEAST_SILENT
  return VEREDA_STEP_FAILED;
#else
  return give_up (error, VEREDA_AUTH_ERROR_CREDENTIAL, "user name or password is missing");
#endif
}

static void
answer (Beast *self, GByteArray *response, const VeredaSpan *user, const VeredaSpan *password)
{
#ifdef BEAST_LEAKS
  char *copy = g_strndup (password->data, password->size);
  g_byte_array_append (response, (const guint8 *) copy, (guint) strlen (copy));
  g_free (copy);
  return;
#endif
#ifdef BEAST_PAST_CAP
  response->data[VEREDA_AUTH_RESPONSE_MAX + 3] = 'x';
#endif
#ifdef BEAST_SHARED
  static guint8 counter;
  counter++;
  g_byte_array_append (response, &counter, 1);
#endif
#ifdef BEAST_HASTY
  g_byte_array_append (response, (const guint8 *) &self->calls, sizeof self->calls);
#endif
#ifdef BEAST_PROVES_NOTHING
  g_byte_array_append (response, (const guint8 *) "n,,n=tim,r=abcdefgh", 19);
  return;
#endif
  if (1 + user->size + 1 + password->size > VEREDA_AUTH_RESPONSE_MAX)
    return;
  g_byte_array_append (response, (const guint8 *) "", 1);
#ifdef BEAST_WRONG_WORDS
  g_byte_array_append (response, (const guint8 *) "me", 2);
#endif
  g_byte_array_append (response, user->data, (guint) user->size);
  g_byte_array_append (response, (const guint8 *) "", 1);
  g_byte_array_append (response, password->data, (guint) password->size);
}

static G_GNUC_UNUSED VeredaStep
beast_step (VeredaAuth *a, const VeredaSpan *challenge, GByteArray *response, GError **error)
{
  Beast *self = (Beast *) a;
  VeredaSpan user = { NULL, 0 }, password = { NULL, 0 };
  if (before (self, challenge, error) == VEREDA_STEP_FAILED)
    return VEREDA_STEP_FAILED;
  VeredaCredState state = ask (a, VEREDA_CRED_AUTHCID, &user);
  if (state == VEREDA_CRED_HAVE)
    state = ask (a, VEREDA_CRED_PASSWORD, &password);
  if (state == VEREDA_CRED_LATER)
    return VEREDA_STEP_WAIT;
#ifdef BEAST_CARELESS
  if (user.size == 0 || password.size == 0)
    user = password = (VeredaSpan){ "nobody", 6 };
#endif
  if (user.size == 0 || password.size == 0)
    return missing (&user, &password, error);
#ifdef BEAST_TELLS
  g_set_error (error, VEREDA_AUTH_ERROR, VEREDA_AUTH_ERROR_CREDENTIAL, "do not like %.*s", (int) password.size,
               (const char *) password.data);
  return VEREDA_STEP_FAILED;
#endif
  if (1 + user.size + 1 + password.size > VEREDA_AUTH_RESPONSE_MAX)
    {
#ifndef BEAST_GROWS
      return give_up (error, VEREDA_AUTH_ERROR_CREDENTIAL, "user name and password are too long");
#else
      g_byte_array_append (response, user.data, (guint) user.size);
      g_byte_array_append (response, password.data, (guint) password.size);
#endif
    }
  answer (self, response, &user, &password);
  self->done = TRUE;
  return VEREDA_STEP_DONE;
}

static const VeredaMech mech = {
  .struct_size = sizeof (VeredaMech),
#if defined(BEAST_SMALL)
  .instance_size = sizeof (VeredaAuth),
#elif defined(BEAST_TINY)
  .instance_size = 4,
#else
  .instance_size = sizeof (Beast),
#endif
  .name = BEAST_MECH,
  .strength = { .exposure = VEREDA_EXPOSE_PASSWORD, .traits = VEREDA_TRAIT_NO_ACTIVE, .hash_bits = 8, .ssf = 7 },
  .needs = VEREDA_NEEDS (VEREDA_CRED_AUTHCID) | VEREDA_NEEDS (VEREDA_CRED_PASSWORD),
  .flags = BEAST_FLAGS,
#ifndef BEAST_NO_STEP
  .step = beast_step,
#endif
};

#ifdef BEAST_TWICE
static const VeredaMech *const mechs[] = { &mech, &mech, NULL };
#else
static const VeredaMech *const mechs[] = { &mech, NULL };
#endif

#ifdef BEAST_CORE
static gboolean
init (const VeredaHost *host, GError **error)
{
  return vereda_version () != NULL;
}
#endif

static const VeredaPlugin plugin = {
  .struct_size = sizeof (VeredaPlugin),
  .abi = VEREDA_PLUGIN_ABI,
  .name = STRING (ZOO_STEM),
  .version = "1.0",
  .license = "MIT",
  .mechs = mechs,
#ifdef BEAST_CORE
  .init = init,
#endif
};

DEFINE (ZOO_STEM, plugin)

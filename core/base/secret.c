/* SPDX-License-Identifier: MIT */
/* secret - octets that are wiped before their memory is given back.
 *
 * Pure.  Cannot fail. */
#include "core/base/secret.h"

#include <string.h>

struct VdSecret
{
  gatomicrefcount refs;
  gsize size;
  guint8 data[]; /* size octets and one NUL */
};

void
vd_wipe (void *data, gsize size)
{
  if (data != NULL && size > 0)
    explicit_bzero (data, size);
}

VdSecret *
vd_secret_new (const void *data, gsize size)
{
  g_return_val_if_fail (data != NULL || size == 0, NULL);
  g_return_val_if_fail (size < G_MAXSIZE - sizeof (VdSecret) - 1, NULL);
  VdSecret *secret = g_malloc (sizeof (VdSecret) + size + 1);
  g_atomic_ref_count_init (&secret->refs);
  secret->size = size;
  if (size > 0)
    memcpy (secret->data, data, size);
  secret->data[size] = '\0';
  return secret;
}

VdSecret *
vd_secret_ref (VdSecret *secret)
{
  g_return_val_if_fail (secret != NULL, NULL);
  g_atomic_ref_count_inc (&secret->refs);
  return secret;
}

void
vd_secret_unref (VdSecret *secret)
{
  if (secret == NULL || !g_atomic_ref_count_dec (&secret->refs))
    return;
  vd_wipe (secret->data, secret->size);
  g_free (secret);
}

VeredaSpan
vd_secret_span (VdSecret *secret)
{
  VeredaSpan span = { NULL, 0 };
  if (secret != NULL)
    {
      span.data = secret->data;
      span.size = secret->size;
    }
  return span;
}

void
vd_wipe_byte_array (GByteArray *array, gsize reserved)
{
  if (array == NULL)
    return;
  vd_wipe (array->data, MAX (reserved, (gsize) array->len));
  g_byte_array_unref (array);
}

/* The sizes are no secret; the octets are, so no branch depends on them. */
gboolean
vd_secret_equal (const void *a, gsize a_size, const void *b, gsize b_size)
{
  if (a_size != b_size)
    return FALSE;
  const volatile guint8 *left = a;
  const volatile guint8 *right = b;
  guint8 differ = 0;
  for (gsize i = 0; i < a_size; i++)
    differ = (guint8) (differ | (left[i] ^ right[i]));
  return differ == 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * A resolver for tests, put before the system's with LD_PRELOAD: VEREDA_TEST_HOSTS="mail.example.test=::1,127.0.0.1 other.test=127.0.0.2" says
 * which names have which addresses, in which order.  Anything else goes to the system.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

typedef int Resolve (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret);

/* The addresses of @node, behind its "=", or NULL. */
static const char *
addresses_of (const char *node)
{
  const char *hosts = getenv ("VEREDA_TEST_HOSTS");
  const size_t size = strlen (node);

  while (hosts != NULL && *hosts != '\0')
    {
      if (strncmp (hosts, node, size) == 0 && hosts[size] == '=')
        return hosts + size + 1;
      hosts = strchr (hosts, ' ');
      hosts = hosts != NULL ? hosts + 1 : NULL;
    }
  return NULL;
}

int
getaddrinfo (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
  Resolve *const system = (Resolve *) dlsym (RTLD_NEXT, "getaddrinfo");
  const char *list = node != NULL ? addresses_of (node) : NULL;
  struct addrinfo **tail = ret;
  char one[64];

  if (list == NULL)
    return system (node, service, hints, ret);
  *ret = NULL;
  while (*list != '\0' && *list != ' ')
    {
      const size_t size = strcspn (list, ", ");
      int code = EAI_FAIL;

      if (size >= sizeof one)
        return code;
      memcpy (one, list, size);
      one[size] = '\0';
      code = system (one, service, hints, tail);
      if (code != 0 && code != EAI_ADDRFAMILY && code != EAI_NONAME) /* those: not of the family that is asked for */
        return code;
      if (code != 0)
        *tail = NULL;
      while (*tail != NULL)
        tail = &(*tail)->ai_next;
      list += size + (list[size] == ',');
    }
  return *ret != NULL ? 0 : EAI_NONAME;
}

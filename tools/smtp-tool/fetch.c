/* SPDX-License-Identifier: MIT */
/* fetch - smtp-tool-fetch URL [ROOTS [HOST:PORT:ADDRESS,...]]: prints what an https: URL has, for MTA-STS policies (RFC 8461 section 3.3).
 *
 * ROOTS: authorities to trust, "" the system's.  The last: where the host is, when the system's resolver need not know.  A program of its own, so
 * that nothing else loads libcurl.  No redirects, the certificate has to be right, at most 64 KiB of text, one minute.  Exit status 1 with the
 * reason on standard error. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum
{
  MOST = 65536,
  SECONDS = 60,
};

typedef struct
{
  char octets[MOST];
  size_t size;
} Body;

static size_t
take (char *octets, size_t one, size_t count, void *data)
{
  Body *body = data;
  const size_t size = one * count;

  if (size > sizeof body->octets - body->size)
    return 0; /* CURLE_WRITE_ERROR */
  memcpy (body->octets + body->size, octets, size);
  body->size += size;
  return size;
}

static CURLcode
set_up (CURL *curl, char **argv, struct curl_slist *places, Body *body, char *message)
{
  CURLcode code = curl_easy_setopt (curl, CURLOPT_URL, argv[1]);

  code = code == CURLE_OK ? curl_easy_setopt (curl, CURLOPT_PROTOCOLS_STR, "https") : code;
  code = code == CURLE_OK ? curl_easy_setopt (curl, CURLOPT_FOLLOWLOCATION, 0L) : code;
  code = code == CURLE_OK ? curl_easy_setopt (curl, CURLOPT_FAILONERROR, 1L) : code;
  code = code == CURLE_OK ? curl_easy_setopt (curl, CURLOPT_TIMEOUT, (long) SECONDS) : code;
  code = code == CURLE_OK ? curl_easy_setopt (curl, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED) : code;
  code = code == CURLE_OK ? curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, take) : code;
  code = code == CURLE_OK ? curl_easy_setopt (curl, CURLOPT_WRITEDATA, body) : code;
  code = code == CURLE_OK ? curl_easy_setopt (curl, CURLOPT_ERRORBUFFER, message) : code;
  code = code == CURLE_OK && places != NULL ? curl_easy_setopt (curl, CURLOPT_RESOLVE, places) : code;
  return code == CURLE_OK && argv[2] != NULL && *argv[2] != '\0' ? curl_easy_setopt (curl, CURLOPT_CAINFO, argv[2]) : code;
}

/* Section 3.2: text/plain, and 200 alone is success. */
static const char *
complaint (CURL *curl, const Body *body)
{
  const char *type = NULL;
  long status = 0;

  (void) curl_easy_getinfo (curl, CURLINFO_RESPONSE_CODE, &status);
  (void) curl_easy_getinfo (curl, CURLINFO_CONTENT_TYPE, &type);
  if (status != 200)
    return "the answer is not 200; redirects are not followed";
  if (type == NULL || strncasecmp (type, "text/plain", strlen ("text/plain")) != 0)
    return "it is not text/plain";
  if (memchr (body->octets, '\0', body->size) != NULL)
    return "it holds a null octet";
  return NULL;
}

int
main (int argc, char **argv)
{
  static Body body;
  char message[CURL_ERROR_SIZE] = "";

  if (argc < 2 || argc > 4)
    {
      fputs ("usage: smtp-tool-fetch URL [ROOTS [HOST:PORT:ADDRESS,...]]\n", stderr);
      return 1;
    }
  CURL *curl = curl_global_init (CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init () : NULL;
  if (curl == NULL)
    {
      fputs ("libcurl does not start\n", stderr);
      return 1;
    }
  struct curl_slist *places = argc == 4 ? curl_slist_append (NULL, argv[3]) : NULL;
  CURLcode code = argc == 4 && places == NULL ? CURLE_OUT_OF_MEMORY : set_up (curl, argv, places, &body, message);
  code = code == CURLE_OK ? curl_easy_perform (curl) : code;
  const char *why = code != CURLE_OK ? (*message != '\0' ? message : curl_easy_strerror (code)) : complaint (curl, &body);
  if (why != NULL)
    fprintf (stderr, "%s: %s\n", argv[1], why);
  else
    (void) fwrite (body.octets, 1, body.size, stdout);
  curl_easy_cleanup (curl);
  curl_slist_free_all (places);
  curl_global_cleanup ();
  return why != NULL || fflush (stdout) != 0;
}

/* SPDX-License-Identifier: MIT */
/* libcurl: one easy handle, performed again and again, which keeps its connection.
 *
 * FILE is uploaded with the size told beforehand; above a megabyte it is read from the file as it goes, as a large one would be.
 * pkg-config: libcurl */
#include <curl/curl.h>

#include "peer.h"

enum
{
  IN_MEMORY_MAX = 1024 * 1024
};

typedef struct
{
  Peer peer;
  size_t done;
} Upload;

static size_t
on_read (char *buffer, size_t size, size_t count, void *data)
{
  Upload *upload = data;
  size_t n = upload->peer.size - upload->done;

  if (n > size * count)
    n = size * count;
  memcpy (buffer, upload->peer.data + upload->done, n);
  upload->done += n;
  return n;
}

int
main (int argc, char **argv)
{
  Upload upload = { .done = 0 };
  Peer *peer = &upload.peer;
  FILE *file;
  char url[300];

  peer_parse (peer, argc, argv);
  if ((file = fopen (peer->file, "rb")) == NULL || fseek (file, 0, SEEK_END) != 0)
    peer_die (peer->file, "cannot be read");
  const curl_off_t size = ftell (file);
  if (size <= IN_MEMORY_MAX)
    peer_read_file (peer);
  curl_global_init (CURL_GLOBAL_DEFAULT);
  CURL *curl = curl_easy_init ();
  struct curl_slist *to = curl_slist_append (NULL, PEER_TO);
  snprintf (url, sizeof url, "%s://%s:%s", strcmp (peer->tls, "implicit") == 0 ? "smtps" : "smtp", peer->host, peer->port);
  curl_easy_setopt (curl, CURLOPT_URL, url);
  curl_easy_setopt (curl, CURLOPT_MAIL_FROM, PEER_FROM);
  curl_easy_setopt (curl, CURLOPT_MAIL_RCPT, to);
  curl_easy_setopt (curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt (curl, CURLOPT_INFILESIZE_LARGE, size);
  if (peer->data != NULL)
    {
      curl_easy_setopt (curl, CURLOPT_READFUNCTION, on_read);
      curl_easy_setopt (curl, CURLOPT_READDATA, &upload);
    }
  else
    {
      curl_easy_setopt (curl, CURLOPT_READDATA, file); /* fread() */
      curl_easy_setopt (curl, CURLOPT_UPLOAD_BUFFERSIZE,
                        2L * 1024 * 1024); /* the most it takes: its documentation says "may improve" */
    }
  if (strcmp (peer->tls, "none") != 0)
    {
      curl_easy_setopt (curl, CURLOPT_USE_SSL, (long) CURLUSESSL_ALL);
      curl_easy_setopt (curl, CURLOPT_CAINFO, peer->ca);
    }
  if (peer->user != NULL)
    {
      curl_easy_setopt (curl, CURLOPT_USERNAME, peer->user);
      curl_easy_setopt (curl, CURLOPT_PASSWORD, peer->password);
      curl_easy_setopt (curl, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN");
      curl_easy_setopt (curl, CURLOPT_SASL_IR, 1L);
    }
  for (unsigned long i = 0; i < peer->count; i++)
    {
      upload.done = 0;
      rewind (file);
      const CURLcode code = curl_easy_perform (curl);
      if (code != CURLE_OK)
        peer_die ("libcurl", curl_easy_strerror (code));
    }
  curl_slist_free_all (to);
  curl_easy_cleanup (curl);
  curl_global_cleanup ();
  return 0;
}

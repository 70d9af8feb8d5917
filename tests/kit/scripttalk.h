/* SPDX-License-Identifier: MIT */
/*
 * scripttalk: one connection of a scriptserver, its record and its state.  For scriptserver's own files.
 */
#ifndef VEREDA_TESTS_KIT_SCRIPTTALK_H
#define VEREDA_TESTS_KIT_SCRIPTTALK_H

#include <glib.h>

#include "tlsserver.h"

typedef struct
{
  char *text;
  gboolean secure;
  gint64 time;
} KitLine;

typedef struct
{
  char *prefix, *reply;
  gboolean once, used;
} KitRule;

/* One connection: its record and, while it lives, its state. */
typedef struct
{
  GByteArray *clear, *secure;
  GPtrArray *lines;    /* of KitLine */
  GPtrArray *contents; /* of char * */
  char *problem;
  gboolean had_tls, got_end, said_end, gave_data;
  gsize sent;

  KitConn *conn;
  guint8 in[65536];
  gsize in_from, in_to;
  GPtrArray *rules; /* of KitRule */
  char *ext;
  gboolean split, cut_rst, limit_rst, over, reset;
  gint64 cut, limit; /* -1: no */
  gsize slow;
  guint64 peer; /* the client's address and port */
} KitTalk;

/* ---- scripttalk.c: octets, and a server that behaves ---- */

/* The script cannot go on: the first reason is kept. */
void kit_talk_spoil (KitTalk *talk, const char *format, ...) G_GNUC_PRINTF (2, 3);
void kit_talk_end (KitTalk *talk, gboolean reset);
/* FALSE when nothing more can be sent. */
gboolean kit_talk_say_octets (KitTalk *talk, const char *data, gsize size);
/* A line: CRLF is added. */
gboolean kit_talk_say (KitTalk *talk, const char *text);
/* With the escapes of the step `>>`. */
void kit_talk_say_escaped (KitTalk *talk, const char *text);
void kit_talk_say_ehlo (KitTalk *talk);
/* Something is there to read. */
gboolean kit_talk_fill (KitTalk *talk);
/* A line without its end; NULL at the end of the connection. */
const char *kit_talk_hear (KitTalk *talk);
gboolean kit_talk_hear_content (KitTalk *talk);
/* Behaves until the client has gone, or until a line begins with `until` (NULL: never). */
gboolean kit_talk_serve (KitTalk *talk, const char *until);

/* ---- scriptsteps.c ---- */

void kit_talk_follow (KitTalk *talk, const char *script);

#endif

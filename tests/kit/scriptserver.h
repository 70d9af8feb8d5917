/* SPDX-License-Identifier: MIT */
/*
 * scriptserver: an SMTP server on loopback that follows a script, right or wrong, and writes down all that the client sent.
 *
 * A script is a text, one step a line; each connection, in the order of accepting, has its own.  Steps:
 *
 *   > TEXT            send TEXT and CRLF
 *   >> TEXT           send TEXT with its escapes (\r \n \t \\ \xHH, \x00 too) undone and nothing added
 *   < [PREFIX]        hear a line; it has to begin with PREFIX
 *   = TEXT            hear a line; it has to be TEXT
 *   ext A;B;C         the extensions that EHLO is answered with from here on
 *   on PREFIX = TEXT  in `serve`: a line that begins with PREFIX is answered with TEXT (C escapes, CRLF added), the latest rule first;
 *                     the prefix CONTENT stands for the end of the data.  TEXT may also be one of the words !close !rst !silence
 *   once PREFIX = TEXT   the same, for one line only
 *   hello             greeting, EHLO and its answer
 *   serve             behave, but for the rules, until the client has gone
 *   until PREFIX      the same, until a line begins with PREFIX: it was heard and is not answered
 *   content           hear up to and including CRLF.CRLF
 *   tls NAME          the server's half of a handshake, with certificate NAME of VEREDA_TEST_CERTS; ends the connection when it fails
 *   starttls NAME     hear STARTTLS, say 220, then `tls NAME`
 *   digest PASS [bad] DIGEST-MD5 after the AUTH line: challenge, hear the response, send the proof (a wrong one with `bad`)
 *   split             from here on each octet is sent by itself
 *   cut N [rst]       the connection ends where octet N of the server's output would be sent
 *   limit N [rst]     the connection ends when N octets of the client were heard
 *   buffers N         smallest socket buffers
 *   slow N            `serve` and `<` read at most N octets at a time, with a pause of a millisecond
 *   pause MS          wait, or until the client is gone
 *   take N            hear N octets
 *   drain             hear everything until the client is gone
 *   close, rst        end the connection now
 *
 * After the last step the connection is closed, with what was still on its way read.  Everything is bounded in time (ten seconds each read or write).
 */
#ifndef VEREDA_TESTS_KIT_SCRIPTSERVER_H
#define VEREDA_TESTS_KIT_SCRIPTSERVER_H

#include <glib.h>

typedef struct KitScript KitScript;

/* Listens on 127.0.0.1.  Scripts up to NULL; connections beyond them are counted and closed at once. */
KitScript *kit_script_new (const char *script, ...) G_GNUC_NULL_TERMINATED;
guint16 kit_script_port (KitScript *server);
/* Waits until the connections so far have ended; call it before looking at the record. */
void kit_script_settle (KitScript *server);
void kit_script_free (KitScript *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KitScript, kit_script_free)

/* ---- the record, after kit_script_settle() ---- */

guint kit_script_connections (KitScript *server);
/* What connection `n` sent in clear, and what it sent under TLS, as text with NUL shown as U+2400. Octets: the arrays. Borrowed. */
const GByteArray *kit_script_clear (KitScript *server, guint n);
const GByteArray *kit_script_secure (KitScript *server, guint n);
/* What a step `<` heard instead of what it expected, or another trouble of the script itself; NULL: none. */
const char *kit_script_problem (KitScript *server, guint n);
/* The handshake of connection `n` succeeded, on this side. */
gboolean kit_script_had_tls (KitScript *server, guint n);
/* The server heard the whole content and CRLF.CRLF (or all of BDAT LAST), and it sent the whole of its reply to it. */
gboolean kit_script_got_end (KitScript *server, guint n);
gboolean kit_script_said_end (KitScript *server, guint n);
/* The script came to the 354 (or to a BDAT): nothing before that can have been a message. */
gboolean kit_script_gave_data (KitScript *server, guint n);
/* Octets that the server sent. */
gsize kit_script_sent (KitScript *server, guint n);
/* Lines of connection `n`, in clear or not, that begin with `prefix`; -1 for all connections together.  Content is not looked at. */
guint kit_script_count (KitScript *server, gint n, const char *prefix);
/* The i-th such line (borrowed), and when it came (monotonic, microseconds). NULL: none. */
const char *kit_script_line (KitScript *server, guint n, const char *prefix, guint i);
gint64 kit_script_line_time (KitScript *server, guint n, const char *prefix, guint i);
/* The content of message i of the connection, dots still stuffed, up to the line with the dot; NULL: none.  Borrowed. */
const char *kit_script_content (KitScript *server, guint n, guint i);

#endif

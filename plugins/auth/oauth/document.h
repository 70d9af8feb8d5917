/* SPDX-License-Identifier: MIT */
/**
 * @file document.h
 * @brief The error document that a server sends instead of a success: RFC 7628 section 3.2.2, a JSON object (RFC 8259).
 *
 * Pure.  Only the three members that the RFC names are kept, made safe to show; everything else is checked for its grammar and
 * passed over.  There is no tree, so there is nothing to nest out of bounds and nothing to free but three short texts.
 */
#ifndef VEREDA_AUTH_DOCUMENT_H
#define VEREDA_AUTH_DOCUMENT_H

#include <glib.h>
#include <vereda-plugin/plugin.h>

G_BEGIN_DECLS

/** What is kept of a text, in characters: the rest of a longer one is cut off. */
#define OAUTH_TEXT_MAX 200

/** Members that were there; each valid UTF-8 without control characters, or NULL. */
typedef struct
{
  char *status;               /**< "invalid_token", "401" */
  char *scope;                /**< what a token would have to be good for */
  char *openid_configuration; /**< shown to people, never followed: RFC 7628 section 5 warns of it */
} OauthDocument;

/** FALSE, with nothing kept, unless the octets are one JSON object. */
gboolean oauth_document_parse (const VeredaSpan *octets, OauthDocument *ret_document);
void oauth_document_clear (OauthDocument *document);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (OauthDocument, oauth_document_clear)

/** The server says that the token is no longer, or not, good; a fresh one may do. */
gboolean oauth_document_is_expired (const OauthDocument *document);

G_END_DECLS

#endif

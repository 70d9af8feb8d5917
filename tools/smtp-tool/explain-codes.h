/* SPDX-License-Identifier: MIT */
/* explain-codes - reply codes and enhanced status codes in words.  Data. */
#ifndef TOOL_EXPLAIN_CODES_H
#define TOOL_EXPLAIN_CODES_H

#include <glib.h>

typedef struct
{
  const char *code;
  const char *meaning;
  const char *advice; /* causes as they are met in practice, and what to do; NULL: none */
  const char *source; /* RFC and section */
} CodeInfo;

guint code_count (void);
const CodeInfo *code_at (guint index);

/* "550"; NULL: it stands for nothing of its own. */
const CodeInfo *code_reply (const char *code);
/* "5.7.8"; NULL: it is not registered. */
const CodeInfo *code_enhanced (const char *code);

/* What the parts say of a code that is not registered: class and subject; NULL: none there is. */
const char *code_class (char digit);
const char *code_subject (const char *subject);

#endif

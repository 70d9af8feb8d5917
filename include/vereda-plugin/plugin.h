/* SPDX-License-Identifier: MIT */
/**
 * @file plugin.h
 * @brief What every Vereda plugin sees: the descriptor, the host table, the export macro.
 *
 * A plugin is one shared object with one exported function, beside a keyfile of the same stem.  It includes these headers,
 * GLib and its own library, and links neither libvereda nor another plugin.
 *
 * Evolution: every struct begins with `struct_size` and only ever grows at its end.  A reader looks at a member through
 * VEREDA_HAS(), so an old plugin meets a new core, and a new plugin an old core, without either touching memory that is not
 * there.  A change that cannot be made this way gets a new major: another symbol prefix, another directory.
 */
#ifndef VEREDA_PLUGIN_PLUGIN_H
#define VEREDA_PLUGIN_PLUGIN_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

/** Major version of the plugin interface; part of the query symbol's name and of the keyfile (`Abi=1`). */
#define VEREDA_PLUGIN_ABI 1u

/** True when the object @p p is new enough to have member @p m of @p type, and the member is set. */
#define VEREDA_HAS(type, p, m) ((p)->struct_size >= offsetof (type, m) + sizeof ((p)->m) && (p)->m != NULL)

/** Borrowed bytes.  Never NUL-ended; @c data may be NULL when @c size is 0. */
typedef struct
{
  const void *data; /**< the octets */
  size_t size;      /**< how many */
} VeredaSpan;

typedef struct VeredaHost VeredaHost; /**< services of the core */

/**
 * Services the core lends to plugins.  The table lives as long as the process and may be used from any thread.
 * Append only.
 */
struct VeredaHost
{
  uint32_t struct_size; /**< sizeof (VeredaHost) as the core was compiled */
  uint32_t reserved;    /**< zero */
  void *self;           /**< passed back as the first argument of every call */

  /** Debug text for a developer, shown only when tracing is on.  Never pass a secret, nor octets from the network. */
  void (*debug) (void *self, const char *topic, const char *format, ...) G_GNUC_PRINTF (3, 4);

  /** Fill @p size octets at @p buf with cryptographic randomness.  A test kit substitutes fixed nonces here. */
  gboolean (*random) (void *self, void *buf, size_t size, GError **error);
};

typedef struct VeredaTransport VeredaTransport; /**< see transport.h */
typedef struct VeredaMech VeredaMech;           /**< see auth.h */

/** The descriptor that a plugin's query function returns; static and constant. */
typedef struct
{
  uint32_t struct_size;                     /**< sizeof (VeredaPlugin) as the plugin was compiled */
  uint32_t abi;                             /**< VEREDA_PLUGIN_ABI as the plugin was compiled */
  const char *name;                         /**< the stem, `[a-z][a-z0-9_]{0,31}`, equal to the keyfile's Name */
  const char *version;                      /**< the plugin's own version */
  const char *license;                      /**< SPDX expression */
  const VeredaTransport *const *transports; /**< NULL-ended, or NULL */
  const VeredaMech *const *mechs;           /**< NULL-ended, or NULL */
  /** Called once per process, by one thread, before anything else of the plugin.  May be NULL. */
  gboolean (*init) (const VeredaHost *host, GError **error);
} VeredaPlugin;

/** Type of the one exported function. */
typedef const VeredaPlugin *(*VeredaPluginQueryFunc) (void);

/** Export marker of the query function; empty with VEREDA_PLUGIN_STATIC, for plugins linked into a test. */
#ifdef VEREDA_PLUGIN_STATIC
#define VEREDA_PLUGIN_EXPORT
#else
#define VEREDA_PLUGIN_EXPORT __attribute__ ((visibility ("default")))
#endif

/** Defines the plugin's one exported symbol, `vereda1_<stem>_query`; in C++ as well as in C. */
#define VEREDA_PLUGIN_DEFINE(stem, descriptor)                                                                                 \
  G_BEGIN_DECLS                                                                                                                \
  VEREDA_PLUGIN_EXPORT const VeredaPlugin *vereda1_##stem##_query (void);                                                      \
  G_END_DECLS                                                                                                                  \
  VEREDA_PLUGIN_EXPORT const VeredaPlugin *vereda1_##stem##_query (void)                                                       \
  {                                                                                                                            \
    return &(descriptor);                                                                                                      \
  }

G_END_DECLS

#endif

/* SPDX-License-Identifier: MIT */
/**
 * @file registry.h
 * @brief Which transports and mechanisms there are, and what is wrong with those that cannot be used.
 *
 * A registry is what was found in the plugin directories when it was made.  Plugins describe themselves in a keyfile beside the
 * module, so listing opens no module; a plugin is loaded when it is first used, and stays loaded until the process ends.
 *
 * Directories: those given to vereda_registry_new_from_dirs(); for the default registry those of the environment variable
 * VEREDA_PLUGIN_PATH (absolute, colon-separated; ignored in privileged programs), else the one compiled in.  In every registry
 * an administrator may switch plugins off and rank them in files of the override directory, `<sysconfdir>/vereda/plugins.d`,
 * and rank them with the variable VEREDA_RANK="name:rank,…".
 *
 * Threads: a registry and its entries may be used from any thread, concurrently.  Strings that getters return belong to the
 * registry and live as long as it does.
 */
#ifndef VEREDA_REGISTRY_H
#define VEREDA_REGISTRY_H

#include <glib.h>
#include <vereda/error.h>
#include <vereda/macros.h>

G_BEGIN_DECLS

/** Opaque, reference-counted. */
typedef struct VeredaRegistry VeredaRegistry;

/** One row of the list of plugins: a transport in one mode, a mechanism, or a file that cannot be used.  The registry's. */
typedef struct VeredaRegistryEntry VeredaRegistryEntry;

/** What a row is about.  Values never change; new kinds may come. */
typedef enum
{
  VEREDA_ENTRY_TRANSPORT = 1, /**< such as "implicit/openssl", "starttls/gnutls", "plain" */
  VEREDA_ENTRY_MECHANISM = 2, /**< such as "CRAM-MD5" */
  VEREDA_ENTRY_BROKEN = 3     /**< a plugin whose keyfile, owner or mode is not acceptable; its contents are not known */
} VeredaEntryKind;

/** How it stands.  Values never change. */
typedef enum
{
  VEREDA_ENTRY_OK = 1,       /**< can be used, as far as is known without loading, or is loaded */
  VEREDA_ENTRY_DISABLED = 2, /**< switched off by the administrator */
  VEREDA_ENTRY_SHADOWED = 3, /**< a plugin of the same name in an earlier directory is used instead */
  VEREDA_ENTRY_FAILED = 4    /**< not usable; the reason says why */
} VeredaEntryState;

/**
 * The registry of the process, made at the first call.
 * @return borrowed; valid until the process ends
 */
VEREDA_API
VeredaRegistry *vereda_registry_get_default (void);

/**
 * A registry of the plugins in @p dirs and nowhere else.
 * @param dirs NULL-ended list of absolute paths; of plugins with the same name the first is used
 * @return a new registry, or NULL with VEREDA_ERROR_OPTION when a path is not absolute.  A directory that cannot be used is
 *         no error but a warning: vereda_registry_get_warnings()
 */
VEREDA_API
VeredaRegistry *vereda_registry_new_from_dirs (const char *const *dirs, GError **error);

/** Takes a reference.  @return @p registry */
VEREDA_API
VeredaRegistry *vereda_registry_ref (VeredaRegistry *registry);

/** Drops a reference; NULL is fine.  Loaded plugins stay loaded. */
VEREDA_API
void vereda_registry_unref (VeredaRegistry *registry);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VeredaRegistry, vereda_registry_unref)

/** The directories that were searched, in order.  @return NULL-ended, borrowed */
VEREDA_API
const char *const *vereda_registry_get_directories (VeredaRegistry *registry);

/** Where an administrator's files for this registry lie: `<sysconfdir>/vereda/plugins.d`.  @return borrowed; NULL: nowhere */
VEREDA_API
const char *vereda_registry_get_override_directory (VeredaRegistry *registry);

/**
 * What was wrong with the search itself: a directory that is missing or writable by others, a part of VEREDA_RANK that makes
 * no sense.
 * @return NULL-ended, borrowed; never NULL
 */
VEREDA_API
const char *const *vereda_registry_get_warnings (VeredaRegistry *registry);

/** Number of entries. */
VEREDA_API
guint vereda_registry_get_n_entries (VeredaRegistry *registry);

/**
 * The entry at @p index: transports first, then mechanisms, each strongest first, then what is broken.
 * @return borrowed, lives as long as the registry; NULL when @p index is not below vereda_registry_get_n_entries()
 */
VEREDA_API
VeredaRegistryEntry *vereda_registry_get_entry (VeredaRegistry *registry, guint index);

/**
 * Loads the plugin of an entry now, as its first use would, and tells how that goes.  The outcome is kept: the entry's state
 * and reason show it from then on.
 * @return TRUE, or FALSE with VEREDA_ERROR_PLUGIN
 */
VEREDA_API
gboolean vereda_registry_load_entry (VeredaRegistry *registry, VeredaRegistryEntry *entry, GError **error);

/** What the entry is about. */
VEREDA_API
VeredaEntryKind vereda_registry_entry_get_kind (VeredaRegistryEntry *entry);

/** "implicit/openssl", "CRAM-MD5"; for a broken plugin its stem or file name. */
VEREDA_API
const char *vereda_registry_entry_get_name (VeredaRegistryEntry *entry);

/** Transports: "implicit", "starttls" or "plain".  Else NULL. */
VEREDA_API
const char *vereda_registry_entry_get_mode (VeredaRegistryEntry *entry);

/** Transports: the name of the transport without its mode, such as "openssl".  Else NULL. */
VEREDA_API
const char *vereda_registry_entry_get_transport (VeredaRegistryEntry *entry);

/** Name of the plugin, which its two files are named after. */
VEREDA_API
const char *vereda_registry_entry_get_stem (VeredaRegistryEntry *entry);

/** How it stands now; loading may turn VEREDA_ENTRY_OK into VEREDA_ENTRY_FAILED. */
VEREDA_API
VeredaEntryState vereda_registry_entry_get_state (VeredaRegistryEntry *entry);

/** Why it cannot be used; NULL when it can. */
VEREDA_API
const char *vereda_registry_entry_get_reason (VeredaRegistryEntry *entry);

/** TRUE when the plugin has been loaded, by whatever part of the process. */
VEREDA_API
gboolean vereda_registry_entry_is_loaded (VeredaRegistryEntry *entry);

/** Mechanisms: strength as a number for people, 0 to 6999: of two, the weaker never has the higher.  Else 0. */
VEREDA_API
guint vereda_registry_entry_get_strength (VeredaRegistryEntry *entry);

/** Mechanisms: strength in words, such as "weak-proof; mutual; hash 128".  Else NULL. */
VEREDA_API
const char *vereda_registry_entry_get_strength_words (VeredaRegistryEntry *entry);

/** Rank among equals; the higher is tried first. */
VEREDA_API
int vereda_registry_entry_get_rank (VeredaRegistryEntry *entry);

/** Full path of the module; NULL when the file name is not one of a plugin. */
VEREDA_API
const char *vereda_registry_entry_get_file (VeredaRegistryEntry *entry);

/** Full path of the keyfile. */
VEREDA_API
const char *vereda_registry_entry_get_keyfile (VeredaRegistryEntry *entry);

/** Version of the plugin interface; 0 when not known. */
VEREDA_API
guint vereda_registry_entry_get_abi (VeredaRegistryEntry *entry);

/** Version of the plugin; may be empty, NULL when not known. */
VEREDA_API
const char *vereda_registry_entry_get_version (VeredaRegistryEntry *entry);

/** Licence, an SPDX expression; may be empty, NULL when not known. */
VEREDA_API
const char *vereda_registry_entry_get_license (VeredaRegistryEntry *entry);

/** One line; may be empty, NULL when not known. */
VEREDA_API
const char *vereda_registry_entry_get_description (VeredaRegistryEntry *entry);

/** Mechanisms: the credentials it needs: "authcid" "authzid" "password" "token" "realm".  @return NULL-ended, borrowed; never
 * NULL */
VEREDA_API
const char *const *vereda_registry_entry_get_needs (VeredaRegistryEntry *entry);

/**
 * Mechanisms: "client-first" "server-last" "needs-tls" "needs-binding" "needs-host" "historic".  Transports: the channel
 * bindings, such as "tls-exporter".  New words may come.  @return NULL-ended, borrowed; never NULL
 */
VEREDA_API
const char *const *vereda_registry_entry_get_flags (VeredaRegistryEntry *entry);

G_END_DECLS

#endif

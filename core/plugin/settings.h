/* SPDX-License-Identifier: MIT */
/* settings - the text of a keyfile as sections, keys and values.
 *
 * The syntax is GKeyFile's.  A start reads every plugin's keyfile, and GKeyFile's price for one is a hundred times that of reading its
 * octets: so a text that is nothing but plain ASCII lines of "[Section]", "Key=value" and "#" - every keyfile that is not unusual -
 * is split here, and everything else, whatever is wrong with it, is GKeyFile's.  Both give the same for what both take.  Pure. */
#ifndef VD_SETTINGS_H
#define VD_SETTINGS_H

#include <glib.h>

typedef struct VdSettings VdSettings;

/* The short way; NULL: not a text for it. */
VdSettings *vd_settings_new_plain (const char *data, gsize size);
/* GKeyFile's; NULL with its error. */
VdSettings *vd_settings_new_thorough (const char *data, gsize size, GError **error);
void vd_settings_free (VdSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VdSettings, vd_settings_free)

/* Names in the order of the file, NULL-ended; g_strfreev. */
char **vd_settings_sections (const VdSettings *settings);
char **vd_settings_keys (const VdSettings *settings, const char *section);

gboolean vd_settings_has_section (const VdSettings *settings, const char *section);
gboolean vd_settings_has (const VdSettings *settings, const char *section, const char *key);

/* A value that is there: text without its escapes; the words of a list; yes or no.  Fail as GKeyFile does. */
char *vd_settings_text (const VdSettings *settings, const char *section, const char *key, GError **error);
char **vd_settings_list (const VdSettings *settings, const char *section, const char *key, GError **error);
gboolean
vd_settings_boolean (const VdSettings *settings, const char *section, const char *key, gboolean *ret_value, GError **error);

#endif

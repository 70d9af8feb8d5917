/* SPDX-License-Identifier: MIT */
/* trust - may this file's content run in our process?
 *
 * A plugin directory, a keyfile and a module must belong to root or to the effective user and be writable by nobody else, and
 * files must be regular and not reached through a symbolic link.  Checked on the open descriptor.  Who can write as
 * the same user has already won; this keeps out everybody else.  Touches the file system. */
#ifndef VD_TRUST_H
#define VD_TRUST_H

#include <glib.h>
#include <sys/stat.h>

/* The judgement itself, pure: NULL when acceptable, else what is wrong. `directory`: what it has to be. */
const char *vd_trust_judge (const struct stat *info, uid_t euid, gboolean directory);

/* Open a directory or a file in it.  -1 with VEREDA_ERROR_PLUGIN, the message beginning with the path. */
int vd_trust_open_dir (const char *path, GError **error);
int vd_trust_open_file (int dir_fd, const char *dir, const char *name, GError **error);

/* Content of a trusted file of at most `max` octets, NUL-ended. */
gboolean
vd_trust_read_file (int dir_fd, const char *dir, const char *name, gsize max, char **ret_data, gsize *ret_size, GError **error);

#endif

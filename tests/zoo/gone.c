/* SPDX-License-Identifier: MIT */
/* gone - a library that a zoo plugin needs and that is not there where the plugin is tried. */
int zoo_gone (void);

__attribute__ ((visibility ("default"))) int
zoo_gone (void)
{
  return 0;
}

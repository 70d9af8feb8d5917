#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""grow.py HEADER OUTPUT: a header of the SDK as a later minor version may have it, with members at the end of every struct that may
grow.  What it cannot find is an error: then a struct was renamed, and this file has to follow."""

import re
import sys

# struct -> what a later version appends
GROWN = {
    "plugin.h": {
        "struct VeredaHost": "  int (*later_host) (void *self, int value);\n",
        "VeredaPlugin": "  const char *later_plugin;\n  uint64_t later_reserved[4];\n",
    },
    "auth.h": {
        "VeredaExchange": "  const char *later_exchange;\n  uint64_t later_exchange_reserved[4];\n",
        "struct VeredaMech": "  const char *(*later_mech) (VeredaAuth *a);\n  uint64_t later_mech_reserved[4];\n",
    },
    "transport.h": {
        "VeredaTlsSettings": "  const char *later_settings;\n  uint64_t later_settings_reserved[4];\n",
        "struct VeredaTransport": "  const char *(*later_transport) (VeredaLayer *l);\n  uint64_t later_transport_reserved[4];\n",
    },
}


def grow(text, name, members):
    if name.startswith("struct "):
        found = re.search(rf"^{name}\n{{\n.*?^}};$", text, re.M | re.S)
        end = found.end() - len("};") if found else 0
    else:
        found = re.search(rf"^}} {name};$", text, re.M)
        end = found.start() if found else 0
    if not found:
        sys.exit(f"grow.py: {name} is not there")
    return text[:end] + members + text[end:]


def main():
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        text = file.read()
    for name, members in GROWN[source.rsplit("/", 1)[-1]].items():
        text = grow(text, name, members)
    text = text.replace("G_BEGIN_DECLS\n", "G_BEGIN_DECLS\n\n#ifndef VEREDA_GROWN\n#define VEREDA_GROWN 1 /* made by tests/abi/grow.py */\n#endif\n", 1)
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()

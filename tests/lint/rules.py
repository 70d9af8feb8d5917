# SPDX-License-Identifier: MIT
"""The rules of the house as data: who may include what, who may call what.

A list ends in "/" where every header of a folder is meant.  Every entry that is not plain from the map of the rooms has its reason
beside it; docs/design/house.md tells the map.  A new entry is a decision: write the reason.
"""

# Rooms, lowest first; a room sees itself and what is below it.
ROOMS = {
    "core/base": {
        "core": [],
        "sdk": ["vereda-plugin/plugin.h"],  # VeredaSpan: the one word for borrowed octets
        "public": ["vereda/error.h", "vereda/trace.h"],  # implements them
        "system": [
            "glib.h", "string.h",
            "idn2.h", "dlfcn.h",  # idn: A-labels, by a library that is opened with the first name that needs it
        ],
    },
    "core/message": {
        "core": ["core/base/"],
        "sdk": ["vereda-plugin/plugin.h"],  # VeredaSpan
        "public": ["vereda/message.h"],  # implements it
        "system": [
            "glib.h", "string.h", "errno.h",
            "glib/gstdio.h", "fcntl.h", "unistd.h", "sys/stat.h",  # source and spool: files
            "arpa/inet.h",  # domain: inet_pton() for address literals; text only
            "immintrin.h", "arm_neon.h", "sys/platform/x86.h",  # scan: many octets at a time; which instructions the processor has
        ],
    },
    "core/smtp": {
        "core": ["core/base/", "core/message/"],
        "sdk": ["vereda-plugin/auth.h"],  # the exchange drives a mechanism's vtable
        "public": ["vereda/error.h"],  # vocabulary: codes of the errors it makes
        "system": ["glib.h", "string.h", "stdarg.h"],
    },
    "core/plugin": {
        "core": ["core/base/"],
        "sdk": ["vereda-plugin/"],
        "public": ["vereda/registry.h"],  # implements it
        "system": [
            "glib.h", "string.h", "errno.h", "stddef.h", "stdlib.h", "pthread.h",
            "dirent.h", "fcntl.h", "unistd.h", "sys/stat.h",  # discover, trust: files and their owners
            "sys/random.h",  # host: randomness for plugins
            "gmodule.h",  # loader only: see ONLY_IN
            "elf.h", "link.h",  # exports: the tables of an open module
            "vereda-config.h",  # registry: the directories compiled in; exports: whether the linker tells where a module lies
        ],
    },
    "core/net": {
        "core": ["core/base/"],
        "sdk": ["vereda-plugin/transport.h"],  # layer drives a transport's vtable
        "public": [],
        "system": [
            "glib.h", "glib-unix.h", "string.h", "errno.h", "stdarg.h", "stddef.h", "stdlib.h", "unistd.h",
            "arpa/inet.h", "net/if.h", "netdb.h", "netinet/in.h", "netinet/tcp.h", "sys/socket.h", "sys/un.h",
            "poll.h", "sys/epoll.h", "sys/eventfd.h", "sys/timerfd.h",
        ],
    },
    "core/send": {
        "core": ["core/base/", "core/message/", "core/smtp/", "core/plugin/", "core/net/"],
        "sdk": ["vereda-plugin/auth.h"],  # answers a mechanism's questions for credentials
        "public": ["vereda/explain.h", "vereda/options.h", "vereda/probe.h", "vereda/result.h", "vereda/sender.h", "vereda/version.h"],  # implements them
        "system": [
            "glib.h", "string.h", "stdarg.h", "time.h", "unistd.h",
            "errno.h", "glib/gstdio.h",  # route: files that are named can be opened, told before anybody is contacted
            "sys/socket.h",  # connection-reach: AF_* of the option family; see ONLY_IN
            "vereda-config.h",  # sender: the version
        ],
    },
    "include/vereda": {
        "core": [], "sdk": [],
        "public": ["vereda/"],
        "system": ["glib.h"],
    },
    "include/vereda-plugin": {
        "core": [],
        "sdk": ["vereda-plugin/"],
        "public": [],
        "system": ["glib.h", "stddef.h", "stdint.h"],
    },
    "include/vereda-kit": {
        "core": [],
        "sdk": ["vereda-plugin/"],
        "public": [],
        "system": [],
    },
    "kit": {  # checks plugins with the SDK alone, as their authors have it: what the core knows must not help it
        "core": [],
        "sdk": ["vereda-plugin/"],
        "public": [],
        "kit": ["vereda-kit/", "kit/"],
        "system": [
            "glib.h", "glib/gstdio.h", "errno.h", "fcntl.h", "locale.h", "stdio.h", "stdlib.h", "string.h", "unistd.h",
            "stdarg.h", "signal.h", "poll.h", "sys/wait.h",  # child: processes that may crash or hang
            "sys/mman.h",  # block, child: memory with nothing behind it
            "sys/stat.h",  # files: owners and modes
            "sys/random.h",  # module: randomness for plugins
            "malloc.h",  # hostile: malloc() must not wipe for a plugin what it frees
            "elf.h", "link.h",  # elf
            "gmodule.h", "netinet/in.h", "sys/socket.h", "gnutls/", "openssl/",  # one home each: see ONLY_IN
        ],
    },
    "plugins": {  # the SDK, GLib, its own library, its own folder
        "core": [],
        "sdk": ["vereda-plugin/"],
        "public": [],
        "system": ["glib.h", "string.h", "errno.h"],
    },
    "tools/smtp-tool": {  # the tool proves the public interface
        "core": [], "sdk": [],
        "public": ["vereda/"],
        "system": None,  # a program: anything
    },
}

# Further headers of single plugins: the library that each is about.
PLUGIN_LIBRARIES = {
    "plugins/transport/gnutls": ["gnutls/"],
    "plugins/transport/openssl": ["openssl/"],
    "plugins/transport/plain": ["sys/socket.h", "sys/uio.h", "netinet/in.h", "netinet/tcp.h", "unistd.h"],
    "plugins/transport/common": ["arpa/inet.h", "sys/stat.h"],  # is the peer's name an address; is the client certificate the same file
    "plugins/auth/cyrus": ["sasl/", "pthread.h", "sys/stat.h", "unistd.h"],  # one start for the process; whose files they are
}

# Folders whose code is compiled into the plugins beside them.
PLUGIN_COMMON = {"plugins/transport": "plugins/transport/common", "plugins/auth": "plugins/auth/common"}

# Headers with one home each, and the files elsewhere that may have them.
SOCKET_HEADERS = ["sys/socket.h", "sys/un.h", "netinet/", "netdb.h", "net/if.h", "sys/epoll.h", "sys/timerfd.h", "poll.h"]
ONLY_IN = [
    # header or folder of headers, where it may stand
    ("gmodule.h", ["core/plugin/loader.c", "kit/module.c"]),
    ("gnutls/", ["kit/tls-gnutls.c", "plugins/transport/gnutls/"]),
    ("openssl/", ["kit/certs.c", "kit/tls-openssl.c", "plugins/transport/openssl/", "tools/smtp-tool/sink", "tools/smtp-tool/probe-cert.c"]),
    ("sasl/", ["plugins/auth/cyrus/", "tools/smtp-tool/sink"]),
    ("gmime/", ["tools/smtp-tool/compose"]),
    ("idn2.h", ["core/base/idn.c"]),
    ("dlfcn.h", ["core/base/idn.c"]),
    ("libsecret/", ["tools/smtp-tool/keyring.c"]),
    ("unbound.h", ["tools/smtp-tool/dns.c"]),
    ("curl/", ["tools/smtp-tool/fetch.c"]),
] + [
    (header, [
        "core/net/",
        "plugins/transport/plain/",
        "tools/smtp-tool/sink",  # a server
        "kit/bottom.c",  # both ends of a connection for a transport that opens one
        "core/send/connection-reach.c",  # AF_INET, AF_INET6, AF_UNSPEC: the option family in the resolver's words
    ])
    for header in SOCKET_HEADERS
] + [("poll.h", ["kit/child.c", "core/net/", "plugins/transport/plain/", "tools/smtp-tool/"])]  # the tool waits for its helpers

# Calls: a regular expression over code without comments and strings, the folders it is forbidden in, the files that may.
SOCKET_CALLS = (r"(?<![\w>.])(?:socket|socketpair|connect|bind|listen|accept4?|recv|recvfrom|recvmsg|send|sendto|sendmsg|getaddrinfo"
                r"|getpeername|getsockname|getsockopt|setsockopt|epoll_ctl|epoll_wait|poll|select) ?\(")
LIBRARY = ["core/", "plugins/", "include/"]
CALLS = [
    ("sockets only in core/net and plugins/transport/plain", SOCKET_CALLS, LIBRARY, ["core/net/", "plugins/transport/plain/"]),
    ("environment only through secure_getenv in core/plugin/environment.c",
     r"\b(?:secure_getenv|getenv|g_getenv|g_environ_\w+|g_get_environ|environ|setenv|putenv|unsetenv|g_setenv|g_unsetenv)\b",
     LIBRARY, ["core/plugin/environment.c"]),
    ("there it is secure_getenv", r"(?<!secure_)\bgetenv\b|g_getenv", ["core/plugin/environment.c"], []),
    ("environment of the tool in few files", r"\b(?:secure_getenv|getenv|g_getenv|g_get_environ|environ|setenv|unsetenv|g_setenv"
     r"|g_unsetenv)\b", ["tools/"], [
         "tools/smtp-tool/secret.c",  # --password-env, and out of the environment with it
         "tools/smtp-tool/text.c",  # NO_COLOR, TERM
         "tools/smtp-tool/helper.c",  # SMTP_TOOL_EXECDIR, by secure_getenv
         "tools/smtp-tool/config.c",  # SMTP_TOOL_*, and where the configuration lies
         "tools/smtp-tool/doctor.c",  # shows the variables that the library goes by, by secure_getenv
     ]),
    # g_critical() stays, as in g_return_if_fail(): it speaks of a broken contract, to a programmer.
    ("the library never prints",
     r"(?<![\w>.])(?:printf|vprintf|fprintf|vfprintf|puts|fputs|putchar|fputc|perror|syslog|g_print|g_printerr|g_log|g_message|g_warning"
     r"|g_error|g_info|g_debug) ?\(", LIBRARY, [
         "core/send/sender.c",  # option debug: g_debug(), which GLib shows only where it is asked to
     ]),
    ("and there with nothing but g_debug", r"(?<![\w>.])(?:f?printf|puts|fputs|g_print|g_printerr|g_message|g_warning) ?\(",
     ["core/send/sender.c"], []),
    # g_assert() stays: it guards what no caller and no server can bring about.
    ("never ends the process", r"(?<![\w>.])(?:abort|exit|_exit|g_error|g_abort|assert|raise|kill) ?\(", LIBRARY, []),
    ("message and protocol have no clock",
     r"\b(?:g_get_monotonic_time|g_get_real_time|clock_gettime|gettimeofday|g_date_time_new_now\w*|g_timer_\w+)\b|(?<![\w>.])time \(",
     ["core/base/", "core/message/", "core/smtp/", "core/plugin/"], []),
    ("modules are opened in core/plugin/loader.c", r"\b(?:g_module_\w+|dlopen|dlsym|dlclose)\b", LIBRARY, [
        "core/plugin/loader.c",
        "core/base/idn.c",  # libidn2, by a name that is compiled in
    ]),
    ("no process is started by the library", r"\b(?:fork|vfork|exec[lv]\w*|posix_spawn\w*|system|popen|g_spawn_\w+) ?\(", LIBRARY, []),
    ("the kit prints in its program only", r"(?<![\w>.])(?:printf|fprintf|puts|fputs|perror|g_print|g_printerr|g_message|g_warning) ?\(",
     ["kit/"], ["kit/main.c"]),
    ("the kit starts processes in kit/child.c only", r"\b(?:fork|vfork|exec[lv]\w*|posix_spawn\w*|system|popen|g_spawn_\w+) ?\(",
     ["kit/"], ["kit/child.c"]),
    ("the kit reads no environment", r"\b(?:secure_getenv|getenv|g_getenv|g_get_environ|environ|setenv|g_setenv)\b", ["kit/"], []),
    ("no unbounded string functions", r"(?<![\w>.])(?:strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|g_alloca) ?\(",
     LIBRARY + ["tools/", "kit/"], []),
    ("secrets are wiped by explicit_bzero, not bzero", r"\bbzero\b", LIBRARY + ["tools/", "kit/"], []),
]

# No GObject in a header, nor anywhere in the library.
GOBJECT = r"glib-object\.h|\bgio/|\bG_TYPE_\w+|\bGObject\w*|\bG_DECLARE_\w+|\bg_object_\w+|\bGType\b"

# Left-overs.
LEFT_OVERS = r"\b(?:TODO|FIXME|XXX|HACK)\b"
# The project speaks of itself only: paths of a machine, numbers of a tracker.
STRANGERS = r"/wor[k]/|/hom[e]/\w|/roo[t]/|/tmp/b-|\bissue #?\d+\b"

LINES_MAX = 600  # of a file of core/

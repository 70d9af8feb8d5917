/* SPDX-License-Identifier: MIT */
/* checks - the table of everything that is checked.
 *
 * Pure data.  The manual page vereda-plugin-check(1) explains each name; a test holds the two together. */
#include "kit/checks.h"

const KitCheck kit_checks[] = {
  /* the files */
  { "file.name", "name the file STEM.so, STEM being a lower-case letter and up to 31 of a-z, 0-9 and _" },
  { "file.mode", "make the file regular, owned by root or the user who runs it, and not writable by others: chmod go-w" },
  { "file.directory", "make the directory owned by root or the user, and not writable by others: chmod go-w" },
  { "keyfile.there", "put a keyfile of the same stem beside the module: STEM.plugin" },
  { "keyfile.mode", "make the keyfile regular, owned by root or the user who runs it, and not writable by others: chmod go-w" },
  { "keyfile.syntax", "correct the keyfile; vereda.plugin(5) has its sections and words" },
  { "keyfile.abi", "write Abi=1, the interface that the SDK is for, into [Plugin]" },
  { "keyfile.name", "let Name= be the stem of the file" },
  { "keyfile.keys", "remove the key, or correct its spelling; the library does not read it" },

  /* the shared object */
  { "elf.format", "link with -shared, for this machine" },
  { "elf.symbol", "use VEREDA_PLUGIN_DEFINE with the stem of the file" },
  { "elf.one-symbol", "compile with -fvisibility=hidden and link with -Wl,--exclude-libs,ALL; the library refuses the plugin" },
  { "elf.check-init", "do not export g_module_check_init or g_module_unload; use VeredaPlugin.init" },
  { "elf.nodelete", "link with -Wl,-z,nodelete" },
  { "elf.bind-now", "link with -Wl,-z,now" },
  { "elf.rpath", "link without -rpath; the administrator's loader decides where libraries are" },
  { "elf.core", "do not link libvereda; what a plugin needs of it comes in the host table" },
  { "elf.stack", "link without an executable stack: -Wl,-z,noexecstack" },
  { "elf.textrel", "compile with -fPIC" },

  /* loading, and the descriptor against the keyfile */
  { "load.open", "link what the module needs, and see that it is installed" },
  { "load.query", "let the query function return the address of a static descriptor" },
  { "load.init", "let init succeed where the plugin can work at all, and set the error where it fails" },
  { "descriptor.size", "write .struct_size = sizeof (VeredaPlugin), VeredaMech or VeredaTransport" },
  { "descriptor.abi", "write .abi = VEREDA_PLUGIN_ABI and build with the SDK of this version" },
  { "descriptor.name", "let .name be the stem of the file" },
  { "descriptor.version", "write the same version into the descriptor and the keyfile" },
  { "descriptor.license", "write the same SPDX expression into the descriptor and the keyfile" },
  { "mech.list", "name each mechanism once in the module and once in the keyfile" },
  { "mech.name", "use 1 to 20 of A-Z, 0-9, - and _ (RFC 4422 section 3.1)" },
  { "mech.instance", "write .instance_size = sizeof the instance struct, whose first member is a VeredaAuth" },
  { "mech.functions", "set step" },
  { "mech.strength", "let Exposure, Traits, Hash and Ssf of the keyfile be the descriptor's strength" },
  { "mech.needs", "let Needs of the keyfile be the descriptor's needs" },
  { "mech.flags", "let Flags of the keyfile be the descriptor's flags" },
  { "transport.list", "name each transport once in the module and once in the keyfile" },
  { "transport.name", "use a lower-case letter and up to 31 of a-z, 0-9 and _" },
  { "transport.instance", "write .instance_size = sizeof the instance struct, whose first member is a VeredaLayer" },
  { "transport.functions", "set read, writev and clear, and exactly one of open and wrap" },
  { "transport.role", "let Roles of the keyfile be open or wrap, as in the descriptor" },
  { "transport.bindings", "let Bindings of the keyfile name what binding gives" },
  { "run.silent", "write nothing to standard output or standard error; VeredaHost.debug is there for that" },

  /* mechanisms */
  { "auth.dialogue", "complete the exchange that the mechanism's specification describes" },
  { "auth.initial",
    "give an initial response if and only if CLIENT_FIRST is set; without it answer a NULL challenge with FAILED" },
  { "auth.contract", "keep the rules of VeredaMech.step in auth.h" },
  { "auth.wait", "ask for every credential before changing state, return WAIT at once, and go on with the same call" },
  { "auth.hostile", "treat a challenge as octets of any number and value, and answer nonsense with FAILED" },
  { "auth.proof",
    "return DONE only after the server's proof was checked, and FAILED with VEREDA_AUTH_ERROR_SERVER if it is wrong" },
  { "auth.after-done", "answer a challenge after the end with FAILED" },
  { "auth.credential",
    "answer a missing or empty credential with FAILED and VEREDA_AUTH_ERROR_CREDENTIAL; set Needs to what is needed" },
  { "auth.long", "answer credentials that do not fit into VEREDA_AUTH_RESPONSE_MAX with FAILED; never let the response grow" },
  { "auth.random", "take randomness from VeredaHost.random and fail if it fails" },
  { "auth.clear", "let clear release everything, whatever happened before, also nothing" },
  { "auth.independent", "keep state in the instance alone: no statics, no globals" },
  { "auth.residue", "wipe every copy of a secret with explicit_bzero before it is freed or left on the stack" },

  /* transports */
  { "layer.open", "take over a connected stream socket, and leave the descriptor alone if that fails" },
  { "layer.io", "move the octets unchanged, as many as go, and say WANT_READ or WANT_WRITE where none go" },
  { "layer.end", "tell the end as EOF, again and again, and a peer that is gone as an error and not by SIGPIPE" },
  { "layer.shutdown", "let shutdown end the sending half only, and be called twice" },
  { "layer.clear", "let clear close the descriptor, and do no I/O" },
  { "tls.certificates", "accept a server's certificate only if its chain and its name pass, and say which was wrong" },
  { "tls.clear-text", "let nothing but TLS records reach the lower layer" },
  { "tls.handshake", "negotiate TLS 1.2 and 1.3 with any conforming server" },
  { "tls.torture", "keep rules 1 to 4 of transport.h: any number of octets, WANT at any call, writes resumed from elsewhere" },
  { "tls.pending", "let pending be exactly the number of octets that can be read without I/O (rule 3)" },
  { "tls.cut", "turn an error or end of the lower layer into an error that stays (rule 6); tell an end without close_notify as "
               "TRUNCATED" },
  { "tls.before", "send no data before the handshake is done" },
  { "tls.shutdown", "send close_notify, and refuse to write afterwards" },
  { "tls.clear", "let clear do no I/O and release everything at any moment" },
  { "tls.binding", "derive channel bindings as RFC 9266 and RFC 5929 say; both ends must have the same" },
  { "tls.settings", "refuse a file of the settings that cannot be used, with VEREDA_TRANSPORT_ERROR_SETTINGS" },
  { NULL, NULL },
};

const char *
kit_check_advice (const char *id)
{
  for (const KitCheck *check = kit_checks; check->id != NULL; check++)
    if (g_str_equal (check->id, id))
      return check->advice;
  g_error ("the kit has no check %s", id);
}

# SPDX-License-Identifier: MIT
# tcllib's smtp::sendmessage, which connects for every message.  Arguments: see peer.h; without TLS.
package require mime
package require smtp
lassign $argv host port count path
set file [open $path]
fconfigure $file -translation crlf  ;# it wants Tcl's own line ends
set text [read $file]
close $file
for {set i 0} {$i < $count} {incr i} {
  set message [mime::initialize -string $text]
  smtp::sendmessage $message -servers $host -ports $port -usetls 0 \
    -originator sender@bench.example -recipients recipient@bench.example
  mime::finalize $message
}

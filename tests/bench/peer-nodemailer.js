// SPDX-License-Identifier: MIT
// Nodemailer: its pooled transport with one connection and a raw message.  Arguments: see peer.h; BENCH_NODE names the folder it was installed into.
'use strict';
const fs = require('fs');
const [host, port, count, path, tls, ca, user, password] = process.argv.slice(2);
const nodemailer = require(process.env.BENCH_NODE + '/node_modules/nodemailer');
const transport = nodemailer.createTransport({
  pool: true, maxConnections: 1, maxMessages: Infinity,
  host, port: Number(port), name: 'bench.example',
  secure: tls === 'implicit', requireTLS: tls === 'starttls', ignoreTLS: tls === undefined || tls === 'none',
  tls: ca ? { ca: fs.readFileSync(ca) } : undefined,
  auth: user ? { user, pass: password, method: 'PLAIN' } : undefined,
});
const raw = fs.readFileSync(path);
const envelope = { from: 'sender@bench.example', to: ['recipient@bench.example'] };
let left = Number(count);

// A few ahead, as a full queue would have it: the pool always has the next one at hand.
async function work() {
  while (left-- > 0)
    await transport.sendMail({ envelope, raw });
}
Promise.all(Array.from({ length: 4 }, work)).then(() => transport.close(), (error) => {
  console.error(error.message);
  process.exit(1);
});

// SPDX-License-Identifier: MIT
// smtp-server.js FOLDER PORT TLS_PORT USER PASSWORD: Nodemailer's smtp-server, twice; what it takes it throws away.
'use strict';
const fs = require('fs');
const path = require('path');
const [folder, port, tlsPort, user, password] = process.argv.slice(2);
const { SMTPServer } = require(path.join(process.env.VEREDA_NODE, 'node_modules', 'smtp-server'));

for (const [secure, at] of [[false, port], [true, tlsPort]]) {
  new SMTPServer({
    secure,
    name: 'smtp-server.example.test',
    key: fs.readFileSync(path.join(folder, 'good.key')),
    cert: fs.readFileSync(path.join(folder, 'good.pem')),
    size: 30000000,
    authOptional: true,
    authMethods: ['PLAIN', 'LOGIN', 'CRAM-MD5'],
    onAuth (auth, session, done) {
      const good = auth.username === user &&
        (auth.method === 'CRAM-MD5' ? auth.validatePassword(password) : auth.password === password);
      done(good ? null : new Error('Invalid username or password'), { user });
    },
    onData (stream, session, done) { stream.on('end', () => done(null, 'taken')); stream.resume(); },
  }).on('error', () => {}).listen(Number(at), '127.0.0.1');
}

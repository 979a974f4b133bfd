// Loaded into the language server before all else: it may reach nothing, and says what it tried.
'use strict';
const net = require('node:net');
const dns = require('node:dns');

function refused(what) {
  process.stderr.write(`network: ${JSON.stringify(what)}\n`);
  throw new Error('the network is not to be used here');
}
net.Socket.prototype.connect = (...to) => refused(to);
dns.lookup = (name) => refused(name);

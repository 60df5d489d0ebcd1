// Loaded by `node --require` before the program: connections to WeChat's hosts go to the mock, all others stay as they are.
//
// Every TCP and TLS client of Node (https, http2, fetch, axios, got, superagent, …) ends in Socket.prototype.connect, so
// that is the one place to change. The name stays what the program asked for: SNI, the Host header and the check of the
// certificate are those of a real call. Only where the name leads, and to which port, is decided here.
'use strict';

const net = require('node:net');

const HOSTS = new Set([
  'api.weixin.qq.com',
  'api2.weixin.qq.com',
  'sh.api.weixin.qq.com',
  'sz.api.weixin.qq.com',
  'hk.api.weixin.qq.com',
  'qyapi.weixin.qq.com',
]);

const isWeChat = (host) => typeof host === 'string' && HOSTS.has(host.toLowerCase().replace(/\.$/, ''));

// The three ways connect is called: (options[, done]), (port[, host][, done]), and Node's own [options, done] in one array.
function understand(args) {
  if (Array.isArray(args[0])) return { options: args[0][0], done: args[0][1] };
  const done = args.findLast((arg) => typeof arg === 'function');
  if (typeof args[0] === 'object' && args[0] !== null) return { options: args[0], done };
  return { options: { port: args[0], host: typeof args[1] === 'string' ? args[1] : undefined }, done };
}

function install(mock) {
  const address = mock.hostname.replace(/^\[|\]$/g, '');
  const family = net.isIPv6(address) ? 6 : 4;
  const lookup = (_name, options, done) =>
    options?.all ? done(null, [{ address, family }]) : done(null, address, family);
  // A mock that is itself known by a name is left to the program's own resolver, under that name.
  const target = net.isIP(address) ? { lookup, family } : { host: address, lookup: undefined };

  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function wxmockConnect(...args) {
    const { options, done } = understand(args);
    if (!isWeChat(options?.host)) return connect.apply(this, args);
    return connect.call(this, { ...options, ...target, port: Number(mock.port || 80) }, done);
  };
}

if (process.env.WXMOCK_URL) {
  try {
    install(new URL(process.env.WXMOCK_URL));
  } catch (error) {
    process.stderr.write(`wxmock: calls to WeChat are not redirected, WXMOCK_URL is not a URL: ${error.message}\n`);
  }
}

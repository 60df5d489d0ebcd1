// Loaded by `node --require` before a client under test: WeChat's names lead nowhere, so a client that ignores the proxy
// is refused here instead of calling the real WeChat.
'use strict';

const dns = require('node:dns');

const lookup = dns.lookup;
dns.lookup = function guarded(name, ...rest) {
  if (!/weixin\.qq\.com$/.test(name)) return lookup.call(this, name, ...rest);
  const error = new Error(`${name} was looked up: the client went past the proxy`);
  process.nextTick(rest.at(-1), Object.assign(error, { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: name }));
};

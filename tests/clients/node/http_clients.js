// HTTP clients that know nothing of a mock: each asks https://api.weixin.qq.com for a session, as a small backend would.
// Prints the client's version and the body of the answer, a line each.

import https from 'node:https';
import { readFileSync } from 'node:fs';

const { WX_APPID, WX_SECRET, WX_CODE } = process.env;
const query = new URLSearchParams({ appid: WX_APPID, secret: WX_SECRET, js_code: WX_CODE, grant_type: 'authorization_code' });
const URL_ = `https://api.weixin.qq.com/sns/jscode2session?${query}`;
const PATIENCE_MS = 20_000;

const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version;

const withHttps = () =>
  new Promise((resolve, reject) => {
    const request = https.get(URL_, { timeout: PATIENCE_MS }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text) => (body += text)).on('end', () => resolve(body)).on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', reject);
  });

const withAxios = async (name) => {
  const axios = (await import(name)).default;
  const { data } = await axios.get(URL_, { timeout: PATIENCE_MS, responseType: 'text' });
  return typeof data === 'string' ? data : JSON.stringify(data);
};

const clients = {
  https: async () => ['built in', await withHttps()],
  fetch: async () => ['built in', await (await fetch(URL_, { signal: AbortSignal.timeout(PATIENCE_MS) })).text()],
  'axios-0.21': async () => [version('axios-0.21'), await withAxios('axios-0.21')],
  'axios-0.27': async () => [version('axios-0.27'), await withAxios('axios-0.27')],
  axios: async () => [version('axios'), await withAxios('axios')],
  got: async () => {
    const { got } = await import('got');
    return [version('got'), await got(URL_, { timeout: { request: PATIENCE_MS }, retry: { limit: 0 } }).text()];
  },
  superagent: async () => {
    const superagent = (await import('superagent')).default;
    return [version('superagent'), (await superagent.get(URL_).timeout(PATIENCE_MS)).text];
  },
};

console.log((await clients[process.argv[2]]()).join('\n'));

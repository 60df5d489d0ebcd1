// node-easywechat as published: a third-party platform's token and its exchange of a mini program's code. Prints its version
// and what it learned.

import { readFileSync } from 'node:fs';
import easywechat from 'node-easywechat';

const env = process.env;
const component = new easywechat.OpenPlatform({
  app_id: env.WX_COMPONENT_APPID,
  secret: env.WX_COMPONENT_SECRET,
  // For pushed messages, which do not come here; without them the SDK makes no mini program.
  token: 'token',
  aes_key: 'A'.repeat(43),
  file_cache: { path: env.WX_SCRATCH },
});
await component.getVerifyTicket().setTicket(env.WX_COMPONENT_TICKET);
// The exchange needs no token of the mini program's.
const app = component.getMiniAppWithAccessToken(env.WX_APPID, 'unused');
const { openid, session_key: key } = await app.getUtils().code2Session(env.WX_CODE);

console.log(JSON.parse(readFileSync('node_modules/node-easywechat/package.json', 'utf8')).version);
console.log(JSON.stringify({ openid, session_key: key }));

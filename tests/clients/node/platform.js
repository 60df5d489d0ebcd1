// node-easywechat as published: a third-party platform's token, its exchange of a mini program's code, and a call in the name
// of the mini program with the token fetched for it. Prints its version and what it learned.

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
  // The SDK reads a setting of this of the mini program too, and stumbles where there is nothing at all.
  http: {},
});
await component.getVerifyTicket().setTicket(env.WX_COMPONENT_TICKET);
const app = await component.getMiniAppWithRefreshToken(env.WX_APPID, env.WX_AUTHORIZER_REFRESH_TOKEN);
const { openid, session_key: key } = await app.getUtils().code2Session(env.WX_CODE);
const phone = await app.getClient().request('post', 'wxa/business/getuserphonenumber', {
  json: { code: env.WX_PHONE_CODE },
});

console.log(JSON.parse(readFileSync('node_modules/node-easywechat/package.json', 'utf8')).version);
console.log(JSON.stringify({
  openid, session_key: key, phone: phone.toObject().phone_info.purePhoneNumber,
}));

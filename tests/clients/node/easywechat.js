// node-easywechat as published: login, access token, phone number, decryption. Prints its version and what it learned.

import { readFileSync } from 'node:fs';
import easywechat from 'node-easywechat';

const env = process.env;
const app = new easywechat.MiniApp({ app_id: env.WX_APPID, secret: env.WX_SECRET, file_cache: { path: env.WX_SCRATCH } });

const utils = app.getUtils();
const { openid, session_key: key } = await utils.codeToSession(env.WX_CODE);
const token = await app.getAccessToken().getToken();
const answer = await app.getClient().postJson('/wxa/business/getuserphonenumber', { code: env.WX_PHONE_CODE });

console.log(JSON.parse(readFileSync('node_modules/node-easywechat/package.json', 'utf8')).version);
console.log(JSON.stringify({
  openid,
  access_token: token,
  phone: answer.toObject().phone_info.purePhoneNumber,
  opened_nickname: utils.decryptSession(key, env.WX_PROFILE_IV, env.WX_PROFILE).nickName,
  opened_phone: utils.decryptSession(key, env.WX_PHONE_IV, env.WX_PHONE).purePhoneNumber,
}));

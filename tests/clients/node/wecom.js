// node-easywechat as published: WeCom's access_token, and the exchange of a code of wx.qy.login by its general call. Prints its
// version and what it learned.

import { readFileSync } from 'node:fs';
import easywechat from 'node-easywechat';

const env = process.env;
const company = new easywechat.Work({
  corp_id: env.WX_CORPID,
  secret: env.WX_CORPSECRET,
  token: 'token',
  aes_key: 'A'.repeat(43),
  file_cache: { path: env.WX_SCRATCH },
});
const answer = await company.getClient().request('get', 'cgi-bin/miniprogram/jscode2session', {
  params: { js_code: env.WX_QY_CODE, grant_type: 'authorization_code' },
});
const { corpid, userid, session_key: key } = answer.toObject();

console.log(JSON.parse(readFileSync('node_modules/node-easywechat/package.json', 'utf8')).version);
console.log(JSON.stringify({ corpid, userid, session_key: key }));

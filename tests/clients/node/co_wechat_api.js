// co-wechat-api as published: login and access token; it has no more for mini-programs. Prints its version and what it
// learned.

import { readFileSync } from 'node:fs';
import WechatAPI from 'co-wechat-api';

const api = new WechatAPI(process.env.WX_APPID, process.env.WX_SECRET);
const session = await api.code2Session(process.env.WX_CODE);
const { accessToken } = await api.getAccessToken();

console.log(JSON.parse(readFileSync('node_modules/co-wechat-api/package.json', 'utf8')).version);
console.log(JSON.stringify({ openid: session.openid, access_token: accessToken }));

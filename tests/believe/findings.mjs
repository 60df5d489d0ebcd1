// A backend with faults to be found, in `BUG="a,b"`: `last` keeps the key that came last and not the newest, `garbled` answers 500
// when WeChat's reply is not what was promised, `serial` lets one login wait for another.
import http from "node:http";
import { createDecipheriv, randomBytes } from "node:crypto";

const { WX_API_BASE, WX_APPID, WX_SECRET, PORT, BUG = "" } = process.env;
const bugs = new Set(BUG.split(","));
const keys = new Map(), sessions = new Map(), codes = new Map();
let queue = Promise.resolve();

function open(payload, key) {
  try {
    const cipher = createDecipheriv("aes-128-cbc", Buffer.from(key, "base64"), Buffer.from(payload.iv, "base64"));
    return JSON.parse(Buffer.concat([cipher.update(Buffer.from(payload.encryptedData, "base64")), cipher.final()]));
  } catch { return null; }
}

async function exchange(code) {
  const asked = new URLSearchParams({ appid: WX_APPID, secret: WX_SECRET, js_code: code, grant_type: "authorization_code" });
  const reply = await fetch(`${WX_API_BASE}/sns/jscode2session?${asked}`, { signal: AbortSignal.timeout(5000) });
  return JSON.parse(await reply.text());
}

async function login(code) {
  const promised = codes.get(code) ?? exchange(code);
  codes.set(code, promised);
  let reply;
  try { reply = await promised; } catch { codes.delete(code); return [bugs.has("garbled") ? 500 : 503, {}]; }
  if (reply.errcode) return [{ 40029: 401, 40163: 401, 40226: 403 }[reply.errcode] ?? 503, {}];
  const { openid, session_key: key } = reply;
  if (typeof openid !== "string" || typeof key !== "string") return [bugs.has("garbled") ? 500 : 503, {}];
  const kept = bugs.has("last") ? [] : keys.get(openid) ?? [];
  keys.set(openid, [...new Set([key, ...kept])]);
  const token = randomBytes(16).toString("hex");
  sessions.set(token, openid);
  return [200, { token, user: { id: `id of ${openid}` } }];
}

async function answer(path, body, token) {
  if (path === "/healthz") return [200, {}];
  if (path === "/login" && bugs.has("serial")) return queue = queue.then(() => login(body.code), () => login(body.code));
  if (path === "/login") return login(body.code);
  const openid = sessions.get(token);
  if (!openid) return [401, {}];
  if (path === "/me") return [200, { user: { id: `id of ${openid}` } }];
  if (path === "/logout") { sessions.delete(token); return [200, {}]; }
  const data = keys.get(openid).map(key => open(body, key)).find(Boolean);
  return data && data.watermark?.appid === WX_APPID && (!data.openId || data.openId === openid) ? [200, { profile: { nickName: data.nickName } }] : [401, {}];
}

http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  let body = {};
  try { body = JSON.parse(Buffer.concat(parts)); } catch { /* a request without a body */ }
  const [status, said] = await answer(request.url, body ?? {}, request.headers["x-token"]);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(said));
}).listen(Number(PORT), "127.0.0.1");

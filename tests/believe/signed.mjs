// A careful backend whose profile is proved by what M names: `signed` (rawData and its signature), `sealed` (encryptedData and iv),
// `both` (the signature first, then what is sealed). `unverified` takes rawData without looking at the signature, `beginning`
// compares the first eight digits of it.
import http from "node:http";
import { createDecipheriv, createHash, randomBytes } from "node:crypto";

const { WX_API_BASE, WX_APPID, WX_SECRET, PORT, M } = process.env;
const keys = new Map(), sessions = new Map(), codes = new Map();
const refused = (status, error) => Object.assign(new Error(error), { status });

async function exchange(code) {
  const asked = new URLSearchParams({ appid: WX_APPID, secret: WX_SECRET, js_code: code, grant_type: "authorization_code" });
  let reply;
  try {
    const answer = await fetch(`${WX_API_BASE}/sns/jscode2session?${asked}`, { signal: AbortSignal.timeout(2000) });
    reply = JSON.parse(await answer.text());
  } catch { throw refused(503, "later"); }
  if (reply?.errcode) throw refused({ 40029: 401, 40163: 401, 40226: 403 }[reply.errcode] ?? 503, "refused");
  if (typeof reply?.openid !== "string" || typeof reply.session_key !== "string") throw refused(503, "later");
  return reply;
}

async function login(code) {
  const { openid, session_key: key } = await exchange(code);
  keys.set(openid, [...new Set([key, ...(keys.get(openid) ?? [])])].slice(0, 8));
  const token = randomBytes(16).toString("hex");
  sessions.set(token, openid);
  return { token, user: { id: `id of ${openid}` } };
}

// rawData as it came, signed under one of the keys.
function vouched({ rawData, signature }, candidates) {
  const looksSigned = M === "unverified" || /^[0-9a-f]{40}$/.test(signature ?? "");
  if (typeof rawData !== "string" || !looksSigned) throw refused(400, "bad_input");
  const compared = M === "beginning" ? 8 : 40;
  const fits = (key) => createHash("sha1").update(rawData + key).digest("hex").slice(0, compared) === signature.slice(0, compared);
  if (M !== "unverified" && !candidates.some(fits)) throw refused(401, "login_and_capture_again");
  try { return JSON.parse(rawData); } catch { throw refused(400, "bad_input"); }
}

function opened({ encryptedData, iv }, candidates, openid) {
  const base64 = (text) => typeof text === "string" && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  if (!base64(encryptedData) || !base64(iv) || Buffer.from(iv, "base64").length !== 16) throw refused(400, "bad_input");
  for (const key of candidates) {
    try {
      const cipher = createDecipheriv("aes-128-cbc", Buffer.from(key, "base64"), Buffer.from(iv, "base64"));
      const data = JSON.parse(Buffer.concat([cipher.update(encryptedData, "base64"), cipher.final()]));
      if (data.watermark.appid === WX_APPID && (data.openId ?? openid) === openid) return data;
    } catch { /* the next key */ }
  }
  throw refused(401, "login_and_capture_again");
}

async function answer({ method, url, headers }, body) {
  if (url === "/healthz") return {};
  if (url === "/login") {
    const code = String(body.code ?? "");
    const job = codes.get(code) ?? login(code);
    codes.set(code, job);
    return job.catch((error) => { codes.delete(code); throw error; });
  }
  const openid = sessions.get(headers["x-token"]);
  if (!openid) throw refused(401, "token");
  if (url === "/me") return { user: { id: `id of ${openid}` } };
  if (url === "/logout") { sessions.delete(headers["x-token"]); return {}; }
  if (url !== "/profile") throw refused(404, "path");
  const candidates = keys.get(openid);
  if (M !== "sealed") {
    const data = vouched(body, candidates);
    if (M !== "both") return { profile: { nickName: data.nickName } };
  }
  return { profile: { nickName: opened(body, candidates, openid).nickName } };
}

http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  let body = {}, status = 200, said;
  try { body = JSON.parse(Buffer.concat(parts)); } catch { /* a request without a body */ }
  try { said = await answer(request, body ?? {}); } catch (error) { [status, said] = [error.status ?? 500, { error: error.message }]; }
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(said));
}).listen(Number(PORT), "127.0.0.1");

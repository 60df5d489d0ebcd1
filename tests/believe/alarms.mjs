// A careful login backend, Node's own modules only. M names one thing that is different: some are mistakes, some are manners
// that a correct backend may have. Settings: PORT, WX_API_BASE, WX_APPID, WX_SECRET, M.
import http from "node:http";
import { createDecipheriv, randomBytes, randomUUID } from "node:crypto";

const { PORT, WX_API_BASE, WX_APPID, WX_SECRET } = process.env;
const M = process.env.M || "";

class Problem extends Error {
  constructor(status, error) { super(error); this.status = status; this.error = error; }
}
const later = () => new Problem(503, "try_later");

const users = new Map(), sessions = new Map(), codes = new Map(), atWork = new Set(), kept = new Map();
let last = [], openUntil = 0, requests = 0, tokens = 10, filled = Date.now();

// --- WeChat

async function ask(code) {
  const pasted = `appid=${WX_APPID}&secret=${WX_SECRET}&js_code=${code}&grant_type=authorization_code`;
  const query = new URLSearchParams({ appid: WX_APPID, secret: WX_SECRET, js_code: code, grant_type: "authorization_code" });
  const url = `${WX_API_BASE}/sns/jscode2session?${M === "pastes-code" ? pasted : query}`;
  let answer, text;
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(1500) });
    text = await answer.text();
  } catch { throw later(); }
  if (M === "json-only" && !/json/.test(answer.headers.get("content-type") || "")) throw new Problem(500, "not_json");
  let reply;
  try { reply = JSON.parse(text); } catch { throw later(); }
  if (answer.status !== 200 || !reply || typeof reply !== "object") throw later();
  if (M === "wants-errcode" && reply.errcode === undefined) throw new Problem(500, "no_errcode");
  if (M === "wants-unionid" && reply.unionid === undefined && !reply.errcode) throw new Problem(500, "no_unionid");
  if (reply.errcode) return { errcode: reply.errcode };
  if (typeof reply.openid !== "string" || typeof reply.session_key !== "string") throw later();
  return reply;
}

async function exchange(code) {
  if (M === "breaker" && Date.now() < openUntil) throw later();
  const note = (failed) => {
    last = [...last, failed].slice(-10);
    if (M === "breaker" && last.filter(Boolean).length >= 5) { openUntil = Date.now() + 3000; last = []; }
  };
  let reply;
  try { reply = await ask(code); } catch (problem) { note(true); throw problem; }
  note(false);
  if (!reply.errcode) return reply;
  if ([40029, 40163, 41008].includes(reply.errcode)) throw new Problem(401, "code_rejected");
  if (reply.errcode === 40226) throw new Problem(403, "blocked");
  throw M === "busy-is-bad-code" ? new Problem(400, "bad_code") : later();
}

// --- people

// Only somebody who is known already: the first login of a person is stored before it is answered.
function keep(user, key) {
  if (user.keys.includes(key)) return;
  if (M === "late-write" && user.keys.length) setTimeout(() => user.keys.push(key), 150);
  else if (M === "two-workers" && user.keys.length) user.byWorker[requests % 2] = key;
  else user.keys.push(key);
}

function userOf(reply) {
  let user = users.get(reply.openid);
  if (!user) users.set(reply.openid, user = { id: randomUUID(), openid: reply.openid, keys: [], byWorker: [] });
  keep(user, reply.session_key);
  return user;
}

function open(user, key) {
  const token = randomBytes(18).toString("base64url"), session = { token, user, key };
  sessions.set(token, session);
  return session;
}

// What the phone button gave, asked for with a token that is fetched once.
let token;
async function numberOf(code) {
  token ??= api(`/cgi-bin/token?grant_type=client_credential&appid=${WX_APPID}&secret=${WX_SECRET}`).catch(() => { token = undefined; throw later(); });
  const { access_token } = await token;
  const said = access_token && await api(`/wxa/business/getuserphonenumber?access_token=${access_token}`, { code }).catch(() => { throw later(); });
  if ([40001, 40014, 42001].includes(said?.errcode) || !access_token) token = undefined;
  if (said?.errcode === 40029) throw new Problem(401, "code_rejected");
  if (!said?.phone_info?.purePhoneNumber) throw later();
  return said.phone_info.purePhoneNumber;
}

async function api(path, body) {
  const answer = await fetch(WX_API_BASE + path, { method: body ? "POST" : "GET", body: body && JSON.stringify(body), signal: AbortSignal.timeout(1500) });
  return answer.json();
}

async function enter(body) {
  const { code, openid } = body;
  if (M === "phone-login") {
    const [reply, phone] = [await exchange(String(code)), await numberOf(String(body.phoneCode))];
    const session = open(userOf(reply), reply.session_key);
    session.user.phone = phone;
    return session;
  }
  if (typeof code !== "string" || !code || code.length > 512) throw new Problem(400, "bad_code");
  if (M === "openid-without-code" && users.has(openid)) return open(users.get(openid), users.get(openid).keys.at(-1));
  const reply = await exchange(code);
  if (M === "openid-with-code" && users.has(openid)) return open(users.get(openid), reply.session_key);
  if (M === "busy") {
    if (atWork.has(reply.openid)) throw later();
    atWork.add(reply.openid);
    try {
      await new Promise((done) => setTimeout(done, 15));
      return open(userOf(reply), reply.session_key);
    } finally { atWork.delete(reply.openid); }
  }
  return open(userOf(reply), reply.session_key);
}

// One exchange a code, however often it is submitted.
function login(body) {
  if (M === "openid-without-code" || M === "openid-with-code") return enter(body);
  const code = String(body.code);
  if (!codes.has(code)) {
    const job = enter(body);
    codes.set(code, job);
    job.catch(() => codes.delete(code));
  }
  return codes.get(code);
}

// --- open data

function decipher(key, data, iv) {
  try {
    const d = createDecipheriv("aes-128-cbc", Buffer.from(key, "base64"), iv);
    const plain = Buffer.concat([d.update(data), d.final()]);
    return JSON.parse(plain.toString(M === "latin1" ? "latin1" : "utf8"));
  } catch { return null; }
}

function sealed(body) {
  if (M === "trusts-payload") {
    const [data, iv] = [body.encryptedData.trim(), body.iv.trim()].map((text) => Buffer.from(text, "base64"));
    if (iv.length < 16) throw new RangeError("slice bounds out of range");
    return { data, iv: iv.subarray(0, 16) };
  }
  const fits = (text) => typeof text === "string" && /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0;
  if (!fits(body.encryptedData) || !fits(body.iv)) throw new Problem(400, "bad_payload");
  const data = Buffer.from(body.encryptedData, "base64"), iv = Buffer.from(body.iv, "base64");
  if (iv.length !== 16 || !data.length || data.length % 16) throw new Problem(400, "bad_payload");
  return { data, iv };
}

function opened({ user, key }, body) {
  const { data, iv } = sealed(body);
  const own = M === "late-write" || M === "two-workers" ? user.byWorker[requests % 2] : key;
  for (const candidate of new Set([own, ...user.keys.slice(-8).reverse()].filter(Boolean))) {
    const plain = decipher(candidate, data, iv);
    if (!plain) continue;
    const app = plain.watermark?.appid ?? "";
    if (M === "phone-of-any-app" && plain.purePhoneNumber) return plain;
    const ours = M === "appid-prefix" ? app.startsWith(WX_APPID) : M === "appid-part" ? WX_APPID.includes(app) : app === WX_APPID;
    if (!ours || (plain.openId && plain.openId !== user.openid)) throw new Problem(400, "bad_payload");
    return plain;
  }
  throw own === key ? new Problem(401, "login_and_capture_again") : new Problem(400, "cannot_decrypt");
}

// --- what phones ask

function session(request) {
  const found = sessions.get(request.headers["x-token"]);
  if (!found) throw new Problem(401, "unknown_token");
  return found;
}

function profile(body, request) {
  const answer = (found) => ({ profile: { nickName: opened(found, body).nickName } });
  if (M === "profile-by-openid") {
    const user = users.get(body.openid);
    if (!user) throw new Problem(401, "unknown_person");
    return answer({ user, key: user.keys.at(-1) });
  }
  if (M === "iv-cache" || M === "body-cache") {
    const who = session(request), by = M === "iv-cache" ? body.iv : body.encryptedData + body.iv;
    if (!kept.has(by)) kept.set(by, answer(who));
    return kept.get(by);
  }
  return answer(session(request));
}

const routes = {
  "GET /healthz": () => ({}),
  "POST /login": async (body) => {
    const s = await login(body);
    return { token: s.token, user: { id: s.user.id } };
  },
  "POST /login/profile": async (body) => {
    const s = await login(body);
    try {
      if (M === "profile-of-any-openid") {
        const { data, iv } = sealed(body);
        const { openId, nickName } = decipher(s.key, data, iv) ?? {};
        if (users.has(openId)) { s.user = users.get(openId); return { token: s.token, user: { id: s.user.id }, profile: { nickName } }; }
      }
      if (M === "person-from-profile") {
        const { openId } = opened(s, body);
        if (!kept.has(openId)) kept.set(openId, s.user);
        s.user = kept.get(openId);
      }
      return { token: s.token, user: { id: s.user.id }, profile: { nickName: opened(s, body).nickName } };
    } catch (problem) { sessions.delete(s.token); codes.delete(body.code); throw problem; }
  },
  "POST /profile": profile,
  "POST /phone": (body, request) => ({ phone: opened(session(request), body).purePhoneNumber }),
  "GET /me": (_, request) => {
    const url = new URL(request.url, "http://here");
    const named = M === "me-by-field" && [...users.values()].find((user) => user.openid === url.searchParams.get("openid"));
    return { user: { id: (named || session(request).user).id } };
  },
  "POST /logout": (_, request) => { sessions.delete(session(request).token); return {}; },
};

// A request too many is refused before anybody looks at it.
function admit(request) {
  if (request.url === "/healthz") return;
  requests += 1;
  if (M === "limiter" && requests > 60) throw new Problem(429, "too_many_requests");
  if (M !== "bucket") return;
  const now = Date.now();
  tokens = Math.min(10, tokens + (now - filled) / 25);
  filled = now;
  if (tokens < 1) throw new Problem(429, "too_many_requests");
  tokens -= 1;
}

async function handle(request) {
  admit(request);
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let body = {};
  try { body = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}"); } catch { throw new Problem(400, "bad_json"); }
  const path = M === "whole-url" ? request.url : request.url.split("?")[0];
  const route = routes[`${request.method} ${path}`];
  if (!route) throw new Problem(404, "no_such_path");
  return route(body, request);
}

http.createServer(async (request, response) => {
  let status = 200, out;
  try { out = await handle(request); } catch (problem) {
    status = problem.status || 500;
    out = { error: problem.error || "internal" };
  }
  const bytes = Buffer.from(JSON.stringify(out));
  response.writeHead(status, { "content-type": "application/json", "content-length": bytes.length }).end(bytes);
}).listen(Number(PORT), "127.0.0.1");

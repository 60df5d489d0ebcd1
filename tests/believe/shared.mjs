// A login backend whose login asks its "database" twice after WeChat has replied. FORM says where it keeps what WeChat said
// meanwhile: "own" (a local variable: right), "this" (a field of the one handler object), "module" (a module variable),
// "user" (a global current user), "code" (the posted code waits in a field before the exchange), "session" (the session of a
// request waits in a field while the profile is opened). WINDOW is how long a query takes, in milliseconds.
import http from "node:http";
import { createDecipheriv, randomBytes } from "node:crypto";

const { FORM = "own", WINDOW = "2", PORT, WX_API_BASE, WX_APPID, WX_SECRET } = process.env;
const users = new Map(), sessions = new Map();
const query = () => new Promise(done => WINDOW === "0" ? setImmediate(done) : setTimeout(done, Number(WINDOW)));

function exchange(code) {
  const target = `${WX_API_BASE}/sns/jscode2session?appid=${WX_APPID}&secret=${WX_SECRET}&js_code=${encodeURIComponent(code)}&grant_type=authorization_code`;
  return new Promise((done, failed) => {
    const request = http.get(target, { timeout: 5000 }, reply => {
      let text = "";
      reply.on("data", part => text += part);
      reply.on("end", () => { try { done(JSON.parse(text)); } catch (error) { failed(error); } });
      reply.on("error", failed).on("aborted", () => failed(new Error("cut short")));
    });
    request.on("error", failed).on("timeout", () => request.destroy(new Error("timeout")));
  });
}

const refusals = { 40029: 401, 40163: 401, 40226: 403 };
class Refused extends Error { constructor(status) { super("refused"); this.status = status; } }

async function findOrCreate(openid) {
  await query();
  if (!users.has(openid)) users.set(openid, { id: `u${users.size + 1}`, openid, keys: [] });
  return users.get(openid);
}

async function save(user, key) {
  await query();
  user.keys = [key, ...user.keys.filter(known => known !== key)].slice(0, 8);
  const token = randomBytes(16).toString("hex");
  sessions.set(token, { user, key });
  return { token, user: { id: user.id } };
}

let wechatSays, currentUser;

class Login {
  async handle({ code = "" }) {
    if (FORM === "code") { this.code = code; await query(); code = this.code; }
    const said = await exchange(code);
    if (said.errcode) throw new Refused(refusals[said.errcode] ?? 503);
    if ([said.openid, said.session_key].some(field => typeof field !== "string" || field === "")) throw new Refused(503);
    switch (FORM) {
      case "this": this.said = said; await query(); return save(await findOrCreate(this.said.openid), this.said.session_key);
      case "module": wechatSays = said; await query(); return save(await findOrCreate(wechatSays.openid), wechatSays.session_key);
      case "user": currentUser = await findOrCreate(said.openid); await query(); return save(currentUser, said.session_key);
      default: return save(await findOrCreate(said.openid), said.session_key);
    }
  }
}

function open(data, iv, key) {
  try {
    const cipher = createDecipheriv("aes-128-cbc", Buffer.from(key, "base64"), Buffer.from(iv, "base64"));
    return JSON.parse(Buffer.concat([cipher.update(Buffer.from(data, "base64")), cipher.final()]).toString());
  } catch { return null; }
}

let current;
async function profile(session, { encryptedData = "", iv = "" }) {
  if (FORM === "session") { current = session; await query(); session = current; } else await query();
  for (const key of new Set([session.key, ...session.user.keys])) {
    const data = open(encryptedData, iv, key);
    const own = data?.watermark?.appid === WX_APPID && data.openId === session.user.openid;
    if (data && !own) throw new Refused(400);
    if (data) return { profile: { nickName: data.nickName } };
  }
  throw new Refused(401);
}

const login = new Login();
const read = async request => { const parts = []; for await (const part of request) parts.push(part); try { return JSON.parse(Buffer.concat(parts)); } catch { return {}; } };

http.createServer(async (request, response) => {
  const answer = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  try {
    const { pathname } = new URL(request.url, "http://backend");
    const body = await read(request);
    if (pathname === "/healthz") return answer(200, {});
    if (pathname === "/login") return answer(200, await login.handle(body));
    const token = request.headers["x-token"] ?? "", session = sessions.get(token);
    if (!session) throw new Refused(401);
    if (pathname === "/profile") return answer(200, await profile(session, body));
    if (pathname === "/me") return answer(200, { user: { id: session.user.id } });
    if (pathname === "/logout") { sessions.delete(token); return answer(200, {}); }
    answer(404, {});
  } catch (error) { answer(error.status ?? 503, { error: "refused" }); }
}).listen(Number(PORT), "127.0.0.1");

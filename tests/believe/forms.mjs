// One correct backend in several forms, each of which some adapter must describe. FORM is a list of words:
//   single, single403   a newer login ends the older sessions of that person; the refusal is 401 or 403
//   jwt                 tokens are signed, not stored, with a `jti`; `clock` leaves the `jti` out: equal within a second
//   inbody              HTTP 200 always, the code is in the body
//   latest              one key per person, that of the reply that came last (wrong: 400 when it does not fit)
import http from "node:http";
import { createDecipheriv, createHmac, randomBytes } from "node:crypto";

const FORM = new Set((process.env.FORM ?? "").split(",").filter(Boolean));
const { WX_API_BASE, WX_APPID, WX_SECRET, PORT } = process.env;
const SIGNING_KEY = "not a key of WeChat's";
const people = new Map(), sessions = new Map(), logins = new Map();

class Refusal extends Error {
  constructor(status, error) { super(error); this.status = status; }
}

function exchange(code) {
  const query = new URLSearchParams({ appid: WX_APPID, secret: WX_SECRET, js_code: code, grant_type: "authorization_code" });
  return new Promise((done, fail) => {
    const request = http.get(`${WX_API_BASE}/sns/jscode2session?${query}`, { timeout: 5000 }, (reply) => {
      let text = "";
      reply.on("data", (part) => (text += part));
      reply.on("error", fail);
      reply.on("end", () => { try { done(JSON.parse(text)); } catch (error) { fail(error); } });
    });
    request.on("error", fail).on("timeout", () => request.destroy(new Error("silent")));
  });
}

async function newSession(code) {
  let reply;
  try { reply = await exchange(code); } catch { throw new Refusal(503, "wechat_unavailable"); }
  if ([40029, 40163].includes(reply.errcode)) throw new Refusal(401, "code_rejected");
  if (reply.errcode === 40226) throw new Refusal(403, "blocked");
  if (reply.errcode || !reply.openid || !reply.session_key) throw new Refusal(503, "wechat_unavailable");
  let person = people.get(reply.openid);
  if (!person) people.set(reply.openid, (person = { id: `u${people.size + 1}`, openid: reply.openid, keys: [] }));
  person.keys = [reply.session_key, ...person.keys.filter((key) => key !== reply.session_key)].slice(0, 8);
  if (FORM.has("latest")) person.keys = [reply.session_key];
  const token = newToken(person);
  if (FORM.has("single") || FORM.has("single403")) person.token = token;
  sessions.set(token, { person, key: reply.session_key });
  return { token, person };
}

function newToken(person) {
  if (!FORM.has("jwt") && !FORM.has("clock")) return randomBytes(16).toString("hex");
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: person.id, iat: Math.floor(Date.now() / 1000) };
  if (FORM.has("jwt")) claims.jti = randomBytes(8).toString("hex");
  const head = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${head}.${createHmac("sha256", SIGNING_KEY).update(head).digest("base64url")}`;
}

// One exchange a code, whoever submits it; a failure is not remembered.
function login(code) {
  if (typeof code !== "string" || !code) throw new Refusal(400, "no_code");
  if (!logins.has(code)) {
    const work = newSession(code);
    logins.set(code, work);
    work.catch(() => logins.delete(code));
  }
  return logins.get(code);
}

function sessionOf(request) {
  const token = request.headers["x-token"] ?? "";
  const session = sessions.get(token);
  if (!session) throw new Refusal(401, "unknown_token");
  if (session.person.token && session.person.token !== token) {
    throw new Refusal(FORM.has("single403") ? 403 : 401, "logged_in_elsewhere");
  }
  return session;
}

function open(session, { encryptedData, iv }) {
  const own = FORM.has("latest") ? [] : [session.key];
  for (const key of new Set([...own, ...session.person.keys])) {
    try {
      const cipher = createDecipheriv("aes-128-cbc", Buffer.from(key, "base64"), Buffer.from(iv, "base64"));
      const text = Buffer.concat([cipher.update(Buffer.from(encryptedData, "base64")), cipher.final()]).toString("utf8");
      const data = JSON.parse(text);
      const own = data.openId === undefined || data.openId === session.person.openid;
      if (data.watermark?.appid !== WX_APPID || !own) throw new Refusal(400, "not_yours");
      return data;
    } catch (error) {
      if (error instanceof Refusal) throw error;
    }
  }
  throw new Refusal(FORM.has("latest") ? 400 : 401, "login_and_capture_again");
}

const routes = {
  async "POST /login"(body) {
    const { token, person } = await login(body.code);
    return { token, user: person.id };
  },
  async "POST /login/sealed"(body) {
    const { token, person } = await login(body.code);
    const session = sessions.get(token);
    try {
      return { token, user: person.id, nickName: open(session, body).nickName };
    } catch (error) {
      sessions.delete(token);
      logins.delete(body.code);
      throw error;
    }
  },
  async "POST /profile"(body, request) { return { nickName: open(sessionOf(request), body).nickName }; },
  async "POST /phone"(body, request) { return { phone: open(sessionOf(request), body).purePhoneNumber }; },
  async "GET /me"(_, request) { return { user: sessionOf(request).person.id }; },
  async "POST /logout"(_, request) { sessionOf(request); sessions.delete(request.headers["x-token"]); return {}; },
  async "GET /healthz"() { return {}; },
};

http.createServer(async (request, response) => {
  let text = "";
  for await (const part of request) text += part;
  let status = 200, answer;
  try {
    const route = routes[`${request.method} ${request.url}`];
    if (!route) throw new Refusal(404, "no_such_path");
    let body = {};
    try { body = JSON.parse(text || "{}"); } catch { throw new Refusal(400, "not_json"); }
    answer = await route(body, request);
  } catch (error) {
    status = error.status ?? 500;
    answer = { error: error.status ? error.message : "internal" };
  }
  if (FORM.has("inbody")) {
    answer = { code: status === 200 ? 0 : status, data: answer };
    status = 200;
  }
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
}).listen(Number(PORT), "127.0.0.1");

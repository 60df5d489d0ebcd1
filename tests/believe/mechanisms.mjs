// A small login backend on Node's own modules. M names what it does wrong, comma-separated:
//   racy       one key per person, the last reply wins, a payload that does not open is a 400
//   jwt        the token is a JWT of person and second, without a jti
//   md5        the token is a hash of person and second
//   encoded    the token is base64 of person and millisecond
//   six        the token is six decimal digits
//   random     the token is the digits of Math.random() in base 36
//   moment     the token is a hash of the openid and the millisecond
//   appid      the token is a JWT with a jti, signed with the AppID
//   sealed     the token is person, millisecond and serial number with a signature that holds: no mistake
//   login_key  the token is a JWT of a random session id, signed with a word of documentation: no mistake, the id is looked up
//   lower      the code is made lower case on its way to WeChat
//   plus       the payload is decoded as a form a second time
//   kept       after WeChat has refused one code, every login is told "later", for good
//   few        after its eighth login every one is told "later": a limit, and no mistake
//   leaky      a refusal of WeChat's is passed on with the address that was called, AppSecret and all
//   taken      an exchange that fails keeps the only connection to WeChat
import http from "node:http";
import { createDecipheriv, createHash, createHmac, randomBytes, randomInt, randomUUID } from "node:crypto";
const M = new Set((process.env.M ?? "").split(","));
const { WX_API_BASE, WX_APPID, WX_SECRET, PORT } = process.env;
const users = new Map(), sessions = new Map(), codes = new Map();

function exchange(code) {
  const url = `${WX_API_BASE}/sns/jscode2session?appid=${WX_APPID}&secret=${WX_SECRET}&js_code=${encodeURIComponent(M.has("lower") ? code.toLowerCase() : code)}&grant_type=authorization_code`;
  return new Promise((ok, no) => {
    const call = http.get(url, { timeout: 2000 }, (reply) => {
      let text = "";
      reply.on("data", (part) => (text += part));
      reply.on("error", no);
      reply.on("end", () => { try { ok(JSON.parse(text)); } catch (error) { no(error); } });
    });
    call.on("error", no);
    call.on("timeout", () => call.destroy(new Error("late")));
  });
}

let free = true;
const waiting = [];
async function taking(work) {
  if (!M.has("taken")) return work();
  if (!free) await new Promise((ok, no) => { waiting.push(ok); setTimeout(() => no(new Error("acquire")), 2500); });
  free = false;
  const result = await work();      // what is thrown here leaves it taken
  free = true;
  waiting.shift()?.();
  return result;
}

function token(user) {
  if (M.has("md5")) return createHash("md5").update(`${user.id}${Math.floor(Date.now() / 1000)}`).digest("hex");
  if (M.has("encoded")) return Buffer.from(`uid:${user.id}:${Date.now()}`).toString("base64");
  if (M.has("random")) return Math.random().toString(36).slice(2);
  if (M.has("moment")) return createHash("md5").update(user.openid + Date.now()).digest("hex");
  if (M.has("six")) return String(randomInt(1_000_000)).padStart(6, "0");
  const secret = "a secret of this backend", iat = Math.floor(Date.now() / 1000);
  const seal = (body, key) => `${body}.${createHmac("sha256", key).update(body).digest("base64url")}`;
  const part = (claims) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  const jwt = (claims, key) => seal(`${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`, key);
  if (M.has("sealed")) return seal(Buffer.from(`${user.id}:${Date.now()}:${sessions.size}`).toString("base64url"), secret);
  if (M.has("appid")) return jwt({ sub: user.id, iat, jti: randomUUID() }, WX_APPID);
  if (M.has("login_key")) return jwt({ login_user_key: randomUUID() }, "abcdefghijklmnopqrstuvwxyz");
  return M.has("jwt") ? jwt({ sub: user.id, iat }, secret) : randomBytes(24).toString("hex");
}

let kept = false, logins = 0;
async function login(code) {
  logins += 1;
  if (kept || (M.has("few") && logins > 8)) return [503, { error: "later" }];
  let job = codes.get(code);
  if (!job) {
    job = taking(() => exchange(code)).then((reply) => {
      if (reply.errcode) throw Object.assign(new Error("refused"), { errcode: reply.errcode });
      if (typeof reply.openid !== "string" || typeof reply.session_key !== "string") throw new Error("unreadable");
      let user = users.get(reply.openid);
      if (!user) users.set(reply.openid, (user = { id: `u${users.size + 1}`, openid: reply.openid, keys: [] }));
      user.keys = M.has("racy") ? [reply.session_key] : [reply.session_key, ...user.keys.filter((key) => key !== reply.session_key)].slice(0, 8);
      const name = token(user);
      sessions.set(name, { user, key: reply.session_key, openid: reply.openid });
      return [200, { token: name, user: { id: user.id } }];
    });
    codes.set(code, job);
    job.catch(() => codes.delete(code));
  }
  return job.catch((error) => {
    kept = M.has("kept") && error.errcode !== undefined;
    if (M.has("leaky")) return [400, { error: `GET /sns/jscode2session?secret=${WX_SECRET}` }];
    if (error.errcode === 40029 || error.errcode === 40163) return [401, { error: "code" }];
    if (error.errcode === 40226) return [403, { error: "blocked" }];
    return [503, { error: "later" }];
  });
}

function open({ encryptedData, iv }, key, session) {
  const again = (text) => (M.has("plus") ? decodeURIComponent(String(text).replace(/\+/g, " ")) : String(text).replace(/ /g, "+"));
  try {
    const bytes = [encryptedData, iv].map((text) => {
      const plain = again(text);
      if (!/^[A-Za-z0-9+/]+={0,2}$/.test(plain)) throw new Error("no base64");
      return Buffer.from(plain, "base64");
    });
    const d = createDecipheriv("aes-128-cbc", Buffer.from(key, "base64"), bytes[1]);
    const data = JSON.parse(Buffer.concat([d.update(bytes[0]), d.final()]).toString());
    return data.watermark?.appid === WX_APPID && (data.openId ?? session.openid) === session.openid ? data : null;
  } catch { return null; }
}

async function answer(request, body) {
  if (request.url === "/healthz") return [200, {}];
  if (request.url === "/login") return login(String(body.code ?? ""));
  const name = request.headers["x-token"];
  const session = sessions.get(name);
  if (!session) return [401, { error: "token" }];
  if (request.url === "/me") return [200, { user: { id: session.user.id } }];
  if (request.url === "/logout") { sessions.delete(name); return [200, {}]; }
  if (request.url !== "/profile") return [404, { error: "path" }];
  const keys = M.has("racy") ? session.user.keys : [session.key, ...session.user.keys];
  for (const key of keys) {
    const data = open(body, key, session);
    if (data) return [200, { profile: { nickName: data.nickName } }];
  }
  return [M.has("racy") || M.has("plus") ? 400 : 401, { error: "does_not_open" }];
}

http.createServer((request, response) => {
  let text = "";
  request.on("data", (part) => (text += part));
  request.on("end", async () => {
    let body = {};
    try { body = JSON.parse(text); } catch { /* no body */ }
    const [status, told] = await answer(request, body ?? {});
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(told));
  });
}).listen(Number(PORT), "127.0.0.1");

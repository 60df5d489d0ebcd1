// A small backend that keeps its people in a file (KEPT), so that they outlive it. Node's own modules only.
// M=lookup: looks a person up and inserts them later, with no unique index, which makes two accounts of two first logins.
// M=crash: an error page, where a login that WeChat did not answer well should be refused.
import fs from "node:fs";
import http from "node:http";
import { createDecipheriv, randomBytes } from "node:crypto";

const { WX_API_BASE, WX_APPID, WX_SECRET, PORT, KEPT, M } = process.env;
const people = fs.existsSync(KEPT) ? JSON.parse(fs.readFileSync(KEPT, "utf8")) : [];
const sessions = new Map();
const pause = () => new Promise((done) => setTimeout(done, 2));

function exchange(code) {
  const query = new URLSearchParams({ appid: WX_APPID, secret: WX_SECRET, js_code: code, grant_type: "authorization_code" });
  return new Promise((done, failed) => {
    const call = http.get(`${WX_API_BASE}/sns/jscode2session?${query}`, { timeout: 5000 }, async (reply) => {
      try { done(JSON.parse(await text(reply))); } catch (error) { failed(error); }
    });
    call.on("error", failed).on("timeout", () => call.destroy(new Error("timeout")));
  });
}

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

async function person(openid) {
  const found = people.find((one) => one.openid === openid);
  if (found) return found;
  if (M === "lookup") await pause();
  const made = { openid, id: `u${people.length + 1}`, keys: [] };
  people.push(made);
  return made;
}

// Logins in flight or done, by code: a code is exchanged once, and whoever sends it again gets the same answer.
const logins = new Map();
function login(code) {
  if (!logins.has(code)) {
    const going = loginOnce(code);
    logins.set(code, going);
    going.then(([status]) => status === 503 && logins.delete(code), () => logins.delete(code));
  }
  return logins.get(code);
}

async function loginOnce(code) {
  const reply = await exchange(code).catch(() => ({ errcode: -1 }));
  if (reply.errcode || !reply.openid || !reply.session_key) {
    if (M === "crash") return [500, { error: "oops" }];
    return [[40029, 40163].includes(reply.errcode) ? 401 : reply.errcode === 40226 ? 403 : 503, { error: "login" }];
  }
  const user = await person(reply.openid);
  if (!user.keys.includes(reply.session_key)) user.keys.push(reply.session_key);
  fs.writeFileSync(KEPT, JSON.stringify(people));
  const token = randomBytes(16).toString("hex");
  sessions.set(token, { user, key: reply.session_key });
  return [200, { token, user: { id: user.id } }];
}

function opened({ encryptedData, iv }, key) {
  try {
    const cipher = createDecipheriv("aes-128-cbc", Buffer.from(key, "base64"), Buffer.from(iv, "base64"));
    const data = JSON.parse(Buffer.concat([cipher.update(Buffer.from(encryptedData, "base64")), cipher.final()]).toString("utf8"));
    return data.watermark.appid === WX_APPID ? data : null;
  } catch { return null; }
}

async function answer(request) {
  const sent = JSON.parse((await text(request)) || "{}");
  if (request.url === "/login") return login(sent.code);
  const token = request.headers["x-token"];
  const session = sessions.get(token);
  if (!session) return [401, { error: "unknown token" }];
  if (request.url === "/me") return [200, { user: { id: session.user.id } }];
  if (request.url === "/logout") { sessions.delete(token); return [200, {}]; }
  // The token's own key first, then the person's latest ones.
  for (const key of [session.key, ...session.user.keys.slice(-8).reverse()]) {
    const data = opened(sent, key);
    if (data) return [200, { profile: { nickName: data.nickName } }];
  }
  return [401, { error: "log in again" }];
}

http.createServer(async (request, response) => {
  const [status, body] = request.url === "/healthz" ? [200, {}] : await answer(request).catch(() => [400, { error: "bad request" }]);
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}).listen(Number(PORT), "127.0.0.1");

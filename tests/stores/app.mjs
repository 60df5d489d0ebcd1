// A login backend over one store, written in the ways ACCOUNTS and ROWS say: what wxmock is to find, and what it is to spare.
//
// STORE: redis, mysql, postgres. ACCOUNTS: look (look, then insert), upsert, lock (SELECT … FOR UPDATE of one row, then look),
// nx, lua. ROWS: column, whole (the row is read and written back).

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { checkOwner, open, sealedFrom } from "../../examples/backends/node-express/open-data.js";

const { STORE, ACCOUNTS = "upsert", ROWS = "column", STORE_HOST, STORE_PORT, PORT, WX_API_BASE, WX_APPID, WX_SECRET } = process.env;
const at = { host: STORE_HOST, port: Number(STORE_PORT) };
const fresh = () => randomBytes(16).toString("hex");

class Sql {
  static async connect() {
    const sql = new Sql();
    if (STORE === "mysql") {
      const { default: mysql } = await import("mysql2/promise");
      sql.pool = mysql.createPool({ ...at, user: "app", password: "secret", database: "shop", connectionLimit: 10 });
      sql.on = async (connection, text, values) => (await connection.execute(text, values))[0];
      sql.take = () => sql.pool.getConnection();
    } else {
      const { default: pg } = await import("pg");
      sql.pool = new pg.Pool({ ...at, user: "app", password: "secret", database: "shop", max: 10, ssl: false });
      sql.on = async (connection, text, values) => {
        let n = 0;
        return (await connection.query(text.replace(/\?/g, () => `$${(n += 1)}`), values)).rows;
      };
      sql.take = () => sql.pool.connect();
    }
    const id = STORE === "mysql" ? "BIGINT AUTO_INCREMENT PRIMARY KEY" : "BIGSERIAL PRIMARY KEY";
    for (const table of [
      `any_user (id ${id}, openid VARCHAR(64) NOT NULL)`,
      `one_user (id ${id}, openid VARCHAR(64) NOT NULL UNIQUE)`,
      "turn (id INT PRIMARY KEY)",
      "profile (user_id BIGINT PRIMARY KEY, session_key VARCHAR(64), nick VARCHAR(128))",
      "session (token VARCHAR(64) PRIMARY KEY, user_id BIGINT)",
    ]) {
      await sql.pool.query(`CREATE TABLE IF NOT EXISTS ${table}`);
    }
    await sql.pool.query("DELETE FROM turn");
    await sql.pool.query("INSERT INTO turn VALUES (1)");
    return sql;
  }

  ask(text, ...values) {
    return this.on(this.pool, text, values);
  }

  async account(openid) {
    if (ACCOUNTS === "upsert") {
      const ignore = STORE === "mysql" ? "INSERT IGNORE INTO one_user (openid) VALUES (?)" : "INSERT INTO one_user (openid) VALUES (?) ON CONFLICT (openid) DO NOTHING";
      await this.ask(ignore, openid);
      return (await this.ask("SELECT id FROM one_user WHERE openid = ?", openid))[0].id;
    }
    if (ACCOUNTS !== "lock") return this.lookThenInsert((text, ...values) => this.ask(text, ...values), openid);
    const connection = await this.take();
    const inside = (text, ...values) => this.on(connection, text, values);
    try {
      await connection.query("BEGIN");
      await inside("SELECT id FROM turn WHERE id = ? FOR UPDATE", 1);
      const id = await this.lookThenInsert(inside, openid);
      await connection.query("COMMIT");
      return id;
    } finally {
      connection.release();
    }
  }

  async lookThenInsert(ask, openid) {
    const look = () => ask("SELECT id FROM any_user WHERE openid = ? ORDER BY id DESC", openid);
    const found = await look();
    if (found.length > 0) return found[0].id;
    await ask("INSERT INTO any_user (openid) VALUES (?)", openid);
    return (await look())[0].id;
  }

  async login(user, key) {
    const token = fresh();
    const again = STORE === "mysql" ? "ON DUPLICATE KEY UPDATE session_key = VALUES(session_key)" : "ON CONFLICT (user_id) DO UPDATE SET session_key = excluded.session_key";
    await this.ask(`INSERT INTO profile (user_id, session_key, nick) VALUES (?, ?, '') ${again}`, user, key);
    await this.ask("INSERT INTO session (token, user_id) VALUES (?, ?)", token, user);
    return token;
  }

  async session(token) {
    const found = await this.ask("SELECT user_id FROM session WHERE token = ?", token);
    return found.length ? { user: found[0].user_id } : undefined;
  }

  async key(user) {
    return (await this.ask("SELECT session_key FROM profile WHERE user_id = ?", user))[0]?.session_key;
  }

  async rename(user, nick) {
    if (ROWS === "column") return this.ask("UPDATE profile SET nick = ? WHERE user_id = ?", nick, user);
    const [row] = await this.ask("SELECT session_key, nick FROM profile WHERE user_id = ?", user);
    if (row) await this.ask("UPDATE profile SET session_key = ?, nick = ? WHERE user_id = ?", row.session_key, nick, user);
  }

  async logout(token) {
    await this.ask("DELETE FROM session WHERE token = ?", token);
  }
}

class Keys {
  static async connect() {
    const { default: Redis } = await import("ioredis");
    const keys = new Keys();
    // A pool, as servers with several processes have one connection each.
    keys.pool = Array.from({ length: 8 }, () => new Redis({ ...at, maxRetriesPerRequest: 1 }));
    return keys;
  }

  get r() {
    this.turn = ((this.turn ?? -1) + 1) % this.pool.length;
    return this.pool[this.turn];
  }

  async account(openid) {
    const key = `user:${openid}`;
    if (ACCOUNTS === "lua") {
      return this.r.eval("redis.call('setnx', KEYS[1], ARGV[1]) return redis.call('get', KEYS[1])", 1, key, fresh());
    }
    if (ACCOUNTS === "nx") {
      await this.r.set(key, fresh(), "NX");
      return this.r.get(key);
    }
    const found = await this.r.get(key);
    if (found !== null) return found;
    const id = fresh();
    await this.r.set(key, id);
    return id;
  }

  async login(user, key) {
    const token = fresh();
    await this.r.hset(`profile:${user}`, "key", key);
    await this.r.set(`session:${token}`, user);
    return token;
  }

  async session(token) {
    const user = await this.r.get(`session:${token}`);
    return user === null ? undefined : { user };
  }

  key(user) {
    return this.r.hget(`profile:${user}`, "key");
  }

  async rename(user, nick) {
    if (ROWS === "column") return this.r.hset(`profile:${user}`, "nick", nick);
    const row = await this.r.hgetall(`profile:${user}`);
    await this.r.hset(`profile:${user}`, { ...row, nick });
  }

  async logout(token) {
    await this.r.del(`session:${token}`);
  }
}

async function exchange(code) {
  const query = new URLSearchParams({ appid: WX_APPID, secret: WX_SECRET, js_code: code, grant_type: "authorization_code" });
  return JSON.parse(await (await fetch(`${WX_API_BASE}/sns/jscode2session?${query}`)).text());
}

const store = await (STORE === "redis" ? Keys : Sql).connect();

async function answer(request, body) {
  if (request.url === "/healthz") return [200, {}];
  if (request.url === "/login") {
    const { openid, session_key: key } = await exchange(body.code ?? "");
    if (!openid) return [400, { error: "code_rejected" }];
    const user = await store.account(openid);
    return [200, { token: await store.login(user, key), user: { id: String(user) }, openid }];
  }
  const token = (request.headers.authorization ?? "").replace("Bearer ", "");
  const session = await store.session(token);
  if (!session) return [401, { error: "log_in_again" }];
  if (request.url === "/me") return [200, { user: { id: String(session.user) } }];
  if (request.url === "/logout") return [200, (await store.logout(token), {})];
  if (request.url === "/profile") {
    const data = open(sealedFrom(body), await store.key(session.user));
    if (!data) return [401, { error: "login_and_capture_again" }];
    checkOwner(data, WX_APPID, data.openId);
    await store.rename(session.user, data.nickName);
    return [200, { profile: { nickName: data.nickName } }];
  }
  return [404, {}];
}

createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  const [status, body] = await answer(request, text ? JSON.parse(text) : {}).catch((error) => [500, (console.error(error), { error: "internal" })]);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}).listen(Number(PORT), "127.0.0.1");

// A login backend over one store, careful, or careless in the ways that WAYS names: what wxmock is to find, and what it is to spare.
//
// STORE: redis, mysql, postgres. WAYS, words:
//   look, lock, nx, lua   how an account is made: looked for and then inserted; so under a locked row; SET … NX; a script.
//                         Without any: an upsert over a unique index, or SET … NX
//   unique-500            looked for and then inserted into the unique index: the loser is answered 500
//   serial                looked for and then inserted in a serialisable transaction that is tried again
//   fenced, unfenced      looked for and then inserted under a lock of the person in the store; unfenced: who does not get it removes it
//   eight                 a login says eight statements that touch what its other logins touch, not four or five
//   rows-whole            a row is read and written back, not one column
//   version               a row is read and written back where its version is still the one that was read
//   sessions-list         a person's tokens are a list in one row, not a row each
//   codes-look            whether a phone code was used is looked for and then noted, not noted in one statement
//   tokens-look           an access_token is looked for, fetched and kept, not fetched under a lock
//   shutdown              the 25th login shuts the Redis down
// POOL: connections to the store, 10 unless it says otherwise.

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { checkOwner, open, sealedFrom } from "../../examples/backends/node-express/open-data.js";

const { STORE, WAYS = "", POOL = "10", STORE_HOST, STORE_PORT, PORT, WX_API_BASE, WX_APPID, WX_SECRET } = process.env;
const at = { host: STORE_HOST, port: Number(STORE_PORT) };
const ways = new Set(WAYS.split(" "));
const fresh = () => randomBytes(16).toString("hex");
/** A token that names its person, and what is behind it; who sends it is asked for in the store. */
const personOf = (token) => /^(\w+)\./.exec(token)?.[1];

/** Does `work` while a lock of the store is this request's. */
async function underLock(store, person, work) {
  const mine = fresh();
  for (;;) {
    const got = await store.takeLock(`lock:${person}`, mine);
    try {
      if (got) return await work();
    } finally {
      if (ways.has("unfenced")) await store.dropLock(`lock:${person}`);
      else if (got) await store.dropLock(`lock:${person}`, mine);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

class Sql {
  static async connect() {
    const sql = new Sql();
    if (STORE === "mysql") {
      const { default: mysql } = await import("mysql2/promise");
      sql.pool = mysql.createPool({ ...at, user: "app", password: "secret", database: "shop", connectionLimit: Number(POOL) });
      sql.on = async (connection, text, values) => (await connection.execute(text, values))[0];
      sql.take = () => sql.pool.getConnection();
    } else {
      const { default: pg } = await import("pg");
      sql.pool = new pg.Pool({ ...at, user: "app", password: "secret", database: "shop", max: Number(POOL), ssl: false });
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
      "profile (user_id BIGINT PRIMARY KEY, session_key VARCHAR(64), nick VARCHAR(128), phone VARCHAR(32), version INT NOT NULL DEFAULT 0)",
      "login_lock (name VARCHAR(64) PRIMARY KEY, holder VARCHAR(64))",
      "session (token VARCHAR(64) PRIMARY KEY, user_id BIGINT)",
      "token_list (user_id BIGINT PRIMARY KEY, tokens TEXT NOT NULL)",
      "used_code (code VARCHAR(128) PRIMARY KEY)",
      `login_seen (id ${id}, user_id BIGINT)`,
      "access_token (id INT PRIMARY KEY, value VARCHAR(512))",
    ]) {
      await sql.pool.query(`CREATE TABLE IF NOT EXISTS ${table}`);
    }
    for (const table of ["turn", "access_token"]) await sql.pool.query(`DELETE FROM ${table}`);
    await sql.pool.query("INSERT INTO turn VALUES (1)");
    await sql.pool.query("INSERT INTO access_token VALUES (1, NULL)");
    return sql;
  }

  ask(text, ...values) {
    return this.on(this.pool, text, values);
  }

  /** Whether `row` was put into `table`, and not there already. */
  async put(table, columns, ...values) {
    const text = `INTO ${table} (${columns}) VALUES (${values.map(() => "?").join(", ")})`;
    const made = await (STORE === "mysql" ? this.ask(`INSERT IGNORE ${text}`, ...values) : this.ask(`INSERT ${text} ON CONFLICT DO NOTHING RETURNING 1`, ...values));
    return (made.affectedRows ?? made.length) > 0;
  }

  /** Does `work` in a transaction, its statements on one connection. */
  async inside(work, serialisable = false) {
    const connection = await this.take();
    try {
      if (serialisable && STORE === "mysql") await connection.query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
      await connection.query(serialisable && STORE !== "mysql" ? "BEGIN ISOLATION LEVEL SERIALIZABLE" : "BEGIN");
      const result = await work((text, ...values) => this.on(connection, text, values));
      await connection.query("COMMIT");
      return result;
    } catch (error) {
      await connection.query("ROLLBACK");
      throw error;
    } finally {
      connection.release();
    }
  }

  async account(openid) {
    const ask = (text, ...values) => this.ask(text, ...values);
    if (ways.has("look")) return this.lookThenInsert(ask, openid);
    if (ways.has("unique-500")) return this.lookThenInsert(ask, openid, "one_user");
    if (ways.has("serial")) return this.serialisable((within) => this.lookThenInsert(within, openid));
    if (ways.has("fenced") || ways.has("unfenced")) return underLock(this, openid, () => this.lookThenInsert(ask, openid));
    if (ways.has("lock")) {
      return this.inside(async (within) => {
        await within("SELECT id FROM turn WHERE id = ? FOR UPDATE", 1);
        return this.lookThenInsert(within, openid);
      });
    }
    await this.put("one_user", "openid", openid);
    return (await this.ask("SELECT id FROM one_user WHERE openid = ?", openid))[0].id;
  }

  /** The same, and again where another transaction got in between. */
  async serialisable(work) {
    for (;;) {
      try {
        return await this.inside(work, true);
      } catch (error) {
        if (!["40001", "ER_LOCK_DEADLOCK"].includes(error.code)) throw error;
      }
    }
  }

  takeLock(name, holder) {
    return this.put("login_lock", "name, holder", name, holder);
  }

  dropLock(name, holder) {
    return holder ? this.ask("DELETE FROM login_lock WHERE name = ? AND holder = ?", name, holder) : this.ask("DELETE FROM login_lock WHERE name = ?", name);
  }

  async lookThenInsert(ask, openid, table = "any_user") {
    const look = () => ask(`SELECT id FROM ${table} WHERE openid = ? ORDER BY id DESC`, openid);
    const found = await look();
    if (found.length > 0) return found[0].id;
    await ask(`INSERT INTO ${table} (openid) VALUES (?)`, openid);
    return (await look())[0].id;
  }

  async login(user, key) {
    const again = STORE === "mysql" ? "ON DUPLICATE KEY UPDATE session_key = VALUES(session_key), version = profile.version + 1" : "ON CONFLICT (user_id) DO UPDATE SET session_key = excluded.session_key, version = profile.version + 1";
    await this.ask(`INSERT INTO profile (user_id, session_key, nick) VALUES (?, ?, '') ${again}`, user, key);
    if (ways.has("eight")) {
      await this.ask("INSERT INTO login_seen (user_id) VALUES (?)", user);
      await this.ask("SELECT COUNT(*) FROM login_seen WHERE user_id = ?", user);
      await this.ask("UPDATE profile SET nick = ? WHERE user_id = ?", "seen", user);
    }
    if (!ways.has("sessions-list")) {
      const token = fresh();
      await this.ask("INSERT INTO session (token, user_id) VALUES (?, ?)", token, user);
      return token;
    }
    const token = `${user}.${fresh()}`;
    const tokens = await this.tokens(user);
    if (tokens) await this.ask("UPDATE token_list SET tokens = ? WHERE user_id = ?", [...tokens, token].join(" "), user);
    else await this.ask("INSERT INTO token_list (user_id, tokens) VALUES (?, ?)", user, token);
    return token;
  }

  async tokens(user) {
    return (await this.ask("SELECT tokens FROM token_list WHERE user_id = ?", user))[0]?.tokens.split(" ");
  }

  async session(token) {
    if (ways.has("sessions-list")) {
      const user = personOf(token);
      return user && (await this.tokens(user))?.includes(token) ? { user } : undefined;
    }
    const found = await this.ask("SELECT user_id FROM session WHERE token = ?", token);
    return found.length ? { user: found[0].user_id } : undefined;
  }

  async logout(token) {
    if (!ways.has("sessions-list")) return this.ask("DELETE FROM session WHERE token = ?", token);
    const user = personOf(token);
    const others = ((await this.tokens(user)) ?? []).filter((other) => other !== token);
    await this.ask("UPDATE token_list SET tokens = ? WHERE user_id = ?", others.join(" "), user);
  }

  async key(user) {
    return (await this.ask("SELECT session_key FROM profile WHERE user_id = ?", user))[0]?.session_key;
  }

  /** Writes `nick` or `phone` of a person. */
  async write(user, column, value) {
    if (ways.has("version")) return this.writeVersioned(user, column, value);
    if (!ways.has("rows-whole")) return this.ask(`UPDATE profile SET ${column} = ? WHERE user_id = ?`, value, user);
    const [read] = await this.ask("SELECT session_key, nick, phone FROM profile WHERE user_id = ?", user);
    const row = { ...read, [column]: value };
    await this.ask("UPDATE profile SET session_key = ?, nick = ?, phone = ? WHERE user_id = ?", row.session_key, row.nick, row.phone, user);
  }

  async writeVersioned(user, column, value) {
    for (;;) {
      const [read] = await this.ask("SELECT session_key, nick, phone, version FROM profile WHERE user_id = ?", user);
      const row = { ...read, [column]: value };
      const text = "UPDATE profile SET session_key = ?, nick = ?, phone = ?, version = version + 1 WHERE user_id = ? AND version = ?";
      const made = await this.ask(STORE === "mysql" ? text : `${text} RETURNING 1`, row.session_key, row.nick, row.phone, user, row.version);
      if ((made.affectedRows ?? made.length) > 0) return;
    }
  }

  /** Whether nobody used the phone code before. */
  async spend(code) {
    if (!ways.has("codes-look")) return this.put("used_code", "code", code);
    if ((await this.ask("SELECT code FROM used_code WHERE code = ?", code)).length > 0) return false;
    await this.ask("INSERT INTO used_code (code) VALUES (?)", code);
    return true;
  }

  async accessToken(fetchOne) {
    const kept = async (ask, lock = "") => (await ask(`SELECT value FROM access_token WHERE id = ?${lock}`, 1))[0].value;
    const keep = (ask, value) => ask("UPDATE access_token SET value = ? WHERE id = ?", value, 1);
    const ask = (text, ...values) => this.ask(text, ...values);
    const there = await kept(ask);
    if (there) return { value: there, kept: true };
    const fetchAndKeep = async (asking) => {
      const value = await fetchOne();
      await keep(asking, value);
      return { value, kept: false };
    };
    if (ways.has("tokens-look")) return fetchAndKeep(ask);
    return this.inside(async (within) => {
      const other = await kept(within, " FOR UPDATE");
      return other ? { value: other, kept: true } : fetchAndKeep(within);
    });
  }

  async forgetAccessToken(value) {
    await this.ask("UPDATE access_token SET value = NULL WHERE id = ? AND value = ?", 1, value);
  }
}

/** Removes a lock of Redis that is still one's own. */
const RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
/** Writes a field of a hash that still has the version that was read. */
const WRITE_VERSIONED =
  "if (redis.call('hget', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end " +
  "redis.call('hset', KEYS[1], 'key', ARGV[2], ARGV[3], ARGV[4]) redis.call('hincrby', KEYS[1], 'version', 1) return 1";
const LOGIN_VERSIONED = "redis.call('hset', KEYS[1], 'key', ARGV[1]) return redis.call('hincrby', KEYS[1], 'version', 1)";

class Keys {
  static async connect() {
    const { default: Redis } = await import("ioredis");
    const keys = new Keys();
    // A pool, as servers with several processes have one connection each.
    keys.pool = Array.from({ length: Number(POOL) }, () => new Redis({ ...at, maxRetriesPerRequest: 1 }));
    // A store that is gone is answered 500, not a crash.
    for (const one of keys.pool) one.on("error", () => {});
    // One of another app, or of another run's WeChat, is none.
    await keys.r.del("wx:access_token", "wx:access_token:lock");
    return keys;
  }

  get r() {
    this.turn = ((this.turn ?? -1) + 1) % this.pool.length;
    return this.pool[this.turn];
  }

  async account(openid) {
    const key = `user:${openid}`;
    if (ways.has("lua")) {
      return this.r.eval("redis.call('setnx', KEYS[1], ARGV[1]) return redis.call('get', KEYS[1])", 1, key, fresh());
    }
    if (ways.has("fenced") || ways.has("unfenced")) return underLock(this, openid, () => this.lookThenSet(key));
    if (ways.has("look")) return this.lookThenSet(key);
    await this.r.set(key, fresh(), "NX");
    return this.r.get(key);
  }

  async lookThenSet(key) {
    const found = await this.r.get(key);
    if (found !== null) return found;
    const id = fresh();
    await this.r.set(key, id);
    return id;
  }

  async takeLock(name, holder) {
    return (await this.r.set(name, holder, "PX", 60_000, "NX")) === "OK";
  }

  dropLock(name, holder) {
    return holder ? this.r.eval(RELEASE, 1, name, holder) : this.r.del(name);
  }

  async login(user, key) {
    if (ways.has("version")) await this.r.eval(LOGIN_VERSIONED, 1, `profile:${user}`, key);
    else await this.r.hset(`profile:${user}`, "key", key);
    if (ways.has("eight")) {
      await this.r.incr(`logins:${user}`);
      await this.r.set(`seen:${user}`, key);
      await this.r.lpush(`audit:${user}`, key);
      await this.r.hgetall(`profile:${user}`);
    }
    if (!ways.has("sessions-list")) {
      const token = fresh();
      await this.r.set(`session:${token}`, user);
      return token;
    }
    const token = `${user}.${fresh()}`;
    const tokens = await this.r.get(`tokens:${user}`);
    await this.r.set(`tokens:${user}`, tokens ? `${tokens} ${token}` : token);
    return token;
  }

  async session(token) {
    const user = ways.has("sessions-list") ? personOf(token) : await this.r.get(`session:${token}`);
    if (!ways.has("sessions-list")) return user === null ? undefined : { user };
    return user && (await this.r.get(`tokens:${user}`))?.split(" ").includes(token) ? { user } : undefined;
  }

  async logout(token) {
    if (!ways.has("sessions-list")) return this.r.del(`session:${token}`);
    const user = personOf(token);
    const tokens = ((await this.r.get(`tokens:${user}`)) ?? "").split(" ");
    await this.r.set(`tokens:${user}`, tokens.filter((other) => other !== token).join(" "));
  }

  key(user) {
    return this.r.hget(`profile:${user}`, "key");
  }

  async write(user, field, value) {
    while (ways.has("version")) {
      const { version = "0", key } = await this.r.hgetall(`profile:${user}`);
      if ((await this.r.eval(WRITE_VERSIONED, 1, `profile:${user}`, version, key, field, value)) === 1) return;
    }
    if (!ways.has("rows-whole")) return this.r.hset(`profile:${user}`, field, value);
    const row = await this.r.hgetall(`profile:${user}`);
    await this.r.hset(`profile:${user}`, { ...row, [field]: value });
  }

  async spend(code) {
    const key = `used:${code}`;
    if (!ways.has("codes-look")) return (await this.r.set(key, "1", "EX", 600, "NX")) === "OK";
    if ((await this.r.get(key)) !== null) return false;
    await this.r.set(key, "1", "EX", 600);
    return true;
  }

  async accessToken(fetchOne) {
    const [key, lock, mine] = ["wx:access_token", "wx:access_token:lock", fresh()];
    for (;;) {
      const there = await this.r.get(key);
      if (there !== null) return { value: there, kept: true };
      if (!ways.has("tokens-look") && (await this.r.set(lock, mine, "PX", 30_000, "NX")) === null) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        continue;
      }
      const late = ways.has("tokens-look") ? null : await this.r.get(key);
      const value = late ?? (await fetchOne());
      if (late === null) await this.r.set(key, value, "EX", 7000);
      if (!ways.has("tokens-look")) await this.dropLock(lock, mine);
      return { value, kept: late !== null };
    }
  }

  async shutdown() {
    await this.r.call("SHUTDOWN", "NOSAVE");
  }

  async forgetAccessToken(value) {
    await this.r.eval("if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end return 1", 1, "wx:access_token", value);
  }
}

async function wechat(path, body) {
  const asked = body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {};
  return JSON.parse(await (await fetch(`${WX_API_BASE}${path}`, asked)).text());
}

function exchange(code) {
  return wechat(`/sns/jscode2session?${new URLSearchParams({ appid: WX_APPID, secret: WX_SECRET, js_code: code, grant_type: "authorization_code" })}`);
}

async function fetchAccessToken() {
  const answer = await wechat(`/cgi-bin/token?${new URLSearchParams({ grant_type: "client_credential", appid: WX_APPID, secret: WX_SECRET })}`);
  if (!answer.access_token) throw new Error(`no access_token: ${answer.errcode}`);
  return answer.access_token;
}

let logins = 0;
const store = await (STORE === "redis" ? Keys : Sql).connect();

async function answer(request, body) {
  if (request.url === "/healthz") return [200, {}];
  if (request.url === "/login") {
    const { openid, session_key: key } = await exchange(body.code ?? "");
    if (!openid) return [400, { error: "code_rejected" }];
    logins += 1;
    if (ways.has("shutdown") && logins === 25) await store.shutdown();
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
    await store.write(session.user, "nick", data.nickName);
    return [200, { profile: { nickName: data.nickName } }];
  }
  if (request.url === "/phone/code") return phone(session.user, body.code ?? "");
  return [404, {}];
}

/** The number behind a phone code. An access_token that was kept and is dead is forgotten; the phone comes again. */
async function phone(user, code) {
  if (!(await store.spend(code))) return [400, { error: "phone_code_rejected" }];
  const token = await store.accessToken(fetchAccessToken);
  const { errcode, phone_info: info } = await wechat(`/wxa/business/getuserphonenumber?${new URLSearchParams({ access_token: token.value })}`, { code });
  if ([40001, 40014, 42001].includes(errcode)) {
    if (token.kept) await store.forgetAccessToken(token.value);
    return [503, { error: "again" }];
  }
  // Who has looked takes a refusal for a fault of its own.
  if (errcode) return ways.has("codes-look") ? [500, { error: "internal" }] : [400, { error: "phone_code_rejected" }];
  await store.write(user, "phone", info.purePhoneNumber);
  return [200, { phone: info.purePhoneNumber }];
}

createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  const [status, body] = await answer(request, text ? JSON.parse(text) : {}).catch((error) => [500, (console.error(error), { error: "internal" })]);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}).listen(Number(PORT), "127.0.0.1");

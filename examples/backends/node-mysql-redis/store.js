// Users in MySQL, sessions and each user's latest keys in Redis. No statement rests on what an earlier one saw.

import { createHash, randomBytes } from "node:crypto";
import Redis from "ioredis";
import mysql from "mysql2/promise";

// How many of a user's latest keys stay candidates for decryption.
const KEYS_KEPT = 8;
const SESSION_LIFE_S = 7 * 24 * 3600;

// Openids that differ by letter case are two people: MySQL's default collation takes them for one.
const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS wx_user (
    id BIGINT PRIMARY KEY AUTO_INCREMENT, openid VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, unionid VARCHAR(64), UNIQUE KEY one_openid (openid))`,
  `CREATE TABLE IF NOT EXISTS wx_user_racy (
    id BIGINT PRIMARY KEY AUTO_INCREMENT, openid VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, unionid VARCHAR(64), KEY by_openid (openid))`,
];

export class Store {
  #db;
  #redis;
  #racy;

  /** Connects to both, and makes the tables. */
  static async open({ mysql: url, redis, racy }) {
    const store = new Store();
    store.#db = mysql.createPool({ uri: url, connectionLimit: 10 });
    store.#redis = new Redis(redis, { maxRetriesPerRequest: 1 });
    store.#racy = racy;
    for (const table of SCHEMA) await store.#db.query(table);
    return store;
  }

  /** Finds or makes the user, keeps the key, opens a session. */
  async openSession({ openid, sessionKey, unionid }) {
    const userId = await (this.#racy ? this.#lookThenInsert(openid, unionid) : this.#upsert(openid, unionid));
    const token = randomBytes(32).toString("base64url");
    const session = JSON.stringify({ userId, openid, sessionKey });
    // One piece: added in front, never overwritten, as replies of WeChat can arrive in any order.
    await this.#redis
      .multi()
      .lrem(`keys:${userId}`, 0, sessionKey)
      .lpush(`keys:${userId}`, sessionKey)
      .ltrim(`keys:${userId}`, 0, KEYS_KEPT - 1)
      .set(`session:${hash(token)}`, session, "EX", SESSION_LIFE_S)
      .exec();
    return { token, userId };
  }

  /** The unique index decides who makes the account; everybody is given the same one. */
  async #upsert(openid, unionid) {
    const [made] = await this.#db.execute(
      `INSERT INTO wx_user (openid, unionid) VALUES (?, ?)
       ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), unionid = COALESCE(VALUES(unionid), unionid)`,
      [openid, unionid],
    );
    return made.insertId;
  }

  /** What many backends do: between the two statements another login may have made the account. */
  async #lookThenInsert(openid, unionid) {
    const [found] = await this.#db.execute("SELECT id FROM wx_user_racy WHERE openid = ?", [openid]);
    if (found.length > 0) return found[0].id;
    const [made] = await this.#db.execute("INSERT INTO wx_user_racy (openid, unionid) VALUES (?, ?)", [openid, unionid]);
    return made.insertId;
  }

  /** What a token stands for; `sessionKey` is the key that came with this session's own login. */
  async session(token) {
    const kept = await this.#redis.get(`session:${hash(token)}`);
    return kept === null ? undefined : JSON.parse(kept);
  }

  async closeSession(token) {
    await this.#redis.del(`session:${hash(token)}`);
  }

  /** The user's keys, the last one written first. */
  async latestKeys(userId) {
    return this.#redis.lrange(`keys:${userId}`, 0, -1);
  }
}

function hash(token) {
  return createHash("sha256").update(token).digest("hex");
}

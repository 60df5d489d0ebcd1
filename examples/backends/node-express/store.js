// Users, their latest session keys, and sessions, in SQLite. Every write is one transaction.

import { createHash, randomBytes } from "node:crypto";
import Database from "better-sqlite3";

// How many of a user's latest keys stay candidates for decryption.
const KEYS_KEPT = 8;
const SESSION_LIFE_MS = 7 * 24 * 3600 * 1000;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY,
    openid TEXT NOT NULL UNIQUE,
    unionid TEXT
);
CREATE TABLE IF NOT EXISTS session_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    session_key TEXT NOT NULL,
    UNIQUE (user_id, session_key)
);
CREATE TABLE IF NOT EXISTS sessions (
    token_hash TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    session_key TEXT NOT NULL,
    expires_at INTEGER NOT NULL
);
`;

export class Store {
  #db;
  #statements;
  #write;

  constructor(path) {
    this.#db = new Database(path);
    this.#db.pragma("journal_mode = WAL");
    this.#db.pragma("synchronous = NORMAL");
    this.#db.exec(SCHEMA);
    const prepare = (sql) => this.#db.prepare(sql);
    this.#statements = {
      upsertUser: prepare(
        `INSERT INTO users (openid, unionid) VALUES (?, ?)
         ON CONFLICT (openid) DO UPDATE SET unionid = coalesce(excluded.unionid, unionid) RETURNING id`,
      ),
      forgetKey: prepare("DELETE FROM session_keys WHERE user_id = ? AND session_key = ?"),
      addKey: prepare("INSERT INTO session_keys (user_id, session_key) VALUES (?, ?)"),
      trimKeys: prepare(
        `DELETE FROM session_keys WHERE user_id = @user AND id NOT IN
         (SELECT id FROM session_keys WHERE user_id = @user ORDER BY id DESC LIMIT ${KEYS_KEPT})`,
      ),
      dropExpired: prepare("DELETE FROM sessions WHERE expires_at < ?"),
      addSession: prepare("INSERT INTO sessions VALUES (?, ?, ?, ?)"),
      session: prepare(
        `SELECT users.id AS userId, users.openid, sessions.session_key AS sessionKey FROM sessions
         JOIN users ON users.id = sessions.user_id WHERE token_hash = ? AND expires_at >= ?`,
      ),
      closeSession: prepare("DELETE FROM sessions WHERE token_hash = ?"),
      latestKeys: prepare("SELECT session_key FROM session_keys WHERE user_id = ? ORDER BY id DESC").pluck(),
    };
    this.#write = this.#db.transaction((token, { openid, sessionKey, unionid }) => {
      const run = this.#statements;
      const { id } = run.upsertUser.get(openid, unionid);
      // Appended, never overwritten: replies of WeChat can arrive in any order.
      run.forgetKey.run(id, sessionKey);
      run.addKey.run(id, sessionKey);
      run.trimKeys.run({ user: id });
      run.dropExpired.run(Date.now());
      run.addSession.run(hash(token), id, sessionKey, Date.now() + SESSION_LIFE_MS);
      return id;
    });
  }

  /** Finds or makes the user, keeps the key, opens a session. */
  openSession(login) {
    const token = randomBytes(32).toString("base64url");
    return { token, userId: this.#write.immediate(token, login) };
  }

  /** What a token stands for; `sessionKey` is the key that came with this session's own login. */
  session(token) {
    return this.#statements.session.get(hash(token), Date.now());
  }

  closeSession(token) {
    this.#statements.closeSession.run(hash(token));
  }

  /** The user's keys, the last one written first. */
  latestKeys(userId) {
    return this.#statements.latestKeys.all(userId);
  }
}

function hash(token) {
  return createHash("sha256").update(token).digest("hex");
}

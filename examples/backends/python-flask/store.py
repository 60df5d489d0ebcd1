"""Users, their latest session keys, and sessions, in SQLite. Every write is one short transaction."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import sqlite3
import time
from dataclasses import dataclass

from wechat import Login

# How many of a user's latest keys stay candidates for decryption.
KEYS_KEPT = 8
SESSION_LIFE_S = 7 * 24 * 3600

SCHEMA = """
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
"""


@dataclass(frozen=True)
class Session:
    user_id: int
    openid: str
    session_key: str  # the key that came with this session's own login


class Store:
    def __init__(self, path: str):
        self.path = path
        with self._connect() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(SCHEMA)

    def open_session(self, login: Login) -> tuple[str, int]:
        """Finds or makes the user, keeps the key, opens a session: a fresh token and the user's id."""
        token = secrets.token_urlsafe(32)
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            (user_id,) = db.execute(
                "INSERT INTO users (openid, unionid) VALUES (?, ?) "
                "ON CONFLICT (openid) DO UPDATE SET unionid = coalesce(excluded.unionid, unionid) RETURNING id",
                (login.openid, login.unionid),
            ).fetchone()
            # Appended, never overwritten: replies of WeChat can arrive in any order.
            db.execute("DELETE FROM session_keys WHERE user_id = ? AND session_key = ?", (user_id, login.session_key))
            db.execute("INSERT INTO session_keys (user_id, session_key) VALUES (?, ?)", (user_id, login.session_key))
            db.execute(
                "DELETE FROM session_keys WHERE user_id = ? AND id NOT IN "
                "(SELECT id FROM session_keys WHERE user_id = ? ORDER BY id DESC LIMIT ?)",
                (user_id, user_id, KEYS_KEPT),
            )
            db.execute("DELETE FROM sessions WHERE expires_at < ?", (time.time(),))
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?)",
                (_hash(token), user_id, login.session_key, int(time.time()) + SESSION_LIFE_S),
            )
        return token, user_id

    def session(self, token: str) -> Session | None:
        with self._connect() as db:
            row = db.execute(
                "SELECT users.id, users.openid, sessions.session_key FROM sessions "
                "JOIN users ON users.id = sessions.user_id WHERE token_hash = ? AND expires_at >= ?",
                (_hash(token), time.time()),
            ).fetchone()
        return Session(*row) if row else None

    def close_session(self, token: str) -> None:
        with self._connect() as db:
            db.execute("DELETE FROM sessions WHERE token_hash = ?", (_hash(token),))

    def latest_keys(self, user_id: int) -> list[str]:
        """The user's keys, the last one written first."""
        with self._connect() as db:
            rows = db.execute("SELECT session_key FROM session_keys WHERE user_id = ? ORDER BY id DESC", (user_id,))
            return [key for (key,) in rows]

    @contextlib.contextmanager
    def _connect(self):
        """A connection of this request's own; commits on success, rolls back on an exception."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=5)) as db, db:
            db.execute("PRAGMA synchronous = NORMAL")
            yield db


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

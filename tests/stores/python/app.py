"""A login backend over one store, by the client that CLIENT names: redis (redis-py), pymysql, psycopg or sqlalchemy (over psycopg).

WAYS=look makes an account the way many backends do: look, then insert. Without it the store decides: SET … NX, or a unique index.
"""

import json
import os
import secrets
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import LifoQueue

HOST, PORT = os.environ["STORE_HOST"], int(os.environ["STORE_PORT"])
LOOK = os.environ["WAYS"] == "look"
POOL = int(os.environ.get("POOL", "10"))
OF_SHOP = {"host": HOST, "port": PORT, "user": "app", "password": "secret"}


class Redis:
    def __init__(self):
        import redis

        self.redis = redis.Redis(HOST, PORT, max_connections=POOL, decode_responses=True)

    def account(self, openid):
        key = f"user:{openid}"
        if LOOK:
            if (found := self.redis.get(key)) is None:
                found = secrets.token_hex(8)
                self.redis.set(key, found)
            return found
        self.redis.set(key, secrets.token_hex(8), nx=True)
        return self.redis.get(key)

    def keep(self, token, user):
        self.redis.set(f"session:{token}", user)


class Sql:
    """Connections in a queue, each statement its own transaction."""

    def __init__(self, connect, number, ignore):
        self.ignore = ignore
        self.pool = LifoQueue()
        for _ in range(POOL):
            self.pool.put(connect())
        self.ask(f"CREATE TABLE IF NOT EXISTS py_any (id {number}, openid VARCHAR(64) NOT NULL)")
        self.ask(f"CREATE TABLE IF NOT EXISTS py_one (id {number}, openid VARCHAR(64) NOT NULL UNIQUE)")
        self.ask("CREATE TABLE IF NOT EXISTS py_session (token VARCHAR(64) PRIMARY KEY, user_id BIGINT)")

    def ask(self, text, *values):
        connection = self.pool.get()
        try:
            with connection.cursor() as cursor:
                cursor.execute(text, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            self.pool.put(connection)

    def account(self, openid):
        if not LOOK:
            self.ask(self.ignore, openid)
            return self.ask("SELECT id FROM py_one WHERE openid = %s", openid)[0][0]
        look = "SELECT id FROM py_any WHERE openid = %s ORDER BY id DESC"
        if found := self.ask(look, openid):
            return found[0][0]
        self.ask("INSERT INTO py_any (openid) VALUES (%s)", openid)
        return self.ask(look, openid)[0][0]

    def keep(self, token, user):
        self.ask("INSERT INTO py_session (token, user_id) VALUES (%s, %s)", token, user)


def pymysql():
    import pymysql as driver

    ignore = "INSERT IGNORE INTO py_one (openid) VALUES (%s)"
    return Sql(lambda: driver.connect(**OF_SHOP, database="shop", autocommit=True), "BIGINT AUTO_INCREMENT PRIMARY KEY", ignore)


def psycopg():
    import psycopg as driver

    ignore = "INSERT INTO py_one (openid) VALUES (%s) ON CONFLICT DO NOTHING"
    return Sql(lambda: driver.connect(**OF_SHOP, dbname="shop", autocommit=True), "BIGSERIAL PRIMARY KEY", ignore)


class SqlAlchemy:
    def __init__(self):
        from sqlalchemy import create_engine, select
        from sqlalchemy.exc import IntegrityError
        from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

        class Base(DeclarativeBase):
            pass

        class User(Base):
            __tablename__ = "orm_any" if LOOK else "orm_one"
            id: Mapped[int] = mapped_column(primary_key=True)
            openid: Mapped[str] = mapped_column(unique=not LOOK)

        class Kept(Base):
            __tablename__ = "orm_session"
            token: Mapped[str] = mapped_column(primary_key=True)
            user_id: Mapped[int]

        self.User, self.Kept, self.Session, self.select, self.Taken = User, Kept, Session, select, IntegrityError
        self.engine = create_engine(f"postgresql+psycopg://app:secret@{HOST}:{PORT}/shop", pool_size=POOL, max_overflow=0)
        Base.metadata.create_all(self.engine)

    def account(self, openid):
        """The usual get_or_create; what makes it right is the unique index and the second look."""
        with self.Session(self.engine) as session:
            look = self.select(self.User).where(self.User.openid == openid).order_by(self.User.id)
            if (user := session.scalars(look).first()) is None:
                try:
                    user = self.User(openid=openid)
                    session.add(user)
                    session.commit()
                except self.Taken:
                    session.rollback()
                    user = session.scalars(look).first()
            return user.id

    def keep(self, token, user):
        with self.Session(self.engine) as session:
            session.add(self.Kept(token=token, user_id=user))
            session.commit()


STORE = {"redis": Redis, "pymysql": pymysql, "psycopg": psycopg, "sqlalchemy": SqlAlchemy}[os.environ["CLIENT"]]()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = urllib.parse.urlencode(
            {"appid": os.environ["WX_APPID"], "secret": os.environ["WX_SECRET"], "js_code": body["code"], "grant_type": "authorization_code"}
        )
        with urllib.request.urlopen(f"{os.environ['WX_API_BASE']}/sns/jscode2session?{asked}") as reply:
            told = json.load(reply)
        if "openid" not in told:
            return self.answer(401, {"error": "code_rejected"})
        user, token = STORE.account(told["openid"]), secrets.token_hex(16)
        STORE.keep(token, user)
        self.answer(200, {"token": token, "user": {"id": str(user)}})


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()

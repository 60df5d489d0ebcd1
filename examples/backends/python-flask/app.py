"""A mini-program login backend: Flask, requests, cryptography, SQLite.

Settings come from the environment: PORT, DATABASE, WX_API_BASE, WX_APPID, WX_SECRET.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import Callable

from flask import Flask, jsonify, request
from werkzeug.exceptions import HTTPException

from once import OncePerCode
from open_data import BadPayload, Sealed, check_owner
from store import Session, Store
from wechat import BAD_CODE, MISCONFIGURED, Refused, Unavailable, WeChat

log = logging.getLogger("backend")


class Problem(Exception):
    """An answer other than success: one status per thing the phone can do about it."""

    def __init__(self, status: int, error: str):
        super().__init__(error)
        self.status, self.error = status, error


def login_again(error: str) -> Problem:
    """401: call wx.login again, and capture again if a payload was sent."""
    return Problem(401, error)


@dataclass(frozen=True)
class KeyPolicy:
    """Which keys may open a payload, the likeliest first, and what the phone is told when none does."""

    candidates: Callable[[Store, Session], list[str]]
    unopened: Callable[[], Problem]


def own_key_then_latest(store: Store, session: Session) -> list[str]:
    """WeChat keeps one key per user, but its replies can arrive in any order and a payload can be older than the
    newest login. So no key is thrown away when the next one comes."""
    return list(dict.fromkeys([session.session_key, *store.latest_keys(session.user_id)]))


CAREFUL = KeyPolicy(own_key_then_latest, lambda: login_again("login_and_capture_again"))


def create_app(wechat: WeChat, store: Store, policy: KeyPolicy) -> Flask:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 1 << 20
    once = OncePerCode()

    def field(name: str) -> str:
        value = body().get(name)
        if not isinstance(value, str) or not 0 < len(value) <= 512:
            raise Problem(400, f"bad_{name}")
        return value

    def body() -> dict:
        data = request.get_json(silent=True)
        if not isinstance(data, dict):
            raise Problem(400, "bad_json")
        return data

    def token() -> str:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        return value if scheme == "Bearer" else ""

    def current() -> Session:
        """Identity comes from the token and from nothing else in the request."""
        session = store.session(token())
        if session is None:
            raise login_again("unknown_token")
        return session

    def login(code: str) -> tuple[str, int]:
        return once.run(code, lambda: store.open_session(wechat.exchange(code)))

    def opened(session: Session) -> dict:
        sealed = Sealed.from_request(body())
        for key in policy.candidates(store, session):
            data = sealed.open(key)
            if data is not None:
                check_owner(data, wechat.appid, session.openid)
                return data
        raise policy.unopened()

    def profile(data: dict) -> dict:
        return {"nickName": data.get("nickName"), "avatarUrl": data.get("avatarUrl")}

    @app.get("/healthz")
    def healthz():
        return {}

    @app.post("/login")
    def post_login():
        new_token, user_id = login(field("code"))
        return {"token": new_token, "user": {"id": user_id}}

    @app.post("/login/profile")
    def post_login_profile():
        code = field("code")
        new_token, user_id = login(code)
        try:
            data = opened(store.session(new_token))
        except Exception:
            # The phone is told that this login failed, so it must leave no session behind. Its key is true and stays.
            once.forget(code)
            store.close_session(new_token)
            raise
        return {"token": new_token, "user": {"id": user_id}, "profile": profile(data)}

    @app.post("/profile")
    def post_profile():
        return {"profile": profile(opened(current()))}

    @app.post("/phone")
    def post_phone():
        number = opened(current()).get("purePhoneNumber")
        if not number:
            raise Problem(400, "payload_without_phone")
        return {"phone": number}

    @app.post("/phone/code")
    def post_phone_code():
        session = current()
        try:
            return {"phone": wechat.phone_number(field("code"), session.openid)}
        except Refused as refused:
            if refused.errcode in BAD_CODE:
                # The login is fine; the person must press the button again.
                raise Problem(400, "phone_code_rejected") from None
            raise

    @app.get("/me")
    def get_me():
        return {"user": {"id": current().user_id}}

    @app.post("/logout")
    def post_logout():
        current()
        store.close_session(token())
        return {}

    @app.errorhandler(Problem)
    def on_problem(problem: Problem):
        return jsonify(error=problem.error), problem.status

    @app.errorhandler(BadPayload)
    def on_bad_payload(_error: BadPayload):
        return jsonify(error="bad_payload"), 400

    @app.errorhandler(Unavailable)
    def on_unavailable(error: Unavailable):
        log.warning("WeChat is unavailable: %s", error)
        return jsonify(error="wechat_unavailable"), 503

    @app.errorhandler(Refused)
    def on_refused(refused: Refused):
        if refused.errcode in BAD_CODE:
            return jsonify(error="code_rejected"), 401
        if refused.errcode == 40226:
            return jsonify(error="user_blocked"), 403
        if refused.errcode in MISCONFIGURED:
            log.error("WeChat refuses our configuration: %s", refused)
            return jsonify(error="wechat_configuration"), 500
        # Busy (-1), over the quota (45011), or something new.
        log.warning("WeChat refuses: %s", refused)
        return jsonify(error="wechat_unavailable"), 503

    @app.errorhandler(Exception)
    def on_bug(error: Exception):
        if isinstance(error, HTTPException):
            return jsonify(error="bad_request"), error.code
        log.exception("unexpected")
        return jsonify(error="internal_error"), 500

    return app


def serve(policy: KeyPolicy) -> None:
    from waitress import serve as listen

    logging.basicConfig(level=logging.INFO)
    wechat = WeChat(
        os.environ.get("WX_API_BASE", "https://api.weixin.qq.com"), os.environ["WX_APPID"], os.environ["WX_SECRET"]
    )
    store = Store(os.environ.get("DATABASE", "app.db"))
    app = create_app(wechat, store, policy)
    # Threads wait for WeChat most of the time, so there are more of them than processors.
    listen(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")), threads=32, ident=None)


if __name__ == "__main__":
    serve(CAREFUL)

"""A mini-program login backend around wechatpy, an SDK we did not write and did not change.

Settings come from the environment: PORT, WX_API_BASE, WX_APPID, WX_SECRET.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections import deque

import requests
from flask import Flask, jsonify, request
from waitress import serve
from wechatpy.client import WeChatClient
from wechatpy.client.api import WeChatWxa
from wechatpy.crypto import WeChatWxaCrypto
from wechatpy.exceptions import InvalidAppIdException, WeChatClientException

BASE = os.environ.get("WX_API_BASE", "https://api.weixin.qq.com")
APPID, SECRET = os.environ["WX_APPID"], os.environ["WX_SECRET"]

log = logging.getLogger("backend")


class Wxa(WeChatWxa):
    API_BASE_URL = f"{BASE}/"


class Client(WeChatClient):
    """The SDK's client with another address. Its token address is a literal inside a method, hence the override."""

    API_BASE_URL = f"{BASE}/cgi-bin/"
    wxa = Wxa()

    def fetch_access_token(self):
        return self._fetch_access_token(
            url=f"{BASE}/cgi-bin/token",
            params={"grant_type": "client_credential", "appid": self.appid, "secret": self.secret},
        )


client = Client(APPID, SECRET, timeout=2)
app = Flask(__name__)

# In memory: what is looked at here is the SDK. One lock, never held while WeChat is called.
lock = threading.Lock()
users: dict[str, dict] = {}  # by openid: id, latest keys
sessions: dict[str, tuple[str, str]] = {}  # by token: openid, key of this session's own login


class Problem(Exception):
    def __init__(self, status: int, error: str):
        super().__init__(error)
        self.status, self.error = status, error


def login(code) -> tuple[str, int]:
    if not isinstance(code, str) or not code:
        raise Problem(400, "bad_code")
    try:
        answer = client.wxa.code_to_session(code)
        # A reply that is not JSON comes back from the SDK as a response object.
        openid, session_key = answer["openid"], answer["session_key"]
    except WeChatClientException as error:
        if error.errcode in (40029, 40163, 41008):
            raise Problem(401, "code_rejected") from None
        if error.errcode == 40226:
            raise Problem(403, "user_blocked") from None
        if error.errcode in (40002, 40013, 40125, 40164, 41002, 41004):
            raise Problem(500, "wechat_configuration") from None
        raise Problem(503, "wechat_unavailable") from None
    except (requests.RequestException, ValueError, TypeError, KeyError):
        raise Problem(503, "wechat_unavailable") from None
    token = secrets.token_urlsafe(32)
    with lock:
        user = users.setdefault(openid, {"id": len(users) + 1, "keys": deque(maxlen=8)})
        user["keys"].appendleft(session_key)
        sessions[token] = (openid, session_key)
    return token, user["id"]


def bearer() -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def current() -> tuple[str, str]:
    session = sessions.get(bearer())
    if session is None:
        raise Problem(401, "unknown_token")
    return session


def body() -> dict:
    data = request.get_json(silent=True)
    if not isinstance(data, dict):
        raise Problem(400, "bad_json")
    return data


def opened(openid: str, own_key: str) -> dict:
    """Decrypts with the SDK: the session's own key first, then the user's latest."""
    encrypted, iv = body().get("encryptedData"), body().get("iv")
    if not isinstance(encrypted, str) or not isinstance(iv, str):
        raise Problem(400, "bad_payload")
    with lock:
        keys = dict.fromkeys([own_key, *users[openid]["keys"]])
    for key in keys:
        try:
            data = WeChatWxaCrypto(key, iv, APPID).decrypt_message(encrypted)
        except InvalidAppIdException:
            raise Problem(400, "payload_of_another_app") from None
        except (ValueError, TypeError, KeyError, IndexError):
            continue  # what the SDK raises for a wrong key depends on the bytes
        if data.get("openId", openid) != openid:
            raise Problem(400, "payload_of_another_person")
        return data
    raise Problem(401, "login_and_capture_again")


@app.get("/healthz")
def healthz():
    return {}


@app.post("/login")
def post_login():
    token, user_id = login(body().get("code"))
    return {"token": token, "user": {"id": user_id}}


@app.post("/profile")
def post_profile():
    data = opened(*current())
    return {"profile": {"nickName": data.get("nickName"), "avatarUrl": data.get("avatarUrl")}}


@app.post("/phone")
def post_phone():
    number = opened(*current()).get("purePhoneNumber")
    if not number:
        raise Problem(400, "payload_without_phone")
    return {"phone": number}


@app.get("/me")
def get_me():
    openid, _ = current()
    return {"user": {"id": users[openid]["id"]}}


@app.post("/logout")
def post_logout():
    current()
    sessions.pop(bearer(), None)
    return {}


@app.errorhandler(Problem)
def on_problem(problem: Problem):
    return jsonify(error=problem.error), problem.status


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    serve(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")), threads=32, ident=None)

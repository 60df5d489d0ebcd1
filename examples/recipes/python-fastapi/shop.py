"""A backend that logs in with WeChat: FastAPI and httpx, no SDK. Users and sessions in memory; a database in yours."""

import asyncio
import base64
import json
import os
import secrets
from typing import Annotated

import httpx
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from fastapi import Body, FastAPI, Header, HTTPException

# Unset in production.
BASE = os.environ.get("WX_API_BASE", "https://api.weixin.qq.com")
APPID, SECRET = os.environ["WX_APPID"], os.environ["WX_SECRET"]

app = FastAPI()
wechat = httpx.AsyncClient(base_url=BASE, timeout=2)
users: dict[str, dict] = {}  # by openid: id, and keys, the newest first
sessions: dict[str, tuple[str, str]] = {}  # by our own token: openid, key of this login


async def exchange(code: str) -> tuple[str, str]:
    query = {"appid": APPID, "secret": SECRET, "js_code": code, "grant_type": "authorization_code"}
    try:
        # The time limit is that of the whole answer, not of each piece of it.
        async with asyncio.timeout(2):
            answer = json.loads((await wechat.get("/sns/jscode2session", params=query)).content)
    except (httpx.HTTPError, ValueError, TimeoutError):
        raise HTTPException(503, "try later") from None
    if not isinstance(answer, dict):
        raise HTTPException(503, "try later")
    match answer.get("errcode", 0):
        case 0:
            pass
        case 40029 | 40163 | 41008:
            raise HTTPException(401, "login again")
        case 40226:
            raise HTTPException(403, "blocked")
        case _:
            raise HTTPException(503, "try later")
    openid, key = answer.get("openid"), answer.get("session_key")
    if not (isinstance(openid, str) and openid and isinstance(key, str) and key):
        raise HTTPException(503, "try later")
    return openid, key


def opened(key: str, data: bytes, iv: bytes) -> dict | None:
    """What WeChat sealed, or nothing if this key does not open it."""
    try:
        cipher = Cipher(algorithms.AES(base64.b64decode(key)), modes.CBC(iv)).decryptor()
        unpadder = padding.PKCS7(128).unpadder()
        plain = json.loads(unpadder.update(cipher.update(data) + cipher.finalize()) + unpadder.finalize())
    except ValueError:
        return None
    return plain if isinstance(plain, dict) and plain.get("watermark", {}).get("appid") == APPID else None


def current(authorization: str) -> tuple[str, str]:
    session = sessions.get(authorization.removeprefix("Bearer "))
    if session is None:
        raise HTTPException(401, "login again")
    return session


@app.post("/login")
async def login(code: Annotated[str, Body(embed=True, min_length=1)]):
    openid, key = await exchange(code)
    user = users.setdefault(openid, {"id": len(users) + 1, "keys": []})
    # None replaces another: WeChat's answers can overtake each other.
    user["keys"] = [key, *user["keys"][:7]]
    token = secrets.token_urlsafe(24)
    sessions[token] = (openid, key)
    return {"token": token, "user": {"id": user["id"]}}


@app.post("/profile")
async def profile(encryptedData: Annotated[str, Body()], iv: Annotated[str, Body()], authorization: Annotated[str, Header()] = ""):
    openid, own = current(authorization)
    try:
        data, vector = base64.b64decode(encryptedData, validate=True), base64.b64decode(iv, validate=True)
    except ValueError:
        raise HTTPException(400, "not base64") from None
    # The key of this login first, then the user's others: a page may have sealed its data after a newer login.
    for key in dict.fromkeys([own, *users[openid]["keys"]]):
        plain = opened(key, data, vector)
        if plain is not None and plain.get("openId", openid) == openid:
            return {"nickName": plain.get("nickName")}
    raise HTTPException(401, "login again")


@app.get("/me")
async def me(authorization: Annotated[str, Header()] = ""):
    return {"user": {"id": users[current(authorization)[0]]["id"]}}


@app.get("/healthz")
async def healthz():
    return {}

"""WeChat's server interfaces, as far as a login needs them. Knows nothing of users or sessions."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

import requests

# Deadline for one call, in seconds: a person is looking at a spinner.
TIMEOUT_S = 2.0

# Only a new code helps: unknown or expired, already used, missing.
BAD_CODE = {40029, 40163, 41008}
# Our appid, secret, address or grant type: nothing a phone could repair.
MISCONFIGURED = {40002, 40013, 40125, 40164, 41002, 41004}
# The access token has died; WeChat invalidates the old one when somebody fetches a new one.
DEAD_TOKEN = {40001, 40014, 42001}


class Unavailable(Exception):
    """WeChat gave no usable answer. The call may have taken effect."""


class Refused(Exception):
    """WeChat answered with an errcode."""

    def __init__(self, errcode: int):
        super().__init__(f"errcode {errcode}")
        self.errcode = errcode


@dataclass(frozen=True)
class Login:
    openid: str
    session_key: str
    unionid: str | None


class WeChat:
    def __init__(self, base: str, appid: str, secret: str):
        self.base, self.appid, self.secret = base.rstrip("/"), appid, secret
        self._pool = ThreadPoolExecutor(max_workers=64)
        self._token_lock = threading.Lock()
        self._token: tuple[str, float] | None = None

    def exchange(self, code: str) -> Login:
        """Spends a login code. Never repeats itself: a code works once."""
        query = {"appid": self.appid, "secret": self.secret, "js_code": code, "grant_type": "authorization_code"}
        answer = self._call("GET", "/sns/jscode2session", params=query)
        openid, session_key = answer.get("openid"), answer.get("session_key")
        if not (isinstance(openid, str) and openid and isinstance(session_key, str) and session_key):
            raise Unavailable("a login reply without openid or session_key")
        return Login(openid, session_key, answer.get("unionid"))

    def phone_number(self, code: str, openid: str) -> str:
        """The number behind a phone-button code. The openid makes WeChat refuse another person's code."""
        for attempt in (1, 2):
            token = self._access_token()
            try:
                answer = self._call(
                    "POST",
                    "/wxa/business/getuserphonenumber",
                    params={"access_token": token},
                    json={"code": code, "openid": openid},
                )
            except Refused as refused:
                if refused.errcode not in DEAD_TOKEN or attempt == 2:
                    raise
                self._forget_token(token)
                continue
            number = (answer.get("phone_info") or {}).get("purePhoneNumber")
            if not number:
                raise Unavailable("a phone reply without a number")
            return number
        raise AssertionError("the second attempt returns or raises")

    def _access_token(self) -> str:
        with self._token_lock:
            if self._token and time.monotonic() < self._token[1]:
                return self._token[0]
            body = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
            answer = self._call("POST", "/cgi-bin/stable_token", json=body)
            if not answer.get("access_token"):
                raise Unavailable("a token reply without a token")
            # Leave a margin for clocks and slow calls.
            life_s = min(int(answer.get("expires_in", 0)), 7200) * 0.9
            self._token = (answer["access_token"], time.monotonic() + life_s)
            return self._token[0]

    def _forget_token(self, dead: str) -> None:
        with self._token_lock:
            if self._token and self._token[0] == dead:
                self._token = None

    def _call(self, method: str, path: str, **arguments) -> dict:
        """One call. `requests` limits each read, not the whole call, so the deadline is ours."""
        job = self._pool.submit(requests.request, method, self.base + path, timeout=TIMEOUT_S, **arguments)
        try:
            reply = job.result(timeout=TIMEOUT_S)
        except (requests.RequestException, FutureTimeout) as error:
            # The text of a requests error holds the URL, and the URL holds the secret.
            raise Unavailable(type(error).__name__) from None
        if reply.status_code != 200:
            raise Unavailable(f"HTTP {reply.status_code}")
        try:
            # By content: WeChat labels JSON as text/plain.
            answer = json.loads(reply.content)
        except ValueError:
            raise Unavailable("a reply that is not JSON") from None
        if not isinstance(answer, dict):
            raise Unavailable("a reply that is not a JSON object")
        if answer.get("errcode"):  # absent or 0 on success, by endpoint
            raise Refused(int(answer["errcode"]))
        return answer

"""Opening what `wx.getUserInfo`, the phone button and the rest hand to a page: AES-128-CBC, PKCS#7, JSON."""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


# How far the moment in a watermark may be from now, in seconds: ten minutes either way, since clocks differ.
FRESH_FOR_S = 600


class BadPayload(Exception):
    """Not something WeChat would make for this app and this person."""


@dataclass(frozen=True)
class Sealed:
    ciphertext: bytes
    iv: bytes

    @classmethod
    def from_request(cls, body: dict) -> Sealed:
        try:
            ciphertext, iv = (base64.b64decode(body[name], validate=True) for name in ("encryptedData", "iv"))
        except (KeyError, TypeError, ValueError, binascii.Error):
            raise BadPayload("encryptedData and iv must be base64") from None
        if len(iv) != 16 or not ciphertext or len(ciphertext) % 16:
            raise BadPayload("encryptedData or iv has a wrong length")
        return cls(ciphertext, iv)

    def open(self, session_key: str) -> dict | None:
        """The data, or None if this key does not open it. A wrong key passes the padding check once in 256 times,
        so only JSON counts."""
        try:
            key = base64.b64decode(session_key)
            decryptor = Cipher(algorithms.AES128(key), modes.CBC(self.iv)).decryptor()
            unpadder = PKCS7(128).unpadder()
            plain = unpadder.update(decryptor.update(self.ciphertext) + decryptor.finalize()) + unpadder.finalize()
            data = json.loads(plain)
        except ValueError:
            return None
        return data if isinstance(data, dict) else None


def check_owner(data: dict, appid: str, openid: str) -> None:
    """CBC is not authenticated, so the data must say itself whose it is and when it was made: what was kept is refused."""
    watermark = data.get("watermark")
    if not isinstance(watermark, dict) or watermark.get("appid") != appid:
        raise BadPayload("payload of another app")
    if "openId" in data and data["openId"] != openid:
        raise BadPayload("payload of another person")
    made = watermark.get("timestamp")
    if isinstance(made, (int, float)) and abs(time.time() - made) > FRESH_FOR_S:
        raise BadPayload("payload of another time")

"""wechatpy as published: login, access token, phone number, decryption. Prints its version and what it learned."""

import json
import os
from importlib.metadata import version

from wechatpy import WeChatClient
from wechatpy.crypto import WeChatWxaCrypto

appid = os.environ["WX_APPID"]
client = WeChatClient(appid, os.environ["WX_SECRET"], timeout=20)

session = client.wxa.code_to_session(os.environ["WX_CODE"])


def opened(payload):
    crypto = WeChatWxaCrypto(session["session_key"], os.environ[f"WX_{payload}_IV"], appid)
    return crypto.decrypt_message(os.environ[f"WX_{payload}"])


# The SDK is older than the interface, so this is its general call.
phone = client.post("https://api.weixin.qq.com/wxa/business/getuserphonenumber", data={"code": os.environ["WX_PHONE_CODE"]})

print(version("wechatpy"))
print(json.dumps({
    "openid": session["openid"],
    "access_token": client.access_token,
    "phone": phone["phone_info"]["purePhoneNumber"],
    "opened_nickname": opened("PROFILE")["nickName"],
    "opened_phone": opened("PHONE")["purePhoneNumber"],
}))

"""wechatpy for WeCom as published: the access token, and the exchange by its general call. Prints its version and what it learned."""

import json
import os
from importlib.metadata import version

from wechatpy.enterprise import WeChatClient

client = WeChatClient(os.environ["WX_CORPID"], os.environ["WX_CORPSECRET"], timeout=20)
# This version does not wrap the exchange.
session = client.get("miniprogram/jscode2session", params={"js_code": os.environ["WX_QY_CODE"], "grant_type": "authorization_code"})

print(version("wechatpy"))
print(json.dumps({name: session[name] for name in ("corpid", "userid", "session_key")}))

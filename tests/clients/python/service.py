"""wechatpy as published, beside the login: a message, a code, addresses of WeChat, and pushes it receives in secure mode.

Receives the pushes itself, so it also tells the mock where to. Prints its version and what it learned.
"""

import json
import os
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from urllib.parse import parse_qs, urlsplit

from wechatpy import WeChatClient
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatClientException
from wechatpy.utils import check_signature

TOKEN = "AAAAA"
# The last character carries two bits that are no part of the key, as those of WeChat's own generator do.
KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPR"
TEMPLATE = "-6kM0a4kKSbG8tWnNCxwDWdJOhOKfAuRGPwbCXW9xyz"

appid, mock = os.environ["WX_APPID"], os.environ["WXMOCK_URL"]
client = WeChatClient(appid, os.environ["WX_SECRET"], timeout=20)
openid = client.wxa.code_to_session(os.environ["WX_CODE"])["openid"]
received = []


class Backend(BaseHTTPRequestHandler):
    """What a backend does with a push, in wechatpy's own words."""

    def query(self):
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        query = self.query()
        check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
        self.answer(query["echostr"])

    def do_POST(self):
        query = self.query()
        check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        crypto = WeChatCrypto(TOKEN, KEY, appid)
        received.append(crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"]))
        # An encrypted reply, as the SDK makes it, must be taken too.
        self.answer(crypto.encrypt_message("success", query["nonce"], query["timestamp"]))

    def log_message(self, *_):
        pass


def admin(method, path, body):
    request = urllib.request.Request(f"{mock}/_mock/v1/apps/{appid}{path}", json.dumps(body).encode(), method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return json.load(opener.open(request, timeout=20))


backend = HTTPServer(("127.0.0.1", 0), Backend)
threading.Thread(target=backend.serve_forever, daemon=True).start()
admin("PUT", "/push", {
    "url": f"http://127.0.0.1:{backend.server_port}/push", "token": TOKEN, "encoding_aes_key": KEY, "mode": "secure", "format": "xml",
})
verified = admin("POST", "/push/verify", {})
pushed = admin("POST", "/push/events", {"event": "user_authorization_revoke", "user": "alice", "revoke_info": [6]})


def errcode(call):
    try:
        call()
    except WeChatClientException as error:
        return error.errcode
    return 0


sent = client.wxa.send_subscribe_message(openid, TEMPLATE, {"thing1": {"value": "hello"}})
refused = errcode(lambda: client.wxa.send_subscribe_message("o", TEMPLATE, {}))
code = client.wxa.get_wxa_code_unlimited("a=1", page="pages/index")

print(version("wechatpy"))
print(json.dumps({
    "openid": openid,
    "verified": verified["state"]["is"],
    "pushed": pushed["state"],
    "received": [message if isinstance(message, str) else str(message) for message in received],
    "msgid": sent["msgid"],
    "refused": refused,
    "picture": code.content[:8].hex(),
    "ips": client.misc.get_wechat_ips(),
}))

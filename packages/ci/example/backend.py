"""The smallest backend that logs in with WeChat, without a dependency: what the CI templates are tried on."""

import http.client
import json
import os
import secrets
import sys
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SESSIONS = {}
LOCK = threading.Lock()


def exchange(code):
    query = {"appid": os.environ["WX_APPID"], "secret": os.environ["WX_SECRET"], "js_code": code, "grant_type": "authorization_code"}
    url = f"{os.environ['WX_API_BASE']}/sns/jscode2session?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=4) as answer:
        session = json.load(answer)
    if not isinstance(session, dict):
        raise ValueError("not an object")
    return session


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, {"ok": True})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            code = json.loads(body)["code"]
        except (ValueError, KeyError, TypeError):
            return self.answer(400, {"error": "no code"})
        try:
            session = exchange(str(code))
        except (OSError, ValueError, http.client.HTTPException):
            return self.answer(503, {"error": "WeChat does not answer"})
        if session.get("errcode"):
            return self.answer(401, {"error": session["errcode"]})
        if not all(session.get(name) and isinstance(session[name], str) for name in ("openid", "session_key")):
            return self.answer(503, {"error": "WeChat answers nonsense"})
        token = secrets.token_hex(16)
        with LOCK:
            SESSIONS[token] = session
        self.answer(200, {"token": token, "user": session["openid"]})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

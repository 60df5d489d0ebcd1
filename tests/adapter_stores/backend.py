"""A backend that keeps sessions in a Redis, by the standard library alone."""

import http.server
import json
import os
import socket
import urllib.parse
import urllib.request


def redis(*words):
    host, _, port = os.environ["REDIS"].rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        command = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        connection.sendall(command.encode())
        reply = connection.makefile("rb").readline()
        if reply.startswith(b"-"):
            raise OSError(reply.decode())
        return reply


class Backend(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        query = urllib.parse.urlencode(
            {
                "appid": os.environ["APPID"],
                "secret": os.environ["SECRET"],
                "js_code": sent["code"],
                "grant_type": "authorization_code",
            }
        )
        with urllib.request.urlopen(f"{os.environ['WECHAT']}/sns/jscode2session?{query}") as answer:
            session = json.load(answer)
        if "openid" not in session:
            return self.answer(401, {})
        token = os.urandom(8).hex()
        try:
            redis("GET", f"user:{session['openid']}")
            redis("SET", f"sess:{token}", session["openid"])
        except OSError:
            return self.answer(500, {})
        self.answer(200, {"token": token})

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Backend).serve_forever()

"""The load of soak.sh, which says what it is."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

MINUTES, WXMOCK, LIMIT = float(sys.argv[1]), sys.argv[2], float(sys.argv[3])
FOLDER = tempfile.mkdtemp(prefix="wxmock-soak-")
DONE, WRONG, COUNT = threading.Event(), [], {}


def start():
    port_file = os.path.join(FOLDER, "port")
    mock = subprocess.Popen(
        [WXMOCK, "serve", "--port", "0", "--port-file", port_file, "--ephemeral-ca", "--stdin-lifeline", "--quiet"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        if os.path.exists(port_file) and open(port_file).read().strip():
            return mock, int(open(port_file).read())
        time.sleep(0.05)
    sys.exit("the mock does not start")


def ask(connection, method, path, body=None):
    connection.request(method, path, body, {"Host": "localhost", "Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def logins(name, connect, app, users):
    """Mint and exchange, the second exchange refused, until it is over."""
    connection, n = connect(), 0
    while not DONE.is_set():
        user = f"{name}-{n % users}"
        if n < users:
            status, _ = ask(connection, "POST", f"/_mock/v1/apps/{app['appid']}/users", json.dumps({"name": user}))
            if status != 201:
                WRONG.append(f"{name}: a user is answered {status}")
        _, said = ask(connection, "GET", f"/_mock/wx/login?app={app['appid']}&user={user}")
        code = json.loads(said)["code"]
        path = f"/sns/jscode2session?appid={app['appid']}&secret={app['secret']}&js_code={code}&grant_type=authorization_code"
        first, second = (json.loads(ask(connection, "GET", path)[1]) for _ in range(2))
        if "session_key" not in first or second.get("errcode") != 40163:
            WRONG.append(f"{name}: {first} {second}")
        n += 1
        COUNT[name] = n
        if n % 500 == 0:
            connection.close()
            connection = connect()


def h2(port, app):
    """Calls without a secret, a hundred on one connection of HTTP/2 inside TLS."""
    url = f"https://127.0.0.1:{port}/sns/jscode2session?appid={app['appid']}&js_code=x[1-100]"
    while not DONE.is_set():
        told = subprocess.run(["curl", "-sSk", "--http2", url], capture_output=True, text=True)
        if told.returncode or told.stdout.count('"errcode":41004') != 100:
            WRONG.append(f"h2: {told.returncode} {told.stderr[:200]} {told.stdout[:200]}")
            DONE.wait(1)
        COUNT["h2"] = COUNT.get("h2", 0) + 100


def admin(port, app):
    """The long lists, and what shakes the world."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    appid = app["appid"]
    for path in ["metrics", "v1/calls", "v1/journal?format=ndjson", f"v1/apps/{appid}/users", "v1/state"] * 1_000_000:
        if DONE.is_set():
            return
        status, _ = ask(connection, "GET", f"/_mock/{path}")
        if status != 200:
            WRONG.append(f"admin: {path} is answered {status}")
        ask(connection, "POST", f"/_mock/v1/apps/{appid}/clock/advance", '{"by":"6m","user":"plain-0"}')
        gate = {"label": "soak", "point": "committed", "limit": "1s", "match": {"user": "tls-0"}}
        ask(connection, "POST", "/_mock/v1/gates", json.dumps(gate))
        DONE.wait(0.2)
        ask(connection, "POST", "/_mock/v1/gates/open", "{}")
        COUNT["admin"] = COUNT.get("admin", 0) + 4
        # Somebody who leaves in the middle of an answer, and somebody who never ends a head.
        for said in [b"GET /_mock/v1/state HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /sns/jsc"]:
            rude = socket.create_connection(("127.0.0.1", port))
            rude.sendall(said)
            rude.close()


def fill(port, app):
    """What the mock remembers of codes that are over is bounded; beyond that bound memory must not grow."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    appid = app["appid"]
    ask(connection, "POST", f"/_mock/v1/apps/{appid}/users", '{"name":"filler"}')
    body = json.dumps({"app": appid, "user": "filler", "count": 10_000})
    for _ in range(28):
        status, _ = ask(connection, "POST", "/_mock/v1/codes", body)
        if status >= 300:
            sys.exit(f"minting is answered {status}")
    ask(connection, "POST", f"/_mock/v1/apps/{appid}/clock/advance", '{"by":"6m"}')
    connection.close()


def resident_kib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def n_open(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    _, said = ask(connection, "GET", "/_mock/metrics")
    connection.close()
    for line in said.decode().splitlines():
        if line.startswith("wxmock_calls_open"):
            return int(float(line.split()[-1]))
    return -1


def slope(points):
    """KiB a minute, by least squares."""
    n = len(points)
    x, y = sum(p[0] for p in points) / n, sum(p[1] for p in points) / n
    below = sum((p[0] - x) ** 2 for p in points)
    return 60 * sum((p[0] - x) * (p[1] - y) for p in points) / below if below else 0.0


def main():
    mock, port = start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        _, said = ask(connection, "POST", "/_mock/v1/apps", '{"name":"soak"}')
        connection.close()
        app = json.loads(said)
        fill(port, app)
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        plain = lambda: http.client.HTTPConnection("127.0.0.1", port)
        tls = lambda: http.client.HTTPSConnection("127.0.0.1", port, context=trusting)
        idle_fds = len(os.listdir(f"/proc/{mock.pid}/fd"))
        work = [("plain", lambda: logins("plain", plain, app, 2_000)), ("other", lambda: logins("other", plain, app, 50)),
                ("tls", lambda: logins("tls", tls, app, 200)), ("admin", lambda: admin(port, app))]
        if shutil.which("curl") and "HTTP2" in subprocess.run(["curl", "-V"], capture_output=True, text=True).stdout:
            work.append(("h2", lambda: h2(port, app)))
        else:
            print("HTTP/2 is left out: curl does not speak it")
        threads = [threading.Thread(target=guarded, args=one) for one in work]
        for thread in threads:
            thread.start()
        points, began, until = [], time.monotonic(), 60 * MINUTES
        print(f"{'minute':>7} {'MiB':>7} {'fds':>5} {'open':>5}  done")
        now = 0.0
        while now < until and not DONE.wait(min(10, until / 12)):
            now = time.monotonic() - began
            kib, fds = resident_kib(mock.pid), len(os.listdir(f"/proc/{mock.pid}/fd"))
            points.append((now, kib))
            print(f"{now / 60:7.1f} {kib / 1024:7.1f} {fds:5} {n_open(port):5}  {COUNT}", flush=True)
        DONE.set()
        for thread in threads:
            thread.join()
        time.sleep(1)
        second_half = [point for point in points if point[0] >= until / 2] or points
        grown, left, fds = slope(second_half), n_open(port), len(os.listdir(f"/proc/{mock.pid}/fd"))
        print(f"memory {grown:+.0f} KiB a minute over the second half (limit {LIMIT:.0f}); {left} calls open; {fds} descriptors, {idle_fds} at the start; {len(WRONG)} wrong answers")
        for wrong in WRONG[:5]:
            print(f"  {wrong}")
        failed = WRONG or grown > LIMIT or left != 0 or fds > idle_fds + 2
        sys.exit(1 if failed else 0)
    finally:
        DONE.set()
        mock.terminate()
        mock.wait()
        shutil.rmtree(FOLDER, ignore_errors=True)


def guarded(name, run):
    try:
        run()
    except Exception as error:  # whatever ends a client ends the soak
        WRONG.append(f"{name}: {error!r}")
        DONE.set()


main()

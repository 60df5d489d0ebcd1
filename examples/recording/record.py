"""Runs the commands of the recording in a terminal and writes what they print, with the time between, as asciinema v2.

    record.py ROOT FILE        called by make.sh, which says which binary `wxmock` is and in which language it speaks
"""

import codecs
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

COLUMNS, ROWS = 120, 40
# What a person waits for, at most, in seconds: for a line, and for a whole command, which is then shown faster. And how fast one types.
LONGEST_GAP, LONGEST, KEY = 1.0, 10.0, 0.04
CHINESE = os.environ.get("WXMOCK_LANG") == "zh"


class Cast:
    """The recording so far. Time is that of the recording, which waits less than its maker."""

    def __init__(self):
        self.lines, self.now = [], 0.5

    def write(self, text, after=0.0):
        self.now += after
        self.lines.append([round(self.now, 3), "o", text])

    def type(self, command):
        self.write("\x1b[32m$\x1b[0m ", 0.3)
        # Nobody types a URL of that length; it is pasted.
        keys = [command] if len(command) > 60 else [command[at : at + 3] for at in range(0, len(command), 3)]
        for key in keys:
            self.write(key, 3 * KEY)
        self.write("\r\n", 0.3)

    def hurry(self, since, most):
        """Shows what was written since that line in so many seconds at most."""
        start = self.lines[since - 1][0]
        if self.now - start > most:
            factor = most / (self.now - start)
            for line in self.lines[since:]:
                line[0] = round(start + (line[0] - start) * factor, 3)
            self.now = start + most

    def say(self, english, chinese):
        self.write(f"\r\n\x1b[1m# {chinese if CHINESE else english}\x1b[0m\r\n", 0.5)


def in_terminal(command, folder, errors):
    """A command with a terminal of our size; its process, and our end of the terminal. `errors`: where the rest of what it says goes."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    process = subprocess.Popen(["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=errors or theirs)
    os.close(theirs)
    return process, ours


def show(cast, ours, until=None):
    """Records what comes until the terminal is closed, or has said `until`. Gives everything that was said."""
    decoder, said, last = codecs.getincrementaldecoder("utf-8")("replace"), "", time.monotonic()
    while until is None or until not in said:
        select.select([ours], [], [], 300)
        try:
            text = decoder.decode(os.read(ours, 65536))
        except OSError:  # the other end is closed
            break
        now = time.monotonic()
        cast.write(text, min(now - last, LONGEST_GAP))
        said, last = said + text, now
    return said


def run(cast, command, folder, pause, typed=None):
    cast.type(typed or command)
    # Its progress, a line that is written again and again, is left out.
    process, ours = in_terminal(command, folder, subprocess.DEVNULL)
    since = len(cast.lines)
    show(cast, ours)
    assert process.wait() == 0, f"{command} ended with {process.returncode}"
    os.close(ours)
    cast.hurry(since, LONGEST)
    cast.now += pause


def main():
    root, file = Path(sys.argv[1]), Path(sys.argv[2])
    cast = Cast()
    with tempfile.TemporaryDirectory() as scratch:
        cast.say("Log in without WeChat: no appid, no phone", "不用微信就能登录：没有 appid，没有手机")
        cast.type("wxmock serve &")
        # A free port: the usual one may be taken where this is recorded.
        mock, ours = in_terminal("exec wxmock serve --port 0", scratch, None)
        said = show(cast, ours, until="/_mock/ ")
        cast.now += 5
        lines = re.findall(r"^(?:CODE=|curl ).*$", re.sub(r"\x1b\[[0-9;]*m", "", said).replace("\r", ""), re.M)
        assert len(lines) == 3, said
        for number, line in enumerate(lines):
            # One shell would remember the code; this one is told it.
            before = lines[0].split(";")[0] + "; " if number == 1 else ""
            line = line if line.endswith("echo") or number == 0 else f"{line}; echo"
            run(cast, before + line, scratch, 4, typed=line)
        mock.send_signal(signal.SIGTERM)
        mock.wait()
        os.close(ours)

        cast.say("Check a backend: how a phone talks to it is one file", "检查一个后端：手机怎样与它通信，写在一个文件里")
        example = root / "packages/ci/example"
        run(cast, "cat wxmock.toml", example, 10)
        run(cast, f"wxmock check --adapter wxmock.toml LB-1 --out {scratch}/report", example, 8, typed="wxmock check --adapter wxmock.toml LB-1")

        cast.say("The bug it was made for: two logins, the older answer last", "它为之而生的 bug：两次登录，较旧的应答最后到达")
        run(cast, "wxmock demo", scratch, 40)
        run(cast, "wxmock explain late-reply-overwrites", scratch, 25)
    # A player stops at the last line: this one gives time to read what stands above.
    cast.write("\r\n")
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "wxmock"}
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in [header, *cast.lines]) + "\n")
    print(f"{file.name}: {cast.now:.0f} s")


main()

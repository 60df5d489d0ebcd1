"""The child process: finding the binary, starting it on a free port, ending it. Knows nothing of what the mock can do."""

import atexit
import os
import shutil
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Optional

PATIENCE_S = 30


class WxmockError(Exception):
    """The mock cannot be started, or refused what it was asked; the text says what to do."""


def find_binary() -> str:
    """The binary named by ``WXMOCK_BIN``, else the one installed with this package, else the one on ``PATH``."""
    named = os.environ.get("WXMOCK_BIN")
    if named:
        found = shutil.which(named)
        if found is None:
            raise WxmockError(f"WXMOCK_BIN is {named!r}, which is no program; name the wxmock binary, or unset it")
        return found
    found = shutil.which("wxmock", path=sysconfig.get_path("scripts")) or shutil.which("wxmock")
    if found is None:
        raise WxmockError("no wxmock binary: install it (pip install wxmock, or cargo install wxmock), or name it in WXMOCK_BIN")
    return found


class Process:
    """A running ``wxmock serve``. Ends with :meth:`stop`, at the latest when this process exits."""

    def __init__(self, args: "tuple[str, ...]") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="wxmock-")
        port_file, log = Path(self._folder.name, "port"), Path(self._folder.name, "log")
        # A state kept from another run would make this one depend on it; the other is for us.
        environment = {name: value for name, value in os.environ.items() if name not in ("WXMOCK_STATE", "WXMOCK_BIN")}
        ours = ["--listen", "127.0.0.1", "--port", "0", "--port-file", str(port_file), "--quiet", "--stdin-lifeline"]
        with log.open("wb") as stderr:
            self._child = subprocess.Popen(
                [find_binary(), "serve", *args, *ours],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=environment,
            )
        atexit.register(self.stop)
        try:
            self.url = f"http://127.0.0.1:{self._port(port_file, log)}"
        except BaseException:
            self.stop()
            raise

    def _port(self, port_file: Path, log: Path) -> int:
        deadline = time.monotonic() + PATIENCE_S
        while not port_file.exists():
            if self._child.poll() is not None:
                raise WxmockError(f"wxmock serve ended with {self._child.returncode}:\n{log.read_text(errors='replace')}")
            if time.monotonic() > deadline:
                raise WxmockError(f"wxmock serve was not ready within {PATIENCE_S} s:\n{log.read_text(errors='replace')}")
            time.sleep(0.005)
        return int(port_file.read_text())

    def stop(self) -> Optional[int]:
        """Ends the mock and gives its exit code. Stopping twice is once."""
        atexit.unregister(self.stop)
        # The end of its standard input is what it waits for; a test process that is killed ends it the same way.
        self._child.stdin.close()
        try:
            self._child.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._folder.cleanup()
        return self._child.returncode

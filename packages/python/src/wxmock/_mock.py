"""What a test does with the mock: one method each, over the admin API that ``/_mock/openapi.json`` describes."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Optional

from ._process import Process, WxmockError

# A proxy of the environment is for the world outside; the mock is on loopback.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def start(*args: str) -> "Mock":
    """Starts a mock on a free port. ``args`` are those of ``wxmock serve``, for example ``"--preset", "worst-legal"``."""
    return Mock(Process(args))


class Mock:
    """A running mock with one mini program, whose users are alice and bob unless ``--config`` says otherwise."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._since = 0
        self._n_holds = 0
        #: Base URL: what the backend under test calls instead of https://api.weixin.qq.com.
        self.url = process.url
        app = self.request("GET", "/_mock/v1/apps")["apps"][0]
        #: The appid and the AppSecret of the mini program.
        self.appid: str = app["appid"]
        self.secret: str = app["secret"]

    def request(self, method: str, path: str, body: Optional[object] = None) -> Any:
        """Anything else of the API: the JSON of the answer. A refusal is a :class:`WxmockError`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"}, method=method)
        try:
            with _OPENER.open(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise WxmockError(f"{method} {path}: {refusal.code} {refusal.read().decode(errors='replace')}") from None

    def code(self, user: str = "alice") -> str:
        """A fresh login code, as ``wx.login`` gives it to a page of this user."""
        return self.codes(1, user)[0]

    def codes(self, count: int, user: str = "alice") -> "list[str]":
        """So many of them, 1 to 10000."""
        return self.request("POST", "/_mock/v1/codes", {"app": self.appid, "user": user, "count": count})["codes"]

    def wx(self, api: str, **options: object) -> "dict[str, Any]":
        """What a ``wx.*`` call hands to the page, for example ``wx("getUserProfile", user="alice", desc="…")``."""
        return self.request("POST", f"/_mock/wx/{api}", {"app": self.appid, **options})

    def expire_key(self, user: str = "alice") -> "dict[str, Any]":
        """Ends the user's session_key as time would; gives what is known of it."""
        return self._key(user, "expire")

    def rotate_key(self, user: str = "alice") -> "dict[str, Any]":
        """Gives the user a new session_key, as a login elsewhere would; the old one is displaced."""
        return self._key(user, "rotate")

    def hold(
        self, endpoint: str = "jscode2session", point: str = "committed", user: Optional[str] = None, times: Optional[int] = None
    ) -> "Hold":
        """Holds calls of the backend from now on: ``arrived`` (nothing has happened yet), ``committed`` (it has happened, the
        answer waits) or ``answered``. With ``times`` only the next so many. A call held for 30 s goes on by itself."""
        self._n_holds += 1
        label = f"hold-{self._n_holds}"
        matching = {"endpoint": endpoint, "appid": self.appid}
        if user is not None:
            matching["user"] = user
        gate = self.request("POST", "/_mock/v1/gates", {"label": label, "point": point, "match": matching, "times": times})
        return Hold(self, gate["id"], label)

    def release_all(self) -> int:
        """Ends every hold and lets every held call go; how many there were."""
        return self.request("POST", "/_mock/v1/gates/open")["released"]

    def calls(self, endpoint: Optional[str] = None) -> "list[dict[str, Any]]":
        """What the backend has called since the start or the last reset, in order of arrival."""
        calls = self.request("GET", f"/_mock/v1/calls?after={self._since}")["calls"]
        return [call for call in calls if endpoint in (None, call["endpoint"])]

    def assert_calls(self, endpoint: str, count: int) -> None:
        """Fails the test unless the backend has called this endpoint exactly so many times."""
        calls = self.calls()
        found = sum(call["endpoint"] == endpoint for call in calls)
        assert found == count, f"{found} calls of {endpoint} instead of {count}; the backend called:\n{_told(calls)}"

    def reset(self) -> None:
        """Back to the start: users, keys and codes as seeded, held calls let go, faults gone, no calls."""
        self.request("POST", "/_mock/v1/reset")
        self._since = self.request("GET", f"/_mock/v1/calls?after={self._since}")["last"]

    def stop(self) -> None:
        """Ends the mock. It also ends when this process does."""
        self._process.stop()

    def __enter__(self) -> "Mock":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _key(self, user: str, lever: str) -> "dict[str, Any]":
        return self.request("POST", f"/_mock/v1/apps/{self.appid}/users/{urllib.parse.quote(user, safe='')}/keys/{lever}")


class Hold:
    """Calls that are held. As a context manager it ends, and lets them go, at the end of the block."""

    def __init__(self, mock: Mock, gate: int, label: str) -> None:
        self._mock, self._gate, self._label = mock, gate, label

    def wait(self, count: int = 1, within: str = "5s") -> "list[dict[str, Any]]":
        """Waits until so many calls are held and gives them; fails the test if they do not come."""
        query = urllib.parse.urlencode({"label": self._label, "count": count, "wait": within})
        parked = self._mock.request("GET", f"/_mock/v1/parked?{query}")["parked"]
        told = _told(self._mock.calls()) if len(parked) < count else ""
        assert len(parked) >= count, f"{len(parked)} calls held instead of {count} after {within}; the backend called:\n{told}"
        return parked

    def release(self, first: Optional[int] = None) -> int:
        """Lets the first so many go, or all that are held now; how many there were. Later calls are still held."""
        body: "dict[str, object]" = {"label": self._label}
        if first is not None:
            body["first"] = first
        return self._mock.request("POST", "/_mock/v1/gates/release", body)["released"]

    def end(self) -> None:
        """Holds nothing more, and lets go what is held. Ending twice is once, also after a reset or ``release_all``."""
        gates = self._mock.request("GET", "/_mock/v1/gates")["gates"]
        if any(gate["id"] == self._gate for gate in gates):
            self._mock.request("DELETE", f"/_mock/v1/gates/{self._gate}")
        self.release()

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _told(calls: "list[dict[str, Any]]") -> str:
    lines = [f"  #{call['id']} {call['endpoint']} user={call['user']} errcode={call['errcode']} {call['state']}" for call in calls]
    return "\n".join(lines) or "  nothing"

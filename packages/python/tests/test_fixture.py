"""What docs/fixtures.md says of the fixture, method by method."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from wxmock import WxmockError, start


def login(mock, code):
    url = f"{mock.url}/sns/jscode2session?appid={mock.appid}&secret={mock.secret}&js_code={code}&grant_type=authorization_code"
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def test_codes_are_distinct_and_belong_to_their_user(wxmock):
    codes = wxmock.codes(3, "bob")
    assert len(set(codes)) == 3
    login(wxmock, codes[0])
    assert [call["user"] for call in wxmock.calls("jscode2session")] == ["bob"]


def test_an_expired_key_is_noticed_by_the_phone(wxmock):
    login(wxmock, wxmock.code())
    assert wxmock.wx("checkSession", user="alice")["errMsg"] == "checkSession:ok"
    assert wxmock.expire_key("alice")["current"] is False
    assert wxmock.wx("checkSession", user="alice")["errMsg"].startswith("checkSession:fail")


def test_a_rotated_key_is_another(wxmock):
    first = login(wxmock, wxmock.code())["session_key"]
    assert wxmock.rotate_key("alice")["no"] == 2
    assert login(wxmock, wxmock.code())["session_key"] != first


def test_held_answers_leave_in_the_order_of_the_test(wxmock):
    older, newer = wxmock.codes(2)
    with ThreadPoolExecutor() as pool, wxmock.hold("jscode2session") as hold:
        first = pool.submit(login, wxmock, older)
        hold.wait(1)
        second = pool.submit(login, wxmock, newer)
        parked = hold.wait(2)
        assert [call["user"] for call in parked] == ["alice", "alice"]
        wxmock.request("POST", "/_mock/v1/gates/release", {"call": parked[1]["call"]})
        assert "openid" in second.result(timeout=10)
        assert not first.done()
        assert hold.release() == 1
        assert "openid" in first.result(timeout=10)


def test_a_hold_of_one_user_lets_others_pass(wxmock):
    with wxmock.hold(user="bob", times=1):
        assert "openid" in login(wxmock, wxmock.code("alice"))
    assert wxmock.release_all() == 0


def test_a_call_that_does_not_come_fails_the_test(wxmock):
    with pytest.raises(AssertionError, match="0 calls held instead of 1 after 10ms"):
        wxmock.hold().wait(1, within="10ms")


def test_a_wrong_number_of_calls_fails_the_test_and_tells_them(wxmock):
    login(wxmock, wxmock.code())
    with pytest.raises(AssertionError, match=r"(?s)1 calls of jscode2session instead of 2.*jscode2session user=alice"):
        wxmock.assert_calls("jscode2session", 2)


def test_a_reset_forgets_calls_codes_and_holds(wxmock):
    code = wxmock.code()
    hold = wxmock.hold()
    wxmock.reset()
    hold.end()
    assert login(wxmock, code)["errcode"] == 40029
    wxmock.reset()
    wxmock.assert_calls("jscode2session", 0)


def test_a_refusal_says_what_is_known(wxmock):
    with pytest.raises(WxmockError, match="404 .*no user is called"):
        wxmock.code("carol")


def test_arguments_are_those_of_serve(wxmock):
    with start("--seed", "7") as other:
        assert other.appid != wxmock.appid
    with pytest.raises(WxmockError, match="(?s)ended with 3:.*--preset"):
        start("--preset", "nonsense")


def test_without_a_binary_the_error_says_how_to_get_one(monkeypatch):
    monkeypatch.setenv("WXMOCK_BIN", "/nowhere/wxmock")
    with pytest.raises(WxmockError, match="WXMOCK_BIN is '/nowhere/wxmock', which is no program"):
        start()
    monkeypatch.delenv("WXMOCK_BIN")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sysconfig.get_path", lambda name: "/nowhere")
    with pytest.raises(WxmockError, match="pip install wxmock"):
        start()


def test_the_mock_ends_with_the_process_that_forgets_to_stop_it():
    script = "import wxmock; print(wxmock.start().url)"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    url = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=env).stdout.strip()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/_mock/livez")


def test_the_mock_ends_with_a_process_that_is_killed():
    script = "import wxmock; print(wxmock.start().url, flush=True); input()"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    url = child.stdout.readline().strip()
    child.kill()
    child.communicate()
    deadline = time.monotonic() + 30
    with pytest.raises(OSError):
        while time.monotonic() < deadline:
            urllib.request.urlopen(f"{url}/_mock/livez").close()

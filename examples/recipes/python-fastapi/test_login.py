import pytest
from fastapi.testclient import TestClient


@pytest.fixture
def backend(wxmock, monkeypatch):
    monkeypatch.setenv("WX_API_BASE", wxmock.url)
    monkeypatch.setenv("WX_APPID", wxmock.appid)
    monkeypatch.setenv("WX_SECRET", wxmock.secret)
    import shop
    with TestClient(shop.app) as client:
        yield client


def test_a_spent_code_logs_nobody_in(wxmock, backend):
    code = wxmock.code("alice")
    assert backend.post("/login", json={"code": code}).status_code == 200
    assert backend.post("/login", json={"code": code}).status_code == 401
    wxmock.assert_calls("jscode2session", 2)

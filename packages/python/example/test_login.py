import json, urllib.request

def login(mock, code):  # your backend's, told of mock.url, mock.appid and mock.secret
    url = f"{mock.url}/sns/jscode2session?appid={mock.appid}&secret={mock.secret}&js_code={code}&grant_type=authorization_code"
    return json.load(urllib.request.urlopen(url))

def test_a_code_works_once(wxmock):
    code = wxmock.code("alice")
    assert "openid" in login(wxmock, code)
    assert login(wxmock, code)["errcode"] == 40163
    wxmock.assert_calls("jscode2session", 2)

// Package wxmocktest starts a mock of WeChat mini-program login for a test, and ends it with the test.
//
// It runs "wxmock serve" on a free port of 127.0.0.1. The binary is the one named by WXMOCK_BIN, else the one on PATH.
package wxmocktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Mock is a running mock with one mini program, whose users are alice and bob unless --config says otherwise.
type Mock struct {
	// URL is what the backend under test calls instead of https://api.weixin.qq.com.
	URL string
	// AppID and Secret are those of the mini program.
	AppID, Secret string

	t       testing.TB
	process *process
	client  *http.Client
	since   int64
	holds   int
}

// Call is what is known of one call of the backend.
type Call struct {
	ID       int64  `json:"id"`
	Endpoint string `json:"endpoint"`
	AppID    string `json:"appid"`
	User     string `json:"user"`
	State    string `json:"state"`
	// Errcode is nil while the answer is undecided, and when it carries none.
	Errcode *int64 `json:"errcode"`
	// Status is nil when no byte of an answer was sent.
	Status *int `json:"status"`
	// KeyNo is the number of the session_key it was told.
	KeyNo *int64 `json:"key_no"`
	// Why it was refused, where there is more to say than the errcode does.
	Why json.RawMessage `json:"why"`
}

// Parked is a call that a gate holds.
type Parked struct {
	Call     int64  `json:"call"`
	Endpoint string `json:"endpoint"`
	Point    string `json:"point"`
	User     string `json:"user"`
	HeldMS   int64  `json:"held_ms"`
}

// Key is what is known of one session_key.
type Key struct {
	No         int64  `json:"no"`
	Cause      string `json:"cause"`
	SessionKey string `json:"session_key"`
	Current    bool   `json:"current"`
}

// Start runs a mock until the test, with its subtests, is over. The arguments are those of "wxmock serve", for example
// "--preset", "worst-legal".
func Start(t testing.TB, args ...string) *Mock {
	t.Helper()
	process, err := startProcess(args)
	if err != nil {
		t.Fatal(err)
	}
	// A proxy of the environment is for the world outside; the mock is on loopback.
	m := &Mock{URL: process.url, t: t, process: process, client: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(m.Stop)
	var apps struct {
		Apps []struct{ AppID, Secret string }
	}
	m.Request("GET", "/_mock/v1/apps", nil, &apps)
	m.AppID, m.Secret = apps.Apps[0].AppID, apps.Apps[0].Secret
	return m
}

// Request is anything else of the API that /_mock/openapi.json describes: the JSON of the answer is read into answer, unless
// that is nil. A refusal fails the test.
func (m *Mock) Request(method, path string, body, answer any) {
	m.t.Helper()
	if err := m.request(method, path, body, answer); err != nil {
		m.t.Fatal(err)
	}
}

func (m *Mock) request(method, path string, body, answer any) error {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, m.URL+path, sent)
	if err != nil {
		return err
	}
	response, err := m.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// Code is a fresh login code, as wx.login gives it to a page of this user.
func (m *Mock) Code(user string) string {
	m.t.Helper()
	return m.Codes(1, user)[0]
}

// Codes gives so many of them, 1 to 10000.
func (m *Mock) Codes(count int, user string) []string {
	m.t.Helper()
	var minted struct{ Codes []string }
	m.Request("POST", "/_mock/v1/codes", map[string]any{"app": m.AppID, "user": user, "count": count}, &minted)
	return minted.Codes
}

// Wx is what a wx.* call hands to the page of this user, for example Wx("getUserProfile", "alice", map[string]any{"desc": "…"}).
func (m *Mock) Wx(api, user string, options map[string]any) map[string]any {
	m.t.Helper()
	body := map[string]any{"app": m.AppID, "user": user}
	for name, value := range options {
		body[name] = value
	}
	var result map[string]any
	m.Request("POST", "/_mock/wx/"+api, body, &result)
	return result
}

// ExpireKey ends the user's session_key as time would.
func (m *Mock) ExpireKey(user string) Key {
	m.t.Helper()
	return m.key(user, "expire")
}

// RotateKey gives the user a new session_key, as a login elsewhere would; the old one is displaced.
func (m *Mock) RotateKey(user string) Key {
	m.t.Helper()
	return m.key(user, "rotate")
}

func (m *Mock) key(user, lever string) (key Key) {
	m.t.Helper()
	m.Request("POST", "/_mock/v1/apps/"+m.AppID+"/users/"+url.PathEscape(user)+"/keys/"+lever, nil, &key)
	return key
}

// Calls is what the backend has called since the start or the last reset, in order of arrival; of every endpoint if it is "".
func (m *Mock) Calls(endpoint string) []Call {
	m.t.Helper()
	var answer struct{ Calls []Call }
	m.Request("GET", fmt.Sprintf("/_mock/v1/calls?after=%d", m.since), nil, &answer)
	found := []Call{}
	for _, call := range answer.Calls {
		if endpoint == "" || call.Endpoint == endpoint {
			found = append(found, call)
		}
	}
	return found
}

// AssertCalls fails the test unless the backend has called this endpoint exactly so many times.
func (m *Mock) AssertCalls(endpoint string, count int) {
	m.t.Helper()
	if found := len(m.Calls(endpoint)); found != count {
		m.t.Errorf("%d calls of %s instead of %d; the backend called:\n%s", found, endpoint, count, m.told())
	}
}

func (m *Mock) told() string {
	var lines []string
	for _, call := range m.Calls("") {
		errcode := "none"
		if call.Errcode != nil {
			errcode = fmt.Sprint(*call.Errcode)
		}
		lines = append(lines, fmt.Sprintf("  #%d %s user=%s errcode=%s %s", call.ID, call.Endpoint, call.User, errcode, call.State))
	}
	if lines == nil {
		return "  nothing"
	}
	return strings.Join(lines, "\n")
}

// Reset brings the mock back to the start: users, keys and codes as seeded, held calls let go, faults gone, no calls.
func (m *Mock) Reset() {
	m.t.Helper()
	m.Request("POST", "/_mock/v1/reset", nil, nil)
	var calls struct{ Last int64 }
	m.Request("GET", fmt.Sprintf("/_mock/v1/calls?after=%d", m.since), nil, &calls)
	m.since = calls.Last
}

// Stop ends the mock. The end of the test does it too; stopping twice is once.
func (m *Mock) Stop() {
	if m.process == nil {
		return
	}
	m.client.CloseIdleConnections()
	m.process.stop()
	m.process = nil
}

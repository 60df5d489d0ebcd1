package wxmocktest_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wxmock/wxmock/packages/go/wxmocktest"
)

func TestCodesAreDistinctAndBelongToTheirUser(t *testing.T) {
	m := wxmocktest.Start(t)
	codes := m.Codes(2, "bob")
	if codes[0] == codes[1] {
		t.Fatal(codes)
	}
	login(m, codes[0])
	if calls := m.Calls("jscode2session"); len(calls) != 1 || calls[0].User != "bob" || calls[0].Errcode != nil || *calls[0].Status != 200 {
		t.Fatalf("%+v", calls)
	}
}

func TestAnExpiredKeyIsNoticedByThePhone(t *testing.T) {
	m := wxmocktest.Start(t)
	login(m, m.Code("alice"))
	if said := m.Wx("checkSession", "alice", nil)["errMsg"]; said != "checkSession:ok" {
		t.Fatal(said)
	}
	if key := m.RotateKey("alice"); !key.Current || key.No != 2 {
		t.Fatalf("%+v", key)
	}
	if key := m.ExpireKey("alice"); key.Current {
		t.Fatalf("%+v", key)
	}
	if said := m.Wx("checkSession", "alice", nil)["errMsg"].(string); !strings.HasPrefix(said, "checkSession:fail") {
		t.Fatal(said)
	}
}

func TestHeldAnswersLeaveInTheOrderOfTheTest(t *testing.T) {
	m := wxmocktest.Start(t)
	codes := m.Codes(2, "alice")
	hold := m.Hold(wxmocktest.HoldOptions{})
	defer hold.End()
	answers := []chan string{make(chan string, 1), make(chan string, 1)}
	for i, code := range codes {
		go func() { answers[i] <- login(m, code) }()
		hold.Wait(i+1, 5*time.Second)
	}
	newer := hold.Wait(2, 5*time.Second)[1]
	m.Request("POST", "/_mock/v1/gates/release", map[string]any{"call": newer.Call}, nil)
	if answer := <-answers[1]; !strings.Contains(answer, "openid") {
		t.Fatal(answer)
	}
	if released := hold.Release(1); released != 1 {
		t.Fatal(released)
	}
	if answer := <-answers[0]; !strings.Contains(answer, "openid") {
		t.Fatal(answer)
	}
}

func TestAHoldOfOneUserLetsOthersPass(t *testing.T) {
	m := wxmocktest.Start(t)
	m.Hold(wxmocktest.HoldOptions{User: "bob", Times: 1, Point: "arrived"})
	if answer := login(m, m.Code("alice")); !strings.Contains(answer, "openid") {
		t.Fatal(answer)
	}
	if released := m.ReleaseAll(); released != 0 {
		t.Fatal(released)
	}
}

func TestAResetForgetsCallsCodesAndHolds(t *testing.T) {
	m := wxmocktest.Start(t)
	code, hold := m.Code("alice"), m.Hold(wxmocktest.HoldOptions{})
	m.Reset()
	hold.End()
	if answer := login(m, code); !strings.Contains(answer, "40029") {
		t.Fatal(answer)
	}
	m.Reset()
	m.AssertCalls("jscode2session", 0)
}

// failing records what would have failed a test.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Helper()                           {}
func (f *failing) Errorf(format string, args ...any) { f.said = fmt.Sprintf(format, args...) }
func (f *failing) Fatal(args ...any)                 { f.said = fmt.Sprint(args...); panic(f) }
func (f *failing) Fatalf(format string, args ...any) { f.Errorf(format, args...); panic(f) }

// saidBy gives the text with which the body fails its test.
func saidBy(t *testing.T, body func(*failing)) string {
	f := &failing{TB: t}
	func() {
		defer func() {
			if stopped := recover(); stopped != nil && stopped != any(f) {
				panic(stopped)
			}
		}()
		body(f)
	}()
	return f.said
}

func TestFailuresSayWhatTheBackendDid(t *testing.T) {
	check := func(expected string, body func(*failing)) {
		t.Helper()
		if said := saidBy(t, body); !strings.Contains(said, expected) {
			t.Errorf("%q is not in %q", expected, said)
		}
	}
	check("0 calls of jscode2session instead of 1; the backend called:\n  nothing", func(f *failing) {
		wxmocktest.Start(f).AssertCalls("jscode2session", 1)
	})
	check("0 calls held instead of 1 after 10ms", func(f *failing) {
		wxmocktest.Start(f).Hold(wxmocktest.HoldOptions{}).Wait(1, 10*time.Millisecond)
	})
	check("no user is called", func(f *failing) { wxmocktest.Start(f).Code("carol") })
	check("wxmock serve ended with 3:\n", func(f *failing) { wxmocktest.Start(f, "--preset", "nonsense") })
}

func TestWithoutABinaryTheErrorSaysHowToGetOne(t *testing.T) {
	t.Setenv("WXMOCK_BIN", "/nowhere/wxmock")
	if said := saidBy(t, func(f *failing) { wxmocktest.Start(f) }); !strings.Contains(said, `WXMOCK_BIN is "/nowhere/wxmock", which is no program`) {
		t.Error(said)
	}
	t.Setenv("WXMOCK_BIN", "")
	t.Setenv("PATH", "")
	if said := saidBy(t, func(f *failing) { wxmocktest.Start(f) }); !strings.Contains(said, "name it in WXMOCK_BIN") {
		t.Error(said)
	}
}

// The mock must not outlive a test process that panics or is killed before its cleanup.
func TestTheMockEndsWithTheProcess(t *testing.T) {
	if os.Getenv("WXMOCKTEST_CHILD") == "1" {
		fmt.Printf("url=%s\n", wxmocktest.Start(t).URL)
		os.Exit(0)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestTheMockEndsWithTheProcess$")
	child.Env = append(os.Environ(), "WXMOCKTEST_CHILD=1")
	out, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, url, _ := strings.Cut(strings.TrimSpace(string(out)), "url=")
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		response, err := http.Get(url + "/_mock/livez")
		if err != nil {
			return
		}
		response.Body.Close()
	}
	t.Fatalf("%s still answers", url)
}

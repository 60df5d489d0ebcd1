package wxmocktest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wxmock/wxmock/packages/go/wxmocktest"
)

// Your backend's, told of m.URL, m.AppID and m.Secret.
func login(m *wxmocktest.Mock, code string) string {
	response, err := http.Get(fmt.Sprintf("%s/sns/jscode2session?appid=%s&secret=%s&js_code=%s&grant_type=authorization_code", m.URL, m.AppID, m.Secret, code))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return string(text)
}

func TestACodeWorksOnce(t *testing.T) {
	m := wxmocktest.Start(t)
	code := m.Code("alice")
	if first := login(m, code); !strings.Contains(first, "openid") {
		t.Fatal(first)
	}
	if second := login(m, code); !strings.Contains(second, "40163") {
		t.Fatal(second)
	}
	m.AssertCalls("jscode2session", 2)
}

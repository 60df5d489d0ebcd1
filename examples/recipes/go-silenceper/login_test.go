package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wxmock/wxmock/packages/go/wxmocktest"
)

func TestASpentCodeLogsNobodyIn(t *testing.T) {
	wx := wxmocktest.Start(t)
	backend := newShop(newWeChat(wx.URL, wx.AppID, wx.Secret)).handler()
	login := func(code string) int {
		answer := httptest.NewRecorder()
		backend.ServeHTTP(answer, httptest.NewRequest("POST", "/login", strings.NewReader(`{"code":"`+code+`"}`)))
		return answer.Code
	}
	code := wx.Code("alice")
	if first := login(code); first != http.StatusOK {
		t.Fatal(first)
	}
	if second := login(code); second != http.StatusUnauthorized {
		t.Fatal(second)
	}
	wx.AssertCalls("jscode2session", 2)
}

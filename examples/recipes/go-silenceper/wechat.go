package main

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/miniprogram"
	"github.com/silenceper/wechat/v2/miniprogram/config"
	"github.com/silenceper/wechat/v2/util"
)

// newWeChat is the SDK at its usual address, or at the one given here: WX_API_BASE, empty in production.
func newWeChat(base, appid, secret string) *miniprogram.MiniProgram {
	if base != "" {
		util.SetURIModifier(func(uri string) string {
			return strings.Replace(uri, "https://api.weixin.qq.com", base, 1)
		})
	}
	util.DefaultHTTPClient = &http.Client{Timeout: 2 * time.Second}
	return wechat.NewWechat().GetMiniProgram(&config.Config{AppID: appid, AppSecret: secret, Cache: cache.NewMemory()})
}

var (
	errLoginAgain = errors.New("login_again")
	errBlocked    = errors.New("user_blocked")
	errLater      = errors.New("try_later")
	errBadPayload = errors.New("bad_payload")
)

// exchange spends a login code. The SDK puts the code into the URL as it comes, so it is escaped here.
func exchange(mini *miniprogram.MiniProgram, code string) (openid, key string, err error) {
	session, err := mini.GetAuth().Code2Session(url.QueryEscape(code))
	switch session.ErrCode {
	case 0:
	case 40029, 40163, 41008:
		return "", "", errLoginAgain
	case 40226:
		return "", "", errBlocked
	default:
		return "", "", errLater
	}
	// No answer, one that is not JSON, or one without what a login needs.
	if err != nil || session.OpenID == "" || session.SessionKey == "" {
		return "", "", errLater
	}
	return session.OpenID, session.SessionKey, nil
}

// open decrypts with the first key that fits. The SDK panics on a length that AES does not know.
func open(mini *miniprogram.MiniProgram, keys []string, openid, data, iv string) (nickname string, err error) {
	if sealed, err := base64.StdEncoding.DecodeString(data); err != nil || len(sealed) == 0 || len(sealed)%16 != 0 {
		return "", errBadPayload
	}
	for _, key := range keys {
		plain, err := mini.GetEncryptor().Decrypt(key, data, iv)
		if err == nil && (plain.OpenID == "" || plain.OpenID == openid) {
			return plain.NickName, nil
		}
	}
	return "", errLoginAgain
}

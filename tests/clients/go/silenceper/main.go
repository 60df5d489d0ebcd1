// silenceper/wechat as published: login, access token, phone number, decryption, checksession. Prints its version and
// what it learned.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log"
	"os"

	"github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/miniprogram/config"

	"wxmock.test/clients/learned"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	app := wechat.NewWechat().GetMiniProgram(&config.Config{
		AppID:     os.Getenv("WX_APPID"),
		AppSecret: os.Getenv("WX_SECRET"),
		Cache:     cache.NewMemory(),
	})
	session := must(app.GetAuth().Code2Session(os.Getenv("WX_CODE")))
	token := must(app.GetContext().GetAccessToken())
	phone := must(app.GetAuth().GetPhoneNumber(os.Getenv("WX_PHONE_CODE")))
	opener := app.GetEncryptor()
	profile := must(opener.Decrypt(session.SessionKey, os.Getenv("WX_PROFILE"), os.Getenv("WX_PROFILE_IV")))
	sealed := must(opener.Decrypt(session.SessionKey, os.Getenv("WX_PHONE"), os.Getenv("WX_PHONE_IV")))

	// The SDK leaves the signature to its caller.
	mac := hmac.New(sha256.New, []byte(session.SessionKey))
	if err := app.GetAuth().CheckSession(hex.EncodeToString(mac.Sum(nil)), session.OpenID); err != nil {
		log.Fatal(err)
	}

	learned.Print("github.com/silenceper/wechat/v2", learned.Facts{
		OpenID:         session.OpenID,
		AccessToken:    token,
		Phone:          phone.PhoneInfo.PurePhoneNumber,
		OpenedNickname: profile.NickName,
		OpenedPhone:    sealed.PurePhoneNumber,
	})
}

// PowerWeChat as published: login, access token, phone number, decryption, checksession. Prints its version and what it
// learned.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/ArtisanCloud/PowerWeChat/v3/src/miniProgram"

	"wxmock.test/clients/learned"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func opened(app *miniProgram.MiniProgram, key, payload string) map[string]any {
	text, failure := app.Encryptor.DecryptData(os.Getenv("WX_"+payload), key, os.Getenv("WX_"+payload+"_IV"))
	if failure != nil {
		log.Fatal(failure)
	}
	var data map[string]any
	if err := json.Unmarshal(text, &data); err != nil {
		log.Fatal(err)
	}
	return data
}

func main() {
	ctx := context.Background()
	app := must(miniProgram.NewMiniProgram(&miniProgram.UserConfig{
		AppID:  os.Getenv("WX_APPID"),
		Secret: os.Getenv("WX_SECRET"),
		Log:    miniProgram.Log{File: os.DevNull, Error: os.DevNull},
	}))
	session := must(app.Auth.Session(ctx, os.Getenv("WX_CODE")))
	token := must(app.AccessToken.GetToken(ctx, false))
	phone := must(app.PhoneNumber.GetUserPhoneNumber(ctx, os.Getenv("WX_PHONE_CODE")))
	must(app.Auth.CheckSession(ctx, session.OpenID, session.SessionKey))
	nickname, _ := opened(app, session.SessionKey, "PROFILE")["nickName"].(string)
	number, _ := opened(app, session.SessionKey, "PHONE")["purePhoneNumber"].(string)

	learned.Print("github.com/ArtisanCloud/PowerWeChat/v3", learned.Facts{
		OpenID:         session.OpenID,
		AccessToken:    token.AccessToken,
		Phone:          phone.PhoneInfo.PurePhoneNumber,
		OpenedNickname: nickname,
		OpenedPhone:    number,
	})
}

// PowerWeChat for WeCom as published: the access token and the exchange of a code of wx.qy.login. Prints its version and what
// it learned.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/ArtisanCloud/PowerLibs/v3/cache"
	"github.com/ArtisanCloud/PowerWeChat/v3/src/work"

	"wxmock.test/clients/learned"
)

func main() {
	company, err := work.NewWork(&work.UserConfig{
		CorpID: os.Getenv("WX_CORPID"),
		Secret: os.Getenv("WX_CORPSECRET"),
		// Its parts for web pages want an address; nothing is called there.
		OAuth: work.OAuth{Callback: "https://localhost/", Scopes: []string{"snsapi_base"}},
		// The part for mini programs stumbles where there is none.
		Cache: cache.NewMemCache("wecom", time.Hour, ""),
		Log:   work.Log{File: os.DevNull, Error: os.DevNull},
	})
	if err != nil {
		log.Fatal(err)
	}
	app, err := company.MiniProgram()
	if err != nil {
		log.Fatal(err)
	}
	session, err := app.Auth.Session(context.Background(), os.Getenv("WX_QY_CODE"))
	if err != nil {
		log.Fatal(err)
	}
	learned.Print("github.com/ArtisanCloud/PowerWeChat/v3", map[string]string{
		"corpid":      session.CorpID,
		"userid":      session.UserID,
		"session_key": session.SessionKey,
	})
}

// silenceper/wechat as published: the calls about one person, and a third-party platform's own token. Prints its version and
// what it learned.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log"
	"os"

	"github.com/silenceper/wechat/v2"
	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/miniprogram/auth"
	"github.com/silenceper/wechat/v2/miniprogram/config"
	"github.com/silenceper/wechat/v2/miniprogram/riskcontrol"
	platform "github.com/silenceper/wechat/v2/openplatform/config"

	"wxmock.test/clients/learned"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	sdk := wechat.NewWechat()
	app := sdk.GetMiniProgram(&config.Config{
		AppID:     os.Getenv("WX_APPID"),
		AppSecret: os.Getenv("WX_SECRET"),
		Cache:     cache.NewMemory(),
	})
	login := app.GetAuth()
	session := must(login.Code2Session(os.Getenv("WX_CODE")))
	unionid := must(login.GetPaidUnionID(&auth.GetPaidUnionIDRequest{
		OpenID:        session.OpenID,
		TransactionID: os.Getenv("WX_TRANSACTION_ID"),
	}))
	hash := sha256.Sum256([]byte(os.Getenv("WX_PHONE")))
	sealed := must(login.CheckEncryptedData(hex.EncodeToString(hash[:])))
	openpid := must(login.GetPluginOpenPID(os.Getenv("WX_PLUGIN_CODE")))
	risk := must(app.GetRiskControl().GetUserRiskRank(&riskcontrol.UserRiskRankRequest{
		AppID:    os.Getenv("WX_APPID"),
		OpenID:   session.OpenID,
		ClientIP: "203.0.113.7",
	}))
	component := sdk.GetOpenPlatform(&platform.Config{
		AppID:     os.Getenv("WX_COMPONENT_APPID"),
		AppSecret: os.Getenv("WX_COMPONENT_SECRET"),
		Cache:     cache.NewMemory(),
	})
	token := must(component.SetComponentAccessToken(context.Background(), os.Getenv("WX_COMPONENT_TICKET")))

	learned.Print("github.com/silenceper/wechat/v2", map[string]any{
		"openid":          session.OpenID,
		"unionid":         unionid,
		"sealed":          sealed.Vaild,
		"openpid":         openpid,
		"risk_rank":       risk.RiskRank,
		"component_token": token.AccessToken,
	})
}

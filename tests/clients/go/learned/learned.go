// Package learned prints what an SDK has learned from WeChat, in the form the test reads.
package learned

import (
	"encoding/json"
	"fmt"
	"log"
	"runtime/debug"
	"strings"
)

// Facts of the clients that log in, which are compared with what WeChat knows.
type Facts struct {
	OpenID         string `json:"openid"`
	AccessToken    string `json:"access_token"`
	Phone          string `json:"phone"`
	OpenedNickname string `json:"opened_nickname"`
	OpenedPhone    string `json:"opened_phone"`
}

// Print writes the version of a module this program was built with, and the facts, a line each.
func Print(module string, facts any) {
	text, err := json.Marshal(facts)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n%s\n", version(module), text)
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return strings.TrimPrefix(dependency.Version, "v")
		}
	}
	log.Fatalf("built without %s", module)
	return ""
}

// Go's net/http, which knows nothing of a mock: asks https://api.weixin.qq.com for a session, as a small backend would.
// Prints the version and the body of the answer, a line each.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"
)

func main() {
	query := url.Values{
		"appid":      {os.Getenv("WX_APPID")},
		"secret":     {os.Getenv("WX_SECRET")},
		"js_code":    {os.Getenv("WX_CODE")},
		"grant_type": {"authorization_code"},
	}
	client := http.Client{Timeout: 20 * time.Second}
	answer, err := client.Get("https://api.weixin.qq.com/sns/jscode2session?" + query.Encode())
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("built in\n%s\n", body)
}

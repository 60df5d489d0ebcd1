// Command shop is a backend that logs in with WeChat by silenceper/wechat.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/silenceper/wechat/v2/miniprogram"
)

type session struct{ openid, key string }

// shop keeps users and sessions in memory; a database in yours.
type shop struct {
	mini     *miniprogram.MiniProgram
	mutex    sync.Mutex
	users    map[string]int      // id by openid
	keys     map[string][]string // by openid, the newest first: WeChat's answers can overtake each other
	sessions map[string]session  // by our own token
}

func newShop(mini *miniprogram.MiniProgram) *shop {
	return &shop{mini: mini, users: map[string]int{}, keys: map[string][]string{}, sessions: map[string]session{}}
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil, nil) })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Code string }
		if json.NewDecoder(r.Body).Decode(&body) != nil || body.Code == "" {
			answer(w, nil, errBadPayload)
			return
		}
		token, id, err := s.login(body.Code)
		answer(w, map[string]any{"token": token, "user": map[string]any{"id": id}}, err)
	})
	mux.HandleFunc("POST /profile", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ EncryptedData, Iv string }
		if json.NewDecoder(r.Body).Decode(&body) != nil {
			answer(w, nil, errBadPayload)
			return
		}
		nickname, err := s.profile(bearer(r), body.EncryptedData, body.Iv)
		answer(w, map[string]any{"nickName": nickname}, err)
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		session, known := s.sessions[bearer(r)]
		if !known {
			answer(w, nil, errLoginAgain)
			return
		}
		answer(w, map[string]any{"user": map[string]any{"id": s.users[session.openid]}}, nil)
	})
	return mux
}

func (s *shop) login(code string) (token string, id int, err error) {
	openid, key, err := exchange(s.mini, code)
	if err != nil {
		return "", 0, err
	}
	random := make([]byte, 24)
	if _, err := rand.Read(random); err != nil {
		return "", 0, err
	}
	token = hex.EncodeToString(random)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, known := s.users[openid]; !known {
		s.users[openid] = len(s.users) + 1
	}
	s.keys[openid] = append([]string{key}, s.keys[openid]...)
	s.keys[openid] = s.keys[openid][:min(len(s.keys[openid]), 8)]
	s.sessions[token] = session{openid, key}
	return token, s.users[openid], nil
}

func (s *shop) profile(token, data, iv string) (string, error) {
	s.mutex.Lock()
	session, known := s.sessions[token]
	// The key of this login first, then the user's others: a page may have sealed its data after a newer login.
	keys := append([]string{session.key}, s.keys[session.openid]...)
	s.mutex.Unlock()
	if !known {
		return "", errLoginAgain
	}
	return open(s.mini, keys, session.openid, data, iv)
}

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func answer(w http.ResponseWriter, body any, err error) {
	status := http.StatusOK
	if err != nil {
		body = map[string]string{"error": err.Error()}
		switch {
		case errors.Is(err, errLoginAgain):
			status = http.StatusUnauthorized
		case errors.Is(err, errBlocked):
			status = http.StatusForbidden
		case errors.Is(err, errBadPayload):
			status = http.StatusBadRequest
		default:
			status = http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func main() {
	mini := newWeChat(os.Getenv("WX_API_BASE"), os.Getenv("WX_APPID"), os.Getenv("WX_SECRET"))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), newShop(mini).handler()))
}

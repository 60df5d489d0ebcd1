// A login backend over one store, by the client that CLIENT names: redis (go-redis), mysql (go-sql-driver), pgx, or gorm (over
// go-sql-driver).
//
// WAYS=look makes an account the way many backends do: look, then insert. Without it the store decides: SET … NX, or a unique index.
package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"

	_ "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

var (
	look    = os.Getenv("WAYS") == "look"
	address = os.Getenv("STORE_HOST") + ":" + os.Getenv("STORE_PORT")
	pool    = number(os.Getenv("POOL"), 10)
)

// store keeps accounts and sessions.
type store interface {
	account(ctx context.Context, openid string) (string, error)
	keep(ctx context.Context, token, user string) error
}

type keys struct{ redis *redis.Client }

func (k keys) account(ctx context.Context, openid string) (string, error) {
	key := "user:" + openid
	if !look {
		if err := k.redis.SetNX(ctx, key, fresh(), 0).Err(); err != nil {
			return "", err
		}
		return k.redis.Get(ctx, key).Result()
	}
	found, err := k.redis.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		found = fresh()
		err = k.redis.Set(ctx, key, found, 0).Err()
	}
	return found, err
}

func (k keys) keep(ctx context.Context, token, user string) error {
	return k.redis.Set(ctx, "session:"+token, user, 0).Err()
}

type mariadb struct{ db *sql.DB }

func (m mariadb) account(ctx context.Context, openid string) (string, error) {
	table := "go_any"
	if !look {
		table = "go_one"
		if _, err := m.db.ExecContext(ctx, "INSERT IGNORE INTO go_one (openid) VALUES (?)", openid); err != nil {
			return "", err
		}
	}
	var id string
	err := m.db.QueryRowContext(ctx, "SELECT id FROM "+table+" WHERE openid = ?", openid).Scan(&id)
	if look && errors.Is(err, sql.ErrNoRows) {
		made, err := m.db.ExecContext(ctx, "INSERT INTO go_any (openid) VALUES (?)", openid)
		if err != nil {
			return "", err
		}
		number, err := made.LastInsertId()
		return strconv.FormatInt(number, 10), err
	}
	return id, err
}

func (m mariadb) keep(ctx context.Context, token, user string) error {
	_, err := m.db.ExecContext(ctx, "INSERT INTO go_session (token, user_id) VALUES (?, ?)", token, user)
	return err
}

type postgres struct{ pool *pgxpool.Pool }

func (p postgres) account(ctx context.Context, openid string) (string, error) {
	var id int64
	if !look {
		if _, err := p.pool.Exec(ctx, "INSERT INTO go_one (openid) VALUES ($1) ON CONFLICT DO NOTHING", openid); err != nil {
			return "", err
		}
		err := p.pool.QueryRow(ctx, "SELECT id FROM go_one WHERE openid = $1", openid).Scan(&id)
		return strconv.FormatInt(id, 10), err
	}
	err := p.pool.QueryRow(ctx, "SELECT id FROM go_any WHERE openid = $1", openid).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = p.pool.QueryRow(ctx, "INSERT INTO go_any (openid) VALUES ($1) RETURNING id", openid).Scan(&id)
	}
	return strconv.FormatInt(id, 10), err
}

func (p postgres) keep(ctx context.Context, token, user string) error {
	_, err := p.pool.Exec(ctx, "INSERT INTO go_session (token, user_id) VALUES ($1, $2)", token, user)
	return err
}

// AnyUser has no unique index, and FirstOrCreate looks and then inserts.
type AnyUser struct {
	ID     int64
	Openid string `gorm:"size:64"`
}

// OneUser has one.
type OneUser struct {
	ID     int64
	Openid string `gorm:"size:64;uniqueIndex"`
}

// Session is a row of its own for each token.
type Session struct {
	Token  string `gorm:"primaryKey;size:64"`
	UserID string `gorm:"size:32"`
}

type mapped struct{ db *gorm.DB }

func (m mapped) account(ctx context.Context, openid string) (string, error) {
	if look {
		user := AnyUser{}
		err := m.db.WithContext(ctx).Where(AnyUser{Openid: openid}).FirstOrCreate(&user).Error
		return strconv.FormatInt(user.ID, 10), err
	}
	user := OneUser{Openid: openid}
	if err := m.db.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&user).Error; err != nil {
		return "", err
	}
	found := OneUser{}
	err := m.db.WithContext(ctx).Where("openid = ?", openid).Take(&found).Error
	return strconv.FormatInt(found.ID, 10), err
}

func (m mapped) keep(ctx context.Context, token, user string) error {
	return m.db.WithContext(ctx).Create(&Session{Token: token, UserID: user}).Error
}

func open(ctx context.Context) (store, error) {
	mysqlAt := fmt.Sprintf("app:secret@tcp(%s)/shop?charset=utf8mb4&parseTime=true", address)
	tables := func(number string) []string {
		return []string{
			"CREATE TABLE IF NOT EXISTS go_any (id " + number + ", openid VARCHAR(64) NOT NULL)",
			"CREATE TABLE IF NOT EXISTS go_one (id " + number + ", openid VARCHAR(64) NOT NULL UNIQUE)",
			"CREATE TABLE IF NOT EXISTS go_session (token VARCHAR(64) PRIMARY KEY, user_id VARCHAR(32))",
		}
	}
	switch client := os.Getenv("CLIENT"); client {
	case "redis":
		return keys{redis.NewClient(&redis.Options{Addr: address, PoolSize: pool})}, nil
	case "mysql":
		db, err := sql.Open("mysql", mysqlAt)
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(pool)
		for _, table := range tables("BIGINT AUTO_INCREMENT PRIMARY KEY") {
			if _, err := db.ExecContext(ctx, table); err != nil {
				return nil, err
			}
		}
		return mariadb{db}, nil
	case "pgx":
		db, err := pgxpool.New(ctx, fmt.Sprintf("postgres://app:secret@%s/shop?pool_max_conns=%d", address, pool))
		if err != nil {
			return nil, err
		}
		for _, table := range tables("BIGSERIAL PRIMARY KEY") {
			if _, err := db.Exec(ctx, table); err != nil {
				return nil, err
			}
		}
		return postgres{db}, nil
	case "gorm":
		db, err := gorm.Open(gormmysql.Open(mysqlAt), &gorm.Config{})
		if err != nil {
			return nil, err
		}
		under, err := db.DB()
		if err != nil {
			return nil, err
		}
		under.SetMaxOpenConns(pool)
		return mapped{db}, db.AutoMigrate(&AnyUser{}, &OneUser{}, &Session{})
	default:
		return nil, fmt.Errorf("CLIENT=%s is none of redis, mysql, pgx, gorm", client)
	}
}

func exchange(code string) (openid string, err error) {
	asked := url.Values{"appid": {os.Getenv("WX_APPID")}, "secret": {os.Getenv("WX_SECRET")}, "js_code": {code}, "grant_type": {"authorization_code"}}
	reply, err := http.Get(os.Getenv("WX_API_BASE") + "/sns/jscode2session?" + asked.Encode())
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	var told struct{ Openid string }
	err = json.NewDecoder(reply.Body).Decode(&told)
	return told.Openid, err
}

func login(users store, request *http.Request) (int, any) {
	var body struct{ Code string }
	if err := json.NewDecoder(request.Body).Decode(&body); err != nil {
		return http.StatusBadRequest, map[string]string{"error": "bad_request"}
	}
	openid, err := exchange(body.Code)
	if err == nil && openid == "" {
		return http.StatusUnauthorized, map[string]string{"error": "code_rejected"}
	}
	var user, token string
	if err == nil {
		user, err = users.account(request.Context(), openid)
	}
	if err == nil {
		token = fresh()
		err = users.keep(request.Context(), token, user)
	}
	if err != nil {
		log.Print(err)
		return http.StatusInternalServerError, map[string]string{"error": "internal"}
	}
	return http.StatusOK, map[string]any{"token": token, "user": map[string]string{"id": user}}
}

func main() {
	users, err := open(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /healthz", func(writer http.ResponseWriter, _ *http.Request) { writer.WriteHeader(http.StatusOK) })
	http.HandleFunc("POST /login", func(writer http.ResponseWriter, request *http.Request) {
		status, body := login(users, request)
		writer.Header().Set("Content-Type", "application/json")
		writer.WriteHeader(status)
		_ = json.NewEncoder(writer).Encode(body)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func fresh() string {
	bytes := make([]byte, 16)
	_, _ = rand.Read(bytes)
	return hex.EncodeToString(bytes)
}

func number(text string, otherwise int) int {
	if value, err := strconv.Atoi(text); err == nil {
		return value
	}
	return otherwise
}

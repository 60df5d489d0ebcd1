//! Mechanisms of accounts: whose a login ends in, and whose a request is answered as.

use super::{Mechanism, MechanismInfo};

pub(super) const TABLE: &[MechanismInfo] = &[
    MechanismInfo {
        mechanism: Mechanism::AccountShared,
        breaks: &["KEY-01", "ACC-01"],
        title: "Several people share one account",
        title_zh: "几个人共用一个账号",
        what: "The account is found by less than the whole openid: a short hash, a few characters, a number made of it. Whoever collides with somebody is that person from the first \
               login on, one after the other as well as at once, and the more people there are, the more collide.",
        what_zh: "找账号用的不是完整的 openid，而是它的短哈希、前几个字符或由它算出的一个数。谁和别人撞上，从第一次登录起就成了那个人，先后登录也一样；人越多，撞上的越多。",
        repair: "Store the whole openid under a unique index on (appid, openid), find the account by it with =, and let the database or a UUID make the id; derive no id from an openid.",
        repair_zh: "把完整的 openid 存下来，在 (appid, openid) 上建唯一索引，用 = 查找；账号 id 由数据库或 UUID 生成，不要从 openid 算出来。",
        means: "upsert",
        source: "backends of this project's own trials that filed accounts by a hash of 64 values; no public report known",
    },
    MechanismInfo {
        mechanism: Mechanism::NewestAccountGiven,
        breaks: &["KEY-01", "ACC-01"],
        title: "A login of a person who is known already ends in the account that was made last",
        title_zh: "老用户再次登录，进的却是最新建立的那个账号",
        what: "The insert is skipped because the person is there (INSERT IGNORE, ON CONFLICT DO NOTHING), and the id is then read as the newest one of the table or the last one of \
               the connection. First logins are right; every later one is somebody else's.",
        what_zh: "因为人已经在了，插入被跳过（INSERT IGNORE、ON CONFLICT DO NOTHING），接着却把表里最大的 id 或连接上最后一个自增 id 当成他的。首次登录都对，以后每一次都是别人的账号。",
        repair: "Read the id of the row with this openid: an upsert that returns it (ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), RETURNING id), or SELECT id WHERE openid = ? after the insert.",
        repair_zh: "读的是这个 openid 那一行的 id：用会返回它的 upsert（ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)、RETURNING id），或者插入之后 SELECT id WHERE openid = ?。",
        means: "upsert",
        source: "dev.mysql.com/doc/refman/8.0/en/information-functions.html (LAST_INSERT_ID after INSERT IGNORE); backends of this project's own trials",
    },
    MechanismInfo {
        mechanism: Mechanism::IdGivenTwice,
        breaks: &["KEY-01", "ACC-01"],
        title: "Two people who register at once are given one number",
        title_zh: "两个人同时注册，拿到了同一个编号",
        what: "The next number is read, something is awaited, and it is written back one higher: two first logins that meet read the same. Both rows carry it, and both people have one \
               account from then on.",
        what_zh: "先读出下一个编号，中间等了点什么，再加一写回：两次首次登录碰到一起，读到的是同一个。两行都带着它，从此两个人就是一个账号。",
        repair: "Let one atomic step make the number: AUTO_INCREMENT or a sequence, INCR, an atomic counter, or a UUID; never max(id) + 1, nor a counter that is read before an await.",
        repair_zh: "编号用一步原子操作生成：AUTO_INCREMENT 或序列、INCR、原子计数器，或者 UUID；不要用 max(id) + 1，也不要在 await 之前读计数器、之后再写。",
        means: "upsert",
        source: "backends of this project's own trials with a counter read before an await; case KI-3",
    },
    MechanismInfo {
        mechanism: Mechanism::IdentityLeftBehind,
        breaks: &["KEY-01", "TOK-06", "ACC-01"],
        title: "A request without a session is answered as whoever this worker served last",
        title_zh: "没有会话的请求，被当成这个线程上一次服务的人",
        what: "The current user is kept in a thread local or a field of the worker. It is set when a token is good and not cleared when there is none or it is over: the next request on \
               that thread acts as the last person.",
        what_zh: "当前用户放在 ThreadLocal 或工作进程的字段里。token 有效时写进去，没有 token 或 token 失效时却不清：这个线程上的下一个请求就成了上一个人。",
        repair: "Set or clear it on every request before anything reads it, and remove it in try/finally when the request ends (ThreadLocal.remove()); better, pass the session as an argument.",
        repair_zh: "每个请求一进来就设置或清空，谁读都在这之后；请求结束时在 try/finally 里移除（ThreadLocal.remove()）；更好的办法是把会话当参数传。",
        means: "local-state",
        source: "binarywang/WxJava#2012 (thread locals of a pool); backends of this project's own trials; cases SE-3, SE-7",
    },
    MechanismInfo {
        mechanism: Mechanism::TokenFixedPerPerson,
        breaks: &["TOK-01", "TOK-02", "TOK-06", "TOK-07"],
        title: "A person has the same token at every login",
        title_zh: "同一个人每次登录拿到的都是同一个 token",
        what: "The token is a function of the account alone (md5 of a prefix and the user id, an HMAC of the openid) or is made once and kept. All phones of a person have one session, a \
               logout on one ends it on all, and a token that was copied once is good again after every later login.",
        what_zh: "token 只由账号决定（前缀加用户 id 的 md5、openid 的 HMAC），或者生成一次就一直用。这个人的所有手机共用一个会话，一台退出登录，所有的都退出；被抄走过一次的 token，以后每次登录又都有效。",
        repair: "Draw at least 128 bits per login from the system's random source and give each login a row of its own; hash nothing that belongs to the person.",
        repair_zh: "每次登录从系统的随机源取至少 128 位，一次登录一行；不要拿属于这个人的任何东西做哈希。",
        means: "token",
        source: "backends of this project's own trials with md5 of the user id; cases MM-1, SE-7",
    },
    MechanismInfo {
        mechanism: Mechanism::FailedLoginEndsSessions,
        breaks: &["CODE-01", "TOK-01", "KEY-02"],
        title: "A login that fails ends sessions that were good",
        title_zh: "一次失败的登录把原本有效的会话也结束了",
        what: "The error path of a login clears more than its own: the sessions of the person, of the code, or of everybody. A code that comes twice, or one that is too old, logs people out.",
        what_zh: "登录失败时清理得太多：这个人的会话、这个 code 的会话，甚至所有人的会话。一个重复提交的 code，或者一个过期的 code，就能让人掉线。",
        repair: "In the error path touch nothing that was there before this request: make the session last, when all else has gone well, and let the failed login only answer.",
        repair_zh: "失败的路径里不要动这次请求之前就有的东西：其余步骤都成功了再建会话，失败的登录只管回答。",
        means: "session-rows",
        source: "backends of this project's own trials that cleared the session table when an exchange failed; cases CC-1, CC-5, LB-8",
    },
];

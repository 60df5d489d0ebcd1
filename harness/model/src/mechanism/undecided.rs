//! What would decide, where the evidence of an order fits no cause or more than one.
//!
//! By rule: two things to try, each with another result for each cause that is left. It does not know which causes are left.

use crate::lang::Lang;

/// The two tests that would decide what breaks `rule`, in `lang`; none for a rule this table does not know.
#[must_use]
pub fn deciding_tests(rule: &str, lang: Lang) -> Vec<&'static str> {
    let entry = TESTS.iter().find(|(id, ..)| *id == rule);
    entry.map_or_else(Vec::new, |(_, en, zh)| {
        en.iter()
            .zip(zh)
            .map(|(en, zh)| lang.pick(en, zh))
            .collect()
    })
}

type Pair = [&'static str; 2];

const TESTS: [(&str, Pair, Pair); 21] = [
    (
        "KEY-01",
        [
            "Log in A, then B, and ask whoami with A's token: B's account means that sessions are overwritten, A's that the key or the data is looked up by the wrong thing (wxmock check KI-2).",
            "Send the same request one after the other, and again while B logs in: only the second wrong means state shared between requests (wxmock check KI-3).",
        ],
        [
            "先登录 A，再登录 B，然后用 A 的 token 问 whoami：回答 B，说明会话被覆盖；回答 A，说明 key 或数据的查找依据不对（wxmock check KI-2）。",
            "同样的请求先依次发，再在 B 登录的同时发：只有后者出错，说明请求之间共用了状态（wxmock check KI-3）。",
        ],
    ),
    (
        "KEY-02",
        [
            "Log the failed decryption on the server: which key was tried, and where it failed (base64, length, padding, JSON, watermark). wxmock decrypt says which key opens the payload.",
            "Send the same payload again at once: if it opens now, several processes remember different things, or the key was written late.",
        ],
        [
            "在服务端把解密失败记下来：试了哪把 key，卡在哪一步（base64、长度、填充、JSON、watermark）。wxmock decrypt 能告诉你哪把 key 解得开。",
            "马上把同一份加密数据再发一次：这次解开了，说明几个进程各记各的，或者 key 写得晚了。",
        ],
    ),
    (
        "KEY-03",
        [
            "Look at the row of the key before and after the new login: unchanged means that it is written only once, changed that another one is read.",
            "Restart the backend and log in once more: if that heals it, something in memory outlived the race (a flag, a cached failure, a lock).",
        ],
        [
            "看重新登录前后存 key 的那一行：没变，说明只写第一次；变了，说明读的是另一处。",
            "重启后端再登录一次：这样就好了，说明内存里有东西一直留到并发结束之后（标志位、缓存的失败、锁）。",
        ],
    ),
    (
        "KEY-04",
        [
            "Describe userinfo so that the probes can say which key is in force (wxmock check CL-1): the one that arrived last, the one requested last, the first one, or none.",
            "Run the same logins one after the other (wxmock check N4 KI-1): if that fails too, it is no race but the lookup; if logins within a second share a token, repair that first and run again.",
        ],
        [
            "描述 userinfo，这样就能逐把试出生效的是哪把 key（wxmock check CL-1）：最后到的、最后请求的、第一把，还是都不是。",
            "把同样的登录依次执行（wxmock check N4 KI-1）：还是失败，就不是竞态，而是查找不对；如果同一秒的登录 token 相同，先修那个再跑。",
        ],
    ),
    (
        "CODE-01",
        [
            "Count the exchanges of that code in the picture: two mean that each request exchanges it, one that a kept reply serves both.",
            "Submit the code twice, the second after the first was answered: only together wrong means that the mark comes too late.",
        ],
        [
            "数一数图里这个 code 换取了几次：两次，说明每个请求都去换；一次，说明存着的应答给了两边。",
            "同一个 code 提交两次，第二次等第一次答完再发：只有同时提交才出错，说明标记得太晚。",
        ],
    ),
    (
        "CODE-03",
        [
            "Submit a made-up code: the same answer means that errcode is not told apart at all.",
            "Count the exchanges of that code in the picture: more than one by one request means a retry.",
        ],
        [
            "提交一个瞎编的 code：回答一样，说明根本没有区分 errcode。",
            "数一数图里这个 code 换取了几次：一个请求换了不止一次，说明有重试。",
        ],
    ),
    (
        "TOK-01",
        [
            "Log in twice more than two seconds apart: two tokens mean that it depends on the second, one that it is a function of the person or is handed out again.",
            "Log in twice with WeChat renewing the key in between, and once without: equal only without means that the token is made of the key.",
        ],
        [
            "隔两秒以上登录两次：token 不同，说明它取决于秒；相同，说明它只由用户决定，或者把旧的又发了一遍。",
            "登录两次，中间让微信换一次 key，再来一次不换：只有不换时相同，说明 token 由 key 得来。",
        ],
    ),
    (
        "TOK-02",
        [
            "Compute the recipe that the finding names from your own logs: equal means that it is what the backend does.",
            "Read where the token is made: anything but a random source there is it.",
        ],
        [
            "用自己的日志按发现里写的配方算一遍：相同，后端就是这么做的。",
            "看生成 token 的那行代码：除了随机源，还有别的东西，就是它。",
        ],
    ),
    (
        "TOK-03",
        [
            "Search the code for the place where that answer is built: an object passed on whole, or an exception's message.",
            "Make the same call without the fault: a clean answer means that only the error path leaks.",
        ],
        [
            "在代码里找到组装这个回答的地方：是不是把整个对象或异常的 message 传了下去。",
            "去掉故障再调用一次：回答干净，说明只有出错时才泄漏。",
        ],
    ),
    (
        "ACC-01",
        [
            "Log in twice one after the other: two accounts mean that the account is found by something that changes, one that it is the race of look and insert.",
            "Look at the rows: the same openid twice means no unique index, an empty or another value means that something else is the key.",
        ],
        [
            "依次登录两次：两个账号，说明找账号的依据会变；一个账号，说明是先查再插的竞态。",
            "看表里的行：同一个 openid 出现两次，说明没有唯一索引；值是空的或别的，说明是按别的东西找的。",
        ],
    ),
    (
        "ERR-01",
        [
            "Let WeChat refuse the code (wxmock check LB-1) and look at the row that was made: an empty openid means that the body was never looked at.",
            "Let it refuse with data beside the errcode: accepted only then means that openid is asked for, but not errcode.",
        ],
        [
            "让微信拒绝这个 code（wxmock check LB-1），看建出来的那一行：openid 为空，说明根本没看返回体。",
            "让它在 errcode 旁边带上数据再拒绝：只有这时被接受，说明查了 openid，却没查 errcode。",
        ],
    ),
    (
        "ERR-05",
        [
            "Read the backend's log at that moment: an exception of the JSON parser, of a missing field, or of the database.",
            "Try the other variants (wxmock check UF-5): one of them means one field, all of them that nothing is caught.",
        ],
        [
            "看后端那一刻的日志：是 JSON 解析的异常、缺字段的异常，还是数据库的异常。",
            "试试别的变体（wxmock check UF-5）：只有一种失败，是某个字段的问题；全都失败，是什么都没捕获。",
        ],
    ),
    (
        "ERR-06",
        [
            "Measure how long one call to a silent WeChat takes: without an end means no deadline, several times the same length that retries add up.",
            "Take a thread dump meanwhile: in a read means the HTTP client, in a wait that it queues for a lock or a connection.",
        ],
        [
            "量一量微信不回应时一次调用要多久：没完没了，是没有超时；是某个时长的几倍，是重试叠加。",
            "这时做一次线程转储：停在读上，是 HTTP 客户端；停在等待上，是在排队等锁或连接。",
        ],
    ),
    (
        "TOK-06",
        [
            "Log out and ask whoami at once, without another login: ok means that the logout does nothing.",
            "If it is refused then, log in again and ask with the old token: ok means that the token is made of the session_key or the person.",
        ],
        [
            "退出登录后不再登录，马上用原 token 问 whoami：ok，说明退出什么也没做。",
            "这时被拒绝的话，重新登录后再用旧 token 问：ok，说明 token 由 session_key 或用户算出来。",
        ],
    ),
    (
        "TOK-07",
        [
            "Log in on two devices one after the other, then log out on the first: the second refused means that the logout deletes by person.",
            "If the second lives then, it is the login under way: look at what it writes back when its reply arrives.",
        ],
        [
            "两台设备先后登录，再在第一台退出：第二台被拒绝，说明退出是按用户删除的。",
            "第二台没事，就是正在进行的登录的问题：看它的应答到达时写回了什么。",
        ],
    ),
    (
        "TOK-08",
        [
            "Log in, refresh, and ask whoami with the new token and with the old one: that says which of the two the backend keeps.",
            "Log out, then refresh with the token that is over: ok means that the refresh never looks for the session.",
        ],
        [
            "登录、刷新，再分别用新 token 和旧 token 问 whoami：看后端留下的是哪一个。",
            "退出登录，再拿失效的 token 去刷新：ok，说明刷新根本没有查会话。",
        ],
    ),
    (
        "AT-01",
        [
            "Send the phone codes one after the other: a fetch for each means that there is no cache, one fetch that several requests find it empty at once.",
            "Look at where the token is kept: in a variable of the request, or under a name that changes with each call.",
        ],
        [
            "把手机号 code 依次提交：每次都取一个，说明没有缓存；只取一次，说明是几个请求同时发现缓存为空。",
            "看 token 存在哪里：是不是请求里的局部变量，或者每次调用都会变的键名。",
        ],
    ),
    (
        "AT-02",
        [
            "Log each token as it is stored, with the time its fetch began: an earlier begin after a later one is an overwrite.",
            "Run one phone code after 40001 alone (wxmock check AT-3): if that fails too, the dead token is simply kept.",
        ],
        [
            "存 token 时连同开始获取的时间一起记日志：开始得早的后存，就是覆盖。",
            "40001 之后只提交一个手机号 code（wxmock check AT-3）：这样也失败，就是失效的 token 一直没换。",
        ],
    ),
    (
        "AT-03",
        [
            "Look at the calls of that request in the picture: no fetch after 40001 means that the token is kept, many that the retry has no end.",
            "Read the cache entry: undefined or empty means that a refusal was stored as a token.",
        ],
        [
            "看图里这个请求的调用：40001 之后没有获取，说明 token 一直留着；获取了很多次，说明重试没有上限。",
            "看缓存里的值：undefined 或空，说明把拒绝的应答当 token 存了。",
        ],
    ),
    (
        "AT-05",
        [
            "Look at the calls of that login in the picture: one to token or stable_token before the exchange is the cause.",
            "Log in with the token endpoint working: if that fails as well, it is not about the token.",
        ],
        [
            "看图里这次登录的调用：换取之前有没有 token 或 stable_token，有就是它。",
            "让 token 接口恢复正常再登录：还是失败，就和 token 无关。",
        ],
    ),
    (
        "LIVE-01",
        [
            "Send one login alone after the hang: no answer means that something is held for ever, an answer that the two waited for each other.",
            "Take a thread dump (jstack, py-spy dump, SIGQUIT): it names the lock or the pool that the request waits for.",
        ],
        [
            "挂起之后单独发一次登录：没有应答，说明有东西一直被占着；有应答，说明是那两个请求互相等待。",
            "做一次线程转储（jstack、py-spy dump、SIGQUIT）：里面写着请求在等哪把锁或哪个连接池。",
        ],
    ),
];

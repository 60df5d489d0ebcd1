//! What the correct designs do, and what each mutant does instead, over real sockets.

mod correct;
mod fake_wechat;
mod mutants;
mod phone;
mod real_mock;

use serde_json::Value;

use self::fake_wechat::{APPID, FakeWeChat};
use crate::{Design, Running, Zoo};

const K1: &str = "AAAAAAAAAAAAAAAAAAAAAA==";
const K2: &str = "AQEBAQEBAQEBAQEBAQEBAQ==";
const K3: &str = "AgICAgICAgICAgICAgICAg==";
const KB: &str = "CwsLCwsLCwsLCwsLCwsLCw==";

/// A fake WeChat where codes c1 to c3 are A's with keys k1 to k3, and b1 is B's.
async fn world() -> FakeWeChat {
    let wechat = FakeWeChat::start().await;
    for (code, key) in [("c1", K1), ("c2", K2), ("c3", K3)] {
        wechat.code(code, "oA", key);
    }
    wechat.code("b1", "oB", KB);
    wechat
}

async fn start(design: impl Into<Design>, wechat: &FakeWeChat) -> Running {
    Zoo::start(design.into(), wechat.upstream()).await.unwrap()
}

/// What a phone captures: `openid`'s profile under a key.
fn capture(key: &str, openid: &str) -> Value {
    capture_for(APPID, key, openid)
}

fn capture_for(appid: &str, key: &str, openid: &str) -> Value {
    capture_made(0, appid, key, openid)
}

/// The same with a watermark that says a moment so many seconds after now.
fn capture_made(ahead_s: i64, appid: &str, key: &str, openid: &str) -> Value {
    let made_s = crate::policy::now_s() + ahead_s;
    let plain = format!(
        r#"{{"openId":"{openid}","nickName":"nick of {openid}","watermark":{{"timestamp":{made_s},"appid":"{appid}"}}}}"#
    );
    crate::open_data::tests::seal(key, *b"0123456789abcdef", &plain)
}

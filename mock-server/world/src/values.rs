//! Every value of the world as a function of the seed and the thing it belongs to, in the shapes WeChat uses.
//!
//! `openid = f(seed, app, user)`, `session_key #n = f(seed, app, user, n)`, `code #n = f(seed, app, user, device, n)` and so
//! on: two runs that interleave differently still show the same values.

use std::cell::Cell;

use crate::{
    AccessToken, AppId, AppSecret, DeviceId, Iv, JsCode, OpenId, Payment, Phone, PhoneCode,
    Profile, Seed, SessionKey, TokenKind, UnionId, UnixMs, UserId,
    rng::{DIGITS_AND_LETTERS, HEX, Stream, URL_SAFE, digest, sixteen, stream},
};

/// The number before the underscore of an access_token. It grows by about one a month (74 in 2023-11, 78 in 2024-03).
const TOKEN_GENERATION: u32 = 98;
/// Length of a plain access_token. Source: captures.
const PLAIN_TOKEN_LEN: usize = 136;
/// Length of a stable access_token. That the longer captures are stable tokens is an assumption.
const STABLE_TOKEN_LEN: usize = 157;
/// Days of steps getWeRunData shows. Source: official page.
pub(crate) const STEP_DAYS: usize = 31;

/// The appid a seed gives to its app number `n`, from 0; `prefix` is `wx`, or `ww` for a corpid.
pub(crate) fn appid(seed: Seed, prefix: &str, n: u32) -> AppId {
    let text = format!(
        "{prefix}{}",
        stream(seed, "appid", &[&n.to_be_bytes()]).text(16, HEX)
    );
    text.parse().expect("a prefix and 16 hex digits")
}

/// The `component_verify_ticket` of a third-party platform. Public threads show `ticket@@@` and some 80 characters.
pub(crate) fn component_ticket(seed: Seed, app: &AppId) -> String {
    let rest = stream(seed, "component ticket", &[bytes(app)]).text(84, URL_SAFE);
    format!("ticket@@@{rest}")
}

/// The `suite_ticket` of a third-party app of WeCom. Its shape is not published; this one is long.
pub(crate) fn suite_ticket(seed: Seed, suite: &AppId) -> String {
    stream(seed, "suite ticket", &[bytes(suite)]).text(64, URL_SAFE)
}

/// The `open_userid` by which a third-party app of WeCom knows a person of a company: `wo` and 30 characters, as samples of
/// official pages have. Another app knows the same person by another.
pub(crate) fn open_userid(seed: Seed, suite: &AppId, corp: &AppId, user: &UserId) -> String {
    let parts = [bytes(suite), bytes(corp), user.as_ref().as_bytes()];
    let rest = stream(seed, "open_userid", &parts).text(30, URL_SAFE);
    format!("wo{rest}")
}

/// The `authorizer_refresh_token` of a mini program that authorised a third-party platform. Public samples show
/// `refreshtoken@@@` and some 43 characters.
pub(crate) fn authorizer_refresh_token(seed: Seed, component: &AppId, app: &AppId) -> String {
    let parts = [bytes(component), bytes(app)];
    let rest = stream(seed, "authorizer refresh token", &parts).text(43, URL_SAFE);
    format!("refreshtoken@@@{rest}")
}

/// The secret of an app.
pub(crate) fn app_secret(seed: Seed, app: &AppId) -> AppSecret {
    let mut draw = stream(seed, "secret", &[bytes(app)]);
    AppSecret::from_ascii(std::array::from_fn(|_| draw.pick(HEX)))
}

/// The openid of a user; users of one app share the first six characters.
pub(crate) fn openid(seed: Seed, app: &AppId, user: &UserId) -> OpenId {
    OpenId::from_ascii(personal(
        stream(seed, "openid of app", &[bytes(app)]),
        stream(seed, "openid", &[bytes(app), bytes(user)]),
    ))
}

/// The unionid of a person: the same in every app.
pub(crate) fn unionid(seed: Seed, user: &UserId) -> UnionId {
    thread_local! {
        /// What all unionids of the last seed share: every exchange makes one, and its half is always the same.
        static SHARED: Cell<Option<(Seed, [u8; 5])>> = const { Cell::new(None) };
    }
    let known = SHARED.get().filter(|(of, _)| *of == seed);
    let (_, shared) = known.unwrap_or_else(|| {
        let shared = shared(stream(seed, "unionid of platform", &[]));
        SHARED.set(Some((seed, shared)));
        (seed, shared)
    });
    UnionId::from_ascii(own(shared, stream(seed, "unionid", &[bytes(user)])))
}

/// `o`, five characters shared by everybody, and 22 of one's own.
fn personal(of_all: Stream, of_one: Stream) -> [u8; 28] {
    own(shared(of_all), of_one)
}

fn shared(mut of_all: Stream) -> [u8; 5] {
    std::array::from_fn(|_| of_all.pick(URL_SAFE))
}

fn own(shared: [u8; 5], mut of_one: Stream) -> [u8; 28] {
    std::array::from_fn(|at| match at {
        0 => b'o',
        1..=5 => shared[at - 1],
        _ => of_one.pick(URL_SAFE),
    })
}

/// Login code number `n` of a phone, with the repeated groups all captured codes have.
pub(crate) fn js_code(seed: Seed, app: &AppId, user: &UserId, device: &DeviceId, n: u32) -> JsCode {
    let mut draw = stream(
        seed,
        "js_code",
        &[bytes(app), bytes(user), bytes(device), &n.to_be_bytes()],
    );
    let mut code: [u8; 32] = std::array::from_fn(|_| draw.pick(DIGITS_AND_LETTERS));
    code[0] = b'0';
    code[2] = draw.pick(b"13");
    code.copy_within(3..7, 27);
    code.copy_within(7..9, 19);
    JsCode::from_ascii(code)
}

/// The same code with `+`, `/` and `=` in it: what a backend must encode before it puts a code into a URL.
pub(crate) fn js_code_to_encode(code: &JsCode) -> JsCode {
    let mut text: [u8; 32] = code
        .as_str()
        .as_bytes()
        .try_into()
        .expect("a code has 32 characters");
    (text[10], text[15], text[31]) = (b'+', b'/', b'=');
    JsCode::from_ascii(text)
}

/// Both forms that login code number `n` of a phone can have.
pub(crate) fn js_codes(
    seed: Seed,
    app: &AppId,
    user: &UserId,
    device: &DeviceId,
    n: u32,
) -> [JsCode; 2] {
    let code = js_code(seed, app, user, device, n);
    [code, js_code_to_encode(&code)]
}

/// Phone code number `n` of a user.
pub(crate) fn phone_code(seed: Seed, app: &AppId, user: &UserId, n: u32) -> PhoneCode {
    let whole = digest(
        seed,
        "phone_code",
        &[bytes(app), bytes(user), &n.to_be_bytes()],
    );
    let nibble = |at: usize| whole[at / 2] >> (4 * (1 - at % 2)) & 0xf;
    PhoneCode::from_ascii(std::array::from_fn(|at| HEX[usize::from(nibble(at))]))
}

/// Code number `n` of `wx.pluginLogin` in an app.
pub(crate) fn plugin_code(seed: Seed, app: &AppId, n: u64) -> String {
    stream(seed, "plugin code", &[bytes(app), &n.to_be_bytes()]).text(64, HEX)
}

/// What a plugin calls a person inside one mini program: 28 characters, the first `G`. Source: official sample.
pub(crate) fn openpid(seed: Seed, app: &AppId, user: &UserId) -> String {
    let rest = stream(seed, "openpid", &[bytes(app), bytes(user)]).text(27, URL_SAFE);
    format!("G{rest}")
}

/// The numbers of payment `n` of an app. The time in it is the caller's to set.
pub(crate) fn payment(seed: Seed, app: &AppId, n: u64) -> Payment {
    const DIGITS: &[u8] = b"0123456789";
    let merchant = stream(seed, "mch_id", &[bytes(app)]).text(9, DIGITS);
    let rest = stream(seed, "transaction_id", &[bytes(app), &n.to_be_bytes()]).text(26, DIGITS);
    Payment {
        transaction_id: format!("42{rest}"),
        mch_id: format!("1{merchant}"),
        out_trade_no: format!("order-{n}"),
        paid_at: UnixMs(0),
    }
}

/// Session key number `n` of a user.
pub(crate) fn session_key(seed: Seed, app: &AppId, user: &UserId, n: u32) -> SessionKey {
    SessionKey::new(sixteen(
        seed,
        "session_key",
        &[bytes(app), bytes(user), &n.to_be_bytes()],
    ))
}

/// Session key number `n` of a user if it has to have `+` and `/` in its base64: the first of the alternatives that does.
pub(crate) fn session_key_with_plus_and_slash(
    seed: Seed,
    app: &AppId,
    user: &UserId,
    n: u32,
) -> SessionKey {
    // One key in eleven has both, so the search is over after a handful.
    (0_u32..)
        .map(|tries| {
            let parts = [
                bytes(app),
                bytes(user),
                &n.to_be_bytes(),
                &tries.to_be_bytes(),
            ];
            SessionKey::new(sixteen(seed, "session_key to encode", &parts))
        })
        .find(|key| {
            let text = key.base64();
            text.contains('+') && text.contains('/')
        })
        .expect("some key has both characters")
}

/// A key that is never issued to anybody.
pub(crate) fn never_issued_key(seed: Seed, app: &AppId, user: &UserId, n: u32) -> SessionKey {
    SessionKey::new(sixteen(
        seed,
        "key never issued",
        &[bytes(app), bytes(user), &n.to_be_bytes()],
    ))
}

/// The iv of capture number `n` of a user; `tries` above 0 are the alternatives a search goes through.
pub(crate) fn iv(seed: Seed, app: &AppId, user: &UserId, n: u32, tries: u32) -> Iv {
    Iv::new(sixteen(
        seed,
        "iv",
        &[
            bytes(app),
            bytes(user),
            &n.to_be_bytes(),
            &tries.to_be_bytes(),
        ],
    ))
}

/// The identity of a group in an app, by its name for people: `tG` and 27 more. Source: captured shape.
pub(crate) fn open_gid(seed: Seed, app: &AppId, group: &str) -> String {
    let mut draw = stream(seed, "openGId", &[bytes(app), group.as_bytes()]);
    format!("tG{}", draw.text(27, URL_SAFE))
}

/// The identity of a chat of two. Its shape is unknown; that of an older group identity (`Gs`, 28 characters) is used.
pub(crate) fn open_single_roomid(seed: Seed, app: &AppId, chat: &str) -> String {
    let mut draw = stream(seed, "open_single_roomid", &[bytes(app), chat.as_bytes()]);
    format!("Gs{}", draw.text(26, URL_SAFE))
}

/// Who a person is in a chat. Its shape is unknown; that of an openid is used.
pub(crate) fn group_openid(seed: Seed, app: &AppId, user: &UserId, chat: &str) -> OpenId {
    OpenId::from_ascii(personal(
        stream(seed, "group_openid of chat", &[bytes(app), chat.as_bytes()]),
        stream(
            seed,
            "group_openid",
            &[bytes(app), bytes(user), chat.as_bytes()],
        ),
    ))
}

/// `encryptKey` and `iv` of a version of a person's encryption key: base64 of 16 bytes, and 16 hex digits.
pub(crate) fn user_key(seed: Seed, app: &AppId, user: &UserId, version: u32) -> (String, String) {
    let parts = [bytes(app), bytes(user), &version.to_be_bytes()];
    let key = SessionKey::new(sixteen(seed, "encrypt_key", &parts)).base64();
    (key, stream(seed, "encrypt_key iv", &parts).text(16, HEX))
}

/// The temporary file of avatar number `n` a person chose. Source: captured shape on phones.
pub(crate) fn avatar(seed: Seed, app: &AppId, user: &UserId, n: u32) -> String {
    let mut draw = stream(seed, "avatar", &[bytes(app), bytes(user), &n.to_be_bytes()]);
    format!("wxfile://tmp_{}.jpg", draw.text(48, HEX))
}

/// The AppKey of virtual payment, of the live environment or the sandbox. Its shape is unknown: 32 letters and digits here.
pub(crate) fn pay_app_key(seed: Seed, app: &AppId, sandbox: bool) -> String {
    let name = if sandbox {
        "AppKey of the sandbox"
    } else {
        "AppKey"
    };
    stream(seed, name, &[bytes(app)]).text(32, DIGITS_AND_LETTERS)
}

/// Access token number `n` of one kind of an app.
pub(crate) fn access_token(seed: Seed, app: &AppId, kind: TokenKind, n: u32) -> AccessToken {
    let (name, len) = match kind {
        TokenKind::Plain => ("access_token", PLAIN_TOKEN_LEN),
        TokenKind::Stable => ("stable access_token", STABLE_TOKEN_LEN),
        // How long the two below are is unknown.
        TokenKind::Cloud => ("cloudbase_access_token", STABLE_TOKEN_LEN),
        TokenKind::Authorizer => ("authorizer_access_token", STABLE_TOKEN_LEN),
    };
    let head = format!("{TOKEN_GENERATION}_");
    let rest = stream(seed, name, &[bytes(app), &n.to_be_bytes()]).text(len - head.len(), URL_SAFE);
    format!("{head}{rest}").parse().expect("built like a token")
}

/// Groups two and three of a request id.
pub(crate) fn rid_tail(seed: Seed, app: Option<&AppId>, n: u64) -> String {
    let mut draw = stream(
        seed,
        "rid",
        &[app.map_or(b"", |app| bytes(app)), &n.to_be_bytes()],
    );
    format!("{}-{}", draw.text(8, HEX), draw.text(8, HEX))
}

/// Groups two and three of the trace_id of message check number `n`.
pub(crate) fn trace_tail(seed: Seed, app: &AppId, n: u64) -> String {
    let mut draw = stream(seed, "trace_id", &[bytes(app), &n.to_be_bytes()]);
    format!("{}-{}", draw.text(8, HEX), draw.text(8, HEX))
}

/// The number of subscribe message `n`: 19 digits like the captured one, and odd, so that no double holds it.
pub(crate) fn msgid(seed: Seed, app: &AppId, n: u64) -> u64 {
    let drawn =
        stream(seed, "msgid", &[bytes(app), &n.to_be_bytes()]).below(1_000_000_000_000_000_000);
    (2_000_000_000_000_000_000 + drawn) | 1
}

/// The 16 characters in the brackets of a hint.
pub(crate) fn hint(seed: Seed, app: &AppId, n: u64) -> String {
    stream(seed, "hint", &[bytes(app), &n.to_be_bytes()]).text(16, URL_SAFE)
}

/// What is drawn for one push.
pub(crate) struct PushDraw {
    /// Nine digits, like those of the official samples.
    pub(crate) nonce: String,
    /// 16 hex digits, like those of the official sample.
    pub(crate) random: [u8; 16],
    /// 19 digits, like that of the official sample.
    pub(crate) echostr: String,
}

/// What push number `n` of an app is signed and sealed with.
pub(crate) fn push(seed: Seed, app: &AppId, n: u32) -> PushDraw {
    let mut draw = stream(seed, "push", &[bytes(app), &n.to_be_bytes()]);
    let mut digits = |len: usize| {
        let first = char::from(draw.pick(b"123456789"));
        format!("{first}{}", draw.text(len - 1, b"0123456789"))
    };
    let (nonce, echostr) = (digits(9), digits(19));
    PushDraw {
        nonce,
        echostr,
        random: std::array::from_fn(|_| draw.pick(HEX)),
    }
}

/// `ToUserName`: an app's original id, `gh_` and 12 hex digits.
pub(crate) fn original_id(seed: Seed, app: &AppId) -> String {
    let id = stream(seed, "original id", &[bytes(app)]).text(12, HEX);
    format!("gh_{id}")
}

/// `FromUserName` of events: WeChat's own sender, an openid of the app that is no user's.
pub(crate) fn push_service(seed: Seed, app: &AppId) -> OpenId {
    OpenId::from_ascii(personal(
        stream(seed, "openid of app", &[bytes(app)]),
        stream(seed, "push service", &[bytes(app)]),
    ))
}

/// Whether event number `n` of a phone rotates the key, at this probability.
pub(crate) fn rotates(
    seed: Seed,
    names: (&AppId, &UserId, &DeviceId),
    event: &str,
    n: (u32, u32),
    probability: f64,
) -> bool {
    if probability >= 1.0 {
        return true;
    }
    let (app, user, device) = names;
    let parts = [
        bytes(app),
        bytes(user),
        bytes(device),
        event.as_bytes(),
        &n.0.to_be_bytes(),
        &n.1.to_be_bytes(),
    ];
    stream(seed, "rotate", &parts).happens(probability)
}

/// The profile of a user nobody described.
pub(crate) fn profile(seed: Seed, user: &UserId) -> Profile {
    let mut draw = stream(seed, "profile", &[bytes(user)]);
    Profile {
        nick_name: user.to_string(),
        gender: 0,
        language: "zh_CN".to_owned(),
        city: String::new(),
        province: String::new(),
        country: String::new(),
        avatar_url: format!(
            "https://thirdwx.qlogo.cn/mmopen/vi_32/{}/132",
            draw.text(64, DIGITS_AND_LETTERS)
        ),
    }
}

/// The number of a user nobody described: a mainland mobile number.
pub(crate) fn phone(seed: Seed, user: &UserId) -> Phone {
    let mut draw = stream(seed, "phone", &[bytes(user)]);
    Phone {
        pure_number: format!("139{}", draw.text(8, b"0123456789")),
        country_code: "86".to_owned(),
    }
}

/// The steps of a user nobody described, one entry a day.
pub(crate) fn steps(seed: Seed, user: &UserId) -> Vec<u32> {
    let mut draw = stream(seed, "steps", &[bytes(user)]);
    (0..STEP_DAYS)
        .map(|_| u32::try_from(draw.below(20_000)).unwrap_or(0))
        .collect()
}

fn bytes<T: AsRef<str>>(id: &T) -> &[u8] {
    id.as_ref().as_bytes()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    const SEED: Seed = Seed(42);

    fn names() -> (AppId, UserId, DeviceId) {
        (
            appid(SEED, "wx", 0),
            "alice".parse().unwrap(),
            "phone".parse().unwrap(),
        )
    }

    #[test]
    fn codes_have_the_shape_of_captured_ones() {
        let (app, user, device) = names();
        for n in 1..500 {
            let code = js_code(SEED, &app, &user, &device, n);
            let code = code.as_str();
            assert_eq!(code.len(), 32);
            assert!(
                code.starts_with('0') && ["1", "3"].contains(&&code[2..3]),
                "{code}"
            );
            assert_eq!(code[3..7], code[27..31], "{code}");
            assert_eq!(code[7..9], code[19..21], "{code}");
            assert!(code.bytes().all(|b| b.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn on_request_codes_and_keys_hold_what_transports_damage() {
        let (app, user, device) = names();
        let code = js_code_to_encode(&js_code(SEED, &app, &user, &device, 1));
        assert_eq!(JsCode::parse(code.as_str()), Ok(code));
        for n in 1..50 {
            let key = session_key_with_plus_and_slash(SEED, &app, &user, n).base64();
            let both = [key.as_str(), code.as_str()];
            assert!(
                both.iter()
                    .all(|text| "+/=".chars().all(|c| text.contains(c))),
                "{both:?}"
            );
        }
    }

    #[test]
    fn openids_of_an_app_share_six_characters_and_unionids_are_the_same_everywhere() {
        let (app, user, _) = names();
        let other: UserId = "bob".parse().unwrap();
        let (a, b) = (openid(SEED, &app, &user), openid(SEED, &app, &other));
        assert_eq!(a.as_str()[..6], b.as_str()[..6]);
        assert_ne!(a, b);
        assert_ne!(
            a.as_str()[..6],
            openid(SEED, &appid(SEED, "wx", 1), &user).as_str()[..6]
        );
        assert_ne!(unionid(SEED, &user), unionid(SEED, &other));
    }

    #[test]
    fn tokens_keys_and_phone_codes_have_their_lengths() {
        let (app, user, _) = names();
        assert_eq!(
            access_token(SEED, &app, TokenKind::Plain, 1).as_str().len(),
            136
        );
        assert_eq!(
            access_token(SEED, &app, TokenKind::Stable, 1)
                .as_str()
                .len(),
            157
        );
        assert_eq!(phone_code(SEED, &app, &user, 1).as_str().len(), 64);
        let key = session_key(SEED, &app, &user, 1).base64();
        assert!(key.len() == 24 && key.ends_with("=="));
        assert_ne!(key, never_issued_key(SEED, &app, &user, 1).base64());
        assert_eq!(rid_tail(SEED, Some(&app), 1).len(), 17);
        assert_eq!(app_secret(SEED, &app).as_str().len(), 32);
        assert_eq!(hint(SEED, &app, 1).len(), 16);
        assert_eq!(open_gid(SEED, &app, "g").len(), 29);
        assert_ne!(open_gid(SEED, &app, "g"), open_gid(SEED, &app, "h"));
        let (key, iv) = user_key(SEED, &app, &user, 1);
        assert_eq!((key.len(), iv.len()), (24, 16));
        assert_ne!(
            pay_app_key(SEED, &app, false),
            pay_app_key(SEED, &app, true)
        );
    }

    /// The values people see in the banner and paste into bug reports must not change between releases by accident.
    #[test]
    fn values_of_a_seed_are_pinned() {
        let (app, user, device) = names();
        let seen = format!(
            "{app} {} {}",
            openid(SEED, &app, &user),
            js_code(SEED, &app, &user, &device, 1)
        );
        assert_eq!(seen, PINNED);
    }

    const PINNED: &str =
        "wx8c07802a19dbb6fd oaKxD-6PdWpCs6clt45RYfQQ2iVq 0g1KtEgbyTtOlDG4aDsbyA3e0EfKtEgn";
}

//! The closed sets of words a scenario file may use, each with what it means.

/// Rules a case may name, by id. The judge holds what they say; a test there compares the two lists.
pub const RULES: &[&str] = &[
    "KEY-01", "KEY-02", "KEY-03", "KEY-04", "CODE-01", "CODE-03", "TOK-01", "TOK-02", "TOK-03",
    "TOK-06", "TOK-07", "TOK-08", "ACC-01", "ERR-01", "ERR-05", "ERR-06", "AT-02", "AT-03",
    "AT-05", "AT-01", "LIVE-01",
];

/// Operations an adapter may describe.
pub const OPS: &[&str] = &[
    "login",
    "login_profile",
    "userinfo",
    "phone_cipher",
    "phone_code",
    "whoami",
    "logout",
    "refresh",
];

/// Something that must have happened in at least one order of a case, or its PASS would prove nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obligation {
    /// Name in files and reports.
    pub name: &'static str,
    /// When it is met.
    pub statement: &'static str,
}

/// Every obligation there is.
pub const OBLIGATIONS: &[Obligation] = &[
    obligation(
        "two-logins-held-together",
        "WeChat held its replies to two login requests of one user at the same moment.",
    ),
    obligation(
        "two-users-held-together",
        "WeChat held its replies to login requests of two different users at the same moment.",
    ),
    obligation(
        "reply-out-of-commit-order",
        "Two exchanges of one user were answered in the other order than WeChat had committed them.",
    ),
    obligation(
        "codes-out-of-mint-order",
        "A code was submitted after a code of the same user that had been minted later.",
    ),
    obligation(
        "superseded-key-submitted",
        "A payload reached the backend after a newer key had displaced the one it is sealed under.",
    ),
    obligation(
        "undelivered-key-submitted",
        "A payload reached the backend sealed under a key that WeChat had never told the backend.",
    ),
    obligation(
        "older-token-used",
        "A request carried the token of a login that is not its user's latest.",
    ),
    obligation(
        "same-code-twice",
        "One code was submitted to the backend twice.",
    ),
    obligation(
        "code-expired",
        "A code was submitted after its five minutes.",
    ),
    obligation(
        "fault-delivered",
        "Every fault of the case struck a call of the backend.",
    ),
    obligation(
        "shape-delivered",
        "A success body in the unusual shape reached the backend.",
    ),
    obligation(
        "strangers-logged-in",
        "Each of the strangers' logins was answered, and none turned away for now.",
    ),
    obligation(
        "wrong-padding-twin-submitted",
        "A payload was submitted that another key of the user also opens to valid padding, and to garbage.",
    ),
    obligation(
        "plus-and-slash-submitted",
        "A payload with both `+` and `/` in its base64 was submitted.",
    ),
    obligation(
        "forged-payload-submitted",
        "A payload no phone of this user would make was submitted.",
    ),
    obligation(
        "escapable-key-submitted",
        "A payload was submitted that is sealed under a key with `+` or `/` in its base64.",
    ),
    obligation(
        "escaped-payload-submitted",
        "A payload whose base64 was percent-encoded once more than it should be was submitted.",
    ),
    obligation(
        "others-waited-at-wechat",
        "A request of one person was sent while four logins of other people were open and WeChat held its reply to one of them.",
    ),
    obligation(
        "foreign-identity-submitted",
        "A request named another person's openid and user id.",
    ),
    obligation(
        "foreign-token-used",
        "A payload of one person was submitted with the token of another.",
    ),
    obligation(
        "forged-token-used",
        "A request carried a token that nobody issued, made of one that somebody did.",
    ),
    obligation(
        "call-held-over-a-login",
        "WeChat held its reply to another call of one person while a login of theirs went from its first step to its last.",
    ),
    obligation(
        "iv-sent-before",
        "A payload was submitted under the iv of another one.",
    ),
    obligation(
        "spoiled-payload-submitted",
        "A payload that nobody can open, or none, was submitted.",
    ),
    obligation(
        "payload-sent-twice",
        "One payload was submitted to the backend twice.",
    ),
    obligation(
        "same-phone-code-twice",
        "One code of the phone button was submitted to the backend twice.",
    ),
    obligation(
        "phone-code-aged",
        "A code of the phone button was submitted after time had passed for its person.",
    ),
    obligation(
        "foreign-phone-code-sent",
        "A code of one person's phone button was submitted by another.",
    ),
    obligation(
        "codes-swapped",
        "A phone mixed up a login code and a code of the phone button.",
    ),
    obligation(
        "logged-out-token-used",
        "A request carried a token that had been logged out.",
    ),
    obligation(
        "logout-during-login",
        "A logout was sent while a login of the same person was open.",
    ),
    obligation(
        "token-needed-again",
        "After something had happened to the access_tokens, the backend fetched one or made a call with one.",
    ),
    obligation(
        "token-refreshed",
        "A refresh was answered ok with another token than the one it carried.",
    ),
    obligation(
        "keys-kept-by-interval",
        "Two codes of one user, minted one after the other, carried the same key.",
    ),
];

const fn obligation(name: &'static str, statement: &'static str) -> Obligation {
    Obligation { name, statement }
}

/// What may vary within a scenario.
pub const AXES: &[&str] = &["rotation", "returns", "n", "variant", "payload"];

/// Values of the axis `payload`: the operation that carries what a scenario captures and sends. Without that axis it is the first
/// of these that the adapter describes.
pub const PAYLOADS: &[&str] = &["userinfo", "phone_cipher", "login_profile"];

/// Values of the axis `rotation`.
pub const ROTATIONS: &[&str] = &["login", "exchange", "min_interval"];

/// Values of the axis `returns`.
pub const RETURNS: &[&str] = &["bound", "current"];

/// The two endpoints that hand out access_tokens, whichever of them the backend asks.
pub const ACCESS_TOKEN: &str = "access_token";

/// WeChat endpoints a fault may strike.
pub const ENDPOINTS: &[&str] = &[
    "jscode2session",
    ACCESS_TOKEN,
    "token",
    "stable_token",
    "checksession",
    "resetusersessionkey",
    "getuserphonenumber",
];

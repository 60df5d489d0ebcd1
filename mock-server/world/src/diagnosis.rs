//! Which key opens a payload, and why the one somebody believed in does not.
//!
//! AES-CBC has no checksum, so "opens" is judged by what comes out: open data is JSON that begins with a brace and ends with
//! a watermark. A payload that never held such JSON cannot be told from one under a strange key.

use aes::Aes128;
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use cbc::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::NoPadding};
use serde::Serialize;

use crate::{
    Iv, KeyNo, Seed, SessionKey, UnixMs, UserId, app::App, index::UserNo, session_key::Key,
    user::User, values,
};

/// What was done to a text on its way and had to be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// `+` became a space: raw base64 in a form or query.
    PlusBecameSpace,
    /// Percent-encoded once too often.
    UrlEncoded,
    /// Percent-encoded twice too often.
    UrlEncodedTwice,
    /// Slashes still carry the backslash of JSON.
    JsonEscaped,
    /// White space or line breaks were put in.
    Whitespace,
    /// The URL-safe alphabet (`-_`) instead of `+/`.
    UrlSafeAlphabet,
    /// The `=` at the end is gone.
    PaddingLost,
    /// The text is cut off.
    Truncated,
    /// There is no text, or the text of a value that was never there: `undefined`, `null`, `[object Object]`.
    NeverSent,
    /// The text was shortened for people: it has an ellipsis in it.
    Abridged,
    /// The text is not base64 at all.
    NotBase64,
    /// The iv does not have 16 bytes.
    IvLength,
    /// The first block is garbage and the rest is right: the iv is of another payload.
    IvOfAnotherPayload,
}

/// Which key opened a payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "key", rename_all = "snake_case")]
pub enum Opener {
    /// One that WeChat issued.
    Issued {
        /// To whom.
        user: UserId,
        /// Its number.
        no: KeyNo,
        /// Whether it is in force now.
        current: bool,
        /// When a newer key took its place.
        displaced_at: Option<UnixMs>,
        /// Which key that was.
        displaced_by: Option<KeyNo>,
        /// When it expired.
        expired_at: Option<UnixMs>,
    },
    /// One that WeChat never issued; made by the phone on request.
    NeverIssued {
        /// Whose phone.
        user: UserId,
        /// Its number among those never issued.
        number: u32,
    },
    /// The one that was believed in, which this app has never seen.
    Stranger,
}

/// Why the believed key does not open the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Believed {
    /// It does open it.
    Right,
    /// It is not a session_key: not base64 of 16 bytes.
    NotAKey,
    /// It is older than the key that sealed the payload, and was displaced.
    Superseded {
        /// The believed key's number.
        no: KeyNo,
        /// The key that took its place.
        by: KeyNo,
        /// When.
        at: UnixMs,
    },
    /// It is of the right user and newer than the key that sealed the payload.
    Newer {
        /// The believed key's number.
        no: KeyNo,
    },
    /// It belongs to somebody else.
    OtherUser {
        /// To whom.
        user: UserId,
        /// Its number there.
        no: KeyNo,
    },
    /// This app never issued it.
    Unknown,
    /// It is one of ours, but nothing opens the payload, so the payload is what is wrong.
    PayloadBroken {
        /// To whom it belongs.
        user: UserId,
        /// Its number there.
        no: KeyNo,
    },
}

/// The answer to "which key opens this".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyFinding {
    /// Which key opened it, if any did.
    pub opener: Option<Opener>,
    /// What it says, if it was opened.
    pub plaintext: Option<String>,
    /// What had to be undone in `encryptedData`, or what is wrong with it.
    pub data_damage: Vec<Damage>,
    /// What had to be undone in `iv`, or what is wrong with it.
    pub iv_damage: Vec<Damage>,
    /// Why the believed key does not open it; absent if none was named.
    pub believed: Option<Believed>,
    /// All of this in sentences, without a secret.
    pub explanation: String,
}

/// How many keys never issued to a user are tried: the numbers below this.
const NEVER_ISSUED_TRIED: u32 = 16;
/// For how many users they are tried if none is named: there is one more key for each number and user.
const NEVER_ISSUED_USERS: usize = 1000;
/// Length of a block and of an iv.
const BLOCK: usize = 16;

/// Base64 that does not insist on its `=`.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// See [`crate::World::which_key`].
pub(crate) fn find_key(
    seed: Seed,
    app: &App,
    user: Option<UserNo>,
    encrypted_data: &str,
    iv: &str,
    believed: Option<&str>,
) -> KeyFinding {
    let (data, mut data_damage) = mend(encrypted_data);
    let (iv, mut iv_damage) = mend(iv);
    let iv = <[u8; BLOCK]>::try_from(iv).map(Iv::new).ok();
    if iv.is_none() && !iv_damage.contains(&Damage::NeverSent) {
        iv_damage.push(Damage::IvLength);
    }
    let whole = data.len() - data.len() % BLOCK;
    if whole < data.len() && !data_damage.contains(&Damage::Abridged) {
        data_damage.push(Damage::Truncated);
    }
    let payload = Payload {
        blocks: &data[..whole],
        iv,
    };
    let believed_key = believed.map(|text| SessionKey::from_base64(text).ok());
    let found = search(seed, app, user, &payload, believed_key.flatten());
    if let Some(found) = &found {
        match found.fit {
            Fit::Whole => {}
            Fit::ButFirstBlock if payload.iv.is_some() => {
                iv_damage.push(Damage::IvOfAnotherPayload)
            }
            Fit::ButFirstBlock => {}
            Fit::Beginning
                if !data_damage
                    .iter()
                    .any(|d| matches!(d, Damage::Truncated | Damage::Abridged)) =>
            {
                data_damage.push(Damage::Truncated)
            }
            Fit::Beginning => {}
        }
    }
    let opener = found.as_ref().map(|found| found.opener(app));
    let believed = believed_key.map(|key| judge(app, user, key, found.as_ref()));
    let plaintext = found
        .as_ref()
        .map(|found| String::from_utf8_lossy(&found.plaintext).into_owned());
    let explanation = explain(opener.as_ref(), &data_damage, &iv_damage, believed.as_ref());
    KeyFinding {
        opener,
        plaintext,
        data_damage,
        iv_damage,
        believed,
        explanation,
    }
}

/// What JavaScript, Python and Java make of a value that is not there.
const NOTHINGS: [&str; 7] = [
    "",
    "undefined",
    "null",
    "nil",
    "None",
    "NaN",
    "[object Object]",
];

/// Undoes what transports do to base64, and says what that was. Gives no bytes if nothing helps.
fn mend(text: &str) -> (Vec<u8>, Vec<Damage>) {
    if NOTHINGS.contains(&text.trim()) {
        return (Vec::new(), vec![Damage::NeverSent]);
    }
    let mut damage = Vec::new();
    let mut text = text.to_owned();
    if let Some(cut) = text.find('…').or_else(|| text.find("...")) {
        text.truncate(cut);
        damage.push(Damage::Abridged);
    }
    if text.contains("\\/") {
        text = text.replace("\\/", "/");
        damage.push(Damage::JsonEscaped);
    }
    for found in [Damage::UrlEncoded, Damage::UrlEncodedTwice] {
        if let Some(decoded) = percent_decode(&text) {
            text = decoded;
            damage.retain(|known| *known != Damage::UrlEncoded);
            damage.push(found);
        }
    }
    if text.contains(['\r', '\n', '\t']) || text.trim() != text {
        text = text.trim().replace(['\r', '\n', '\t'], "");
        damage.push(Damage::Whitespace);
    }
    if text.contains(' ') {
        text = text.replace(' ', "+");
        damage.push(Damage::PlusBecameSpace);
    }
    if text.contains(['-', '_']) {
        text = text.replace('-', "+").replace('_', "/");
        damage.push(Damage::UrlSafeAlphabet);
    }
    // A lone character at the end carries no whole byte: the text was cut there. Bytes, because foreign text may hold
    // characters of several.
    let bare = text.trim_end_matches('=').len();
    let cut = usize::from(bare % 4 == 1);
    match LENIENT.decode(&text.as_bytes()[..bare - cut]) {
        Ok(bytes) => {
            if !text.len().is_multiple_of(4) && cut == 0 && bytes.len().is_multiple_of(BLOCK) {
                damage.push(Damage::PaddingLost);
            }
            (bytes, damage)
        }
        Err(_) => {
            damage.push(Damage::NotBase64);
            (Vec::new(), damage)
        }
    }
}

/// One layer of percent-encoding undone; `None` if there is none.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let mut found = false;
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| {
                let mut byte = [0];
                hex::decode_to_slice(digits, &mut byte)
                    .ok()
                    .map(|()| byte[0])
            });
        match escaped {
            Some(byte) => {
                found = true;
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    if found {
        String::from_utf8(out).ok()
    } else {
        None
    }
}

/// Whole blocks, and the iv if it has the right length.
struct Payload<'a> {
    blocks: &'a [u8],
    iv: Option<Iv>,
}

/// How well a key fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Only the beginning is right: the end is missing.
    Beginning,
    /// Everything is right but the first block, which the iv decides.
    ButFirstBlock,
    /// Everything is right.
    Whole,
}

/// Tries a key; gives what it shows if that is open data.
fn try_key(payload: &Payload<'_>, key: &SessionKey) -> Option<(Fit, Vec<u8>)> {
    if payload.blocks.is_empty() {
        return None;
    }
    if !may_fit(payload, key) {
        return None;
    }
    let iv = payload.iv.unwrap_or(Iv::new([0; BLOCK]));
    let cipher = cbc::Decryptor::<Aes128>::new(key.bytes().into(), iv.bytes().into());
    let plain = cipher
        .decrypt_padded_vec::<NoPadding>(payload.blocks)
        .ok()?;
    if let Some(body) = unpad(&plain) {
        if payload.iv.is_some()
            && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
            && body.starts_with(b"{")
        {
            return Some((Fit::Whole, body.to_vec()));
        }
        let tail = body.get(BLOCK..).map(std::str::from_utf8);
        if let Some(Ok(tail)) = tail
            && tail.ends_with("}}")
            && tail.contains("appid")
        {
            return Some((Fit::ButFirstBlock, tail.as_bytes().to_vec()));
        }
    }
    // Three blocks of printable text do not come about by chance; fewer may.
    let begins = payload.iv.is_some() && plain.starts_with(b"{\"") && plain.len() >= 3 * BLOCK;
    let readable = String::from_utf8_lossy(&plain);
    let broken = readable
        .chars()
        .rev()
        .skip(1)
        .any(|c| c == char::REPLACEMENT_CHARACTER || c.is_control());
    (begins && !broken).then_some((Fit::Beginning, plain))
}

/// Two blocks tell nearly every wrong key from the right one: with a million users that matters.
fn may_fit(payload: &Payload<'_>, key: &SessionKey) -> bool {
    let decrypt = |iv: &[u8; BLOCK], block: &[u8]| {
        let cipher = cbc::Decryptor::<Aes128>::new(key.bytes().into(), iv.into());
        cipher
            .decrypt_padded_vec::<NoPadding>(block)
            .unwrap_or_default()
    };
    let begins = payload
        .iv
        .is_some_and(|iv| decrypt(iv.bytes(), &payload.blocks[..BLOCK]).starts_with(b"{\""));
    let last = payload.blocks.len() - BLOCK;
    let before = last
        .checked_sub(BLOCK)
        .and_then(|from| payload.blocks[from..last].try_into().ok());
    let before = before
        .or_else(|| payload.iv.map(|iv| *iv.bytes()))
        .unwrap_or([0; BLOCK]);
    begins || unpad(&decrypt(&before, &payload.blocks[last..])).is_some()
}

/// The text before its PKCS#7 padding, if that is right.
fn unpad(plain: &[u8]) -> Option<&[u8]> {
    let pad = usize::from(*plain.last()?);
    let body = plain
        .len()
        .checked_sub(pad)
        .filter(|_| (1..=BLOCK).contains(&pad))?;
    plain[body..]
        .iter()
        .all(|byte| usize::from(*byte) == pad)
        .then_some(&plain[..body])
}

/// Whose key it is that fits.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Issued(UserNo, KeyNo),
    NeverIssued(UserNo, u32),
    Stranger,
}

struct Found {
    owner: Owner,
    fit: Fit,
    plaintext: Vec<u8>,
}

impl Found {
    fn opener(&self, app: &App) -> Opener {
        let named = |no| app.users.get(no).map(|user| (user, user.name.clone()));
        match self.owner {
            Owner::Stranger => Opener::Stranger,
            Owner::NeverIssued(no, number) => named(no).map_or(Opener::Stranger, |(_, user)| {
                Opener::NeverIssued { user, number }
            }),
            Owner::Issued(no, key) => named(no)
                .and_then(|(user, name)| {
                    let view = user.key_view(key, &app.policy_of(user))?;
                    Some(Opener::Issued {
                        user: name,
                        no: key,
                        current: view.current,
                        displaced_at: view.displaced_at,
                        displaced_by: view.displaced_by,
                        expired_at: view.expired_at,
                    })
                })
                .unwrap_or(Opener::Stranger),
        }
    }
}

/// The best fit among all keys there are: the named user's first, then everybody's, those never issued, the believed one.
fn search(
    seed: Seed,
    app: &App,
    user: Option<UserNo>,
    payload: &Payload<'_>,
    believed: Option<SessionKey>,
) -> Option<Found> {
    let first = user.and_then(|no| Some((no, app.users.get(no)?)));
    let everybody = || {
        first
            .into_iter()
            .chain(app.users.iter().filter(move |(no, _)| Some(*no) != user))
    };
    let issued = everybody().flat_map(|(no, user)| {
        // The newest is the likeliest.
        let keys: Vec<_> = user.ring.all().collect();
        keys.into_iter()
            .rev()
            .map(move |(key_no, key)| (Owner::Issued(no, key_no), key.session_key))
    });
    let never = everybody()
        .take(if user.is_some() {
            1
        } else {
            NEVER_ISSUED_USERS
        })
        .flat_map(|(no, user)| {
            (0..NEVER_ISSUED_TRIED).map(move |n| {
                (
                    Owner::NeverIssued(no, n),
                    values::never_issued_key(seed, &app.id, &user.name, n),
                )
            })
        });
    let mut best: Option<Found> = None;
    for (owner, key) in issued
        .chain(never)
        .chain(believed.map(|key| (Owner::Stranger, key)))
    {
        let Some((fit, plaintext)) = try_key(payload, &key) else {
            continue;
        };
        if best.as_ref().is_none_or(|best| fit > best.fit) {
            best = Some(Found {
                owner,
                fit,
                plaintext,
            });
        }
        if fit == Fit::Whole {
            break;
        }
    }
    best
}

/// What is the matter with the key somebody believed in.
fn judge(
    app: &App,
    user: Option<UserNo>,
    believed: Option<SessionKey>,
    found: Option<&Found>,
) -> Believed {
    let Some(believed) = believed else {
        return Believed::NotAKey;
    };
    if let Some(Found {
        owner: Owner::Stranger,
        ..
    }) = found
    {
        return Believed::Right;
    }
    let Some((owner, no, key)) = owner_of(app, user, &believed) else {
        return Believed::Unknown;
    };
    let name = |user: &User| user.name.clone();
    match found.map(|found| found.owner) {
        Some(Owner::Issued(opener, opener_key))
            if app
                .users
                .get(opener)
                .is_some_and(|user| user.name == owner.name) =>
        {
            if opener_key == no {
                return Believed::Right;
            }
            let view = owner.key_view(no, &app.policy_of(owner));
            match view.and_then(|view| view.displaced_by.zip(view.displaced_at)) {
                Some((by, at)) if no < opener_key => Believed::Superseded { no, by, at },
                _ if no < opener_key => Believed::Superseded {
                    no,
                    by: opener_key,
                    at: issued(owner, opener_key, key),
                },
                _ => Believed::Newer { no },
            }
        }
        Some(_) => Believed::OtherUser {
            user: name(owner),
            no,
        },
        None => Believed::PayloadBroken {
            user: name(owner),
            no,
        },
    }
}

/// When the key that sealed was issued: the moment an expired but never displaced key was overtaken.
fn issued(user: &User, no: KeyNo, fallback: &Key) -> UnixMs {
    user.ring
        .issued_at(no)
        .unwrap_or_else(|| fallback.issued_at())
}

fn owner_of<'a>(
    app: &'a App,
    user: Option<UserNo>,
    key: &SessionKey,
) -> Option<(&'a User, KeyNo, &'a Key)> {
    let first = user.and_then(|no| Some((no, app.users.get(no)?)));
    let mut everybody = first.into_iter().chain(app.users.iter());
    everybody.find_map(|(_, user)| {
        user.ring
            .all()
            .find(|(_, held)| held.session_key == *key)
            .map(|(no, held)| (user, no, held))
    })
}

fn explain(
    opener: Option<&Opener>,
    data: &[Damage],
    iv: &[Damage],
    believed: Option<&Believed>,
) -> String {
    let mut sentences = Vec::new();
    sentences.push(match opener {
        Some(Opener::Issued {
            user,
            no,
            current: true,
            ..
        }) => {
            format!("It opens under {no} of {user}, the key in force.")
        }
        Some(Opener::Issued {
            user,
            no,
            displaced_by: Some(by),
            displaced_at: Some(at),
            ..
        }) => {
            format!("It opens under {no} of {user}, which {by} displaced at {at}.")
        }
        Some(Opener::Issued {
            user,
            no,
            expired_at: Some(at),
            ..
        }) => {
            format!("It opens under {no} of {user}, which expired at {at}.")
        }
        Some(Opener::Issued { user, no, .. }) => {
            format!("It opens under {no} of {user}, which is not in force.")
        }
        Some(Opener::NeverIssued { user, number }) => {
            format!(
                "It opens under a key WeChat never issued (number {number} of the phone of {user})."
            )
        }
        Some(Opener::Stranger) => {
            "It opens under the key you named, which this app never issued.".to_owned()
        }
        None => "No key of this app opens it.".to_owned(),
    });
    for (what, damage) in [("encryptedData", data), ("iv", iv)] {
        sentences.extend(
            damage
                .iter()
                .map(|damage| format!("{what}: {}.", damage.words())),
        );
    }
    sentences.extend(believed.map(Believed::words));
    sentences.join(" ")
}

impl Damage {
    /// What happened and what to do about it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::PlusBecameSpace => {
                "every + arrived as a space; send base64 as JSON or percent-encode it"
            }
            Self::UrlEncoded => {
                "it is still percent-encoded; decode it once more or encode it once less"
            }
            Self::UrlEncodedTwice => "it is percent-encoded twice",
            Self::JsonEscaped => {
                "slashes still carry the backslash of JSON; parse the JSON instead of cutting it out"
            }
            Self::Whitespace => "white space was put in",
            Self::UrlSafeAlphabet => "it uses - and _ instead of + and /",
            Self::PaddingLost => "the = at the end are gone",
            Self::Truncated => "its end is missing; look at column widths and body limits",
            Self::NeverSent => {
                "no payload was sent: this is empty, or the text of a value that was not there (`undefined`); the person may have refused, so look at errMsg in the page's callback before sending"
            }
            Self::Abridged => "the text was cut at an ellipsis; paste it whole",
            Self::NotBase64 => "it is not base64",
            Self::IvLength => "it does not have 16 bytes",
            Self::IvOfAnotherPayload => {
                "it belongs to another payload: only the first 16 bytes come out wrong"
            }
        }
    }
}

impl Believed {
    fn words(&self) -> String {
        match self {
            Self::Right => "The key you believe in is the right one.".to_owned(),
            Self::NotAKey => {
                "What you believe in is not a session_key: want base64 of 16 bytes.".to_owned()
            }
            Self::Superseded { no, by, at } => {
                format!(
                    "The key you believe in is {no}, superseded by {by} at {at}, before the payload was sealed."
                )
            }
            Self::Newer { no } => format!(
                "The key you believe in is {no}, newer than the payload: it was captured before that login, so capture again."
            ),
            Self::OtherUser { user, no } => {
                format!("The key you believe in is {no} of {user}, somebody else's.")
            }
            Self::Unknown => "The key you believe in was never issued by this app.".to_owned(),
            Self::PayloadBroken { user, no } => {
                format!(
                    "The key you believe in is {no} of {user}, but the payload is broken: nothing opens it."
                )
            }
        }
    }
}

//! What became of a payload: which key opens it, why the one somebody believed in does not, what was done to the texts on
//! their way, and which key made the signature beside them.
//!
//! AES-CBC has no checksum, so "opens" is judged by what comes out: open data is JSON that begins with a brace and ends with
//! a watermark. A payload that never held such JSON cannot be told from one under a strange key.

mod believed;
mod cut;
mod damage;
mod keys;
mod open;
mod pasted;
mod signature;
mod words;

use serde::{Deserialize, Serialize};

pub use believed::Believed;
pub use cut::Cut;
pub use damage::Damage;
pub use keys::Opener;
pub use pasted::{Found as PastedFrom, Pasted};
pub use signature::{RawDataChange, Recipe, SignatureFinding};

pub(crate) use damage::percent_decode;
pub(crate) use keys::Place;

use crate::{Iv, SessionKey, state::Core};
use believed::Belief;
use damage::{Mended, mend};
use keys::{Found, owner_of};
use open::{BLOCK, Fit, Payload};

/// Texts to find out about, as they were received. Every one may be damaged, or something else than its name says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// `encryptedData`.
    pub encrypted_data: Option<&'a str>,
    /// `iv`.
    pub iv: Option<&'a str>,
    /// The session_key the backend used.
    pub believed: Option<&'a str>,
    /// `rawData`.
    pub raw_data: Option<&'a str>,
    /// `signature`.
    pub signature: Option<&'a str>,
}

/// What became of a payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFinding {
    /// Whether there was a payload to open: encryptedData or iv.
    pub has_payload: bool,
    /// Which key opened it, if any did.
    pub opener: Option<Opener>,
    /// What it says, if it was opened.
    pub plaintext: Option<String>,
    /// What had to be undone in `encryptedData`, or what is wrong with it.
    pub data_damage: Vec<Damage>,
    /// What had to be undone in `iv`, or what is wrong with it.
    pub iv_damage: Vec<Damage>,
    /// How much is missing, if it was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// Why the believed key does not open it; absent if none was named or there is no payload.
    pub believed: Option<Believed>,
    /// What had to be undone in the believed key, or what it is instead of a key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub believed_damage: Vec<Damage>,
    /// Whether the believed key is wrong and yet ends the payload in valid padding.
    #[serde(default)]
    pub believed_unpads: bool,
    /// What the signature tells; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureFinding>,
}

impl KeyFinding {
    /// Whether the payload opens whole, if need be mended, under the believed key if one was named and with that key as it
    /// stands, and the signature, if there is one, was made by WeChat's recipe over exactly this rawData.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let payload = !self.has_payload
            || self.opener.is_some()
                && self.cut.is_none()
                && !self.data_damage.contains(&Damage::Abridged)
                && !self.data_damage.contains(&Damage::BeginningMissing);
        let believed = self
            .believed
            .as_ref()
            .is_none_or(|believed| *believed == Believed::Right)
            && self.believed_damage.is_empty();
        let signature = self.signature.as_ref().is_none_or(|signature| {
            matches!(
                signature,
                SignatureFinding::Made { recipe: Recipe::Sha1 | Recipe::Hmac | Recipe::HmacOfNothing, changes, believed, .. }
                    if changes.is_empty() && *believed != Some(false)
            )
        });
        payload && believed && signature
    }
}

/// See [`crate::World::which_key`].
pub(crate) fn find_key(core: &Core, place: Place, evidence: &Evidence<'_>) -> KeyFinding {
    let has_payload = evidence.encrypted_data.is_some() || evidence.iv.is_some();
    let belief = evidence.believed.map(Belief::read);
    let signature = evidence
        .signature
        .map(|text| signature::find(core, place, text, evidence.raw_data, belief.as_ref()));
    let mut finding = KeyFinding {
        has_payload,
        opener: None,
        plaintext: None,
        data_damage: Vec::new(),
        iv_damage: Vec::new(),
        cut: None,
        believed: None,
        believed_damage: belief
            .as_ref()
            .map(|belief| belief.damage.clone())
            .unwrap_or_default(),
        believed_unpads: false,
        signature,
    };
    if has_payload {
        open_payload(core, place, evidence, belief.as_ref(), &mut finding);
    }
    finding
}

/// Fills in what the payload tells.
fn open_payload(
    core: &Core,
    place: Place,
    evidence: &Evidence<'_>,
    belief: Option<&Belief>,
    finding: &mut KeyFinding,
) {
    let (mut data, mut iv) = (
        mend(evidence.encrypted_data.unwrap_or_default()),
        mend(evidence.iv.unwrap_or_default()),
    );
    if data.bytes.len() == BLOCK && iv.bytes.len() > BLOCK && iv.bytes.len().is_multiple_of(BLOCK) {
        std::mem::swap(&mut data, &mut iv);
        data.note(Damage::Swapped);
    }
    let iv_bytes = <[u8; BLOCK]>::try_from(iv.bytes.as_slice())
        .map(Iv::new)
        .ok();
    let is_other = iv
        .damage
        .last()
        .is_some_and(|damage| damage.is_another_thing());
    if iv_bytes.is_none() && !is_other {
        iv.note(Damage::IvLength);
    }
    let whole = data.bytes.len() - data.bytes.len() % BLOCK;
    if whole < data.bytes.len() && !data.has(Damage::Abridged) {
        data.note(Damage::Truncated);
    }
    name_keys(core, place, &mut data, &mut iv);
    let bytes = std::mem::take(&mut data.bytes);
    let payload = Payload {
        blocks: &bytes[..whole],
        iv: iv_bytes,
    };
    let believed = belief.and_then(|belief| belief.key);
    let mut found = keys::search(core, place, &payload, believed);
    if let Some(found) = &found {
        note_fit(found, &payload, &mut data, &mut iv);
    } else {
        found = open_end(core, place, evidence.encrypted_data, believed);
        if found.is_some() {
            data.damage
                .retain(|damage| !matches!(damage, Damage::Truncated | Damage::PaddingLost));
            data.note(Damage::BeginningMissing);
        }
    }
    finding.opener = found
        .as_ref()
        .map(|found| found.owner.describe(core, place));
    finding.believed =
        belief.map(|belief| believed::judge(core, place, belief, &payload, found.as_ref()));
    finding.believed_unpads = finding
        .believed
        .as_ref()
        .zip(belief)
        .is_some_and(|(verdict, belief)| believed::is_twin(verdict, belief, &payload));
    data.bytes = bytes;
    let opened = found
        .as_ref()
        .map(|found| (found.owner, found.plaintext.as_slice()));
    finding.cut = cut::measure(core, &data, opened);
    finding.plaintext = found.map(|found| String::from_utf8_lossy(&found.plaintext).into_owned());
    finding.data_damage = data.damage;
    finding.iv_damage = iv.damage;
}

/// Bytes of a group of base64.
const GROUP: usize = 3;

/// Opens what is left of a payload whose beginning is missing. Blocks and groups of base64 are counted from the end then, and the
/// first block that is left comes out wrong.
fn open_end(
    core: &Core,
    place: Place,
    text: Option<&str>,
    believed: Option<SessionKey>,
) -> Option<Found> {
    let text = text?.trim();
    let lost = (4 - text.len() % 4) % 4;
    // Any letter does: what it stands for is not looked at.
    let bytes = mend(&format!("{}{text}", &"AAA"[..lost])).bytes;
    let mut over = bytes.len() % BLOCK;
    if lost > 0 && over < GROUP {
        // The group that was made whole is not the payload's.
        over += BLOCK;
    }
    let payload = Payload {
        blocks: bytes.get(over..).unwrap_or_default(),
        iv: None,
    };
    keys::search(core, place, &payload, believed)
}

/// Sixteen bytes that are somebody's session_key are one, wherever they stand.
fn name_keys(core: &Core, place: Place, data: &mut Mended, iv: &mut Mended) {
    for text in [data, iv] {
        let key = <[u8; BLOCK]>::try_from(text.bytes.as_slice()).map(SessionKey::new);
        if key.is_ok_and(|key| owner_of(core, place, &key).is_some()) {
            text.note(Damage::IsSessionKey);
        }
    }
}

/// What it means for the texts that a key fits only in part.
fn note_fit(found: &Found, payload: &Payload<'_>, data: &mut Mended, iv: &mut Mended) {
    match found.fit {
        Fit::Whole => {}
        Fit::ButFirstBlock => {
            if payload.iv.is_some() && !iv.has(Damage::IsSessionKey) {
                iv.note(Damage::IvOfAnotherPayload);
            }
        }
        Fit::Beginning => {
            if !data.has(Damage::Abridged) {
                data.note(Damage::Truncated);
            }
        }
    }
}

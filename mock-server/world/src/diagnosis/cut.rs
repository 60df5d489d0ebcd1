//! How much of a payload that was cut off is missing.

use serde::{Deserialize, Serialize};

use super::{
    damage::{Damage, Mended},
    keys::Owner,
    open::BLOCK,
};
use crate::{
    UnixMs,
    payload::{self, Made},
    state::Core,
};

/// What arrived of a text that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Characters of base64 that arrived, without white space that was put in.
    pub characters: usize,
    /// Bytes of ciphertext they come to.
    pub bytes: usize,
    /// Bytes of ciphertext that are missing at least; exactly so many if [`Cut::is_exact`].
    pub missing: usize,
    /// Whether the whole length is known: the payload begins like one that person's phone makes.
    pub is_exact: bool,
}

impl Cut {
    /// Characters the whole text has, if that is known.
    #[must_use]
    pub fn whole_characters(&self) -> Option<usize> {
        self.is_exact
            .then(|| (self.bytes + self.missing).div_ceil(3) * 4)
    }

    /// Whether so many characters are a usual width of a column or a buffer.
    #[must_use]
    pub fn is_usual_width(&self) -> bool {
        const WIDTHS: [usize; 11] = [100, 128, 200, 250, 255, 256, 500, 512, 1000, 1024, 2048];
        WIDTHS.contains(&self.characters)
    }
}

/// How much is missing; `None` if the payload was not cut.
pub(super) fn measure(core: &Core, data: &Mended, opened: Option<(Owner, &[u8])>) -> Option<Cut> {
    if !data.has(Damage::Truncated) {
        return None;
    }
    let (characters, bytes) = (data.characters, data.bytes.len());
    let whole = opened
        .and_then(|(owner, plain)| whole_length(core, owner, plain))
        .filter(|whole| *whole > bytes);
    let least = match bytes % BLOCK {
        0 => BLOCK,
        over => BLOCK - over,
    };
    Some(Cut {
        characters,
        bytes,
        missing: whole.map_or(least, |whole| whole - bytes),
        is_exact: whole.is_some(),
    })
}

/// Bytes of ciphertext of the payload that begins so, if it is one the owner's phone makes today: moments differ from one
/// payload to the next, but not in length.
fn whole_length(core: &Core, owner: Owner, begins: &[u8]) -> Option<usize> {
    let (Owner::Issued(app, user, _) | Owner::NeverIssued(app, user, _)) = owner else {
        return None;
    };
    let app = core.app(app)?;
    let user = app.users.get(user)?;
    let made = Made {
        // Any moment of these decades has as many digits.
        at: UnixMs(1_700_000_000_000),
        app: app.id.as_str(),
    };
    let unionid = user.unionid(core.seed, app.open_platform);
    let identity = Some((&user.openid, unionid.as_ref()));
    let (own, anonymous) = (user.profile(core.seed), payload::anonymous_profile());
    let texts = [
        payload::profile(made, &own, identity),
        payload::profile(made, &own, None),
        payload::profile(made, &anonymous, identity),
        payload::profile(made, &anonymous, None),
        payload::phone(made, &user.phone(core.seed)),
        payload::werun(made, &user.steps(core.seed)),
    ];
    let text = texts.iter().find(|text| agree(text.as_bytes(), begins))?;
    // Padding is 1 to 16 bytes.
    Some(text.len() / BLOCK * BLOCK + BLOCK)
}

/// Whether a payload begins like that, digits aside: they are moments and steps.
fn agree(whole: &[u8], begins: &[u8]) -> bool {
    let same = |(a, b): (&u8, &u8)| a == b || (a.is_ascii_digit() && b.is_ascii_digit());
    whole.len() >= begins.len() && whole.iter().zip(begins).all(same)
}

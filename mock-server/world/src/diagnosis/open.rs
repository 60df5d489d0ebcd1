//! Trying one key on one payload, and telling open data from garbage.

use aes::Aes128;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::NoPadding};

use crate::{Iv, SessionKey};

/// Length of a block and of an iv, in bytes.
pub(super) const BLOCK: usize = 16;

/// Whole blocks, and the iv if it has the right length.
pub(super) struct Payload<'a> {
    pub(super) blocks: &'a [u8],
    pub(super) iv: Option<Iv>,
}

/// How well a key fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// Only the beginning is right: the end is missing.
    Beginning,
    /// Everything is right but the first block, which the iv decides.
    ButFirstBlock,
    /// Everything is right.
    Whole,
}

/// Tries a key; gives what it shows if that is open data.
pub(super) fn try_key(payload: &Payload<'_>, key: &SessionKey) -> Option<(Fit, Vec<u8>)> {
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

/// Whether the payload ends in valid padding under this key, whatever else comes out.
pub(super) fn unpads(payload: &Payload<'_>, key: &SessionKey) -> bool {
    if payload.blocks.is_empty() {
        return false;
    }
    let iv = payload.iv.unwrap_or(Iv::new([0; BLOCK]));
    let cipher = cbc::Decryptor::<Aes128>::new(key.bytes().into(), iv.bytes().into());
    let plain = cipher.decrypt_padded_vec::<NoPadding>(payload.blocks);
    plain.is_ok_and(|plain| unpad(&plain).is_some())
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

//! `POST /wxa/set_user_storage` and `/wxa/remove_user_storage`: data a mini game keeps with a person, signed by their key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{World, Wx};
use crate::{
    Command, SignedRequest, UnixMs,
    errcode::{DATA_FORMAT, STORAGE_KEY_LONG, STORAGE_PAIR_LONG, STORAGE_PAIRS_MANY},
};

/// Most pairs a person may have in one app. This and the two below: official page.
const MOST_PAIRS: usize = 128;
/// Most bytes of key and value together.
const LONGEST_PAIR: usize = 1_024;
/// Most bytes of a key.
const LONGEST_KEY: usize = 128;

/// A person's data, by key.
pub(crate) type Storage = BTreeMap<String, String>;

/// What was read of a body; the signature is over its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageBody<T> {
    /// The bytes as they came.
    pub exact: Vec<u8>,
    /// What they say; `None` if they are not the JSON this endpoint wants.
    pub read: Option<T>,
}

/// `POST /wxa/set_user_storage`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetUserStorage {
    /// The query.
    pub signed: SignedRequest,
    /// `kv_list`.
    pub body: StorageBody<Vec<(String, String)>>,
}

/// `POST /wxa/remove_user_storage`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveUserStorage {
    /// The query.
    pub signed: SignedRequest,
    /// `key`.
    pub body: StorageBody<Vec<String>>,
}

impl World {
    /// Keeps pairs of a person, all or none.
    ///
    /// 40003, 87008 and 87009 as for checksession, the signature over the exact body; then 47001 for a body that is not the JSON
    /// wanted, 87019, 87016 and 87018 for the published limits. 87017, "too much data", has no published limit and is not sent.
    pub fn set_user_storage(&mut self, now: UnixMs, q: &SetUserStorage) -> Wx<()> {
        self.record(now, || Command::SetUserStorage(q.clone()));
        let token = &q.signed.access_token;
        self.with_token(now, "set_user_storage", token, |turn| {
            let no = turn.signer_of_body(&q.signed, &q.body.exact)?;
            let pairs = q.body.read.as_ref().ok_or(DATA_FORMAT)?;
            for (key, value) in pairs {
                if key.len() > LONGEST_KEY {
                    return Err(STORAGE_KEY_LONG);
                }
                if key.len() + value.len() > LONGEST_PAIR {
                    return Err(STORAGE_PAIR_LONG);
                }
            }
            let mut storage = turn
                .user(no)
                .storage
                .as_deref()
                .cloned()
                .unwrap_or_default();
            storage.extend(pairs.iter().cloned());
            if storage.len() > MOST_PAIRS {
                return Err(STORAGE_PAIRS_MANY);
            }
            turn.user_mut(no).storage = Some(Box::new(storage));
            Ok(())
        })
    }

    /// Forgets keys of a person; one that is not there is no mistake (assumed).
    pub fn remove_user_storage(&mut self, now: UnixMs, q: &RemoveUserStorage) -> Wx<()> {
        self.record(now, || Command::RemoveUserStorage(q.clone()));
        let token = &q.signed.access_token;
        self.with_token(now, "remove_user_storage", token, |turn| {
            let no = turn.signer_of_body(&q.signed, &q.body.exact)?;
            let keys = q.body.read.as_ref().ok_or(DATA_FORMAT)?;
            if let Some(storage) = &mut turn.user_mut(no).storage {
                storage.retain(|key, _| !keys.contains(key));
            }
            Ok(())
        })
    }
}

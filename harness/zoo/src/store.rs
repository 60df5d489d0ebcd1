//! Users, their latest keys, and sessions. In memory; one lock around it, never held across an await.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sha2::{Digest, Sha256};

use crate::limits::N_KEYS_KEPT;

/// Row number of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UserNo(usize);

impl UserNo {
    /// The id that phones see: `u1`.
    pub(crate) fn public_id(self) -> String {
        format!("u{}", self.0 + 1)
    }
}

/// One account.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) openid: String,
    pub(crate) unionid: Option<String>,
    /// The nickname of the last profile; empty before the first.
    pub(crate) nick_name: String,
    /// Distinct keys as WeChat writes them (base64), the latest to arrive first.
    pub(crate) keys: VecDeque<String>,
}

/// What a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) user: UserNo,
    /// The key that came with this session's own login.
    pub(crate) key: String,
}

/// Everything a backend remembers about people.
#[derive(Debug)]
pub(crate) struct Store {
    users: Vec<User>,
    /// The unique index on openid. A mutant that inserts around it leaves the first row here.
    by_openid: BTreeMap<String, UserNo>,
    pub(crate) sessions: BTreeMap<String, Session>,
    tokens: TokenSource,
}

/// What a successful login gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) token: String,
    pub(crate) user: UserNo,
    /// Never for the phone.
    pub(crate) session_key: String,
}

impl Store {
    pub(crate) fn new(token_secret: &str) -> Self {
        Self {
            users: Vec::new(),
            by_openid: BTreeMap::new(),
            sessions: BTreeMap::new(),
            tokens: TokenSource {
                secret: token_secret.to_owned(),
                n_issued: 0,
            },
        }
    }

    /// The user with this openid, made if there is none: an upsert, atomic under the store's lock.
    pub(crate) fn upsert(&mut self, openid: &str, unionid: Option<&str>) -> UserNo {
        let user = self.find(openid).unwrap_or_else(|| self.insert(openid));
        if let Some(unionid) = unionid {
            self.users[user.0].unionid = Some(unionid.to_owned());
        }
        user
    }

    /// The user with this openid.
    pub(crate) fn find(&self, openid: &str) -> Option<UserNo> {
        self.by_openid.get(openid).copied()
    }

    /// The user phones know under this id.
    pub(crate) fn with_public_id(&self, id: &str) -> Option<UserNo> {
        let mut users = (0..self.users.len()).map(UserNo);
        users.find(|user| user.public_id() == id)
    }

    /// The first user with this nickname.
    pub(crate) fn named(&self, nick_name: &str) -> Option<UserNo> {
        let found = self
            .users
            .iter()
            .position(|user| user.nick_name == nick_name);
        found.map(UserNo)
    }

    /// Writes the user's latest keys.
    pub(crate) fn put_keys(&mut self, user: UserNo, keys: VecDeque<String>) {
        self.users[user.0].keys = keys;
    }

    /// Adds a user without looking whether there is one.
    pub(crate) fn insert(&mut self, openid: &str) -> UserNo {
        let user = UserNo(self.users.len());
        self.users.push(User {
            openid: openid.to_owned(),
            unionid: None,
            nick_name: String::new(),
            keys: VecDeque::new(),
        });
        self.by_openid.entry(openid.to_owned()).or_insert(user);
        user
    }

    /// All openids: what a `SELECT` sees in a snapshot.
    pub(crate) fn openids(&self) -> BTreeSet<String> {
        self.by_openid.keys().cloned().collect()
    }

    pub(crate) fn user(&self, user: UserNo) -> &User {
        &self.users[user.0]
    }

    /// Writes the user's nickname.
    pub(crate) fn rename(&mut self, user: UserNo, nick_name: &str) {
        nick_name.clone_into(&mut self.users[user.0].nick_name);
    }

    /// Puts a key in front of the user's latest keys; an old one that comes again moves to the front.
    pub(crate) fn remember_key(&mut self, user: UserNo, key: &str) {
        let keys = &mut self.users[user.0].keys;
        keys.retain(|kept| kept != key);
        keys.push_front(key.to_owned());
        keys.truncate(N_KEYS_KEPT);
    }

    /// Forgets all keys of the user but this one.
    pub(crate) fn replace_key(&mut self, user: UserNo, key: &str) {
        self.users[user.0].keys = VecDeque::from([key.to_owned()]);
    }

    /// What tokens are made with: known to this backend alone.
    pub(crate) fn token_secret(&self) -> &str {
        &self.tokens.secret
    }

    /// A token nobody can guess from what WeChat or the phone knows.
    pub(crate) fn fresh_token(&mut self) -> String {
        self.tokens.next()
    }
}

/// Session tokens: a counter hashed with a secret of the process, 256 bits in hex.
#[derive(Debug)]
struct TokenSource {
    secret: String,
    n_issued: u64,
}

impl TokenSource {
    fn next(&mut self) -> String {
        self.n_issued += 1;
        let text = format!("session token {} of {}", self.n_issued, self.secret);
        hex::encode(Sha256::digest(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_openid_is_one_user() {
        let mut store = Store::new("secret");
        let first = store.upsert("oA", None);
        assert_eq!(store.upsert("oA", Some("oU")), first);
        assert_eq!(store.user(first).unionid.as_deref(), Some("oU"));
        assert_ne!(store.upsert("oB", None), first);
    }

    #[test]
    fn keeps_the_latest_distinct_keys() {
        let mut store = Store::new("secret");
        let user = store.upsert("oA", None);
        for n in 0..=N_KEYS_KEPT {
            store.remember_key(user, &format!("k{n}"));
        }
        store.remember_key(user, "k3");
        let keys: Vec<_> = store.user(user).keys.iter().map(String::as_str).collect();
        assert_eq!(keys, ["k3", "k8", "k7", "k6", "k5", "k4", "k2", "k1"]);
    }

    #[test]
    fn tokens_differ_by_login_and_by_secret() {
        let (mut one, mut other) = (Store::new("a"), Store::new("b"));
        let tokens = BTreeSet::from([one.fresh_token(), one.fresh_token(), other.fresh_token()]);
        assert_eq!(tokens.len(), 3);
        assert!(tokens.iter().all(|token| token.len() == 64));
    }
}

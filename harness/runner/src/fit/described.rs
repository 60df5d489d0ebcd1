//! What an adapter describes, and which of its operations carries what a case sends.

use std::collections::{BTreeMap, BTreeSet};

use wxmock_adapter::{Adapter, KeyStorage};

/// What an adapter describes, as far as cases ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    ops: BTreeSet<String>,
    /// How the operations that take a person's data are given it.
    data: BTreeMap<String, DataForm>,
    /// Operations that take sealed data where a `+` stays a `+`, such as in JSON.
    plus_stays: BTreeSet<String>,
    /// Whether `userinfo` is described with neither form: nothing in its request comes from a key.
    plain_userinfo: bool,
    /// `features.key_storage = "none"`, and no operation takes data that a key opens.
    keeps_no_key: bool,
}

/// The form in which a person's data can be trusted: what a backend reads, and so what is spoilt to see it refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataForm {
    /// `encryptedData` and `iv`.
    Sealed,
    /// `rawData` and `signature`.
    Signed,
}

/// How a person's data reaches the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    UserInfo,
    PhoneCipher,
    /// With the code of a login: the name of that operation.
    Login(&'static str),
}

impl DataForm {
    /// The form that the request of `op` is described with; `None` for neither. A request with both is taken for sealed.
    pub(crate) fn sent_by(adapter: &Adapter, op: &str) -> Option<Self> {
        if adapter.sends(op, "device.encryptedData") {
            Some(Self::Sealed)
        } else {
            let signed = adapter.sends(op, "device.signature") && op != "phone_cipher";
            signed.then_some(Self::Signed)
        }
    }

    /// Whether the request of `op` is described with both, so that only its answers tell which one is read.
    pub(crate) fn are_both_sent_by(adapter: &Adapter, op: &str) -> bool {
        let sends = |name| adapter.sends(op, name);
        sends("device.encryptedData") && sends("device.signature") && sends("device.rawData")
    }
}

impl Described {
    /// What `adapter` describes.
    #[must_use]
    pub fn of(adapter: &Adapter) -> Self {
        let mut ops: BTreeSet<String> = adapter.ops.keys().cloned().collect();
        let data: BTreeMap<String, DataForm> = ops
            .iter()
            .filter_map(|op| Some((op.clone(), DataForm::sent_by(adapter, op)?)))
            .collect();
        let plain_userinfo = ops.contains("userinfo") && !data.contains_key("userinfo");
        if plain_userinfo {
            ops.remove("userinfo");
        }
        Self {
            plus_stays: ops
                .iter()
                .filter(|op| adapter.sends_plus_as_it_is(op, "device.encryptedData"))
                .cloned()
                .collect(),
            keeps_no_key: adapter.features.key_storage == KeyStorage::None && data.is_empty(),
            ops,
            data,
            plain_userinfo,
        }
    }

    /// The same, where these operations were seen to read the signed data of requests that carry both forms.
    #[must_use]
    pub fn reading_signed(mut self, ops: &BTreeSet<String>) -> Self {
        let signed = ops.iter().map(|op| (op.clone(), DataForm::Signed));
        self.data.extend(signed);
        self
    }

    /// Some operations, by name.
    #[must_use]
    pub fn ops(names: &[&str]) -> Self {
        let takes_data =
            |name: &&&str| matches!(**name, "userinfo" | "phone_cipher" | "login_profile");
        Self {
            ops: names.iter().map(|&name| name.to_owned()).collect(),
            data: names
                .iter()
                .filter(takes_data)
                .map(|&name| (name.to_owned(), DataForm::Sealed))
                .collect(),
            plus_stays: BTreeSet::new(),
            plain_userinfo: false,
            keeps_no_key: false,
        }
    }

    /// The same with one operation more.
    #[must_use]
    pub fn and(&self, op: &str) -> Self {
        let more = Self::ops(&[op]);
        let mut all = self.clone();
        all.ops.extend(more.ops);
        all.data.extend(more.data);
        all
    }

    /// Whether operation `op` is described, and its request with something that says by itself whose data it brings, if it is to
    /// bring data.
    #[must_use]
    pub fn has(&self, op: &str) -> bool {
        self.ops.contains(op)
    }

    /// Whether the backend has no use for a session_key, and says so: what is sealed under one is no matter of its.
    pub(super) const fn keeps_no_key(&self) -> bool {
        self.keeps_no_key
    }

    /// Whether `userinfo` is described, and nothing that it sends comes from a key.
    pub(super) const fn has_plain_userinfo(&self) -> bool {
        self.plain_userinfo
    }

    /// Whether sealed data that `op` sends is in no form and no query.
    pub(super) fn keeps_plus(&self, op: &str) -> bool {
        self.plus_stays.contains(op)
    }

    /// Whether `op` reads signed data and no sealed.
    pub(super) fn reads_signed(&self, op: &str) -> bool {
        self.data.get(op) == Some(&DataForm::Signed)
    }

    /// The operation a login goes by that cannot do without a person's data.
    pub(super) fn sealed_login(&self) -> Option<&'static str> {
        match (self.has("login"), self.has("login_profile")) {
            (true, _) => self.data.contains_key("login").then_some("login"),
            (false, described) => described.then_some("login_profile"),
        }
    }

    pub(super) fn carrier(&self) -> Option<Carrier> {
        if self.has("userinfo") {
            return Some(Carrier::UserInfo);
        }
        if self.has("phone_cipher") {
            return Some(Carrier::PhoneCipher);
        }
        let profile = self.has("login_profile").then_some("login_profile");
        profile.or_else(|| self.sealed_login()).map(Carrier::Login)
    }

    /// The same for a case that says which operation has to carry the data.
    ///
    /// # Errors
    /// What has to be described for it.
    pub(super) fn carrier_for(
        &self,
        payload: Option<&str>,
    ) -> Result<Option<Carrier>, Vec<String>> {
        let carrier = match payload {
            None => return Ok(self.carrier()),
            Some("userinfo") => self.has("userinfo").then_some(Carrier::UserInfo),
            Some("phone_cipher") => self.has("phone_cipher").then_some(Carrier::PhoneCipher),
            Some(_) => {
                let profile = self.has("login_profile").then_some("login_profile");
                profile.or_else(|| self.sealed_login()).map(Carrier::Login)
            }
        };
        match (carrier, payload) {
            (None, Some(payload)) => Err(vec![payload.to_owned()]),
            (carrier, _) => Ok(carrier),
        }
    }

    pub(super) fn meets(&self, need: &str) -> bool {
        match need {
            "login" => self.has("login") || self.has("login_profile"),
            "userinfo" => self.carrier().is_some(),
            other => self.has(other),
        }
    }
}

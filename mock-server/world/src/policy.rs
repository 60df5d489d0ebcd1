//! WeChat's unpublished rules as data: what may happen, not what does. Knows nothing of users, keys or time passing.
//!
//! Every knob has a value ([`Policy`]) and a partial override ([`PolicyPatch`]); the effective policy of a user is the app's
//! policy with the user's patch on top. A change holds for what happens from then on: a key keeps the expiry it was issued
//! with until it is next renewed, a code the lifetime it was minted with.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Preset, Span};

/// The event that may create a new session_key. A login without any live key creates one whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotate {
    /// `wx.login`. Source: official wx.checkSession page ("an operation that obtains a code").
    Login,
    /// The exchange of a code at jscode2session. Not documented; older clients assume it.
    Exchange,
    /// Nothing while a live key exists.
    Never,
}

/// Which key an exchange reveals when a newer one exists. Not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeReturns {
    /// The key of the code's own login, even if it has been displaced since. "At issue" fits the official wording.
    Bound,
    /// The newest key.
    Current,
}

/// When a key made by a login displaces the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivateOn {
    /// At once.
    Issue,
    /// When the login's code is exchanged; until then phones encrypt with the older key. A first key is active at once.
    Exchange,
}

/// Who shares a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// One key per (app, user), shared by all devices. Official: "only one key is valid per user".
    User,
    /// One key per (app, user, device). Not documented.
    Device,
}

/// What counts as use and pushes a key's idle expiry back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewOn {
    /// `wx.login` that keeps the key.
    Login,
    /// An exchange that reveals the key.
    Exchange,
    /// The phone uses the key: an encrypted capture or a successful `wx.checkSession`.
    Activity,
}

/// The order of the fields of a success body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldOrder {
    /// WeChat's own, as captured.
    Wechat,
    /// WeChat's own backwards.
    Reversed,
    /// By name.
    Sorted,
}

/// Defines a group of knobs and its partial override from one list, so that they cannot drift apart.
macro_rules! knobs {
    (
        $(#[$doc:meta])* $name:ident, $(#[$patch_doc:meta])* $patch:ident
        { $( $(#[$field_doc:meta])* $field:ident : $ty:ty $(, via $via:literal)? ; )* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $( $(#[$field_doc])* pub $field: $ty, )* }

        $(#[$patch_doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $patch {
            $(
                $(#[$field_doc])*
                #[serde(skip_serializing_if = "Option::is_none" $(, deserialize_with = $via)?)]
                pub $field: Option<$ty>,
            )*
        }

        impl $name {
            fn apply(&mut self, patch: &$patch) {
                $( if let Some(value) = &patch.$field { self.$field.clone_from(value); } )*
            }
        }

        impl $patch {
            fn of(whole: &$name) -> Self {
                Self { $( $field: Some(whole.$field.clone()), )* }
            }

            fn merge(&mut self, newer: &Self) {
                $( if newer.$field.is_some() { self.$field.clone_from(&newer.$field); } )*
            }
        }
    };
}

/// In a patch of an optional knob, a missing field leaves it alone and `null` switches it off.
pub(crate) fn set_or_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(input).map(Some)
}

knobs! {
    /// How a session_key comes, goes and is revealed.
    SessionKeyPolicy,
    /// Some knobs of [`SessionKeyPolicy`].
    SessionKeyPatch {
        /// The event that may create a new key.
        rotate: Rotate;
        /// A rotation sooner than this after the last issue keeps the key. Measured: above seconds, below about 10 minutes.
        min_interval: Span;
        /// Chance from 0 to 1 that an event that may rotate does; drawn from the seed for each event.
        probability: f64;
        /// Which key an exchange reveals.
        exchange_returns: ExchangeReturns;
        /// When a key made by a login displaces the older one.
        activate_on: ActivateOn;
        /// Who shares a key.
        scope: KeyScope;
        /// Sliding life since the last renewal; more than zero.
        idle_ttl: Span;
        /// Absolute life since issue; more than zero.
        max_ttl: Span;
        /// What renews the sliding life.
        renew_on: Vec<RenewOn>;
        /// Server-side checks still accept a displaced key for this long.
        grace: Span;
    }
}

knobs! {
    /// How a login code lives.
    CodePolicy,
    /// Some knobs of [`CodePolicy`].
    CodePatch {
        /// Life since the mint; more than zero. Official: five minutes.
        ttl: Span;
        /// Whether the first exchange spends it. Official: yes.
        single_use: bool;
        /// Whether an exchange with another app's id spends it. Seen on the sibling endpoint, reported for this one.
        burn_on_wrong_appid: bool;
    }
}

knobs! {
    /// How an access_token lives.
    AccessTokenPolicy,
    /// Some knobs of [`AccessTokenPolicy`].
    AccessTokenPatch {
        /// Life since issue; more than zero. Official: 7200 seconds.
        ttl: Span;
        /// How long a plain token survives its successor, and how long before its end a stable one is renewed. Official: 5 minutes.
        overlap: Span;
        /// A forced refresh of a stable token sooner than this after the last one changes nothing. Official: 30 seconds.
        force_gap: Span;
    }
}

knobs! {
    /// How a phone code lives.
    PhoneCodePolicy,
    /// Some knobs of [`PhoneCodePolicy`].
    PhoneCodePatch {
        /// Life since the tap; more than zero. Official: five minutes.
        ttl: Span;
    }
}

knobs! {
    /// How often WeChat answers; `None` is without limit.
    QuotaPolicy,
    /// Some knobs of [`QuotaPolicy`]; `null` lifts a limit.
    QuotaPatch {
        /// Exchanges of one user in one minute of virtual time, then 45011. An older official page says 100.
        exchanges_per_user_minute: Option<u32>, via "set_or_null";
        /// Plain access_tokens of one app in one day (UTC+8), then 45009. Older quota tables say about 2000.
        token_per_day: Option<u32>, via "set_or_null";
        /// Forced refreshes of the stable token in one day (UTC+8), then 45009. Official: 20.
        force_refresh_per_day: Option<u32>, via "set_or_null";
        /// Calls of one account to one endpoint in one minute of virtual time, then 45011. Every endpoint has a limit of its own,
        /// and few are published.
        calls_per_minute: Option<u32>, via "set_or_null";
        /// Calls of one account to one endpoint in one day (UTC+8), then 45009. As above.
        calls_per_day: Option<u32>, via "set_or_null";
    }
}

knobs! {
    /// From where WeChat takes calls; per app only.
    #[derive(Default)]
    CallerPolicy,
    /// Some knobs of [`CallerPolicy`]; `null` takes calls from everywhere.
    CallerPatch {
        /// The only addresses WeChat takes calls from, then 40164 (60020 at WeCom; a third-party platform hears 61004, or 40090 at
        /// the exchange). It applies once an account has switched it on. Whether it is looked at before the code, and so leaves
        /// it alone, is unknown; here it is.
        ip_whitelist: Option<Vec<IpAddr>>, via "set_or_null";
    }
}

knobs! {
    /// Legal variants of a success body. The world only carries them: the renderer applies them.
    Shape,
    /// Some knobs of [`Shape`].
    ShapePatch {
        /// Add `"errcode":0,"errmsg":"ok"` where the wire has none, as WeChat once did.
        errcode_zero: bool;
        /// Add fields nobody promised.
        extra_fields: bool;
        /// The order of the fields.
        field_order: FieldOrder;
        /// Another content type; `None` is WeChat's own (`text/plain` on `/sns`).
        content_type: Option<String>, via "set_or_null";
        /// Leave the unionid out although the user has one.
        no_unionid: bool;
        /// Add `"expires_in":7200`, as old accounts have it.
        legacy_expires_in: bool;
        /// Write `/` as `\/` on `/sns`, as the wire does.
        slash_escape: bool;
    }
}

impl Default for SessionKeyPolicy {
    fn default() -> Self {
        Self {
            rotate: Rotate::Login,
            min_interval: Span::m(5),
            probability: 1.0,
            exchange_returns: ExchangeReturns::Bound,
            activate_on: ActivateOn::Issue,
            scope: KeyScope::User,
            idle_ttl: Span::h(72),
            max_ttl: Span::h(720),
            renew_on: vec![RenewOn::Login, RenewOn::Exchange, RenewOn::Activity],
            grace: Span::ZERO,
        }
    }
}

impl Default for CodePolicy {
    fn default() -> Self {
        Self {
            ttl: Span::m(5),
            single_use: true,
            burn_on_wrong_appid: true,
        }
    }
}

impl Default for AccessTokenPolicy {
    fn default() -> Self {
        Self {
            ttl: Span::h(2),
            overlap: Span::m(5),
            force_gap: Span::s(30),
        }
    }
}

impl Default for PhoneCodePolicy {
    fn default() -> Self {
        Self { ttl: Span::m(5) }
    }
}

impl QuotaPolicy {
    /// Whether calls are counted at all.
    pub(crate) const fn counts(&self) -> bool {
        self.calls_per_minute.is_some() || self.calls_per_day.is_some()
    }
}

impl Default for QuotaPolicy {
    fn default() -> Self {
        Self {
            exchanges_per_user_minute: None,
            token_per_day: None,
            force_refresh_per_day: Some(20),
            calls_per_minute: None,
            calls_per_day: None,
        }
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            errcode_zero: false,
            extra_fields: false,
            field_order: FieldOrder::Wechat,
            content_type: None,
            no_unionid: false,
            legacy_expires_in: false,
            slash_escape: true,
        }
    }
}

/// Every rule of one app or one user. The default is [`Preset::Documented`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// How a session_key comes, goes and is revealed.
    pub session_key: SessionKeyPolicy,
    /// How a login code lives.
    pub code: CodePolicy,
    /// How an access_token lives; per app only.
    pub access_token: AccessTokenPolicy,
    /// How a phone code lives.
    pub phone_code: PhoneCodePolicy,
    /// Legal variants of a success body.
    pub shape: Shape,
    /// How often WeChat answers.
    pub quota: QuotaPolicy,
    /// From where WeChat takes calls; per app only.
    pub caller: CallerPolicy,
}

/// Some knobs of a [`Policy`]; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyPatch {
    /// How a session_key comes, goes and is revealed.
    #[serde(skip_serializing_if = "is_empty")]
    pub session_key: SessionKeyPatch,
    /// How a login code lives.
    #[serde(skip_serializing_if = "is_empty")]
    pub code: CodePatch,
    /// How an access_token lives; has an effect per app only.
    #[serde(skip_serializing_if = "is_empty")]
    pub access_token: AccessTokenPatch,
    /// How a phone code lives.
    #[serde(skip_serializing_if = "is_empty")]
    pub phone_code: PhoneCodePatch,
    /// Legal variants of a success body.
    #[serde(skip_serializing_if = "is_empty")]
    pub shape: ShapePatch,
    /// How often WeChat answers.
    #[serde(skip_serializing_if = "is_empty")]
    pub quota: QuotaPatch,
    /// From where WeChat takes calls; has an effect per app only.
    #[serde(skip_serializing_if = "is_empty")]
    pub caller: CallerPatch,
}

fn is_empty<T: Default + PartialEq>(patch: &T) -> bool {
    *patch == T::default()
}

/// A knob out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy {knob} {why}")]
pub struct PolicyError {
    /// The knob, as written in a file: `session_key.probability`.
    pub knob: &'static str,
    /// What it must be.
    pub why: &'static str,
}

impl Policy {
    /// This policy with a patch on top.
    #[must_use]
    pub fn with(&self, patch: &PolicyPatch) -> Self {
        let mut whole = self.clone();
        whole.session_key.apply(&patch.session_key);
        whole.code.apply(&patch.code);
        whole.access_token.apply(&patch.access_token);
        whole.phone_code.apply(&patch.phone_code);
        whole.shape.apply(&patch.shape);
        whole.quota.apply(&patch.quota);
        whole.caller.apply(&patch.caller);
        whole
    }

    /// Whether every knob is in its range.
    ///
    /// # Errors
    /// [`PolicyError`] names the first knob that is not.
    pub fn check(&self) -> Result<(), PolicyError> {
        if !(0.0..=1.0).contains(&self.session_key.probability) {
            return Err(PolicyError {
                knob: "session_key.probability",
                why: "must be between 0 and 1",
            });
        }
        let lives = [
            ("session_key.idle_ttl", self.session_key.idle_ttl),
            ("session_key.max_ttl", self.session_key.max_ttl),
            ("code.ttl", self.code.ttl),
            ("access_token.ttl", self.access_token.ttl),
            ("phone_code.ttl", self.phone_code.ttl),
        ];
        match lives.into_iter().find(|(_, span)| span.is_zero()) {
            Some((knob, _)) => Err(PolicyError {
                knob,
                why: "must be more than zero",
            }),
            None => Ok(()),
        }
    }
}

impl PolicyPatch {
    /// The patch that sets every knob to what `policy` says: how a whole preset is laid over a user.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        Self {
            session_key: SessionKeyPatch::of(&policy.session_key),
            code: CodePatch::of(&policy.code),
            access_token: AccessTokenPatch::of(&policy.access_token),
            phone_code: PhoneCodePatch::of(&policy.phone_code),
            shape: ShapePatch::of(&policy.shape),
            quota: QuotaPatch::of(&policy.quota),
            caller: CallerPatch::of(&policy.caller),
        }
    }

    /// Adds `newer`, which wins where both say something.
    pub fn merge(&mut self, newer: &Self) {
        self.session_key.merge(&newer.session_key);
        self.code.merge(&newer.code);
        self.access_token.merge(&newer.access_token);
        self.phone_code.merge(&newer.phone_code);
        self.shape.merge(&newer.shape);
        self.quota.merge(&newer.quota);
        self.caller.merge(&newer.caller);
    }
}

impl From<Preset> for PolicyPatch {
    fn from(preset: Preset) -> Self {
        Self::of(&preset.policy())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_patch_changes_what_it_names_and_nothing_else() {
        let patch: PolicyPatch = serde_json::from_str(
            r#"{"session_key":{"rotate":"exchange","min_interval":"0s"},"quota":{"force_refresh_per_day":null}}"#,
        )
        .unwrap();
        let got = Policy::default().with(&patch);
        let mut want = Policy::default();
        want.session_key.rotate = Rotate::Exchange;
        want.session_key.min_interval = Span::ZERO;
        want.quota.force_refresh_per_day = None;
        assert_eq!(got, want);
    }

    #[test]
    fn the_newer_patch_wins_and_a_whole_policy_is_a_patch() {
        let mut patch = PolicyPatch::from(Preset::Eager);
        patch.merge(&PolicyPatch {
            code: CodePatch {
                ttl: Some(Span::s(1)),
                ..CodePatch::default()
            },
            ..PolicyPatch::default()
        });
        let got = Policy::default().with(&patch);
        assert_eq!(got.session_key, Preset::Eager.policy().session_key);
        assert_eq!(got.code.ttl, Span::s(1));
    }

    #[test]
    fn an_unknown_knob_is_refused_by_name() {
        let error = serde_json::from_str::<PolicyPatch>(r#"{"session_key":{"rotat":"login"}}"#)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("rotat") && error.contains("min_interval"),
            "{error}"
        );
    }

    #[test]
    fn every_policy_survives_json() {
        for preset in Preset::ALL {
            let policy = preset.policy();
            let text = serde_json::to_string(&policy).unwrap();
            assert_eq!(
                serde_json::from_str::<Policy>(&text).unwrap(),
                policy,
                "{preset}"
            );
            let patch = PolicyPatch::of(&policy);
            let text = serde_json::to_string(&patch).unwrap();
            assert_eq!(
                serde_json::from_str::<PolicyPatch>(&text).unwrap(),
                patch,
                "{preset}"
            );
        }
        assert_eq!(
            serde_json::to_string(&PolicyPatch::default()).unwrap(),
            "{}"
        );
    }

    #[test]
    fn knobs_out_of_range_are_named() {
        let check = |edit: fn(&mut Policy), knob: &str| {
            let mut policy = Policy::default();
            edit(&mut policy);
            assert_eq!(policy.check().unwrap_err().knob, knob);
        };
        check(
            |p| p.session_key.probability = 1.5,
            "session_key.probability",
        );
        check(
            |p| p.session_key.probability = f64::NAN,
            "session_key.probability",
        );
        check(|p| p.code.ttl = Span::ZERO, "code.ttl");
        check(
            |p| p.session_key.max_ttl = Span::ZERO,
            "session_key.max_ttl",
        );
        assert_eq!(Policy::default().check(), Ok(()));
    }
}

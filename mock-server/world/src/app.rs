//! Tenants: an app is a universe of its own, with its users, clock, policy and tokens.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    ApiSignature, AppId, AppSecret, ClockView, CloudHosting, DeviceId, Seed, UnixMs,
    access_token::TokenList,
    clock::Clock,
    deadline::Deadlines,
    event::TokenKind,
    index::{CodeNo, UserNo},
    policy::{Policy, PolicyPatch},
    push::PushBook,
    user::{DeviceNames, User},
    users::Users,
    values,
    world::{admission::CallCounts, inquiry::Inquiries, service::Clears},
};

/// What an account is, and so which endpoints know it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppKind {
    /// A mini program.
    #[default]
    MiniProgram,
    /// A third-party platform ("component"): it has no users, and exchanges codes of the mini programs that authorised it.
    ThirdParty,
    /// A WeCom company with one app of its own: the appid is the corpid, the secret the corpsecret, a user's name the userid.
    Wecom,
    /// A third-party app of WeCom ("suite"): the appid is the suite_id, the secret the suite_secret. It has no users, and
    /// exchanges codes of the companies that authorised it.
    WecomSuite,
}

impl AppKind {
    /// How its ids begin.
    pub(crate) const fn id_prefix(self) -> &'static str {
        match self {
            Self::MiniProgram | Self::ThirdParty => "wx",
            Self::Wecom | Self::WecomSuite => "ww",
        }
    }

    /// Whether people can be its users.
    #[must_use]
    pub const fn has_users(self) -> bool {
        matches!(self, Self::MiniProgram | Self::Wecom)
    }
}

/// An app to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewApp {
    /// What it is.
    pub kind: AppKind,
    /// The mini programs that authorised a third-party platform, or the companies that authorised a third-party app of WeCom;
    /// `None` is every one there is. Means nothing for another kind.
    pub authorized_by: Option<Vec<AppId>>,
    /// Its id; `None` takes the next one of the seed.
    pub appid: Option<AppId>,
    /// Its secret; `None` takes the one of seed and id.
    pub secret: Option<AppSecret>,
    /// A name for people; may be empty.
    pub name: String,
    /// Its rules.
    pub policy: Policy,
    /// Whether it is bound to an Open Platform account, so that unionids exist.
    pub open_platform: bool,
}

impl Default for NewApp {
    fn default() -> Self {
        Self {
            kind: AppKind::MiniProgram,
            authorized_by: None,
            appid: None,
            secret: None,
            name: String::new(),
            policy: Policy::default(),
            open_platform: true,
        }
    }
}

/// A change to an app; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EditApp {
    /// A new secret; the old one is refused from then on.
    pub secret: Option<AppSecret>,
    /// A new name for people.
    pub name: Option<String>,
    /// Bind to or unbind from an Open Platform account.
    pub open_platform: Option<bool>,
}

/// An app as people see it. Holds the secret: it is for the admin side, not for logs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AppView {
    /// Its id.
    pub appid: AppId,
    /// Its secret.
    pub secret: AppSecret,
    /// What it is.
    pub kind: AppKind,
    /// Of a third-party platform: the ticket that api_component_token wants, which WeChat pushes every ten minutes. This mock
    /// has one a platform, and it does not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component_verify_ticket: Option<String>,
    /// Of a third-party app of WeCom: the ticket that get_suite_token wants, which WeCom pushes every ten minutes. This mock has
    /// one an app, and it does not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite_ticket: Option<String>,
    /// Of a third-party platform or app: who authorised it; `None` is every one there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorized_by: Option<Vec<AppId>>,
    /// A name for people.
    pub name: String,
    /// Whether unionids exist.
    pub open_platform: bool,
    /// Its rules.
    pub policy: Policy,
    /// The AppKey of virtual payment in the live environment (`env` 0), which signs `paySig`. From the seed.
    pub pay_app_key: String,
    /// The same of the sandbox (`env` 1).
    pub pay_app_key_sandbox: String,
    /// Its clock.
    pub clock: ClockView,
    /// How many users it has.
    pub n_users: usize,
}

/// One app with everything that is its own. Codes live beside the apps, because a code of another app must be recognised.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) secret: AppSecret,
    #[serde(default)]
    pub(crate) kind: AppKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorized_by: Option<Vec<AppId>>,
    pub(crate) name: String,
    pub(crate) open_platform: bool,
    pub(crate) policy: Arc<Policy>,
    /// The policy it was made with, to which clearing returns.
    first_policy: Arc<Policy>,
    /// Users with rules of their own.
    patched: BTreeSet<UserNo>,
    pub(crate) clock: Clock,
    pub(crate) users: Users,
    pub(crate) plain: TokenList,
    pub(crate) stable: TokenList,
    #[serde(default = "no_cloud_tokens")]
    pub(crate) cloud_tokens: TokenList,
    #[serde(default = "no_authorizer_tokens")]
    pub(crate) authorizer_tokens: TokenList,
    /// Login codes that are over, in the order in which they will be forgotten.
    pub(crate) dead_codes: VecDeque<CodeNo>,
    /// Phone codes that are over.
    pub(crate) dead_phone_codes: VecDeque<CodeNo>,
    pub(crate) n_rids: u64,
    pub(crate) n_hints: u64,
    /// Payments, plugin codes and payload hashes that server calls ask about.
    #[serde(default)]
    pub(crate) inquiries: Inquiries,
    /// Calls by endpoint, where a quota counts them.
    #[serde(default)]
    pub(crate) calls: CallCounts,
    /// Subscribe messages sent.
    #[serde(default)]
    pub(crate) n_messages: u64,
    /// Texts checked.
    #[serde(default)]
    pub(crate) n_traces: u64,
    /// How often the daily quotas were cleared.
    #[serde(default)]
    pub(crate) clears: Clears,
    /// Keys for signed calls, if the app has any, and how many answers were sealed.
    #[serde(default)]
    pub(crate) api_signature: Option<Box<ApiSignature>>,
    #[serde(default)]
    pub(crate) n_sealed: u64,
    /// How its backend is hosted, if WeChat hosts it.
    #[serde(default)]
    pub(crate) cloud: Option<Box<CloudHosting>>,
    /// Message push: settings and what was pushed.
    #[serde(default)]
    pub(crate) push: PushBook,
    /// Who is logged in to WeChat on a phone, where somebody said so.
    #[serde(default)]
    pub(crate) holders: BTreeMap<DeviceId, UserNo>,
    /// Only saves memory, so it need not be stored.
    #[serde(skip)]
    pub(crate) device_names: DeviceNames,
    /// Rebuilt on import.
    #[serde(skip)]
    pub(crate) deadlines: Deadlines,
    /// Where the agenda of the world has this app. Rebuilt on import.
    #[serde(skip)]
    pub(crate) agenda_at: Option<UnixMs>,
    /// Keys ever issued to the users there are. Counted again on import.
    #[serde(skip)]
    pub(crate) n_keys: usize,
}

impl App {
    pub(crate) fn new(now: UnixMs, id: AppId, secret: AppSecret, new: NewApp) -> Self {
        let policy = Arc::new(new.policy);
        Self {
            id,
            secret,
            kind: new.kind,
            authorized_by: new.authorized_by,
            name: new.name,
            open_platform: new.open_platform,
            policy: Arc::clone(&policy),
            first_policy: policy,
            patched: BTreeSet::new(),
            clock: Clock::new(now),
            users: Users::default(),
            plain: TokenList::new(TokenKind::Plain),
            stable: TokenList::new(TokenKind::Stable),
            cloud_tokens: no_cloud_tokens(),
            authorizer_tokens: no_authorizer_tokens(),
            dead_codes: VecDeque::new(),
            dead_phone_codes: VecDeque::new(),
            n_rids: 0,
            n_hints: 0,
            inquiries: Inquiries::default(),
            calls: CallCounts::default(),
            n_messages: 0,
            n_traces: 0,
            clears: Clears::default(),
            api_signature: None,
            n_sealed: 0,
            cloud: None,
            push: PushBook::default(),
            holders: BTreeMap::new(),
            device_names: DeviceNames::default(),
            deadlines: Deadlines::default(),
            agenda_at: None,
            n_keys: 0,
        }
    }

    /// The app without its indexes: cheap, however many its users are. Nothing of it is changed.
    pub(crate) fn snapshot(&mut self) -> Self {
        let (users, deadlines) = (
            std::mem::take(&mut self.users),
            std::mem::take(&mut self.deadlines),
        );
        let mut copy = self.clone();
        copy.users = users.snapshot();
        copy.agenda_at = None;
        (self.users, self.deadlines) = (users, deadlines);
        copy
    }

    /// The rules a user lives under.
    pub(crate) fn policy_of(&self, user: &User) -> Arc<Policy> {
        Arc::clone(
            user.rules
                .as_ref()
                .map_or(&self.policy, |rules| &rules.policy),
        )
    }

    /// Sets the app's rules and works out again what users' own rules make of them.
    pub(crate) fn set_policy(&mut self, policy: Arc<Policy>) {
        for no in &self.patched {
            if let Some(rules) = self.users.get_mut(*no).and_then(|user| user.rules.as_mut()) {
                rules.policy = Arc::new(policy.with(&rules.patch));
            }
        }
        self.policy = policy;
    }

    /// Back to the rules the app was made with.
    pub(crate) fn clear_policy(&mut self) {
        self.set_policy(Arc::clone(&self.first_policy));
    }

    /// Sets a user's own rules, or takes them away.
    pub(crate) fn set_user_rules(&mut self, no: UserNo, patch: Option<PolicyPatch>) {
        let base = Arc::clone(&self.policy);
        let Some(user) = self.users.get_mut(no) else {
            return;
        };
        user.rules = patch.map(|patch| {
            Box::new(crate::user::OwnRules {
                policy: Arc::new(base.with(&patch)),
                patch,
            })
        });
        if user.rules.is_some() {
            self.patched.insert(no);
        } else {
            self.patched.remove(&no);
        }
    }

    pub(crate) fn remove_user(&mut self, no: UserNo) -> Option<Box<User>> {
        self.patched.remove(&no);
        let gone = self.users.remove(no);
        self.n_keys -= gone.as_ref().map_or(0, |user| user.ring.len());
        gone
    }

    pub(crate) fn tokens(&self, kind: TokenKind) -> &TokenList {
        match kind {
            TokenKind::Plain => &self.plain,
            TokenKind::Stable => &self.stable,
            TokenKind::Cloud => &self.cloud_tokens,
            TokenKind::Authorizer => &self.authorizer_tokens,
        }
    }

    /// Whether this third-party platform or app may act for an account.
    pub(crate) fn may_act_for(&self, app: &AppId) -> bool {
        let all = self.authorized_by.as_ref();
        all.is_none_or(|authorized_by| authorized_by.contains(app))
    }

    pub(crate) fn view(&self, seed: Seed, now: UnixMs) -> AppView {
        let ticket = || values::component_ticket(seed, &self.id);
        AppView {
            appid: self.id.clone(),
            secret: self.secret,
            kind: self.kind,
            component_verify_ticket: (self.kind == AppKind::ThirdParty).then(ticket),
            suite_ticket: (self.kind == AppKind::WecomSuite)
                .then(|| values::suite_ticket(seed, &self.id)),
            authorized_by: self.authorized_by.clone(),
            name: self.name.clone(),
            open_platform: self.open_platform,
            policy: (*self.policy).clone(),
            pay_app_key: values::pay_app_key(seed, &self.id, false),
            pay_app_key_sandbox: values::pay_app_key(seed, &self.id, true),
            clock: self.clock.view(now),
            n_users: self.users.len(),
        }
    }
}

const fn no_cloud_tokens() -> TokenList {
    TokenList::new(TokenKind::Cloud)
}

const fn no_authorizer_tokens() -> TokenList {
    TokenList::new(TokenKind::Authorizer)
}

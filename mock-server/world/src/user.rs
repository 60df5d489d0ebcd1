//! People: who they are, what their phone would show, and what they refuse.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    ControlError, DeviceId, KeyNo, KeyView, OpenId, Scopes, Seed, UnionId, UnixMs, UserId,
    device::{Consent, LoginSwitch},
    few::Few,
    installed::Installed,
    policy::{Policy, PolicyPatch},
    session_key::KeyRing,
    values,
    world::service::Storage,
};

/// What WeChat shows of a person. Any text, four-byte characters included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// `nickName`.
    pub nick_name: String,
    /// `gender`: 0 unknown, 1 male, 2 female.
    pub gender: u8,
    /// `language`: `zh_CN`.
    pub language: String,
    /// `city`; may be empty.
    pub city: String,
    /// `province`; may be empty.
    pub province: String,
    /// `country`; may be empty.
    pub country: String,
    /// `avatarUrl`.
    pub avatar_url: String,
}

/// A telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phone {
    /// Digits without the country code: `13900000001`.
    pub pure_number: String,
    /// Digits of the country code: `86`.
    pub country_code: String,
}

impl Phone {
    /// `phoneNumber` as WeChat writes it: the bare number in mainland China, `+<code><number>` elsewhere.
    ///
    /// Only the mainland form is captured; the other is read from the official description ("with country code").
    #[must_use]
    pub fn full_number(&self) -> String {
        if self.country_code == "86" {
            self.pure_number.clone()
        } else {
            format!("+{}{}", self.country_code, self.pure_number)
        }
    }
}

/// Where a unionid comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnionIdChoice {
    /// From the seed and the user's name: the same name has the same unionid in every app.
    #[default]
    FromSeed,
    /// This user has none, even in an app that is bound.
    None,
    /// This one.
    Fixed(UnionId),
}

/// What a person refuses, and how WeChat sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// High risk grade: an exchange answers 40226.
    pub blocked: bool,
    /// How `wx.login` goes.
    pub login: LoginSwitch,
    /// Whether getUserInfo and getUserProfile may have the profile.
    pub user_info: Consent,
    /// Whether the phone button may have the number.
    pub phone: Consent,
    /// Whether getWeRunData may have the steps.
    pub werun: Consent,
    /// Refuse subscribe messages: sending one answers 43101.
    pub refuses_messages: bool,
    /// Whether the avatar button may have a picture.
    pub avatar: Consent,
    /// What the person refuses when `wx.authorize` asks; `scope.userInfo` and `scope.werun` have switches of their own above.
    #[serde(rename = "scopes")]
    pub refused_scopes: Scopes,
    /// Answer getUserInfo and getUserProfile with the anonymous profile (`微信用户`), as WeChat does since 2021 and 2022.
    pub anonymous: bool,
}

/// A person to be made. [`NewUser::named`] fills in everything but the name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewUser {
    /// A short human name.
    pub name: UserId,
    /// What WeChat shows; `None` makes one from the name.
    pub profile: Option<Profile>,
    /// The telephone number; `None` takes one from the seed.
    pub phone: Option<Phone>,
    /// Steps a day, the last entry today, at most 31; empty takes them from the seed.
    pub steps: Vec<u32>,
    /// The openid; `None` takes the one of the seed.
    pub openid: Option<OpenId>,
    /// The unionid.
    pub unionid: UnionIdChoice,
    /// What the person refuses.
    pub switches: Switches,
}

impl NewUser {
    /// A person of whom only the name matters.
    #[must_use]
    pub const fn named(name: UserId) -> Self {
        Self {
            name,
            profile: None,
            phone: None,
            steps: Vec::new(),
            openid: None,
            unionid: UnionIdChoice::FromSeed,
            switches: Switches {
                blocked: false,
                login: LoginSwitch::Works,
                user_info: Consent::Allow,
                phone: Consent::Allow,
                werun: Consent::Allow,
                refuses_messages: false,
                avatar: Consent::Allow,
                refused_scopes: Scopes::NONE,
                anonymous: false,
            },
        }
    }
}

/// A change to a person; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EditUser {
    /// Another profile.
    pub profile: Option<Profile>,
    /// Another number.
    pub phone: Option<Phone>,
    /// Other steps; empty takes them from the seed again.
    pub steps: Option<Vec<u32>>,
    /// Another unionid.
    pub unionid: Option<UnionIdChoice>,
    /// Other switches, all of them.
    pub switches: Option<Switches>,
}

/// A person as people see them. Holds the keys: it is for the admin side and for oracles, not for logs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserView {
    /// The name.
    pub name: UserId,
    /// The openid in this app.
    pub openid: OpenId,
    /// The unionid, if the app is bound and the user has one.
    pub unionid: Option<UnionId>,
    /// What WeChat shows.
    pub profile: Profile,
    /// The telephone number.
    pub phone: Phone,
    /// Steps a day, the last entry today.
    pub steps: Vec<u32>,
    /// What the person refuses.
    pub switches: Switches,
    /// The user's own rules on top of the app's, if any.
    pub policy: Option<PolicyPatch>,
    /// Every session_key ever issued, oldest first; in a page of users only the last [`UserView::KEYS_IN_A_PAGE`].
    pub keys: Vec<KeyView>,
}

impl UserView {
    /// How many session_keys a page shows of one user.
    pub const KEYS_IN_A_PAGE: usize = 100;
}

/// Names of phones, each kept once: a million people call theirs the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeviceNames(BTreeSet<DeviceId>);

impl DeviceNames {
    /// The same name in the memory it already has.
    pub(crate) fn shared(&mut self, name: &DeviceId) -> DeviceId {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        self.0.insert(name.clone());
        name.clone()
    }
}

/// One phone of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handset {
    pub(crate) device: DeviceId,
    /// How many login codes it has minted.
    pub(crate) n_codes: u32,
    /// Codes up to this number are known to be over, so that ageing need not look at them again.
    pub(crate) n_codes_over: u32,
    /// The key of its last login, which `wx.checkSession` judges under scope device.
    pub(crate) last_login: Option<KeyNo>,
}

/// What somebody said about a user; everything else comes from the seed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) profile: Option<Profile>,
    pub(crate) phone: Option<Phone>,
    pub(crate) steps: Vec<u32>,
    pub(crate) unionid: UnionIdChoice,
    pub(crate) switches: Switches,
}

impl Facts {
    /// Boxed, or nothing if nothing was said: most users of a large world have no facts.
    fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    fn check(&self) -> Result<(), ControlError> {
        let wrong = |field, why| Err(ControlError::BadUser { field, why });
        if self.steps.len() > values::STEP_DAYS {
            return wrong("steps", "must have at most 31 entries, one a day");
        }
        if self
            .profile
            .as_ref()
            .is_some_and(|profile| profile.gender > 2)
        {
            return wrong("profile.gender", "must be 0, 1 or 2");
        }
        let digits = |text: &str, most| {
            (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
        };
        match &self.phone {
            Some(phone) if !digits(&phone.pure_number, 20) => {
                wrong("phone.pure_number", "must be 1 to 20 digits")
            }
            Some(phone) if !digits(&phone.country_code, 4) => {
                wrong("phone.country_code", "must be 1 to 4 digits")
            }
            _ => Ok(()),
        }
    }
}

/// A user's own rules: the patch, and what it makes of the app's policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OwnRules {
    pub(crate) patch: PolicyPatch,
    pub(crate) policy: Arc<Policy>,
}

/// One user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: UserId,
    pub(crate) openid: OpenId,
    pub(crate) ring: KeyRing,
    pub(crate) handsets: Few<Handset>,
    facts: Option<Box<Facts>>,
    pub(crate) rules: Option<Box<OwnRules>>,
    /// What a mini game keeps with them. Absent until it does.
    #[serde(default)]
    pub(crate) storage: Option<Box<Storage>>,
    /// When a phone of theirs last did something in this app.
    #[serde(default)]
    pub(crate) visited_at: Option<UnixMs>,
    /// Absent until a call needs it.
    #[serde(default)]
    pub(crate) installed: Option<Box<Installed>>,
    /// The key of the last operation that obtained a code.
    pub(crate) last_login: Option<KeyNo>,
    pub(crate) n_captures: u32,
    pub(crate) n_phone_codes: u32,
    /// Phone codes up to this number are known to be over.
    pub(crate) n_phone_codes_over: u32,
    /// The minute of virtual time in which exchanges were last counted (its low 32 bits), and how many there were.
    quota: (u32, u32),
}

impl User {
    pub(crate) fn new(seed: Seed, app: &crate::AppId, new: NewUser) -> Result<Self, ControlError> {
        let NewUser {
            name,
            profile,
            phone,
            steps,
            openid,
            unionid,
            switches,
        } = new;
        let facts = Facts {
            profile,
            phone,
            steps,
            unionid,
            switches,
        };
        facts.check()?;
        let openid = openid.unwrap_or_else(|| values::openid(seed, app, &name));
        Ok(Self {
            name,
            openid,
            ring: KeyRing::default(),
            handsets: Few::default(),
            facts: facts.boxed(),
            rules: None,
            storage: None,
            visited_at: None,
            installed: None,
            last_login: None,
            n_captures: 0,
            n_phone_codes: 0,
            n_phone_codes_over: 0,
            quota: (0, 0),
        })
    }

    pub(crate) fn edit(&mut self, edit: EditUser) -> Result<(), ControlError> {
        let mut facts = self.facts.as_deref().cloned().unwrap_or_default();
        let EditUser {
            profile,
            phone,
            steps,
            unionid,
            switches,
        } = edit;
        facts.profile = profile.or(facts.profile);
        facts.phone = phone.or(facts.phone);
        facts.steps = steps.unwrap_or(facts.steps);
        facts.unionid = unionid.unwrap_or(facts.unionid);
        let was = facts.switches;
        facts.switches = switches.unwrap_or(facts.switches);
        facts.check()?;
        if let Some(installed) = &mut self.installed {
            installed.follow(&was, &facts.switches);
        }
        self.facts = facts.boxed();
        Ok(())
    }

    /// Index of the phone with this name, made if it is new.
    pub(crate) fn handset(&mut self, device: &DeviceId, names: &mut DeviceNames) -> u32 {
        let found = self
            .handsets
            .iter()
            .position(|handset| handset.device == *device);
        let at = found.unwrap_or_else(|| {
            let device = names.shared(device);
            self.handsets.push(Handset {
                device,
                n_codes: 0,
                n_codes_over: 0,
                last_login: None,
            });
            self.handsets.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// Counts an exchange in its minute; false if the limit is reached.
    pub(crate) fn may_exchange(&mut self, at: UnixMs, limit: Option<u32>) -> bool {
        let Some(limit) = limit else { return true };
        let minute = at.0.div_euclid(60_000) as u32;
        if self.quota.0 != minute {
            self.quota = (minute, 0);
        }
        let allowed = self.quota.1 < limit;
        self.quota.1 += u32::from(allowed);
        allowed
    }

    pub(crate) fn switches(&self) -> Switches {
        self.facts
            .as_ref()
            .map(|facts| facts.switches)
            .unwrap_or_default()
    }

    /// What the mini program has of this person, made by the first question.
    pub(crate) fn installed(&mut self) -> &mut Installed {
        self.installed.get_or_insert_default()
    }

    pub(crate) fn profile(&self, seed: Seed) -> Profile {
        let said = self.facts.as_ref().and_then(|facts| facts.profile.clone());
        said.unwrap_or_else(|| values::profile(seed, &self.name))
    }

    pub(crate) fn phone(&self, seed: Seed) -> Phone {
        let said = self.facts.as_ref().and_then(|facts| facts.phone.clone());
        said.unwrap_or_else(|| values::phone(seed, &self.name))
    }

    pub(crate) fn steps(&self, seed: Seed) -> Vec<u32> {
        let said = self
            .facts
            .as_ref()
            .map(|facts| &facts.steps)
            .filter(|steps| !steps.is_empty());
        said.cloned()
            .unwrap_or_else(|| values::steps(seed, &self.name))
    }

    pub(crate) fn unionid(&self, seed: Seed, open_platform: bool) -> Option<UnionId> {
        let choice = self
            .facts
            .as_ref()
            .map(|facts| facts.unionid)
            .unwrap_or_default();
        match choice {
            _ if !open_platform => None,
            UnionIdChoice::FromSeed => Some(values::unionid(seed, &self.name)),
            UnionIdChoice::None => None,
            UnionIdChoice::Fixed(unionid) => Some(unionid),
        }
    }

    pub(crate) fn key_view(&self, no: KeyNo, policy: &Policy) -> Option<KeyView> {
        self.ring.view(no, policy.session_key.scope, |at| {
            self.handsets[at as usize].device.clone()
        })
    }

    pub(crate) fn view(&self, seed: Seed, open_platform: bool, policy: &Policy) -> UserView {
        self.view_from(KeyNo(1), seed, open_platform, policy)
    }

    /// The same with no key before `from`.
    pub(crate) fn view_from(
        &self,
        from: KeyNo,
        seed: Seed,
        open_platform: bool,
        policy: &Policy,
    ) -> UserView {
        UserView {
            name: self.name.clone(),
            openid: self.openid,
            unionid: self.unionid(seed, open_platform),
            profile: self.profile(seed),
            phone: self.phone(seed),
            steps: self.steps(seed),
            switches: self.switches(),
            policy: self.rules.as_ref().map(|rules| rules.patch.clone()),
            keys: self
                .ring
                .all_from(from)
                .filter_map(|(no, _)| self.key_view(no, policy))
                .collect(),
        }
    }
}

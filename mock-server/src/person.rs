//! A user as files and admin calls write one: every part optional, laid over what the world made from the name.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use wxmock_world::{
    AppId, Consent, ControlError, EditUser, Effect, LoginSwitch, NewUser, OpenId, Scopes, UnionId,
    UnionIdChoice, UnixMs, UserId, UserView, World,
};

/// `[[app.user]]`, and the body of a call that creates a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserConfig {
    /// The short name requests use.
    pub name: UserId,
    /// The openid in this app. Default: from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openid: Option<OpenId>,
    /// `from-seed` (the default), `none`, or a unionid.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "unionid_out",
        deserialize_with = "unionid_in"
    )]
    pub unionid: Option<UnionIdChoice>,
    /// What WeChat shows of the person. Default: made from the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileEdit>,
    /// The telephone number. Default: from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneEdit>,
    /// Steps a day, the last entry today, at most 31. Default: from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<u32>>,
    /// What the person refuses. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switches: Option<SwitchesEdit>,
}

/// The body of a call that edits a user; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserEdit {
    /// `from-seed`, `none`, or a unionid.
    #[serde(serialize_with = "unionid_out", deserialize_with = "unionid_in")]
    pub unionid: Option<UnionIdChoice>,
    /// Parts of the profile.
    pub profile: Option<ProfileEdit>,
    /// Parts of the telephone number.
    pub phone: Option<PhoneEdit>,
    /// Steps a day, the last entry today, at most 31.
    pub steps: Option<Vec<u32>>,
    /// Some switches.
    pub switches: Option<SwitchesEdit>,
}

/// Parts of what WeChat shows of a person, in WeChat's spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ProfileEdit {
    /// `nickName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nick_name: Option<String>,
    /// `gender`: 0 unknown, 1 male, 2 female.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<u8>,
    /// `language`, such as `zh_CN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// `city`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// `province`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub province: Option<String>,
    /// `country`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// `avatarUrl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

/// Parts of a telephone number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhoneEdit {
    /// Digits without the country code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pure_number: Option<String>,
    /// Digits of the country code, without `+`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
}

/// Some of what a person refuses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwitchesEdit {
    /// High risk grade: an exchange answers 40226.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
    /// How `wx.login` goes: `works`, `timeout`, `blocked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginSwitch>,
    /// Whether getUserInfo and getUserProfile may have the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_info: Option<Consent>,
    /// Whether the phone button may have the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Consent>,
    /// Whether getWeRunData may have the steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub werun: Option<Consent>,
    /// Refuse subscribe messages: 43101.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuses_messages: Option<bool>,
    /// Whether the avatar button may have a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<Consent>,
    /// What the person refuses when `wx.authorize` asks: `["scope.userLocation"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Scopes>,
    /// Show the anonymous profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<bool>,
}

impl UserConfig {
    /// A user of whom only the name is fixed.
    pub fn named(name: UserId) -> Self {
        Self {
            name,
            openid: None,
            unionid: None,
            profile: None,
            phone: None,
            steps: None,
            switches: None,
        }
    }

    /// Creates the user. If a part is refused, no user remains.
    pub(crate) fn create(
        &self,
        world: &mut World,
        now: UnixMs,
        app: &AppId,
    ) -> Result<Effect<UserView>, ControlError> {
        let new = NewUser {
            openid: self.openid,
            ..NewUser::named(self.name.clone())
        };
        let made = world.create_user(now, app, new)?;
        let edit = UserEdit {
            unionid: self.unionid,
            profile: self.profile.clone(),
            phone: self.phone.clone(),
            steps: self.steps.clone(),
            switches: self.switches.clone(),
        };
        if edit == UserEdit::default() {
            return Ok(made);
        }
        edit.apply(world, now, app, &self.name).inspect_err(|_| {
            // It was created a line ago, so it can be deleted; the refusal of the edit is what the caller must see.
            let _ = world.delete_user(now, app, &self.name);
        })
    }
}

impl UserEdit {
    /// Edits the user.
    pub(crate) fn apply(
        &self,
        world: &mut World,
        now: UnixMs,
        app: &AppId,
        user: &UserId,
    ) -> Result<Effect<UserView>, ControlError> {
        fn lay<T: Clone>(over: &Option<T>, under: &mut T) {
            if let Some(value) = over {
                under.clone_from(value);
            }
        }
        let UserView {
            mut profile,
            mut phone,
            mut switches,
            ..
        } = world.user(app, user)?;
        if let Some(edit) = &self.profile {
            lay(&edit.nick_name, &mut profile.nick_name);
            lay(&edit.gender, &mut profile.gender);
            lay(&edit.language, &mut profile.language);
            lay(&edit.city, &mut profile.city);
            lay(&edit.province, &mut profile.province);
            lay(&edit.country, &mut profile.country);
            lay(&edit.avatar_url, &mut profile.avatar_url);
        }
        if let Some(edit) = &self.phone {
            lay(&edit.pure_number, &mut phone.pure_number);
            lay(&edit.country_code, &mut phone.country_code);
        }
        if let Some(edit) = &self.switches {
            lay(&edit.blocked, &mut switches.blocked);
            lay(&edit.login, &mut switches.login);
            lay(&edit.user_info, &mut switches.user_info);
            lay(&edit.phone, &mut switches.phone);
            lay(&edit.werun, &mut switches.werun);
            lay(&edit.refuses_messages, &mut switches.refuses_messages);
            lay(&edit.avatar, &mut switches.avatar);
            lay(&edit.scopes, &mut switches.refused_scopes);
            lay(&edit.anonymous, &mut switches.anonymous);
        }
        let edit = EditUser {
            profile: self.profile.is_some().then_some(profile),
            phone: self.phone.is_some().then_some(phone),
            steps: self.steps.clone(),
            unionid: self.unionid,
            switches: self.switches.is_some().then_some(switches),
        };
        world.edit_user(now, app, user, edit)
    }
}

fn unionid_in<'de, D: Deserializer<'de>>(input: D) -> Result<Option<UnionIdChoice>, D::Error> {
    let Some(text) = Option::<String>::deserialize(input)? else {
        return Ok(None);
    };
    match text.as_str() {
        "from-seed" => Ok(Some(UnionIdChoice::FromSeed)),
        "none" => Ok(Some(UnionIdChoice::None)),
        text => UnionId::parse(text)
            .map(|id| Some(UnionIdChoice::Fixed(id)))
            .map_err(|error| {
                de::Error::custom(format!(
                    "{error}; expected `from-seed`, `none` or a unionid"
                ))
            }),
    }
}

// serde passes what it has, a reference to the option.
fn unionid_out<S: Serializer>(choice: &Option<UnionIdChoice>, out: S) -> Result<S::Ok, S::Error> {
    match choice {
        None => out.serialize_none(),
        Some(UnionIdChoice::FromSeed) => out.serialize_str("from-seed"),
        Some(UnionIdChoice::None) => out.serialize_str("none"),
        Some(UnionIdChoice::Fixed(id)) => out.serialize_str(id.as_ref()),
    }
}

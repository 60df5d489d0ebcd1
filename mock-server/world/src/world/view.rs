//! Questions that change nothing. Answers are as of the last command or timeout.

use super::World;
use crate::{
    AccessToken, AppId, AppView, ClockView, CodeView, ControlError, DeviceId, Evidence, JsCode,
    KeyFinding, OpenId, PhoneCode, Policy, UnixMs, UserId, UserKey, UserView,
    app::App,
    diagnosis::{self, Place},
    index::{AppNo, UserNo},
    values,
};

impl World {
    /// All apps, oldest first. Their clocks show the time of the last command.
    #[must_use]
    pub fn apps(&self) -> Vec<AppView> {
        self.core
            .apps
            .iter()
            .flatten()
            .map(|app| app.view(self.core.seed, self.wall))
            .collect()
    }

    /// One app. Its clock shows the time of the last command.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn app(&self, app: &AppId) -> Result<AppView, ControlError> {
        Ok(self.find_app(app)?.1.view(self.core.seed, self.wall))
    }

    /// The app of this appid, if there is one; asks for no memory.
    #[must_use]
    pub fn app_id(&self, appid: &str) -> Option<AppId> {
        let (id, _) = self.core.by_id.get_key_value(appid)?;
        Some(id.clone())
    }

    /// All users of an app, oldest first.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn users(&self, app: &AppId) -> Result<Vec<UserView>, ControlError> {
        let (_, app) = self.find_app(app)?;
        let view = |(_, user): (UserNo, &crate::user::User)| {
            user.view(self.core.seed, app.open_platform, &app.policy_of(user))
        };
        Ok(app.users.iter().map(view).collect())
    }

    /// One user with every key ever issued.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn user(&self, app: &AppId, user: &UserId) -> Result<UserView, ControlError> {
        let (_, app, no) = self.find_user(app, user)?;
        let user = app.users.get(no).expect("just found");
        Ok(user.view(self.core.seed, app.open_platform, &app.policy_of(user)))
    }

    /// The user of an app who has this openid.
    #[must_use]
    pub fn user_by_openid(&self, app: &AppId, openid: &str) -> Option<UserId> {
        let (_, app) = self.find_app(app).ok()?;
        let no = app.users.with_openid(&openid.parse::<OpenId>().ok()?)?;
        app.users.get(no).map(|user| user.name.clone())
    }

    /// Whose login code this is and in which app, whatever its state; `None` for garbage and for codes long forgotten.
    #[must_use]
    pub fn owner_of_code(&self, js_code: &str) -> Option<(AppId, UserId)> {
        let codes = &self.core.login_codes;
        let code = codes.get(codes.find(&js_code.parse::<JsCode>().ok()?)?)?;
        self.names(code.app, code.user)
    }

    /// Whose phone code this is and in which app, whatever its state.
    #[must_use]
    pub fn owner_of_phone_code(&self, code: &str) -> Option<(AppId, UserId)> {
        let codes = &self.core.phone_codes;
        let code = codes.get(codes.find(&code.parse::<PhoneCode>().ok()?)?)?;
        self.names(code.app, code.user)
    }

    /// Which app an access_token is of, dead or alive.
    #[must_use]
    pub fn owner_of_token(&self, access_token: &str) -> Option<AppId> {
        let place = self
            .core
            .tokens
            .get(&access_token.parse::<AccessToken>().ok()?)?;
        self.core.app(place.app).map(|app| app.id.clone())
    }

    /// The login codes of a user, phone by phone in the order of minting, without those long forgotten.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn codes(&self, app: &AppId, user: &UserId) -> Result<Vec<CodeView>, ControlError> {
        let (_, app, no) = self.find_user(app, user)?;
        let user = app.users.get(no).expect("just found");
        let mut views = Vec::new();
        for handset in user.handsets.iter() {
            for number in 1..=handset.n_codes {
                let texts =
                    values::js_codes(self.core.seed, &app.id, &user.name, &handset.device, number);
                let codes = &self.core.login_codes;
                let found = texts
                    .iter()
                    .find_map(|text| Some((*text, codes.get(codes.find(text)?)?)));
                // A forgotten code leaves a gap.
                let Some((text, code)) = found else {
                    continue;
                };
                views.push(CodeView {
                    code: text,
                    user: user.name.clone(),
                    device: handset.device.clone(),
                    key: code.part.key,
                    minted_at: code.minted_at,
                    expires_at: code.expires_at,
                    state: code.state,
                    ended_at: (code.state != crate::CodeState::Fresh).then_some(code.ended_at),
                });
            }
        }
        Ok(views)
    }

    /// Who is logged in to WeChat on a phone of this name, if an account switch said so.
    #[must_use]
    pub fn holder(&self, app: &AppId, device: &DeviceId) -> Option<UserId> {
        let (_, app) = self.find_app(app).ok()?;
        let no = app.holders.get(device)?;
        app.users.get(*no).map(|user| user.name.clone())
    }

    /// The encryption keys a person's pages were given, newest first, at most three; the expired ones included.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn user_keys(&self, app: &AppId, user: &UserId) -> Result<Vec<UserKey>, ControlError> {
        let (_, app, no) = self.find_user(app, user)?;
        let user = app.users.get(no).expect("just found");
        let keys = user
            .installed
            .as_ref()
            .map(|installed| installed.user_keys.all(self.core.seed, &app.id, &user.name));
        Ok(keys.unwrap_or_default())
    }

    /// The rules in effect for an app, or for one of its users.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn policy(&self, app: &AppId, user: Option<&UserId>) -> Result<Policy, ControlError> {
        let Some(user) = user else {
            return Ok((*self.find_app(app)?.1.policy).clone());
        };
        let (_, app, no) = self.find_user(app, user)?;
        Ok((*app.policy_of(app.users.get(no).expect("just found"))).clone())
    }

    /// An app's clock at the wall time `now`.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn clock_view(&self, now: UnixMs, app: &AppId) -> Result<ClockView, ControlError> {
        Ok(self.find_app(app)?.1.clock.view(now.max(self.wall)))
    }

    /// What became of a payload: which key opens it, why the one somebody believed in does not, what was done to the texts
    /// on their way, and which key made the signature beside them.
    ///
    /// Texts damaged in transit are repaired where that is possible, and the damage is named. The keys of every app are tried:
    /// those of `app` and of its `user` first, and what is of others is said to be.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn which_key(
        &self,
        app: Option<&AppId>,
        user: Option<&UserId>,
        evidence: &Evidence<'_>,
    ) -> Result<KeyFinding, ControlError> {
        let mut place = Place::default();
        if let Some(app) = app {
            place.app = Some(self.find_app(app)?.0);
            place.user = user
                .map(|user| self.find_user(app, user))
                .transpose()?
                .map(|(_, _, no)| no);
        }
        Ok(diagnosis::find_key(&self.core, place, evidence))
    }

    pub(super) fn find_app(&self, app: &AppId) -> Result<(AppNo, &App), ControlError> {
        let no = self.core.by_id.get(app).copied();
        let found = no.and_then(|no| Some((no, self.core.app(no)?)));
        found.ok_or_else(|| ControlError::NoSuchApp(app.clone()))
    }

    pub(super) fn find_user(
        &self,
        app: &AppId,
        user: &UserId,
    ) -> Result<(AppNo, &App, UserNo), ControlError> {
        let (no, found) = self.find_app(app)?;
        let user_no = found.users.named(user);
        let user_no = user_no.ok_or_else(|| ControlError::NoSuchUser {
            app: app.clone(),
            user: user.clone(),
        })?;
        Ok((no, found, user_no))
    }

    pub(crate) fn names(&self, app: AppNo, user: UserNo) -> Option<(AppId, UserId)> {
        let app = self.core.app(app)?;
        Some((app.id.clone(), app.users.get(user)?.name.clone()))
    }
}

//! Questions that change nothing. Answers are as of the last command or timeout.

use super::World;
use crate::{
    AccessToken, AppId, AppView, ClockView, CodeView, ControlError, DeviceId, Evidence, JsCode,
    KeyFinding, KeyNo, KeyView, OpenId, PhoneCode, Policy, UnixMs, UserId, UserKey, UserView,
    app::App,
    diagnosis::{self, Place},
    index::{AppNo, UserNo},
    state::Core,
    user::User,
    values,
};

/// A part of a long list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Where to begin: 0, or where the page before said to go on. Means nothing to anybody else.
    pub from: u64,
    /// At most so many.
    pub most: usize,
}

impl Page {
    /// The whole list.
    pub const ALL: Self = Self {
        from: 0,
        most: usize::MAX,
    };
}

/// How much there is in a world.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Apps.
    pub apps: usize,
    /// Users of all apps.
    pub users: usize,
    /// Session keys that are neither displaced nor expired; those that wait for their exchange are among them.
    pub keys_alive: usize,
    /// Session keys that are, and are remembered.
    pub keys_over: usize,
}

/// The keys of a world at one moment, and whose are looked at first.
#[derive(Debug)]
pub struct KeysThen {
    core: Core,
    place: Place,
}

impl KeysThen {
    /// What [`World::which_key`] would have answered then.
    #[must_use]
    pub fn which_key(&self, evidence: &Evidence<'_>) -> KeyFinding {
        diagnosis::find_key(&self.core, self.place, evidence)
    }
}

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
        let view = |(_, user): (UserNo, &User)| {
            user.view(self.core.seed, app.open_platform, &app.policy_of(user))
        };
        Ok(app.users.iter().map(view).collect())
    }

    /// The same in pages, each user with their last [`UserView::KEYS_IN_A_PAGE`] keys; where there are more users, the second
    /// is where to go on.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn users_page(
        &self,
        app: &AppId,
        page: Page,
    ) -> Result<(Vec<UserView>, Option<u64>), ControlError> {
        let (_, app) = self.find_app(app)?;
        let mut users = app.users.iter_from(page.from as usize);
        let view = |(_, user): (UserNo, &User)| self.view_of(app, user, UserView::KEYS_IN_A_PAGE);
        let views = users.by_ref().take(page.most).map(view).collect();
        Ok((views, users.next().map(|(no, _)| u64::from(no.0))))
    }

    /// Where the page after this user begins.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn after_user(&self, app: &AppId, user: &UserId) -> Result<u64, ControlError> {
        Ok(u64::from(self.find_user(app, user)?.2.0) + 1)
    }

    /// One user with their last `n_keys` keys.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn user_with_keys(
        &self,
        app: &AppId,
        user: &UserId,
        n_keys: usize,
    ) -> Result<UserView, ControlError> {
        let (_, app, no) = self.find_user(app, user)?;
        Ok(self.view_of(app, app.users.get(no).expect("just found"), n_keys))
    }

    fn view_of(&self, app: &App, user: &User, n_keys: usize) -> UserView {
        let next = user.ring.next_no().0;
        let from = KeyNo(
            next.saturating_sub(u32::try_from(n_keys).unwrap_or(u32::MAX))
                .max(1),
        );
        user.view_from(
            from,
            self.core.seed,
            app.open_platform,
            &app.policy_of(user),
        )
    }

    /// A user's keys in pages, oldest first; `page.from` is the number of the last key before it. The second is where to go
    /// on, if there are more.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn keys_page(
        &self,
        app: &AppId,
        user: &UserId,
        page: Page,
    ) -> Result<(Vec<KeyView>, Option<u64>), ControlError> {
        let (_, app, no) = self.find_user(app, user)?;
        let user = app.users.get(no).expect("just found");
        let policy = app.policy_of(user);
        let from = u32::try_from(page.from).unwrap_or(u32::MAX - 1);
        let mut keys = user.ring.all_from(KeyNo(from + 1)).map(|(no, _)| no);
        let view = |no| user.key_view(no, &policy);
        let views = keys.by_ref().take(page.most).filter_map(view).collect();
        Ok((views, keys.next().map(|no| u64::from(no.0) - 1)))
    }

    /// How much there is, known without looking at it.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for app in self.core.apps.iter().flatten() {
            counts.apps += 1;
            counts.users += app.users.len();
            counts.keys_alive += app.deadlines.keys.len();
            counts.keys_over += app.n_keys - app.deadlines.keys.len();
        }
        counts
    }

    /// Whether an app has a user of this name.
    #[must_use]
    pub fn has_user(&self, app: &AppId, user: &UserId) -> bool {
        self.find_user(app, user).is_ok()
    }

    /// Names of an app's users, the oldest first, at most so many.
    #[must_use]
    pub fn user_names(&self, app: &AppId, most: usize) -> Vec<UserId> {
        let app = self.find_app(app).ok();
        let users = app.into_iter().flat_map(|(_, app)| app.users.iter());
        users
            .take(most)
            .map(|(_, user)| user.name.clone())
            .collect()
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
        let (_, code) = self.core.login_code(&js_code.parse::<JsCode>().ok()?)?;
        self.names(code.app, code.user)
    }

    /// Whose phone code this is and in which app, whatever its state.
    #[must_use]
    pub fn owner_of_phone_code(&self, code: &str) -> Option<(AppId, UserId)> {
        let (_, code) = self.core.phone_code(&code.parse::<PhoneCode>().ok()?)?;
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
        Ok(self.codes_page(app, user, Page::ALL)?.0)
    }

    /// The same in pages. A page looks at no more numbers of codes than it may have codes; where numbers are left, the third
    /// is where to go on.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn codes_page(
        &self,
        app: &AppId,
        user: &UserId,
        page: Page,
    ) -> Result<(Vec<CodeView>, Option<u64>), ControlError> {
        let (_, app, no) = self.find_user(app, user)?;
        let user = app.users.get(no).expect("just found");
        let (mut handset_at, mut number) = ((page.from >> 32) as usize, page.from as u32);
        let (mut views, mut left) = (Vec::new(), page.most);
        while let Some(handset) = user.handsets.get(handset_at) {
            if number >= handset.n_codes {
                (handset_at, number) = (handset_at + 1, 0);
                continue;
            }
            if left == 0 {
                return Ok((views, Some((handset_at as u64) << 32 | u64::from(number))));
            }
            (left, number) = (left - 1, number + 1);
            let device = &handset.device;
            let texts = values::js_codes(self.core.seed, &app.id, &user.name, device, number);
            let found = texts
                .iter()
                .find_map(|text| Some((*text, self.core.login_code(text)?.1)));
            // A forgotten code leaves a gap.
            let Some((text, code)) = found else {
                continue;
            };
            views.push(CodeView {
                code: text,
                user: user.name.clone(),
                device: device.clone(),
                key: code.part.key,
                minted_at: code.minted_at,
                expires_at: code.expires_at,
                state: code.state,
                ended_at: (code.state != crate::CodeState::Fresh).then_some(code.ended_at),
            });
        }
        Ok((views, None))
    }

    /// Where the page after this login code of a user begins.
    #[must_use]
    pub fn after_code(&self, app: &AppId, user: &UserId, code: &str) -> Option<u64> {
        let (app_no, _, no) = self.find_user(app, user).ok()?;
        let (_, code) = self.core.login_code(&code.parse::<JsCode>().ok()?)?;
        let part = (code.app == app_no && code.user == no).then_some(&code.part)?;
        Some(u64::from(part.device) << 32 | u64::from(part.number))
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
        let place = self.place(app, user)?;
        Ok(diagnosis::find_key(&self.core, place, evidence))
    }

    /// The same question to be answered later, as of now: trying a million keys takes its time.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn keys_as_they_are(
        &mut self,
        app: Option<&AppId>,
        user: Option<&UserId>,
    ) -> Result<KeysThen, ControlError> {
        let place = self.place(app, user)?;
        Ok(KeysThen {
            core: self.core.snapshot(),
            place,
        })
    }

    fn place(&self, app: Option<&AppId>, user: Option<&UserId>) -> Result<Place, ControlError> {
        let mut place = Place::default();
        if let Some(app) = app {
            place.app = Some(self.find_app(app)?.0);
            place.user = user
                .map(|user| self.find_user(app, user))
                .transpose()?
                .map(|(_, _, no)| no);
        }
        Ok(place)
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

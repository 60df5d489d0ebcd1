//! Cloud hosting: the settings, the tokens WeChat hands to a backend it hosts, and a phone's call to such a backend.

use super::{PageResult, Pulled, World};
use crate::{
    AccessToken, AppId, CloudHosting, Command, ContainerCall, ControlError, DeviceFail, EventKind,
    TokenReply, UnixMs, Who, WxError, event::TokenKind,
};

/// The api as a page calls it.
const CALL_CONTAINER: &str = "cloud.callContainer";

impl World {
    /// Says how an app's backend is hosted, or (`None`) that WeChat does not host it.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::Cloud`].
    pub fn set_cloud(
        &mut self,
        now: UnixMs,
        app: &AppId,
        hosting: Option<CloudHosting>,
    ) -> Pulled<()> {
        self.record(now, || Command::SetCloud(app.clone(), hosting.clone()));
        if let Some(hosting) = &hosting {
            hosting.check()?;
        }
        let (no, _) = self.find_app(app)?;
        self.begin(now);
        Ok(self.changed(no, None, "cloud hosting changed", |turn, _| {
            turn.app.cloud = hosting.map(Box::new);
        }))
    }

    /// How an app's backend is hosted.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn cloud(&self, app: &AppId) -> Result<Option<&CloudHosting>, ControlError> {
        Ok(self.find_app(app)?.1.cloud.as_deref())
    }

    /// The apps whose backends may call over http without a token.
    #[must_use]
    pub fn apps_with_open_api(&self) -> Vec<AppId> {
        let apps = self.core.apps.iter().flatten();
        apps.filter(|app| app.cloud.as_ref().is_some_and(|cloud| cloud.open_api))
            .map(|app| app.id.clone())
            .collect()
    }

    /// Whether this is a `cloudbase_access_token` of one of the apps, alive or not; `None` if it is nobody's token.
    #[must_use]
    pub fn is_cloud_token(&self, token: &str) -> Option<bool> {
        let token = token.parse::<AccessToken>().ok()?;
        let place = self.core.tokens.get(&token)?;
        Some(place.kind == TokenKind::Cloud)
    }

    /// The `cloudbase_access_token` that WeChat puts into an app's container now: one for ten minutes, each of which lives thirty.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn cloud_token(&mut self, now: UnixMs, app: &AppId) -> Pulled<TokenReply> {
        self.record(now, || Command::CloudToken(app.clone()));
        let (no, _) = self.find_app(app)?;
        self.begin(now);
        Ok(self
            .on_app(no, |turn| turn.hand_out(TokenKind::Cloud, false))
            .map(|handed: Result<TokenReply, WxError>| {
                handed.expect("no quota counts these tokens")
            }))
    }

    /// `wx.cloud.callContainer`: what WeChat tells the backend of the person whose page calls it. No login comes before it.
    ///
    /// An app that WeChat does not host is told so as a failure whose text is ours.
    pub fn call_container(&mut self, now: UnixMs, who: &Who) -> PageResult<ContainerCall> {
        self.record(now, || Command::CallContainer(who.clone()));
        self.on_phone(now, who, CALL_CONTAINER, |turn, no| {
            let hosting = turn.app.cloud.as_deref().cloned();
            let hosting = hosting.ok_or_else(|| DeviceFail::new(CALL_CONTAINER, " no env"))?;
            let handed = turn.hand_out(TokenKind::Cloud, false);
            let kind = EventKind::ContainerCalled {
                device: who.device.clone(),
            };
            turn.note(Some(no), kind);
            let user = turn.user(no);
            Ok(ContainerCall {
                appid: turn.app.id.clone(),
                openid: user.openid,
                unionid: user.unionid(turn.seed, turn.app.open_platform),
                cloudbase_access_token: handed.expect("no quota counts these tokens").access_token,
                hosting,
            })
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::{DeviceId, NewApp, NewUser, Seed, Span, UserId, errcode};

    const T0: UnixMs = UnixMs(1_700_000_000_000);

    fn world() -> (World, AppId) {
        let mut world = World::new(Seed(1));
        let app = world.create_app(T0, NewApp::default()).unwrap().reply.appid;
        let alice = NewUser::named(UserId::parse("alice").unwrap());
        world.create_user(T0, &app, alice).unwrap();
        (world, app)
    }

    #[test]
    fn a_token_is_one_for_ten_minutes_and_lives_thirty() {
        let (mut world, app) = world();
        let at = |m| T0.plus(Span::m(m));
        let mut token = |m| world.cloud_token(at(m), &app).unwrap().reply;
        let first = token(0);
        assert_eq!(first.expires_in, 1800);
        assert_eq!(token(9).access_token, first.access_token);
        let second = token(10);
        assert_ne!(second.access_token, first.access_token);
        let text = Some(first.access_token.to_string());
        let mut check = |m| {
            let request = crate::SignedRequest {
                access_token: text.clone(),
                ..crate::SignedRequest::default()
            };
            world.checksession(at(m), &request).reply.unwrap_err()
        };
        // The token is good, so the call gets as far as its openid.
        assert_eq!(check(29), errcode::INVALID_OPENID);
        assert_eq!(check(30), errcode::ACCESS_TOKEN_EXPIRED);
        assert_eq!(
            world.is_cloud_token(first.access_token.as_ref()),
            Some(true)
        );
        assert_eq!(world.is_cloud_token("78_nobody"), None);
    }

    #[test]
    fn a_container_is_told_who_calls_once_there_is_one() {
        let (mut world, app) = world();
        let who = Who {
            app: app.clone(),
            user: UserId::parse("alice").unwrap(),
            device: DeviceId::parse("phone").unwrap(),
        };
        assert!(world.call_container(T0, &who).reply.is_err());
        let hosting = CloudHosting::default();
        world.set_cloud(T0, &app, Some(hosting)).unwrap();
        let told = world.call_container(T0, &who).reply.unwrap();
        let alice = world.user(&app, &who.user).unwrap();
        assert_eq!(told.openid, alice.openid);
        assert_eq!(told.unionid, alice.unionid);
        assert!(world.apps_with_open_api().is_empty());
        let open = CloudHosting {
            open_api: true,
            ..CloudHosting::default()
        };
        world.set_cloud(T0, &app, Some(open)).unwrap();
        assert_eq!(world.apps_with_open_api(), [app]);
    }
}

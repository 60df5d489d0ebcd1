//! Message push: the settings, the sending on command, the repeats, and what the backend made of it.

use super::{Pulled, World, turn::Turn};
use crate::{
    AppId, Command, ControlError, EventKind, PushAnswer, PushNo, PushRequest, PushSettings,
    PushState, PushView, PushWhat, UnixMs,
    push::{Addressed, Push, judge},
    values,
};

impl World {
    /// Sets where an app's pushes go, or (`None`) that it has none. Pushes under way keep the settings they were made with.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::Push`].
    pub fn set_push(
        &mut self,
        now: UnixMs,
        app: &AppId,
        settings: Option<PushSettings>,
    ) -> Pulled<()> {
        self.record(now, || {
            Command::SetPush(app.clone(), settings.clone().map(Box::new))
        });
        if let Some(settings) = &settings {
            settings.check()?;
        }
        let (no, _) = self.find_app(app)?;
        self.begin(now);
        Ok(self.changed(no, None, "push settings changed", |turn, _| {
            turn.app.push.settings = settings;
        }))
    }

    /// An app's push settings.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn push_settings(&self, app: &AppId) -> Result<Option<&PushSettings>, ControlError> {
        Ok(self.find_app(app)?.1.push.settings.as_ref())
    }

    /// Begins a push. Its first attempt is due at once: an [`EventKind::PushSent`] says so, and [`World::push_request`] has the bytes.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`], [`ControlError::Push`] for an event WeChat would not send so or
    /// an app without push settings.
    pub fn push(&mut self, now: UnixMs, app: &AppId, what: PushWhat) -> Pulled<PushView> {
        self.record(now, || Command::Push(app.clone(), what.clone()));
        let (no, found) = self.find_app(app)?;
        let settings = found
            .push
            .settings
            .clone()
            .ok_or(ControlError::Push {
                field: "url",
                why: "is not set: this app has no push settings; PUT /_mock/v1/apps/{app}/push or [app.push] gives it some",
            })?;
        let user = match &what {
            PushWhat::Event(event) => {
                event.check()?;
                event
                    .user
                    .as_ref()
                    .map(|user| self.find_user(app, user).map(|(_, _, no)| no))
                    .transpose()?
            }
            PushWhat::UrlVerification => None,
        };
        self.begin(now);
        Ok(self.on_app(no, |turn| {
            let number = turn.app.push.next_no();
            let drawn = values::push(turn.seed, &turn.app.id, number.0);
            let addressed = Addressed {
                app: &turn.app.id,
                settings: &settings,
                to_user_name: values::original_id(turn.seed, &turn.app.id),
                from_user_name: values::push_service(turn.seed, &turn.app.id),
                openid: user.map(|user| turn.user(user).openid),
                at: turn.at,
                nonce: drawn.nonce,
                random: drawn.random,
                echostr: drawn.echostr.clone(),
            };
            let (query, body) = addressed.write(&what);
            let number = turn.app.push.add(Push {
                what,
                at: turn.at,
                settings: settings.clone(),
                query,
                body,
                echostr: drawn.echostr,
                attempts: 0,
                state: PushState::Sending,
            });
            turn.send_push(turn.at, number);
            turn.app.push.view(number).expect("just added")
        }))
    }

    /// What to send for the attempt under way; `None` if there is none.
    #[must_use]
    pub fn push_request(&self, app: &AppId, no: PushNo) -> Option<PushRequest> {
        let (_, app) = self.find_app(app).ok()?;
        let push = app.push.get(no)?;
        (push.state == PushState::Sending)
            .then(|| app.push.request(no))
            .flatten()
    }

    /// Takes what came back for an attempt, and decides: taken, wrong, to be repeated, given up. An attempt that is no longer the
    /// one under way changes nothing and is `None`.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn push_answered(
        &mut self,
        now: UnixMs,
        app: &AppId,
        no: PushNo,
        attempt: u32,
        heard: &PushAnswer,
    ) -> Pulled<Option<PushView>> {
        self.record(now, || {
            Command::PushAnswered(app.clone(), no, attempt, heard.clone())
        });
        let (app_no, _) = self.find_app(app)?;
        self.begin(now);
        Ok(self.on_app(app_no, |turn| turn.push_answered(no, attempt, heard)))
    }

    /// One push.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchPush`].
    pub fn push_view(&self, app: &AppId, no: PushNo) -> Result<PushView, ControlError> {
        let found = self.find_app(app)?.1.push.view(no);
        found.ok_or(ControlError::NoSuchPush(no.0))
    }

    /// All pushes of an app still remembered, oldest first.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn pushes(&self, app: &AppId) -> Result<Vec<PushView>, ControlError> {
        Ok(self.find_app(app)?.1.push.views())
    }
}

impl Turn<'_> {
    /// An attempt is due: counts it and tells the shell.
    pub(super) fn send_push(&mut self, at: UnixMs, no: PushNo) {
        let Some(push) = self.app.push.get_mut(no) else {
            return;
        };
        if push.state.is_over() {
            return;
        }
        push.attempts += 1;
        push.state = PushState::Sending;
        let (event, attempt) = (push.what.name().to_owned(), push.attempts);
        self.note_at(
            at,
            None,
            EventKind::PushSent {
                push: no,
                event,
                attempt,
            },
        );
    }

    fn push_answered(&mut self, no: PushNo, attempt: u32, heard: &PushAnswer) -> Option<PushView> {
        let at = self.at;
        let app = self.app.id.clone();
        let push = self
            .app
            .push
            .get_mut(no)
            .filter(|push| push.state == PushState::Sending && push.attempts == attempt)?;
        let verdict = judge(&app, &push.settings, &push.what, &push.echostr, heard);
        let retry_at = push.settle(at, &verdict);
        let event = push.what.name().to_owned();
        if let Some(retry_at) = retry_at {
            self.app.deadlines.pushes.insert((retry_at, no));
        }
        self.note(
            None,
            EventKind::PushAnswered {
                push: no,
                event,
                attempt,
                verdict,
                retry_at,
            },
        );
        // A repeat without a wait is due now.
        self.settle();
        self.app.push.view(no)
    }
}

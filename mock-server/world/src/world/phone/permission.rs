//! What a page asks a person for: `wx.authorize`, `wx.getSetting`, `wx.openSetting`, the avatar button.

use crate::{
    Command, Consent, DeviceFail, EventKind, Scope, UnixMs, Who,
    index::UserNo,
    values,
    world::{PageResult, World, turn::Turn},
};

impl World {
    /// `wx.authorize`: asks the person for a scope, if they never were; `answer` is what they say to this very question, else
    /// their switch decides.
    ///
    /// Who has refused is not asked again, the call fails at once. Unknown: what a phone answers for `scope.userInfo`, for which
    /// it has shown no question since 2018; here it is one like the others.
    pub fn authorize(
        &mut self,
        now: UnixMs,
        who: &Who,
        scope: Scope,
        answer: Option<Consent>,
    ) -> PageResult<()> {
        self.record(now, || Command::Authorize(who.clone(), scope, answer));
        self.on_phone(now, who, "authorize", |turn, no| {
            match turn.decision(no, scope) {
                Some(true) => Ok(()),
                Some(false) => Err(denial("authorize")),
                None => turn.ask_for_scope(no, who, "authorize", scope, answer),
            }
        })
    }

    /// `wx.getSetting`: what the person was asked for and said, in the order of [`Scope::ALL`].
    pub fn get_setting(&mut self, now: UnixMs, who: &Who) -> PageResult<Vec<(Scope, bool)>> {
        self.record(now, || Command::GetSetting(who.clone()));
        self.on_phone(now, who, "getSetting", |turn, no| Ok(turn.setting(no)))
    }

    /// `wx.openSetting`: shows the person the same list; `turned` is the switch they turn before they come back. As in WeChat
    /// only what they were asked for before is on that page, anything else is left alone.
    pub fn open_setting(
        &mut self,
        now: UnixMs,
        who: &Who,
        turned: Option<(Scope, bool)>,
    ) -> PageResult<Vec<(Scope, bool)>> {
        self.record(now, || Command::OpenSetting(who.clone(), turned));
        self.on_phone(now, who, "openSetting", |turn, no| {
            if let Some((scope, allowed)) = turned
                && turn.decision(no, scope).is_some()
                && !scope.is_granted_to_all()
            {
                turn.decide(no, who, scope, allowed);
            }
            Ok(turn.setting(no))
        })
    }

    /// The avatar button: the path of a temporary file on the phone, never the same twice.
    pub fn choose_avatar(
        &mut self,
        now: UnixMs,
        who: &Who,
        answer: Option<Consent>,
    ) -> PageResult<String> {
        self.record(now, || Command::ChooseAvatar(who.clone(), answer));
        self.on_phone(now, who, "chooseAvatar", |turn, no| {
            let consent = answer.unwrap_or_else(|| turn.user(no).switches().avatar);
            if let Some(fail) = consent.refusal("chooseAvatar") {
                return Err(fail);
            }
            let installed = turn.user_mut(no).installed();
            installed.n_avatars += 1;
            let number = installed.n_avatars;
            Ok(values::avatar(turn.seed, &turn.app.id, &who.user, number))
        })
    }
}

impl Turn<'_> {
    /// Whether the person lets `api` have what the scope covers: as they decided, else as they answer now, which is remembered.
    pub(super) fn ask_for_scope(
        &mut self,
        no: UserNo,
        who: &Who,
        api: &'static str,
        scope: Scope,
        answer: Option<Consent>,
    ) -> Result<(), DeviceFail> {
        let consent = answer.unwrap_or_else(|| self.user(no).switches().consent_to(scope));
        let decided = self.decision(no, scope).filter(|_| answer.is_none());
        match (decided, consent) {
            // Only a no of the person can have been overtaken by a yes of theirs; the app's own lacks remain.
            (Some(true), consent) if consent.denies() => return Ok(()),
            (Some(false), Consent::Allow) => return Err(denial(api)),
            _ => {}
        }
        let refusal = consent.refusal(api);
        if decided.is_none() && (refusal.is_none() || consent.denies()) {
            self.decide(no, who, scope, refusal.is_none());
        }
        refusal.map_or(Ok(()), Err)
    }

    fn decision(&self, no: UserNo, scope: Scope) -> Option<bool> {
        match &self.user(no).installed {
            Some(installed) => installed.decision(scope),
            None => scope.is_granted_to_all().then_some(true),
        }
    }

    fn decide(&mut self, no: UserNo, who: &Who, scope: Scope, allowed: bool) {
        self.user_mut(no).installed().decide(scope, allowed);
        let kind = EventKind::ScopeDecided {
            device: who.device.clone(),
            scope,
            allowed,
        };
        self.note(Some(no), kind);
    }

    fn setting(&self, no: UserNo) -> Vec<(Scope, bool)> {
        Scope::ALL
            .iter()
            .filter_map(|scope| Some((*scope, self.decision(no, *scope)?)))
            .collect()
    }
}

/// What the fail callback gets after a no.
fn denial(api: &str) -> DeviceFail {
    Consent::Deny.refusal(api).expect("a denial is a refusal")
}

//! What happens to a phone without the page: data is fetched ahead, another person logs in to WeChat, the mini program is
//! removed. And the encryption key WeChat keeps for page and backend.

use crate::{
    Command, DeviceFail, EventKind, FetchedData, LoginDemand, Prefetch, UnixMs, UserKey, Who,
    ids::Tail,
    world::{PageResult, World},
};

/// Most bytes of a token of a page's. Source: official page of setBackgroundFetchToken.
const TOKEN_MAX: usize = 1024;

impl World {
    /// WeChat opens the mini program and fetches data ahead: the token the page left on this phone goes along, else a login code
    /// that no page has asked for. Such a code is one like any other: it may rotate the key and `wx.checkSession` judges its key.
    pub fn prefetch(&mut self, now: UnixMs, who: &Who) -> PageResult<Prefetch> {
        self.record(now, || Command::Prefetch(who.clone()));
        self.on_phone(now, who, "prefetch", |turn, no| {
            let installed = turn.user(no).installed.as_ref();
            let token = installed
                .and_then(|installed| installed.prefetching.get(&who.device))
                .map(|prefetching| prefetching.token.clone())
                .filter(|token| !token.is_empty());
            let login = match token {
                Some(_) => None,
                None => Some(turn.obtain_code(no, who, LoginDemand::default())),
            };
            let kind = EventKind::DataPrefetched {
                device: who.device.clone(),
                code: login.as_ref().map(|login| Tail::of(login.code.as_str())),
            };
            turn.note(Some(no), kind);
            Ok(Prefetch {
                token,
                code: login.as_ref().map(|login| login.code),
                key_no: login.map(|login| login.bound_key_no),
            })
        })
    }

    /// The phone keeps what was fetched ahead, in place of what it had.
    pub fn keep_fetched(&mut self, now: UnixMs, who: &Who, fetched: FetchedData) -> PageResult<()> {
        self.record(now, || Command::KeepFetched(who.clone(), fetched.clone()));
        self.on_phone(now, who, "prefetch", |turn, no| {
            let installed = turn.user_mut(no).installed();
            let prefetching = installed.prefetching.entry(who.device.clone());
            prefetching.or_default().data = Some(fetched);
            Ok(())
        })
    }

    /// `wx.getBackgroundFetchData`: what was fetched ahead last.
    ///
    /// How a phone words that there is nothing is unknown; the text is ours.
    pub fn get_background_fetch_data(&mut self, now: UnixMs, who: &Who) -> PageResult<FetchedData> {
        self.record(now, || Command::GetBackgroundFetchData(who.clone()));
        const API: &str = "getBackgroundFetchData";
        self.on_phone(now, who, API, |turn, no| {
            let installed = turn.user(no).installed.as_ref();
            installed
                .and_then(|installed| installed.prefetching.get(&who.device)?.data.clone())
                .ok_or_else(|| DeviceFail::new(API, " no data"))
        })
    }

    /// `wx.setBackgroundFetchToken`: what goes along from now on in place of a code; an empty text takes it back.
    ///
    /// How a phone words one that is too long is unknown; the text is ours.
    pub fn set_background_fetch_token(
        &mut self,
        now: UnixMs,
        who: &Who,
        token: &str,
    ) -> PageResult<()> {
        self.record(now, || {
            Command::SetBackgroundFetchToken(who.clone(), token.to_owned())
        });
        const API: &str = "setBackgroundFetchToken";
        self.on_phone(now, who, API, |turn, no| {
            if token.len() > TOKEN_MAX {
                return Err(DeviceFail::new(API, " token longer than 1024 bytes"));
            }
            let installed = turn.user_mut(no).installed();
            let prefetching = installed.prefetching.entry(who.device.clone());
            prefetching.or_default().token = token.to_owned();
            Ok(())
        })
    }

    /// `wx.getBackgroundFetchToken`: what was set; empty if nothing was.
    pub fn get_background_fetch_token(&mut self, now: UnixMs, who: &Who) -> PageResult<String> {
        self.record(now, || Command::GetBackgroundFetchToken(who.clone()));
        self.on_phone(now, who, "getBackgroundFetchToken", |turn, no| {
            let installed = turn.user(no).installed.as_ref();
            let token = installed
                .and_then(|installed| installed.prefetching.get(&who.device))
                .map(|prefetching| prefetching.token.clone());
            Ok(token.unwrap_or_default())
        })
    }

    /// The person logs in to WeChat on this phone; from now on [`World::holder`] says so. Codes and keys are untouched, and so is
    /// whatever a page has stored.
    pub fn switch_account(&mut self, now: UnixMs, who: &Who) -> PageResult<()> {
        self.record(now, || Command::SwitchAccount(who.clone()));
        self.on_phone(now, who, "switchAccount", |turn, no| {
            turn.app.holders.insert(who.device.clone(), no);
            let kind = EventKind::AccountSwitched {
                device: who.device.clone(),
            };
            turn.note(Some(no), kind);
            Ok(())
        })
    }

    /// The person removes the mini program from this phone: what they allowed is forgotten, and what was fetched ahead.
    ///
    /// Unknown: whether WeChat ends the session_key as well; here it lives on.
    pub fn uninstall(&mut self, now: UnixMs, who: &Who) -> PageResult<()> {
        self.record(now, || Command::Uninstall(who.clone()));
        self.on_phone(now, who, "uninstall", |turn, no| {
            if let Some(installed) = &mut turn.user_mut(no).installed {
                installed.uninstall(&who.device);
            }
            let kind = EventKind::Uninstalled {
                device: who.device.clone(),
            };
            turn.note(Some(no), kind);
            Ok(())
        })
    }

    /// `getUserCryptoManager().getLatestUserKey`: the encryption key that is alive, made now if there is none. Needs no login.
    pub fn get_latest_user_key(&mut self, now: UnixMs, who: &Who) -> PageResult<UserKey> {
        self.record(now, || Command::GetLatestUserKey(who.clone()));
        self.on_phone(now, who, "getLatestUserKey", |turn, no| {
            let (seed, at) = (turn.seed, turn.at);
            let (version, is_new) = turn.user_mut(no).installed().user_keys.latest(at);
            if is_new {
                turn.note(Some(no), EventKind::UserKeyIssued { version });
            }
            let installed = turn.user(no).installed.as_ref();
            let latest = installed
                .and_then(|installed| {
                    let keys = installed.user_keys.all(seed, &turn.app.id, &who.user);
                    keys.into_iter().next()
                })
                .expect("one was just made or found alive");
            Ok(latest)
        })
    }
}

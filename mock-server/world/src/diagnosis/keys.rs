//! Every key there is, in the order in which it is likely to be the one, and whose a key is.

use serde::{Deserialize, Serialize};

use super::open::{Fit, Payload, try_key};
use crate::{
    AppId, DeviceId, KeyCause, KeyNo, SessionKey, UnixMs, UserId,
    app::App,
    index::{AppNo, UserNo},
    state::Core,
    user::User,
    values,
};

/// How many keys never issued to a user are tried: the numbers below this.
const NEVER_ISSUED_TRIED: u32 = 16;
/// For how many users they are tried if none is named: there is one more key for each number and user.
const NEVER_ISSUED_USERS: usize = 1000;

/// Whose key something was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "key", rename_all = "snake_case")]
pub enum Opener {
    /// One that WeChat issued.
    Issued {
        /// In which app.
        app: AppId,
        /// To whom.
        user: UserId,
        /// Its number.
        no: KeyNo,
        /// Whether the app is another than the one that was asked about.
        #[serde(default)]
        other_app: bool,
        /// Whether the person is another than the one that was asked about.
        #[serde(default)]
        other_user: bool,
        /// Whether it is in force now.
        current: bool,
        /// When a newer key took its place.
        displaced_at: Option<UnixMs>,
        /// Which key that was.
        displaced_by: Option<KeyNo>,
        /// Why that one was issued.
        #[serde(default)]
        displaced_because: Option<KeyCause>,
        /// The phone whose login or exchange caused that.
        #[serde(default)]
        displaced_from: Option<DeviceId>,
        /// When it expired.
        expired_at: Option<UnixMs>,
    },
    /// One that WeChat never issued; made by the phone on request.
    NeverIssued {
        /// Whose phone.
        user: UserId,
        /// Its number among those never issued.
        number: u32,
    },
    /// The one that was believed in, which no app has ever seen.
    Stranger,
}

/// Where to look first, and what counts as somebody else's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) app: Option<AppNo>,
    pub(crate) user: Option<UserNo>,
}

/// Whose key it is that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Issued(AppNo, UserNo, KeyNo),
    NeverIssued(AppNo, UserNo, u32),
    Stranger,
}

/// All apps, the one asked about first.
fn apps(core: &Core, place: Place) -> impl Iterator<Item = (AppNo, &App)> {
    let all = (0..core.apps.len()).map(AppNo::at);
    place
        .app
        .into_iter()
        .chain(all.filter(move |no| Some(*no) != place.app))
        .filter_map(|no| Some((no, core.app(no)?)))
}

/// The users of one app, the one asked about first.
fn users(app_no: AppNo, app: &App, place: Place) -> impl Iterator<Item = (UserNo, &User)> {
    let named = place.user.filter(|_| place.app == Some(app_no));
    let first = named.and_then(|no| Some((no, app.users.get(no)?)));
    first
        .into_iter()
        .chain(app.users.iter().filter(move |(no, _)| Some(*no) != named))
}

/// Everybody: those of the app asked about first, and the person asked about before all.
pub(super) fn everybody(
    core: &Core,
    place: Place,
) -> impl Iterator<Item = (AppNo, &App, UserNo, &User)> {
    apps(core, place)
        .flat_map(move |(no, app)| users(no, app, place).map(move |(u, user)| (no, app, u, user)))
}

/// Every key ever issued: in the order of [`everybody`], of one person the newest first, because it is the likeliest.
pub(super) fn issued(core: &Core, place: Place) -> impl Iterator<Item = (Owner, SessionKey)> {
    everybody(core, place).flat_map(|(app, _, no, user)| {
        let keys: Vec<_> = user.ring.all().collect();
        keys.into_iter()
            .rev()
            .map(move |(key_no, key)| (Owner::Issued(app, no, key_no), key.session_key))
    })
}

/// Keys a phone of the app asked about makes on request.
fn never_issued(core: &Core, place: Place) -> impl Iterator<Item = (Owner, SessionKey)> {
    let some = if place.user.is_some() {
        1
    } else {
        NEVER_ISSUED_USERS
    };
    everybody(core, place)
        .filter(move |(app, ..)| place.app.is_none_or(|asked| asked == *app))
        .take(some)
        .flat_map(move |(app_no, app, no, user)| {
            (0..NEVER_ISSUED_TRIED).map(move |n| {
                let key = values::never_issued_key(core.seed, &app.id, &user.name, n);
                (Owner::NeverIssued(app_no, no, n), key)
            })
        })
}

pub(super) struct Found {
    pub(super) owner: Owner,
    pub(super) fit: Fit,
    pub(super) plaintext: Vec<u8>,
}

/// The best fit among all keys there are; those never issued and the believed one last.
pub(super) fn search(
    core: &Core,
    place: Place,
    payload: &Payload<'_>,
    believed: Option<SessionKey>,
) -> Option<Found> {
    let mut best: Option<Found> = None;
    let stranger = believed.map(|key| (Owner::Stranger, key));
    for (owner, key) in issued(core, place)
        .chain(never_issued(core, place))
        .chain(stranger)
    {
        let Some((fit, plaintext)) = try_key(payload, &key) else {
            continue;
        };
        if best.as_ref().is_none_or(|best| fit > best.fit) {
            best = Some(Found {
                owner,
                fit,
                plaintext,
            });
        }
        if fit == Fit::Whole {
            break;
        }
    }
    best
}

/// Whose key this is.
pub(super) fn owner_of<'a>(
    core: &'a Core,
    place: Place,
    key: &SessionKey,
) -> Option<(AppNo, &'a App, UserNo, &'a User, KeyNo)> {
    everybody(core, place).find_map(|(app_no, app, no, user)| {
        let (key_no, _) = user.ring.all().find(|(_, held)| held.session_key == *key)?;
        Some((app_no, app, no, user, key_no))
    })
}

impl Owner {
    /// The key with its names and its end.
    pub(super) fn describe(self, core: &Core, place: Place) -> Opener {
        match self {
            Self::Stranger => Opener::Stranger,
            Self::NeverIssued(app, no, number) => core
                .app(app)
                .and_then(|app| app.users.get(no))
                .map_or(Opener::Stranger, |user| Opener::NeverIssued {
                    user: user.name.clone(),
                    number,
                }),
            Self::Issued(app, user, no) => {
                issued_opener(core, place, app, user, no).unwrap_or(Opener::Stranger)
            }
        }
    }
}

fn issued_opener(
    core: &Core,
    place: Place,
    app_no: AppNo,
    user_no: UserNo,
    no: KeyNo,
) -> Option<Opener> {
    let app = core.app(app_no)?;
    let user = app.users.get(user_no)?;
    let policy = app.policy_of(user);
    let view = user.key_view(no, &policy)?;
    let successor = view.displaced_by.and_then(|by| user.key_view(by, &policy));
    let (because, from) = successor.map(|key| (key.cause, key.device)).unzip();
    let other_app = place.app.is_some_and(|asked| asked != app_no);
    Some(Opener::Issued {
        app: app.id.clone(),
        user: user.name.clone(),
        no,
        other_app,
        other_user: !other_app && place.user.is_some_and(|asked| asked != user_no),
        current: view.current,
        displaced_at: view.displaced_at,
        displaced_by: view.displaced_by,
        displaced_because: because,
        displaced_from: from,
        expired_at: view.expired_at,
    })
}

//! Mistakes of whoever drives the world by hand. What WeChat refuses is data ([`crate::WxError`]), not one of these.

use crate::{AppId, KeyNo, UserId, policy::PolicyError};

/// A lever that could not be pulled; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The app does not exist.
    #[error("no app {0}")]
    NoSuchApp(AppId),
    /// The user does not exist in that app.
    #[error("no user {user} in app {app}")]
    NoSuchUser {
        /// The app.
        app: AppId,
        /// The name asked for.
        user: UserId,
    },
    /// An app with this id exists.
    #[error("app {0} exists already")]
    AppExists(AppId),
    /// The id is not one of that kind of account.
    #[error("the id of such an account begins with {want}, not as {app} does")]
    AppIdOfAnotherKind {
        /// The id.
        app: AppId,
        /// How it would begin.
        want: &'static str,
    },
    /// A third-party platform or app has no users: people use the mini programs, or are of the companies, that authorised it.
    #[error(
        "{0} is a third-party platform or app, which has no users; people belong to a mini program or a WeCom company"
    )]
    NoPeople(AppId),
    /// A user with this name exists in that app.
    #[error("user {user} exists already in app {app}")]
    UserExists {
        /// The app.
        app: AppId,
        /// The name wanted.
        user: UserId,
    },
    /// Another user of that app has this openid.
    #[error("the openid is already that of user {owner}")]
    OpenidTaken {
        /// Who has it.
        owner: UserId,
    },
    /// The user never logged in, or no key of theirs is alive.
    #[error("user {user} has no live session_key; log in first")]
    NoLiveKey {
        /// The user.
        user: UserId,
    },
    /// The user has no key with this number.
    #[error("user {user} has no key {key}")]
    NoSuchKey {
        /// The user.
        user: UserId,
        /// The number asked for.
        key: KeyNo,
    },
    /// A knob is out of range.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The clock cannot do that.
    #[error("clock {0}")]
    Clock(&'static str),
    /// The app has no push with this number, or it is forgotten.
    #[error("no push {0}")]
    NoSuchPush(u32),
    /// A push setting or an event cannot be used.
    #[error("push setting {field}: {why}")]
    Push {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and the way out.
        why: &'static str,
    },
    /// A setting of cloud hosting cannot be used.
    #[error("cloud setting {field}: {why}")]
    Cloud {
        /// The field.
        field: &'static str,
        /// What is wrong with it, and the way out.
        why: &'static str,
    },
    /// A field of a user is out of range.
    #[error("user field {field} {why}")]
    BadUser {
        /// The field.
        field: &'static str,
        /// What it must be.
        why: &'static str,
    },
}

/// A stored state that cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It was written in another format.
    #[error("the state has version {found}; this wxmock reads version {want}")]
    Version {
        /// What the state says.
        found: u32,
        /// What we read.
        want: u32,
    },
    /// Its parts contradict each other.
    #[error("the state contradicts itself: {0}")]
    Inconsistent(String),
}

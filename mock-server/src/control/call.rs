//! One admin call: its path parameters, query and body, and the app and user it names.

use std::ops::ControlFlow;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use wxmock_world::{AppId, AppKind, AppView, UserId};

use super::error::{ApiError, decode};
use super::table::Params;
use crate::Handle;
use crate::http::Request;

/// What a handler is given.
pub(crate) struct Call<'a> {
    pub(crate) handle: &'a Handle,
    pub(crate) request: &'a Request,
    pub(crate) params: Params,
}

impl Call<'_> {
    /// The app of the path: an appid, a name, or `default` for the only one.
    pub(crate) fn app(&self) -> Result<AppView, ApiError> {
        let name = self.params.get("app");
        app(self.handle, Some(name).filter(|name| *name != "default"))
    }

    /// The app and the user of the path.
    pub(crate) fn app_and_user(&self) -> Result<(AppId, UserId), ApiError> {
        let app = self.app()?;
        let user = user(self.handle, &app, Some(self.params.get("user")))?;
        Ok((app.appid, user))
    }

    /// Forgets what a deleted user or app leaves behind, so that the memory is given back before the answer.
    pub(crate) fn forget_departed(&self) {
        self.handle
            .in_steps(|world, _| match world.forget_departed() {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            });
    }

    /// A number in the path.
    pub(crate) fn number<T: FromStr>(&self, name: &'static str) -> Result<T, ApiError> {
        let text = self.params.get(name);
        text.parse()
            .map_err(|_| ApiError::invalid(name, format!("`{text}` is not a number")))
    }

    /// The JSON body.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        decode(&self.request.body)
    }

    /// A query parameter, if it is there.
    pub(crate) fn query<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ApiError> {
        let read = |text: &str| {
            text.parse()
                .map_err(|error| ApiError::invalid(name, format!("`{text}`: {error}")))
        };
        self.request.param(name).map(|text| read(&text)).transpose()
    }

    /// Refuses query parameters nobody reads: a filter with a typo would otherwise match everything.
    pub(crate) fn accept_query(&self, accepted: &[&str]) -> Result<(), ApiError> {
        accept(&self.request.query(), accepted)
    }
}

/// Refuses parameters that are not among the accepted ones.
pub(crate) fn accept(pairs: &[(String, String)], accepted: &[&str]) -> Result<(), ApiError> {
    accept_names(pairs.iter().map(|(name, _)| name), accepted)
}

/// The same, where values are of another kind.
pub(crate) fn accept_names<'a>(
    mut names: impl Iterator<Item = &'a String>,
    accepted: &[&str],
) -> Result<(), ApiError> {
    match names.find(|name| !accepted.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(
            ApiError::invalid(name, format!("unknown parameter `{name}`"))
                .hint(crate::names::hint(name, accepted)),
        ),
    }
}

/// An app by appid or name; without one, the only mini program.
pub(crate) fn app(handle: &Handle, named: Option<&str>) -> Result<AppView, ApiError> {
    app_of_kind(handle, named, AppKind::MiniProgram)
}

/// An app by appid or name; without one, the only app of that kind, or the only app.
pub(crate) fn app_of_kind(
    handle: &Handle,
    named: Option<&str>,
    kind: AppKind,
) -> Result<AppView, ApiError> {
    if let Some(appid) = named.and_then(|named| AppId::parse(named).ok())
        && let Ok(app) = handle.with_world(|world, _| world.app(&appid))
    {
        return Ok(app);
    }
    let apps = handle.with_world(|world, _| world.apps());
    let Some(wrong) = named else {
        let (of_kind, others): (Vec<_>, Vec<_>) =
            apps.into_iter().partition(|app| app.kind == kind);
        let apps = if of_kind.is_empty() { others } else { of_kind };
        return match <[AppView; 1]>::try_from(apps) {
            Ok([only]) => Ok(only),
            Err(apps) if apps.is_empty() => Err(ApiError::new(404, "no-app", "there is no app")
                .hint("create one: POST /_mock/v1/apps")),
            Err(apps) => Err(ApiError::invalid(
                "app",
                format!("there are {} apps, so one must be named", apps.len()),
            )
            .hint(format!("accepted: {}", app_names(&apps).join(", ")))),
        };
    };
    apps.iter()
        .find(|app| app.name == wrong)
        .cloned()
        .ok_or_else(|| {
            let known = app_names(&apps);
            ApiError::unknown(
                "app",
                "unknown-app",
                wrong,
                &known.iter().map(String::as_str).collect::<Vec<_>>(),
            )
            .at("app")
        })
}

fn app_names(apps: &[AppView]) -> Vec<String> {
    apps.iter()
        .flat_map(|app| [app.name.clone(), app.appid.to_string()])
        .collect()
}

/// A user by name; without one, the first.
pub(crate) fn user(
    handle: &Handle,
    app: &AppView,
    named: Option<&str>,
) -> Result<UserId, ApiError> {
    let name = named.and_then(|name| UserId::parse(name).ok());
    let (found, names) = handle.with_world(|world, _| {
        let found = name.filter(|name| world.has_user(&app.appid, name));
        let names = match (&found, named) {
            (Some(_), _) => Vec::new(),
            (None, Some(_)) => world.user_names(&app.appid, NAMES_SHOWN),
            (None, None) => world.user_names(&app.appid, 1),
        };
        (found, names)
    });
    if let Some(name) = found {
        return Ok(name);
    }
    match (named, names.into_iter()) {
        (Some(wrong), names) => {
            let known: Vec<&str> = names.as_slice().iter().map(AsRef::as_ref).collect();
            Err(ApiError::unknown("user", "unknown-user", wrong, &known).at("user"))
        }
        (None, mut names) => names.next().ok_or_else(|| {
            ApiError::new(404, "no-user", format!("the app {} has no user", app.name)).hint(
                format!("create one: POST /_mock/v1/apps/{}/users", app.appid),
            )
        }),
    }
}

/// Names that are looked at for the one that was meant: of more than these nobody reads a list.
pub(super) const NAMES_SHOWN: usize = 256;

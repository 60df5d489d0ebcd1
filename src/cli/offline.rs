//! Worlds to ask when no mock runs: an exported state, the people of a transcript, or nobody at all.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use wxmock_model::event::RunEvent;
use wxmock_report::ndjson as transcript;
use wxmock_world::{
    AppId, AppView, DeviceId, Evidence, KeyFinding, NewApp, NewUser, Seed, UnixMs, UserId, Who,
    World, WorldState,
};

use crate::exit::Failure;

/// A world nobody serves.
#[derive(Debug)]
pub(crate) struct Offline {
    world: World,
}

impl Offline {
    /// A world that has issued nothing: it tries the believed key only.
    pub(crate) fn empty() -> Result<Self, Failure> {
        Ok(Self {
            world: World::new(Seed(0)),
        })
    }

    /// The world of a file that holds what `GET /_mock/v1/state` answered, or of a directory of `serve --state`.
    pub(crate) fn of_state(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            let world = wxmock_log::replay(path, None)?.world;
            return Ok(Self { world });
        }
        let text = read(path)?;
        let help = "want the answer of GET /_mock/v1/state: curl -s http://127.0.0.1:8910/_mock/v1/state > state.json";
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(
                format!("{} is no state of a mock: {error}", path.display()),
                help,
            )
        };
        let state: WorldState = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        let world = World::import(state).map_err(|error| wrong(&error))?;
        Ok(Self { world })
    }

    /// What the world knows of the evidence. Without an app, every app is asked, and nothing is anybody else's.
    pub(crate) fn which_key(
        &self,
        app: Option<&str>,
        user: Option<&str>,
        evidence: &Evidence<'_>,
    ) -> Result<KeyFinding, Failure> {
        let apps = self.world.apps();
        let app = match (app, &apps[..]) {
            (Some(name), _) => Some(named(&apps, name)?),
            (None, [only]) => Some(only.appid.clone()),
            (None, _) if user.is_some() && !apps.is_empty() => {
                return Err(Failure::usage(
                    format!("there are {} apps, so --user needs --app", apps.len()),
                    format!("accepted: {}", names(&apps)),
                ));
            }
            (None, _) => None,
        };
        let user: Option<UserId> = user
            .map(|name| {
                name.parse().map_err(|error| {
                    Failure::usage(format!("--user: {error}"), "name a user of that app")
                })
            })
            .transpose()?;
        self.world
            .which_key(app.as_ref(), user.as_ref(), evidence)
            .map_err(|error| Failure::usage(error.to_string(), "name one of that state, or none"))
    }
}

fn named(apps: &[AppView], name: &str) -> Result<AppId, Failure> {
    apps.iter()
        .find(|app| app.appid.as_ref() == name || app.name == name)
        .map(|app| app.appid.clone())
        .ok_or_else(|| {
            Failure::usage(
                format!("no app is called `{name}`"),
                format!("accepted: {}", names(apps)),
            )
        })
}

fn names(apps: &[AppView]) -> String {
    let names: Vec<String> = apps.iter().map(|app| app.appid.to_string()).collect();
    names.join(", ")
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(
            format!("cannot read {}: {error}", path.display()),
            "check the path",
        )
    })
}

/// The people of a transcript and how many keys each had, made again from the run's seed: every key is a function of the
/// seed, the app, the person and its number, so nothing secret needs to be in the file.
pub(crate) fn of_run(path: &Path) -> Result<Offline, Failure> {
    let text = read(path)?;
    let events = transcript::read(&text).map_err(|error| {
        Failure::usage(
            format!("{}: {error}", path.display()),
            "want the run.ndjson that `wxmock check` wrote",
        )
    })?;
    let lost = |what: &str| {
        Failure::usage(
            format!("{} {what}", path.display()),
            "want run.ndjson of a check in which an order failed (wxmock-report/run.ndjson)",
        )
    };
    let mut seed = None;
    // By the person's name in the mock: the openid, and the greatest number of a key.
    let mut people: BTreeMap<String, (String, u32)> = BTreeMap::new();
    for event in events {
        match event {
            RunEvent::RunStarted { seed: text, .. } => seed = text.parse::<Seed>().ok(),
            RunEvent::OrderFinished {
                history: Some(history),
                ..
            } => {
                for person in &history.users {
                    let keys = history.keys.iter().filter(|key| key.user == person.name);
                    let newest = keys.map(|key| key.no).max().unwrap_or(0);
                    let known = people
                        .entry(person.user.clone())
                        .or_insert_with(|| (person.openid.clone(), 0));
                    known.1 = known.1.max(newest);
                }
            }
            _ => {}
        }
    }
    let seed = seed.ok_or_else(|| lost("is not the transcript of a run"))?;
    if people.is_empty() {
        return Err(lost(
            "names nobody: no order failed in that run, or none was traced",
        ));
    }
    rehearse(seed, &people, &appids(&text))
        .ok_or_else(|| lost("does not say which app its people were of"))
}

/// Every appid the file mentions.
fn appids(text: &str) -> Vec<AppId> {
    let mut found: Vec<AppId> = text
        .match_indices("wx")
        .filter_map(|(at, _)| text.get(at..at + 18)?.parse().ok())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// A world in which each person has as many keys again. The app is the one in which openids come out right; some people have one
/// that the case gave them.
fn rehearse(
    seed: Seed,
    people: &BTreeMap<String, (String, u32)>,
    mentioned: &[AppId],
) -> Option<Offline> {
    // The first app of a seed has no name of its own, so the file need not mention it.
    let candidates = std::iter::once(None).chain(mentioned.iter().cloned().map(Some));
    candidates.into_iter().find_map(|appid| {
        let now = UnixMs(0);
        let mut world = World::new(seed);
        let new = NewApp {
            appid,
            ..NewApp::default()
        };
        let app = world.create_app(now, new).ok()?.reply.appid;
        let mut is_right = false;
        for (name, (openid, newest)) in people {
            let user: UserId = name.parse().ok()?;
            let new = NewUser::named(user.clone());
            let made = world.create_user(now, &app, new).ok()?;
            is_right |= made.reply.openid.as_str() == openid;
            // The first key comes with a login; only then is there one to be displaced.
            for no in 0..*newest {
                let who = Who {
                    app: app.clone(),
                    user: user.clone(),
                    device: DeviceId::parse("phone").ok()?,
                };
                match no {
                    0 => {
                        world.login(now, &who).reply.ok()?;
                    }
                    _ => drop(world.rotate_key(now, &app, &user).ok()?),
                }
            }
        }
        is_right.then_some(Offline { world })
    })
}

/// Lines of a file of JSON objects; what is no object is passed over, because a run may have been cut short.
pub(crate) fn ndjson(path: &Path) -> Result<Vec<Value>, Failure> {
    Ok(read(path)?
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

//! Data prefetch: the person opens the mini program, and WeChat asks the developer's server before any page runs.
//!
//! It sends along the token a page left on this phone, else a login code nobody on the phone asked for. The answer is kept for
//! `wx.getBackgroundFetchData`. Source: official page on data prefetch. Unknown: whether `timestamp` counts seconds (as here) or
//! milliseconds, and what WeChat does with a status that is not 200 (nothing is kept here).

use serde_json::json;
use wxmock_world::{Effect, FetchedData, Prefetch, UnixMs};

use super::api::{Answering, Api, Asked, Happened, Run};
use crate::control::ApiError;
use crate::fetch::{self, Address};

pub(super) const API: Api = Api {
    name: "prefetch",
    accepts: &[&["url", "path", "query", "scene"]],
    run: Run::Later(run),
};

/// The scene a start has that nobody described: the list of mini programs. Source: official list of scenes.
const SCENE: u32 = 1001;
/// Most bytes of an answer that are kept. Source: official page.
const KEPT_BYTES: usize = 256 << 10;

fn run<'a>(asked: &'a Asked<'a>) -> Answering<'a> {
    Box::pin(prefetch(asked))
}

/// How the mini program is opened, and where WeChat asks.
struct Opening {
    address: Address,
    path: String,
    query: String,
    scene: u32,
}

impl Opening {
    fn read(asked: &Asked<'_>) -> Result<Self, ApiError> {
        let said = &asked.arguments;
        let url = said.text("url")?.ok_or_else(|| {
            ApiError::invalid(
                "url",
                "where the developer's server is to be asked is not said",
            )
            .hint("url=http://127.0.0.1:3000/prefetch, the address of the backend under test")
        })?;
        Ok(Self {
            address: Address::parse(&url)?,
            path: said.text("path")?.unwrap_or_default(),
            query: said.text("query")?.unwrap_or_default(),
            scene: said.number("scene", 0..=u32::MAX)?.unwrap_or(SCENE),
        })
    }

    /// The query WeChat asks with, in the order of the official page.
    fn parameters(
        &self,
        appid: String,
        prefetch: &Prefetch,
        at: UnixMs,
    ) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("appid", appid)];
        parameters.extend(prefetch.token.clone().map(|token| ("token", token)));
        parameters.extend(prefetch.code.map(|code| ("code", code.to_string())));
        parameters.push(("timestamp", at.seconds().to_string()));
        parameters.push(("path", self.path.clone()));
        parameters.push(("query", self.query.clone()));
        parameters.push(("scene", self.scene.to_string()));
        parameters
    }
}

async fn prefetch(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let opening = Opening::read(asked)?;
    let effect = asked.with(|world, now, who| world.prefetch(now, who));
    let (seq, at) = (effect.seq, effect.at);
    let prefetch = match effect.reply {
        Ok(prefetch) => prefetch,
        Err(fail) => {
            let reply = Err::<(), _>(fail);
            return Ok(asked.happened(Effect { seq, at, reply }, |()| json!({})));
        }
    };
    let parameters = opening.parameters(asked.who.app.to_string(), &prefetch, at);
    let (status, body) = fetch::get(&opening.address, &parameters).await?;
    let kept = status == 200 && body.len() <= KEPT_BYTES;
    if kept {
        let fetched = FetchedData {
            fetched_data: body.clone(),
            at,
            path: opening.path,
            query: opening.query,
            scene: opening.scene,
        };
        // Who was there a moment ago may have been deleted; then nobody will ask for the data.
        let _ = asked.with(|world, now, who| world.keep_fetched(now, who, fetched));
    }
    let reply = Ok(prefetch);
    Ok(
        asked.happened_under(Effect { seq, at, reply }, |prefetch: Prefetch| {
            let mut fields = json!({ "status": status, "kept": kept, "fetchedData": body });
            if let Some(token) = prefetch.token {
                fields["token"] = json!(token);
            }
            if let Some(code) = prefetch.code {
                fields["code"] = json!(code.as_ref());
            }
            (prefetch.key_no, fields)
        }),
    )
}

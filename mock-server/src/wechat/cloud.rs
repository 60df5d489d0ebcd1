//! Calls of a backend that WeChat hosts: with a `cloudbase_access_token`, or with no token at all. Finds out before an endpoint reads the
//! call in whose name it is made, and puts that into the request as an access_token. Knows no endpoint's fields.
//!
//! Source: official pages "cloud calls in the container" and "open API service".

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::uri::{PathAndQuery, Scheme};
use wxmock_world::errcode::{API_UNAUTHORIZED, INVALID_CREDENTIAL, PATH_NOT_ALLOWED};
use wxmock_world::{AppId, UnixMs, World, WxError};

use super::endpoint::Endpoint;
use super::render::Rendered;
use crate::handle::Handle;
use crate::http::Request;
use crate::net::Route;

/// By this header of an answer a backend knows that the open API service made the call.
const SEQID: &str = "x-openapi-seqid";

/// What came of looking.
#[derive(Debug)]
pub(super) enum Hosted {
    /// A call like any other, or one with a token that is now its access_token.
    Plain,
    /// The open API service made it, under this number.
    ByService(HeaderValue),
    /// It has no token, and this is why nobody gave it one.
    NotServed([&'static str; 2]),
    /// It may not be made so.
    Refused(WxError, [&'static str; 2]),
}

type Refused = (WxError, [&'static str; 2]);

/// Looks at the tokens, and puts the one that counts into the request.
pub(super) fn open(handle: &Handle, endpoint: Endpoint, request: &mut Request) -> Hosted {
    if !endpoint.takes_access_token() {
        return Hosted::Plain;
    }
    let [access_token, cloud_token, from_appid] =
        request.params(["access_token", "cloudbase_access_token", "from_appid"]);
    if let Some(token) = access_token {
        let is_cloud = handle.with_world(|world, _| world.is_cloud_token(&token));
        return match is_cloud {
            Some(true) => Hosted::Refused(
                INVALID_CREDENTIAL,
                [
                    "this is a cloudbase_access_token; it belongs into the parameter cloudbase_access_token",
                    "这是 cloudbase_access_token，要放在参数 cloudbase_access_token 里",
                ],
            ),
            _ => Hosted::Plain,
        };
    }
    let path = request.path().to_owned();
    if let Some(token) = cloud_token {
        let checked = handle.with_world(|world, _| check_token(world, &token, &path));
        return match checked {
            Err((error, why)) => Hosted::Refused(error, why),
            Ok(()) => {
                put(request, &token);
                Hosted::Plain
            }
        };
    }
    let is_in_clear = is_in_clear(request);
    let served = handle
        .with_world(|world, now| serve(world, now, from_appid.as_deref(), &path, is_in_clear));
    match served {
        Served::Nobody => Hosted::Plain,
        Served::Unseen(why) => Hosted::NotServed(why),
        Served::Refused((error, why)) => Hosted::Refused(error, why),
        Served::Token { token, seqid } => {
            put(request, &token);
            HeaderValue::from_str(&seqid).map_or(Hosted::Plain, Hosted::ByService)
        }
    }
}

/// Whether the call came over http. In a tunnel that is not known of a client that agreed on no protocol inside: Node asks for a
/// tunnel for http too, so such a call counts as one.
fn is_in_clear(request: &Request) -> bool {
    let by_route = match request.via.route {
        Route::Plain | Route::AbsoluteForm => true,
        Route::Connect => request.via.alpn.is_none(),
        Route::Tls | Route::TlsAbsoluteForm => false,
    };
    by_route && request.uri.scheme() != Some(&Scheme::HTTPS)
}

/// A dead token is left to the endpoint, which answers it as it does every dead one.
fn check_token(world: &World, token: &str, path: &str) -> Result<(), Refused> {
    let app = world
        .owner_of_token(token)
        .filter(|_| world.is_cloud_token(token) == Some(true))
        .ok_or((
            INVALID_CREDENTIAL,
            ["this mock never handed out this cloudbase_access_token; POST /_mock/v1/apps/{app}/cloud/token gives one, and so does wx.cloud.callContainer", "这个 mock 没有签发过这个 cloudbase_access_token；POST /_mock/v1/apps/{app}/cloud/token 或 wx.cloud.callContainer 会给出一个"],
        ))?;
    allow(world, &app, path)
}

fn allow(world: &World, app: &AppId, path: &str) -> Result<(), Refused> {
    let hosting = world.cloud(app).ok().flatten();
    // Whose hosting was taken away since has no list any more; its tokens live on.
    if hosting.is_none_or(|hosting| hosting.allows(path)) {
        Ok(())
    } else {
        Err((
            PATH_NOT_ALLOWED,
            [
                "the path is not in `allowed` of the app's cloud hosting, as not on the console's list of paths",
                "路径不在应用云托管设置的 `allowed` 里，相当于不在控制台的路径清单里",
            ],
        ))
    }
}

enum Served {
    /// No app has cloud hosting.
    Nobody,
    /// It does not see such a call.
    Unseen([&'static str; 2]),
    Refused(Refused),
    Token {
        token: String,
        seqid: String,
    },
}

/// What the open API service makes of a call without a token.
fn serve(
    world: &mut World,
    now: UnixMs,
    from_appid: Option<&str>,
    path: &str,
    is_in_clear: bool,
) -> Served {
    let apps = world.apps_with_open_api();
    if apps.is_empty() {
        return Served::Nobody;
    }
    if !is_in_clear {
        return Served::Unseen([
            "there is no access_token; the open API service of cloud hosting takes calls over http only, and this one came by https",
            "没有 access_token；云托管的开放接口服务只接受 http 调用，而这个调用走的是 https",
        ]);
    }
    let app = match (from_appid, apps.as_slice()) {
        (Some(named), apps) => apps.iter().find(|app| app.as_str() == named),
        (None, [only]) => Some(only),
        (None, _) => {
            return Served::Refused((
                API_UNAUTHORIZED,
                [
                    "several apps of this mock have open_api on; from_appid in the query says which one calls",
                    "这个 mock 有多个应用打开了 open_api；请在 query 里用 from_appid 指明是哪一个",
                ],
            ));
        }
    };
    let Some(app) = app else {
        return Served::Refused((
            API_UNAUTHORIZED,
            [
                "from_appid is no app whose cloud hosting has open_api on",
                "from_appid 不是在云托管里打开了 open_api 的应用",
            ],
        ));
    };
    if let Err(refused) = allow(world, app, path) {
        return Served::Refused(refused);
    }
    match world.cloud_token(now, app) {
        Ok(handed) => Served::Token {
            token: handed.reply.access_token.as_ref().to_owned(),
            seqid: world.rid(Some(app), handed.at),
        },
        Err(_) => Served::Nobody,
    }
}

/// Gives the request an access_token.
fn put(request: &mut Request, token: &str) {
    let (path, query) = (request.path(), request.uri.query().unwrap_or_default());
    let and = if query.is_empty() { "" } else { "&" };
    let target = format!("{path}?{query}{and}access_token={token}");
    let mut parts = request.uri.clone().into_parts();
    // A token has no character that a query has not.
    parts.path_and_query = PathAndQuery::from_maybe_shared(target).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.uri = uri;
    }
}

/// The answer as the open API service hands it on.
pub(super) fn number(answer: &mut Rendered, seqid: &HeaderValue) {
    answer
        .extra
        .push((HeaderName::from_static(SEQID), seqid.clone()));
}

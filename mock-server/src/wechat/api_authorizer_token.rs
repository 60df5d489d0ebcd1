//! `POST /cgi-bin/component/api_authorizer_token`: a third-party platform fetches an access_token of a mini program that authorised it.
//!
//! Source: official page of the endpoint. The component_access_token may also come as `access_token`.

use wxmock_world::errcode::{DATA_FORMAT, REFRESH_TOKEN_INVALID};
use wxmock_world::{
    AppId, AuthorizerTokenRequest, Refusal, RefusedCall, TokenReply, World, WxError,
};

use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::json::Object;
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/cgi-bin/component/api_authorizer_token",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<AuthorizerTokenRequest, WxError> {
    let [component, plain] = request.params(["component_access_token", "access_token"]);
    let Ok(fields) = post::read(request)? else {
        return Err(DATA_FORMAT);
    };
    Ok(AuthorizerTokenRequest {
        component_access_token: component.or(plain),
        component_appid: fields.text("component_appid")?,
        authorizer_appid: fields.text("authorizer_appid")?,
        authorizer_refresh_token: fields.text("authorizer_refresh_token")?,
    })
}

impl Command for AuthorizerTokenRequest {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.component_access_token.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        let owner = || world.owner_of_token(self.component_access_token.as_deref()?);
        match errcode {
            e if e == REFRESH_TOKEN_INVALID.errcode => rule(
                "the authorizer_refresh_token is not that of this mini program and platform; GET /_mock/v1/apps/{platform}/authorizers shows it",
                "authorizer_refresh_token 不属于这个小程序和这个平台；GET /_mock/v1/apps/{platform}/authorizers 可以看到",
            ),
            // The token is right, so one of the two appids in the body is not.
            40_013 if owner().as_ref().map(AppId::as_str) != self.component_appid.as_deref() => {
                rule(
                    "the component_access_token is of another third-party platform than the component_appid",
                    "component_access_token 与 component_appid 不是同一个第三方平台",
                )
            }
            41_002 => Some(Refusal::Missing {
                parameter: "authorizer_appid".into(),
            }),
            _ => {
                let call = RefusedCall {
                    appid: self.authorizer_appid.as_deref(),
                    // For an appid that is unknown, whose token it is does not matter.
                    access_token: self
                        .component_access_token
                        .as_deref()
                        .filter(|_| errcode != 40_013),
                    ..RefusedCall::default()
                };
                world.why_refused(&call, errcode)
            }
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.authorizer_token(context.now, self);
        context.render(effect, |dialect, effect| {
            let TokenReply {
                access_token,
                expires_in,
                shape,
            } = &effect.reply.handed;
            let expires_in = i64::try_from(*expires_in).unwrap_or(i64::MAX);
            let object = Object::new()
                .text("authorizer_access_token", access_token.as_ref())
                .number("expires_in", expires_in)
                .text("authorizer_refresh_token", &effect.reply.refresh_token);
            Rendered::new(dialect, &effect, Some(shape), &object.shaped(shape))
        })
    }
}

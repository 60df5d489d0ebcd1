//! `GET /sns/component/jscode2session`: a third-party platform exchanges the code of a mini program that authorised it.
//!
//! Only the query is read. The answer is jscode2session's own.

use wxmock_world::errcode::{COMPONENT_IP_NOT_LISTED, bad_request_source};
use wxmock_world::{ComponentJscode2Session, RefusedCall};

use super::command::{Accepts, CallContext, Command, Definition};
use super::jscode2session;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/sns/component/jscode2session",
    platform: Platform::WeChat,
    dialect: Dialect::Sns,
    method: Accepts::Any,
    read: |request| Ok(Box::new(read(request))),
};

fn read(request: &Request) -> ComponentJscode2Session {
    let [
        appid,
        js_code,
        grant_type,
        component_appid,
        component_access_token,
    ] = request.params([
        "appid",
        "js_code",
        "grant_type",
        "component_appid",
        "component_access_token",
    ]);
    ComponentJscode2Session {
        appid,
        js_code,
        grant_type,
        component_appid,
        component_access_token,
    }
}

impl Command for ComponentJscode2Session {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            appid: self.appid.as_deref(),
            component_access_token: Some(
                self.component_access_token.as_deref().unwrap_or_default(),
            ),
            js_code: self.js_code.as_deref(),
            grant_type: self.grant_type.as_deref(),
            ..RefusedCall::default()
        }
    }

    /// It is the platform that calls, and so its list and its quotas that count.
    fn admit(&self, context: &mut CallContext<'_>, endpoint: &'static str) -> Option<Rendered> {
        let platform = context.world.app_id(self.component_appid.as_deref()?)?;
        let admitted = context
            .world
            .admit(context.now, &platform, endpoint, context.from);
        let refused = admitted.err()?;
        let error = if refused.reply == COMPONENT_IP_NOT_LISTED {
            bad_request_source(context.from)
        } else {
            refused.reply
        };
        Some(context.refuse(refused.at, Some(refused.seq), &error))
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.component_jscode2session(context.now, self);
        context.render(effect, |dialect, effect| {
            jscode2session::success(dialect, &effect)
        })
    }
}

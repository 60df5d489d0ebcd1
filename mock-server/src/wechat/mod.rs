//! What a backend calls. One endpoint is one file.
//!
//! # To add an endpoint
//! 1. Write `wechat/<name>.rs`. It holds a type for the request and one [`Definition`](command::Definition):
//!    ```text
//!    pub(super) static ENDPOINT: Definition = Definition {
//!        path: "/wxa/getpaidunionid",
//!        platform: Platform::WeChat,            // which host plays it
//!        dialect: Dialect::Plain,       // how its errors are worded, and its content type
//!        method: Accepts::Get,          // 43001 or 43002 for another method; `Accepts::Any` if WeChat does not look
//!        read: |request| Ok(Box::new(PaidUnionId { … request.param("openid") … })),
//!    };
//!
//!    impl Command for PaidUnionId {
//!        fn carried(&self) -> RefusedCall<'_> { … }          // access_token, openid, codes … as sent
//!        fn run(&self, context: &mut CallContext<'_>) -> Rendered { … } // ask the world, render the success
//!    }
//!    ```
//!    `read` fails with a `WxError` when the body cannot be read (`post::read` reads JSON). From what a command says it
//!    carried, [`Command`](command::Command) works out whose call it is (gates, faults and the call's record need that), and
//!    why it was refused (`World::why_refused`); override `attribute` or `why_refused` where that is not all.
//!    `context.render` puts a refusal into the dialect; the world's own method decides what is refused.
//! 2. Declare the module below, and give it one line in the table of `endpoint.rs`: the variant of [`Endpoint`], its name
//!    in rules, records and reports, and the definition.
//! 3. Add the name to `Endpoint` in `openapi.json`; a test compares the two.
//!
//! A command itself is a method of `World` in `mock-server/world/src/world/`: this module decides no errcode but those of
//! the outer shape (method, length, body).

mod answer;
mod api_authorizer_token;
mod api_component_token;
mod asked;
mod checkencryptedmsg;
mod checksession;
mod clear_quota;
mod cloud;
mod command;
mod component_jscode2session;
mod endpoint;
mod getcallbackip;
mod getpaidunionid;
mod getpluginopenpid;
mod getuserencryptkey;
mod getuserphonenumber;
mod getuserriskrank;
mod getwxacodeunlimit;
mod jscode2session;
mod json;
mod msg_sec_check;
mod post;
mod remove_user_storage;
mod render;
mod resetusersessionkey;
mod set_user_storage;
mod signed;
mod spoil;
mod stable_token;
mod subscribe_send;
mod token;
mod wecom_get_suite_token;
mod wecom_gettoken;
mod wecom_jscode2session;
mod wecom_suite_jscode2session;
mod xpay;

pub(crate) use answer::answer;
pub use endpoint::{Endpoint, UnknownEndpoint};

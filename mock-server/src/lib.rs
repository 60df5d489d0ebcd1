//! The mock of `api.weixin.qq.com` and of the WeChat phone: sockets, gates, faults and a journal around the pure world.
//!
//! In a test of a backend, [`Fixture`] is all that is needed. Reading order: [`MockServer`] starts it, [`Handle`] drives it from the same process, [`Calls`] says what backends asked,
//! [`Gates`] and [`Faults`] decide when and how they are answered, [`Journal`] remembers. All WeChat semantics are in
//! `wxmock_world`; this crate adds the wire and never decides what an errcode is.
//!
//! ```
//! use wxmock_server::{MockServer, Settings};
//! use wxmock_world::{NewApp, NewUser, UserId, Who};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let server = MockServer::start(Settings::default()).await?;
//! let alice: UserId = "alice".parse()?;
//! let app = server.handle().with_world(|world, now| {
//!     let app = world.create_app(now, NewApp::default())?.reply.appid;
//!     world.create_user(now, &app, NewUser::named(alice.clone()))?;
//!     Ok::<_, wxmock_world::ControlError>(app)
//! })?;
//! let who = Who { app, user: alice, device: "phone".parse()? };
//! let login = server.handle().with_world(|world, now| world.login(now, &who));
//! println!("{} exchanges {}", server.base_url(), login.reply?.code);
//! server.stop().await;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test fails by panicking")
)]

pub mod ca;
mod caller;
mod calls;
mod clock;
pub mod config;
mod console;
mod control;
mod device;
mod driver;
mod faults;
mod fetch;
mod fixture;
mod foreign;
mod gates;
mod handle;
mod http;
mod journal;
mod lint;
mod local;
mod log;
mod names;
mod net;
mod person;
mod push;
mod server;
mod shim;
mod verbatim;
mod wechat;

pub use caller::Caller;
pub use calls::{CallId, CallInfo, CallState, Calls, Tally};
pub use clock::RealClock;
pub use faults::{FaultEffect, FaultId, FaultRule, Faults, When};
pub use fixture::{Fixture, FixtureError, Hold};
pub use foreign::{LINE_SHOWN, foreign, foreign_line};
pub use gates::{CallMatch, GateId, GateView, Gates, HoldRule, Parked, Point};
pub use handle::Handle;
pub use journal::{
    Entry, Exchange, FaultRecord, Filter, GateAct, GateRecord, Journal, Kind, Subscription, What,
};
pub use lint::{LINTS, LintCount, LintInfo, Lints, Signs};
pub use local::{local_time, local_time_of_day};
pub use log::{LogFormat, LogSink};
pub use net::{
    AlertCount, Alpn, HostCount, HttpVersion, Passthrough, PathCount, RefusalCount, Route,
    RouteCount, Routes, RoutesView, Stranger, StrangerCount, UnknownRoad, Via, WECHAT_HOSTS,
};
pub use server::{MockServer, ServeError, Settings, raise_descriptor_limit};
pub use verbatim::{Excerpt, Reply, Spoken, Verbatim};
pub use wechat::{Endpoint, UnknownEndpoint};

//! How a request reaches the mock: in clear, by TLS, through a proxy's `CONNECT`, or by an absolute-form request line.
//!
//! Knows bytes, names and certificates; does not know what any path means, and answers nothing that is WeChat's.

mod hosts;
mod line;
pub(crate) mod proxy;
mod route;
mod routes;
mod stream;
mod tls;

pub use hosts::{Passthrough, WECHAT_HOSTS};
pub(crate) use hosts::{Platform, is_loopback};
pub(crate) use line::{Line, Target};
pub(crate) use proxy::{Onward, tunnel};
pub use route::{Alpn, HttpVersion, Route, UnknownRoad, Via};
pub use routes::{
    AlertCount, HostCount, PathCount, RefusalCount, RouteCount, Routes, RoutesView, Stranger,
    StrangerCount,
};
pub(crate) use stream::{Opening, Stream};
pub(crate) use tls::{Accepted, Tls};

//! The app of a mock that is examined.

use wxmock_server::MockServer;
use wxmock_world::{NewApp, Rotate, Span};

use super::{Rules, Target};

impl Target {
    /// A new app of `server` whose session_keys come about in this way and in no other.
    ///
    /// # Panics
    /// If the seed's own appids are taken, which no new app's are.
    #[must_use]
    pub fn new_app(server: &MockServer, rules: Rules) -> Self {
        let mut new = NewApp::default();
        let keys = &mut new.policy.session_key;
        (keys.min_interval, keys.probability) = (Span::ZERO, 1.0);
        keys.rotate = match rules {
            Rules::KeyAtLogin => Rotate::Login,
            Rules::KeyAtExchange => Rotate::Exchange,
        };
        let app = server.handle().with_world(|world, now| {
            let app = world.create_app(now, new);
            app.expect("the seed's own appids are free").reply
        });
        Self {
            addr: server.addr(),
            appid: app.appid.to_string(),
            secret: app.secret.to_string(),
            rules,
            names: "p".to_owned(),
        }
    }
}

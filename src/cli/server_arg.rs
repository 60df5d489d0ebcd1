//! Which running mock a command talks to.

use crate::client::Server;

/// Which running mock a command talks to.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArg {
    /// Base URL of the running mock
    #[arg(
        long,
        value_name = "URL",
        env = "WXMOCK_SERVER",
        default_value = "http://127.0.0.1:8910"
    )]
    pub(crate) server: Server,
}

//! What a judge must be told beside the history. Knows nothing of scenario or adapter files.

use indexmap::IndexMap;

use wxmock_model::history::Outcome;

/// What the case expects, what the backend declares about itself, and under which WeChat it ran.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JudgeContext {
    /// Accepted outcomes by [`Operation::label`](wxmock_model::history::Operation::label).
    pub expectations: IndexMap<String, Expectation>,
    /// What the adapter's `[features]` claim.
    pub declared: Declared,
    /// Axis values of the case, such as `rotation` = `exchange`.
    pub axes: IndexMap<String, String>,
    /// The rules the case is about; what breaks others is seen beside them. Empty: it is about all.
    pub subject: Vec<String>,
    /// Whether the case is a control (N1 to N6), made so that a legal store design passes it. Other legal designs
    /// may answer `relogin` there, so only findings at MUST count.
    pub control: bool,
    /// Whether proving saw logins of one person, with codes of their own and more than a second apart, get one token.
    pub tokens_fixed: bool,
    /// Whether the orders so far show that a session opens what the key of its own login sealed, and nothing else.
    pub own_key_only: bool,
}

/// The accepted answers of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// An answer outside this list violates `rule` at MUST; empty: no such demand.
    pub must: Vec<Outcome>,
    /// An answer inside `must` and outside this list violates `rule` at SHOULD; `None`: no finer wish.
    pub should: Option<Vec<Outcome>>,
    /// The rule that is violated.
    pub rule: String,
}

/// What a backend says about its own design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Where session keys live.
    pub key_storage: KeyStorage,
    /// `multi_device = "replace"`: a newer login ends the older sessions of that person. Default false.
    pub replaces_sessions: bool,
    /// `duplicate_code = "same_session"`: a second submission of a code gets the first one's session. Default false.
    pub joins_duplicate_codes: bool,
    /// Distinct logins of one person get distinct tokens. Default true.
    pub distinct_tokens: bool,
    /// Every request of a phone is answered within this many milliseconds, whatever WeChat does. Default 10 000.
    pub answer_within_ms: u64,
    /// Whether the token a refresh carried goes on (`refresh = "keep"`) or is over (`"replace"`); `None` if not said.
    pub refresh_keeps: Option<bool>,
}

impl Default for Declared {
    fn default() -> Self {
        Self {
            key_storage: KeyStorage::Server,
            replaces_sessions: false,
            joins_duplicate_codes: false,
            distinct_tokens: true,
            answer_within_ms: 10_000,
            refresh_keeps: None,
        }
    }
}

/// Where a backend keeps session keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyStorage {
    /// On the server, for later requests.
    #[default]
    Server,
    /// Nowhere: used within the login request and dropped.
    None,
    /// On the phone.
    Device,
}

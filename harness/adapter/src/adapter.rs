//! The adapter as the harness uses it: one backend, described. Knows nothing of processes or sockets.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use indexmap::IndexMap;
use miette::NamedSource;
use sha2::{Digest, Sha256};

use super::{
    answer::{self, Capture, Rule, StatusSet},
    client::{RawAnswer, RunVars},
    computed::Values,
    connection::Peer,
    findings::Findings,
    names::{ADAPTER, Shape},
    node::{self, Place},
    operations, outcomes,
    overrides::Overrides,
    problem::{AdapterError, Problem, Source},
    request::Request,
    sections, stores,
    template::{Encode, Template, Vars},
    tls::Trust,
};
use wxmock_model::history::Outcome;
use wxmock_store::StoreSpec;

/// One backend, described by an adapter file that was found to be right.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// Version of the format: 1.
    pub schema: u32,
    /// Name of the backend in reports.
    pub name: String,
    /// How to reach, start and stop it.
    pub backend: BackendSpec,
    /// How it reaches the mock.
    pub upstream: UpstreamSpec,
    /// The stores whose statements are seen, in file order.
    pub stores: Vec<StoreSpec>,
    /// `[values]`: what requests name as `value.*`.
    pub(crate) values: Values,
    /// What it offers a phone, by operation name, in file order.
    pub ops: IndexMap<String, OpSpec>,
    pub(crate) rules: Vec<Rule>,
    /// What it claims to do.
    pub features: Features,
    /// Doubts that do not stop a run, such as an outcome rule that can never match.
    pub warnings: Vec<Problem>,
    /// SHA-256 of the text and overrides, first 16 hex digits: names the adapter in reports and replay files.
    pub fingerprint: String,
    /// The file it was read from, as it was named; `None` if it was text.
    pub file: Option<String>,
}

/// `[backend]`: address and life of the process. Its texts may hold `{{run.*}}` and `{{mock.*}}`.
#[derive(Debug, Clone)]
pub struct BackendSpec {
    /// Folder of the adapter file: relative paths start here.
    pub folder: PathBuf,
    pub(crate) base: Template,
    pub(crate) trust: TrustSpec,
    pub(crate) start: Vec<Template>,
    pub(crate) cwd: Option<Template>,
    pub(crate) env: Vec<(String, Template)>,
    pub(crate) ready: Ready,
    pub(crate) stop: Vec<Template>,
    pub(crate) log: Option<Template>,
}

/// `backend.ca` and `backend.insecure`: whose certificate is accepted of a backend behind https.
#[derive(Debug, Clone, Default)]
pub(crate) enum TrustSpec {
    /// Neither is given.
    #[default]
    System,
    /// `ca`.
    File(Template),
    /// `insecure = true`.
    Unchecked,
}

/// `backend.ready`: what a ready backend does.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    /// A path that answers; `None`: accepting a connection is enough.
    pub(crate) path: Option<Template>,
    pub(crate) status: StatusSet,
    pub(crate) timeout: Duration,
}

/// `[upstream]`: how the backend reaches the mock.
#[derive(Debug, Clone)]
pub struct UpstreamSpec {
    /// The route.
    pub hook: Hook,
    /// Port the mock should listen on; `None` lets the system choose.
    pub port: Option<u16>,
    /// AppID the backend is configured with; `None` lets the harness choose.
    pub appid: Option<String>,
    /// AppSecret the backend is configured with; `None` lets the harness choose.
    pub secret: Option<String>,
}

/// How the backend's calls to WeChat come to the mock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// The backend has a setting for WeChat's base URL.
    BaseUrl,
    /// Its address of WeChat is hard-coded; it is started with the mock as its HTTPS proxy.
    Proxy,
    /// Its address of WeChat is hard-coded; WeChat's names lead to the mock, which listens on port 443.
    Hosts,
}

/// `[ops.<name>]`: one thing a phone asks of the backend.
#[derive(Debug, Clone)]
pub struct OpSpec {
    pub(crate) request: Request,
    pub(crate) captures: Vec<(String, Capture)>,
    /// What goes before it, in this order.
    pub(crate) prepare: Vec<Prepare>,
}

/// `[[ops.<name>.prepare]]`: a request that goes before the one of an operation, such as one that fetches a CSRF token.
#[derive(Debug, Clone)]
pub(crate) struct Prepare {
    pub(crate) request: Request,
    /// The statuses that are a success; `None`: as the outcome rules say.
    pub(crate) status: Option<StatusSet>,
    pub(crate) captures: Vec<(String, Capture)>,
}

impl OpSpec {
    /// Every request, in order.
    fn requests(&self) -> impl Iterator<Item = &Request> {
        let prepare = self.prepare.iter().map(|prepare| &prepare.request);
        prepare.chain([&self.request])
    }
}

/// `[features]`: what the backend claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// What a second device's login does to the first; `None` if not said.
    pub multi_device: Option<MultiDevice>,
    /// Where session keys live.
    pub key_storage: KeyStorage,
    /// What a second submission of one code gets; `None` if not said.
    pub duplicate_code: Option<DuplicateCode>,
    /// Which logins wait for each other; `None` if not said.
    pub serialises_logins: Option<Serialises>,
    /// The backend's own patience with WeChat, in milliseconds; `None` if not said.
    pub upstream_timeout_ms: Option<u64>,
    /// Every request of a phone is answered within this many milliseconds, whatever WeChat does. Default 10 000.
    pub answer_within_ms: u64,
    /// Whether distinct logins of one person get distinct tokens. Default true.
    pub distinct_tokens: bool,
    /// What becomes of the token a refresh carried; `None` if not said.
    pub refresh: Option<Refresh>,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            multi_device: None,
            key_storage: KeyStorage::Server,
            duplicate_code: None,
            serialises_logins: None,
            upstream_timeout_ms: None,
            answer_within_ms: 10_000,
            distinct_tokens: true,
            refresh: None,
        }
    }
}

/// What a second device's login does to the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiDevice {
    /// Both stay logged in.
    Keep,
    /// The newer login ends the older.
    Replace,
}

/// What becomes of the token a refresh carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// It is over once the new one is given out.
    Replace,
    /// It goes on beside the new one, to its own end.
    Keep,
}

/// Where the backend keeps session keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyStorage {
    /// On the server, for later requests.
    #[default]
    Server,
    /// Nowhere: used within the login request and dropped.
    None,
    /// On the phone (TOK-03 will say what that means).
    Device,
}

/// What the second submission of one code gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuplicateCode {
    /// The session of the first.
    SameSession,
    /// A refusal.
    Reject,
}

/// Which logins the backend makes wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serialises {
    /// None.
    No,
    /// Logins of one person.
    PerUser,
    /// All logins.
    Global,
}

/// Captured values by name: `token`, `user_id`, `plaintext_nonce`, `phone`, `session_key`.
pub type Captures = BTreeMap<String, String>;

/// An answer as the adapter understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The first matching rule's word; [`Outcome::Indefinite`] if none matched, if no complete answer came or it could
    /// not be read, and if the rule says `ok` while declared captures are missing.
    pub outcome: Outcome,
    /// What the operation's captures found, whatever the outcome. Absent, null and empty values are left out.
    pub captures: Captures,
    /// One-based number of the `[[outcome]]` rule that matched.
    pub rule: Option<usize>,
    /// The operation's captures that found nothing, though the rule says `ok`; empty for every other answer.
    pub missing: Vec<String>,
}

impl Adapter {
    /// Reads the adapter at `path` (TOML), with the `WXC_*` variables of this process.
    ///
    /// # Errors
    /// A file that cannot be read, or anything wrong in it or in an override, with the place and the accepted names.
    pub fn load(path: &Path) -> Result<Self, AdapterError> {
        Self::load_with(path, &Overrides::from_env())
    }

    /// Like [`Adapter::load`], with the given overrides only.
    ///
    /// # Errors
    /// As [`Adapter::load`].
    pub fn load_with(path: &Path, overrides: &Overrides) -> Result<Self, AdapterError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let place = Place::whole("command line", &name);
            let problem = place.error("the adapter file cannot be read", error.to_string());
            AdapterError::new(vec![problem.help(
                "`wxmock adapter init -- curl …` drafts an adapter from a login request",
            )])
        })?;
        // The folder of `wxmock.toml` is the current one; its parent is the empty path, which is no folder.
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or_else(|| Path::new("."));
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
        let adapter = Self::read_text(&name, &text, folder, overrides)?;
        Ok(Self {
            file: Some(name),
            ..adapter
        })
    }

    /// Reads an adapter from text, without touching files or the environment. `name` is shown in errors.
    /// Relative paths start at the current folder.
    ///
    /// # Errors
    /// Anything wrong in it.
    pub fn parse(name: &str, text: &str) -> Result<Self, AdapterError> {
        Self::parse_with(name, text, &Overrides::default())
    }

    /// Like [`Adapter::parse`], with overrides.
    ///
    /// # Errors
    /// Anything wrong in the text or in an override.
    pub fn parse_with(name: &str, text: &str, overrides: &Overrides) -> Result<Self, AdapterError> {
        let folder = std::path::absolute(".").unwrap_or_default();
        Self::read_text(name, text, folder, overrides)
    }

    fn read_text(
        name: &str,
        text: &str,
        folder: PathBuf,
        overrides: &Overrides,
    ) -> Result<Self, AdapterError> {
        let source: Source = Arc::new(NamedSource::new(name, text.to_owned()));
        let mut root =
            node::from_toml(&source).map_err(|problem| AdapterError::new(vec![problem]))?;
        let mut findings = Findings::default();
        overrides.apply(&mut root, &mut findings.errors);
        findings.check_shape(&root, Shape::Section(ADAPTER), "");
        // A misspelt key would come back as a missing one: names and types first, meaning after.
        if !findings.errors.is_empty() {
            return Err(AdapterError::new(findings.errors));
        }
        let name = sections::heading(&root, &mut findings);
        let stores = stores::read(&root, &mut findings);
        findings.stores = stores::names_in(&root);
        let backend = sections::backend(&root, folder, &mut findings);
        let upstream = sections::upstream(&root, &mut findings);
        let common = operations::common_headers(&root, &mut findings);
        let values = operations::values(&root, &mut findings);
        let ops = operations::read(&root, &common, &mut findings);
        let rules = outcomes::read(&root, &mut findings);
        let features = sections::features(&root, &mut findings);
        let Some(backend) = backend.filter(|_| findings.errors.is_empty()) else {
            return Err(AdapterError::new(findings.errors));
        };
        stores::warn_unused(&root, &stores, &backend, &mut findings);
        Ok(Self {
            schema: 1,
            name,
            backend,
            upstream,
            stores,
            values,
            ops,
            rules,
            features,
            warnings: findings.warnings,
            fingerprint: fingerprint(text, overrides),
            file: None,
        })
    }

    /// Whether the file describes operation `op`.
    #[must_use]
    pub fn has(&self, op: &str) -> bool {
        self.ops.contains_key(op)
    }

    /// Whether operation `op` is described and its answer is searched for `capture`, such as `user_id`.
    #[must_use]
    pub fn captures(&self, op: &str, capture: &str) -> bool {
        self.ops
            .get(op)
            .is_some_and(|op| op.captures.iter().any(|(name, _)| name == capture))
    }

    /// Where the answer of operation `op` is searched for `capture`; `None` if that is not described.
    pub fn capture(&self, op: &str, capture: &str) -> Option<&Capture> {
        let captures = self.ops.get(op)?.captures.iter();
        let mut named = captures.filter(|(name, _)| name == capture);
        named.next().map(|(_, capture)| capture)
    }

    /// The same without one capture, so that answers are not expected to hold it.
    pub fn without_capture(&self, op: &str, capture: &str) -> Self {
        let mut adapter = self.clone();
        if let Some(spec) = adapter.ops.get_mut(op) {
            spec.captures.retain(|(name, _)| name != capture);
        }
        adapter
    }

    /// Whether operation `op` is described and one of its requests uses template name `name`, such as `device.signature`, by
    /// itself or within one of `[values]`.
    #[must_use]
    pub fn sends(&self, op: &str, name: &str) -> bool {
        let mut requests = self.ops.get(op).into_iter().flat_map(OpSpec::requests);
        requests.any(|request| self.mentions(request, name))
    }

    /// The names of a session's values that operation `op` sends and that may be what lets it in: `token`, and every name of the
    /// adapter's own that a capture gives a value, such as that of a refresh token.
    #[must_use]
    pub fn credentials(&self, op: &str) -> Vec<String> {
        let captures = self.ops.values().flat_map(|op| &op.captures);
        let names: BTreeSet<&String> = captures.map(|(name, _)| name).collect();
        let names = names.into_iter().filter(|name| is_credential(name));
        let sent = |name: &&String| self.sends(op, &format!("session.{name}"));
        names.filter(sent).cloned().collect()
    }

    fn mentions(&self, request: &Request, wanted: &str) -> bool {
        request.mentions(wanted)
            || self.values.iter().enumerate().any(|(at, (value, _))| {
                request.mentions(&format!("value.{value}")) && self.value_names(at, wanted)
            })
    }

    /// Whether one of `[values]` is made of `wanted`, by itself or through those above it.
    fn value_names(&self, at: usize, wanted: &str) -> bool {
        let (above, this) = self.values.split_at(at);
        let Some((_, template)) = this.first() else {
            return false;
        };
        template.names().any(|name| {
            name == wanted
                || wanted.ends_with('.') && name.starts_with(wanted)
                || name.strip_prefix("value.").is_some_and(|value| {
                    let at = above.iter().position(|(known, _)| known == value);
                    at.is_some_and(|at| self.value_names(at, wanted))
                })
        })
    }

    /// Whether something in `request` is made of the request itself, so that it is built twice.
    pub(crate) fn is_made_of_itself(&self, request: &Request) -> bool {
        ["method", "path", "query", "body", "params"]
            .iter()
            .any(|part| self.mentions(request, &format!("request.{part}")))
    }

    /// Whether `request` carries something of the phone's, so that it may be refused on the phone's account.
    pub(crate) fn is_of_the_phone(&self, request: &Request) -> bool {
        self.mentions(request, "device.") || self.mentions(request, "session.")
    }

    /// Whether the request of operation `op` has template name `name` in no form or query, but where a `+` stays a `+`: in
    /// JSON, another body, a header.
    #[must_use]
    pub fn sends_plus_as_it_is(&self, op: &str, name: &str) -> bool {
        let mut requests = self.ops.get(op).into_iter().flat_map(OpSpec::requests);
        requests.all(|request| !request.names_in_forms().contains(name)) && self.sends(op, name)
    }

    /// Whether the harness starts the backend itself.
    #[must_use]
    pub fn starts_backend(&self) -> bool {
        !self.backend.start.is_empty()
    }

    /// The backend's address for this run, without a trailing slash.
    #[must_use]
    pub fn base(&self, run: &RunVars) -> String {
        fill(&self.backend.base, run)
            .trim_end_matches('/')
            .to_owned()
    }

    /// Whether the backend is spoken to over TLS without looking at its certificate: what a report has to say.
    #[must_use]
    pub fn leaves_certificate_unchecked(&self, run: &RunVars) -> bool {
        matches!(self.backend.trust, TrustSpec::Unchecked) && self.base(run).starts_with("https:")
    }

    /// Whether somebody listens where a backend is that runs by itself.
    pub async fn is_reached(&self) -> bool {
        match self.peer(&RunVars::sample()) {
            Ok(peer) => peer.reach().await.is_ok(),
            Err(_) => false,
        }
    }

    /// The backend's address for this run, and how its connections are made.
    pub(crate) fn peer(&self, run: &RunVars) -> Result<Peer, String> {
        let trust = match &self.backend.trust {
            TrustSpec::System => Trust::System,
            TrustSpec::File(path) => Trust::File(self.backend.folder.join(fill(path, run))),
            TrustSpec::Unchecked => Trust::Unchecked,
        };
        Peer::at(&self.base(run), trust)
    }

    /// What `answer` to operation `op` means. An answer that is not complete is [`Outcome::Indefinite`].
    #[must_use]
    pub fn read(&self, op: &str, answer: &RawAnswer) -> Reading {
        let captures = self
            .ops
            .get(op)
            .map_or(&[][..], |op| op.captures.as_slice());
        answer::read(&self.rules, captures, answer)
    }

    /// The same of an answer in a run, in which a person may have nothing to show yet: a `whoami` without a number or a name is
    /// an answer like any other, once the proving has seen one with them.
    #[must_use]
    pub fn read_proved(&self, op: &str, answer: &RawAnswer) -> Reading {
        let mut reading = self.read(op, answer);
        if op == "whoami" && !reading.missing.is_empty() {
            reading.missing.retain(|name| !may_be_empty(name));
            if reading.missing.is_empty() {
                reading.outcome = Outcome::Ok;
            }
        }
        reading
    }
}

/// Whether a captured value of this name may let its holder in: not who the person is, nor what data showed.
#[must_use]
pub fn is_credential(capture: &str) -> bool {
    !matches!(capture, "user_id" | "session_key") && !may_be_empty(capture)
}

/// Whether this is shown of a person who has sent it, and of nobody else.
fn may_be_empty(capture: &str) -> bool {
    matches!(capture, "plaintext_nonce" | "phone")
}

/// Fills a template of the process, which can only use names that always have a value.
pub(crate) fn fill(template: &Template, run: &RunVars) -> String {
    let vars = Vars::of(run);
    template
        .fill_whole(&vars, Encode::Verbatim)
        .unwrap_or_default()
}

fn fingerprint(text: &str, overrides: &Overrides) -> String {
    let mut hash = Sha256::new();
    hash.update(text);
    for (name, value) in overrides.entries() {
        hash.update([0]);
        hash.update(name);
        hash.update([0]);
        hash.update(value);
    }
    hex::encode(&hash.finalize()[..8])
}

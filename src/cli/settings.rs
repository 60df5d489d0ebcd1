//! Flag > `WXMOCK_*` variable > `wxmock.toml` > default, and where each value came from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::parser::ValueSource;
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use wxmock_server::config::{Config, ConfigError};
use wxmock_server::{LogFormat, Settings};
use wxmock_world::{Preset, Seed};

use super::given::Given;
use crate::exit::{Exit, Failure};

/// The file that is read without being named.
const FILE: &str = "wxmock.toml";

/// The settings of a mock, shared by `serve` and `config print`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Mock settings (flag > variable > wxmock.toml > default)")]
pub(crate) struct SettingsArgs {
    /// Configuration file; ./wxmock.toml is read if it exists
    #[arg(long, value_name = "FILE", env = "WXMOCK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Address to listen on, or `localhost`; repeat it for several. Beyond loopback the admin API wants a token [default: 127.0.0.1]
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "WXMOCK_LISTEN",
        value_delimiter = ',',
        value_parser = listen
    )]
    listen: Vec<Listen>,
    /// Name the mock may be called by under /_mock/, such as its public one; repeat it for several
    #[arg(
        long = "allow-host",
        value_name = "NAME",
        env = "WXMOCK_ALLOW_HOST",
        value_delimiter = ','
    )]
    allow_hosts: Vec<String>,
    /// What callers of /_mock/v1 must send: Authorization: Bearer TOKEN, or ?token=TOKEN [default: made beyond loopback]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "WXMOCK_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// Port to listen on; 0 lets the system choose [default: 8910]
    #[arg(long, short, value_name = "PORT", env = "WXMOCK_PORT")]
    port: Option<u16>,
    /// Seed of every id, key and code, decimal or 0x… [default: 1]
    #[arg(long, value_name = "SEED", env = "WXMOCK_SEED")]
    seed: Option<Seed>,
    /// Policy of the seeded apps [default: documented]
    #[arg(long, value_name = "PRESET", env = "WXMOCK_PRESET", value_parser = preset())]
    preset: Option<Preset>,
    /// One line for each exchange on stderr [default: human]
    #[arg(long, value_name = "FORMAT", env = "WXMOCK_LOG", value_parser = log_format())]
    log: Option<LogFormat>,
    /// Entries the journal keeps [default: 10000]
    #[arg(long, value_name = "N", env = "WXMOCK_JOURNAL_CAPACITY")]
    journal_capacity: Option<usize>,
    /// Longest request body, in bytes [default: 16777216]
    #[arg(long, value_name = "BYTES", env = "WXMOCK_MAX_BODY_BYTES")]
    max_body_bytes: Option<usize>,
}

/// What is listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listen {
    Address(IpAddr),
    /// Loopback, in both families where the machine has them.
    Localhost,
}

fn listen(text: &str) -> Result<Listen, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    match bare.parse() {
        _ if text.eq_ignore_ascii_case("localhost") => Ok(Listen::Localhost),
        Ok(address) => Ok(Listen::Address(address)),
        Err(_) => Err("expected an address, such as 127.0.0.1 or [::1], or localhost".to_owned()),
    }
}

impl Listen {
    fn addresses(self) -> Vec<IpAddr> {
        match self {
            Self::Address(address) => vec![address],
            Self::Localhost => {
                let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
                let has_six = std::net::TcpListener::bind((six, 0)).is_ok();
                let four = IpAddr::V4(Ipv4Addr::LOCALHOST);
                std::iter::once(four)
                    .chain(has_six.then_some(six))
                    .collect()
            }
        }
    }
}

/// Spelled out for clap, so that a typo gets a suggestion and completion knows the names.
fn preset() -> impl TypedValueParser<Value = Preset> {
    let names = Preset::ALL.map(|preset| PossibleValue::new(preset.name()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Preset>())
}

fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    PossibleValuesParser::new(["human", "json", "off"]).map(|name| match name.as_str() {
        "human" => LogFormat::Human,
        "json" => LogFormat::Json,
        _ => LogFormat::Off,
    })
}

/// What holds, and who said so.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) config: Config,
    /// Addresses to listen on beside that of the configuration.
    listen_too: Vec<IpAddr>,
    allow_hosts: Vec<String>,
    token: Option<String>,
    /// Dotted key and origin, in the order of the file.
    pub(crate) origins: Vec<(&'static str, Origin)>,
    /// A remark for the reader, such as a file that was found and not used.
    pub(crate) note: Option<String>,
}

impl Resolved {
    /// Settings of a server that listens where this says.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = self.config.settings();
        let port = self.config.server.port;
        let addrs = self.listen_too.iter().map(|ip| SocketAddr::new(*ip, port));
        settings.listen_too = addrs.collect();
        settings.allow_hosts.clone_from(&self.allow_hosts);
        settings.token.clone_from(&self.token);
        settings
    }
}

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(PathBuf),
    Variable(&'static str),
    Flag(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "{name}"),
            Self::Flag(name) => write!(f, "{name}"),
        }
    }
}

/// How one key of the file is called elsewhere.
struct Key {
    /// Dotted, as in the file.
    name: &'static str,
    /// The argument's id, its flag and its variable; `None` for `app`: a list of tables does not fit on a command line.
    argument: Option<[&'static str; 3]>,
}

impl Key {
    const fn new(name: &'static str, argument: [&'static str; 3]) -> Self {
        Self {
            name,
            argument: Some(argument),
        }
    }
}

const KEYS: [Key; 8] = [
    Key::new("seed", ["seed", "--seed", "WXMOCK_SEED"]),
    Key::new("preset", ["preset", "--preset", "WXMOCK_PRESET"]),
    Key::new("log", ["log", "--log", "WXMOCK_LOG"]),
    Key::new("server.listen", ["listen", "--listen", "WXMOCK_LISTEN"]),
    Key::new("server.port", ["port", "--port", "WXMOCK_PORT"]),
    Key::new(
        "server.max_body_bytes",
        [
            "max_body_bytes",
            "--max-body-bytes",
            "WXMOCK_MAX_BODY_BYTES",
        ],
    ),
    Key::new(
        "journal.capacity",
        [
            "journal_capacity",
            "--journal-capacity",
            "WXMOCK_JOURNAL_CAPACITY",
        ],
    ),
    Key {
        name: "app",
        argument: None,
    },
];

impl SettingsArgs {
    /// Reads the file, lays flags and variables over it. `given` is that of the subcommand these args belong to.
    pub(crate) fn resolve(&self, given: Given<'_>) -> Result<Resolved, Failure> {
        let (mut config, keys_set, path, note) = self.read()?;
        refuse_unknown_variables(given.command)?;
        self.lay_over(&mut config);
        let mut addresses = self.listen.iter().flat_map(|listen| listen.addresses());
        if let Some(first) = addresses.next() {
            config.server.listen = first;
        }
        let first = config.server.listen;
        let mut listen_too: Vec<IpAddr> = addresses.filter(|address| *address != first).collect();
        listen_too.sort_unstable();
        listen_too.dedup();
        let origin = |key: &Key| {
            let from_line = key.argument.and_then(|[id, flag, variable]| {
                match given.matches.value_source(id) {
                    Some(ValueSource::CommandLine) => Some(Origin::Flag(flag)),
                    Some(ValueSource::EnvVariable) => Some(Origin::Variable(variable)),
                    _ => None,
                }
            });
            let in_file = || {
                keys_set
                    .iter()
                    .any(|set| set == key.name)
                    .then(|| Origin::File(path.clone()))
            };
            from_line.or_else(in_file).unwrap_or(Origin::Default)
        };
        let origins = KEYS.iter().map(|key| (key.name, origin(key))).collect();
        Ok(Resolved {
            config,
            listen_too,
            allow_hosts: self.allow_hosts.clone(),
            token: self.token.clone(),
            origins,
            note,
        })
    }

    fn read(&self) -> Result<(Config, Vec<String>, PathBuf, Option<String>), Failure> {
        let path = self.config.clone().unwrap_or_else(|| PathBuf::from(FILE));
        let nothing = |note| (Config::default(), Vec::new(), path.clone(), note);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.config.is_none() => {
                return Ok(nothing(None));
            }
            Err(error) => {
                return Err(Failure::usage(
                    format!("cannot read the configuration {}: {error}", path.display()),
                    "`wxmock config init` writes a commented file with every default",
                ));
            }
        };
        let keys_set = Config::keys_set(&text);
        if self.config.is_none() && is_adapter(&keys_set) {
            let note = format!(
                "./{FILE} describes a backend (an adapter), so it was not read as configuration"
            );
            return Ok(nothing(Some(note)));
        }
        match Config::parse(&path.display().to_string(), &text) {
            Ok(config) => Ok((config, keys_set, path, None)),
            Err(error) => Err(Failure::diagnostic(Exit::Usage, FileMistake::new(error))),
        }
    }

    fn lay_over(&self, config: &mut Config) {
        fn lay<T: Copy>(over: Option<T>, under: &mut T) {
            if let Some(value) = over {
                *under = value;
            }
        }
        lay(self.port, &mut config.server.port);
        lay(self.seed, &mut config.seed);
        lay(self.log, &mut config.log);
        lay(self.journal_capacity, &mut config.journal.capacity);
        lay(self.max_body_bytes, &mut config.server.max_body_bytes);
        if let Some(preset) = self.preset {
            config.preset = preset;
        }
    }
}

/// A variable of ours with a typo would otherwise be ignored in silence.
fn refuse_unknown_variables(command: &clap::Command) -> Result<(), Failure> {
    fn collect(command: &clap::Command, known: &mut Vec<String>) {
        known.extend(
            command
                .get_arguments()
                .filter_map(|argument| argument.get_env())
                .map(|name| name.to_string_lossy().into_owned()),
        );
        command
            .get_subcommands()
            .for_each(|inner| collect(inner, known));
    }
    let mut known = Vec::new();
    collect(command, &mut known);
    // Given to the child of `wxmock exec`, which may be another wxmock.
    known.extend(wxmock_adapter::routes::CHILD_FACTS.map(str::to_owned));
    // Of packages/: the binary a fixture starts, and what install.sh installs from where.
    known.extend(["BIN", "DIR", "VERSION", "RELEASES"].map(|name| format!("WXMOCK_{name}")));
    // An empty one says nothing, so it may be called anything.
    let ours = std::env::vars_os()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, _)| name.to_string_lossy().into_owned());
    let wrong = ours
        .filter(|name| name.starts_with("WXMOCK_"))
        .find(|name| !known.contains(name));
    let Some(wrong) = wrong else { return Ok(()) };
    let near = known
        .iter()
        .min_by_key(|name| strsim::damerau_levenshtein(name, &wrong))
        .map_or("", String::as_str);
    Err(Failure::usage(
        format!("{wrong} is no variable of wxmock"),
        format!("did you mean {near}? Unset it if it is not meant for wxmock"),
    ))
}

/// Backends keep their adapter in a file of the same name. Started in such a folder the mock must not trip over it.
fn is_adapter(keys_set: &[String]) -> bool {
    keys_set
        .iter()
        .any(|key| key.starts_with("backend.") || key.starts_with("ops."))
}

/// A [`ConfigError`] as a caret under the wrong line.
#[derive(Debug)]
struct FileMistake {
    error: ConfigError,
    source: NamedSource<String>,
}

impl FileMistake {
    fn new(error: ConfigError) -> Self {
        let source = NamedSource::new(&error.name, error.text.clone());
        Self { error, source }
    }
}

impl std::fmt::Display for FileMistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Path::new(&self.error.name);
        match &self.error.span {
            Some(_) => write!(f, "{}", self.error),
            None => write!(f, "{}: {}", name.display(), self.error),
        }
    }
}

impl std::error::Error for FileMistake {}

impl Diagnostic for FileMistake {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.error
            .help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.error
            .span
            .as_ref()
            .map(|_| &self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.error.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            Some("here".to_owned()),
            span,
        ))))
    }
}

//! `wxmock state`: a state directory without a mock on it.

use std::io::Read;
use std::path::{Path, PathBuf};

use wxmock_log::{LogError, Replayed};
use wxmock_model::lang::Lang;
use wxmock_world::{World, WorldState};

use super::lang::LangArg;
use crate::exit::{Exit, Failure};

/// Check, export, import or compact what `wxmock serve --state DIR` keeps
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(Check),
    Export(Export),
    Import(Import),
    Compact(Compact),
}

/// Read every record and replay it; change nothing
///
/// Exit code 0 if a mock can start with it, 1 if it is damaged. A running mock may go on writing meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock state check wechat.state                 is it whole, and what is in it
  wxmock state check --lang zh wechat.state       in Chinese")]
struct Check {
    /// The directory
    dir: PathBuf,
    #[command(flatten)]
    lang: LangArg,
}

/// Write the state as one JSON document, as GET /_mock/v1/state answers it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock state export wechat.state > state.json             the whole of it, secrets included
  wxmock state export wechat.state --to 1200 > state.json   as it was after command 1200, before a damage
  wxmock state export wechat.state | curl -X PUT --data-binary @- http://127.0.0.1:8910/_mock/v1/state")]
struct Export {
    /// The directory
    dir: PathBuf,
    /// The last command that counts
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
}

/// Make a directory of an exported state
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock state import wechat.state < state.json     a new directory for `wxmock serve --state wechat.state`
  wxmock state import wechat.state state.json       the same")]
struct Import {
    /// The directory: empty, or not there yet
    dir: PathBuf,
    /// The state [default: standard input]
    file: Option<PathBuf>,
}

/// Replace snapshot and log by one snapshot
///
/// A mock does this by itself when its log has become long, and when it stops.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock state compact wechat.state                 no mock may run on it meanwhile")]
struct Compact {
    /// The directory
    dir: PathBuf,
    #[command(flatten)]
    lang: LangArg,
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::usage(error.to_string(), error.help())
    }
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Check(args) => {
                let replayed = wxmock_log::replay(&args.dir, None).map_err(answered)?;
                super::print(&summary(&args.dir, &replayed, args.lang.get()))
            }
            Command::Export(args) => {
                let mut replayed = wxmock_log::replay(&args.dir, args.to)?;
                if let Some(to) = args.to.filter(|to| *to != replayed.position) {
                    return Err(Failure::usage(
                        format!(
                            "{} ends with command {}, not {to}",
                            args.dir.display(),
                            replayed.position
                        ),
                        "leave --to out for all of it",
                    ));
                }
                let text = serde_json::to_string(&replayed.world.export())
                    .map_err(|error| Failure::internal("writing the state", &error))?;
                super::print(&format!("{text}\n"))
            }
            Command::Import(args) => {
                let mut world = read(args.file.as_deref())?;
                Ok(wxmock_log::create(&args.dir, &mut world)?)
            }
            Command::Compact(args) => {
                wxmock_log::compact(&args.dir)?;
                let replayed = wxmock_log::replay(&args.dir, None)?;
                super::print(&summary(&args.dir, &replayed, args.lang.get()))
            }
        }
    }
}

/// A damage is the answer no, and not a mistake of whoever asks.
fn answered(error: LogError) -> Failure {
    match error {
        LogError::Damaged { .. } | LogError::Import { .. } => {
            Failure::new(Exit::Violated, error.to_string(), error.help())
        }
        error => error.into(),
    }
}

fn read(file: Option<&Path>) -> Result<World, Failure> {
    let mut text = Vec::new();
    let name = file.map_or_else(
        || "standard input".to_owned(),
        |file| file.display().to_string(),
    );
    match file {
        Some(file) => std::fs::read(file).map(|read| text = read),
        None => std::io::stdin().lock().read_to_end(&mut text).map(|_| ()),
    }
    .map_err(|error| {
        Failure::usage(
            format!("cannot read {name}: {error}"),
            "see `wxmock state import --help`",
        )
    })?;
    parse(&text, &name)
}

/// The world of an exported state.
pub(super) fn parse(text: &[u8], name: &str) -> Result<World, Failure> {
    let refused = |why: &dyn std::fmt::Display| {
        Failure::usage(
            format!("{name} is not a state this version reads: {why}"),
            "want what GET /_mock/v1/state or `wxmock state export` says; to start from the seed, name another with --state",
        )
    };
    let state: WorldState = serde_json::from_slice(text).map_err(|error| refused(&error))?;
    World::import(state).map_err(|error| refused(&error))
}

fn summary(dir: &Path, replayed: &Replayed, lang: Lang) -> String {
    let counts = replayed.world.counts();
    let (apps, users) = (counts.apps, counts.users);
    let Replayed {
        snapshot,
        position,
        n_segments,
        n_bytes,
        ..
    } = replayed;
    let (dir, n_commands) = (dir.display(), position - snapshot);
    let mut text = match lang {
        Lang::En => format!(
            "{dir} is whole: {apps} apps, {users} users after command {position}\n  snapshot  after command {snapshot}\n  log       {n_commands} commands in {n_segments} segments, {n_bytes} bytes\n"
        ),
        Lang::Zh => format!(
            "{dir} 完整：命令 {position} 之后有 {apps} 个小程序、{users} 个用户\n  快照  命令 {snapshot} 之后\n  日志  {n_commands} 条命令，{n_segments} 个分段，{n_bytes} 字节\n"
        ),
    };
    if let Some(torn) = &replayed.torn {
        let (file, at, n_bytes) = (torn.file.display(), torn.at, torn.n_bytes);
        text.push_str(&match lang {
            Lang::En => format!(
                "  end       {file} has {n_bytes} bytes from byte {at} on that are no whole command: the next start cuts them, or a mock is writing them\n"
            ),
            Lang::Zh => format!(
                "  末尾  {file} 从第 {at} 字节起有 {n_bytes} 字节不是完整的命令：下次启动会截掉，或者 mock 正在写\n"
            ),
        });
    }
    if let Some(version) = &replayed.other_version {
        text.push_str(&match lang {
            Lang::En => format!("  version   some commands were written by wxmock {version}\n"),
            Lang::Zh => format!("  版本  有的命令是 wxmock {version} 写的\n"),
        });
    }
    text
}

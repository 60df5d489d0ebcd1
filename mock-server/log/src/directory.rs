//! Reading a directory: the snapshot, then every command behind it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use wxmock_world::{Timed, World, WorldState};

use crate::folder::{self, Lock};
use crate::frame::{self, End};
use crate::{Durability, Log, LogError};

/// The end of a segment that was being written when its writer died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub file: PathBuf,
    /// Where its whole records end.
    pub at: usize,
    /// How many bytes lie behind.
    pub n_bytes: usize,
}

/// What a directory says.
#[derive(Debug)]
pub struct Replayed {
    /// The world after all of it.
    pub world: World,
    /// The position of the snapshot it began with.
    pub snapshot: u64,
    /// The last command.
    pub position: u64,
    /// How many segments were read.
    pub n_segments: usize,
    /// Their bytes.
    pub n_bytes: u64,
    /// Bytes at the end that are no command.
    pub torn: Option<Torn>,
    /// Other versions of wxmock that wrote some of the commands; this one may answer them otherwise.
    pub other_version: Option<String>,
    last: Option<(PathBuf, u64)>,
}

/// Reads a directory without changing it, to its end or to a command before.
///
/// # Errors
/// [`LogError::Empty`], [`LogError::Damaged`], [`LogError::Import`], [`LogError::Io`].
pub fn replay(dir: &Path, to: Option<u64>) -> Result<Replayed, LogError> {
    let to = to.unwrap_or(u64::MAX);
    let folder::Listed {
        snapshots,
        segments,
        ..
    } = folder::list(dir)?;
    let Some((snapshot, path)) = snapshots.iter().rev().find(|(at, _)| *at <= to) else {
        return Err(match snapshots.first().or_else(|| segments.first()) {
            Some((_, path)) => damaged(path, 0, None, "what it follows is not there"),
            None => LogError::Empty {
                dir: dir.to_path_buf(),
            },
        });
    };
    let mut replayed = Replayed {
        world: read_snapshot(path, *snapshot)?,
        snapshot: *snapshot,
        position: *snapshot,
        n_segments: 0,
        n_bytes: 0,
        torn: None,
        other_version: None,
        last: None,
    };
    // Those before the snapshot are what its writer had no time to remove.
    let behind = segments.iter().filter(|(first, _)| first > snapshot);
    let behind: Vec<_> = behind.collect();
    for (at, (first, path)) in behind.iter().enumerate() {
        if *first > to {
            break;
        }
        replayed.segment(path, *first, to, at + 1 == behind.len())?;
    }
    Ok(replayed)
}

fn damaged(file: &Path, offset: usize, whole: Option<u64>, why: &str) -> LogError {
    LogError::Damaged {
        file: file.to_path_buf(),
        offset,
        why: why.to_owned(),
        whole,
    }
}

fn read_snapshot(path: &Path, position: u64) -> Result<World, LogError> {
    let bytes = fs::read(path).map_err(LogError::io("read", path))?;
    let bad = |offset, why: &str| damaged(path, offset, None, why);
    let (_, fields, begin) = folder::read_first_line("snapshot", &bytes)
        .ok_or_else(|| bad(0, "its first line is not one of a snapshot"))?;
    let text = &bytes[begin..];
    let sum = format!("{:08x}", frame::checksum_of(text));
    if fields != [position.to_string(), text.len().to_string(), sum] {
        return Err(bad(begin, "its checksum, length or number is another"));
    }
    let state: WorldState =
        serde_json::from_slice(text).map_err(|error| bad(begin, &error.to_string()))?;
    World::restore(state).map_err(|source| LogError::Import {
        file: path.to_path_buf(),
        source,
    })
}

impl Replayed {
    fn segment(&mut self, path: &Path, first: u64, to: u64, is_last: bool) -> Result<(), LogError> {
        let bytes = fs::read(path).map_err(LogError::io("read", path))?;
        self.n_segments += 1;
        self.n_bytes += bytes.len() as u64;
        if first != self.position + 1 {
            let why = format!(
                "it begins with command {first}, and {} is not there",
                self.position + 1
            );
            return Err(damaged(path, 0, Some(self.position), &why));
        }
        let line = folder::read_first_line("log", &bytes)
            .filter(|(_, fields, _)| *fields == [first.to_string()]);
        let end = match line {
            Some((version, _, begin)) => {
                if version != folder::VERSION {
                    self.other_version = Some(version.to_owned());
                }
                frame::read(&bytes, begin, first, |position, at, body| {
                    if position <= to {
                        self.command(path, position, at, body)?;
                    }
                    Ok(())
                })?
            }
            None if frame::has_whole(&bytes, first) => End::Damaged(0),
            None => End::Torn(0),
        };
        let at = match end {
            End::Damaged(at) if self.position < to => {
                let why = "here is no whole record, but there are some behind it";
                return Err(damaged(path, at, Some(self.position), why));
            }
            End::Torn(at) if !is_last && self.position < to => {
                let why = "here is no whole record, but another segment follows";
                return Err(damaged(path, at, Some(self.position), why));
            }
            End::Torn(at) => {
                self.torn = Some(Torn {
                    file: path.to_path_buf(),
                    at,
                    n_bytes: bytes.len() - at,
                });
                at
            }
            End::Whole | End::Damaged(_) => bytes.len(),
        };
        self.last = Some((path.to_path_buf(), at as u64));
        Ok(())
    }

    fn command(
        &mut self,
        path: &Path,
        position: u64,
        at: usize,
        body: &[u8],
    ) -> Result<(), LogError> {
        let timed: Timed = serde_json::from_slice(body).map_err(|error| {
            let why = format!("command {position} is none this version knows: {error}");
            damaged(path, at, Some(self.position), &why)
        })?;
        let world = &mut self.world;
        // One that was a bug of ours when it was given is one again, and leaves the same behind.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(world.apply(timed))));
        drop(world.take_events());
        drop(world.take_discarded());
        self.position = position;
        Ok(())
    }
}

/// A directory that is open for writing.
#[derive(Debug)]
pub struct Opened {
    /// The world it holds; it records from now on.
    pub world: World,
    /// Where its commands go.
    pub log: Log,
    /// What is to be told: what was cut, what another version wrote.
    pub notes: Vec<String>,
}

/// Opens a directory, or begins one with `seeded`.
///
/// # Errors
/// Every [`LogError`]; `seeded`'s own.
pub fn open<E: From<LogError>>(
    dir: &Path,
    durability: Durability,
    seeded: impl FnOnce() -> Result<World, E>,
) -> Result<Opened, E> {
    folder::make(dir)?;
    let listed = folder::list(dir)?;
    if listed.snapshots.is_empty() && listed.segments.is_empty() && listed.n_foreign > 0 {
        return Err(E::from(LogError::Occupied {
            dir: dir.to_path_buf(),
            is_state: false,
        }));
    }
    let lock = Lock::take(dir)?;
    // Listed again: somebody may have written until the lock was ours.
    let listed = folder::list(dir)?;
    if listed.snapshots.is_empty() && listed.segments.is_empty() {
        let mut world = seeded()?;
        folder::write_snapshot(dir, 0, &world.export())?;
        world.record_commands();
        let (file, length) = folder::begin_segment(dir, 1)?;
        let log = Log::start(dir, lock, durability, [0, 0], file, length);
        return Ok(Opened {
            world,
            log,
            notes: Vec::new(),
        });
    }
    let mut replayed = replay(dir, None)?;
    let mut notes = Vec::new();
    if let Some(torn) = &replayed.torn {
        notes.push(format!(
            "{} was cut at byte {}: the {} bytes behind command {} were never whole (its writer died while it wrote them)",
            torn.file.display(), torn.at, torn.n_bytes, replayed.position
        ));
    }
    if let Some(version) = &replayed.other_version {
        notes.push(format!(
            "some commands in {} were written by wxmock {version} and are done again by {}: what it answers otherwise is otherwise now",
            dir.display(), folder::VERSION
        ));
    }
    let (file, length) = match replayed.last.take() {
        // A first line that was cut is written again.
        Some((_, 0)) | None => folder::begin_segment(dir, replayed.position + 1)?,
        Some((path, length)) => (folder::go_on(&path, length)?, length),
    };
    folder::remove_before(dir, replayed.snapshot)?;
    replayed.world.record_commands();
    // A command like any other: the first of this run.
    replayed.world.resend_pushes();
    let log = Log::start(
        dir,
        lock,
        durability,
        [replayed.snapshot, replayed.position],
        file,
        length,
    );
    Ok(Opened {
        world: replayed.world,
        log,
        notes,
    })
}

/// Makes a directory of a world.
///
/// # Errors
/// [`LogError::Occupied`], [`LogError::Locked`], [`LogError::Io`].
pub fn create(dir: &Path, world: &mut World) -> Result<(), LogError> {
    folder::make(dir)?;
    let _lock = Lock::take(dir)?;
    let listed = folder::list(dir)?;
    let is_state = !listed.snapshots.is_empty() || !listed.segments.is_empty();
    if is_state || listed.n_foreign > 0 {
        return Err(LogError::Occupied {
            dir: dir.to_path_buf(),
            is_state,
        });
    }
    folder::write_snapshot(dir, 0, &world.export())?;
    Ok(())
}

/// Puts a snapshot in the place of snapshot and log. What is torn at the end is gone then.
///
/// # Errors
/// Every [`LogError`] but [`LogError::Occupied`].
pub fn compact(dir: &Path) -> Result<(), LogError> {
    // Before the lock, which would make the directory.
    if folder::list(dir)?.snapshots.is_empty() {
        return Err(LogError::Empty {
            dir: dir.to_path_buf(),
        });
    }
    let _lock = Lock::take(dir)?;
    let mut replayed = replay(dir, None)?;
    folder::write_snapshot(dir, replayed.position, &replayed.world.export())?;
    folder::remove_before(dir, replayed.position)?;
    // One that begins behind the last command holds none, at most the torn beginning of one.
    match replayed.last.map(|(path, _)| path) {
        Some(path) if path.exists() => {
            fs::remove_file(&path).map_err(LogError::io("remove", &path))
        }
        _ => Ok(()),
    }
}

//! The files of a directory: their names, their first lines, the lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use wxmock_world::WorldState;

use crate::{LogError, frame};

/// Raised when segments or snapshots change.
const FORMAT: u32 = 1;
/// Which program wrote it: another one may answer the same commands otherwise.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// No first line is longer.
const LONGEST_LINE: usize = 200;

/// What lies in a directory, each list in the order of its numbers.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) snapshots: Vec<(u64, PathBuf)>,
    pub(crate) segments: Vec<(u64, PathBuf)>,
    /// Files nobody of us wrote.
    pub(crate) n_foreign: usize,
}

pub(crate) fn list(dir: &Path) -> Result<Listed, LogError> {
    let mut listed = Listed::default();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listed),
        entries => entries.map_err(LogError::io("read", dir))?,
    };
    for entry in entries {
        let path = entry.map_err(LogError::io("read", dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let numbered = |ending| name.strip_suffix(ending)?.parse::<u64>().ok();
        if let Some(number) = numbered(".snapshot") {
            listed.snapshots.push((number, path));
        } else if let Some(number) = numbered(".log") {
            listed.segments.push((number, path));
        } else if name != "lock" && !name.ends_with(".part") {
            listed.n_foreign += 1;
        }
    }
    listed.snapshots.sort();
    listed.segments.sort();
    Ok(listed)
}

/// Makes a directory that nobody else may look into.
pub(crate) fn make(dir: &Path) -> Result<(), LogError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(LogError::io("make", dir))
}

pub(crate) fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.log"))
}

fn snapshot_path(dir: &Path, position: u64) -> PathBuf {
    dir.join(format!("{position:020}.snapshot"))
}

/// The right to write. Gone with the process that has it, however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _held: File,
}

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(LogError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = file.read_to_string(&mut text);
                return Err(LogError::Locked {
                    dir: dir.to_path_buf(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(LogError::io("lock", &path)(source)),
        }
        // For whoever is refused; a disk too full for it is no reason to stop here.
        let _ = file.set_len(0);
        let _ = file.write_all(format!("{}\n", std::process::id()).as_bytes());
        Ok(Self { _held: file })
    }
}

/// The first line of a file, with what it vouches for.
fn first_line(what: &str, fields: &[&str]) -> String {
    let line = format!("wxmock-{what} {FORMAT} {VERSION} {}", fields.join(" "));
    format!("{line} {:08x}\n", frame::checksum_of(line.as_bytes()))
}

/// What the first line of a file says: the version that wrote it, its fields, and where the rest begins. `None` if there is no
/// such line.
pub(crate) fn read_first_line<'a>(
    what: &str,
    bytes: &'a [u8],
) -> Option<(&'a str, Vec<&'a str>, usize)> {
    let end = bytes
        .iter()
        .take(LONGEST_LINE)
        .position(|byte| *byte == b'\n')?;
    let (line, sum) = std::str::from_utf8(&bytes[..end]).ok()?.rsplit_once(' ')?;
    let mut words = line.split(' ');
    let is_ours = words.next() == Some(&format!("wxmock-{what}"))
        && words.next() == Some(&FORMAT.to_string())
        && sum == format!("{:08x}", frame::checksum_of(line.as_bytes()));
    let version = words.next().filter(|_| is_ours)?;
    Some((version, words.collect(), end + 1))
}

/// Begins a segment: an empty one that is on the disk with its name, and its length.
pub(crate) fn begin_segment(dir: &Path, first: u64) -> Result<(File, u64), LogError> {
    let path = segment_path(dir, first);
    let line = first_line("log", &[&first.to_string()]);
    let begin = || {
        // One that was cut in its first line is begun again.
        let mut file = private().truncate(true).create(true).open(&path)?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        Ok(file)
    };
    let file = begin().map_err(LogError::io("write", &path))?;
    sync(dir)?;
    Ok((file, line.len() as u64))
}

/// Opens a segment to go on at its end.
pub(crate) fn go_on(path: &Path, length: u64) -> Result<File, LogError> {
    let open = || {
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
        file.sync_all()?;
        Ok(file)
    };
    open().map_err(LogError::io("write", path))
}

/// Writes a snapshot, whole or not at all; its length.
pub(crate) fn write_snapshot(
    dir: &Path,
    position: u64,
    state: &WorldState,
) -> Result<u64, LogError> {
    let path = snapshot_path(dir, position);
    let draft = path.with_extension("part");
    let write = || {
        let text = serde_json::to_vec(state)?;
        let sum = format!("{:08x}", frame::checksum_of(&text));
        let fields = [position.to_string(), text.len().to_string(), sum];
        let line = first_line("snapshot", &[&fields[0], &fields[1], &fields[2]]);
        let mut file = private().truncate(true).create(true).open(&draft)?;
        file.write_all(line.as_bytes())?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        Ok(text.len() as u64)
    };
    let length = write().map_err(|source| {
        let _ = fs::remove_file(&draft);
        LogError::io("write", &path)(source)
    })?;
    sync(dir)?;
    Ok(length)
}

/// Removes what a snapshot makes needless.
pub(crate) fn remove_before(dir: &Path, position: u64) -> Result<(), LogError> {
    let Listed {
        snapshots,
        segments,
        ..
    } = list(dir)?;
    let old = snapshots.into_iter().filter(|(at, _)| *at < position);
    let old = old.chain(segments.into_iter().filter(|(first, _)| *first <= position));
    for (_, path) in old {
        fs::remove_file(&path).map_err(LogError::io("remove", &path))?;
    }
    Ok(())
}

/// Holds secrets: for nobody else.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A name is on the disk when its directory is.
pub(crate) fn sync(dir: &Path) -> Result<(), LogError> {
    #[cfg(unix)]
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(LogError::io("write", dir))?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

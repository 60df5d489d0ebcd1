//! The single file of before becomes a directory of the same name; the file is kept beside it.

use std::fs;
use std::path::{Path, PathBuf};

use wxmock_world::World;

use crate::{LogError, create};

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Where it is now, unchanged.
    pub kept: PathBuf,
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Puts a directory in the place of the state file `path`, which `read` reads. At every moment the state is there whole: first
/// the directory is written beside the file, then the file takes another name, then the directory its name. A migration that
/// was interrupted between the last two is finished. `None` where there is nothing to do.
///
/// # Errors
/// [`LogError::Io`], [`LogError::Locked`]; `read`'s own.
pub fn migrate<E: From<LogError>>(
    path: &Path,
    read: impl FnOnce(&Path) -> Result<World, E>,
) -> Result<Option<Migrated>, E> {
    let draft = beside(path, ".migrating");
    let kept = (0..).map(|n| match n {
        0 => beside(path, ".before"),
        n => beside(path, &format!(".before.{n}")),
    });
    if !path.exists() && draft.is_dir() {
        fs::rename(&draft, path).map_err(LogError::io("rename", &draft))?;
        let kept = kept.take_while(|kept| kept.exists()).last();
        return Ok(kept.map(|kept| Migrated { kept }));
    }
    if !path.is_file() {
        return Ok(None);
    }
    let mut world = read(path)?;
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(LogError::io("remove", &draft))?;
    }
    create(&draft, &mut world)?;
    let kept = kept
        .into_iter()
        .find(|kept| !kept.exists())
        .unwrap_or_default();
    fs::rename(path, &kept).map_err(LogError::io("rename", path))?;
    fs::rename(&draft, path).map_err(LogError::io("rename", &draft))?;
    Ok(Some(Migrated { kept }))
}

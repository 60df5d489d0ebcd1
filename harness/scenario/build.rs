//! Collects the scenario files of the repository, so that the binary carries them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    if root.is_dir() {
        collect(&root, &mut files)?;
    }
    files.sort();
    let mut code = String::from(
        "/// Name (for messages) and text of every scenario file.\nconst TEXTS: &[(&str, &str)] = &[\n",
    );
    for file in &files {
        let inside = file.strip_prefix(&root).map_err(io::Error::other)?;
        let name = format!(
            "scenarios/{}",
            inside.display().to_string().replace('\\', "/")
        );
        writeln!(
            code,
            "    ({name:?}, include_str!({:?})),",
            file.display().to_string()
        )
        .map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(out.join("scenarios.rs"), code)
}

/// Finds `*.toml`, except among the vectors, which are no cases. Watches folders too, or a new file would go unseen.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_vectors = path.file_name().is_some_and(|name| name == "vectors");
        if path.is_dir() && !is_vectors {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}

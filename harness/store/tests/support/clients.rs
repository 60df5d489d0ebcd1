//! Published clients in Node and Python, installed once below `target/`, and again when what is pinned changes.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Mutex, PoisonError},
};

use tokio::{io::AsyncReadExt, process::Command};
use wxmock_store::{Parked, Stores};

/// A client that says statements to `kind` of store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) language: Language,
    pub(crate) kind: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Node,
    Python,
}

/// What a client printed, and what was held of it, in turns.
pub(crate) struct Said {
    pub(crate) held: Vec<Parked>,
    pub(crate) results: Vec<String>,
    pub(crate) errors: String,
}

/// Has `client` say `statements` (JSON) to the store `name`, and releases whatever is held as it comes.
pub(crate) async fn converse(
    stores: &Stores,
    name: &str,
    client: Client,
    statements: &str,
) -> Option<Said> {
    let address = stores.address(name).expect("it is known");
    let (program, script) = installed(client.language)?;
    let mut child = Command::new(program)
        .arg(script)
        .args([
            client.kind,
            &address.ip().to_string(),
            &address.port().to_string(),
            statements,
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the client starts");
    let (mut out, mut err) = (String::new(), String::new());
    let mut held = Vec::new();
    {
        let (mut stdout, mut stderr) = (
            child.stdout.take().expect("piped"),
            child.stderr.take().expect("piped"),
        );
        let read = async {
            tokio::join!(
                stdout.read_to_string(&mut out),
                stderr.read_to_string(&mut err)
            )
        };
        let mut changes = stores.changes();
        let serve = async {
            loop {
                for parked in stores.parked() {
                    if stores.release(parked.statement.id) {
                        held.push(parked);
                    }
                }
                changes.changed().await.expect("the stores are there");
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(std::time::Duration::from_secs(120), read) => {}
            () = serve => {}
        }
    }
    let status = child.wait().await.expect("it ends");
    assert!(
        status.success(),
        "{client:?}: {status}\n{out}\n{err}\n{:?}",
        stores.take_events()
    );
    Some(Said {
        held,
        results: out.lines().map(str::to_owned).collect(),
        errors: err,
    })
}

/// The program and the script of a language; says so where its runtime is missing. Beside the script lie the others of its folder.
pub(crate) fn installed(language: Language) -> Option<(PathBuf, PathBuf)> {
    /// Tests run in parallel, and share an installation.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, name, pinned) = match language {
        Language::Node => ("npm", "node", "package-lock.json"),
        Language::Python => ("python3", "python", "requirements.txt"),
    };
    super::program(runtime, &[])?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("store-clients")
        .join(name);
    std::fs::create_dir_all(&folder).expect("a folder below target/");
    for entry in std::fs::read_dir(&source).expect("the programs").flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), folder.join(entry.file_name())).expect("a copy");
        }
    }
    let stamp = folder.join("installed");
    let wanted = std::fs::read(source.join(pinned)).expect("what is pinned");
    if !std::fs::read(&stamp).is_ok_and(|there| there == wanted) {
        match language {
            Language::Node => run(
                &folder,
                "npm",
                &["ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            ),
            Language::Python => {
                run(&folder, "python3", &["-m", "venv", "--clear", "venv"]);
                run(
                    &folder,
                    "venv/bin/python",
                    &[
                        "-m",
                        "pip",
                        "install",
                        "--quiet",
                        "--disable-pip-version-check",
                        "-r",
                        pinned,
                    ],
                );
            }
        }
        std::fs::write(&stamp, wanted).expect("the folder can be written");
    }
    Some(match language {
        Language::Node => ("node".into(), folder.join("say.mjs")),
        Language::Python => (folder.join("venv/bin/python"), folder.join("say.py")),
    })
}

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let program = if program.contains('/') {
        folder.join(program)
    } else {
        program.into()
    };
    let output = std::process::Command::new(&program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(
        output.status.success(),
        "{}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}

//! Real servers from the system's packages, each on a free port and in a folder of its own.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod clients;

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use tempfile::TempDir;
use wxmock_store::{Parked, Protocol, Statement, StatementId, StoreSpec, Stores};

/// A running server; it ends with this.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) dir: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub(crate) fn spec(&self, protocol: Protocol) -> StoreSpec {
        StoreSpec {
            name: protocol.to_string(),
            protocol,
            address: format!("127.0.0.1:{}", self.port),
            listen: None,
        }
    }

    /// Starts a program and waits until it has said that it is `ready`.
    fn start(mut command: Command, dir: TempDir, port: u16, ready: &'static str) -> Self {
        let (said, says) = std::io::pipe().expect("a pipe");
        let child = command
            .stdin(Stdio::null())
            .stdout(says.try_clone().expect("a second handle"))
            .stderr(says)
            .spawn()
            .expect("the server starts");
        // It holds our ends of the pipe: only with the server's own does the pipe end.
        drop(command);
        let (tell, told) = mpsc::channel();
        // Reads on until the server ends, as a full pipe would stop it.
        std::thread::spawn(move || {
            let mut log = String::new();
            for line in BufReader::new(said).lines().map_while(Result::ok) {
                if line.contains(ready) {
                    let _ = tell.send(Ok(()));
                    log.clear();
                }
                log.push_str(&line);
                log.push('\n');
            }
            let _ = tell.send(Err(log));
        });
        let server = Self { child, port, dir };
        match told.recv_timeout(Duration::from_secs(60)) {
            Ok(Ok(())) => server,
            Ok(Err(log)) => panic!("the server ended:\n{log}"),
            Err(_) => panic!("the server did not say `{ready}` in a minute"),
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its number").port()
}

/// The program, if it is installed; says so where it is not.
fn program(name: &str, places: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(places.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        eprintln!("passed over: {name} is not installed");
    }
    found
}

pub(crate) fn redis() -> Option<Server> {
    redis_with(&[])
}

pub(crate) fn redis_with(arguments: &[&str]) -> Option<Server> {
    let mut command = Command::new(program("redis-server", &[])?);
    let (dir, port) = (tempfile::tempdir().expect("a folder"), free_port());
    command
        .current_dir(dir.path())
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--port", &port.to_string()])
        .args(arguments);
    let ready = "Ready to accept connections";
    Some(Server::start(command, dir, port, ready))
}

/// A MariaDB (or MySQL) with a database `shop` and a user `app` with the password `secret`.
pub(crate) fn mariadb() -> Option<Server> {
    let daemon = program("mariadbd", &["/usr/sbin"])?;
    let install = program("mariadb-install-db", &[])?;
    let (dir, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let data = dir.path().join("data");
    let made = Command::new(install)
        .args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ])
        .arg(format!("--datadir={}", data.display()))
        .args(as_root("--user=root"))
        .output()
        .expect("it runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let init = dir.path().join("init.sql");
    let statements = "CREATE DATABASE shop; CREATE USER app@'%' IDENTIFIED BY 'secret'; GRANT ALL ON shop.* TO app@'%';";
    std::fs::write(&init, statements.replace("; ", ";\n")).expect("a file");
    let mut command = Command::new(daemon);
    command
        .args([
            "--no-defaults",
            "--bind-address=127.0.0.1",
            "--skip-log-bin",
            "--innodb-buffer-pool-size=8M",
        ])
        .args([
            "--innodb-flush-log-at-trx-commit=0",
            "--local-infile=1",
            "--max-allowed-packet=64M",
            "--character-set-server=utf8mb4",
        ])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", dir.path().join("socket").display()))
        .arg(format!("--init-file={}", init.display()))
        .arg(format!("--port={port}"))
        .args(as_root("--user=root"));
    let ready = "ready for connections";
    Some(Server::start(command, dir, port, ready))
}

/// A PostgreSQL with a database `shop` and a user `app` with the password `secret`.
pub(crate) fn postgres() -> Option<Server> {
    postgres_with("scram-sha-256")
}

/// The same with another way of proving who one is.
pub(crate) fn postgres_with(auth: &str) -> Option<Server> {
    let mut folders: Vec<String> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").display().to_string())
        .collect();
    folders.sort();
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    let (initdb, daemon) = (program("initdb", &folders)?, program("postgres", &folders)?);
    let (dir, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let data = dir.path().join("data");
    std::fs::write(dir.path().join("password"), "secret").expect("a file");
    // It refuses to run as root.
    if is_root() {
        program("setpriv", &[])?;
        for path in [dir.path(), &dir.path().join("password")] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
    }
    let made = as_nobody(&initdb)
        .current_dir(dir.path())
        .args([
            "--username=app",
            &format!("--auth={auth}"),
            "--pwfile=password",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        ])
        .arg(format!("--pgdata={}", data.display()))
        .output()
        .expect("it runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let mut make = as_nobody(&daemon);
    make.current_dir(dir.path())
        .args(["--single", "-D"])
        .arg(&data)
        .arg("postgres")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut single = make.spawn().expect("it runs");
    let mut stdin = single.stdin.take().expect("piped");
    std::io::Write::write_all(&mut stdin, b"CREATE DATABASE shop\n").expect("it reads");
    drop(stdin);
    single.wait().expect("it ends");
    let mut command = as_nobody(&daemon);
    command
        .current_dir(dir.path())
        .arg("-D")
        .arg(&data)
        .args([
            "-h",
            "127.0.0.1",
            "-c",
            "fsync=off",
            "-c",
            "unix_socket_directories=",
        ])
        .args(["-p", &port.to_string()]);
    let ready = "database system is ready to accept connections";
    Some(Server::start(command, dir, port, ready))
}

const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.starts_with(b"0")
}

fn as_root(argument: &str) -> Option<&str> {
    is_root().then_some(argument)
}

fn as_nobody(program: &std::path::Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program);
    command
}

/// Waits until `wanted` is true of the stores; a minute without it fails the test.
pub(crate) async fn until<T>(stores: &Stores, wanted: impl Fn(&Stores) -> Option<T>) -> T {
    let mut changes = stores.changes();
    let waited = async {
        loop {
            if let Some(value) = wanted(stores) {
                return value;
            }
            changes.changed().await.expect("the stores are there");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited)
        .await
        .unwrap_or_else(|_| panic!("it did not come; parked: {:?}", stores.parked()))
}

/// Waits until this many statements are held.
pub(crate) async fn parked(stores: &Stores, count: usize) -> Vec<Parked> {
    until(stores, |stores| {
        Some(stores.parked()).filter(|parked| parked.len() >= count)
    })
    .await
}

/// Waits until statement `id` is answered.
pub(crate) async fn answered(stores: &Stores, id: StatementId) -> Statement {
    until(stores, |stores| {
        let mut log = stores.log_since(StatementId(id.0 - 1)).into_iter();
        log.next()
            .filter(|statement| statement.answer.is_some() && !stores.in_flight().contains(&id))
    })
    .await
}

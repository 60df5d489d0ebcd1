//! A directory through the life of its mocks: killed anywhere, damaged anywhere, used twice, of an earlier version.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use wxmock_log::{Durability, Log, LogError, compact, create, migrate, open, replay};
use wxmock_world::{AppId, NewApp, NewUser, Seed, UnixMs, Who, World};

const NOW: UnixMs = UnixMs(1_700_000_000_000);

fn seeded() -> Result<World, LogError> {
    let mut world = World::new(Seed(3));
    let app = world
        .create_app(NOW, NewApp::default())
        .unwrap()
        .reply
        .appid;
    world
        .create_user(NOW, &app, NewUser::named("alice".parse().unwrap()))
        .unwrap();
    world.mark_baseline();
    drop(world.take_events());
    Ok(world)
}

fn app(world: &World) -> AppId {
    world.apps()[0].appid.clone()
}

/// Commands of a mock: each a login, in the log when it is done.
fn log_in(world: &mut World, log: &Log, times: usize) {
    let who = Who {
        app: app(world),
        user: "alice".parse().unwrap(),
        device: "phone".parse().unwrap(),
    };
    for _ in 0..times {
        world.login(NOW, &who).reply.unwrap();
        log.append(world.take_recorded());
    }
}

fn text(world: &mut World) -> String {
    serde_json::to_string(&world.export()).unwrap()
}

/// A directory after so many commands, and what its world says after each of them, from none on.
fn written(dir: &Path, n: usize) -> Vec<String> {
    let mut opened = open(dir, Durability::Commit, seeded).unwrap();
    let mut texts = vec![text(&mut opened.world)];
    for _ in 0..n {
        log_in(&mut opened.world, &opened.log, 1);
        texts.push(text(&mut opened.world));
    }
    opened.log.close().unwrap();
    texts
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|of| of == ending))
        .collect();
    found.sort();
    found
}

fn copied(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

#[test]
fn what_was_done_is_there_after_a_restart_to_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    let texts = written(dir.path(), 5);
    for _ in 0..3 {
        let mut opened = open(dir.path(), Durability::None, || -> Result<_, LogError> {
            panic!("it is not begun again")
        })
        .unwrap();
        assert_eq!(text(&mut opened.world), texts[5]);
        assert!(opened.notes.is_empty(), "{:?}", opened.notes);
        opened.log.close().unwrap();
    }
    // As it was before any command.
    for (n, expected) in texts.iter().enumerate() {
        let mut replayed = replay(dir.path(), Some(n as u64)).unwrap();
        assert_eq!(&text(&mut replayed.world), expected);
    }
}

#[test]
fn a_torn_tail_is_cut_at_every_byte_of_the_last_record() {
    let dir = tempfile::tempdir().unwrap();
    let texts = written(dir.path(), 3);
    let segment = files(dir.path(), "log")[0].clone();
    let whole = fs::read(&segment).unwrap();
    // Every length, down to an empty file: also in the first line.
    for length in 0..whole.len() {
        let copy = copied(dir.path());
        let torn = copy.path().join(segment.file_name().unwrap());
        fs::write(&torn, &whole[..length]).unwrap();
        let mut opened = open(copy.path(), Durability::Commit, seeded).unwrap();
        let now = text(&mut opened.world);
        let n = texts
            .iter()
            .position(|text| *text == now)
            .expect("a prefix");
        let cut = opened
            .notes
            .iter()
            .any(|note| note.contains("was cut at byte"));
        assert!(n < 3, "the last is not whole");
        log_in(&mut opened.world, &opened.log, 1);
        assert_eq!(text(&mut opened.world), texts[n + 1]);
        opened.log.close().unwrap();
        let again = open(copy.path(), Durability::Commit, seeded).unwrap();
        assert!(again.notes.is_empty(), "cut once: {:?}", again.notes);
        let mut world = again.world;
        assert_eq!(text(&mut world), texts[n + 1], "what came after the cut");
        // Between two records nothing is torn.
        assert!(
            cut || whole[..length].ends_with(b"}]}")
                || whole[..length].ends_with(b"\n")
                || whole[..length].ends_with(b"]"),
            "{length}"
        );
    }
}

#[test]
fn a_flipped_byte_is_cut_or_refused_and_never_read() {
    let dir = tempfile::tempdir().unwrap();
    let texts = written(dir.path(), 3);
    for path in [files(dir.path(), "log"), files(dir.path(), "snapshot")].concat() {
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            match replay(dir.path(), None) {
                Ok(mut replayed) => {
                    let torn = replayed.torn.as_ref().expect("something was said");
                    assert!(torn.n_bytes > 0);
                    assert_eq!(
                        text(&mut replayed.world),
                        texts[usize::try_from(replayed.position).unwrap()]
                    );
                    assert_eq!(
                        replayed.position, 2,
                        "only the last record can pass for torn"
                    );
                }
                Err(LogError::Damaged { file, whole, .. }) => {
                    assert_eq!(file, path);
                    if let Some(n) = whole {
                        let mut before = replay(dir.path(), Some(n)).unwrap();
                        assert_eq!(text(&mut before.world), texts[usize::try_from(n).unwrap()]);
                    }
                }
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_missing_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), 3);
    let segment = files(dir.path(), "log")[0].clone();
    fs::rename(&segment, dir.path().join("00000000000000000007.log")).unwrap();
    let refused = replay(dir.path(), None).unwrap_err();
    assert!(matches!(refused, LogError::Damaged { .. }), "{refused}");
    for snapshot in files(dir.path(), "snapshot") {
        fs::remove_file(snapshot).unwrap();
    }
    let refused = open(dir.path(), Durability::Commit, seeded).unwrap_err();
    assert!(
        matches!(refused, LogError::Damaged { whole: None, .. }),
        "{refused}"
    );
}

#[test]
fn snapshots_take_the_place_of_what_came_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(dir.path(), Durability::Commit, seeded).unwrap();
    log_in(&mut opened.world, &opened.log, 2);
    opened.log.snapshot(opened.world.export());
    log_in(&mut opened.world, &opened.log, 1);
    // One more without a command between is none.
    opened.log.snapshot(opened.world.export());
    opened.log.snapshot(opened.world.export());
    log_in(&mut opened.world, &opened.log, 1);
    let expected = text(&mut opened.world);
    opened.log.close().unwrap();
    assert_eq!(files(dir.path(), "snapshot").len(), 1);
    let mut replayed = replay(dir.path(), None).unwrap();
    assert_eq!((replayed.snapshot, replayed.position), (3, 4));
    assert_eq!(text(&mut replayed.world), expected);
    compact(dir.path()).unwrap();
    let mut replayed = replay(dir.path(), None).unwrap();
    assert_eq!(
        (replayed.snapshot, replayed.position, replayed.n_segments),
        (4, 4, 0)
    );
    assert_eq!(text(&mut replayed.world), expected);
}

#[test]
fn compacting_takes_what_is_torn_and_what_is_empty() {
    for length in [0, 10, 60, 1 << 20] {
        let dir = tempfile::tempdir().unwrap();
        let texts = written(dir.path(), 1);
        let segment = files(dir.path(), "log")[0].clone();
        let mut bytes = fs::read(&segment).unwrap();
        bytes.truncate(length);
        fs::write(&segment, bytes).unwrap();
        compact(dir.path()).unwrap();
        let mut replayed = replay(dir.path(), None).unwrap();
        assert_eq!((replayed.n_segments, replayed.torn.take()), (0, None));
        let n = usize::try_from(replayed.position).unwrap();
        assert_eq!(
            (n, text(&mut replayed.world)),
            (usize::from(length > 60), texts[n].clone())
        );
    }
}

#[test]
fn another_world_in_the_place_of_this_one_is_kept_with_what_follows() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(dir.path(), Durability::Commit, seeded).unwrap();
    log_in(&mut opened.world, &opened.log, 2);
    let mut other = seeded().unwrap();
    other.record_commands();
    opened.log.replace(other.export());
    log_in(&mut other, &opened.log, 3);
    opened.log.close().unwrap();
    let mut replayed = replay(dir.path(), None).unwrap();
    assert_eq!((replayed.snapshot, replayed.position), (3, 6));
    assert_eq!(text(&mut replayed.world), text(&mut other));
}

#[test]
fn a_long_log_is_cut_into_segments_and_asks_for_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(dir.path(), Durability::None, seeded).unwrap();
    let who = Who {
        app: app(&opened.world),
        user: "alice".parse().unwrap(),
        device: "phone".parse().unwrap(),
    };
    // Each command is a megabyte.
    let token = "t".repeat(1 << 20);
    for _ in 0..40 {
        let _ = opened.world.set_background_fetch_token(NOW, &who, &token);
        opened.log.append(opened.world.take_recorded());
    }
    let expected = text(&mut opened.world);
    opened.log.close().unwrap();
    assert!(opened.log.wants_snapshot() && !opened.log.wants_snapshot());
    assert!(files(dir.path(), "log").len() > 1);
    let mut replayed = replay(dir.path(), None).unwrap();
    assert_eq!(replayed.position, 40);
    assert_eq!(text(&mut replayed.world), expected);
}

#[test]
fn a_second_writer_is_refused_and_a_lock_of_the_dead_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("lock"), "999999999\n").unwrap();
    let opened = open(dir.path(), Durability::Commit, seeded).unwrap();
    for refused in [
        open(dir.path(), Durability::Commit, seeded).unwrap_err(),
        compact(dir.path()).unwrap_err(),
    ] {
        let pid = std::process::id();
        assert!(
            refused.to_string().contains(&format!("process {pid}")),
            "{refused}"
        );
        assert!(
            refused.help().contains(&format!("kill {pid}")),
            "{}",
            refused.help()
        );
    }
    opened.log.close().unwrap();
    open(dir.path(), Durability::Commit, seeded).unwrap();
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "").unwrap();
    let refused = open(dir.path(), Durability::Commit, seeded).unwrap_err();
    assert!(
        matches!(
            refused,
            LogError::Occupied {
                is_state: false,
                ..
            }
        ),
        "{refused}"
    );
    assert!(!dir.path().join("lock").exists());
    let nobody = dir.path().join("nobody");
    assert!(matches!(replay(&nobody, None), Err(LogError::Empty { .. })));
    assert!(matches!(compact(&nobody), Err(LogError::Empty { .. })));
    create(&nobody, &mut seeded().unwrap()).unwrap();
    let refused = create(&nobody, &mut seeded().unwrap()).unwrap_err();
    assert!(
        matches!(refused, LogError::Occupied { is_state: true, .. }),
        "{refused}"
    );
}

#[test]
fn a_state_file_becomes_a_directory_wherever_that_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let expected = text(&mut seeded().unwrap());
    let read = |path: &Path| -> Result<World, LogError> {
        let text = fs::read(path).unwrap();
        Ok(World::import(serde_json::from_slice(&text).unwrap()).unwrap())
    };
    let is_there = || {
        let mut replayed = replay(&path, None).unwrap();
        assert_eq!(text(&mut replayed.world), expected);
    };
    assert_eq!(migrate(&path, read).unwrap(), None, "there is nothing");

    fs::write(&path, &expected).unwrap();
    // Interrupted while the directory was written.
    fs::create_dir(folder.path().join("state.json.migrating")).unwrap();
    let kept = migrate(&path, read).unwrap().unwrap().kept;
    assert_eq!(fs::read_to_string(&kept).unwrap(), expected);
    is_there();
    assert_eq!(migrate(&path, read).unwrap(), None, "once");

    // Interrupted between the two names.
    fs::rename(&path, folder.path().join("state.json.migrating")).unwrap();
    assert_eq!(migrate(&path, read).unwrap().unwrap().kept, kept);
    is_there();

    // The file kept before stays.
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, &expected).unwrap();
    let second = migrate(&path, read).unwrap().unwrap().kept;
    assert!(second != kept && kept.exists() && second.exists());
}

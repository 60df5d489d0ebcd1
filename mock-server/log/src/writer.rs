//! The one thread that writes. Whoever did something to the world leaves it here, in order, and goes on; the thread writes what
//! has come together at once.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::watch;
use wxmock_world::{Timed, WorldState};

use crate::folder::{self, Lock};
use crate::{Durability, LogError, frame};

/// A segment is closed when it is longer.
const SEGMENT_MOST: u64 = 16 << 20;
/// The least that is written between two snapshots. Where a snapshot is longer than this, its length is: else a large world would
/// be written again and again.
const SNAPSHOT_AFTER: u64 = 16 << 20;
/// So many commands may wait to be written; then whoever brings more waits for the disk.
const MOST_WAITING: usize = 1 << 18;

/// Where the commands of a world go. Cheap to clone; all clones write the same log.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

#[derive(Debug)]
struct Shared {
    durability: Durability,
    queue: Mutex<Queue>,
    /// Something waits to be written.
    filled: Condvar,
    /// What waited is being written.
    emptied: Condvar,
    progress: watch::Sender<Progress>,
    wants_snapshot: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    items: Vec<Item>,
    /// The position of the last of them.
    last: u64,
    /// That of the last snapshot.
    snapshot: u64,
    is_closing: bool,
    has_failed: bool,
}

#[derive(Debug)]
enum Item {
    Command(Timed),
    /// The world after all before; `replaces` where it is not what they made.
    Snapshot {
        state: Box<WorldState>,
        replaces: bool,
    },
}

#[derive(Debug, Default)]
struct Progress {
    durable: u64,
    failure: Option<String>,
}

/// The log cannot be written any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Stopped {
    /// What went wrong, and the last command that is safe.
    pub why: String,
}

impl Log {
    pub(crate) fn start(
        dir: &Path,
        lock: Lock,
        durability: Durability,
        [snapshot, position]: [u64; 2],
        file: File,
        length: u64,
    ) -> Self {
        let shared = Arc::new(Shared {
            durability,
            queue: Mutex::new(Queue {
                last: position,
                snapshot,
                ..Queue::default()
            }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            progress: watch::Sender::new(Progress {
                durable: position,
                failure: None,
            }),
            wants_snapshot: AtomicBool::new(false),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            dir: dir.to_path_buf(),
            position,
            file,
            length,
            n_since_snapshot: 0,
            snapshot_length: Arc::default(),
            snapshot: None,
            buffer: Vec::new(),
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("state log".to_owned())
            .spawn(move || writer.run());
        // Without its thread the log has failed, as it has where the disk is full.
        if let Err(error) = &thread {
            shared.fail(&format!(
                "the thread that writes the state does not start: {error}"
            ));
        }
        Self {
            shared,
            thread: Arc::new(Mutex::new(thread.ok())),
        }
    }

    /// Takes what was recorded, in order. Under the lock of the world, so that the order is the world's.
    pub fn append(&self, recorded: impl Iterator<Item = Timed>) {
        let mut recorded = recorded.peekable();
        // Most calls that only look need no lock here.
        if recorded.peek().is_some() {
            self.shared.put(recorded.map(Item::Command));
        }
    }

    /// Whether much was written since the last snapshot; says so once.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.shared.wants_snapshot.load(Ordering::Relaxed)
            && self.shared.wants_snapshot.swap(false, Ordering::Relaxed)
    }

    /// The world as all commands so far have made it; nothing is written where none came since the last snapshot.
    pub fn snapshot(&self, state: WorldState) {
        let mut queue = self.shared.queue();
        if queue.snapshot == queue.last {
            return;
        }
        queue.snapshot = queue.last;
        drop(queue);
        let state = Box::new(state);
        self.shared.put([Item::Snapshot {
            state,
            replaces: false,
        }]);
    }

    /// Another world takes the place of the one so far.
    pub fn replace(&self, state: WorldState) {
        let state = Box::new(state);
        self.shared.put([Item::Snapshot {
            state,
            replaces: true,
        }]);
    }

    /// Waits until everything so far is on the disk, if this log promises that of what is answered.
    ///
    /// # Errors
    /// [`Stopped`] if it never will be.
    pub async fn durable(&self) -> Result<(), Stopped> {
        if self.shared.durability != Durability::Commit {
            return Ok(());
        }
        let last = self.shared.queue().last;
        let mut progress = self.shared.progress.subscribe();
        let reached = progress
            .wait_for(|progress| progress.durable >= last || progress.failure.is_some())
            .await;
        match reached.ok().filter(|progress| progress.durable < last) {
            None => Ok(()),
            Some(progress) => Err(Stopped {
                why: progress.failure.clone().unwrap_or_default(),
            }),
        }
    }

    /// Whether answers wait for the disk.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.shared.durability == Durability::Commit
    }

    /// Waits until the log cannot be written any more; for ever if it can.
    pub async fn stopped(&self) -> Stopped {
        let mut progress = self.shared.progress.subscribe();
        let failed = progress
            .wait_for(|progress| progress.failure.is_some())
            .await;
        let why = failed.ok().and_then(|progress| progress.failure.clone());
        Stopped {
            why: why.unwrap_or_default(),
        }
    }

    /// Writes what waits, and ends; nothing is taken any more.
    ///
    /// # Errors
    /// [`Stopped`] if something could not be written.
    pub fn close(&self) -> Result<(), Stopped> {
        self.shared.queue().is_closing = true;
        self.shared.filled.notify_all();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            self.shared.fail("the thread that writes the state failed");
        }
        match &self.shared.progress.borrow().failure {
            None => Ok(()),
            Some(why) => Err(Stopped { why: why.clone() }),
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, items: impl IntoIterator<Item = Item>) {
        let items = items.into_iter();
        let mut queue = self.queue();
        while queue.items.len() >= MOST_WAITING && !queue.has_failed {
            queue = self
                .emptied
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        // What comes after a failure can be kept nowhere: the process is about to end.
        if queue.has_failed {
            return;
        }
        let was_empty = queue.items.is_empty();
        for item in items {
            queue.last += u64::from(!matches!(
                item,
                Item::Snapshot {
                    replaces: false,
                    ..
                }
            ));
            queue.items.push(item);
        }
        drop(queue);
        if was_empty {
            self.filled.notify_one();
        }
    }

    fn fail(&self, why: &str) {
        self.queue().has_failed = true;
        self.emptied.notify_all();
        self.progress.send_modify(|progress| {
            progress.failure.get_or_insert_with(|| why.to_owned());
        });
    }
}

struct Writer {
    shared: Arc<Shared>,
    dir: PathBuf,
    /// The last command that is in the file or the buffer.
    position: u64,
    file: File,
    /// How long it is, up to its last whole record.
    length: u64,
    n_since_snapshot: u64,
    snapshot_length: Arc<std::sync::atomic::AtomicU64>,
    snapshot: Option<JoinHandle<()>>,
    buffer: Vec<u8>,
    _lock: Lock,
}

impl Writer {
    fn run(mut self) {
        loop {
            let (items, last) = self.next();
            if items.is_empty() {
                break;
            }
            if let Err(error) = self.write(items) {
                let why = format!(
                    "{error}; the state is safe up to command {}, what came after it is not",
                    self.shared.progress.borrow().durable
                );
                self.shared.fail(&why);
                break;
            }
            self.shared
                .progress
                .send_modify(|progress| progress.durable = last);
        }
        if let Some(snapshot) = self.snapshot.take() {
            let _ = snapshot.join();
        }
    }

    /// What has come together: at once where calls wait for it, else what comes within an interval. Empty at the end.
    fn next(&self) -> (Vec<Item>, u64) {
        let Shared {
            durability,
            filled,
            emptied,
            ..
        } = &*self.shared;
        let mut queue = self.shared.queue();
        while queue.items.is_empty() && !queue.is_closing {
            queue = filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let interval = match durability {
            Durability::Commit => None,
            Durability::None => Some(Durability::INTERVAL),
            Durability::Interval(interval) => Some(*interval),
        };
        let until = interval.map(|interval| Instant::now() + interval);
        while let Some(left) = until.and_then(|until| until.checked_duration_since(Instant::now()))
        {
            if queue.is_closing || left.is_zero() || queue.items.len() >= MOST_WAITING {
                break;
            }
            (queue, _) = filled
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let taken = (std::mem::take(&mut queue.items), queue.last);
        drop(queue);
        emptied.notify_all();
        taken
    }

    fn write(&mut self, items: Vec<Item>) -> Result<(), LogError> {
        for item in items {
            match item {
                Item::Command(timed) => {
                    self.position += 1;
                    let mut written = Ok(());
                    frame::put(&mut self.buffer, self.position, |out| {
                        written = serde_json::to_writer(out, &timed);
                    });
                    let path = folder::segment_path(&self.dir, self.position);
                    written.map_err(|error| LogError::io("write", &path)(error.into()))?;
                    if self.length + self.buffer.len() as u64 > SEGMENT_MOST {
                        self.flush()?;
                        self.begin_segment()?;
                    }
                }
                Item::Snapshot { state, replaces } => {
                    self.flush()?;
                    self.position += u64::from(replaces);
                    self.snapshot(state, replaces)?;
                }
            }
        }
        self.flush()?;
        let least = self
            .snapshot_length
            .load(Ordering::Relaxed)
            .max(SNAPSHOT_AFTER);
        if self.n_since_snapshot > least {
            self.n_since_snapshot = 0;
            self.shared.wants_snapshot.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LogError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let write = || {
            self.file.write_all(&self.buffer)?;
            match self.shared.durability {
                Durability::None => Ok(()),
                _ => self.file.sync_data(),
            }
        };
        if let Err(error) = { write }() {
            // Half a record would be cut at the next start; where it can be, it is cut now.
            let _ = self.file.set_len(self.length);
            return Err(LogError::io("write", &self.dir)(error));
        }
        let n_bytes = self.buffer.len() as u64;
        self.length += n_bytes;
        self.n_since_snapshot += n_bytes;
        self.buffer.clear();
        Ok(())
    }

    /// Begins a segment with the next command. What was written before is on the disk first, whatever is promised, so that only
    /// the last segment can be torn.
    fn begin_segment(&mut self) -> Result<(), LogError> {
        self.file
            .sync_data()
            .map_err(LogError::io("write", &self.dir))?;
        (self.file, self.length) = folder::begin_segment(&self.dir, self.position + 1)?;
        Ok(())
    }

    /// Writes a snapshot and removes what it makes needless: on a thread of its own, for the log goes on meanwhile. One that
    /// replaces the world is waited for, because what follows means nothing without it.
    fn snapshot(&mut self, state: Box<WorldState>, replaces: bool) -> Result<(), LogError> {
        self.n_since_snapshot = 0;
        if let Some(before) = self.snapshot.take() {
            let _ = before.join();
        }
        let (dir, position) = (self.dir.clone(), self.position);
        let length = Arc::clone(&self.snapshot_length);
        let write = move || {
            let n_bytes = folder::write_snapshot(&dir, position, &state)?;
            length.store(n_bytes, Ordering::Relaxed);
            Ok::<_, LogError>(dir)
        };
        let remove = move |dir: PathBuf| folder::remove_before(&dir, position);
        if replaces {
            // In this order: a segment that begins behind a snapshot that is not there would be a gap.
            let dir = write()?;
            self.begin_segment()?;
            return remove(dir);
        }
        self.begin_segment()?;
        let written = move || {
            if let Err(error) = write().and_then(remove) {
                eprintln!(
                    "wxmock: no snapshot: {error}; the log goes on, and is read from the snapshot before it"
                );
            }
        };
        let thread = std::thread::Builder::new()
            .name("state snapshot".to_owned())
            .spawn(written);
        self.snapshot = Some(thread.map_err(LogError::io("write", &self.dir))?);
        Ok(())
    }
}

//! The files a run leaves behind: always the transcript and `run.json`, and what `--report` asks for.

use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use wxmock_model::event::RunEvent;
use wxmock_model::lang::Lang;
use wxmock_report as report;
use wxmock_report::certificate::Certificate;
use wxmock_report::{Format, Rendered, RunView};

use crate::exit::Failure;

/// The files of a run: (format, path).
pub(crate) type Written = Vec<(String, String)>;

/// One `--report FORMAT=PATH`.
#[derive(Debug, Clone)]
pub(crate) struct ReportArg {
    name: String,
    format: Format,
    path: PathBuf,
}

impl ReportArg {
    /// Where it is written.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl FromStr for ReportArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or_else(|| {
            format!("write FORMAT=PATH, for example junit=wxmock-report/junit.xml, not `{text}`")
        })?;
        let format: Format = name.parse()?;
        if path.is_empty() {
            return Err(format!("`{text}` names no file after the `=`"));
        }
        if path == "-" && format.is_folder() {
            return Err(format!(
                "{name} is a file for each finding; name a folder, for example {name}=wxmock-report/{name}"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            format,
            path: path.into(),
        })
    }
}

/// Where a run is written down, from its first event on: a run that is killed still leaves its transcript.
pub(crate) struct Artifacts {
    folder: PathBuf,
    reports: Vec<ReportArg>,
    /// Locked as long as the run lasts, so that a second one cannot mix its results in.
    transcript: BufWriter<File>,
    events: Vec<RunEvent>,
    lang: Lang,
}

impl Artifacts {
    /// Makes the folder, takes away what an earlier run left under these names, and begins the transcript. Every path is
    /// tried, so that one that cannot be written is told before the work and not after it.
    pub(crate) fn begin(folder: &Path, reports: &[ReportArg], lang: Lang) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|error| in_the_way(&error, folder))?;
        let path = folder.join("run.ndjson");
        let transcript = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| in_the_way(&error, &path))?;
        if let Err(TryLockError::WouldBlock) = transcript.try_lock() {
            return Err(Failure::usage(
                format!("another run is writing to {}", folder.display()),
                "wait for its end, or choose another folder with --out",
            ));
        }
        transcript
            .set_len(0)
            .map_err(|error| in_the_way(&error, &path))?;
        let artifacts = Self {
            folder: folder.to_path_buf(),
            reports: reports.to_vec(),
            transcript: BufWriter::new(transcript),
            events: Vec::new(),
            lang,
        };
        for report in artifacts.all_reports() {
            report.clear()?;
        }
        clear(&folder.join(CERTIFICATE))?;
        Ok(artifacts)
    }

    /// `run.json`, and what was asked for.
    fn all_reports(&self) -> Vec<ReportArg> {
        let run_json = ReportArg {
            name: "json".to_owned(),
            format: Format::Json,
            path: self.folder.join("run.json"),
        };
        let mut reports = vec![run_json];
        reports.extend(self.reports.iter().cloned());
        reports
    }

    /// Writes one event down. The event is kept whatever comes of that.
    pub(crate) fn record(&mut self, event: RunEvent) -> Result<(), Failure> {
        let written = report::ndjson::write(&event, &mut self.transcript);
        self.events.push(event);
        written
            .and_then(|()| self.transcript.flush())
            .map_err(|error| in_the_way(&error, &self.folder.join("run.ndjson")))
    }

    /// Everything recorded so far.
    pub(crate) fn events(&self) -> &[RunEvent] {
        &self.events
    }

    /// Renders `run.json` and every report that was asked for; gives (format, path) of the files that could be written, the
    /// transcript first, and the first failure.
    pub(crate) fn finish(&self) -> (Written, Option<Failure>) {
        let mut written = vec![(
            "ndjson".to_owned(),
            self.folder.join("run.ndjson").display().to_string(),
        )];
        let mut failed = None;
        for report in self.all_reports() {
            match report.write(&self.events, self.lang) {
                Ok(file) => written.extend(file),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        let path = self.folder.join(CERTIFICATE);
        let certificate = Certificate::of(&RunView::of(&self.events));
        let text = serde_json::to_string_pretty(&certificate).unwrap_or_default();
        match replace(&path, &(text + "\n")) {
            Ok(()) => written.push(("certificate".to_owned(), path.display().to_string())),
            Err(error) => failed = failed.or_else(|| Some(in_the_way(&error, &path))),
        }
        (written, failed)
    }
}

const CERTIFICATE: &str = "certificate.json";

/// Whether there is something at the path that is no file of ours to put another in the place of: a device such as
/// `/dev/stderr`, or a named pipe.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file())
}

/// Writes a file whole or not at all: under a temporary name beside it, then renamed. What is no file is written to.
pub(crate) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    if is_special(path) {
        return File::options()
            .write(true)
            .open(path)?
            .write_all(text.as_bytes());
    }
    let part = part(path);
    let written = fs::write(&part, text).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

/// `.junit.xml.part` beside `junit.xml`.
fn part(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Takes away what an earlier run left, and tries whether the place can be written.
fn clear(path: &Path) -> Result<(), Failure> {
    let cleared = || {
        if fs::metadata(path).is_ok_and(|found| found.is_dir()) {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        if is_special(path) {
            return Ok(());
        }
        let part = part(path);
        File::create(&part).and_then(|_| fs::remove_file(&part))?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    };
    cleared().map_err(|error| in_the_way(&error, path))
}

impl ReportArg {
    /// `report.html` in a folder.
    pub(crate) fn page_in(folder: &Path) -> Self {
        Self {
            name: "html".to_owned(),
            format: Format::Html,
            path: folder.join("report.html"),
        }
    }

    /// Whether it goes to standard output.
    pub(crate) fn is_stdout(&self) -> bool {
        self.path == Path::new("-")
    }

    /// Renders the report and writes it; gives its (format, path) unless it went to standard output.
    pub(crate) fn write(
        &self,
        events: &[RunEvent],
        lang: Lang,
    ) -> Result<Option<(String, String)>, Failure> {
        match report::render_in(lang, self.format, events) {
            Rendered::File(text) if self.is_stdout() => {
                super::print(&text)?;
                return Ok(None);
            }
            Rendered::File(text) => {
                replace(&self.path, &text).map_err(|error| in_the_way(&error, &self.path))?
            }
            Rendered::Folder(files) => {
                fs::create_dir_all(&self.path).map_err(|error| in_the_way(&error, &self.path))?;
                for (name, text) in files {
                    let path = self.path.join(name);
                    replace(&path, &text).map_err(|error| in_the_way(&error, &path))?;
                }
            }
        }
        Ok(Some((self.name.clone(), self.path.display().to_string())))
    }

    /// Takes away what an earlier run left there, and tries whether the place can be written.
    fn clear(&self) -> Result<(), Failure> {
        self.make_room()?;
        if self.is_stdout() {
            return Ok(());
        }
        if !self.format.is_folder() {
            return clear(&self.path);
        }
        for entry in fs::read_dir(&self.path).map_err(|error| in_the_way(&error, &self.path))? {
            let path = entry
                .map_err(|error| in_the_way(&error, &self.path))?
                .path();
            if is_picture(&path) {
                fs::remove_file(&path).map_err(|error| in_the_way(&error, &path))?;
            }
        }
        clear(&self.path.join("00"))
    }

    /// Makes the folder the report goes to, so that a wrong path is told before the work and not after it.
    pub(crate) fn make_room(&self) -> Result<(), Failure> {
        let folder = if self.format.is_folder() {
            Some(self.path.as_path())
        } else {
            self.path.parent()
        };
        match folder.filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => fs::create_dir_all(folder).map_err(|error| in_the_way(&error, folder)),
            None => Ok(()),
        }
    }
}

/// Whether a file is named as our pictures are: two digits, `-`, and an extension of ours.
fn is_picture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ours = path
        .extension()
        .is_some_and(|end| end == "svg" || end == "mmd");
    ours && name.len() > 3
        && name.as_bytes()[..2].iter().all(u8::is_ascii_digit)
        && name.as_bytes()[2] == b'-'
}

fn in_the_way(error: &std::io::Error, path: &Path) -> Failure {
    Failure::usage(
        format!("cannot write {}: {error}", path.display()),
        match error.kind() {
            std::io::ErrorKind::StorageFull => {
                "the disk is full: make room, or choose another place"
            }
            _ => "choose another place for it, or make this one writable",
        },
    )
}

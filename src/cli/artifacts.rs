//! The files a run leaves behind: always the transcript and `run.json`, and what `--report` asks for.

use std::fs::{self, File};
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
    transcript: BufWriter<File>,
    events: Vec<RunEvent>,
    lang: Lang,
}

impl Artifacts {
    /// Makes the folder and begins the transcript.
    pub(crate) fn begin(folder: &Path, reports: &[ReportArg], lang: Lang) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|error| in_the_way(&error, folder))?;
        for report in reports {
            report.make_room()?;
        }
        let path = folder.join("run.ndjson");
        let file = File::create(&path).map_err(|error| in_the_way(&error, &path))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            reports: reports.to_vec(),
            transcript: BufWriter::new(file),
            events: Vec::new(),
            lang,
        })
    }

    /// Writes one event down.
    pub(crate) fn record(&mut self, event: RunEvent) -> Result<(), Failure> {
        report::ndjson::write(&event, &mut self.transcript)
            .and_then(|()| self.transcript.flush())
            .map_err(|error| Failure::internal("writing the transcript", &error))?;
        self.events.push(event);
        Ok(())
    }

    /// Everything recorded so far.
    pub(crate) fn events(&self) -> &[RunEvent] {
        &self.events
    }

    /// Renders `run.json` and every report that was asked for; gives (format, path) of the files, the transcript first.
    pub(crate) fn finish(&self) -> Result<Written, Failure> {
        let mut written = vec![(
            "ndjson".to_owned(),
            self.folder.join("run.ndjson").display().to_string(),
        )];
        let run_json = ReportArg {
            name: "json".to_owned(),
            format: Format::Json,
            path: self.folder.join("run.json"),
        };
        for report in std::iter::once(&run_json).chain(&self.reports) {
            written.extend(report.write(&self.events, self.lang)?);
        }
        let path = self.folder.join("certificate.json");
        let certificate = Certificate::of(&RunView::of(&self.events));
        let text = serde_json::to_string_pretty(&certificate)
            .map_err(|error| Failure::internal("writing the certificate", &error))?;
        fs::write(&path, text + "\n")
            .map_err(|error| Failure::internal(&format!("writing {}", path.display()), &error))?;
        written.push(("certificate".to_owned(), path.display().to_string()));
        Ok(written)
    }
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
        let failed = |path: &Path, error: &std::io::Error| {
            Failure::internal(&format!("writing {}", path.display()), error)
        };
        match report::render_in(lang, self.format, events) {
            Rendered::File(text) if self.is_stdout() => {
                super::print(&text)?;
                return Ok(None);
            }
            Rendered::File(text) => {
                fs::write(&self.path, text).map_err(|error| failed(&self.path, &error))?
            }
            Rendered::Folder(files) => {
                fs::create_dir_all(&self.path).map_err(|error| failed(&self.path, &error))?;
                for (name, text) in files {
                    let path = self.path.join(name);
                    fs::write(&path, text).map_err(|error| failed(&path, &error))?;
                }
            }
        }
        Ok(Some((self.name.clone(), self.path.display().to_string())))
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

fn in_the_way(error: &std::io::Error, path: &Path) -> Failure {
    Failure::usage(
        format!("cannot write {}: {error}", path.display()),
        "choose another place for it, or make this one writable",
    )
}

//! Files of sealed reports: a line that says what they are, the id of their task, then the reports one after the other,
//! which all have the same length.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tidegate_mpc::aggregation::prio::{REPORT_ID_BYTES, Report, ReportId, Reports, Task};

use crate::data::DataError;
use crate::whole_file::{Existing, directory_of, put_in_place, temporary_in};

/// First line of a file of reports.
const MAGIC: &[u8] = b"tidegate reports 1\n";

/// Bytes before the first report.
const HEADER_BYTES: usize = MAGIC.len() + 32;

/// Ending of the files that are read from a directory.
pub const ENDING: &str = "reports";

/// What is wrong with files of reports.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportsError {
    /// A file cannot be read.
    #[error("cannot read {path:?}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{path:?} is no file of reports")]
    NotReports {
        /// The file.
        path: PathBuf,
    },
    /// The reports were made for another task.
    #[error("the reports in {path:?} were made under another agreement")]
    OtherTask {
        /// The file.
        path: PathBuf,
    },
    /// There are more reports than the agreement allows.
    #[error("{path:?} holds {found} reports; the agreement allows {max}")]
    TooMany {
        /// The file or directory.
        path: PathBuf,
        /// How many.
        found: u64,
        /// The most allowed.
        max: u64,
    },
}

impl ReportsError {
    /// Says what the user can do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Read { .. } => return None,
            Self::NotReports { .. } => "give what `tidegate report` wrote",
            Self::OtherTask { .. } => "pass the agreement that the reporters were given",
            Self::TooMany { .. } => "aggregate them in several batches, or agree on a larger max_records",
        };
        Some(hint.to_owned())
    }
}

/// Writes reports to a file as they are made, which appears whole or not at all.
#[derive(Debug)]
pub struct ReportWriter {
    file: io::BufWriter<tempfile::NamedTempFile>,
    path: PathBuf,
}

impl ReportWriter {
    /// Begins a file beside its place.
    ///
    /// # Errors
    /// [`DataError`] where nothing can be written there.
    pub fn new(path: &Path, task: &Task) -> Result<Self, DataError> {
        let failed = |error: io::Error| DataError::writing(path, error.kind());
        let mut file = io::BufWriter::new(temporary_in(directory_of(path)).map_err(failed)?);
        file.write_all(MAGIC).and_then(|()| file.write_all(task.id())).map_err(failed)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Adds a report.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn add(&mut self, report: &Report) -> Result<(), DataError> {
        self.file.write_all(&report.encode()).map_err(|error| DataError::writing(&self.path, error.kind()))
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// [`DataError`].
    pub fn finish(self, force: bool) -> Result<(), DataError> {
        let existing = if force { Existing::Replace } else { Existing::Keep };
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error);
        let put = file.and_then(|file| put_in_place(file, &self.path, existing));
        put.map_err(|error| DataError::writing(&self.path, error.kind()))
    }
}

/// The reports of a file, or of all files of a directory.
#[derive(Debug)]
pub struct ReportFiles {
    task: Task,
    files: Vec<CountedFile>,
    ids: Vec<ReportId>,
    skipped: Vec<String>,
    cut: u64,
    failed: Mutex<Option<(PathBuf, io::Error)>>,
}

#[derive(Debug)]
struct CountedFile {
    path: PathBuf,
    /// Number of its first report.
    first: usize,
}

impl ReportFiles {
    /// Opens a file, or all files of a directory whose ending says that they hold reports.
    ///
    /// A file of a directory that holds something else is passed over: one reporter must not stop all others.
    ///
    /// # Errors
    /// [`ReportsError`].
    pub fn open(path: &Path, task: &Task, max: u64) -> Result<Self, ReportsError> {
        let mut all = Self {
            task: task.clone(),
            files: Vec::new(),
            ids: Vec::new(),
            skipped: Vec::new(),
            cut: 0,
            failed: Mutex::new(None),
        };
        let failed = |source| ReportsError::Read { path: path.to_owned(), source };
        if !fs::metadata(path).map_err(failed)?.is_dir() {
            all.add(path, max)?;
            return Ok(all);
        }
        for file in names_in(path).map_err(failed)? {
            match all.add(&file, max) {
                Ok(()) => {}
                Err(ReportsError::TooMany { found, max, .. }) => {
                    return Err(ReportsError::TooMany { path: path.to_owned(), found, max });
                }
                Err(error @ ReportsError::Read { .. }) => return Err(error),
                Err(error) => all.skipped.push(error.to_string()),
            }
        }
        Ok(all)
    }

    /// Returns why files of the directory were passed over.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// Counts the files that end in the middle of a report.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// Checks that every report that was asked for could be read.
    ///
    /// # Errors
    /// [`ReportsError::Read`].
    pub fn check_read(&self) -> Result<(), ReportsError> {
        let failed = self.failed.lock().map_or(None, |mut failed| failed.take());
        failed.map_or(Ok(()), |(path, source)| Err(ReportsError::Read { path, source }))
    }

    fn add(&mut self, path: &Path, max: u64) -> Result<(), ReportsError> {
        let file = open_for(path, &self.task)?;
        let failed = |source| ReportsError::Read { path: path.to_owned(), source };
        let payload = file.metadata().map_err(failed)?.len().saturating_sub(HEADER_BYTES as u64);
        let (size, first) = (self.report_bytes(), self.ids.len());
        let found = first as u64 + payload / size;
        if found > max {
            return Err(ReportsError::TooMany { path: path.to_owned(), found, max });
        }
        for report in 0..payload / size {
            let mut id = [0; REPORT_ID_BYTES];
            if let Err(error) = file.read_exact_at(&mut id, HEADER_BYTES as u64 + report * size) {
                self.ids.truncate(first);
                return Err(failed(error));
            }
            self.ids.push(ReportId::from_bytes(id));
        }
        self.cut += u64::from(!payload.is_multiple_of(size));
        self.files.push(CountedFile { path: path.to_owned(), first });
        Ok(())
    }

    fn report_bytes(&self) -> u64 {
        Report::encoded_bytes(&self.task) as u64
    }
}

impl Reports for ReportFiles {
    fn len(&self) -> usize {
        self.ids.len()
    }

    fn id(&self, index: usize) -> ReportId {
        self.ids.get(index).copied().unwrap_or(ReportId::from_bytes([0; REPORT_ID_BYTES]))
    }

    fn read(&self, index: usize) -> Option<Report> {
        let place = self.files.partition_point(|file| file.first <= index).checked_sub(1)?;
        let CountedFile { path, first } = self.files.get(place)?;
        let mut bytes = vec![0; Report::encoded_bytes(&self.task)];
        let offset = HEADER_BYTES as u64 + (index - first) as u64 * self.report_bytes();
        // Opened again for each report: there may be more files than a process may hold open.
        match File::open(path).and_then(|file| file.read_exact_at(&mut bytes, offset)) {
            Ok(()) => Report::decode(&self.task, &bytes).ok(),
            Err(error) => {
                if let Ok(mut failed) = self.failed.lock() {
                    failed.get_or_insert((path.clone(), error));
                }
                None
            }
        }
    }
}

/// Opens a file whose header says that it holds reports of the task.
fn open_for(path: &Path, task: &Task) -> Result<File, ReportsError> {
    let failed = |source| ReportsError::Read { path: path.to_owned(), source };
    let not_reports = || ReportsError::NotReports { path: path.to_owned() };
    // Opening a pipe would wait for whoever writes into it.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(not_reports());
    }
    let file = File::open(path).map_err(failed)?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, 0).map_err(|_| not_reports())?;
    match header.strip_prefix(MAGIC) {
        None => Err(not_reports()),
        Some(found) if found != task.id() => Err(ReportsError::OtherTask { path: path.to_owned() }),
        Some(_) => Ok(file),
    }
}

/// Names the files of a directory with the ending of reports, sorted.
fn names_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == ENDING));
    paths.sort_unstable();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use tidegate_mpc::aggregation::prio::Kind;
    use tidegate_mpc::testing::{report_task, sealed_reports};

    use super::*;

    fn write(path: &Path, task: &Task, reports: &[Report]) {
        let mut writer = ReportWriter::new(path, task).unwrap();
        reports.iter().for_each(|report| writer.add(report).unwrap());
        writer.finish(false).unwrap();
    }

    #[test]
    fn reports_of_several_files_are_read_back() {
        let (dir, task) = (tempfile::tempdir().unwrap(), report_task(Kind::Histogram { len: 3 }, 2));
        let reports = sealed_reports(&task, &vec![vec![1]; 5], 1);
        write(&dir.path().join("a.reports"), &task, &reports[..2]);
        write(&dir.path().join("b.reports"), &task, &[]);
        write(&dir.path().join("c.reports"), &task, &reports[2..]);
        let other = report_task(Kind::Count, 2);
        write(&dir.path().join("d.reports"), &other, &[]);
        fs::write(dir.path().join("e.reports"), "something else").unwrap();
        fs::write(dir.path().join("f.csv"), "id\n").unwrap();
        let files = ReportFiles::open(dir.path(), &task, 5).unwrap();
        let read: Vec<_> = (0..files.len()).map(|index| files.read(index).unwrap()).collect();
        assert_eq!(read, reports);
        assert!((0..5).all(|index| files.id(index) == reports[index].id()));
        assert_eq!((files.skipped().len(), files.cut()), (2, 0));
        assert!(files.read(5).is_none() && files.check_read().is_err());
        assert!(matches!(
            ReportFiles::open(dir.path(), &task, 4),
            Err(ReportsError::TooMany { found: 5, .. })
        ));
    }

    #[test]
    fn a_file_by_name_has_to_hold_reports_of_the_task() {
        let (dir, task) = (tempfile::tempdir().unwrap(), report_task(Kind::Count, 2));
        let path = dir.path().join("a.reports");
        let open = || ReportFiles::open(&path, &task, 9);
        assert!(matches!(open(), Err(ReportsError::Read { .. })));
        fs::write(&path, "tidegate reports 1\n").unwrap();
        assert!(matches!(open(), Err(ReportsError::NotReports { .. })));
        fs::remove_file(&path).unwrap();
        let reports = sealed_reports(&task, &vec![vec![1]; 2], 1);
        write(&path, &task, &reports);
        let other = report_task(Kind::Count, 3);
        assert!(matches!(ReportFiles::open(&path, &other, 9), Err(ReportsError::OtherTask { .. })));
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let files = open().unwrap();
        assert_eq!((files.len(), files.cut()), (1, 1));
    }
}

//! Which reports were counted under a task, so that none counts twice.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use tidegate_mpc::aggregation::prio::{ReportId, SeenReports};

use super::{StateDir, StateError, create_private, lock};
use crate::hex::hex;
use crate::whole_file::{self, Existing};

/// Longest file of ids, in bytes: of 2^28 reports.
const MAX_FILE_BYTES: u64 = 1 << 32;

impl StateDir {
    /// Returns the reports that were counted under a task.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Busy`], [`StateError::Damaged`].
    pub fn seen_reports(&self, task: &[u8; 32]) -> Result<SeenReports, StateError> {
        let _lock = self.lock_reports()?;
        self.read_reports(task)
    }

    /// Remembers reports that are about to count; they are on disk when this returns.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Busy`], [`StateError::Damaged`]; [`StateError::Counted`] where another run has
    /// counted some of them meanwhile.
    pub fn remember_reports(&self, task: &[u8; 32], ids: &[ReportId]) -> Result<(), StateError> {
        let _lock = self.lock_reports()?;
        let mut seen = self.read_reports(task)?;
        if ids.iter().any(|id| seen.contains(id)) {
            return Err(StateError::Counted);
        }
        seen.add(ids);
        let path = self.reports_file(task);
        let written = whole_file::write(&path, &seen.encode(), Existing::Replace);
        written.map_err(|source| StateError::Io { path, source })
    }

    fn read_reports(&self, task: &[u8; 32]) -> Result<SeenReports, StateError> {
        let path = self.reports_file(task);
        let failed = |source| StateError::Io { path: path.clone(), source };
        let damaged = || StateError::Damaged { path: path.clone() };
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SeenReports::default()),
            Err(source) => return Err(failed(source)),
            Ok(metadata) if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES => return Err(damaged()),
            Ok(_) => {}
        }
        SeenReports::decode(&fs::read(&path).map_err(failed)?).map_err(|_| damaged())
    }

    fn reports_file(&self, task: &[u8; 32]) -> PathBuf {
        self.0.join("reports").join(format!("{}.ids", hex(task)))
    }

    fn lock_reports(&self) -> Result<File, StateError> {
        let directory = self.0.join("reports");
        create_private(&directory).map_err(|source| StateError::Io { path: directory.clone(), source })?;
        lock(&directory.join("lock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> ReportId {
        ReportId::from_bytes([byte; 16])
    }

    #[test]
    fn reports_are_remembered_by_task() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::find(Some(dir.path())).unwrap();
        assert!(state.seen_reports(&[1; 32]).unwrap().is_empty());
        state.remember_reports(&[1; 32], &[id(2), id(1)]).unwrap();
        state.remember_reports(&[1; 32], &[id(3)]).unwrap();
        let seen = state.seen_reports(&[1; 32]).unwrap();
        assert!(seen.len() == 3 && [1, 2, 3].iter().all(|&byte| seen.contains(&id(byte))));
        assert!(state.seen_reports(&[2; 32]).unwrap().is_empty());
        let again = state.remember_reports(&[1; 32], &[id(4), id(3)]);
        assert!(matches!(again, Err(StateError::Counted)));
        assert_eq!(state.seen_reports(&[1; 32]).unwrap().len(), 3);
    }

    #[test]
    fn a_damaged_memory_is_not_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::find(Some(dir.path())).unwrap();
        state.remember_reports(&[1; 32], &[id(1)]).unwrap();
        for bytes in [[1; 15].as_slice(), &[[2; 16], [1; 16]].concat()] {
            fs::write(state.reports_file(&[1; 32]), bytes).unwrap();
            assert!(matches!(state.seen_reports(&[1; 32]), Err(StateError::Damaged { .. })));
            assert!(matches!(state.remember_reports(&[1; 32], &[id(5)]), Err(StateError::Damaged { .. })));
        }
    }
}

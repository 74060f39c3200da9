//! The local state directory: how often each agreement was run, and which reports were counted.
//!
//! A run counts from the moment before the first message that depends on data, and is never given back. The
//! count of an agreement is one small file, named by the agreement's hash, that is replaced as a whole under a
//! lock, so runs that start at the same time are counted one after the other and a crash loses none.

mod answers;
mod budget;
mod reports;

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::hex::hex;
use crate::whole_file::{self, Existing};

/// Version of the files.
const VERSION: u32 = 1;

/// Longest file of a count, in bytes.
const MAX_FILE_BYTES: u64 = 4096;

/// How long the lock is waited for: 10 seconds, where counting takes milliseconds.
const LOCK_TRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

pub use budget::Spending;

/// The state directory.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

/// How often an agreement was run, and may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// Runs so far.
    pub used: u32,
    /// Runs allowed.
    pub max: u32,
}

/// What is wrong with the state directory, or spent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// There is no home directory to put it in.
    #[error("no state directory: none of TIDEGATE_STATE, XDG_STATE_HOME and HOME is set")]
    NoDirectory,
    /// A file or directory of it cannot be used.
    #[error("cannot use {path:?} in the state directory: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A record is unreadable, so nobody knows how often the agreement was run, or what was spent.
    #[error("the record in {path:?} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the lock for longer than any count takes.
    #[error("another process holds {path:?}")]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// The noise of a run would spend more than is left.
    #[error("the privacy budget of the dataset `{dataset}` does not suffice: {source}")]
    Budget {
        /// The dataset.
        dataset: String,
        /// What is asked for, spent and allowed.
        source: tidegate_disclosure::BudgetError,
    },
    /// Shares were given out in this session before.
    #[error("this session was answered before")]
    Answered,
    /// Another run has counted a report meanwhile.
    #[error("another run has counted some of these reports meanwhile")]
    Counted,
    /// All runs are used.
    #[error("all {max} runs of the agreement are used")]
    Spent {
        /// Runs allowed.
        max: u32,
    },
}

impl StateError {
    /// Says what the user can do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoDirectory => "pass --state-dir, or set TIDEGATE_STATE",
            Self::Io { .. } => "pass a directory that you can write with --state-dir",
            Self::Damaged { .. } => {
                "restore the file from a backup; deleting it forgets what was run and spent so far"
            }
            Self::Busy { .. } => "end that process, or pass another --state-dir",
            Self::Budget { .. } => "agree on a smaller epsilon, on fewer statistics, or on a larger budget",
            Self::Answered => "start a new run; a session is answered once, so that nobody gets two answers",
            Self::Counted => "run again: they will be left out",
            Self::Spent { .. } => "agree on more runs and sign anew",
        };
        Some(hint.to_owned())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    version: u32,
    used: u32,
}

impl StateDir {
    /// Uses `path`, or else `TIDEGATE_STATE`, `XDG_STATE_HOME/tidegate` or `~/.local/state/tidegate`.
    ///
    /// # Errors
    /// [`StateError::NoDirectory`].
    pub fn find(path: Option<&Path>) -> Result<Self, StateError> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let found = path.map(Path::to_owned).or_else(|| variable("TIDEGATE_STATE"));
        let found = found.or_else(|| variable("XDG_STATE_HOME").map(|dir| dir.join("tidegate")));
        let found = found.or_else(|| variable("HOME").map(|home| home.join(".local/state/tidegate")));
        found.map(Self).ok_or(StateError::NoDirectory)
    }

    /// Reads how often the agreement with this hash was run, and checks that a run is left.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Damaged`], [`StateError::Spent`].
    pub fn check_run(&self, agreement: &[u8; 32], max: u32) -> Result<Runs, StateError> {
        let used = read_count(&self.count_file(agreement))?;
        if used < max { Ok(Runs { used, max }) } else { Err(StateError::Spent { max }) }
    }

    /// Checks as [`Self::check_run`] does, and that a run can be counted, without counting it.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Busy`], [`StateError::Damaged`], [`StateError::Spent`].
    pub fn prepare_run(&self, agreement: &[u8; 32], max: u32) -> Result<Runs, StateError> {
        let _lock = self.lock_runs()?;
        let mut probe = whole_file::temporary_in(&self.runs()).map_err(|source| self.failed(source))?;
        probe.write_all(&[0; 64]).map_err(|source| self.failed(source))?;
        self.check_run(agreement, max)
    }

    /// Counts a run, if one is left, and returns the count with it; it is on disk when this returns.
    ///
    /// # Errors
    /// [`StateError::Io`], [`StateError::Busy`], [`StateError::Damaged`], [`StateError::Spent`].
    pub fn count_run(&self, agreement: &[u8; 32], max: u32) -> Result<Runs, StateError> {
        let _lock = self.lock_runs()?;
        let used = self.check_run(agreement, max)?.used + 1;
        let count = serde_json::to_vec(&Count { version: VERSION, used }).map_err(io::Error::from);
        let path = self.count_file(agreement);
        let written = count.and_then(|count| whole_file::write(&path, &count, Existing::Replace));
        written.map_err(|source| self.failed(source))?;
        Ok(Runs { used, max })
    }

    /// Returns where ledgers stand, one for each key of this machine's.
    pub(crate) fn ledgers(&self) -> PathBuf {
        self.0.join("ledger")
    }

    /// Returns where it is kept which checkpoints of partners were cosigned.
    pub(crate) fn witnessed(&self) -> PathBuf {
        self.0.join("cosigned")
    }

    fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    fn count_file(&self, agreement: &[u8; 32]) -> PathBuf {
        self.runs().join(format!("{}.json", hex(agreement)))
    }

    /// Makes the directory of the counts, if need be, and locks it.
    fn lock_runs(&self) -> Result<File, StateError> {
        create_private(&self.runs()).map_err(|source| self.failed(source))?;
        lock(&self.runs().join("lock"))
    }

    fn failed(&self, source: io::Error) -> StateError {
        StateError::Io { path: self.runs(), source }
    }
}

/// Makes a directory that its owner alone may use, and those that lead to it.
pub(crate) fn create_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    if directory.is_dir() {
        return Ok(());
    }
    builder.create(directory)?;
    // A count is only as durable as the directories that lead to it; those of others cannot always be flushed.
    directory.ancestors().skip(1).filter_map(|parent| File::open(parent).ok()).for_each(|parent| {
        let _ = parent.sync_all();
    });
    Ok(())
}

/// Waits for the lock, which is released when the file is dropped or its process ends.
pub(crate) fn lock(path: &Path) -> Result<File, StateError> {
    let failed = |source| StateError::Io { path: path.to_owned(), source };
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    Err(StateError::Busy { path: path.to_owned() })
}

fn read_count(path: &Path) -> Result<u32, StateError> {
    let damaged = || StateError::Damaged { path: path.to_owned() };
    let failed = |source| StateError::Io { path: path.to_owned(), source };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES => return Err(damaged()),
        Ok(_) => {}
    }
    let count: Count = serde_json::from_slice(&fs::read(path).map_err(failed)?).map_err(|_| damaged())?;
    if count.version == VERSION { Ok(count.used) } else { Err(damaged()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_up_to_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::find(Some(dir.path())).unwrap();
        let agreement = [1; 32];
        assert_eq!(state.check_run(&agreement, 2).unwrap(), Runs { used: 0, max: 2 });
        assert_eq!(state.count_run(&agreement, 2).unwrap(), Runs { used: 1, max: 2 });
        assert_eq!(state.count_run(&agreement, 2).unwrap(), Runs { used: 2, max: 2 });
        assert!(matches!(state.check_run(&agreement, 2), Err(StateError::Spent { max: 2 })));
        assert!(matches!(state.count_run(&agreement, 2), Err(StateError::Spent { max: 2 })));
        assert_eq!(state.check_run(&[2; 32], 2).unwrap().used, 0);
    }

    #[test]
    fn no_run_is_lost_or_given_twice_when_many_start_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::find(Some(dir.path())).unwrap();
        let counted: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| state.count_run(&[3; 32], 10))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut used: Vec<_> =
            counted.iter().filter_map(|run| run.as_ref().ok()).map(|run| run.used).collect();
        used.sort_unstable();
        assert_eq!(used, (1..=10).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_regular_file_is_refused_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::find(Some(dir.path())).unwrap();
        state.prepare_run(&[1; 32], 5).unwrap();
        assert_eq!(state.check_run(&[1; 32], 5).unwrap().used, 0);
        std::os::unix::fs::symlink("/dev/zero", state.count_file(&[1; 32])).unwrap();
        assert!(matches!(state.check_run(&[1; 32], 5), Err(StateError::Damaged { .. })));
        let lock = dir.path().join("runs/lock");
        fs::remove_file(&lock).unwrap();
        std::os::unix::fs::symlink("/dev/null", &lock).unwrap();
        assert!(matches!(state.prepare_run(&[2; 32], 5), Err(StateError::Io { .. })));
    }

    #[test]
    fn a_damaged_count_is_not_taken_for_zero() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::find(Some(dir.path())).unwrap();
        state.count_run(&[1; 32], 5).unwrap();
        for text in ["", "{}", "{\"version\":2,\"used\":0}", "{\"version\":1,\"used\":-1}"] {
            fs::write(state.count_file(&[1; 32]), text).unwrap();
            assert!(matches!(state.count_run(&[1; 32], 5), Err(StateError::Damaged { .. })), "{text}");
        }
    }
}

//! Sessions in which this party gave out shares: each at most once, whatever happens to the process.

use std::fs::File;
use std::io::{self, Write};

use tidegate_mpc::PartyId;

use super::{StateDir, StateError, create_private};
use crate::hex::hex;

impl StateDir {
    /// Notes that `member` answers in the session; it is on disk when this returns.
    ///
    /// # Errors
    /// [`StateError::Answered`] where it was noted before; [`StateError::Io`].
    pub fn note_answer(&self, session: &[u8; 32], member: &PartyId) -> Result<(), StateError> {
        let directory = self.0.join("answers");
        create_private(&directory).map_err(|source| StateError::Io { path: directory.clone(), source })?;
        let path = directory.join(format!("{}.{member}", hex(session)));
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => StateError::Answered,
            _ => StateError::Io { path: path.clone(), source },
        };
        let mut file = File::options().write(true).create_new(true).open(&path).map_err(failed)?;
        let written = file.write_all(b"answered\n").and_then(|()| file.sync_all());
        let written = written.and_then(|()| File::open(&directory)?.sync_all());
        written.map_err(|source| StateError::Io { path: directory, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_answered_once_by_all_processes_together() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::find(Some(dir.path())).unwrap();
        let [east, west]: [PartyId; 2] = ["east", "west"].map(|name| name.parse().unwrap());
        let noted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| state.note_answer(&[3; 32], &east).is_ok())).collect();
            threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
        });
        assert_eq!(noted, 1);
        assert!(matches!(state.note_answer(&[3; 32], &east), Err(StateError::Answered)));
        state.note_answer(&[4; 32], &east).unwrap();
        // Another member on the same machine.
        state.note_answer(&[3; 32], &west).unwrap();
    }
}

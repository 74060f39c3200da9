//! Files that appear complete or not at all.
//!
//! Everything this program writes to disk is written beside its place, readable by its owner alone, flushed,
//! and renamed into its place; then the directory is flushed, so that the file is still there after a loss of
//! power. A process that is killed in the middle leaves a file whose name begins with `.tidegate-`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// What happens to a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and writing fails with [`io::ErrorKind::AlreadyExists`].
    Keep,
    /// It is replaced.
    Replace,
}

/// Returns the directory in which `path` stands.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a file in `directory` that its owner alone may read and that is deleted when dropped.
pub(crate) fn temporary_in(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".tidegate-").tempfile_in(directory)
}

/// Flushes a temporary file and puts it at `path`, in whose directory it was made.
pub(crate) fn put_in_place(file: NamedTempFile, path: &Path, existing: Existing) -> io::Result<()> {
    file.as_file().sync_all()?;
    match existing {
        Existing::Keep => file.persist_noclobber(path)?,
        Existing::Replace => file.persist(path)?,
    };
    // The file is whole either way; some file systems cannot flush a directory, which [`write`] reports.
    let _ = File::open(directory_of(path)).and_then(|directory| directory.sync_all());
    Ok(())
}

/// Writes `content` to `path`, and fails where it cannot be made to last.
pub(crate) fn write(path: &Path, content: &[u8], existing: Existing) -> io::Result<()> {
    write_with(path, existing, |file| file.write_all(content))
}

/// As [`write()`], of content that is made while it is written.
pub(crate) fn write_with(
    path: &Path,
    existing: Existing,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = BufWriter::new(temporary_in(directory_of(path))?);
    content(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    put_in_place(file, path, existing)?;
    File::open(directory_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_or_replaced_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, b"first", Existing::Keep).unwrap();
        let kept = write(&path, b"second", Existing::Keep).unwrap_err();
        assert_eq!(kept.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        write(&path, b"third", Existing::Replace).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"third");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

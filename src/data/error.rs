//! What can go wrong with a table on its way in or out.

use std::io;
use std::path::{Path, PathBuf};

use super::cells::CellListFault;
use super::format::TextEncoding;
use super::records::CellFault;

/// What went wrong with a table; names the file, row and column, never what stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file's extension names no format.
    #[error("cannot tell the format of {path:?} from its name; known endings are .csv, .tsv and .parquet")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error("no file {path:?}")]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// The path is a directory, a pipe or a device where a file is needed.
    #[error("{path:?} is {found}, not a regular file")]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The operating system refuses access.
    #[error("no permission to {action} {path:?}")]
    Denied {
        /// The file or directory.
        path: PathBuf,
        /// What was tried: `read` or `write`.
        action: &'static str,
    },
    /// Reading failed.
    #[error("cannot read {path:?}: {}", describe(*.kind))]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// The file changed while it was in use.
    #[error("{path:?} changed while it was being read")]
    Changed {
        /// The file.
        path: PathBuf,
    },

    /// The file has no header.
    #[error("{path:?} has no header")]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// The file has a header and no row.
    #[error("{path:?} has no rows")]
    EmptyTable {
        /// The file.
        path: PathBuf,
    },
    /// A column has no name.
    #[error("column {column} of {path:?} has no name")]
    EmptyColumnName {
        /// The file.
        path: PathBuf,
        /// The column, counted from 1.
        column: usize,
    },
    /// Two columns have the same name.
    #[error("columns {first} and {second} of {path:?} have the same name")]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The first of them, counted from 1.
        first: usize,
        /// The second of them, counted from 1.
        second: usize,
    },
    /// The table is too wide.
    #[error("{path:?} has {found} columns; at most {max} are allowed")]
    TooManyColumns {
        /// The file.
        path: PathBuf,
        /// Its columns.
        found: usize,
        /// The most allowed.
        max: usize,
    },
    /// The table is too long.
    #[error("{path:?} has more than {max} rows")]
    TooManyRows {
        /// The file.
        path: PathBuf,
        /// The most allowed.
        max: u64,
    },

    /// A row has more or fewer cells than the header.
    #[error("row {row} of {path:?} (line {line}) has {found} cells; the header has {expected}")]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The row, counted from 1 behind the header.
        row: u64,
        /// The line on which the row begins, counted from 1.
        line: u64,
        /// Cells in the row.
        found: usize,
        /// Cells in the header.
        expected: usize,
    },
    /// A quoted cell has no end.
    #[error("a quoted cell in the row at line {line} of {path:?} is never closed")]
    UnclosedQuote {
        /// The file.
        path: PathBuf,
        /// The line on which the row begins, counted from 1.
        line: u64,
    },
    /// Text follows the closing quote of a cell, so nobody knows where the cell ends.
    #[error("text follows the closing quote of a cell in the row at line {line} of {path:?}")]
    StrayText {
        /// The file.
        path: PathBuf,
        /// The line on which the row begins, counted from 1.
        line: u64,
    },
    /// A row is too long.
    #[error("the row at line {line} of {path:?} is longer than {max} bytes")]
    RowTooLong {
        /// The file.
        path: PathBuf,
        /// The line on which the row begins, counted from 1.
        line: u64,
        /// The most bytes allowed.
        max: usize,
    },
    /// The file is not in the encoding that was named.
    #[error("line {line} of {path:?} is not {encoding} text")]
    BadText {
        /// The file.
        path: PathBuf,
        /// The line on which the row begins, counted from 1.
        line: u64,
        /// The encoding that was expected.
        encoding: TextEncoding,
    },
    /// The file is not a Parquet file that can be read.
    #[error("cannot read {path:?} as Parquet: {fault}")]
    BadParquet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: ParquetFault,
    },

    /// A column that was asked for does not exist.
    #[error("no column `{}` in {path:?}{available}", shown(.name))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        name: String,
        /// The columns that exist.
        available: AvailableColumns,
    },
    /// A column was asked for twice.
    #[error("column `{}` is named twice", shown(.name))]
    RepeatedColumn {
        /// The name that was given twice.
        name: String,
    },
    /// No key column was named.
    #[error("no key column is named; at least one is needed")]
    NoKeyColumn,
    /// The type of a column cannot serve as a key.
    #[error("column `{}` has type {found}; keys are text, integers or dates", shown(.name))]
    KeyType {
        /// The column.
        name: String,
        /// Its type.
        found: String,
    },
    /// The keys make no item set.
    #[error("too many distinct keys: {0}")]
    Keys(tidegate_mpc::Error),

    /// The type of a column cannot hold the values that are declared.
    #[error("column `{}` has type {found}; {wanted}", shown(.name))]
    ValueType {
        /// The column.
        name: String,
        /// Its type.
        found: String,
        /// The types that can.
        wanted: &'static str,
    },
    /// A cell is not what is declared of its column.
    #[error("row {row}, column `{}` of {path:?}: the cell {fault}", shown(.column))]
    BadCell {
        /// The file.
        path: PathBuf,
        /// The row, counted from 1 behind the header.
        row: u64,
        /// The column.
        column: String,
        /// What is wrong with the cell.
        fault: CellFault,
    },
    /// Two rows have the same key where every key may stand once.
    #[error("rows {first} and {second} of {path:?} have the same key")]
    EqualKeys {
        /// The file.
        path: PathBuf,
        /// The first of them, counted from 1 behind the header.
        first: u64,
        /// The second of them, counted from 1 behind the header.
        second: u64,
    },
    /// Two rows that are to be summed up belong to different groups.
    #[error("rows {first} and {second} of {path:?} have the same key and differ in column `{}`", shown(.column))]
    UnlikeGroups {
        /// The file.
        path: PathBuf,
        /// The first of them, counted from 1 behind the header.
        first: u64,
        /// The second of them, counted from 1 behind the header.
        second: u64,
        /// The column.
        column: String,
    },
    /// The sum over rows with the same key is not what is declared of its column.
    #[error("rows of {path:?} with the key of row {row}: their sum in column `{}` {fault}", shown(.column))]
    BadSum {
        /// The file.
        path: PathBuf,
        /// The first of them, counted from 1 behind the header.
        row: u64,
        /// The column.
        column: String,
        /// What is wrong with the sum.
        fault: CellFault,
    },
    /// The list of cells is not the one agreed on.
    #[error("the list of cells {path:?} {fault}")]
    CellList {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: CellListFault,
    },
    /// A row names a cell that is not in the list.
    #[error("row {row} of {path:?}: column `{}` names none of the cells agreed on", shown(.column))]
    UnknownCell {
        /// The file.
        path: PathBuf,
        /// The first of its rows, counted from 1 behind the header.
        row: u64,
        /// The column.
        column: String,
    },

    /// The output exists.
    #[error("{path:?} exists")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The directory of the output does not exist.
    #[error("no directory {path:?}")]
    NoDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The disk or the quota is full.
    #[error("no space left to write {path:?}")]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The reader of the output went away.
    #[error("the reader of {path:?} closed it")]
    BrokenPipe {
        /// The file; `-` is the standard output.
        path: PathBuf,
    },
    /// Writing failed.
    #[error("cannot write {path:?}: {}", describe(*.kind))]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// The output's format cannot hold a column.
    #[error("column `{}` has type {found}, which {path:?} cannot hold", shown(.name))]
    OutputType {
        /// The output.
        path: PathBuf,
        /// The column.
        name: String,
        /// Its type.
        found: String,
    },

    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// What is wrong with a Parquet file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParquetFault {
    /// The file does not begin as one.
    #[error("it is no Parquet file")]
    NotParquet,
    /// The file does not end as one.
    #[error("its end is missing")]
    Truncated,
    /// The file is encrypted.
    #[error("it is encrypted")]
    Encrypted,
    /// The file uses a feature that is not supported.
    #[error("it uses a feature that is not supported")]
    Unsupported,
    /// The file contradicts itself.
    #[error("it is damaged")]
    Damaged,
}

impl DataError {
    /// Says what the user can do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownFormat { .. } => "rename the file, or convert it to CSV or Parquet",
            Self::NotFound { .. } | Self::NoDirectory { .. } => "check the path",
            Self::NotAFile { .. } => {
                "name a regular file; an input is read more than once, so no pipe will do there"
            }
            Self::Denied { .. } => "check the permissions, or run as the user who owns the data",
            Self::Changed { .. } => "run again when nothing else writes to the file",
            Self::NoHeader { .. } | Self::EmptyColumnName { .. } => "the first line names every column",
            Self::EmptyTable { .. } => "check that the export of the table was complete",
            Self::DuplicateColumn { .. } => "give every column its own name in the first line",
            Self::Ragged { .. } => "cells that hold the delimiter must be quoted; check the export",
            Self::StrayText { .. } | Self::UnclosedQuote { .. } => {
                "a quote inside a quoted cell is written twice"
            }
            Self::RowTooLong { .. } => "look for a quote that is not closed",
            Self::BadText { encoding, .. } => encoding_hint(*encoding),
            Self::BadParquet { fault, .. } => fault.hint(),
            Self::NoColumn { .. } => {
                "names must match letter for letter; the first line of the file lists them"
            }
            Self::KeyType { .. } => "write the column as text or integers: other numbers have no single text",
            Self::ValueType { .. } => "write the column as one of these types",
            Self::BadCell { fault, .. } | Self::BadSum { fault, .. } => fault.hint(),
            Self::CellList { .. } => "every party passes the same file, whose digest stands in the agreement",
            Self::UnknownCell { .. } => "correct the table, or agree on a list with that cell or on rules",
            Self::EqualKeys { .. } => {
                "remove one of the rows, or agree on `duplicates = \"sum\"` or `\"first\"`"
            }
            Self::UnlikeGroups { .. } => "correct one of the rows, or agree on `duplicates = \"first\"`",
            Self::Exists { .. } => "choose another name, or pass --force to overwrite it",
            Self::DiskFull { .. } => "free some space, or choose another directory",
            Self::OutputType { .. } => "write a .parquet file, or leave the column out",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Types an error of opening or reading `path`.
    pub(crate) fn reading(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound { path },
            io::ErrorKind::PermissionDenied => Self::Denied { path, action: "read" },
            kind => Self::Read { path, kind },
        }
    }

    /// Types an error of creating or writing `path`.
    pub(crate) fn writing(path: &Path, kind: io::ErrorKind) -> Self {
        let path = path.to_owned();
        match kind {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { path, action: "write" }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            io::ErrorKind::BrokenPipe => Self::BrokenPipe { path },
            io::ErrorKind::AlreadyExists => Self::Exists { path },
            kind => Self::Write { path, kind },
        }
    }
}

fn encoding_hint(expected: TextEncoding) -> &'static str {
    match expected {
        TextEncoding::Utf8 => "save the file as UTF-8, or pass --encoding gb18030 if it is GBK or GB 18030",
        TextEncoding::Gb18030 => "save the file as UTF-8 and leave --encoding out",
    }
}

impl ParquetFault {
    const fn hint(self) -> &'static str {
        match self {
            Self::NotParquet => "check that the ending of the name fits the content",
            Self::Truncated | Self::Damaged => "copy or export the file again",
            Self::Encrypted => "decrypt the file first",
            Self::Unsupported => "write the file with plain types and common compression, or as CSV",
        }
    }
}

/// The columns of a table as an error tells of them: how many, and the one most like the name asked for.
///
/// When the first line of a CSV file is a record and not a header, its cells are the names; so no name is told
/// but one that the user has all but given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailableColumns {
    count: usize,
    closest: Option<String>,
}

impl AvailableColumns {
    /// Likeness, of at most 1, from which a name counts as another spelling (Damerau-Levenshtein).
    const LIKENESS: f64 = 0.6;

    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str> + Clone, wanted: &str) -> Self {
        let wanted = wanted.to_lowercase();
        let likeness =
            |name: &str| strsim::normalized_damerau_levenshtein(&name.trim().to_lowercase(), &wanted);
        let like =
            names.clone().map(|name| (likeness(name), name)).filter(|(like, _)| *like >= Self::LIKENESS);
        let closest = like.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| shown(name));
        Self { count: names.count(), closest }
    }
}

impl std::fmt::Display for AvailableColumns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.closest, self.count) {
            (Some(closest), _) => write!(f, "; the closest is `{closest}`"),
            (None, 1) => f.write_str("; its one column has quite another name"),
            (None, count) => write!(f, "; none of its {count} columns has a name like it"),
        }
    }
}

/// A name as it may stand in a message: no control character, at most 64 characters.
pub(super) fn shown(name: &str) -> String {
    name.escape_debug().take(64).collect()
}

fn describe(kind: io::ErrorKind) -> String {
    io::Error::from(kind).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_column(names: &[&str], wanted: &str) -> DataError {
        let available = AvailableColumns::new(names.iter().copied(), wanted);
        DataError::NoColumn { path: "t.csv".into(), name: wanted.into(), available }
    }

    #[test]
    fn a_missing_column_tells_the_closest_name() {
        let text = |names: &[&str], wanted: &str| no_column(names, wanted).to_string();
        let closest = r#"no column `id_crad` in "t.csv"; the closest is `id_card`"#;
        assert_eq!(text(&["name", "id_card", "id"], "id_crad"), closest);
        assert!(text(&["ID"], "id").ends_with("the closest is `ID`"));
        assert!(text(&["id_card\u{1b}["], "id_card").ends_with(r"the closest is `id_card\u{1b}[`"));
        assert!(text(&["a", "b"], "id").ends_with("none of its 2 columns has a name like it"));
    }

    #[test]
    fn a_record_in_place_of_the_header_is_not_printed() {
        for record in [["张三", "11010519491231002X"], ["李四", "a@b.cn"], ["王五", "1980-01-02"]] {
            let error = no_column(&record, "id");
            let text = format!("{error} {error:?} {:?}", error.hint());
            assert!(!record.iter().any(|cell| text.contains(cell)), "{text}");
        }
    }

    #[test]
    fn system_errors_are_typed() {
        let path = Path::new("x");
        let of = |kind| DataError::writing(path, kind);
        assert!(matches!(of(io::ErrorKind::StorageFull), DataError::DiskFull { .. }));
        assert!(matches!(of(io::ErrorKind::BrokenPipe), DataError::BrokenPipe { .. }));
        assert_eq!(of(io::ErrorKind::Interrupted).to_string(), "cannot write \"x\": operation interrupted");
        let denied = DataError::reading(path, &io::ErrorKind::PermissionDenied.into());
        assert_eq!(denied.to_string(), "no permission to read \"x\"");
    }
}

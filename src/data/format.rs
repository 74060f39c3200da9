//! File formats and text encodings.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{DataError, shown};

/// The format of a table, told by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values (RFC 4180), `.csv`.
    Csv,
    /// The same with tabs, `.tsv`.
    Tsv,
    /// Apache Parquet, `.parquet`.
    Parquet,
}

impl TableFormat {
    /// Tells the format by the ending of the name, in upper or lower case.
    ///
    /// # Errors
    /// [`DataError::UnknownFormat`].
    pub fn of(path: &Path) -> Result<Self, DataError> {
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("tsv") => Ok(Self::Tsv),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(DataError::UnknownFormat { path: path.to_owned() }),
        }
    }

    /// Returns the byte between cells, or nothing where cells are not delimited.
    pub(super) const fn delimiter(self) -> Option<u8> {
        match self {
            Self::Csv => Some(b','),
            Self::Tsv => Some(b'\t'),
            Self::Parquet => None,
        }
    }
}

/// The encoding of a CSV file that is read; files are always written in UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextEncoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// GB 18030, which contains GBK and GB 2312.
    Gb18030,
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Gb18030 => "GB 18030",
        })
    }
}

/// A name that no [`TextEncoding`] bears.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no encoding `{name}`; encodings are utf8 and gb18030")]
pub struct UnknownEncoding {
    /// The name that was given.
    pub name: String,
}

impl FromStr for TextEncoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        match name.to_ascii_lowercase().as_str() {
            "utf8" | "utf-8" => Ok(Self::Utf8),
            "gb18030" | "gbk" | "gb2312" => Ok(Self::Gb18030),
            _ => Err(UnknownEncoding { name: shown(name) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_the_format() {
        assert_eq!(TableFormat::of(Path::new("a/b.CSV")), Ok(TableFormat::Csv));
        assert_eq!(TableFormat::of(Path::new("b.x.parquet")), Ok(TableFormat::Parquet));
        for other in ["b.xlsx", "csv", ".csv", ""] {
            assert!(matches!(TableFormat::of(Path::new(other)), Err(DataError::UnknownFormat { .. })));
        }
    }

    #[test]
    fn encodings_have_names() {
        assert_eq!("GBK".parse(), Ok(TextEncoding::Gb18030));
        assert_eq!("utf-8".parse(), Ok(TextEncoding::Utf8));
        assert!("latin1".parse::<TextEncoding>().is_err());
        assert_eq!(serde_json::to_string(&TextEncoding::Gb18030).unwrap(), "\"gb18030\"");
    }
}

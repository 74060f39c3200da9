//! Tables for the tests of this module.

use arrow::array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;

use super::{TableSource, TextEncoding};

pub(super) fn csv(text: &str) -> TableSource {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    TableSource::open(&path, TextEncoding::Utf8).unwrap()
}

pub(super) fn parquet(columns: Vec<(&str, ArrayRef)>) -> TableSource {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.parquet");
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    TableSource::open(&path, TextEncoding::Utf8).unwrap()
}

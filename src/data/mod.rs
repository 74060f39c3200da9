//! Tables in and out: CSV and Parquet as Arrow record batches, keys normalized, results copied.

pub mod normalize;

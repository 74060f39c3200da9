//! Records as the caller hands them over: columns in Arrow layout, borrowed from wherever they stand.

use crate::declaration::ColumnType;
use crate::job::Job;

/// Rows of a table, all in memory: a partition of a dataset.
pub trait Records: Send {
    /// Counts the rows.
    fn rows(&self) -> usize;

    /// Returns a column, by its place in the declaration.
    fn column(&self, index: usize) -> Option<Column<'_>>;

    /// Returns for each row the unit that it is about, where rows are not units themselves.
    fn units(&self) -> Option<&[u64]>;
}

/// A column of a partition.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Its values; what stands where none is does not matter.
    pub values: Values<'a>,
    /// A bit for each row, lowest first, 1 where there is a value; `None` where no value is missing.
    pub validity: Option<&'a [u8]>,
}

/// The values of a column, one for each row.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Bits, lowest first.
    Boolean(&'a [u8]),
    /// Integers.
    Integer(&'a [i64]),
    /// Finite numbers.
    Number(&'a [f64]),
    /// Days since 1970-01-01.
    Date(&'a [i32]),
    /// Places in the list of labels.
    Category(&'a [u32]),
}

impl<'a> Values<'a> {
    /// Returns their type.
    pub fn column_type(&self) -> ColumnType {
        match self {
            Self::Boolean(_) => ColumnType::Boolean,
            Self::Integer(_) => ColumnType::Integer,
            Self::Number(_) => ColumnType::Number,
            Self::Date(_) => ColumnType::Date,
            Self::Category(_) => ColumnType::Category,
        }
    }

    /// Returns the bytes of `rows` values from `first` on, a multiple of eight.
    pub(crate) fn bytes(&self, first: usize, rows: usize) -> &'a [u8] {
        fn part<T: bytemuck::Pod>(values: &[T], first: usize, rows: usize) -> &[u8] {
            bytemuck::cast_slice(values.get(first..first + rows).unwrap_or_default())
        }
        match self {
            Self::Boolean(bits) => bits.get(first / 8..(first + rows).div_ceil(8)).unwrap_or_default(),
            Self::Integer(values) => part(values, first, rows),
            Self::Number(values) => part(values, first, rows),
            Self::Date(values) => part(values, first, rows),
            Self::Category(values) => part(values, first, rows),
        }
    }

    fn holds(&self, rows: usize) -> bool {
        match self {
            Self::Boolean(bits) => bits.len() >= rows.div_ceil(8),
            Self::Integer(values) => values.len() == rows,
            Self::Number(values) => values.len() == rows,
            Self::Date(values) => values.len() == rows,
            Self::Category(values) => values.len() == rows,
        }
    }
}

/// Why a partition is not one of the declared columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// A column is missing.
    #[error("column `{0}` is missing")]
    Missing(String),
    /// A column has another type.
    #[error("column `{name}` is of type {found}, not {expected}")]
    Type {
        /// The column.
        name: String,
        /// Its type.
        found: &'static str,
        /// The declared type.
        expected: &'static str,
    },
    /// A number is not finite.
    #[error("column `{0}` has a number that is not finite")]
    Infinite(String),
    /// A category has no label.
    #[error("column `{0}` has a category without a label")]
    Category(String),
    /// Some partitions name units and others do not.
    #[error("a partition names units and another does not")]
    Units,
    /// A column, its validity or the list of units has another length than the partition.
    #[error("column `{0}` has another length than the partition")]
    Length(String),
}

/// Checks that a partition has the declared columns, and in them what the contract promises.
pub(crate) fn check(records: &impl Records, job: &Job<'_>) -> Result<(), RecordsError> {
    let rows = records.rows();
    for (index, declared) in job.module.declaration().columns.iter().enumerate() {
        let name = || declared.name.clone();
        let column = records.column(index).ok_or_else(|| RecordsError::Missing(name()))?;
        let (found, expected) = (column.values.column_type(), declared.column_type);
        if found != expected {
            return Err(RecordsError::Type { name: name(), found: found.name(), expected: expected.name() });
        }
        let validity = column.validity.is_none_or(|bits| bits.len() >= rows.div_ceil(8));
        if !column.values.holds(rows) || !validity {
            return Err(RecordsError::Length(name()));
        }
        check_values(&column, job.setup.labels.get(index).map_or(0, Vec::len), name)?;
    }
    match records.units() {
        Some(units) if units.len() != rows => Err(RecordsError::Length("units".to_owned())),
        _ => Ok(()),
    }
}

/// Checks that numbers are finite and categories have labels; what stands where no value is does not matter.
fn check_values(column: &Column<'_>, labels: usize, name: impl Fn() -> String) -> Result<(), RecordsError> {
    let present = |row: usize| {
        let byte = column.validity.and_then(|bits| bits.get(row / 8));
        byte.is_none_or(|byte| byte >> (row % 8) & 1 == 1)
    };
    match column.values {
        Values::Number(values) => {
            let mut broken = values.iter().enumerate().filter(|(_, value)| !value.is_finite());
            if broken.any(|(row, _)| present(row)) { Err(RecordsError::Infinite(name())) } else { Ok(()) }
        }
        Values::Category(values) => {
            let mut broken = values.iter().enumerate().filter(|(_, code)| **code as usize >= labels);
            if broken.any(|(row, _)| present(row)) { Err(RecordsError::Category(name())) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

//! Runs algorithms compiled natively, over columns in memory, as the host runs modules: the same bytes in the same layout, cut
//! into the same batches. For tests of algorithms, and as the reference for tests of the host.
//!
//! # Examples
//! ```
//! use tidegate_guest::native::{Column, Cut, Data, Parameter};
//! use tidegate_guest::{Batch, Mapper, Output, Setup, Stop};
//!
//! struct Parity;
//!
//! impl Mapper for Parity {
//!     const MEASURES: usize = 1;
//!
//!     fn new(_: &Setup<'_>) -> Result<Self, Stop> {
//!         Ok(Self)
//!     }
//!
//!     fn map(&mut self, batch: &Batch<'_>, output: &mut Output<'_>) -> Result<(), Stop> {
//!         for (row, value) in batch.integers(0)?.iter().enumerate() {
//!             if let Some(value) = value {
//!                 output.put(row, (value % 2 != 0).into(), [value as f64]);
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let data = Data::new(vec![Column::Integers(vec![Some(1), Some(2), None, Some(5)])], vec![])?;
//! let mapped = data.map::<Parity>(Cut::whole())?;
//! assert_eq!(mapped.cells, [1, 0, u32::MAX, 1]);
//! assert_eq!(mapped.measures, [[1.0, 2.0, 0.0, 5.0]]);
//! # Ok::<(), tidegate_guest::native::Error>(())
//! ```

mod layout;
mod tabulate;

use std::fmt;
use std::ops::Range;
use std::string::String;
use std::vec::Vec;

use crate::algorithm::{Aggregate, Derive, Mapper, Merge, Outcome};
use crate::instance::Instance;
use crate::stop::Stop;
use layout::Message;

pub use tabulate::{Mapped, Measure, Tabulated};

/// Most rows of a batch.
pub const MAX_BATCH_ROWS: usize = 1 << 14;

/// A column; a value a row, if it has one.
#[derive(Clone)]
#[non_exhaustive]
pub enum Column {
    /// Of type boolean.
    Booleans(Vec<Option<bool>>),
    /// Of type integer.
    Integers(Vec<Option<i64>>),
    /// Of type number.
    Numbers(Vec<Option<f64>>),
    /// Of type date: days since 1970-01-01.
    Dates(Vec<Option<i32>>),
    /// Of type category: places of labels.
    Categories {
        /// The labels.
        labels: Vec<String>,
        /// The place of a label a row.
        values: Vec<Option<u32>>,
    },
}

impl Column {
    fn rows(&self) -> usize {
        match self {
            Self::Booleans(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Dates(values) => values.len(),
            Self::Categories { values, .. } => values.len(),
        }
    }

    fn is_sound(&self) -> bool {
        match self {
            Self::Numbers(values) => values.iter().flatten().all(|value| value.is_finite()),
            Self::Categories { labels, values } => {
                values.iter().flatten().all(|&value| (value as usize) < labels.len())
            }
            _ => true,
        }
    }
}

impl fmt::Debug for Column {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Column({} rows)", self.rows())
    }
}

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Parameter {
    /// Of type integer.
    Integer(i64),
    /// Of type number.
    Number(f64),
}

/// How rows are cut: partitions, each seen by an instance of its own, and batches of these.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    partition_rows: usize,
    batch_rows: usize,
}

impl Cut {
    /// Cuts into partitions and batches of so many rows; 0 counts as 1, and batches end at [`MAX_BATCH_ROWS`].
    pub fn new(partition_rows: usize, batch_rows: usize) -> Self {
        Self { partition_rows: partition_rows.max(1), batch_rows: batch_rows.clamp(1, MAX_BATCH_ROWS) }
    }

    /// Leaves all rows in one partition, with batches as large as they may be.
    pub fn whole() -> Self {
        Self::new(usize::MAX, MAX_BATCH_ROWS)
    }

    fn partitions(self, rows: usize) -> impl Iterator<Item = Range<usize>> {
        pieces(0..rows, self.partition_rows)
    }

    fn batches(self, partition: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        pieces(partition, self.batch_rows)
    }
}

fn pieces(rows: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(len).map(move |start| start..start.saturating_add(len).min(end))
}

/// Why a run gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A column does not have as many rows as the first.
    Rows {
        /// Its place.
        column: usize,
        /// How many it has.
        found: usize,
        /// How many the first has.
        expected: usize,
    },
    /// A column has a number that is not finite, or a category without a label.
    Value {
        /// Its place.
        column: usize,
    },
    /// What would be handed over does not fit into a buffer of 4 GiB.
    TooLarge,
    /// The algorithm stopped.
    Stopped(Stop),
    /// The last pass left something for one more.
    Passes {
        /// How many there were.
        max: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows { column, found, expected } => {
                write!(formatter, "column {column} has {found} rows, the first has {expected}")
            }
            Self::Value { column } => {
                write!(
                    formatter,
                    "column {column} has a number that is not finite or a category without a label"
                )
            }
            Self::TooLarge => formatter.write_str("what is handed over does not fit into 4 GiB"),
            Self::Stopped(stop) => stop.fmt(formatter),
            Self::Passes { max } => write!(formatter, "the algorithm asks for more than {max} passes"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

/// What an algorithm runs over: columns and parameters in the order of its declaration.
#[derive(Clone, Debug)]
pub struct Data {
    columns: Vec<Column>,
    parameters: Vec<Parameter>,
    rows: usize,
}

impl Data {
    /// Takes columns of equal length.
    ///
    /// # Errors
    /// [`Error::Rows`], [`Error::Value`].
    pub fn new(columns: Vec<Column>, parameters: Vec<Parameter>) -> Result<Self, Error> {
        let rows = columns.first().map_or(0, Column::rows);
        for (place, column) in columns.iter().enumerate() {
            if column.rows() != rows {
                return Err(Error::Rows { column: place, found: column.rows(), expected: rows });
            }
            if !column.is_sound() {
                return Err(Error::Value { column: place });
            }
        }
        Ok(Self { columns, parameters, rows })
    }

    /// Maps all rows, an instance for each partition.
    ///
    /// # Errors
    /// [`Error::Stopped`], [`Error::TooLarge`].
    pub fn map<M: Mapper>(&self, cut: Cut) -> Result<Mapped, Error> {
        let mut mapped = Mapped::none(M::MEASURES);
        for partition in cut.partitions(self.rows) {
            let mut instance = self.start(&self.widest(cut, &partition, M::MEASURES)?, &[], M::new)?;
            for rows in cut.batches(partition) {
                let batch = Message::batch(&self.columns, rows, Some(M::MEASURES))?;
                let address = batch.write(&mut instance.buffer)?;
                instance.map(address)?;
                mapped.append(&batch.outputs(instance.buffer.bytes_mut())?);
            }
        }
        Ok(mapped)
    }

    /// Derives tables from figures, in an instance that has seen no row.
    ///
    /// # Errors
    /// [`Error::Stopped`], [`Error::TooLarge`].
    pub fn derive<M: Derive>(&self, figures: &Tabulated) -> Result<Vec<f64>, Error> {
        let message = Message::figures(figures)?;
        let mut instance = self.start(&message, &[], M::new)?;
        let address = message.write(&mut instance.buffer)?;
        Ok(instance.derive(address)?)
    }

    /// Runs an aggregate in one instance a pass.
    ///
    /// # Errors
    /// [`Error::Stopped`], [`Error::TooLarge`]; [`Error::Passes`] where `max_passes` do not do.
    pub fn aggregate<A: Aggregate>(&self, cut: Cut, max_passes: usize) -> Result<Vec<f64>, Error> {
        self.passes(max_passes, |carry| {
            self.partition::<A>(cut, 0..self.rows, carry)?.finish().map_err(Into::into)
        })
    }

    /// Runs an aggregate in an instance for each partition, and one that merges them.
    ///
    /// # Errors
    /// As [`Data::aggregate`].
    pub fn aggregate_merged<A: Merge>(&self, cut: Cut, max_passes: usize) -> Result<Vec<f64>, Error> {
        self.passes(max_passes, |carry| {
            let partitions = cut.partitions(self.rows).map(|partition| {
                let seen = self.partition::<A>(cut, partition, carry)?;
                Message::bytes(&seen.state()?)
            });
            let states = partitions.collect::<Result<Vec<_>, Error>>()?;
            let none = Message::bytes(&[])?;
            let widest = states.iter().max_by_key(|state| state.len()).unwrap_or(&none);
            let mut instance = self.start(widest, carry, A::new)?;
            for state in &states {
                let address = state.write(&mut instance.buffer)?;
                instance.merge(address, state.len())?;
            }
            Ok(instance.finish()?)
        })
    }

    fn passes(
        &self,
        max_passes: usize,
        pass: impl Fn(&[u8]) -> Result<Outcome, Error>,
    ) -> Result<Vec<f64>, Error> {
        let mut carry = Vec::new();
        for _ in 0..max_passes {
            match pass(&carry)? {
                Outcome::Tables(tables) => return Ok(tables),
                Outcome::Carry(bytes) => carry = bytes,
            }
        }
        Err(Error::Passes { max: max_passes })
    }

    /// Shows a partition to an instance of its own.
    fn partition<A: Aggregate>(
        &self,
        cut: Cut,
        partition: Range<usize>,
        carry: &[u8],
    ) -> Result<Instance<A>, Error> {
        let widest = Message::batch(&self.columns, first(cut, &partition), None)?;
        let mut instance = self.start(&widest, carry, A::new)?;
        for rows in cut.batches(partition) {
            let batch = Message::batch(&self.columns, rows, None)?;
            let address = batch.write(&mut instance.buffer)?;
            instance.update(address)?;
        }
        Ok(instance)
    }

    /// Makes an instance with room for the setup and for a message.
    fn start<T>(
        &self,
        widest: &Message,
        carry: &[u8],
        new: impl FnOnce(&crate::Setup<'_>) -> Result<T, Stop>,
    ) -> Result<Instance<T>, Error> {
        let setup = Message::setup(&self.parameters, &self.columns, carry)?;
        let mut instance = Instance::new();
        if instance.reserve(setup.len().max(widest.len())) == 0 {
            return Err(Error::TooLarge);
        }
        let address = setup.write(&mut instance.buffer)?;
        instance.init(address, new)?;
        Ok(instance)
    }

    fn widest(&self, cut: Cut, partition: &Range<usize>, measures_len: usize) -> Result<Message, Error> {
        Message::batch(&self.columns, first(cut, partition), Some(measures_len))
    }
}

/// Returns the first batch of a partition, which none of it exceeds.
fn first(cut: Cut, partition: &Range<usize>) -> Range<usize> {
    cut.batches(partition.clone()).next().unwrap_or(0..0)
}

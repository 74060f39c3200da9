//! What an algorithm is.

use alloc::vec::Vec;

use crate::batch::{Batch, Output};
use crate::bytes::{Reader, Writer};
use crate::figures::Figures;
use crate::setup::Setup;
use crate::stop::Stop;

/// Says of each row to which cell it belongs and what it adds; the host does the rest. Declared as `kind = "mapper"`, made a
/// module by [`mapper!`](crate::mapper).
pub trait Mapper: Sized {
    /// How many measures are declared.
    const MEASURES: usize;

    /// Starts from the parameters.
    ///
    /// # Errors
    /// As the algorithm finds.
    fn new(setup: &Setup<'_>) -> Result<Self, Stop>;

    /// Maps some rows. Whatever it does for a row must not depend on another: the host may hand rows over again, alone.
    ///
    /// # Errors
    /// As the algorithm finds.
    fn map(&mut self, batch: &Batch<'_>, output: &mut Output<'_>) -> Result<(), Stop>;
}

/// A mapper that derives tables from what is released.
pub trait Derive: Mapper {
    /// Returns the declared tables, one after the other, row by row; [`MISSING`] where there is no number.
    ///
    /// # Errors
    /// As the algorithm finds.
    fn derive(&self, figures: &Figures<'_>) -> Result<Vec<f64>, Stop>;
}

/// Sees rows and gives tables of its own. Declared as `kind = "aggregate"`, made a module by
/// [`aggregate!`](crate::aggregate).
pub trait Aggregate: Sized {
    /// Starts from the parameters, and what the last pass left.
    ///
    /// # Errors
    /// As the algorithm finds.
    fn new(setup: &Setup<'_>) -> Result<Self, Stop>;

    /// Takes some rows.
    ///
    /// # Errors
    /// As the algorithm finds.
    fn update(&mut self, batch: &Batch<'_>) -> Result<(), Stop>;

    /// Ends a pass over the data.
    ///
    /// # Errors
    /// As the algorithm finds.
    fn finish(&mut self) -> Result<Outcome, Stop>;
}

/// An aggregate that sees partitions of the data apart from each other.
pub trait Merge: Aggregate {
    /// Writes what stands for all that was seen.
    fn state(&self, state: &mut Writer);

    /// Takes what stands for a partition.
    ///
    /// # Errors
    /// [`Stop::STATE`]: it is nothing that [`Merge::state`] writes.
    fn merge(&mut self, state: &mut Reader<'_>) -> Result<(), Stop>;
}

/// Stands where a table has no number.
pub const MISSING: f64 = f64::NAN;

/// What a pass over the data ends with.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The declared tables, one after the other, row by row; [`MISSING`] where there is no number.
    Tables(Vec<f64>),
    /// Bytes for another pass ([`Setup::carry`]).
    Carry(Vec<u8>),
}

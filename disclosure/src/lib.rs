//! Statistical disclosure control: what a table of results must satisfy before it leaves, whoever computed it.

mod budget;
mod cell;
mod check;
mod cover;
mod flow;
mod graph;
pub mod noise;
mod pattern;
mod ratio;
mod release;
mod rules;
mod table;
#[cfg(test)]
mod testing;
mod verdict;

pub use budget::{Budget, BudgetError};
pub use cell::{Cell, Entry, Sum};
pub use check::{CheckError, check};
pub use pattern::{Pattern, PatternError, Suppressor, Union};
pub use ratio::{Amount, NotADecimal, Ratio};
pub use release::{Deviations, Figures, NoisyCell, Release};
pub use rules::{Dominance, MAX_LARGEST, Mechanism, NoiseRule, Policy, PolicyError, round};
pub use table::{Levels, MAX_CELLS, Place, Shape, ShapeError};
pub use verdict::{Reason, Verdict};

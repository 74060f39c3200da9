//! Statistical disclosure control: what a table of results must satisfy before it leaves, whoever computed it.

mod budget;
pub mod noise;
mod ratio;
mod rules;
mod table;

pub use budget::{Budget, BudgetError};
pub use ratio::{Amount, NotADecimal, Ratio};
pub use rules::{Dominance, MAX_LARGEST, Mechanism, NoiseRule, Policy, PolicyError, round};
pub use table::{Levels, MAX_CELLS, Place, Shape, ShapeError};

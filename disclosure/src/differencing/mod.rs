//! Automatic differencing: a new release beside every earlier one of the same dataset.
//!
//! Two tables, each safe alone, can be subtracted from each other where they are about nearly the same units. So of every
//! release the code of the cell that each unit fell in is kept ([`CodeColumn`]), with its released places
//! ([`ReleasedPlaces`]). For a new one, a pass over new and earlier codes counts the units of each pair of cells
//! ([`Refinement`]; [`align()`] first, where the dataset has changed); [`crate::check_differenced`] looks at the pairs
//! ([`Earlier`]), and suppresses until nothing is left to subtract.
//!
//! # Rule
//! *Known sums* of a release are its released places, those that follow linearly from them, and what remains of every
//! known sum of a line without the known terms of it. The attacker holds both releases, knows which cells share units,
//! and takes up to 3 known sums of each release, adding some and subtracting others. What results tells about the
//! units that do not cancel. A place is refused ([`crate::Reason::Differencing`]) while some such combination tells about
//! at least 1 and fewer than the minimum of units, t. Special cases, with places A now and B then:
//! - B holds all units of A but 1 to t - 1, or the other way round: nested sets.
//! - Neither holds the other, and 1 to t - 1 units are in one of them only.
//! - The intersection of A and B is itself a known sum of the release that A or B is not of: nested sets again.
//! - A is, but for 1 to t - 1 units, the union of up to 3 disjoint places of the earlier release, or a place without up
//!   to 2 others; or a union of up to 3 places now is one then.
//!
//! Of a combination the cheapest place is suppressed, cells before margins; complementary suppression and the interval
//! audit are then done again, and the search too, until nothing is found. A sum that the earlier release has told over the
//! same units is never refused alone, since it tells nothing more.
//!
//! # Why the search is complete
//! Where no small block of the refinement lies between components that larger blocks connect, no combination of any
//! number of sums tells about fewer than t units, and nothing is searched; that is the rule for tables over large
//! datasets. Elsewhere a sum that tells about a block of t units or more needs another one that contains the block, and a
//! cell is in few sums. So all combinations are followed, in a bounded number of steps; where the bound is
//! reached, [`Warning::Unsearched`] says so.
//!
//! # Limits
//! - Small blocks that only longer combinations could isolate, searches that ended early, and small blocks of a new release
//!   with two earlier ones together ([`JointRefinement`]) are a [`Warning`] for a reviewer, no refusal.
//! - What a single release tells is the matter of its own check, at its time; what is out cannot be taken back.
//! - Differences are counted in rows of the columns. They are units where a column has one row for each unit; a unit of
//!   several rows, in several cells or in a cell of one release with more rows than in the other, is more than one.
//! - Codes and figures of a release are made by one pass of the caller; that they are of the same table is not checked.
//! - All releases count as if they were about the same variable, and rounding as no protection: too much is refused
//!   rather than too little. Releases with noise are left out, for theirs is a matter of the budget.
//! - That a place was refused tells that few units make a difference. Who may not know that is told no reasons.
//!
//! # Source
//! Hundepool et al., "Statistical Disclosure Control", Wiley 2012, chapters 4 and 5 on linked tables.
//! Attacks by one row dropped or doubled: DataSHIELD, dsBase issue 251; by one row times a column: issue 250.

mod align;
mod column;
mod contrast;
mod guard;
mod joint;
mod refinement;
mod search;

pub use align::{UnitOrderError, align};
pub use column::{CodeColumn, ColumnError};
pub(crate) use guard::Guard;
pub use guard::{Earlier, EarlierError, ReleasedPlaces, Warning};
pub use joint::JointRefinement;
pub use refinement::{MAX_ROWS, OUTSIDE, Refinement, RefinementError};

#[cfg(test)]
mod tests;

//! Statistics over all records of many parties, each of which adds up its own table: the vector that goes into the
//! protocol, and from the totals to tables that may leave.
//!
//! The vector holds, for each grid, one after the other:
//!
//! | words | each party's | the total |
//! |---|---|---|
//! | one for every place asked for, but not with noise | 1 if it has records there, otherwise 0 | contributors |
//! | for every cell its measures: the count, sums, sums of squares | what its records add up to | the same of all |
//!
//! Everything is an integer in units of the last digit, squares too (of distances from the middle of the range), so
//! totals are exact; means and variances are computed of them and rounded once. Nothing depends on the order of rows or
//! on the number of threads. With noise every measure of every cell carries the party's share of it, cut off where the
//! tail is of no account. A vector of named cells ([`VectorPlan`]) is laid out likewise, without counts and margins.
//!
//! | check | what is checked | error |
//! |---|---|---|
//! | SUM-1 | there is a total for every word | [`SumError::Length`] |
//! | SUM-2 | the totals hold enough parties, and no more than there are | [`SumError::Survivors`] |
//! | SUM-3 | every total is one that tables within the bounds can have | [`SumError::Inconsistent`] |
//! | SUM-4 | tables of the same records agree with each other | [`SumError::Disagreement`] |

mod contribution;
mod error;
mod noise;
mod plan;
mod release;
mod vector;

pub use contribution::Contribution;
pub use error::SumError;
pub use noise::SumNoise;
pub use plan::{ALL_PARTIES, SumPlan};
pub use release::SumResult;
pub use vector::{VectorContribution, VectorPlan};

#[cfg(test)]
mod tests;

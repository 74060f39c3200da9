//! Differencing.

mod refinement;

pub use refinement::{MAX_ROWS, OUTSIDE, Refinement, RefinementError};

//! Statistical disclosure control: what a table of results must satisfy before it leaves, whoever computed it.
//!
//! | rule | where | protects against | source |
//! |---|---|---|---|
//! | minimum count | [`Policy::minimum_count`] | figures about so few units that one is recognized | Hundepool et al. 2012, §4.2 |
//! | (n, k) dominance | [`Policy::dominance`] | a sum that tells about its largest contributors | Hundepool et al. 2012, §4.2.1 |
//! | p% | [`Policy::p_percent`] | the second largest contributor, who subtracts its own part | Hundepool et al. 2012, §4.2.1 |
//! | class disclosure | [`Policy::class_disclosure`] | a whole group of which one thing becomes known | Hundepool et al. 2012, §4.2 |
//! | degrees of freedom | [`Policy::degrees_of_freedom`] | a model that repeats its units | Brandt et al. 2010, output guidelines |
//! | complementary suppression | [`check()`], [`Suppressor`] | subtracting what is released from a margin | Gusfield 1988; Cox 1980 |
//! | remainders of lines | [`check()`], [`Suppressor`] | two small cells whose sum is small too | Hundepool et al. 2012, §4.4 |
//! | differencing | [`check_differenced`], [`differencing`] | subtracting two releases from each other | Hundepool et al. 2012, ch. 4 |
//! | interval audit | [`check()`] | bounds that counts of at least zero put on each other | Gusfield 1988; Fischetti and Salazar 2001 |
//! | reasons kept back | [`check()`] | "small" and "not small" as one more equation | [`Reason::Undisclosed`] |
//! | rounding | [`Policy::round_to`], [`round`] | exact figures and exact differences, no more | Hundepool et al. 2012, §5.4 |
//! | noise | [`Policy::noise`], [`noise`] | whoever knows everything but one unit | Dwork et al. 2006; Canonne, Kamath, Steinke 2020 |
//! | noise in shares | [`noise::Share`] | the same, where no party may know the noise of a total | Kairouz, Liu, Steinke 2021 |
//! | sample and aggregate | [`sample_and_aggregate`] | code that nobody trusts | Nissim, Raskhodnikova, Smith 2007 |
//! | significant digits | [`Significant`] | what is written into the last bits of a number | [`leak_bits`] |
//! | budget | [`Budget`] | many releases with noise | Dwork and Roth 2014, §3.5 |
//!
//! Sources: A. Hundepool et al., "Statistical Disclosure Control", Wiley 2012. D. Gusfield, "A Graph Theoretic Approach to
//! Statistical Data Security", SIAM J. Comput. 17(3), 1988. L. H. Cox, "Suppression Methodology and
//! Statistical Disclosure Control", JASA 75, 1980. M. Fischetti and J. J. Salazar, "Solving the Cell Suppression
//! Problem on Tabular Data with Linear Constraints", Management Science 47(7), 2001. C. Dwork et al., "Calibrating Noise to
//! Sensitivity in Private Data Analysis", TCC 2006. C. Dwork and A. Roth, "The Algorithmic Foundations of
//! Differential Privacy", 2014. C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential Privacy",
//! NeurIPS 2020. P. Kairouz, Z. Liu, T. Steinke, "The Distributed Discrete Gaussian Mechanism for Federated Learning with
//! Secure Aggregation", ICML 2021. K. Nissim, S. Raskhodnikova, A. Smith, "Smooth Sensitivity and Sampling in Private Data
//! Analysis", STOC 2007. M. Brandt et al., "Guidelines for the Checking of Output Based on Microdata Research", ESSnet SDC, 2010.
//!
//! # Three ways to a release
//! - Values are open to the one who checks them: [`check()`].
//! - Nobody may see a count that is not released: [`Suppressor`] asks whether unions of cells reach the minimum, both sides
//!   get the same [`Pattern`] and open what it releases; [`Release::received`] checks what came.
//! - Values carry noise: [`Release::noisy`].
//!
//! Every way ends in a [`Release`], which has no other constructor.
//!
//! Numbers of code that nobody trusts leave as a [`NoisyTable`], averaged over blocks with noise, or as a
//! [`ReviewedTable`], cut to a few digits and looked at by people; [`leak_bits`] bounds what a release can tell.
//!
//! # What no rule here does
//! Only [`check_differenced`] looks at more than one table. Where codes of units are not at hand, as under protocols, two
//! tables about nearly the same units can be subtracted from each other; against that there are the number of runs of
//! an agreement, and noise with a budget.
//!
//! # Examples
//! ```
//! use tidegate_disclosure::{Cell, Entry, Levels, Place, Policy, Reason, Shape, Sum, Verdict, check};
//!
//! let policy = Policy { p_percent: Some(10), ..Policy::with_minimum(5) };
//! let shape = Shape::new(4, 1)?;
//! let levels = Levels { cells: true, total: true, ..Levels::default() };
//! let entry = |count, total, largest: [u64; 2]| {
//!     Entry::Known(Cell { count, sums: vec![Sum { total, largest: largest.to_vec() }] })
//! };
//! let entries = [
//!     entry(3, 120, [60, 50]),
//!     entry(40, 5000, [300, 280]),
//!     entry(55, 6100, [310, 290]),
//!     entry(60, 7000, [350, 300]),
//!     entry(158, 18220, [350, 310]),
//! ];
//! let release = check(shape, levels, &entries, &policy)?;
//! assert_eq!(release.verdict(Place::cell(0, 0)), Verdict::Suppressed(Reason::SmallCount));
//! // Without it the total would give the first cell away.
//! assert_eq!(release.verdict(Place::cell(1, 0)), Verdict::Suppressed(Reason::Complementary));
//! assert_eq!(release.figures(Place::TOTAL).map(|figures| figures.count), Some(158));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blocks;
mod budget;
mod cell;
mod check;
mod cover;
pub mod differencing;
mod flow;
mod graph;
mod leak;
pub mod noise;
mod pack;
mod pattern;
mod ratio;
mod release;
mod review;
mod rules;
mod significant;
mod table;
#[cfg(test)]
mod testing;
mod verdict;

pub use blocks::{
    BlocksError, MAX_BLOCKS, MAX_NUMBERS, NoisyNumber, NoisyTable, NumberRange, STEPS, sample_and_aggregate,
};
pub use budget::{Budget, BudgetError};
pub use cell::{Cell, Entry, Sum};
pub use check::{CheckError, Contributors, Differenced, check, check_contributed, check_differenced};
pub use leak::{leak_bits, rounded_levels};
pub use pack::{RulePack, RulePackError};
pub use pattern::{Pattern, PatternError, Suppressor, Union};
pub use ratio::{Amount, NotADecimal, Ratio};
pub use release::{Deviations, Figures, NoisyCell, Release};
pub use review::{Basis, ReviewError, ReviewedTable, review};
pub use rules::{
    Axis, ClassRule, Dominance, MAX_LARGEST, Mechanism, ModelRule, NoiseRule, Policy, PolicyError, round,
};
pub use significant::{MAX_SIGNIFICANT, Significant, SignificantError};
pub use table::{Levels, MAX_CELLS, Place, Shape, ShapeError};
pub use verdict::{Reason, Verdict};

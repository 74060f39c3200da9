//! Sample and aggregate: results of arbitrary code with differential privacy.
//!
//! The units of a dataset are split into k disjoint blocks by a rule that looks at nothing but their names, and the code
//! runs on each block by itself. Its numbers are clamped into declared ranges and averaged over the blocks, and noise is added.
//! One unit is in one block, so it changes one result of k, however the code was written; a code that writes a record
//! into its result writes it into one of k.
//!
//! # Privacy
//! A clamped result is quantised to q of [`STEPS`] + 1 values of its range. The sum of q over the blocks is an integer
//! that one unit changes by at most [`STEPS`], whether it is added, taken away or altered. Noise for this
//! sensitivity is exact ([`crate::noise::Scale`]), and what follows is post-processing. The m numbers of a table share
//! epsilon and delta equally, rounded down to 10^-12, so that all together cost what the rule says (Dwork and Roth,
//! theorem 3.16).
//!
//! # What the caller ensures
//! - A unit is in one block, chosen without looking at data; k is not chosen by looking at data.
//! - Code keeps nothing between blocks: every block has an instance of its own.
//! - Ranges are declared, not taken from data. A range that is too wide costs accuracy, one that is too narrow biases.
//! - The budget is spent before ([`crate::Budget::spend_rule`] with one figure).
//!
//! # Cost
//! The deviation of a number is about sqrt(2) m (high - low) / (k epsilon), besides what a block's smaller sample
//! makes the code miss.
//!
//! # Source
//! K. Nissim, S. Raskhodnikova, A. Smith, "Smooth Sensitivity and Sampling in Private Data Analysis", STOC 2007, §4.
//! P. Mohan, A. Thakurta, E. Shi, D. Song, D. Culler, "GUPT: Privacy Preserving Data Analysis Made Easy", SIGMOD
//! 2012, algorithm 1: the average of clamped results, here over integers. GUPT estimates ranges privately too; here they
//! are declared.

use rand_core::CryptoRng;
use serde::Serialize;

use crate::noise::{NoiseError, Scale};
use crate::rules::NoiseRule;

/// Values of a range beyond its lowest.
pub const STEPS: u64 = 1 << 30;

/// Most blocks.
pub const MAX_BLOCKS: usize = 1 << 20;

/// Most numbers of a block.
pub const MAX_NUMBERS: usize = 4096;

/// Largest magnitude of the ends of a range.
const MAX_MAGNITUDE: f64 = 1e100;

/// Where a number is declared to lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NumberRange {
    low: f64,
    high: f64,
}

/// Averages of block results, with noise. Only [`sample_and_aggregate`] makes one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoisyTable {
    blocks: usize,
    noise: NoiseRule,
    numbers: Vec<NoisyNumber>,
}

/// A number of a [`NoisyTable`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NoisyNumber {
    /// The average with its noise; it may lie outside the range.
    pub value: f64,
    /// The standard deviation of the noise.
    pub deviation: f64,
}

/// Why there is no table.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BlocksError {
    /// A range is empty, not finite or too wide.
    #[error("a range from {low} to {high}; it has a low end below its high end, both within 10^100 of zero")]
    Range {
        /// The low end.
        low: f64,
        /// The high end.
        high: f64,
    },
    /// There are too few or too many blocks.
    #[error("{found} blocks; there are between 2 and {MAX_BLOCKS}")]
    Blocks {
        /// The blocks.
        found: usize,
    },
    /// There are no ranges or too many.
    #[error("{found} numbers of a block; there are between 1 and {MAX_NUMBERS}")]
    Numbers {
        /// The ranges.
        found: usize,
    },
    /// A block has another number of results.
    #[error("block {index} has {found} numbers; {expected} are declared")]
    Block {
        /// Its index.
        index: usize,
        /// Its numbers.
        found: usize,
        /// The ranges.
        expected: usize,
    },
    /// Epsilon or delta cannot be shared among so many numbers.
    #[error("epsilon or delta is below 10^-12 for each of {numbers} numbers")]
    TooManyShares {
        /// The numbers.
        numbers: usize,
    },
    /// There is no noise for the rule.
    #[error(transparent)]
    Noise(#[from] NoiseError),
}

impl NumberRange {
    /// Checks both ends.
    ///
    /// # Errors
    /// [`BlocksError::Range`].
    pub fn new(low: f64, high: f64) -> Result<Self, BlocksError> {
        let is_near = |end: f64| end.abs() <= MAX_MAGNITUDE;
        // A range within rounding of nothing would have no values between its ends.
        let is_wide = (high - low) / low.abs().max(high.abs()) > f64::EPSILON;
        let range = Self { low, high };
        if is_near(low) && is_near(high) && is_wide {
            Ok(range)
        } else {
            Err(BlocksError::Range { low, high })
        }
    }

    /// Returns how many steps above the low end a clamped result lies; half of all for one that is missing.
    fn steps(&self, result: f64) -> u64 {
        if result.is_nan() {
            return STEPS / 2;
        }
        let part = ((result.clamp(self.low, self.high) - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        whole(part * STEPS as f64).min(STEPS)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is between 0 and 2^30")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// Averages the numbers of disjoint blocks, and adds the noise of a rule that holds for the whole table.
///
/// `blocks`: the results of each block, one for each of `ranges`; what is not a number counts as the middle of
/// its range.
///
/// # Errors
/// [`BlocksError`].
///
/// # Security
/// The generator must be one that nobody can predict. Refusals depend on the number of results alone.
///
/// # Examples
/// ```
/// use chacha20::ChaCha20Rng;
/// use rand_core::SeedableRng;
/// use tidegate_disclosure::{Mechanism, NoiseRule, NumberRange, sample_and_aggregate};
///
/// let rule = NoiseRule { mechanism: Mechanism::DiscreteLaplace, epsilon: "1".parse()?, delta: None };
/// let ranges = [NumberRange::new(0.0, 100.0)?];
/// let mut blocks = vec![vec![40.0]; 1000];
/// // Code that gives a record away does so in one block, where it is clamped.
/// blocks[17] = vec![1e9];
/// let table = sample_and_aggregate(&blocks, &ranges, &rule, &mut ChaCha20Rng::seed_from_u64(1))?;
/// let number = table.numbers()[0];
/// assert!((number.value - 40.0).abs() < 2.0 && number.deviation < 0.2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sample_and_aggregate<R: CryptoRng + ?Sized>(
    blocks: &[Vec<f64>],
    ranges: &[NumberRange],
    rule: &NoiseRule,
    rng: &mut R,
) -> Result<NoisyTable, BlocksError> {
    check_sizes(blocks, ranges)?;
    let scale = Scale::of(&share(rule, ranges.len())?, STEPS)?;
    let mut number = |(index, range): (usize, &NumberRange)| {
        let results = blocks.iter().filter_map(|block| block.get(index));
        let sum: u64 = results.map(|&result| range.steps(result)).sum();
        let noisy = i128::from(sum) + scale.sample(rng);
        let unit = (range.high - range.low) / (blocks.len() as f64 * STEPS as f64);
        NoisyNumber { value: range.low + noisy as f64 * unit, deviation: scale.standard_deviation() * unit }
    };
    let numbers = ranges.iter().enumerate().map(&mut number).collect();
    Ok(NoisyTable { blocks: blocks.len(), noise: *rule, numbers })
}

impl NoisyTable {
    /// Returns the numbers, in the order of their ranges.
    pub fn numbers(&self) -> &[NoisyNumber] {
        &self.numbers
    }

    /// Returns how many blocks there were.
    pub fn blocks_len(&self) -> usize {
        self.blocks
    }

    /// Returns the rule that holds for the whole table.
    pub fn noise(&self) -> &NoiseRule {
        &self.noise
    }
}

fn check_sizes(blocks: &[Vec<f64>], ranges: &[NumberRange]) -> Result<(), BlocksError> {
    if !(2..=MAX_BLOCKS).contains(&blocks.len()) {
        return Err(BlocksError::Blocks { found: blocks.len() });
    }
    if !(1..=MAX_NUMBERS).contains(&ranges.len()) {
        return Err(BlocksError::Numbers { found: ranges.len() });
    }
    let expected = ranges.len();
    let uneven = blocks.iter().enumerate().find(|(_, block)| block.len() != expected);
    uneven.map_or(Ok(()), |(index, block)| Err(BlocksError::Block { index, found: block.len(), expected }))
}

/// Returns the part of a rule that each of so many numbers may spend.
fn share(rule: &NoiseRule, numbers: usize) -> Result<NoiseRule, BlocksError> {
    let error = BlocksError::TooManyShares { numbers };
    let part = |whole: crate::Ratio| whole.divided(numbers as u64).ok_or(error.clone());
    let delta = rule.delta.map(part).transpose()?;
    Ok(NoiseRule { mechanism: rule.mechanism, epsilon: part(rule.epsilon)?, delta })
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha20Rng;
    use proptest::prelude::*;
    use rand_core::SeedableRng;

    use super::*;
    use crate::rules::Mechanism;

    fn laplace(epsilon: &str) -> NoiseRule {
        NoiseRule { mechanism: Mechanism::DiscreteLaplace, epsilon: epsilon.parse().unwrap(), delta: None }
    }

    fn range(low: f64, high: f64) -> NumberRange {
        NumberRange::new(low, high).unwrap()
    }

    proptest! {
        #[test]
        fn any_result_is_a_step_of_its_range(bits in any::<u64>(), low in -1e9..1e9_f64, width in 1e-3..1e9_f64) {
            let (range, result) = (range(low, low + width), f64::from_bits(bits));
            let steps = range.steps(result);
            prop_assert!(steps <= STEPS);
            let back = range.low + steps as f64 / STEPS as f64 * (range.high - range.low);
            let expected = if result.is_nan() { (range.low + range.high) / 2.0 } else { result.clamp(range.low, range.high) };
            prop_assert!((back - expected).abs() <= width / 1e8 + expected.abs() / 1e12);
        }
    }

    #[test]
    fn noise_is_as_wide_as_is_said() {
        let (ranges, blocks) = ([range(-10.0, 30.0), range(0.0, 1.0)], vec![vec![5.0, 0.25]; 50]);
        let gaussian = NoiseRule {
            mechanism: Mechanism::DiscreteGaussian,
            delta: Some("0.000001".parse().unwrap()),
            ..laplace("2")
        };
        for rule in [laplace("0.5"), gaussian] {
            let mut rng = ChaCha20Rng::seed_from_u64(3);
            let tables: Vec<_> =
                (0..2000).map(|_| sample_and_aggregate(&blocks, &ranges, &rule, &mut rng).unwrap()).collect();
            for (index, mean) in [5.0, 0.25].into_iter().enumerate() {
                let numbers = tables.iter().map(|table| table.numbers()[index]);
                let deviation = tables[0].numbers()[index].deviation;
                let off: Vec<_> = numbers.map(|number| number.value - mean).collect();
                let found = (off.iter().map(|off| off * off).sum::<f64>() / 2000.0).sqrt();
                assert!((found / deviation - 1.0).abs() < 0.1, "{found} and {deviation}");
                assert!((off.iter().sum::<f64>() / 2000.0).abs() < deviation / 8.0);
            }
        }
    }

    #[test]
    fn numbers_share_epsilon() {
        let deviation = |numbers: usize, epsilon: &str| {
            let ranges = vec![range(0.0, 1.0); numbers];
            let blocks = vec![vec![0.5; numbers]; 10];
            let mut rng = ChaCha20Rng::seed_from_u64(4);
            sample_and_aggregate(&blocks, &ranges, &laplace(epsilon), &mut rng).unwrap().numbers()[0]
                .deviation
        };
        assert_eq!(deviation(1, "0.25"), deviation(4, "1"));
        assert!(deviation(3, "1") >= deviation(1, "0.333333333333"));
        // sqrt(2) (high - low) / (k epsilon).
        assert!((deviation(1, "1") - 0.1 * 2_f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn bad_blocks_are_refused() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let ranges = [range(0.0, 1.0)];
        let mut refused = |blocks: &[Vec<f64>], ranges: &[NumberRange], epsilon: &str| {
            sample_and_aggregate(blocks, ranges, &laplace(epsilon), &mut rng).unwrap_err()
        };
        assert_eq!(refused(&[vec![0.0]], &ranges, "1"), BlocksError::Blocks { found: 1 });
        assert_eq!(refused(&[vec![], vec![]], &[], "1"), BlocksError::Numbers { found: 0 });
        let uneven = refused(&[vec![0.0], vec![0.0, 1.0]], &ranges, "1");
        assert_eq!(uneven, BlocksError::Block { index: 1, found: 2, expected: 1 });
        let many = refused(&vec![vec![0.0; 2]; 2], &[ranges[0]; 2], "0.000000000001");
        assert_eq!(many, BlocksError::TooManyShares { numbers: 2 });
        for (low, high) in
            [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (-1e101, 0.0), (0.0, 0.0)]
        {
            assert!(NumberRange::new(low, high).is_err(), "{low} to {high}");
        }
    }
}

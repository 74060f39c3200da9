//! What rows add up to, in whole numbers.

use normal_equations::{Symmetric, Vector, MAX_UNKNOWNS};
use tidegate_guest::math::{exponential, logarithm};
use tidegate_guest::{Reader, Stop, Writer};

/// What a sum is counted in.
const UNITS: f64 = (1u64 << 40) as f64;

/// Entries of a symmetric matrix on and below its diagonal.
const ENTRIES: usize = MAX_UNKNOWNS * (MAX_UNKNOWNS + 1) / 2;

/// Most rows of a block: 2^16 of them, at most 2^40 units each, stay far below 2^63.
const BLOCK_ROWS: u32 = 1 << 16;

/// Sums over a few rows, in half the width and so in half the time.
#[derive(Debug)]
struct Block {
    rows: u32,
    gradient: [i64; MAX_UNKNOWNS],
    information: [i64; ENTRIES],
}

/// Sums over rows, at given coefficients.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sums {
    observations: u64,
    positives: u64,
    /// Logarithm of the likelihood.
    likelihood: i128,
    gradient: [i128; MAX_UNKNOWNS],
    /// Second derivatives, negated; row by row up to the diagonal.
    information: [i128; ENTRIES],
}

impl Sums {
    pub(crate) fn none() -> Self {
        Self {
            observations: 0,
            positives: 0,
            likelihood: 0,
            gradient: [0; MAX_UNKNOWNS],
            information: [0; ENTRIES],
        }
    }

    /// Adds rows: covariates from 0 to 1 behind a 1, and whether they have the outcome.
    pub(crate) fn add(&mut self, rows: impl Iterator<Item = (Vector, bool)>, coefficients: &Vector) {
        let mut block = Block::none();
        for (scaled, outcome) in rows {
            if block.rows == BLOCK_ROWS {
                self.close(&block);
                block = Block::none();
            }
            self.positives += u64::from(outcome);
            self.likelihood += i128::from(block.add(&scaled, outcome, coefficients));
        }
        self.close(&block);
    }

    fn close(&mut self, block: &Block) {
        self.observations += u64::from(block.rows);
        let sums = self.gradient.iter_mut().chain(&mut self.information);
        for (sum, part) in sums.zip(block.gradient.iter().chain(&block.information)) {
            *sum += i128::from(*part);
        }
    }

    pub(crate) fn write(&self, state: &mut Writer) {
        state.integer(self.observations).integer(self.positives);
        for sum in core::iter::once(&self.likelihood).chain(&self.gradient).chain(&self.information) {
            let (low, high) = halves(*sum);
            state.integer(low).integer(high);
        }
    }

    pub(crate) fn merge(&mut self, state: &mut Reader<'_>) -> Result<(), Stop> {
        let more = |count: u64, other: u64| count.checked_add(other).ok_or(Stop::STATE);
        self.observations = more(self.observations, state.integer()?)?;
        self.positives = more(self.positives, state.integer()?)?;
        let sums =
            core::iter::once(&mut self.likelihood).chain(&mut self.gradient).chain(&mut self.information);
        for sum in sums {
            let other = whole(state.integer()?, state.integer()?);
            *sum = sum.checked_add(other).ok_or(Stop::STATE)?;
        }
        Ok(())
    }

    /// Returns how many rows there are, and how many of them have the outcome.
    pub(crate) fn counts(&self) -> [f64; 2] {
        [self.observations, self.positives].map(|count| count as f64)
    }

    /// Returns the logarithm of the likelihood.
    pub(crate) fn likelihood(&self) -> f64 {
        number(self.likelihood)
    }

    pub(crate) fn gradient(&self) -> Vector {
        self.gradient.map(number)
    }

    pub(crate) fn information(&self) -> Symmetric {
        let mut matrix = Symmetric::new();
        let mut entries = self.information.iter();
        for row in 0..MAX_UNKNOWNS {
            for (column, entry) in (0..=row).zip(&mut entries) {
                matrix.set(row, column, number(*entry));
            }
        }
        matrix
    }

    /// Returns the deviance of the model that has an intercept alone.
    pub(crate) fn null_deviance(&self) -> f64 {
        let [observations, positives] = self.counts();
        let part = |count: f64| if count > 0.0 { count * logarithm(count / observations) } else { 0.0 };
        -2.0 * (part(positives) + part(observations - positives))
    }
}

impl Block {
    fn none() -> Self {
        Self { rows: 0, gradient: [0; MAX_UNKNOWNS], information: [0; ENTRIES] }
    }

    /// Adds a row, and returns what it adds to the logarithm of the likelihood.
    fn add(&mut self, scaled: &Vector, outcome: bool, coefficients: &Vector) -> i64 {
        let predictor: f64 =
            scaled.iter().zip(coefficients).map(|(value, coefficient)| value * coefficient).sum();
        let (probability, likelihood) = probability(if outcome { predictor } else { -predictor });
        // Of the outcome that the row has: what is left to 1 is what the row pulls with.
        let pull = if outcome { 1.0 - probability } else { probability - 1.0 };
        let weight = probability * (1.0 - probability);
        self.rows += 1;
        let mut entries = self.information.iter_mut();
        for ((row, value), gradient) in scaled.iter().enumerate().zip(&mut self.gradient) {
            *gradient += units(pull * value);
            let weighted = weight * value;
            for (other, entry) in scaled.iter().take(row + 1).zip(&mut entries) {
                *entry += units(weighted * other);
            }
        }
        units(likelihood)
    }
}

/// Returns 1 / (1 + e^-predictor), and its logarithm.
fn probability(predictor: f64) -> (f64, f64) {
    if predictor > 0.0 {
        let odds = exponential(-predictor);
        (1.0 / (1.0 + odds), -logarithm(1.0 + odds))
    } else {
        let odds = exponential(predictor);
        (odds / (1.0 + odds), predictor - logarithm(1.0 + odds))
    }
}

/// Returns a number in units, toward zero; at most 2^63 of them.
#[allow(clippy::cast_possible_truncation, reason = "that is what it does, and it saturates")]
fn units(value: f64) -> i64 {
    (value * UNITS) as i64
}

#[allow(clippy::cast_precision_loss, reason = "this is the rounding")]
fn number(units: i128) -> f64 {
    units as f64 / UNITS
}

fn halves(value: i128) -> (u64, u64) {
    let bytes = value.to_le_bytes();
    let half = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
    let (low, high) = bytes.split_at(8);
    (half(low), half(high))
}

fn whole(low: u64, high: u64) -> i128 {
    i128::from_le_bytes((u128::from(high) << 64 | u128::from(low)).to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_make_a_whole() {
        for value in [0, 1, -1, i128::MAX, i128::MIN, -(1 << 70) + 5] {
            let (low, high) = halves(value);
            assert_eq!(whole(low, high), value);
        }
    }

    #[test]
    fn probabilities_at_the_ends() {
        assert_eq!(probability(0.0).0, 0.5);
        assert!((probability(0.0).1 + std::f64::consts::LN_2).abs() < 1e-15);
        assert_eq!(probability(1000.0), (1.0, 0.0));
        assert_eq!(probability(-1000.0), (0.0, -1000.0));
    }

    #[test]
    fn a_state_beyond_all_sums_is_refused() {
        let mut sums = Sums::none();
        sums.add([([1.0; 5], true)].into_iter(), &[0.0; 5]);
        let mut writer = Writer::new();
        (0..2 + 2 * (1 + MAX_UNKNOWNS + ENTRIES)).for_each(|_| {
            writer.integer(u64::MAX);
        });
        let bytes = writer.into_bytes();
        assert_eq!(sums.merge(&mut Reader::new(&bytes)), Err(Stop::STATE));
        assert_eq!(Sums::none().merge(&mut Reader::new(&bytes[8..])), Err(Stop::STATE));
    }
}

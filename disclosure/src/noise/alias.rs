//! A table that draws one of 512 outcomes in constant time, with probabilities that are multiples of 2^-120.
//!
//! # Source
//! A. J. Walker, "An Efficient Method for Generating Discrete Random Variables with General Distributions", ACM TOMS 3(3),
//! 1977; the construction in linear time is M. D. Vose's, IEEE Trans. Software Eng. 17(9), 1991. Both are exact where
//! the probabilities are integers, as here.

use rand_core::CryptoRng;

use super::fixed::POINT;

/// Bits that choose a column.
pub(super) const INDEX_BITS: u32 = 9;

/// Number of outcomes, and of columns.
pub(super) const LEN: usize = 1 << INDEX_BITS;

/// Bits of a draw within a column that come first; the rest is asked for only where they leave it open.
pub(super) const FIRST_BITS: u32 = 54;

/// Bits of a draw within a column that come second.
const SECOND_BITS: u32 = POINT - INDEX_BITS - FIRST_BITS;

/// What all probabilities of a column sum to.
const CAPACITY: u128 = 1 << (POINT - INDEX_BITS);

/// A column: below the threshold its own outcome, from there on the other one.
#[derive(Clone, Copy)]
struct Column {
    /// The first bits of the threshold, of up to `FIRST_BITS` and one, ..
    first: u64,
    /// .. and those behind them.
    second: u64,
    own: u32,
    other: u32,
}

impl Column {
    fn new(own: u32, other: u32, threshold: u128) -> Self {
        let low = threshold & ((1 << SECOND_BITS) - 1);
        // Both parts are shorter than 64 bits, since the threshold is at most 2^111.
        let [first, second] =
            [threshold >> SECOND_BITS, low].map(|part| u64::try_from(part).unwrap_or(u64::MAX));
        Self { first, second, own, other }
    }
}

/// The columns.
#[derive(Clone)]
pub(super) struct Alias {
    columns: Box<[Column]>,
}

impl Alias {
    /// Distributes probabilities in units of 2^-120, which sum to one, over the columns.
    pub(super) fn new(masses: &[u128; LEN]) -> Self {
        let mut columns: Box<[_]> = (0..).take(LEN).map(|own| Column::new(own, own, CAPACITY)).collect();
        let (mut small, mut large): (Vec<_>, Vec<_>) =
            (0_u32..).zip(masses.iter().copied()).partition(|&(_, mass)| mass < CAPACITY);
        // Whoever is left when one side is empty has exactly the capacity, for the sum is that of all columns.
        while let (Some((own, mass)), Some((other, rest))) = (small.pop(), large.pop()) {
            if let Some(column) = columns.get_mut(own as usize) {
                *column = Column::new(own, other, mass);
            }
            let rest = rest - (CAPACITY - mass);
            let side = if rest < CAPACITY { &mut small } else { &mut large };
            side.push((other, rest));
        }
        Self { columns }
    }

    /// Draws an outcome; `index` is uniform below [`LEN`], `first` below 2^[`FIRST_BITS`].
    #[inline]
    pub(super) fn draw<R: CryptoRng>(&self, index: usize, first: u64, rng: &mut R) -> Option<u32> {
        let column = self.columns.get(index)?;
        let is_own = match first.cmp(&column.first) {
            std::cmp::Ordering::Equal => rng.next_u64() >> (u64::BITS - SECOND_BITS) < column.second,
            order => order.is_lt(),
        };
        Some(if is_own { column.own } else { column.other })
    }

    /// Returns the probabilities that the columns give.
    #[cfg(test)]
    pub(super) fn masses(&self) -> Vec<u128> {
        let mut masses = vec![0; LEN];
        for column in &self.columns {
            let threshold = u128::from(column.first) << SECOND_BITS | u128::from(column.second);
            masses[column.own as usize] += threshold;
            masses[column.other as usize] += CAPACITY - threshold;
        }
        masses
    }
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;
    use crate::noise::fixed::ONE;
    use crate::noise::testing::{chi_square_fits, seeded};

    /// Probabilities proportional to the given weights, whose sum is a power of two of at most 2^20.
    fn masses(weights: &[u128]) -> [u128; LEN] {
        let unit = ONE / weights.iter().sum::<u128>();
        std::array::from_fn(|index| weights.get(index).map_or(0, |weight| weight * unit))
    }

    #[test]
    fn columns_hold_the_probabilities_exactly() {
        let uniform: Vec<_> = (0..512).map(|_| 1).collect();
        let steep: Vec<_> = (0..20).map(|shift| 1 << shift).chain([1]).collect();
        for weights in [&[1][..], &[1, 3], &uniform, &steep] {
            let masses = masses(weights);
            assert_eq!(Alias::new(&masses).masses(), masses);
        }
        let mut odd = masses(&uniform);
        (odd[0], odd[1], odd[511]) = (odd[0] - 1, odd[1] + 3, odd[511] - 2);
        assert_eq!(Alias::new(&odd).masses(), odd);
    }

    #[test]
    fn draws_follow_the_columns() {
        let alias = Alias::new(&masses(&[5, 1, 0, 10]));
        let (mut rng, mut second) = (seeded(50), seeded(51));
        let pmf = [5.0 / 16.0, 1.0 / 16.0, 0.0, 10.0 / 16.0];
        chi_square_fits(&pmf, 50_000, || {
            let word = rng.next_u64();
            let index = usize::try_from(word % 512).unwrap();
            alias.draw(index, word >> (64 - FIRST_BITS), &mut second).unwrap().into()
        });
        assert_eq!(alias.draw(LEN, 0, &mut second), None);
    }

    #[test]
    fn draws_at_a_threshold_are_decided_by_their_second_part() {
        // Column 0 keeps its own outcome for 5/8 of the draws whose first part is zero.
        let own = CAPACITY >> 55 | CAPACITY >> 57;
        let mut masses = [CAPACITY; LEN];
        (masses[0], masses[511]) = (own, 2 * CAPACITY - own);
        let alias = Alias::new(&masses);
        let mut rng = seeded(52);
        let kept = (0..40_000).filter(|_| alias.draw(0, 0, &mut rng) == Some(0)).count();
        // Within five deviations.
        assert!(kept.abs_diff(25_000) < 490, "{kept}");
        assert!((0..1000).all(|_| alias.draw(0, 1, &mut rng) == Some(511)));
    }
}

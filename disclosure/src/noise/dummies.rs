//! Dummy records: how many to add to a group so that its padded size hides one record.

use rand_core::CryptoRng;

use super::NoiseError;
use super::exact;
use super::logarithm::{POINT, ln_upper};
use crate::ratio::{Ratio, UNIT};

/// Most dummies that a group may need.
const MAX_MEAN: u128 = 1 << 32;

/// A double geometric distribution on 0 to 2t with its peak at t.
///
/// With r = exp(-epsilon), P(x) = A r^|x - t| and A = (1 - r) / (1 + r - 2 r^(t+1)). One record moves the padded
/// size by one. Where both shifted distributions have weight their ratio is at most exp(epsilon); the end
/// points, where one has none, weigh A r^t, which is the delta of the truncation.
///
/// t is the smallest integer with t >= ln(4)/epsilon and t >= ln(min(1, epsilon)/delta)/epsilon. By the first,
/// r^(t+1) <= r/4, so the denominator of A is at least 1 and A <= 1 - r <= min(1, epsilon); by the second,
/// A r^t <= delta. The logarithm is bounded from above in integers, so that all sides find the same t.
///
/// # Source
/// Case et al., "Interoperable Private Attribution", ePrint 2023/437, padding of the oblivious PRF; the distribution
/// is that of Ghosh, Roughgarden, Sundararajan, "Universally Utility-Maximizing Privacy Mechanisms", STOC 2009.
///
/// # Examples
/// ```
/// use tidegate_disclosure::noise::Dummies;
///
/// let dummies = Dummies::new(&"1".parse()?, &"0.000001".parse()?)?;
/// assert_eq!((dummies.mean(), dummies.most()), (14, 28));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dummies {
    epsilon: Ratio,
    mean: u64,
}

impl Dummies {
    /// Finds the distribution for sensitivity 1.
    ///
    /// # Errors
    /// [`NoiseError::Delta`] from 1 on; [`NoiseError::TooWide`] above 2^32 dummies in the mean.
    pub fn new(epsilon: &Ratio, delta: &Ratio) -> Result<Self, NoiseError> {
        if delta.units() >= UNIT {
            return Err(NoiseError::Delta { found: *delta });
        }
        let tail = ln_upper(epsilon.units().min(UNIT), delta.units()).max(ln_upper(4, 1));
        let mean = (tail * u128::from(UNIT)).div_ceil(u128::from(epsilon.units()) << POINT);
        match u64::try_from(mean) {
            Ok(mean) if u128::from(mean) <= MAX_MEAN => Ok(Self { epsilon: *epsilon, mean }),
            _ => Err(NoiseError::TooWide { max: 1 << 32 }),
        }
    }

    /// Returns the largest number of dummies, 2t.
    pub fn most(&self) -> u64 {
        2 * self.mean
    }

    /// Returns the mean number of dummies, t.
    pub fn mean(&self) -> u64 {
        self.mean
    }

    /// Samples a number of dummies.
    pub fn sample<R: CryptoRng + ?Sized>(&self, rng: &mut R) -> u64 {
        let (numerator, denominator) = (self.epsilon.denominator(), self.epsilon.numerator());
        loop {
            let offset = exact::laplace(u128::from(numerator), u128::from(denominator), rng);
            let dummies = i128::from(self.mean).saturating_add(offset);
            if let Some(dummies) = u64::try_from(dummies).ok().filter(|&d| d <= self.most()) {
                return dummies;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::testing::{chi_square_fits, seeded};

    /// The weight of the end points, by the formula.
    fn exact_delta(epsilon: f64, t: u64) -> f64 {
        let r = (-epsilon).exp();
        let power = (-epsilon * t as f64).exp();
        (1.0 - r) / (1.0 + r - 2.0 * power * r) * power
    }

    #[test]
    fn truncation_costs_at_most_delta_and_t_is_not_wasteful() {
        for (epsilon, delta) in
            [("0.1", "0.000001"), ("1", "0.000000001"), ("5", "0.01"), ("0.01", "0.4"), ("2", "0.9")]
        {
            let dummies = Dummies::new(&epsilon.parse().unwrap(), &delta.parse().unwrap()).unwrap();
            let (e, d): (f64, f64) = (epsilon.parse().unwrap(), delta.parse().unwrap());
            assert!(exact_delta(e, dummies.mean()) <= d, "{epsilon} {delta}");
            let slack = (1_u32..).find(|&slack| f64::from(slack) * e > 4.0_f64.ln()).unwrap();
            let shorter = dummies.mean().checked_sub(u64::from(slack) + 1);
            assert!(shorter.is_none_or(|t| exact_delta(e, t) > d), "{epsilon} {delta}");
        }
    }

    #[test]
    fn samples_follow_the_truncated_distribution() {
        let dummies = Dummies::new(&"0.7".parse().unwrap(), &"0.01".parse().unwrap()).unwrap();
        let t = i32::try_from(dummies.mean()).unwrap();
        let weight = |x: i32| (-0.7 * f64::from((x - t).abs())).exp();
        let all: f64 = (0..=2 * t).map(weight).sum();
        let pmf: Vec<_> = (0..=2 * t).map(|x| weight(x) / all).collect();
        let mut rng = seeded(20);
        chi_square_fits(&pmf, 60_000, || i128::from(dummies.sample(&mut rng)));
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let refused = Dummies::new(&"1".parse().unwrap(), &"1".parse().unwrap());
        assert!(matches!(refused, Err(NoiseError::Delta { .. })), "{refused:?}");
        let wide = Dummies::new(&"0.000000000001".parse().unwrap(), &"0.1".parse().unwrap());
        assert!(matches!(wide, Err(NoiseError::TooWide { .. })), "{wide:?}");
    }
}

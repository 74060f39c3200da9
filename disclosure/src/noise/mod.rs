//! Integer noise for differential privacy: how wide it must be, exact samples of it, and how far it reaches.
//!
//! | noise | privacy | parameter |
//! |---|---|---|
//! | discrete Laplace | (epsilon, 0) | b = sensitivity / epsilon |
//! | discrete Gaussian | (epsilon, delta) | sigma, see [`Scale::gaussian`] |
//! | [`Share`] of discrete Gaussian | that of the discrete Gaussian, for the sum of enough shares | sigma_i, see there |
//! | [`Dummies`] | (epsilon, delta), never negative | t, see there |
//!
//! Parameters are rationals, found by integer arithmetic that rounds towards more noise. Samples are exact, but for those
//! of shares, which are drawn by the million: they take under 0.1 microseconds and are within 2^-100 of exact.

mod alias;
mod dummies;
mod exact;
mod fixed;
mod gaussian;
mod logarithm;
mod share;

use rand_core::CryptoRng;

pub use dummies::Dummies;
pub use share::Share;

use crate::ratio::{Ratio, UNIT};
use crate::rules::{Mechanism, NoiseRule};
use logarithm::{LN_2, POINT, ln_upper, root_upper};

/// Largest sensitivity: by how much one unit may change a figure.
pub const MAX_SENSITIVITY: u64 = 1 << 40;

/// Sigma is a multiple of one over this.
const SIGMA_DENOMINATOR: u128 = gaussian::SIXTEENTHS as u128;

/// Largest sigma times [`SIGMA_DENOMINATOR`]: twice its square times the runs of a coin fits 128 bits.
const MAX_SIGMA_NUMERATOR: u128 = gaussian::MAX_SIXTEENTHS as u128;

/// A distribution of noise with its width.
///
/// # Examples
/// ```
/// use tidegate_disclosure::noise::Scale;
///
/// let scale = Scale::laplace(1, &"0.5".parse()?)?;
/// assert!((scale.standard_deviation() - 2.8).abs() < 0.1);
/// assert_eq!(scale.bound(40), 56);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    mechanism: Mechanism,
    /// b or sigma is this ..
    numerator: u128,
    /// .. over this.
    denominator: u128,
}

/// Why there is no noise for these parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoiseError {
    /// The sensitivity is zero or too large.
    #[error("sensitivity {found}; it is between 1 and {max}")]
    Sensitivity {
        /// The sensitivity given.
        found: u64,
        /// The most allowed.
        max: u64,
    },
    /// Delta is missing or protects nobody.
    #[error("delta {found}; it is below 1")]
    Delta {
        /// The delta given.
        found: Ratio,
    },
    /// The discrete Gaussian has no delta.
    #[error("discrete-gaussian needs a delta")]
    NoDelta,
    /// A sum of shares does not have this distribution.
    #[error("noise in shares is discrete-gaussian; discrete-laplace is added whole")]
    NoShares,
    /// There are shares of no honest party.
    #[error("noise in shares among 0 honest parties; there is at least 1")]
    NobodyHonest,
    /// The noise would be wider than the sampler allows.
    #[error("epsilon and delta are so small that the noise would be wider than {max}")]
    TooWide {
        /// The widest.
        max: u64,
    },
}

impl Scale {
    /// Finds the discrete Laplace noise: b = sensitivity / epsilon, exactly.
    ///
    /// # Errors
    /// [`NoiseError::Sensitivity`].
    pub fn laplace(sensitivity: u64, epsilon: &Ratio) -> Result<Self, NoiseError> {
        let numerator = check_sensitivity(sensitivity)? * u128::from(epsilon.denominator());
        let denominator = u128::from(epsilon.numerator());
        Ok(Self { mechanism: Mechanism::DiscreteLaplace, numerator, denominator })
    }

    /// Finds the discrete Gaussian noise for one figure of integer sensitivity D.
    ///
    /// Noise of variance sigma^2 gives D^2/(2 sigma^2) zero-concentrated privacy (CKS20 theorem 4), and rho of it gives
    /// (rho + 2 sqrt(rho L), delta) privacy with L = ln(1/delta) (Bun and Steinke, TCC 2016, proposition 1.3). The
    /// sigma that solves epsilon = rho + 2 sqrt(rho L) is
    /// D (sqrt(L + epsilon) + sqrt(L)) / (sqrt(2) epsilon), rounded up to a multiple of 1/16. Unlike the bound by
    /// sqrt(2 ln(1.25/delta)) it holds for every epsilon, and for integers.
    ///
    /// # Errors
    /// [`NoiseError::Sensitivity`], [`NoiseError::Delta`], [`NoiseError::TooWide`].
    pub fn gaussian(sensitivity: u64, epsilon: &Ratio, delta: &Ratio) -> Result<Self, NoiseError> {
        let sensitivity = check_sensitivity(sensitivity)?;
        if delta.units() >= UNIT {
            return Err(NoiseError::Delta { found: *delta });
        }
        let log = ln_upper(UNIT, delta.units());
        let units = u128::from(epsilon.units());
        let epsilon = (units << POINT).div_ceil(u128::from(UNIT));
        // Half the square of the sum of the two roots, L + epsilon/2 + sqrt(L (L + epsilon)).
        let half_square = log + epsilon.div_ceil(2) + (log * (log + epsilon)).isqrt() + 1;
        let scaled = sensitivity * root_upper(half_square) * SIGMA_DENOMINATOR;
        // Products stay below 2^(40 + 43 + 4), times 2^40 for the unit of epsilon.
        let numerator = scaled.saturating_mul(u128::from(UNIT)).div_ceil(units << POINT);
        if numerator > MAX_SIGMA_NUMERATOR {
            return Err(NoiseError::TooWide { max: 1 << 48 });
        }
        Ok(Self::gaussian_of(numerator))
    }

    /// Returns the discrete Gaussian of this sigma, in sixteenths.
    fn gaussian_of(numerator: u128) -> Self {
        Self { mechanism: Mechanism::DiscreteGaussian, numerator, denominator: SIGMA_DENOMINATOR }
    }

    /// Finds the noise that a rule asks for.
    ///
    /// # Errors
    /// As [`Self::laplace`] and [`Self::gaussian`]; [`NoiseError::NoDelta`].
    pub fn of(rule: &NoiseRule, sensitivity: u64) -> Result<Self, NoiseError> {
        match rule.mechanism {
            Mechanism::DiscreteLaplace => Self::laplace(sensitivity, &rule.epsilon),
            Mechanism::DiscreteGaussian => {
                Self::gaussian(sensitivity, &rule.epsilon, &rule.delta.ok_or(NoiseError::NoDelta)?)
            }
        }
    }

    /// Returns the distribution.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Samples the noise of one figure.
    ///
    /// # Security
    /// The generator must be one that nobody can predict; the time taken depends on the sample.
    pub fn sample<R: CryptoRng + ?Sized>(&self, rng: &mut R) -> i128 {
        match self.mechanism {
            Mechanism::DiscreteLaplace => exact::laplace(self.numerator, self.denominator, rng),
            Mechanism::DiscreteGaussian => exact::gaussian(self.numerator, self.denominator, rng),
        }
    }

    /// Returns the standard deviation, for reports; that of the discrete Gaussian is at most this sigma.
    pub fn standard_deviation(&self) -> f64 {
        let width = self.numerator as f64 / self.denominator as f64;
        match self.mechanism {
            Mechanism::DiscreteLaplace => {
                let complement = -(-1.0 / width).exp_m1();
                (2.0 * (1.0 - complement)).sqrt() / complement
            }
            Mechanism::DiscreteGaussian => width,
        }
    }

    /// Returns a t with P(|X| > t) <= 2^-bits, from which decoders are sized.
    ///
    /// It is not the smallest, but at most one width above what the tail bounds 2 exp(-(t+1)/b) and
    /// 2 exp(-(t+1)^2/(2 sigma^2)) (CKS20 lemma 19) need, and the same on every machine.
    pub fn bound(&self, bits: u8) -> u128 {
        let log = (u128::from(bits) + 1) * LN_2;
        let widths = match self.mechanism {
            Mechanism::DiscreteLaplace => log,
            Mechanism::DiscreteGaussian => root_upper(2 * log),
        };
        (self.numerator * widths).div_ceil(self.denominator << POINT).saturating_sub(1)
    }
}

fn check_sensitivity(sensitivity: u64) -> Result<u128, NoiseError> {
    if (1..=MAX_SENSITIVITY).contains(&sensitivity) {
        Ok(u128::from(sensitivity))
    } else {
        Err(NoiseError::Sensitivity { found: sensitivity, max: MAX_SENSITIVITY })
    }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

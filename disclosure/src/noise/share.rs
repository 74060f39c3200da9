//! A party's share of noise that no party knows: what each adds before a secure aggregation, so that the total carries the
//! noise of a rule.
//!
//! # What each party learns
//! Its own share. Whoever sees the total learns it with the noise of all; parties that pool their shares can take
//! them away again, and are left with the noise of the others.
//!
//! # Source
//! P. Kairouz, Z. Liu, T. Steinke, "The Distributed Discrete Gaussian Mechanism for Federated Learning with Secure
//! Aggregation", ICML 2021 (KLS21), theorem 1 and its lemma on convolutions.
//!
//! # Privacy
//! A rule asks for discrete Gaussian noise of some sigma, see [`Scale::gaussian`]. With h parties that follow the
//! protocol and appear in the total, each adds noise of sigma_i with sigma_i^2 >= sigma^2/h, rounded up to a multiple
//! of 1/16. Whatever others add is independent of it and takes nothing away.
//!
//! The sum of h shares is not quite a discrete Gaussian. Let X and Y have variances a and b, and v = 1/(1/a + 1/b). Then
//!
//! ```text
//! P(X + Y = z) ~ exp(-z^2/(2 (a + b))) * sum over x of exp(-(x - z a/(a + b))^2/(2 v))
//! ```
//!
//! and by Poisson's formula the sum on the right is the same for all z but for a factor between 1 - e and 1 + e with
//! e = 2 exp(-2 pi^2 v) + 2 exp(-8 pi^2 v) + .., so X + Y differs from a discrete Gaussian of variance a + b by a factor of
//! at most exp(5 exp(-2 pi^2 v)) at every point. Adding one share after the other,
//!
//! ```text
//! |ln(P(sum = z)/P(ideal = z))| <= tau/2,   tau = 10 sum over k < h of exp(-2 pi^2 sigma_i^2 k/(k + 1))
//!                                               <= 10 (h - 1) exp(-pi^2 sigma_i^2)
//! ```
//!
//! An event thus has at most exp(tau/2) times its ideal probability, twice, and a figure with this noise is
//! (epsilon + tau, delta exp(tau/2)) private where the ideal is (epsilon, delta) private. Where sigma_i is so small that
//! the bound on tau exceeds 2^-60, it is widened until it does not: to 2.125 for two honest parties, 2.1875 for ten, 2.25
//! for a hundred, 2.625 for 2^32. So tau adds at most 2^-40 to the epsilon of 2^20 figures, less than the last digit that
//! a rule can name.
//!
//! The sampler is within 2^-100 of the discrete Gaussian in total variation. For f figures in all, that adds at most
//! h f 2^-100 (1 + exp(epsilon)) to delta. It draws its bits from ChaCha20 under a seed of 256 bits, so privacy holds
//! against whoever cannot tell ChaCha20 from random bits.
//!
//! # Checks
//! | id | check | error | test |
//! |---|---|---|---|
//! | SHARE-1 | noise is a sum of shares only for the discrete Gaussian | [`NoiseError::NoShares`] | `only_gaussian_noise_has_shares` |
//! | SHARE-2 | somebody is honest | [`NoiseError::NobodyHonest`] | `somebody_is_honest` |
//! | SHARE-3 | tau is at most 2^-60 | none: the share is widened | `divergence_of_sums_is_negligible` |

use std::fmt;

use chacha20::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};

use super::gaussian::{Gaussian, SIXTEENTHS};
use super::logarithm::{LN_2, ln_upper};
use super::{NoiseError, Scale};
use crate::rules::{Mechanism, NoiseRule};

/// tau is at most 2 to the minus this.
const DIVERGENCE_BITS: u128 = 60;

/// pi squared in units of 2^-32, rounded down.
const PI_SQUARED: u128 = 0x9_de9e_64df;

/// The noise that one party adds to each figure, where the total needs that of a rule.
///
/// # Examples
/// ```
/// use tidegate_disclosure::noise::{Scale, Share};
/// use tidegate_disclosure::{Mechanism, NoiseRule};
///
/// let delta = Some("0.000001".parse()?);
/// let rule = NoiseRule { mechanism: Mechanism::DiscreteGaussian, epsilon: "0.5".parse()?, delta };
/// let share = Share::new(&rule, 100, 4)?;
/// // Four shares make up the noise of one holder of the data.
/// let alone = Scale::of(&rule, 100)?.standard_deviation();
/// assert!((share.standard_deviation(4) / alone - 1.0).abs() < 0.001);
///
/// # use rand_core::SeedableRng;
/// # let mut rng = chacha20::ChaCha20Rng::seed_from_u64(1);
/// let mut noise = vec![0; 1000];
/// share.fill_i64(&mut rng, &mut noise);
/// assert!(noise.iter().all(|x| u128::from(x.unsigned_abs()) <= share.bound(60)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Share {
    scale: Scale,
    sampler: Gaussian,
}

impl Share {
    /// Finds the share of a rule, where at least `honest` of those whose shares are in the total follow the protocol.
    ///
    /// # Errors
    /// [`NoiseError::NoShares`] for another distribution than the discrete Gaussian, [`NoiseError::NobodyHonest`], and
    /// those of [`Scale::gaussian`] and [`NoiseError::NoDelta`].
    pub fn new(rule: &NoiseRule, sensitivity: u64, honest: u32) -> Result<Self, NoiseError> {
        // SHARE-1
        if rule.mechanism != Mechanism::DiscreteGaussian {
            return Err(NoiseError::NoShares);
        }
        // SHARE-2
        if honest == 0 {
            return Err(NoiseError::NobodyHonest);
        }
        let whole = Scale::of(rule, sensitivity)?.numerator;
        let width = root_up((whole * whole).div_ceil(u128::from(honest)));
        // SHARE-3
        let sixteenths = width.max(least_width(honest));
        let sampler = Gaussian::new(u64::try_from(sixteenths).unwrap_or(u64::MAX));
        Ok(Self { scale: Scale::gaussian_of(sixteenths), sampler })
    }

    /// Fills `out` with one share for each figure.
    ///
    /// `rng` is asked for one seed, from which all samples follow.
    ///
    /// # Security
    /// The generator must be one that nobody can predict. Time and memory accesses depend on the samples, see
    /// SECURITY.md. The shares are as secret as the figures: whoever learns one takes it off what the party sent.
    pub fn fill<R: CryptoRng + ?Sized>(&self, rng: &mut R, out: &mut [i128]) {
        self.fill_with(rng, out);
    }

    /// Fills `out` with one share for each figure; a share is below 2^54.
    ///
    /// # Security
    /// As [`Self::fill`].
    pub fn fill_i64<R: CryptoRng + ?Sized>(&self, rng: &mut R, out: &mut [i64]) {
        self.fill_with(rng, out);
    }

    fn fill_with<R: CryptoRng + ?Sized, T: From<i64>>(&self, rng: &mut R, out: &mut [T]) {
        let mut words = ChaCha20Rng::from_rng(rng);
        for value in out {
            *value = self.sampler.sample(&mut words).into();
        }
    }

    /// Returns a t with P(|X| > t) <= 2^-bits for one share X.
    ///
    /// The sum of n shares is within n times the bound for `bits` plus log2(n).
    pub fn bound(&self, bits: u8) -> u128 {
        self.scale.bound(bits)
    }

    /// Returns the standard deviation of the sum of so many shares, for reports.
    pub fn standard_deviation(&self, parties: u32) -> f64 {
        f64::from(parties).sqrt() * self.scale.standard_deviation()
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("scale", &self.scale).finish_non_exhaustive()
    }
}

/// Returns the smallest integer whose square is at least `square`.
fn root_up(square: u128) -> u128 {
    let root = square.isqrt();
    root + u128::from(root * root < square)
}

/// Returns the least sigma_i, in sixteenths, for which 10 (h - 1) exp(-pi^2 sigma_i^2) <= 2^-60.
fn least_width(honest: u32) -> u128 {
    if honest < 2 {
        return 1;
    }
    let needed = ln_upper(10 * (u64::from(honest) - 1), 1) + DIVERGENCE_BITS * LN_2;
    root_up((needed * u128::from(SIXTEENTHS * SIXTEENTHS)).div_ceil(PI_SQUARED))
}

#[cfg(test)]
#[path = "share_tests.rs"]
mod tests;

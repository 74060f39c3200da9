//! Exact samplers: integers alone, so that no rounding of floating-point numbers betrays the value under the noise
//! (Mironov, "On Significance of the Least Significant Bits for Differential Privacy", CCS 2012).
//!
//! # Source
//! Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020 (CKS20), algorithms
//! 1 to 3.
//!
//! # Security
//! The time that a sample takes depends on it. Who can time single samples learns about the noise.

use rand_core::CryptoRng;

/// Samples uniformly from 0 to `end` - 1; `end` is at least 1.
fn below<R: CryptoRng + ?Sized>(end: u128, rng: &mut R) -> u128 {
    let unused = end.saturating_sub(1).leading_zeros();
    loop {
        let high = if unused < 64 { u128::from(rng.next_u64()) << 64 } else { 0 };
        let bits = high | u128::from(rng.next_u64());
        let value = bits & u128::MAX.checked_shr(unused).unwrap_or(0);
        if value < end.max(1) {
            return value;
        }
    }
}

/// Samples true with probability `numerator / denominator`.
fn bernoulli<R: CryptoRng + ?Sized>(numerator: u128, denominator: u128, rng: &mut R) -> bool {
    below(denominator, rng) < numerator
}

/// Samples true with probability exp(-numerator/denominator), for any ratio of at least zero.
///
/// [CKS20 algorithm 1]
pub(super) fn bernoulli_exp<R: CryptoRng + ?Sized>(numerator: u128, denominator: u128, rng: &mut R) -> bool {
    let whole = numerator / denominator;
    for _ in 0..whole {
        if !bernoulli_exp_within_one(1, 1, rng) {
            return false;
        }
    }
    bernoulli_exp_within_one(numerator % denominator, denominator, rng)
}

/// Samples the case of a ratio of at most one: the alternating series of exp as a run of coins.
fn bernoulli_exp_within_one<R: CryptoRng + ?Sized>(numerator: u128, denominator: u128, rng: &mut R) -> bool {
    let mut k: u128 = 1;
    while bernoulli(numerator, denominator.saturating_mul(k), rng) {
        k += 1;
    }
    k % 2 == 1
}

/// Samples how often in a row a coin of probability exp(-1) comes up: P(v) = (1 - 1/e) exp(-v).
pub(super) fn geometric<R: CryptoRng + ?Sized>(rng: &mut R) -> u128 {
    let mut successes = 0;
    while bernoulli_exp_within_one(1, 1, rng) {
        successes += 1;
    }
    successes
}

/// Samples P(x) proportional to exp(-|x|/b) with b = `numerator / denominator`, both at least 1.
///
/// [CKS20 algorithm 2]
pub(super) fn laplace<R: CryptoRng + ?Sized>(numerator: u128, denominator: u128, rng: &mut R) -> i128 {
    loop {
        let rest = below(numerator, rng);
        if !bernoulli_exp(rest, numerator, rng) {
            continue;
        }
        let magnitude = rest.saturating_add(numerator.saturating_mul(geometric(rng))) / denominator;
        let is_negative = bernoulli(1, 2, rng);
        // Zero has one sign.
        if is_negative && magnitude == 0 {
            continue;
        }
        let magnitude = i128::try_from(magnitude).unwrap_or(i128::MAX);
        return if is_negative { -magnitude } else { magnitude };
    }
}

/// Samples P(x) proportional to exp(-x^2/(2 sigma^2)) with sigma = `numerator / denominator`.
///
/// [CKS20 algorithm 3], but for the proposal: the paper takes a Laplace of the integer scale floor(sigma) + 1,
/// this takes the scale sigma itself. exp(-y^2/(2 sigma^2)) is exp(-y/sigma) times exp(-(y - sigma)^2/(2 sigma^2))
/// times a constant, so the result is the same, and the ratio has the small denominator 2 `numerator`^2.
pub(super) fn gaussian<R: CryptoRng + ?Sized>(numerator: u128, denominator: u128, rng: &mut R) -> i128 {
    loop {
        let proposal = laplace(numerator, denominator, rng);
        let distance = proposal.unsigned_abs().saturating_mul(denominator).abs_diff(numerator);
        // A square beyond 2^128 is that of a proposal which would be taken with probability below exp(-2^20).
        let Some(square) = distance.checked_mul(distance) else {
            continue;
        };
        if bernoulli_exp(square, 2 * numerator * numerator, rng) {
            return proposal;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::testing::{chi_square_fits, seeded};

    #[test]
    fn uniform_samples_reach_every_value_alike() {
        let mut rng = seeded(1);
        let pmf = vec![0.2; 5];
        chi_square_fits(&pmf, 50_000, || i128::try_from(below(5, &mut rng)).unwrap());
        assert_eq!((0..100).map(|_| below(1, &mut rng)).max(), Some(0));
        let large = u128::MAX / 3 * 2;
        let samples: Vec<_> = (0..200).map(|_| below(large, &mut rng)).collect();
        assert!(samples.iter().all(|&s| s < large) && samples.iter().any(|&s| s > large / 10 * 9));
    }

    #[test]
    fn coins_fall_with_probability_exp() {
        let mut rng = seeded(2);
        for (numerator, denominator) in
            [(0, 1), (1, 3), (1, 1), (7, 2), (10_u128.pow(30), 3 * 10_u128.pow(30))]
        {
            let p = (-(numerator as f64) / denominator as f64).exp();
            let hits = (0..40_000).filter(|_| bernoulli_exp(numerator, denominator, &mut rng)).count();
            let tolerance = 4.5 * (40_000.0 * p * (1.0 - p)).sqrt();
            assert!(
                (hits as f64 - 40_000.0 * p).abs() <= tolerance,
                "exp(-{numerator}/{denominator}): {hits}"
            );
        }
    }

    #[test]
    fn runs_of_coins_are_geometric() {
        let mut rng = seeded(3);
        let q = (-1.0_f64).exp();
        let pmf: Vec<_> = (0..8).map(|v| (1.0 - q) * q.powi(v)).collect();
        chi_square_fits(&pmf, 50_000, || i128::try_from(geometric(&mut rng)).unwrap());
    }

    /// Checks a symmetric sampler against its weights on -20 to 20.
    fn symmetric_fits(weight: impl Fn(f64) -> f64, mut sample: impl FnMut() -> i128) {
        let all: f64 = (-2000..=2000).map(|x| weight(f64::from(x))).sum();
        let pmf: Vec<_> = (-20..=20).map(|x| weight(f64::from(x)) / all).collect();
        chi_square_fits(&pmf, 60_000, || sample() + 20);
    }

    #[test]
    fn laplace_samples_have_the_exact_weights() {
        for (seed, numerator, denominator) in [(4, 2, 1), (5, 7, 3), (6, 1, 2), (7, 1, 9), (8, 30, 10)] {
            let mut rng = seeded(seed);
            let b = numerator as f64 / denominator as f64;
            symmetric_fits(|x| (-x.abs() / b).exp(), || laplace(numerator, denominator, &mut rng));
        }
    }

    #[test]
    fn gaussian_samples_have_the_exact_weights() {
        for (seed, numerator, denominator) in
            [(9, 3, 1), (10, 25, 16), (11, 7, 16), (12, 1, 16), (13, 100, 16)]
        {
            let mut rng = seeded(seed);
            let sigma = numerator as f64 / denominator as f64;
            symmetric_fits(
                |x| (-x * x / (2.0 * sigma * sigma)).exp(),
                || gaussian(numerator, denominator, &mut rng),
            );
        }
    }

    #[test]
    fn wide_samples_keep_their_moments() {
        let mut rng = seeded(14);
        let scale = 1_u128 << 52;
        let rms = |mut sample: Box<dyn FnMut() -> i128 + '_>| {
            let square: f64 = (0..4000).map(|_| sample() as f64 / scale as f64).map(|x| x * x).sum();
            (square / 4000.0).sqrt()
        };
        let gaussian = rms(Box::new(|| gaussian(scale, 1, &mut rng)));
        assert!((gaussian - 1.0).abs() < 0.05, "{gaussian}");
        let mut rng = seeded(15);
        let laplace = rms(Box::new(|| laplace(scale << 30, 1 << 30, &mut rng)));
        assert!((laplace - 2.0_f64.sqrt()).abs() < 0.1, "{laplace}");
    }
}

//! Helpers for the tests of samplers.

use chacha20::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};

/// Makes a generator that repeats for the same seed.
pub(crate) fn seeded(seed: u64) -> impl CryptoRng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Compares samples with the probabilities of 0, 1, .. by Pearson's chi-square; values beyond, and those of fewer than
/// five expected samples, are pooled.
pub(crate) fn chi_square_fits(pmf: &[f64], samples: u32, mut sample: impl FnMut() -> i128) {
    let mut seen = vec![0_u32; pmf.len() + 1];
    for _ in 0..samples {
        let value = usize::try_from(sample()).unwrap_or(pmf.len()).min(pmf.len());
        seen[value] += 1;
    }
    let rest = (1.0 - pmf.iter().sum::<f64>()).max(0.0);
    let (mut statistic, mut bins, mut pooled) = (0.0, 0.0, (0.0, 0.0));
    for (p, &found) in pmf.iter().chain([&rest]).zip(&seen) {
        let (expected, found) = (p * f64::from(samples), f64::from(found));
        if expected < 5.0 {
            pooled = (pooled.0 + expected, pooled.1 + found);
        } else {
            statistic += (found - expected).powi(2) / expected;
            bins += 1.0;
        }
    }
    statistic += (pooled.1 - pooled.0).powi(2) / pooled.0.max(1.0);
    // Mean and deviation of chi-square are f and sqrt(2 f); five deviations above pass with a fixed seed.
    let degrees: f64 = f64::max(bins, 1.0);
    let limit = degrees + 5.0 * (2.0 * degrees).sqrt() + 5.0;
    assert!(statistic < limit, "chi-square {statistic:.1} above {limit:.1}: {seen:?}");
}

#[test]
#[should_panic(expected = "chi-square")]
fn a_slightly_wrong_distribution_does_not_fit() {
    let mut turn = 0_i128;
    chi_square_fits(&[0.52, 0.48], 50_000, || {
        turn += 1;
        turn % 2
    });
}

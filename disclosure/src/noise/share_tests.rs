use num_bigint::BigUint;

use super::*;
use crate::noise::oracle;
use crate::noise::testing::seeded;

fn rule(epsilon: &str, delta: &str) -> NoiseRule {
    let delta = Some(delta.parse().unwrap());
    NoiseRule { mechanism: Mechanism::DiscreteGaussian, epsilon: epsilon.parse().unwrap(), delta }
}

fn sixteenths(share: &Share) -> u128 {
    share.scale.numerator
}

#[test]
fn only_gaussian_noise_has_shares() {
    // SHARE-1
    let laplace =
        NoiseRule { mechanism: Mechanism::DiscreteLaplace, epsilon: "1".parse().unwrap(), delta: None };
    assert_eq!(Share::new(&laplace, 1, 3).err(), Some(NoiseError::NoShares));
    let without_delta = NoiseRule { delta: None, ..rule("1", "0.1") };
    assert_eq!(Share::new(&without_delta, 1, 3).err(), Some(NoiseError::NoDelta));
    assert!(matches!(Share::new(&rule("1", "0.1"), 0, 3), Err(NoiseError::Sensitivity { .. })));
}

#[test]
fn somebody_is_honest() {
    // SHARE-2
    assert_eq!(Share::new(&rule("1", "0.000001"), 1, 0).err(), Some(NoiseError::NobodyHonest));
}

#[test]
fn honest_shares_make_up_the_noise_of_the_rule() {
    for honest in [1, 2, 3, 7, 50, 1000, u32::MAX] {
        let (rule, sensitivity) = (rule("0.3", "0.000001"), 1 << 30);
        let share = Share::new(&rule, sensitivity, honest).unwrap();
        let whole = Scale::of(&rule, sensitivity).unwrap().numerator;
        let (own, honest) = (sixteenths(&share), u128::from(honest));
        assert!(own * own * honest >= whole * whole, "{honest}");
        assert!((own - 1) * (own - 1) * honest < whole * whole, "{honest}");
    }
}

/// 10 (h - 1) exp(-pi^2 sigma^2).
fn divergence(honest: u32, sixteenths: u128) -> f64 {
    let sigma = sixteenths as f64 / 16.0;
    10.0 * f64::from(honest - 1) * (-(std::f64::consts::PI * sigma).powi(2)).exp()
}

#[test]
fn divergence_of_sums_is_negligible() {
    // SHARE-3
    for (honest, found) in [(2, 34), (10, 35), (100, 36), (u32::MAX, 42)] {
        let share = Share::new(&rule("64", "0.9"), 1, honest).unwrap();
        assert_eq!(sixteenths(&share), found, "{honest}");
        assert!(divergence(honest, found) <= 2.0_f64.powi(-60), "{honest}");
        assert!(divergence(honest, found - 1) > 2.0_f64.powi(-60), "{honest}");
    }
    // One share is a discrete Gaussian by itself and may be as narrow as the rule allows.
    assert!(sixteenths(&Share::new(&rule("64", "0.9"), 1, 1).unwrap()) < 34);
}

/// Returns the probabilities of -`most` to `most`.
fn both_sides(sixteenths: u64, most: u64) -> Vec<BigUint> {
    let right = oracle::gaussian(sixteenths, most);
    right.iter().skip(1).rev().chain(&right).cloned().collect()
}

/// Returns the probabilities of the sum of two values from 0 on.
fn convolve(left: &[BigUint], right: &[BigUint]) -> Vec<BigUint> {
    let mut sums = vec![BigUint::ZERO; left.len() + right.len() - 1];
    for (x, p) in left.iter().enumerate() {
        for (y, q) in right.iter().enumerate() {
            sums[x + y] += (p * q) >> oracle::POINT;
        }
    }
    sums
}

/// Returns the largest distance between one and P(sum of so many = z) over the ideal, for |z| <= 30, where values
/// beyond 60, of weights below 2^-300, do not matter.
fn largest_ratio(sixteenths: u64, doublings: u32) -> f64 {
    let one = both_sides(sixteenths, 60);
    let sum = (0..doublings).fold(one, |half, _| convolve(&half, &half));
    let variance = u128::from(sixteenths * sixteenths) << doublings;
    let weights: Vec<_> = (0..200_u64)
        .map(|z| oracle::exp_minus(&BigUint::from(128 * z * z), &BigUint::from(variance)))
        .collect();
    let all = &weights[0] + weights.iter().skip(1).sum::<BigUint>() * 2_u8;
    let unit = BigUint::from(1_u8) << oracle::POINT;
    let distances = (0..=30).map(|z| {
        let ratio = &sum[(60 << doublings) + z] * &all / &weights[z];
        let distance = if ratio > unit { ratio - &unit } else { &unit - ratio };
        oracle::float(&distance)
    });
    distances.fold(0.0, f64::max)
}

#[test]
fn sums_are_as_close_to_the_ideal_as_derived() {
    for (sixteenths, bits) in [(20, 19), (35, 64)] {
        // Half of tau bounds the logarithm of the ratio; for two shares it is tight but for the constant.
        let bound = divergence(2, sixteenths.into()) / 2.0;
        let found = largest_ratio(sixteenths, 1);
        assert!(found <= bound && found > bound / 3.0, "{sixteenths}: {found} of {bound}");
        assert!(bound < 2.0_f64.powi(-bits), "{sixteenths}: {bound}");
        assert!(largest_ratio(sixteenths, 2) <= divergence(4, sixteenths.into()) / 2.0, "{sixteenths}");
    }
}

#[test]
fn reported_deviation_and_bound_hold() {
    let share = Share::new(&rule("0.5", "0.00001"), 10, 4).unwrap();
    let mut noise = vec![0_i128; 4 * 20_000];
    share.fill(&mut seeded(80), &mut noise);
    let totals: Vec<_> = noise.chunks(4).map(|parts| parts.iter().sum::<i128>() as f64).collect();
    let deviation = (totals.iter().map(|x| x * x).sum::<f64>() / totals.len() as f64).sqrt();
    assert!((deviation / share.standard_deviation(4) - 1.0).abs() < 0.025, "{deviation}");
    let beyond = |bits| noise.iter().filter(|x| x.unsigned_abs() > share.bound(bits)).count();
    assert_eq!(beyond(40), 0);
    // 2^-5 of 80,000 are 2500; the bound is for at most so many, and not for next to none.
    assert!((250..2500).contains(&beyond(5)), "{}", beyond(5));
}

#[test]
fn shares_follow_from_one_seed_and_both_widths_agree() {
    let share = Share::new(&rule("0.5", "0.00001"), 1000, 3).unwrap();
    let (mut wide, mut narrow, mut other) = ([0_i128; 100], [0_i64; 100], [0_i64; 100]);
    share.fill(&mut seeded(81), &mut wide);
    share.fill_i64(&mut seeded(81), &mut narrow);
    share.fill_i64(&mut seeded(82), &mut other);
    assert_eq!(wide, narrow.map(i128::from));
    assert_ne!(narrow, other);
    let mut rng = seeded(81);
    share.fill_i64(&mut rng, &mut narrow);
    share.fill_i64(&mut rng, &mut other);
    assert_ne!(narrow, other);
}

#[test]
fn debug_shows_the_width_alone() {
    let share = Share::new(&rule("0.5", "0.00001"), 10, 4).unwrap();
    assert!(format!("{share:?}").len() < 150);
}

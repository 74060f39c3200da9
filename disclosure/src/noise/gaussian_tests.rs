use std::convert::Infallible;

use chacha20::ChaCha20Rng;
use num_bigint::BigUint;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

use super::*;
use crate::noise::testing::{chi_square_fits, seeded};
use crate::noise::{exact, oracle};

fn generator(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn distance(left: &BigUint, right: &BigUint) -> BigUint {
    if left > right { left - right } else { right - left }
}

/// The units of the sampler as those of the oracle.
fn widened(value: u128) -> BigUint {
    BigUint::from(value) << (oracle::POINT - POINT)
}

/// Returns the probability of every magnitude, both signs together, that table, stride and acceptance give.
fn magnitudes(gaussian: &Gaussian) -> Vec<BigUint> {
    let mut accepted = Vec::new();
    for (stratum, mass) in (0_u64..).zip(gaussian.strata.masses()) {
        for offset in 0..gaussian.stride {
            let kept = if offset == 0 { ONE } else { exp_minus(gaussian.exponent(stratum, offset)) };
            accepted.push(BigUint::from(mass) * kept);
        }
    }
    // The negative zero is refused.
    accepted[0] /= 2_u8;
    let all: BigUint = accepted.iter().sum();
    accepted.iter().map(|weight| (weight << oracle::POINT) / &all).collect()
}

#[test]
fn distribution_is_within_two_to_the_minus_hundred_of_exact() {
    for sixteenths in [1, 5, 16, 32, 35, 100, 255, 256, 511, 512, 513, 1000, 16 * 100] {
        let gaussian = Gaussian::new(sixteenths);
        let found = magnitudes(&gaussian);
        let exact = oracle::gaussian(sixteenths, u64::try_from(found.len()).unwrap() - 1);
        let both = |(x, weight): (usize, &BigUint)| if x == 0 { weight.clone() } else { weight * 2_u8 };
        let exact = exact.iter().enumerate().map(both);
        let total: BigUint = exact.zip(&found).map(|(exact, found)| distance(&exact, found)).sum();
        // Twice the distance in total variation; what lies beyond the table is below 2^-180.
        assert!(total < BigUint::from(1_u8) << (oracle::POINT - 99), "{sixteenths}");
        assert!(total > BigUint::ZERO, "{sixteenths}");
    }
}

#[test]
fn probabilities_of_the_strata_are_those_of_the_oracle() {
    for sixteenths in [32, 80, 16 * 435, 16_000_000, 1 << 44, 3 << 43, MAX_SIXTEENTHS] {
        let gaussian = Gaussian::new(sixteenths);
        let weights: Vec<_> =
            (0..LEN as u64).map(|z| oracle::weight(z * gaussian.stride, sixteenths)).collect();
        let all: BigUint = weights.iter().sum();
        let square = u128::from(sixteenths) * u128::from(sixteenths);
        assert_eq!(masses(gaussian.stride, square).iter().sum::<u128>(), ONE);
        for (weight, &mass) in weights.iter().zip(&gaussian.strata.masses()) {
            let off = distance(&((weight << oracle::POINT) / &all), &widened(mass));
            assert!(off < widened(1 << 14), "{sixteenths}: {mass}");
        }
    }
}

#[test]
fn exponents_are_at_most_two_ulps_too_small() {
    let mut rng = seeded(60);
    for sixteenths in [512, 513, 1000, 16 * 435, 16_000_000, 1 << 44, (1 << 44) + 12_345, MAX_SIXTEENTHS] {
        let gaussian = Gaussian::new(sixteenths);
        assert!((16 * 16..32 * 16).contains(&(sixteenths / gaussian.stride)), "{sixteenths}");
        for stratum in (0..512).step_by(7).chain([511]) {
            let offset = rng.next_u64() % gaussian.stride;
            let product = BigUint::from(offset) * (2 * stratum * gaussian.stride + offset);
            let exact = (product << (POINT + 7)) / (BigUint::from(sixteenths) * sixteenths);
            let found = BigUint::from(gaussian.exponent(stratum, offset));
            assert!(
                found <= exact && &exact - &found <= BigUint::from(2_u8),
                "{sixteenths} {stratum} {offset}"
            );
        }
    }
}

/// A generator that returns given words, the last one first.
struct Script(Vec<u64>);

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unimplemented!("only words of 64 bits are asked for")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.pop().unwrap())
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        unimplemented!("only words of 64 bits are asked for")
    }
}

impl TryCryptoRng for Script {}

#[test]
fn offsets_are_drawn_again_where_a_place_would_be_more_likely() {
    let gaussian = Gaussian::new(3 * SIXTEENTHS_PER_STRIDE);
    // Of the 2^64 = 3 * 0x55.. + 1 words, that of product 0 is one too many; 0xaa..ab has the product 2 * 2^64 + 1.
    let third = u64::MAX / 3;
    let offset = |words: &[u64]| gaussian.offset(&mut Script(words.to_vec()));
    assert_eq!(offset(&[1, 0]), 0);
    assert_eq!(offset(&[2 * third + 1, 0]), 2);
    assert_eq!([third, third + 1, 2 * third, u64::MAX].map(|word| offset(&[word])), [0, 1, 1, 2]);
}

#[test]
fn early_decisions_are_those_of_all_bits() {
    let mut rng = seeded(61);
    let step = 1_u128 << (POINT - 64);
    let (mut early_len, mut late_len) = (0, 0);
    for _ in 0..2000 {
        let exponent = (u128::from(rng.next_u64()) << 56 | 12_345) >> (rng.next_u64() % 60);
        let kept = exp_minus(exponent);
        // Where decisions change: near 1 - t, near exp(-t), near 1 - t + t^2/2, and anywhere.
        let square = multiply(exponent, exponent) / 2;
        let near = [ONE - exponent, kept, (ONE - exponent + square).min(ONE - step), ONE - step];
        let near = near.map(|edge| edge / step + u128::from(rng.next_u64() % 9));
        for coarse in near.map(|steps| (steps.saturating_sub(4) * step).min(ONE - step)) {
            match early(exponent, coarse) {
                Some(true) => assert!(coarse + step - 1 < kept, "{exponent} {coarse}"),
                Some(false) => assert!(coarse >= kept, "{exponent} {coarse}"),
                None => late_len += 1,
            }
            early_len += usize::from(early(exponent, coarse).is_some());
        }
    }
    assert!(early_len > 2000 && late_len > 2000, "{early_len} {late_len}");
}

#[test]
fn late_decisions_have_probability_exp() {
    let mut rng = generator(62);
    // A cell of 64 bits that exp(-t) cuts at three quarters.
    let step = 1_u128 << (POINT - 64);
    let exponent = (0..).map(|k| ONE / 8 + k * step / 64).find(|&t| exp_minus(t) % step / (step / 64) == 48);
    let exponent = exponent.unwrap();
    let coarse = exp_minus(exponent) / step * step;
    let kept = (0..10_000).filter(|_| late(exponent, coarse, &mut rng)).count();
    let expected = (exp_minus(exponent) - coarse) as f64 / step as f64 * 10_000.0;
    assert!((kept as f64 - expected).abs() < 5.0 * 44.0, "{kept} of {expected}");
}

#[test]
fn narrow_samples_have_the_exact_weights() {
    for (seed, sixteenths) in (63..).zip([1, 8, 16, 35, 80, 300, 600]) {
        let gaussian = Gaussian::new(sixteenths);
        let exact = oracle::gaussian(sixteenths, sixteenths.max(60));
        let right: Vec<_> = exact.iter().take(61).map(oracle::float).collect();
        let pmf: Vec<_> = right.iter().skip(1).rev().chain(&right).copied().collect();
        let mut rng = generator(seed);
        chi_square_fits(&pmf, 200_000, || i128::from(gaussian.sample(&mut rng)) + 60);
    }
}

/// The integral of the normal density from -infinity, by Simpson's rule, at -4, -4 + 1/8, .., 4.
fn normal_bins() -> Vec<f64> {
    let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let bin = |left: f64| {
        (0..8).map(|step| left + f64::from(step) / 64.0).fold(0.0, |sum, x| {
            sum + (density(x) + 4.0 * density(x + 1.0 / 128.0) + density(x + 1.0 / 64.0)) / 384.0
        })
    };
    (-32..32).map(|eighth| bin(f64::from(eighth) / 8.0)).collect()
}

#[test]
fn wide_samples_are_normal_and_their_last_digits_uniform() {
    for (seed, sigma) in (70..).zip([1_u64 << 20, 1_000_003 * 16, 1 << 40, 1 << 48]) {
        let gaussian = Gaussian::new(16 * sigma);
        let mut rng = generator(seed);
        let eighth = i128::from(sigma / 8);
        // A sample is a place between two bins by half; that is 2^-18 of a width.
        chi_square_fits(&normal_bins(), 100_000, || {
            (i128::from(gaussian.sample(&mut rng)) + 32 * eighth).div_euclid(eighth)
        });
        chi_square_fits(&[1.0 / 31.0; 31], 100_000, || i128::from(gaussian.sample(&mut rng)).rem_euclid(31));
    }
}

/// Kolmogorov and Smirnov's largest distance between two empirical distributions.
fn largest_gap(mut left: Vec<i128>, mut right: Vec<i128>) -> f64 {
    left.sort_unstable();
    right.sort_unstable();
    let below = |sorted: &[i128], x| sorted.partition_point(|&y| y <= x) as f64 / sorted.len() as f64;
    let places = left.iter().chain(&right);
    places.map(|&x| (below(&left, x) - below(&right, x)).abs()).fold(0.0, f64::max)
}

#[test]
fn fast_and_exact_samples_are_alike() {
    for (seed, sigma) in (75..).zip([2_u64, 5, 100, 435, 1_000_000, 1 << 40]) {
        let (gaussian, mut rng) = (Gaussian::new(16 * sigma), generator(seed));
        let fast: Vec<_> = (0..50_000).map(|_| i128::from(gaussian.sample(&mut rng))).collect();
        let slow: Vec<_> = (0..5000).map(|_| exact::gaussian(u128::from(16 * sigma), 16, &mut rng)).collect();
        // Two deviations of the limiting distribution: passed by chance with probability 0.9993.
        let limit = 2.0 * (1.0 / 5000.0 + 1.0 / 50_000.0_f64).sqrt();
        let gap = largest_gap(fast.clone(), slow.clone());
        assert!(gap < limit, "{sigma}: {gap}");
        let shifted = slow.iter().map(|x| x + i128::from(sigma.div_ceil(5))).collect();
        assert!(largest_gap(fast, shifted) > limit, "{sigma}");
    }
}

#[test]
fn moments_symmetry_and_tail_are_gaussian() {
    for (seed, sigma) in (90..).zip([2_u64, 5, 100, 1_000_000, 1 << 40]) {
        let gaussian = Gaussian::new(16 * sigma);
        let mut rng = generator(seed);
        let n = 200_000;
        let samples: Vec<_> = (0..n).map(|_| gaussian.sample(&mut rng) as f64 / sigma as f64).collect();
        let moment = |power: i32| samples.iter().map(|x| x.powi(power)).sum::<f64>() / f64::from(n);
        let near = |found: f64, ideal: f64, variance: f64| {
            assert!(
                (found - ideal).abs() < 5.0 * (variance / f64::from(n)).sqrt(),
                "{sigma}: {found}, not {ideal}"
            );
        };
        near(moment(1), 0.0, 1.0);
        near(moment(2), 1.0, 2.0);
        near(moment(3), 0.0, 15.0);
        near(moment(4), 3.0, 96.0);
        let share =
            |holds: &dyn Fn(f64) -> bool| samples.iter().filter(|&&x| holds(x)).count() as f64 / f64::from(n);
        let (negative, positive) = (share(&|x| x < 0.0), share(&|x| x > 0.0));
        near(negative - positive, 0.0, 1.0);
        // CKS20 lemma 19 bounds the tail; 4.42e-5 of a normal distribution lie beyond four widths.
        assert!(share(&|x| x.abs() > 4.0) <= 2.0 * (-8.0_f64).exp(), "{sigma}");
        assert!(samples.iter().all(|x| x.abs() < 13.0), "{sigma}");
        assert!(samples.iter().any(|x| x.abs() > 3.5), "{sigma}");
    }
}

#[test]
fn samples_of_a_seed_stay_the_same() {
    let draw = |sixteenths| -> [i64; 6] {
        let (gaussian, mut rng) = (Gaussian::new(sixteenths), generator(99));
        std::array::from_fn(|_| gaussian.sample(&mut rng))
    };
    let widths = [35, 80, 16 * 435, 16_000_000, 1 << 44];
    let samples = [
        [0, 5, 2, 1, 0, 2],
        [-1, 1, 11, 6, 3, 1],
        [-116, 475, -737, 31, -476, 302],
        [-270_433, 1_100_086, -1_645_173, 73_708, -1_103_418, 699_576],
        [
            -297_344_935_239,
            1_209_557_906_422,
            -1_808_887_592_150,
            81_043_686_818,
            -1_213_221_368_079,
            769_192_688_335,
        ],
    ];
    assert_eq!(widths.map(draw), samples);
}

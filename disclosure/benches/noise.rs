//! Discrete Gaussian noise: shares, which are drawn by the million, beside single exact samples.
//!
//! `cargo bench -p tidegate-disclosure` measures; with `-- --test` each runs once. All randomness is seeded.
#![allow(missing_docs, reason = "the macros of criterion make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a bench ends where something is missing")]

use std::time::Duration;

use chacha20::ChaCha20Rng;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand_core::SeedableRng;
use tidegate_disclosure::noise::{Scale, Share};
use tidegate_disclosure::{Mechanism, NoiseRule};

/// Figures of a share.
const FIGURES: usize = 1 << 16;

/// Figures with an exact sample.
const SINGLE: usize = 1 << 10;

/// Rules for figures of sensitivity 1, by the sigma that they come to.
const RULES: [(&str, &str); 4] =
    [("5", "1.0714"), ("100", "0.0526152"), ("435", "0.0120866"), ("1000000", "0.0000052566")];

fn rule(epsilon: &str) -> NoiseRule {
    let delta = Some("0.000001".parse().unwrap());
    NoiseRule { mechanism: Mechanism::DiscreteGaussian, epsilon: epsilon.parse().unwrap(), delta }
}

fn noise(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("noise");
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    for (sigma, epsilon) in RULES {
        let (rule, mut rng) = (rule(epsilon), ChaCha20Rng::seed_from_u64(1));
        let (share, mut out) = (Share::new(&rule, 1, 1).unwrap(), vec![0_i64; FIGURES]);
        group.throughput(Throughput::Elements(FIGURES as u64));
        group.bench_function(format!("share/{sigma}"), |bencher| {
            bencher.iter(|| share.fill_i64(&mut rng, &mut out));
        });
        let scale = Scale::of(&rule, 1).unwrap();
        group.throughput(Throughput::Elements(SINGLE as u64));
        group.bench_function(format!("exact/{sigma}"), |bencher| {
            bencher.iter(|| (0..SINGLE).map(|_| scale.sample(&mut rng)).fold(0, i128::wrapping_add));
        });
    }
    group.bench_function("share/table", |bencher| {
        bencher.iter(|| Share::new(&rule("1"), 1, 1).unwrap());
    });
    group.finish();
}

criterion_group!(benches, noise);
criterion_main!(benches);

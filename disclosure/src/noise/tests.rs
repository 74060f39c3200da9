use super::testing::seeded;
use super::*;

fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

#[test]
fn laplace_width_is_sensitivity_over_epsilon() {
    let scale = Scale::laplace(3, &ratio("0.25")).unwrap();
    assert_eq!(scale.numerator, 12 * scale.denominator);
    let wide = Scale::laplace(MAX_SENSITIVITY, &ratio("0.000000000001")).unwrap();
    assert_eq!(wide.numerator / wide.denominator, u128::from(MAX_SENSITIVITY) * u128::from(UNIT));
}

#[test]
fn gaussian_width_meets_the_concentrated_bound_with_little_to_spare() {
    for (sensitivity, epsilon, delta) in [
        (1, "1", "0.000001"),
        (1, "0.1", "0.000000001"),
        (1000, "5", "0.01"),
        (1 << 40, "63", "0.000000000001"),
    ] {
        let sigma =
            Scale::gaussian(sensitivity, &ratio(epsilon), &ratio(delta)).unwrap().standard_deviation();
        let reached = |sigma: f64| {
            let rho = (sensitivity as f64).powi(2) / (2.0 * sigma * sigma);
            rho + 2.0 * (rho * -delta.parse::<f64>().unwrap().ln()).sqrt()
        };
        let epsilon: f64 = epsilon.parse().unwrap();
        assert!(reached(sigma) <= epsilon * (1.0 + 1e-12), "{sigma}");
        assert!(reached(sigma * (1.0 - 1e-6) - 2.0 / 16.0) > epsilon, "{sigma}");
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    let (one, delta) = (ratio("1"), ratio("0.1"));
    for found in [0, MAX_SENSITIVITY + 1] {
        let refused = NoiseError::Sensitivity { found, max: MAX_SENSITIVITY };
        assert_eq!(Scale::laplace(found, &one), Err(refused));
        assert_eq!(Scale::gaussian(found, &one, &delta), Err(refused));
    }
    assert_eq!(Scale::gaussian(1, &one, &one), Err(NoiseError::Delta { found: one }));
    let tiny = ratio("0.000000000001");
    let wide = Scale::gaussian(MAX_SENSITIVITY, &tiny, &delta);
    assert!(matches!(wide, Err(NoiseError::TooWide { .. })), "{wide:?}");
    let rule = NoiseRule { mechanism: Mechanism::DiscreteGaussian, epsilon: one, delta: None };
    assert_eq!(Scale::of(&rule, 1), Err(NoiseError::NoDelta));
}

#[test]
fn bounds_hold_and_are_close() {
    // Exact tails by summing the probabilities, at 2^-20 where floating point is far from its limits.
    let tail = |weight: &dyn Fn(f64) -> f64, t: u128| {
        let all: f64 = (-100_000..=100_000).map(|x| weight(f64::from(x))).sum();
        let t = i32::try_from(t).unwrap();
        2.0 * (t + 1..=100_000).map(|x| weight(f64::from(x))).sum::<f64>() / all
    };
    let limit = 2.0_f64.powi(-20);
    for epsilon in ["0.01", "0.5", "3"] {
        let scale = Scale::laplace(1, &ratio(epsilon)).unwrap();
        let b = 1.0 / epsilon.parse::<f64>().unwrap();
        let weight = |x: f64| (-x.abs() / b).exp();
        let bound = scale.bound(20);
        assert!(tail(&weight, bound) <= limit, "{epsilon}");
        assert!(
            tail(&weight, bound.saturating_sub(scale.numerator / scale.denominator + 2)) > limit,
            "{epsilon}"
        );
    }
    for epsilon in ["0.1", "1"] {
        let scale = Scale::gaussian(1, &ratio(epsilon), &ratio("0.00001")).unwrap();
        let sigma = scale.standard_deviation();
        let weight = |x: f64| (-x * x / (2.0 * sigma * sigma)).exp();
        let bound = scale.bound(20);
        assert!(tail(&weight, bound) <= limit, "{epsilon}");
        assert!(tail(&weight, bound - scale.numerator / scale.denominator - 1) > limit, "{epsilon}");
    }
}

#[test]
fn samples_have_the_reported_deviation() {
    let mut rng = seeded(30);
    for scale in [
        Scale::laplace(10, &ratio("0.5")).unwrap(),
        Scale::laplace(1, &ratio("4")).unwrap(),
        Scale::gaussian(5, &ratio("1"), &ratio("0.001")).unwrap(),
    ] {
        let samples: Vec<_> = (0..20_000).map(|_| scale.sample(&mut rng) as f64).collect();
        let mean = samples.iter().sum::<f64>() / 20_000.0;
        let deviation = (samples.iter().map(|x| x * x).sum::<f64>() / 20_000.0).sqrt();
        let reported = scale.standard_deviation();
        assert!(mean.abs() < 0.04 * reported, "{scale:?}: {mean}");
        assert!((deviation / reported - 1.0).abs() < 0.04, "{scale:?}: {deviation}");
    }
}

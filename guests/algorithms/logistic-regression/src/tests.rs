use tidegate_guest::native::{Column, Cut, Data, Error, Parameter};

use super::*;

const PASSES: usize = 25;

/// Outcomes and covariates with their ranges.
fn data(outcomes: &[bool], covariates: &[(&[f64], f64, f64)], iterations: i64, ridge: f64) -> Data {
    let used = i64::try_from(covariates.len()).unwrap();
    let mut parameters =
        vec![Parameter::Integer(used), Parameter::Integer(iterations), Parameter::Number(ridge)];
    let mut columns = vec![Column::Booleans(outcomes.iter().copied().map(Some).collect())];
    // Columns that are not read are bound to the first.
    for place in 0..MAX_COVARIATES {
        let &(values, low, high) = covariates.get(place).unwrap_or(&covariates[0]);
        parameters.extend([low, high].map(Parameter::Number));
        columns.push(Column::Numbers(values.iter().copied().map(Some).collect()));
    }
    Data::new(columns, parameters).unwrap()
}

#[track_caller]
fn assert_near(found: &[f64], expected: &[f64], absolute: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= absolute, "{found} is not near {expected}");
    }
}

/// S. R. Dalal, E. B. Fowlkes, B. Hoadley, "Risk Analysis of the Space Shuttle: Pre-Challenger Prediction of Failure", JASA
/// 84, 1989: temperature at launch, and whether an O-ring was damaged.
const TEMPERATURES: [f64; 23] = [
    66., 70., 69., 68., 67., 72., 73., 70., 57., 63., 70., 78., 67., 53., 67., 75., 70., 81., 76., 79., 75.,
    76., 58.,
];
const DAMAGED: [u8; 23] = [0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1];

fn launches(iterations: i64, ridge: f64) -> Data {
    data(&DAMAGED.map(|damaged| damaged == 1), &[(&TEMPERATURES, 30.0, 90.0)], iterations, ridge)
}

/// As R's `summary(glm(damaged ~ temperature, binomial))`.
#[test]
fn space_shuttles() {
    let found = launches(25, 0.0).aggregate_merged::<LogisticRegression>(Cut::whole(), PASSES).unwrap();
    assert_near(&found[..2], &[15.0429, 7.3786], 5.1e-5);
    assert_near(&found[3..5], &[-0.2322, 0.1082], 5.1e-5);
    assert_near(&[found[2], found[5]], &[2.039, -2.145], 5.1e-4);
    assert_near(&found[17..19], &[20.315, 28.267], 5.1e-4);
    assert_eq!((found[15], found[16], found[20]), (23.0, 7.0, 1.0));
    assert!(found[6..15].iter().all(|figure| figure.is_nan()));
    assert!(found[19] < 9.0);
}

/// Two by two: coefficients are log odds, their variances sums of reciprocal counts (B. Woolf, "On Estimating the Relation
/// between Blood Group and Disease", Annals of Human Genetics 19, 1955).
#[test]
fn two_by_two() {
    let cells = [(true, 1.0, 30), (false, 1.0, 20), (true, 0.0, 10), (false, 0.0, 40)];
    let rows: Vec<_> =
        cells.iter().flat_map(|&(outcome, exposed, count)| [(outcome, exposed)].repeat(count)).collect();
    let (outcomes, exposed): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let data = data(&outcomes, &[(&exposed, -1.0, 3.0)], 25, 0.0);
    let found = data.aggregate::<LogisticRegression>(Cut::whole(), PASSES).unwrap();
    let reciprocal = |counts: &[f64]| counts.iter().map(|count| 1.0 / count).sum::<f64>().sqrt();
    assert_near(&found[..2], &[(10f64 / 40.0).ln(), reciprocal(&[10.0, 40.0])], 1e-8);
    assert_near(&found[3..5], &[6f64.ln(), reciprocal(&[30.0, 20.0, 10.0, 40.0])], 1e-8);
}

/// What the ridge minimizes has no slope where it ends.
#[test]
fn a_ridge_balances_the_gradient() {
    let ridge = 0.7;
    let found = launches(25, ridge).aggregate::<LogisticRegression>(Cut::whole(), PASSES).unwrap();
    let (mut intercept, mut slope) = (0.0, -ridge * found[3] * 60.0);
    for (temperature, damaged) in TEMPERATURES.iter().zip(DAMAGED) {
        let left = f64::from(damaged) - 1.0 / (1.0 + (-found[0] - found[3] * temperature).exp());
        intercept += left;
        slope += left * (temperature - 30.0) / 60.0;
    }
    assert_near(&[intercept, slope, found[20]], &[0.0, 0.0, 1.0], 1e-8);
}

#[test]
fn outcomes_that_are_separated_need_a_ridge() {
    let values: Vec<_> = (0..20).map(f64::from).collect();
    let outcomes: Vec<_> = values.iter().map(|&value| value >= 10.0).collect();
    let fit = |ridge| {
        let data = data(&outcomes, &[(&values, 0.0, 20.0)], 25, ridge);
        data.aggregate::<LogisticRegression>(Cut::whole(), PASSES).unwrap()
    };
    let free = fit(0.0);
    assert!(free[..15].iter().all(|figure| figure.is_nan()) && free[20] == 0.0);
    let held = fit(0.1);
    assert!(held[3] > 0.0 && held[20] == 1.0);
}

#[test]
fn too_few_iterations_and_dependent_covariates_do_not_converge() {
    let few = launches(3, 0.0).aggregate::<LogisticRegression>(Cut::whole(), PASSES).unwrap();
    assert!(few[0].is_nan() && few[19..] == [3.0, 0.0]);
    let outcomes = DAMAGED.map(|damaged| damaged == 1);
    let covariate = (&TEMPERATURES[..], 30.0, 90.0);
    let twice = data(&outcomes, &[covariate, covariate], 25, 0.0);
    let found = twice.aggregate::<LogisticRegression>(Cut::whole(), PASSES).unwrap();
    assert!(found[0].is_nan() && found[20] == 0.0);
}

#[test]
fn no_cut_changes_a_bit() {
    let bits = |tables: Vec<f64>| tables.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    let data = launches(25, 0.0);
    let whole = bits(data.aggregate::<LogisticRegression>(Cut::whole(), PASSES).unwrap());
    for (rows, batch) in [(1, 1), (5, 2), (8, 8), (100, 100)] {
        let merged = data.aggregate_merged::<LogisticRegression>(Cut::new(rows, batch), PASSES).unwrap();
        assert_eq!(bits(merged), whole);
    }
}

#[test]
fn rows_that_are_not_complete_do_not_count() {
    let numbers = |values: [Option<f64>; 4]| Column::Numbers(values.to_vec());
    let values = [Some(0.1), None, Some(0.7), Some(0.5)];
    let columns = vec![
        Column::Booleans(vec![Some(true), Some(false), None, Some(false)]),
        numbers(values),
        numbers([None; 4]),
        numbers([None; 4]),
        numbers([None; 4]),
    ];
    let mut parameters = vec![Parameter::Integer(1), Parameter::Integer(1), Parameter::Number(0.0)];
    parameters.extend([0.0, 1.0].repeat(4).into_iter().map(Parameter::Number));
    let found =
        Data::new(columns, parameters).unwrap().aggregate::<LogisticRegression>(Cut::whole(), 1).unwrap();
    assert_eq!(found[15..17], [2.0, 1.0]);
}

#[test]
fn a_long_step_is_halved() {
    let model =
        Model { covariates: 1, iterations: 25, ridge: 0.0, ranges: [Range::new(0.0, 1.0).unwrap(); 4] };
    let mut sums = Sums::none();
    sums.add([([1.0, 0.5, 0.0, 0.0, 0.0], true)].into_iter(), &[-40.0, 0.0, 0.0, 0.0, 0.0]);
    let mut carry = Writer::new();
    carry.integer(1).numbers(&[-40.0, 0.0, 0.0, 0.0, 0.0]).numbers(&[0.0; 5]).number(-0.7);
    let iterate = Iterate::read(&carry.into_bytes()).unwrap();
    match iterate.step(&model, &sums) {
        Step::Again(next) => assert_eq!((next.coefficients[0], next.passes), (-20.0, 2)),
        Step::Done(_) => panic!("it must go on"),
    }
}

#[test]
fn parameters_that_make_no_model_are_refused() {
    let row = |covariates: i64, iterations: i64, ridge: f64, high: f64| {
        let mut parameters =
            vec![Parameter::Integer(covariates), Parameter::Integer(iterations), Parameter::Number(ridge)];
        parameters.extend([0.0, high].repeat(4).into_iter().map(Parameter::Number));
        let mut columns = vec![Column::Booleans(vec![Some(true)])];
        columns.extend(vec![Column::Numbers(vec![Some(1.0)]); 4]);
        Data::new(columns, parameters).unwrap().aggregate::<LogisticRegression>(Cut::whole(), PASSES)
    };
    for (covariates, iterations, ridge, high) in [
        (0, 9, 0.0, 1.0),
        (5, 9, 0.0, 1.0),
        (1, 0, 0.0, 1.0),
        (1, 9, -1.0, 1.0),
        (1, 9, f64::NAN, 1.0),
        (1, 9, 0.0, 0.0),
    ] {
        let stopped = row(covariates, iterations, ridge, high);
        assert_eq!(stopped, Err(Error::Stopped(Stop::PARAMETER)));
    }
}

use tidegate_guest::native::{Column, Cut, Data, Error, Measure, Parameter, Tabulated};

use super::*;

/// Values of each variable, the outcome first, with their ranges.
fn data(variables: &[(&[f64], f64, f64)]) -> Data {
    let covariates = i64::try_from(variables.len() - 1).unwrap();
    let mut parameters = vec![Parameter::Integer(covariates)];
    let mut columns = Vec::new();
    // Columns that are not read are bound to the outcome.
    for place in 0..VARIABLES {
        let &(values, low, high) = variables.get(place).unwrap_or(&variables[0]);
        parameters.extend([low, high].map(Parameter::Number));
        columns.push(Column::Numbers(values.iter().copied().map(Some).collect()));
    }
    Data::new(columns, parameters).unwrap()
}

fn figures(data: &Data, cut: Cut) -> Tabulated {
    let measure = |squares| Measure { minimum: 0.0, maximum: 1.0, decimals: 9, squares };
    let declared: Vec<_> = (0..MEASURES).map(|place| measure(place < VARIABLES)).collect();
    data.map::<LinearRegression>(cut).unwrap().tabulate(1, 1, &declared)
}

fn run(variables: &[(&[f64], f64, f64)]) -> Vec<f64> {
    let data = data(variables);
    data.derive::<LinearRegression>(&figures(&data, Cut::whole())).unwrap()
}

#[track_caller]
fn assert_near(found: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() <= relative, "{found} is not near {expected}");
    }
}

/// NIST StRD, linear least squares, Norris: calibration of ozone monitors; certified values.
mod norris {
    pub(super) const Y: [f64; 36] = [
        0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1, 778.1, 668.8,
        339.3, 448.9, 10.8, 557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6, 557.6, 339.3, 888.0, 998.5, 778.9,
        10.2, 117.6, 228.9, 668.4, 449.2, 0.2,
    ];
    pub(super) const X: [f64; 36] = [
        0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4, 0.6, 775.5, 666.9,
        338.0, 447.5, 11.6, 556.0, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8, 339.1, 887.2, 999.0, 779.0,
        11.1, 118.3, 229.2, 669.1, 448.9, 0.5,
    ];
    pub(super) const INTERCEPT: [f64; 2] = [-0.262323073774029, 0.232818234301152];
    pub(super) const SLOPE: [f64; 2] = [1.00211681802045, 0.429796848199937e-3];
    pub(super) const RESIDUAL_ERROR: f64 = 0.884796396144373;
    pub(super) const EXPLAINED: f64 = 0.999993745883712;
}

#[test]
fn ozone_monitors() {
    let found = run(&[(&norris::Y, 0.0, 1000.0), (&norris::X, 0.0, 1000.0)]);
    assert_near(&found[..1], &norris::INTERCEPT[..1], 1e-5);
    assert_near(&found[3..4], &norris::SLOPE[..1], 1e-8);
    assert_near(
        &[found[1], found[4], found[17]],
        &[norris::INTERCEPT[1], norris::SLOPE[1], norris::RESIDUAL_ERROR],
        1e-4,
    );
    assert_near(&found[18..19], &[norris::EXPLAINED], 1e-9);
    assert_eq!(found[15..17], [36.0, 34.0]);
    assert!(found[6..15].iter().chain(&found[19..]).all(|figure| figure.is_nan()));
}

/// K. A. Brownlee, "Statistical Theory and Methodology in Science and Engineering", 2nd edition, 1965, p. 454: loss of
/// ammonia in a plant; coefficients as R's `summary(lm(stack.loss ~ ., stackloss))`.
const STACK_LOSS: [[f64; 21]; 4] = [
    [42., 37., 37., 28., 18., 18., 19., 20., 15., 14., 14., 13., 11., 12., 8., 7., 8., 8., 9., 15., 15.],
    [80., 80., 75., 62., 62., 62., 62., 62., 58., 58., 58., 58., 58., 58., 50., 50., 50., 50., 50., 56., 70.],
    [27., 27., 25., 24., 22., 23., 24., 24., 23., 18., 18., 17., 18., 19., 18., 18., 19., 19., 20., 20., 20.],
    [89., 88., 90., 87., 87., 87., 93., 93., 87., 80., 89., 88., 82., 93., 89., 86., 72., 79., 80., 82., 91.],
];

fn stack_loss() -> [(&'static [f64], f64, f64); 4] {
    let [loss, air, water, acid] = &STACK_LOSS;
    [(loss, 0.0, 50.0), (air, 40.0, 100.0), (water, 10.0, 30.0), (acid, 50.0, 100.0)]
}

#[test]
fn ammonia() {
    let found = run(&stack_loss());
    let expected = [
        [-39.9197, 11.8960, -3.356],
        [0.7156, 0.1349, 5.307],
        [1.2953, 0.3680, 3.520],
        [-0.1521, 0.1563, -0.973],
    ];
    assert_near(&found[..12], expected.as_flattened(), 7e-4);
    assert_near(&found[15..19], &[21.0, 17.0, 3.243, 0.9136], 2e-4);
}

#[test]
fn four_covariates_are_found_again() {
    let covariate = |step: u32| (0..100u32).map(|row| f64::from(row * row * step % 101)).collect::<Vec<_>>();
    let covariates = [covariate(1), covariate(3), covariate(8), covariate(29)];
    let slopes = [1.0, -2.0, 0.5, 3.0];
    let outcome = |row: usize| {
        7.0 + covariates.iter().zip(slopes).map(|(values, slope)| slope * values[row]).sum::<f64>()
    };
    let outcomes: Vec<_> = (0..100).map(outcome).collect();
    let mut variables: Vec<(&[f64], _, _)> = vec![(&outcomes, -1000.0, 1000.0)];
    variables.extend(covariates.iter().map(|values| (&values[..], 0.0, 128.0)));
    let found = run(&variables);
    let estimates: Vec<_> = found[..15].chunks(3).map(|coefficient| coefficient[0]).collect();
    assert_near(&estimates, &[7.0, 1.0, -2.0, 0.5, 3.0], 1e-5);
}

#[test]
fn a_dependent_covariate_is_named() {
    let [loss, air, water, _] = stack_loss();
    let both: Vec<_> = air.0.iter().zip(water.0).map(|(air, water)| air - 2.0 * water).collect();
    let found = run(&[loss, air, water, (&both, -50.0, 100.0)]);
    assert!(found[..15].iter().chain(&found[16..19]).all(|figure| figure.is_nan()));
    assert_eq!((found[15], found[19]), (21.0, 3.0));
    let constant = run(&[loss, (&[5.0; 21], 0.0, 10.0)]);
    assert_eq!(constant[19], 1.0);
}

#[test]
fn what_is_suppressed_leaves_no_figure() {
    let data = data(&stack_loss());
    let mut figures = figures(&data, Cut::whole());
    figures.suppress(3);
    assert!(data.derive::<LinearRegression>(&figures).unwrap().iter().all(|figure| figure.is_nan()));
}

#[test]
fn rows_that_are_not_complete_do_not_count() {
    let numbers = |values: [Option<f64>; 4]| Column::Numbers(values.to_vec());
    let columns = vec![
        numbers([Some(1.0), None, Some(1.0), Some(0.5)]),
        numbers([Some(1.0), Some(1.0), None, Some(0.25)]),
        numbers([None; 4]),
        numbers([None; 4]),
        numbers([None; 4]),
    ];
    let ranges = [0.0, 1.0].repeat(5).into_iter().map(Parameter::Number);
    let data = Data::new(columns, std::iter::once(Parameter::Integer(1)).chain(ranges).collect()).unwrap();
    let figures = figures(&data, Cut::whole());
    assert_eq!((figures.counts[0], figures.sums[0][0], figures.sums[5][0]), (2.0, 1.5, 1.125));
}

#[test]
fn as_many_measures_are_declared() {
    let declared = include_str!("../algorithm.toml").matches("[[measure]]").count();
    assert_eq!(declared, LinearRegression::MEASURES);
}

#[test]
fn no_cut_changes_a_bit() {
    let data = data(&stack_loss());
    let whole = figures(&data, Cut::whole());
    assert!([(1, 1), (5, 2), (8, 8)]
        .iter()
        .all(|&(rows, batch)| figures(&data, Cut::new(rows, batch)) == whole));
}

#[test]
fn parameters_that_make_no_model_are_refused() {
    for (covariates, high) in [(0, 1.0), (5, 1.0), (1, 0.0)] {
        let mut parameters = vec![Parameter::Integer(covariates)];
        parameters.extend([0.0, high].repeat(5).into_iter().map(Parameter::Number));
        let data = Data::new(vec![Column::Numbers(vec![Some(1.0)]); 5], parameters).unwrap();
        let stopped = data.map::<LinearRegression>(Cut::whole());
        assert_eq!(stopped.unwrap_err(), Error::Stopped(Stop::PARAMETER));
    }
}

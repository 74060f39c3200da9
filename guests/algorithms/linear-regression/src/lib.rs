//! Linear regression by least squares.
//!
//! # What it assumes
//! A row counts where it has the outcome and all covariates. Each number is scaled to its declared range, and what is beyond
//! counts as its bound: choose ranges from what is known of a quantity, never from the data. Scaled numbers and their
//! products are rounded to 10^-9 before they are added, so that sums do not depend on the order of rows; the residual
//! standard error loses digits where the residuals are below a hundred-thousandth of the range. Standard errors assume
//! independent errors of equal variance.
//!
//! Where fewer than four covariates are asked for, bind the others to any column: they are not read.
//!
//! # What it gives
//! Estimate, standard error and t of each coefficient; observations, degrees of freedom, residual standard error and R
//! squared. Where a covariate depends on those before it (they explain all but 10^-6 of it), its number is given instead of the
//! coefficients.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;

use normal_equations::{unit, Dependent, Symmetric, Vector, MAX_UNKNOWNS};
use tidegate_guest::math::square_root;
use tidegate_guest::{
    mapper, Batch, Column, Derive, Figures, Mapper, Output, Place, Range, Setup, Stop, MISSING,
};

/// The outcome and four covariates.
const VARIABLES: usize = MAX_UNKNOWNS;

/// Sums, products with the outcome, products of covariates.
const MEASURES: usize = VARIABLES + 4 + 6;

/// Pairs of variables, in the order of the measures of their products; the outcome is variable 0.
const PAIRS: [(usize, usize); 10] =
    [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)];

/// A model of so many covariates, with the ranges of all variables.
#[derive(Debug)]
pub struct LinearRegression {
    covariates: usize,
    ranges: [Range; VARIABLES],
}

impl Mapper for LinearRegression {
    const MEASURES: usize = MEASURES;

    fn new(setup: &Setup<'_>) -> Result<Self, Stop> {
        let covariates = setup.size(0)? as usize;
        if covariates == 0 || covariates >= VARIABLES {
            return Err(Stop::PARAMETER);
        }
        let mut ranges = [Range::of(setup, 1)?; VARIABLES];
        for (variable, range) in ranges.iter_mut().enumerate().take(covariates + 1) {
            *range = Range::of(setup, 1 + 2 * variable)?;
        }
        Ok(Self { covariates, ranges })
    }

    fn map(&mut self, batch: &Batch<'_>, output: &mut Output<'_>) -> Result<(), Stop> {
        let mut columns = [batch.numbers(0)?; VARIABLES];
        for (column, place) in columns.iter_mut().zip(0..).take(self.covariates + 1) {
            *column = batch.numbers(place)?;
        }
        for row in 0..batch.rows() {
            if let Some(scaled) = self.scaled(&columns, row) {
                output.put(row, 0, with_products(scaled));
            }
        }
        Ok(())
    }
}

/// Returns variables, then their products in the order of [`PAIRS`].
fn with_products([y, a, b, c, d]: [f64; VARIABLES]) -> [f64; MEASURES] {
    [y, a, b, c, d, y * a, y * b, y * c, y * d, a * b, a * c, a * d, b * c, b * d, c * d]
}

impl Derive for LinearRegression {
    fn derive(&self, figures: &Figures<'_>) -> Result<Vec<f64>, Stop> {
        let mut tables = [MISSING; 3 * MAX_UNKNOWNS + 5];
        let (coefficients, fit) = tables.split_at_mut(3 * MAX_UNKNOWNS);
        if let Some(moments) = self.moments(figures) {
            let found = match moments.fit(self.covariates) {
                Ok(model) => {
                    model.write(coefficients);
                    [model.count, model.degrees, model.residual_error(), model.explained, MISSING]
                }
                Err(Dependent { unknown }) => [
                    moments.count,
                    MISSING,
                    MISSING,
                    MISSING,
                    f64::from(u32::try_from(unknown + 1).unwrap_or(0)),
                ],
            };
            fit.copy_from_slice(&found);
        }
        Ok(tables.to_vec())
    }
}

impl LinearRegression {
    /// Returns the variables of a row, if it has all.
    fn scaled(&self, columns: &[Column<'_, f64>; VARIABLES], row: usize) -> Option<[f64; VARIABLES]> {
        let mut scaled = [0.0; VARIABLES];
        let used = scaled.iter_mut().zip(columns).zip(&self.ranges).take(self.covariates + 1);
        for ((place, column), range) in used {
            *place = range.scale(column.get(row)?);
        }
        Some(scaled)
    }

    /// Returns means and sums of products of deviations, in the units of the data.
    fn moments(&self, figures: &Figures<'_>) -> Option<Moments> {
        let count = figures.count(Place::All).filter(|&count| count > 0.0)?;
        let (mut means, mut products) = ([0.0; VARIABLES], Symmetric::new());
        let mut sums = [0.0; VARIABLES];
        for (variable, (sum, (mean, range))) in
            sums.iter_mut().zip(means.iter_mut().zip(&self.ranges)).enumerate()
        {
            *sum = figures.sum(variable, Place::All)?;
            *mean = range.unscale(*sum / count);
            let deviations = figures.squares(variable, Place::All)? - *sum * *sum / count;
            products.set(variable, variable, deviations * range.width() * range.width());
        }
        let value = |list: &[f64; VARIABLES], variable: usize| list.get(variable).copied().unwrap_or(0.0);
        let widths = self.ranges.map(Range::width);
        for (measure, (one, other)) in (VARIABLES..).zip(PAIRS) {
            let deviations =
                figures.sum(measure, Place::All)? - value(&sums, one) * value(&sums, other) / count;
            products.set(one, other, deviations * value(&widths, one) * value(&widths, other));
        }
        Some(Moments { count, means, products })
    }
}

/// Count, means, and sums of products of deviations from these.
struct Moments {
    count: f64,
    means: [f64; VARIABLES],
    products: Symmetric,
}

impl Moments {
    fn fit(&self, covariates: usize) -> Result<Model, Dependent> {
        let mut inner = Symmetric::new();
        let (mut outer, mut centre) = ([0.0; MAX_UNKNOWNS], [0.0; MAX_UNKNOWNS]);
        let places = outer.iter_mut().zip(centre.iter_mut()).zip(self.means.iter().skip(1));
        for (row, ((outer, centre), mean)) in places.enumerate().take(covariates) {
            *outer = self.products.at(0, row + 1);
            *centre = *mean;
            (0..=row).for_each(|column| inner.set(row, column, self.products.at(row + 1, column + 1)));
        }
        let factor = inner.factor(covariates)?;
        let slopes = factor.solve(&outer);
        let total = self.products.at(0, 0);
        let left = total - product(&slopes, &outer);
        let residual = if left < 0.0 { 0.0 } else { left };
        let [mean, ..] = self.means;
        let places: u32 = covariates.try_into().unwrap_or(0);
        let mut variances = [0.0; MAX_UNKNOWNS];
        variances.iter_mut().enumerate().for_each(|(row, value)| *value = factor.inverse_form(&unit(row)));
        Ok(Model {
            count: self.count,
            degrees: self.count - f64::from(places) - 1.0,
            covariates,
            intercept: mean - product(&slopes, &centre),
            intercept_variance: 1.0 / self.count + factor.inverse_form(&centre),
            slopes,
            variances,
            residual,
            explained: if total > 0.0 { 1.0 - residual / total } else { MISSING },
        })
    }
}

/// A fitted model.
struct Model {
    count: f64,
    degrees: f64,
    covariates: usize,
    intercept: f64,
    /// Of the intercept and of the slopes, in units of that of the errors.
    intercept_variance: f64,
    variances: Vector,
    slopes: Vector,
    /// Sum of squares of residuals.
    residual: f64,
    /// R squared.
    explained: f64,
}

impl Model {
    fn residual_error(&self) -> f64 {
        if self.degrees > 0.0 {
            square_root(self.residual / self.degrees)
        } else {
            MISSING
        }
    }

    /// Writes estimate, standard error and t of each coefficient.
    fn write(&self, coefficients: &mut [f64]) {
        let slopes = self.slopes.iter().zip(&self.variances).take(self.covariates);
        let all = core::iter::once((&self.intercept, &self.intercept_variance)).chain(slopes);
        for (place, (estimate, variance)) in coefficients.chunks_exact_mut(3).zip(all) {
            let error = self.residual_error() * square_root(*variance);
            place.copy_from_slice(&[*estimate, error, if error > 0.0 { estimate / error } else { MISSING }]);
        }
    }
}

fn product(one: &Vector, other: &Vector) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

mapper!(LinearRegression, derive);

#[cfg(test)]
mod tests;

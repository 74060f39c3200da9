//! Logistic regression, by iteratively reweighted least squares: Newton's method on the likelihood, a pass over the data each.
//!
//! # What it assumes
//! A row counts where it has the outcome and all covariates. Each covariate is scaled to its declared range, and what is
//! beyond counts as its bound: choose ranges from what is known of a quantity, never from the data. `ridge` adds half of
//! itself times the sum of the squared coefficients, on that scale and without the intercept, to what is minimized. Rows
//! have to be independent of each other.
//!
//! Where fewer than four covariates are asked for, bind the others to any column: they are not read.
//!
//! # What it gives
//! Estimate, standard error (from the information, with the ridge) and z of each coefficient; observations, those with the
//! outcome, deviance, that without covariates, passes, and 1 if it converged. If it did not, because `iterations` were
//! too few, a covariate depends on others, or some separate the outcomes and no ridge holds them, coefficients are missing.
//!
//! # Sums
//! What rows add is rounded to 2^-40 and summed in whole numbers, so that figures do not depend on how the data are cut.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod fit;
mod sums;

use alloc::vec::Vec;

use fit::{Iterate, Step};
use normal_equations::{Vector, MAX_UNKNOWNS};
use sums::Sums;
use tidegate_guest::{
    aggregate, Aggregate, Batch, Column, Merge, Outcome, Range, Reader, Setup, Stop, Writer,
};

/// Most covariates.
const MAX_COVARIATES: usize = MAX_UNKNOWNS - 1;

/// A pass of the regression.
#[derive(Debug)]
pub struct LogisticRegression {
    model: Model,
    iterate: Iterate,
    sums: Sums,
}

/// What was asked for.
#[derive(Debug)]
struct Model {
    covariates: usize,
    iterations: u32,
    ridge: f64,
    ranges: [Range; MAX_COVARIATES],
}

impl Model {
    fn new(setup: &Setup<'_>) -> Result<Self, Stop> {
        let (covariates, iterations, ridge) = (setup.size(0)? as usize, setup.size(1)?, setup.number(2)?);
        let sound = (1..=MAX_COVARIATES).contains(&covariates)
            && iterations > 0
            && (0.0..f64::INFINITY).contains(&ridge);
        if !sound {
            return Err(Stop::PARAMETER);
        }
        let mut ranges = [Range::of(setup, 3)?; MAX_COVARIATES];
        for (covariate, range) in ranges.iter_mut().enumerate().take(covariates) {
            *range = Range::of(setup, 3 + 2 * covariate)?;
        }
        Ok(Self { covariates, iterations, ridge, ranges })
    }

    /// Returns the covariates of a row behind a 1, if it has all.
    fn scaled(&self, columns: &[Column<'_, f64>; MAX_COVARIATES], row: usize) -> Option<Vector> {
        let mut scaled: Vector = [1.0, 0.0, 0.0, 0.0, 0.0];
        let covariates = scaled.iter_mut().skip(1).zip(columns).zip(&self.ranges);
        for ((place, column), range) in covariates.take(self.covariates) {
            *place = range.scale(column.get(row)?);
        }
        Some(scaled)
    }

    /// Returns how many coefficients there are.
    fn unknowns(&self) -> usize {
        self.covariates + 1
    }
}

impl Aggregate for LogisticRegression {
    fn new(setup: &Setup<'_>) -> Result<Self, Stop> {
        let iterate = if setup.carry().is_empty() { Iterate::first() } else { Iterate::read(setup.carry())? };
        Ok(Self { model: Model::new(setup)?, iterate, sums: Sums::none() })
    }

    fn update(&mut self, batch: &Batch<'_>) -> Result<(), Stop> {
        let outcomes = batch.booleans(0)?;
        let mut columns = [batch.numbers(1)?; MAX_COVARIATES];
        for (column, place) in columns.iter_mut().zip(1..).take(self.model.covariates) {
            *column = batch.numbers(place)?;
        }
        let model = &self.model;
        let rows = outcomes.iter().enumerate();
        let complete = rows.filter_map(|(row, outcome)| Some((model.scaled(&columns, row)?, outcome?)));
        self.sums.add(complete, &self.iterate.coefficients);
        Ok(())
    }

    fn finish(&mut self) -> Result<Outcome, Stop> {
        Ok(match self.iterate.step(&self.model, &self.sums) {
            Step::Again(next) => Outcome::Carry(next.bytes()),
            Step::Done(fitted) => Outcome::Tables(self.tables(fitted)),
        })
    }
}

impl Merge for LogisticRegression {
    fn state(&self, state: &mut Writer) {
        self.sums.write(state);
    }

    fn merge(&mut self, state: &mut Reader<'_>) -> Result<(), Stop> {
        self.sums.merge(state)
    }
}

impl LogisticRegression {
    fn tables(&self, fitted: Option<fit::Fitted>) -> Vec<f64> {
        let converged = f64::from(u8::from(fitted.is_some()));
        let coefficients = fit::describe(&self.model, fitted);
        let [observations, positives] = self.sums.counts();
        let (deviance, null) = (-2.0 * self.sums.likelihood(), self.sums.null_deviance());
        let passes = f64::from(self.iterate.passes + 1);
        coefficients.into_iter().chain([observations, positives, deviance, null, passes, converged]).collect()
    }
}

aggregate!(LogisticRegression, merge);

#[cfg(test)]
mod tests;

//! Steps of Newton's method.

use alloc::vec::Vec;

use normal_equations::{unit, Factor, Symmetric, Vector, MAX_UNKNOWNS};
use tidegate_guest::math::{magnitude, square_root};
use tidegate_guest::{Range, Reader, Stop, Writer, MISSING};

use crate::sums::Sums;
use crate::Model;

/// It has converged when another step would gain so little of the likelihood, relative to it.
const GAIN: f64 = 1e-11;

/// A step may lose so much of the likelihood, relative to it, by rounding alone.
const ROUNDING: f64 = 1e-9;

/// Coefficients, and where they came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Iterate {
    /// Passes that went before.
    pub(crate) passes: u32,
    pub(crate) coefficients: Vector,
    /// The coefficients before them, and how likely these were.
    earlier: Vector,
    earlier_objective: f64,
}

/// What comes after a pass.
pub(crate) enum Step {
    /// Another, at other coefficients.
    Again(Iterate),
    /// Nothing; coefficients, if it converged.
    Done(Option<Fitted>),
}

/// Coefficients on the scale of the ranges, and the factored information.
pub(crate) struct Fitted {
    coefficients: Vector,
    information: Factor,
}

impl Iterate {
    pub(crate) fn first() -> Self {
        Self {
            passes: 0,
            coefficients: [0.0; MAX_UNKNOWNS],
            earlier: [0.0; MAX_UNKNOWNS],
            earlier_objective: f64::NEG_INFINITY,
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Stop> {
        let mut carry = Reader::new(bytes);
        let iterate = Self {
            passes: u32::try_from(carry.integer()?).map_err(|_| Stop::STATE)?,
            coefficients: carry.numbers()?,
            earlier: carry.numbers()?,
            earlier_objective: carry.number()?,
        };
        carry.end()?;
        Ok(iterate)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut carry = Writer::new();
        carry.integer(self.passes.into());
        carry.numbers(&self.coefficients).numbers(&self.earlier).number(self.earlier_objective);
        carry.into_bytes()
    }

    /// Goes on from what was seen at these coefficients.
    pub(crate) fn step(&self, model: &Model, sums: &Sums) -> Step {
        let objective =
            sums.likelihood() - model.ridge * 0.5 * slopes(&self.coefficients, |slope| slope * slope);
        let passes = self.passes + 1;
        if objective < self.earlier_objective - ROUNDING * magnitude(self.earlier_objective) {
            let halved =
                self.coefficients.iter().zip(&self.earlier).map(|(now, earlier)| 0.5 * (now + earlier));
            return again(model, Self { passes, coefficients: collect(halved), ..self.clone() });
        }
        let information = match penalized(model, sums).factor(model.unknowns()) {
            Ok(information) => information,
            Err(_) => return Step::Done(None),
        };
        let gradient = gradient(model, sums, &self.coefficients);
        let change = information.solve(&gradient);
        let gain: f64 = change.iter().zip(&gradient).map(|(change, gradient)| change * gradient).sum();
        let coefficients = collect(self.coefficients.iter().zip(&change).map(|(now, change)| now + change));
        if gain <= GAIN * (magnitude(objective) + 0.1) {
            return Step::Done(Some(Fitted { coefficients, information }));
        }
        let earlier = self.coefficients;
        again(model, Self { passes, coefficients, earlier, earlier_objective: objective })
    }
}

/// Goes on unless there were enough passes.
fn again(model: &Model, next: Iterate) -> Step {
    if next.passes < model.iterations {
        Step::Again(next)
    } else {
        Step::Done(None)
    }
}

fn slopes(coefficients: &Vector, value: impl Fn(f64) -> f64) -> f64 {
    coefficients.iter().skip(1).map(|&slope| value(slope)).sum()
}

fn penalized(model: &Model, sums: &Sums) -> Symmetric {
    let mut information = sums.information();
    (1..MAX_UNKNOWNS).for_each(|slope| {
        let entry = information.at(slope, slope);
        information.set(slope, slope, entry + model.ridge);
    });
    information
}

fn gradient(model: &Model, sums: &Sums, coefficients: &Vector) -> Vector {
    let mut gradient = sums.gradient();
    for (entry, slope) in gradient.iter_mut().zip(coefficients).skip(1) {
        *entry -= model.ridge * slope;
    }
    gradient
}

fn collect(values: impl Iterator<Item = f64>) -> Vector {
    let mut vector = [0.0; MAX_UNKNOWNS];
    vector.iter_mut().zip(values).for_each(|(place, value)| *place = value);
    vector
}

/// Returns estimate, standard error and z of each coefficient, in the units of the data.
pub(crate) fn describe(model: &Model, fitted: Option<Fitted>) -> [f64; 3 * MAX_UNKNOWNS] {
    let mut figures = [MISSING; 3 * MAX_UNKNOWNS];
    let fitted = match fitted {
        Some(fitted) => fitted,
        None => return figures,
    };
    let combinations = core::iter::once(intercept(model)).chain((1..).zip(&model.ranges).map(slope));
    for (place, combination) in figures.chunks_exact_mut(3).zip(combinations.take(model.unknowns())) {
        let estimate: f64 =
            combination.iter().zip(&fitted.coefficients).map(|(part, value)| part * value).sum();
        let error = square_root(fitted.information.inverse_form(&combination));
        place.copy_from_slice(&[estimate, error, estimate / error]);
    }
    figures
}

/// Returns what makes the intercept of the data out of the scaled coefficients: a covariate of 0 lies at -low / width.
fn intercept(model: &Model) -> Vector {
    let lows = model.ranges.iter().map(|range| -range.low() / range.width()).take(model.covariates);
    collect(core::iter::once(1.0).chain(lows))
}

fn slope((place, range): (usize, &Range)) -> Vector {
    unit(place).map(|part| part / range.width())
}

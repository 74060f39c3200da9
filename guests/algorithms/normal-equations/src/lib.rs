//! Symmetric positive definite systems of few unknowns, as least squares and Newton's method leave them, by the
//! factorization of Cholesky (G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, §4.2).
//!
//! A matrix is brought to a diagonal of ones before it is factored, so that the units of covariates do not matter, and each
//! pivot is then the part of a covariate that those before it do not explain.
#![cfg_attr(target_arch = "wasm32", no_std)]

use tidegate_guest::math::square_root;

/// Most unknowns: an intercept and four covariates.
pub const MAX_UNKNOWNS: usize = 5;

/// An unknown that those before it explain to all but so much counts as dependent on them.
const DEPENDENT: f64 = 1e-6;

/// A number for each unknown; zero beyond them.
pub type Vector = [f64; MAX_UNKNOWNS];

/// A symmetric matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Symmetric {
    rows: [Vector; MAX_UNKNOWNS],
}

impl Symmetric {
    /// Starts with zeros.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an entry and the one across the diagonal; nothing beyond [`MAX_UNKNOWNS`].
    pub fn set(&mut self, row: usize, column: usize, value: f64) {
        for (row, column) in [(row, column), (column, row)] {
            let place = self.rows.get_mut(row).and_then(|row| row.get_mut(column));
            place.into_iter().for_each(|place| *place = value);
        }
    }

    /// Returns an entry; zero beyond [`MAX_UNKNOWNS`].
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0.0)
    }

    /// Factors the leading `len` rows and columns.
    ///
    /// # Errors
    /// [`Dependent`]: an unknown has no variation of its own.
    pub fn factor(&self, len: usize) -> Result<Factor, Dependent> {
        let mut factor = Factor { len, scales: [0.0; MAX_UNKNOWNS], lower: Self::new() };
        for (row, scale) in factor.scales.iter_mut().enumerate().take(len) {
            let diagonal = self.at(row, row);
            *scale = if diagonal > 0.0 {
                1.0 / square_root(diagonal)
            } else {
                return Err(Dependent { unknown: row });
            };
        }
        for row in 0..len {
            for column in 0..row {
                let entry = (self.scaled(&factor, row, column) - factor.product(row, column, column))
                    / factor.lower.at(column, column);
                factor.lower.set(row, column, entry);
            }
            let pivot = self.scaled(&factor, row, row) - factor.product(row, row, row);
            if pivot.is_nan() || pivot <= DEPENDENT {
                return Err(Dependent { unknown: row });
            }
            factor.lower.set(row, row, square_root(pivot));
        }
        Ok(factor)
    }

    fn scaled(&self, factor: &Factor, row: usize, column: usize) -> f64 {
        self.at(row, column) * at(&factor.scales, row) * at(&factor.scales, column)
    }
}

/// An unknown that those before it determine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// Its place.
    pub unknown: usize,
}

/// A matrix in two factors, and what brings its diagonal to ones.
#[derive(Clone, Debug)]
pub struct Factor {
    len: usize,
    scales: Vector,
    /// The lower factor, and its mirror image.
    lower: Symmetric,
}

impl Factor {
    /// Returns the solution for a right side.
    pub fn solve(&self, right: &Vector) -> Vector {
        let mut solution = self.forward(right);
        for row in (0..self.len).rev() {
            let known: f64 =
                (row + 1..self.len).map(|later| self.lower.at(later, row) * at(&solution, later)).sum();
            put(&mut solution, row, |value| (value - known) / self.lower.at(row, row));
        }
        for row in 0..self.len {
            put(&mut solution, row, |value| value * at(&self.scales, row));
        }
        solution
    }

    /// Returns v' A^-1 v.
    pub fn inverse_form(&self, vector: &Vector) -> f64 {
        self.forward(vector).iter().map(|value| value * value).sum()
    }

    /// Solves with the lower factor, on the scale of ones.
    fn forward(&self, right: &Vector) -> Vector {
        let mut solution = [0.0; MAX_UNKNOWNS];
        for row in 0..self.len {
            let known: f64 =
                (0..row).map(|earlier| self.lower.at(row, earlier) * at(&solution, earlier)).sum();
            let scaled = at(right, row) * at(&self.scales, row);
            put(&mut solution, row, |_| (scaled - known) / self.lower.at(row, row));
        }
        solution
    }

    /// Adds up products of two rows of the lower factor, before a column.
    fn product(&self, row: usize, other: usize, column: usize) -> f64 {
        (0..column).map(|place| self.lower.at(row, place) * self.lower.at(other, place)).sum()
    }
}

/// Returns the vector with one 1.
pub fn unit(place: usize) -> Vector {
    let mut unit = [0.0; MAX_UNKNOWNS];
    put(&mut unit, place, |_| 1.0);
    unit
}

fn at(vector: &Vector, place: usize) -> f64 {
    vector.get(place).copied().unwrap_or(0.0)
}

fn put(vector: &mut Vector, place: usize, value: impl FnOnce(f64) -> f64) {
    if let Some(place) = vector.get_mut(place) {
        *place = value(*place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symmetric(rows: &[&[f64]]) -> Symmetric {
        let mut matrix = Symmetric::new();
        for (row, values) in rows.iter().enumerate() {
            values.iter().enumerate().for_each(|(column, &value)| matrix.set(row, column, value));
        }
        matrix
    }

    /// The inverse of the matrix of Hilbert has whole entries; that of order 4: D. E. Knuth, "The Art of Computer
    /// Programming" vol. 1, §1.2.3, exercise 45.
    #[test]
    fn the_inverse_of_hilbert() {
        let inverse: [Vector; 4] = [
            [16.0, -120.0, 240.0, -140.0, 0.0],
            [-120.0, 1200.0, -2700.0, 1680.0, 0.0],
            [240.0, -2700.0, 6480.0, -4200.0, 0.0],
            [-140.0, 1680.0, -4200.0, 2800.0, 0.0],
        ];
        let mut hilbert = Symmetric::new();
        (0..4).for_each(|row| {
            (0..=row).for_each(|column| hilbert.set(row, column, 1.0 / (row + column + 1) as f64))
        });
        let factor = hilbert.factor(4).unwrap();
        for (place, expected) in inverse.iter().enumerate() {
            let found = factor.solve(&unit(place));
            assert!(
                found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-8),
                "{found:?}"
            );
            assert!((factor.inverse_form(&unit(place)) - expected[place]).abs() < 1e-8);
        }
    }

    #[test]
    fn units_do_not_matter() {
        let matrix = symmetric(&[&[4e30, 1e3], &[1e3, 9e-24]]);
        let found =
            matrix.factor(2).unwrap().solve(&[4e30 * 2.0 + 1e3 * 5e25, 2e3 + 9e-24 * 5e25, 0.0, 0.0, 0.0]);
        assert!((found[0] - 2.0).abs() < 1e-9 && (found[1] / 5e25 - 1.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn the_dependent_unknown_is_named() {
        let sum = symmetric(&[&[2.0, 1.0, 3.0], &[1.0, 2.0, 3.0], &[3.0, 3.0, 6.0]]);
        assert_eq!(sum.factor(3).unwrap_err(), Dependent { unknown: 2 });
        assert!(sum.factor(2).is_ok());
        assert_eq!(symmetric(&[&[1.0, 0.0], &[0.0, 0.0]]).factor(2).unwrap_err(), Dependent { unknown: 1 });
        assert_eq!(symmetric(&[&[f64::NAN]]).factor(1).unwrap_err(), Dependent { unknown: 0 });
        let indefinite = symmetric(&[&[1.0, 2.0], &[2.0, 1.0]]);
        assert_eq!(indefinite.factor(2).unwrap_err(), Dependent { unknown: 1 });
    }
}

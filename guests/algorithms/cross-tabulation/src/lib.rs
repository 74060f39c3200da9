//! A cross tabulation of two categories, and how far they are associated.
//!
//! # What it assumes
//! A row counts where it has both categories. Pearson's chi-squared approximates its distribution where the expected counts
//! are not small (a common rule: at least 5), and assumes that rows are independent of each other.
//!
//! # What it gives
//! The counts are the released cells and totals. From the cells: chi-squared without correction for continuity, its degrees of
//! freedom, and Cramér's V. All are missing where a cell is suppressed; rows and columns without a count do not enter.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use tidegate_guest::math::square_root;
use tidegate_guest::{mapper, Batch, Derive, Figures, Mapper, Output, Place, Setup, Stop, MISSING, NO_CELL};

/// The cells of two categories.
#[derive(Debug)]
pub struct CrossTabulation {
    columns: u32,
}

impl Mapper for CrossTabulation {
    const MEASURES: usize = 0;

    fn new(setup: &Setup<'_>) -> Result<Self, Stop> {
        Ok(Self { columns: setup.labels_len(1)? })
    }

    fn map(&mut self, batch: &Batch<'_>, output: &mut Output<'_>) -> Result<(), Stop> {
        let (cells, []) = output.parts();
        let rows = batch.categories(0)?.iter().zip(batch.categories(1)?.iter());
        for ((row, column), cell) in rows.zip(cells) {
            *cell = row.zip(column).map_or(NO_CELL, |(row, column)| row * self.columns + column);
        }
        Ok(())
    }
}

impl Derive for CrossTabulation {
    fn derive(&self, figures: &Figures<'_>) -> Result<Vec<f64>, Stop> {
        Ok(association(figures).unwrap_or([MISSING; 3]).to_vec())
    }
}

/// Returns chi-squared, its degrees of freedom and Cramér's V.
fn association(figures: &Figures<'_>) -> Option<[f64; 3]> {
    let (row_sums, column_sums) = margins(figures)?;
    let total: f64 = row_sums.iter().sum();
    let mut chi_squared = 0.0;
    for (row, row_sum) in (0..).zip(&row_sums) {
        for (column, column_sum) in (0..).zip(&column_sums) {
            let expected = row_sum * column_sum / total;
            let apart = figures.count(Place::Cell(row, column))? - expected;
            chi_squared += if expected > 0.0 { apart * apart / expected } else { 0.0 };
        }
    }
    let free = |sums: &[f64]| sums.iter().filter(|&&sum| sum > 0.0).map(|_| 1.0).sum::<f64>() - 1.0;
    let (rows, columns) = (free(&row_sums), free(&column_sums));
    let smaller = if rows < columns { rows } else { columns };
    let strength = if smaller > 0.0 { square_root(chi_squared / (total * smaller)) } else { MISSING };
    Some([chi_squared, if smaller < 0.0 { MISSING } else { rows * columns }, strength])
}

/// Returns the sums of rows and columns over the released cells; nothing where one is suppressed.
fn margins(figures: &Figures<'_>) -> Option<(Vec<f64>, Vec<f64>)> {
    let mut row_sums = vec![0.0; figures.rows() as usize];
    let mut column_sums = vec![0.0; figures.columns() as usize];
    for (row, row_sum) in (0..).zip(&mut row_sums) {
        for (column, column_sum) in (0..).zip(&mut column_sums) {
            let count = figures.count(Place::Cell(row, column))?;
            *row_sum += count;
            *column_sum += count;
        }
    }
    Some((row_sums, column_sums))
}

mapper!(CrossTabulation, derive);

#[cfg(test)]
mod tests {
    use tidegate_guest::native::{Column, Cut, Data, Tabulated};

    use super::*;

    fn data<const COLUMNS: usize>(counts: &[[usize; COLUMNS]]) -> Data {
        let (mut rows, mut columns) = (vec![None, Some(0)], vec![Some(0), None]);
        for (row, counts) in (0..).zip(counts) {
            for (column, &count) in (0..).zip(counts) {
                rows.extend([Some(row)].repeat(count));
                columns.extend([Some(column)].repeat(count));
            }
        }
        let category = |values, len: usize| Column::Categories {
            labels: (0..len).map(|label| label.to_string()).collect(),
            values,
        };
        Data::new(vec![category(rows, counts.len()), category(columns, COLUMNS)], vec![]).unwrap()
    }

    fn figures(data: &Data, rows: u32, columns: u32, cut: Cut) -> Tabulated {
        data.map::<CrossTabulation>(cut).unwrap().tabulate(rows, columns, &[])
    }

    /// R. D. Snee, "Graphical Display of Two-way Contingency Tables", The American Statistician 28, 1974: colour of
    /// hair (black, brown, red, blond) and eyes (brown, blue, hazel, green) of 592 students.
    const HAIR_AND_EYES: [[usize; 4]; 4] =
        [[68, 20, 15, 5], [119, 84, 54, 29], [26, 17, 14, 14], [7, 94, 10, 16]];

    #[test]
    fn hair_and_eyes() {
        let data = data(&HAIR_AND_EYES);
        let figures = figures(&data, 4, 4, Cut::whole());
        let counts: Vec<_> = HAIR_AND_EYES.concat().iter().map(|&count| count as f64).collect();
        assert_eq!(figures.counts[..16], counts);
        assert_eq!(figures.counts[24], 592.0);
        let found = data.derive::<CrossTabulation>(&figures).unwrap();
        assert!((found[0] - 138.289_8).abs() < 5e-5 && (found[2] - 0.279_045).abs() < 1e-6, "{found:?}");
        assert_eq!(found[1], 9.0);
    }

    #[test]
    fn a_suppressed_cell_leaves_no_figure() {
        let data = data(&HAIR_AND_EYES);
        let mut figures = figures(&data, 4, 4, Cut::whole());
        figures.suppress(3);
        assert!(data.derive::<CrossTabulation>(&figures).unwrap().iter().all(|figure| figure.is_nan()));
    }

    #[test]
    fn empty_rows_and_columns_do_not_enter() {
        let data = data(&[[10, 0, 20], [0, 0, 0], [30, 0, 40]]);
        let found = data.derive::<CrossTabulation>(&figures(&data, 3, 3, Cut::whole())).unwrap();
        // 100 (10 * 40 - 20 * 30)^2 / (30 * 70 * 40 * 60)
        assert!((found[0] - 100.0 * 40_000.0 / 5_040_000.0).abs() < 1e-12);
        assert_eq!(found[1], 1.0);
    }

    #[test]
    fn one_row_and_nothing_have_no_strength() {
        let found = |counts: &[[usize; 2]]| {
            let (data, rows) = (data(counts), counts.len().try_into().unwrap());
            data.derive::<CrossTabulation>(&figures(&data, rows, 2, Cut::whole())).unwrap()
        };
        let one = found(&[[3, 4]]);
        assert!(one[..2] == [0.0, 0.0] && one[2].is_nan());
        assert!(found(&[[0, 0], [0, 0]])[1..].iter().all(|figure| figure.is_nan()));
    }

    #[test]
    fn as_many_measures_are_declared() {
        let declared = include_str!("../algorithm.toml").matches("[[measure]]").count();
        assert_eq!(declared, CrossTabulation::MEASURES);
    }

    #[test]
    fn no_cut_changes_a_bit() {
        let data = data(&HAIR_AND_EYES);
        let whole = figures(&data, 4, 4, Cut::whole());
        assert!([(1, 1), (64, 7), (100, 100)].iter().all(|&(rows, batch)| figures(
            &data,
            4,
            4,
            Cut::new(rows, batch)
        ) == whole));
    }
}

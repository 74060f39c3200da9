//! Tables of statistics, as they are shown and written: derived from released counts and sums alone.

use serde::{Deserialize, Serialize};
use tidegate_disclosure::{Figures, Place, Verdict};

use super::grid::{GridPlan, Measure, NumberPlan, Subject};
use super::rational::quotient;
use super::released::Released;
use crate::agreement::{ColumnTerm, StatisticKind, StatisticTerm, Terms};
use crate::decimal::{Decimal, wide_text_of};

/// A statistic over the records, by group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatisticTable {
    /// Its name in the agreement.
    pub name: String,
    /// What was computed.
    pub kind: StatisticKind,
    /// Whose columns it is about.
    pub owner: String,
    /// The number column, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The group columns: none, the rows', or those of rows and columns.
    pub by: Vec<Axis>,
    /// The cells, and the margins where they are asked for.
    pub entries: Vec<TableEntry>,
}

/// A group column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// Its groups, in order.
    pub labels: Vec<String>,
    /// The borders of its groups, one more than there are groups, where these are bins; otherwise none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<Decimal>,
}

/// A cell or margin of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableEntry {
    /// The row, counted from 0; none where all are taken together.
    pub row: Option<u32>,
    /// The column, likewise.
    pub column: Option<u32>,
    /// Whether it is suppressed.
    pub suppressed: bool,
    /// How many records it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Number>,
    /// The statistic, where it is another than the count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Number>,
}

/// A number with its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// To compute with.
    pub number: f64,
    /// To read: exact for counts and sums, otherwise two digits more than the column has.
    pub text: String,
    /// How far chance may have moved it: the sample's for a mean whose variance is released too, that of noise, and that of
    /// rounded squares for a variance or standard deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

/// Makes the tables of a plan; `released` holds one entry for each grid.
pub fn tables(terms: &Terms, subject: Subject<'_>, released: &[Released]) -> Vec<StatisticTable> {
    let mut tables = Vec::new();
    for (grid, released) in subject.grids.iter().zip(released) {
        for place in &grid.statistics {
            let made = terms
                .statistic
                .get(*place)
                .map(|statistic| Maker { terms, subject, grid, released, statistic }.table());
            tables.extend(made.map(|table| (*place, table)));
        }
    }
    tables.sort_by_key(|(place, _)| *place);
    tables.into_iter().map(|(_, table)| table).collect()
}

/// Everything that a table is made of.
struct Maker<'a> {
    terms: &'a Terms,
    subject: Subject<'a>,
    grid: &'a GridPlan,
    released: &'a Released,
    statistic: &'a StatisticTerm,
}

impl Maker<'_> {
    fn table(&self) -> StatisticTable {
        let columns = self.statistic.by.iter().filter_map(|name| self.terms.column_named(name));
        let axis = |column: &ColumnTerm| Axis {
            name: column.name().to_owned(),
            labels: column.group_labels(),
            edges: column.edges().to_vec(),
        };
        let by: Vec<Axis> = columns.map(axis).collect();
        StatisticTable {
            name: self.statistic.name.clone(),
            kind: self.statistic.kind,
            owner: self.subject.owner.to_owned(),
            of: self.statistic.of.clone(),
            entries: self.places(&by).into_iter().map(|place| self.entry(place)).collect(),
            by,
        }
    }

    /// Lists the places of the statistic, as rows and columns of its own.
    fn places(&self, by: &[Axis]) -> Vec<Place> {
        let len = |n: usize| by.get(n).map_or(0, |axis| u32::try_from(axis.labels.len()).unwrap_or(u32::MAX));
        let (rows, columns, totals) = (len(0), len(1), self.statistic.totals);
        let mut places = Vec::new();
        let across = |row: Option<u32>, places: &mut Vec<Place>| {
            places.extend((0..columns).map(|column| Place { row, column: Some(column) }));
            if by.len() < 2 || totals {
                places.push(Place { row, column: None });
            }
        };
        (0..rows).for_each(|row| across(Some(row), &mut places));
        if by.is_empty() || totals {
            across(None, &mut places);
        }
        places
    }

    /// Returns where a place of the statistic stands in its grid, whose columns may be in another order.
    fn in_grid(&self, place: Place) -> Place {
        let index = |n: usize| {
            let column = self.terms.column.get(*self.grid.by.get(n)?)?.name();
            match self.statistic.by.iter().position(|name| name == column)? {
                0 => place.row,
                _ => place.column,
            }
        };
        self.grid.shape.canonical(Place { row: index(0), column: index(1) })
    }

    fn entry(&self, place: Place) -> TableEntry {
        let in_grid = self.in_grid(place);
        let suppressed = self.released.release.verdict(in_grid) != Verdict::Released;
        let figures = self.released.release.figures(in_grid);
        TableEntry {
            row: place.row,
            column: place.column,
            suppressed,
            count: figures.map(|figures| Number {
                number: to_f64(figures.count.into()),
                text: figures.count.to_string(),
                standard_error: figures.deviations.as_ref().map(|deviations| deviations.count),
            }),
            value: figures.and_then(|figures| self.value(&Measured { maker: self, figures })),
        }
    }

    fn value(&self, measured: &Measured<'_>) -> Option<Number> {
        let place = self.terms.column_place(self.statistic.of.as_ref()?)?;
        let number = self.subject.number(place)?;
        match self.statistic.kind {
            StatisticKind::Sum => measured.sum_of(number),
            StatisticKind::Mean => measured.mean_of(number),
            StatisticKind::Variance => {
                let variance = measured.variance_of(number)?;
                Some(measured.shown(number, variance, measured.rounding_of(number)))
            }
            StatisticKind::StandardDeviation => {
                let deviation = measured.variance_of(number)?.sqrt();
                let rounding = measured.rounding_of(number);
                // Of the root, by the derivative; where the variance is lost in the rounding, the root of that.
                let error = rounding.map(|error| (error / (2.0 * deviation)).min(error.sqrt()));
                Some(measured.shown(number, deviation, error))
            }
            StatisticKind::Count | StatisticKind::Histogram | StatisticKind::Crosstab => None,
        }
    }
}

/// The released figures of a place.
struct Measured<'a> {
    maker: &'a Maker<'a>,
    figures: &'a Figures,
}

impl Measured<'_> {
    /// Returns a sum and the deviation of its noise, in units.
    fn sum(&self, measure: Measure) -> Option<(i128, Option<f64>)> {
        let index = self.maker.grid.measures.iter().position(|other| *other == measure)?.checked_sub(1)?;
        let deviation = self.figures.deviations.as_ref().and_then(|d| d.sums.get(index).copied());
        Some((*self.figures.sums.get(index)?, deviation))
    }

    fn count(&self) -> f64 {
        to_f64(self.figures.count.into())
    }

    fn sum_of(&self, number: &NumberPlan) -> Option<Number> {
        let (sum, deviation) = self.sum(Measure::Sum(number.place))?;
        Some(Number {
            number: quotient(sum, &[power(number)]),
            text: wide_text_of(sum, number.decimals),
            standard_error: deviation.map(|deviation| deviation / unit(number)),
        })
    }

    fn mean_of(&self, number: &NumberPlan) -> Option<Number> {
        let (sum, deviation) = self.sum(Measure::Sum(number.place))?;
        let count = Some(self.count()).filter(|&count| count > 0.0)?;
        let mean = quotient(sum, &[power(number), self.figures.count]);
        // Of chance, as far as the variance is released, and of the noise of sum and count (delta method).
        let sampling = self.variance_of(number).map(|variance| variance / count);
        let noise = deviation.zip(self.figures.deviations.as_ref()).map(|(sum, deviations)| {
            let (sum, counted) = (sum / unit(number), mean * deviations.count);
            (sum * sum + counted * counted) / (count * count)
        });
        let error = [sampling, noise].into_iter().flatten().reduce(|a, b| a + b).map(f64::sqrt);
        Some(self.shown(number, mean, error))
    }

    /// Computes the variance of a sample, n - 1 in the denominator: the float nearest to what the sums say.
    fn variance_of(&self, number: &NumberPlan) -> Option<f64> {
        let (sum, _) = self.sum(Measure::Sum(number.place))?;
        let (squares, _) = self.sum(Measure::Squares(number.place))?;
        let count = i128::from(self.figures.count);
        let degrees = self.figures.count.checked_sub(1).filter(|&degrees| degrees > 0)?;
        // n (sum of squares) - (sum of distances)^2, over n (n - 1): exact, and rounded once.
        let distances = sum - count * i128::from(number.middle);
        let squares = squares.checked_mul(1 << number.square_shift)?.checked_mul(count)?;
        let spread = squares.checked_sub(distances.checked_mul(distances)?)?.max(0);
        Some(quotient(spread, &[self.figures.count, degrees, power(number), power(number)]))
    }

    /// Returns how far the rounding of squares may have moved the variance: its standard deviation, each square being
    /// off by up to half a unit in either direction.
    fn rounding_of(&self, number: &NumberPlan) -> Option<f64> {
        let step =
            (number.square_shift > 0).then(|| 2f64.powi(i32::try_from(number.square_shift).unwrap_or(0)))?;
        let count = self.count();
        let error = step * (count / 12.0).sqrt() / (count - 1.0);
        Some(error / (unit(number) * unit(number)))
    }

    fn shown(&self, number: &NumberPlan, value: f64, standard_error: Option<f64>) -> Number {
        let digits = usize::from(number.decimals) + 2;
        Number { number: value, text: format!("{value:.digits$}"), standard_error }
    }
}

/// Returns how many units of the last digit make one.
fn power(number: &NumberPlan) -> u64 {
    10u64.saturating_pow(number.decimals.into())
}

fn unit(number: &NumberPlan) -> f64 {
    10f64.powi(number.decimals.into())
}

/// Takes an integer as a float, as exactly as that can hold it.
#[expect(clippy::cast_precision_loss, reason = "a shown number has 53 bits")]
fn to_f64(value: i128) -> f64 {
    value as f64
}

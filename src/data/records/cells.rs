//! Cells of one column of values, as their types in the table give them, turned into units or groups.
//!
//! A float stands for the decimal, with the declared digits, whose nearest float it is; one that is nobody's
//! nearest has more digits, as 0.1 + 0.2 has. That is told only up to 2^52 units (2^23 for single precision),
//! above which several decimals have the same nearest float, so greater ones are refused.

use std::collections::HashMap;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, Float32Array, Float64Array, PrimitiveArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type};

use super::super::error::DataError;
use super::super::keys::TextCells;
use super::super::normalize::{Normalizer, RejectReason, Scratch};
use super::super::source::TableSource;
use super::{CellFault, ColumnSpec};
use crate::decimal::{NotADecimal, parse_units};

/// Above this many units doubles do not tell decimals apart.
const DOUBLE_UNITS: f64 = (1u64 << 52) as f64;

/// Above this many units single floats do not tell decimals apart.
const SINGLE_UNITS: f64 = (1u64 << 23) as f64;

/// How the cells of a column are read.
pub(super) enum Reader {
    Number { decimals: u8, min: i64, max: i64 },
    Category { groups: HashMap<String, u16>, normalizer: Normalizer },
    Bins { decimals: u8, edges: Vec<i64> },
}

/// The cells of a column of one batch.
pub(super) enum Cells {
    Text(TextCells),
    Decimal(Decimal128Array),
    Double(Float64Array),
    Single(Float32Array),
}

/// Why a cell gives no value.
pub(super) enum Refused {
    /// It is empty.
    Missing(RejectReason),
    /// It is a number beyond 64 bits, and so beyond any bounds.
    TooLarge,
    /// It is not what is declared.
    Fault(CellFault),
}

impl From<CellFault> for Refused {
    fn from(fault: CellFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<NotADecimal> for Refused {
    fn from(error: NotADecimal) -> Self {
        match error {
            NotADecimal::TooManyDecimals { max } => Self::Fault(CellFault::TooManyDecimals { max }),
            NotADecimal::TooLarge => Self::TooLarge,
            NotADecimal::Form => Self::Fault(CellFault::NotANumber),
        }
    }
}

impl Reader {
    /// Finds the column and checks its type.
    pub(super) fn new(source: &TableSource, spec: &ColumnSpec) -> Result<Self, DataError> {
        let place = source.column(spec.source())?;
        let schema = source.schema();
        let data_type = schema.fields().get(place).map_or(&DataType::Null, |field| field.data_type());
        let (fits, wanted) = match spec {
            ColumnSpec::Category { .. } => (is_category_type(data_type), "categories are text or integers"),
            _ => (is_number_type(data_type), "numbers are text, integers, decimals or floats"),
        };
        if !fits {
            let (name, found) = (spec.source().to_owned(), data_type.to_string());
            return Err(DataError::ValueType { name, found, wanted });
        }
        Ok(Self::of(spec))
    }

    pub(super) fn of(spec: &ColumnSpec) -> Self {
        match spec {
            ColumnSpec::Number { decimals, min, max, .. } => {
                Self::Number { decimals: *decimals, min: *min, max: *max }
            }
            ColumnSpec::Category { categories, rules, .. } => {
                let groups = categories.iter().cloned().zip(0..=u16::MAX).collect();
                Self::Category { groups, normalizer: Normalizer::new(rules) }
            }
            ColumnSpec::Bins { decimals, edges, .. } => {
                let edges = edges.iter().copied().take(1 << 16).collect();
                Self::Bins { decimals: *decimals, edges }
            }
        }
    }

    /// Takes a column of a batch.
    pub(super) fn cells(&self, array: &ArrayRef) -> Option<Cells> {
        if let DataType::Dictionary(_, values) = array.data_type() {
            return self.cells(&cast(array, values).ok()?);
        }
        let is_text = matches!(self, Self::Category { .. }) || is_text(array.data_type());
        Some(match array.data_type() {
            _ if is_text => Cells::Text(TextCells::new(array)?),
            DataType::Float64 => Cells::Double(array.as_primitive_opt::<Float64Type>()?.clone()),
            DataType::Float16 | DataType::Float32 => Cells::Single(
                cast(array, &DataType::Float32).ok()?.as_primitive_opt::<Float32Type>()?.clone(),
            ),
            DataType::Decimal128(_, _) => Cells::Decimal(array.as_primitive_opt::<Decimal128Type>()?.clone()),
            other => Cells::Decimal(widen(array, scale(other))?),
        })
    }

    /// Reads a cell: units of a number, or the index of a group.
    pub(super) fn read(&self, cells: &Cells, row: usize, scratch: &mut Scratch) -> Result<i64, Refused> {
        let value = match (self, cells) {
            (Self::Number { decimals, min, max }, cells) => {
                Some(cells.units(row, *decimals)?).filter(|units| (min..=max).contains(&units))
            }
            (Self::Bins { decimals, edges }, cells) => bin_of(edges, cells.units(row, *decimals)?),
            (Self::Category { groups, normalizer }, Cells::Text(cells)) => {
                let cell = cells.get(row).ok_or(Refused::Missing(RejectReason::Null))?;
                match normalizer.normalize(cell, scratch) {
                    Ok(text) => groups.get(text).copied().map(i64::from),
                    Err(RejectReason::Empty) => return Err(Refused::Missing(RejectReason::Empty)),
                    Err(_) => None,
                }
            }
            (Self::Category { .. }, _) => None,
        };
        value.ok_or_else(|| self.undeclared().into())
    }

    /// Says what is wrong with a refused cell, where empty ones are refused too.
    pub(super) fn fault(&self, refused: Refused) -> CellFault {
        match refused {
            Refused::Missing(_) => CellFault::Empty,
            Refused::TooLarge => self.undeclared(),
            Refused::Fault(fault) => fault,
        }
    }

    /// Says that a value is not among the declared ones.
    pub(super) fn undeclared(&self) -> CellFault {
        match self {
            Self::Number { decimals, min, max } => {
                CellFault::OutOfRange { min: *min, max: *max, decimals: *decimals }
            }
            Self::Category { groups, .. } => CellFault::NotACategory { count: groups.len() },
            Self::Bins { decimals, edges } => {
                let border = |edge: Option<&i64>| edge.copied().unwrap_or_default();
                let (min, max) = (border(edges.first()), border(edges.last()));
                CellFault::OutOfRange { min, max, decimals: *decimals }
            }
        }
    }
}

/// Finds the bin of a number; the last one takes in its upper border.
fn bin_of(edges: &[i64], units: i64) -> Option<i64> {
    let last = edges.len().checked_sub(2)?;
    let begun = edges.partition_point(|edge| *edge <= units);
    let bin = match begun.checked_sub(1)? {
        bin if bin <= last => bin,
        _ if edges.last() == Some(&units) => last,
        _ => return None,
    };
    i64::try_from(bin).ok()
}

impl Cells {
    /// Reads a number.
    fn units(&self, row: usize, decimals: u8) -> Result<i64, Refused> {
        match self {
            Self::Text(cells) => {
                let text = cells.get(row).ok_or(Refused::Missing(RejectReason::Null))?.trim();
                if text.is_empty() {
                    return Err(Refused::Missing(RejectReason::Empty));
                }
                Ok(parse_units(text, decimals)?)
            }
            Self::Decimal(array) => {
                let value = valid(array, row)?;
                rescale(value, array.scale(), decimals)
            }
            Self::Double(array) => Ok(float_units(valid(array, row)?, decimals, DOUBLE_UNITS, |x| x)?),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "rounding to the nearest single float is meant"
            )]
            Self::Single(array) => {
                let value = f64::from(valid(array, row)?);
                Ok(float_units(value, decimals, SINGLE_UNITS, |x| f64::from(x as f32))?)
            }
        }
    }
}

fn valid<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize) -> Result<T::Native, Refused> {
    if array.is_valid(row) { Ok(array.value(row)) } else { Err(Refused::Missing(RejectReason::Null)) }
}

/// Moves the point of an exact number from behind `from` digits to behind `to`.
fn rescale(value: i128, from: i8, to: u8) -> Result<i64, Refused> {
    let shift = i16::from(to) - i16::from(from);
    let power = 10i128.checked_pow(shift.unsigned_abs().into());
    let moved = match power {
        _ if value == 0 => Some(0),
        Some(power) if shift >= 0 => value.checked_mul(power),
        None if shift >= 0 => None,
        Some(power) if value % power == 0 => Some(value / power),
        _ => return Err(CellFault::TooManyDecimals { max: to }.into()),
    };
    moved.and_then(|units| i64::try_from(units).ok()).ok_or(Refused::TooLarge)
}

/// Finds the decimal whose nearest float is `value`; `round` rounds to the floats of the column.
fn float_units(value: f64, decimals: u8, most: f64, round: impl Fn(f64) -> f64) -> Result<i64, CellFault> {
    if !value.is_finite() {
        return Err(CellFault::NotANumber);
    }
    let power = 10f64.powi(i32::from(decimals));
    let units = (value * power).round_ties_even();
    if units.abs() > most {
        return Err(CellFault::Inexact { decimals });
    }
    // Both are exact, so the quotient is the float nearest to the decimal.
    if round(units / power) != value {
        return Err(CellFault::TooManyDecimals { max: decimals });
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 2^52")]
    let units = units as i64;
    Ok(units)
}

fn widen(array: &ArrayRef, scale: i8) -> Option<Decimal128Array> {
    let wide = cast(array, &DataType::Decimal128(38, scale)).ok()?;
    // A value that does not fit would have become null.
    let is_whole = wide.null_count() == array.logical_null_count();
    is_whole.then(|| wide.as_primitive_opt::<Decimal128Type>().cloned())?
}

fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => *scale,
        _ => 0,
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_category_type(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_category_type(values),
        other => is_text(other) || other.is_integer(),
    }
}

fn is_number_type(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number_type(values),
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => true,
        other => is_text(other) || other.is_integer() || other.is_floating(),
    }
}

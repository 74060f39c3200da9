//! A vector of named cells instead of statistics: one number for each name of a list that all parties hold.

use serde::{Deserialize, Serialize};

use super::columns::{EXACT, MAX_NUMBER_DECIMALS, exact_units};
use super::disclosure::DisclosureTerm;
use super::statistics::check_datasets;
use super::{Agreement, AgreementError, LINE, PartyTerm, Terms, is_line, require};
use crate::data::normalize::Rule;
use crate::data::{ColumnSpec, KeyColumn};
use crate::decimal::Decimal;

/// Most cells of a vector.
pub const MAX_CELLS: u64 = 10_000_000;

/// A vector of named cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorTerm {
    /// The column of the cells' names.
    pub cell: String,
    /// The normalization rules of these names, in order; none for the exact text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// The column of the numbers; those of rows of one cell are summed up.
    pub value: String,
    /// Digits behind the point.
    pub decimals: u8,
    /// The least number of a row, and of a party's cell.
    pub min: Decimal,
    /// The greatest number.
    pub max: Decimal,
    /// How many cells there are.
    pub cells: u64,
    /// The SHA-256 of the list of their names, in hexadecimal digits.
    pub cells_sha256: String,
}

impl VectorTerm {
    /// Says how the names of cells are read from the table of `party`.
    pub fn cell_column(&self, party: &PartyTerm) -> KeyColumn {
        KeyColumn { name: party.source_of(&self.cell, &self.cell).to_owned(), rules: self.rules.clone() }
    }

    /// Says how the numbers are read from the table of `party`.
    pub fn value_column(&self, party: &PartyTerm) -> ColumnSpec {
        let (min, max) = self.range();
        let source = party.source_of(&self.value, &self.value).to_owned();
        ColumnSpec::Number { source, decimals: self.decimals, min, max }
    }

    /// Returns what a party's cell lies between, in units of the last digit.
    pub fn range(&self) -> (i64, i64) {
        // Checked terms fit.
        let units = |number: Decimal| number.units(self.decimals).unwrap_or_default();
        (units(self.min), units(self.max))
    }

    /// Tells whether a column of the tables has this name in the agreement.
    pub(super) fn has_column(&self, name: &str) -> bool {
        self.cell == name || self.value == name
    }

    fn check(&self) -> Result<(), AgreementError> {
        require(is_line(&self.cell), "vector.cell", LINE)?;
        require(is_line(&self.value), "vector.value", LINE)?;
        require(self.cell != self.value, "vector.value", "is another column than `cell`")?;
        require(self.rules.len() <= 16, "vector.rules", "has at most 16 rules")?;
        require(self.decimals <= MAX_NUMBER_DECIMALS, "vector.decimals", "is at most 9")?;
        require(exact_units(self.min, self.decimals).is_some(), "vector.min", EXACT)?;
        require(exact_units(self.max, self.decimals).is_some(), "vector.max", EXACT)?;
        require(self.min.compare(self.max).is_lt(), "vector.max", "is above `min`")?;
        require((1..=MAX_CELLS).contains(&self.cells), "vector.cells", "is between 1 and 10^7")?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_hash = self.cells_sha256.len() == 64 && self.cells_sha256.bytes().all(is_digit);
        require(is_hash, "vector.cells_sha256", "has 64 digits of 0-9 and a-f")
    }
}

impl Agreement {
    /// Returns the vector of an agreement on one.
    ///
    /// # Errors
    /// [`AgreementError::NotAVector`].
    pub fn vector(&self) -> Result<&VectorTerm, AgreementError> {
        self.terms().vector.as_ref().ok_or(AgreementError::NotAVector)
    }
}

/// Checks the vector of an agreement, which stands in for columns and statistics.
pub(super) fn check(
    terms: &Terms,
    vector: &VectorTerm,
    policy: &DisclosureTerm,
) -> Result<(), AgreementError> {
    const INSTEAD: &str = "is absent where there is a `[vector]`";
    require(terms.column.is_empty(), "column", INSTEAD)?;
    require(terms.statistic.is_empty(), "statistic", INSTEAD)?;
    let minimum = "is 1 where there is a `[vector]`, whose records are not counted";
    require(policy.minimum_count == 1, "disclosure.minimum_count", minimum)?;
    check_datasets(terms, policy)?;
    vector.check()
}

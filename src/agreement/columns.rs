//! The columns of an agreement on statistics: what each owner lets be used, and what its cells may be.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{AgreementError, LINE, MAX_EXACT, Terms, is_line, require_of};
use crate::data::ColumnSpec;
use crate::data::normalize::{Normalizer, Rule, Scratch};
use crate::decimal::Decimal;

/// Most columns of an agreement besides those of the key.
pub const MAX_COLUMN_TERMS: usize = 64;

/// Most groups of a column, and most cells of a grid.
pub const MAX_GROUPS: usize = 4096;

/// Most digits behind the point of a number.
pub const MAX_NUMBER_DECIMALS: u8 = 9;

/// A column that its owner lets be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ColumnTerm {
    /// Numbers, of which sums, means and variances may be taken.
    Number {
        /// The owner; none under `sum-masked`, where every party has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        party: Option<String>,
        /// Its name in the agreement.
        name: String,
        /// Its name in the owner's table, where that is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// Digits behind the point.
        decimals: u8,
        /// The least number allowed.
        min: Decimal,
        /// The greatest number allowed.
        max: Decimal,
    },
    /// One of some categories, by which records are grouped.
    Category {
        /// The owner; none under `sum-masked`, where every party has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        party: Option<String>,
        /// Its name in the agreement.
        name: String,
        /// Its name in the owner's table, where that is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// All categories, in the form that the rules give.
        categories: Vec<String>,
        /// The normalization rules of its cells, in order; none for the exact text.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<Rule>,
    },
    /// Numbers cut into bins, by which records are grouped.
    Bins {
        /// The owner; none under `sum-masked`, where every party has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        party: Option<String>,
        /// Its name in the agreement.
        name: String,
        /// Its name in the owner's table, where that is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// Digits behind the point of the numbers.
        decimals: u8,
        /// The borders, ascending: each bin begins with one and ends before the next, which the last bin takes in.
        edges: Vec<Decimal>,
    },
}

impl ColumnTerm {
    /// Returns the owner's name; `None` where every party has the column.
    pub fn party(&self) -> Option<&str> {
        let (Self::Number { party, .. } | Self::Category { party, .. } | Self::Bins { party, .. }) = self;
        party.as_deref()
    }

    /// Returns the name in the agreement.
    pub fn name(&self) -> &str {
        let (Self::Number { name, .. } | Self::Category { name, .. } | Self::Bins { name, .. }) = self;
        name
    }

    /// Returns the name in the owner's table.
    pub fn source(&self) -> &str {
        let (Self::Number { name, source, .. }
        | Self::Category { name, source, .. }
        | Self::Bins { name, source, .. }) = self;
        source.as_ref().unwrap_or(name)
    }

    /// Counts the groups; `None` for numbers.
    pub fn group_count(&self) -> Option<usize> {
        match self {
            Self::Number { .. } => None,
            Self::Category { categories, .. } => Some(categories.len()),
            Self::Bins { edges, .. } => Some(edges.len().saturating_sub(1)),
        }
    }

    /// Names the groups in their order, bins as intervals; none for numbers.
    pub fn group_labels(&self) -> Vec<String> {
        match self {
            Self::Number { .. } => Vec::new(),
            Self::Category { categories, .. } => categories.clone(),
            Self::Bins { edges, .. } => {
                let last = edges.len().saturating_sub(2);
                let bins = edges.iter().zip(edges.iter().skip(1)).enumerate();
                bins.map(|(i, (from, to))| format!("[{from}, {to}{}", if i == last { ']' } else { ')' }))
                    .collect()
            }
        }
    }

    /// Returns the borders of its bins; none for other columns.
    pub fn edges(&self) -> &[Decimal] {
        match self {
            Self::Bins { edges, .. } => edges,
            Self::Number { .. } | Self::Category { .. } => &[],
        }
    }

    /// Says how the column is read from its owner's table.
    pub fn spec(&self) -> ColumnSpec {
        self.spec_from(self.source().to_owned())
    }

    /// Says how the column is read where the table names it `source`.
    pub fn spec_from(&self, source: String) -> ColumnSpec {
        // Checked terms fit; a number that does not would be outside of any bounds.
        let units = |number: &Decimal, decimals| number.units(decimals).unwrap_or_default();
        match self {
            Self::Number { decimals, min, max, .. } => ColumnSpec::Number {
                source,
                decimals: *decimals,
                min: units(min, *decimals),
                max: units(max, *decimals),
            },
            Self::Category { categories, rules, .. } => {
                ColumnSpec::Category { source, categories: categories.clone(), rules: rules.clone() }
            }
            Self::Bins { decimals, edges, .. } => ColumnSpec::Bins {
                source,
                decimals: *decimals,
                edges: edges.iter().map(|edge| units(edge, *decimals)).collect(),
            },
        }
    }

    fn check(&self, terms: &Terms) -> Result<(), AgreementError> {
        let rule = |holds, field, rule| require_of(holds, field, self.name(), rule);
        rule(is_line(self.name()), "column.name", LINE)?;
        match terms.sum {
            Some(_) => rule(self.party().is_none(), "column.party", "is absent under `sum-masked`")?,
            None => {
                let owner = self.party().is_some_and(|party| terms.has_party(party));
                rule(owner, "column.party", "is a party of the agreement")?;
            }
        }
        rule(is_line(self.source()), "column.source", LINE)?;
        match self {
            Self::Number { decimals, min, max, .. } => {
                rule(*decimals <= MAX_NUMBER_DECIMALS, "column.decimals", "is at most 9")?;
                rule(exact_units(*min, *decimals).is_some(), "column.min", EXACT)?;
                rule(exact_units(*max, *decimals).is_some(), "column.max", EXACT)?;
                rule(min.compare(*max).is_lt(), "column.max", "is above `min`")
            }
            Self::Category { categories, rules, .. } => {
                rule(
                    (1..=MAX_GROUPS).contains(&categories.len()),
                    "column.categories",
                    "has 1 to 4096 entries",
                )?;
                rule(categories.iter().all(|category| is_line(category)), "column.categories", LINES)?;
                let distinct: BTreeSet<_> = categories.iter().collect();
                rule(distinct.len() == categories.len(), "column.categories", "names each category once")?;
                rule(rules.len() <= 16, "column.rules", "has at most 16 rules")?;
                rule(are_normal(categories, rules), "column.categories", "are in the form that `rules` give")
            }
            Self::Bins { decimals, edges, .. } => {
                rule(*decimals <= MAX_NUMBER_DECIMALS, "column.decimals", "is at most 9")?;
                rule((2..=MAX_GROUPS + 1).contains(&edges.len()), "column.edges", "has 2 to 4097 entries")?;
                let exact = edges.iter().all(|edge| exact_units(*edge, *decimals).is_some());
                rule(exact, "column.edges", EXACT)?;
                let ascend = edges.iter().zip(edges.iter().skip(1)).all(|(a, b)| a.compare(*b).is_lt());
                rule(ascend, "column.edges", "ascend, no two of them equal")
            }
        }
    }
}

pub(super) const EXACT: &str =
    "has no more digits than `decimals` says, and is below 2^53 in units of the last";
const LINES: &str = "are lines of 1 to 1000 bytes, without invisible characters";

/// Returns a bound in units; sums of numbers below 2^53 take long to leave 128 bits.
pub(super) fn exact_units(number: Decimal, decimals: u8) -> Option<i64> {
    number.units(decimals).filter(|units| units.unsigned_abs() < MAX_EXACT)
}

/// Tells whether rules leave every category as it is; otherwise no cell could equal it.
fn are_normal(categories: &[String], rules: &[Rule]) -> bool {
    let (normalizer, mut scratch) = (Normalizer::new(rules), Scratch::default());
    categories.iter().all(|category| normalizer.normalize(category, &mut scratch) == Ok(category))
}

/// Checks every column by itself and that names are distinct.
pub(super) fn check(terms: &Terms) -> Result<(), AgreementError> {
    let mut names = BTreeSet::new();
    for column in &terms.column {
        column.check(terms)?;
        require_of(names.insert(column.name()), "column.name", column.name(), "is given once")?;
    }
    Ok(())
}

//! What a cell of a table shows, whatever form the report takes.

use std::collections::BTreeMap;

use super::{ProtectionLines, grouped_text};
use crate::agreement::StatisticKind;
use crate::statistics::{Number, StatisticTable, TableEntry};

/// The head of a margin.
pub(super) const TOTAL: &str = "total";

/// What stands where a statistic has no value.
pub(super) const UNDEFINED: &str = "–";

/// A group of an axis, counted from 0, or all of them together.
pub(super) type Group = Option<u32>;

/// What a cell or margin shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shown<'a> {
    /// Nothing, since it is suppressed.
    Suppressed,
    /// Nothing, since the statistic has no value for so few records.
    Undefined {
        /// The records.
        count: Option<&'a Number>,
    },
    /// The statistic.
    Figure {
        /// Its value.
        number: &'a Number,
        /// The records it rests on, where it is another than their count.
        count: Option<&'a Number>,
    },
}

impl<'a> Shown<'a> {
    /// Returns the statistic.
    pub(super) fn number(self) -> Option<&'a Number> {
        match self {
            Self::Figure { number, .. } => Some(number),
            Self::Suppressed | Self::Undefined { .. } => None,
        }
    }

    /// Returns the records that a statistic other than their count rests on.
    pub(super) fn count(self) -> Option<&'a Number> {
        match self {
            Self::Figure { count, .. } | Self::Undefined { count } => count,
            Self::Suppressed => None,
        }
    }
}

/// A table whose cells are found by their place.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) table: &'a StatisticTable,
    places: BTreeMap<(Group, Group), Shown<'a>>,
}

impl<'a> View<'a> {
    pub(super) fn new(table: &'a StatisticTable) -> Self {
        let takes_number = table.kind.takes_number();
        let place = |entry: &'a TableEntry| ((entry.row, entry.column), shown(entry, takes_number));
        Self { table, places: table.entries.iter().map(place).collect() }
    }

    /// Returns what a place shows; `None` where the table has no such place.
    pub(super) fn get(&self, row: Group, column: Group) -> Option<Shown<'a>> {
        self.places.get(&(row, column)).copied()
    }

    /// Returns all places, margins included.
    pub(super) fn all(&self) -> impl Iterator<Item = Shown<'a>> {
        self.places.values().copied()
    }

    /// Lists the rows, the margin last.
    pub(super) fn rows(&self) -> Vec<Group> {
        self.groups(0, |row| self.places.keys().any(|place| place.0 == row))
    }

    /// Lists the columns, the margin last; the margin alone in a table by less than two groups.
    pub(super) fn columns(&self) -> Vec<Group> {
        self.groups(1, |column| self.places.keys().any(|place| place.1 == column))
    }

    fn groups(&self, axis: usize, is_there: impl Fn(Group) -> bool) -> Vec<Group> {
        let len = self.table.by.get(axis).map_or(0, |axis| axis.labels.len());
        let groups = (0..len).map(|index| u32::try_from(index).ok());
        groups.chain(is_there(None).then_some(None)).collect()
    }

    /// Names a group of an axis.
    pub(super) fn head(&self, axis: usize, group: Group) -> &'a str {
        let labels = self.table.by.get(axis).map(|axis| &axis.labels[..]).unwrap_or_default();
        let label = group.and_then(|group| labels.get(usize::try_from(group).ok()?));
        label.map_or(TOTAL, String::as_str)
    }

    /// Names an axis.
    pub(super) fn axis(&self, axis: usize) -> &'a str {
        self.table.by.get(axis).map_or("", |axis| &axis.name)
    }

    /// Counts the suppressed places.
    pub(super) fn suppressed_len(&self) -> usize {
        self.all().filter(|shown| *shown == Shown::Suppressed).count()
    }

    /// Counts the places.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Tells whether a figure comes with a standard error.
    pub(super) fn has_errors(&self) -> bool {
        let mut numbers = self.all().flat_map(|shown| [shown.number(), shown.count()]).flatten();
        numbers.any(|number| number.standard_error.is_some())
    }

    /// Tells whether a released cell has no value.
    pub(super) fn has_undefined(&self) -> bool {
        self.all().any(|shown| matches!(shown, Shown::Undefined { .. }))
    }

    /// Says what the figures are.
    pub(super) fn subject(&self) -> String {
        let of = self.table.of.as_deref().unwrap_or_default();
        match self.table.kind {
            StatisticKind::Count | StatisticKind::Histogram | StatisticKind::Crosstab => "records".into(),
            StatisticKind::Sum => format!("sum of {of}"),
            StatisticKind::Mean => format!("mean of {of}"),
            StatisticKind::Variance => format!("variance of {of}"),
            StatisticKind::StandardDeviation => format!("standard deviation of {of}"),
        }
    }

    /// Says what the table is, such as `mean of paid by district and age; columns of insurer`.
    pub(super) fn description(&self) -> String {
        let names: Vec<_> = self.table.by.iter().map(|axis| axis.name.as_str()).collect();
        let by = if names.is_empty() { String::new() } else { format!(" by {}", names.join(" and ")) };
        format!("{}{by}; columns of {}", self.subject(), self.table.owner)
    }
}

/// A suppressed place shows nothing, whatever it holds.
fn shown(entry: &TableEntry, takes_number: bool) -> Shown<'_> {
    let (figure, count) =
        if takes_number { (&entry.value, entry.count.as_ref()) } else { (&entry.count, None) };
    match figure {
        _ if entry.suppressed => Shown::Suppressed,
        None => Shown::Undefined { count },
        Some(number) => Shown::Figure { number, count },
    }
}

impl ProtectionLines {
    /// Says how many cells and margins are suppressed, and why.
    pub(super) fn suppressed_text(&self) -> String {
        let suppressed = &self.suppressed;
        let reasons = [
            (suppressed.small_count, "with too few records"),
            (suppressed.few_contributors, "with records of too few parties"),
            (suppressed.complementary, "that would give others away"),
            (suppressed.held_back, "held back by the owner"),
            (suppressed.undisclosed, "for reasons that together would tell a count"),
        ];
        let total: usize = reasons.iter().map(|(number, _)| number).sum();
        let reasons = reasons.iter().filter(|(number, _)| *number > 0);
        let reasons: Vec<_> =
            reasons.map(|(number, why)| format!("{} {why}", grouped_len(*number))).collect();
        let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
        format!("{} of {} cells and margins{why}", grouped_len(total), grouped_len(suppressed.of))
    }
}

/// Groups the thousands of a number of things.
pub(super) fn grouped_len(len: usize) -> String {
    grouped_text(&len.to_string())
}

impl Number {
    /// Returns the text with its thousands grouped.
    pub(super) fn grouped(&self) -> String {
        grouped_text(&self.text)
    }

    /// Returns `± x` with two significant digits of the standard error, or nothing.
    pub(super) fn error_text(&self) -> String {
        self.standard_error.map(|error| format!("± {}", two_digits(error))).unwrap_or_default()
    }

    /// Returns the number with its standard error.
    pub(super) fn with_error(&self) -> String {
        format!("{} {}", self.grouped(), self.error_text()).trim_end().to_owned()
    }
}

/// Writes a number with two significant digits, but never rounds digits before the point away.
fn two_digits(number: f64) -> String {
    const MOST: usize = 12;
    let number = number.abs();
    let short = |digits: &usize| number >= 10f64.powi(1 - i32::try_from(*digits).unwrap_or(0));
    let digits = if number > 0.0 { (0..MOST).find(short).unwrap_or(MOST) } else { 0 };
    grouped_text(&format!("{number:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{by_district, entry, figure};

    #[test]
    fn errors_have_two_digits() {
        let cases = [
            (0.0, "0"),
            (12_345.6, "12,346"),
            (10.0, "10"),
            (9.96, "10.0"),
            (1.414, "1.4"),
            (0.0123, "0.012"),
            (1e-30, "0.000000000000"),
        ];
        for (number, text) in cases {
            assert_eq!(two_digits(number), text, "{number}");
        }
    }

    #[test]
    fn a_suppressed_entry_shows_nothing_even_if_it_holds_figures() {
        let mut table = by_district();
        let mut hidden = entry(Some(0), None, Some(figure("7", None)), Some(figure("8", None)));
        hidden.suppressed = true;
        table.entries = vec![hidden];
        assert_eq!(View::new(&table).get(Some(0), None), Some(Shown::Suppressed));
    }

    #[test]
    fn reasons_are_named_where_there_are_any() {
        let mut lines =
            ProtectionLines { owner: String::new(), rules: Vec::new(), suppressed: Default::default() };
        lines.suppressed.of = 1200;
        assert_eq!(lines.suppressed_text(), "0 of 1,200 cells and margins");
        lines.suppressed.small_count = 1;
        lines.suppressed.held_back = 2;
        let expected = "3 of 1,200 cells and margins: 1 with too few records, 2 held back by the owner";
        assert_eq!(lines.suppressed_text(), expected);
    }
}

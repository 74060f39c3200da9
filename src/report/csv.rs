//! Tables as CSV, a row for each cell.
//!
//! | column | what it holds |
//! |---|---|
//! | `statistic`, `kind`, `owner`, `of` | the statistic's name and kind, whose columns it is about, its number |
//! | `row_group`, `row`, `column_group`, `column` | the group columns and the groups; empty where there is none |
//! | `margin` | `cell`; `row` where the columns are taken together, `column` where the rows are, `total` for both |
//! | `count`, `count_standard_error` | the records it rests on |
//! | `value`, `value_standard_error` | the statistic, where it is another than the count |
//! | `suppressed` | `true` or `false`; a suppressed cell has no figures |
//!
//! Numbers are exact and not grouped. Fields are quoted as RFC 4180 says, lines end with LF. Groups stand as they
//! are in the agreement, so a spreadsheet has to import them as text lest it takes a leading `=` for a formula.

use std::io::{self, Write};

use csv::WriterBuilder;
use serde::Serialize;

use crate::agreement::StatisticKind;
use crate::decimal::wide_text_of;
use crate::statistics::{Axis, Number, StatisticTable, TableEntry};

/// The names of the columns, in the order of [`Row`].
const HEADS: [&str; 14] = [
    "statistic",
    "kind",
    "owner",
    "of",
    "row_group",
    "row",
    "column_group",
    "column",
    "margin",
    "count",
    "count_standard_error",
    "value",
    "value_standard_error",
    "suppressed",
];

/// A line of the file.
#[derive(Serialize)]
struct Row<'a> {
    statistic: &'a str,
    kind: StatisticKind,
    owner: &'a str,
    of: Option<&'a str>,
    row_group: Option<&'a str>,
    row: Option<&'a str>,
    column_group: Option<&'a str>,
    column: Option<&'a str>,
    margin: Margin,
    count: Option<&'a str>,
    count_standard_error: Option<f64>,
    value: Option<&'a str>,
    value_standard_error: Option<f64>,
    suppressed: bool,
}

/// What is taken together.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Margin {
    Cell,
    Row,
    Column,
    Total,
}

/// Writes tables as CSV in UTF-8, the heads first.
pub fn tables_csv(tables: &[StatisticTable]) -> Vec<u8> {
    const FITS: &str = "a vector takes all bytes, and every row has as many fields as the heads";
    let mut writer = WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(HEADS).expect(FITS);
    for table in tables {
        for entry in &table.entries {
            writer.serialize(Row::new(table, entry)).expect(FITS);
        }
    }
    writer.into_inner().expect(FITS)
}

/// Writes the totals of named cells as CSV: `cell` and `total`, which is empty where it is withheld.
///
/// # Errors
/// Those of `out`.
pub fn write_cells<'a>(
    out: impl Write,
    names: impl Iterator<Item = &'a str>,
    totals: &[Option<i64>],
    decimals: u8,
) -> io::Result<()> {
    let mut writer = WriterBuilder::new().from_writer(out);
    writer.write_record(["cell", "total"])?;
    for (name, total) in names.zip(totals) {
        let total = total.map(|total| wide_text_of(total.into(), decimals)).unwrap_or_default();
        writer.write_record([name, &total])?;
    }
    writer.flush()
}

impl<'a> Row<'a> {
    fn new(table: &'a StatisticTable, entry: &'a TableEntry) -> Self {
        let released = |number: &'a Option<Number>| number.as_ref().filter(|_| !entry.suppressed);
        let (count, value) = (released(&entry.count), released(&entry.value));
        let (rows, columns) = (table.by.first(), table.by.get(1));
        Self {
            statistic: &table.name,
            kind: table.kind,
            owner: &table.owner,
            of: table.of.as_deref(),
            row_group: rows.map(|axis| axis.name.as_str()),
            row: label(rows, entry.row),
            column_group: columns.map(|axis| axis.name.as_str()),
            column: label(columns, entry.column),
            margin: Margin::of(table, entry),
            count: count.map(|number| number.text.as_str()),
            count_standard_error: count.and_then(|number| number.standard_error),
            value: value.map(|number| number.text.as_str()),
            value_standard_error: value.and_then(|number| number.standard_error),
            suppressed: entry.suppressed,
        }
    }
}

impl Margin {
    fn of(table: &StatisticTable, entry: &TableEntry) -> Self {
        match (entry.row, entry.column) {
            (Some(_), None) if table.by.len() > 1 => Self::Row,
            (Some(_), _) => Self::Cell,
            (None, Some(_)) => Self::Column,
            (None, None) => Self::Total,
        }
    }
}

fn label(axis: Option<&Axis>, group: Option<u32>) -> Option<&str> {
    axis?.labels.get(usize::try_from(group?).ok()?).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_with_their_totals_or_nothing() {
        let mut out = Vec::new();
        let names = ["a", "b,\"c\"", "d"].into_iter();
        write_cells(&mut out, names, &[Some(-205), None, Some(0)], 2).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "cell,total\na,-2.05\n\"b,\"\"c\"\"\",\nd,0.00\n");
    }
    use crate::report::testing;

    fn lines(table: StatisticTable) -> Vec<String> {
        let text = String::from_utf8(tables_csv(&[table])).unwrap();
        text.lines().skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn heads_are_the_fields_of_a_row() {
        let mut writer = WriterBuilder::new().from_writer(Vec::new());
        let table = testing::by_district();
        writer.serialize(Row::new(&table, &table.entries[0])).unwrap();
        let written = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        assert_eq!(written.lines().next(), Some(HEADS.join(",").as_str()));
        assert_eq!(tables_csv(&[]), format!("{}\n", HEADS.join(",")).into_bytes());
    }

    #[test]
    fn one_group_makes_cells_and_a_total() {
        let expected = [
            "paid by district,mean,insurer,paid,district,杭州市上城区,,,cell,12045,,812.3312,4.125,false",
            "paid by district,mean,insurer,paid,district,total,,,cell,,,,,true",
            "paid by district,mean,insurer,paid,district,\"<script>\"\"&\",,,cell,1,,,,false",
            "paid by district,mean,insurer,paid,district,,,,total,12060,,-812.4000,4.25,false",
        ];
        assert_eq!(lines(testing::by_district()), expected);
    }

    #[test]
    fn two_groups_have_margins_of_both_sides() {
        let table = testing::crosstab();
        let places: Vec<_> = table.entries.iter().map(|entry| (entry.row, entry.column)).collect();
        let written = tables_csv(&[table]);
        let records = csv::Reader::from_reader(&written[..]).into_records();
        let margins: Vec<_> = records.map(|record| record.unwrap()[8].to_owned()).collect();
        assert_eq!(places.len(), margins.len());
        for (place, margin) in places.iter().zip(margins) {
            let expected = match place {
                (Some(_), Some(_)) => "cell",
                (Some(_), None) => "row",
                (None, Some(_)) => "column",
                (None, None) => "total",
            };
            assert_eq!(margin, expected, "{place:?}");
        }
    }

    #[test]
    fn bins_are_quoted_for_their_comma() {
        let expected = "ages,histogram,insurer,,age,\"[0, 18)\",,,cell,900,1.5,,,false";
        assert_eq!(lines(testing::histogram())[0], expected);
    }

    #[test]
    fn figures_of_suppressed_cells_are_not_written() {
        let mut table = testing::by_district();
        table.entries.iter_mut().for_each(|entry| entry.suppressed = true);
        assert!(lines(table).iter().all(|line| line.ends_with(",,,,,true")));
    }
}

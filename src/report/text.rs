//! The report of `join` on a terminal, and what that of `sum` has in common with it: its tables, then how they are protected and what the run was.

use std::fmt::{self, Formatter};

use super::figures::{Group, Shown, UNDEFINED, View, grouped_len};
use super::layout::{Align, Column, LINE_COLUMNS, Parts, side_by_side, widest, wrap};
use super::{AgreementLine, JoinReport, ProtectionLines, grouped, rows, write_cost};
use crate::statistics::StatisticTable;

/// What stands for a suppressed figure.
const SUPPRESSED: &str = "*";

/// A place of a table.
type At = (Group, Group);

/// Writes the whole report.
pub(super) fn write_report(report: &JoinReport, f: &mut Formatter<'_>) -> fmt::Result {
    write_tables(&report.outcome, &report.tables, f)?;
    let sections = [protection_lines(&report.protection), provenance_lines(report), learned_lines(report)];
    sections.iter().flatten().try_for_each(|line| writeln!(f, "{line}"))?;
    write_cost(f, &report.traffic, &report.phases, report.peak_memory_bytes)
}

/// Writes the tables of a report, or says that nothing of them is released.
pub(super) fn write_tables(outcome: &str, tables: &[StatisticTable], f: &mut Formatter<'_>) -> fmt::Result {
    if outcome == "withheld" {
        writeln!(f, "Withheld: every figure is suppressed\n")?;
    }
    for table in tables {
        table_lines(table).iter().try_for_each(|line| writeln!(f, "{line}"))?;
        writeln!(f)?;
    }
    Ok(())
}

/// Returns a table with its title and legend.
fn table_lines(table: &StatisticTable) -> Vec<String> {
    let view = View::new(table);
    let mut lines = wrap("", &format!("{}: {}", table.name, view.description()));
    let (body, is_list) = body(&view);
    lines.extend(body.into_iter().map(|line| format!("  {line}")));
    lines.extend(legend(&view, is_list).iter().flat_map(|line| wrap("  ", line)));
    lines
}

/// Returns the lines of the cells, and whether these are a list.
fn body(view: &View<'_>) -> (Vec<String>, bool) {
    if view.table.by.len() < 2 {
        return (list(view), true);
    }
    let crossed = crossed(view);
    if widest(&crossed) + 2 <= LINE_COLUMNS { (crossed, false) } else { (list(view), true) }
}

/// Sets a place to a line.
fn list(view: &View<'_>) -> Vec<String> {
    let (rows, by) = (view.rows(), view.table.by.len());
    let pairs = |row: &Group| {
        let row = *row;
        view.columns().into_iter().map(move |column| (row, column))
    };
    let places: Vec<At> = rows.iter().flat_map(pairs).filter(|at| view.get(at.0, at.1).is_some()).collect();
    let mut columns = Vec::new();
    if by > 0 {
        columns.push(Column::labels(view.axis(0), places.iter().map(|at| view.head(0, at.0))));
    }
    if by > 1 {
        columns.push(Column::labels(view.axis(1), places.iter().map(|at| view.head(1, at.1))));
    }
    let each = |parts: fn(Option<Shown<'_>>) -> Parts| {
        places.iter().map(|at| parts(view.get(at.0, at.1))).collect::<Vec<_>>()
    };
    if view.table.kind.takes_number() {
        columns.push(Column { head: "records".into(), align: Align::Right, cells: each(count_parts) });
    }
    columns.push(Column { head: view.subject(), align: Align::Right, cells: each(figure_parts) });
    let has_total = by == 1 && places.last() == Some(&(None, None));
    ruled(side_by_side(&columns), has_total)
}

/// Sets the rows below each other and the columns side by side.
fn crossed(view: &View<'_>) -> Vec<String> {
    let rows = view.rows();
    let head = format!("{} \\ {}", view.axis(0), view.axis(1));
    let mut columns = vec![Column::labels(&head, rows.iter().map(|row| view.head(0, *row)))];
    columns.extend(view.columns().into_iter().map(|column| Column {
        head: view.head(1, column).to_owned(),
        align: Align::Right,
        cells: rows.iter().map(|row| cell_parts(view.get(*row, column))).collect(),
    }));
    ruled(side_by_side(&columns), rows.last() == Some(&None))
}

/// Rules off the heads, and the totals in the last line.
fn ruled(mut lines: Vec<String>, has_total: bool) -> Vec<String> {
    let rule = "-".repeat(widest(&lines));
    if has_total && lines.len() > 2 {
        lines.insert(lines.len() - 1, rule.clone());
    }
    lines.insert(lines.len().min(1), rule);
    lines
}

/// Returns the statistic with its error.
fn figure_parts(shown: Option<Shown<'_>>) -> Parts {
    let mark = match shown {
        Some(Shown::Figure { number, .. }) => return [number.grouped(), number.error_text(), String::new()],
        Some(Shown::Suppressed) => SUPPRESSED,
        Some(Shown::Undefined { .. }) => UNDEFINED,
        None => "",
    };
    [mark.into(), String::new(), String::new()]
}

/// Returns the records that a statistic rests on, with their error.
fn count_parts(shown: Option<Shown<'_>>) -> Parts {
    match shown.and_then(Shown::count) {
        Some(count) => [count.grouped(), count.error_text(), String::new()],
        None => figure_parts(shown),
    }
}

/// Returns the statistic with its error, and the records in brackets.
fn cell_parts(shown: Option<Shown<'_>>) -> Parts {
    let [number, error, _] = figure_parts(shown);
    let count = shown.and_then(Shown::count).map(|count| format!("({})", count.grouped()));
    [number, error, count.unwrap_or_default()]
}

/// Explains the marks of a table.
fn legend(view: &View<'_>, is_list: bool) -> Vec<String> {
    let suppressed = view.suppressed_len();
    let marks = [
        (!is_list && view.table.kind.takes_number(), "(n) the records that a figure rests on".to_owned()),
        (view.has_errors(), "± one standard error".to_owned()),
        (view.has_undefined(), format!("{UNDEFINED} no value for so few records")),
        (
            suppressed > 0,
            format!(
                "{SUPPRESSED} suppressed: {} of {}, for the reasons under Protection",
                grouped_len(suppressed),
                grouped_len(view.len())
            ),
        ),
    ];
    marks.into_iter().filter_map(|(is_used, text)| is_used.then_some(text)).collect()
}

/// Says how figures are protected.
pub(super) fn protection_lines(protection: &[ProtectionLines]) -> Vec<String> {
    let mut lines = Vec::new();
    for protection in protection {
        lines.push(format!("Protection of the figures about {}", protection.owner));
        lines.extend(protection.rules.iter().flat_map(|rule| wrap("  - ", rule)));
        lines.extend(wrap("  - ", &format!("suppressed ({SUPPRESSED}): {}", protection.suppressed_text())));
    }
    lines
}

fn provenance_lines(report: &JoinReport) -> Vec<String> {
    let AgreementLine { id, hash, runs } = &report.agreement;
    let (parties, protocol, keys) = (&report.parties, &report.protocol, &report.keys);
    let short = hash.get(..16).unwrap_or(hash);
    let mut lines = vec![format!("Agreement: {id} ({short}), run {} of {}", runs.used, runs.max)];
    lines.extend(wrap("Purpose: ", &report.purpose));
    lines.push(format!("Protocol: {}, {}", protocol.name, protocol.adversary));
    let strength = format!(
        "{}, {} bits; false match at most 2^-{}; link by {}",
        protocol.group, protocol.computational_bits, protocol.statistical_bits, protocol.key_exchange
    );
    lines.extend(wrap("  ", &strength));
    lines.push("Keys".into());
    let own = format!(
        "{}: {} distinct in {}; {} with a key of a row before",
        parties.own,
        grouped(report.own_keys),
        rows(keys.rows),
        rows(keys.duplicate_rows)
    );
    lines.extend(wrap("  ", &own));
    let rejected = keys.rejected.iter().map(|reject| {
        format!("{}: {} left out: {}: {}", parties.own, rows(reject.rows), reject.column, reject.reason)
    });
    lines.extend(rejected.flat_map(|line| wrap("  ", &line)));
    lines.push(format!("  {}: {} distinct", parties.peer, grouped(report.peer_keys)));
    lines
}

fn learned_lines(report: &JoinReport) -> Vec<String> {
    let sides = [(&report.parties.own, &report.learned.own), (&report.parties.peer, &report.learned.peer)];
    let lines = sides
        .into_iter()
        .flat_map(|(name, lines)| lines.iter().flat_map(move |line| wrap(&format!("  {name}: "), line)));
    ["Learned".to_owned()].into_iter().chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing;

    #[test]
    fn one_group_is_a_list_with_counts_beside() {
        let expected = [
            "paid by district: mean of paid by district; columns of insurer",
            "  district      records     mean of paid",
            "  --------------------------------------",
            "  杭州市上城区   12,045   812.3312 ± 4.1",
            "  total               *          *",
            "  <script>\"&          1          –",
            "  --------------------------------------",
            "  total          12,060  -812.4000 ± 4.2",
            "  ± one standard error",
            "  – no value for so few records",
            "  * suppressed: 1 of 4, for the reasons under Protection",
        ];
        assert_eq!(table_lines(&testing::by_district()), expected);
    }

    #[test]
    fn two_groups_are_crossed_with_margins() {
        let expected = [
            "work by district: records by district and work; columns of insurer",
            "  district \\ work  employed  retired  total",
            "  -----------------------------------------",
            "  杭州                1,200        *  1,203",
            "  Ningbo                  *       20     26",
            "  -----------------------------------------",
            "  total               1,203       26  1,229",
            "  * suppressed: 2 of 9, for the reasons under Protection",
        ];
        assert_eq!(table_lines(&testing::crosstab()), expected);
    }

    #[test]
    fn bins_line_up_with_their_noise() {
        let expected = [
            "ages: records by age; columns of insurer",
            "  age            records",
            "  ----------------------",
            "  [0, 18)      900 ± 1.5",
            "  [18, 35)   1,700 ± 1.5",
            "  [35, 60)       *",
            "  [60, 120]     -3 ± 1.5",
            "  ----------------------",
            "  total      4,600 ± 1.5",
            "  ± one standard error",
            "  * suppressed: 1 of 5, for the reasons under Protection",
        ];
        assert_eq!(table_lines(&testing::histogram()), expected);
    }

    #[test]
    fn no_group_is_one_line() {
        let expected = [
            "all paid: sum of paid; columns of insurer",
            "  records    sum of paid",
            "  ----------------------",
            "   12,060  -1,234,567.50",
        ];
        assert_eq!(table_lines(&testing::overall()), expected);
    }

    #[test]
    fn suppressed_tables_show_their_groups() {
        let expected = [
            "sex: records by sex; columns of bureau",
            "  sex    records",
            "  --------------",
            "  f            *",
            "  m            *",
            "  --------------",
            "  total        *",
            "  * suppressed: 3 of 3, for the reasons under Protection",
        ];
        assert_eq!(table_lines(&testing::withheld()), expected);
    }

    #[test]
    fn wide_tables_are_lists_and_narrow_ones_hold_the_records_in_brackets() {
        let mut table = testing::wide();
        let lines = table_lines(&table);
        assert_eq!(lines[1], "  district      sector                    records  mean of paid");
        assert_eq!(lines[6], "  杭州市上城区  other work                  1,000    0.5 ± 0.25");
        assert_eq!(lines.len(), 12);
        assert!(widest(&lines) <= LINE_COLUMNS);
        table.by[1].labels = ["a", "b"].map(str::to_owned).to_vec();
        table.entries.retain(|entry| entry.column < Some(2));
        let lines = table_lines(&table);
        assert_eq!(lines[4], "  宁波                1.5 ± 0.25 (1,000)   2.5 ± 0.25 (1,000)");
        assert_eq!(lines[5], "  (n) the records that a figure rests on");
    }

    #[test]
    fn the_run_follows_the_tables() {
        let text = testing::report().to_string();
        let start = text.find("Protection of").unwrap();
        let expected = "\
Protection of the figures about insurer
  - every figure rests on at least 5 records
  - suppressed (*): 4 of 1,400 cells and margins: 2 with too few records, 1 that
    would give others away, 1 held back by the owner
Protection of the figures about bureau
  - every figure rests on at least 10 records
  - suppressed (*): 3 of 3 cells and margins: 3 with too few records
Agreement: costs-2026 (0123456789abcdef), run 1 of 3
Purpose: costs of the insured by district & age
Protocol: join-elgamal, semi-honest
  ristretto255, 126 bits; false match at most 2^-40; link by X25519MLKEM768
Keys
  insurer: 20,000 distinct in 20,005 rows; 2 rows with a key of a row before
  insurer: 3 rows left out: id_card: empty
  bureau: 15,000 distinct
Learned
  insurer: the released figures
  insurer: that bureau has 15,000 keys
  bureau: the released figures
Line: 1,000,000 bytes sent, 2,000,000 received, 5 flights
Time: read 1.50 s (2.25 s CPU), exchange 1.50 s (2.25 s CPU)
Memory: 64 MiB at most
";
        assert_eq!(&text[start..], expected);
        assert!(!text.contains("Withheld"));
    }

    #[test]
    fn a_report_without_figures_says_so_first() {
        let mut report = testing::report();
        report.outcome = "withheld".into();
        assert!(report.to_string().starts_with("Withheld: every figure is suppressed\n\n"));
    }
}

//! The third part: what five branches of an insurance pay together, by district and age, one of them being lost.

use std::path::Path;
use std::process::Child;

use super::parties::{PartySketch, agree, command, finish};
use super::tap;
use super::{read, show, wrong};
use crate::agreement::{
    AGREEMENT_VERSION, ColumnTerm, Day, DisclosureTerm, Prg, StatisticKind, StatisticTerm, SumTerm, Terms,
};
use crate::cli::DemoArgs;
use crate::data::Missing;
use crate::decimal::parse_units;
use crate::error::Error;
use crate::report::{SumPartyState, SumReport, grouped};
use crate::statistics::TableEntry;
use crate::synthetic::{Population, TableKind, districts, write_table};

const AGREEMENT: &str = "sums.toml";
const BRANCHES: [&str; 5] = ["east", "north", "south", "west", "river"];
const LOST: &str = "river";

/// Fewest people of a released cell, and fewest branches that have some of them.
const MINIMUM: u64 = 20;
const CONTRIBUTORS: u32 = 3;

/// Borders of the age bands.
const AGES: [&str; 6] = ["18", "30", "45", "60", "75", "120"];

const PAID: &str = "mean paid, by district and age";

/// How much a branch sends until its line goes dead: its keys and shares, and a part of its masked figures.
const BYTES_UNTIL_DEAD: u64 = 7000;

/// Shows a sum of which one party is killed; tells whether any figure was released.
pub(super) fn show(dir: &Path, args: &DemoArgs) -> Result<bool, Error> {
    let rows = (args.records / 5).max(1);
    for (branch, first) in BRANCHES.iter().zip(0u64..) {
        let failed = |source| Error::Io { action: format!("write {branch}.csv"), source };
        let people = Population::new(args.seed);
        let start = first * u64::from(rows);
        write_table(&dir.join(format!("{branch}.csv")), people, TableKind::Claims, start, rows.into())
            .map_err(failed)?;
    }
    show::line("Now five branches of an insurance, none of which shows its figures to another:")?;
    show::table(dir, "east.csv")?;
    show::line(&format!(
        "All sign an agreement on sums, and each runs `tidegate sum`. The process of `{LOST}` is killed while it sends \
         its masked figures ...\n",
    ))?;
    let reports = meet(dir, args, rows)?;
    let Some((coordinator, others)) = reports.split_first() else { return wrong("there is no report") };
    if others.iter().any(|other| other.tables != coordinator.tables) {
        return wrong("the branches hold different tables");
    }
    check_parties(coordinator)?;
    let released = check_figures(dir, coordinator)?;
    show::line("All others have this report, from the side of the branch that coordinated:")?;
    show::line(&show::indented(&show::shortened(&coordinator.to_string(), 16, 64)))?;
    show::line(&format!(
        "Checked: {released} released figures are those of the {} rows of the four branches that were left; none rests \
         on fewer than {MINIMUM} people or {CONTRIBUTORS} branches.",
        grouped(4 * u64::from(rows))
    ))?;
    Ok(coordinator.outcome != "withheld")
}

/// Runs all five, kills one, and returns the reports of the others, the coordinator's first.
fn meet(dir: &Path, args: &DemoArgs, rows: u32) -> Result<Vec<SumReport>, Error> {
    let sketch = |name| PartySketch { name, id_column: None, max_records: rows.into() };
    let coordinator = agree(dir, AGREEMENT, BRANCHES.map(sketch), terms)?;
    let failed = |source| Error::Io { action: "lay a line".into(), source };
    let tap = tap::lay(coordinator, BYTES_UNTIL_DEAD).map_err(failed)?;
    let mut running = Vec::new();
    let mut lost = None;
    for branch in BRANCHES {
        if branch == LOST {
            lost = Some(command(dir, args, "sum", AGREEMENT, branch, &["--connect", &tap.address])?);
        } else {
            running.push((branch, command(dir, args, "sum", AGREEMENT, branch, outputs(branch))?));
        }
    }
    // A line that never comes to this shows in the reports.
    let _ = tap.dead.recv();
    lost.into_iter().try_for_each(kill)?;
    let waiting: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = running.into_iter().map(|party| scope.spawn(|| finish(party))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let joined = |result| match result {
        Ok(report) => report,
        Err(_) => wrong("waiting for a branch failed"),
    };
    waiting.into_iter().map(joined).collect()
}

fn outputs(branch: &str) -> &'static [&'static str] {
    if branch == "east" { &["--html", "sums.html", "--csv", "sums.csv"] } else { &[] }
}

fn kill(mut child: Child) -> Result<(), Error> {
    let killed = child.kill().and_then(|()| child.wait());
    killed.map(drop).map_err(|source| Error::Io { action: format!("end the process of {LOST}"), source })
}

fn terms(party: Vec<crate::agreement::PartyTerm>) -> Terms {
    Terms {
        version: AGREEMENT_VERSION,
        id: "demonstration of sums".into(),
        purpose: "what the branches of an insurance pay together".into(),
        protocol: "sum-masked".into(),
        output: BRANCHES.map(str::to_owned).into(),
        minimum_intersection: 0,
        max_runs: 1,
        expires: Some(Day::today().next()),
        key: Vec::new(),
        party,
        hub: None,
        vector: None,
        report: None,
        sum: Some(SumTerm {
            coordinator: Some("east".into()),
            threshold: None,
            minimum_parties: None,
            minimum_contributors: Some(CONTRIBUTORS),
            minimum_honest: None,
            prg: Prg::default(),
            missing: Missing::Drop,
            commitments: false,
        }),
        join: None,
        column: columns(),
        statistic: statistics(),
        disclosure: Some(DisclosureTerm {
            minimum_count: MINIMUM,
            p_percent: None,
            round_to: None,
            dominance: None,
            noise: None,
            budget: None,
        }),
    }
}

fn decimal<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("constants of this file are decimals")
}

fn columns() -> Vec<ColumnTerm> {
    vec![
        ColumnTerm::Number {
            party: None,
            name: "paid".into(),
            source: None,
            decimals: 2,
            min: decimal("0"),
            max: decimal("100000"),
        },
        ColumnTerm::Category {
            party: None,
            name: "district".into(),
            source: None,
            categories: districts().map(str::to_owned).collect(),
            rules: Vec::new(),
        },
        ColumnTerm::Bins {
            party: None,
            name: "age".into(),
            source: None,
            decimals: 0,
            edges: AGES.into_iter().map(decimal).collect(),
        },
    ]
}

fn statistics() -> Vec<StatisticTerm> {
    let statistic = |name: &str, kind, by: &[&str]| StatisticTerm {
        name: name.into(),
        kind,
        party: None,
        of: Some("paid".into()),
        by: by.iter().map(|&column| column.to_owned()).collect(),
        totals: true,
    };
    vec![
        statistic(PAID, StatisticKind::Mean, &["district", "age"]),
        statistic("deviation of what is paid, by age", StatisticKind::StandardDeviation, &["age"]),
    ]
}

/// Checks that the one branch is lost where it was killed, and no other.
fn check_parties(report: &SumReport) -> Result<(), Error> {
    let as_expected = report.parties.iter().all(|party| match &party.state {
        SumPartyState::Survived => party.name != LOST,
        SumPartyState::Vanished { step } => party.name == LOST && step == "masked figures",
        SumPartyState::Absent => false,
    });
    if as_expected { Ok(()) } else { wrong("other branches are lost than the one that was killed") }
}

/// A row of a branch's table.
struct Row {
    district: usize,
    age: usize,
    paid: i64,
}

/// Compares every released mean with that of the plain tables, and counts them.
fn check_figures(dir: &Path, report: &SumReport) -> Result<usize, Error> {
    let mut rows = Vec::new();
    for branch in BRANCHES.into_iter().filter(|branch| *branch != LOST) {
        rows.extend(read(dir, &format!("{branch}.csv"))?.lines().skip(1).filter_map(row));
    }
    let tables = report.tables.iter().filter(|table| table.name == PAID);
    let released: Vec<&TableEntry> =
        tables.flat_map(|table| &table.entries).filter(|entry| !entry.suppressed).collect();
    for entry in &released {
        let is = |index: Option<u32>, of: usize| index.is_none_or(|index| index as usize == of);
        let members = rows.iter().filter(|row| is(entry.row, row.district) && is(entry.column, row.age));
        let (count, sum) = members.fold((0u64, 0i64), |(count, sum), row| (count + 1, sum + row.paid));
        let text = |number: &Option<crate::statistics::Number>| {
            number.as_ref().map(|number| number.text.clone()).unwrap_or_default()
        };
        if text(&entry.count) != count.to_string() || count < MINIMUM {
            return wrong("the plain tables count otherwise");
        }
        if text(&entry.value) != mean_text(sum, count) {
            return wrong("the plain tables have another mean");
        }
    }
    Ok(released.len())
}

#[expect(clippy::cast_precision_loss, reason = "sums of a demonstration are far below 2^53")]
fn mean_text(sum: i64, count: u64) -> String {
    format!("{:.4}", sum as f64 / 100.0 / count as f64)
}

fn row(line: &str) -> Option<Row> {
    let mut cells = line.rsplit(',');
    let (paid, age, district) = (cells.next()?, cells.next()?, cells.next()?);
    let age: i64 = parse_units(age, 0).ok()?;
    let band =
        AGES.iter().filter_map(|edge| parse_units(edge, 0).ok()).take_while(|&edge| edge <= age).count();
    Some(Row {
        district: districts().position(|name| name == district)?,
        age: band.checked_sub(1)?,
        paid: parse_units(paid, 2).ok()?,
    })
}

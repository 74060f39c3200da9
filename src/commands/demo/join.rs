//! The second part: what people cost an insurance, by district and age, who are known to an employment office.

use std::collections::HashMap;
use std::path::Path;

use super::parties::{PartySketch, agree, command, run_both};
use super::{Table, other_records, read, show, write_tables, wrong};
use crate::agreement::{
    AGREEMENT_VERSION, ColumnTerm, Day, DisclosureTerm, DummiesTerm, GroupHiding, JoinTerm, KeyTerm,
    StatisticKind, StatisticTerm, Terms,
};
use crate::cli::DemoArgs;
use crate::data::normalize::Rule;
use crate::data::{Duplicates, Missing};
use crate::decimal::parse_units;
use crate::error::Error;
use crate::report::{JoinReport, grouped};
use crate::statistics::StatisticTable;
use crate::synthetic::{EMPLOYMENT, TableKind, districts};

const AGREEMENT: &str = "statistics.toml";

/// Fewest people of a released cell.
const MINIMUM: u64 = 20;

/// Borders of the age bands.
const AGES: [&str; 6] = ["18", "30", "45", "60", "75", "120"];

/// The districts whose people the agreement counts; others stand in a group of their own.
const PAID: &str = "mean paid, by district and age";
const JOBS: &str = "people, by employment";

/// Shows statistics; tells whether any figure was released.
pub(super) fn show(dir: &Path, args: &DemoArgs) -> Result<bool, Error> {
    let kinds = [("claims.csv", TableKind::Claims), ("employment.csv", TableKind::Employment)];
    let tables = write_tables(dir, args, kinds)?;
    show::line("Now an insurance's claims and another province's employment register:")?;
    tables.iter().try_for_each(|table| show::table(dir, table.name))?;
    show::line(
        "Neither may learn who is in both. Each signs an agreement on statistics, and runs `tidegate join` ...\n",
    )?;
    let (insurance, office) = meet(dir, args)?;
    if !alike(&insurance, &office) {
        return wrong("the two parties hold different tables");
    }
    let released = check(dir, &tables, &insurance)?;
    show::line("Both have this report, from the insurance's side:")?;
    show::line(&show::indented(&insurance.to_string()))?;
    let (records, other) = (grouped(args.records.into()), grouped(other_records(args).into()));
    show::line(&format!(
        "Checked: {released} released figures are those of a plain join of the {records} and {other} rows; none \
         rests on fewer than {MINIMUM} people."
    ))?;
    Ok(insurance.outcome != "withheld")
}

fn meet(dir: &Path, args: &DemoArgs) -> Result<(JoinReport, JoinReport), Error> {
    let parties = [
        PartySketch {
            name: "claims",
            id_column: Some(TableKind::Claims.id_column()),
            max_records: args.records.into(),
        },
        PartySketch {
            name: "employment",
            id_column: Some(TableKind::Employment.id_column()),
            max_records: other_records(args).into(),
        },
    ];
    agree(dir, AGREEMENT, parties, |party| Terms {
        version: AGREEMENT_VERSION,
        id: "demonstration of statistics".into(),
        purpose: "what the insured of one province cost who work in another".into(),
        protocol: "join-elgamal".into(),
        output: vec!["claims".into(), "employment".into()],
        minimum_intersection: 0,
        max_runs: 1,
        expires: Some(Day::today().next()),
        key: vec![KeyTerm { name: "id".into(), rules: vec![Rule::ResidentId] }],
        party,
        hub: None,
        sum: None,
        vector: None,
        join: Some(JoinTerm {
            groups: GroupHiding::Partitions,
            duplicates: Duplicates::First,
            missing: Missing::Drop,
            dummies: Some(DummiesTerm { epsilon: decimal("1"), delta: decimal("0.000001") }),
        }),
        column: columns(),
        statistic: statistics(),
        disclosure: Some(DisclosureTerm {
            minimum_count: MINIMUM,
            p_percent: Some(10),
            round_to: None,
            dominance: None,
            noise: None,
            budget: None,
        }),
        report: None,
    })?;
    run_both(
        ("claims", command(dir, args, "join", AGREEMENT, "claims", &["--html", "statistics.html"])?),
        ("employment", command(dir, args, "join", AGREEMENT, "employment", &["--csv", "statistics.csv"])?),
    )
}

fn decimal<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("constants of this file are decimals")
}

fn columns() -> Vec<ColumnTerm> {
    let party = || Some("claims".to_owned());
    vec![
        ColumnTerm::Number {
            party: party(),
            name: "paid".into(),
            source: None,
            decimals: 2,
            min: decimal("0"),
            max: decimal("100000"),
        },
        ColumnTerm::Category {
            party: party(),
            name: "district".into(),
            source: None,
            categories: districts().map(str::to_owned).collect(),
            rules: Vec::new(),
        },
        ColumnTerm::Bins {
            party: party(),
            name: "age".into(),
            source: None,
            decimals: 0,
            edges: AGES.into_iter().map(decimal).collect(),
        },
        ColumnTerm::Category {
            party: Some("employment".into()),
            name: "employment".into(),
            source: Some("employment_status".into()),
            categories: EMPLOYMENT.into_iter().map(str::to_owned).collect(),
            rules: Vec::new(),
        },
    ]
}

fn statistics() -> Vec<StatisticTerm> {
    let statistic = |name: &str, kind, of: Option<&str>, by: &[&str]| StatisticTerm {
        name: name.into(),
        kind,
        party: None,
        of: of.map(str::to_owned),
        by: by.iter().map(|&column| column.to_owned()).collect(),
        totals: true,
    };
    vec![
        statistic(PAID, StatisticKind::Mean, Some("paid"), &["district", "age"]),
        statistic(JOBS, StatisticKind::Count, None, &["employment"]),
    ]
}

/// Tells whether both parties hold the same tables, in whatever order.
fn alike(a: &JoinReport, b: &JoinReport) -> bool {
    let holds = |table: &StatisticTable| b.tables.contains(table);
    a.tables.len() == b.tables.len() && a.tables.iter().all(holds)
}

/// A common person, as a plain join finds it.
struct Common {
    district: usize,
    age: usize,
    paid: i64,
    employment: usize,
}

/// Compares every released figure with the plain join, and counts them.
fn check(dir: &Path, tables: &[Table; 2], report: &JoinReport) -> Result<usize, Error> {
    let people = plain_join(dir, tables)?;
    let mut released = 0;
    for table in &report.tables {
        for entry in table.entries.iter().filter(|entry| !entry.suppressed) {
            let is = |index: Option<u32>, of: usize| index.is_none_or(|index| index as usize == of);
            let members: Vec<&Common> = people
                .iter()
                .filter(|person| match table.name == PAID {
                    true => is(entry.row, person.district) && is(entry.column, person.age),
                    false => is(entry.row, person.employment),
                })
                .collect();
            let count = entry.count.as_ref().map(|count| count.text.clone());
            if count != Some(members.len().to_string()) || (members.len() as u64) < MINIMUM {
                return wrong("a plain join counts otherwise");
            }
            if let Some(value) = &entry.value {
                let sum: i64 = members.iter().map(|person| person.paid).sum();
                if value.text != mean_text(sum, members.len()) {
                    return wrong("a plain join finds another mean");
                }
            }
            released += 1;
        }
    }
    Ok(released)
}

#[expect(clippy::cast_precision_loss, reason = "sums of a demonstration are far below 2^53")]
fn mean_text(sum: i64, count: usize) -> String {
    format!("{:.4}", sum as f64 / 100.0 / count as f64)
}

/// Joins the two tables as anybody would who held both.
fn plain_join(dir: &Path, [claims, employment]: &[Table; 2]) -> Result<Vec<Common>, Error> {
    let mut jobs: HashMap<&str, String> = HashMap::new();
    let text = read(dir, employment.name)?;
    for (id, row) in employment.ids.iter().zip(text.lines().skip(1)) {
        let (Some(id), Some((_, job))) = (id, row.rsplit_once(',')) else { continue };
        jobs.entry(id).or_insert_with(|| job.to_owned());
    }
    let text = read(dir, claims.name)?;
    let mut people = Vec::new();
    for (id, row) in claims.ids.iter().zip(text.lines().skip(1)) {
        // The first row of a person counts.
        let Some(job) = id.as_deref().and_then(|id| jobs.remove(id)) else { continue };
        people.extend(common(row, &job));
    }
    Ok(people)
}

fn common(row: &str, job: &str) -> Option<Common> {
    let mut cells = row.rsplit(',');
    let (paid, age, district) = (cells.next()?, cells.next()?, cells.next()?);
    let age: i64 = parse_units(age, 0).ok()?;
    let band =
        AGES.iter().filter_map(|edge| parse_units(edge, 0).ok()).take_while(|&edge| edge <= age).count();
    Some(Common {
        district: districts().position(|name| name == district)?,
        age: band.checked_sub(1)?,
        paid: parse_units(paid, 2).ok()?,
        employment: EMPLOYMENT.iter().position(|name| *name == job)?,
    })
}

//! The first part: which of its people an insurance finds in the table of a credit bureau.

use std::collections::HashSet;
use std::path::Path;

use super::parties::{PartySketch, agree, command, run_both};
use super::{MINIMUM, Table, other_records, read, show, write_tables, wrong};
use crate::agreement::{AGREEMENT_VERSION, Day, KeyTerm, Terms};
use crate::cli::DemoArgs;
use crate::data::normalize::Rule;
use crate::error::Error;
use crate::report::{PsiReport, grouped};
use crate::synthetic::TableKind;

const AGREEMENT: &str = "agreement.toml";

/// The two tables and the truth about them.
struct Tables {
    insurance: Vec<Option<String>>,
    credit: HashSet<String>,
}

impl Tables {
    /// Computes by a plain join which rows of the insurance are the answer.
    fn expected_rows(&self) -> Vec<usize> {
        let common = |id: &Option<String>| id.as_ref().is_some_and(|id| self.credit.contains(id));
        (0..).zip(&self.insurance).filter(|(_, id)| common(id)).map(|(row, _)| row).collect()
    }

    fn expected_keys(&self) -> u64 {
        let common = self.insurance.iter().flatten().filter(|id| self.credit.contains(*id));
        common.collect::<HashSet<_>>().len() as u64
    }
}

/// Shows an intersection; tells whether it was released.
pub(super) fn show(dir: &Path, args: &DemoArgs) -> Result<bool, Error> {
    let kinds = [("insurance.csv", TableKind::Insurance), ("credit.csv", TableKind::Credit)];
    let [insurance, credit]: [Table; 2] = write_tables(dir, args, kinds)?;
    let names = [insurance.name, credit.name];
    let tables = Tables { insurance: insurance.ids, credit: credit.ids.into_iter().flatten().collect() };
    show::line("Two organisations, each with a table of its own (all people are made up):")?;
    names.into_iter().try_for_each(|name| show::table(dir, name))?;
    show::line(
        "Each makes a key, both sign one agreement, and each runs `tidegate psi` in a process of its own ...\n",
    )?;
    let (insurance, credit) = meet(dir, args)?;
    check(dir, args, &tables, &insurance)?;
    show_result(dir, args, &insurance, &credit)?;
    Ok(insurance.outcome != "withheld")
}

/// Runs the insurance, which gets the output, and the bureau; returns their reports in this order.
fn meet(dir: &Path, args: &DemoArgs) -> Result<(PsiReport, PsiReport), Error> {
    let parties = [
        PartySketch {
            name: "insurance",
            id_column: Some(TableKind::Insurance.id_column()),
            max_records: args.records.into(),
        },
        PartySketch {
            name: "credit",
            id_column: Some(TableKind::Credit.id_column()),
            max_records: other_records(args).into(),
        },
    ];
    agree(dir, AGREEMENT, parties, |party| Terms {
        version: AGREEMENT_VERSION,
        id: "demonstration".into(),
        purpose: "which insured people have a credit record".into(),
        protocol: "psi-ecdh".into(),
        output: vec!["insurance".into()],
        minimum_intersection: MINIMUM,
        max_runs: 1,
        expires: Some(Day::today().next()),
        key: vec![KeyTerm { name: "id".into(), rules: vec![Rule::ResidentId] }],
        party,
        hub: None,
        join: None,
        sum: None,
        vector: None,
        column: Vec::new(),
        statistic: Vec::new(),
        disclosure: None,
        report: None,
    })?;
    let flags = |output: &'static [&'static str]| if args.count_only { &["--count-only"] } else { output };
    run_both(
        (
            "insurance",
            command(dir, args, "psi", AGREEMENT, "insurance", flags(&["--output", "matched.csv"]))?,
        ),
        ("credit", command(dir, args, "psi", AGREEMENT, "credit", flags(&["--no-output"]))?),
    )
}

/// Compares the result with the plain join.
fn check(dir: &Path, args: &DemoArgs, tables: &Tables, report: &PsiReport) -> Result<(), Error> {
    let expected = tables.expected_keys();
    if expected < MINIMUM {
        let kept = report.outcome == "withheld";
        return if kept { Ok(()) } else { wrong("a result below the minimum was released") };
    }
    if report.sizes.common_keys != Some(expected) {
        return wrong(&format!("a plain join finds {expected} common people"));
    }
    if args.count_only {
        return Ok(());
    }
    let (table, matched) = (read(dir, "insurance.csv")?, read(dir, "matched.csv")?);
    let rows: Vec<_> = table.lines().skip(1).collect();
    let expected = tables.expected_rows().into_iter().filter_map(|row| rows.get(row).copied());
    if matched.lines().skip(1).eq(expected) { Ok(()) } else { wrong("a plain join finds other rows") }
}

/// Shows the result and what everybody learned.
fn show_result(dir: &Path, args: &DemoArgs, insurance: &PsiReport, credit: &PsiReport) -> Result<(), Error> {
    if insurance.sizes.rows_written.is_some() {
        show::line("The insurance now has:")?;
        show::table(dir, "matched.csv")?;
    }
    show::line("Its report:")?;
    show::line(&show::indented(&insurance.to_string()))?;
    show::line("The credit bureau's report:")?;
    show::line(&show::indented(&credit.to_string()))?;
    let (records, other) = (grouped(args.records.into()), grouped(other_records(args).into()));
    let found = match insurance.sizes.common_keys {
        Some(_) => "gives the same".to_owned(),
        None => format!("finds fewer than {MINIMUM} common people, so nothing may be released"),
    };
    show::line(&format!("Checked: a plain join of the {records} and {other} rows {found}."))
}

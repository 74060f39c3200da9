//! Sums in one process: agreements and tables as texts, every party's contribution, what the totals release.

mod noise;
mod plan;
mod property;
mod totals;
mod variance;
mod vector;

use rand::CryptoRng;
use tidegate_mpc::testing::seeded_rng;

use super::super::{StatisticTable, SumPlan, SumResult};
use crate::agreement::{Agreement, Terms};
use crate::data::{PlainRecords, TableSource, TextEncoding, read_plain_records};
use crate::identity::Identity;

/// Numbers, whole and from 0 to 100.
const PAID: &str =
    "[[column]]\nkind = \"number\"\nname = \"paid\"\ndecimals = 0\nmin = \"0\"\nmax = \"100\"\n";

/// Groups.
const TOWN: &str = "[[column]]\nkind = \"category\"\nname = \"town\"\ncategories = [\"N\", \"S\", \"W\"]\n";

/// Writes the terms of `parties` parties, the first of which coordinates; `most` bounds the rows of each.
fn terms(parties: usize, most: u64, sum: &str, parts: &str, disclosure: &str) -> Terms {
    let names: Vec<_> = (0..parties).map(|party| format!("p{party}")).collect();
    let party = |(party, name): (usize, &String)| {
        let key = Identity::generate(&mut seeded_rng(party as u64)).public();
        format!(
            "[[party]]\nname = \"{name}\"\nkey = \"{key}\"\nendpoint = \"h:1\"\nmax_records = {most}\ndataset = \"d\"\n"
        )
    };
    let party: String = names.iter().enumerate().map(party).collect();
    let text = format!(
        "version = 1\nid = \"test\"\npurpose = \"test\"\nprotocol = \"sum-masked\"\noutput = {names:?}\n\
         minimum_intersection = 0\nmax_runs = 1\n{party}\n[sum]\ncoordinator = \"p0\"\nmissing = \"refuse\"\n{sum}\n\
         {parts}[disclosure]\n{disclosure}"
    );
    toml::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn agree(parties: usize, most: u64, sum: &str, parts: &str, disclosure: &str) -> Agreement {
    let terms = terms(parties, most, sum, parts, disclosure);
    Agreement::new(terms).unwrap_or_else(|error| panic!("{error}"))
}

/// Writes a statistic; `of` and `by` where there is one.
fn statistic(kind: &str, of: Option<&str>, by: &[&str], more: &str) -> String {
    let of = of.map(|of| format!("of = \"{of}\"\n")).unwrap_or_default();
    let name = format!("{kind} {} {}", of.len(), by.join("+"));
    format!("[[statistic]]\nname = \"{name}\"\nkind = \"{kind}\"\n{of}by = {by:?}\n{more}\n")
}

/// Reads the table of a party, a CSV text.
fn read(agreement: &Agreement, plan: &SumPlan, party: usize, table: &str) -> PlainRecords {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    std::fs::write(&path, table).unwrap();
    let source = TableSource::open(&path, TextEncoding::Utf8).unwrap();
    let terms = agreement.terms();
    let specs = plan.column_specs(terms, &terms.party[party]);
    let missing = agreement.sum_terms().unwrap().sum.missing;
    read_plain_records(&source, &specs, missing, &mut |_| {}, &|| false).unwrap()
}

/// Adds up the contributions of the parties that have a table.
fn totals(agreement: &Agreement, tables: &[Option<&str>], rng: &mut impl CryptoRng) -> Vec<i128> {
    let plan = SumPlan::new(agreement).unwrap();
    let mut totals = vec![0; plan.len()];
    let (low, high) = plan.bounds();
    for (party, table) in tables.iter().enumerate() {
        let Some(table) = table else { continue };
        let records = read(agreement, &plan, party, table);
        let own = plan.contribution(&records.columns, records.len, rng);
        assert!(own.words().iter().all(|word| (low..=high).contains(word)));
        totals.iter_mut().zip(own.words()).for_each(|(total, word)| *total += word);
    }
    totals
}

/// Runs everything but the protocol.
fn run(agreement: &Agreement, tables: &[Option<&str>], seed: u64) -> SumResult {
    let totals = totals(agreement, tables, &mut seeded_rng(seed));
    let survivors = u32::try_from(tables.iter().flatten().count()).unwrap();
    SumPlan::new(agreement).unwrap().release(agreement.terms(), &totals, survivors).unwrap()
}

/// Returns the texts of every count, `*` where it is suppressed.
fn counts(table: &StatisticTable) -> Vec<&str> {
    table.entries.iter().map(|entry| entry.count.as_ref().map_or("*", |count| &count.text)).collect()
}

/// Returns the texts of every value, `*` where it is suppressed.
fn values(table: &StatisticTable) -> Vec<&str> {
    table.entries.iter().map(|entry| entry.value.as_ref().map_or("*", |value| &value.text)).collect()
}

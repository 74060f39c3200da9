//! Statistics of two parties in one process: agreements and tables as texts, both sides of a run, what they release.

mod noise;
mod plan;
mod policy;
mod property;
mod tables;

use std::cell::Cell;

use rand::CryptoRng;
use tidegate_mpc::run::RunError;
use tidegate_mpc::testing::{agreed_sessions, seeded_rng};
use tidegate_mpc::transport::{MemoryChannel, memory_pair};
use tidegate_mpc::{Outputs, Protocol, Session};

use super::{JoinPlan, JoinResult, OwnRecords, StatisticTable, TableEntry};
use crate::agreement::{Agreement, Terms};
use crate::data::{DataError, KeyColumn, RecordRules, Records, TableSource, TextEncoding, read_records};

/// An agreement between `ann`, whose columns come first, and `ben`; the parts on statistics follow.
const HEAD: &str = r#"
version = 1
id = "test"
purpose = "test"
protocol = "join-elgamal"
output = ["ann", "ben"]
minimum_intersection = 0
max_runs = 1
key = [{ name = "id", rules = ["trim"] }]

[[party]]
name = "ann"
key = "ed25519:ADnpbgr04ryeqLOB7hIC0paQky6prmikV65vl-BIKn0"
max_records = MOST
dataset = "a"

[[party]]
name = "ben"
key = "ed25519:Q-Viz3RX3kCppChJJ8IOuriJZkJpCnN749f1apjdlSw"
max_records = MOST
dataset = "b"
"#;

/// Groups as columns, nothing made up, no row that is not as it should be.
const PLAIN: &str = "groups = \"columns\"\nduplicates = \"refuse\"\nmissing = \"refuse\"\n";

/// Groups as partitions, with few made-up records.
const PARTITIONS: &str = "groups = \"partitions\"\nduplicates = \"refuse\"\nmissing = \"refuse\"\n\
                          dummies = { epsilon = \"1\", delta = \"0.01\" }\n";

/// Numbers of Ann, whole and from 0 to 100.
const PAID: &str = "[[column]]\nkind = \"number\"\nparty = \"ann\"\nname = \"paid\"\ndecimals = 0\nmin = \"0\"\nmax = \"100\"\n";

/// Groups of Ann.
const TOWN: &str =
    "[[column]]\nkind = \"category\"\nparty = \"ann\"\nname = \"town\"\ncategories = [\"N\", \"S\"]\n";

/// Other groups of Ann.
const JOB: &str =
    "[[column]]\nkind = \"category\"\nparty = \"ann\"\nname = \"job\"\ncategories = [\"J\", \"K\", \"L\"]\n";

/// Makes an agreement of up to `most` records a side, out of `[join]`, columns with statistics, and `[disclosure]`.
fn agree(most: u64, join: &str, parts: &str, disclosure: &str) -> Agreement {
    let head = HEAD.replace("MOST", &most.to_string());
    let text = format!("{head}[join]\n{join}{parts}[disclosure]\n{disclosure}");
    Agreement::new(toml::from_str(&text).unwrap()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Writes a statistic; `of` and `by` as TOML, where there is one.
fn statistic(kind: &str, of: Option<&str>, by: &[&str], more: &str) -> String {
    let of = of.map(|of| format!("of = \"{of}\"\n")).unwrap_or_default();
    let name = format!("{kind} {} {}", of.len(), by.join("+"));
    format!("[[statistic]]\nname = \"{name}\"\nkind = \"{kind}\"\n{of}by = {by:?}\n{more}\n")
}

/// A party with its table read.
struct Side {
    plan: JoinPlan,
    records: Records,
}

impl Side {
    /// Reads the table of the party at `place`, a CSV text.
    fn new(agreement: &Agreement, place: usize, table: &str) -> Result<Self, DataError> {
        let terms = agreement.terms();
        let (own, peer) = (&terms.party[place], &terms.party[1 - place]);
        let plan = JoinPlan::new(agreement, own, peer).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.csv");
        std::fs::write(&path, table).unwrap();
        let source = TableSource::open(&path, TextEncoding::Utf8).unwrap();
        let key = &terms.key[0];
        let keys = [KeyColumn { name: key.name.clone(), rules: key.rules.clone() }];
        let join = agreement.join_terms().unwrap().join;
        let rules = RecordRules { duplicates: join.duplicates, missing: join.missing };
        let records = read_records(&source, &keys, &plan.column_specs(terms), rules, &mut |_| {}, &|| false)?;
        Ok(Self { plan, records })
    }

    fn run(
        &self,
        terms: &Terms,
        session: &Session,
        channel: &mut MemoryChannel,
        seed: u64,
    ) -> Result<JoinResult, RunError> {
        let own = OwnRecords { items: &self.records.keyed.items, columns: &self.records.columns };
        self.plan.run(terms, own, session, channel, &mut (), generators(seed))
    }
}

/// Makes a different generator at every call.
fn generators(seed: u64) -> impl Fn() -> Box<dyn CryptoRng> {
    let made = Cell::new(10 * seed);
    move || {
        made.set(made.get() + 1);
        Box::new(seeded_rng(made.get()))
    }
}

/// Runs both sides over tables of Ann and Ben.
fn run(agreement: &Agreement, tables: [&str; 2], seed: u64) -> [JoinResult; 2] {
    let [ann, ben] = [0, 1].map(|place| Side::new(agreement, place, tables[place]).unwrap());
    let [ann_len, ben_len] = [&ann, &ben].map(|side| side.records.keyed.items.len());
    let (receiver, sender) = agreed_sessions(Protocol::JoinElGamal, Outputs::Both, 0, ben_len, ann_len);
    let (mut to_ben, mut to_ann) = memory_pair();
    let terms = agreement.terms();
    std::thread::scope(|scope| {
        let ben = scope.spawn(move || ben.run(terms, &receiver, &mut to_ann, 2 * seed));
        let ann = ann.run(terms, &sender, &mut to_ben, 2 * seed + 1);
        let ben = ben.join().expect("a side of a run does not panic");
        let results = [ann.unwrap(), ben.unwrap()];
        assert_eq!(sorted(&results[0]), sorted(&results[1]), "both sides hold the same tables");
        results
    })
}

/// Runs both sides and returns the tables.
fn released(agreement: &Agreement, tables: [&str; 2]) -> Vec<StatisticTable> {
    let [ann, _] = run(agreement, tables, 7);
    ann.tables
}

fn sorted(result: &JoinResult) -> Vec<StatisticTable> {
    let mut tables = result.tables.clone();
    tables.sort_by(|a, b| (&a.name, &a.owner).cmp(&(&b.name, &b.owner)));
    tables
}

/// Returns the texts of every count, `*` where it is suppressed.
fn counts(table: &StatisticTable) -> Vec<&str> {
    table.entries.iter().map(|entry| entry.count.as_ref().map_or("*", |count| &count.text)).collect()
}

/// Returns the texts of every value, `*` where it is suppressed and `-` where there is none.
fn values(table: &StatisticTable) -> Vec<&str> {
    table.entries.iter().map(value).collect()
}

fn value(entry: &TableEntry) -> &str {
    match &entry.value {
        Some(value) => &value.text,
        None if entry.suppressed => "*",
        None => "-",
    }
}

/// Makes the table of a party out of its records: the cells behind each key.
fn table(head: &str, rows: impl IntoIterator<Item = String>) -> String {
    let rows = rows.into_iter().enumerate().map(|(key, cells)| format!("{key},{cells}\n"));
    std::iter::once(format!("id,{head}\n")).chain(rows).collect()
}

/// Makes a table of keys alone.
fn keys(keys: impl IntoIterator<Item = usize>) -> String {
    std::iter::once("id\n".to_owned()).chain(keys.into_iter().map(|key| format!("{key}\n"))).collect()
}

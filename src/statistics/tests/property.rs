//! Released tables against the plain join of generated tables.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{agree, run};
use crate::agreement::{Agreement, StatisticKind};
use crate::data::{Duplicates, Missing};
use crate::decimal::text_of;
use crate::statistics::{Number, StatisticTable, TableEntry};

/// A statistic: kind, whether of the amount, group columns, more.
type Dish = (&'static str, bool, &'static [&'static str], &'static str);

/// What may be computed of a party's columns; the last two make a second grid.
const MENU: [Dish; 9] = [
    ("count", false, &[], ""),
    ("sum", true, &["place"], ""),
    ("mean", true, &["place", "age"], ""),
    ("variance", true, &["age", "place"], "totals = false"),
    ("standard-deviation", true, &[], ""),
    ("histogram", false, &["age"], "totals = false"),
    ("crosstab", false, &["age", "place"], ""),
    ("count", false, &["sort"], ""),
    ("mean", true, &["sort"], "totals = false"),
];

/// Keys are below this.
const KEYS: usize = 24;

/// The groups of a record: its place of three, its age of two bands, its sort of two.
const GROUPS: [(&str, u32); 3] = [("place", 3), ("age", 2), ("sort", 2)];

#[derive(Clone, Debug)]
struct Row {
    key: usize,
    groups: [u32; 3],
    amount: i64,
    blank: bool,
}

/// A generated case; the texts of both tables and the plain records follow from it.
#[derive(Clone, Debug)]
struct Case {
    rows: [Vec<Row>; 2],
    menu: [u16; 2],
    decimals: u8,
    minimum: u64,
    is_partitioned: bool,
    has_dummies: bool,
    duplicates: Duplicates,
    missing: Missing,
    seed: u64,
}

fn row() -> impl Strategy<Value = Row> {
    let groups = (0..3u32, 0..2u32, 0..2u32).prop_map(|(a, b, c)| [a, b, c]);
    let blank = proptest::bool::weighted(0.1);
    (0..KEYS, groups, -30..=30i64, blank).prop_map(|(key, groups, amount, blank)| Row {
        key,
        groups,
        amount,
        blank,
    })
}

fn case() -> impl Strategy<Value = Case> {
    let rows = || proptest::collection::vec(row(), 1..60);
    let duplicates = prop_oneof![Just(Duplicates::Refuse), Just(Duplicates::Sum), Just(Duplicates::First)];
    let missing = prop_oneof![Just(Missing::Refuse), Just(Missing::Drop)];
    let terms = (0..4u8, 1..5u64, any::<bool>(), any::<bool>(), duplicates, missing, 0..1000u64);
    ([rows(), rows()], [0..512u16, 1..512u16], terms).prop_map(|(rows, menu, terms)| {
        let (decimals, minimum, is_partitioned, has_dummies, duplicates, missing, seed) = terms;
        let mut case =
            Case { rows, menu, decimals, minimum, is_partitioned, has_dummies, duplicates, missing, seed };
        case.settle();
        case
    })
}

impl Case {
    /// Makes the rows keep the rules, and the statistics make one grid where groups are partitions.
    fn settle(&mut self) {
        if self.is_partitioned {
            self.menu = self.menu.map(|menu| if menu == 0 { 0 } else { (menu & 0x7f) | 4 });
        }
        let (refuses, sums) = (self.duplicates == Duplicates::Refuse, self.duplicates == Duplicates::Sum);
        for rows in &mut self.rows {
            let mut groups = BTreeMap::new();
            rows.retain(|row| groups.insert(row.key, row.groups).is_none() || !refuses);
            for row in rows {
                row.groups = if sums { groups[&row.key] } else { row.groups };
                row.blank &= self.missing == Missing::Drop;
            }
        }
        // A table without a record is refused before a run.
        for rows in &mut self.rows {
            rows[0].blank = false;
        }
    }

    fn chosen(&self, party: usize) -> impl Iterator<Item = (usize, &'static Dish)> {
        let menu = self.menu[party];
        MENU.iter().enumerate().filter(move |(place, _)| menu >> place & 1 == 1)
    }

    fn uses_amount(&self, party: usize) -> bool {
        self.chosen(party).any(|(_, (_, of, ..))| *of)
    }

    fn agreement(&self) -> Agreement {
        let hiding = if self.is_partitioned { "partitions" } else { "columns" };
        let name = |value: serde_json::Value| value.to_string();
        let [duplicates, missing] =
            [serde_json::json!(self.duplicates), serde_json::json!(self.missing)].map(name);
        let mut join = format!("groups = \"{hiding}\"\nduplicates = {duplicates}\nmissing = {missing}\n");
        if self.is_partitioned || self.has_dummies {
            join += "dummies = { epsilon = \"1\", delta = \"0.01\" }\n";
        }
        let parts: String = [0, 1].map(|party| self.parts(party)).concat();
        agree(60, &join, &parts, &format!("minimum_count = {}\n", self.minimum))
    }

    /// Writes the columns and statistics of a party.
    fn parts(&self, party: usize) -> String {
        let who = ["ann", "ben"][party];
        let used: BTreeSet<&str> =
            self.chosen(party).flat_map(|(_, (_, _, by, _))| by.iter().copied()).collect();
        let column = |kind: &str, name: &str, more: &str| {
            format!(
                "[[column]]\nkind = \"{kind}\"\nparty = \"{who}\"\nname = \"{who} {name}\"\nsource = \"{name}\"\n{more}\n"
            )
        };
        let mut parts = String::new();
        for name in used {
            parts += &match name {
                "place" => {
                    column("category", name, "categories = [\"P0\", \"P1\", \"P2\"]\nrules = [\"trim\"]")
                }
                "age" => column("bins", name, "decimals = 0\nedges = [\"0\", \"10\", \"20\"]"),
                _ => column("category", name, "categories = [\"S0\", \"S1\"]"),
            };
        }
        if self.uses_amount(party) {
            let [min, max] = [-2000, 2000].map(|units| text_of(units, self.decimals));
            let more = format!("decimals = {}\nmin = \"{min}\"\nmax = \"{max}\"", self.decimals);
            parts += &column("number", "amount", &more);
        }
        for (place, (kind, of, by, more)) in self.chosen(party) {
            let by: Vec<_> = by.iter().map(|name| format!("{who} {name}")).collect();
            let of = if *of { format!("of = \"{who} amount\"\n") } else { String::new() };
            let party =
                if of.is_empty() && by.is_empty() { format!("party = \"{who}\"\n") } else { String::new() };
            parts += &format!(
                "[[statistic]]\nname = \"{who} {place}\"\nkind = \"{kind}\"\n{of}{party}by = {by:?}\n{more}\n"
            );
        }
        parts
    }

    /// Writes the table of a party.
    fn table(&self, party: usize) -> String {
        let row = |row: &Row| {
            let [place, age, sort] = row.groups;
            let amount = if row.blank { String::new() } else { text_of(row.amount, self.decimals) };
            format!("{amount},{},S{sort}, {} , P{place}\n", 10 * age + 9, row.key)
        };
        std::iter::once("amount,age,sort,id,place\n".to_owned())
            .chain(self.rows[party].iter().map(row))
            .collect()
    }

    /// Makes the records of a party: groups and amount by key.
    fn records(&self, party: usize) -> BTreeMap<usize, ([u32; 3], i64)> {
        let mut records = BTreeMap::new();
        let is_dropped = |row: &&Row| row.blank && self.uses_amount(party);
        for row in self.rows[party].iter().filter(|row| !is_dropped(row)) {
            let record = records.entry(row.key).or_insert((row.groups, 0));
            if record.0 == row.groups && self.duplicates == Duplicates::Sum {
                record.1 += row.amount;
            }
        }
        if self.duplicates != Duplicates::Sum {
            for row in self.rows[party].iter().filter(|row| !is_dropped(row)).rev() {
                records.insert(row.key, (row.groups, row.amount));
            }
        }
        records
    }

    /// Returns the records of a party that the other one has too.
    fn common(&self, party: usize) -> Vec<([u32; 3], i64)> {
        let (own, other) = (self.records(party), self.records(1 - party));
        own.into_iter().filter(|(key, _)| other.contains_key(key)).map(|(_, record)| record).collect()
    }

    /// Compares all tables of a party with the plain join.
    fn check(&self, tables: &[StatisticTable]) {
        for (party, who) in ["ann", "ben"].into_iter().enumerate() {
            let common = self.common(party);
            let own: Vec<_> = tables.iter().filter(|table| table.owner == who).collect();
            assert_eq!(own.len(), self.chosen(party).count());
            for (table, (_, (_, _, by, more))) in own.iter().zip(self.chosen(party)) {
                let lens = by.iter().map(|by| groups_of(by).1 as usize);
                let with_total = usize::from(more.is_empty());
                let expected: usize = lens.map(|len| len + with_total).product();
                let expected = if by.len() == 1 { expected } else { expected.max(1) };
                assert_eq!(table.entries.len(), expected, "{}", table.name);
                for entry in &table.entries {
                    self.check_entry(table, entry, by, &common);
                }
            }
            let smallest = smallest_cell(&common);
            let is_all_shown = own.iter().all(|table| table.entries.iter().all(|entry| !entry.suppressed));
            assert!((smallest as u64) < self.minimum || is_all_shown, "suppressed without need");
        }
    }

    fn check_entry(
        &self,
        table: &StatisticTable,
        entry: &TableEntry,
        by: &[&str],
        common: &[([u32; 3], i64)],
    ) {
        let is_in = |groups: &[u32; 3]| {
            by.iter()
                .zip([entry.row, entry.column])
                .all(|(by, index)| index.is_none_or(|index| groups[groups_of(by).0] == index))
        };
        let members: Vec<i64> =
            common.iter().filter(|(groups, _)| is_in(groups)).map(|(_, amount)| *amount).collect();
        let Some(count) = &entry.count else {
            assert!(entry.suppressed && entry.value.is_none(), "{}", table.name);
            return;
        };
        assert!(!entry.suppressed && members.len() as u64 >= self.minimum, "{}", table.name);
        assert_eq!(count.text, members.len().to_string(), "{} {entry:?}", table.name);
        check_value(table.kind, entry.value.as_ref(), &members, self.decimals);
    }
}

fn groups_of(name: &str) -> (usize, u32) {
    let place = GROUPS.iter().position(|(other, _)| *other == name).unwrap();
    (place, GROUPS[place].1)
}

/// Counts the records of the smallest cell of any grid.
fn smallest_cell(common: &[([u32; 3], i64)]) -> usize {
    let count = |is_in: &dyn Fn(&[u32; 3]) -> bool| common.iter().filter(|(groups, _)| is_in(groups)).count();
    let cells = (0..6).map(|cell| count(&|groups| groups[0] == cell / 2 && groups[1] == cell % 2));
    let sorts = (0..2).map(|sort| count(&|groups| groups[2] == sort));
    cells.chain(sorts).min().unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn check_value(kind: StatisticKind, found: Option<&Number>, members: &[i64], decimals: u8) {
    let (len, unit) = (members.len() as f64, 10f64.powi(decimals.into()));
    let mean = members.iter().sum::<i64>() as f64 / len / unit;
    let squares: f64 = members.iter().map(|&amount| (amount as f64 / unit - mean).powi(2)).sum();
    let variance = (members.len() > 1).then(|| squares / (len - 1.0));
    let expected = match kind {
        StatisticKind::Sum => {
            assert_eq!(found.unwrap().text, text_of(members.iter().sum(), decimals));
            return;
        }
        StatisticKind::Mean => Some(mean),
        StatisticKind::Variance => variance,
        StatisticKind::StandardDeviation => variance.map(f64::sqrt),
        _ => None,
    };
    match (found, expected) {
        (Some(found), Some(expected)) => {
            assert!((found.number - expected).abs() < 1e-6, "{kind:?}: {found:?}, not {expected}");
        }
        (found, expected) => assert_eq!((found, expected), (None, None), "{kind:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]

    #[test]
    fn released_tables_are_those_of_the_plain_join(case in case()) {
        let agreement = case.agreement();
        let tables = [0, 1].map(|party| case.table(party));
        let [ann, _] = run(&agreement, [&tables[0], &tables[1]], case.seed);
        case.check(&ann.tables);
    }
}

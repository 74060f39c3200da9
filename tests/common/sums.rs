//! Up to five parties that add up their tables, with or without a hub, and the plain totals of the same tables.

use std::path::Path;
use std::process::Command;

use tidegate::agreement::{Agreement, Terms, sign_file, write_new};
use tidegate::identity::Identity;
use tidegate::report::{SumPartyState, SumReport};
use tidegate_mpc::testing::seeded_rng;

use super::{Ended, Listener, Place, Running, files_below};

/// All that ever take part.
pub(crate) const PARTIES: [&str; 5] = ["east", "north", "south", "west", "river"];

/// Who coordinates without a table, where it does.
pub(crate) const HUB: &str = "board";

/// An agreement on sums, but for parties and keys.
const SUMS: &str = r#"
version = 1
id = "stays-2026"
purpose = "costs of treatment by department"
protocol = "sum-masked"
output = []
minimum_intersection = 0
max_runs = 9
expires = "2099-12-31"
party = []

[sum]
coordinator = "east"
missing = "drop"

[[column]]
kind = "number"
name = "cost"
decimals = 2
min = "0"
max = "5000"

[[column]]
kind = "category"
name = "department"
categories = ["surgery", "medicine", "paediatrics", "other"]

[[column]]
kind = "bins"
name = "age"
decimals = 0
edges = ["0", "5", "10", "15", "20", "25", "30", "35", "40", "45", "50"]

[[statistic]]
name = "costs"
kind = "sum"
of = "cost"
by = ["department", "age"]

[disclosure]
minimum_count = 2
"#;

const DEPARTMENTS: [&str; 4] = ["surgery", "medicine", "paediatrics", "other"];
const BANDS: u32 = 10;

/// A row of a party's table.
struct Row {
    department: u32,
    age: u32,
    cents: u64,
}

/// Makes the rows of the party at this place: every department and age band has some.
fn rows(place: u32) -> impl Iterator<Item = Row> {
    (0..100 + 7 * place).map(move |row| Row {
        department: row % 4,
        age: row / 4 % BANDS * 5 + row % 5,
        cents: u64::from(row * 137 + place * 1009) * 31 % 500_000,
    })
}

fn table(place: u32) -> String {
    let line = |row: Row| {
        let department = DEPARTMENTS[row.department as usize];
        format!("{department},{}.{:02},{}\n", row.cents / 100, row.cents % 100, row.age)
    };
    let lines = rows(place).map(line);
    std::iter::once("department,cost,age\n".to_owned()).chain(lines).collect()
}

fn place_of(name: &str) -> u32 {
    (0..).zip(PARTIES).find(|(_, party)| *party == name).unwrap().0
}

/// Parties with keys, tables and an agreement.
pub(crate) struct Sums {
    pub(crate) place: Place,
    pub(crate) parties: Vec<&'static str>,
    pub(crate) has_hub: bool,
}

impl Sums {
    /// Lets the first so many parties agree, `east` being the coordinator.
    pub(crate) fn new(parties: usize) -> Self {
        Self::agreed(parties, false, |_| {})
    }

    /// Lets the first so many parties agree, and the hub, where there is one, on terms that a test has changed.
    pub(crate) fn agreed(parties: usize, has_hub: bool, change: impl FnOnce(&mut Terms)) -> Self {
        let sums = Self { place: Place::new(), parties: PARTIES[..parties].to_vec(), has_hub };
        for name in &sums.parties {
            sums.place.write(&format!("{name}.csv"), table(place_of(name)));
        }
        for name in sums.members() {
            sums.identity(name).save_new(&sums.place.path(&format!("{name}.key"))).unwrap();
        }
        let mut terms = sums.terms();
        change(&mut terms);
        sums.sign("agreement.toml", terms);
        sums
    }

    fn members(&self) -> impl Iterator<Item = &'static str> {
        self.parties.iter().copied().chain(self.has_hub.then_some(HUB))
    }

    fn identity(&self, name: &str) -> Identity {
        let seed = PARTIES.iter().position(|party| *party == name).unwrap_or(PARTIES.len());
        Identity::generate(&mut seeded_rng(100 + seed as u64))
    }

    /// Returns terms for a test to change: costs by department and age, at least 2 records and 3 parties in a cell.
    pub(crate) fn terms(&self) -> Terms {
        let mut terms: Terms = toml::from_str(SUMS).unwrap();
        let party = |name: &&str| {
            let key = self.identity(name).public();
            toml::from_str(&format!(
                "name = {name:?}\nkey = \"{key}\"\nmax_records = 1000\nendpoint = \"127.0.0.1:1\""
            ))
        };
        terms.party = self.parties.iter().map(|name| party(name).unwrap()).collect();
        terms.output = self.parties.iter().map(|name| (*name).to_owned()).collect();
        if self.has_hub {
            let key = self.identity(HUB).public();
            let hub = format!("name = {HUB:?}\nkey = \"{key}\"\nendpoint = \"127.0.0.1:1\"");
            terms.hub = Some(toml::from_str(&hub).unwrap());
            terms.sum.as_mut().unwrap().coordinator = None;
        }
        terms
    }

    /// Writes an agreement that all have signed.
    pub(crate) fn sign(&self, file: &str, terms: Terms) {
        let path = self.place.path(file);
        write_new(&path, &Agreement::new(terms).unwrap(), false).unwrap();
        self.members().for_each(|name| drop(sign_file(&path, &self.identity(name)).unwrap()));
    }

    /// Writes an agreement that all have signed, a stranger in the place of one of them.
    pub(crate) fn sign_as(&self, file: &str, terms: Terms, name: &str, stranger: &Identity) {
        let path = self.place.path(file);
        write_new(&path, &Agreement::new(terms).unwrap(), false).unwrap();
        sign_file(&path, stranger).unwrap();
        let others = self.members().filter(|other| *other != name);
        others.for_each(|other| drop(sign_file(&path, &self.identity(other)).unwrap()));
    }

    /// Makes the command of a member with its own key, state and table.
    pub(crate) fn command(&self, name: &str, args: &[&str]) -> Command {
        let (key, state) = (format!("{name}.key"), format!("{name}-state"));
        let common = ["sum", "--identity", &key, "--state-dir", &state, "--format", "json"];
        let mut command = self.place.command(&common);
        let default = |flag: &str, value: &str| {
            if args.contains(&flag) { Vec::new() } else { vec![flag.to_owned(), value.to_owned()] }
        };
        command.args(default("--agreement", "agreement.toml")).args(default("--wait", "50"));
        if name != HUB {
            command.args(default("--input", &format!("{name}.csv")));
        }
        command.args(args);
        command
    }

    pub(crate) fn coordinator(&self) -> &'static str {
        if self.has_hub { HUB } else { self.parties[0] }
    }

    /// Starts whoever coordinates, and waits until it listens.
    pub(crate) fn listen(&self, args: &[&str]) -> Listener {
        Listener::of(self.command(self.coordinator(), args).args(["--listen", "127.0.0.1:0"]))
    }

    /// Starts a party that connects.
    pub(crate) fn connect(&self, name: &str, address: &str, args: &[&str]) -> Running {
        Running::of(self.command(name, args).args(["--connect", address]))
    }

    /// Names the parties that connect.
    pub(crate) fn callers(&self) -> impl Iterator<Item = &'static str> {
        self.parties.iter().copied().skip(usize::from(!self.has_hub))
    }

    /// Runs all to their ends, who succeed; returns their reports, the coordinator's first.
    pub(crate) fn meet_well(&self) -> Vec<SumReport> {
        let listener = self.listen(&[]);
        let callers: Vec<_> = self.callers().map(|name| self.connect(name, &listener.address, &[])).collect();
        std::iter::once(listener.running)
            .chain(callers)
            .map(|running| report(&running.end().done()))
            .collect()
    }

    /// Says how many runs the agreement has left by the state of a member.
    pub(crate) fn runs_left(&self, name: &str) -> u32 {
        let state = format!("{name}-state");
        let check = self.place.command(&["agreement", "check", "agreement.toml", "--state-dir", &state]);
        let said = Running::of(&mut { check }).end().done().stdout;
        let (_, left) = said.split_once("in force, ").unwrap();
        left.split(' ').next().unwrap().parse().unwrap()
    }

    /// Requires that every figure is released, and that of the plain tables of these parties.
    pub(crate) fn require_totals_of(&self, report: &SumReport, survivors: &[&str]) {
        let found: Vec<_> = survived(report).collect();
        assert_eq!(found, survivors);
        let [table] = &report.tables[..] else { panic!("{:?}", report.tables) };
        assert_eq!(table.entries.len(), 5 * (BANDS as usize + 1));
        for entry in &table.entries {
            let taken = |row: &Row| {
                entry.row.is_none_or(|r| r == row.department) && entry.column.is_none_or(|c| c == row.age / 5)
            };
            let rows = survivors.iter().flat_map(|name| rows(place_of(name))).filter(taken);
            let (count, cents) = rows.fold((0, 0), |(count, sum), row| (count + 1, sum + row.cents));
            let text = |number: &Option<tidegate::statistics::Number>| number.as_ref().unwrap().text.clone();
            assert!(!entry.suppressed, "{entry:?}");
            assert_eq!(text(&entry.count), count.to_string());
            assert_eq!(text(&entry.value), format!("{}.{:02}", cents / 100, cents % 100));
        }
    }

    /// Names the files that runs have left, in states too; what was there before is none of them.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        let is_left = |path: &Path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_output = ["figures", "opening", ".tidegate-"].iter().any(|part| name.contains(part));
            is_output.then_some(name)
        };
        files_below(&self.place.path("")).iter().filter_map(|path| is_left(path)).collect()
    }
}

/// Reads the report of `sum --format json`.
pub(crate) fn report(ended: &Ended) -> SumReport {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// Names the parties in the totals.
pub(crate) fn survived(report: &SumReport) -> impl Iterator<Item = &str> {
    let survived = report.parties.iter().filter(|party| party.state == SumPartyState::Survived);
    survived.map(|party| party.name.as_str())
}

/// Says how far a party came by a report.
pub(crate) fn state_of<'a>(report: &'a SumReport, name: &str) -> &'a SumPartyState {
    &report.parties.iter().find(|party| party.name == name).unwrap().state
}

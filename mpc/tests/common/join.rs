//! Joins for tests: tables as a test states them, the plain join, and both sides of a run.

use std::sync::mpsc;

use tidegate_mpc::join::{Cell, Counts, Lent, Plan};
use tidegate_mpc::run::{Borrow, JoinTask, Lend, Observer, Phase, RunError, greet, join};
use tidegate_mpc::testing::{CellByCell, Rows, Tamper, seeded_rng, terms};
use tidegate_mpc::transport::{Channel, memory_pair};
use tidegate_mpc::{Error, ItemSet, Outputs, Protocol, Role, Terms};

use super::rogue::Rogue;
use super::{Link, in_pool, keep};

/// A record: its key, its group and its values.
pub(crate) type Record = (u64, u32, Vec<i64>);

/// A record as the owner lends it: its label and what its columns hold.
type Row = (u32, Vec<i64>);

/// Bounds that hold every sum of these tests.
pub(crate) const BOUNDS: (i64, i64) = (-100_000, 100_000);

/// How groups are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They are not: the matcher counts, and there is one cell.
    Counted,
    /// By columns: for each group one that counts and one for each value.
    Columns,
    /// By labels: one for each group.
    Labels,
}

pub(crate) const MODES: [Mode; 3] = [Mode::Counted, Mode::Columns, Mode::Labels];

/// The table of an owner, and what is asked about it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) mode: Mode,
    pub(crate) groups: u32,
    /// Values of a record.
    pub(crate) values: u32,
    pub(crate) records: Vec<Record>,
    /// The cells: each the groups that it unites.
    pub(crate) cells: Vec<Vec<u32>>,
    pub(crate) minimum: u64,
    pub(crate) dummies: u32,
    /// For each label how many dummy rows match.
    pub(crate) used: Vec<u32>,
    /// Noise of the matcher and of the owner.
    pub(crate) noise: Option<[i64; 2]>,
}

impl Table {
    /// Makes a table without dummy rows and without noise, with a cell for each group.
    pub(crate) fn new(mode: Mode, groups: u32, values: u32, minimum: u64, records: Vec<Record>) -> Self {
        let groups = if mode == Mode::Counted { 1 } else { groups };
        let cells = (0..groups).map(|group| vec![group]).collect();
        let (dummies, used, noise) = (0, Vec::new(), None);
        Self { mode, groups, values, records, cells, minimum, dummies, used, noise }
    }

    /// Gives each label so many dummy rows, of which `used` match.
    pub(crate) fn with_dummies(mut self, dummies: u32, used: &[u32]) -> Self {
        self.dummies = dummies;
        self.used = used.iter().copied().cycle().take(self.lent().labels as usize).collect();
        self
    }

    pub(crate) fn lent(&self) -> Lent {
        let Self { groups, values, dummies, minimum, .. } = *self;
        let (labels, columns, counts) = match self.mode {
            Mode::Counted => (1, values, Counts::ByMatcher),
            Mode::Columns => (1, groups * (1 + values), Counts::Encrypted),
            Mode::Labels => (groups, 1 + values, Counts::Encrypted),
        };
        Lent { labels, columns, dummies, minimum, counts }
    }

    /// The place of column `column` of the groups of a cell; column 0 counts.
    fn cell(&self, groups: &[u32], column: u32) -> Cell {
        match self.mode {
            Mode::Counted => Cell { labels: vec![0], columns: column.checked_sub(1).into_iter().collect() },
            Mode::Columns => {
                let of = |group: &u32| group * (1 + self.values) + column;
                Cell { labels: vec![0], columns: groups.iter().map(of).collect() }
            }
            Mode::Labels => Cell { labels: groups.to_vec(), columns: vec![column] },
        }
    }

    fn row(&self, (_, group, values): &Record) -> Row {
        let counted: Vec<i64> = [1].iter().chain(values).copied().collect();
        match self.mode {
            Mode::Counted => (0, values.clone()),
            Mode::Labels => (*group, counted),
            Mode::Columns => {
                let mut row = vec![0; self.lent().columns as usize];
                row[*group as usize * counted.len()..][..counted.len()].copy_from_slice(&counted);
                (0, row)
            }
        }
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        self.records.iter().map(|record| self.row(record)).collect()
    }

    pub(crate) fn keys(&self) -> ItemSet {
        keys(self.records.iter().map(|(key, _, _)| *key))
    }

    /// What is disclosed, with the noise of the matcher or of the owner.
    pub(crate) fn disclosure(&self, side: usize) -> CellByCell {
        let first = u32::from(self.mode == Mode::Counted);
        let sums = |groups: &Vec<u32>| {
            (first..=self.values).map(|column| (self.cell(groups, column), BOUNDS)).collect()
        };
        CellByCell {
            counts: self.cells.iter().map(|groups| self.cell(groups, 0)).collect(),
            sums: self.cells.iter().map(sums).collect(),
            noise: self.noise.map(|noise| noise[side]),
            counted_by_matcher: self.mode == Mode::Counted,
            ..CellByCell::default()
        }
    }

    /// The plain join: what has to be released of the records whose keys the matcher has, too.
    pub(crate) fn expected(&self, matcher: &[u64]) -> Vec<Option<i64>> {
        self.cells.iter().flat_map(|groups| self.expected_of(groups, matcher)).collect()
    }

    fn expected_of(&self, groups: &[u32], matcher: &[u64]) -> Vec<Option<i64>> {
        let counted = self.mode == Mode::Counted;
        let inside = |(key, group, _): &&Record| matcher.contains(key) && (counted || groups.contains(group));
        let found: Vec<_> = self.records.iter().filter(inside).collect();
        let noise: i64 = self.noise.unwrap_or_default().iter().sum();
        let count = i64::try_from(found.len()).unwrap() + if counted { 0 } else { noise };
        let sum = |value: usize| found.iter().map(|(_, _, values)| values[value]).sum::<i64>() + noise;
        let figures = [count].into_iter().chain((0..self.values as usize).map(sum));
        let reached = found.len() as u64 >= self.minimum;
        figures.map(|figure| reached.then_some(figure)).collect()
    }
}

/// Makes the items `item-<i>`.
pub(crate) fn keys(numbers: impl IntoIterator<Item = u64>) -> ItemSet {
    ItemSet::new(numbers.into_iter().map(|i| format!("item-{i}"))).unwrap()
}

/// What a party brings to a join besides its keys.
#[derive(Default)]
pub(crate) struct Side<'a> {
    pub(crate) lend: Option<&'a mut (dyn Lend + Send)>,
    pub(crate) borrow: Option<&'a mut (dyn Borrow + Send)>,
    pub(crate) used: Vec<u32>,
}

/// How the two sides of a join ended; the first is the session's receiver.
pub(crate) type Ended = [Result<(), RunError>; 2];

/// Two parties that join, each with its keys, and the tables that they lend.
pub(crate) struct Case {
    pub(crate) keys: [ItemSet; 2],
    pub(crate) lent: [Option<Table>; 2],
    pub(crate) seeds: [u64; 2],
    pub(crate) threads: Option<usize>,
}

/// What the two sides of a direction saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) matcher: CellByCell,
    pub(crate) owner: CellByCell,
}

/// A run with its messages.
pub(crate) struct Recorded {
    pub(crate) to_receiver: Vec<Vec<u8>>,
    pub(crate) to_sender: Vec<Vec<u8>>,
    pub(crate) ended: Ended,
    /// For what the receiver lends, and for what the sender does.
    pub(crate) seen: [Option<Seen>; 2],
}

impl Case {
    /// The sender alone lends a table.
    pub(crate) fn one_way(receiver: impl IntoIterator<Item = u64>, table: Table) -> Self {
        let keys = [keys(receiver), table.keys()];
        Self { keys, lent: [None, Some(table)], seeds: [1, 2], threads: None }
    }

    /// Both lend a table.
    pub(crate) fn both_ways(receiver: Table, sender: Table) -> Self {
        let keys = [receiver.keys(), sender.keys()];
        Self { keys, lent: [Some(receiver), Some(sender)], seeds: [1, 2], threads: None }
    }

    /// The plan as the side sees it.
    pub(crate) fn plan(&self, side: usize) -> Plan {
        let lent = |side: usize| self.lent[side].as_ref().map(Table::lent);
        Plan { own: lent(side), peer: lent(1 - side) }
    }

    /// Runs with the given sides; the messages to each pass its [`Tamper`].
    pub(crate) fn run_sides(
        &self,
        [receiver, sender]: [Side<'_>; 2],
        to_receiver: Tamper<'_>,
        to_sender: Tamper<'_>,
        [receiving, sending]: [&mut (dyn Observer + Send); 2],
    ) -> Ended {
        let ((to_a, from_b), (to_b, from_a)) = (mpsc::channel(), mpsc::channel());
        let a = Link { ends: Some((to_b, from_b)), tamper: to_receiver, received: 0 };
        let b = Link { ends: Some((to_a, from_a)), tamper: to_sender, received: 0 };
        std::thread::scope(|scope| {
            let run = || self.side(1, b, sender, sending);
            let sender = scope.spawn(|| in_pool(self.threads, run));
            let receiver = in_pool(self.threads, || self.side(0, a, receiver, receiving));
            [receiver, sender.join().expect("a side of a run does not panic")]
        })
    }

    fn side(
        &self,
        side: usize,
        mut link: impl Channel,
        Side { mut lend, mut borrow, used }: Side<'_>,
        watch: &mut (dyn Observer + Send),
    ) -> Result<(), RunError> {
        let (items, mut rng) = (&self.keys[side], seeded_rng(self.seeds[side]));
        let session = greet(&terms_of(ROLES[side]), items.len(), &mut link, &mut rng)?;
        let task = JoinTask { items, plan: self.plan(side), used };
        let lend = lend.as_mut().map(|lend| &mut **lend as &mut dyn Lend);
        let borrow = borrow.as_mut().map(|borrow| &mut **borrow as &mut dyn Borrow);
        join(task, lend, borrow, &session, &mut link, &mut Watched(watch), &mut rng)
    }

    /// Runs with each cell tested and opened by itself.
    pub(crate) fn run(&self, to_receiver: Tamper<'_>, to_sender: Tamper<'_>) -> (Ended, [Option<Seen>; 2]) {
        self.observed(to_receiver, to_sender, [&mut (), &mut ()])
    }

    pub(crate) fn observed(
        &self,
        to_receiver: Tamper<'_>,
        to_sender: Tamper<'_>,
        watches: [&mut (dyn Observer + Send); 2],
    ) -> (Ended, [Option<Seen>; 2]) {
        let rows = [0, 1].map(|side| self.lent[side].as_ref().map(Table::rows));
        let owner = |side: usize| {
            let rows = rows[side].as_deref()?;
            Some(Rows { rows, disclosure: self.lent[side].as_ref()?.disclosure(1) })
        };
        let matcher = |side: usize| Some(self.lent[1 - side].as_ref()?.disclosure(0));
        let (mut owners, mut matchers) = ([0, 1].map(owner), [0, 1].map(matcher));
        let used = |side: usize| self.lent[side].as_ref().map_or_else(Vec::new, |table| table.used.clone());
        let ended = {
            let mut owners = owners.iter_mut().map(|lend| lend.as_mut().map(|l| l as &mut (dyn Lend + Send)));
            let mut matchers =
                matchers.iter_mut().map(|borrow| borrow.as_mut().map(|b| b as &mut (dyn Borrow + Send)));
            let mut side =
                |i| Side { lend: owners.next().unwrap(), borrow: matchers.next().unwrap(), used: used(i) };
            self.run_sides([side(0), side(1)], to_receiver, to_sender, watches)
        };
        let [receiver, sender] = owners.map(|owner| owner.map(|rows| rows.disclosure));
        let [of_sender, of_receiver] = matchers;
        let seen = |owner: Option<CellByCell>, matcher| Some(Seen { owner: owner?, matcher: matcher? });
        (ended, [seen(receiver, of_receiver), seen(sender, of_sender)])
    }

    /// Runs the side `honest` against `rogue`, where the sender alone lends; returns what that side saw.
    pub(crate) fn against(
        &self,
        honest: usize,
        rogue: impl FnOnce(Rogue),
    ) -> (Result<(), RunError>, CellByCell) {
        let (table, (a, mut b)) = (self.lent[1].as_ref().unwrap(), memory_pair());
        let (rows, used) = (table.rows(), table.used.clone());
        let mut matcher = table.disclosure(0);
        let mut owner = Rows { rows: &rows, disclosure: table.disclosure(1) };
        let side = match honest {
            0 => Side { borrow: Some(&mut matcher), ..Side::default() },
            _ => Side { lend: Some(&mut owner), used, ..Side::default() },
        };
        let ended = std::thread::scope(|scope| {
            let honest_side = scope.spawn(|| self.side(honest, a, side, &mut ()));
            let (own, own_len) = (terms_of(ROLES[1 - honest]), self.keys[1 - honest].len());
            let session = greet(&own, own_len, &mut b, &mut seeded_rng(self.seeds[1 - honest])).unwrap();
            rogue(Rogue::new(b, session));
            honest_side.join().expect("the honest party does not panic")
        });
        (ended, if honest == 0 { matcher } else { owner.disclosure })
    }

    /// Runs without any alteration and keeps the messages.
    pub(crate) fn record(&self) -> Recorded {
        let (mut to_receiver, mut to_sender) = (Vec::new(), Vec::new());
        let (ended, seen) = self.run(&mut keep(&mut to_receiver), &mut keep(&mut to_sender));
        Recorded { to_receiver, to_sender, ended, seen }
    }

    /// Runs and requires of each direction that both sides have the figures of the plain join.
    pub(crate) fn check(&self) -> Recorded {
        let run = self.record();
        assert!(run.ended.iter().all(Result::is_ok), "{:?}", run.ended);
        for (owner, table) in self.lent.iter().enumerate().filter_map(|(i, t)| Some((i, t.as_ref()?))) {
            let expected = table.expected(&self.numbers(1 - owner));
            let seen = run.seen[owner].as_ref().unwrap();
            assert_eq!(seen.matcher.released, expected, "what the matcher gets of {table:?}");
            assert_eq!(seen.owner.released, expected, "what the owner releases of {table:?}");
            let counted = usize::from(table.mode == Mode::Counted);
            let reached = seen.owner.reached.iter().filter(|reached| **reached).count();
            let sums = reached * (1 + table.values as usize - counted);
            assert_eq!(seen.owner.opened.len(), sums, "what the owner opens of {table:?}");
        }
        run
    }

    /// The numbers of the keys of a side.
    fn numbers(&self, side: usize) -> Vec<u64> {
        let number = |item: &[u8]| std::str::from_utf8(&item[b"item-".len()..]).unwrap().parse().unwrap();
        (0..self.keys[side].len()).map(|i| number(self.keys[side].get(i).unwrap())).collect()
    }
}

pub(crate) const ROLES: [Role; 2] = [Role::Receiver, Role::Sender];

pub(crate) fn terms_of(role: Role) -> Terms {
    terms(Protocol::JoinElGamal, role, Outputs::Both, 0)
}

/// An observer behind a pointer.
struct Watched<'a>(&'a mut (dyn Observer + Send));

impl Observer for Watched<'_> {
    fn begin(&mut self, phase: Phase, items: u64) {
        self.0.begin(phase, items);
    }

    fn advance(&mut self, items: u64) {
        self.0.advance(items);
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// The error of a side that failed by a check.
pub(crate) fn check_of(ended: &Result<(), RunError>) -> &Error {
    match ended {
        Err(RunError::Protocol(error)) => error,
        other => panic!("expected a check to fail, found {other:?}"),
    }
}

//! Joins against the plain join: sums, counts, groups, dummy rows, noise, both directions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use common::join::{Case, MODES, Mode, Record, Recorded, Side, Table, check_of, keys};
use common::{honest, kind};
use proptest::prelude::*;
use tidegate_mpc::join::{Cell, Counts, Lent, MAX_COLUMNS, MAX_LABELS, MAX_MINIMUM, Plan, Records};
use tidegate_mpc::run::{Borrow, Disclosure, Lend, Observer, Phase, Refused, RunError};
use tidegate_mpc::testing::{CellByCell, JoinSide, Parties, Rows};
use tidegate_mpc::{Error, Outputs, Protocol};

/// Records with the keys, in groups by turns, with values of either sign.
fn records(keys: impl IntoIterator<Item = u64>, groups: u32, values: u32) -> Vec<Record> {
    let value = |key: u64, column: u32| i64::try_from(key * 37 % 101).unwrap() - 50 + i64::from(column);
    let group = |key: u64| u32::try_from(key % u64::from(groups)).unwrap();
    let record = |key| (key, group(key), (0..values).map(|column| value(key, column)).collect());
    keys.into_iter().map(record).collect()
}

/// One direction with `common` records on both sides, in one group.
fn with_common(mode: Mode, minimum: u64, common: u64) -> Case {
    Case::one_way(0..10, Table::new(mode, 1, 1, minimum, records(10 - common..25, 1, 1)))
}

#[test]
fn small_sizes_match_the_plain_join() {
    for mode in MODES {
        for (ours, theirs) in [(0, 0), (0, 3), (3, 0), (1, 1), (2, 1), (5, 7)] {
            for start in [0, 2, 100] {
                let table = Table::new(mode, 2, 1, 1, records(start..start + theirs, 2, 1));
                Case::one_way(0..ours, table).check();
            }
        }
    }
}

#[test]
fn the_minimum_opens_exactly_there_and_nothing_one_below() {
    for (mode, minimum) in MODES.into_iter().flat_map(|mode| [1, 2, 5].map(|minimum| (mode, minimum))) {
        for common in [minimum - 1, minimum, minimum + 1] {
            let run = with_common(mode, minimum, common).check();
            let owner = &run.seen[1].as_ref().unwrap().owner;
            assert_eq!(owner.reached, [common >= minimum], "{mode:?}: {common} of {minimum}");
            assert_eq!(owner.opened.is_empty(), common < minimum);
        }
    }
}

#[test]
fn where_every_group_is_too_small_nothing_travels_to_be_opened() {
    for mode in MODES {
        let run = Case::one_way(0..9, Table::new(mode, 3, 2, 10, records(0..9, 3, 2))).check();
        let seen = run.seen[1].as_ref().unwrap();
        assert!(seen.owner.opened.is_empty() && seen.owner.released.iter().all(Option::is_none));
        assert!(of_kind(&run.to_sender, kind::AGGREGATES).is_empty());
        let figures = &of_kind(&run.to_receiver, kind::FIGURES)[0];
        assert!(figures[1..].iter().all(|byte| *byte == 0), "a suppressed figure holds nothing");
    }
}

#[test]
fn unions_of_groups_are_tested_and_opened_as_one_cell() {
    for mode in [Mode::Columns, Mode::Labels] {
        let mut table = Table::new(mode, 4, 2, 4, records(0..12, 4, 2));
        table.cells = vec![vec![0], vec![0, 1], vec![3, 1, 2], vec![0, 1, 2, 3]];
        let run = Case::one_way(4..40, table).check();
        assert_eq!(run.seen[1].as_ref().unwrap().owner.reached, [false, true, true, true]);
    }
}

#[test]
fn dummy_rows_change_neither_figures_nor_lengths() {
    for mode in [Mode::Columns, Mode::Labels] {
        let run = |used: &[u32]| {
            let table = Table::new(mode, 3, 1, 2, records(5..20, 3, 1)).with_dummies(6, used);
            Case::one_way(0..12, table).check()
        };
        let base = run(&[0]);
        for used in [&[6][..], &[0, 3, 6], &[1, 0, 0]] {
            let other = run(used);
            assert_eq!(shape(&base), shape(&other), "{mode:?} {used:?}");
        }
        let labels = if mode == Mode::Labels { 3 } else { 1 };
        let places = [12 + 6 * labels, 15 + 6 * labels];
        let blinded = |messages: &[Vec<u8>]| of_kind(messages, kind::BLINDED_KEYS)[0].len() / 32;
        assert_eq!([blinded(&base.to_sender), blinded(&base.to_receiver)], places);
    }
}

#[test]
fn both_sides_add_their_noise() {
    for mode in MODES {
        let mut table = Table::new(mode, 2, 2, 3, records(0..10, 2, 2));
        table.noise = Some([1000, -7]);
        let run = Case::one_way(2..30, table).check();
        assert_eq!(of_kind(&run.to_receiver, kind::ENCRYPTED_NOISE).len(), 1);
    }
}

#[test]
fn both_parties_lend_in_one_run() {
    for (receivers, senders) in [(MODES[0], MODES[1]), (MODES[1], MODES[2]), (MODES[2], MODES[0])] {
        let one = Table::new(receivers, 2, 1, 2, records(0..14, 2, 1));
        let other = Table::new(senders, 3, 2, 3, records(6..30, 3, 2));
        Case::both_ways(one.clone(), other.clone()).check();
        let dummies = |table: Table, most, used: &[u32]| match table.mode {
            Mode::Counted => table,
            _ => table.with_dummies(most, used),
        };
        // The dummy rows of one direction stand in the lists of the other one.
        Case::both_ways(dummies(one, 4, &[3, 1]), dummies(other, 5, &[0, 5])).check();
    }
}

#[test]
fn lists_and_records_fill_several_messages() {
    let table = Table::new(Mode::Columns, 1, 1, 50, records(4000..8300, 1, 1));
    let run = Case::one_way((0..4200).rev(), table).check();
    for messages in [&run.to_receiver, &run.to_sender] {
        assert_eq!(of_kind(messages, kind::BLINDED_KEYS).len(), 2);
    }
    assert_eq!(of_kind(&run.to_receiver, kind::ENCRYPTED_RECORDS).len(), 4300_usize.div_ceil(4096 / 3));
}

#[test]
fn a_list_of_several_messages_meets_one_of_one() {
    for (ours, theirs) in [(0..4097, 4090..4100), (0..5, 3..4100)] {
        let table = Table::new(Mode::Counted, 1, 1, 1, records(theirs, 1, 1));
        Case::one_way(ours, table).check();
    }
}

#[test]
fn records_of_many_columns_fill_a_message_each() {
    for (values, messages) in [(2046, 4), (1022, 2)] {
        let run =
            Case::one_way(2..9, Table::new(Mode::Labels, 1, values, 1, records(0..7, 1, values))).check();
        assert_eq!(of_kind(&run.to_receiver, kind::ENCRYPTED_RECORDS).len(), messages);
    }
}

#[test]
fn more_ciphertexts_than_a_message_holds_are_tested_and_opened() {
    let mut table = Table::new(Mode::Columns, 3, 1, 1000, records(0..1500, 1, 1));
    table.cells = vec![vec![0], vec![1], vec![0, 2]];
    let run = Case::one_way(300..1400, table).check();
    assert_eq!(of_kind(&run.to_sender, kind::COUNT_TESTS).len(), 2);
    assert_eq!(run.seen[1].as_ref().unwrap().owner.reached, [true, false, true]);

    let mut table = Table::new(Mode::Labels, 1, 2046, 2, records(0..2, 1, 2046));
    table.cells = vec![vec![0], vec![0]];
    table.noise = Some([1, 2]);
    let run = Case::one_way(0..2, table).check();
    assert_eq!(of_kind(&run.to_sender, kind::AGGREGATES).len(), 2);
    assert_eq!(of_kind(&run.to_receiver, kind::ENCRYPTED_NOISE).len(), 2);
}

#[test]
fn sums_lie_at_their_bounds() {
    let bounds = (-100_000, 100_000);
    for value in [bounds.0, 0, bounds.1] {
        let table = Table::new(Mode::Counted, 1, 1, 1, vec![(1, 0, vec![value]), (2, 0, vec![i64::MIN])]);
        Case::one_way([1, 3], table).check();
    }
}

#[test]
fn a_count_alone_needs_no_columns() {
    let run = Case::one_way(0..8, Table::new(Mode::Counted, 1, 0, 3, records(5..9, 1, 0))).check();
    assert_eq!(run.seen[1].as_ref().unwrap().matcher.released, [Some(3)]);
    assert_eq!(of_kind(&run.to_receiver, kind::COLUMN_KEYS), [[kind::COLUMN_KEYS]]);
}

#[test]
fn the_number_of_threads_changes_no_message() {
    let run = |threads| {
        let one = Table::new(Mode::Labels, 3, 1, 5, records(0..300, 3, 1)).with_dummies(3, &[1, 2, 3]);
        let other = Table::new(Mode::Columns, 2, 1, 5, records(100..350, 2, 1));
        let Recorded { to_receiver, to_sender, .. } =
            Case { threads: Some(threads), ..Case::both_ways(one, other) }.check();
        (to_receiver, to_sender)
    };
    let one = run(1);
    assert!([2, 3, 8].into_iter().all(|threads| run(threads) == one));
}

#[test]
fn the_shipped_runner_gives_the_same_result() {
    let table = Table::new(Mode::Columns, 2, 1, 2, records(5..15, 2, 1));
    let (ours, theirs, rows) = (keys(0..10), table.keys(), table.rows());
    let parties = Parties::new(Protocol::JoinElGamal, Outputs::Both, 0, &ours, &theirs);
    let mut receiver = JoinSide { borrow: Some(table.disclosure(0)), ..JoinSide::default() };
    let lend = Some(Rows { rows: &rows, disclosure: table.disclosure(1) });
    let mut sender = JoinSide { lend, ..JoinSide::default() };
    let plan = Plan { own: None, peer: Some(table.lent()) };
    let (a, b) = parties.run_join(plan, &mut receiver, &mut sender, &mut honest, &mut honest);
    assert!(a.is_ok() && b.is_ok());
    let numbers: Vec<u64> = (0..10).collect();
    assert_eq!(receiver.borrow.unwrap().released, table.expected(&numbers));
}

/// Asks for each group, and then for the union of those that are too small, until there is nothing to ask.
#[derive(Clone)]
struct InTwoRounds(CellByCell, Vec<Vec<bool>>);

impl InTwoRounds {
    fn small(&self) -> Cell {
        let small = self.0.counts.iter().zip(&self.1[0]).filter(|(_, reached)| !**reached);
        let columns = small.flat_map(|(cell, _)| cell.columns.clone()).collect();
        Cell { labels: vec![0], columns }
    }
}

impl Disclosure for InTwoRounds {
    fn questions(&self) -> Vec<Cell> {
        match self.1.len() {
            0 => self.0.counts.clone(),
            1 => vec![self.small()],
            _ => Vec::new(),
        }
    }

    fn answer(&mut self, reached: &[bool]) -> Result<(), Refused> {
        self.1.push(reached.to_vec());
        Ok(())
    }

    fn opened(&self) -> Vec<(Cell, (i64, i64))> {
        if self.1[1][0] { vec![(self.small(), common::join::BOUNDS)] } else { Vec::new() }
    }

    fn noise(&mut self, _: usize) -> Option<Vec<i64>> {
        None
    }

    fn figures_len(&self) -> usize {
        1
    }
}

impl Borrow for InTwoRounds {
    fn disclosure(&mut self) -> &mut dyn Disclosure {
        self
    }

    fn receive(&mut self, figures: &[Option<i64>]) -> Result<(), Refused> {
        self.0.released = figures.to_vec();
        Ok(())
    }
}

struct LentInTwoRounds<'a>(Rows<'a>, InTwoRounds);

impl Lend for LentInTwoRounds<'_> {
    fn disclosure(&mut self) -> &mut dyn Disclosure {
        &mut self.1
    }

    fn records(&self) -> &dyn Records {
        &self.0
    }

    fn release(&mut self, _: Option<u64>, sums: &[i64]) -> Result<Vec<Option<i64>>, Refused> {
        Ok(vec![sums.first().copied()])
    }
}

#[test]
fn what_is_asked_depends_on_what_was_answered() {
    // Keys 0..20 in five groups, of which the matcher has 0..12: 3 in groups 0 and 1, 2 in the others.
    for (minimum, released) in [(3, Some(6)), (6, Some(12)), (7, Some(12)), (13, None)] {
        let table = Table::new(Mode::Columns, 5, 0, minimum, records(0..20, 5, 0));
        let rows = table.rows();
        let mut matcher = InTwoRounds(table.disclosure(0), Vec::new());
        let mut owner =
            LentInTwoRounds(Rows { rows: &rows, disclosure: table.disclosure(1) }, matcher.clone());
        let case = Case::one_way(0..12, table);
        let sides = [
            Side { borrow: Some(&mut matcher), ..Side::default() },
            Side { lend: Some(&mut owner), ..Side::default() },
        ];
        let ended = case.run_sides(sides, &mut honest, &mut honest, [&mut (), &mut ()]);
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
        assert_eq!(matcher.0.released, [released], "minimum {minimum}");
        assert_eq!(matcher.1, owner.1.1);
    }
}

fn table() -> impl Strategy<Value = Table> {
    let records =
        prop::collection::btree_map(0u64..24, (0u32..3, prop::collection::vec(-900i64..900, 2)), 0..16);
    let modes = (0usize..3, 1u64..5, 0u32..3, any::<bool>());
    let noise = prop::option::of([-20i64..20, -20i64..20]);
    (records, modes, noise, prop::collection::vec(0u32..3, 3)).prop_map(
        |(records, (mode, minimum, dummies, unite), noise, used)| {
            let records = records.into_iter().map(|(key, (group, values))| (key, group, values)).collect();
            let mut table = Table { noise, ..Table::new(MODES[mode], 3, 2, minimum, records) };
            if table.mode == Mode::Counted {
                return table;
            }
            if unite {
                table.cells.extend([vec![0, 2], vec![2, 1, 0]]);
            }
            let used: Vec<u32> = used.into_iter().map(|used| used.min(dummies)).collect();
            if dummies == 0 { table } else { table.with_dummies(dummies, &used) }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_tables_match_the_plain_join(
        ours in prop::collection::btree_set(0u64..24, 0..20),
        table in table(),
        seeds in any::<[u64; 2]>(),
    ) {
        Case { seeds, ..Case::one_way(ours, table) }.check();
    }

    #[test]
    fn random_tables_match_the_plain_join_both_ways(
        one in table(),
        other in table(),
        seeds in any::<[u64; 2]>(),
    ) {
        Case { seeds, ..Case::both_ways(one, other) }.check();
    }
}

fn of_kind(messages: &[Vec<u8>], kind: u8) -> Vec<Vec<u8>> {
    messages.iter().filter(|message| message[0] == kind).cloned().collect()
}

/// Kinds and lengths of the messages of both directions, but for the code of tags, whose length is random.
fn shape(run: &Recorded) -> Vec<(u8, usize)> {
    let len = |message: &Vec<u8>| if message[0] == kind::TAGS { 0 } else { message.len() };
    let messages = run.to_receiver.iter().chain(&run.to_sender);
    messages.map(|message| (message[0], len(message))).collect()
}

#[test]
fn messages_have_the_documented_lengths() {
    let table = Table::new(Mode::Labels, 3, 1, 4, records(0..5000, 3, 1)).with_dummies(2, &[1]);
    let table = Table { noise: Some([1, 2]), ..table };
    let run = Case::one_way(2000..2100, table).check();
    let bytes = |messages: &[Vec<u8>], kind| of_kind(messages, kind).iter().map(Vec::len).sum::<usize>();
    let places = 5000 + 6;
    assert_eq!(bytes(&run.to_sender, kind::BLINDED_KEYS), 32 * 106 + 1);
    assert_eq!(bytes(&run.to_receiver, kind::BLINDED_KEYS), 32 * places + 2);
    assert_eq!(bytes(&run.to_receiver, kind::COLUMN_KEYS), 32 * 2 + 1);
    let records = places * (32 * 3 + 2) + 5 * places.div_ceil(4096 / 3);
    assert_eq!(bytes(&run.to_receiver, kind::ENCRYPTED_RECORDS), records);
    assert_eq!(bytes(&run.to_sender, kind::COUNT_TESTS), 64 * 4 * 3 + 1);
    assert_eq!(bytes(&run.to_receiver, kind::VERDICTS), 3 + 1);
    assert_eq!(bytes(&run.to_receiver, kind::ENCRYPTED_NOISE), 64 * 6 + 1);
    assert_eq!(bytes(&run.to_sender, kind::AGGREGATES), 64 * 6 + 1);
    assert_eq!(bytes(&run.to_receiver, kind::FIGURES), 9 * 6 + 1);
    assert_eq!([&run.to_receiver, &run.to_sender].map(|messages| bytes(messages, kind::FINISHED)), [33, 33]);

    let run = with_common(Mode::Counted, 1, 4).check();
    assert_eq!(bytes(&run.to_sender, kind::MATCHED_COUNT), 10);
}

/// Counts progress, and stops once it was asked `patience` times.
#[derive(Default)]
struct Watch {
    patience: Option<usize>,
    announced: Vec<(Phase, u64)>,
    advanced: Vec<u64>,
}

impl Observer for Watch {
    fn begin(&mut self, phase: Phase, items: u64) {
        self.announced.push((phase, items));
        self.advanced.push(0);
    }

    fn advance(&mut self, items: u64) {
        *self.advanced.last_mut().unwrap() += items;
        self.patience = self.patience.map(|left| left.saturating_sub(1));
    }

    fn cancelled(&self) -> bool {
        self.patience == Some(0)
    }
}

fn two_tables() -> Case {
    let one = Table::new(Mode::Labels, 2, 1, 2, records(0..20, 2, 1)).with_dummies(2, &[1]);
    Case::both_ways(one, Table::new(Mode::Columns, 2, 0, 2, records(10..25, 2, 0)))
}

#[test]
fn progress_adds_up_to_what_each_phase_announces() {
    let (mut ours, mut theirs) = (Watch::default(), Watch::default());
    let (ended, _) = two_tables().observed(&mut honest, &mut honest, [&mut ours, &mut theirs]);
    assert!(ended.iter().all(Result::is_ok));
    let direction = [Phase::Matching, Phase::Adding, Phase::Opening];
    let expected = [&[Phase::Exchange][..], &direction, &direction, &[Phase::Closing]].concat();
    for watch in [ours, theirs] {
        assert_eq!(watch.announced.iter().map(|(phase, _)| *phase).collect::<Vec<_>>(), expected);
        assert_eq!(watch.advanced, watch.announced.iter().map(|(_, items)| *items).collect::<Vec<_>>());
    }
}

#[test]
fn a_cancelled_side_stops_and_the_other_sees_the_channel_closed() {
    for (stops, patience) in [0, 1].into_iter().flat_map(|side| [1, 2, 4, 6].map(|patience| (side, patience)))
    {
        let mut watch = Watch { patience: Some(patience), ..Watch::default() };
        let mut idle = ();
        let watches: [&mut (dyn Observer + Send); 2] =
            if stops == 0 { [&mut watch, &mut idle] } else { [&mut idle, &mut watch] };
        let (ended, _) = two_tables().observed(&mut honest, &mut honest, watches);
        assert!(matches!(ended[stops], Err(RunError::Cancelled)), "{:?}", ended[stops]);
        let blamed = ended[1 - stops].as_ref().unwrap_err();
        assert!(matches!(blamed, RunError::Channel { .. }), "{blamed:?}");
        assert_eq!(blamed.peer().unwrap().as_str(), ["receiver", "sender"][stops]);
    }
}

#[test]
fn impossible_plans_are_refused_before_anything_is_sent() {
    let good = Lent { labels: 2, columns: 3, dummies: 4, minimum: 5, counts: Counts::Encrypted };
    let counted = Lent { labels: 1, columns: 0, dummies: 0, minimum: 5, counts: Counts::ByMatcher };
    assert!(good.check().is_ok() && counted.check().is_ok());
    let bad = [
        Lent { labels: 0, ..good },
        Lent { labels: MAX_LABELS + 1, ..good },
        Lent { columns: 0, ..good },
        Lent { columns: MAX_COLUMNS + 1, ..good },
        Lent { minimum: 0, ..good },
        Lent { minimum: MAX_MINIMUM + 1, ..good },
        // Where the matcher counts there is one cell, and dummy rows would count.
        Lent { labels: 2, ..counted },
        Lent { dummies: 1, ..counted },
    ];
    for lent in bad {
        assert!(matches!(lent.check(), Err(Error::Plan { .. })), "{lent:?}");
    }
}

#[test]
fn numbers_of_dummy_rows_fit_the_plan() {
    for (used, found) in [(vec![], 0), (vec![1], 1), (vec![1, 4], 2), (vec![1, 1, 1], 3)] {
        let mut table = Table::new(Mode::Labels, 2, 1, 1, records(0..4, 2, 1)).with_dummies(3, &[1]);
        table.used = used;
        let run = Case::one_way(0..3, table).record();
        let error = Error::Dummies { found, expected: 2, most: 3 };
        assert_eq!(check_of(&run.ended[1]), &error);
        assert!(matches!(&run.ended[0], Err(RunError::Channel { .. })));
    }
}

#[test]
fn a_label_of_the_own_table_that_the_plan_does_not_know_is_this_partys_error() {
    let mut table = Table::new(Mode::Labels, 2, 1, 1, records(0..4, 2, 1));
    table.records[3].1 = 2;
    let run = Case::one_way(0..3, table).record();
    let error = check_of(&run.ended[1]);
    assert_eq!((error, error.peer()), (&Error::Label { found: 2, max: 1 }, None));
}

#[test]
fn a_cell_outside_of_the_plan_is_this_partys_error() {
    for (labels, columns) in [(vec![2], vec![0]), (vec![0], vec![2]), (vec![0, 1], vec![0, 9])] {
        let table = Table::new(Mode::Labels, 2, 1, 1, records(0..4, 2, 1));
        let mut matcher = table.disclosure(0);
        matcher.counts[0] = Cell { labels, columns };
        let (rows, case) = (table.rows(), Case::one_way(0..3, table.clone()));
        let mut owner = Rows { rows: &rows, disclosure: table.disclosure(1) };
        let sides = [
            Side { borrow: Some(&mut matcher), ..Side::default() },
            Side { lend: Some(&mut owner), ..Side::default() },
        ];
        let [ours, _] = case.run_sides(sides, &mut honest, &mut honest, [&mut (), &mut ()]);
        assert_eq!(check_of(&ours), &Error::Cell);
    }
}

//! What the messages of a join depend on: the sizes, and what both sides are told; not how much is common.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use std::collections::HashSet;

use common::join::{Case, Mode, Recorded, Table};
use common::kind;

const OURS: u64 = 400;

/// An owner with records from `first` on, of which the matcher's 400 keys hold some, all or none.
fn run(mode: Mode, first: u64, used: &[u32], seeds: [u64; 2]) -> Recorded {
    let records = (first..first + 300).map(|key| (key, u32::try_from(key).unwrap() % 3, vec![5])).collect();
    let table = Table { noise: Some([3, -3]), ..Table::new(mode, 3, 1, 1, records) };
    let table = if mode == Mode::Counted { table } else { table.with_dummies(20, used) };
    Case { seeds, ..Case::one_way(0..OURS, table) }.check()
}

/// Kinds and lengths up to what is told to both sides; of tags the kind alone.
fn shape(messages: &[Vec<u8>]) -> Vec<(u8, usize)> {
    let public = [kind::ENCRYPTED_NOISE, kind::AGGREGATES, kind::FIGURES, kind::FINISHED];
    let before = messages.iter().take_while(|message| !public.contains(&message[0]));
    let len = |message: &Vec<u8>| if message[0] == kind::TAGS { 0 } else { message.len() };
    before.map(|message| (message[0], len(message))).collect()
}

fn bytes_of_tags(run: &Recorded) -> usize {
    run.to_receiver.iter().filter(|message| message[0] == kind::TAGS).map(Vec::len).sum()
}

#[test]
fn kinds_and_lengths_say_nothing_about_the_common_records() {
    for mode in [Mode::Counted, Mode::Columns, Mode::Labels] {
        let none = run(mode, 10_000, &[0], [1, 2]);
        for (other, matches) in [
            (run(mode, 250, &[20, 0, 7], [3, 4]), "some"),
            (run(mode, 50, &[20], [5, 6]), "all"),
            (run(mode, 399, &[1], [1, 2]), "one"),
        ] {
            let shapes = |run: &Recorded| (shape(&run.to_receiver), shape(&run.to_sender));
            assert_eq!(shapes(&none), shapes(&other), "{mode:?}: {matches} in common");
            let (before, after) = (bytes_of_tags(&none), bytes_of_tags(&other));
            assert!(before.abs_diff(after) * 100 <= before, "{mode:?}: {before} and {after} bytes of tags");
        }
    }
}

#[test]
fn the_messages_looked_at_are_those_that_depend_on_data() {
    let run = run(Mode::Labels, 250, &[1], [1, 2]);
    let kinds = |messages: &[Vec<u8>]| shape(messages).iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
    let to_receiver = [
        kind::HELLO,
        kind::BLINDED_KEYS,
        kind::TAGS,
        kind::COLUMN_KEYS,
        kind::ENCRYPTED_RECORDS,
        kind::VERDICTS,
    ];
    assert_eq!(kinds(&run.to_receiver), to_receiver);
    assert_eq!(kinds(&run.to_sender), [kind::HELLO, kind::BLINDED_KEYS, kind::COUNT_TESTS]);
}

/// Elements of the messages of a kind, each 32 bytes behind a header.
fn elements(run: &Recorded, wanted: u8, header: usize) -> Vec<Vec<u8>> {
    let messages = run.to_receiver.iter().chain(&run.to_sender).filter(|message| message[0] == wanted);
    messages.flat_map(|message| message[header..].chunks(32).map(<[u8]>::to_vec)).collect()
}

#[test]
fn equal_keys_and_values_look_like_any_others() {
    // Every key is common and every value is 5; no element repeats, in a run or in another one.
    let runs = [[1, 2], [3, 4]].map(|seeds| run(Mode::Columns, 50, &[20], seeds));
    for (wanted, header) in [
        (kind::BLINDED_KEYS, 1),
        (kind::ENCRYPTED_RECORDS, 5),
        (kind::COUNT_TESTS, 1),
        (kind::ENCRYPTED_NOISE, 1),
        (kind::AGGREGATES, 1),
    ] {
        let all: Vec<_> = runs.iter().flat_map(|run| elements(run, wanted, header)).collect();
        assert!(all.len() >= 6 && all.iter().all(|element| element.len() == 32));
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "kind {wanted}");
    }
}

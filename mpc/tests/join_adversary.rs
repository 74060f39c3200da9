//! One test for each check of the join, named after it: what breaks it, and the exact error.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use common::join::{Case, Ended, Mode, Recorded, Side, Table, check_of};
use common::{Script, follow, honest, kind};
use tidegate_mpc::codec::Malformation;
use tidegate_mpc::group::Element;
use tidegate_mpc::join::{Cell, Records};
use tidegate_mpc::run::{Borrow, Disclosure, Lend, Refused, RunError};
use tidegate_mpc::testing::{Rows, Tamper};
use tidegate_mpc::{BadElement, Error, PartyId, Role, SecretScalar};

fn receiver() -> PartyId {
    "receiver".parse().unwrap()
}

fn sender() -> PartyId {
    "sender".parse().unwrap()
}

/// The peer of the side that a message reaches.
fn peer_of(to: Role) -> PartyId {
    if to == Role::Receiver { sender() } else { receiver() }
}

/// A matcher with keys 0 to 5, and an owner with records 2 to 6 in two groups: groups of two common records
/// each, at a minimum of 2, with noise.
fn case(mode: Mode) -> Case {
    let records = (2..7).map(|key| (key, u32::try_from(key).unwrap() % 2, vec![10])).collect();
    let noise = Some([0, 0]);
    Case::one_way(0..6, Table { noise, ..Table::new(mode, 2, 1, 2, records) })
}

fn messages(run: &Recorded, to: Role) -> &[Vec<u8>] {
    if to == Role::Receiver { &run.to_receiver } else { &run.to_sender }
}

/// Runs with the first message of a kind changed, and returns the error of the side that it reaches, or where
/// that saw no more than the channel closed, of the other one.
fn with_message(mode: Mode, to: Role, kind: u8, change: impl Fn(&mut Vec<u8>)) -> Error {
    let case = case(mode);
    let run = case.check();
    let number = messages(&run, to).iter().position(|message| message[0] == kind).unwrap();
    let mut message = messages(&run, to)[number].clone();
    change(&mut message);
    let script = Script::from([(number, Some(message))]);
    let ([ours, theirs], _) = match to {
        Role::Receiver => case.run(&mut follow(&script), &mut honest),
        Role::Sender => case.run(&mut honest, &mut follow(&script)),
    };
    let (reached, other) = if to == Role::Receiver { (ours, theirs) } else { (theirs, ours) };
    check_of(if matches!(reached, Err(RunError::Channel { .. })) { &other } else { &reached }).clone()
}

/// A kind of message that carries elements: to whom, its name, its elements and how many make up a value.
const LISTS: [(Role, u8, &str, usize, usize); 6] = [
    (Role::Receiver, kind::BLINDED_KEYS, "BlindedKeys", 5, 1),
    (Role::Sender, kind::BLINDED_KEYS, "BlindedKeys", 6, 1),
    (Role::Receiver, kind::COLUMN_KEYS, "ColumnKeys", 4, 1),
    (Role::Sender, kind::COUNT_TESTS, "CountTests", 8, 2),
    (Role::Receiver, kind::ENCRYPTED_NOISE, "EncryptedNoise", 8, 2),
    (Role::Sender, kind::AGGREGATES, "Aggregates", 8, 2),
];

#[test]
fn join_1_the_number_of_elements() {
    for (to, kind, message, elements, width) in LISTS {
        let expected = elements / width;
        let count = |found| Error::Count { peer: peer_of(to), message, found, expected };
        let altered = |change: &dyn Fn(&mut Vec<u8>)| with_message(Mode::Columns, to, kind, change);
        assert_eq!(altered(&|message| message.truncate(1 + 32 * (elements - width))), count(expected - 1));
        assert_eq!(altered(&|message| message.truncate(1)), count(0));
        let more = altered(&|message| (0..width).for_each(|_| message.extend([1; 32])));
        assert_eq!(more, count(expected + 1));
    }
}

#[test]
fn join_1_the_number_of_records() {
    // Behind the kind the number of labels; a record of two columns takes three elements.
    let altered = |mode, change: &dyn Fn(&mut Vec<u8>)| {
        with_message(mode, Role::Receiver, kind::ENCRYPTED_RECORDS, change)
    };
    let count = |found| Error::Count { peer: sender(), message: "EncryptedRecords", found, expected: 5 };
    assert_eq!(altered(Mode::Labels, &|message| message.truncate(message.len() - 96)), count(4));
    assert_eq!(altered(Mode::Labels, &|message| message.extend([1; 96])), count(6));
    // A record without its last column, and one without label.
    assert_eq!(altered(Mode::Labels, &|message| message.truncate(message.len() - 32)), count(4));
    let unlabelled = altered(Mode::Labels, &|message| {
        message[1] = 4;
        message.drain(5..7);
    });
    assert_eq!(unlabelled, count(5));
    // A label where none belongs.
    let labelled = altered(Mode::Columns, &|message| {
        message[1] = 1;
        message.splice(5..5, [0, 0]);
    });
    assert_eq!(labelled, count(5));
}

#[test]
fn join_1_the_number_of_verdicts_and_figures() {
    let verdicts = |found| Error::Count { peer: sender(), message: "Verdicts", found, expected: 2 };
    let altered =
        |kind, change: &dyn Fn(&mut Vec<u8>)| with_message(Mode::Labels, Role::Receiver, kind, change);
    assert_eq!(altered(kind::VERDICTS, &|message| message.truncate(2)), verdicts(1));
    assert_eq!(altered(kind::VERDICTS, &|message| message.push(1)), verdicts(3));
    let figures = |found| Error::Count { peer: sender(), message: "Figures", found, expected: 4 };
    assert_eq!(altered(kind::FIGURES, &|message| message.truncate(1 + 9 * 3)), figures(3));
    assert_eq!(altered(kind::FIGURES, &|message| message.extend([0; 9])), figures(5));
}

#[test]
fn join_2_the_elements() {
    for (to, kind, message, elements, width) in LISTS {
        for (place, element, cause) in [
            (0, [0xff; 32], BadElement::NotCanonical),
            (elements / 2, [0; 32], BadElement::Identity),
            (elements - 1, [0xff; 32], BadElement::NotCanonical),
        ] {
            let error = with_message(Mode::Columns, to, kind, |message| {
                message[1 + 32 * place..][..32].copy_from_slice(&element);
            });
            let index = (place / width) as u64;
            assert_eq!(error, Error::BadElement { peer: peer_of(to), message, index, cause });
        }
    }
}

#[test]
fn join_2_the_elements_of_records() {
    for (place, element, cause) in
        [(0, [0; 32], BadElement::Identity), (14, [0xff; 32], BadElement::NotCanonical)]
    {
        let error = with_message(Mode::Labels, Role::Receiver, kind::ENCRYPTED_RECORDS, |message| {
            message[5 + 2 * 5 + 32 * place..][..32].copy_from_slice(&element);
        });
        let (message, index) = ("EncryptedRecords", place as u64);
        assert_eq!(error, Error::BadElement { peer: sender(), message, index, cause });
    }
}

#[test]
fn join_3_the_labels() {
    for (found, bytes) in [(2, [2, 0]), (256, [0, 1]), (0xffff, [0xff, 0xff])] {
        let error = with_message(Mode::Labels, Role::Receiver, kind::ENCRYPTED_RECORDS, |message| {
            message[5 + 2 * 4..][..2].copy_from_slice(&bytes);
        });
        assert_eq!(error, Error::PeerLabel { peer: sender(), found, max: 1 });
    }
    // One that is known and not the true one is caught by nothing but the transcript.
    let error =
        with_message(Mode::Labels, Role::Receiver, kind::ENCRYPTED_RECORDS, |message| message[5] ^= 1);
    assert_eq!(error, Error::Transcript { peer: sender() });
}

#[test]
fn join_4_the_number_that_the_matcher_counts() {
    // Five records and six keys: no more than five can be common.
    for (count, error) in [
        (6, Error::ImpossibleCount { peer: receiver(), found: 6, max: 5 }),
        (0, Error::BelowMinimum { peer: receiver(), found: 0, minimum: 2 }),
        (1, Error::BelowMinimum { peer: receiver(), found: 1, minimum: 2 }),
        // One that is possible and not true is caught by nothing but the transcript, which the receiver compares first.
        (3, Error::Transcript { peer: sender() }),
    ] {
        let found =
            with_message(Mode::Counted, Role::Sender, kind::MATCHED_COUNT, |message| message[2] = count);
        assert_eq!(found, error);
    }
}

#[test]
fn join_5_the_bounds_of_a_sum() {
    let other = Element::hash(&[b"no small multiple"]).encode();
    for mode in [Mode::Counted, Mode::Columns, Mode::Labels] {
        for half in [1..33, 33..65] {
            let error = with_message(mode, Role::Sender, kind::AGGREGATES, |message| {
                message[half.clone()].copy_from_slice(&other);
            });
            assert_eq!(error, Error::OutOfBounds { peer: receiver() });
        }
    }
}

#[test]
fn join_5_holds_one_beyond_each_bound() {
    for (value, outside) in [(100_000, false), (100_001, true), (-100_000, false), (-100_001, true)] {
        let table = Table::new(Mode::Counted, 1, 1, 1, vec![(1, 0, vec![value])]);
        let [_, owner] = Case::one_way([1], table).record().ended;
        assert_eq!(owner.is_err(), outside);
        if outside {
            assert_eq!(check_of(&owner), &Error::OutOfBounds { peer: receiver() });
        }
    }
}

/// Asks for two groups and their union, and refuses answers and figures that cannot be.
struct Strict<'a>(Rows<'a>);

impl Disclosure for Strict<'_> {
    fn questions(&self) -> Vec<Cell> {
        self.0.disclosure.questions()
    }

    fn answer(&mut self, reached: &[bool]) -> Result<(), Refused> {
        match reached {
            [true, _, false, ..] | [_, true, false, ..] => Err(Refused),
            _ => self.0.disclosure.answer(reached),
        }
    }

    fn opened(&self) -> Vec<(Cell, (i64, i64))> {
        self.0.disclosure.opened()
    }

    fn noise(&mut self, opened: usize) -> Option<Vec<i64>> {
        self.0.disclosure.noise(opened)
    }

    fn figures_len(&self) -> usize {
        self.0.disclosure.figures_len()
    }
}

impl Lend for Strict<'_> {
    fn disclosure(&mut self) -> &mut dyn Disclosure {
        self
    }

    fn records(&self) -> &dyn Records {
        self.0.records()
    }

    fn release(&mut self, count: Option<u64>, sums: &[i64]) -> Result<Vec<Option<i64>>, Refused> {
        self.0.release(count, sums)
    }
}

impl Borrow for Strict<'_> {
    fn disclosure(&mut self) -> &mut dyn Disclosure {
        self
    }

    fn receive(&mut self, figures: &[Option<i64>]) -> Result<(), Refused> {
        // The count and the sum of each cell: both where it reaches the minimum, none otherwise.
        let kept = |(cell, &reached): (&[Option<i64>], &bool)| {
            cell.iter().all(|figure| figure.is_some() == reached) && cell[0].is_none_or(|count| count >= 2)
        };
        match figures.chunks(2).zip(&self.0.disclosure.reached).all(kept) {
            true => self.0.disclosure.receive(figures),
            false => Err(Refused),
        }
    }
}

/// A case of two groups, their union, and a third group that is too small.
fn strict_case() -> Case {
    let groups = [0, 0, 1, 1, 2, 2];
    let records = (2..8).zip(groups).map(|(key, group)| (key, group, vec![10])).collect();
    let mut table = Table::new(Mode::Labels, 3, 1, 2, records);
    table.cells = vec![vec![0], vec![1], vec![0, 1], vec![2]];
    Case::one_way(0..7, table)
}

/// Runs two strict sides under changed messages; returns how they ended and what the matcher was given.
fn run_strict(to_receiver: Tamper<'_>, to_sender: Tamper<'_>) -> (Ended, Vec<Option<i64>>) {
    let case = strict_case();
    let table = case.lent[1].as_ref().unwrap();
    let rows = table.rows();
    let strict = |side| Strict(Rows { rows: &rows, disclosure: table.disclosure(side) });
    let (mut matcher, mut owner) = (strict(0), strict(1));
    let sides = [
        Side { borrow: Some(&mut matcher), ..Side::default() },
        Side { lend: Some(&mut owner), ..Side::default() },
    ];
    let ended = case.run_sides(sides, to_receiver, to_sender, [&mut (), &mut ()]);
    (ended, matcher.0.disclosure.released)
}

/// Changes the first message of a kind.
fn changing(
    kind: u8,
    change: impl Fn(&mut Vec<u8>) + Send,
) -> impl FnMut(usize, Vec<u8>) -> Option<Vec<u8>> + Send {
    move |_, mut message| {
        if message[0] == kind {
            change(&mut message);
        }
        Some(message)
    }
}

#[test]
fn strict_sides_accept_what_honest_ones_say() {
    let (ended, figures) = run_strict(&mut honest, &mut honest);
    assert!(ended.iter().all(Result::is_ok), "{ended:?}");
    assert_eq!(figures[..6], [Some(2), Some(20), Some(2), Some(20), Some(4), Some(40)]);
    assert_eq!(figures[6..], [None, None]);
}

#[test]
fn join_6_verdicts_that_contradict_each_other() {
    for verdicts in [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 1]] {
        let mut tamper = changing(kind::VERDICTS, |message| message[1..].copy_from_slice(&verdicts));
        let ([ours, _], figures) = run_strict(&mut tamper, &mut honest);
        assert_eq!(check_of(&ours), &Error::ContradictoryTests { peer: sender() });
        assert!(figures.is_empty());
    }
}

#[test]
fn join_6_tests_that_contradict_each_other() {
    // G and S encrypt 0 under the key S of the counts, so that the union, of four, is said to be too small.
    let mut public = None;
    let run = strict_case().check();
    for message in &run.to_receiver {
        if message[0] == kind::COLUMN_KEYS {
            public = Some(message[1..33].to_vec());
        }
    }
    let mut one = [0; 32];
    one[0] = 1;
    let generator = Element::generate(&SecretScalar::from_canonical_bytes(one).unwrap()).encode();
    let zero = [&generator[..], &public.unwrap()].concat();
    // Two tests for each of four cells.
    let mut tamper =
        changing(kind::COUNT_TESTS, |message| message[1 + 64 * 4..][..64].copy_from_slice(&zero));
    let ([ours, theirs], _) = run_strict(&mut honest, &mut tamper);
    assert_eq!(check_of(&theirs), &Error::ContradictoryTests { peer: receiver() });
    // The matcher holds the owner's verdicts, which came before, for contradictory as well.
    assert_eq!(check_of(&ours), &Error::ContradictoryTests { peer: sender() });
}

#[test]
fn join_7_figures_that_break_the_policy() {
    let changes: [(usize, [u8; 9]); 3] = [
        // A suppressed cell's count, and its sum.
        (6, [1, 2, 0, 0, 0, 0, 0, 0, 0]),
        (7, [1, 10, 0, 0, 0, 0, 0, 0, 0]),
        // A count below the minimum.
        (0, [1, 1, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (place, figure) in changes {
        let mut tamper =
            changing(kind::FIGURES, |message| message[1 + 9 * place..][..9].copy_from_slice(&figure));
        let ([ours, theirs], figures) = run_strict(&mut tamper, &mut honest);
        assert_eq!(check_of(&ours), &Error::BadRelease { peer: sender() });
        assert!(figures.is_empty() && theirs.is_err());
    }
    // One that keeps to it and is not true is caught by nothing but the transcript.
    let mut tamper = changing(kind::FIGURES, |message| message[2 + 9] ^= 1);
    let ([ours, _], _) = run_strict(&mut tamper, &mut honest);
    assert_eq!(check_of(&ours), &Error::Transcript { peer: sender() });
}

#[test]
fn fields_hold_no_other_values() {
    let malformed = |to, message, cause| Error::Malformed { peer: peer_of(to), message, cause };
    let field = |field| Malformation::Field { field };
    let (to, other) = (Role::Receiver, Role::Sender);
    let labels = |message: &mut Vec<u8>| message[1..5].copy_from_slice(&4097_u32.to_le_bytes());
    let error = with_message(Mode::Labels, to, kind::ENCRYPTED_RECORDS, labels);
    assert_eq!(error, malformed(to, "EncryptedRecords", field("labels")));
    let error = with_message(Mode::Labels, to, kind::VERDICTS, |message| message[1] = 2);
    assert_eq!(error, malformed(to, "Verdicts", field("reached")));
    for change in [|m: &mut Vec<u8>| m[1] = 2, |m: &mut Vec<u8>| m[1] = 0] {
        let error = with_message(Mode::Labels, to, kind::FIGURES, change);
        assert_eq!(error, malformed(to, "Figures", field("figures")));
    }
    for released in [0, 2] {
        let error = with_message(Mode::Counted, other, kind::MATCHED_COUNT, |message| message[1] = released);
        assert_eq!(error, malformed(other, "MatchedCount", field("released")));
    }
}

#[test]
fn tags_of_a_join_are_checked_like_any() {
    let altered = |change: fn(&mut Vec<u8>)| with_message(Mode::Labels, Role::Receiver, kind::TAGS, change);
    let (peer, message) = (sender(), "Tags");
    assert_eq!(altered(|tags| tags[1] = 5), Error::Count { peer, message, found: 5, expected: 6 }); // TAGS-1
    let code = Malformation::Field { field: "code" };
    let malformed = Error::Malformed { peer: sender(), message, cause: code };
    assert_eq!(altered(|tags| tags.truncate(tags.len() - 1)), malformed); // TAGS-2
    assert_eq!(altered(|tags| tags.push(0)), malformed);
    assert_eq!(altered(|tags| *tags.last_mut().unwrap() ^= 0x80), Error::Transcript { peer: sender() });
}

#[test]
fn the_transcript_catches_what_no_other_check_can() {
    let other = Element::hash(&[b"another element"]).encode();
    for (to, kind) in [(Role::Receiver, kind::BLINDED_KEYS), (Role::Sender, kind::BLINDED_KEYS)] {
        let error = with_message(Mode::Columns, to, kind, |message| message[1..33].copy_from_slice(&other));
        assert_eq!(error, Error::Transcript { peer: sender() });
    }
    for kind in [kind::FINISHED, kind::FIGURES] {
        let error = with_message(Mode::Columns, Role::Receiver, kind, |message| message[2] ^= 1);
        assert_eq!(error, Error::Transcript { peer: sender() });
    }
}

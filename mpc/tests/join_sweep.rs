//! Every message of the join, in each direction, altered in every way that needs no thought.
//!
//! A side whose incoming message was altered fails and blames the other; so does the other, since the channel
//! ends or the transcripts differ. The receiver alone cannot see its own last message altered.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use common::join::{Case, Mode, Recorded, Table};
use common::{Script, follow, honest, kind};
use tidegate_mpc::run::RunError;
use tidegate_mpc::transport::ChannelError;
use tidegate_mpc::{Error, MAX_MESSAGE_BYTES, Role};

const BOTH: [Role; 2] = [Role::Receiver, Role::Sender];

fn table(mode: Mode, keys: std::ops::Range<u64>) -> Table {
    let records = keys.map(|key| (key, u32::try_from(key).unwrap() % 2, vec![7])).collect();
    let table = Table { noise: Some([1, 2]), ..Table::new(mode, 2, 1, 1, records) };
    if mode == Mode::Labels { table.with_dummies(1, &[1, 0]) } else { table }
}

/// Both sides lend; two records are common in each group, so that one altered verdict leaves a sum to open.
fn case() -> Case {
    Case::both_ways(table(Mode::Counted, 0..4), table(Mode::Labels, 0..5))
}

struct Scene {
    case: Case,
    run: Recorded,
    /// The same parties and tables under other seeds.
    other: Recorded,
}

impl Scene {
    fn new() -> Self {
        Self { case: case(), run: case().check(), other: Case { seeds: [101, 102], ..case() }.check() }
    }

    fn messages(&self, to: Role) -> &[Vec<u8>] {
        if to == Role::Receiver { &self.run.to_receiver } else { &self.run.to_sender }
    }

    /// Runs with the messages that `script` holds in place of the true ones, and returns why that failed: the
    /// error of the side that they reach, or of the other one where that closed the channel.
    fn play(&self, to: Role, script: &Script, what: &str) -> RunError {
        let messages = self.messages(to);
        let differs = script.iter().any(|(i, message)| message.as_ref() != Some(&messages[*i]));
        assert!(differs, "{what}: nothing is altered");
        let ([receiver, sender], _) = match to {
            Role::Receiver => self.case.run(&mut follow(script), &mut honest),
            Role::Sender => self.case.run(&mut honest, &mut follow(script)),
        };
        let last = to == Role::Sender && script.contains_key(&(messages.len() - 1));
        for (peer, ended) in [("sender", &receiver), ("receiver", &sender)] {
            if last && peer == "sender" && ended.is_ok() {
                continue;
            }
            let error = ended.as_ref().expect_err(what);
            assert_eq!(error.peer().map(|peer| peer.as_str()), Some(peer), "{what}: {error:?}");
            let hangs = matches!(error, RunError::Channel { cause: ChannelError::Io(_), .. });
            assert!(!hangs, "{what}: the run hangs");
        }
        let (reached, other) = if to == Role::Receiver { (receiver, sender) } else { (sender, receiver) };
        match (reached, other) {
            (Err(closed), Err(cause)) if is_closed(&closed) => cause,
            (reached, _) => reached.expect_err("the side that an altered message reaches fails"),
        }
    }

    /// Plays `alter` on each message of each direction by itself.
    fn each(
        &self,
        alter: impl Fn(&[u8], Role, usize) -> Vec<(String, Option<Vec<u8>>)>,
        check: impl Fn(&RunError, u8, &str),
    ) {
        for to in BOTH {
            for (i, message) in self.messages(to).iter().enumerate() {
                for (alteration, altered) in alter(message, to, i) {
                    let what = format!("message {i} (kind {}) to the {to}: {alteration}", message[0]);
                    let error = self.play(to, &Script::from([(i, altered)]), &what);
                    check(&error, message[0], &what);
                }
            }
        }
    }
}

fn is_closed(error: &RunError) -> bool {
    matches!(error, RunError::Channel { cause: ChannelError::Closed, .. })
}

fn is_too_long(error: &RunError) -> bool {
    matches!(error, RunError::Channel { cause: ChannelError::TooLong { .. }, .. })
}

fn is_unexpected(error: &RunError) -> bool {
    matches!(error, RunError::Protocol(Error::UnexpectedMessage { .. }))
}

fn is_malformed(error: &RunError) -> bool {
    matches!(error, RunError::Protocol(Error::Malformed { .. }))
}

fn is_count(error: &RunError) -> bool {
    matches!(error, RunError::Protocol(Error::Count { .. }))
}

/// Which checks may meet a flipped bit; no other error is an answer to one.
fn may_answer_a_flip(error: &RunError) -> bool {
    let RunError::Protocol(error) = error else { return false };
    matches!(
        error,
        Error::Version { .. }
            | Error::PeerName { .. }
            | Error::OwnName { .. }
            | Error::Terms { .. }
            | Error::SameRole { .. }
            | Error::PeerSetTooLarge { .. }
            | Error::UnexpectedMessage { .. }
            | Error::Malformed { .. }
            | Error::Count { .. }
            | Error::BadElement { .. }
            | Error::TagRange { .. }
            | Error::Transcript { .. }
            | Error::PeerLabel { .. }
            | Error::OutOfBounds { .. }
            | Error::ImpossibleCount { .. }
            | Error::BelowMinimum { .. }
    )
}

/// Every byte of a short message, and of a long one those of a few places, with its lowest or highest bit flipped.
fn flips(message: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let step = if message.len() > 64 { 7 } else { 1 };
    let flip = |(byte, bit): (usize, u8)| {
        let mut altered = message.to_vec();
        altered[byte] ^= bit;
        (format!("byte {byte} ^ {bit}"), Some(altered))
    };
    (0..message.len()).step_by(step).flat_map(|byte| [(byte, 1), (byte, 0x80)]).map(flip).collect()
}

#[test]
fn bytes_are_protected() {
    Scene::new().each(
        |message, _, _| flips(message),
        |error, _, what| assert!(may_answer_a_flip(error), "{what}: {error:?}"),
    );
}

#[test]
fn lengths_are_protected() {
    let alter = |message: &[u8], _, _| {
        vec![
            ("empty".to_owned(), Some(Vec::new())),
            ("its kind alone".to_owned(), Some(message[..1].to_vec())),
            ("one byte less".to_owned(), Some(message[..message.len() - 1].to_vec())),
            ("one byte more".to_owned(), Some([message, &[0][..]].concat())),
            ("oversized".to_owned(), Some(vec![message[0]; MAX_MESSAGE_BYTES + 1])),
            ("closed".to_owned(), None),
        ]
    };
    Scene::new().each(alter, |error, found, what| {
        let fixed = [kind::FINISHED, kind::MATCHED_COUNT].contains(&found);
        let listed = ![kind::HELLO, kind::TAGS, kind::ENCRYPTED_RECORDS].contains(&found) && !fixed;
        let expected = match what.rsplit(": ").next().unwrap() {
            "empty" => is_unexpected(error),
            "its kind alone" if listed => is_count(error),
            "one byte less" | "one byte more" if found == kind::VERDICTS => is_count(error),
            "one byte more" if fixed => is_too_long(error),
            "oversized" => is_too_long(error),
            "closed" => is_closed(error),
            _ => is_malformed(error),
        };
        assert!(expected, "{what}: {error:?}");
    });
}

#[test]
fn kinds_are_protected() {
    let scene = Scene::new();
    let mut catalogue: Vec<Vec<u8>> = Vec::new();
    for message in scene.other.to_receiver.iter().chain(&scene.other.to_sender) {
        if catalogue.iter().all(|known| known[0] != message[0]) {
            catalogue.push(message.clone());
        }
    }
    assert_eq!(catalogue.len(), 12, "one message of each kind");
    let alter = |message: &[u8], _, _| {
        let others = catalogue.iter().filter(|other| other[0] != message[0]);
        let others = others.map(|other| (format!("kind {} instead", other[0]), Some(other.clone())));
        let relabelled = (0..=21).chain([255]).filter(|kind| *kind != message[0]);
        let relabelled =
            relabelled.map(|kind| (format!("labelled {kind}"), Some([&[kind][..], &message[1..]].concat())));
        others.chain(relabelled).collect()
    };
    scene.each(alter, |error, _, what| {
        assert!(is_unexpected(error) || is_too_long(error), "{what}: {error:?}");
    });
}

#[test]
fn replays_and_swaps_are_refused() {
    let scene = Scene::new();
    for to in BOTH {
        for (i, pair) in scene.messages(to).windows(2).enumerate() {
            let [before, after] = pair else { unreachable!("windows of two") };
            let replayed = Script::from([(i + 1, Some(before.clone()))]);
            let swapped = Script::from([(i, Some(after.clone())), (i + 1, Some(before.clone()))]);
            for (how, script) in [("replayed", replayed), ("swapped", swapped)] {
                let what = format!("messages {i} and {} to the {to} {how}", i + 1);
                let error = scene.play(to, &script, &what);
                assert!(is_unexpected(&error) || is_too_long(&error), "{what}: {error:?}");
            }
        }
    }
}

#[test]
fn messages_of_another_session_are_refused() {
    let scene = Scene::new();
    let alter = |message: &[u8], to, i: usize| {
        let other = if to == Role::Receiver { &scene.other.to_receiver } else { &scene.other.to_sender };
        // Verdicts, the count and figures are those of the same tables.
        let other = Some(other[i].clone()).filter(|other| other != message);
        other.into_iter().map(|other| ("of another session".to_owned(), Some(other))).collect()
    };
    scene.each(alter, |error, found, what| {
        let RunError::Protocol(error) = error else { panic!("{what}: {error:?}") };
        // Under other keys a sum, or the noise in it, is one that no bounds hold.
        let opened = [kind::COLUMN_KEYS, kind::ENCRYPTED_RECORDS, kind::ENCRYPTED_NOISE, kind::AGGREGATES];
        match error {
            Error::Transcript { .. } | Error::BelowMinimum { .. } => {}
            Error::OutOfBounds { .. } => assert!(opened.contains(&found), "{what}"),
            _ => panic!("{what}: {error:?}"),
        }
    });
}

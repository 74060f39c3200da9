//! The protocol's own vectors, made by an independent implementation (`tests/vectors/make_join.py`), the order
//! of a list, and what the matcher's work depends on.

use std::collections::BTreeSet;

use serde_json::Value;

use super::blinding::{Entry, shuffle};
use super::messages::BlindedKeys;
use super::*;
use crate::elgamal::{self, Ciphertext};
use crate::group::tally::{self, Tally};
use crate::group::{Element, Encoded};
use crate::items::ItemSet;
use crate::message::Message;
use crate::psi::Tags;
use crate::secret::SecretScalar;
use crate::session::{Outputs, Protocol, Session};
use crate::tags::{TagLayout, Tagged};
use crate::testing::{agreed_sessions, seeded_rng};
use crate::transcript::{JOIN_DECOY, JOIN_DUMMY, JOIN_TAG};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/join.json")).unwrap()
}

fn cases(kind: &str, number: usize) -> Vec<Value> {
    let document = vectors();
    let cases = document["cases"].as_array().unwrap();
    let cases: Vec<_> = cases.iter().filter(|case| case["kind"] == kind).cloned().collect();
    assert_eq!(cases.len(), number);
    cases
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().as_bytes();
    text.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array(value: &Value) -> [u8; 32] {
    hex(value).try_into().unwrap()
}

fn scalar(value: &Value) -> SecretScalar {
    SecretScalar::from_canonical_bytes(array(value)).unwrap()
}

fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|number| u32::try_from(number.as_u64().unwrap()).unwrap()).collect()
}

/// What is hashed to the group for a key of the vectors.
fn hashed(case: &Value, id: &[u8; 32]) -> Element {
    let index = case["index"].as_u64().unwrap_or_default().to_le_bytes();
    if let Some(owner) = case["owner"].as_u64() {
        let owner = [u8::try_from(owner).unwrap()];
        return Element::hash(&[JOIN_DUMMY.as_bytes(), id, &owner, &index]);
    }
    match case.get("seed") {
        Some(seed) => Element::hash(&[JOIN_DECOY.as_bytes(), &hex(seed), &index]),
        None => Element::hash(&[id, &hex(&case["item"])]),
    }
}

#[test]
fn own_vectors_of_keys() {
    let parameters = &vectors()["parameters"];
    let [nx, ny] = ["nx", "ny"].map(|name| parameters[name].as_u64().unwrap());
    let layout = TagLayout::between(nx, ny);
    for case in cases("key", 6) {
        let id = array(&case["session_id"]);
        let (session, _) = agreed_sessions(Protocol::JoinElGamal, Outputs::Both, 0, 1000, 1 << 20);
        let session = session.with_id(id);
        let h = hashed(&case, &id);
        assert_eq!(h.encode(), array(&case["h"]));
        let blind = |name: &str| {
            let encoded = Element::encode_doubled(&[h.mul(&scalar(&case[name]).halve())]);
            BlindedKeys { encoded }
        };
        let (ours, theirs) = (blind("a"), blind("b"));
        assert_eq!(ours.encode(), hex(&case["message_a"]));
        assert_eq!(theirs.encoded, [array(&case["key_b"])]);
        for (keys, own) in [(&ours, "b"), (&theirs, "a")] {
            let both = keys.multiply_doubled(0, &scalar(&case[own]).halve(), session.peer()).unwrap();
            assert_eq!(both, [array(&case["both"])]);
            let tag = u128::from_be_bytes(hex(&case["tag"]).try_into().unwrap());
            assert!(Tagged::of(JOIN_TAG, &session, layout, &both[0], 7) == Tagged::new(tag, 7));
        }
    }
}

/// Adds up the matched records of a cell, decoded from the message that holds them.
fn cell_sum(records: &EncryptedRecords, case: &Value, cell: &Value) -> Ciphertext {
    let (labels, columns) = (numbers(&cell["labels"]), numbers(&cell["columns"]));
    let element = |encoded: &Encoded| Element::decode(encoded).unwrap();
    let rows = records.encoded.chunks(3).zip(&records.labels).zip(case["records"].as_array().unwrap());
    let matched =
        rows.filter(|((_, label), row)| row["matches"] == true && labels.contains(&(**label).into()));
    matched.fold(Ciphertext::zero(), |sum, ((row, _), _)| {
        let masked = columns.iter().map(|&column| element(&row[1 + column as usize]));
        let masked = masked.fold(Element::identity(), |sum, element| sum.add(&element));
        sum.add(&Ciphertext { randomizer: element(&row[0]), masked })
    })
}

#[test]
fn own_vectors_of_records() {
    for case in cases("records", 1) {
        let list = |name: &str| case[name].as_array().unwrap().clone();
        let keys = elgamal::ColumnKeys::of(list("keys").iter().map(scalar).collect());
        let public = Element::encode_doubled(&keys.half_public());
        assert_eq!(public, list("public").iter().map(array).collect::<Vec<_>>());
        let mut halves = Vec::new();
        for (randomizer, record) in list("randomizers").iter().zip(list("records")) {
            let values = record["values"].as_array().unwrap().iter().map(|value| value.as_i64().unwrap());
            keys.encrypt_halved(&scalar(randomizer), &values.collect::<Vec<_>>(), &mut halves);
        }
        let labels =
            list("records").into_iter().map(|r| u16::try_from(r["label"].as_u64().unwrap()).unwrap());
        let records =
            EncryptedRecords { labels: labels.collect(), encoded: Element::encode_doubled(&halves) };
        assert_eq!(records.encode(), hex(&case["message"]));
        assert_eq!(
            EncryptedRecords::decode(&records.encode(), &"peer".parse().unwrap()),
            Ok(records.clone())
        );
        assert!(list("cells").len() >= 5);
        for cell in list("cells") {
            check_cell(&keys, &cell_sum(&records, &case, &cell), &cell);
        }
    }
}

fn check_cell(keys: &elgamal::ColumnKeys, sum: &Ciphertext, cell: &Value) {
    let key = keys.of_sum(&numbers(&cell["columns"])).unwrap();
    let public = Element::generate(&key);
    let [value, noise, tested] = ["value", "noise", "tested"].map(|name| cell[name].as_i64().unwrap());
    assert_eq!(sum.decrypt(&key), Element::of_integer(value));
    let given = sum.add_value(noise).randomize(&public, &scalar(&cell["t"]));
    assert_eq!(Aggregates::new(&[given]).encode(), hex(&cell["given"]));
    assert_eq!(given.decrypt(&key), Element::of_integer(value + noise));
    let test = sum.add_value(-tested).scale(&scalar(&cell["f"])).randomize(&public, &scalar(&cell["u"]));
    let expected: Vec<_> = cell["test"].as_array().unwrap().iter().map(array).collect();
    assert_eq!([test.randomizer.encode(), test.masked.encode()], expected[..]);
    assert_eq!(test.decrypt(&key).is_identity(), cell["test_holds_zero"] == true);
}

#[test]
fn every_order_is_as_likely() {
    let (mut rng, mut counts) = (seeded_rng(8), std::collections::BTreeMap::new());
    for _ in 0..6000 {
        let mut order = [0, 1, 2];
        shuffle(&mut order, &mut rng);
        *counts.entry(order).or_insert(0) += 1;
    }
    // Each of six orders 1000 times, with a standard deviation of 29.
    assert!(counts.len() == 6 && counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
}

fn set(numbers: std::ops::Range<u32>) -> ItemSet {
    ItemSet::new(numbers.map(|number| format!("item-{number}"))).unwrap()
}

const LENT: Lent = Lent { labels: 3, columns: 2, dummies: 4, minimum: 2, counts: Counts::Encrypted };

/// Two parties after the exchange of keys; the second lends columns.
fn exchanged<'a>(
    items: [&'a ItemSet; 2],
    sessions: &'a (Session, Session),
    used: &[u32],
) -> (Blinded<'a>, Blinded<'a>) {
    let (own, other) = (Plan { own: None, peer: Some(LENT) }, Plan { own: Some(LENT), peer: None });
    let mut matcher = Blinding::start(items[0], &sessions.0, own, Vec::new(), &mut seeded_rng(1)).unwrap();
    let used = used.to_vec();
    let mut owner = Blinding::start(items[1], &sessions.1, other, used, &mut seeded_rng(2)).unwrap();
    let (ours, theirs) = (matcher.blind_next().unwrap(), owner.blind_next().unwrap());
    matcher.accept(&theirs).unwrap();
    owner.accept(&ours).unwrap();
    (matcher.close().unwrap(), owner.close().unwrap())
}

#[test]
fn a_list_holds_everything_once_in_an_order_of_its_own() {
    let (ours, theirs) = (set(0..30), set(20..50));
    let sessions = agreed_sessions(Protocol::JoinElGamal, Outputs::Both, 0, 30, 30);
    let (matcher, owner) = exchanged([&ours, &theirs], &sessions, &[4, 0, 1]);
    let entries = |blinded: &Blinded<'_>| {
        (0..blinded.list.len()).map(|place| format!("{:?}", blinded.list.entry(place).unwrap())).collect()
    };
    let (ours, theirs): (Vec<_>, Vec<_>) = (entries(&matcher), entries(&owner));
    let items = (0..30).map(Entry::Item);
    let pool = (0..12).map(|index| Entry::Pool { index });
    let used = [true, true, true, true, false, false, false, false, true, false, false, false];
    let dummy = |(index, used)| {
        let label = u32::try_from(index / 4).unwrap();
        Entry::Dummy { index, label, used }
    };
    let dummies = (0..).zip(used).map(dummy);
    let ordered: [Vec<_>; 2] = [items.clone().chain(pool).collect(), items.chain(dummies).collect()]
        .map(|entries: Vec<Entry>| entries.iter().map(|entry| format!("{entry:?}")).collect());
    for (found, ordered) in [ours, theirs].iter().zip(&ordered) {
        assert_ne!(found, ordered, "the order is that of the table");
        assert_eq!(found.iter().collect::<BTreeSet<_>>(), ordered.iter().collect());
        assert_eq!(found.len(), ordered.len());
    }
}

/// Runs a direction up to the tests of two cells, and counts what the matcher computes.
fn work_of_the_matcher(first: u32, used: &[u32]) -> Tally {
    let (ours, theirs) = (set(0..30), set(first..first + 20));
    let sessions = agreed_sessions(Protocol::JoinElGamal, Outputs::Both, 0, 30, 20);
    let (matcher, owner) = exchanged([&ours, &theirs], &sessions, used);
    let mut returning = ReturningTags::start(owner).unwrap();
    let tags: Vec<Tags> = std::iter::from_fn(|| returning.next_tags()).collect();
    let mut lending = returning.close(&mut seeded_rng(3)).unwrap();
    let (keys, records) = (lending.keys(), lending.next_records(&Ones).unwrap().unwrap());
    let before = tally::so_far();
    let mut awaiting = AwaitingTags::start(matcher).unwrap();
    tags.iter().for_each(|tags| awaiting.accept(tags).unwrap());
    let mut matching = awaiting.close(&keys).unwrap();
    matching.accept(&records).unwrap();
    let matcher = matching.close().unwrap();
    let cells = [0, 1].map(|label| Cell { labels: vec![label], columns: vec![0] });
    assert_eq!(matcher.tests(&cells, &mut seeded_rng(4)).unwrap().len(), 1);
    assert_eq!(matcher.aggregates(&cells, None, &mut seeded_rng(5)).unwrap().len(), 1);
    tally::since(before)
}

struct Ones;

impl Records for Ones {
    fn label(&self, item: usize) -> u32 {
        u32::try_from(item % 3).unwrap()
    }

    fn values(&self, _: usize, values: &mut [i64]) {
        values.fill(1);
    }
}

/// The operations of a thread are counted, so all of them are done in one.
#[test]
fn the_work_of_the_matcher_does_not_depend_on_what_matches() {
    let count = || {
        let none = work_of_the_matcher(1000, &[0, 0, 0]);
        // Two public keys, and three elements for each of 20 records and 12 dummy rows, matched or not.
        assert_eq!(none.decoded, 2 + 3 * 32);
        assert_eq!(none.selected, 3 * 32);
        for (first, used) in [(20, [0, 0, 0]), (5, [4, 4, 4]), (29, [1, 0, 3])] {
            assert_eq!(work_of_the_matcher(first, &used), none, "{first} {used:?}");
        }
    };
    #[cfg(feature = "parallel")]
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(count);
    #[cfg(not(feature = "parallel"))]
    count();
}

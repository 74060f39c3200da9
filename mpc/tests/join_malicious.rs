//! Parties of a join that deviate in ways no check can see: what they gain, as the table of the protocol says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use common::join::{Case, Mode, Table};
use common::kind;
use common::rogue::{Rogue, labelled};
use sha2::Digest;
use tidegate_mpc::group::{Element, Encoded};
use tidegate_mpc::join::{
    Aggregates, AwaitingTags, BlindedKeys, Blinding, CountTests, Matcher, Owner, Plan, Records, ReturningTags,
};
use tidegate_mpc::psi::{Tags, tag_bits};
use tidegate_mpc::testing::{Rows, seeded_rng};
use tidegate_mpc::{ItemSet, Message, Outputs, PartyId, SecretScalar, Session};

fn elements(message: &[u8]) -> Vec<Element> {
    message[1..].as_chunks().0.iter().map(|encoded| Element::decode(encoded).unwrap()).collect()
}

fn message(kind: u8, elements: &[Element]) -> Vec<u8> {
    let encoded: Vec<Encoded> = elements.iter().map(Element::encode).collect();
    [&[kind], encoded.as_flattened()].concat()
}

fn scalar(low: u8) -> SecretScalar {
    let mut bytes = [low; 32];
    bytes[31] = 0;
    SecretScalar::from_canonical_bytes(bytes).unwrap()
}

/// The records `first..first + values.len()`, one value each, in one group.
fn table(mode: Mode, minimum: u64, first: u64, values: &[i64]) -> Table {
    let records = (first..).zip(values).map(|(key, &value)| (key, 0, vec![value])).collect();
    Table::new(mode, 1, 1, minimum, records)
}

/// An owner that opens sums which are none of its business.
fn with_wide_bounds(owner: &Owner<'_>, table: &Table, sums: &[Aggregates]) -> Vec<i64> {
    let cells: Vec<_> = table.disclosure(1).sums.into_iter().flatten().collect();
    owner.open(&cells, &[], sums).unwrap()
}

/// Brings a rogue owner to the tests; `keys` changes the matcher's keys before they are raised.
fn rogue_owner<'a>(
    rogue: &mut Rogue,
    (items, table): (&'a ItemSet, &Table),
    session: &'a Session,
    records: &dyn Records,
    change: impl FnOnce(&mut Vec<Element>),
) -> Owner<'a> {
    let plan = Plan { own: Some(table.lent()), peer: None };
    let mut rng = seeded_rng(2);
    let mut blinding = Blinding::start(items, session, plan, Vec::new(), &mut rng).unwrap();
    rogue.send(&blinding.blind_next().unwrap().encode());
    let mut theirs = elements(&rogue.receive().unwrap());
    change(&mut theirs);
    let theirs = message(kind::BLINDED_KEYS, &theirs);
    blinding.accept(&BlindedKeys::decode(&theirs, session.peer()).unwrap()).unwrap();
    let mut returning = ReturningTags::start(blinding.close().unwrap()).unwrap();
    while let Some(tags) = returning.next_tags() {
        rogue.send(&tags.encode());
    }
    let mut lending = returning.close(&mut rng).unwrap();
    rogue.send(&lending.keys().encode());
    while let Some(message) = lending.next_records(records).unwrap() {
        rogue.send(&message.encode());
    }
    lending.close().unwrap()
}

/// Ends a direction as the owner, with these figures, and the session.
fn release(rogue: &mut Rogue, figures: &[i64]) {
    let entry = |figure: &i64| [&[1][..], &figure.to_le_bytes()].concat();
    rogue.send(&[&[kind::FIGURES][..], &figures.iter().flat_map(entry).collect::<Vec<_>>()].concat());
    rogue.send_finished();
    rogue.receive();
}

#[test]
fn an_owner_that_encrypts_powers_of_two_reads_matches_out_of_an_opened_sum() {
    let values: Vec<i64> = (0..10).map(|i| 1 << i).collect();
    let table = table(Mode::Labels, 3, 5, &values);
    let run = Case::one_way([1, 6, 9, 13, 20], table).check();
    let opened = run.seen[1].as_ref().unwrap().owner.opened[1];
    let matched: Vec<u64> = (0..10).filter(|i| opened >> i & 1 == 1).map(|i| 5 + i).collect();
    assert_eq!(matched, [6, 9, 13]);
}

#[test]
fn an_owner_that_encrypts_greater_counts_opens_a_small_cell() {
    let (honest, minimum) = (table(Mode::Labels, 5, 5, &[70, 80]), 5);
    let rows = [(0, vec![minimum, 70]), (0, vec![minimum, 80])];
    let case = Case::one_way([1, 6], honest.clone());
    let mut opened = Vec::new();
    let (ended, matcher) = case.against(0, |mut rogue| {
        let session = rogue.session.clone();
        let records = Rows { rows: &rows, disclosure: honest.disclosure(1) };
        let owner = rogue_owner(&mut rogue, (&case.keys[1], &honest), &session, &records, |_| ());
        let verdicts = owner.answer(&honest.disclosure(1).counts, &[rogue.expect::<CountTests>()]).unwrap();
        rogue.send(&verdicts.encode());
        opened = with_wide_bounds(&owner, &honest, &[rogue.expect()]);
        release(&mut rogue, &opened);
    });
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((opened, matcher.reached), (vec![5, 80], vec![true]), "the sum of one record");
}

#[test]
fn an_owner_that_answers_a_test_falsely_opens_a_small_cell() {
    let table = table(Mode::Labels, 5, 5, &[70, 80]);
    let (case, rows) = (Case::one_way([1, 6], table.clone()), table.rows());
    let mut opened = Vec::new();
    let (ended, matcher) = case.against(0, |mut rogue| {
        let session = rogue.session.clone();
        let records = Rows { rows: &rows, disclosure: table.disclosure(1) };
        let owner = rogue_owner(&mut rogue, (&case.keys[1], &table), &session, &records, |_| ());
        rogue.receive().unwrap();
        rogue.send(&[kind::VERDICTS, 1]);
        opened = with_wide_bounds(&owner, &table, &[rogue.expect()]);
        release(&mut rogue, &[1234, -5678]);
    });
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(opened, [1, 80], "the sum of one record");
    assert_eq!(matcher.released, [Some(1234), Some(-5678)], "and the matcher believes any figure");
}

/// Runs an owner that raises the key at one place of the matcher's list to another exponent.
fn opened_without(place: Option<usize>) -> i64 {
    let table = table(Mode::Labels, 1, 5, &[1, 20, 300, 4000]);
    let (case, rows) = (Case::one_way([4, 5, 6, 8], table.clone()), table.rows());
    let mut opened = Vec::new();
    let (ended, _) = case.against(0, |mut rogue| {
        let session = rogue.session.clone();
        let records = Rows { rows: &rows, disclosure: table.disclosure(1) };
        let owner = rogue_owner(&mut rogue, (&case.keys[1], &table), &session, &records, |keys| {
            if let Some(place) = place {
                keys[place] = keys[place].mul(&scalar(3));
            }
        });
        rogue.receive().unwrap();
        rogue.send(&[kind::VERDICTS, 1]);
        opened = with_wide_bounds(&owner, &table, &[rogue.expect()]);
        release(&mut rogue, &opened);
    });
    assert!(ended.is_ok(), "{ended:?}");
    opened[1]
}

#[test]
fn an_owner_that_makes_a_key_fail_sees_whether_it_matched() {
    assert_eq!(opened_without(None), 4021);
    let mut lost: Vec<_> = (0..4).map(|place| 4021 - opened_without(Some(place))).collect();
    lost.sort_unstable();
    assert_eq!(lost, [0, 1, 20, 4000], "three of the four keys matched, each with its record");
}

/// A set holds each key once; the list that a rogue sends need not.
#[test]
fn an_owner_that_lists_a_key_often_has_it_counted_as_often() {
    let table = table(Mode::Counted, 3, 5, &[70, 80, 90]);
    for (target, matches) in [(5, true), (6, false)] {
        let case = Case::one_way([1, 2, 3, 5], table.clone());
        let mut count = None;
        let (ended, matcher) = case.against(0, |mut rogue| {
            let (id, b) = (*rogue.session.id(), scalar(2));
            let key = Element::hash(&[&id, format!("item-{target}").as_bytes()]).mul(&b);
            rogue.send(&message(kind::BLINDED_KEYS, &[key, key, key]));
            let theirs = elements(&rogue.receive().unwrap());
            let both: Vec<_> = theirs.iter().map(|key| key.mul(&b).encode()).collect();
            let tags = coded(&rogue, &both, 3);
            rogue.send(&tags);
            rogue.send(&message(kind::COLUMN_KEYS, &[Element::generate(&b)]));
            let record = Element::hash(&[b"never opened"]);
            let records = message(kind::ENCRYPTED_RECORDS, &[record; 6]);
            rogue.send(&[&records[..1], &[0; 4], &records[1..]].concat());
            count = rogue.receive().map(|message| (message[1], message[2]));
            if count == Some((1, 3)) {
                rogue.receive().unwrap();
                release(&mut rogue, &[3, 0]);
            } else {
                rogue.send(&[&[kind::FIGURES][..], &[0; 18]].concat());
                rogue.send_finished();
                rogue.receive();
            }
        });
        assert!(ended.is_ok(), "{ended:?}");
        assert_eq!(count, Some(if matches { (1, 3) } else { (0, 0) }));
        assert_eq!(matcher.reached, [matches], "one common key reaches a minimum of three");
    }
}

/// Brings a rogue matcher to the tests; returns the messages of records, too.
fn rogue_matcher<'a>(
    rogue: &mut Rogue,
    (items, table): (&'a ItemSet, &Table),
    session: &'a Session,
) -> (Matcher<'a>, Vec<u8>) {
    let plan = Plan { own: None, peer: Some(table.lent()) };
    let mut blinding = Blinding::start(items, session, plan, Vec::new(), &mut seeded_rng(1)).unwrap();
    rogue.send(&blinding.blind_next().unwrap().encode());
    blinding.accept(&rogue.expect()).unwrap();
    let mut awaiting = AwaitingTags::start(blinding.close().unwrap()).unwrap();
    awaiting.accept(&rogue.expect::<Tags>()).unwrap();
    let mut matching = awaiting.close(&rogue.expect()).unwrap();
    let (records, peer): (_, PartyId) = (rogue.receive().unwrap(), session.peer().clone());
    matching.accept(&Message::decode(&records, &peer).unwrap()).unwrap();
    (matching.close().unwrap(), records)
}

/// The figures of a message; each was released.
fn figures(message: &[u8]) -> Vec<i64> {
    let figure =
        |entry: &[u8; 9]| (entry[0] == 1).then(|| i64::from_le_bytes(entry[1..].try_into().unwrap()));
    message[1..].as_chunks().0.iter().map(|entry| figure(entry).unwrap()).collect()
}

#[test]
fn a_matcher_that_gives_a_single_record_to_be_opened_is_told_its_values() {
    let table = table(Mode::Labels, 3, 5, &[70, 80, 90]);
    let case = Case::one_way([1, 2], table.clone());
    let mut values = Vec::new();
    for place in 0..3 {
        let (ended, owner) = case.against(1, |mut rogue| {
            let session = rogue.session.clone();
            let (_, records) = rogue_matcher(&mut rogue, (&case.keys[0], &table), &session);
            // Tests of no cell: they hold what no count can be.
            rogue.send(&message(kind::COUNT_TESTS, &[Element::hash(&[b"not zero"]); 6]));
            assert_eq!(rogue.receive().unwrap(), [kind::VERDICTS, 1]);
            // A randomizer, the count and the value.
            let record = &records[5..].as_chunks::<96>().0[place];
            let (randomizer, count, value) = (&record[..32], &record[32..64], &record[64..]);
            rogue.send(&[&[kind::AGGREGATES], randomizer, count, randomizer, value].concat());
            values.push(figures(&rogue.receive().unwrap()));
            rogue.receive();
            rogue.send_finished();
        });
        assert!(ended.is_ok(), "{ended:?}");
        assert_eq!(owner.opened[0], 1, "the owner opens one record");
    }
    values.sort_unstable();
    assert_eq!(values, [[1, 70], [1, 80], [1, 90]], "with no key in common");
}

#[test]
fn a_matcher_that_has_a_single_record_tested_is_told_its_group() {
    let records = vec![(5, 0, vec![70]), (6, 1, vec![80]), (7, 1, vec![90])];
    let table = Table::new(Mode::Columns, 2, 1, 1, records);
    let case = Case::one_way([1, 2], table.clone());
    let mut verdicts = Vec::new();
    for place in 0..3 {
        let (ended, _) = case.against(1, |mut rogue| {
            let session = rogue.session.clone();
            let (_, records) = rogue_matcher(&mut rogue, (&case.keys[0], &table), &session);
            // A randomizer, then count and value of either group.
            let record = &records[5..].as_chunks::<160>().0[place];
            let (randomizer, first, second) = (&record[..32], &record[32..64], &record[96..128]);
            rogue.send(&[&[kind::COUNT_TESTS], randomizer, first, randomizer, second].concat());
            verdicts.push(rogue.receive().unwrap()[1..].to_vec());
        });
        assert!(ended.is_err(), "the matcher leaves with what it wanted to know");
    }
    verdicts.sort_unstable();
    assert_eq!(verdicts, [[0, 1], [0, 1], [1, 0]], "with no key in common");
}

#[test]
fn a_matcher_that_lies_about_its_count_has_a_sum_of_fewer_opened() {
    let table = table(Mode::Counted, 3, 5, &[70, 80, 90]);
    let case = Case::one_way([1, 2, 6], table.clone());
    let mut told = Vec::new();
    let (ended, owner) = case.against(1, |mut rogue| {
        let session = rogue.session.clone();
        let (matcher, _) = rogue_matcher(&mut rogue, (&case.keys[0], &table), &session);
        assert!(!matcher.count().is_released());
        rogue.send(&[kind::MATCHED_COUNT, 1, 3, 0, 0, 0, 0, 0, 0, 0]);
        let cells: Vec<_> = table.disclosure(0).sums[0].iter().map(|(cell, _)| cell.clone()).collect();
        for sums in matcher.aggregates(&cells, None, &mut seeded_rng(5)).unwrap() {
            rogue.send(&sums.encode());
        }
        told = figures(&rogue.receive().unwrap());
        rogue.receive();
        rogue.send_finished();
    });
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((told, owner.opened), (vec![3, 80], vec![80]), "the value of one record");
}

#[test]
fn made_up_keys_beside_known_ones_show_whether_one_more_is_there() {
    // The matcher knows that 5 and 6 are in the list, and wants to know about one more.
    for (target, there) in [(8, true), (9, false)] {
        let table = table(Mode::Labels, 3, 5, &[70, 80, 90, 100]);
        let run = Case::one_way([5, 6, target, 1_000_001, 1_000_002], table).check();
        let released = &run.seen[1].as_ref().unwrap().matcher.released;
        assert_eq!(released[1], there.then_some(250));
    }
}

/// Tag of a key under both exponents, for lists of the two lengths.
fn tag(rogue: &Rogue, encoded: &Encoded, lens: [u64; 2]) -> u64 {
    let mut hash = labelled("tidegate/1 join tag");
    hash.update(rogue.session.id());
    hash.update(encoded);
    let digest = hash.finalize();
    u64::from_be_bytes(digest[..8].try_into().unwrap())
        >> (64 - tag_bits(lens[0], lens[1], Outputs::Receiver))
}

/// Bits of a remainder of a tag in a list of `sent`, looked for in one of `other`.
fn remainder_bits(other: u64, sent: u64) -> u32 {
    tag_bits(other, sent, Outputs::Receiver) - sent.next_power_of_two().trailing_zeros()
}

/// Codes tags by hand, in rising order.
fn coded(rogue: &Rogue, elements: &[Encoded], other: u64) -> Vec<u8> {
    let sent = elements.len() as u64;
    let mut tags: Vec<_> = elements.iter().map(|element| tag(rogue, element, [other, sent])).collect();
    tags.sort_unstable();
    let (width, mut last) = (remainder_bits(other, sent) as usize, 0);
    let code = tags.iter().map(|tag| {
        let gap = tag - std::mem::replace(&mut last, *tag);
        let ones = "1".repeat(usize::try_from(gap >> width).unwrap());
        format!("{ones}0{:0width$b}", gap & ((1 << width) - 1))
    });
    let mut bits = code.collect::<String>();
    bits.push_str(&"0".repeat(bits.len().wrapping_neg() % 8));
    let bytes = (0..bits.len() / 8).map(|i| u8::from_str_radix(&bits[8 * i..][..8], 2).unwrap());
    let count = u32::try_from(sent).unwrap().to_le_bytes();
    [kind::TAGS].into_iter().chain(count).chain(bytes).collect()
}

/// Reads tags by hand.
fn tags_of(message: &[u8], other: u64, sent: u64) -> Vec<u64> {
    let bits: String = message[5..].iter().map(|byte| format!("{byte:08b}")).collect();
    let (width, mut rest, mut last) = (remainder_bits(other, sent) as usize, &bits[..], 0);
    let mut next = |_| {
        let quotient = rest.find('0').unwrap();
        let remainder = u64::from_str_radix(&rest[quotient + 1..][..width], 2).unwrap();
        rest = &rest[quotient + 1 + width..];
        last += ((quotient as u64) << width) + remainder;
        last
    };
    (0..sent).map(&mut next).collect()
}

#[test]
fn a_matcher_that_gives_a_key_an_exponent_of_its_own_learns_whether_it_is_in_the_list() {
    for (target, there) in [(6, true), (2, false)] {
        let table = table(Mode::Labels, 3, 5, &[70, 80, 90]);
        let case = Case::one_way([1, target, 7], table);
        let mut found = None;
        let (ended, _) = case.against(1, |mut rogue| {
            let (id, a, own) = (*rogue.session.id(), scalar(2), scalar(3));
            let hashed = |key: u64| Element::hash(&[&id, format!("item-{key}").as_bytes()]);
            let keys = [hashed(1).mul(&a), hashed(target).mul(&own), hashed(7).mul(&a)];
            rogue.send(&message(kind::BLINDED_KEYS, &keys));
            let theirs = elements(&rogue.receive().unwrap());
            let tags = tags_of(&rogue.receive().unwrap(), 3, 3);
            let under = |exponent| theirs.iter().map(move |key| key.mul(exponent).encode());
            let count =
                |exponent| under(exponent).filter(|key| tags.contains(&tag(&rogue, key, [3, 3]))).count();
            found = Some([count(&a), count(&own)]);
        });
        assert!(ended.is_err(), "the matcher leaves with what it wanted to know");
        assert_eq!(found, Some([1, usize::from(there)]));
    }
}

#[test]
fn a_matcher_that_leaves_the_dummy_rows_out_counts_exactly() {
    // Two of its three keys are common, however many of eight dummy rows the owner lets match.
    for used in [0, 3, 8] {
        let table = table(Mode::Columns, 3, 5, &[70, 80, 90]).with_dummies(8, &[used]);
        let case = Case::one_way([1, 5, 7], table);
        let mut counted = None;
        let (ended, _) = case.against(1, |mut rogue| {
            let (id, a) = (*rogue.session.id(), scalar(2));
            let own = [1, 5, 7].map(|key| Element::hash(&[&id, format!("item-{key}").as_bytes()]).mul(&a));
            let junk = (0..8u8).map(|i| Element::hash(&[b"junk", &[i]]));
            let keys: Vec<_> = own.into_iter().chain(junk).collect();
            rogue.send(&message(kind::BLINDED_KEYS, &keys));
            let theirs = elements(&rogue.receive().unwrap());
            let tags = tags_of(&rogue.receive().unwrap(), 11, 11);
            let matched = |key: &&Element| tags.contains(&tag(&rogue, &key.mul(&a).encode(), [11, 11]));
            counted = Some(theirs.iter().filter(matched).count());
        });
        assert!(ended.is_err(), "the matcher leaves with what it wanted to know");
        assert_eq!(counted, Some(2));
    }
}

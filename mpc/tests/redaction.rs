//! What a log may show: every public type that holds items, keys, blinds or tags, formatted in every state.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;
#[path = "common/secrets.rs"]
mod secrets;

use common::rogue::labelled;
use common::{Case, kind, set};
use curve25519_dalek::Scalar;
use rand_core::Rng;
use secrets::Secrets;
use sha2::Digest;
use tidegate_mpc::codec::Malformation;
use tidegate_mpc::group::{Element, FixedBase};
use tidegate_mpc::join::{AwaitingTags, Blinding, Cell, Counts, Figures, Lent, Plan, ReturningTags};
use tidegate_mpc::psi::{cardinality, ecdh, tag_bits};
use tidegate_mpc::run::{JoinTask, Outcome, RunError};
use tidegate_mpc::testing::{CellByCell, Parties, Rows, agreed_sessions, seeded_rng};
use tidegate_mpc::transport::{Channel, ChannelError, memory_pair};
use tidegate_mpc::{
    BadElement, Error, ItemSet, ItemSetBuilder, Message, Outputs, Protocol, Role, SecretScalar, Term,
};

fn sets() -> (ItemSet, ItemSet) {
    (set(1_000_000..1_000_005), set(1_000_003..1_000_009))
}

/// The bytes that a generator with this seed gives first.
fn drawn<const N: usize>(seed: u64) -> [u8; N] {
    let mut bytes = [0; N];
    seeded_rng(seed).fill_bytes(&mut bytes);
    bytes
}

/// The key that a party draws from a generator with this seed.
fn key_of(seed: u64) -> SecretScalar {
    let scalar = Scalar::from_bytes_mod_order_wide(&drawn(seed));
    SecretScalar::from_canonical_bytes(scalar.to_bytes()).unwrap()
}

/// Adds what the sender's items become in a session of the intersection: evaluation, tag, confirmation.
fn add_evaluations(secrets: &mut Secrets, items: &ItemSet, session_id: &[u8; 32], bits: u32, seed: u64) {
    let s = key_of(seed);
    let public = Element::generate(&s).encode();
    for item in (0..items.len()).map(|i| items.get(i).unwrap()) {
        let product = Element::hash(&[session_id, item]).mul(&s);
        let evaluated = product.add(&product).encode();
        let mut hash = labelled("tidegate/1 psi-ecdh tag").chain_update(session_id).chain_update(public);
        hash.update(u32::try_from(item.len()).unwrap().to_le_bytes());
        let material = hash.chain_update(item).chain_update(evaluated).finalize();
        let tag = u128::from_be_bytes(material[..16].try_into().unwrap()) >> (128 - bits);
        secrets.add("an evaluation", &evaluated);
        secrets.add("a tag", &tag.to_be_bytes());
        secrets.add("the head of a tag", &material[..5]);
        secrets.add("a confirmation", &material[32..48]);
    }
}

#[test]
fn the_states_of_the_intersection_show_nothing() {
    let (ours, theirs) = sets();
    let (session, other) = agreed_sessions(Protocol::PsiEcdh, Outputs::Both, 1, ours.len(), theirs.len());
    let mut secrets = Secrets::of_items(&[&ours, &theirs]);
    secrets.add("the seed of the blinds", &drawn::<32>(21));
    secrets.add("the key", &Scalar::from_bytes_mod_order_wide(&drawn(22)).to_bytes());
    let bits = tag_bits(5, 6, Outputs::Both);
    add_evaluations(&mut secrets, &theirs, session.id(), bits, 22);

    let (mut sender, key) = ecdh::Sender::start(&theirs, &other, &mut seeded_rng(22)).unwrap();
    assert_eq!(key.encode()[1..], Element::generate(&key_of(22)).encode(), "the key is the one searched for");
    secrets.are_hidden_by(&sender);
    let mut receiver = ecdh::Receiver::start(&ours, &session, &key, &mut seeded_rng(21)).unwrap();
    secrets.are_hidden_by(&receiver);
    let blinded = receiver.blind_next().unwrap();
    let evaluated = sender.reply(&blinded).unwrap();
    receiver.accept(&evaluated).unwrap();
    while sender.tag_next() > 0 {}
    secrets.are_hidden_by(&receiver);
    secrets.are_hidden_by(&sender);
    let (mut sending, mut awaiting) = (sender.close().unwrap(), receiver.close().unwrap());
    secrets.are_hidden_by(&sending);
    secrets.are_hidden_by(&awaiting);
    let tags = sending.next_chunk().unwrap();
    secrets.are_hidden_by(&sending);
    awaiting.accept(&tags).unwrap();
    secrets.are_hidden_by(&awaiting);
    assert!(!format!("{awaiting:?}").contains("index"), "{awaiting:?} shows which items match");
    let matched = awaiting.close().unwrap();
    secrets.are_hidden_by(&matched);
    let closing = sending.close().unwrap();
    secrets.are_hidden_by(&closing);
    let (verdict, bits) = (matched.verdict(), matched.match_bits().next().unwrap());
    secrets.are_hidden_by(&verdict);
    let mut reading = closing.accept(verdict).unwrap().unwrap();
    reading.accept(&bits).unwrap();
    secrets.are_hidden_by(&reading);
    let (common, theirs) = (matched.release().unwrap(), reading.close().unwrap());
    assert_eq!((common.indices(), theirs.indices()), (&[3, 4][..], &[0, 1][..]));
    for shown in [format!("{common:?}"), format!("{theirs:?}")] {
        assert_eq!(shown, "Intersection { len: 2, .. }");
    }
    secrets.are_hidden_by(&(key, blinded, evaluated, &tags, &bits));
    assert!(
        !format!("{tags:?}").contains('['),
        "{tags:?} shows a code, which is tags to whoever counts bits"
    );
    assert!(!format!("{bits:?}").contains('['), "{bits:?} shows which items match");
}

#[test]
fn the_states_of_the_cardinality_show_nothing() {
    let (ours, theirs) = sets();
    let (session, other) =
        agreed_sessions(Protocol::PsiCardinality, Outputs::Both, 1, ours.len(), theirs.len());
    let mut secrets = Secrets::of_items(&[&ours, &theirs]);
    for seed in [21, 22] {
        secrets.add("a key", &Scalar::from_bytes_mod_order_wide(&drawn(seed)).to_bytes());
    }
    // What is drawn is s/2, and encoding doubles.
    let s = key_of(22);
    for item in (0..theirs.len()).map(|i| theirs.get(i).unwrap()) {
        let product = Element::hash(&[session.id(), item]).mul(&s);
        let evaluated = product.add(&product).encode();
        let hash = labelled("tidegate/1 psi-cardinality tag").chain_update(session.id());
        let material = hash.chain_update(evaluated).finalize();
        let tag =
            u128::from_be_bytes(material[..16].try_into().unwrap()) >> (128 - tag_bits(5, 6, Outputs::Both));
        secrets.add("an evaluation", &evaluated);
        secrets.add("a tag", &tag.to_be_bytes());
    }

    let mut receiver = cardinality::Receiver::start(&ours, &session, &mut seeded_rng(21)).unwrap();
    let mut sender = cardinality::Sender::start(&theirs, &other, &mut seeded_rng(22)).unwrap();
    secrets.are_hidden_by(&receiver);
    sender.accept(&receiver.blind_next().unwrap()).unwrap();
    while sender.tag_next() > 0 {}
    secrets.are_hidden_by(&sender);
    let (mut sending, mut awaiting) = (sender.close().unwrap(), receiver.close().unwrap());
    secrets.are_hidden_by(&sending);
    awaiting.accept(&sending.next_items().unwrap()).unwrap();
    secrets.are_hidden_by(&awaiting);
    let mut awaiting = awaiting.close().unwrap();
    awaiting.accept(&sending.next_tags().unwrap()).unwrap();
    secrets.are_hidden_by(&sending);
    secrets.are_hidden_by(&awaiting);
    assert!(!format!("{awaiting:?}").contains("index"), "{awaiting:?} shows which answers match");
    let counted = awaiting.close().unwrap();
    assert_eq!(format!("{counted:?}"), "Counted(..)");
    assert_eq!(counted.size().check(&other).unwrap(), Some(2), "the tags searched for are the true ones");
}

/// What a party of a join with a list of `len` places draws: the seed of its rows that match nothing, the order
/// of its list, and half of its exponent.
fn drawn_for_a_list(seed: u64, len: usize) -> ([u8; 32], Scalar) {
    let (mut rng, mut rows, mut half) = (seeded_rng(seed), [0; 32], [0; 64]);
    rng.fill_bytes(&mut rows);
    for _ in 1..len {
        rng.next_u64();
    }
    rng.fill_bytes(&mut half);
    (rows, Scalar::from_bytes_mod_order_wide(&half))
}

/// The first of the values of the owner's six records.
const VALUE: i64 = 987_654_321_012;

const LENT: Lent = Lent { labels: 2, columns: 2, dummies: 2, minimum: 1, counts: Counts::Encrypted };

/// Adds what a join keeps to itself: seeds, exponents, keys under both of them, their tags, values.
fn add_join(secrets: &mut Secrets, items: &ItemSet, session_id: &[u8; 32]) {
    let mut both = Scalar::ONE;
    for (seed, len) in [(31, 5 + 4), (32, 6 + 4)] {
        let (rows, half) = drawn_for_a_list(seed, len);
        secrets.add("the seed of rows that match nothing", &rows);
        secrets.add("half of an exponent", &half.to_bytes());
        both *= half + half;
        secrets.add("an exponent", &(half + half).to_bytes());
    }
    let both = SecretScalar::from_canonical_bytes(both.to_bytes()).unwrap();
    for item in (0..items.len()).map(|i| items.get(i).unwrap()) {
        let key = Element::hash(&[session_id, item]).mul(&both).encode();
        let hash = labelled("tidegate/1 join tag").chain_update(session_id);
        let material = hash.chain_update(key).finalize();
        let bits = tag_bits(5 + 4, 6 + 4, Outputs::Receiver);
        let tag = u128::from_be_bytes(material[..16].try_into().unwrap()) >> (128 - bits);
        secrets.add("a key under both exponents", &key);
        secrets.add("a tag", &tag.to_be_bytes());
        secrets.add("the head of a tag", &material[..5]);
    }
    secrets.add("the secret key of a column", &Scalar::from_bytes_mod_order_wide(&drawn(33)).to_bytes());
    for value in VALUE..VALUE + 6 {
        secrets.add("a value", value.to_string().as_bytes());
    }
}

fn join_rows() -> Vec<(u32, Vec<i64>)> {
    (0..6).map(|i| (i % 2, vec![1, VALUE + i64::from(i)])).collect()
}

#[test]
fn the_states_of_the_join_show_nothing() {
    let (ours, theirs) = sets();
    let (session, other) = agreed_sessions(Protocol::JoinElGamal, Outputs::Both, 0, ours.len(), theirs.len());
    let mut secrets = Secrets::of_items(&[&ours, &theirs]);
    add_join(&mut secrets, &theirs, session.id());
    let (own, peer) = (Plan { own: None, peer: Some(LENT) }, Plan { own: Some(LENT), peer: None });
    let mut matcher = Blinding::start(&ours, &session, own, Vec::new(), &mut seeded_rng(31)).unwrap();
    let mut owner = Blinding::start(&theirs, &other, peer, vec![2, 1], &mut seeded_rng(32)).unwrap();
    secrets.are_hidden_by(&(&matcher, &owner));
    let (keys, answered) = (matcher.blind_next().unwrap(), owner.blind_next().unwrap());
    let (_, half) = drawn_for_a_list(31, 9);
    let exponent = SecretScalar::from_canonical_bytes((half + half).to_bytes()).unwrap();
    let blinded = Element::hash(&[session.id(), ours.get(0).unwrap()]).mul(&exponent).encode();
    assert!(keys.encode()[1..].chunks(32).any(|key| key == blinded), "the exponent is the one searched for");
    owner.accept(&keys).unwrap();
    matcher.accept(&answered).unwrap();
    secrets.are_hidden_by(&(&matcher, &owner, keys, answered));
    let (matcher, owner) = (matcher.close().unwrap(), owner.close().unwrap());
    secrets.are_hidden_by(&(&matcher, &owner));
    let (mut returning, mut awaiting) =
        (ReturningTags::start(owner).unwrap(), AwaitingTags::start(matcher).unwrap());
    let tags = returning.next_tags().unwrap();
    awaiting.accept(&tags).unwrap();
    secrets.are_hidden_by(&(&returning, &awaiting, tags));
    assert!(!format!("{awaiting:?}").contains("index"), "{awaiting:?} shows which records match");
    the_later_states_of_the_join_show_nothing(&mut secrets, returning, awaiting);
}

fn the_later_states_of_the_join_show_nothing(
    secrets: &mut Secrets,
    returning: ReturningTags<'_>,
    awaiting: AwaitingTags<'_>,
) {
    let rows = join_rows();
    let records = Rows { rows: &rows, disclosure: CellByCell::default() };
    let mut lending = returning.close(&mut seeded_rng(33)).unwrap();
    let key = Element::generate(&key_of(33)).encode();
    assert_eq!(lending.keys().encode()[1..33], key, "the key is the one searched for");
    let mut matching = awaiting.close(&lending.keys()).unwrap();
    secrets.are_hidden_by(&(&lending, &matching, lending.keys()));
    let sent = lending.next_records(&records).unwrap().unwrap();
    matching.accept(&sent).unwrap();
    secrets.are_hidden_by(&(&lending, &matching, &sent));
    for state in [format!("{matching:?}"), format!("{sent:?}")] {
        assert!(!state.contains('['), "{state} shows which records match, or labels");
    }
    let (owner, matcher) = (lending.close().unwrap(), matching.close().unwrap());
    secrets.are_hidden_by(&(&owner, &matcher));
    assert!(!format!("{matcher:?}").contains("count:"), "{matcher:?} shows how many records match");
    let cells = [0, 1].map(|label| Cell { labels: vec![label], columns: vec![1] });
    let tests = matcher.tests(&cells, &mut seeded_rng(34)).unwrap();
    let noise = owner.noise(&cells, &[VALUE, VALUE], &mut seeded_rng(35)).unwrap();
    let own = [0, 0];
    let sums = matcher.aggregates(&cells, Some((&own, &noise)), &mut seeded_rng(36)).unwrap();
    secrets.are_hidden_by(&(&tests, &noise, &sums));
    // Of the two common records one is under either label, and the noise beside it.
    let opened = cells.map(|cell| (cell, (2 * VALUE - 9, 2 * VALUE + 9)));
    assert_eq!(owner.open(&opened, &[], &sums).unwrap(), [2 * VALUE, 2 * VALUE + 1]);
    secrets.are_hidden_by(&(owner.finish(), matcher.finish()));
}

#[test]
fn messages_and_sides_of_a_whole_join_show_nothing() {
    let (ours, theirs) = sets();
    let mut secrets = Secrets::of_items(&[&ours, &theirs]);
    let figures = [&[kind::FIGURES, 1][..], &VALUE.to_le_bytes()].concat();
    let figures = Figures::decode(&figures, &"peer".parse().unwrap()).unwrap();
    secrets.add("a figure", VALUE.to_string().as_bytes());
    secrets.are_hidden_by(&figures);
    secrets.are_hidden_by(&JoinTask {
        items: &ours,
        plan: Plan { own: None, peer: Some(LENT) },
        used: vec![],
    });
    let records = (3..9).map(|key| (1_000_000 + key, 0, vec![5])).collect();
    let table = common::join::Table::new(common::join::Mode::Labels, 1, 1, 1, records);
    let run = common::join::Case::one_way(1_000_000..1_000_005, table).check();
    for message in run.to_receiver.iter().chain(&run.to_sender) {
        secrets.are_hidden_by(message);
    }
}

#[test]
fn sets_keys_and_parties_show_nothing() {
    let (ours, theirs) = sets();
    let mut secrets = Secrets::of_items(&[&ours, &theirs]);
    let scalar = [5; 31].into_iter().chain([0]).collect::<Vec<u8>>();
    secrets.add("a scalar", &scalar);
    secrets.are_hidden_by(&SecretScalar::from_canonical_bytes(scalar.try_into().unwrap()).unwrap());
    secrets.are_hidden_by(&ours);
    let mut builder = ItemSetBuilder::new();
    builder.insert(theirs.get(0).unwrap()).unwrap();
    secrets.are_hidden_by(&builder);
    secrets.are_hidden_by(&Parties::new(Protocol::PsiEcdh, Outputs::Both, 1, &ours, &theirs));
    secrets.are_hidden_by(&FixedBase::new(&Element::hash(&[b"base"])));
    let (mut channel, peer) = memory_pair();
    channel.send(ours.get(0).unwrap()).unwrap();
    secrets.are_hidden_by(&(channel, peer));
}

#[test]
fn outcomes_and_messages_of_a_whole_run_show_no_item() {
    let (ours, theirs) = sets();
    let secrets = Secrets::of_items(&[&ours, &theirs]);
    for protocol in [Protocol::PsiEcdh, Protocol::PsiCardinality] {
        let run = Case::new(protocol, Outputs::Both, 1, &ours, &theirs).check();
        for message in run.to_receiver.iter().chain(&run.to_sender) {
            secrets.are_hidden_by(message);
            assert_ne!(message[0], 0);
        }
    }
    let parties = Parties::new(Protocol::PsiEcdh, Outputs::Both, 1, &ours, &theirs);
    let (ended, other) = parties.run_ecdh(&mut common::honest, &mut common::honest);
    secrets.are_hidden_by(&ended);
    assert_eq!(format!("{:?}", other.unwrap()), "Released(Intersection { len: 2, .. })");
    assert_eq!(format!("{:?}", Outcome::<u64>::Withheld), "Withheld");
}

/// One of each variant of this party's own errors, with the exact text.
fn own_errors() -> Vec<(Error, &'static str)> {
    let (protocol, role) = (Protocol::PsiEcdh, Role::Sender);
    let name =
        "a party name is 1 to 64 characters of a-z, 0-9, '-', '_' and '.', the first a letter or digit";
    vec![
        (Error::PartyName, name),
        (Error::DuplicateItem { index: 2 }, "item 2 is a copy of an earlier one; a set holds each item once"),
        (Error::ItemTooLong { found: 5000, max: 4096 }, "an item of 5000 bytes; at most 4096 are allowed"),
        (Error::SetTooLarge { found: 9, max: 8 }, "a set of 9 items; at most 8 are allowed"),
        (Error::SetChanged { found: 9, expected: 8 }, "a set of 9 items, but the session was agreed on 8"),
        (
            Error::WrongStep { protocol, role },
            "this session is psi-ecdh as sender; the step belongs to another",
        ),
        (Error::Unfinished { missing: 3 }, "3 elements are still missing at this step"),
        (Error::Label { found: 7, max: 3 }, "a record has label 7; labels go up to 3"),
        (
            Error::Dummies { found: 2, expected: 3, most: 8 },
            "2 numbers of dummy rows; one of at most 8 belongs to each of 3 labels",
        ),
        (
            Error::Plan { labels: 2, columns: 0, dummies: 1, minimum: 5 },
            "a join of 2 labels, 0 columns and 1 dummy rows for each label with a minimum of 5 is not possible",
        ),
        (Error::Cell, "a cell names labels or columns outside of the plan"),
    ]
}

/// One of each variant about a greeting, with the text behind `party peer `.
fn greeting_errors() -> Vec<(Error, &'static str)> {
    let peer = || "peer".parse().unwrap();
    let (term, role) = (Term::Minimum, Role::Sender);
    vec![
        (
            Error::Version { peer: peer(), found: 2, expected: 1 },
            "speaks version 2 of the protocols; this program speaks 1",
        ),
        (Error::PeerName { peer: peer() }, "calls itself another name"),
        (Error::OwnName { peer: peer() }, "expects another party than this one"),
        (Error::Terms { peer: peer(), term }, "runs under another minimum intersection size"),
        (
            Error::SameRole { peer: peer(), role },
            "is sender too; one side has to receive and the other to send",
        ),
        (Error::Reflected { peer: peer() }, "returned this party's own greeting"),
        (Error::PeerSetTooLarge { peer: peer(), found: 9, max: 8 }, "brings 9 items; the agreement allows 8"),
    ]
}

/// One of each variant about a later message, likewise.
fn message_errors() -> Vec<(Error, &'static str)> {
    let peer = || "peer".parse().unwrap();
    let malformed = |cause| Error::Malformed { peer: peer(), message: "Tags", cause };
    let bad = |cause| Error::BadElement { peer: peer(), message: "BlindedItems", index: 4, cause };
    let unexpected = Error::UnexpectedMessage { peer: peer(), found: "Tags", expected: "Hello" };
    let count = Error::Count { peer: peer(), message: "Tags", found: 3, expected: 4 };
    let not_sorted = Error::NotSorted { peer: peer(), message: "ShuffledItems" };
    let impossible = Error::ImpossibleCount { peer: peer(), found: 9, max: 8 };
    let below = Error::BelowMinimum { peer: peer(), found: 4, minimum: 5 };
    vec![
        (unexpected, "sent Tags where Hello belongs"),
        (malformed(Malformation::Truncated), "sent a malformed Tags: it ends too early"),
        (malformed(Malformation::Trailing { extra: 2 }), "sent a malformed Tags: 2 bytes follow its end"),
        (
            malformed(Malformation::Field { field: "code" }),
            "sent a malformed Tags: its field `code` holds no allowed value",
        ),
        (count, "sent 3 values in Tags; 4 belong there"),
        (
            bad(BadElement::NotCanonical),
            "sent a bad element at index 4 of BlindedItems: not a canonical ristretto255 encoding",
        ),
        (bad(BadElement::Identity), "sent a bad element at index 4 of BlindedItems: the identity element"),
        (not_sorted, "sent ShuffledItems out of order"),
        (Error::TagRange { peer: peer(), bits: 40 }, "sent a tag of more than 40 bits"),
        (Error::Transcript { peer: peer() }, "confirms other messages than were exchanged"),
        (Error::UnprovenMatches { peer: peer() }, "claims matches that it does not hold"),
        (impossible, "reports 9 matches; at most 8 are possible"),
        (below, "released 4 matches; below 5 nothing may be released"),
        (
            Error::PeerLabel { peer: peer(), found: 7, max: 3 },
            "sent a record with label 7; labels go up to 3",
        ),
        (Error::OutOfBounds { peer: peer() }, "returned a sum outside of its agreed bounds"),
        (
            Error::ContradictoryTests { peer: peer() },
            "made or answered tests of counts so that they contradict each other",
        ),
        (Error::BadRelease { peer: peer() }, "released figures that break the agreed disclosure policy"),
    ]
}

#[test]
fn errors_show_numbers_and_names_alone() {
    let own = own_errors().into_iter().map(|(error, text)| (error, None, text.to_owned()));
    let peers = greeting_errors().into_iter().chain(message_errors());
    let peers = peers.map(|(error, text)| (error, Some("peer"), format!("party peer {text}")));
    for (error, peer, text) in own.chain(peers) {
        assert_eq!(error.to_string(), text);
        assert_eq!(error.peer().map(|peer| peer.as_str()), peer);
        let error = RunError::from(error);
        assert_eq!((error.to_string(), error.peer().map(|peer| peer.as_str())), (text, peer));
    }
    let channel = |cause| RunError::Channel { peer: "peer".parse().unwrap(), cause }.to_string();
    let closed = "the link to party peer failed: the channel was closed before the protocol ended";
    assert_eq!(channel(ChannelError::Closed), closed);
    let long = "the link to party peer failed: a message of 9 bytes was announced; at most 8 belong here";
    assert_eq!(channel(ChannelError::TooLong { found: 9, max: 8 }), long);
    assert_eq!(RunError::Cancelled.to_string(), "the run was cancelled");
}

#[test]
fn errors_about_items_do_not_show_them() {
    let (ours, _) = sets();
    let secrets = Secrets::of_items(&[&ours]);
    let item = ours.get(0).unwrap();
    let twice = ItemSet::new([item, item]).unwrap_err();
    secrets.are_hidden_by(&twice);
    secrets.are_absent(&twice.to_string(), "its text");
    let long = ItemSet::new([item.repeat(1000)]).unwrap_err();
    secrets.are_hidden_by(&long);
    secrets.are_absent(&long.to_string(), "its text");
    let name =
        std::str::from_utf8(item).unwrap().to_uppercase().parse::<tidegate_mpc::PartyId>().unwrap_err();
    secrets.are_absent(&name.to_string(), "its text");
    // An item where a message belongs: neither its bytes nor their kind come back.
    for bytes in [item.to_vec(), [&[kind::TAGS][..], item].concat(), [&[kind::HELLO][..], item].concat()] {
        let error = tidegate_mpc::Hello::decode(&bytes, &"peer".parse().unwrap()).unwrap_err();
        secrets.are_hidden_by(&error);
        secrets.are_absent(&error.to_string(), "its text");
    }
}

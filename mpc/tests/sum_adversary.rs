//! Attacks on masked sums, by coordinators and by parties that keep to no protocol: each fails, and before anything is
//! given out that would tell of one party alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/stage.rs"]
mod stage;
#[path = "common/sum.rs"]
mod sum;

use std::collections::BTreeMap;

use dealer::{session_id, sign_keys, survivors_text};
use stage::{
    CONSENTS, DEALERS, KEY_LIST, Listed, Place, SEEDS, SHARE_BUNDLE, Side, Stage, Wire, four_terms, honest,
    kind, losing, place, relist, survivors_of,
};
use sum::{Record, name, terms};
use tidegate_mpc::aggregation::masked::contributor::AwaitingSurvivors;
use tidegate_mpc::aggregation::masked::{Consents, Identities, SumTerms, Survivors, Task};
use tidegate_mpc::{Error, Message, PartyId};

fn hub() -> PartyId {
    "hub".parse().unwrap()
}

/// Five parties that have sent their vectors to a coordinator that lies from there on.
struct Betrayed<'t> {
    stage: &'t Stage,
    session: [u8; 32],
    /// The list as it should be.
    survivors: Vec<u8>,
    waiting: BTreeMap<usize, AwaitingSurvivors<'t>>,
}

fn five(threshold: usize) -> Stage {
    let noisy = threshold < 3;
    Stage::new(SumTerms { threshold, minimum: threshold, noisy, ..terms(5, 5, (-9, 9)) }, 1)
}

impl<'t> Betrayed<'t> {
    fn new(stage: &'t Stage) -> Self {
        let mut pass = honest;
        let mut wire = Wire::new(&mut pass);
        let (collecting, list, states) = stage.keys(&mut wire).unwrap();
        let session = session_id(stage, &list.encode());
        let (collecting, bundles, states) = stage.deal(&mut wire, collecting, &list, states).unwrap();
        let (_, survivors, waiting) = stage.mask(&mut wire, collecting, &bundles, states).unwrap();
        Self { stage, session, survivors: survivors.encode(), waiting }
    }

    /// The list without a party that did survive.
    fn without(&self, seat: usize) -> Vec<u8> {
        let mut list = self.survivors.clone();
        relist(&mut list, survivors_of(5), |list| drop(list.remove(seat)));
        list
    }

    /// Shows each party one of two lists, and it and those who collude sign theirs; the latter sign both. Everyone is
    /// shown all signatures over its list. Returns the numbers of honest parties that answer to either list.
    fn answers(self, lists: [Vec<u8>; 2], shown: impl Fn(usize) -> usize, colluding: &[usize]) -> [usize; 2] {
        let texts = lists.clone().map(|list| survivors_text(&self.session, &list));
        let mut consents: [Vec<Vec<u8>>; 2] = [vec![], vec![]];
        let mut confirmed = Vec::new();
        for (seat, state) in self.waiting {
            let entry = |signature: &[u8]| [&[u8::try_from(seat).unwrap(), 0][..], signature].concat();
            let notary = &self.stage.notaries[seat];
            if colluding.contains(&seat) {
                (0..2).for_each(|i| consents[i].push(entry(&notary.sign(&texts[i]))));
                continue;
            }
            let list = Survivors::decode(&lists[shown(seat)], &hub()).unwrap();
            let (state, consent) = state.confirm(&list, notary).unwrap();
            consents[shown(seat)].push(entry(&consent.encode()[1..]));
            // What others signed of the other list is shown beside it.
            confirmed.push((seat, state));
        }
        let mut answered = [0; 2];
        for (seat, state) in confirmed {
            let len = u16::try_from(consents[shown(seat)].len()).unwrap().to_le_bytes();
            let bytes = [&[kind::CONSENTS][..], &len, &consents[shown(seat)].concat()].concat();
            let signed = Consents::decode(&bytes, &hub()).unwrap();
            let found = consents[shown(seat)].len();
            match state.answer(&signed, &self.stage.notaries[seat], &mut Record::default()) {
                Ok(_) => answered[shown(seat)] += 1,
                Err(error) => {
                    let needed = self.stage.task.terms().threshold;
                    assert_eq!(error, Error::NoConsent { peer: hub(), found, needed });
                }
            }
        }
        answered
    }
}

/// Every way to show some parties that party 0 survived, and others that it vanished: none of them gives out a share,
/// or those of one list alone do, so that nobody ever holds enough shares of both secrets of party 0.
#[test]
fn a_split_view_of_the_survivors_fails_before_any_share_is_given_out() {
    let stage = five(4);
    assert_eq!(stage.task.tolerated(), 2);
    for pattern in 0..16usize {
        let betrayed = Betrayed::new(&stage);
        let lists = [betrayed.survivors.clone(), betrayed.without(0)];
        // Party 0 itself knows that it is there.
        let shown = |seat: usize| if seat == 0 { 0 } else { pattern >> (seat - 1) & 1 };
        let told_of_loss = usize::try_from(pattern.count_ones()).unwrap();
        let answered = betrayed.answers(lists, shown, &[]);
        let enough = |signers: usize| if signers >= 4 { signers } else { 0 };
        assert_eq!(answered, [enough(5 - told_of_loss), enough(told_of_loss)], "{pattern:04b}");
        assert!(answered.contains(&0));
        if (2..=3).contains(&told_of_loss) {
            assert_eq!(answered, [0, 0], "{pattern:04b}");
        }
    }
}

/// Parties that sign both lists help the coordinator only where there are more of them than [`Task::tolerated`] says.
#[test]
fn a_split_view_needs_more_colluding_parties_than_are_tolerated() {
    for (colluding, honest) in [(vec![3, 4], vec![0, 1, 2]), (vec![2, 3, 4], vec![0, 1])] {
        let stage = five(4);
        let tolerated = colluding.len() <= stage.task.tolerated();
        let mut both = false;
        for pattern in 0..1usize << (honest.len() - 1) {
            let betrayed = Betrayed::new(&stage);
            let lists = [betrayed.survivors.clone(), betrayed.without(0)];
            let shown = |seat: usize| if seat == 0 { 0 } else { pattern >> (seat - 1) & 1 };
            both |= !betrayed.answers(lists, shown, &colluding).contains(&0);
        }
        assert_eq!(both, !tolerated, "{} collude", colluding.len());
    }
}

#[test]
fn what_is_tolerated_follows_from_the_threshold() {
    let tolerated = |parties, threshold, noisy| {
        let terms = SumTerms { threshold, minimum: threshold, noisy, ..terms(parties, 1, (0, 1)) };
        Task::new(terms).unwrap().tolerated()
    };
    assert_eq!(tolerated(5, 3, false), 0);
    assert_eq!(tolerated(5, 4, false), 2);
    assert_eq!(tolerated(5, 5, false), 4);
    assert_eq!(tolerated(100, 67, false), 33);
    assert_eq!(tolerated(2, 2, true), 1);
    // A coordinator that is a party is one of those who collude.
    let coordinated = SumTerms { coordinator: name(0), threshold: 4, minimum: 4, ..terms(5, 1, (0, 1)) };
    assert_eq!(Task::new(coordinated).unwrap().tolerated(), 1);
}

/// A coordinator that says of a party with a vector that it vanished, to everyone alike: it gets shares of that
/// party's mask key, but none of its own mask's seed, which still hides the vector.
#[test]
fn a_survivor_declared_lost_keeps_its_own_mask() {
    let stage = five(4);
    let answer = |lost: &dyn Fn(&Betrayed<'_>) -> Vec<u8>, own_record: &mut Record| {
        let betrayed = Betrayed::new(&stage);
        let list = lost(&betrayed);
        let text = survivors_text(&betrayed.session, &list);
        let signed = |seat: u8| [&[seat, 0][..], &stage.notaries[usize::from(seat)].sign(&text)].concat();
        let consents = (1..5).flat_map(signed).collect::<Vec<_>>();
        let consents = [&[kind::CONSENTS, 4, 0][..], &consents].concat();
        let (mut waiting, notary) = (betrayed.waiting, &stage.notaries[1]);
        let list = Survivors::decode(&list, &hub()).unwrap();
        let (state, _) = waiting.remove(&1).unwrap().confirm(&list, notary).unwrap();
        let consents = Consents::decode(&consents, &hub()).unwrap();
        state.answer(&consents, notary, own_record).map(|(_, unmasking)| unmasking.encode())
    };
    let whole = answer(&|betrayed| betrayed.survivors.clone(), &mut Record::default()).unwrap();
    let mut record = Record::default();
    let without = answer(&|betrayed| betrayed.without(0), &mut record).unwrap();
    let seeds = Listed::read(&whole, SEEDS).entries;
    let left = Listed::read(&without, SEEDS).entries;
    assert_eq!((seeds.len(), &left[..]), (5, &seeds[1..]), "the seed of party 0 is kept back");
    let keys = &without[3 + 32 * 4..];
    assert_eq!((keys[0], keys.len()), (1, 2 + 32));
    assert!(!seeds.iter().any(|seed| seed == &keys[2..]));
    // The same session once more, with the other list: refused by what is on disk.
    let again = answer(&|betrayed| betrayed.survivors.clone(), &mut record);
    assert_eq!(again.unwrap_err(), Error::AnsweredBefore);
}

#[test]
fn a_sum_of_one_or_of_too_few_is_never_confirmed() {
    let stage = five(4);
    for left in 1..4 {
        let betrayed = Betrayed::new(&stage);
        let mut list = betrayed.survivors.clone();
        relist(&mut list, survivors_of(5), |list| list.truncate(left));
        let list = Survivors::decode(&list, &hub()).unwrap();
        let mut waiting = betrayed.waiting;
        let confirmed = waiting.remove(&0).unwrap().confirm(&list, &stage.notaries[0]);
        let few = Error::TooFewParties { found: left, needed: 4, step: "survived" };
        assert_eq!(confirmed.map(drop).unwrap_err(), few);
    }
}

/// Two survivors without noise: the coordinator has no total to make, and no party confirms.
#[test]
fn two_survivors_without_noise_get_no_total() {
    let mut terms = SumTerms { threshold: 2, minimum: 3, noisy: false, ..four_terms() };
    terms.parties.truncate(3);
    let stage = Stage::new(terms, 1);
    let mut lose = losing(kind::MASKED_CHUNK, &[2]);
    let few = Error::TooFewParties { found: 2, needed: 3, step: "survived" };
    stage.play(&mut lose).only_fault(Side::Hub, &few);
    let mut tamper = |at: Place, mut bytes: Vec<u8>| {
        if at.kind == kind::SURVIVORS {
            relist(&mut bytes, survivors_of(3), |list| list.truncate(2));
        }
        Some(bytes)
    };
    let wire = stage.play(&mut tamper);
    assert!(wire.answered.is_empty());
    assert_eq!(wire.faults[0], (Side::Party(0), few));
}

/// A coordinator that puts keys of its own in place of a party's, to sit between it and the others.
#[test]
fn keys_substituted_by_a_lying_coordinator_are_refused() {
    // As a neutral hub, and as a party of the sum.
    for (coordinator, signer) in [("hub", 4), ("party-003", 3)] {
        let coordinator: PartyId = coordinator.parse().unwrap();
        let stage = Stage::new(SumTerms { coordinator: coordinator.clone(), ..four_terms() }, 1);
        let other = Stage::four(77).play(&mut honest).sent[&place(kind::ROUND_KEYS, 2)].clone();
        let mut tamper = |at: Place, mut bytes: Vec<u8>| {
            if at.kind == kind::KEY_LIST && at.seat == 0 {
                relist(&mut bytes, KEY_LIST, |list| {
                    list[2][2..].copy_from_slice(&other[1..]);
                    sign_keys(&stage, signer, 2, &mut list[2][2..]);
                });
            }
            Some(bytes)
        };
        let unsigned = Error::BadSignature { peer: coordinator, signer: name(2), message: "KeyList" };
        let wire = stage.play(&mut tamper);
        wire.only_fault(Side::Party(0), &unsigned);
        assert!(!wire.sent.contains_key(&place(kind::SEALED_SHARES, 0)));
    }
}

/// A party that signs two sets of keys, and a coordinator that shows either to some: those are in two sessions, whose
/// shares do not open for each other.
#[test]
fn a_split_view_of_the_keys_ends_with_shares_that_do_not_open() {
    let stage = Stage::four(1);
    let mut tamper = |at: Place, mut bytes: Vec<u8>| {
        if at.kind == kind::KEY_LIST && at.seat == 0 {
            relist(&mut bytes, KEY_LIST, |list| {
                list[3][66] ^= 1;
                sign_keys(&stage, 3, 3, &mut list[3][2..]);
            });
        }
        Some(bytes)
    };
    let wire = stage.play(&mut tamper);
    let blames = |seat: usize, dealer: usize| (Side::Party(seat), Error::BadShare { peer: name(dealer) });
    let few = Error::TooFewParties { found: 0, needed: 3, step: "survived" };
    assert_eq!(wire.faults, [blames(0, 1), blames(1, 0), blames(2, 0), blames(3, 0), (Side::Hub, few)]);
    assert!(wire.answered.is_empty());
}

/// A coordinator that keeps one party's shares from another: their lists of dealers differ.
#[test]
fn a_split_view_of_the_dealers_is_not_confirmed() {
    for told in [false, true] {
        let stage = Stage::four(1);
        let mut tamper = |at: Place, mut bytes: Vec<u8>| {
            match at.kind {
                kind::SHARE_BUNDLE if at.seat == 0 => {
                    relist(&mut bytes, SHARE_BUNDLE, |list| drop(list.pop()));
                }
                // Told of its own view, it signs another list than the others.
                kind::SURVIVORS if at.seat == 0 && told => {
                    relist(&mut bytes, survivors_of(4), |list| drop(list.pop()));
                    relist(&mut bytes, DEALERS, |list| drop(list.pop()));
                }
                _ => {}
            }
            Some(bytes)
        };
        let wire = stage.play(&mut tamper);
        let rule = "those who dealt shares are as this party knows them";
        let expected = match told {
            false => (Side::Party(0), Error::BadSurvivors { peer: hub(), rule }),
            true => {
                let (peer, signer) = (name(0), name(0));
                (Side::Hub, Error::BadSignature { peer, signer, message: "Consent" })
            }
        };
        assert_eq!(wire.faults[0], expected);
        assert!(!wire.answered.contains(&0));
        // Its vector lacks a mask that the others' vectors have, which shows in the total.
        let altered = |seat| (Side::Party(seat), Error::AlteredTotal { peer: hub() });
        assert_eq!(wire.faults[1..], [altered(1), altered(2), altered(3)]);
    }
}

/// What a replayed message is answered by, for each kind of message to or from party 1.
#[test]
fn messages_of_an_earlier_session_are_refused() {
    let mut earlier = Stage::four(2);
    earlier.inputs[1][0] += 1;
    let old = earlier.play(&mut honest).sent;
    let party = |error| (Side::Party(1), error);
    let at_hub = |error| (Side::Hub, error);
    let mine = || name(1);
    let rule = "this party sent what it sent";
    let unsigned = Error::BadSignature { peer: mine(), signer: mine(), message: "Consent" };
    for (kind, expected) in [
        // Signed they are, but not by a party that is waiting with them.
        (kind::ROUND_KEYS, party(Error::OtherKeys { peer: hub() })),
        (kind::KEY_LIST, party(Error::OtherKeys { peer: hub() })),
        (kind::SEALED_SHARES, (Side::Party(0), Error::BadShare { peer: mine() })),
        (kind::SHARE_BUNDLE, party(Error::BadShare { peer: name(0) })),
        (kind::MASKED_CHUNK, at_hub(Error::Transcript { peer: mine() })),
        (kind::SURVIVORS, party(Error::BadSurvivors { peer: hub(), rule })),
        (kind::CONSENT, at_hub(unsigned)),
        (kind::CONSENTS, party(Error::NoConsent { peer: hub(), found: 0, needed: 3 })),
        (kind::UNMASKING, at_hub(Error::BadShare { peer: mine() })),
        (kind::TOTAL_CHUNK, party(Error::AlteredTotal { peer: hub() })),
    ] {
        // A vector and what stands behind it are replayed together.
        let replayed = [kind, kind + 1];
        let together = [kind::MASKED_CHUNK, kind::TOTAL_CHUNK].contains(&kind);
        let replayed = if together { &replayed[..] } else { &replayed[..1] };
        let mut tamper = |at: Place, bytes: Vec<u8>| {
            let is_replayed = at.seat == 1 && replayed.contains(&at.kind);
            Some(if is_replayed { old[&at].clone() } else { bytes })
        };
        let wire = Stage::four(1).play(&mut tamper);
        assert_eq!(wire.faults[0], expected, "kind {kind}");
    }
}

/// Keys that were signed for other terms, be it that one alone differs.
#[test]
fn keys_for_another_task_are_refused() {
    let changes: [fn(&mut SumTerms); 10] = [
        |terms| terms.agreement[0] ^= 1,
        |terms| terms.parties.swap(2, 3),
        |terms| terms.coordinator = name(3),
        |terms| (terms.threshold, terms.minimum) = (4, 4),
        |terms| terms.minimum = 4,
        |terms| terms.len = 6,
        |terms| terms.bounds.1 = 10,
        |terms| terms.suite = tidegate_mpc::Suite::ChaCha20,
        |terms| terms.noisy = true,
        |terms| terms.commitments = true,
    ];
    for change in changes {
        let mut other = four_terms();
        change(&mut other);
        let keys = Stage::new(other, 1).play(&mut honest).sent[&place(kind::ROUND_KEYS, 1)].clone();
        let mut tamper = |at: Place, bytes: Vec<u8>| {
            Some(if at == place(kind::ROUND_KEYS, 1) { keys.clone() } else { bytes })
        };
        let unsigned = Error::BadSignature { peer: name(1), signer: name(1), message: "RoundKeys" };
        Stage::four(1).play(&mut tamper).only_fault(Side::Hub, &unsigned);
    }
}

const MODULUS: u128 = (1 << 61) - 1;

fn power(mut base: u128, mut exponent: u128) -> u128 {
    let mut product = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product = product * base % MODULUS;
        }
        base = base * base % MODULUS;
        exponent >>= 1;
    }
    product
}

/// The coordinator knows total and tag. Of one word, a tag without a pad is the point times the word, so that it could
/// divide the one by the other, and tag any total.
#[test]
fn a_hub_that_knows_total_and_tag_cannot_tag_another_total() {
    let mut stage = Stage::new(SumTerms { len: 1, ..four_terms() }, 1);
    stage.inputs = [[3], [4], [-1], [5]].map(|input| input.to_vec()).to_vec();
    let total = 11u128;
    let mut tamper = |at: Place, mut bytes: Vec<u8>| {
        match at.kind {
            kind::TOTAL_CHUNK => bytes[1..].copy_from_slice(&12u32.to_le_bytes()),
            kind::TOTAL_END => {
                for half in bytes[1..].chunks_mut(8) {
                    let tag = u128::from(u64::from_le_bytes(half.try_into().unwrap()));
                    let point = tag * power(total, MODULUS - 2) % MODULUS;
                    let forged = u64::try_from(point * 12 % MODULUS).unwrap();
                    half.copy_from_slice(&forged.to_le_bytes());
                }
            }
            _ => {}
        }
        Some(bytes)
    };
    let wire = stage.play(&mut tamper);
    let altered = |seat| (Side::Party(seat), Error::AlteredTotal { peer: hub() });
    assert_eq!(wire.faults, [altered(0), altered(1), altered(2), altered(3)]);
}

/// A party with a false tag: the total is right, but nobody can tell, and all refuse it. Whether the coordinator
/// altered the total or a party lied about its tag is not told apart.
#[test]
fn a_party_with_a_false_tag_spoils_the_run() {
    let stage = Stage::four(1);
    let mut own = Vec::new();
    let mut tamper = |at: Place, mut bytes: Vec<u8>| {
        match (at.kind, at.seat) {
            (kind::MASKED_END, 1) => {
                own = bytes[65..].to_vec();
                bytes[65] ^= 1;
            }
            // The party knows what it did.
            (kind::SURVIVORS, 1) => {
                relist(&mut bytes, survivors_of(4), |list| list[1][66..].copy_from_slice(&own))
            }
            _ => {}
        }
        Some(bytes)
    };
    let wire = stage.play(&mut tamper);
    let refused: Vec<_> = wire.faults.iter().filter(|(side, _)| *side != Side::Hub).collect();
    assert_eq!(refused.len(), 3);
    let altered = Error::AlteredTotal { peer: hub() };
    assert!(refused.iter().all(|(_, error)| *error == altered));
    assert!(wire.parties.is_empty());
}

/// Consents that are no signatures of those who are said to have signed, up to as many as there are parties.
#[test]
fn forged_consents_of_all_others_open_nothing() {
    let stage = Stage::four(1);
    let mut tamper = |at: Place, mut bytes: Vec<u8>| {
        if at.kind == kind::CONSENTS {
            relist(&mut bytes, CONSENTS, |list| {
                for entry in list.iter_mut().filter(|entry| usize::from(entry[0]) != at.seat) {
                    let signature = stage.notaries[4].sign(&entry[2..]);
                    entry[2..].copy_from_slice(&signature);
                }
            });
        }
        Some(bytes)
    };
    let wire = stage.play(&mut tamper);
    assert!(wire.answered.is_empty());
    let none = |seat| (Side::Party(seat), Error::NoConsent { peer: hub(), found: 1, needed: 3 });
    assert_eq!(wire.faults[..4], [none(0), none(1), none(2), none(3)]);
}

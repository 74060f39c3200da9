//! What a log may show of a masked sum: every type that holds keys, seeds, shares or words, formatted in every state.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

#[path = "common/secrets.rs"]
mod secrets;
#[path = "common/stage.rs"]
mod stage;
#[path = "common/sum.rs"]
mod sum;

use curve25519_dalek::Scalar;
use curve25519_dalek::ristretto::CompressedRistretto;
use rand_core::{CryptoRng, Rng};
use secrets::Secrets;
use stage::{Layout, Listed, SEEDS, Stage, Wire, four_terms, honest, kind, losing, place};
use sum::{Record, name};
use tidegate_mpc::aggregation::masked::contributor;
use tidegate_mpc::aggregation::masked::{MaskedChunk, SumTerms, Unmasking, Values};
use tidegate_mpc::{Error, Message};

/// The first value of the party whose secrets are searched for.
const VALUE: i128 = 987_654_321_012;

/// Draws the coefficients of a polynomial and returns its value for each party.
fn shares(secret: Scalar, rng: &mut dyn CryptoRng) -> Vec<[u8; 32]> {
    let [second, first] = [Scalar::random(rng), Scalar::random(rng)];
    let at = |seat: u64| Scalar::from(seat + 1);
    (0..4).map(|seat| (secret + at(seat) * (first + at(seat) * second)).to_bytes()).collect()
}

fn scene() -> Stage {
    let terms = SumTerms { bounds: (0, 1 << 41), commitments: true, ..four_terms() };
    let mut stage = Stage::new(terms, 1);
    stage.inputs[0] = (VALUE..VALUE + 5).collect();
    stage.inputs[1..].iter_mut().flatten().for_each(|value| *value += 100);
    stage
}

/// What party 0 draws and keeps to itself, and the keys that it agrees on.
fn secrets(stage: &Stage) -> Secrets {
    let mut secrets = Secrets::of_items(&[]);
    let mut rng = stage.rng(0, 0);
    let keys = [Scalar::random(&mut rng), Scalar::random(&mut rng)];
    keys.iter().for_each(|key| secrets.add("a secret key", &key.to_bytes()));
    let mut rng = stage.rng(0, 1);
    let seed = Scalar::random(&mut rng);
    secrets.add("the seed of the own mask", &seed.to_bytes());
    let mut part = [0; 32];
    rng.fill_bytes(&mut part);
    secrets.add("a part of the group's secret", &part);
    for secret in [keys[0], seed] {
        shares(secret, &mut rng).iter().for_each(|share| secrets.add("a share", share));
    }
    let mut salt = [0; 32];
    stage.rng(0, 2).fill_bytes(&mut salt);
    secrets.add("the salt of a commitment", &salt);
    let sent = stage.play(&mut losing(kind::UNMASKING, &[])).sent;
    for other in 1..4 {
        let public = &sent[&place(kind::ROUND_KEYS, other)][1..65];
        for (key, public) in keys.iter().zip(public.chunks(32)) {
            let public = CompressedRistretto(public.try_into().unwrap()).decompress().unwrap();
            secrets.add("an agreed key", &(public * (key + key)).compress().to_bytes());
        }
    }
    let unmasking = &sent[&place(kind::UNMASKING, 0)];
    for share in Listed::read(unmasking, SEEDS).entries {
        secrets.add("a share that is given out", &share);
    }
    for value in &stage.inputs[0] {
        secrets.add("a value", value.to_string().as_bytes());
        secrets.add("a word", &value.to_le_bytes()[..8]);
    }
    stage.records.borrow_mut().iter_mut().for_each(|record| record.0.clear());
    secrets
}

/// The secrets searched for are those of the run: the shares that party 1 gives out are among them.
#[test]
fn the_secrets_searched_for_are_the_true_ones() {
    let stage = scene();
    let mut rng = stage.rng(0, 1);
    let (seed, mut part) = (Scalar::random(&mut rng), [0; 32]);
    rng.fill_bytes(&mut part);
    let _ = shares(Scalar::ONE, &mut rng);
    let expected = shares(seed, &mut rng);
    let sent = stage.play(&mut honest).sent;
    for (seat, share) in expected.iter().enumerate() {
        let given = Listed::read(&sent[&place(kind::UNMASKING, seat)], SEEDS).entries;
        assert_eq!(given[0], share);
    }
    let keys = Listed::read(&sent[&place(kind::KEY_LIST, 0)], Layout(1, 162)).entries;
    let mask_key = Scalar::random(&mut stage.rng(0, 0));
    let public = curve25519_dalek::RistrettoPoint::mul_base(&mask_key).compress();
    assert_eq!(keys[0][2..34], public.to_bytes());
}

#[test]
fn the_states_of_a_masked_sum_show_nothing() {
    let stage = scene();
    let secrets = secrets(&stage);
    let mut lose = losing(kind::MASKED_CHUNK, &[3]);
    let mut wire = Wire::new(&mut lose);
    let (collecting, list, states) = stage.keys(&mut wire).unwrap();
    secrets.are_hidden_by(&(&states[&0], &collecting, &list));
    let (mut collecting, bundles, mut states) = stage.deal(&mut wire, collecting, &list, states).unwrap();
    secrets.are_hidden_by(&(&states[&0], &collecting, &bundles));

    let input = stage.task.admit(Values::Wide(&stage.inputs[0])).unwrap();
    secrets.are_hidden_by(&(Values::Wide(&stage.inputs[0]), input));
    let mut masking = states.remove(&0).unwrap().mask(&bundles[0].1, input, &mut stage.rng(0, 2)).unwrap();
    secrets.are_hidden_by(&masking);
    let mut upload = collecting.upload(&name(0)).unwrap();
    let chunk = masking.next_chunk().unwrap();
    secrets.are_hidden_by(&(&masking, &chunk));
    upload.accept(MaskedChunk::decode(&chunk.encode(), &name(0)).unwrap()).unwrap();
    let (sent, end, opening) = masking.finish().unwrap();
    secrets.are_hidden_by(&(&sent, &end, opening.unwrap(), &upload));
    let delivered = upload.finish(end).unwrap();
    secrets.are_hidden_by(&delivered);
    collecting.accept(delivered).unwrap();
    secrets.are_hidden_by(&collecting);

    let (collecting, survivors, mut states) =
        stage.mask(&mut wire, collecting, &bundles[1..], states).unwrap();
    states.insert(0, sent);
    let (mut collecting, consents, mut states) =
        stage.confirm(&mut wire, collecting, &survivors, states).unwrap();
    secrets.are_hidden_by(&(&survivors, &consents, &states[&0]));
    let confirmed = states.remove(&0).unwrap();
    let answered = confirmed.answer(&consents, &stage.notaries[0], &mut Record::default());
    let (waiting, unmasking) = answered.unwrap();
    let bytes = unmasking.encode();
    secrets.are_hidden_by(&(&waiting, &unmasking));
    collecting.accept(&name(0), unmasking).unwrap();
    secrets.are_hidden_by(&(&collecting, Unmasking::decode(&bytes, &name(0)).unwrap()));
    let (total, _) = stage.answer(&mut wire, collecting, &consents, states).unwrap();
    secrets.are_hidden_by(&(&total, total.sum(), total.end(), total.chunks().next()));
    let mut waiting = waiting;
    total.chunks().for_each(|chunk| waiting.accept(chunk).unwrap());
    secrets.are_hidden_by(&waiting);
    secrets.are_hidden_by(&waiting.close(total.end()).unwrap());
}

/// The total is not a party's secret, but whoever prints it does so on purpose.
#[test]
fn totals_are_not_printed_by_chance() {
    let stage = scene();
    let mut pass = honest;
    let wire = stage.play(&mut pass);
    let mut total = Secrets::of_items(&[]);
    let sum = wire.hub.unwrap();
    sum.values().iter().for_each(|value| total.add("the total", value.to_string().as_bytes()));
    total.are_hidden_by(&sum);
    total.are_hidden_by(&wire.parties[&0]);
}

/// Messages that hold shares under seal, or words, print how many there are.
#[test]
fn messages_print_their_sizes() {
    let stage = scene();
    let mut pass = honest;
    let mut wire = Wire::new(&mut pass);
    let (_, list, mut states) = stage.keys(&mut wire).unwrap();
    let dealt = states.remove(&0).unwrap().deal(&list, &stage.notaries[0], &mut stage.rng(0, 1)).unwrap();
    assert_eq!(format!("{:?}", dealt.1), "SealedShares { len: 3, .. }");
    let started = contributor::start(&stage.task, &name(0), &stage.notaries[0], &mut stage.rng(0, 0));
    secrets(&stage).are_hidden_by(&started.unwrap());
    let unmasking = Unmasking::decode(
        &[30, 1, 0].iter().copied().chain([7; 32]).chain([0, 0]).collect::<Vec<_>>(),
        &name(0),
    );
    assert_eq!(format!("{:?}", unmasking.unwrap()), "Unmasking { seeds: 1, keys: 0, .. }");
    let chunk = MaskedChunk::decode(&[25, 1, 2, 3, 4], &name(0)).unwrap();
    assert_eq!(format!("{chunk:?}"), "MaskedChunk { bytes: 4, .. }");
}

/// One of each error of a sum that is nobody else's doing, with the exact text.
fn own_errors() -> Vec<(Error, &'static str)> {
    vec![
        (Error::Sum { rule: "has 2 to 100 parties" }, "a sum has 2 to 100 parties"),
        (Error::SumOverflow { parties: 4 }, "the sum of 4 values within these bounds can overflow 128 bits"),
        (Error::VectorLength { found: 4, expected: 5 }, "a vector of 4 values; 5 are agreed on"),
        (Error::OutOfRange { count: 2 }, "2 values lie outside of the agreed bounds"),
        (
            Error::TooFewParties { found: 2, needed: 3, step: "dealt shares" },
            "too few parties dealt shares: 2 of the 3 needed",
        ),
        (
            Error::AnsweredBefore,
            "this session was answered before, or that cannot be noted; it is not answered again",
        ),
    ]
}

/// One of each error that another party made, likewise.
fn peer_errors() -> Vec<(Error, &'static str)> {
    let (peer, signer) = (name(1), name(2));
    let rule = "this party sent what it sent";
    vec![
        (Error::NotAParty { peer: name(1) }, "party-001 is no party of the sum"),
        (
            Error::OutOfTurn { peer: name(1), message: "Consent" },
            "party party-001 sent Consent twice, or out of turn",
        ),
        (
            Error::BadSignature { peer, signer, message: "KeyList" },
            "party party-001 sent KeyList whose signature by party-002 does not hold",
        ),
        (
            Error::OtherKeys { peer: name(1) },
            "party party-001 sent a list without this party's own keys of this run",
        ),
        (Error::SharedKey { peer: name(1) }, "party party-001 has the same key as another party"),
        (Error::BadShare { peer: name(1) }, "party party-001 dealt a share that does not hold"),
        (Error::BadDealing { peer: name(1) }, "party party-001 dealt shares that do not fit together"),
        (
            Error::BadSurvivors { peer: name(1), rule },
            "party party-001 told of survivors who cannot be: this party sent what it sent",
        ),
        (
            Error::NoConsent { peer: name(1), found: 2, needed: 3 },
            "party party-001 shows 2 confirmations of the survivors; 3 are needed",
        ),
        (
            Error::AlteredTotal { peer: name(1) },
            "the total that party party-001 sent is not that of the survivors: it, or the tag of one of them, is false",
        ),
    ]
}

#[test]
fn errors_show_numbers_and_names_alone() {
    for (error, text) in own_errors() {
        assert_eq!((error.to_string().as_str(), error.peer()), (text, None));
    }
    for (error, text) in peer_errors() {
        assert_eq!((error.to_string().as_str(), error.peer()), (text, Some(&name(1))));
    }
}

//! Steps and whole runs of the set intersections, in memory, and the group operations that they consist of.
//!
//! `cargo bench -p tidegate-mpc` measures; with `-- --test` each runs once. All randomness is seeded; threads
//! are those of the common rayon pool (`RAYON_NUM_THREADS`).
#![allow(missing_docs, reason = "the macros of criterion make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a bench ends where something is missing")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use rand_core::Rng;
use tidegate_mpc::group::{Element, FixedBase};
use tidegate_mpc::psi::ecdh;
use tidegate_mpc::testing::{self, Parties, agreed_sessions, seeded_rng};
use tidegate_mpc::{CHUNK_LEN, ItemSet, Outputs, Protocol, SecretScalar, Session};

type Group<'a> = BenchmarkGroup<'a, criterion::measurement::WallTime>;

/// A group of benches over `elements` each, whose samples are few since each takes long.
fn group<'a>(criterion: &'a mut Criterion, name: &str, elements: usize) -> Group<'a> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(elements as u64)).sample_size(10);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group
}

fn set(start: usize, len: usize) -> ItemSet {
    ItemSet::new((start..start + len).map(|i| format!("3301{i:014}"))).unwrap()
}

fn sessions(len: usize) -> (Session, Session) {
    agreed_sessions(Protocol::PsiEcdh, Outputs::Receiver, 0, len, len)
}

fn group_operations(criterion: &mut Criterion) {
    let mut benches = group(criterion, "group", 1);
    let scalar = SecretScalar::random(&mut seeded_rng(1));
    let element = Element::hash(&[b"an item"]);
    let (encoded, fixed) = (element.encode(), FixedBase::new(&element));
    benches
        .bench_function("hash", |b| b.iter(|| Element::hash(&[&[7; 32], black_box(b"330106199001011234")])));
    benches.bench_function("mul", |b| b.iter(|| black_box(&element).mul(&scalar)));
    benches.bench_function("fixed-base-mul", |b| b.iter(|| black_box(&fixed).mul(&scalar)));
    benches.bench_function("decode", |b| b.iter(|| Element::decode(black_box(&encoded))));
    let batch: Vec<_> = (0..128u8).map(|i| Element::hash(&[&[i]])).collect();
    benches.throughput(Throughput::Elements(128));
    benches.bench_function("encode-doubled-128", |b| b.iter(|| Element::encode_doubled(black_box(&batch))));
    benches.finish();
}

fn ecdh_steps(criterion: &mut Criterion) {
    let len = CHUNK_LEN;
    let (ours, theirs) = (set(0, len), set(len / 2, len));
    let (session, other) = sessions(len);
    let sender = || ecdh::Sender::start(&theirs, &other, &mut seeded_rng(1)).unwrap();
    let receiver = || ecdh::Receiver::start(&ours, &session, &sender().1, &mut seeded_rng(2)).unwrap();
    let blinded = receiver().blind_next().unwrap();
    let evaluated = sender().0.reply(&blinded).unwrap();
    let waiting = || {
        let mut receiver = receiver();
        receiver.blind_next();
        receiver
    };

    let mut benches = group(criterion, "psi-ecdh", len);
    benches.bench_function(format!("blind/{len}"), |b| {
        b.iter_batched(receiver, |mut receiver| receiver.blind_next(), BatchSize::PerIteration);
    });
    benches.bench_function(format!("evaluate/{len}"), |b| {
        b.iter_batched(sender, |(mut sender, _)| sender.reply(&blinded), BatchSize::PerIteration);
    });
    benches.bench_function(format!("tag/{len}"), |b| {
        b.iter_batched(sender, |(mut sender, _)| sender.tag_next(), BatchSize::PerIteration);
    });
    // The set-up blinds, so it takes as long as what is measured.
    benches.bench_function(format!("unblind/{len}"), |b| {
        b.iter_batched(waiting, |mut receiver| receiver.accept(&evaluated), BatchSize::PerIteration);
    });
    benches.finish();
}

fn tag_steps(criterion: &mut Criterion) {
    let len = 1 << 16;
    let (session, other) = sessions(len);
    let material = |seed| {
        let mut rng = seeded_rng(seed);
        let mut material = vec![[0; 16]; len];
        material.iter_mut().for_each(|bytes| rng.fill_bytes(bytes));
        material
    };
    let (ours, theirs) = (material(1), material(2));
    let sent = testing::sort_and_code_tags(&other, &theirs);
    let bytes: usize = sent.iter().map(|tags| tidegate_mpc::Message::encode(tags).len()).sum();
    assert!(bytes < 8 * len, "{bytes} bytes");

    let mut benches = group(criterion, "psi-ecdh", len);
    benches.bench_function("sort-and-code-tags/2^16", |b| {
        b.iter(|| testing::sort_and_code_tags(&other, black_box(&theirs)));
    });
    benches.bench_function("merge-tags/2^16", |b| {
        b.iter(|| testing::merge_tags(&session, black_box(&ours), &sent).unwrap());
    });
    benches.finish();
}

/// Throughput counts the items of one side; both sides share the machine.
fn runs(criterion: &mut Criterion) {
    for exponent in [10, 14] {
        let len = 1 << exponent;
        let (ours, theirs) = (set(0, len), set(len / 2, len));
        let parties = Parties::new(Protocol::PsiEcdh, Outputs::Receiver, 0, &ours, &theirs);
        let mut benches = group(criterion, "psi-ecdh", len);
        benches.bench_function(format!("run/2^{exponent}"), |b| {
            b.iter(|| {
                let (found, _) =
                    parties.run_ecdh(&mut |_, message| Some(message), &mut |_, message| Some(message));
                assert!(found.is_ok());
            });
        });
        benches.finish();
    }
    let len = 1 << 10;
    let (ours, theirs) = (set(0, len), set(len / 2, len));
    let parties = Parties::new(Protocol::PsiCardinality, Outputs::Receiver, 0, &ours, &theirs);
    let mut benches = group(criterion, "psi-cardinality", len);
    benches.bench_function("run/2^10", |b| {
        b.iter(|| {
            let (found, _) =
                parties.run_cardinality(&mut |_, message| Some(message), &mut |_, message| Some(message));
            assert!(found.is_ok());
        });
    });
    benches.finish();
}

criterion_group!(benches, group_operations, ecdh_steps, tag_steps, runs);
criterion_main!(benches);

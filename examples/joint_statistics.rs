//! Compares the cost of two treatments of the patients of a trial: a hospital knows them, an insurance what they cost.
//! Run: `cargo run --example joint_statistics`
//!
//!
//! The insurance's table says what was billed, the hospital brings the patients of a trial. Out come count, mean and
//! standard deviation of both arms, and from these Welch's t-test, as if somebody had joined the tables.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "an example shows and ends where something is missing"
)]

use tidegate::agreement::{Agreement, PartyTerm, Terms};
use tidegate::data::ColumnData;
use tidegate::statistics::{JoinPlan, Number, OwnRecords};
use tidegate_mpc::testing::{seeded_rng, terms};
use tidegate_mpc::transport::memory_pair;
use tidegate_mpc::{ItemSet, Outputs, Protocol, Role, run::greet};

/// Patients of the trial, and people whom the insurance knows.
const TRIAL: std::ops::Range<u32> = 0..400;
const INSURED: std::ops::Range<u32> = 150..900;

/// What a patient cost, in hundredths, and in which arm: 0 surgery, 1 drugs.
fn patient(id: u32) -> (i64, u16) {
    let (noise, arm) = (i64::from(id.wrapping_mul(2_654_435_761) >> 12) % 400_000, u16::from(id % 2 == 1));
    (900_000 + noise - 70_000 * i64::from(arm), arm)
}

fn main() {
    let document: Terms = toml::from_str(include_str!("joint_statistics.toml")).expect("the example's terms");
    let agreement = Agreement::new(document).expect("the example's agreement");
    let [insurance, hospital] = &agreement.terms().party[..] else { panic!("two parties") };
    let set = |ids: std::ops::Range<u32>| ItemSet::new(ids.map(|id| id.to_string())).expect("distinct");
    let columns = [
        ColumnData::Numbers(INSURED.map(|id| patient(id).0).collect()),
        ColumnData::Groups(INSURED.map(|id| patient(id).1).collect()),
    ];
    let run = |role, [own, peer]: [&PartyTerm; 2], items: &ItemSet, columns: &[ColumnData], mut channel| {
        let plan = JoinPlan::new(&agreement, own, peer).expect("it can be computed");
        let terms = terms(Protocol::JoinElGamal, role, Outputs::Both, 0);
        let session =
            greet(&terms, items.len(), &mut channel, &mut seeded_rng(role as u64)).expect("terms agree");
        let records = OwnRecords { items, columns };
        let ended = plan.run(agreement.terms(), records, &session, &mut channel, &mut (), rand::rng);
        ended.expect("an honest run")
    };
    let (a, b) = memory_pair();
    let (trial, insured) = (set(TRIAL), set(INSURED));
    let (ours, theirs) = std::thread::scope(|scope| {
        let at_hospital = scope.spawn(|| run(Role::Receiver, [hospital, insurance], &trial, &[], b));
        let at_insurance = run(Role::Sender, [insurance, hospital], &insured, &columns, a);
        (at_insurance, at_hospital.join().expect("no panic"))
    });
    assert_eq!(ours.tables, theirs.tables, "both hold the same tables");

    // Count, mean, standard deviation of each arm, as released.
    let [means, deviations] = &theirs.tables[..] else { panic!("two statistics") };
    let arm = |row: usize| {
        let number = |number: &Option<Number>| number.as_ref().expect("released").number;
        let (mean, deviation) = (&means.entries[row], &deviations.entries[row]);
        (number(&mean.count), number(&mean.value), number(&deviation.value))
    };
    let ((n1, m1, s1), (n2, m2, s2)) = (arm(0), arm(1));
    let error = (s1 * s1 / n1 + s2 * s2 / n2).sqrt();
    println!("surgery: n = {n1}, mean {m1:.2}, sd {s1:.2}\ndrugs:   n = {n2}, mean {m2:.2}, sd {s2:.2}");
    println!(
        "difference {:.2}, 95 % CI +- {:.2}, Welch's t = {:.3}",
        m1 - m2,
        1.96 * error,
        (m1 - m2) / error
    );

    // The same from the plain join.
    for (group, (count, mean, deviation)) in [(0, (n1, m1, s1)), (1, (n2, m2, s2))] {
        let common = TRIAL.filter(|id| INSURED.contains(id)).map(patient).filter(|(_, arm)| *arm == group);
        let costs: Vec<f64> = common.map(|(cost, _)| cost as f64 / 100.0).collect();
        let n = costs.len() as f64;
        let plain_mean = costs.iter().sum::<f64>() / n;
        let plain = (costs.iter().map(|cost| (cost - plain_mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        assert!(count == n && (mean - plain_mean).abs() < 1e-6 && (deviation - plain).abs() < 0.5);
    }
}

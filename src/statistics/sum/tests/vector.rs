//! Vectors of named cells.

use proptest::prelude::*;
use tidegate_mpc::testing::seeded_rng;

use super::{PAID, statistic, terms};
use crate::agreement::{Agreement, AgreementError, Terms};
use crate::data::{CellValues, ColumnData, KeySummary, LeftOut};
use crate::statistics::sum::SumError;
use crate::statistics::{PlanError, StatisticsError, SumPlan, VectorPlan};

const NOISE: &str =
    "[disclosure.noise]\nmechanism = \"discrete-gaussian\"\nepsilon = \"2\"\ndelta = \"0.00001\"\n";

/// The terms of four parties on a vector of numbers from -5.0 to 20.0.
fn vector(cells: u64, more: &str) -> Terms {
    let vector = format!(
        "[vector]\ncell = \"code\"\nvalue = \"stock\"\ndecimals = 1\nmin = \"-5.0\"\nmax = \"20.0\"\n\
         cells = {cells}\ncells_sha256 = \"{}\"\n",
        "0a".repeat(32)
    );
    terms(4, 1000, "", &vector, &format!("minimum_count = 1\n{more}"))
}

fn agree(cells: u64, more: &str) -> Agreement {
    Agreement::new(vector(cells, more)).unwrap_or_else(|error| panic!("{error}"))
}

fn own(cells: &[(u32, i64)]) -> CellValues {
    let (cells, numbers) = cells.iter().copied().unzip();
    CellValues {
        cells,
        values: ColumnData::Numbers(numbers),
        summary: KeySummary::default(),
        left_out: LeftOut::default(),
    }
}

/// Adds up what parties bring.
fn totals(plan: &VectorPlan, parties: &[Vec<(u32, i64)>], seed: u64) -> Vec<i64> {
    let mut totals = vec![0; plan.len()];
    let (low, high) = plan.bounds();
    let mut rng = seeded_rng(seed);
    for party in parties {
        let words = plan.contribution(&own(party), &mut rng);
        assert!(words.words().iter().all(|word| (low..=high).contains(word)));
        totals.iter_mut().zip(words.words()).for_each(|(total, word)| *total += word);
    }
    totals
}

#[test]
fn cells_that_too_few_parties_have_are_not_released() {
    let plan = VectorPlan::new(&agree(3, "")).unwrap();
    assert_eq!((plan.len(), plan.bounds()), (6, (-50, 200)));
    let parties = [vec![(0, 15), (2, 7)], vec![(2, 200), (0, -50)], vec![(0, 10)], vec![]];
    let totals = totals(&plan, &parties, 1);
    assert_eq!(totals, [3, 0, 2, -25, 0, 207]);
    assert_eq!(plan.release(&totals, 4).unwrap(), [Some(-25), None, None]);
}

#[test]
fn what_a_party_brings_is_not_printed() {
    let plan = VectorPlan::new(&agree(3, "")).unwrap();
    let own = own(&[(2, 177), (1, 178)]);
    let shown = format!("{:?} {own:?}", plan.contribution(&own, &mut seeded_rng(1)));
    assert!(shown.contains("len: 6") && !shown.contains("177") && !shown.contains("178"), "{shown}");
}

#[test]
fn hostile_totals_of_a_vector_are_refused() {
    let plan = VectorPlan::new(&agree(2, "")).unwrap();
    assert!(matches!(plan.release(&[0; 3], 4), Err(SumError::Length { found: 3, expected: 4 })));
    assert!(matches!(plan.release(&[0; 4], 2), Err(SumError::Survivors { found: 2, min: 3, max: 4 })));
    let word = |totals: [i64; 4]| match plan.release(&totals, 4).unwrap_err() {
        SumError::Inconsistent { word, .. } => word,
        other => panic!("{other:?}"),
    };
    assert_eq!([word([5, 0, 0, 0]), word([-1, 0, 0, 0]), word([0, i64::MAX, 0, 0])], [0, 0, 1]);
    assert_eq!([word([3, 0, 601, 0]), word([3, 0, -151, 0]), word([3, 0, 0, 1])], [2, 2, 3]);
    plan.release(&[3, 0, 600, 0], 4).unwrap();
}

#[test]
fn noise_is_on_every_cell_whoever_has_it() {
    let agreement = agree(5000, NOISE);
    let plan = VectorPlan::new(&agreement).unwrap();
    assert_eq!(plan.len(), 5000);
    let parties = vec![vec![(7, 200)]; 4];
    let totals = totals(&plan, &parties, 1);
    let released = plan.release(&totals, 4).unwrap();
    assert!(released.iter().all(Option::is_some));
    let deviation = plan.standard_deviation(4).unwrap();
    let squares: f64 = totals.iter().skip(8).map(|&total| (total as f64).powi(2)).sum();
    let found = (squares / (totals.len() - 8) as f64).sqrt();
    assert!((found / deviation - 1.0).abs() < 0.1, "{found} for {deviation}");
    let spending = plan.spending(&agreement, &agreement.terms().party[0]).unwrap();
    assert_eq!((spending.figures, spending.dataset.as_str()), (1, "d"));
    assert!(
        VectorPlan::new(&agree(3, "")).unwrap().spending(&agreement, &agreement.terms().party[0]).is_none()
    );
}

#[test]
fn plans_of_vectors_and_of_statistics_are_told_apart() {
    let refused = SumPlan::new(&agree(3, "")).unwrap_err();
    assert!(matches!(refused, PlanError::Agreement(AgreementError::OnAVector)));
    let parts = format!("{PAID}{}", statistic("sum", Some("paid"), &[], ""));
    let statistics = super::agree(3, 50, "", &parts, "minimum_count = 2");
    let refused = VectorPlan::new(&statistics).unwrap_err();
    assert!(matches!(refused, PlanError::Agreement(AgreementError::NotAVector)));
    let mut wide = vector(3, NOISE);
    let found = wide.vector.as_mut().unwrap();
    found.decimals = 9;
    found.max = "9000000".parse().unwrap();
    let refused = VectorPlan::new(&Agreement::new(wide).unwrap());
    assert!(matches!(refused, Err(PlanError::Statistics(StatisticsError::Noise(_)))), "{refused:?}");
}

#[test]
fn every_rule_of_a_vector_is_kept() {
    type Change = fn(&mut Terms);
    let cases: [(&str, Change); 13] = [
        ("vector.cell", |t| vector_of(t).cell = " ".into()),
        ("vector.value", |t| vector_of(t).value = String::new()),
        ("vector.value", |t| vector_of(t).value = "code".into()),
        ("vector.rules", |t| vector_of(t).rules = vec![crate::data::normalize::Rule::Trim; 17]),
        ("vector.decimals", |t| vector_of(t).decimals = 10),
        ("vector.min", |t| vector_of(t).min = "0.01".parse().unwrap()),
        ("vector.max", |t| vector_of(t).max = "-5.0".parse().unwrap()),
        ("vector.cells", |t| vector_of(t).cells = 0),
        ("vector.cells", |t| vector_of(t).cells = 10_000_001),
        ("vector.cells_sha256", |t| vector_of(t).cells_sha256 = "0A".repeat(32)),
        ("disclosure.minimum_count", |t| t.disclosure.as_mut().unwrap().minimum_count = 2),
        ("disclosure.round_to", |t| t.disclosure.as_mut().unwrap().round_to = Some(2)),
        ("party.sources", |t| drop(t.party[0].sources.insert("x".into(), "y".into()))),
    ];
    for (expected, change) in cases {
        let mut terms = vector(3, "");
        change(&mut terms);
        match Agreement::new(terms) {
            Err(AgreementError::Field { name, .. } | AgreementError::Entry { name, .. }) => {
                assert_eq!(name, expected)
            }
            found => panic!("{expected}: {found:?}"),
        }
    }
    let statistics = format!("{PAID}{}", statistic("sum", Some("paid"), &[], ""));
    let parts: Terms = terms(4, 1000, "", &statistics, "minimum_count = 1");
    let mut both = vector(3, "");
    both.column.clone_from(&parts.column);
    assert!(matches!(Agreement::new(both), Err(AgreementError::Field { name: "column", .. })));
}

fn vector_of(terms: &mut Terms) -> &mut crate::agreement::VectorTerm {
    terms.vector.as_mut().unwrap()
}

#[test]
fn a_vector_is_signed_and_read_by_the_names_of_each_party() {
    let mut terms = vector(3, "");
    let before = Agreement::new(terms.clone()).unwrap();
    terms.party[1].sources.insert("code".into(), "编码".into());
    let after = Agreement::new(terms).unwrap();
    assert_ne!(before.hash(), after.hash());
    let found = after.vector().unwrap();
    let [own, other] = [0, 1].map(|place| found.cell_column(&after.terms().party[place]).name);
    assert_eq!((own.as_str(), other.as_str()), ("code", "编码"));
    assert_eq!(found.value_column(&after.terms().party[1]).source(), "stock");
}

proptest! {
    #[test]
    fn vectors_are_the_plain_sums(
        parties in proptest::collection::vec(proptest::collection::btree_map(0..12u32, -50..=200i64, 0..12), 3..5)
    ) {
        let plan = VectorPlan::new(&agree(12, "")).unwrap();
        let tables: Vec<Vec<_>> = parties.iter().map(|party| party.clone().into_iter().collect()).collect();
        let survivors = u32::try_from(tables.len()).unwrap();
        let released = plan.release(&totals(&plan, &tables, 1), survivors).unwrap();
        for (cell, found) in (0..).zip(released) {
            // Who lists a zero hides nobody's figure.
            let values = parties.iter().filter_map(|party| party.get(&cell));
            let values: Vec<_> = values.filter(|value| **value != 0).collect();
            let expected = (values.len() >= 3).then(|| values.into_iter().sum::<i64>());
            prop_assert_eq!(found, expected);
        }
    }
}

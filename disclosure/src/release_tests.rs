use super::*;
use crate::cell::{Cell, Entry, Sum};
use crate::check::check;

type Sent = Vec<Option<(u64, Vec<i128>)>>;

fn list() -> Shape {
    Shape::new(3, 1).unwrap()
}

fn receive(entries: Sent, policy: &Policy) -> Result<Release, CheckError> {
    Release::received(list(), Levels::ALL, entries, policy)
}

fn counts(counts: &[Option<u64>]) -> Sent {
    counts.iter().map(|count| count.map(|count| (count, vec![]))).collect()
}

fn laplace() -> Policy {
    toml::from_str("minimum_count = 10\nnoise = { mechanism = \"discrete-laplace\", epsilon = \"1\" }")
        .unwrap()
}

#[test]
fn nothing_of_a_suppressed_place_is_in_a_release() {
    let cell = |count, total| Entry::Known(Cell { count, sums: vec![Sum { total, largest: vec![] }] });
    let entries = [cell(3, 77_771), cell(8_882, 88_883), cell(9_994, 99_995), cell(18_879, 266_649)];
    let release = check(list(), Levels::ALL, &entries, &Policy::with_minimum(5)).unwrap();
    let (debug, json) = (format!("{release:?}"), serde_json::to_string(&release).unwrap());
    for text in [&debug, &json] {
        assert!(["77771", "8882", "88883"].iter().all(|secret| !text.contains(secret)), "{text}");
        assert!(["9994", "99995", "18879", "266649"].iter().all(|open| text.contains(open)), "{text}");
    }
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["suppressed"], serde_json::json!({ "complementary": 1, "small-count": 1 }));
    let first = serde_json::json!({ "row": 0, "column": 0, "verdict": { "suppressed": "small-count" } });
    assert_eq!(value["places"][0], first);
}

#[test]
fn rounded_figures_are_multiples() {
    let cell = |count, total| Entry::Known(Cell { count, sums: vec![Sum { total, largest: vec![] }] });
    let policy = Policy { round_to: Some(5), ..Policy::with_minimum(4) };
    let entries = [cell(7, -13), cell(4, 12), cell(13, 18), cell(24, 17)];
    let release = check(list(), Levels::ALL, &entries, &policy).unwrap();
    let shown: Vec<_> = release.iter().map(|(_, _, f)| f.map(|f| (f.count, f.sums[0])).unwrap()).collect();
    assert_eq!(shown, [(5, -15), (5, 10), (15, 20), (25, 15)]);
}

#[test]
fn a_received_table_must_keep_the_policy() {
    let policy = Policy::with_minimum(10);
    let refused = |table: &[Option<u64>]| receive(counts(table), &policy).unwrap_err();
    let received = |index, rule| CheckError::Received { index, rule };
    assert_eq!(refused(&[Some(9), None, None, Some(60)]), received(0, "has a count of at least the minimum"));
    let gap = refused(&[None, Some(20), Some(30), Some(60)]);
    assert_eq!(gap, received(0, "is suppressed and follows from no others"));
    let rest = refused(&[None, None, Some(30), Some(39)]);
    assert_eq!(rest, received(3, "leaves at least the minimum to its line"));
    assert_eq!(refused(&[Some(10), Some(20), Some(30), Some(61)]), CheckError::Inconsistent);
    assert_eq!(refused(&[None, None, Some(30), Some(29)]), CheckError::Inconsistent);
    assert_eq!(refused(&[None]), CheckError::Entries { found: 1, expected: 4 });
    let good = receive(counts(&[None, None, Some(30), Some(40)]), &policy).unwrap();
    assert_eq!((good.suppressed_len(), good.figures(Place::TOTAL).unwrap().count), (2, 40));
}

#[test]
fn received_figures_are_multiples_with_equally_many_sums() {
    let policy = Policy { round_to: Some(10), ..Policy::with_minimum(16) };
    let table = |last: u64| counts(&[Some(20), Some(20), Some(30), Some(last)]);
    assert!(receive(table(80), &policy).is_ok());
    let refused = receive(table(71), &policy).unwrap_err();
    assert_eq!(refused, CheckError::Received { index: 3, rule: "is a multiple of the rounding base" });
    let refused = receive(table(10), &policy).unwrap_err();
    assert_eq!(refused, CheckError::Received { index: 3, rule: "has a count of at least the minimum" });
    let mut uneven = table(80);
    uneven[2] = Some((30, vec![10]));
    assert_eq!(receive(uneven, &policy), Err(CheckError::Entry { index: 2 }));
    let mut huge = table(80);
    huge[0] = Some((u64::MAX / 10 * 10, vec![]));
    assert_eq!(receive(huge, &policy), Err(CheckError::Entry { index: 0 }));
    let sums = |total: i128| {
        [1, 2, 3, total].map(|sum| Some((if sum == total { 60 } else { 20 }, vec![sum]))).to_vec()
    };
    assert!(receive(sums(6), &Policy::with_minimum(5)).is_ok());
    assert_eq!(receive(sums(7), &Policy::with_minimum(5)), Err(CheckError::Inconsistent));
}

#[test]
fn noisy_figures_are_cut_at_the_noisy_count() {
    let cell = |count, sum| NoisyCell { count, sums: vec![sum] };
    let cells = [cell(-4, 7), cell(9, 20), cell(10, -30)];
    let deviations = Deviations { count: 2.0, sums: vec![3.0] };
    let release = Release::noisy(list(), Levels::ALL, &cells, &deviations, &laplace()).unwrap();
    assert_eq!(release.suppressed().get(&Reason::SmallCount), Some(&2));
    let total = release.figures(Place::TOTAL).unwrap();
    assert_eq!((total.count, &total.sums[..]), (15, &[-3][..]));
    let off = total.deviations.as_ref().unwrap();
    assert!((off.count - 12.0_f64.sqrt()).abs() < 1e-9 && (off.sums[0] - 27.0_f64.sqrt()).abs() < 1e-9);
    let sent = release.iter().map(|(_, _, f)| f.map(|f| (f.count, f.sums.clone()))).collect();
    assert_eq!(receive(sent, &laplace()).unwrap().suppressed_len(), 2);
}

#[test]
fn noisy_cells_are_checked() {
    let noisy = |cells: &[NoisyCell], policy: &Policy| {
        let deviations = Deviations { count: 1.0, sums: vec![] };
        Release::noisy(list(), Levels::ALL, cells, &deviations, policy).unwrap_err()
    };
    let cell = NoisyCell { count: 1, sums: vec![] };
    let cells = [cell.clone(), cell.clone(), cell.clone()];
    assert_eq!(noisy(&cells, &Policy::with_minimum(1)), CheckError::Noise { wanted: false });
    assert_eq!(noisy(&cells[..2], &laplace()), CheckError::Entries { found: 2, expected: 3 });
    let odd = [cell.clone(), NoisyCell { count: 1, sums: vec![1] }, cell];
    assert_eq!(noisy(&odd, &laplace()), CheckError::Entry { index: 1 });
}

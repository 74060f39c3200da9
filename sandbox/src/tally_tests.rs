use tidegate_disclosure::Dominance;

use super::*;

fn measure(minimum: f64, maximum: f64, decimals: u32) -> MeasureDeclaration {
    MeasureDeclaration { name: "m".to_owned(), minimum, maximum, decimals, squares: true }
}

#[test]
fn values_are_clamped_and_rounded_half_to_even() {
    let scale = Scale::new(&measure(1.0, 3.0, 1));
    // What is exactly between two in decimals seldom is in binary: 1.25 is.
    let cases =
        [(0.5, 10), (-9.0, 10), (1.04, 10), (1.25, 12), (1.75, 18), (1.26, 13), (9.0, 30), (f64::NAN, 10)];
    for (value, fixed) in cases {
        assert_eq!(scale.fixed(value), fixed, "{value}");
    }
    assert_eq!([scale.fixed(f64::INFINITY), scale.fixed(f64::NEG_INFINITY)], [30, 10]);
}

#[test]
fn the_largest_magnitudes_stay_exact() {
    let largest = f64::from(1 << 30) * f64::from(1 << 20) - 1.0;
    let scale = Scale::new(&measure(0.0, largest, 0));
    for value in [largest, largest - 1.0, 0.5, 1.5, 2.5, 0.0] {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^50")]
        let expected = value.round_ties_even() as u64;
        assert_eq!(scale.fixed(value), expected, "{value}");
    }
}

/// What is no number is added to no cell, and overflows nothing there.
#[test]
fn rows_that_are_no_numbers_are_left_out() {
    let policy = Policy { p_percent: Some(10), ..Policy::with_minimum(1) };
    let mut tally =
        Tally::new(Scheme::new(Shape::new(1, 1).unwrap(), &[measure(0.0, 10.0, 0)], &policy), false);
    tally.add(&mut [0; 1000], &[&[f64::NAN; 1000]], None, &mut Fixed::default());
    assert_eq!((tally.left_out(), tally.units()), (1000, 0));
    assert_eq!(tally.cell(0).unwrap().sums[0], Sum { total: 0, largest: Vec::new() });
    assert!(tally.cell(1).is_none());
}

#[test]
fn the_largest_are_kept_in_order() {
    let mut largest = [0; 3];
    for value in [5, 1, 9, 5, 7, 0] {
        insert(&mut largest, value);
    }
    assert_eq!(largest, [9, 7, 5]);
    insert(&mut [], 1);
}

#[test]
fn a_unit_in_two_cells_is_left_out_in_whatever_order_its_rows_come() {
    let tally = |cells: &[u32], units: &[u64]| {
        let policy =
            Policy { dominance: Some(Dominance { largest: 1, percent: 90 }), ..Policy::with_minimum(1) };
        let mut tally =
            Tally::new(Scheme::new(Shape::new(2, 1).unwrap(), &[measure(0.0, 10.0, 0)], &policy), true);
        let values = vec![1.0; cells.len()];
        tally.add(&mut cells.to_vec(), &[&values], Some(units), &mut Fixed::default());
        tally
    };
    let parts = [tally(&[0, 1, 0], &[7, 8, 7]), tally(&[1, 1], &[7, 8]), tally(&[0], &[7])];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        let [a, b, c] = order.map(|index: usize| parts[index].clone());
        let found = a.merge(b).merge(c).finish();
        assert_eq!((found.conflicting(), found.units()), (1, 1));
        assert_eq!(found.cell(1).unwrap().sums[0], Sum { total: 2, largest: vec![2] });
    }
}

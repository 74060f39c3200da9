use tidegate_disclosure::Dominance;

use super::*;

fn measure(minimum: f64, maximum: f64, decimals: u32) -> MeasureDeclaration {
    MeasureDeclaration { name: "m".to_owned(), minimum, maximum, decimals, squares: true }
}

#[test]
fn values_are_clamped_and_rounded_half_to_even() {
    let scale = Scale::new(&measure(-2.0, 3.0, 1));
    let cases = [
        (0.04, 0),
        (0.05, 0),
        (0.15, 2),
        (0.25, 2),
        (0.26, 3),
        (-0.25, -2),
        (-0.26, -3),
        (9.0, 30),
        (-9.0, -20),
    ];
    for (value, fixed) in cases {
        // What is exactly between two in decimals seldom is in binary: 1.5 is, as 0.15 times 10.
        assert_eq!(scale.fixed(value), fixed, "{value}");
    }
    assert_eq!([scale.fixed(f64::INFINITY), scale.fixed(f64::NEG_INFINITY), scale.lowest()], [30, -20, -20]);
}

#[test]
fn the_largest_magnitudes_stay_exact() {
    let largest = f64::from(1 << 30) * f64::from(1 << 19);
    let scale = Scale::new(&measure(-largest, largest, 0));
    for value in [largest, largest - 1.0, -largest, 1.0 - largest, 0.5, 1.5, -0.5] {
        #[allow(clippy::cast_possible_truncation, reason = "below 2^50")]
        let expected = value.round_ties_even() as i64;
        assert_eq!(scale.fixed(value), expected, "{value}");
    }
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
        let mut tally = Tally::new(Scheme::new(2, &[measure(0.0, 10.0, 0)], &policy), true);
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

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::table::Place;
use crate::testing::{count_of, levels, shape_and_counts, tables};
use crate::{Axis, ClassRule, Sum, Suppressor};

fn known(count: u64) -> Entry {
    Entry::Known(Cell { count, sums: vec![] })
}

fn entries(shape: Shape, levels: Levels, counts: &[u64]) -> Vec<Entry> {
    levels.places(shape).iter().map(|&place| known(count_of(shape, counts, place))).collect()
}

fn checked(shape: Shape, levels: Levels, counts: &[u64], minimum: u64) -> Release {
    check(shape, levels, &entries(shape, levels, counts), &Policy::with_minimum(minimum)).unwrap()
}

/// Lists the tables with the released counts of `release`, all counts at most `most`.
fn fitting(shape: Shape, counts: &[u64], release: &Release, most: u64) -> Vec<Vec<u64>> {
    let cells = shape.cells_len() as usize;
    let all: Vec<_> = match release.verdict(Place::TOTAL).is_released() && cells > 1 {
        true => tables(cells, count_of(shape, counts, Place::TOTAL)),
        false => (0..=most).flat_map(|total| tables(cells, total)).collect(),
    };
    let open: Vec<_> =
        release.iter().filter(|(_, verdict, _)| verdict.is_released()).map(|(p, _, _)| p).collect();
    let fits =
        |table: &Vec<u64>| open.iter().all(|&p| count_of(shape, table, p) == count_of(shape, counts, p));
    all.into_iter().filter(fits).collect()
}

#[test]
fn no_small_table_gives_away_a_count() {
    let minimum = 2;
    for (rows, columns, most) in [(2, 2, 7), (3, 1, 8), (1, 4, 6), (2, 3, 4)] {
        let shape = Shape::new(rows, columns).unwrap();
        for counts in (0..=most).flat_map(|total| tables(shape.cells_len() as usize, total)) {
            let release = checked(shape, Levels::ALL, &counts, minimum);
            let fits = fitting(shape, &counts, &release, most + minimum);
            for (place, verdict, _) in release.iter() {
                let values: BTreeSet<_> = fits.iter().map(|table| count_of(shape, table, place)).collect();
                let width = values.last().unwrap() - values.first().unwrap();
                assert!(verdict.is_released() || width >= minimum, "{place:?} of {counts:?}: {values:?}");
            }
        }
    }
}

#[test]
fn three_by_three_with_small_counts_gives_away_nothing() {
    let shape = Shape::new(3, 3).unwrap();
    for counts in [[1, 0, 2, 0, 3, 0, 2, 0, 1], [0, 0, 3, 3, 0, 0, 0, 3, 0], [1, 2, 2, 2, 0, 0, 1, 0, 2]] {
        let release = checked(shape, Levels::ALL, &counts, 3);
        let fits = fitting(shape, &counts, &release, 9);
        for (place, verdict, _) in release.iter() {
            let values: BTreeSet<_> = fits.iter().map(|table| count_of(shape, table, place)).collect();
            assert!(
                verdict.is_released() || values.last().unwrap() - values.first().unwrap() >= 3,
                "{place:?}"
            );
        }
    }
}

#[test]
fn an_interval_that_is_too_narrow_is_widened() {
    // Six small cells on one cycle: every line leaves at least four, yet the first can only be 0, 1 or 2.
    let shape = Shape::new(3, 3).unwrap();
    let counts = [1, 3, 50, 50, 3, 1, 3, 50, 3];
    let release = checked(shape, Levels::ALL, &counts, 4);
    assert!(release.suppressed_len() > 6, "{:?}", release.suppressed());
    assert!(fitting_range(shape, &counts, &release, Place::cell(0, 0)) >= 4, "{release:?}");
}

#[test]
fn a_remainder_that_is_dominated_takes_another_cell() {
    let shape = Shape::new(4, 1).unwrap();
    let cell = |count, total, largest: &[u64]| {
        Entry::Known(Cell { count, sums: vec![Sum { total, largest: largest.to_vec() }] })
    };
    let policy = Policy { p_percent: Some(10), ..Policy::with_minimum(3) };
    let entries = [
        cell(5, 1010, &[1000, 5]),
        cell(9, 20, &[3, 3]),
        cell(9, 900, &[200, 150]),
        cell(9, 900, &[200, 150]),
        cell(32, 2830, &[1000, 200]),
    ];
    let release = check(shape, Levels::ALL, &entries, &policy).unwrap();
    let told: Vec<_> = release.suppressed().iter().collect();
    assert_eq!(told, [(&Reason::PPercent, &1), (&Reason::Complementary, &2)]);
}

/// Computes the width of a place's interval anew.
fn fitting_range(shape: Shape, counts: &[u64], release: &Release, place: Place) -> i128 {
    let graph = crate::graph::Graph::new(shape);
    let bounds = graph.edges().iter().map(|edge| match release.verdict(edge.place).is_released() {
        true => Bounds::exactly(i128::from(count_of(shape, counts, edge.place))),
        false => Bounds::at_least(0),
    });
    let bounds: Vec<_> = bounds.collect();
    Circulation::find(&graph, bounds.into_iter()).unwrap().width(graph.id(place).unwrap(), 1000)
}

#[test]
fn reasons_that_would_give_a_count_away_are_not_told() {
    // Each cell is small and the total is six, so each would have to be three.
    let shape = Shape::new(2, 1).unwrap();
    let release = checked(shape, Levels::ALL, &[3, 3], 4);
    assert_eq!(release.suppressed().iter().collect::<Vec<_>>(), [(&Reason::Undisclosed, &2)]);
    let release = checked(shape, Levels::ALL, &[3, 2], 4);
    assert_eq!(release.suppressed().iter().collect::<Vec<_>>(), [(&Reason::SmallCount, &2)]);
}

#[test]
fn dominated_sums_take_others_with_them() {
    let shape = Shape::new(3, 1).unwrap();
    let cell = |count, total, largest: &[u64]| {
        Entry::Known(Cell { count, sums: vec![Sum { total, largest: largest.to_vec() }] })
    };
    let policy = Policy { p_percent: Some(10), ..Policy::with_minimum(3) };
    let entries = [
        cell(5, 1010, &[1000, 5]),
        cell(9, 900, &[200, 150]),
        cell(9, 900, &[200, 150]),
        cell(23, 2810, &[1000, 200]),
    ];
    let release = check(shape, Levels::ALL, &entries, &policy).unwrap();
    assert_eq!(release.verdict(Place::cell(0, 0)), Verdict::Suppressed(Reason::PPercent));
    assert_eq!(release.verdict(Place::cell(1, 0)), Verdict::Suppressed(Reason::Complementary));
    assert_eq!(release.figures(Place::TOTAL).unwrap().sums, [2810]);
}

#[test]
fn a_group_that_is_whole_in_a_sensitive_class_is_suppressed() {
    let shape = Shape::new(2, 2).unwrap();
    let counts = [40, 0, 30, 20];
    let class = |classes, sensitive: &[u32]| ClassRule { classes, sensitive: Some(sensitive.to_vec()) };
    let verdicts = |rule: Option<ClassRule>, levels| {
        let policy = Policy { class_disclosure: rule, ..Policy::with_minimum(5) };
        check(shape, levels, &entries(shape, levels, &counts), &policy).unwrap()
    };
    let without = verdicts(None, Levels::CELLS);
    assert_eq!(without.suppressed().iter().collect::<Vec<_>>(), [(&Reason::SmallCount, &1)]);
    for levels in [Levels::CELLS, Levels::ALL] {
        // All of the first row are in the first column; the reasons would tell it.
        let release = verdicts(Some(class(Axis::Columns, &[0])), levels);
        assert_eq!(release.verdict(Place::cell(0, 0)), Verdict::Suppressed(Reason::Undisclosed));
    }
    assert_eq!(verdicts(Some(class(Axis::Columns, &[1])), Levels::CELLS), without);
    // Rows are classes: all of the second column are in the second row.
    let release = verdicts(Some(class(Axis::Rows, &[1])), Levels::CELLS);
    assert!(
        !release.verdict(Place::cell(1, 1)).is_released() && release.verdict(Place::cell(0, 0)).is_released()
    );
}

#[test]
fn withheld_places_stay_withheld() {
    let shape = Shape::new(3, 1).unwrap();
    let entries = [Entry::Withheld(Reason::SmallCount), known(20), known(30), known(53)];
    let release = check(shape, Levels::ALL, &entries, &Policy::with_minimum(5)).unwrap();
    assert_eq!(release.verdict(Place::cell(0, 0)), Verdict::Suppressed(Reason::SmallCount));
    assert_eq!(release.suppressed_len(), 2);
    let all = [(); 4].map(|()| Entry::Withheld(Reason::NotAsked));
    let release = check(shape, Levels::ALL, &all, &Policy::with_minimum(5)).unwrap();
    assert_eq!(release.suppressed().get(&Reason::Withheld), Some(&4));
}

#[test]
fn bad_entries_are_refused() {
    let shape = Shape::new(2, 1).unwrap();
    let policy = Policy::with_minimum(1);
    let refused = |entries: &[Entry]| check(shape, Levels::ALL, entries, &policy).unwrap_err();
    assert_eq!(refused(&[known(1)]), CheckError::Entries { found: 1, expected: 3 });
    assert_eq!(refused(&[known(1), known(2), known(4)]), CheckError::Inconsistent);
    assert_eq!(refused(&[known(1), known(1 << 60), known(2)]), CheckError::Entry { index: 1 });
    let with_sum = |count, total| Entry::Known(Cell { count, sums: vec![Sum { total, largest: vec![] }] });
    assert_eq!(refused(&[known(1), with_sum(1, 5), known(2)]), CheckError::Entry { index: 1 });
    assert_eq!(refused(&[with_sum(1, 5), with_sum(1, 5), with_sum(2, 11)]), CheckError::Inconsistent);
    assert_eq!(check(shape, Levels::default(), &[], &policy), Err(CheckError::NothingAsked));
    let noise = "minimum_count = 1\nnoise = { mechanism = \"discrete-laplace\", epsilon = \"1\" }";
    let noisy: Policy = toml::from_str(noise).unwrap();
    let entries = entries(shape, Levels::ALL, &[5, 6]);
    assert_eq!(check(shape, Levels::ALL, &entries, &noisy), Err(CheckError::Noise { wanted: true }));
    let bad = check(shape, Levels::ALL, &entries, &Policy::with_minimum(0));
    assert!(matches!(bad, Err(CheckError::Policy(_))), "{bad:?}");
}

#[test]
fn the_largest_tables_are_checked() {
    for (rows, columns) in [(64, 64), (2, 2048), (4096, 1)] {
        let shape = Shape::new(rows, columns).unwrap();
        let counts: Vec<u64> = (0..4096).map(|i| i * 7919 % 31).collect();
        let release = checked(shape, Levels::ALL, &counts, 5);
        assert!(release.verdict(Place::TOTAL).is_released());
        let small = counts.iter().filter(|&&count| count < 5).count();
        assert!((small..2 * small).contains(&release.suppressed_len()), "{:?}", release.suppressed());
        let sent = release.iter().map(|(_, _, figures)| figures.map(|f| (f.count, f.sums.clone()))).collect();
        Release::received(shape, Levels::ALL, sent, &Policy::with_minimum(5)).unwrap();
    }
}

proptest! {
    #[test]
    fn cycles_of_small_cells_range_over_the_minimum(
        rows in 3_u32..5, columns in 3_u32..5, counts in proptest::collection::vec(prop_oneof![1_u64..4, Just(50)], 16),
    ) {
        let shape = Shape::new(rows, columns).unwrap();
        let release = checked(shape, Levels::ALL, &counts, 4);
        for (place, verdict, _) in release.iter() {
            let width = fitting_range(shape, &counts, &release, place);
            prop_assert!(verdict.is_released() || width >= 4, "{:?} {}", place, width);
        }
    }

    #[test]
    fn suppressed_counts_range_over_the_minimum(
        (shape, counts) in shape_and_counts(), levels in levels(), minimum in 1_u64..12,
    ) {
        let release = checked(shape, levels, &counts, minimum);
        for (place, verdict, figures) in release.iter() {
            let count = count_of(shape, &counts, place);
            prop_assert_eq!(figures.map(|f| f.count), verdict.is_released().then_some(count));
            prop_assert!(!verdict.is_released() || count >= minimum);
            let width = if shape.cells_len() == 1 { 1000 } else { fitting_range(shape, &counts, &release, place) };
            prop_assert!(verdict.is_released() || width >= i128::from(minimum), "{:?} {}", place, width);
        }
    }

    #[test]
    fn what_is_checked_can_be_received((shape, counts) in shape_and_counts(), levels in levels(), minimum in 1_u64..12, base in proptest::option::of(2_u64..20)) {
        let policy = Policy { round_to: base, ..Policy::with_minimum(minimum) };
        let release = check(shape, levels, &entries(shape, levels, &counts), &policy).unwrap();
        let sent = release.iter().map(|(_, _, figures)| figures.map(|f| (f.count, f.sums.clone()))).collect();
        let received = Release::received(shape, levels, sent, &policy).unwrap();
        for (place, verdict, figures) in release.iter() {
            prop_assert_eq!(received.verdict(place).is_released(), verdict.is_released());
            prop_assert_eq!(received.figures(place), figures);
        }
    }

    #[test]
    fn large_counts_are_all_released_and_small_ones_all_suppressed(
        (shape, counts) in shape_and_counts(), levels in levels(),
    ) {
        let minimum = counts.iter().sum::<u64>() + 1;
        prop_assert_eq!(checked(shape, levels, &counts, minimum).suppressed_len(), levels.places(shape).len());
        let large: Vec<_> = counts.iter().map(|count| count + minimum).collect();
        prop_assert_eq!(checked(shape, levels, &large, minimum).suppressed_len(), 0);
    }
}

#[test]
fn what_a_pattern_held_back_makes_the_checker_suppress_no_more() {
    let shape = Shape::new(3, 3).unwrap();
    let counts = [28, 27, 19, 29, 25, 17, 2, 2, 1];
    let policy = Policy::with_minimum(10);
    let sum = |cells: &[u32]| cells.iter().map(|&cell| counts[cell as usize]).sum::<u64>();
    let mut suppressor = Suppressor::new(shape, Levels::ALL, policy.minimum_count);
    while !suppressor.questions().is_empty() {
        let answers: Vec<_> = suppressor.questions().iter().map(|union| sum(union.cells()) >= 10).collect();
        suppressor.answer(&answers).unwrap();
    }
    let pattern = suppressor.finish().unwrap();
    let entry = |place: Place| match pattern.verdict(place) {
        Verdict::Released => Entry::Known(Cell { count: sum(&shape.base_cells(place)), sums: Vec::new() }),
        Verdict::Suppressed(reason) => Entry::Withheld(reason),
    };
    let entries: Vec<_> = shape.places().into_iter().map(entry).collect();
    let release = check(shape, Levels::ALL, &entries, &policy).unwrap();
    assert_eq!(release.suppressed_len(), pattern.suppressed_len());
    assert_eq!(pattern.suppressed_len(), 8);
}

#[test]
fn who_was_told_which_counts_are_small_learns_none_of_them() {
    // Two counts of 9 below a minimum of 10: their sum of 18 and the knowledge that both are small would tell them.
    let shape = Shape::new(3, 1).unwrap();
    let counts = [9, 9, 50];
    let entries = [
        Entry::Withheld(Reason::SmallCount),
        Entry::Withheld(Reason::SmallCount),
        Entry::Known(Cell { count: counts[2], sums: Vec::new() }),
        Entry::Known(Cell { count: 68, sums: Vec::new() }),
    ];
    let release = check(shape, Levels::ALL, &entries, &Policy::with_minimum(10)).unwrap();
    assert!(!release.verdict(Place::cell(2, 0)).is_released());
    assert!(release.verdict(Place::TOTAL).is_released());
    let apart = [
        Entry::Withheld(Reason::SmallCount),
        Entry::Withheld(Reason::SmallCount),
        Entry::Known(Cell { count: 50, sums: Vec::new() }),
        Entry::Known(Cell { count: 61, sums: Vec::new() }),
    ];
    let release = check(shape, Levels::ALL, &apart, &Policy::with_minimum(10)).unwrap();
    assert!(release.verdict(Place::cell(2, 0)).is_released());
}

#[test]
fn a_dominated_cell_is_not_paired_with_an_empty_one_that_was_held_back() {
    // The first is dominated; what remains of the total without the third would be its sum, were only the empty one beside it.
    let cell = |count, largest: [u64; 2], total| {
        Entry::Known(Cell { count, sums: vec![Sum { total, largest: largest.to_vec() }] })
    };
    let policy = Policy { p_percent: Some(60), ..Policy::with_minimum(4) };
    let shape = Shape::new(3, 1).unwrap();
    let entries = [
        cell(4, [29, 10], 40),
        Entry::Bounded(Reason::SmallCount, vec![vec![0, 0]]),
        cell(9, [20, 20], 118),
        cell(13, [29, 20], 158),
    ];
    let release = check(shape, Levels::ALL, &entries, &policy).unwrap();
    assert!(!release.verdict(Place::cell(2, 0)).is_released());
}

/// Checks a list with its total, of cells with these counts and owners, of which three are needed.
fn verdicts_of_list(cells: &[(u64, u32)], total: u32) -> Vec<Verdict> {
    let shape = Shape::new(u32::try_from(cells.len()).unwrap(), 1).unwrap();
    let levels = Levels { cells: true, total: true, ..Levels::default() };
    let (counts, mut of_places): (Vec<_>, Vec<_>) = cells.iter().copied().unzip();
    of_places.push(total);
    let contributors = Contributors { minimum: 3, of_places: &of_places };
    let entries = entries(shape, levels, &counts);
    let release = check_contributed(shape, levels, &entries, contributors, &Policy::with_minimum(5)).unwrap();
    release.iter().map(|(_, verdict, _)| verdict).collect()
}

#[test]
fn few_owners_of_a_cell_suppress_it_however_many_units_it_has() {
    use Verdict::{Released, Suppressed};
    let few = Suppressed(Reason::FewContributors);
    let further = Suppressed(Reason::Complementary);
    let found = verdicts_of_list(&[(90, 1), (40, 4), (60, 5), (80, 5)], 5);
    assert_eq!(found, [few, further, Released, Released, Released]);
    // The two cells may have one owner, whose figure the rest of the total would tell.
    let found = verdicts_of_list(&[(90, 2), (90, 2), (60, 5), (80, 5)], 5);
    assert_eq!(found, [few, few, further, Released, Released]);
    assert_eq!(verdicts_of_list(&[(90, 2), (90, 2)], 4), [few, few, further]);
    assert_eq!(verdicts_of_list(&[(90, 2), (90, 2)], 2), [few; 3]);
    let found = verdicts_of_list(&[(4, 3), (70, 3), (80, 3)], 3);
    assert_eq!(found[0], Suppressed(Reason::SmallCount));
}

#[test]
fn contributors_are_given_for_every_place() {
    let shape = Shape::new(2, 1).unwrap();
    let entries = entries(shape, Levels::ALL, &[9, 9]);
    let policy = Policy::with_minimum(2);
    let check_of = |minimum, of_places: &[u32]| {
        check_contributed(shape, Levels::ALL, &entries, Contributors { minimum, of_places }, &policy)
    };
    assert_eq!(check_of(3, &[3, 3]), Err(CheckError::Entries { found: 2, expected: 3 }));
    assert_eq!(check_of(0, &[]), check(shape, Levels::ALL, &entries, &policy));
    assert_eq!(check_of(3, &[3, 4, 5]), check(shape, Levels::ALL, &entries, &policy));
}

proptest! {
    #[test]
    fn few_owners_are_never_shown_and_never_what_a_line_leaves(
        (shape, counts) in shape_and_counts(), levels in levels(),
        owned in proptest::collection::vec(0_u32..8, 36), minimum in 1_u32..4,
    ) {
        // Each cell has the owners whose bits are set; a place has those of all its cells.
        let owners = |place: Place| {
            let cells = shape.base_cells(place);
            let full = cells.iter().filter(|&&cell| counts[cell as usize] > 0);
            full.fold(0, |all, &cell| all | owned[cell as usize]).count_ones()
        };
        let places = levels.places(shape);
        let of_places: Vec<_> = places.iter().map(|&place| owners(place)).collect();
        let contributors = Contributors { minimum, of_places: &of_places };
        let entries = entries(shape, levels, &counts);
        let release = check_contributed(shape, levels, &entries, contributors, &Policy::with_minimum(1)).unwrap();
        let is_released = |place: Place| release.verdict(place).is_released();
        prop_assert!(places.iter().all(|&place| !is_released(place) || owners(place) >= minimum));
        let lines = (0..shape.rows()).map(|row| {
            (Place::row(row), (0..shape.columns()).map(|column| Place::cell(row, column)).collect::<Vec<_>>())
        });
        for (sum, cells) in lines.filter(|(sum, _)| shape.columns() > 1 && levels.cells && is_released(*sum)) {
            let hidden: Vec<_> = cells.into_iter().filter(|&cell| !is_released(cell)).collect();
            let most = hidden.iter().map(|&cell| owners(cell)).max();
            prop_assert!(most.is_none_or(|most| most >= minimum), "{sum:?} of {counts:?} by {owned:?}");
        }
    }
}

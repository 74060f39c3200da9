use proptest::prelude::*;

use super::*;
use crate::testing::{count_of, levels, shape_and_counts};

/// Answers all questions from counts, and returns the pattern with the numbers of rounds and questions.
fn run(shape: Shape, levels: Levels, minimum: u64, counts: &[u64]) -> (Pattern, usize, usize) {
    let mut suppressor = Suppressor::new(shape, levels, minimum);
    let (mut rounds, mut questions) = (0, 0);
    while !suppressor.questions().is_empty() {
        let count = |q: &Union| q.cells().iter().map(|&cell| counts[cell as usize]).sum::<u64>();
        let answers: Vec<_> = suppressor.questions().iter().map(|q| count(q) >= minimum).collect();
        rounds += 1;
        questions += answers.len();
        suppressor.answer(&answers).unwrap();
    }
    (suppressor.finish().unwrap(), rounds, questions)
}

fn pattern(shape: Shape, levels: Levels, minimum: u64, counts: &[u64]) -> Pattern {
    run(shape, levels, minimum, counts).0
}

#[test]
fn a_small_cell_of_a_table_takes_a_rectangle_with_it() {
    let shape = Shape::new(3, 3).unwrap();
    let found = pattern(shape, Levels::ALL, 5, &[1, 9, 9, 9, 9, 9, 9, 9, 9]);
    assert_eq!(found.verdict(Place::cell(0, 0)), Verdict::Suppressed(Reason::SmallCount));
    assert_eq!(found.suppressed_len(), 4);
    let margins = Levels { cells: false, ..Levels::ALL }.places(shape);
    assert!(margins.iter().all(|&place| found.verdict(place).is_released()));
}

#[test]
fn without_margins_only_small_cells_go() {
    let shape = Shape::new(2, 2).unwrap();
    let found = pattern(shape, Levels::CELLS, 5, &[1, 9, 9, 9]);
    assert_eq!(found.suppressed_len(), 1);
    assert_eq!(found.verdict(Place::TOTAL), Verdict::Suppressed(Reason::NotAsked));
}

#[test]
fn two_small_cells_whose_sum_is_small_take_a_third() {
    let shape = Shape::new(4, 1).unwrap();
    assert_eq!(pattern(shape, Levels::ALL, 5, &[1, 2, 9, 9]).suppressed_len(), 3);
    assert_eq!(pattern(shape, Levels::ALL, 5, &[2, 3, 9, 9]).suppressed_len(), 2);
}

#[test]
fn cells_and_total_without_margins_are_one_line() {
    let shape = Shape::new(3, 3).unwrap();
    let levels = Levels { cells: true, total: true, ..Levels::default() };
    assert_eq!(pattern(shape, levels, 5, &[1, 9, 9, 9, 9, 9, 9, 9, 9]).suppressed_len(), 2);
    assert_eq!(pattern(shape, levels, 5, &[1, 9, 9, 9, 1, 9, 9, 9, 9]).suppressed_len(), 3);
    assert_eq!(pattern(shape, levels, 5, &[4, 9, 9, 9, 4, 9, 9, 9, 9]).suppressed_len(), 2);
}

#[test]
fn answers_are_checked() {
    let shape = Shape::new(2, 1).unwrap();
    let mut suppressor = Suppressor::new(shape, Levels::ALL, 5);
    assert_eq!(suppressor.answer(&[true]), Err(PatternError::Count { found: 1, expected: 3 }));
    assert_eq!(suppressor.answer(&[true, false, false]), Err(PatternError::Contradiction));
    assert_eq!(suppressor.clone().finish(), Err(PatternError::Unanswered { open: 3 }));
    suppressor.answer(&[true, true, true]).unwrap();
    assert_eq!(suppressor.finish().unwrap().suppressed_len(), 0);
}

#[test]
fn the_largest_tables_are_settled() {
    for (rows, columns) in [(64, 64), (2, 2048), (4096, 1)] {
        let shape = Shape::new(rows, columns).unwrap();
        let counts: Vec<u64> = (0..4096).map(|i| (i * 7919 % 31) as u64).collect();
        let (found, rounds, _) = run(shape, Levels::ALL, 5, &counts);
        assert!(rounds <= 3, "{rounds}");
        assert!(found.verdict(Place::TOTAL).is_released());
    }
}

proptest! {
    #[test]
    fn what_is_released_is_large_and_what_is_not_is_not_determined(
        (shape, counts) in shape_and_counts(), levels in levels(), minimum in 1_u64..12,
    ) {
        let (found, rounds, questions) = run(shape, levels, minimum, &counts);
        let places = levels.places(shape);
        let lines = 2 * (shape.rows() + shape.columns() + 4) as usize;
        prop_assert!(rounds <= 2 + lines && questions <= places.len() + lines, "{} {}", rounds, questions);
        for &place in &places {
            let is_small = count_of(shape, &counts, place) < minimum;
            let verdict = found.verdict(place);
            prop_assert_eq!(is_small, verdict == Verdict::Suppressed(Reason::SmallCount));
        }
        let graph = crate::graph::Graph::new(shape);
        let is_released = |id: usize| found.verdict(graph.edges()[id].place).is_released();
        let bridges = graph.bridges(|id| !(is_released(id) && graph.id(shape.canonical(graph.edges()[id].place)) == Some(id)));
        for &place in &places {
            let is_open = found.verdict(place).is_released();
            prop_assert!(is_open || !bridges[graph.id(place).unwrap()], "{:?}", place);
        }
    }

    #[test]
    fn remainders_of_lines_reach_the_minimum(
        (shape, counts) in shape_and_counts(), levels in levels(), minimum in 1_u64..12,
    ) {
        let found = pattern(shape, levels, minimum, &counts);
        let remainder = |sum: Place, terms: Vec<Place>| {
            let open = terms.into_iter().filter(|&term| found.verdict(term).is_released());
            count_of(shape, &counts, sum) - open.map(|term| count_of(shape, &counts, term)).sum::<u64>()
        };
        let (rows, columns) = (0..shape.rows(), 0..shape.columns());
        let mut lines = Vec::new();
        lines.extend(rows.clone().map(|r| (Place::row(r), columns.clone().map(|c| Place::cell(r, c)).collect())));
        lines.extend(columns.clone().map(|c| (Place::column(c), rows.clone().map(|r| Place::cell(r, c)).collect())));
        lines.push((Place::TOTAL, Levels::CELLS.places(shape)));
        if shape.is_crossed() {
            lines.push((Place::TOTAL, rows.map(Place::row).collect::<Vec<_>>()));
            lines.push((Place::TOTAL, columns.map(Place::column).collect()));
        }
        for (sum, terms) in lines {
            let is_complete = terms.iter().all(|&term| found.verdict(term).is_released());
            if found.verdict(sum).is_released() && !is_complete {
                let rest = remainder(sum, terms);
                prop_assert!(rest >= minimum, "{:?} leaves {}", sum, rest);
            }
        }
    }

    #[test]
    fn large_counts_are_all_released_and_small_ones_all_suppressed(
        (shape, counts) in shape_and_counts(), levels in levels(),
    ) {
        let minimum = counts.iter().sum::<u64>() + 1;
        prop_assert_eq!(pattern(shape, levels, minimum, &counts).suppressed_len(), levels.places(shape).len());
        let large: Vec<_> = counts.iter().map(|count| count + minimum).collect();
        prop_assert_eq!(pattern(shape, levels, minimum, &large).suppressed_len(), 0);
    }
}

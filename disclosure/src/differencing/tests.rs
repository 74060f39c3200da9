use super::*;
use crate::table::{Levels, Place, Shape};
use crate::testing::count_of;
use crate::verdict::{Reason, Verdict};
use crate::{Cell, Contributors, Differenced, Entry, Policy, Release, check_differenced};

/// A table over some units: the code of each.
struct Table {
    shape: Shape,
    codes: Vec<u16>,
}

impl Table {
    fn new(rows: u32, columns: u32, codes: Vec<u16>) -> Self {
        Self { shape: Shape::new(rows, columns).unwrap(), codes }
    }

    /// Puts the units into cells in order, so many into each.
    fn of(rows: u32, columns: u32, counts: &[(u16, usize)]) -> Self {
        Self::new(rows, columns, counts.iter().flat_map(|&(code, len)| vec![code; len]).collect())
    }

    fn entries(&self, levels: Levels) -> Vec<Entry> {
        let mut counts = vec![0; self.shape.cells_len() as usize];
        self.codes.iter().filter(|code| **code != OUTSIDE).for_each(|code| counts[usize::from(*code)] += 1);
        let places = levels.places(self.shape).into_iter();
        let cell = |place| Cell { count: count_of(self.shape, &counts, place), sums: vec![] };
        places.map(|place| Entry::Known(cell(place))).collect()
    }

    fn refinement(&self, earlier: &Self) -> Refinement {
        let mut refinement = Refinement::new(self.shape.cells_len(), earlier.shape.cells_len()).unwrap();
        refinement.add(&self.codes, &earlier.codes).unwrap();
        refinement
    }

    fn checked(&self, levels: Levels, earlier: &[(&Self, &Release)], minimum: u64) -> Differenced {
        let refinements: Vec<_> = earlier.iter().map(|(table, _)| self.refinement(table)).collect();
        let held = earlier.iter().map(|(_, release)| release.released_places());
        let earlier: Vec<_> =
            held.zip(&refinements).map(|(held, refined)| Earlier::new(&held, refined).unwrap()).collect();
        let entries = self.entries(levels);
        let policy = Policy::with_minimum(minimum);
        check_differenced(self.shape, levels, &entries, Contributors::NONE, &earlier, &policy).unwrap()
    }

    fn released(&self, levels: Levels, minimum: u64) -> Release {
        self.checked(levels, &[], minimum).release
    }
}

#[test]
fn a_dropped_row_is_not_found_by_subtraction() {
    // DataSHIELD dsBase #251: the mean of a column with all rows, then with all but one.
    let all = Table::of(1, 1, &[(0, 100)]);
    let release = all.released(Levels::ALL, 10);
    let but_one = Table::of(1, 1, &[(OUTSIDE, 1), (0, 99)]);
    let checked = but_one.checked(Levels::ALL, &[(&all, &release)], 10);
    assert_eq!(checked.release.verdict(Place::TOTAL), Verdict::Suppressed(Reason::Differencing));
    let but_nine = Table::of(1, 1, &[(OUTSIDE, 9), (0, 91)]);
    assert_eq!(but_nine.checked(Levels::ALL, &[(&all, &release)], 10).release.suppressed_len(), 1);
    let but_ten = Table::of(1, 1, &[(OUTSIDE, 10), (0, 90)]);
    let checked = but_ten.checked(Levels::ALL, &[(&all, &release)], 10);
    assert_eq!((checked.release.suppressed_len(), checked.warnings), (0, vec![]));
}

#[test]
fn a_doubled_row_is_not_found_by_subtraction() {
    // DataSHIELD dsBase #251: the copy is a row that the earlier release does not have.
    let all = Table::of(1, 1, &[(0, 100), (OUTSIDE, 1)]);
    let release = all.released(Levels::ALL, 10);
    let doubled = Table::of(1, 1, &[(0, 101)]);
    let checked = doubled.checked(Levels::ALL, &[(&all, &release)], 10);
    assert_eq!(checked.release.suppressed().get(&Reason::Differencing), Some(&1));
}

#[test]
fn one_row_times_a_column_is_not_found() {
    // DataSHIELD dsBase #250: a column of zeros but for one row, times the column of interest.
    let all = Table::of(1, 1, &[(0, 100)]);
    let release = all.released(Levels::ALL, 10);
    let one_hot = Table::of(2, 1, &[(0, 1), (1, 99)]);
    let checked = one_hot.checked(Levels::CELLS, &[(&all, &release)], 10).release;
    assert_eq!(checked.verdict(Place::cell(0, 0)), Verdict::Suppressed(Reason::SmallCount));
    assert_eq!(checked.verdict(Place::cell(1, 0)), Verdict::Suppressed(Reason::Differencing));
    let with_total = one_hot.checked(Levels::ALL, &[(&all, &release)], 10).release;
    assert_eq!(with_total.figures(Place::TOTAL).map(|figures| figures.count), Some(100));
    assert_eq!(with_total.suppressed_len(), 2);
}

#[test]
fn the_same_table_leaves_again() {
    let table = Table::of(2, 3, &[(0, 30), (1, 2), (2, 40), (3, 50), (4, 60), (5, 3), (OUTSIDE, 4)]);
    let release = table.released(Levels::ALL, 10);
    let again = table.checked(Levels::ALL, &[(&table, &release)], 10);
    assert_eq!(again.release, release);
}

#[test]
fn a_place_that_follows_from_others_is_compared_too() {
    // Neither total was asked for; both follow from their cells, and differ by two units.
    let earlier = Table::of(2, 1, &[(0, 50), (1, 50)]);
    let release = earlier.released(Levels::CELLS, 10);
    let codes = [[0, 1].repeat(49), vec![OUTSIDE; 2]].concat();
    let checked = Table::new(2, 1, codes).checked(Levels::CELLS, &[(&earlier, &release)], 10).release;
    assert!(checked.suppressed_len() > 0, "{checked:?}");
}

#[test]
fn what_remains_of_a_line_is_compared_too() {
    // The two small cells together are the eleven units of which the earlier release counts ten.
    let new = Table::of(
        12,
        1,
        &[
            (0, 5),
            (1, 6),
            (2, 40),
            (3, 40),
            (4, 40),
            (5, 40),
            (6, 40),
            (7, 40),
            (8, 40),
            (9, 40),
            (10, 40),
            (11, 40),
        ],
    );
    let mut codes = vec![OUTSIDE; new.codes.len()];
    codes[..10].fill(0);
    let earlier = Table::new(1, 1, codes);
    let alone = new.released(Levels::ALL, 10);
    assert_eq!(alone.suppressed_len(), 2);
    let checked = new.checked(Levels::ALL, &[(&earlier, &earlier.released(Levels::ALL, 10))], 10).release;
    assert!(checked.suppressed_len() > 2, "{checked:?}");
}

#[test]
fn unions_of_three_are_compared() {
    // Three of seven districts then, one province of four units less now.
    let districts = [(0, 30), (1, 30), (2, 34), (3, 60), (4, 60), (5, 60), (6, 60)];
    let earlier = Table::of(7, 1, &districts);
    let new = Table::of(3, 1, &[(0, 90), (1, 24), (2, 220)]);
    let release = earlier.released(Levels::CELLS, 10);
    let checked = new.checked(Levels::CELLS, &[(&earlier, &release)], 10).release;
    assert_eq!(checked.verdict(Place::cell(0, 0)), Verdict::Suppressed(Reason::Differencing));
    assert!(checked.verdict(Place::cell(2, 0)).is_released());
}

#[test]
fn what_is_left_to_review_is_told() {
    // Four of eight districts and one province: beyond what is searched, so the reviewer is told of it.
    let districts = [(0, 30), (1, 30), (2, 30), (3, 34), (4, 40), (5, 40), (6, 40), (7, 40)];
    let earlier = Table::of(8, 1, &districts);
    let new = Table::of(3, 1, &[(0, 120), (1, 24), (2, 140)]);
    let release = earlier.released(Levels::CELLS, 10);
    let checked = new.checked(Levels::CELLS, &[(&earlier, &release)], 10);
    assert_eq!(checked.release.suppressed_len(), 0);
    assert_eq!(checked.warnings, [Warning::SmallBlocks { earlier: 0, blocks: 1 }]);
}

#[test]
fn each_of_several_earlier_releases_counts() {
    let whole = Table::of(2, 1, &[(0, 60), (1, 60)]);
    let shifted = Table::of(2, 1, &[(0, 57), (1, 63)]);
    let new = Table::of(2, 1, &[(0, 60), (1, 57), (OUTSIDE, 3)]);
    let [first, second] = [&whole, &shifted].map(|table| table.released(Levels::CELLS, 10));
    let safe = new.checked(Levels { cells: true, ..Levels::default() }, &[], 10);
    assert_eq!(safe.release.suppressed_len(), 0);
    // The second cell lacks three units of the first release's, the first has three more than the second release's.
    for (history, cell) in [(vec![(&whole, &first)], 1), (vec![(&shifted, &second)], 0)] {
        let checked = new.checked(Levels::CELLS, &history, 10).release;
        assert_eq!(
            checked.verdict(Place::cell(cell, 0)),
            Verdict::Suppressed(Reason::Differencing),
            "{cell}"
        );
    }
    let both = new.checked(Levels::CELLS, &[(&whole, &first), (&shifted, &second)], 10).release;
    assert_eq!(both.suppressed_len(), 2);
}

#[test]
fn noisy_releases_tell_nothing_exactly() {
    let noise = "minimum_count = 1\nnoise = { mechanism = \"discrete-laplace\", epsilon = \"1\" }";
    let policy: Policy = toml::from_str(noise).unwrap();
    let shape = Shape::new(1, 1).unwrap();
    let cells = [crate::NoisyCell { count: 50, sums: vec![] }];
    let deviations = crate::Deviations { count: 1.0, sums: vec![] };
    let release = Release::noisy(shape, Levels::ALL, &cells, &deviations, &policy).unwrap();
    assert!(release.verdict(Place::TOTAL).is_released() && release.released_places().released.is_empty());
}

#[test]
fn bad_histories_are_refused() {
    let shape = Shape::new(2, 1).unwrap();
    let refinement = Refinement::new(3, 3).unwrap();
    let held = ReleasedPlaces { shape, released: vec![Place::TOTAL] };
    assert_eq!(Earlier::new(&held, &refinement).unwrap_err(), EarlierError::Cells { found: 3, expected: 2 });
    let refinement = Refinement::new(3, 2).unwrap();
    let outside = ReleasedPlaces { shape, released: vec![Place::TOTAL, Place::cell(2, 0)] };
    assert_eq!(Earlier::new(&outside, &refinement).unwrap_err(), EarlierError::Place { index: 1 });
    let earlier = [Earlier::new(&held, &refinement).unwrap()];
    let table = Table::of(1, 1, &[(0, 20)]);
    let entries = table.entries(Levels::ALL);
    let policy = Policy::with_minimum(5);
    let refused =
        check_differenced(table.shape, Levels::ALL, &entries, Contributors::NONE, &earlier, &policy);
    assert_eq!(refused, Err(crate::CheckError::Refinement { index: 0, expected: 1 }));
}

/// What a combination of these places adds to each cell, counted from 1.
fn combinations(shape: Shape, places: &[Place]) -> Vec<Vec<i32>> {
    let mut all: Vec<(usize, usize, Vec<i32>)> = vec![(0, 0, vec![0; shape.cells_len() as usize + 1])];
    let mut done = 0;
    while done < all.len() {
        let (len, next, level) = all[done].clone();
        for (index, place) in places.iter().enumerate().skip(next).filter(|_| len < 3) {
            for sign in [1, -1] {
                let mut level = level.clone();
                shape.base_cells(*place).iter().for_each(|cell| level[*cell as usize + 1] += sign);
                all.push((len + 1, index + 1, level));
            }
        }
        done += 1;
    }
    all.into_iter().skip(1).map(|(_, _, level)| level).collect()
}

/// Counts the units about which a combination tells.
fn told(refinement: &Refinement, new: &[i32], earlier: &[i32]) -> u64 {
    let level = |levels: &[i32], cell: usize| levels.get(cell).copied().unwrap_or(0);
    let blocks = refinement.blocks().filter(|&(n, e, _)| level(new, n) + level(earlier, e) != 0);
    blocks.map(|(_, _, count)| count).sum()
}

/// Tables over the same units, made from a seed: most units stay where a function of their earlier cell puts them.
struct Tables {
    random: Box<dyn FnMut(u16) -> u16>,
}

impl Tables {
    fn seeded(mut state: u64) -> Self {
        let random = move |end: u16| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u16::try_from((state >> 33) % u64::from(end)).unwrap()
        };
        Self { random: Box::new(random) }
    }

    /// Makes an earlier table and a new one.
    fn pair(&mut self) -> [Table; 2] {
        const SHAPES: [(u32, u32); 5] = [(2, 2), (3, 1), (4, 1), (2, 1), (1, 1)];
        let mut random = |end| (self.random)(end);
        let [earlier, new] = [0, 1].map(|_| SHAPES[usize::from(random(5))]);
        let slots = |shape: (u32, u32)| u16::try_from(shape.0 * shape.1 + 1).unwrap();
        let units = 20 + random(40);
        let before: Vec<_> = (0..units).map(|_| random(slots(earlier))).collect();
        let (shift, moving) = (random(3), 2 + random(12));
        let after = before.iter().map(|&at| match random(moving) {
            0 => random(slots(new)),
            _ => (at + shift) % slots(new),
        });
        let after: Vec<_> = after.collect();
        [(earlier, before), (new, after)].map(|(shape, at)| {
            let code = |at: u16| if at + 1 < slots(shape) { at } else { OUTSIDE };
            Table::new(shape.0, shape.1, at.into_iter().map(code).collect())
        })
    }
}

#[test]
fn no_combination_of_three_places_of_each_release_tells_about_few_units() {
    let mut tables = Tables::seeded(11);
    let (mut looked_at, mut refused) = (0, 0);
    for round in 0..600 {
        let minimum = 3 + round % 3;
        let [earlier, new] = tables.pair();
        let first = earlier.released(Levels::ALL, minimum);
        let second = new.checked(Levels::ALL, &[(&earlier, &first)], minimum);
        assert!(second.warnings.iter().all(|warning| !matches!(warning, Warning::Unsearched { .. })));
        refused += second.release.suppressed().get(&Reason::Differencing).copied().unwrap_or(0);
        let refinement = new.refinement(&earlier);
        let places = [&second.release, &first].map(|release| release.released_places());
        let [new, earlier] = [0, 1].map(|at| combinations(places[at].shape, &places[at].released));
        let few = |told: u64| (1..minimum).contains(&told);
        // What one release tells by itself is not a matter of differencing.
        let is_new_few = new.iter().any(|new| few(told(&refinement, new, &[])));
        if is_new_few || earlier.iter().any(|earlier| few(told(&refinement, &[], earlier))) {
            continue;
        }
        looked_at += 1;
        for (new, earlier) in new.iter().flat_map(|new| earlier.iter().map(move |earlier| (new, earlier))) {
            let told = told(&refinement, new, earlier);
            assert!(!few(told), "round {round}: {told} units by {new:?} and {earlier:?}");
        }
    }
    assert!(looked_at > 300 && refused > 100, "{looked_at} rounds looked at, {refused} places refused");
}

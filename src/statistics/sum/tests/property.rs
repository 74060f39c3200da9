//! Released tables against plain tables of all rows together, suppression included.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tidegate_disclosure::{Cell, Contributors, Entry, Place, Sum, check_contributed};

use super::{agree, run, statistic};
use crate::agreement::Agreement;
use crate::decimal::text_of;
use crate::statistics::{SumPlan, TableEntry};

/// A row: its place of three, its age of two bands, its amount.
type Row = (u32, u32, i64);

#[derive(Clone, Debug)]
struct Case {
    /// The rows of every party; none of one that drops out.
    rows: Vec<Option<Vec<Row>>>,
    minimum: u64,
    contributors: u32,
    round_to: Option<u64>,
    totals: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let row = (0..3u32, 0..2u32, -30..=30i64);
    let rows = proptest::option::weighted(0.85, proptest::collection::vec(row, 1..14));
    let terms = (1..6u64, 2..4u32, any::<bool>(), any::<bool>());
    (proptest::collection::vec(rows, 4..8), terms).prop_map(
        |(mut rows, (minimum, contributors, rounds, totals))| {
            // Enough of them to be released.
            let fewest = (2 * rows.len() / 3 + 1).max(3);
            while rows.iter().flatten().count() < fewest {
                let absent = rows.iter_mut().find(|rows| rows.is_none()).unwrap();
                *absent = Some(vec![(0, 0, 1)]);
            }
            Case {
                rows,
                minimum,
                contributors,
                round_to: rounds.then_some(minimum).filter(|base| *base > 1),
                totals,
            }
        },
    )
}

impl Case {
    fn agreement(&self) -> Agreement {
        let place =
            "[[column]]\nkind = \"category\"\nname = \"place\"\ncategories = [\"P0\", \"P1\", \"P2\"]\n";
        let age =
            "[[column]]\nkind = \"bins\"\nname = \"age\"\ndecimals = 0\nedges = [\"0\", \"10\", \"20\"]\n";
        let amount =
            "[[column]]\nkind = \"number\"\nname = \"amount\"\ndecimals = 1\nmin = \"-3\"\nmax = \"3\"\n";
        let more = if self.totals { "" } else { "totals = false" };
        let mut statistics = vec![
            statistic("sum", Some("amount"), &["place", "age"], more),
            statistic("crosstab", None, &["age", "place"], "totals = false"),
            statistic("count", None, &["age"], more),
        ];
        let mut disclosure = format!("minimum_count = {}\n", self.minimum);
        match self.round_to {
            Some(base) => disclosure += &format!("round_to = {base}\n"),
            None => statistics.push(statistic("variance", Some("amount"), &[], "")),
        }
        let sum = format!("minimum_contributors = {}", self.contributors);
        agree(self.rows.len(), 20, &sum, &[place, age, amount, &statistics.concat()].concat(), &disclosure)
    }

    fn tables(&self) -> Vec<Option<String>> {
        let line =
            |(place, age, amount): &Row| format!("{},P{place},{}\n", 10 * age + 9, text_of(*amount, 1));
        let table = |rows: &Vec<Row>| {
            std::iter::once("age,place,amount\n".to_owned()).chain(rows.iter().map(line)).collect()
        };
        self.rows.iter().map(|rows| rows.as_ref().map(table)).collect()
    }

    /// Returns the rows in a place of the grid, each with its party.
    fn members(&self, place: Place) -> Vec<(usize, i64)> {
        let is_in = |row: &Row| {
            place.row.is_none_or(|index| index == row.0) && place.column.is_none_or(|index| index == row.1)
        };
        let rows = self.rows.iter().enumerate().flat_map(|(party, rows)| {
            rows.iter().flatten().filter(|row| is_in(row)).map(move |row| (party, row.2))
        });
        rows.collect()
    }

    fn contributors(&self, place: Place) -> u32 {
        let parties: BTreeSet<_> = self.members(place).into_iter().map(|(party, _)| party).collect();
        u32::try_from(parties.len()).unwrap()
    }

    /// Returns what the checker makes of the plain figures of a place.
    fn entry(&self, place: Place, has_squares: bool) -> Entry {
        let members = self.members(place);
        let sum = |of: &dyn Fn(i64) -> i64| Sum {
            total: members.iter().map(|(_, amount)| i128::from(of(*amount))).sum(),
            largest: Vec::new(),
        };
        let mut sums = vec![sum(&|amount| amount)];
        if has_squares {
            // The middle of the range is zero.
            sums.push(sum(&|amount| amount * amount));
        }
        Entry::Known(Cell { count: members.len() as u64, sums })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn released_tables_are_those_of_all_rows_together(case in case()) {
        let agreement = case.agreement();
        let tables = case.tables();
        let tables: Vec<_> = tables.iter().map(Option::as_deref).collect();
        let result = run(&agreement, &tables, 1);
        let plan = SumPlan::new(&agreement).unwrap();
        let grid = &plan.grids[0];
        let places = grid.places();
        let of_places: Vec<_> = places.iter().map(|&place| case.contributors(place)).collect();
        let entries: Vec<_> = places.iter().map(|&place| case.entry(place, case.round_to.is_none())).collect();
        let contributors = Contributors { minimum: case.contributors, of_places: &of_places };
        let expected = check_contributed(grid.shape, grid.levels, &entries, contributors, &plan.policy).unwrap();
        prop_assert_eq!(&result.released[0].release, &expected);

        for entry in &result.tables[0].entries {
            check_entry(&case, entry, Place { row: entry.row, column: entry.column });
        }
        for entry in &result.tables[1].entries {
            check_entry(&case, entry, Place { row: entry.column, column: entry.row });
        }
        for entry in &result.tables[2].entries {
            check_entry(&case, entry, Place { row: None, column: entry.row });
        }
    }
}

/// Compares an entry with the plain figures, and checks that it rests on enough records of enough parties.
fn check_entry(case: &Case, entry: &TableEntry, place: Place) {
    let members = case.members(place);
    let is_enough = members.len() as u64 >= case.minimum && case.contributors(place) >= case.contributors;
    assert_eq!(entry.suppressed, entry.count.is_none());
    assert!(is_enough || entry.suppressed, "{place:?}");
    let Some(count) = &entry.count else { return };
    let base = i128::from(case.round_to.unwrap_or(1));
    let off = |shown: f64, exact: i128| (shown - exact as f64).abs() <= base as f64 / 2.0;
    assert!(off(count.number, members.len() as i128), "{count:?}");
    if let Some(value) = &entry.value {
        let sum: i128 = members.iter().map(|(_, amount)| i128::from(*amount)).sum();
        assert!(
            off(value.number * 10.0, sum)
                || (value.number * 10.0 - sum as f64).abs() < base as f64 / 2.0 + 1e-6
        );
        assert!(case.round_to.is_some() || value.text == text_of(i64::try_from(sum).unwrap(), 1));
    }
}

//! What algorithms see and give, through the same bytes as under a host.
#![cfg(feature = "native")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use tidegate_guest::native::{Column, Cut, Data, Error, Measure, Parameter, Tabulated};
use tidegate_guest::{
    Aggregate, Batch, Derive, Figures, Mapper, Merge, Outcome, Output, Place, Reader, Setup, Stop, Writer,
    NO_CELL,
};

/// Cuts that split words of validity, partitions and nothing.
fn cuts() -> [Cut; 6] {
    [Cut::whole(), Cut::new(1, 1), Cut::new(3, 2), Cut::new(8, 8), Cut::new(9, 100), Cut::new(1000, 7)]
}

fn every_type(rows: i32) -> Data {
    let each = |keep: fn(i32) -> bool| (0..rows).map(move |row| if keep(row) { Some(row) } else { None });
    let columns = vec![
        Column::Booleans(each(|row| row % 5 != 0).map(|row| row.map(|row| row % 3 == 0)).collect()),
        Column::Integers(each(|row| row % 7 != 0).map(|row| row.map(|row| -i64::from(row) << 33)).collect()),
        Column::Numbers(each(|_| true).map(|row| row.map(|row| f64::from(row) + 0.25)).collect()),
        Column::Dates(each(|row| row % 2 != 0).map(|row| row.map(|row| -row)).collect()),
        Column::Categories {
            labels: vec!["even".to_owned(), "ungerade ö".to_owned()],
            values: each(|row| row % 11 != 0).map(|row| row.map(|row| row as u32 % 2)).collect(),
        },
    ];
    Data::new(columns, vec![Parameter::Integer(-7), Parameter::Number(0.1)]).unwrap()
}

/// Puts all that it reads into measures, one apart for what is missing.
struct Everything;

impl Mapper for Everything {
    const MEASURES: usize = 5;

    fn new(setup: &Setup<'_>) -> Result<Self, Stop> {
        assert_eq!((setup.integer(0), setup.number(1)), (Ok(-7), Ok(0.1)));
        assert_eq!((setup.size(0), setup.integer(2)), (Err(Stop::PARAMETER), Err(Stop::CONTRACT)));
        assert_eq!((setup.labels_len(0), setup.labels_len(4)), (Ok(0), Ok(2)));
        assert_eq!((setup.label(4, 0), setup.label(4, 1)), (Ok("even"), Ok("ungerade ö")));
        assert_eq!((setup.label(4, 2), setup.labels_len(5)), (Err(Stop::CONTRACT), Err(Stop::CONTRACT)));
        assert!(setup.carry().is_empty());
        Ok(Self)
    }

    fn map(&mut self, batch: &Batch<'_>, output: &mut Output<'_>) -> Result<(), Stop> {
        assert_eq!(batch.integers(0).err(), Some(Stop::CONTRACT));
        assert_eq!(batch.booleans(5).err(), Some(Stop::CONTRACT));
        for row in 0..batch.rows() {
            let boolean = batch.booleans(0)?.get(row).map_or(-1.0, |value| f64::from(u8::from(value)));
            let integer = batch.integers(1)?.get(row).map_or(1.0, |value| value as f64);
            let number = batch.numbers(2)?.get(row).unwrap_or(-1.0);
            let date = batch.dates(3)?.get(row).map_or(1.0, f64::from);
            let category = batch.categories(4)?.get(row);
            let values = [boolean, integer, number, date, category.map_or(-1.0, f64::from)];
            output.put(row, category.unwrap_or(NO_CELL), values);
        }
        Ok(())
    }
}

#[test]
fn every_type_arrives_whatever_the_cut() {
    let expected = |row: i32| {
        let or = |keep: bool, value: i32, other: f64| if keep { f64::from(value) } else { other };
        let integer = if row % 7 != 0 { (-i64::from(row) << 33) as f64 } else { 1.0 };
        [
            or(row % 5 != 0, (row % 3 == 0).into(), -1.0),
            integer,
            f64::from(row) + 0.25,
            or(row % 2 != 0, -row, 1.0),
            or(row % 11 != 0, row % 2, -1.0),
        ]
    };
    for cut in cuts() {
        let mapped = every_type(100).map::<Everything>(cut).unwrap();
        for row in 0..100 {
            let found: Vec<_> = mapped.measures.iter().map(|measure| measure[row as usize]).collect();
            assert_eq!(found, expected(row), "row {row} under {cut:?}");
            assert_eq!(mapped.cells[row as usize], if row % 11 == 0 { NO_CELL } else { row as u32 % 2 });
        }
    }
}

#[test]
fn the_host_bounds_rounds_and_leaves_out() {
    struct Given;
    impl Mapper for Given {
        const MEASURES: usize = 1;

        fn new(_: &Setup<'_>) -> Result<Self, Stop> {
            Ok(Self)
        }

        fn map(&mut self, batch: &Batch<'_>, output: &mut Output<'_>) -> Result<(), Stop> {
            let (cells, [values]) = output.parts();
            assert!(cells.iter().all(|&cell| cell == NO_CELL) && values.iter().all(|&value| value == 0.0));
            for (place, cell) in cells.iter_mut().zip(batch.integers(0)?.values()) {
                *place = u32::try_from(*cell).unwrap_or(NO_CELL);
            }
            for (place, value) in values.iter_mut().zip(batch.numbers(1)?.iter()) {
                *place = value.unwrap_or(f64::NAN);
            }
            Ok(())
        }
    }
    let cells = [0, 1, 2, 3, 5, 6, -1, 5].map(Some).to_vec();
    let values = vec![Some(0.126), Some(-3.0), Some(1e300), Some(2.0), None, Some(1.0), Some(1.0), Some(0.5)];
    let data = Data::new(vec![Column::Integers(cells), Column::Numbers(values)], vec![]).unwrap();
    let measure = Measure { minimum: 0.0, maximum: 10.0, decimals: 2, squares: true };
    let found = data.map::<Given>(Cut::new(3, 2)).unwrap().tabulate(2, 3, &[measure]);
    // Cell 6 is out of the table, -1 is none, and one row has no number.
    assert_eq!(found.counts, [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 3.0, 2.0, 2.0, 1.0, 2.0, 5.0]);
    assert_eq!(found.sums[0], [0.13, 0.0, 10.0, 2.0, 0.0, 0.5, 10.13, 2.5, 2.13, 0.0, 10.5, 12.63]);
    let squares = [0.0169, 0.0, 100.0, 4.0, 0.0, 0.25, 100.0169, 4.25, 4.0169, 0.0, 100.25, 104.2669];
    assert_eq!(found.squares[0].as_deref(), Some(&squares[..]));
}

/// Repeats the figures that it is shown.
struct Echo;

impl Mapper for Echo {
    const MEASURES: usize = 2;

    fn new(_: &Setup<'_>) -> Result<Self, Stop> {
        Ok(Self)
    }

    fn map(&mut self, _: &Batch<'_>, _: &mut Output<'_>) -> Result<(), Stop> {
        Err(Stop::own(3))
    }
}

impl Derive for Echo {
    fn derive(&self, figures: &Figures<'_>) -> Result<Vec<f64>, Stop> {
        let (rows, columns) = (figures.rows(), figures.columns());
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| Place::Cell(row, column)));
        let margins = (0..rows).map(Place::Row).chain((0..columns).map(Place::Column)).chain([Place::All]);
        let places: Vec<_> = cells.chain(margins).collect();
        let beyond =
            [Place::Cell(rows, 0), Place::Cell(0, columns), Place::Row(rows), Place::Column(columns)];
        assert!(beyond.iter().all(|&place| figures.count(place).is_none()));
        let none = |_: &Place| f64::INFINITY;
        let counts = places.iter().map(|&place| figures.count(place).unwrap_or(-1.0));
        let sums = places.iter().map(|&place| figures.sum(1, place).unwrap_or(-1.0));
        let squares = places.iter().map(|place| figures.squares(0, *place).unwrap_or_else(|| none(place)));
        assert!(figures.squares(1, Place::All).is_none() && figures.sum(2, Place::All).is_none());
        Ok(counts.chain(sums).chain(squares).collect())
    }
}

#[test]
fn figures_are_shown_where_they_are_not_suppressed() {
    let list = |first: u32| (first..first + 12).map(f64::from).collect::<Vec<_>>();
    let mut figures = Tabulated {
        rows: 2,
        columns: 3,
        counts: list(100),
        sums: vec![list(200), list(300)],
        squares: vec![Some(list(400)), None],
    };
    figures.suppress(4);
    let shown = Data::new(vec![], vec![]).unwrap().derive::<Echo>(&figures).unwrap();
    let mut expected = [list(100), list(300), list(400)].concat();
    (expected[4], expected[16], expected[28]) = (-1.0, -1.0, f64::INFINITY);
    assert_eq!(shown, expected);
}

#[test]
fn no_value_is_printed() {
    let columns = vec![Column::Integers(vec![Some(424_242)]), Column::Numbers(vec![Some(4242.42)])];
    let printed = format!("{:?}", Data::new(columns, vec![]).unwrap());
    assert!(printed.contains("1 rows") && !printed.contains("4242"), "{printed}");
}

#[test]
fn a_stop_ends_the_run() {
    let data = Data::new(vec![Column::Integers(vec![Some(1)])], vec![]).unwrap();
    assert_eq!(data.map::<Echo>(Cut::whole()).unwrap_err(), Error::Stopped(Stop::own(3)));
}

/// Adds up, then counts what lies above the mean: two passes.
struct AboveMean {
    mean: Option<f64>,
    sum: f64,
    count: u64,
}

impl Aggregate for AboveMean {
    fn new(setup: &Setup<'_>) -> Result<Self, Stop> {
        let mut carry = Reader::new(setup.carry());
        let mean = if setup.carry().is_empty() { None } else { Some(carry.number()?) };
        Ok(Self { mean, sum: 0.0, count: 0 })
    }

    fn update(&mut self, batch: &Batch<'_>) -> Result<(), Stop> {
        for value in batch.numbers(0)?.iter().flatten() {
            let counts = self.mean.map_or(true, |mean| value > mean);
            self.count += u64::from(counts);
            self.sum += if counts { value } else { 0.0 };
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Outcome, Stop> {
        let mut carry = Writer::new();
        carry.number(self.sum / self.count as f64);
        Ok(match self.mean {
            None => Outcome::Carry(carry.into_bytes()),
            Some(mean) => Outcome::Tables(vec![mean, self.count as f64]),
        })
    }
}

impl Merge for AboveMean {
    fn state(&self, state: &mut Writer) {
        state.number(self.sum).integer(self.count);
    }

    fn merge(&mut self, state: &mut Reader<'_>) -> Result<(), Stop> {
        self.sum += state.number()?;
        self.count += state.integer()?;
        Ok(())
    }
}

#[test]
fn passes_and_partitions_of_an_aggregate() {
    let values = [1.0, 2.0, 3.0, 4.0, 90.0].map(Some).to_vec();
    let data = Data::new(vec![Column::Numbers(values)], vec![]).unwrap();
    for cut in cuts() {
        assert_eq!(data.aggregate::<AboveMean>(cut, 2), Ok(vec![20.0, 1.0]));
        assert_eq!(data.aggregate_merged::<AboveMean>(cut, 2), Ok(vec![20.0, 1.0]));
    }
    assert_eq!(data.aggregate::<AboveMean>(Cut::whole(), 1), Err(Error::Passes { max: 1 }));
}

#[test]
fn columns_that_no_host_would_hand_over_are_refused() {
    let uneven = vec![Column::Integers(vec![None]), Column::Dates(vec![])];
    assert_eq!(Data::new(uneven, vec![]).unwrap_err(), Error::Rows { column: 1, found: 0, expected: 1 });
    let infinite = vec![Column::Numbers(vec![Some(f64::INFINITY)])];
    assert_eq!(Data::new(infinite, vec![]).unwrap_err(), Error::Value { column: 0 });
    let unlabelled = vec![Column::Categories { labels: vec!["one".to_owned()], values: vec![Some(1)] }];
    assert_eq!(Data::new(unlabelled, vec![]).unwrap_err(), Error::Value { column: 0 });
}

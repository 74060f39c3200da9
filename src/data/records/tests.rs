use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int32Array, StringArray,
    UInt64Array,
};
use arrow::datatypes::Int8Type;
use proptest::prelude::*;

use super::*;
use crate::data::normalize::RejectReason;
use crate::data::testing::{csv, parquet};
use crate::data::{RejectCount, SinkOptions, write_plain_rejects, write_rejects};

const STRICT: RecordRules = RecordRules { duplicates: Duplicates::Refuse, missing: Missing::Refuse };
const LENIENT: RecordRules = RecordRules { duplicates: Duplicates::Sum, missing: Missing::Drop };

fn number(source: &str, decimals: u8, min: i64, max: i64) -> ColumnSpec {
    ColumnSpec::Number { source: source.into(), decimals, min, max }
}

fn category(source: &str, categories: &[&str], rules: &[Rule]) -> ColumnSpec {
    let categories = categories.iter().map(|&category| category.into()).collect();
    ColumnSpec::Category { source: source.into(), categories, rules: rules.to_vec() }
}

fn bins(source: &str, edges: &[i64]) -> ColumnSpec {
    ColumnSpec::Bins { source: source.into(), decimals: 0, edges: edges.to_vec() }
}

fn records(source: &TableSource, columns: &[ColumnSpec], rules: RecordRules) -> Result<Records, DataError> {
    let key = [KeyColumn { name: "k".into(), rules: vec![Rule::Trim] }];
    read_records(source, &key, columns, rules, &mut |_| {}, &|| false)
}

/// Returns all values of a column, whichever its kind.
fn values(records: &Records, column: usize) -> Vec<i64> {
    match &records.columns[column] {
        ColumnData::Numbers(numbers) => numbers.clone(),
        ColumnData::Groups(groups) => groups.iter().copied().map(i64::from).collect(),
    }
}

/// Returns the row, column and fault of a refused cell.
fn bad_cell(result: Result<Records, DataError>) -> (u64, String, CellFault) {
    match result.unwrap_err() {
        DataError::BadCell { row, column, fault, .. } => (row, column, fault),
        other => panic!("{other:?}"),
    }
}

fn fault_of(cell: &str, spec: &ColumnSpec) -> CellFault {
    let table = csv(&format!("k,v\n1,\"{cell}\"\n"));
    bad_cell(records(&table, std::slice::from_ref(spec), STRICT)).2
}

#[test]
fn values_stand_beside_their_keys() {
    let table = csv("d,k,v,a\nＸihu,2,-1.5,0\nYuhang, 1,2,60\nXihu ,3,\u{2212}0.25,17\n");
    let specs = [
        number("v", 2, -200, 200),
        category("d", &["Yuhang", "Xihu"], &[Rule::Nfkc, Rule::Trim]),
        bins("a", &[0, 18, 60]),
        number("a", 0, 0, 120),
    ];
    let records = records(&table, &specs, STRICT).unwrap();
    assert_eq!(records.keyed.items.get(1), Some(&b"\x01\0\0\x001"[..]));
    assert_eq!(values(&records, 0), [-150, 200, -25]);
    assert_eq!(values(&records, 1), [1, 0, 1]);
    assert_eq!(values(&records, 2), [0, 1, 0]);
    assert_eq!(values(&records, 3), [0, 60, 17]);
    assert!(matches!(records.columns[3], ColumnData::Numbers(_)));
    assert_eq!(records.keyed.columns, ["k", "v", "d", "a", "a"]);
}

#[test]
fn the_key_may_serve_as_a_value() {
    let records = records(&csv("v,k\n9,7\n9,3\n"), &[number("k", 0, 0, 9)], STRICT).unwrap();
    assert_eq!(values(&records, 0), [7, 3]);
    assert_eq!(records.keyed.summary.distinct_keys, 2);
}

#[test]
fn each_fault_of_a_cell_is_told_apart() {
    let spec = number("v", 2, -100, 100);
    let range = CellFault::OutOfRange { min: -100, max: 100, decimals: 2 };
    assert_eq!(fault_of("", &spec), CellFault::Empty);
    assert_eq!(fault_of("  ", &spec), CellFault::Empty);
    assert_eq!(fault_of("1,000", &spec), CellFault::NotANumber);
    assert_eq!(fault_of("NaN", &spec), CellFault::NotANumber);
    assert_eq!(fault_of("0.125", &spec), CellFault::TooManyDecimals { max: 2 });
    assert_eq!(fault_of("1.01", &spec), range);
    assert_eq!(fault_of("-1.01", &spec), range);
    assert_eq!(fault_of("99999999999999999999", &spec), range);
    let spec = bins("v", &[10, 20, 30]);
    let range = CellFault::OutOfRange { min: 10, max: 30, decimals: 0 };
    assert_eq!(fault_of("9", &spec), range);
    assert_eq!(fault_of("31", &spec), range);
    let spec = category("v", &["a"], &[Rule::Trim]);
    assert_eq!(fault_of("A", &spec), CellFault::NotACategory { count: 1 });
    assert_eq!(fault_of(&"a".repeat(5000), &spec), CellFault::NotACategory { count: 1 });
    assert_eq!(fault_of(" ", &spec), CellFault::Empty);
}

#[test]
fn bins_take_in_their_lower_border_and_the_last_both() {
    let text: String = [10, 19, 20, 29, 30].iter().map(|v| format!("{v},{v}\n")).collect();
    let records = records(&csv(&format!("k,v\n{text}")), &[bins("v", &[10, 20, 30])], STRICT).unwrap();
    assert_eq!(values(&records, 0), [0, 0, 1, 1, 1]);
}

#[test]
fn the_first_bad_row_is_named_across_chunks_without_its_cell() {
    let cells = |bad: &[usize]| {
        let row = |i| if bad.contains(&i) { format!("{i},secret\n") } else { format!("{i},1\n") };
        csv(&format!("k,v\n{}", (1..=20_000).map(row).collect::<String>()))
    };
    for bad in [&[1][..], &[1025, 1024], &[8193, 9000], &[20_000]] {
        let table = cells(bad);
        let error = records(&table, &[number("v", 0, 0, 9)], STRICT).unwrap_err();
        let text = format!("{error} {error:?} {:?}", error.hint());
        assert!(!text.contains("secret") && error.hint().is_some(), "{text}");
        let expected = u64::try_from(*bad.iter().min().unwrap()).unwrap();
        assert_eq!(bad_cell(Err(error)), (expected, "v".to_owned(), CellFault::NotANumber));
    }
    let text = records(&cells(&[3]), &[number("v", 0, 0, 9)], STRICT).unwrap_err().to_string();
    assert!(text.starts_with("row 3, column `v` of") && text.ends_with("the cell is not a number"), "{text}");
}

#[test]
fn rows_without_a_key_are_not_looked_at() {
    let records = records(&csv("k,v\n,bad\n1,5\n"), &[number("v", 0, 0, 9)], STRICT).unwrap();
    assert_eq!((values(&records, 0), records.keyed.rows.item_of(0)), (vec![5], None));
}

#[test]
fn rows_with_empty_cells_are_left_out_and_listed() {
    let table = csv("k,v,w\n1,5,x\n2,,x\n2,6,x\n3,7,\n,8,x\n");
    let columns = [number("v", 0, 0, 9), category("w", &["x"], &[])];
    assert_eq!(bad_cell(records(&table, &columns, STRICT)), (2, "v".to_owned(), CellFault::Empty));
    let records = records(&table, &columns, RecordRules { missing: Missing::Drop, ..STRICT }).unwrap();
    assert_eq!((values(&records, 0), values(&records, 1)), (vec![5, 6], vec![0, 0]));
    let count = |column: &str| RejectCount { column: column.into(), reason: RejectReason::Empty, rows: 1 };
    assert_eq!(records.keyed.summary.rejected, [count("k"), count("v"), count("w")]);
    assert_eq!((records.keyed.summary.keyed_rows, records.keyed.summary.duplicate_rows), (2, 0));
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("r.csv");
    write_rejects(&table, &records.keyed, &out, SinkOptions::default(), &mut |_| {}, &|| false).unwrap();
    let text = std::fs::read_to_string(out).unwrap();
    assert!(text.contains("\n2,v,empty,2,,x\n") && text.contains("\n4,w,empty,3,7,\n"), "{text}");
}

#[test]
fn equal_keys_are_refused_summed_or_the_first_stands() {
    let table = csv("k,v,d\n1,5,x\n2,7,x\n 1,-3,x\n1,4,x\n");
    let columns = [number("v", 0, -3, 7), category("d", &["x", "y"], &[])];
    let with = |duplicates| records(&table, &columns, RecordRules { duplicates, ..STRICT });
    match with(Duplicates::Refuse).unwrap_err() {
        DataError::EqualKeys { first: 1, second: 3, .. } => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(values(&with(Duplicates::Sum).unwrap(), 0), [6, 7]);
    assert_eq!(values(&with(Duplicates::First).unwrap(), 0), [5, 7]);
    assert_eq!(with(Duplicates::Sum).unwrap().keyed.summary.duplicate_rows, 2);
}

#[test]
fn what_cannot_be_summed_is_refused() {
    let columns = |max| [number("v", 0, i64::MIN, max), category("d", &["x", "y"], &[])];
    let sum = |text: &str, max| records(&csv(text), &columns(max), LENIENT).unwrap_err();
    match sum("k,v,d\n0,1,x\n1,2,x\n1,3,y\n", 9) {
        DataError::UnlikeGroups { first: 2, second: 3, column, .. } => assert_eq!(column, "d"),
        other => panic!("{other:?}"),
    }
    let (min, over) = (i64::MIN, "k,v,d\n0,1,x\n1,5,x\n1,5,x\n");
    match sum(over, 9) {
        DataError::BadSum { row: 2, column, fault, .. } => {
            assert_eq!((column.as_str(), fault), ("v", CellFault::OutOfRange { min, max: 9, decimals: 0 }));
        }
        other => panic!("{other:?}"),
    }
    let huge = format!("k,v,d\n1,{0},x\n1,{0},x\n", i64::MAX);
    assert!(matches!(sum(&huge, i64::MAX), DataError::BadSum { row: 1, .. }));
    let there_and_back = csv("k,v,d\n1,9,x\n1,9,x\n1,-9,x\n");
    assert_eq!(values(&records(&there_and_back, &columns(9), LENIENT).unwrap(), 0), [9]);
}

/// Reads the column `v` of a Parquet table with as many keys as cells.
fn read_column(array: ArrayRef, spec: &ColumnSpec) -> Result<Vec<i64>, DataError> {
    let keys: ArrayRef = Arc::new(Int32Array::from_iter_values(0..i32::try_from(array.len()).unwrap()));
    let table = parquet(vec![("k", keys), ("v", array)]);
    records(&table, std::slice::from_ref(spec), STRICT).map(|records| values(&records, 0))
}

#[test]
fn parquet_numbers_are_read_exactly() {
    let spec = number("v", 2, -1_000_000, 1_000_000);
    let decimals = |values: Vec<i128>, scale| {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(20, scale).unwrap())
    };
    let dictionary: DictionaryArray<Int8Type> = ["1.5", "-2"].into_iter().collect();
    let columns: [(ArrayRef, [i64; 2]); 7] = [
        (Arc::new(StringArray::from(vec!["1.5", "-2"])), [150, -200]),
        (Arc::new(dictionary), [150, -200]),
        (Arc::new(Int32Array::from(vec![7, -8])), [700, -800]),
        (decimals(vec![15_000, -1], 4), [150, 0]),
        (decimals(vec![15, -1], 1), [150, -10]),
        (Arc::new(Float64Array::from(vec![0.1 + 0.1, -1234.56])), [20, -123_456]),
        (Arc::new(Float32Array::from(vec![12.34, -0.07])), [1234, -7]),
    ];
    for (array, expected) in columns {
        let data_type = array.data_type().clone();
        if matches!(data_type, arrow::datatypes::DataType::Decimal128(_, 4)) {
            let fault = bad_column(array, &spec);
            assert_eq!(fault, (2, "v".to_owned(), CellFault::TooManyDecimals { max: 2 }));
        } else {
            assert_eq!(read_column(array, &spec).unwrap(), expected, "{data_type}");
        }
    }
    assert_eq!(read_column(decimals(vec![15_000, -100], 4), &spec).unwrap(), [150, -1]);
}

fn bad_column(array: ArrayRef, spec: &ColumnSpec) -> (u64, String, CellFault) {
    match read_column(array, spec).unwrap_err() {
        DataError::BadCell { row, column, fault, .. } => (row, column, fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn floats_that_stand_for_no_decimal_are_refused() {
    let spec = number("v", 2, i64::MIN, i64::MAX);
    let double = |value: f64| bad_column(Arc::new(Float64Array::from(vec![value])), &spec).2;
    assert_eq!(double(f64::NAN), CellFault::NotANumber);
    assert_eq!(double(f64::NEG_INFINITY), CellFault::NotANumber);
    assert_eq!(double(0.1 + 0.2), CellFault::TooManyDecimals { max: 2 });
    assert_eq!(double(0.125), CellFault::TooManyDecimals { max: 2 });
    assert_eq!(double(1e15), CellFault::Inexact { decimals: 2 });
    let single = |value: f32| bad_column(Arc::new(Float32Array::from(vec![value])), &spec).2;
    assert_eq!(single(1_234_567.9), CellFault::Inexact { decimals: 2 });
    assert_eq!(single(0.333), CellFault::TooManyDecimals { max: 2 });
}

#[test]
fn numbers_beyond_64_bits_and_nulls_are_told_from_zero() {
    let spec = number("v", 0, 0, 9);
    let range = CellFault::OutOfRange { min: 0, max: 9, decimals: 0 };
    let wide: ArrayRef = Arc::new(UInt64Array::from(vec![Some(0), Some(u64::MAX)]));
    assert_eq!(bad_column(wide, &spec), (2, "v".to_owned(), range));
    let null: ArrayRef = Arc::new(UInt64Array::from(vec![Some(0), None]));
    assert_eq!(bad_column(null, &spec), (2, "v".to_owned(), CellFault::Empty));
    let nulls: ArrayRef = Arc::new(Float64Array::from(vec![None, Some(1.0)]));
    assert_eq!(bad_column(nulls, &spec), (1, "v".to_owned(), CellFault::Empty));
    let text: ArrayRef = Arc::new(StringArray::from(vec![None, Some("a")]));
    assert_eq!(bad_column(text, &category("v", &["a"], &[])).2, CellFault::Empty);
}

#[test]
fn integers_are_categories_and_dates_nothing() {
    let codes: ArrayRef = Arc::new(Int32Array::from(vec![2, 1]));
    assert_eq!(read_column(codes, &category("v", &["1", "2"], &[])).unwrap(), [1, 0]);
    let dates = || -> ArrayRef { Arc::new(Date32Array::from(vec![1])) };
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    for (array, spec) in [
        (dates(), number("v", 0, 0, 9)),
        (dates(), bins("v", &[0, 9])),
        (dates(), category("v", &["x"], &[])),
        (floats, category("v", &["1"], &[])),
    ] {
        let error = read_column(array, &spec).unwrap_err();
        assert!(matches!(error, DataError::ValueType { .. }) && error.hint().is_some(), "{error}");
    }
    let missing = records(&csv("k\n1\n"), &[number("v", 0, 0, 9)], STRICT);
    assert!(matches!(missing, Err(DataError::NoColumn { .. })));
}

#[test]
fn no_value_is_printed() {
    let table = csv("k,v,d\n1,424242,b\n2,424242,b\n");
    let columns = [number("v", 0, 0, 999_999), category("d", &["a", "b"], &[])];
    let text = format!("{:?}", records(&table, &columns, STRICT).unwrap());
    assert!(text.contains("Numbers { len: 2, .. }") && text.contains("Groups { len: 2, .. }"), "{text}");
    assert!(!text.contains("424242"), "{text}");
}

#[test]
fn reading_can_be_cancelled() {
    let key = [KeyColumn { name: "k".into(), rules: vec![] }];
    let cancelled = read_records(&csv("k\n1\n"), &key, &[], STRICT, &mut |_| {}, &|| true);
    assert_eq!(cancelled.unwrap_err(), DataError::Cancelled);
}

/// A row as a plain reader sees it: key, number, group.
type Row = (u16, Option<i16>, u8);

/// Reads rows one by one; `None` where the rules refuse the table.
fn naive(rows: &[Row], rules: RecordRules) -> Option<HashMap<u16, (i64, u8)>> {
    let mut records = HashMap::new();
    for &(key, value, group) in rows {
        let Some(value) = value else {
            match rules.missing {
                Missing::Drop => continue,
                Missing::Refuse => return None,
            }
        };
        let value = i64::from(value);
        match (records.get_mut(&key), rules.duplicates) {
            (None, _) => drop(records.insert(key, (value, group))),
            (Some(_), Duplicates::First) => {}
            (Some((sum, same)), Duplicates::Sum) if *same == group => *sum += value,
            _ => return None,
        }
    }
    Some(records)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn records_are_those_of_a_plain_reader(
        rows in prop::collection::vec((0..40_000u16, prop::option::weighted(0.99, -999..999i16)), 1..12_000),
        duplicates in prop::sample::select(vec![Duplicates::Refuse, Duplicates::Sum, Duplicates::First]),
        missing in prop::sample::select(vec![Missing::Refuse, Missing::Drop]),
        spread in 1..3u16,
    ) {
        // With a spread of 1 the group follows from the key, so that sums are allowed.
        let rows: Vec<Row> =
            rows.iter().zip(0u16..).map(|(&(key, v), i)| (key, v, u8::try_from((key + i % spread) % 3).unwrap())).collect();
        let text: String = rows
            .iter()
            .map(|(k, v, g)| format!("{k},{},g{g}\n", v.map(|v| v.to_string()).unwrap_or_default()))
            .collect();
        let columns = [number("v", 0, -1_000_000, 1_000_000), category("g", &["g0", "g1", "g2"], &[])];
        let rules = RecordRules { duplicates, missing };
        let read = records(&csv(&format!("k,v,g\n{text}")), &columns, rules);
        match naive(&rows, rules) {
            None => prop_assert!(read.is_err()),
            Some(expected) => {
                let read = read.unwrap();
                prop_assert_eq!(read.keyed.items.len(), expected.len());
                let (numbers, groups) = (values(&read, 0), values(&read, 1));
                for item in 0..read.keyed.items.len() {
                    let key = std::str::from_utf8(&read.keyed.items.get(item).unwrap()[4..]).unwrap();
                    let (number, group) = expected[&key.parse::<u16>().unwrap()];
                    prop_assert_eq!((numbers[item], groups[item]), (number, i64::from(group)));
                }
            }
        }
    }
}

fn plain(source: &TableSource, columns: &[ColumnSpec], missing: Missing) -> Result<PlainRecords, DataError> {
    read_plain_records(source, columns, missing, &mut |_| {}, &|| false)
}

#[test]
fn every_row_is_a_record_where_there_is_no_key() {
    let table = csv("d,v\nb,1.5\na,-2\nb,1.5\n");
    let columns = [number("v", 1, -20, 20), category("d", &["a", "b"], &[])];
    let read = plain(&table, &columns, Missing::Refuse).unwrap();
    assert_eq!((read.len, read.columns[0].len(), read.rejected.len()), (3, 3, 0));
    assert!(matches!(&read.columns[0], ColumnData::Numbers(numbers) if numbers[..] == [15, -20, 15]));
    assert!(matches!(&read.columns[1], ColumnData::Groups(groups) if groups[..] == [1, 0, 1]));
    assert_eq!(read.summary, RecordSummary { rows: 3, records: 3, rejected: vec![] });
}

#[test]
fn rows_without_a_key_are_refused_and_left_out_as_others() {
    let table = csv("d,v\nb,1\na,\n,3\nc,4\n");
    let columns = [number("v", 0, 0, 20), category("d", &["a", "b", "c"], &[])];
    let refused = plain(&table, &columns, Missing::Refuse).unwrap_err();
    assert!(matches!(
        refused,
        DataError::BadCell { row: 2, ref column, fault: CellFault::Empty, .. } if column == "v"
    ));
    let read = plain(&table, &columns, Missing::Drop).unwrap();
    assert_eq!((read.len, read.summary.rows, read.summary.records), (2, 4, 2));
    let rows: Vec<_> = read.rejected.iter().map(|reject| (reject.row, reject.column)).collect();
    assert_eq!(rows, [(1, 0), (2, 1)]);
    assert_eq!(read.summary.rejected.len(), 2);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rejects.csv");
    let written =
        write_plain_rejects(&table, &read, &path, SinkOptions::default(), &mut |_| {}, &|| false).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(written == 2 && lines.len() == 3, "{text}");
    assert!(lines[1].contains("a,") && lines[1].contains("v,") && lines[2].contains(",3"), "{text}");
    let narrow = [number("v", 0, 0, 3), category("d", &["a", "b", "c"], &[])];
    assert!(matches!(plain(&table, &narrow, Missing::Drop), Err(DataError::BadCell { row: 4, .. })));
    let absent = [number("w", 0, 0, 3)];
    assert!(matches!(plain(&table, &absent, Missing::Drop), Err(DataError::NoColumn { .. })));
}

#[test]
fn rows_are_counted_without_a_column_and_over_many_batches() {
    let lines = 3 * 8192 + 5;
    let text = std::iter::once("v\n".to_owned()).chain((0..lines).map(|i| format!("{}\n", i % 7)));
    let table = csv(&text.collect::<String>());
    assert_eq!(plain(&table, &[], Missing::Refuse).unwrap().len, lines);
    let read = plain(&table, &[number("v", 0, 0, 6)], Missing::Refuse).unwrap();
    let ColumnData::Numbers(numbers) = &read.columns[0] else { panic!("numbers") };
    assert!(numbers.len() == lines && (0..).zip(numbers).all(|(i, number)| i % 7 == *number));
    let late = text_with_fault(lines);
    assert!(matches!(
        plain(&late, &[number("v", 0, 0, 6)], Missing::Refuse),
        Err(DataError::BadCell { row, .. }) if row == lines as u64
    ));
}

fn text_with_fault(lines: usize) -> TableSource {
    let cell = |i| if i + 1 == lines { "x\n" } else { "1\n" };
    csv(&std::iter::once("v\n").chain((0..lines).map(cell)).collect::<String>())
}

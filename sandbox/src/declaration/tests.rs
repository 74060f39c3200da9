use super::*;

const MAPPER: &str = r#"
abi = "sbx/1"
name = "income-by-age"
version = "1.0.0"
kind = "mapper"
[[column]]
name = "region"
type = "category"
[[column]]
name = "income"
type = "number"
[[parameter]]
name = "bins"
type = "integer"
minimum = 1
maximum = 50
default = 10
[[axis]]
name = "region"
of = "region"
[[axis]]
name = "bin"
size = "bins"
[[measure]]
name = "income"
minimum = 0
maximum = 1000000
decimals = 2
squares = true
"#;

const AGGREGATE: &str = r#"
abi = "sbx/1"
name = "regression"
version = "1"
kind = "aggregate"
passes = 25
[[column]]
name = "x"
type = "number"
[[table]]
name = "coefficients"
rows = ["intercept", "x"]
columns = ["estimate"]
minimum = -10
maximum = 10
"#;

fn broken(text: &str, from: &str, to: &str) -> String {
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text, "`{from}` stands in the declaration");
    parse(changed.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_mapper_reads_as_written() {
    let declaration = parse(MAPPER.as_bytes()).unwrap();
    let Kind::Mapper(mapper) = &declaration.kind else { panic!("a mapper") };
    assert_eq!(mapper.axes[0].extent, Extent::Column(0));
    assert_eq!(mapper.axes[1].extent, Extent::Parameter(0));
    assert!(mapper.measures[0].squares && mapper.derived.is_empty());
    assert_eq!(declaration.columns[1].column_type, ColumnType::Number);
}

#[test]
fn an_aggregate_reads_as_written() {
    let declaration = parse(AGGREGATE.as_bytes()).unwrap();
    let Kind::Aggregate(aggregate) = &declaration.kind else { panic!("an aggregate") };
    assert_eq!((aggregate.passes, aggregate.state_bytes), (25, 1 << 16));
    assert_eq!(aggregate.tables[0].range, Some((-10.0, 10.0)));
}

const BROKEN: [(&str, &str, &str, &str); 23] = [
    (MAPPER, "sbx/1", "sbx/2", "speaks `sbx/2`; this program speaks `sbx/1`"),
    (MAPPER, "of = \"region\"", "of = \"nowhere\"", "region takes its labels from a declared column"),
    (MAPPER, "of = \"region\"", "of = \"income\"", "region takes its labels from a column of type category"),
    (MAPPER, "size = \"bins\"", "size = \"rows\"", "bin takes its size from a declared parameter"),
    (
        MAPPER,
        "minimum = 1\n",
        "minimum = 0\n",
        "bin takes its size from an integer parameter between 1 and 65536",
    ),
    (MAPPER, "maximum = 50", "maximum = 50.5", "bins has integers as its range"),
    (MAPPER, "default = 10", "default = 51", "bins has a `default` within its range"),
    (MAPPER, "minimum = 1\n", "minimum = 51\n", "bins has a `minimum` that is not above its `maximum`"),
    (MAPPER, "decimals = 2", "decimals = 10", "income has at most 9 decimals"),
    (
        MAPPER,
        "maximum = 1000000",
        "maximum = 20000000000000",
        "income stays below 2^50 in units of its last decimal",
    ),
    (MAPPER, "maximum = 1000000", "maximum = 0", "income has a `minimum` below its `maximum`"),
    (MAPPER, "name = \"income\"\ntype", "name = \"region\"\ntype", "names of columns are not named twice"),
    (MAPPER, "kind = \"mapper\"", "kind = \"mapper\"\npasses = 2", "`passes` is for aggregates"),
    (MAPPER, "kind = \"mapper\"", "kind = \"aggregate\"", "`axis` is for mappers"),
    (
        MAPPER,
        "size = \"bins\"",
        "size = \"bins\"\nof = \"region\"",
        "bin has one of labels, a size and the column whose categories it takes",
    ),
    (AGGREGATE, "passes = 25", "passes = 101", "`passes` is between 1 and 100"),
    (AGGREGATE, "passes = 25", "state_bytes = 67108865", "`state_bytes` is at most 2^26"),
    (AGGREGATE, "maximum = 10", "", "coefficients has both `minimum` and `maximum` or neither"),
    (AGGREGATE, "minimum = -10", "minimum = 10", "coefficients has a `minimum` below its `maximum`"),
    (
        MAPPER,
        "[[axis]]\nname = \"bin\"",
        "[[axis]]\nname = \"more\"\nlabels = [\"a\"]\n[[axis]]\nname = \"bin\"",
        "`axis` is given at most twice",
    ),
    (AGGREGATE, "\"intercept\", \"x\"", "\"x\", \"x\"", "coefficients are not named twice"),
    (
        AGGREGATE,
        "\"intercept\", \"x\"",
        "\"a\\u0007\"",
        "coefficients has 1 to 128 bytes, no control characters and no space at its ends",
    ),
    (AGGREGATE, "columns = [\"estimate\"]", "columns = []", "coefficients has at least one column"),
];

#[test]
fn every_rule_is_named() {
    for (text, from, to, message) in BROKEN {
        assert_eq!(broken(text, from, to), message, "{from} -> {to}");
    }
}

#[test]
fn what_is_no_declaration_is_refused() {
    assert_eq!(parse(&[0xff]), Err(DeclarationError::Encoding));
    assert_eq!(
        parse(&vec![b'#'; MAX_DECLARATION_BYTES + 1]),
        Err(DeclarationError::Length { found: 65_537 })
    );
    assert!(matches!(parse(b"abi = 1"), Err(DeclarationError::Syntax(_))));
    assert!(
        matches!(broken(MAPPER, "kind", "colour = 1\nkind"), message if message.contains("unknown field `colour`"))
    );
}

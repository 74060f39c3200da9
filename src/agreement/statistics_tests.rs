use super::document::to_toml;
use super::*;

const EXAMPLE: &str = include_str!("../../examples/join-agreement.toml");

const NOISE: &str = "[disclosure.noise]\nmechanism = \"discrete-laplace\"\nepsilon = \"1\"\n";

fn terms(text: &str) -> Terms {
    toml::from_str(text).unwrap()
}

fn agree(text: &str) -> Result<Agreement, AgreementError> {
    Agreement::new(terms(text))
}

/// Makes the example's agreement with one text in place of another.
fn changed(from: &str, to: &str) -> Result<Agreement, AgreementError> {
    assert!(EXAMPLE.contains(from), "{from}");
    agree(&EXAMPLE.replacen(from, to, 1))
}

/// Returns the name of the field that an error names, and the entry where it names one.
fn blamed(result: Result<Agreement, AgreementError>) -> (&'static str, String) {
    match result {
        Err(AgreementError::Field { name, .. }) => (name, String::new()),
        Err(AgreementError::Entry { name, entry, .. }) => (name, entry),
        found => panic!("{found:?}"),
    }
}

#[test]
fn the_example_is_valid_and_survives_its_own_text() {
    let agreement = agree(EXAMPLE).unwrap();
    let again = agree(&to_toml(&agreement)).unwrap();
    assert_eq!((again.terms(), again.hash()), (agreement.terms(), agreement.hash()));
    let parts = agreement.join_terms().unwrap();
    assert_eq!((parts.columns.len(), parts.statistics.len(), parts.disclosure.minimum_count), (4, 5, 10));
    assert!(parts.statistics[1].totals, "margins are released by default");
    let canonical = String::from_utf8(agreement.canonical()).unwrap();
    let column = r#"{"decimals":0,"edges":["0","18","35","60","120"],"kind":"bins","name":"age band","party":"insurer","source":"age"}"#;
    assert!(canonical.contains(column), "{canonical}");
    assert!(
        canonical.contains(r#""join":{"dummies":{"delta":"0.000000001","epsilon":"1"},"duplicates":"sum""#)
    );
}

#[test]
fn every_term_is_signed() {
    let hash = agree(EXAMPLE).unwrap().hash();
    let changes = [
        ("\"sum\"  ", "\"first\"  "),
        ("missing = \"drop\"", "missing = \"refuse\""),
        ("delta = \"0.000000001\"", "delta = \"0.00000001\""),
        ("decimals = 2", "decimals = 3"),
        ("max = \"500000\"", "max = \"500001\""),
        ("杭州市上城区", "杭州市拱墅区"),
        ("\"trim\", \"nfkc\"", "\"nfkc\", \"trim\""),
        ("\"60\", \"120\"", "\"60\", \"130\""),
        ("source = \"age\"", "source = \"years\""),
        ("\"mean\" ", "\"sum\" "),
        ("totals = true", "totals = false"),
        ("minimum_count = 10", "minimum_count = 9"),
        ("p_percent = 15", "p_percent = 16"),
        ("percent = 75", "percent = 76"),
        ("claims 2025", "claims 2024"),
    ];
    for (from, to) in changes {
        assert_ne!(changed(from, to).unwrap().hash(), hash, "{to}");
    }
}

#[test]
fn the_two_kinds_of_agreement_are_told_apart() {
    let join = agree(EXAMPLE).unwrap();
    let refused = join.protocol().unwrap_err();
    assert!(matches!(refused, AgreementError::NotAnIntersection));
    assert!(refused.hint().unwrap().contains("tidegate join"));
    let cut = EXAMPLE.split("[join]").next().unwrap().replace("join-elgamal", "psi-ecdh");
    let psi = agree(&cut.replace("dataset =", "# dataset =")).unwrap();
    let refused = psi.join_terms().unwrap_err();
    assert!(matches!(refused, AgreementError::NotStatistics) && refused.hint().is_some());
}

#[test]
fn an_agreement_on_an_intersection_has_no_part_on_statistics() {
    let psi = EXAMPLE.replace("join-elgamal", "psi-ecdh");
    let (head, parts) = psi.split_once("[join]").unwrap();
    assert_eq!(blamed(agree(&psi)).0, "join");
    assert_eq!(blamed(agree(head)).0, "party.dataset");
    let head = head.replace("dataset =", "# dataset =");
    let of = |name: &str| parts.find(name).unwrap();
    for (name, part) in [
        ("column", &parts[of("[[column]]")..of("[[statistic]]")]),
        ("statistic", &parts[of("[[statistic]]")..of("[disclosure]")]),
        ("disclosure", &parts[of("[disclosure]")..]),
    ] {
        assert_eq!(blamed(agree(&format!("{head}{part}"))).0, name);
    }
}

#[test]
fn the_parts_are_required() {
    let drop = |change: fn(&mut Terms)| {
        let mut terms = terms(EXAMPLE);
        change(&mut terms);
        blamed(Agreement::new(terms)).0
    };
    assert_eq!(drop(|t| t.join = None), "join");
    assert_eq!(drop(|t| t.disclosure = None), "disclosure");
    assert_eq!(drop(|t| t.statistic.clear()), "statistic");
    assert_eq!(drop(|t| t.output.truncate(1)), "output");
    assert_eq!(drop(|t| t.minimum_intersection = 1), "minimum_intersection");
    assert_eq!(drop(|t| t.column = vec![t.column[0].clone(); 65]), "column");
    assert_eq!(drop(|t| t.statistic = vec![t.statistic[0].clone(); 65]), "statistic");
}

#[test]
fn every_rule_of_the_columns_is_kept() {
    let cases = [
        ("name = \"district\"", "name = \"paid\"", "column.name", "paid"),
        ("name = \"district\"", "name = \" \"", "column.name", " "),
        (
            "party = \"bureau\"\nname = \"employment\"",
            "party = \"x\"\nname = \"employment\"",
            "column.party",
            "employment",
        ),
        ("source = \"age\"", "source = \"\"", "column.source", "age band"),
        ("decimals = 2", "decimals = 10", "column.decimals", "paid"),
        ("min = \"0\"", "min = \"0.001\"", "column.min", "paid"),
        ("max = \"500000\"", "max = \"90071992547409.92\"", "column.max", "paid"),
        ("min = \"0\"", "min = \"500000.00\"", "column.max", "paid"),
        ("[\"杭州市上城区\", \"杭州市西湖区\", \"宁波市海曙区\"]", "[]", "column.categories", "district"),
        ("杭州市上城区", "杭州市西湖区", "column.categories", "district"),
        ("杭州市上城区", "a\\nb", "column.categories", "district"),
        ("杭州市上城区", "ＡＢ", "column.categories", "district"),
        ("decimals = 0", "decimals = 11", "column.decimals", "age band"),
        ("\"0\", \"18\", \"35\"", "\"0\", \"35\", \"35\"", "column.edges", "age band"),
        ("\"0\", \"18\", \"35\"", "\"0\", \"17.5\", \"35\"", "column.edges", "age band"),
        ("[\"0\", \"18\", \"35\", \"60\", \"120\"]", "[\"0\"]", "column.edges", "age band"),
    ];
    for (from, to, name, entry) in cases {
        assert_eq!(blamed(changed(from, to)), (name, entry.to_owned()), "{to}");
    }
    let many = |count: usize| (0..count).map(|i| format!("\"c{i}\"")).collect::<Vec<_>>().join(",");
    let rules = format!("rules = [{}]", ["\"trim\""; 17].join(","));
    assert_eq!(blamed(changed("rules = [\"trim\", \"nfkc\"]", &rules)).0, "column.rules");
    assert_eq!(blamed(changed("\"杭州市上城区\"", &many(4095))).0, "column.categories");
}

#[test]
fn every_rule_of_the_statistics_is_kept() {
    let first = "paid by district and age";
    let cases = [
        ("name = \"ages\"", "name = \"by employment\"", "statistic.name", "by employment"),
        ("name = \"ages\"", "name = \"\"", "statistic.name", ""),
        ("of = \"paid\"\nby", "by", "statistic.of", first),
        ("of = \"paid\"\nby", "of = \"pay\"\nby", "statistic.of", first),
        ("of = \"paid\"\nby", "of = \"age band\"\nby", "statistic.of", first),
        ("kind = \"histogram\"", "kind = \"histogram\"\nof = \"paid\"", "statistic.of", "ages"),
        ("by = [\"district\"", "by = [\"paid\"", "statistic.by", first),
        ("by = [\"district\"", "by = [\"nowhere\"", "statistic.by", first),
        ("by = [\"district\"", "by = [\"age band\"", "statistic.by", first),
        ("by = [\"district\"", "by = [\"employment\"", "statistic.by", first),
        ("by = [\"district\", \"age band\"]", "by = [\"employment\"]", "statistic.by", first),
        (
            "kind = \"histogram\"\nby = [\"age band\"]",
            "kind = \"histogram\"\nby = [\"district\"]",
            "statistic.by",
            "ages",
        ),
        ("kind = \"histogram\"\nby = [\"age band\"]", "kind = \"histogram\"", "statistic.by", "ages"),
        (
            "kind = \"histogram\"\nby = [\"age band\"]",
            "kind = \"crosstab\"\nby = [\"age band\"]",
            "statistic.by",
            "ages",
        ),
        ("party = \"bureau\"                #", "#", "statistic.party", "records in both registers"),
        (
            "party = \"bureau\"                #",
            "party = \"x\" #",
            "statistic.party",
            "records in both registers",
        ),
        ("kind = \"histogram\"", "kind = \"histogram\"\nparty = \"bureau\"", "statistic.party", "ages"),
        ("by = [\"employment\"]", "party = \"bureau\"", "column", "employment"),
    ];
    for (from, to, name, entry) in cases {
        assert_eq!(blamed(changed(from, to)), (name, entry.to_owned()), "{to}");
    }
    let third = "[[column]]\nkind = \"category\"\nparty = \"insurer\"\nname = \"sex\"\ncategories = [\"f\", \"m\"]\n\n[[statistic]]";
    let three = EXAMPLE.replacen("[[statistic]]", third, 1);
    let three =
        three.replace("by = [\"district\", \"age band\"]", "by = [\"district\", \"age band\", \"sex\"]");
    assert_eq!(blamed(agree(&three)), ("statistic.by", first.to_owned()));
}

#[test]
fn every_rule_of_the_policy_is_kept() {
    let cases = [
        ("minimum_count = 10", "minimum_count = 0", "disclosure.minimum_count"),
        ("minimum_count = 10", "minimum_count = 9007199254740992", "disclosure.minimum_count"),
        ("p_percent = 15", "p_percent = 0", "disclosure.p_percent"),
        ("p_percent = 15", "p_percent = 101", "disclosure.p_percent"),
        ("# round_to = 5", "round_to = 1", "disclosure.round_to"),
        ("# round_to = 5", "round_to = 11", "disclosure.round_to"),
        ("# round_to = 5", "round_to = 5", "statistic.kind"),
        ("largest = 1", "largest = 6", "disclosure.dominance.largest"),
        ("percent = 75", "percent = 0", "disclosure.dominance.percent"),
        ("delta = \"0.000000001\"", "delta = \"0.011\"", "join.dummies.delta"),
        ("dataset = \"claims 2025\"", "dataset = \" \"", "party.dataset"),
    ];
    for (from, to, name) in cases {
        assert_eq!(blamed(changed(from, to)).0, name, "{to}");
    }
}

#[test]
fn rules_on_contributions_need_numbers_that_are_not_negative() {
    let negative = || {
        let mut terms = terms(&EXAMPLE.replace("min = \"0\"", "min = \"-0.01\""));
        let policy = terms.disclosure.take().unwrap();
        (terms, policy)
    };
    for rules in 0..4 {
        let (mut terms, mut policy) = negative();
        policy.dominance = policy.dominance.filter(|_| rules & 1 != 0);
        policy.p_percent = policy.p_percent.filter(|_| rules & 2 != 0);
        terms.disclosure = Some(policy);
        match Agreement::new(terms) {
            Ok(_) => assert_eq!(rules, 0),
            refused => assert_eq!(blamed(refused), ("column.min", "paid".to_owned())),
        }
    }
}

/// The example with noise instead of the rules that noise excludes.
fn noisy_text(noise: &str) -> String {
    let (rules, _) = EXAMPLE.split_once("p_percent = 15").unwrap();
    format!("{rules}\n{noise}")
}

#[test]
fn noise_needs_datasets_dummies_and_its_own_rules() {
    let noisy = |more: &str| agree(&noisy_text(&format!("{NOISE}{more}")));
    noisy("").unwrap();
    noisy("[disclosure.budget]\nepsilon = \"1.0\"\n").unwrap();
    let field = |text: &str| blamed(agree(text)).0;
    let both = format!("{EXAMPLE}\n{NOISE}");
    assert_eq!(field(&both), "disclosure.noise");
    let gaussian = NOISE.replace("laplace", "gaussian");
    assert_eq!(field(&noisy_text(&gaussian)), "disclosure.noise.delta");
    agree(&noisy_text(&format!("{gaussian}delta = \"0.00001\"\n"))).unwrap();
    assert_eq!(field(&noisy_text("[disclosure.budget]\nepsilon = \"4\"\n")), "disclosure.budget");
    let nameless = noisy_text(NOISE).replace("dataset = \"register 2025\"", "");
    assert_eq!(field(&nameless), "party.dataset");
    let dummies = noisy_text(NOISE).find("[join.dummies]").unwrap();
    let text = noisy_text(NOISE);
    let (before, after) = text.split_at(dummies);
    let (_, after) = after.split_once("[[column]]").unwrap();
    assert_eq!(field(&format!("{before}[[column]]{after}")), "join.dummies");
}

#[test]
fn unknown_fields_of_the_parts_are_refused() {
    let refused = |from: &str, to: &str| {
        assert!(EXAMPLE.contains(from), "{from}");
        toml::from_str::<Terms>(&EXAMPLE.replacen(from, to, 1)).unwrap_err().to_string()
    };
    for (from, to) in [
        ("decimals = 2", "decimals = 2\nunit = \"yuan\""),
        ("decimals = 2", "decimals = 2\nedges = [\"0\"]"),
        ("p_percent = 15", "p_percent = 15\nextra = 1"),
        ("largest = 1 ", "largest = 1\nsmallest = 1 "),
        ("totals = true", "totals = true\nwhere = \"x\""),
        ("missing = \"drop\"", "missing = \"drop\"\nextra = 1"),
    ] {
        assert!(refused(from, to).contains("unknown field"), "{to}");
    }
    assert!(refused("min = \"0\"", "min = 0").contains("string"));
    assert!(refused("min = \"0\"", "min = \"1e3\"").contains("a number reads"));
    assert!(refused("kind = \"number\"", "kind = \"date\"").contains("unknown variant"));
    assert!(refused("missing = \"drop\"", "missing = \"zero\"").contains("unknown variant"));
}

#[test]
fn combinations_that_are_part_of_others_share_their_grid() {
    let terms = terms(EXAMPLE);
    let insurer = grids(&terms, Some("insurer"));
    assert_eq!(insurer, [Grid { by: vec![1, 2], statistics: vec![0, 1, 2] }]);
    assert_eq!(insurer[0].cell_count(&terms), 3 * 4);
    assert_eq!(grids(&terms, Some("bureau")), [Grid { by: vec![3], statistics: vec![3, 4] }]);
    assert_eq!(grids(&terms, Some("nobody")), []);
    let apart = EXAMPLE.replace("by = [\"district\", \"age band\"]", "by = [\"district\"]");
    let apart = grids(&self::terms(&apart), Some("insurer"));
    assert_eq!(apart.iter().map(|grid| &grid.by[..]).collect::<Vec<_>>(), [[1], [2]]);
    assert_eq!(apart[0].statistics, [0, 1], "what has no groups goes to the first");
    let single = EXAMPLE.replace("by = [\"employment\"]", "party = \"bureau\"");
    let single = self::terms(&single);
    assert_eq!(grids(&single, Some("bureau")), [Grid { by: vec![], statistics: vec![3, 4] }]);
    assert_eq!(grids(&single, Some("bureau"))[0].cell_count(&single), 1);
}

#[test]
fn grids_are_disjoint_small_and_single_in_partitions() {
    let sex = "[[column]]\nkind = \"category\"\nparty = \"insurer\"\nname = \"sex\"\ncategories = [\"f\", \"m\"]\n\n[[statistic]]\nname = \"sexes\"\nkind = \"crosstab\"\nby = [\"sex\", \"age band\"]\n\n[[statistic]]";
    let linked = EXAMPLE.replacen("[[statistic]]", sex, 1);
    let error = agree(&linked).unwrap_err();
    assert!(error.to_string().contains("subtracted from each other"), "{error}");
    assert_eq!(blamed(Err(error)), ("statistic.by", "age band".to_owned()));

    let apart = EXAMPLE.replace("by = [\"district\", \"age band\"]", "by = [\"district\"]");
    agree(&apart).unwrap();
    let partitions = |text: &str| agree(&text.replace("groups = \"columns\"", "groups = \"partitions\""));
    partitions(EXAMPLE).unwrap();
    assert_eq!(blamed(partitions(&apart)).0, "statistic.by");
    let bare = EXAMPLE.replace("[join.dummies]", "[ignored]");
    let bare = bare.split("[ignored]").next().unwrap().to_owned() + &bare[bare.find("[[column]]").unwrap()..];
    agree(&bare).unwrap();
    assert_eq!(blamed(partitions(&bare)).0, "join.dummies");

    let wide = |count: usize| {
        let categories = (0..count).map(|i| format!("\"c{i}\"")).collect::<Vec<_>>().join(",");
        changed("\"杭州市上城区\", \"杭州市西湖区\", \"宁波市海曙区\"", &categories)
    };
    wide(1024).unwrap();
    assert_eq!(blamed(wide(1025)).0, "statistic.by");
}

#[test]
fn columns_say_how_they_are_read_and_how_their_groups_are_named() {
    use crate::data::ColumnSpec;
    let terms = terms(EXAMPLE);
    let paid = ColumnSpec::Number { source: "paid".into(), decimals: 2, min: 0, max: 50_000_000 };
    assert_eq!(terms.column[0].spec(), paid);
    let age = ColumnSpec::Bins { source: "age".into(), decimals: 0, edges: vec![0, 18, 35, 60, 120] };
    assert_eq!(terms.column[2].spec(), age);
    match terms.column[1].spec() {
        ColumnSpec::Category { categories, rules, .. } => {
            assert_eq!((categories.len(), rules), (3, vec![Rule::Trim, Rule::Nfkc]));
        }
        found => panic!("{found:?}"),
    }
    assert_eq!(terms.column[2].group_labels(), ["[0, 18)", "[18, 35)", "[35, 60)", "[60, 120]"]);
    assert_eq!(terms.column[3].group_labels()[3], "retired");
    assert_eq!((terms.column[0].group_count(), terms.column[0].group_labels()), (None, vec![]));
}

#[test]
fn a_column_of_a_table_is_grouped_by_in_one_way() {
    let more = "\n[[column]]\nkind = \"bins\"\nparty = \"insurer\"\nname = \"other band\"\nsource = \"age\"\ndecimals = 0\n\
        edges = [\"0\", \"17\", \"120\"]\n\n[[statistic]]\nname = \"others\"\nkind = \"histogram\"\n\
        by = [\"other band\"]\n\n[disclosure]\n";
    let refused = agree(&EXAMPLE.replace("\n[disclosure]\n", more));
    assert_eq!(blamed(refused), ("column.source", "other band".to_owned()));
}

#[test]
fn quotients_of_rounded_and_variances_of_noisy_figures_are_refused() {
    let spread = |text: &str| text.replace("kind = \"sum\"", "kind = \"variance\"");
    agree(&spread(EXAMPLE)).unwrap();
    let refused = agree(&spread(&noisy_text(NOISE)));
    assert_eq!(blamed(refused), ("statistic.kind", "paid in all".to_owned()));
    let rounded = EXAMPLE.replace("# round_to", "round_to");
    assert_eq!(blamed(agree(&rounded)), ("statistic.kind", "paid by district and age".to_owned()));
    agree(&rounded.replace("kind = \"mean\"", "kind = \"sum\"")).unwrap();
}

use super::document::{sign_file, to_toml};
use super::*;
use crate::data::ColumnSpec;
use crate::identity::{Identity, PublicKey};

const EXAMPLE: &str = include_str!("../../examples/sum-agreement.toml");

const NOISE: &str =
    "\n[disclosure.noise]\nmechanism = \"discrete-gaussian\"\nepsilon = \"1\"\ndelta = \"0.000001\"\n";

fn agree(text: &str) -> Result<Agreement, AgreementError> {
    Agreement::new(toml::from_str(text).unwrap())
}

/// Makes the example's agreement with one text in place of another.
fn changed(from: &str, to: &str) -> Result<Agreement, AgreementError> {
    assert!(EXAMPLE.contains(from), "{from}");
    agree(&EXAMPLE.replacen(from, to, 1))
}

/// Returns the name of the field that an error names.
fn blamed(result: Result<Agreement, AgreementError>) -> &'static str {
    match result {
        Err(AgreementError::Field { name, .. } | AgreementError::Entry { name, .. }) => name,
        found => panic!("{found:?}"),
    }
}

/// The example without its hub, with `east` as coordinator.
fn without_hub() -> String {
    let (head, rest) = EXAMPLE.split_once("[hub]").unwrap();
    let rest = rest.split_once("[sum]").unwrap().1.replace("# coordinator", "coordinator");
    let head = head.replacen("\nmax_records", "\nendpoint = \"east.example:7440\"\nmax_records", 1);
    format!("{head}[sum]{rest}")
}

/// The example with noise and what it needs.
fn noisy() -> String {
    let named = EXAMPLE.replace("\nmax_records", "\ndataset = \"stays\"\nmax_records");
    let sums = named.replace("\"standard-deviation\"\nof", "\"sum\"\nof");
    sums.replace("minimum_contributors = 3", "").trim_end().to_owned() + NOISE
}

/// The first two parties of the example.
fn of_two(text: &str) -> String {
    let (head, _) = text.split_once("[[party]]\nname = \"river\"").unwrap();
    let rest = text.find("[hub]").unwrap();
    let head = head.replace(", \"river\", \"south\", \"west\"", "");
    let rest = text[rest..].replace("threshold = 4", "").replace("minimum_parties = 4", "");
    format!("{head}{rest}")
}

#[test]
fn the_example_is_valid_and_survives_its_own_text() {
    let agreement = agree(EXAMPLE).unwrap();
    let again = agree(&to_toml(&agreement)).unwrap();
    assert_eq!((again.terms(), again.hash()), (agreement.terms(), agreement.hash()));
    let sum = agreement.sum_terms().unwrap();
    assert_eq!((sum.parties.len(), sum.columns.len(), sum.statistics.len()), (5, 4, 4));
    assert_eq!((sum.threshold, sum.minimum_parties, sum.minimum_contributors), (4, 4, 3));
    assert_eq!((sum.sum.prg.name(), sum.sum.commitments, sum.most_records()), ("aes128-ctr", true, 200_000));
    assert_eq!((sum.coordinator.name, sum.coordinator.place), ("health-board", None));
    let canonical = String::from_utf8(agreement.canonical()).unwrap();
    let expected = r#""sum":{"commitments":true,"minimum_contributors":3,"minimum_parties":4,"missing":"drop","prg":"aes128-ctr","threshold":4}"#;
    assert!(canonical.contains(expected), "{canonical}");
    assert!(
        !canonical.contains("\"key\":[")
            && canonical.contains(r#""sources":{"age band":"年龄","cost":"费用"}"#)
    );
}

#[test]
fn every_term_of_a_sum_is_signed() {
    let hash = agree(EXAMPLE).unwrap().hash();
    let changes = [
        ("threshold = 4 ", "threshold = 3 "),
        ("minimum_parties = 4", "minimum_parties = 5"),
        ("minimum_contributors = 3", "minimum_contributors = 4"),
        ("\"aes128-ctr\" ", "\"chacha20\" "),
        ("\"drop\" ", "\"refuse\" "),
        ("commitments = true", "commitments = false"),
        ("\"费用\"", "\"价格\""),
        ("board.example:7440", "board.example:7441"),
        ("name = \"health-board\"", "name = \"board\""),
        ("minimum_count = 10", "minimum_count = 9"),
    ];
    for (from, to) in changes {
        assert_ne!(changed(from, to).unwrap().hash(), hash, "{to}");
    }
}

#[test]
fn what_is_not_said_follows_from_the_parties() {
    let sum = |text: &str| {
        let agreement = agree(text).unwrap();
        let sum = agreement.sum_terms().unwrap();
        (sum.threshold, sum.minimum_parties, sum.minimum_contributors, sum.minimum_honest)
    };
    let bare = EXAMPLE.replace("threshold = 4 ", "# ").replace("minimum_parties = 4 ", "# ");
    let bare = bare.replace("minimum_contributors = 3", "");
    assert_eq!(sum(&bare), (4, 4, 3, 3));
    assert_eq!(sum(&bare.replace("commitments = true", "threshold = 3")), (3, 3, 3, 2));
    assert_eq!(sum(&noisy()), (4, 4, 1, 3));
    assert_eq!(sum(&of_two(&noisy())), (2, 2, 1, 1));
}

#[test]
fn every_rule_of_a_sum_is_kept() {
    let key = "[[key]]\nname = \"id\"\nrules = []\n\n[hub]";
    let join = "[join]\ngroups = \"columns\"\nduplicates = \"sum\"\nmissing = \"drop\"\n\n[sum]";
    let cases = [
        ("minimum_intersection = 0", "minimum_intersection = 1", "minimum_intersection"),
        (", \"west\"]", "]", "output"),
        ("[hub]", key, "key"),
        ("[sum]", join, "join"),
        (
            "Q-Viz3RX3kCppChJJ8IOuriJZkJpCnN749f1apjdlSw",
            "ADnpbgr04ryeqLOB7hIC0paQky6prmikV65vl-BIKn0",
            "party.key",
        ),
        ("name = \"health-board\"", "name = \"west\"", "hub.name"),
        ("name = \"health-board\"", "name = \"The Board\"", "hub.name"),
        (
            "JpxRAWpyLxvwy5yKQdkx6VArtWzqIfEG35wigtp2KKk",
            "ADnpbgr04ryeqLOB7hIC0paQky6prmikV65vl-BIKn0",
            "hub.key",
        ),
        ("board.example:7440", "board", "hub.endpoint"),
        ("max_records = 50000", "max_records = 0", "party.max_records"),
        ("max_records = 50000", "max_records = 5\ncolumns = []", "party.columns"),
        ("cost = \"费用\"", "price = \"费用\"", "party.sources"),
        ("cost = \"费用\"", "cost = \" \"", "party.sources"),
        ("\"年龄\"", "\"department\"", "column.source"),
        ("# coordinator", "coordinator", "sum.coordinator"),
        ("threshold = 4 ", "threshold = 1 ", "sum.threshold"),
        ("threshold = 4 ", "threshold = 6 ", "sum.threshold"),
        ("minimum_parties = 4", "minimum_parties = 3", "sum.minimum_parties"),
        ("minimum_parties = 4", "minimum_parties = 6", "sum.minimum_parties"),
        ("minimum_contributors = 3", "minimum_contributors = 1", "sum.minimum_contributors"),
        ("minimum_contributors = 3", "minimum_contributors = 6", "sum.minimum_contributors"),
        ("# minimum_honest", "minimum_honest", "sum.minimum_honest"),
        ("name = \"cost\"\n", "name = \"cost\"\nparty = \"east\"\n", "column.party"),
        ("kind = \"count\"", "kind = \"count\"\nparty = \"east\"", "statistic.party"),
        ("name = \"days\"", "name = \"cost\"", "column.name"),
        ("minimum_count = 10", "minimum_count = 0", "disclosure.minimum_count"),
        ("# round_to = 5", "round_to = 5", "statistic.kind"),
        ("minimum_count = 10", "minimum_count = 10\np_percent = 5", "disclosure.p_percent"),
        (
            "minimum_count = 10",
            "minimum_count = 10\ndominance = { largest = 1, percent = 50 }",
            "disclosure.dominance",
        ),
    ];
    for (from, to, name) in cases {
        assert_eq!(blamed(changed(from, to)), name, "{to}");
    }
    let twice = EXAMPLE.replace("\"north\"", "\"east\"").replacen("\"east\", \"east\"", "\"east\"", 1);
    assert_eq!(blamed(agree(&twice)), "party.name");
    let linked = EXAMPLE.replace(
        "kind = \"histogram\"\nby = [\"age band\"]",
        "kind = \"count\"\nby = [\"age band\", \"ward\"]",
    );
    let ward =
        "[[column]]\nkind = \"category\"\nname = \"ward\"\ncategories = [\"a\", \"b\"]\n\n[[statistic]]";
    assert_eq!(blamed(agree(&linked.replacen("[[statistic]]", ward, 1))), "statistic.by");
}

#[test]
fn parts_of_a_sum_are_required_and_stay_in_it() {
    let drop = |change: fn(&mut Terms)| {
        let mut terms = toml::from_str(EXAMPLE).unwrap();
        change(&mut terms);
        blamed(Agreement::new(terms))
    };
    assert_eq!(drop(|t| t.sum = None), "sum");
    assert_eq!(drop(|t| t.disclosure = None), "disclosure");
    assert_eq!(drop(|t| t.statistic.clear()), "statistic");
    assert_eq!(drop(|t| t.party.truncate(1)), "party");
    assert_eq!(drop(|t| t.party = vec![t.party[0].clone(); 101]), "party");
    let join = include_str!("../../examples/join-agreement.toml");
    let with = |from: &str, to: &str| blamed(agree(&join.replacen(from, to, 1)));
    let hub = &EXAMPLE[EXAMPLE.find("[hub]").unwrap()..EXAMPLE.find("[sum]").unwrap()];
    assert_eq!(with("[join]", &format!("{hub}[join]")), "hub");
    assert_eq!(with("[join]", "[sum]\nmissing = \"drop\"\n\n[join]"), "sum");
    assert_eq!(with("[join]", "[party.sources]\npaid = \"x\"\n\n[join]"), "party.sources");
    assert_eq!(with("party = \"insurer\"\nname = \"paid\"", "name = \"paid\""), "column.party");
}

#[test]
fn two_parties_need_noise() {
    let plain = EXAMPLE.replace("minimum_contributors = 3", "minimum_contributors = 2");
    assert_eq!(blamed(agree(&of_two(&plain))), "party");
    agree(&of_two(&noisy())).unwrap();
    let mut few = agree(EXAMPLE).unwrap().terms().clone();
    few.party.truncate(3);
    few.output.truncate(3);
    let sum = few.sum.as_mut().unwrap();
    (sum.threshold, sum.minimum_parties) = (Some(2), Some(2));
    assert_eq!(blamed(Agreement::new(few)), "sum.minimum_parties");
}

#[test]
fn a_threshold_is_more_than_half_and_by_one_more_where_a_party_coordinates() {
    let coordinated = |threshold| {
        let mut terms = agree(EXAMPLE).unwrap().terms().clone();
        terms.hub = None;
        terms.party[0].endpoint = Some("east.example:7440".into());
        let sum = terms.sum.as_mut().unwrap();
        (sum.coordinator, sum.threshold) = (Some("east".into()), Some(threshold));
        Agreement::new(terms)
    };
    assert_eq!(blamed(coordinated(3)), "sum.threshold");
    coordinated(4).unwrap();
    assert_eq!(blamed(changed("threshold = 4 ", "threshold = 2 ")), "sum.threshold");
    changed("threshold = 4 ", "threshold = 3 ").unwrap();
}

#[test]
fn noise_of_a_sum_has_rules_of_its_own() {
    let text = noisy();
    agree(&text).unwrap();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        blamed(agree(&text.replacen(from, to, 1)))
    };
    assert_eq!(
        with(
            "discrete-gaussian\"\nepsilon = \"1\"\ndelta = \"0.000001\"",
            "discrete-laplace\"\nepsilon = \"1\""
        ),
        "disclosure.noise.mechanism"
    );
    assert_eq!(with("dataset = \"stays\"\n", ""), "party.dataset");
    assert_eq!(with("commitments = true", "minimum_contributors = 3"), "sum.minimum_contributors");
    assert_eq!(with("commitments = true", "minimum_honest = 0"), "sum.minimum_honest");
    assert_eq!(with("commitments = true", "minimum_honest = 5"), "sum.minimum_honest");
    assert_eq!(with("kind = \"sum\"", "kind = \"variance\""), "statistic.kind");
}

#[test]
fn a_party_coordinates_where_there_is_no_hub() {
    let text = without_hub();
    let agreement = agree(&text).unwrap();
    let coordinator = agreement.sum_terms().unwrap().coordinator;
    assert_eq!(
        (coordinator.name, coordinator.endpoint, coordinator.place),
        ("east", "east.example:7440", Some(0))
    );
    let with = |from: &str, to: &str| blamed(agree(&text.replacen(from, to, 1)));
    assert_eq!(with("coordinator = \"east\"", ""), "sum.coordinator");
    assert_eq!(with("coordinator = \"east\"", "coordinator = \"stranger\""), "sum.coordinator");
    assert_eq!(with("coordinator = \"east\"", "coordinator = \"west\""), "party.endpoint");
}

#[test]
fn members_find_themselves_by_their_keys() {
    let of = |agreement: &Agreement, key: &PublicKey| {
        let member = agreement.member(key).unwrap();
        let place = match member.seat {
            Seat::Party { place, term } => {
                assert_eq!(term.name, member.name.as_str());
                Some(place)
            }
            Seat::Hub(hub) => {
                assert_eq!(hub.name, member.name.as_str());
                None
            }
        };
        (place, member.is_coordinator)
    };
    let hub = agree(EXAMPLE).unwrap();
    let members: Vec<_> = hub.members().map(|(_, key)| of(&hub, key)).collect();
    assert_eq!(members[..4], [0, 1, 2, 3].map(|place| (Some(place), false)));
    assert_eq!(members[5], (None, true));
    let own = agree(&without_hub()).unwrap();
    let members: Vec<_> = own.members().map(|(_, key)| of(&own, key).1).collect();
    assert_eq!(members, [true, false, false, false, false]);
    let stranger = Identity::generate(&mut tidegate_mpc::testing::seeded_rng(77)).public();
    assert!(matches!(hub.member(&stranger), Err(AgreementError::NotAParty { .. })));
}

#[test]
fn the_hub_signs_too() {
    let identity = |seed| Identity::generate(&mut tidegate_mpc::testing::seeded_rng(seed));
    let mut terms: Terms = toml::from_str(EXAMPLE).unwrap();
    let parties: Vec<_> = (20..25).map(identity).collect();
    terms.party.iter_mut().zip(&parties).for_each(|(party, identity)| party.key = identity.public());
    let hub = identity(30);
    terms.hub.as_mut().unwrap().key = hub.public();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.toml");
    write_new(&path, &Agreement::new(terms).unwrap(), false).unwrap();
    for party in &parties {
        sign_file(&path, party).unwrap();
    }
    let half = SignedAgreement::load(&path).unwrap().require_all();
    assert!(matches!(half, Err(AgreementError::Unsigned { parties }) if parties == ["health-board"]));
    sign_file(&path, &hub).unwrap();
    SignedAgreement::load(&path).unwrap().require_all().unwrap();
    assert!(matches!(sign_file(&path, &identity(31)), Err(AgreementError::NotAParty { .. })));
}

#[test]
fn columns_are_read_by_the_names_of_each_party() {
    let agreement = agree(EXAMPLE).unwrap();
    let age = &agreement.terms().column[3];
    let sources =
        agreement.terms().party.iter().map(|party| {
            age.spec_from(party.source_of(age.name(), age.source()).to_owned()).source().to_owned()
        });
    assert_eq!(sources.collect::<Vec<_>>(), ["age", "年龄", "age", "age", "age"]);
    assert!(matches!(age.spec(), ColumnSpec::Bins { source, .. } if source == "age"));
}

#[test]
fn kinds_of_agreements_are_told_apart() {
    let sum = agree(EXAMPLE).unwrap();
    for refused in [sum.protocol().unwrap_err(), sum.join_terms().unwrap_err()] {
        assert!(
            matches!(refused, AgreementError::OnASum) && refused.hint().unwrap().contains("tidegate sum")
        );
    }
    let join = agree(include_str!("../../examples/join-agreement.toml")).unwrap();
    assert!(matches!(join.sum_terms(), Err(AgreementError::NotASum)));
}

use std::path::PathBuf;

use tempfile::TempDir;

use super::document::{sign_file, to_toml, write_new};
use super::short_form::OutputFor;
use super::*;
use crate::identity::Identity;

struct Pair {
    a: Identity,
    b: Identity,
    terms: Terms,
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn pair() -> Pair {
    let [a, b] = [1, 2].map(|seed| Identity::generate(&mut tidegate_mpc::testing::seeded_rng(seed)));
    let party = |name: &str, identity: &Identity, endpoint: Option<&str>| PartyTerm {
        name: name.into(),
        key: identity.public(),
        endpoint: endpoint.map(Into::into),
        max_records: 1000,
        columns: None,
        dataset: None,
        sources: Default::default(),
    };
    let terms = Terms {
        version: 1,
        id: "settlement-2026".into(),
        purpose: "medical bills settled across provinces 跨省结算".into(),
        protocol: "psi-ecdh".into(),
        output: vec!["health".into()],
        minimum_intersection: 5,
        max_runs: 2,
        expires: Some(day("2027-06-30")),
        key: vec![KeyTerm { name: "id".into(), rules: vec![Rule::ResidentId] }],
        party: vec![party("health", &a, Some("127.0.0.1:7440")), party("credit", &b, None)],
        hub: None,
        join: None,
        sum: None,
        vector: None,
        column: Vec::new(),
        statistic: Vec::new(),
        disclosure: None,
        report: None,
    };
    Pair { a, b, terms }
}

fn saved(pair: &Pair) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agreement.toml");
    write_new(&path, &Agreement::new(pair.terms.clone()).unwrap(), false).unwrap();
    (dir, path)
}

#[test]
fn the_canonical_form_and_its_hash_are_fixed() {
    let canonical = String::from_utf8(Agreement::new(pair().terms).unwrap().canonical()).unwrap();
    let expected = r#"{"expires":"2027-06-30","id":"settlement-2026","key":[{"name":"id","rules":["resident-id"]}],"max_runs":2,"minimum_intersection":5,"output":["health"],"party":[{"endpoint":"127.0.0.1:7440","key":"A","max_records":1000,"name":"health"},{"key":"B","max_records":1000,"name":"credit"}],"protocol":"psi-ecdh","purpose":"medical bills settled across provinces 跨省结算","version":1}"#;
    let [a, b] = [pair().a, pair().b].map(|identity| identity.public().to_string());
    assert_eq!(canonical, expected.replace("\"A\"", &format!("{a:?}")).replace("\"B\"", &format!("{b:?}")));
}

#[test]
fn an_agreement_survives_its_file_and_signing() {
    let pair = pair();
    let (_dir, path) = saved(&pair);
    let before = SignedAgreement::load(&path).unwrap();
    assert!(
        matches!(before.require_all(), Err(AgreementError::Unsigned { parties }) if parties == ["health", "credit"])
    );
    sign_file(&path, &pair.a).unwrap();
    assert!(
        matches!(SignedAgreement::load(&path).unwrap().require_all(), Err(AgreementError::Unsigned { parties }) if parties == ["credit"])
    );
    sign_file(&path, &pair.b).unwrap();
    let after = SignedAgreement::load(&path).unwrap();
    after.require_all().unwrap();
    assert_eq!(after.agreement(), before.agreement());
    assert_eq!(after.agreement().hash(), before.agreement().hash());
}

#[test]
fn signing_keeps_comments_and_refuses_strangers_and_second_signatures() {
    let pair = pair();
    let (_dir, path) = saved(&pair);
    let text = format!("# a note\n{}", std::fs::read_to_string(&path).unwrap());
    std::fs::write(&path, &text).unwrap();
    sign_file(&path, &pair.a).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().starts_with(&text));
    assert!(matches!(sign_file(&path, &pair.a), Err(AgreementError::SignedAlready { .. })));
    let stranger = Identity::generate(&mut tidegate_mpc::testing::seeded_rng(3));
    assert!(matches!(sign_file(&path, &stranger), Err(AgreementError::NotAParty { .. })));
}

#[test]
fn a_signature_fits_only_the_terms_it_was_made_for() {
    let pair = pair();
    let (_dir, path) = saved(&pair);
    sign_file(&path, &pair.a).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let changes = [
        ("max_runs = 2", "max_runs = 3"),
        ("2027-06-30", "2027-07-30"),
        ("resident-id", "trim"),
        ("max_records = 1000", "max_records = 1001"),
        ("minimum_intersection = 5", "minimum_intersection = 4"),
        ("psi-ecdh", "psi-cardinality"),
        ("output = [\"health\"]", "output = [\"credit\"]"),
        ("127.0.0.1:7440", "127.0.0.1:7441"),
    ];
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        assert!(matches!(SignedAgreement::load(&path), Err(AgreementError::BadSignature { .. })), "{to}");
    }
    let renamed = text.replace("party = \"health\"", "party = \"credit\"");
    std::fs::write(&path, renamed).unwrap();
    assert!(matches!(SignedAgreement::load(&path), Err(AgreementError::BadSignature { .. })));
}

#[test]
fn unknown_fields_and_versions_are_refused() {
    let pair = pair();
    let (_dir, path) = saved(&pair);
    let text = to_toml(&Agreement::new(pair.terms).unwrap());
    let load = |text: String| {
        std::fs::write(&path, text).unwrap();
        SignedAgreement::load(&path)
    };
    assert!(matches!(
        load(text.replace("expires = \"2027-06-30\"\n", "")),
        Err(AgreementError::Field { name: "expires", .. })
    ));
    match load(format!("\"\\u001b[31m\" = 1\n{text}")) {
        Err(AgreementError::Syntax { message, .. }) => assert!(!message.contains('\u{1b}')),
        found => panic!("{found:?}"),
    }
    for line in ["extra = 1\n", "[extra]\n", "= 1\n"] {
        assert!(matches!(load(format!("{line}{text}")), Err(AgreementError::Syntax { .. })), "{line}");
    }
    assert!(matches!(load(format!("{text}\n[[party]]\n")), Err(AgreementError::Syntax { .. })));
    assert!(matches!(
        load(text.replace("version = 1", "version = 2")),
        Err(AgreementError::Version { found: 2, .. })
    ));
    assert!(matches!(load("x".repeat(2 << 20)), Err(AgreementError::TooLarge { .. })));
}

#[test]
fn every_rule_of_the_fields_is_kept() {
    type Change = fn(&mut Terms);
    let cases: [(&str, Change); 20] = [
        ("id", |t| t.id = " ".into()),
        ("purpose", |t| t.purpose = "a\nb".into()),
        ("purpose", |t| t.purpose = "x".repeat(1001)),
        ("purpose", |t| t.purpose = "for \u{202e}statistics".into()),
        ("protocol", |t| t.protocol = "psi".into()),
        ("max_runs", |t| t.max_runs = 0),
        ("minimum_intersection", |t| t.minimum_intersection = 1 << 53),
        ("key", |t| t.key.clear()),
        ("key", |t| t.key.push(t.key[0].clone())),
        ("key.name", |t| t.key[0].name.clear()),
        ("party", |t| t.party.truncate(1)),
        ("party.name", |t| t.party[1].name = "health".into()),
        ("party.name", |t| t.party[1].name = "Credit Bureau".into()),
        ("party.key", |t| t.party[1].key = t.party[0].key),
        ("party.endpoint", |t| t.party[0].endpoint = Some("localhost".into())),
        ("party.max_records", |t| t.party[0].max_records = 0),
        ("party.columns", |t| t.party[0].columns = Some(vec![])),
        ("output", |t| t.output.clear()),
        ("output", |t| t.output = vec!["health".into(); 2]),
        ("output", |t| t.output = vec!["stranger".into()]),
    ];
    for (expected, change) in cases {
        let mut terms = pair().terms;
        change(&mut terms);
        match Agreement::new(terms) {
            Err(AgreementError::Field { name, .. }) => assert_eq!(name, expected),
            found => panic!("{expected}: {found:?}"),
        }
    }
}

#[test]
fn sides_dates_and_listening_follow_the_terms() {
    let pair = pair();
    let agreement = Agreement::new(pair.terms.clone()).unwrap();
    let sides = agreement.sides(&pair.b.public()).unwrap();
    assert_eq!((sides.own.name.as_str(), sides.peer.name.as_str()), ("credit", "health"));
    assert!(agreement.listens(sides.peer) && !agreement.listens(sides.own));
    assert!(agreement.gets_output(&sides.peer_name) && !agreement.gets_output(&sides.own_name));
    agreement.check_date(day("2027-06-30")).unwrap();
    assert!(matches!(agreement.check_date(day("2027-07-01")), Err(AgreementError::Expired { .. })));
}

#[test]
fn both_sides_of_a_short_form_make_the_same_agreement() {
    let pair = pair();
    let side = |own: &Identity, peer: &Identity, output| ShortForm {
        own: own.public(),
        peer: peer.public(),
        protocol: "psi-ecdh",
        key: pair.terms.key.clone(),
        output,
        minimum_intersection: 0,
        max_records: 10,
    };
    for (mine, theirs) in [(OutputFor::Both, OutputFor::Both), (OutputFor::Me, OutputFor::Peer)] {
        let ours = side(&pair.a, &pair.b, mine).agreement().unwrap();
        assert_eq!(ours.hash(), side(&pair.b, &pair.a, theirs).agreement().unwrap().hash());
    }
    let unlike = side(&pair.b, &pair.a, OutputFor::Me).agreement().unwrap();
    assert_ne!(side(&pair.a, &pair.b, OutputFor::Me).agreement().unwrap().hash(), unlike.hash());
}

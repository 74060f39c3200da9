//! Makes an agreement, signs it as both parties, checks it, and shows what a later change does.
//! Run: `cargo run --example agreement`

use std::error::Error;
use std::io::{Write, stdout};

use tidegate::agreement::{
    Agreement, AgreementError, KeyTerm, PartyTerm, SignedAgreement, Terms, sign_file, write_new,
};
use tidegate::data::normalize::Rule;
use tidegate::hex::hex;
use tidegate::identity::Identity;

fn party(name: &str, identity: &Identity, endpoint: Option<&str>) -> PartyTerm {
    PartyTerm {
        name: name.into(),
        key: identity.public(),
        endpoint: endpoint.map(Into::into),
        max_records: 5_000_000,
        columns: None,
        dataset: None,
        sources: Default::default(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let [health, credit] = [(), ()].map(|()| Identity::generate(&mut rand::rng()));
    let agreement = Agreement::new(Terms {
        version: 1,
        id: "settlement-2026".into(),
        purpose: "medical bills across provinces".into(),
        protocol: "psi-ecdh".into(),
        output: vec!["health".into()],
        minimum_intersection: 10,
        max_runs: 4,
        expires: Some("2027-06-30".parse()?),
        key: vec![KeyTerm { name: "id".into(), rules: vec![Rule::ResidentId] }],
        party: vec![party("health", &health, Some("health.example:7440")), party("credit", &credit, None)],
        hub: None,
        join: None,
        sum: None,
        vector: None,
        column: Vec::new(),
        statistic: Vec::new(),
        disclosure: None,
        report: None,
    })?;

    // One side writes the file, each signs it, and each can check it.
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("agreement.toml");
    write_new(&path, &agreement, false)?;
    assert!(matches!(SignedAgreement::load(&path)?.require_all(), Err(AgreementError::Unsigned { .. })));
    sign_file(&path, &health)?;
    sign_file(&path, &credit)?;
    let signed = SignedAgreement::load(&path)?;
    signed.require_all()?;
    assert_eq!(signed.agreement().hash(), agreement.hash(), "signatures are no part of the terms");
    assert!(signed.agreement().check_date("2027-07-01".parse()?).is_err(), "the day after the last one");

    // A changed term breaks both signatures.
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, text.replace("max_runs = 4", "max_runs = 400"))?;
    assert!(matches!(SignedAgreement::load(&path), Err(AgreementError::BadSignature { .. })));

    writeln!(stdout(), "{text}\nhash {}", hex(&agreement.hash()))?;
    Ok(())
}

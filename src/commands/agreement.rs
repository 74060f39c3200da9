//! `tidegate agreement`: make, sign, check and show agreements.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::agreement::{
    AGREEMENT_VERSION, Agreement, Day, PartyTerm, SignedAgreement, Terms, sign_file, to_toml, write_new,
};
use crate::cli::{AgreementCommand, AgreementNewArgs, ReportFormat};
use crate::error::{Error, exit};
use crate::hex::hex;
use crate::identity::Identity;
use crate::report::{self, REPORT_VERSION, Report};
use crate::state::StateDir;
use crate::statistics::{Direction, SumPlan, VectorPlan};

/// Runs a verb on an agreement.
pub(super) fn run(verb: AgreementCommand) -> Result<u8, Error> {
    match verb {
        AgreementCommand::New(args) => new(*args),
        AgreementCommand::Sign { file, identity } => {
            check_computable(SignedAgreement::load(&file)?.agreement())?;
            let signed = sign_file(&file, &Identity::load(&identity)?)?;
            show(&signed, ReportFormat::Text)
        }
        AgreementCommand::Check { file, state_dir } => check(&file, state_dir.as_deref()),
        AgreementCommand::Show { file, format } => show(&SignedAgreement::load(&file)?, format),
    }
}

fn new(args: AgreementNewArgs) -> Result<u8, Error> {
    let unknown = args.columns.iter().find(|c| !args.parties.iter().any(|party| party.name == c.party));
    if let Some(unknown) = unknown {
        let what = format!("--columns names `{}`, which is no --party", unknown.party);
        return Err(Error::Usage {
            what,
            hint: "write --columns PARTY=COLUMN,.. with the name of a --party",
        });
    }
    if let Some(on) = args.on.iter().find(|on| on.column != on.term.name) {
        let what = format!("--on names a column of one party's table, `{}`", on.column);
        return Err(Error::Usage { what, hint: "say it with --columns PARTY=COLUMN,.." });
    }
    let columns = |name: &str| args.columns.iter().find(|c| c.party == name).map(|c| c.columns.clone());
    let party = args.parties.iter().map(|party| PartyTerm {
        name: party.name.clone(),
        key: party.key,
        endpoint: party.endpoint.clone(),
        max_records: args.max_records,
        columns: columns(&party.name),
        dataset: None,
        sources: Default::default(),
    });
    let agreement = Agreement::new(Terms {
        version: AGREEMENT_VERSION,
        party: party.collect(),
        id: args.id,
        purpose: args.purpose,
        protocol: args.protocol,
        output: args.output_to,
        minimum_intersection: args.minimum,
        max_runs: args.max_runs,
        expires: Some(args.expires),
        key: args.on.into_iter().map(|on| on.term).collect(),
        hub: None,
        join: None,
        sum: None,
        vector: None,
        column: Vec::new(),
        statistic: Vec::new(),
        disclosure: None,
        report: None,
    })?;
    agreement.check_date(Day::today())?;
    write_new(&args.file, &agreement, args.force)?;
    show(&SignedAgreement::load(&args.file)?, ReportFormat::Text)
}

fn check(file: &Path, state_dir: Option<&Path>) -> Result<u8, Error> {
    let signed = SignedAgreement::load(file)?;
    signed.require_all()?;
    let agreement = signed.agreement();
    agreement.check_date(Day::today())?;
    check_computable(agreement)?;
    let runs = StateDir::find(state_dir)?.check_run(&agreement.hash(), agreement.terms().max_runs)?;
    let line = CheckLine { signed: true, runs_left: runs.max - runs.used, hash: hex(&agreement.hash()) };
    report::print(&line, ReportFormat::Text, false)?;
    Ok(exit::DONE)
}

/// Checks that the protocol can compute the statistics of an agreement, where it is on some.
fn check_computable(agreement: &Agreement) -> Result<(), Error> {
    let terms = agreement.terms();
    if terms.sum.is_some() {
        return match terms.vector {
            Some(_) => Ok(VectorPlan::new(agreement).map(|_| ())?),
            None => Ok(SumPlan::new(agreement).map(|_| ())?),
        };
    }
    let Ok(join) = agreement.join_terms() else { return Ok(()) };
    terms.party.iter().try_for_each(|party| Direction::new(terms, join, &party.name).map(|_| ()))?;
    Ok(())
}

#[derive(Serialize)]
struct CheckLine {
    signed: bool,
    runs_left: u32,
    hash: String,
}

impl fmt::Display for CheckLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "signed by every party, in force, {} runs left here", self.runs_left)?;
        writeln!(f, "hash {}", self.hash)
    }
}

impl Report for CheckLine {}

fn show(signed: &SignedAgreement, format: ReportFormat) -> Result<u8, Error> {
    report::print(&Shown::of(signed), format, false)?;
    Ok(exit::DONE)
}

#[derive(Serialize)]
struct Shown<'a> {
    report_version: u32,
    hash: String,
    signed_by: Vec<&'a str>,
    unsigned: Vec<&'a str>,
    agreement: &'a Terms,
    #[serde(skip)]
    text: String,
}

impl<'a> Shown<'a> {
    fn of(signed: &'a SignedAgreement) -> Self {
        let agreement = signed.agreement();
        let names = agreement.members().map(|(name, _)| name);
        let (signed_by, unsigned) = names.partition(|name| signed.signers().any(|signer| signer == *name));
        let (hash, text) = (hex(&agreement.hash()), to_toml(agreement));
        Self { report_version: REPORT_VERSION, hash, signed_by, unsigned, agreement: agreement.terms(), text }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text.trim_end())?;
        writeln!(f, "\nhash {}", self.hash)?;
        if !self.signed_by.is_empty() {
            writeln!(f, "signed by {}", listed(&self.signed_by))?;
        }
        if !self.unsigned.is_empty() {
            writeln!(f, "not yet signed by {}", listed(&self.unsigned))?;
        }
        Ok(())
    }
}

/// Lists names in a sentence.
fn listed(names: &[&str]) -> String {
    match names {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.concat(),
    }
}

impl Report for Shown<'_> {}

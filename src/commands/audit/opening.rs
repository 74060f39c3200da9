//! `tidegate audit opening`: whether figures that a party opened are those it committed to in a sum.
//!
//! Whoever audits holds a report of the run that does not come from the party in question, and the opening that the party
//! kept. That the figures are what the party's table adds up to is then for the auditor to see.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_mpc::aggregation::masked::{Opening, Values, listed_commitment, signed_text};

use crate::cli::AuditOpeningArgs;
use crate::commands::sum::{DOMAIN, KeptOpening};
use crate::data::DataError;
use crate::error::{Error, exit};
use crate::hex::{unhex, unhex_all};
use crate::identity::{PublicKey, Signature};
use crate::report::{self, REPORT_VERSION, Report, SumReport, grouped};

/// What an audit found.
#[derive(Debug, Serialize)]
struct AuditReport {
    report_version: u32,
    command: &'static str,
    /// `holds` or `differs`.
    outcome: &'static str,
    party: String,
    agreement_id: String,
    agreement_hash: String,
    commitment: String,
    /// The key that signed the commitment, to be compared with the agreement's.
    signed_by: String,
    /// How many figures were opened.
    figures: u64,
}

impl fmt::Display for AuditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (figures, party) = (grouped(self.figures), &self.party);
        if self.outcome == HOLDS {
            writeln!(f, "Holds: the {figures} figures are those that {party} committed to")?;
        } else {
            writeln!(f, "Differs: the {figures} figures are not those that {party} committed to")?;
        }
        writeln!(f, "Agreement: {} ({})", self.agreement_id, self.agreement_hash)?;
        writeln!(f, "Commitment: {}", self.commitment)?;
        writeln!(f, "Signed by: {}", self.signed_by)
    }
}

impl Report for AuditReport {}

const HOLDS: &str = "holds";

/// Checks an opening against the report of a run.
pub(super) fn run(args: &AuditOpeningArgs) -> Result<u8, Error> {
    let sum: SumReport = read(&args.report, "no report of a sum", "pass what `tidegate sum --json` wrote")?;
    let hint = "pass what `tidegate sum --opening` wrote";
    let kept: KeptOpening = read(&args.opening, "no opening of a commitment", hint)?;
    let audited = audit(&sum, &kept)?;
    report::print(&audited, args.format, false)?;
    Ok(if audited.outcome == HOLDS { exit::DONE } else { exit::POLICY })
}

/// Reads a file in JSON; an error says where it is wrong and not what stands there.
fn read<T: DeserializeOwned>(path: &Path, what: &str, hint: &'static str) -> Result<T, Error> {
    let file = File::open(path).map_err(|error| DataError::reading(path, &error))?;
    serde_json::from_reader(BufReader::new(file)).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::Usage { what: format!("{path:?} is {what}, by {place}"), hint }
    })
}

fn audit(sum: &SumReport, kept: &KeptOpening) -> Result<AuditReport, Error> {
    let unusable = |what: String, hint| Err(Error::Usage { what, hint });
    let versions = (sum.command.as_str(), sum.report_version, kept.opening_version);
    if versions != ("sum", REPORT_VERSION, KeptOpening::VERSION) {
        return unusable(
            "the report or the opening was written by another version".into(),
            "use the version of tidegate that wrote them",
        );
    }
    if kept.agreement != sum.agreement.hash {
        let [opened, reported] = [&kept.agreement, &sum.agreement.hash].map(|hash| shortened(hash));
        let what = format!("the opening is of agreement {opened}, the report of {reported}");
        return unusable(what, "pass the report and the opening of one run");
    }
    let party = sum.parties.iter().find(|party| party.name == kept.party);
    let Some(commitment) = party.and_then(|party| party.commitment.as_deref()) else {
        let what = format!("the report has no commitment of {:?}", kept.party);
        return unusable(
            what,
            "it commits where the agreement says so, and if its figures are in the totals of that run",
        );
    };
    let decoded = (unhex(commitment), unhex(&kept.session), unhex(&kept.salt));
    let (Some(digest), Some(session), Some(salt)) = decoded else {
        return unusable(
            "the commitment, the session or the salt has other than 64 hexadecimal digits".into(),
            "pass the files as `tidegate sum` wrote them",
        );
    };
    check_signature(sum, &kept.party, &digest)?;
    let opening = Opening::new(session, salt.into());
    let holds = opening.opens(&digest, Values::Wide(&kept.values));
    Ok(AuditReport {
        report_version: REPORT_VERSION,
        command: "audit opening",
        outcome: if holds { HOLDS } else { "differs" },
        party: kept.party.clone(),
        agreement_id: sum.agreement.id.clone(),
        agreement_hash: sum.agreement.hash.clone(),
        commitment: commitment.to_owned(),
        signed_by: party.map(|party| party.key.clone()).unwrap_or_default(),
        figures: kept.values.len() as u64,
    })
}

/// Checks that the party signed the list in which the report found its commitment.
fn check_signature(sum: &SumReport, name: &str, commitment: &[u8; 32]) -> Result<(), Error> {
    let signed = || {
        let (place, party) = sum.parties.iter().enumerate().find(|(_, party)| party.name == name)?;
        let (evidence, signature) = (sum.evidence.as_ref()?, party.signature.as_deref()?);
        let survivors = unhex_all(&evidence.survivors)?;
        let text = signed_text(&unhex(&evidence.session)?, &survivors)?;
        let listed = listed_commitment(&survivors, place)? == *commitment;
        let signature = Signature::from_bytes(unhex(signature)?);
        let key: PublicKey = party.key.parse().ok()?;
        (listed && key.verify(DOMAIN, &text, &signature).is_ok()).then_some(())
    };
    signed().ok_or_else(|| Error::Usage {
        what: format!("the report does not hold the signature of {name:?} over its commitment"),
        hint: "pass a report as `tidegate sum --json` wrote it; an altered one proves nothing",
    })
}

/// Returns the first digits of a hash, without what a terminal obeys.
fn shortened(hash: &str) -> String {
    hash.chars().filter(char::is_ascii_alphanumeric).take(16).collect()
}

//! Agreements: what parties signed before any of their data meets.
//!
//! An agreement names the purpose, the parties with their keys, the key columns and how they are normalized,
//! who gets output, the smallest result that is released, how often it may be run and until when. One on
//! statistics also says which columns may be used, what may be computed and what a result must satisfy. Its hash
//! is bound into every session, so two sides that hold different agreements never exchange a data-dependent byte.
//!
//! | protocol | parties | parts of its own |
//! |---|---|---|
//! | `psi-ecdh`, `psi-cardinality` | 2 | |
//! | `join-elgamal` | 2 | `[join]`, `[[column]]`, `[[statistic]]`, `[disclosure]` |
//! | `sum-masked` | 2 to 100 and perhaps a `[hub]` | `[sum]`, `[[column]]`, `[[statistic]]`, `[disclosure]`; no key |
//!
//! # Canonical form
//! What is hashed and signed is the agreement without its signatures as JSON in the canonical form of RFC 8785:
//! object members sorted by name, no white space, integers, and strings escaped only where JSON demands it.
//! The hash is SHA-256("tidegate/1 agreement" and a line feed, then the canonical form); parties sign the
//! canonical form with [`Identity::sign`] for the domain `tidegate/1 agreement`.
//!
//! | check | what is checked | error |
//! |---|---|---|
//! | AGREE-1 | the document holds exactly the fields of version 1 | [`AgreementError::Syntax`], [`AgreementError::Version`] |
//! | AGREE-2 | every field is within its bounds and the whole makes sense | [`AgreementError::Field`], [`AgreementError::Entry`] |
//! | AGREE-3 | every party signed, and nobody else | [`AgreementError::Unsigned`], [`AgreementError::BadSignature`], [`AgreementError::Stranger`], [`AgreementError::SignedTwice`] |
//! | AGREE-4 | it has not expired | [`AgreementError::Expired`] |
//! | AGREE-5 | the own key is a party's | [`AgreementError::NotAParty`] |

mod canonical;
mod columns;
mod day;
mod disclosure;
mod document;
mod error;
mod grids;
mod parties;
mod report;
mod short_form;
mod statistics;
mod sum;
mod vector;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tidegate_mpc::{PartyId, Protocol};

pub use columns::{ColumnTerm, MAX_COLUMN_TERMS, MAX_GROUPS, MAX_NUMBER_DECIMALS};
pub use day::{Day, NotADay};
pub use disclosure::{BudgetTerm, DisclosureTerm};
pub use document::{SignatureEntry, SignedAgreement, sign_file, to_toml, write_new};
pub use error::AgreementError;
pub use grids::{Grid, grids};
pub use parties::{HubTerm, MAX_PARTIES, Member, PartyTerm, Seat, Sides};
pub use report::{MeasureTerm, ReportTerm};
pub use short_form::{OutputFor, ShortForm};
pub use statistics::{
    DummiesTerm, GroupHiding, JoinTerm, JoinTerms, MAX_STATISTICS, StatisticKind, StatisticTerm,
};
pub use sum::{Coordinator, Prg, SumTerm, SumTerms};
pub use vector::{MAX_CELLS, VectorTerm};

use crate::data::normalize::Rule;
use crate::identity::{Identity, Signature};

/// Version of the document that this program reads and writes.
pub const AGREEMENT_VERSION: u32 = 1;

/// Domain of the parties' signatures, and the first line of what is hashed.
const DOMAIN: &str = "tidegate/1 agreement";

/// Integers of the canonical form are below this, and so exact in every implementation of JSON.
const MAX_EXACT: u64 = 1 << 53;

/// Longest id, purpose, column name and endpoint, in bytes.
const MAX_TEXT_BYTES: usize = 1000;

/// Most columns that make up a key.
pub const MAX_KEY_COLUMNS: usize = 16;

/// The terms of an agreement, without its signatures; always valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Agreement {
    terms: Terms,
}

/// The fields of the document, in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Version of the document, 1.
    pub version: u32,
    /// Name of the agreement between its parties.
    pub id: String,
    /// What the result is for.
    pub purpose: String,
    /// `psi-ecdh`, under which `--count-only` is allowed too, `psi-cardinality`, `join-elgamal`, `sum-masked`, or `prio3`.
    pub protocol: String,
    /// Names of the parties that get output.
    pub output: Vec<String>,
    /// Below this number of common keys nothing is released; 0 under `join-elgamal` and `sum-masked`.
    pub minimum_intersection: u64,
    /// How often each party may run it.
    pub max_runs: u32,
    /// Last day on which it may be run, by UTC; only the short form has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Day>,
    /// The columns that make up the key; none under `sum-masked` and `prio3`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<KeyTerm>,
    /// The parties: two, but under `sum-masked`.
    pub party: Vec<PartyTerm>,
    /// Who coordinates a sum without data of its own; under `sum-masked` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<HubTerm>,
    /// How the records meet; under `join-elgamal` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<JoinTerm>,
    /// How figures are summed up; under `sum-masked` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<SumTerm>,
    /// The vector that stands in for columns and statistics; under `sum-masked` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<VectorTerm>,
    /// The columns that may be used; this and all below under `join-elgamal` and `sum-masked` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub column: Vec<ColumnTerm>,
    /// The statistics that may be computed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statistic: Vec<StatisticTerm>,
    /// What a result must satisfy before it leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disclosure: Option<DisclosureTerm>,
    /// What reports are made of; under `prio3` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportTerm>,
}

/// A column of the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyTerm {
    /// Its name in the agreement.
    pub name: String,
    /// The normalization rules, in order; none for the exact bytes.
    pub rules: Vec<Rule>,
}

impl Agreement {
    /// Checks terms.
    ///
    /// # Errors
    /// [`AgreementError::Version`], [`AgreementError::Field`], [`AgreementError::Entry`].
    pub fn new(terms: Terms) -> Result<Self, AgreementError> {
        if terms.version != AGREEMENT_VERSION {
            return Err(AgreementError::Version { found: terms.version, expected: AGREEMENT_VERSION });
        }
        check_texts(&terms)?;
        match named_protocol(&terms)? {
            Protocol::SumMasked => {
                report::check_absent(&terms)?;
                parties::check_many(&terms)?;
                check_outputs(&terms)?;
                sum::check(&terms)?;
            }
            protocol => {
                if protocol != Protocol::Prio3 {
                    check_key(&terms)?;
                    report::check_absent(&terms)?;
                }
                parties::check_two(&terms)?;
                check_outputs(&terms)?;
                sum::check_absent(&terms)?;
                match protocol {
                    Protocol::Prio3 => report::check(&terms)?,
                    Protocol::JoinElGamal => statistics::check(&terms)?,
                    _ => statistics::check_absent(&terms)?,
                }
            }
        }
        Ok(Self { terms }) // AGREE-2
    }

    /// Returns the fields.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Returns the canonical form.
    pub fn canonical(&self) -> Vec<u8> {
        canonical::encode(&self.terms)
    }

    /// Returns the hash of the canonical form.
    pub fn hash(&self) -> [u8; 32] {
        let hash = Sha256::new_with_prefix(DOMAIN).chain_update("\n");
        hash.chain_update(self.canonical()).finalize().into()
    }

    /// Returns the protocol of an agreement on an intersection.
    ///
    /// # Errors
    /// [`AgreementError::NotAnIntersection`], [`AgreementError::OnASum`], [`AgreementError::OnReports`].
    pub fn protocol(&self) -> Result<Protocol, AgreementError> {
        match named_protocol(&self.terms)? {
            Protocol::JoinElGamal => Err(AgreementError::NotAnIntersection),
            Protocol::SumMasked => Err(AgreementError::OnASum),
            Protocol::Prio3 => Err(AgreementError::OnReports),
            protocol => Ok(protocol),
        }
    }

    /// Returns the parts of an agreement on statistics over common records.
    ///
    /// # Errors
    /// [`AgreementError::NotStatistics`], [`AgreementError::OnASum`].
    pub fn join_terms(&self) -> Result<JoinTerms<'_>, AgreementError> {
        let Terms { join, column, statistic, disclosure, sum, .. } = &self.terms;
        match (join, disclosure) {
            (Some(join), Some(disclosure)) => {
                Ok(JoinTerms { join, columns: column, statistics: statistic, disclosure })
            }
            _ if sum.is_some() => Err(AgreementError::OnASum),
            _ if self.terms.report.is_some() => Err(AgreementError::OnReports),
            _ => Err(AgreementError::NotStatistics),
        }
    }

    /// Returns the part of an agreement on reports.
    ///
    /// # Errors
    /// [`AgreementError::NotReports`].
    pub fn report_terms(&self) -> Result<&ReportTerm, AgreementError> {
        self.terms.report.as_ref().ok_or(AgreementError::NotReports)
    }

    /// Signs as the owner of `identity`.
    pub fn sign(&self, identity: &Identity) -> Signature {
        identity.sign(DOMAIN, &self.canonical())
    }

    /// Checks a signature of the party `name`.
    ///
    /// # Errors
    /// [`AgreementError::Stranger`], [`AgreementError::BadSignature`].
    pub fn verify(&self, name: &str, signature: &Signature) -> Result<(), AgreementError> {
        let mut members = self.members();
        let found = members.find_map(|(member, key)| (member == name).then_some(key));
        let key = found.ok_or_else(|| AgreementError::Stranger { name: shown(name) })?;
        let verified = key.verify(DOMAIN, &self.canonical(), signature);
        verified.map_err(|_| AgreementError::BadSignature { party: shown(name) })
    }

    /// Checks that `today` is not past the last day.
    ///
    /// # Errors
    /// [`AgreementError::Expired`].
    pub fn check_date(&self, today: Day) -> Result<(), AgreementError> {
        match self.terms.expires {
            Some(expires) if today > expires => Err(AgreementError::Expired { expires }), // AGREE-4
            _ => Ok(()),
        }
    }

    /// Tells whether the party gets output.
    pub fn gets_output(&self, name: &PartyId) -> bool {
        self.terms.output.iter().any(|output| output == name.as_str())
    }

    /// Returns the names of the key columns in the table of `party`.
    pub fn columns_of(&self, party: &PartyTerm) -> Vec<String> {
        let default = || self.terms.key.iter().map(|key| key.name.clone()).collect();
        party.columns.clone().unwrap_or_else(default)
    }

    /// Tells whether `party` waits for the other to connect: the first with an endpoint does.
    pub fn listens(&self, party: &PartyTerm) -> bool {
        let listener = self.terms.party.iter().find(|party| party.endpoint.is_some());
        listener.is_some_and(|listener| listener.key == party.key)
    }
}

fn named_protocol(terms: &Terms) -> Result<Protocol, AgreementError> {
    let known = [
        Protocol::PsiEcdh,
        Protocol::PsiCardinality,
        Protocol::JoinElGamal,
        Protocol::SumMasked,
        Protocol::Prio3,
    ];
    let found = known.into_iter().find(|p| p.name() == terms.protocol);
    let rule = "is `psi-ecdh`, `psi-cardinality`, `join-elgamal`, `sum-masked` or `prio3`";
    found.ok_or_else(|| field("protocol", rule))
}

fn field(name: &'static str, rule: &'static str) -> AgreementError {
    AgreementError::Field { name, rule }
}

/// Returns `text` for an error: without characters that a terminal obeys or hides, and not long.
fn shown(text: &str) -> String {
    text.chars().filter(|&c| is_visible(c)).take(200).collect()
}

/// Tells whether a reader sees the character as it is: no control, no invisible format and no bidirectional
/// override, with which a text reads otherwise than what was signed (Unicode TR #36 §2.5).
fn is_visible(c: char) -> bool {
    let hidden = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !hidden
}

fn require(holds: bool, name: &'static str, rule: &'static str) -> Result<(), AgreementError> {
    if holds { Ok(()) } else { Err(field(name, rule)) }
}

/// As [`require`], for a field of the entry of a list, which has a name.
fn require_of(
    holds: bool,
    name: &'static str,
    entry: &str,
    rule: &'static str,
) -> Result<(), AgreementError> {
    if holds { Ok(()) } else { Err(AgreementError::Entry { name, entry: shown(entry), rule }) }
}

/// Tells whether a text is a line that a reader sees as it is, and not long.
pub(crate) fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_TEXT_BYTES && text.chars().all(is_visible)
}

const LINE: &str = "is one line of 1 to 1000 bytes, without invisible characters";

fn check_texts(terms: &Terms) -> Result<(), AgreementError> {
    require(is_line(&terms.id), "id", LINE)?;
    require(is_line(&terms.purpose), "purpose", LINE)?;
    require(terms.max_runs > 0, "max_runs", "is at least 1")?;
    require(terms.minimum_intersection < MAX_EXACT, "minimum_intersection", "is below 2^53")
}

fn check_key(terms: &Terms) -> Result<(), AgreementError> {
    let names: BTreeSet<_> = terms.key.iter().map(|key| &key.name).collect();
    let count = (1..=MAX_KEY_COLUMNS).contains(&terms.key.len());
    require(count, "key", "has 1 to 16 columns")?;
    require(names.len() == terms.key.len(), "key", "names each column once")?;
    require(terms.key.iter().all(|key| is_line(&key.name)), "key.name", LINE)?;
    require(terms.key.iter().all(|key| key.rules.len() <= 16), "key.rules", "has at most 16 rules")
}

fn check_outputs(terms: &Terms) -> Result<(), AgreementError> {
    let distinct: BTreeSet<_> = terms.output.iter().collect();
    let known = |name: &String| terms.party.iter().any(|party| party.name == *name);
    require(!terms.output.is_empty(), "output", "names at least one party")?;
    require(distinct.len() == terms.output.len(), "output", "names each party once")?;
    require(terms.output.iter().all(known), "output", "names only parties of the agreement")
}

#[cfg(test)]
mod statistics_tests;
#[cfg(test)]
mod sum_tests;
#[cfg(test)]
mod tests;

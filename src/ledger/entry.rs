//! Entries: what happened, when, under which agreement or grant, between whom.
//!
//! An entry's bytes are one line of canonical JSON: names in alphabetical order, no spaces, no field that does not apply,
//! integers alone. Whoever reads an entry writes it again and compares, so that one entry has one text.
//!
//! | kind | says | has | may have |
//! |---|---|---|---|
//! | `agreement-seen` | an agreement is used for the first time | agreement, parties, protocol, purpose | |
//! | `grant` | the owner lets an algorithm run | grant, purpose | agreement, dataset, parties, protocol |
//! | `run-started` | a run begins; nothing has left | basis, protocol | dataset, parties, purpose |
//! | `run-refused` | the rules keep a run from starting, or its result from leaving | basis, protocol, reason | dataset, parties, started |
//! | `run-failed` | a run ended without a result | basis, protocol, reason, started | dataset, parties |
//! | `released` | a run ended and what it gives was handed out | basis, protocol, report or table, started | dataset, parties, report, run, table |
//! | `cosigned` | the owner cosigned a partner's checkpoint | checkpoint, log | |
//!
//! The basis is the agreement or the grant, `started` the place of the run's own `run-started`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::LedgerError;
use super::tile::MAX_ENTRY_BYTES;
use crate::agreement::is_line;
use crate::hex::{hex, unhex};

/// Version of the entries.
const VERSION: u32 = 1;

/// Most parties of an entry.
const MAX_PARTIES: usize = 1024;

/// A moment, to the second, by UTC; its text is that of RFC 3339 with `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(Timestamp);

impl Time {
    /// Takes seconds since 1970; none beyond the year 9999.
    pub fn from_seconds(seconds: u64) -> Option<Self> {
        Some(Self(Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?))
    }

    /// Returns the present moment by the system's clock, 1970 where that is set to before.
    pub fn now() -> Self {
        let seconds = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        Self::from_seconds(seconds).unwrap_or(Self(Timestamp::UNIX_EPOCH))
    }

    /// Returns the seconds since 1970.
    pub fn seconds(self) -> u64 {
        u64::try_from(self.0.as_second()).unwrap_or_default()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Time {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let bad = LedgerError::BadEntry { what: "a time reads YYYY-MM-DDTHH:MM:SSZ, from 1970 on" };
        let time: Option<Timestamp> = text.parse().ok();
        // The parser takes more forms than the one that is hashed.
        let time = time.filter(|time| time.to_string() == text && time.subsec_nanosecond() == 0);
        time.filter(|time| time.as_second() >= 0).map(Self).ok_or(bad)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A SHA-256 digest; its text is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl From<[u8; 32]> for Digest {
    fn from(raw: [u8; 32]) -> Self {
        Self(raw)
    }
}

impl Digest {
    /// Returns the raw digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digest = unhex(&String::deserialize(deserializer)?).map(Self);
        digest.ok_or_else(|| D::Error::custom("a digest is 64 hexadecimal digits"))
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An agreement is used for the first time.
    AgreementSeen,
    /// The owner lets an algorithm run.
    Grant,
    /// A run begins.
    RunStarted,
    /// The rules keep a run from starting, or its result from leaving.
    RunRefused,
    /// A run ended without a result.
    RunFailed,
    /// A run ended and what it gives was handed out.
    Released,
    /// The owner cosigned a partner's checkpoint.
    Cosigned,
}

impl Kind {
    /// Returns the name, as entries have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AgreementSeen => "agreement-seen",
            Self::Grant => "grant",
            Self::RunStarted => "run-started",
            Self::RunRefused => "run-refused",
            Self::RunFailed => "run-failed",
            Self::Released => "released",
            Self::Cosigned => "cosigned",
        }
    }

    /// Returns the fields that an entry of this kind has, and those that it may have.
    fn fields(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::AgreementSeen => (&["agreement", "parties", "protocol", "purpose"], &[]),
            Self::Grant => (&["grant", "purpose"], &["agreement", "dataset", "parties", "protocol"]),
            Self::RunStarted => {
                (&["basis", "protocol"], &["agreement", "grant", "dataset", "parties", "purpose"])
            }
            Self::RunRefused => {
                (&["basis", "protocol", "reason"], &["agreement", "grant", "dataset", "parties", "started"])
            }
            Self::RunFailed => {
                (&["basis", "protocol", "reason", "started"], &["agreement", "grant", "dataset", "parties"])
            }
            Self::Released => (
                &["basis", "protocol", "result", "started"],
                &["agreement", "grant", "dataset", "parties", "report", "run", "table"],
            ),
            Self::Cosigned => (&["checkpoint", "log"], &[]),
        }
    }
}

/// What was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// `tidegate psi`.
    Psi,
    /// `tidegate join`.
    Join,
    /// `tidegate sum`.
    Sum,
    /// `tidegate aggregate`.
    Report,
    /// `tidegate sandbox`.
    Sandbox,
}

/// Why a run was refused or failed: a class, since words might quote the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The agreement or grant has expired.
    Expired,
    /// All its runs are used.
    RunsSpent,
    /// The dataset's privacy budget does not suffice.
    BudgetSpent,
    /// The parties do not mean to run the same.
    TermsDiffer,
    /// Fewer parties are there than agreed.
    TooFewParties,
    /// The result does not satisfy the disclosure policy.
    Withheld,
    /// The link to another party failed.
    Link,
    /// Another party broke the protocol.
    Peer,
    /// A person stopped the run.
    Interrupted,
    /// Something on the owner's own side.
    Local,
}

/// A dataset and, where it is known, which version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Its name in the agreement or grant.
    pub name: String,
    /// The digest of its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Digest>,
}

/// An entry. The fields stand in the order of the canonical form; which ones apply depends on the kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The hash of the agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Digest>,
    /// The digest of the checkpoint that was cosigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Digest>,
    /// The owner's dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Dataset>,
    /// The digest of the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Digest>,
    /// What happened.
    pub kind: Kind,
    /// The ledger that was cosigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The parties' names, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parties: Vec<String>,
    /// What was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// For what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The digest of the report in JSON, as `--json` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Digest>,
    /// Which run under the agreement, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// Where the run's `run-started` stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<u64>,
    /// The digest of the file with the released table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Digest>,
    /// When it was written.
    pub time: Time,
    /// Version of the form.
    pub version: u32,
}

impl Entry {
    /// Makes an entry in which no field is set that not every entry has.
    pub fn new(kind: Kind, time: Time) -> Self {
        Self {
            agreement: None,
            checkpoint: None,
            dataset: None,
            grant: None,
            kind,
            log: None,
            parties: Vec::new(),
            protocol: None,
            purpose: None,
            reason: None,
            report: None,
            run: None,
            started: None,
            table: None,
            time,
            version: VERSION,
        }
    }

    /// Returns the canonical form.
    ///
    /// # Errors
    /// [`LedgerError::BadEntry`] where the fields are not those of the kind, or a text is none to be shown.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LedgerError> {
        self.check().map_err(|what| LedgerError::BadEntry { what })?;
        Ok(serde_json::to_vec(self).expect("entries are strings, integers, lists and objects"))
    }

    /// Reads the canonical form and nothing else; says what is wrong otherwise.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let entry: Self = serde_json::from_slice(bytes).map_err(|_| "is none that this version knows")?;
        entry.check()?;
        let again = serde_json::to_vec(&entry).map_err(|_| "is none that this version knows")?;
        if again == bytes { Ok(entry) } else { Err("is not in its canonical form") }
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.version != VERSION {
            return Err("has a version that this program does not know");
        }
        let (present, (required, optional)) = (self.present(), self.kind.fields());
        let derived = ["basis", "result"];
        let known =
            |field: &&str| required.contains(field) || optional.contains(field) || derived.contains(field);
        if !required.iter().all(|field| present.contains(field)) {
            return Err("lacks a field of its kind");
        }
        if !present.iter().all(known) {
            return Err("has a field that is not of its kind");
        }
        self.check_texts()
    }

    /// Names the fields that are set.
    fn present(&self) -> Vec<&'static str> {
        let fields = [
            ("agreement", self.agreement.is_some()),
            ("basis", self.agreement.is_some() || self.grant.is_some()),
            ("checkpoint", self.checkpoint.is_some()),
            ("dataset", self.dataset.is_some()),
            ("grant", self.grant.is_some()),
            ("log", self.log.is_some()),
            ("parties", !self.parties.is_empty()),
            ("protocol", self.protocol.is_some()),
            ("purpose", self.purpose.is_some()),
            ("reason", self.reason.is_some()),
            ("report", self.report.is_some()),
            ("result", self.report.is_some() || self.table.is_some()),
            ("run", self.run.is_some()),
            ("started", self.started.is_some()),
            ("table", self.table.is_some()),
        ];
        fields.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect()
    }

    fn check_texts(&self) -> Result<(), &'static str> {
        let texts = self.parties.iter().chain(&self.log).chain(&self.purpose);
        let mut texts = texts.chain(self.dataset.as_ref().map(|dataset| &dataset.name));
        if !texts.all(|text| is_line(text)) {
            return Err("has a text that is not one line of 1 to 1000 bytes, without invisible characters");
        }
        if !self.parties.is_sorted_by(|a, b| a < b) || self.parties.len() > MAX_PARTIES {
            return Err("has parties out of order, or too many");
        }
        let bytes: usize = self.parties.iter().map(|party| party.len() + 3).sum();
        if bytes < MAX_ENTRY_BYTES / 2 { Ok(()) } else { Err("has names of parties that take too much room") }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One entry of each kind with every field that it may have.
    pub(in crate::ledger) fn full_entries(time: Time) -> Vec<Entry> {
        let digest = |byte: u8| Some(Digest([byte; 32]));
        let dataset = Some(Dataset { name: "claims".into(), version: digest(9) });
        let parties = vec!["credit".to_owned(), "health".to_owned()];
        let purpose = Some("medical bills settled across provinces 跨省结算".to_owned());
        let base = |kind, protocol| Entry {
            agreement: digest(1),
            parties: parties.clone(),
            protocol: Some(protocol),
            ..Entry::new(kind, time)
        };
        vec![
            Entry { purpose: purpose.clone(), ..base(Kind::AgreementSeen, Protocol::Join) },
            Entry {
                grant: digest(2),
                dataset: dataset.clone(),
                purpose: purpose.clone(),
                ..base(Kind::Grant, Protocol::Sandbox)
            },
            Entry { dataset: dataset.clone(), purpose, ..base(Kind::RunStarted, Protocol::Join) },
            Entry {
                dataset: dataset.clone(),
                reason: Some(Reason::Withheld),
                started: Some(2),
                ..base(Kind::RunRefused, Protocol::Sum)
            },
            Entry {
                dataset: dataset.clone(),
                reason: Some(Reason::Link),
                started: Some(2),
                ..base(Kind::RunFailed, Protocol::Report)
            },
            Entry {
                dataset,
                report: digest(3),
                run: Some(4),
                started: Some(2),
                table: digest(5),
                ..base(Kind::Released, Protocol::Psi)
            },
            Entry {
                checkpoint: digest(6),
                log: Some("tidegate-ledger/11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into()),
                ..Entry::new(Kind::Cosigned, time)
            },
        ]
    }

    fn time() -> Time {
        "2026-11-22T05:19:31Z".parse().unwrap()
    }

    #[test]
    fn entries_have_one_canonical_form() {
        for entry in full_entries(time()) {
            let bytes = entry.to_bytes().unwrap();
            assert_eq!(Entry::parse(&bytes).unwrap(), entry);
            // The order of names is that of any map that sorts them.
            let sorted: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(serde_json::to_vec(&sorted).unwrap(), bytes);
            assert_eq!(sorted["kind"], entry.kind.name());
        }
        let expected = r#"{"checkpoint":"0606060606060606060606060606060606060606060606060606060606060606","kind":"cosigned","log":"tidegate-ledger/11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","time":"2026-11-22T05:19:31Z","version":1}"#;
        let last = full_entries(time()).pop().unwrap().to_bytes().unwrap();
        assert_eq!(String::from_utf8(last).unwrap(), expected);
    }

    #[test]
    fn other_forms_of_an_entry_are_refused() {
        let text = String::from_utf8(full_entries(time())[5].to_bytes().unwrap()).unwrap();
        let cases = [
            (text.replace("\"kind\":", "\"kind\": "), "canonical"),
            (text.replace("\"run\":4", "\"run\":4.0"), "none that"),
            (text.replace("\"run\":4", "\"run\":4,\"seconds\":5"), "none that"),
            (text.replace("\"run\":4", "\"run\":null"), "canonical"),
            (text.replace("\"version\":1", "\"version\":2"), "version"),
            (text.replace("05:19:31Z", "05:19:31.5Z"), "none that"),
            (text.replace("05:19:31Z", "05:19:31+00:00"), "none that"),
            (text.replace("2026-11", "1926-11"), "none that"),
            (text.replace("credit", "zredit"), "out of order"),
            (text.replace("credit", "cr\u{202e}dit"), "invisible"),
            (text.replace("credit", "cr\\u001bdit"), "invisible"),
            (text.replace("released", "run-started"), "not of its kind"),
            (text.replace(",\"started\":2", ""), "lacks"),
            (text.replace("psi", "ps"), "none that"),
        ];
        for (altered, expected) in cases {
            let found = Entry::parse(altered.as_bytes()).unwrap_err();
            assert!(found.contains(expected), "{altered}: {found}");
        }
    }

    #[test]
    fn every_kind_needs_its_fields_and_takes_no_others() {
        for entry in full_entries(time()) {
            let mut bare = Entry::new(entry.kind, time());
            assert!(bare.to_bytes().is_err(), "{bare:?}");
            bare.clone_from(&entry);
            if entry.kind == Kind::Cosigned {
                bare.reason = Some(Reason::Local);
            } else {
                bare.log = Some("tidegate-ledger/x".into());
            }
            assert!(bare.to_bytes().is_err(), "{bare:?}");
        }
    }
}

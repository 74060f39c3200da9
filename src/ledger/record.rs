//! What commands write into the ledger: that a run starts, before anything leaves, and how it ended.

use std::fs::File;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::entry::{Dataset, Digest, Entry, Kind, Protocol, Reason, Time};
use super::error::LedgerError;
use super::store::Ledger;
use crate::agreement::Agreement;
use crate::error::{Error, exit};
use crate::identity::Identity;
use crate::link::{AbortReason, LinkError};
use crate::report;
use crate::state::{StateDir, StateError};

/// A run under an agreement, as the ledger names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) agreement: &'a Agreement,
    pub(crate) state: &'a StateDir,
    pub(crate) protocol: Protocol,
}

/// A run whose start is in the ledger.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    subject: Subject<'a>,
    started: u64,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended<'a, R> {
    pub(crate) report: R,
    /// Which run under the agreement it was.
    pub(crate) run: u32,
    /// Whether anything was released, be it to another party alone.
    pub(crate) released: bool,
    /// The file with the released table, if one was written.
    pub(crate) table: Option<&'a Path>,
}

impl<R> Ended<'_, R> {
    /// Returns the exit code of the command.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.released { exit::DONE } else { exit::POLICY }
    }
}

impl<'a> Subject<'a> {
    /// Writes that the run starts, and before it, the first time, the agreement.
    ///
    /// # Errors
    /// [`Error::Record`]: then nothing may leave.
    pub(crate) fn start(self, time: Time) -> Result<Run<'a>, Error> {
        let terms = self.agreement.terms();
        let purpose = Some(terms.purpose.clone());
        let started = Entry { purpose, ..self.entry(Kind::RunStarted, time) };
        let seen = Entry { kind: Kind::AgreementSeen, dataset: None, ..started.clone() };
        let mut before = 0;
        let first = self.ledger().append_with(self.identity, |ledger| {
            if ledger.has_seen(&Digest::from(self.agreement.hash()))? {
                return Ok(vec![started]);
            }
            before = 1;
            Ok(vec![seen, started])
        });
        Ok(Run { subject: self, started: first.map_err(Error::Record)? + before })
    }

    /// Passes a check before the start on, and writes it down where the rules refuse the run.
    ///
    /// # Errors
    /// That of the check, with that of the ledger where it could not be written.
    pub(crate) fn checked<T>(&self, checked: Result<T, Error>, time: Time) -> Result<T, Error> {
        checked.map_err(|error| match class(&error) {
            (Kind::RunRefused, reason) => self.note_end(error, Kind::RunRefused, reason, None, time),
            _ => error,
        })
    }

    fn ledger(&self) -> Ledger {
        Ledger::of(self.state, &self.identity.public())
    }

    fn entry(&self, kind: Kind, time: Time) -> Entry {
        let terms = self.agreement.terms();
        let own = terms.party.iter().find(|party| party.key == self.identity.public());
        let dataset = own.and_then(|own| own.dataset.clone());
        let mut parties: Vec<_> = self.agreement.members().map(|(name, _)| name.to_owned()).collect();
        parties.sort_unstable();
        Entry {
            agreement: Some(Digest::from(self.agreement.hash())),
            dataset: dataset.map(|name| Dataset { name, version: None }),
            parties,
            protocol: Some(self.protocol),
            ..Entry::new(kind, time)
        }
    }

    /// Writes how a run did not succeed, and returns why.
    fn note_end(&self, error: Error, kind: Kind, reason: Reason, started: Option<u64>, time: Time) -> Error {
        let entry = Entry { reason: Some(reason), started, ..self.entry(kind, time) };
        match self.ledger().append(&[entry], self.identity) {
            Ok(_) => error,
            Err(ledger) => Error::Unrecorded { error: Box::new(error), ledger },
        }
    }
}

impl Run<'_> {
    /// Writes how the run ended, and passes it on.
    ///
    /// # Errors
    /// That of the run; [`Error::Record`] where the end of a successful one could not be written.
    pub(crate) fn end<'b, R: Serialize>(
        self,
        ended: Result<Ended<'b, R>, Error>,
        time: Time,
    ) -> Result<Ended<'b, R>, Error> {
        let Self { subject, started } = self;
        let ended = ended.map_err(|error| {
            let (kind, reason) = class(&error);
            subject.note_end(error, kind, reason, Some(started), time)
        })?;
        let entry = if ended.released {
            let table = ended.table.map(digest_of).transpose().map_err(Error::Record)?.flatten();
            let report = Some(Digest::from(<[u8; 32]>::from(Sha256::digest(report::to_json(&ended.report)))));
            Entry { run: Some(ended.run), report, table, ..subject.entry(Kind::Released, time) }
        } else {
            Entry { reason: Some(Reason::Withheld), ..subject.entry(Kind::RunRefused, time) }
        };
        let entry = Entry { started: Some(started), ..entry };
        subject.ledger().append(&[entry], subject.identity).map_err(Error::Record)?;
        Ok(ended)
    }
}

/// Returns the digest of a file; none of what is no file, such as standard output.
fn digest_of(path: &Path) -> Result<Option<Digest>, LedgerError> {
    let failed = |source| LedgerError::Io { path: path.to_owned(), source };
    if !path.is_file() {
        return Ok(None);
    }
    let (mut file, mut hasher) = (File::open(path).map_err(failed)?, Hasher(Sha256::new()));
    std::io::copy(&mut file, &mut hasher).map_err(failed)?;
    Ok(Some(Digest::from(<[u8; 32]>::from(hasher.0.finalize()))))
}

/// A hash that is written to.
struct Hasher(Sha256);

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Returns whether the rules refused a run or it failed, and the class of the reason.
fn class(error: &Error) -> (Kind, Reason) {
    let refused = match error {
        Error::Hinted { error, .. } => return class(error),
        Error::State(StateError::Budget { .. }) => Some(Reason::BudgetSpent),
        Error::Link(LinkError::PeerAborted { reason, .. }) => refusal(*reason),
        other => refusal(other.mismatch().unwrap_or_else(|| other.reason_for_peer())),
    };
    let failed = match error {
        _ if error.exit_code() == exit::INTERRUPTED => Reason::Interrupted,
        Error::Link(_) => Reason::Link,
        _ if error.exit_code() == exit::PEER => Reason::Peer,
        _ => Reason::Local,
    };
    refused.map_or((Kind::RunFailed, failed), |reason| (Kind::RunRefused, reason))
}

/// Returns the class of a reason that stands for a rule.
fn refusal(reason: AbortReason) -> Option<Reason> {
    match reason {
        AbortReason::AgreementMismatch | AbortReason::ProtocolMismatch => Some(Reason::TermsDiffer),
        AbortReason::RunsSpent => Some(Reason::RunsSpent),
        AbortReason::Expired => Some(Reason::Expired),
        AbortReason::TooFewParties => Some(Reason::TooFewParties),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::{Agreement, Day, ShortForm};
    use crate::ledger::store::tests::{identity, time};

    fn agreement() -> Agreement {
        let short = ShortForm {
            own: identity(1).public(),
            peer: identity(2).public(),
            protocol: tidegate_mpc::Protocol::PsiEcdh.name(),
            key: vec![crate::agreement::KeyTerm { name: "id".into(), rules: vec![] }],
            output: crate::agreement::OutputFor::Both,
            minimum_intersection: 0,
            max_records: 10,
        };
        short.agreement().unwrap()
    }

    struct Place {
        dir: tempfile::TempDir,
        own: Identity,
        agreement: Agreement,
        state: StateDir,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let state = StateDir::find(Some(dir.path())).unwrap();
            Self { dir, own: identity(1), agreement: agreement(), state }
        }

        fn subject(&self) -> Subject<'_> {
            let Self { own: identity, agreement, state, .. } = self;
            Subject { identity, agreement, state, protocol: Protocol::Psi }
        }

        fn kinds(&self) -> Vec<(Kind, Option<Reason>, Option<u64>)> {
            let verified = Ledger::of(&self.state, &self.own.public()).verify(&self.own.public()).unwrap();
            verified.entries.iter().map(|entry| (entry.kind, entry.reason, entry.started)).collect()
        }
    }

    #[test]
    fn every_run_is_written_from_its_start_to_its_end() {
        let place = Place::new();
        let table = place.dir.path().join("table.csv");
        std::fs::write(&table, "abc").unwrap();
        let ended = |released| Ended { report: "report", run: 1, released, table: Some(table.as_path()) };
        place.subject().start(time(0)).unwrap().end(Ok(ended(true)), time(1)).unwrap();
        place.subject().start(time(2)).unwrap().end(Ok(ended(false)), time(3)).unwrap();
        let failed: Result<Ended<'_, ()>, _> = Err(Error::Demo { what: "a cell of the table".into() });
        place.subject().start(time(4)).unwrap().end(failed, time(5)).unwrap_err();
        let refused: Result<(), _> = Err(StateError::Spent { max: 2 }.into());
        place.subject().checked(refused, time(6)).unwrap_err();
        // What no rule refuses is no entry.
        place.subject().checked::<()>(Err(Error::Demo { what: "flags".into() }), time(6)).unwrap_err();
        assert_eq!(
            place.kinds(),
            [
                (Kind::AgreementSeen, None, None),
                (Kind::RunStarted, None, None),
                (Kind::Released, None, Some(1)),
                (Kind::RunStarted, None, None),
                (Kind::RunRefused, Some(Reason::Withheld), Some(3)),
                (Kind::RunStarted, None, None),
                (Kind::RunFailed, Some(Reason::Local), Some(5)),
                (Kind::RunRefused, Some(Reason::RunsSpent), None),
            ]
        );
        let verified = Ledger::of(&place.state, &place.own.public()).verify(&place.own.public()).unwrap();
        // SHA-256 of `abc`: FIPS 180-4.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(verified.entries[2].table.unwrap().to_string(), expected);
        let bytes: Vec<u8> = verified.entries.iter().flat_map(|entry| entry.to_bytes().unwrap()).collect();
        assert!(!String::from_utf8(bytes).unwrap().contains("cell"));
    }

    #[test]
    fn reasons_are_classes_of_errors() {
        let aborted =
            |reason| Error::Link(LinkError::PeerAborted { peer: "credit".parse().unwrap(), reason });
        let expired = place_expired();
        let cases = [
            (expired, (Kind::RunRefused, Reason::Expired)),
            (StateError::Spent { max: 1 }.into(), (Kind::RunRefused, Reason::RunsSpent)),
            (aborted(AbortReason::Expired), (Kind::RunRefused, Reason::Expired)),
            (aborted(AbortReason::AgreementMismatch), (Kind::RunRefused, Reason::TermsDiffer)),
            (aborted(AbortReason::Internal), (Kind::RunFailed, Reason::Link)),
            (LinkError::Cancelled.into(), (Kind::RunFailed, Reason::Interrupted)),
            (StateError::NoDirectory.into(), (Kind::RunFailed, Reason::Local)),
        ];
        for (error, expected) in cases {
            assert_eq!(class(&error), expected, "{error}");
        }
    }

    fn place_expired() -> Error {
        let mut terms = agreement().terms().clone();
        terms.expires = Some("2026-01-01".parse().unwrap());
        let day: Day = "2026-01-02".parse().unwrap();
        Agreement::new(terms).unwrap().check_date(day).unwrap_err().into()
    }

    #[test]
    fn a_ledger_that_cannot_be_written_keeps_the_run_from_starting() {
        let place = Place::new();
        std::fs::write(place.dir.path().join("ledger"), "").unwrap();
        let refused = place.subject().start(time(0));
        assert!(matches!(refused, Err(Error::Record(_))), "{refused:?}");
        let refused: Result<(), _> = Err(StateError::Spent { max: 2 }.into());
        let refused = place.subject().checked(refused, time(6));
        assert!(matches!(refused, Err(Error::Unrecorded { .. })), "{refused:?}");
    }
}

//! Errors of the program: what, cause, hint and exit code.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use tidegate_mpc::run::RunError;
use tidegate_mpc::transport::ChannelError;

use crate::agreement::AgreementError;
use crate::data::{CellFault, DataError};
use crate::identity::IdentityError;
use crate::ledger::LedgerError;
use crate::link::{AGREEMENT_HINT, AbortReason, LinkError, PROTOCOL_HINT};
use crate::reports::ReportsError;
use crate::state::StateError;
use crate::statistics::{PlanError, StatisticsError, SumError};

/// Exit codes, as `--help` lists them; 4 is for sandboxed guests, of which there are none yet.
pub mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// Ran, but the policy was not met.
    pub const POLICY: u8 = 1;
    /// Usage or input.
    pub const INPUT: u8 = 2;
    /// Peer, link or protocol.
    pub const PEER: u8 = 3;
    /// Interrupted.
    pub const INTERRUPTED: u8 = 130;
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A table.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An agreement.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// A key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// A ledger that was looked at.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The own ledger, into which a run could not be written.
    #[error("the run cannot be written into the ledger: {0}")]
    Record(#[source] LedgerError),
    /// A run that did not succeed, and the own ledger, into which that could not be written.
    #[error("how the run ended cannot be written into the ledger ({ledger}): {error}")]
    Unrecorded {
        /// Why the run did not succeed.
        #[source]
        error: Box<Self>,
        /// Why it could not be written.
        ledger: LedgerError,
    },
    /// Statistics that the protocol cannot compute.
    #[error("the agreement asks for what cannot be computed: {0}")]
    Statistics(#[from] StatisticsError),
    /// Totals that no tables of the parties can have.
    #[error("the totals are none that the parties' tables can have: {0}")]
    Totals(#[from] SumError),
    /// Files of reports.
    #[error(transparent)]
    Reports(#[from] ReportsError),
    /// A value of a report.
    #[error("value {number} of the report {fault}")]
    Value {
        /// Its place, counted from 1.
        number: usize,
        /// What is wrong with it.
        fault: CellFault,
    },
    /// The link to the peer.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The protocol.
    #[error(transparent)]
    Run(RunError),
    /// Flags that do not fit the agreement or each other.
    #[error("{what}")]
    Usage {
        /// What does not fit.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// No row of the own table has a key and all cells that are needed.
    #[error("none of the {rows} rows of {path:?} can be used")]
    NoKeys {
        /// The table.
        path: PathBuf,
        /// Its rows.
        rows: u64,
    },
    /// The own table has more keys than the agreement allows.
    #[error("{path:?} has {found} distinct keys; the agreement allows {max}")]
    TooManyRecords {
        /// The table.
        path: PathBuf,
        /// Its distinct keys.
        found: u64,
        /// The most allowed.
        max: u64,
    },
    /// The own table has more rows than the agreement allows.
    #[error("{path:?} has {found} rows; the agreement allows {max}")]
    TooManyRows {
        /// The table.
        path: PathBuf,
        /// Its rows that can be used.
        found: u64,
        /// The most allowed.
        max: u64,
    },
    /// An error about which the command knows better what to do.
    #[error("{error}")]
    Hinted {
        /// The error.
        #[source]
        error: Box<Self>,
        /// What to do.
        hint: &'static str,
    },
    /// A module that may not run.
    #[error("{path:?}: {error}")]
    Module {
        /// The module.
        path: PathBuf,
        /// Why.
        error: tidegate_sandbox::Error,
    },
    /// The demonstration did not show what it should.
    #[error("the demonstration failed: {what}")]
    Demo {
        /// What was different.
        what: String,
    },
    /// Something of the program's own could not be written or started.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl From<RunError> for Error {
    /// Unwraps the link's own error where there is one, since it says more than the channel's.
    fn from(error: RunError) -> Self {
        if let RunError::Channel { cause: ChannelError::Io(io), .. } = &error
            && let Some(link) = LinkError::from_io(io)
        {
            return Self::Link(link.clone());
        }
        Self::Run(error)
    }
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Agreement(error) => error.into(),
            PlanError::Statistics(error) => error.into(),
        }
    }
}

impl Error {
    /// Returns the exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Hinted { error, .. } | Self::Unrecorded { error, .. } => error.exit_code(),
            Self::Ledger(error) if error.is_evidence() => exit::POLICY,
            Self::Data(DataError::BrokenPipe { .. }) => exit::DONE,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => exit::DONE,
            Self::Data(DataError::Cancelled)
            | Self::Link(LinkError::Cancelled)
            | Self::Run(RunError::Cancelled) => exit::INTERRUPTED,
            Self::Link(error) if error.peer().is_none() => exit::INPUT,
            Self::Link(_) => exit::PEER,
            Self::Totals(_) | Self::Run(RunError::Protocol(tidegate_mpc::Error::TooFewParties { .. })) => {
                exit::PEER
            }
            Self::Run(error) if error.peer().is_none() => exit::INPUT,
            Self::Run(_) => exit::PEER,
            _ => exit::INPUT,
        }
    }

    /// Says what to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Agreement(error) => error.hint(),
            Self::Identity(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Ledger(error) | Self::Record(error) => error.hint(),
            Self::Unrecorded { error, .. } => error.hint(),
            Self::Statistics(error) => Some(error.hint().to_owned()),
            Self::Reports(error) => error.hint(),
            Self::Value { fault, .. } => Some(fault.hint().to_owned()),
            Self::Link(error) => error.hint(),
            Self::Run(error) => run_hint(error),
            Self::Usage { hint, .. } | Self::Hinted { hint, .. } => Some((*hint).to_owned()),
            Self::NoKeys { .. } => {
                Some("see why with --rejects FILE; the rules of the key may not fit the column, or cells are empty".into())
            }
            Self::Totals(_) => {
                Some("a party's or the coordinator's program is faulty or hostile: compare the parties' reports".into())
            }
            Self::TooManyRecords { .. } | Self::TooManyRows { .. } => Some("cut the table, or agree on a larger max_records".into()),
            Self::Module { .. } => Some("what a module may be is in sandbox/ABI.md".into()),
            Self::Demo { .. } | Self::Io { .. } => None,
        }
    }

    /// Returns the text for standard error: what, its causes, and the hint on a line of its own.
    pub fn message(&self) -> String {
        let mut text = format!("error: {self}");
        let mut source = self.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                let _ = write!(text, ": {cause_text}");
            }
            source = cause.source();
        }
        if let Some(hint) = self.hint() {
            let _ = write!(text, "\nhint: {hint}");
        }
        text
    }

    /// Returns in what the two sides differ, where this is because they do; the peer may have seen it first.
    pub fn mismatch(&self) -> Option<AbortReason> {
        let reason = match self {
            Self::Link(LinkError::PeerAborted { reason, .. }) => *reason,
            Self::Link(LinkError::VersionMismatch { .. }) => AbortReason::ProtocolMismatch,
            Self::Unrecorded { error, .. } => return error.mismatch(),
            other => other.reason_for_peer(),
        };
        [AbortReason::AgreementMismatch, AbortReason::ProtocolMismatch].contains(&reason).then_some(reason)
    }

    /// Returns the reason to give the peer when this ends a run.
    pub fn reason_for_peer(&self) -> AbortReason {
        match self {
            Self::Hinted { error, .. } | Self::Unrecorded { error, .. } => error.reason_for_peer(),
            Self::Run(RunError::Protocol(tidegate_mpc::Error::Terms {
                term: tidegate_mpc::Term::Agreement,
                ..
            })) => AbortReason::AgreementMismatch,
            Self::Run(RunError::Protocol(
                tidegate_mpc::Error::Terms { term: tidegate_mpc::Term::Protocol, .. }
                | tidegate_mpc::Error::Version { .. },
            )) => AbortReason::ProtocolMismatch,
            Self::Run(RunError::Protocol(tidegate_mpc::Error::TooFewParties { .. })) => {
                AbortReason::TooFewParties
            }
            Self::Run(error) if error.peer().is_some() => AbortReason::ProtocolViolation,
            Self::State(StateError::Spent { .. }) => AbortReason::RunsSpent,
            Self::Agreement(AgreementError::Expired { .. }) => AbortReason::Expired,
            _ if self.exit_code() == exit::INTERRUPTED => AbortReason::Cancelled,
            _ => AbortReason::Internal,
        }
    }
}

fn run_hint(error: &RunError) -> Option<String> {
    use tidegate_mpc::{Error as Protocol, Term};
    const FAULTY: &str =
        "the peer's program is faulty or hostile: settle that with its owner before you run again";
    let error = match error {
        RunError::Protocol(error) => error,
        RunError::Channel { .. } => return Some(FAULTY.to_owned()),
        _ => return None,
    };
    let hint = match error {
        Protocol::Version { .. } => "both sides must run the same version of tidegate",
        Protocol::Terms { term: Term::Agreement, .. } => AGREEMENT_HINT,
        Protocol::Terms { term: Term::Protocol, .. } => PROTOCOL_HINT,
        Protocol::PeerSetTooLarge { .. } => "agree on a larger max_records, or have the peer cut its table",
        Protocol::TooFewParties { .. } => {
            "run again once more parties are there, or agree on a smaller number"
        }
        Protocol::AnsweredBefore => "see whether the state directory can be written, then start a new run",
        _ => FAULTY,
    };
    Some(hint.to_owned())
}

//! What the own side is about to do, checked against the agreement.

use std::path::PathBuf;
use std::time::Duration;

use tidegate_disclosure::Budget;
use tidegate_mpc::aggregation::masked::{SumTerms, Task};
use tidegate_mpc::run::RunError;
use tidegate_mpc::{Outputs, PartyId, Protocol, Role, RoleChoice, Suite, Terms};

use super::figures::Figures;
use super::notary::Notary;
use crate::agreement::{Agreement, AgreementError, Day, PartyTerm, Prg, Seat, SignedAgreement};
use crate::cli::SumArgs;
use crate::commands::meeting::check_runnable;
use crate::data::{ColumnSpec, Missing};
use crate::error::Error;
use crate::identity::{Identity, PublicKey};
use crate::ledger;
use crate::ledger::record::Subject;
use crate::link::Timing;
use crate::state::{Runs, Spending, StateDir};

/// A run that the agreement allows.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) notary: Notary,
    pub(super) agreement: Agreement,
    pub(super) hash: [u8; 32],
    pub(super) own_name: PartyId,
    pub(super) is_coordinator: bool,
    /// Names and keys of the parties, in the agreement's order.
    pub(super) parties: Vec<(PartyId, PublicKey)>,
    pub(super) coordinator_key: PublicKey,
    pub(super) task: Task,
    pub(super) figures: Figures,
    /// What statistics read of the own table; nothing of a hub.
    pub(super) columns: Vec<ColumnSpec>,
    pub(super) missing: Missing,
    pub(super) max_records: u64,
    pub(super) state: StateDir,
    pub(super) spending: Option<Spending>,
    /// Where the coordinator listens.
    pub(super) address: String,
    pub(super) timing: Timing,
    /// Where the opening of the commitment goes, and whether a file there is replaced.
    pub(super) opening: Option<(PathBuf, bool)>,
}

/// A run that was counted, and the own dataset's budget after it.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) runs: Runs,
    pub(super) budget: Option<Budget>,
}

impl Plan {
    pub(super) fn new(args: &SumArgs) -> Result<Self, Error> {
        let identity = Identity::load(&args.identity)?;
        let signed = SignedAgreement::load(&args.agreement)?;
        signed.require_all()?;
        let agreement = signed.agreement().clone();
        let state = StateDir::find(args.meeting.state_dir.as_deref())?;
        let subject = Subject {
            identity: &identity,
            agreement: &agreement,
            state: &state,
            protocol: ledger::Protocol::Sum,
        };
        let in_force = agreement.check_date(Day::today()).map_err(Error::from);
        subject.checked(in_force, ledger::Time::now())?;
        let figures = Figures::new(&agreement)?;
        let agreed = agreement.sum_terms()?;
        let member = agreement.member(&identity.public())?;
        let own = match member.seat {
            Seat::Party { term, .. } => Some(term),
            Seat::Hub(_) => None,
        };
        check_input(args, own.is_some())?;
        check_opening(args, own.is_some() && agreed.sum.commitments)?;
        check_cells(args, &figures, own.is_some())?;
        let hash = agreement.hash();
        let spending = own.and_then(|own| figures.spending(&agreement, own));
        let checked = check_runnable(&agreement, &state).and_then(|()| {
            spending.as_ref().map_or(Ok(()), |spending| Ok(state.check_budget(spending).map(drop)?))
        });
        subject.checked(checked, ledger::Time::now())?;
        let parties = named_parties(&agreement)?;
        Ok(Self {
            task: task(&figures, &agreement, hash, &parties)?,
            columns: columns(&figures, &agreement, own),
            missing: agreed.sum.missing,
            max_records: own.map_or(0, |own| own.max_records),
            address: address(args, agreed.coordinator.endpoint, member.is_coordinator)?,
            own_name: member.name.clone(),
            is_coordinator: member.is_coordinator,
            coordinator_key: *agreed.coordinator.key,
            notary: Notary::new(identity, parties.clone()),
            timing: timing(args),
            opening: args.opening.clone().map(|path| (path, args.force)),
            parties,
            hash,
            state,
            spending,
            figures,
            agreement,
        })
    }

    /// Returns the run as the ledger names it.
    pub(super) fn subject(&self) -> Subject<'_> {
        let Self { notary, agreement, state, .. } = self;
        Subject { identity: &notary.identity, agreement, state, protocol: ledger::Protocol::Sum }
    }

    /// Returns the own terms; none of a hub.
    pub(super) fn own(&self) -> Option<&PartyTerm> {
        let parties = &self.agreement.terms().party;
        parties.iter().find(|party| party.name == self.own_name.as_str())
    }

    /// Returns the terms under which two ends of a link compare what they mean to run.
    pub(super) fn terms(&self, peer: &PartyId, channel_binding: [u8; 32]) -> Terms {
        Terms {
            protocol: Protocol::SumMasked,
            agreement: self.hash,
            channel_binding,
            own: self.own_name.clone(),
            peer: peer.clone(),
            role: RoleChoice::Fixed(if self.is_coordinator { Role::Receiver } else { Role::Sender }),
            outputs: Outputs::Both,
            minimum: 0,
            max_peer_len: 0,
        }
    }

    /// Says how long all vectors together may take at 64 KiB a second, in which one waits for the others.
    pub(super) fn upload_time(&self) -> Duration {
        let bytes = self.task.vector_bytes() as u64 * self.parties.len() as u64;
        Duration::from_secs(bytes >> 16)
    }

    /// Counts the run and spends what it takes of the own dataset's budget.
    pub(super) fn count_run(&self) -> Result<Counted, Error> {
        // The wait for the others may have lasted past the last day.
        self.agreement.check_date(Day::today())?;
        let runs = self.state.count_run(&self.hash, self.agreement.terms().max_runs)?;
        let budget = self.spending.as_ref().map(|spending| self.state.spend(spending)).transpose()?;
        Ok(Counted { runs, budget })
    }
}

/// Wraps an error of the protocol.
pub(super) fn protocol(error: tidegate_mpc::Error) -> Error {
    RunError::from(error).into()
}

fn timing(args: &SumArgs) -> Timing {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    Timing { establish: seconds(args.meeting.wait), stall: seconds(args.meeting.stall), ..Timing::default() }
}

fn check_input(args: &SumArgs, is_party: bool) -> Result<(), Error> {
    let usage = |what: &str, hint| Err(Error::Usage { what: what.to_owned(), hint });
    match (is_party, &args.input) {
        (true, None) => usage("this party brings a table, and none is given", "pass it with --input"),
        (false, Some(_)) => usage("a hub brings no table", "leave --input out"),
        (false, None) if args.rejects.is_some() || args.opening.is_some() => {
            usage("a hub has no rows and no figures of its own", "leave --rejects and --opening out")
        }
        _ => Ok(()),
    }
}

fn check_opening(args: &SumArgs, is_committed: bool) -> Result<(), Error> {
    let usage = |what: &str, hint| Err(Error::Usage { what: what.to_owned(), hint });
    match (is_committed, &args.opening) {
        (true, None) => usage(
            "the agreement has every party commit to its figures, and nothing says where the opening goes",
            "pass --opening FILE, and keep the file for an audit: it is secret, and nothing else opens the commitment",
        ),
        (false, Some(_)) => usage(
            "no party commits to its figures under this agreement, so there is nothing to open",
            "leave --opening out, or agree on `commitments = true`",
        ),
        _ => Ok(()),
    }
}

/// Checks that the flags are those of statistics, or those of a vector.
fn check_cells(args: &SumArgs, figures: &Figures, is_party: bool) -> Result<(), Error> {
    let usage = |what: &str, hint| Err(Error::Usage { what: what.to_owned(), hint });
    match (figures, &args.cells, &args.output) {
        (Figures::Statistics(_), Some(_), _) => Err(AgreementError::NotAVector.into()),
        (Figures::Statistics(_), None, Some(_)) => {
            usage("--output takes totals of named cells, of which there are none", "pass --csv instead")
        }
        (Figures::Vector(_), ..) if args.csv.is_some() || args.html.is_some() => usage(
            "totals of named cells make no tables of statistics",
            "pass --output instead of --csv and --html",
        ),
        (Figures::Vector(_), None, _) if is_party => usage(
            "the cells of the agreement have names, and their list is not given",
            "pass it with --cells",
        ),
        (Figures::Vector(_), Some(_), None) => {
            usage("nothing says where the totals go", "pass --output FILE")
        }
        (Figures::Vector(_), None, Some(_)) => {
            usage("totals are written with the names of their cells", "pass the list of them with --cells")
        }
        _ => Ok(()),
    }
}

/// Says what statistics read of the own table.
fn columns(figures: &Figures, agreement: &Agreement, own: Option<&PartyTerm>) -> Vec<ColumnSpec> {
    match (figures, own) {
        (Figures::Statistics(plan), Some(own)) => plan.column_specs(agreement.terms(), own),
        _ => Vec::new(),
    }
}

fn address(args: &SumArgs, agreed: &str, is_coordinator: bool) -> Result<String, Error> {
    let (listen, connect) = (&args.meeting.listen, &args.meeting.connect);
    let usage = |what: &str, hint| Err(Error::Usage { what: what.to_owned(), hint });
    match (is_coordinator, listen, connect) {
        (true, _, Some(_)) => {
            usage("the coordinator listens", "pass --listen HOST:PORT instead of --connect")
        }
        (false, Some(_), _) => {
            usage("only the coordinator listens", "pass --connect HOST:PORT instead of --listen")
        }
        (true, given, None) | (false, None, given) => Ok(given.clone().unwrap_or_else(|| agreed.to_owned())),
    }
}

fn named_parties(agreement: &Agreement) -> Result<Vec<(PartyId, PublicKey)>, Error> {
    let named = agreement.members().map(|(name, key)| Ok((name.parse().map_err(protocol)?, *key)));
    let mut named = named.collect::<Result<Vec<_>, Error>>()?;
    // The hub stands behind the parties.
    named.truncate(agreement.terms().party.len());
    Ok(named)
}

fn task(
    figures: &Figures,
    agreement: &Agreement,
    hash: [u8; 32],
    parties: &[(PartyId, PublicKey)],
) -> Result<Task, Error> {
    let agreed = agreement.sum_terms()?;
    let task = Task::new(SumTerms {
        agreement: hash,
        parties: parties.iter().map(|(name, _)| name.clone()).collect(),
        coordinator: agreed.coordinator.name.parse().map_err(protocol)?,
        threshold: agreed.threshold as usize,
        minimum: agreed.minimum_parties as usize,
        len: figures.len(),
        bounds: figures.bounds(),
        suite: match agreed.sum.prg {
            Prg::Aes128Ctr => Suite::Aes128Ctr,
            Prg::Aes256Ctr => Suite::Aes256Ctr,
            Prg::ChaCha20 => Suite::ChaCha20,
        },
        noisy: figures.is_noisy(),
        commitments: agreed.sum.commitments,
    });
    task.map_err(protocol)
}

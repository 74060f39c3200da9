//! The protocol over the link.

use tidegate_mpc::psi::Intersection;
use tidegate_mpc::run::{Outcome, psi_cardinality, psi_ecdh};
use tidegate_mpc::transport::Framed;
use tidegate_mpc::{ItemSet, Protocol, Session};

use super::plan::Plan;
use super::summary::direction_note;
use crate::commands::meeting::{Met, Watch};
use crate::data::KeyedTable;
use crate::error::Error;
use crate::link::{CancelToken, Link};
use crate::progress::Progress;
use crate::state::Runs;

/// Protocol and version for TLS.
const ALPN: &[u8] = b"tidegate-psi/1";

/// What a run found out.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) finding: Finding,
    pub(super) session: Session,
    pub(super) runs: Runs,
}

/// The result for the own side.
#[derive(Debug)]
pub(super) enum Finding {
    Intersection(Intersection),
    Count(u64),
    Withheld,
    NotEntitled,
}

impl Finding {
    fn of<T>(outcome: Outcome<T>, released: impl FnOnce(T) -> Self) -> Self {
        match outcome {
            Outcome::Released(result) => released(result),
            Outcome::Withheld => Self::Withheld,
            Outcome::NotEntitled => Self::NotEntitled,
        }
    }
}

/// Makes the link and runs the protocol.
pub(super) fn over_link(
    plan: &Plan,
    keyed: &KeyedTable,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Met<Found>, Error> {
    let run = |channel: &mut Framed<Link>, progress: &mut Progress| {
        run(plan, &keyed.items, channel, progress, cancel)
    };
    plan.standing.meet(ALPN, progress, cancel, run)
}

fn run(
    plan: &Plan,
    items: &ItemSet,
    channel: &mut Framed<Link>,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Found, Error> {
    let rng = &mut rand::rng();
    let terms = plan.terms(channel.get_ref().channel_binding());
    let (session, runs) = plan.standing.greet(&terms, items.len(), channel, || Ok(()))?;
    if let Some(note) = direction_note(&session) {
        progress.note(&format!("note: {note}"));
    }
    let mut observer = Watch { progress, cancel };
    let finding = match session.protocol() {
        Protocol::PsiCardinality => {
            Finding::of(psi_cardinality(items, &session, channel, &mut observer, rng)?, Finding::Count)
        }
        _ => Finding::of(psi_ecdh(items, &session, channel, &mut observer, rng)?, Finding::Intersection),
    };
    Ok(Found { finding, session, runs })
}

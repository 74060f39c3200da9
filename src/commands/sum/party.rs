//! A party's side: one link, to the coordinator.

use tidegate_mpc::aggregation::masked::Values;
use tidegate_mpc::run::{compare_offers, sum};
use tidegate_mpc::transport::{Channel, Framed};

use super::notary::Keeper;
use super::plan::{Counted, Plan, protocol};
use super::{ALPN, Found};
use crate::commands::meeting::Watch;
use crate::error::Error;
use crate::link::{CancelToken, Endpoint, Link, LinkConfig, LinkNotice, establish};
use crate::progress::Progress;

/// Connects to the coordinator and contributes `words`.
pub(super) fn run(
    plan: &Plan,
    words: Values<'_>,
    progress: &mut Progress,
    cancel: &CancelToken,
) -> Result<Found, Error> {
    let mut channel = Framed::new(connect(plan, progress, cancel)?);
    let contributed = contribute(plan, words, &mut channel, &mut Watch { progress, cancel });
    let traffic = channel.traffic();
    let link = channel.into_inner();
    let (counted, contributed) = match contributed {
        Ok(contributed) => contributed,
        Err(error) => {
            link.abort(error.reason_for_peer());
            return Err(error);
        }
    };
    let (key_exchange, before) = (link.key_exchange().to_owned(), link.wire());
    let wire = link.close().unwrap_or_else(|error| {
        progress.note(&format!("note: the run is complete, but the link did not close in order: {error}"));
        before
    });
    let sum = contributed.sum;
    let (losses, rejected_shares) = (Vec::new(), Vec::new());
    Ok(Found { sum, counted, losses, rejected_shares, key_exchange, traffic, wire })
}

fn connect(plan: &Plan, progress: &mut Progress, cancel: &CancelToken) -> Result<Link, Error> {
    progress.begin("connect", None);
    let config = LinkConfig {
        identity: &plan.notary.identity,
        peer_name: plan.task.terms().coordinator.clone(),
        peer_key: plan.coordinator_key,
        alpn: ALPN,
        timing: plan.timing,
    };
    let notice = &mut |notice: LinkNotice| progress.note(&notice.to_string());
    let mut link = establish(&Endpoint::Connect(plan.address.clone()), &config, cancel, notice)?;
    // The coordinator goes on when the last party has come, or its own patience ends.
    link.extend_stall(plan.timing.establish + plan.upload_time());
    Ok(link)
}

fn contribute(
    plan: &Plan,
    words: Values<'_>,
    channel: &mut Framed<Link>,
    watch: &mut Watch<'_>,
) -> Result<(Counted, sum::Contributed), Error> {
    let input = plan.task.admit(words).map_err(protocol)?;
    let coordinator = &plan.task.terms().coordinator;
    compare_offers(&plan.terms(coordinator, channel.get_ref().channel_binding()), channel)?;
    let rng = &mut rand::rng();
    let ready = sum::prepare(&plan.task, &plan.own_name, &plan.notary, channel, watch, rng)?;
    // Counted before the vector leaves; until here nothing depends on it.
    let counted = plan.count_run()?;
    let mut keeper = Keeper::new(plan, words);
    match ready.contribute(input, &plan.notary, &mut keeper, channel, watch, rng) {
        Ok(contributed) => Ok((counted, contributed)),
        Err(error) => Err(keeper.cause(error.into())),
    }
}

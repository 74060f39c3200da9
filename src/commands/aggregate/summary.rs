//! The report of a run.

use tidegate_disclosure::Mechanism;
use tidegate_mpc::aggregation::prio::{Kind, Rejection, VDAF_DRAFT};
use tidegate_mpc::run::Outcome;

use super::Found;
use super::plan::Plan;
use crate::commands::meeting::Met;
use crate::hex::hex;
use crate::link::WireBytes;
use crate::progress::{Progress, peak_memory_bytes};
use crate::report::{
    AggregateProtocolLines, AggregateReport, AgreementLine, LearnedLines, PartyLines, REPORT_VERSION,
    RejectedLine, SumLine, TrafficLines,
};
use crate::reports::ReportFiles;

/// Names the VDAF of a kind, with the draft that says what it is.
pub(in crate::commands) fn vdaf_name(kind: Kind) -> String {
    let name = match kind {
        Kind::Count => "Prio3Count",
        Kind::Sum { .. } => "Prio3Sum",
        Kind::SumVec { .. } => "Prio3SumVec",
        Kind::Histogram { .. } => "Prio3Histogram",
    };
    format!("{name}, draft-irtf-cfrg-vdaf-{VDAF_DRAFT}")
}

pub(super) fn report(
    plan: &Plan,
    files: &ReportFiles,
    met: &Met<Found, WireBytes>,
    progress: &mut Progress,
) -> AggregateReport {
    let (standing, found) = (&plan.standing, &met.found);
    let terms = standing.agreement.terms();
    let tally = found.aggregated.tally;
    let rejected = Rejection::ALL.map(|reason| (reason, tally.rejected(reason)));
    let cut = files.cut();
    let rejected = rejected.into_iter().map(|(reason, reports)| {
        let cut = if reason == Rejection::Malformed { cut } else { 0 };
        RejectedLine { reason: reason.name().into(), reports: reports + cut }
    });
    let released = matches!(found.aggregated.outcome, Outcome::Released(_));
    AggregateReport {
        report_version: REPORT_VERSION,
        command: "aggregate".into(),
        outcome: if released { "released" } else { "withheld" }.into(),
        purpose: terms.purpose.clone(),
        agreement: AgreementLine { id: terms.id.clone(), hash: hex(&standing.hash), runs: found.runs },
        sums: sums(plan, &found.aggregated.outcome),
        accepted: tally.accepted(),
        rejected: rejected.collect(),
        skipped_files: files.skipped().to_vec(),
        protection: protection(plan),
        protocol: AggregateProtocolLines {
            name: found.session.protocol().name().into(),
            vdaf: vdaf_name(plan.task.kind()),
            sealing: "HPKE (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM".into(),
            adversary: "malicious reporters; one malicious aggregator for privacy, none for correctness"
                .into(),
            task: hex(plan.task.id()),
            minimum_batch: plan.task.minimum(),
            key_exchange: met.key_exchange.clone(),
        },
        parties: PartyLines {
            own: standing.own_name.to_string(),
            peer: standing.peer_name.to_string(),
            peer_key: standing.peer_key.to_string(),
        },
        traffic: TrafficLines {
            wire_sent_bytes: met.link.sent,
            wire_received_bytes: met.link.received,
            messages_sent: met.traffic.sent_len,
            messages_received: met.traffic.received_len,
            flights: None,
        },
        learned: learned(plan, released),
        phases: progress.times(),
        peak_memory_bytes: peak_memory_bytes(),
    }
}

fn sums(plan: &Plan, outcome: &Outcome<Vec<i128>>) -> Vec<SumLine> {
    let Outcome::Released(sums) = outcome else { return Vec::new() };
    let measure = &plan.agreed.measure;
    let lines = measure.labels().into_iter().zip(sums);
    lines.map(|(label, &sum)| SumLine { label, sum: measure.text_of(sum) }).collect()
}

/// Says what holds for every figure.
fn protection(plan: &Plan) -> Vec<String> {
    let mut rules = vec![format!("no total of fewer than {} reports", plan.task.minimum())];
    if let Some(noise) = &plan.noise {
        let name = match noise.rule.mechanism {
            Mechanism::DiscreteLaplace => "discrete Laplace",
            Mechanism::DiscreteGaussian => "discrete Gaussian",
        };
        let delta = noise.rule.delta.map(|delta| format!(", delta {delta}")).unwrap_or_default();
        let (epsilon, deviation) = (noise.rule.epsilon, noise.scale.standard_deviation());
        rules.push(format!(
            "{name} noise of each aggregator on every sum, of which one suffices: epsilon {epsilon}{delta}, standard \
             deviation {deviation:.1} units of the last digit each"
        ));
    }
    rules
}

/// Says what each side learned; both learn the same.
fn learned(plan: &Plan, released: bool) -> LearnedLines {
    let side = |other: &str| {
        let mut lines = vec![
            format!("how many reports {other} has, and the ids of those"),
            "which reports were rejected and why, and nothing of what the accepted ones hold".to_owned(),
        ];
        if released {
            let noisy = if plan.noise.is_some() { ", with the noise of both" } else { "" };
            lines.insert(0, format!("every sum of the total{noisy}, small ones too"));
        }
        lines
    };
    let (own, peer) = (plan.standing.own_name.to_string(), plan.standing.peer_name.to_string());
    LearnedLines { own: side(&peer), peer: side(&own) }
}

//! The report of a run.

use tidegate_disclosure::Amount;
use tidegate_mpc::PartyId;
use tidegate_mpc::aggregation::masked::Standing;

use super::Found;
use super::figures::{Released, vector_lines};
use super::plan::Plan;
use crate::data::RecordSummary;
use crate::hex::hex;
use crate::progress::{Progress, peak_memory_bytes};
use crate::report::{
    AgreementLine, BudgetLine, ProtectionLines, REPORT_VERSION, SumEvidenceLines, SumLearnedLines,
    SumPartyLine, SumPartyState, SumProtocolLines, SumReport, TrafficLines, VectorLines,
};
use crate::statistics::StatisticTable;

/// The step that a party does not finish whose vector is missing.
pub(super) const VECTOR_STEP: &str = "masked figures";

pub(super) fn report(
    plan: &Plan,
    records: Option<&RecordSummary>,
    found: &Found,
    released: Released<'_>,
    progress: &mut Progress,
) -> SumReport {
    let (terms, task) = (plan.agreement.terms(), plan.task.terms());
    let outcome = if released.is_any() { "released" } else { "withheld" };
    let Results { tables, vector, protection, learned } = results(released, found.sum.survivors_len());
    SumReport {
        report_version: REPORT_VERSION,
        command: "sum".into(),
        outcome: outcome.into(),
        purpose: terms.purpose.clone(),
        agreement: AgreementLine { id: terms.id.clone(), hash: hex(&plan.hash), runs: found.counted.runs },
        tables,
        vector,
        protection: vec![protection],
        protocol: protocol(plan, found),
        own: plan.own_name.to_string(),
        coordinator: task.coordinator.to_string(),
        threshold: u32::try_from(task.threshold).unwrap_or(u32::MAX),
        minimum_parties: u32::try_from(task.minimum).unwrap_or(u32::MAX),
        parties: parties(plan, found),
        evidence: evidence(plan, found),
        rejected_shares: found.rejected_shares.clone(),
        records: records.cloned(),
        budget: budget(plan, found),
        learned,
        traffic: TrafficLines {
            wire_sent_bytes: found.wire.sent,
            wire_received_bytes: found.wire.received,
            messages_sent: found.traffic.sent_len,
            messages_received: found.traffic.received_len,
            flights: None,
        },
        phases: progress.times(),
        peak_memory_bytes: peak_memory_bytes(),
    }
}

/// What a report says of the figures.
struct Results {
    tables: Vec<StatisticTable>,
    vector: Option<VectorLines>,
    protection: ProtectionLines,
    learned: SumLearnedLines,
}

fn results(released: Released<'_>, survivors: usize) -> Results {
    match released {
        Released::Statistics(plan, result) => Results {
            protection: ProtectionLines::of_sum(plan, &result.released),
            tables: result.tables,
            vector: None,
            learned: SumLearnedLines::of(plan),
        },
        Released::Vector(plan, totals) => {
            let vector = vector_lines(plan, &totals, survivors);
            Results {
                tables: Vec::new(),
                protection: ProtectionLines::of_vector(plan, &vector),
                vector: Some(vector),
                learned: SumLearnedLines::of_vector(plan),
            }
        }
    }
}

fn protocol(plan: &Plan, found: &Found) -> SumProtocolLines {
    let adversary = match plan.task.tolerated() {
        0 => "a coordinator that lies, alone".to_owned(),
        1 => "a coordinator that lies, with one party".to_owned(),
        parties => format!("a coordinator that lies, with up to {parties} parties"),
    };
    SumProtocolLines {
        name: "sum-masked".into(),
        adversary,
        group: "ristretto255".into(),
        computational_bits: 126,
        ring_bits: plan.task.ring().bits(),
        words: plan.task.terms().len as u64,
        prg: plan.task.terms().suite.name().into(),
        key_exchange: found.key_exchange.clone(),
    }
}

fn parties(plan: &Plan, found: &Found) -> Vec<SumPartyLine> {
    let keys = plan.parties.iter().map(|(_, key)| key.to_string());
    let line = |((party, standing), key): (&(PartyId, Standing), String)| {
        let lost = found.losses.iter().find(|loss| loss.party == party.as_str());
        let state = match (standing, lost) {
            (Standing::Survived, _) => SumPartyState::Survived,
            (_, Some(loss)) => SumPartyState::Vanished { step: loss.step.to_owned() },
            (Standing::LostVector, None) => SumPartyState::Vanished { step: VECTOR_STEP.to_owned() },
            (Standing::Absent, None) => SumPartyState::Absent,
        };
        let commitment = found.sum.commitments().iter().find(|(other, _)| other == party);
        let commitment = commitment.map(|(_, digest)| hex(digest));
        let signed = found.sum.evidence().signatures().iter().filter(|_| commitment.is_some());
        let signature =
            signed.filter(|(other, _)| other == party).map(|(_, signature)| hex(signature)).next();
        SumPartyLine { name: party.to_string(), key, state, commitment, signature }
    };
    found.sum.standings().iter().zip(keys).map(line).collect()
}

/// Keeps what shows others who committed to what.
fn evidence(plan: &Plan, found: &Found) -> Option<SumEvidenceLines> {
    let survivors = hex(found.sum.evidence().survivors());
    let evidence = SumEvidenceLines { session: hex(found.sum.session()), survivors };
    plan.task.terms().commitments.then_some(evidence)
}

fn budget(plan: &Plan, found: &Found) -> Option<BudgetLine> {
    let (spending, spent) = (plan.spending.as_ref()?, found.counted.budget.as_ref()?);
    let limit = spending.limit.as_ref();
    let delta = limit.map(|(_, delta)| delta).filter(|delta| **delta != Amount::ZERO);
    Some(BudgetLine {
        dataset: spending.dataset.clone(),
        epsilon_spent: spent.epsilon_spent().to_string(),
        epsilon_limit: limit.map(|(epsilon, _)| epsilon.to_string()),
        delta_spent: spent.delta_spent().to_string(),
        delta_limit: delta.map(ToString::to_string),
    })
}

//! The report of a run.

use tidegate_mpc::psi::{STATISTICAL_BITS, tag_bits};
use tidegate_mpc::run::flights;
use tidegate_mpc::{Outputs, Protocol, Role, Session};

use super::plan::Plan;
use super::run::{Finding, Found};
use crate::commands::meeting::Met;
use crate::data::KeySummary;
use crate::hex::hex;
use crate::link::WireBytes;
use crate::progress::{Progress, peak_memory_bytes};
use crate::report::{
    AgreementLine, LearnedLines, PartyLines, ProtocolLines, PsiReport, REPORT_VERSION, SizeLines,
    TrafficLines, grouped,
};

/// Bytes on the line for an item of the receiver and, roughly, for one of the sender.
const RECEIVER_ITEM_BYTES: u64 = 64;
const SENDER_ITEM_BYTES: u64 = 8;

pub(super) fn report(
    plan: &Plan,
    keys: KeySummary,
    met: &Met<Found, WireBytes>,
    rows_written: Option<u64>,
    progress: &mut Progress,
) -> PsiReport {
    let (standing, found) = (&plan.standing, &met.found);
    let session = &found.session;
    let common_keys = match &found.finding {
        Finding::Intersection(intersection) => Some(intersection.len() as u64),
        Finding::Count(count) => Some(*count),
        Finding::Withheld | Finding::NotEntitled => None,
    };
    PsiReport {
        report_version: REPORT_VERSION,
        command: "psi".into(),
        outcome: match found.finding {
            Finding::Withheld => "withheld",
            Finding::NotEntitled => "no-output",
            _ => "released",
        }
        .into(),
        agreement: AgreementLine {
            id: standing.agreement.terms().id.clone(),
            hash: hex(&standing.hash),
            runs: found.runs,
        },
        protocol: protocol_lines(session, &met.key_exchange),
        parties: PartyLines {
            own: standing.own_name.to_string(),
            peer: standing.peer_name.to_string(),
            peer_key: standing.peer_key.to_string(),
        },
        sizes: SizeLines {
            own_keys: keys.distinct_keys,
            peer_keys: session.peer_len(),
            common_keys,
            rows_written,
        },
        keys,
        traffic: TrafficLines {
            wire_sent_bytes: met.link.sent,
            wire_received_bytes: met.link.received,
            messages_sent: met.traffic.sent_len,
            messages_received: met.traffic.received_len,
            flights: Some(flights(session)),
        },
        learned: learned(session, &found.finding),
        notes: direction_note(session).into_iter().collect(),
        phases: progress.times(),
        peak_memory_bytes: peak_memory_bytes(),
    }
}

fn protocol_lines(session: &Session, key_exchange: &str) -> ProtocolLines {
    ProtocolLines {
        name: session.protocol().name().into(),
        role: session.role().to_string(),
        group: "ristretto255".into(),
        adversary: "semi-honest".into(),
        computational_bits: computational_bits(session),
        statistical_bits: STATISTICAL_BITS,
        tag_bits: tag_bits(session.receiver_len(), session.sender_len(), session.outputs()),
        key_exchange: key_exchange.to_owned(),
        minimum_intersection: session.minimum(),
    }
}

/// Half of the group's 252 bits, less what the evaluations of one key give away to a receiver that goes for
/// the key: half a bit for each doubling of their number (RFC 9497 §7.2.3).
fn computational_bits(session: &Session) -> u32 {
    let doublings = session.receiver_len().max(1).next_power_of_two().trailing_zeros();
    126 - doublings.div_ceil(2)
}

/// Says what each side learned, sizes and every other leakage included.
fn learned(session: &Session, finding: &Finding) -> LearnedLines {
    let result = match (finding, session.protocol()) {
        (Finding::Withheld, _) => format!("that fewer than {} keys are common", session.minimum()),
        (_, Protocol::PsiCardinality) => "how many keys are common, not which".to_owned(),
        _ => "which of its keys are common".to_owned(),
    };
    let size = |of: &dyn std::fmt::Display| format!("how many distinct keys {of} has");
    let (mut own, mut peer) = (vec![size(session.peer())], vec![size(session.own())]);
    let both = session.outputs() == Outputs::Both;
    if both || session.role() == Role::Receiver {
        own.push(result.clone());
    }
    if matches!(finding, Finding::Withheld) && session.role() == Role::Receiver {
        own.push("nothing else: this side's program found the result and dropped it".to_owned());
    }
    if both || session.role() == Role::Sender {
        let unknown = matches!(finding, Finding::NotEntitled) && session.minimum() > 0;
        let below = if unknown { ", or that they are too few" } else { "" };
        peer.push(format!("{result}{below}"));
    }
    LearnedLines { own, peer }
}

/// Says when the other direction would have been much cheaper; where both get output it is taken anyway.
pub(super) fn direction_note(session: &Session) -> Option<String> {
    let (receiver, sender) = (session.receiver_len(), session.sender_len());
    let bytes = |receiver, sender| RECEIVER_ITEM_BYTES * receiver + SENDER_ITEM_BYTES * sender;
    let (taken, other) = (bytes(receiver, sender), bytes(sender, receiver));
    if session.outputs() == Outputs::Both || taken < 2 * other {
        return None;
    }
    let smaller = if session.role() == Role::Sender { session.own() } else { session.peer() };
    Some(format!(
        "this direction takes about {} bytes; were the output for {smaller}, whose set is smaller, it would take {}",
        grouped(taken),
        grouped(other)
    ))
}

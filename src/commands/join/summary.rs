//! The report of a run.

use tidegate_disclosure::Mechanism;
use tidegate_mpc::psi::STATISTICAL_BITS;

use super::Found;
use super::plan::Plan;
use crate::commands::meeting::Met;
use crate::data::KeySummary;
use crate::hex::hex;
use crate::link::WireBytes;
use crate::progress::{Progress, peak_memory_bytes};
use crate::report::{
    AgreementLine, JoinProtocolLines, JoinReport, LearnedLines, PartyLines, ProtectionLines, REPORT_VERSION,
    SuppressedLines, TrafficLines,
};
use crate::statistics::{Direction, Released};

pub(super) fn report(
    plan: &Plan,
    keys: KeySummary,
    met: &Met<Found, WireBytes>,
    progress: &mut Progress,
) -> JoinReport {
    let (standing, found) = (&plan.standing, &met.found);
    let result = &found.result;
    let any = result.tables.iter().flat_map(|table| &table.entries).any(|entry| !entry.suppressed);
    let sides = [(&plan.join.own, &result.own), (&plan.join.peer, &result.peer)];
    let sides = sides.into_iter().filter_map(|(direction, released)| Some((direction.as_ref()?, released)));
    JoinReport {
        report_version: REPORT_VERSION,
        command: "join".into(),
        outcome: if any { "released" } else { "withheld" }.into(),
        purpose: standing.agreement.terms().purpose.clone(),
        agreement: AgreementLine {
            id: standing.agreement.terms().id.clone(),
            hash: hex(&standing.hash),
            runs: found.runs,
        },
        tables: result.tables.clone(),
        protection: sides.map(|(direction, released)| protection(direction, released)).collect(),
        protocol: JoinProtocolLines {
            name: found.session.protocol().name().into(),
            group: "ristretto255".into(),
            adversary: "semi-honest".into(),
            computational_bits: 126,
            statistical_bits: STATISTICAL_BITS,
            key_exchange: met.key_exchange.clone(),
        },
        parties: PartyLines {
            own: standing.own_name.to_string(),
            peer: standing.peer_name.to_string(),
            peer_key: standing.peer_key.to_string(),
        },
        own_keys: keys.distinct_keys,
        peer_keys: found.session.peer_len(),
        keys,
        traffic: TrafficLines {
            wire_sent_bytes: met.link.sent,
            wire_received_bytes: met.link.received,
            messages_sent: met.traffic.sent_len,
            messages_received: met.traffic.received_len,
            flights: None,
        },
        learned: learned(plan),
        phases: progress.times(),
        peak_memory_bytes: peak_memory_bytes(),
    }
}

/// Says how the figures about one party's columns are protected.
fn protection(direction: &Direction, released: &[Released]) -> ProtectionLines {
    let policy = &direction.policy;
    let mut rules = Vec::new();
    if let Some(noise) = &policy.noise {
        let name = match noise.mechanism {
            Mechanism::DiscreteLaplace => "discrete Laplace",
            Mechanism::DiscreteGaussian => "discrete Gaussian",
        };
        let delta = noise.delta.map(|delta| format!(", delta {delta}")).unwrap_or_default();
        rules.push(format!(
            "{name} noise of both parties on every count and sum: epsilon {}{delta} for each of {} measures",
            noise.epsilon,
            direction.noise.as_ref().map_or(0, |noise| noise.spends)
        ));
        rules.push(format!("no cell with a noisy count below {}", policy.minimum_count));
    } else {
        rules.push(format!("no cell with fewer than {} records", policy.minimum_count));
        rules.push("no cell from which such a cell could be computed".to_owned());
    }
    if let Some(rule) = policy.dominance {
        let (largest, percent) = (rule.largest, rule.percent);
        rules.push(format!("no cell of which the {largest} largest may make more than {percent} % of a sum"));
    }
    if let Some(percent) = policy.p_percent {
        rules.push(format!("no cell in which the largest value may be estimated to within {percent} %"));
    }
    if let Some(base) = policy.round_to {
        rules.push(format!("counts, and sums in units of their last digit, rounded to multiples of {base}"));
    }
    let mut suppressed = SuppressedLines::default();
    for table in released {
        suppressed.of += table.release.iter().count();
        suppressed.small_count += table.small;
        suppressed.complementary += table.complementary;
        suppressed.held_back += table.held_back;
    }
    ProtectionLines { owner: direction.owner.clone(), rules, suppressed }
}

/// Says what each side learned, sizes and every other leakage included.
fn learned(plan: &Plan) -> LearnedLines {
    let (own_name, peer_name) = (plan.standing.own_name.to_string(), plan.standing.peer_name.to_string());
    let side = |owned: Option<&Direction>, matched: Option<&Direction>, other: &str| {
        let mut lines =
            vec!["the released figures".to_owned(), format!("how many distinct keys {other} has")];
        lines.extend(owned.map(owner_learns).unwrap_or_default());
        lines.extend(matched.map(|direction| matcher_learns(direction, other)).unwrap_or_default());
        lines
    };
    let (own, peer) = (plan.join.own.as_ref(), plan.join.peer.as_ref());
    LearnedLines { own: side(own, peer, &peer_name), peer: side(peer, own, &own_name) }
}

/// What the owner's program sees before it releases figures.
fn owner_learns(direction: &Direction) -> Vec<String> {
    if direction.noise.is_some() {
        return vec![noisy_cells("its own columns")];
    }
    let whole = is_one_cell(direction);
    let opened = match (whole, has_further_rules(direction)) {
        (true, false) => None,
        (true, true) => Some("the figures of its own columns, before the other rules were applied"),
        (false, _) => Some(
            "the figures of its own columns that the minimum lets be opened, before those were held back that give \
             others away or break another rule",
        ),
    };
    let opened = opened.map(str::to_owned);
    opened.into_iter().chain([tested(direction, "its own columns", "")]).collect()
}

/// What the matcher's program sees of the columns of `owner`.
fn matcher_learns(direction: &Direction, owner: &str) -> Vec<String> {
    let noise = if direction.dummies.is_some() { " plus noise" } else { "" };
    let is_partitioned = direction.has_partitions();
    let counted = if is_partitioned {
        format!(
            "how many records {owner} has in each group, and how many of them are common{noise}, without being told \
             which group is which; the sizes may give it away"
        )
    } else {
        format!("the number of common records{noise}, not which")
    };
    let columns = format!("{owner}'s columns");
    let seen = match direction.noise {
        Some(_) => noisy_cells(&columns),
        None => tested(
            direction,
            &columns,
            if is_partitioned { ", with the groups in a hidden order" } else { "" },
        ),
    };
    vec![counted, seen]
}

/// Both sides see the cells with noise, and apply the minimum to them.
fn noisy_cells(columns: &str) -> String {
    format!(
        "the figures of every cell of {columns} with the noise of both sides, before the minimum was applied"
    )
}

/// What the tests of counts tell both sides.
fn tested(direction: &Direction, columns: &str, order: &str) -> String {
    if is_one_cell(direction) {
        return "whether the common records reach the minimum".to_owned();
    }
    format!(
        "for each cell and margin of {columns}, and for some unions of them, whether it reaches the minimum{order}"
    )
}

fn is_one_cell(direction: &Direction) -> bool {
    direction.grids.iter().all(|grid| grid.cell_count() == 1)
}

fn has_further_rules(direction: &Direction) -> bool {
    let policy = &direction.policy;
    policy.dominance.is_some() || policy.p_percent.is_some() || policy.round_to.is_some()
}

//! The report of `sum` on a terminal: its tables, then how they are protected and what the run was.

use std::fmt::{self, Formatter};

use super::layout::{Column, side_by_side, wrap};
use super::text::{protection_lines, write_tables};
use super::{
    AgreementLine, BudgetLine, SumPartyLine, SumPartyState, SumReport, VectorLines, grouped, rows, write_cost,
};
use crate::data::RecordSummary;

/// Writes the whole report.
pub(super) fn write_report(report: &SumReport, f: &mut Formatter<'_>) -> fmt::Result {
    write_tables(&report.outcome, &report.tables, f)?;
    let sections = [
        report.vector.as_ref().map(vector_lines).unwrap_or_default(),
        protection_lines(&report.protection),
        provenance_lines(report),
        party_lines(report),
        own_lines(report),
        learned_lines(report),
    ];
    sections.iter().flatten().try_for_each(|line| writeln!(f, "{line}"))?;
    write_cost(f, &report.traffic, &report.phases, report.peak_memory_bytes)
}

fn vector_lines(vector: &VectorLines) -> Vec<String> {
    let [cells, released, withheld] = [vector.cells, vector.released, vector.withheld].map(grouped);
    let mut lines = vec![format!("Totals of {cells} cells: {released} released, {withheld} withheld")];
    let noise =
        vector.standard_error.map(|error| format!("  each with noise of standard deviation {error:.3}"));
    lines.extend(noise);
    lines
}

fn provenance_lines(report: &SumReport) -> Vec<String> {
    let AgreementLine { id, hash, runs } = &report.agreement;
    let protocol = &report.protocol;
    let short = hash.get(..16).unwrap_or(hash);
    let mut lines = vec![format!("Agreement: {id} ({short}), run {} of {}", runs.used, runs.max)];
    lines.extend(wrap("Purpose: ", &report.purpose));
    lines.extend(wrap("Protocol: ", &format!("{}, {}", protocol.name, protocol.adversary)));
    let vector = format!(
        "{} integers of {} bits, masked by {}; {}, {} bits; links by {}",
        grouped(protocol.words),
        protocol.ring_bits,
        protocol.prg,
        protocol.group,
        protocol.computational_bits,
        protocol.key_exchange
    );
    lines.extend(wrap("  ", &vector));
    lines
}

fn party_lines(report: &SumReport) -> Vec<String> {
    let survived = report.parties.iter().filter(|party| party.state == SumPartyState::Survived).count();
    let heading = format!(
        "Parties: {survived} of {} in the totals, at least {} needed; masks open with the shares of {}",
        report.parties.len(),
        report.minimum_parties,
        report.threshold
    );
    let mut lines = wrap("", &heading);
    let states: Vec<_> = report.parties.iter().map(|party| state_text(party, &report.coordinator)).collect();
    let columns = [
        Column::labels("", report.parties.iter().map(|party| party.name.as_str())),
        Column::labels("", states.iter().map(String::as_str)),
    ];
    lines.extend(side_by_side(&columns).into_iter().skip(1).map(|line| format!("  {line}")));
    if report.parties.iter().all(|party| party.name != report.coordinator) {
        lines.push(format!("  coordinated by {}, which brings no data", report.coordinator));
    }
    for name in &report.rejected_shares {
        lines.extend(wrap(
            "  ",
            &format!("{name} sent a share that does not fit its commitment; it was not used"),
        ));
    }
    let committed = report.parties.iter().filter_map(|party| Some((&party.name, party.commitment.as_ref()?)));
    lines.extend(committed.map(|(name, commitment)| format!("  commitment of {name}: {commitment}")));
    lines
}

/// Says how far a party came.
pub(super) fn state_text(party: &SumPartyLine, coordinator: &str) -> String {
    let state = match &party.state {
        SumPartyState::Survived => "in the totals".to_owned(),
        SumPartyState::Absent => "absent".to_owned(),
        SumPartyState::Vanished { step } => format!("vanished at: {step}"),
    };
    if party.name == coordinator { format!("{state}; coordinated") } else { state }
}

fn own_lines(report: &SumReport) -> Vec<String> {
    let own = &report.own;
    let mut lines = Vec::new();
    if let Some(RecordSummary { rows: all, records, rejected }) = &report.records {
        lines.extend(wrap("", &format!("Records of {own}: {} in {}", grouped(*records), rows(*all))));
        let rejected = rejected
            .iter()
            .map(|reject| format!("{} left out: {}: {}", rows(reject.rows), reject.column, reject.reason));
        lines.extend(rejected.flat_map(|line| wrap("  ", &line)));
    }
    lines.extend(
        report.budget.iter().flat_map(|budget| wrap("", &format!("Privacy budget: {}", budget.text()))),
    );
    lines
}

impl BudgetLine {
    /// Says what is spent, and of what.
    pub(super) fn text(&self) -> String {
        let of =
            |limit: &Option<String>| limit.as_ref().map(|limit| format!(" of {limit}")).unwrap_or_default();
        format!(
            "epsilon {}{} and delta {}{} of `{}` spent",
            self.epsilon_spent,
            of(&self.epsilon_limit),
            self.delta_spent,
            of(&self.delta_limit),
            self.dataset
        )
    }
}

fn learned_lines(report: &SumReport) -> Vec<String> {
    let learned = &report.learned;
    let roles = [(report.coordinator.as_str(), &learned.coordinator), ("every party", &learned.parties)];
    let lines = roles
        .into_iter()
        .flat_map(|(name, lines)| lines.iter().flat_map(move |line| wrap(&format!("  {name}: "), line)));
    ["Learned by the programs".to_owned()].into_iter().chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use crate::report::{VectorLines, testing};

    #[test]
    fn the_run_follows_the_tables() {
        let text = testing::sum_report().to_string();
        assert!(text.starts_with("paid by district: mean of paid by district; columns of all parties\n"));
        let start = text.find("Protection of").unwrap();
        let expected = "\
Protection of the figures about all parties
  - no cell with fewer than 10 records
  - suppressed (*): 3 of 13 cells and margins: 2 with too few records, 1 with
    records of too few parties
Agreement: costs-2026 (0123456789abcdef), run 1 of 3
Purpose: costs of treatment & <care>
Protocol: sum-masked, malicious coordinator, up to 3 colluding parties
  89 integers of 64 bits, masked by aes128-ctr; ristretto255, 126 bits; links by
  X25519MLKEM768
Parties: 2 of 4 in the totals, at least 2 needed; masks open with the shares of
2
  east   in the totals
  north  in the totals
  river  vanished at: masked figures
  south  absent
  coordinated by health-board, which brings no data
  river sent a share that does not fit its commitment; it was not used
  commitment of east: 00ff
  commitment of north: 11ee
Records of east: 1,000 in 1,003 rows
  3 rows left out: cost: empty
Privacy budget: epsilon 2 of 4 and delta 0.000002 of `stays` spent
Learned by the programs
  health-board: the totals
  every party: the totals, before suppression
Line: 1,000,000 bytes sent, 2,000,000 received, 5 flights
Time: read 1.50 s (2.25 s CPU), exchange 1.50 s (2.25 s CPU)
Memory: 64 MiB at most
";
        assert_eq!(&text[start..], expected);
    }

    #[test]
    fn a_vector_is_told_by_numbers_of_cells() {
        let mut report = testing::sum_report();
        report.tables = Vec::new();
        let vector = VectorLines { cells: 10_000, released: 9_000, withheld: 1_000, standard_error: None };
        report.vector = Some(vector.clone());
        assert!(
            report.to_string().starts_with("Totals of 10,000 cells: 9,000 released, 1,000 withheld\nProt")
        );
        report.vector = Some(VectorLines { standard_error: Some(1.25), ..vector });
        assert!(report.to_string().contains("withheld\n  each with noise of standard deviation 1.250\n"));
    }

    #[test]
    fn a_party_that_coordinates_and_a_report_without_figures_say_so() {
        let mut report = testing::sum_report();
        report.coordinator = "north".into();
        report.outcome = "withheld".into();
        let text = report.to_string();
        assert!(text.starts_with("Withheld: every figure is suppressed\n\n"));
        assert!(text.contains("  north  in the totals; coordinated\n") && !text.contains("brings no data"));
    }
}

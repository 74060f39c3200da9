//! The page of `sum`: the statistics as in that of `join`, then who took part and what the run was.

use super::super::sum_text::state_text;
use super::super::{SumReport, grouped, rows};
use super::markup::Markup;
use super::{agreement_facts, cost_facts, fact, headings, navigation, section, statistics, whole_page};

/// Returns the page of `sum`.
pub fn sum_page(report: &SumReport) -> String {
    let titles = [report.purpose.as_str(), report.agreement.id.as_str()];
    whole_page(
        titles,
        |page| header(page, report),
        |page| {
            statistics(page, &report.tables, &report.protection);
            section(page, "Parties", |page| parties(page, report));
            section(page, "What the programs learned", |page| learned(page, report));
            if report.records.is_some() || report.budget.is_some() {
                section(page, "Own table", |page| own(page, report));
            }
            section(page, "Protocol and cost", |page| cost(page, report));
        },
    )
}

fn header(page: &mut Markup, report: &SumReport) {
    headings(page, "Statistics over the tables of all parties", &report.purpose, &report.outcome);
    page.element("dl", &[], |page| {
        agreement_facts(page, &report.agreement);
        fact(page, "Reported by", &report.own);
        fact(page, "Coordinated by", &report.coordinator);
    });
    navigation(page, &report.tables);
}

fn parties(page: &mut Markup, report: &SumReport) {
    page.element("dl", &[], |page| {
        for party in &report.parties {
            fact(page, &party.name, &format!("{}; {}", state_text(party, &report.coordinator), party.key));
        }
        fact(page, "Fewest parties in a total", &grouped(report.minimum_parties.into()));
        fact(page, "Parties whose shares open a mask", &grouped(report.threshold.into()));
        for name in &report.rejected_shares {
            fact(page, "Sent a share that does not fit its commitment", name);
        }
        for party in &report.parties {
            if let Some(commitment) = &party.commitment {
                fact(page, &format!("Commitment of {}", party.name), commitment);
            }
        }
    });
}

fn learned(page: &mut Markup, report: &SumReport) {
    let learned = &report.learned;
    for (name, lines) in
        [(report.coordinator.as_str(), &learned.coordinator), ("Every party", &learned.parties)]
    {
        page.leaf("h3", &[], name);
        page.element("ul", &[], |page| lines.iter().for_each(|line| page.leaf("li", &[], line)));
    }
}

fn own(page: &mut Markup, report: &SumReport) {
    page.element("dl", &[], |page| {
        if let Some(records) = &report.records {
            fact(page, &format!("Records of {}", report.own), &grouped(records.records));
            fact(page, &format!("Rows of {}", report.own), &grouped(records.rows));
            for reject in &records.rejected {
                fact(page, &format!("Left out: {}: {}", reject.column, reject.reason), &rows(reject.rows));
            }
        }
        if let Some(budget) = &report.budget {
            fact(page, "Privacy budget", &budget.text());
        }
    });
}

fn cost(page: &mut Markup, report: &SumReport) {
    let protocol = &report.protocol;
    page.element("dl", &[], |page| {
        fact(page, "Protocol", &format!("{}, {}", protocol.name, protocol.adversary));
        fact(
            page,
            "Masked vector",
            &format!("{} integers of {} bits", grouped(protocol.words), protocol.ring_bits),
        );
        fact(page, "Masks", &protocol.prg);
        fact(page, "Group", &format!("{}, {} bits", protocol.group, protocol.computational_bits));
        fact(page, "Links", &protocol.key_exchange);
        cost_facts(page, &report.traffic, &report.phases, report.peak_memory_bytes);
    });
}

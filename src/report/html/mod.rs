//! The reports of `join` and `sum` as pages that stand alone: no script, nothing fetched, readable offline and on paper.
//!
//! The figures stand in tables, each with a drawing and with the rules that protect it. Every text of the report is
//! escaped, and the page's policy forbids whatever it does not bring along.

mod bars;
mod colour;
mod heat;
mod histogram;
mod markup;
mod plot;
mod scale;
mod sum;
mod tables;
#[cfg(test)]
mod tests;

use self::markup::Markup;
use super::figures::{Shown, View, grouped_len};
use super::{AgreementLine, JoinReport, ProtectionLines, TrafficLines, grouped, rows};
use crate::progress::PhaseTime;
use crate::statistics::StatisticTable;

/// Nothing but the page's own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub use self::sum::sum_page;

/// Returns the page of `join`.
pub fn html_page(report: &JoinReport) -> String {
    let titles = [report.purpose.as_str(), report.agreement.id.as_str()];
    whole_page(
        titles,
        |page| header(page, report),
        |page| {
            statistics(page, &report.tables, &report.protection);
            section(page, "What each side learned", |page| learned(page, report));
            section(page, "Keys", |page| keys(page, report));
            section(page, "Protocol and cost", |page| cost(page, report));
        },
    )
}

/// Returns a page with this title, out of two parts.
fn whole_page(title: [&str; 2], header: impl FnOnce(&mut Markup), main: impl FnOnce(&mut Markup)) -> String {
    let mut page = Markup::page();
    page.element("html", &[("lang", &"en")], |page| {
        page.element("head", &[], |page| head(page, title));
        page.element("body", &[], |page| {
            page.element("header", &[], header);
            page.element("main", &[], main);
        });
    });
    page.finish()
}

fn head(page: &mut Markup, [purpose, id]: [&str; 2]) {
    page.empty("meta", &[("charset", &"utf-8")]);
    page.empty("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &POLICY)]);
    page.empty("meta", &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")]);
    page.empty("meta", &[("name", &"color-scheme"), ("content", &"light dark")]);
    page.leaf("title", &[], &format!("{purpose} – {id}"));
    page.style(include_str!("page.css"));
}

fn header(page: &mut Markup, report: &JoinReport) {
    headings(page, "Statistics over common records", &report.purpose, &report.outcome);
    let parties = &report.parties;
    page.element("dl", &[], |page| {
        agreement_facts(page, &report.agreement);
        fact(page, "Reported by", &parties.own);
        fact(page, "Other party", &parties.peer);
        fact(page, "Its key", &parties.peer_key);
    });
    navigation(page, &report.tables);
}

fn headings(page: &mut Markup, kicker: &str, purpose: &str, outcome: &str) {
    page.leaf("p", &[("class", &"kicker")], kicker);
    page.leaf("h1", &[], purpose);
    if outcome == "withheld" {
        page.leaf("p", &[("class", &"withheld")], "Withheld: every figure is suppressed.");
    }
}

fn agreement_facts(page: &mut Markup, agreement: &AgreementLine) {
    fact(page, "Agreement", &agreement.id);
    fact(page, "Hash of the agreement", &agreement.hash);
    fact(page, "Run", &format!("{} of {}", agreement.runs.used, agreement.runs.max));
}

fn navigation(page: &mut Markup, tables: &[StatisticTable]) {
    page.element("nav", &[("aria-label", &"Statistics")], |page| {
        page.element("ul", &[], |page| {
            for (table, number) in tables.iter().zip(1..) {
                page.element("li", &[], |page| {
                    page.leaf("a", &[("href", &format!("#statistic-{number}"))], &table.name);
                });
            }
        });
    });
}

/// Writes all statistics.
fn statistics(page: &mut Markup, tables: &[StatisticTable], protection: &[ProtectionLines]) {
    for (table, number) in tables.iter().zip(1..) {
        statistic(page, protection, table, number);
    }
}

/// Writes a statistic: a drawing, the figures, and how they are protected.
fn statistic(page: &mut Markup, protections: &[ProtectionLines], table: &StatisticTable, number: u32) {
    let view = View::new(table);
    let id = format!("statistic-{number}");
    page.element("section", &[("id", &id), ("class", &"statistic")], |page| {
        page.leaf("h2", &[], &table.name);
        if table.by.is_empty() {
            single(page, &view);
        }
        plot::figure(page, &view);
        page.element("div", &[("class", &"beside")], |page| {
            tables::table(page, &view);
            page.element("aside", &[], |page| protection(page, protections, &view));
        });
    });
}

/// Writes the only figure of a statistic large.
fn single(page: &mut Markup, view: &View<'_>) {
    let Some(shown) = view.get(None, None) else { return };
    let figure = match shown {
        Shown::Figure { number, .. } => number.with_error(),
        Shown::Suppressed => "suppressed".into(),
        Shown::Undefined { .. } => "no value for so few records".into(),
    };
    page.leaf("p", &[("class", &"single")], &figure);
}

fn protection(page: &mut Markup, protections: &[ProtectionLines], view: &View<'_>) {
    page.leaf("h3", &[], "How these figures are protected");
    let protection = protections.iter().find(|protection| protection.owner == view.table.owner);
    let here =
        format!("{} of {} suppressed here (*)", grouped_len(view.suppressed_len()), grouped_len(view.len()));
    page.element("ul", &[], |page| {
        protection
            .iter()
            .flat_map(|protection| &protection.rules)
            .for_each(|rule| page.leaf("li", &[], rule));
        page.leaf("li", &[], &here);
        if let Some(protection) = protection {
            let all = format!(
                "suppressed of all figures about {}: {}",
                protection.owner,
                protection.suppressed_text()
            );
            page.leaf("li", &[], &all);
        }
    });
    if view.has_errors() {
        page.leaf("p", &[("class", &"note")], "± is one standard error.");
    }
}

fn learned(page: &mut Markup, report: &JoinReport) {
    let sides = [(&report.parties.own, &report.learned.own), (&report.parties.peer, &report.learned.peer)];
    for (name, lines) in sides {
        page.leaf("h3", &[], name);
        page.element("ul", &[], |page| lines.iter().for_each(|line| page.leaf("li", &[], line)));
    }
}

fn keys(page: &mut Markup, report: &JoinReport) {
    let keys = &report.keys;
    page.element("dl", &[], |page| {
        fact(page, &format!("Distinct keys of {}", report.parties.own), &grouped(report.own_keys));
        fact(page, &format!("Distinct keys of {}", report.parties.peer), &grouped(report.peer_keys));
        fact(page, &format!("Rows of {}", report.parties.own), &grouped(keys.rows));
        fact(page, "With a key of a row before", &rows(keys.duplicate_rows));
        for reject in &keys.rejected {
            fact(page, &format!("Left out: {}: {}", reject.column, reject.reason), &rows(reject.rows));
        }
    });
}

fn cost(page: &mut Markup, report: &JoinReport) {
    let (protocol, traffic) = (&report.protocol, &report.traffic);
    page.element("dl", &[], |page| {
        fact(page, "Protocol", &format!("{}, {}", protocol.name, protocol.adversary));
        fact(page, "Group", &format!("{}, {} bits", protocol.group, protocol.computational_bits));
        fact(page, "False match", &format!("at most 2^-{}", protocol.statistical_bits));
        fact(page, "Link", &protocol.key_exchange);
        cost_facts(page, traffic, &report.phases, report.peak_memory_bytes);
    });
}

fn cost_facts(
    page: &mut Markup,
    traffic: &TrafficLines,
    phases: &[PhaseTime],
    peak_memory_bytes: Option<u64>,
) {
    let bytes = |bytes: u64| format!("{} bytes", grouped(bytes));
    fact(page, "Sent", &bytes(traffic.wire_sent_bytes));
    fact(page, "Received", &bytes(traffic.wire_received_bytes));
    if let Some(flights) = traffic.flights {
        fact(page, "Flights of messages", &grouped(flights));
    }
    for PhaseTime { phase, wall_seconds, cpu_seconds } in phases {
        fact(page, &format!("Time: {phase}"), &format!("{wall_seconds:.2} s, {cpu_seconds:.2} s CPU"));
    }
    if let Some(bytes) = peak_memory_bytes {
        fact(page, "Memory", &format!("{} MiB at most", grouped(bytes >> 20)));
    }
}

fn section(page: &mut Markup, title: &str, fill: impl FnOnce(&mut Markup)) {
    page.element("section", &[], |page| {
        page.leaf("h2", &[], title);
        fill(page);
    });
}

fn fact(page: &mut Markup, name: &str, value: &str) {
    page.element("div", &[], |page| {
        page.leaf("dt", &[], name);
        page.leaf("dd", &[], value);
    });
}

//! A report with a table of every kind, for the tests of its forms.

use super::{
    AgreementLine, BudgetLine, JoinProtocolLines, JoinReport, LearnedLines, PartyLines, ProtectionLines,
    REPORT_VERSION, SumLearnedLines, SumPartyLine, SumPartyState, SumProtocolLines, SumReport,
    SuppressedLines, TrafficLines,
};
use crate::agreement::StatisticKind;
use crate::data::normalize::RejectReason;
use crate::data::{KeySummary, RecordSummary, RejectCount};
use crate::progress::PhaseTime;
use crate::state::Runs;
use crate::statistics::{Axis, Number, StatisticTable, TableEntry};

/// A number as its text says.
pub(super) fn figure(text: &str, standard_error: Option<f64>) -> Number {
    Number { number: text.parse().unwrap(), text: text.into(), standard_error }
}

/// A released entry.
pub(super) fn entry(
    row: Option<u32>,
    column: Option<u32>,
    count: Option<Number>,
    value: Option<Number>,
) -> TableEntry {
    TableEntry { row, column, suppressed: false, count, value }
}

fn suppressed(row: Option<u32>, column: Option<u32>) -> TableEntry {
    TableEntry { row, column, suppressed: true, count: None, value: None }
}

fn counted(row: Option<u32>, column: Option<u32>, count: &str) -> TableEntry {
    entry(row, column, Some(figure(count, None)), None)
}

fn axis(name: &str, labels: &[&str]) -> Axis {
    let labels = labels.iter().map(|&label| label.to_owned()).collect();
    Axis { name: name.into(), labels, edges: Vec::new() }
}

fn table(name: &str, kind: StatisticKind, by: Vec<Axis>, entries: Vec<TableEntry>) -> StatisticTable {
    let of = kind.takes_number().then(|| "paid".to_owned());
    StatisticTable { name: name.into(), kind, owner: "insurer".into(), of, by, entries }
}

/// A mean with errors by a group, one of whose groups is called as a margin is, one suppressed, one undefined.
pub(super) fn by_district() -> StatisticTable {
    let mean = |text, error| Some(figure(text, Some(error)));
    let entries = vec![
        entry(Some(0), None, Some(figure("12045", None)), mean("812.3312", 4.125)),
        suppressed(Some(1), None),
        entry(Some(2), None, Some(figure("1", None)), None),
        entry(None, None, Some(figure("12060", None)), mean("-812.4000", 4.25)),
    ];
    let by = vec![axis("district", &["杭州市上城区", "total", "<script>\"&"])];
    table("paid by district", StatisticKind::Mean, by, entries)
}

/// Counts by two groups with margins.
pub(super) fn crosstab() -> StatisticTable {
    let counts = [["1200", "", "1203"], ["", "20", "26"], ["1203", "26", "1229"]];
    let group = |index: usize| u32::try_from(index).ok().filter(|&index| index < 2);
    let cells = counts.iter().enumerate().flat_map(|(row, counts)| {
        counts.iter().enumerate().map(move |(column, count)| match *count {
            "" => suppressed(group(row), group(column)),
            count => counted(group(row), group(column), count),
        })
    });
    let by = vec![axis("district", &["杭州", "Ningbo"]), axis("work", &["employed", "retired"])];
    table("work by district", StatisticKind::Crosstab, by, cells.collect())
}

/// Noisy counts in bins of unequal width, one suppressed.
pub(super) fn histogram() -> StatisticTable {
    let noisy = |row, count| entry(row, None, Some(figure(count, Some(1.5))), None);
    let mut ages = axis("age", &["[0, 18)", "[18, 35)", "[35, 60)", "[60, 120]"]);
    ages.edges = ["0", "18", "35", "60", "120"].map(|edge| edge.parse().unwrap()).to_vec();
    let entries = vec![
        noisy(Some(0), "900"),
        noisy(Some(1), "1700"),
        suppressed(Some(2), None),
        noisy(Some(3), "-3"),
        noisy(None, "4600"),
    ];
    table("ages", StatisticKind::Histogram, vec![ages], entries)
}

/// A sum over everything.
pub(super) fn overall() -> StatisticTable {
    let sum = figure("-1234567.50", None);
    let entries = vec![entry(None, None, Some(figure("12060", None)), Some(sum))];
    table("all paid", StatisticKind::Sum, Vec::new(), entries)
}

/// Counts that are all suppressed.
pub(super) fn withheld() -> StatisticTable {
    let entries = vec![suppressed(Some(0), None), suppressed(Some(1), None), suppressed(None, None)];
    let mut table = table("sex", StatisticKind::Count, vec![axis("sex", &["f", "m"])], entries);
    table.owner = "bureau".into();
    table
}

/// A mean by two groups that is too wide for a line, without margins.
pub(super) fn wide() -> StatisticTable {
    let columns =
        ["agriculture and forestry", "manufacturing of goods", "services of all kinds", "other work"];
    let cell = |row: u32, column: u32| {
        let text = format!("{}.5", i64::from(row * 4 + column) - 3);
        entry(Some(row), Some(column), Some(figure("1000", None)), Some(figure(&text, Some(0.25))))
    };
    let entries = (0..2).flat_map(|row| (0..4).map(move |column| cell(row, column))).collect();
    let by = vec![axis("district", &["杭州市上城区", "宁波"]), axis("sector", &columns)];
    table("paid by sector", StatisticKind::Mean, by, entries)
}

/// A report with all of them.
pub(super) fn report() -> JoinReport {
    let rejected = vec![RejectCount { column: "id_card".into(), reason: RejectReason::Empty, rows: 3 }];
    let phase = |phase: &str| PhaseTime { phase: phase.into(), wall_seconds: 1.5, cpu_seconds: 2.25 };
    JoinReport {
        report_version: REPORT_VERSION,
        command: "join".into(),
        outcome: "released".into(),
        purpose: "costs of the insured by district & age".into(),
        agreement: AgreementLine {
            id: "costs-2026".into(),
            hash: "0123456789abcdef".repeat(4),
            runs: Runs { used: 1, max: 3 },
        },
        tables: vec![by_district(), crosstab(), histogram(), overall(), withheld(), wide()],
        protection: protection(),
        protocol: JoinProtocolLines {
            name: "join-elgamal".into(),
            group: "ristretto255".into(),
            adversary: "semi-honest".into(),
            computational_bits: 126,
            statistical_bits: 40,
            key_exchange: "X25519MLKEM768".into(),
        },
        parties: PartyLines { own: "insurer".into(), peer: "bureau".into(), peer_key: "ed25519:abc".into() },
        own_keys: 20_000,
        peer_keys: 15_000,
        keys: KeySummary {
            rows: 20_005,
            keyed_rows: 20_002,
            distinct_keys: 20_000,
            duplicate_rows: 2,
            rejected,
        },
        traffic: TrafficLines {
            wire_sent_bytes: 1_000_000,
            wire_received_bytes: 2_000_000,
            messages_sent: 12,
            messages_received: 13,
            flights: Some(5),
        },
        learned: LearnedLines {
            own: vec!["the released figures".into(), "that bureau has 15,000 keys".into()],
            peer: vec!["the released figures".into()],
        },
        phases: vec![phase("read"), phase("exchange")],
        peak_memory_bytes: Some(64 << 20),
    }
}

fn protection() -> Vec<ProtectionLines> {
    let lines = |owner: &str, rule: &str, suppressed| ProtectionLines {
        owner: owner.into(),
        rules: vec![rule.into()],
        suppressed,
    };
    let own = SuppressedLines {
        of: 1400,
        small_count: 2,
        complementary: 1,
        held_back: 1,
        ..SuppressedLines::default()
    };
    let peer = SuppressedLines { of: 3, small_count: 3, ..SuppressedLines::default() };
    vec![
        lines("insurer", "every figure rests on at least 5 records", own),
        lines("bureau", "every figure rests on at least 10 records", peer),
    ]
}

/// A report of a sum whose third party vanished and fourth never came.
pub(super) fn sum_report() -> SumReport {
    let mut tables = vec![by_district(), crosstab()];
    tables.iter_mut().for_each(|table| table.owner = "all parties".into());
    let suppressed =
        SuppressedLines { of: 13, small_count: 2, few_contributors: 1, ..SuppressedLines::default() };
    let rejected = vec![RejectCount { column: "cost".into(), reason: RejectReason::Empty, rows: 3 }];
    let join = report();
    SumReport {
        report_version: REPORT_VERSION,
        command: "sum".into(),
        outcome: "released".into(),
        purpose: "costs of treatment & <care>".into(),
        agreement: join.agreement,
        tables,
        vector: None,
        protection: vec![ProtectionLines {
            owner: "all parties".into(),
            rules: vec!["no cell with fewer than 10 records".into()],
            suppressed,
        }],
        protocol: SumProtocolLines {
            name: "sum-masked".into(),
            adversary: "malicious coordinator, up to 3 colluding parties".into(),
            group: "ristretto255".into(),
            computational_bits: 126,
            ring_bits: 64,
            words: 89,
            prg: "aes128-ctr".into(),
            key_exchange: join.protocol.key_exchange,
        },
        own: "east".into(),
        coordinator: "health-board".into(),
        threshold: 2,
        minimum_parties: 2,
        parties: sum_parties(),
        rejected_shares: vec!["river".into()],
        evidence: None,
        records: Some(RecordSummary { rows: 1003, records: 1000, rejected }),
        budget: Some(BudgetLine {
            dataset: "stays".into(),
            epsilon_spent: "2".into(),
            epsilon_limit: Some("4".into()),
            delta_spent: "0.000002".into(),
            delta_limit: None,
        }),
        learned: SumLearnedLines {
            coordinator: vec!["the totals".into()],
            parties: vec!["the totals, before suppression".into()],
        },
        traffic: join.traffic,
        phases: join.phases,
        peak_memory_bytes: join.peak_memory_bytes,
    }
}

fn sum_parties() -> Vec<SumPartyLine> {
    let party = |name: &str, state, commitment: Option<&str>| SumPartyLine {
        name: name.into(),
        key: format!("ed25519:{name}"),
        state,
        commitment: commitment.map(str::to_owned),
        signature: None,
    };
    let vanished = SumPartyState::Vanished { step: "masked figures".into() };
    vec![
        party("east", SumPartyState::Survived, Some("00ff")),
        party("north", SumPartyState::Survived, Some("11ee")),
        party("river", vanished, None),
        party("south", SumPartyState::Absent, None),
    ]
}

//! `report` and `aggregate` as they are used: reports of many in files, and two aggregators in processes of their own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use common::{Ended, Listener, Place, Running};
use sha2::{Digest as _, Sha256};
use tidegate::agreement::{DisclosureTerm, MeasureTerm, ReportTerm, Terms};
use tidegate::ledger::{Kind, Ledger, Protocol};
use tidegate::report::{AggregateReport, SumLine};
use tidegate::report_key;
use tidegate::state::StateDir;
use tidegate_mpc::aggregation::prio::ReportKey;
use tidegate_mpc::testing::seeded_rng;

fn key(seed: u64) -> ReportKey {
    ReportKey::random(&mut seeded_rng(seed))
}

/// A directory with the keys for reports of both parties, `health` being the leader.
fn place() -> Place {
    let place = Place::new();
    report_key::save_new(&key(11), &place.path("health-reports.key")).unwrap();
    report_key::save_new(&key(12), &place.path("credit-reports.key")).unwrap();
    place
}

fn terms(place: &Place, minimum_batch: u64, measure: MeasureTerm) -> Terms {
    let keys = [11, 12].map(|seed| key(seed).public().into()).to_vec();
    Terms {
        protocol: "prio3".into(),
        output: vec!["health".into(), "credit".into()],
        key: Vec::new(),
        report: Some(ReportTerm { keys, minimum_batch, measure }),
        ..place.terms()
    }
}

fn sum() -> MeasureTerm {
    MeasureTerm::Sum { decimals: 2, max: "1000".parse().unwrap() }
}

fn bins() -> MeasureTerm {
    let edges = ["0", "18", "65", "130"].map(|edge| edge.parse().unwrap()).to_vec();
    MeasureTerm::Bins { decimals: 0, edges }
}

/// Makes reports as their reporter does.
fn report(place: &Place, args: &[&str]) -> Ended {
    Running::of(place.command(&["report", "--agreement", "agreement.toml"]).args(args)).end()
}

fn aggregate(place: &Place, party: &str, args: &[&str]) -> std::process::Command {
    let [identity, key, state] = [".key", "-reports.key", "-state"].map(|end| format!("{party}{end}"));
    let mut command = place.command(&["aggregate", "--identity", &identity, "--report-key", &key]);
    command.args(["--state-dir", &state, "--wait", "50", "--agreement", "agreement.toml"]).args(args);
    command
}

/// Runs both aggregators to their ends.
fn meet(place: &Place, health: &[&str], credit: &[&str]) -> [Ended; 2] {
    let listener = Listener::of(aggregate(place, "health", health).args(["--listen", "127.0.0.1:0"]));
    let mut credit = aggregate(place, "credit", credit);
    let credit = Running::of(credit.args(["--connect", &listener.address]));
    [listener.running.end(), credit.end()]
}

fn read(ended: &Ended) -> AggregateReport {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn rejected(report: &AggregateReport, reason: &str) -> u64 {
    report.rejected.iter().find(|line| line.reason == reason).unwrap().reports
}

fn sums(report: &AggregateReport) -> Vec<(&str, &str)> {
    report.sums.iter().map(|SumLine { label, sum }| (label.as_str(), sum.as_str())).collect()
}

/// Where nobody listens: what is refused is refused before anybody is looked for.
const NOBODY: &[&str] = &["--connect", "127.0.0.1:9"];

const JSON: &[&str] = &["--input", "inbox", "--format", "json"];

#[test]
fn rows_of_a_table_and_single_reports_are_added_up() {
    let place = place();
    place.agree("agreement.toml", terms(&place, 3, bins()));
    std::fs::create_dir(place.path("inbox")).unwrap();
    place.write("people.csv", "name,age\na,17\nb,18\nc,64\nd,130\n");
    report(&place, &["--input", "people.csv", "--column", "age", "--output", "inbox/people.reports"]).done();
    report(&place, &["--value", "0", "--output", "inbox/one.reports"]).done();
    place.write("age.txt", "65\n");
    report(&place, &["--values", "age.txt", "--output", "inbox/two.reports"]).done();
    place.write("inbox/junk.reports", "no reports at all");
    let ended = meet(&place, JSON, JSON).map(Ended::done);
    for ended in &ended {
        let report = read(ended);
        assert_eq!(report.outcome, "released");
        assert_eq!(sums(&report), [("[0, 18)", "2"), ("[18, 65)", "2"), ("[65, 130]", "2")]);
        assert_eq!((report.accepted, report.skipped_files.len()), (6, 1));
        assert!(report.protocol.vdaf.contains("draft-irtf-cfrg-vdaf-18"));
    }
}

#[test]
fn a_report_counts_once_and_too_few_are_withheld() {
    let place = place();
    place.agree("agreement.toml", terms(&place, 3, sum()));
    std::fs::create_dir(place.path("inbox")).unwrap();
    place.write("bills.csv", "paid\n1.50\n0.07\n1000\n");
    report(&place, &["--input", "bills.csv", "--column", "paid", "--output", "inbox/first.reports"]).done();
    let [health, _] = meet(&place, &["--input", "inbox", "--json", "result.json"], JSON).map(Ended::done);
    assert!(health.stdout.contains("Total of 3 reports\n  sum  1,001.57\n"), "{}", health.stdout);
    let kept: AggregateReport = serde_json::from_str(&place.read("result.json")).unwrap();
    assert_eq!(sums(&kept), [("sum", "1001.57")]);
    // The same reports again, with one new one.
    report(&place, &["--value", "3", "--output", "inbox/second.reports"]).done();
    for ended in meet(&place, JSON, JSON) {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let report = read(&ended);
        assert_eq!((report.outcome.as_str(), report.accepted), ("withheld", 1));
        assert_eq!(rejected(&report, "replayed"), 3);
        assert!(report.sums.is_empty());
    }
    // What was withheld may still count.
    for name in ["third", "fourth"] {
        report(&place, &["--value", "4", "--output", &format!("inbox/{name}.reports")]).done();
    }
    for ended in meet(&place, JSON, JSON).map(Ended::done) {
        assert_eq!(sums(&read(&ended)), [("sum", "11.00")]);
    }
    let key = place.health.public();
    let state = StateDir::find(Some(&place.path("health-state"))).unwrap();
    let entries = Ledger::of(&state, &key).verify(&key).unwrap().entries;
    let ends: Vec<_> =
        entries.iter().filter(|entry| entry.started.is_some()).map(|entry| entry.kind).collect();
    assert_eq!(ends, [Kind::Released, Kind::RunRefused, Kind::Released]);
    // The digest is that of the file that `--json` wrote.
    assert_eq!(entries[2].report.unwrap().as_bytes()[..], Sha256::digest(place.read("result.json"))[..]);
    assert_eq!(entries[2].protocol, Some(Protocol::Report));
}

#[test]
fn reports_that_only_one_aggregator_has_do_not_count() {
    let place = place();
    let names = ["a", "b"].map(String::from).to_vec();
    let measure = MeasureTerm::SumVec { length: 2, names, decimals: 0, max: "9".parse().unwrap() };
    place.agree("agreement.toml", terms(&place, 3, measure));
    place.write("two.csv", "a,b\n1,2\n3,4\n0,9\n");
    place.write("three.csv", "b,a\n9,9\n");
    for folder in ["inbox", "other"] {
        std::fs::create_dir(place.path(folder)).unwrap();
    }
    report(&place, &["--input", "two.csv", "--output", "inbox/two.reports"]).done();
    std::fs::copy(place.path("inbox/two.reports"), place.path("other/two.reports")).unwrap();
    report(&place, &["--input", "three.csv", "--output", "inbox/three.reports"]).done();
    let [health, credit] = meet(&place, JSON, &["--input", "other", "--format", "json"]).map(Ended::done);
    assert_eq!(sums(&read(&health)), [("a", "4"), ("b", "15")]);
    assert_eq!(sums(&read(&credit)), sums(&read(&health)));
    assert_eq!((rejected(&read(&health), "unmatched"), rejected(&read(&credit), "unmatched")), (1, 0));
}

#[test]
fn noise_is_added_and_paid_for() {
    let place = place();
    let policy = "minimum_count = 1\nnoise = { mechanism = \"discrete-laplace\", epsilon = \"0.01\" }\n\
                  budget = { epsilon = \"0.01\" }";
    let disclosure: DisclosureTerm = toml::from_str(policy).unwrap();
    let mut terms = Terms { disclosure: Some(disclosure), ..terms(&place, 2, bins()) };
    terms.party.iter_mut().for_each(|party| party.dataset = Some("ages".into()));
    place.agree("agreement.toml", terms);
    std::fs::create_dir(place.path("inbox")).unwrap();
    place.write("people.csv", "age\n1\n2\n3\n");
    report(&place, &["--input", "people.csv", "--column", "age", "--output", "inbox/people.reports"]).done();
    let [health, credit] = meet(&place, JSON, JSON).map(Ended::done);
    assert_eq!(sums(&read(&health)), sums(&read(&credit)));
    // All three sums without noise come by chance less often than once in 10^6 runs.
    assert_ne!(sums(&read(&health)), [("[0, 18)", "3"), ("[18, 65)", "0"), ("[65, 130]", "0")]);
    assert!(read(&health).protection.iter().any(|rule| rule.contains("epsilon 0.01")));
    let spent = Running::of(aggregate(&place, "health", JSON).args(NOBODY)).end();
    spent.failed(2, "the privacy budget of the dataset `ages` does not suffice");
}

#[test]
fn what_does_not_fit_is_refused() {
    let place = place();
    place.agree("agreement.toml", terms(&place, 4, sum()));
    report(&place, &["--value", "1000.01", "--output", "a.reports"])
        .failed(2, "value 1 of the report is not between 0.00 and 1000.00");
    report(&place, &["--value", "-1", "--output", "a.reports"]).failed(2, "is not between 0.00 and 1000.00");
    report(&place, &["--value", "x", "--output", "a.reports"]).failed(2, "is not a number");
    report(&place, &["--value", "1\n2", "--output", "a.reports"]).failed(2, "2 values are given");
    place.write("bills.csv", "paid\n1.50\n\n");
    report(&place, &["--input", "bills.csv", "--output", "a.reports"]).failed(2, "0 columns are named");
    assert!(!place.path("a.reports").exists());
    report(&place, &["--value", "1", "--output", "a.reports"]).done();
    report(&place, &["--value", "1", "--output", "a.reports"]).failed(2, "exists");
    let run = |args: &[&str]| Running::of(aggregate(&place, "health", args).args(NOBODY)).end();
    run(&["--input", "bills.csv"]).failed(2, "is no file of reports");
    run(&["--input", "nowhere"]).failed(2, "cannot read");
    place.agree("other.toml", terms(&place, 3, sum()));
    let with = |agreement: &str, key: &str| {
        let mut command = place.command(&["aggregate", "--identity", "health.key", "--input", "a.reports"]);
        Running::of(command.args(["--agreement", agreement, "--report-key", key]).args(NOBODY)).end()
    };
    with("agreement.toml", "credit-reports.key").failed(2, "--report-key is not the key for reports");
    with("agreement.toml", "health.key").failed(2, "is not an X25519 secret key");
    with("other.toml", "health-reports.key").failed(2, "were made under another agreement");
    let psi = place
        .command(&["psi", "--identity", "health.key", "--agreement", "agreement.toml"])
        .args(["--input", "bills.csv", "--count-only"])
        .output()
        .unwrap();
    assert!(String::from_utf8(psi.stderr).unwrap().contains("the agreement is on reports"));
}

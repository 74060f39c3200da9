//! Two parties that compute statistics, each in a process of its own: what each learns, writes and counts, and
//! how a run ends that goes wrong. Failures before there is a link are cases of `tests/cli`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::{Ended, Listener, Place, Running, free_address};
use rustix::process::Signal;
use tidegate::agreement::{Agreement, BudgetTerm, DummiesTerm, Terms, to_toml};
use tidegate::report::JoinReport;
use tidegate::statistics::StatisticTable;

const HEALTH: [&str; 2] = ["--input", "health.csv"];
const CREDIT: [&str; 2] = ["--input", "credit.csv"];
const JSON: [&str; 2] = ["--format", "json"];

/// Makes the table of `health`: the first five in Nanhu, each paid its number and a quarter.
fn claims(ids: std::ops::Range<u32>) -> String {
    let town = |id| if id < 5 { "Nanhu" } else { "Xihu" };
    let rows = ids.map(|id| format!("{id},{}.25,{}\n", id % 900, town(id)));
    std::iter::once("id,paid,town\n".to_owned()).chain(rows).collect()
}

/// Makes the table of `credit`: cooks below 8, smiths above.
fn jobs(ids: std::ops::Range<u32>) -> String {
    let rows = ids.map(|id| format!("{},{id} \n", if id < 8 { "cook" } else { "smith" }));
    std::iter::once("job,id\n".to_owned()).chain(rows).collect()
}

/// A place with both tables, which share 2 to 11, under a changed agreement.
fn place(change: impl FnOnce(&mut Terms)) -> Place {
    let place = Place::new();
    let mut terms = place.statistics();
    change(&mut terms);
    place.agree("agreement.toml", terms);
    place.write("health.csv", claims(0..12));
    place.write("credit.csv", jobs(2..20));
    place
}

fn minimum(count: u64) -> impl FnOnce(&mut Terms) {
    move |terms| terms.disclosure.as_mut().unwrap().minimum_count = count
}

fn named<'a>(report: &'a JoinReport, name: &str) -> &'a StatisticTable {
    report.tables.iter().find(|table| table.name == name).unwrap()
}

/// Returns count and value of every entry, as texts; `*` where it is suppressed.
fn figures(table: &StatisticTable) -> Vec<(String, String)> {
    let text = |number: &Option<tidegate::statistics::Number>| {
        number.as_ref().map_or("*".to_owned(), |number| number.text.clone())
    };
    table.entries.iter().map(|entry| (text(&entry.count), text(&entry.value))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(count, value)| (count.to_string(), value.to_string())).collect()
}

/// Requires that both reports hold the tables of the plain join.
fn require_plain(reports: &[JoinReport; 2]) {
    for report in reports {
        let paid = pairs(&[("3", "3.2500"), ("7", "8.2500"), ("10", "6.7500")]);
        assert_eq!(figures(named(report, "paid by town")), paid);
        assert_eq!(figures(named(report, "people by work")), pairs(&[("6", "*"), ("4", "*"), ("10", "*")]));
        assert_eq!(report.outcome, "released");
    }
}

/// Requires that neither output nor temporary file is left, and that the next run works.
fn require_clean(place: &Place) {
    let names = place.names();
    let left = names.iter().find(|name| name.starts_with('.') || name.contains("figures"));
    assert_eq!(left, None, "{names:?}");
    require_plain(&meet(place));
}

/// Runs both sides, which succeed, and returns their reports.
fn meet(place: &Place) -> [JoinReport; 2] {
    let ended = place.meet_to_join(&[HEALTH, JSON].concat(), &[CREDIT, JSON].concat());
    ended.map(|ended| ended.done().join_report())
}

#[test]
fn both_sides_hold_the_tables_of_the_plain_join() {
    let place = place(|_| {});
    let reports = meet(&place);
    require_plain(&reports);
    let [health, credit] = &reports;
    for name in ["paid by town", "people by work"] {
        assert_eq!(named(health, name), named(credit, name));
    }
    assert_eq!((health.own_keys, health.peer_keys, credit.own_keys, credit.peer_keys), (12, 18, 18, 12));
    assert_eq!((&health.learned.own, &health.learned.peer), (&credit.learned.peer, &credit.learned.own));
    assert_eq!((health.agreement.runs.used, credit.agreement.runs.used), (1, 1));
    assert_eq!(health.traffic.wire_sent_bytes, credit.traffic.wire_received_bytes);
    assert_eq!(health.traffic.messages_received, credit.traffic.messages_sent);
    let phases: Vec<_> = health.phases.iter().map(|phase| phase.phase.as_str()).collect();
    assert!(phases.starts_with(&["read", "connect", "exchange", "matching"]), "{phases:?}");
}

#[test]
fn parties_start_in_either_order() {
    let place = place(|_| {});
    let address = free_address();
    let mut credit = Running::of(place.join("credit", &CREDIT).args(["--connect", &address]));
    credit.wait_for(&format!("nobody answers at {address} yet; trying again until they do"));
    let health = Running::of(place.join("health", &HEALTH).args(["--listen", &address]));
    let health = health.end().done();
    assert!(health.stdout.contains("8.2500"), "{}", health.stdout);
    credit.end().done();
}

#[test]
fn parquet_tables_give_the_same() {
    let place = place(|_| {});
    place.convert("health.csv", "health.parquet");
    place.convert("credit.csv", "credit.parquet");
    let [health, credit] =
        ["health.parquet", "credit.parquet"].map(|input| [&["--input", input][..], &JSON].concat());
    require_plain(&place.meet_to_join(&health, &credit).map(|ended| ended.done().join_report()));
}

#[test]
fn partitions_give_the_same_and_leak_what_they_say() {
    let place = place(|terms| {
        let join = terms.join.as_mut().unwrap();
        join.groups = tidegate::agreement::GroupHiding::Partitions;
        join.dummies = Some(DummiesTerm { epsilon: "1".parse().unwrap(), delta: "0.01".parse().unwrap() });
    });
    let reports = meet(&place);
    require_plain(&reports);
    let lines = &reports[1].learned.own;
    assert!(
        lines.iter().any(|line| line.starts_with("how many records health has in each group")),
        "{lines:?}"
    );
}

#[test]
fn results_go_to_files() {
    let place = place(minimum(4));
    let files = ["--csv", "figures.csv", "--json", "figures.json", "--html", "figures.html"];
    let [health, credit] = place.meet_to_join(&[&HEALTH[..], &files].concat(), &CREDIT).map(Ended::done);
    let csv = place.read("figures.csv");
    for line in [
        "paid by town,mean,health,paid,town,Nanhu,,,cell,,,,,true\n",
        "paid by town,mean,health,paid,town,,,,total,10,,6.7500,,false\n",
        "people by work,count,credit,,work,smith,,,cell,4,,,,false\n",
    ] {
        assert!(csv.contains(line), "{line} is missing: {csv}");
    }
    assert_eq!(csv.lines().count(), 7);
    let report: JoinReport = serde_json::from_str(&place.read("figures.json")).unwrap();
    assert_eq!(figures(named(&report, "paid by town")), pairs(&[("*", "*"), ("*", "*"), ("10", "6.7500")]));
    let suppressed = report.protection[0].suppressed;
    assert_eq!((suppressed.of, suppressed.small_count, suppressed.complementary), (3, 1, 1));
    let page = place.read("figures.html");
    assert!(page.starts_with("<!") && page.contains("6.7500") && !page.contains("8.25"), "{page}");
    for text in [&health.stdout, &credit.stdout] {
        assert!(text.contains("6.7500") && !text.contains("8.25") && !text.contains("3.25"), "{text}");
    }
    let left: Vec<_> = place.names().into_iter().filter(|name| name.starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn where_every_figure_is_suppressed_both_sides_say_so() {
    let place = place(minimum(11));
    let ended = place.meet_to_join(&[&HEALTH[..], &JSON, &["--csv", "figures.csv"]].concat(), &CREDIT);
    assert_eq!((ended[0].code, ended[1].code), (Some(1), Some(1)), "{ended:?}");
    let report = ended[0].join_report();
    assert_eq!(report.outcome, "withheld");
    assert!(report.tables.iter().flat_map(|table| &table.entries).all(|entry| entry.suppressed));
    assert!(ended[1].stdout.starts_with("Withheld: every figure is suppressed\n"), "{}", ended[1].stdout);
    let csv = place.read("figures.csv");
    assert!(csv.lines().skip(1).all(|line| line.ends_with(",,,,,true")), "{csv}");
}

#[test]
fn runs_are_counted_on_both_sides_and_end() {
    let place = place(|terms| terms.max_runs = 2);
    for used in [1, 2] {
        for report in meet(&place) {
            assert_eq!((report.agreement.runs.used, report.agreement.runs.max), (used, 2));
        }
    }
    for (party, args) in [("health", &HEALTH), ("credit", &CREDIT)] {
        let ended = Running::of(place.join(party, args).args(["--connect", "127.0.0.1:1"])).end();
        ended.failed(
            2,
            "error: all 2 runs of the agreement are used\nhint: agree on more runs and sign anew\n",
        );
    }
}

#[test]
fn a_privacy_budget_is_spent_and_refuses_what_is_beyond_it() {
    let place = place(|terms| {
        let [epsilon, delta] = ["1", "0.01"].map(|number| number.parse().unwrap());
        terms.join.as_mut().unwrap().dummies = Some(DummiesTerm { epsilon, delta });
        let policy = terms.disclosure.as_mut().unwrap();
        let noise = "mechanism = \"discrete-laplace\"\nepsilon = \"4\"";
        (policy.minimum_count, policy.noise) = (1, Some(toml::from_str(noise).unwrap()));
        policy.budget = Some(BudgetTerm { epsilon: "12".parse().unwrap(), delta: None });
    });
    let reports = meet(&place);
    let total = named(&reports[0], "paid by town").entries.last().unwrap().count.clone().unwrap();
    assert!(total.standard_error.is_some_and(|error| error > 0.3), "{total:?}");
    assert_eq!(named(&reports[0], "people by work"), named(&reports[1], "people by work"));
    assert!(reports[0].protection[0].rules[0].contains("epsilon 4 for each of 2 measures"));
    // A count and a sum about one side's columns and a count about the other's took 12 of 12, on both sides.
    let refused = Running::of(place.join("health", &HEALTH).args(["--connect", "127.0.0.1:1"])).end();
    refused.failed(2, "error: the privacy budget of the dataset `claims` does not suffice: ");
    refused.failed(2, "\nhint: agree on a smaller epsilon, on fewer statistics, or on a larger budget\n");
    let refused = Running::of(place.join("credit", &CREDIT).args(["--listen", "127.0.0.1:0"])).end();
    refused.failed(2, "`scores` does not suffice: epsilon 12 is asked for, 12 of 12 is spent\n");
}

#[test]
fn outputs_that_exist_stay_unless_forced() {
    let place = place(|_| {});
    place.write("figures.csv", "somebody else's\n");
    let csv = ["--csv", "figures.csv"];
    let refused =
        Running::of(place.join("health", &[HEALTH, csv].concat()).args(["--listen", "127.0.0.1:0"])).end();
    refused.failed(
        2,
        "error: \"figures.csv\" exists\nhint: choose another name, or pass --force to overwrite it\n",
    );
    assert_eq!(place.read("figures.csv"), "somebody else's\n");
    for ended in place.meet_to_join(&[&HEALTH[..], &csv, &["--force"]].concat(), &CREDIT) {
        ended.done();
    }
    assert!(place.read("figures.csv").starts_with("statistic,kind,"));
}

#[test]
fn an_output_that_appears_meanwhile_is_not_overwritten() {
    let place = place(|_| {});
    let health = [&HEALTH[..], &["--json", "figures.json"]].concat();
    let listener = Listener::of(place.join("health", &health).args(["--listen", "127.0.0.1:0"]));
    place.write("figures.json", "somebody else's\n");
    let credit = Running::of(place.join("credit", &CREDIT).args(["--connect", &listener.address]));
    listener.running.end().failed(2, "error: \"figures.json\" exists\nhint: choose another name");
    credit.end().done();
    assert_eq!(place.read("figures.json"), "somebody else's\n");
}

#[test]
fn nothing_but_a_regular_file_is_ever_replaced() {
    let place = place(|_| {});
    fs::create_dir(place.path("folder")).unwrap();
    for (output, found) in
        [("/dev/null", "a device or socket"), ("folder", "a directory"), ("-", "standard output")]
    {
        let args = [&HEALTH[..], &["--force", "--html", output]].concat();
        let refused = Running::of(place.join("health", &args).args(["--connect", "127.0.0.1:1"])).end();
        refused.failed(2, &format!("error: \"{output}\" is {found}, not a regular file\n"));
    }
}

/// Requires that both sides fail, name each other, and count no run; one of them says why in these words.
fn disagreed(place: &Place, sides: &[Ended; 2], words: &str) {
    for (ended, own) in sides.iter().zip(["health", "credit"]) {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
        let error = ended.stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
        assert!(!error.contains(own), "{own} blames itself: {error}");
    }
    assert!(sides.iter().any(|ended| ended.stderr.contains(words)), "{words:?} is missing: {sides:?}");
    assert!(!place.has_counted("health") && !place.has_counted("credit"));
}

#[test]
fn different_agreements_end_the_run_before_it_counts() {
    let place = place(|_| {});
    let mut terms = place.statistics();
    terms.disclosure.as_mut().unwrap().minimum_count = 2;
    place.agree("other.toml", terms);
    let sides = place.meet_to_join(&HEALTH, &[&CREDIT[..], &["--agreement", "other.toml"]].concat());
    disagreed(&place, &sides, "runs under another agreement\nhint: compare the hashes");
    require_clean(&place);
}

#[test]
fn one_side_that_wants_an_intersection_ends_the_run_before_it_counts() {
    let place = place(|_| {});
    place.agree("psi.toml", place.terms());
    let listener = Listener::of(place.join("health", &HEALTH).args(["--listen", "127.0.0.1:0"]));
    let lend = [&CREDIT[..], &["--no-output", "--agreement", "psi.toml"]].concat();
    let credit = place.connect("credit", &listener.address, &lend);
    let sides = [listener.running.end(), credit.end()];
    disagreed(&place, &sides, "tidegate-psi/1");
    require_clean(&place);
}

#[test]
fn an_expired_agreement_is_refused() {
    let place = place(|_| {});
    let mut terms = place.statistics();
    terms.expires = Some("2020-12-31".parse().unwrap());
    let agreement = Agreement::new(terms).unwrap();
    let signed = [("health", &place.health), ("credit", &place.credit)].map(|(name, party)| {
        format!("[[signature]]\nparty = \"{name}\"\nsignature = \"{}\"\n", agreement.sign(party))
    });
    place.write("expired.toml", to_toml(&agreement) + &signed.concat());
    let args = [&HEALTH[..], &["--agreement", "expired.toml", "--listen", "127.0.0.1:0"]].concat();
    let ended = Running::of(&mut place.join("health", &args)).end();
    ended.failed(2, "error: the agreement expired on 2020-12-31\nhint: agree on a new date and sign anew\n");
}

/// A place with tables that take seconds to join by one thread, and a run in the midst of it.
fn start_long() -> (Place, Listener, Running) {
    let place = place(|_| {});
    place.write("health-long.csv", claims(0..12_000));
    place.write("credit-long.csv", jobs(2..12_000));
    let files = ["--csv", "figures.csv", "--html", "figures.html", "--threads", "1"];
    let health = [&["--input", "health-long.csv"][..], &files].concat();
    let health = Listener::of(place.join("health", &health).args(["--listen", "127.0.0.1:0"]));
    let credit = ["--input", "credit-long.csv", "--threads", "1", "--connect", &health.address];
    let credit = Running::of(&mut place.join("credit", &credit));
    place.wait_for_exchange("health");
    place.wait_for_exchange("credit");
    (place, health, credit)
}

fn ended_soon(survivor: Running) -> Ended {
    let start = Instant::now();
    let ended = survivor.end();
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    ended
}

#[test]
fn a_peer_that_is_killed_is_named_and_leaves_no_output() {
    let (place, health, credit) = start_long();
    credit.signal(Signal::KILL);
    let survivor = ended_soon(health.running);
    survivor.failed(3, "error: lost the connection to party `credit`");
    survivor.failed(3, "\nhint: see what `credit` reports, then run again on both sides\n");
    assert_eq!(credit.end().code, None, "it was killed before its end");
    require_clean(&place);
}

#[test]
fn a_party_that_is_killed_leaves_neither_output_nor_temporary_file() {
    let (place, health, credit) = start_long();
    health.running.signal(Signal::KILL);
    ended_soon(credit).failed(3, "error: lost the connection to party `health`");
    assert_eq!(health.running.end().code, None, "it was killed before its end");
    require_clean(&place);
}

#[test]
fn an_interrupted_run_says_so_to_the_peer() {
    let (place, health, credit) = start_long();
    health.running.signal(Signal::INT);
    health.running.end().failed(130, "cancelled");
    ended_soon(credit).failed(3, "error: party `health` ended the run: its user cancelled\n");
    require_clean(&place);
}

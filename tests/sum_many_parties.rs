//! Sums of three to five parties, each in a process of its own, checked against the plain totals of their tables: all
//! come, some are lost at every step, too few are left, the coordinator dies, strangers knock.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use common::sums::{HUB, Sums, report, state_of};
use common::tap::Tap;
use common::{Ended, Listener, Running};
use rustix::process::Signal;
use sha2::{Digest, Sha256};
use tidegate::agreement::Terms;
use tidegate::hex::hex;
use tidegate::identity::Identity;
use tidegate::report::{SumPartyState, SumReport};
use tidegate_mpc::testing::seeded_rng;

/// Bytes that a party of five has sent when its link stands.
const LINKED: u64 = 1683;

/// A place in what `river` sends, in the middle of a step, and what is known of a party whose line goes dead there.
struct Cut {
    bytes: u64,
    /// The step that the coordinator names.
    step: &'static str,
    /// What the other parties are told.
    told: SumPartyState,
    /// Whether its vector has left, so that it has counted the run.
    counted: bool,
    /// Whether its figures are in the totals.
    counts: bool,
}

fn vanished(step: &str) -> SumPartyState {
    SumPartyState::Vanished { step: step.to_owned() }
}

/// Lists a place in each step.
fn cuts() -> [Cut; 5] {
    let (absent, lost, survived) =
        (SumPartyState::Absent, vanished("masked figures"), SumPartyState::Survived);
    let early = |bytes, step| Cut { bytes, step, told: absent.clone(), counted: false, counts: false };
    let late = |bytes, step| Cut { bytes, step, told: survived.clone(), counted: true, counts: true };
    [
        early(LINKED + 150, "keys"),
        early(LINKED + 700, "shares"),
        Cut { bytes: LINKED + 1800, step: "masked figures", told: lost, counted: true, counts: false },
        late(LINKED + 2360, "consent"),
        late(LINKED + 2510, "unmasking"),
    ]
}

const OUTPUTS: [&str; 3] = ["csv", "json", "html"];

/// Flags by which a party writes everything that it can.
fn outputs(name: &str) -> Vec<String> {
    OUTPUTS.iter().flat_map(|kind| [format!("--{kind}"), format!("{name}.figures.{kind}")]).collect()
}

/// A run in which some parties have a tapped line, all others running freely.
struct Meeting<'a> {
    sums: &'a Sums,
    listener: Listener,
    tapped: Vec<(&'static str, Running, Tap)>,
    free: Vec<(&'static str, Running)>,
}

impl<'a> Meeting<'a> {
    /// Starts all, with outputs; the lines of `taps` go dead after so many bytes.
    fn start(sums: &'a Sums, taps: &[(&'static str, u64)]) -> Self {
        let start = |name: &str, address: &str| {
            let outputs = outputs(name);
            sums.connect(name, address, &outputs.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let coordinator = outputs(sums.coordinator());
        let listener = sums.listen(&coordinator.iter().map(String::as_str).collect::<Vec<_>>());
        let tapped = taps.iter().map(|(name, bytes)| {
            let tap = Tap::lay(&listener.address, *bytes);
            (*name, start(name, &tap.address), tap)
        });
        let tapped: Vec<_> = tapped.collect();
        let is_free = |name: &&'static str| taps.iter().all(|(other, _)| other != name);
        let free = sums.callers().filter(is_free).map(|name| (name, start(name, &listener.address)));
        Self { sums, tapped, free: free.collect(), listener }
    }

    /// Waits until the tapped lines are dead, and kills the parties at their near ends.
    fn kill_tapped(&mut self) {
        for (_, running, tap) in self.tapped.drain(..) {
            tap.wait_until_dead();
            running.signal(Signal::KILL);
            assert_eq!(running.end().code, None, "it was killed before its end");
        }
    }

    /// Waits for the end of all others, the coordinator first.
    fn end(self) -> Vec<(&'static str, Ended)> {
        let coordinator = (self.sums.coordinator(), self.listener.running);
        std::iter::once(coordinator).chain(self.free).map(|(name, running)| (name, running.end())).collect()
    }
}

/// Requires that all have succeeded with the same tables; returns the reports, the coordinator's first.
fn agreed(ended: Vec<(&str, Ended)>) -> Vec<SumReport> {
    let reports: Vec<_> = ended.into_iter().map(|(_, ended)| report(&ended.done())).collect();
    assert!(reports.iter().all(|report| report.tables == reports[0].tables));
    reports
}

/// Requires that a failed run left no output, and that the next one works.
fn require_clean(sums: &Sums) {
    assert_eq!(sums.left_behind(), [""; 0]);
    for report in sums.meet_well() {
        sums.require_totals_of(&report, &sums.parties);
    }
}

#[test]
fn all_come_and_everyone_has_the_plain_totals() {
    for (parties, has_hub) in [(3, false), (5, false), (3, true), (4, true)] {
        let sums = Sums::agreed(parties, has_hub, |_| {});
        let reports = agreed(Meeting::start(&sums, &[]).end());
        for (report, name) in reports.iter().zip(std::iter::once(sums.coordinator()).chain(sums.callers())) {
            sums.require_totals_of(report, &sums.parties);
            assert_eq!((report.own.as_str(), report.coordinator.as_str()), (name, sums.coordinator()));
            assert_eq!(report.records.is_none(), name == HUB);
            assert_eq!(sums.runs_left(name), 8);
            for kind in OUTPUTS {
                assert!(!sums.place.read(&format!("{name}.figures.{kind}")).is_empty());
            }
        }
        let written: SumReport =
            serde_json::from_str(&sums.place.read(&format!("{}.figures.json", reports[0].own))).unwrap();
        assert_eq!(written.tables, reports[0].tables);
    }
}

#[test]
fn whoever_never_comes_is_left_out() {
    let sums = Sums::new(5);
    let listener = sums.listen(&["--wait", "3"]);
    let callers = ["north", "south", "west"].map(|name| sums.connect(name, &listener.address, &[]));
    let coordinator = listener.running.end().done();
    assert!(
        coordinator.stderr.contains("party river has not come; going on without it\n"),
        "{coordinator:?}"
    );
    for ended in std::iter::once(coordinator).chain(callers.map(Running::end)) {
        let report = report(&ended.done());
        sums.require_totals_of(&report, &["east", "north", "south", "west"]);
        assert_eq!(*state_of(&report, "river"), SumPartyState::Absent);
    }
}

/// Kills `river` in the middle of every step; without a hub or with one.
fn lose_one_at_each_step(has_hub: bool) {
    for cut in cuts() {
        let sums = Sums::agreed(5, has_hub, |_| {});
        let mut meeting = Meeting::start(&sums, &[("river", cut.bytes)]);
        meeting.kill_tapped();
        let ended = meeting.end();
        let lost = format!("lost party river at its {}: ", cut.step);
        assert!(ended[0].1.stderr.contains(&lost), "{lost:?} is missing: {:?}", ended[0]);
        let survivors = if cut.counts { &sums.parties[..] } else { &sums.parties[..4] };
        let reports = agreed(ended);
        for (index, report) in reports.iter().enumerate() {
            sums.require_totals_of(report, survivors);
            let known = if cut.counts || index > 0 { cut.told.clone() } else { vanished(cut.step) };
            assert_eq!(*state_of(report, "river"), known, "at {}", cut.step);
            assert_eq!(sums.runs_left(&report.own), 8);
        }
        assert_eq!(sums.runs_left("river"), if cut.counted { 8 } else { 9 }, "at {}", cut.step);
        assert!(sums.left_behind().iter().all(|name| !name.contains("river") && !name.starts_with('.')));
    }
}

#[test]
fn one_killed_at_any_step_is_left_out_or_counts_in_full() {
    lose_one_at_each_step(false);
}

#[test]
fn one_killed_under_a_hub_is_left_out_or_counts_in_full() {
    lose_one_at_each_step(true);
}

#[test]
fn too_few_left_end_the_run_for_all() {
    for cut in cuts() {
        let sums = Sums::new(5);
        let mut meeting = Meeting::start(&sums, &[("west", cut.bytes), ("river", cut.bytes)]);
        meeting.kill_tapped();
        for (name, ended) in meeting.end() {
            ended.failed(3, "hint: run again once more parties are there");
            let message = if name == "east" {
                "error: too few parties "
            } else {
                "error: party `east` ended the run: too few parties are left\n"
            };
            ended.failed(3, message);
            assert_eq!(sums.runs_left(name), if cut.counted { 8 } else { 9 }, "at {}", cut.step);
        }
        require_clean(&sums);
    }
}

#[test]
fn a_killed_coordinator_ends_the_run_for_all() {
    for has_hub in [false, true] {
        for cut in cuts() {
            let sums = Sums::agreed(5, has_hub, |_| {});
            let mut meeting = Meeting::start(&sums, &[("river", cut.bytes)]);
            meeting.tapped[0].2.wait_until_dead();
            std::thread::sleep(Duration::from_millis(100));
            meeting.listener.running.signal(Signal::KILL);
            let killed = Instant::now();
            let tapped = meeting.tapped.drain(..).map(|(name, running, _)| (name, running));
            let left: Vec<_> = tapped.chain(meeting.free.drain(..)).collect();
            let message = format!("error: lost the connection to party `{}`", sums.coordinator());
            for (_, running) in left {
                running.end().failed(3, &message);
            }
            assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
            assert_eq!(sums.runs_left("north"), if cut.counted { 8 } else { 9 }, "at {}", cut.step);
            assert_eq!(meeting.end()[0].1.code, None, "it was killed before its end");
            require_clean(&sums);
        }
    }
}

#[test]
fn a_party_under_another_agreement_is_left_out() {
    let sums = Sums::new(5);
    let mut terms = sums.terms();
    terms.purpose = "something else".into();
    sums.sign("other.toml", terms);
    let listener = sums.listen(&[]);
    let river = sums.connect("river", &listener.address, &["--agreement", "other.toml"]);
    let callers = ["north", "south", "west"].map(|name| sums.connect(name, &listener.address, &[]));
    let river = river.end();
    assert_eq!((river.code, river.stdout.as_str()), (Some(3), ""), "{river:?}");
    let agreement =
        "another agreement\nhint: compare the hashes, which `tidegate agreement show` prints on both sides\n";
    assert!(river.stderr.ends_with(agreement), "{river:?}");
    let coordinator = listener.running.end();
    let lost = "lost party river at its keys: ";
    assert!(coordinator.stderr.contains(lost), "{coordinator:?}");
    for ended in std::iter::once(coordinator).chain(callers.map(Running::end)) {
        sums.require_totals_of(&report(&ended.done()), &["east", "north", "south", "west"]);
    }
    assert_eq!(sums.runs_left("river"), 9);
}

#[test]
fn a_stranger_is_refused_and_the_party_is_still_let_in() {
    let sums = Sums::new(3);
    let stranger = Identity::generate(&mut seeded_rng(3));
    stranger.save_new(&sums.place.path("stranger.key")).unwrap();
    sums.place.write("stranger.csv", sums.place.read("south.csv"));
    let no_party = sums.connect("stranger", "127.0.0.1:1", &[]).end();
    no_party
        .failed(2, "belongs to no party of the agreement\nhint: pass the key whose public half stands in");

    let mut listener = sums.listen(&[]);
    let mut terms = sums.terms();
    terms.party[2].key = stranger.public();
    sums.sign_as("strange.toml", terms, "south", &stranger);
    let refused = sums.connect("stranger", &listener.address, &["--agreement", "strange.toml"]).end();
    refused.failed(3, "error: party `east` refuses this side's key\n");
    let fingerprint = stranger.public().fingerprint();
    listener.running.wait_for(&format!("it has key {fingerprint} (fingerprint), not the pinned one\n"));
    let callers: Vec<_> = sums.callers().map(|name| sums.connect(name, &listener.address, &[])).collect();
    for running in std::iter::once(listener.running).chain(callers) {
        sums.require_totals_of(&report(&running.end().done()), &sums.parties);
    }
}

#[test]
fn a_spent_agreement_runs_no_more() {
    let sums = Sums::agreed(3, false, |terms| terms.max_runs = 1);
    sums.meet_well();
    for name in &sums.parties {
        let again = Running::of(&mut sums.command(name, &[])).end();
        again.failed(2, "error: all 1 runs of the agreement are used\n");
    }
}

/// Terms under which every figure carries noise, and each dataset bears it twice.
fn noisy(terms: &mut Terms) {
    terms.party.iter_mut().for_each(|party| party.dataset = Some(format!("stays of {}", party.name)));
    let policy = "minimum_count = 2\n\
                  [noise]\nmechanism = \"discrete-gaussian\"\nepsilon = \"1\"\ndelta = \"0.00001\"\n\
                  [budget]\nepsilon = \"4\"\ndelta = \"0.01\"\n";
    terms.disclosure = Some(toml::from_str(policy).unwrap());
}

#[test]
fn noise_spends_a_budget_until_it_ends() {
    let sums = Sums::agreed(3, false, noisy);
    // Costs and their number spend an epsilon of 1 each.
    for spent in ["2", "4"] {
        for report in sums.meet_well() {
            let budget = report.budget.unwrap();
            assert_eq!((budget.epsilon_spent.as_str(), budget.epsilon_limit.as_deref()), (spent, Some("4")));
            assert_eq!(budget.dataset, format!("stays of {}", report.own));
        }
    }
    for name in &sums.parties {
        Running::of(&mut sums.command(name, &[])).end().failed(2, "");
        assert_eq!(sums.runs_left(name), 7);
    }
}

/// The names of the cells, one of them not to be put into CSV as it is.
const CELLS: [&str; 6] = ["Xihu", "Yuhang", "a \"b\", c", "Binjiang", "西湖", "Tonglu"];

/// Terms on a vector of the cells.
fn on_cells(terms: &mut Terms) {
    terms.column.clear();
    terms.statistic.clear();
    terms.disclosure.as_mut().unwrap().minimum_count = 1;
    let digest = hex(&Sha256::digest(CELLS.join("\n").as_bytes()));
    let vector = format!(
        "cell = \"town\"\nrules = [\"trim\"]\nvalue = \"cases\"\ndecimals = 1\nmin = \"-10\"\nmax = \"1000\"\n\
         cells = 6\ncells_sha256 = \"{digest}\"\n"
    );
    terms.vector = Some(toml::from_str(&vector).unwrap());
}

/// Parties whose tables have other rows, in another order, each its own.
fn sums_of_cells(has_hub: bool) -> Sums {
    let sums = Sums::agreed(3, has_hub, on_cells);
    sums.place.write("cells.txt", CELLS.join("\n"));
    sums.place.write("east.csv", "cases,town\n1,Tonglu\n2.5,西湖\n3, Xihu\n4,Xihu\n-5,\"a \"\"b\"\", c\"\n");
    sums.place.write("north.csv", "town,cases\n西湖,10\n\"a \"\"b\"\", c\",1\nXihu,20\nTonglu,\nYuhang,3\n");
    sums.place
        .write("south.csv", "town,other,cases\nXihu,x,0.1\nYuhang,y,7\n\"a \"\"b\"\", c\",z,1.5\n西湖,,0\n");
    sums
}

/// Flags by which a member reads the list of cells and writes their totals.
fn cell_flags(name: &str) -> [String; 4] {
    ["--cells", "cells.txt", "--output", &format!("{name}.totals.csv")].map(str::to_owned)
}

#[test]
fn named_cells_are_aligned_by_their_list() {
    for has_hub in [false, true] {
        let sums = sums_of_cells(has_hub);
        let listener = sums.listen(&cell_flags(sums.coordinator()).each_ref().map(String::as_str));
        let connect =
            |name| sums.connect(name, &listener.address, &cell_flags(name).each_ref().map(String::as_str));
        let callers: Vec<_> = sums.callers().map(connect).collect();
        for running in std::iter::once(listener.running).chain(callers) {
            let report = report(&running.end().done());
            // Three parties have a number other than 0 for each of these; one of those for 西湖 is 0.
            let totals =
                "cell,total\nXihu,27.1\nYuhang,\n\"a \"\"b\"\", c\",-2.5\nBinjiang,\n西湖,\nTonglu,\n";
            assert_eq!(sums.place.read(&format!("{}.totals.csv", report.own)), totals);
            let vector = report.vector.unwrap();
            assert_eq!((vector.cells, vector.released, vector.withheld), (6, 2, 4));
            assert_eq!((report.tables.len(), report.protocol.ring_bits), (0, 32));
            let left_out = report.records.map(|records| records.rows - records.records);
            assert_eq!(left_out.unwrap_or_default(), u64::from(report.own == "north"));
        }
    }
}

#[test]
fn a_hub_without_the_list_of_cells_coordinates_all_the_same() {
    let sums = sums_of_cells(true);
    let listener = sums.listen(&[]);
    let connect =
        |name| sums.connect(name, &listener.address, &cell_flags(name).each_ref().map(String::as_str));
    let callers: Vec<_> = sums.callers().map(connect).collect();
    let hub = report(&listener.running.end().done());
    assert_eq!(hub.vector.unwrap().released, 2);
    callers.into_iter().for_each(|running| drop(running.end().done()));
}

/// Terms under which every party commits to its figures.
fn committed(terms: &mut Terms) {
    terms.sum.as_mut().unwrap().commitments = true;
}

#[test]
fn an_opening_is_its_owner_s_alone_and_everyone_has_the_commitment() {
    let sums = Sums::agreed(3, true, committed);
    let listener = sums.listen(&["--json", "board.figures.json"]);
    let connect = |name: &'static str| {
        let (json, opening) = (format!("{name}.figures.json"), format!("{name}.opening"));
        sums.connect(name, &listener.address, &["--json", &json, "--opening", &opening])
    };
    let callers: Vec<_> = sums.callers().map(|name| (name, connect(name))).collect();
    let ended = callers.into_iter().map(|(name, running)| (name, running.end()));
    let ended: Vec<_> = ended.chain([(HUB, listener.running.end())]).collect();
    let reports = agreed(ended);
    for name in &sums.parties {
        let path = sums.place.path(&format!("{name}.opening"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        let commitment = |report: &SumReport| {
            let party = report.parties.iter().find(|party| party.name == *name).unwrap();
            party.commitment.clone().unwrap()
        };
        let commitments: Vec<_> = reports.iter().map(commitment).collect();
        assert!(commitments.iter().all(|other| other.len() == 64 && *other == commitments[0]));
        audit(&sums, "board.figures.json", &format!("{name}.opening")).done();
    }
    audit(&sums, "east.figures.json", "north.opening").done();
    an_altered_opening_does_not_hold(&sums);
    an_altered_report_proves_nothing(&sums);
}

/// Requires that a report in which a commitment, a signature or a key was changed is refused.
fn an_altered_report_proves_nothing(sums: &Sums) {
    let kept: serde_json::Value = serde_json::from_str(&sums.place.read("east.figures.json")).unwrap();
    let place =
        kept["parties"].as_array().unwrap().iter().position(|party| party["name"] == "north").unwrap();
    let other = (place + 1) % 3;
    for field in ["commitment", "signature", "key"] {
        let mut altered = kept.clone();
        altered["parties"][place][field] = kept["parties"][other][field].clone();
        sums.place.write("altered.json", altered.to_string());
        audit(sums, "altered.json", "north.opening").failed(2, "does not hold the signature of \"north\"");
    }
    let mut bare = kept.clone();
    bare.as_object_mut().unwrap().remove("evidence");
    sums.place.write("altered.json", bare.to_string());
    audit(sums, "altered.json", "north.opening").failed(2, "does not hold the signature of \"north\"");
}

fn audit(sums: &Sums, report: &str, opening: &str) -> Ended {
    Running::of(&mut sums.place.command(&["audit", "opening", "--report", report, "--opening", opening]))
        .end()
}

/// Requires that an opening with another figure, salt or session is one of something else.
fn an_altered_opening_does_not_hold(sums: &Sums) {
    let kept: serde_json::Value = serde_json::from_str(&sums.place.read("north.opening")).unwrap();
    for field in ["figure", "figures", "salt", "session"] {
        let mut altered = kept.clone();
        match field {
            "figure" => altered["values"][0] = "-1".into(),
            "figures" => drop(altered["values"].as_array_mut().unwrap().pop()),
            other => altered[other] = "00".repeat(32).into(),
        }
        sums.place.write("altered.json", altered.to_string());
        let ended = audit(sums, "east.figures.json", "altered.json");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stdout.contains("are not those that north committed to\n"), "{ended:?}");
    }
    for (field, value, words) in [
        ("agreement", "00".repeat(32), "error: the opening is of agreement 0000000000000000, the report of "),
        ("party", "river".into(), "error: the report has no commitment of \"river\"\n"),
        ("salt", "00".into(), "has other than 64 hexadecimal digits"),
        ("values", "1".into(), "error: \"altered.json\" is no opening of a commitment, by line 1, column "),
    ] {
        let mut altered = kept.clone();
        altered[field] = value.into();
        sums.place.write("altered.json", altered.to_string());
        audit(sums, "east.figures.json", "altered.json").failed(2, words);
    }
}

#[test]
fn an_opening_of_named_cells_holds() {
    let sums = sums_of_cells(true);
    let mut terms = sums.terms();
    on_cells(&mut terms);
    committed(&mut terms);
    sums.sign("committed.toml", terms);
    let agreement = ["--agreement", "committed.toml"];
    let listener = sums.listen(&[&agreement[..], &["--json", "sums.json"]].concat());
    let connect = |name| {
        let flags = [&cell_flags(name)[..], &["--opening".to_owned(), format!("{name}.opening")]].concat();
        let flags = flags.iter().map(String::as_str).chain(agreement).collect::<Vec<_>>();
        sums.connect(name, &listener.address, &flags)
    };
    let callers: Vec<_> = sums.callers().map(connect).collect();
    listener.running.end().done();
    callers.into_iter().for_each(|running| drop(running.end().done()));
    let audited = audit(&sums, "sums.json", "north.opening").done();
    assert!(audited.stdout.starts_with("Holds: the 12 figures are those that north committed to\n"));
}

//! What the ledgers of parties hold after runs that end well, are refused, or fail, and what they never hold.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use std::fs;

use common::sums::Sums;
use common::{Place, Running, files_below, free_address, numbered};
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};
use tidegate::hex::hex;
use tidegate::identity::{Identity, PublicKey};
use tidegate::ledger::{Entry, Kind, Ledger, Protocol, Reason};
use tidegate::state::StateDir;

const TAKE: [&str; 4] = ["--input", "health.csv", "--output", "matched.csv"];
const LEND: [&str; 3] = ["--input", "credit.csv", "--no-output"];

fn place() -> Place {
    let place = Place::new();
    place.write("health.csv", numbered(0..20));
    place.write("credit.csv", numbered(10..30));
    place
}

/// Verifies the ledger of a party and returns its entries.
fn ledger(place: &Place, party: &str, key: PublicKey) -> Vec<Entry> {
    let state = StateDir::find(Some(&place.path(&format!("{party}-state")))).unwrap();
    Ledger::of(&state, &key).verify(&key).unwrap().entries
}

fn kinds(entries: &[Entry]) -> Vec<(Kind, Option<Reason>)> {
    entries.iter().map(|entry| (entry.kind, entry.reason)).collect()
}

const RELEASED: [(Kind, Option<Reason>); 3] =
    [(Kind::AgreementSeen, None), (Kind::RunStarted, None), (Kind::Released, None)];

#[test]
fn both_ledgers_hold_what_was_run_and_released() {
    let place = place();
    let hash = place.agree("agreement.toml", place.terms());
    place.meet_well(&TAKE, &LEND);
    for (party, key) in [("health", place.health.public()), ("credit", place.credit.public())] {
        let entries = ledger(&place, party, key);
        assert_eq!(kinds(&entries), RELEASED, "{party}");
        for entry in &entries {
            assert_eq!(entry.agreement.unwrap().as_bytes(), &hash);
            assert_eq!(
                (entry.protocol, &entry.parties[..]),
                (Some(Protocol::Psi), &["credit", "health"].map(String::from)[..])
            );
        }
        assert_eq!((entries[2].run, entries[2].started), (Some(1), Some(1)));
        let table = (party == "health").then(|| hex(&Sha256::digest(place.read("matched.csv"))));
        assert_eq!(entries[2].table.map(|table| table.to_string()), table);
    }
    // A second run does not see the agreement for the first time.
    place.meet_well(&["--input", "health.csv", "--count-only"], &["--input", "credit.csv", "--count-only"]);
    let entries = ledger(&place, "health", place.health.public());
    assert_eq!(kinds(&entries[3..]), [(Kind::RunStarted, None), (Kind::Released, None)]);
    assert_eq!((entries[4].run, entries[4].started, entries[4].table), (Some(2), Some(3), None));
}

#[test]
fn refusals_and_failures_are_written_down_by_their_class() {
    let place = place();
    let mut terms = place.terms();
    (terms.minimum_intersection, terms.max_runs) = (11, 2);
    place.agree("agreement.toml", terms.clone());
    let [health, _] = place.meet(&TAKE, &LEND);
    assert_eq!(health.code, Some(1), "{health:?}");
    // A person stops waiting.
    let alone = place.listen("health", &TAKE).running;
    alone.signal(Signal::INT);
    alone.end();
    // The other side runs under other terms.
    terms.id = "other".into();
    place.agree("other.toml", terms);
    place.meet(&TAKE, &[&LEND[..], &["--agreement", "other.toml"]].concat());
    place.meet(&TAKE, &LEND);
    let nobody = free_address();
    let spent = [&TAKE[..], &["--connect", &nobody]].concat();
    Running::of(&mut place.psi("health", &spent)).end().failed(2, "all 2 runs");
    let entries = ledger(&place, "health", place.health.public());
    assert_eq!(
        kinds(&entries),
        [
            (Kind::AgreementSeen, None),
            (Kind::RunStarted, None),
            (Kind::RunRefused, Some(Reason::Withheld)),
            (Kind::RunStarted, None),
            (Kind::RunFailed, Some(Reason::Interrupted)),
            (Kind::RunStarted, None),
            (Kind::RunRefused, Some(Reason::TermsDiffer)),
            (Kind::RunStarted, None),
            (Kind::RunRefused, Some(Reason::Withheld)),
            (Kind::RunRefused, Some(Reason::RunsSpent)),
        ]
    );
}

#[test]
fn a_ledger_that_cannot_be_written_ends_the_run_before_anything_leaves() {
    let place = place();
    place.agree("agreement.toml", place.terms());
    let state = place.path("health-state");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("ledger"), "").unwrap();
    let nobody = free_address();
    // Nobody listens: the run does not come so far as to notice.
    let args = [&TAKE[..], &["--connect", &nobody]].concat();
    let ended = Running::of(&mut place.psi("health", &args)).end();
    ended.failed(2, "error: the run cannot be written into the ledger: ");
    assert!(!place.has_counted("health"));
    fs::remove_file(state.join("ledger")).unwrap();
    place.meet_well(&TAKE, &LEND);
    // Nor is anything appended to one that was altered.
    let key = place.health.public();
    let checkpoint = state.join("ledger").join(key.fingerprint()).join("checkpoint");
    let altered = fs::read_to_string(&checkpoint).unwrap().replace("\n3\n", "\n2\n");
    fs::write(&checkpoint, altered).unwrap();
    let args = ["--input", "health.csv", "--count-only", "--connect", &nobody];
    let ended = Running::of(&mut place.psi("health", &args)).end();
    ended.failed(2, "does not fit the checkpoint");
}

#[test]
fn joins_are_in_the_ledgers_without_a_value_of_the_tables() {
    let place = Place::new();
    place.agree("agreement.toml", place.statistics());
    let paid = |row: u32| format!("{row},{}.77,{}\n", 100 + row, ["Nanhu", "Xihu"][row as usize % 2]);
    let work = |row: u32| format!("{row},{}\n", ["cook", "smith"][row as usize % 2]);
    place.write("claims.csv", "id,paid,town\n".to_owned() + &(0..40).map(paid).collect::<String>());
    place.write("scores.csv", "id,job\n".to_owned() + &(0..40).map(work).collect::<String>());
    let ended =
        place.meet_to_join(&["--input", "claims.csv", "--csv", "table.csv"], &["--input", "scores.csv"]);
    ended.into_iter().for_each(|ended| drop(ended.done()));
    let entries = ledger(&place, "health", place.health.public());
    assert_eq!(kinds(&entries), RELEASED);
    assert_eq!(entries[2].dataset.as_ref().unwrap().name, "claims");
    let table = hex(&Sha256::digest(place.read("table.csv")));
    assert_eq!(entries[2].table.unwrap().to_string(), table);
    for path in files_below(&place.path("health-state/ledger")) {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        for value in ["Nanhu", "cook", ".77"] {
            assert!(!text.contains(value), "{text}");
        }
    }
}

#[test]
fn every_member_of_a_sum_has_it_in_its_ledger() {
    let sums = Sums::agreed(3, true, |_| {});
    sums.meet_well();
    for name in ["board", "east", "north", "south"] {
        let key = Identity::load(&sums.place.path(&format!("{name}.key"))).unwrap().public();
        let entries = ledger(&sums.place, name, key);
        assert_eq!(kinds(&entries), RELEASED, "{name}");
        assert_eq!(entries[2].parties, ["board", "east", "north", "south"]);
        assert_eq!(entries[2].protocol, Some(Protocol::Sum));
    }
}

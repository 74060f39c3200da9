//! What goes wrong between two parties, or needs more than a file to show: the exit code, the message, who is
//! named, and that nothing is left behind. Failures before there is a link are cases of `tests/cli`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use std::fs::{OpenOptions, Permissions, set_permissions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use common::{Ended, Listener, Place, Running, free_address, numbered};
use rustix::process::Signal;
use tidegate::identity::Identity;
use tidegate_mpc::testing::seeded_rng;

const TAKE: [&str; 4] = ["--input", "health.csv", "--output", "matched.csv"];
const LEND: [&str; 3] = ["--input", "credit.csv", "--no-output"];

/// A place with two small tables under an agreement that gives output to `health`.
fn place() -> Place {
    let place = Place::new();
    place.agree("agreement.toml", place.terms());
    place.write("health.csv", numbered(0..20));
    place.write("credit.csv", numbered(10..30));
    place
}

/// A place with tables that take seconds to compare by one thread.
fn busy_place() -> Place {
    let place = place();
    place.write("health-long.csv", numbered(0..20_000));
    place.write("credit-long.csv", numbered(10_000..30_000));
    place
}

const TAKE_LONG: [&str; 6] = ["--input", "health-long.csv", "--output", "matched.csv", "--threads", "1"];
const LEND_LONG: [&str; 5] = ["--input", "credit-long.csv", "--no-output", "--threads", "1"];

/// Requires that the failed run left neither output nor temporary file, and that the next one works.
fn require_clean(place: &Place) {
    let names = place.names();
    let left = names.iter().find(|name| name.starts_with('.') || name.contains("matched"));
    assert_eq!(left, None, "{names:?}");
    place.meet_well(&TAKE, &LEND);
    assert_eq!(place.read("matched.csv"), numbered(10..20));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let place = place();
    for mode in [0o640, 0o604, 0o620] {
        set_permissions(place.path("health.key"), Permissions::from_mode(mode)).unwrap();
        let message = format!(
            "error: key file `health.key` has mode {mode:04o}; only its owner may have access (0600)\n\
             hint: chmod 600 health.key\n"
        );
        let show = Running::of(&mut place.command(&["key", "show", "health.key"])).end();
        let psi = Running::of(&mut place.psi("health", &TAKE)).end();
        for ended in [show, psi] {
            ended.failed(2, &message);
            assert_eq!(ended.stderr, message);
        }
    }
}

#[test]
fn a_new_key_is_its_owner_s_alone() {
    let place = place();
    Running::of(&mut place.command(&["key", "new", "fresh.key"])).end().done();
    let mode = place.path("fresh.key").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_port_in_use_is_named() {
    let place = place();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let ended = Running::of(place.psi("health", &TAKE).args(["--listen", &address])).end();
    ended
        .failed(2, &format!("error: `{address}` is in use by another program\nhint: listen on another port"));
}

/// Requires that both sides name the other. Whoever sees the difference first says what it is in these words;
/// the other may learn from it that the run has ended before it looks itself.
fn disagreed(sides: &[Ended; 2], words: &str) {
    for (ended, own) in sides.iter().zip(["health", "credit"]) {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
        let error = ended.stderr.lines().find(|line| line.starts_with("error: party ")).unwrap();
        assert!(!error.contains(own), "{own} blames itself: {error}");
    }
    assert!(sides.iter().any(|ended| ended.stderr.contains(words)), "{words:?} is missing: {sides:?}");
}

// SESSION-7
#[test]
fn different_agreements_end_the_run_before_it_counts() {
    let place = place();
    let mut terms = place.terms();
    terms.purpose = "something else".into();
    place.agree("other.toml", terms);
    let [health, credit] = place.meet(&TAKE, &[&LEND[..], &["--agreement", "other.toml"]].concat());
    disagreed(&[health, credit], "runs under another agreement\nhint: compare the hashes");
    assert!(!place.has_counted("health") && !place.has_counted("credit"));
    require_clean(&place);
}

// SESSION-7
#[test]
fn one_side_that_wants_the_number_alone_ends_the_run_before_it_counts() {
    let place = place();
    let [health, credit] = place.meet(&TAKE, &["--input", "credit.csv", "--count-only"]);
    let message = "runs under another protocol\nhint: both sides pass --count-only, or neither does, and run the same version\n";
    disagreed(&[health, credit], message);
    assert!(!place.has_counted("health") && !place.has_counted("credit"));
    require_clean(&place);
}

#[test]
fn different_short_forms_end_the_run() {
    let place = place();
    let [health_key, credit_key] = [&place.health, &place.credit].map(|key| key.public().to_string());
    let take = [&TAKE[..], &["--peer-key", &credit_key, "--on", "id:trim"]].concat();
    let lend = ["--input", "credit.csv", "--output", "known.csv", "--peer-key", &health_key, "--on", "id"];
    disagreed(&place.meet(&take, &lend), "with --peer-key both sides must give the same --on, ");
}

#[test]
fn a_stranger_is_refused_and_the_peer_is_still_let_in() {
    let place = place();
    let stranger = Identity::generate(&mut seeded_rng(3));
    stranger.save_new(&place.path("stranger.key")).unwrap();
    let mut terms = place.terms();
    terms.party[1].key = stranger.public();
    place.agree_as("strange.toml", terms, [&place.health, &stranger]);

    let mut health = place.listen("health", &TAKE);
    let knock = [&LEND[..], &["--agreement", "strange.toml"]].concat();
    let refused = place.connect("stranger", &health.address, &knock).end();
    refused.failed(3, "error: party `health` refuses this side's key\nhint: give `health` the key");
    let fingerprint = stranger.public().fingerprint();
    let notice = format!("it has key {fingerprint} (fingerprint), not the pinned one");
    health.running.wait_for(&notice);
    place.connect("credit", &health.address, &LEND).end().done();
    health.running.end().done();
    assert_eq!(place.read("matched.csv"), numbered(10..20));
}

#[test]
fn whoever_answers_with_another_key_is_not_talked_to() {
    let place = place();
    let stranger = Identity::generate(&mut seeded_rng(3));
    stranger.save_new(&place.path("stranger.key")).unwrap();
    let mut terms = place.terms();
    terms.party[0].key = stranger.public();
    place.agree_as("strange.toml", terms, [&stranger, &place.credit]);

    let impostor = place.listen("stranger", &[&TAKE[..], &["--agreement", "strange.toml"]].concat());
    let credit = place.connect("credit", &impostor.address, &LEND).end();
    let [found, expected] = [&stranger, &place.health].map(|key| key.public().fingerprint());
    let message = format!(
        "error: whoever answers for party `health` has key {found}; the pinned key is {expected} \
         (fingerprints)\nhint: compare keys with `health`"
    );
    credit.failed(3, &message);
    assert!(!place.has_counted("credit"));
}

/// Starts a long run, and waits until both sides are in the midst of it.
fn start_long(place: &Place) -> (Listener, Running) {
    let health = place.listen("health", &TAKE_LONG);
    let credit = place.connect("credit", &health.address, &LEND_LONG);
    place.wait_for_exchange("health");
    place.wait_for_exchange("credit");
    (health, credit)
}

fn ended_soon(survivor: Running) -> Ended {
    let start = Instant::now();
    let ended = survivor.end();
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    ended
}

#[test]
fn a_peer_that_is_killed_is_named_and_leaves_no_output() {
    let place = busy_place();
    let (health, credit) = start_long(&place);
    credit.signal(Signal::KILL);
    let survivor = ended_soon(health.running);
    // The system may or may not give a cause, by whether bytes were still on their way.
    survivor.failed(3, "error: lost the connection to party `credit`");
    survivor.failed(3, "\nhint: see what `credit` reports, then run again on both sides\n");
    assert_eq!(credit.end().code, None, "it was killed before its end");
    require_clean(&place);
}

#[test]
fn a_killed_receiver_leaves_neither_output_nor_temporary_file() {
    let place = busy_place();
    let (health, credit) = start_long(&place);
    health.running.signal(Signal::KILL);
    ended_soon(credit).failed(3, "error: lost the connection to party `health`");
    assert_eq!(health.running.end().code, None, "it was killed before its end");
    require_clean(&place);
}

#[test]
fn an_interrupted_run_says_so_to_the_peer() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = busy_place();
        let (health, credit) = start_long(&place);
        health.running.signal(signal);
        health.running.end().failed(130, "cancelled");
        ended_soon(credit).failed(3, "error: party `health` ended the run: its user cancelled\n");
        require_clean(&place);
    }
}

#[test]
fn waiting_for_the_peer_can_be_interrupted() {
    let place = place();
    let health = place.listen("health", &TAKE);
    let mut credit = place.connect("credit", &free_address(), &LEND);
    credit.wait_for("nobody answers");
    for running in [health.running, credit] {
        running.signal(Signal::INT);
        let ended = running.end();
        ended.failed(130, "error: cancelled\n");
    }
    assert!(!place.has_counted("health"));
}

#[test]
fn a_full_disk_is_named_and_the_run_is_complete_for_the_peer() {
    let place = place();
    let [health, credit] = place.meet(&["--input", "health.csv", "--output", "/dev/full"], &LEND);
    health.failed(
        2,
        "error: no space left to write \"/dev/full\"\n\
         hint: free some space, or choose another directory\n",
    );
    credit.done();
    assert!(place.has_counted("health"));
}

#[test]
fn an_input_that_is_written_to_meanwhile_is_refused() {
    let place = place();
    let listener = place.listen("health", &TAKE);
    let mut input = OpenOptions::new().append(true).open(place.path("health.csv")).unwrap();
    input.write_all(b"000020,name 20\n").unwrap();
    let credit = place.connect("credit", &listener.address, &LEND);
    listener.running.end().failed(
        2,
        "error: \"health.csv\" changed while it was being read\n\
         hint: run again when nothing else writes to the file\n",
    );
    credit.end().done();
    place.write("health.csv", numbered(0..20));
    require_clean(&place);
}

#[test]
fn an_output_that_appears_meanwhile_is_not_overwritten() {
    let place = place();
    let listener = place.listen("health", &TAKE);
    place.write("matched.csv", "somebody else's\n");
    let credit = place.connect("credit", &listener.address, &LEND);
    listener.running.end().failed(2, "error: \"matched.csv\" exists\nhint: choose another name");
    credit.end().done();
    assert_eq!(place.read("matched.csv"), "somebody else's\n");
}

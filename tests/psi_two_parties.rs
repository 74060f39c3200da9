//! Two parties, each in a process of its own: what each finds, writes and reports.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use std::fs;

use common::{Place, Running, free_address, numbered};
use tidegate::agreement::KeyTerm;
use tidegate::data::normalize::Rule;
use tidegate::hex::hex;

const HEALTH: &str = "id,name,bill\n7,Ann,120\n 3 ,Ben,80\n9,Cy,15\n3,Ben again,16\n5,Dee,0\n";
const CREDIT: &str = "id,score\n3,600\n4,610\n7,620\n3,605\n";

/// A place with both tables under an agreement that gives output to `health`.
fn place() -> Place {
    let place = Place::new();
    place.agree("agreement.toml", place.terms());
    place.write("health.csv", HEALTH);
    place.write("credit.csv", CREDIT);
    place
}

const TAKE: [&str; 4] = ["--input", "health.csv", "--output", "matched.csv"];
const LEND: [&str; 3] = ["--input", "credit.csv", "--no-output"];

#[test]
fn rows_come_out_as_they_went_in() {
    let place = place();
    let [health, credit] = place.meet_well(&TAKE, &LEND);
    assert_eq!(place.read("matched.csv"), "id,name,bill\n7,Ann,120\n 3 ,Ben,80\n3,Ben again,16\n");
    for line in [
        "Common keys: 2\nRows written: 3\nAgreement: settlement-2026 (",
        "), run 1 of 9\n",
        "  own: 4 distinct in 5 rows; 1 row with a key of a row before\n  credit: 3 distinct\n",
        "Protocol: psi-ecdh as receiver, semi-honest\n",
        "Learned\n  health: how many distinct keys credit has\n  health: which of its keys are common\n  \
         credit: how many distinct keys health has\n",
    ] {
        assert!(health.stdout.contains(line), "{line:?} is missing: {}", health.stdout);
    }
    assert!(credit.stdout.starts_with("Done; the agreement gives the output to health alone\nAgreement: "));
    assert!(!credit.stdout.contains("Common keys"), "{}", credit.stdout);
    assert_eq!(health.stderr.lines().count(), 1, "only where it listens: {}", health.stderr);
}

#[test]
fn parquet_goes_to_parquet_and_csv_to_parquet() {
    let place = place();
    place.convert("health.csv", "health.parquet");
    place.convert("credit.csv", "credit.parquet");
    let lend = ["--input", "credit.parquet", "--no-output"];
    place.meet_well(&["--input", "health.parquet", "--output", "a.parquet"], &lend);
    place.meet_well(&["--input", "health.csv", "--output", "b.parquet", "--columns", "bill,id"], &lend);
    place.convert("a.parquet", "a.csv");
    place.convert("b.parquet", "b.csv");
    assert_eq!(place.read("a.csv"), "id,name,bill\n7,Ann,120\n 3 ,Ben,80\n3,Ben again,16\n");
    assert_eq!(place.read("b.csv"), "bill,id\n120,7\n80, 3 \n16,3\n");
}

#[test]
fn composite_keys_have_each_party_s_own_column_names() {
    let place = Place::new();
    let mut terms = place.terms();
    terms.key = vec![
        KeyTerm { name: "name".into(), rules: vec![Rule::Nfkc, Rule::Trim] },
        KeyTerm { name: "phone".into(), rules: vec![Rule::MobileCn] },
    ];
    terms.party[1].columns = Some(vec!["姓名".into(), "手机".into()]);
    place.agree("agreement.toml", terms);
    let names = ["王芳,13800138000", "李娜,13800138000", "王芳,13800138001", "刘洋,12345", ",13900139000"];
    place.write("health.csv", format!("name,phone\n{}\n", names.join("\n")));
    place.write("credit.csv", "手机,姓名\n+86 138-0013-8000, 王芳\n13800138001,李娜\n13900139000,赵强\n");
    let rejects = ["--rejects", "rejects.csv", "--format", "json"];
    let [health, _] = place.meet_well(&[&TAKE[..], &rejects].concat(), &LEND);
    assert_eq!(place.read("matched.csv"), "name,phone\n王芳,13800138000\n");
    let rejected = place.read("rejects.csv");
    let expected = "reject_row,reject_column,reject_reason,name,phone\n\
                    4,phone,not-a-mobile-number,刘洋,12345\n5,name,empty,,13900139000\n";
    assert_eq!(rejected, expected);
    let keys = health.report().keys;
    assert_eq!((keys.rows, keys.keyed_rows, keys.distinct_keys, keys.rejected.len()), (5, 3, 3, 2));
}

#[test]
fn chosen_columns_come_in_the_order_given() {
    let place = place();
    place.meet_well(&[&TAKE[..], &["--columns", "bill,name"]].concat(), &LEND);
    assert_eq!(place.read("matched.csv"), "bill,name\n120,Ann\n80,Ben\n16,Ben again\n");
}

#[test]
fn output_for_both_reaches_both() {
    let place = place();
    let mut terms = place.terms();
    terms.output.push("credit".into());
    place.agree("both.toml", terms);
    let both = ["--agreement", "both.toml", "--format", "json"];
    let give = ["--input", "credit.csv", "--output", "known.csv"];
    let [health, credit] = place.meet_well(&[&TAKE[..], &both].concat(), &[&give[..], &both].concat());
    assert_eq!(place.read("matched.csv"), "id,name,bill\n7,Ann,120\n 3 ,Ben,80\n3,Ben again,16\n");
    assert_eq!(place.read("known.csv"), "id,score\n3,600\n7,620\n3,605\n");
    let [health, credit] = [health.report(), credit.report()];
    assert_eq!((health.sizes.common_keys, credit.sizes.common_keys), (Some(2), Some(2)));
    assert_eq!((health.outcome.as_str(), credit.outcome.as_str()), ("released", "released"));
}

#[test]
fn the_number_alone_is_learned_under_either_protocol() {
    let place = place();
    let mut terms = place.terms();
    terms.protocol = "psi-cardinality".into();
    place.agree("number.toml", terms);
    for agreement in ["agreement.toml", "number.toml"] {
        let count = ["--agreement", agreement, "--count-only", "--format", "json", "--input"];
        let [health, credit] = place
            .meet_well(&[&count[..], &["health.csv"]].concat(), &[&count[..], &["credit.csv"]].concat())
            .map(|ended| ended.report());
        assert_eq!((health.sizes.common_keys, health.sizes.rows_written), (Some(2), None));
        assert_eq!((credit.sizes.common_keys, credit.outcome.as_str()), (None, "no-output"));
        assert_eq!(health.protocol.name, "psi-cardinality");
        assert!(health.learned.own.contains(&"how many keys are common, not which".to_owned()));
    }
    assert!(!place.names().contains(&"matched.csv".to_owned()));
}

#[test]
fn below_the_minimum_nothing_is_released() {
    let place = place();
    let mut terms = place.terms();
    terms.minimum_intersection = 3;
    place.agree("three.toml", terms.clone());
    terms.output.push("credit".into());
    place.agree("three-both.toml", terms);

    let [health, credit] = place.meet(
        &[&TAKE[..], &["--agreement", "three.toml"]].concat(),
        &[&LEND[..], &["--agreement", "three.toml"]].concat(),
    );
    assert_eq!((health.code, credit.code), (Some(1), Some(0)));
    assert!(health.stdout.starts_with("Withheld: fewer than 3 keys are common\n"), "{}", health.stdout);
    assert!(credit.stdout.contains("which of its keys are common, or that they are too few"));

    let both = ["--agreement", "three-both.toml", "--format", "json"];
    let give = ["--input", "credit.csv", "--output", "known.csv"];
    let ended = place.meet(&[&TAKE[..], &both].concat(), &[&give[..], &both].concat());
    for ended in ended {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let report = ended.report();
        assert_eq!((report.outcome.as_str(), report.sizes.common_keys), ("withheld", None));
    }
    let names = place.names();
    assert!(!names.iter().any(|name| name.contains("matched") || name.contains("known")), "{names:?}");
}

#[test]
fn gb18030_tables_meet_utf8_ones() {
    let place = Place::new();
    let mut terms = place.terms();
    terms.key[0].name = "姓名".into();
    place.agree("agreement.toml", terms);
    place.write("credit.csv", "姓名\n王芳\n𠮷野\n");
    let table = encoding_rs::GB18030.encode("姓名,住址\n王芳,北京\n李娜,上海\n𠮷野,深圳\n").0;
    place.write("health.csv", table);
    place.meet_well(&[&TAKE[..], &["--encoding", "gb18030"]].concat(), &LEND);
    assert_eq!(place.read("matched.csv"), "姓名,住址\n王芳,北京\n𠮷野,深圳\n");
}

#[test]
fn the_json_report_says_the_same_on_both_sides() {
    let place = Place::new();
    let hash = place.agree("agreement.toml", place.terms());
    place.write("health.csv", HEALTH);
    place.write("credit.csv", CREDIT);
    let json = ["--format", "json"];
    let [health, credit] =
        place.meet_well(&[&TAKE[..], &json].concat(), &[&LEND[..], &json].concat()).map(|e| e.report());
    for report in [&health, &credit] {
        assert_eq!((report.report_version, report.command.as_str()), (1, "psi"));
        assert_eq!(report.agreement.hash, hex(&hash));
        assert_eq!((report.agreement.runs.used, report.agreement.runs.max), (1, 9));
        assert_eq!(report.protocol.statistical_bits, 40);
        assert_eq!(report.traffic.flights, Some(6));
        let phases: Vec<_> = report.phases.iter().map(|phase| phase.phase.as_str()).collect();
        assert_eq!(phases[..5], ["read", "connect", "exchange", "matching", "closing"]);
    }
    assert_eq!((health.parties.own.as_str(), credit.parties.own.as_str()), ("health", "credit"));
    assert_eq!((health.sizes.own_keys, health.sizes.peer_keys), (4, 3));
    assert_eq!((credit.sizes.own_keys, credit.sizes.peer_keys), (3, 4));
    assert_eq!((health.sizes.rows_written, credit.sizes.rows_written), (Some(3), None));
    assert_eq!(health.traffic.wire_sent_bytes, credit.traffic.wire_received_bytes);
    assert_eq!(credit.traffic.wire_sent_bytes, health.traffic.wire_received_bytes);
    assert_eq!(health.traffic.messages_sent, credit.traffic.messages_received);
    assert_eq!(health.learned.own, credit.learned.peer);
}

#[test]
fn the_short_form_prints_the_agreement_it_stands_for() {
    let place = place();
    let [health_key, credit_key] = [&place.health, &place.credit].map(|key| key.public().to_string());
    let json = ["--format", "json"];
    let take = [&TAKE[..], &json, &["--peer-key", &credit_key, "--on", "id:trim", "--output-for", "me"]];
    let lend = [&LEND[..], &json, &["--peer-key", &health_key, "--on", "id:trim", "--output-for", "peer"]];
    let ended = place.meet_well(&take.concat(), &lend.concat());
    let said = ended.each_ref().map(|ended| {
        let lines = ended.stderr.lines().filter(|line| !line.starts_with("listening on "));
        lines.collect::<Vec<_>>().join("\n")
    });
    assert_eq!(said[0], said[1], "both sides print the same");
    let hash = &ended[0].report().agreement.hash;
    assert_eq!(*hash, ended[1].report().agreement.hash);
    assert!(said[0].starts_with(&format!(
        "--peer-key stands for this agreement, unsigned, with hash {hash}:\n\nversion = 1\n"
    )));
    assert_eq!(place.read("matched.csv").lines().count(), 4);
}

#[test]
fn the_smaller_side_receives_where_both_get_output() {
    let place = Place::new();
    let mut terms = place.terms();
    terms.output.push("credit".into());
    place.agree("agreement.toml", terms);
    place.write("health.csv", numbered(0..2000));
    place.write("credit.csv", numbered(1995..2005));
    let json = ["--format", "json"];
    let give = ["--input", "credit.csv", "--output", "known.csv"];
    let [health, credit] =
        place.meet_well(&[&TAKE[..], &json].concat(), &[&give[..], &json].concat()).map(|e| e.report());
    assert_eq!((health.protocol.role.as_str(), credit.protocol.role.as_str()), ("sender", "receiver"));
    assert_eq!((health.sizes.common_keys, credit.sizes.common_keys), (Some(5), Some(5)));
    assert!(health.notes.is_empty() && credit.notes.is_empty());
}

#[test]
fn output_for_the_larger_side_alone_is_noted_as_dear() {
    let place = Place::new();
    place.agree("agreement.toml", place.terms());
    place.write("health.csv", numbered(0..2000));
    place.write("credit.csv", numbered(1995..2005));
    for ended in place.meet_well(&TAKE, &LEND) {
        let note = "\nNote: this direction takes about 128,080 bytes; were the output for credit, whose set is \
                    smaller, it would take 16,640\n";
        assert!(ended.stdout.contains(note), "{}", ended.stdout);
    }
}

#[test]
fn runs_are_counted_on_both_sides_and_end() {
    let place = place();
    let mut terms = place.terms();
    terms.max_runs = 2;
    place.agree("twice.toml", terms);
    let (take, lend) = (["--agreement", "twice.toml", "--force"], ["--agreement", "twice.toml"]);
    let (take, lend) = ([&TAKE[..], &take].concat(), [&LEND[..], &lend].concat());
    for run in ["run 1 of 2", "run 2 of 2"] {
        for ended in place.meet_well(&take, &lend) {
            assert!(ended.stdout.contains(run), "{}", ended.stdout);
        }
    }
    let health = Running::of(&mut place.psi("health", &take)).end();
    let credit = Running::of(&mut place.psi("credit", &lend)).end();
    for ended in [health, credit] {
        let message = "error: all 2 runs of the agreement are used\nhint: agree on more runs and sign anew\n";
        ended.failed(2, message);
    }
}

#[test]
fn parties_start_in_either_order() {
    let place = place();
    let address = free_address();
    let mut credit = place.connect("credit", &address, &LEND);
    credit.wait_for(&format!("nobody answers at {address} yet; trying again until they do"));
    let health = Running::of(place.psi("health", &TAKE).args(["--listen", &address]));
    health.end().done();
    credit.end().done();
    assert_eq!(place.read("matched.csv").lines().count(), 4);
}

#[test]
fn output_to_standard_output_leaves_the_report_to_standard_error() {
    let place = place();
    let [health, _] = place.meet_well(&["--input", "health.csv", "--output", "-"], &LEND);
    assert_eq!(health.stdout, "id,name,bill\n7,Ann,120\n 3 ,Ben,80\n3,Ben again,16\n");
    assert!(health.stderr.contains("\nCommon keys: 2\nRows written: 3\n"), "{}", health.stderr);
}

#[test]
fn no_other_way_to_standard_output_mixes_data_and_report() {
    let place = place();
    place.write("credit.csv", "id,score\n3,600\n ,610\n");
    let lend = [&LEND[..], &["--rejects", "-"]].concat();
    let ended = place.meet_well(&["--input", "health.csv", "--output", "/dev/stdout"], &lend);
    assert_eq!(ended[0].stdout, "id,name,bill\n 3 ,Ben,80\n3,Ben again,16\n");
    assert_eq!(ended[1].stdout, "reject_row,reject_column,reject_reason,id,score\n2,id,empty, ,610\n");
    assert!(ended.iter().all(|ended| ended.stderr.contains("\nAgreement: settlement-2026 (")), "{ended:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = place();
    for output in ["-", "matched.csv"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = place.psi("health", &["--input", "health.csv", "--output", output]);
        let listener = common::Listener::of(command.stdout(writer).args(["--listen", "127.0.0.1:0"]));
        let credit = place.connect("credit", &listener.address, &LEND);
        let health = listener.running.end();
        assert_eq!((health.code, health.stderr.lines().count()), (Some(0), 1), "{health:?}");
        credit.end().done();
    }
    assert_eq!(place.read("matched.csv").lines().count(), 4);
}

#[test]
fn an_input_that_is_replaced_meanwhile_is_read_as_it_was() {
    let place = place();
    let listener = place.listen("health", &TAKE);
    place.write("other.csv", "id,name,bill\n3,Eve,1\n");
    fs::rename(place.path("other.csv"), place.path("health.csv")).unwrap();
    place.connect("credit", &listener.address, &LEND).end().done();
    listener.running.end().done();
    assert_eq!(place.read("matched.csv"), "id,name,bill\n7,Ann,120\n 3 ,Ben,80\n3,Ben again,16\n");
}

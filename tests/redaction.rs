//! What anybody may see of a run: neither cells of a table nor bytes of a secret key, whether it succeeds or
//! fails, in whatever way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use std::fs::{self, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use common::{Ended, Place, Running, files_below};
use tidegate::agreement::Agreement;
use tidegate::data::normalize::Rule;
use tidegate::data::{
    ColumnSpec, Duplicates, KeyColumn, Missing, RecordRules, TableSource, TextEncoding, read_keys,
    read_records,
};
use tidegate::hex::hex;
use tidegate::identity::Identity;
use tidegate::report::grouped;
use tidegate::statistics::OwnRecords;
use tidegate::synthetic::{Population, TableKind, rows};

const TAKE: [&str; 4] = ["--input", "health.csv", "--output", "matched.csv"];
const LEND: [&str; 3] = ["--input", "credit.csv", "--no-output"];

/// Two parties with tables of made-up people, and the texts that nobody else may see.
struct Watched {
    place: Place,
    hidden: Vec<String>,
}

impl Watched {
    fn new() -> Self {
        let place = Place::new();
        let mut terms = place.terms();
        terms.key[0].rules = vec![Rule::ResidentId];
        terms.party[0].columns = Some(vec![TableKind::Insurance.id_column().into()]);
        terms.party[1].columns = Some(vec![TableKind::Credit.id_column().into()]);
        place.agree("agreement.toml", terms);
        let mut hidden = Vec::new();
        for (name, kind, first) in
            [("health.csv", TableKind::Insurance, 0), ("credit.csv", TableKind::Credit, 400)]
        {
            let mut text = format!("{}\n", kind.header());
            for row in rows(Population::new(7), kind, first, 600) {
                // The number as written and as meant, and the name.
                hidden.extend(row.line.split(',').take(2).map(|cell| cell.trim().to_owned()));
                hidden.extend(row.id);
                text += &format!("{}\n", row.line);
            }
            place.write(name, text);
        }
        hidden.extend(["health.key", "credit.key"].iter().flat_map(|name| secret_texts(&place.read(name))));
        Self { place, hidden }
    }

    /// Requires that `shown` holds nothing hidden.
    fn check(&self, shown: &str, from: &str) {
        assert!(!shown.is_empty(), "{from} shows nothing at all");
        let found = self.hidden.iter().find(|text| shown.contains(*text));
        assert_eq!(found, None, "{from}: {shown}");
    }

    /// Checks all files of a state directory, of which the ledger's tiles are no texts.
    fn check_state(&self, state: &str) {
        for file in files_below(&self.place.path(state)) {
            let content = fs::read(&file).unwrap();
            let shown = format!("{} {}", file.display(), String::from_utf8_lossy(&content));
            self.check(&shown, "the state directory");
        }
    }

    fn check_ended(&self, ended: &Ended, from: &str) {
        self.check(&format!("{}{}", ended.stdout, ended.stderr), from);
    }

    /// Runs a party that fails by itself.
    fn check_failure(&self, party: &str, args: &[&str]) {
        self.check_failed(self.place.psi(party, args), args);
    }

    fn check_failed(&self, mut command: Command, args: &[&str]) {
        let ended = Running::of(command.args(["--connect", "127.0.0.1:1"])).end();
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        self.check_ended(&ended, &args.join(" "));
    }

    /// Runs a verb that fails.
    fn check_verb(&self, args: &[&str]) {
        let ended = Running::of(&mut self.place.command(args)).end();
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        self.check_ended(&ended, &args.join(" "));
    }
}

/// Returns the forms in which the secret of a key file could show.
fn secret_texts(pem: &str) -> Vec<String> {
    let body: Vec<_> = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = Base64::decode_vec(&body.concat()).unwrap();
    // RFC 8410 §7: the seed is an octet string of 32 bytes within another.
    let start = der.windows(4).position(|bytes| bytes == [0x04, 0x22, 0x04, 0x20]).unwrap() + 4;
    let seed = &der[start..start + 32];
    let list = seed.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let [standard, url] = [Base64::encode_string(seed), Base64UrlUnpadded::encode_string(seed)];
    // The second line of the body holds the public key, which may be shown.
    vec![body[0].to_owned(), hex(seed), hex(seed).to_uppercase(), list, standard, url]
}

#[test]
fn runs_show_neither_cells_nor_secrets() {
    let watched = Watched::new();
    for args in [&[][..], &["--format", "json"], &["--rejects", "rejects.csv", "--columns", "name"]] {
        let lend = if args.len() == 4 { &[][..] } else { args };
        let take = [&TAKE[..], &["--force"], args].concat();
        for ended in watched.place.meet_well(&take, &[&LEND[..], lend].concat()) {
            watched.check_ended(&ended, "a run");
        }
    }
    for state in ["health-state", "credit-state"] {
        watched.check_state(state);
    }
    let matched = watched.place.read("matched.csv");
    assert!(watched.hidden.iter().any(|text| matched.contains(text)), "the output itself holds names");
}

#[test]
fn failures_between_the_parties_show_nothing() {
    let watched = Watched::new();
    let place = &watched.place;
    let mut terms = place.terms();
    terms.id = "another".into();
    terms.party[1].columns = Some(vec![TableKind::Credit.id_column().into()]);
    place.agree("other.toml", terms);
    let other = [&LEND[..], &["--agreement", "other.toml"]].concat();
    for ended in place.meet(&TAKE, &other) {
        assert_eq!(ended.code, Some(3));
        watched.check_ended(&ended, "different agreements");
    }

    let listener = place.listen("health", &TAKE);
    let table = place.read("health.csv");
    place.write("health.csv", format!("{table}{}", table.lines().last().unwrap()));
    place.connect("credit", &listener.address, &LEND).end().done();
    let changed = listener.running.end();
    assert_eq!(changed.code, Some(2));
    watched.check_ended(&changed, "a table that changed");
}

#[test]
fn bad_tables_are_not_quoted() {
    let watched = Watched::new();
    let place = &watched.place;
    let table = place.read("health.csv");
    let (header, records) = table.split_once('\n').unwrap();
    let quoted = records.replacen(',', ",\"", 1);
    let bad_ids = records.lines().map(|line| format!("9{line}\n")).collect::<String>();
    let broken: [(&str, Vec<u8>); 6] = [
        ("no-header.csv", records.into()),
        ("ragged.csv", format!("{table}{},more\n", records.lines().next().unwrap()).into()),
        ("open-quote.csv", format!("{header}\n{quoted}").into()),
        ("not-utf8.csv", [table.as_bytes(), records.lines().next().unwrap().as_bytes(), b"\xff\n"].concat()),
        ("bad-keys.csv", format!("{header}\n{bad_ids}").into()),
        ("no-parquet.parquet", table.clone().into()),
    ];
    for (name, bytes) in broken {
        place.write(name, bytes);
        watched.check_failure("health", &["--input", name, "--output", "matched.csv"]);
    }
    place.convert("health.csv", "whole.parquet");
    let whole = fs::read(place.path("whole.parquet")).unwrap();
    for (name, change) in [("cut.parquet", whole.len() - 9), ("flipped.parquet", whole.len())] {
        let mut bytes = whole[..change].to_vec();
        bytes[20..60].reverse();
        place.write(name, bytes);
        watched.check_failure("health", &["--input", name, "--output", "matched.csv"]);
    }
    watched.check_failure("health", &["--input", "health.csv", "--output", "m.csv", "--columns", "none"]);
    watched.check_failure("health", &["--input", "health.csv", "--output", "m.csv", "--encoding", "gb18030"]);
}

#[test]
fn files_in_each_others_place_are_not_quoted() {
    let watched = Watched::new();
    let place = &watched.place;
    let pem = place.read("health.key");
    set_permissions(place.path("credit.csv"), Permissions::from_mode(0o600)).unwrap();
    place.write("key.csv", &pem);
    place.write("cut.key", &pem[..pem.len() - 30]);
    place.write("twice.key", format!("{pem}{pem}"));
    place.write("bare.key", pem.lines().nth(1).unwrap());
    place.write("open.key", &pem);
    for name in ["cut.key", "twice.key", "bare.key"] {
        set_permissions(place.path(name), Permissions::from_mode(0o600)).unwrap();
    }
    for name in ["cut.key", "twice.key", "bare.key", "open.key", "credit.csv"] {
        watched.check_verb(&["key", "show", name]);
        watched.check_verb(&["agreement", "sign", "agreement.toml", "--identity", name]);
    }
    for name in ["health.key", "bare.key", "health.csv", "credit.csv"] {
        watched.check_verb(&["agreement", "show", name]);
        watched.check_failure(
            "health",
            &["--agreement", name, "--input", "health.csv", "--output", "matched.csv"],
        );
    }
    for name in ["key.csv", "health.key"] {
        watched.check_failure("health", &["--input", name, "--output", "matched.csv"]);
    }
    // A secret where the public key belongs.
    let public = place.health.public().to_string();
    let agreement = place.read("agreement.toml");
    let secret = pem.lines().nth(1).unwrap();
    place.write("secret.toml", agreement.replace(&public, secret));
    place.write("prefixed.toml", agreement.replace(&public, &format!("ed25519:{secret}")));
    for name in ["secret.toml", "prefixed.toml"] {
        watched.check_verb(&["agreement", "show", name]);
        watched.check_verb(&["agreement", "sign", name, "--identity", "credit.key"]);
    }
}

#[test]
fn debug_output_shows_nothing() {
    let watched = Watched::new();
    let identity = Identity::load(&watched.place.path("health.key")).unwrap();
    watched.check(&format!("{identity:?} {identity:#?}"), "Identity");
    let source = TableSource::open(&watched.place.path("health.csv"), TextEncoding::Utf8).unwrap();
    watched.check(&format!("{source:?} {source:#?}"), "TableSource");
    let columns = [KeyColumn { name: "id_card".into(), rules: vec![Rule::ResidentId] }];
    let keyed = read_keys(&source, &columns, &mut |_| {}, &|| false).unwrap();
    assert!(!keyed.rejected.is_empty() && !keyed.items.is_empty());
    watched.check(&format!("{keyed:?} {keyed:#?}"), "KeyedTable");
    watched.check(&format!("{:?}", source.batches(None).unwrap()), "Batches");
}

/// How many records each side of a join has in each group; both hold the same keys.
const NANHU: usize = 2;
const XIHU: usize = 5;

/// Two parties to a join, in whose tables every key and number is unlike everything else; the smaller group falls
/// below the minimum, and the other would give it away.
fn watched_join() -> Watched {
    let place = Place::new();
    let text = tidegate::agreement::to_toml(&Agreement::new(place.statistics()).unwrap());
    let text = text.replace("max = \"1000\"", "max = \"1000000\"").replace("20000", "50");
    place.agree("agreement.toml", toml::from_str(&text).unwrap());
    let mut hidden: Vec<_> =
        ["health.key", "credit.key"].iter().flat_map(|name| secret_texts(&place.read(name))).collect();
    let (mut claims, mut jobs) = ("id,paid,town\n".to_owned(), "id,job\n".to_owned());
    let mut sums = [0, 0];
    for person in 0..NANHU + XIHU {
        let group = usize::from(person >= NANHU);
        let (key, paid) =
            (format!("person-{person}7c3f"), 48_329_137 + 7_091_113 * person + 13_577 * person * person);
        sums[group] += paid;
        hidden.extend([key.clone(), paid.to_string()]);
        hidden.extend(texts(&decimal(paid)));
        claims += &format!("{key},{},{}\n", decimal(paid), ["Nanhu", "Xihu"][group]);
        jobs += &format!("{key},cook\n");
    }
    for (sum, count) in sums.into_iter().zip([NANHU, XIHU]) {
        // The means as they would be shown, which have two digits more.
        hidden.push(sum.to_string());
        hidden.extend(texts(&decimal(sum)));
        hidden.extend(texts(&format!("{:.4}", sum as f64 / 100.0 / count as f64)));
    }
    place.write("health.csv", claims);
    place.write("credit.csv", jobs);
    Watched { place, hidden }
}

fn decimal(units: usize) -> String {
    format!("{}.{:02}", units / 100, units % 100)
}

/// Returns a decimal as it is written, and with a comma between thousands.
fn texts(decimal: &str) -> [String; 2] {
    let (whole, rest) = decimal.split_once('.').unwrap();
    [decimal.to_owned(), format!("{}.{rest}", grouped(whole.parse().unwrap()))]
}

#[test]
fn joins_show_neither_records_nor_suppressed_figures() {
    let watched = watched_join();
    let place = &watched.place;
    let files = ["--csv", "out.csv", "--json", "out.json", "--html", "out.html", "--force"];
    for (format, mean) in [("text", "697,789.7700"), ("json", "697789.7700")] {
        let health = [&["--input", "health.csv", "--format", format][..], &files].concat();
        for ended in place.meet_to_join(&health, &["--input", "credit.csv", "--format", format]) {
            let ended = ended.done();
            watched.check_ended(&ended, "a join");
            assert!(ended.stdout.contains(mean), "the mean of all is released: {}", ended.stdout);
        }
        for (file, mean) in [("out.csv", "697789.77"), ("out.json", "697789.77"), ("out.html", "697,789.77")]
        {
            let text = place.read(file);
            watched.check(&format!("{file}: {text}"), file);
            assert!(text.contains(mean), "{file}: {text}");
        }
    }
    for state in ["health-state", "credit-state"] {
        watched.check_state(state);
    }
}

#[test]
fn tables_that_a_join_refuses_are_not_quoted() {
    let watched = watched_join();
    let place = &watched.place;
    let table = place.read("health.csv");
    let last = table.lines().last().unwrap();
    let (key, cells) = last.split_once(',').unwrap();
    let (paid, town) = cells.split_once(',').unwrap();
    let bad = [
        format!("{table}{last}\n"),
        format!("{table}x,{paid}1,{town}\n"),
        format!("{table}x,9{paid},{town}\n"),
        format!("{table}x,{key},{town}\n"),
        format!("{table}x,{paid},{key}\n"),
        format!("{table}x,,{key}\n"),
        table.replace("id,paid,town", "id,amount,town"),
        table.split_once('\n').unwrap().1.to_owned(),
    ];
    for (number, text) in bad.iter().enumerate() {
        let name = format!("bad{number}.csv");
        place.write(&name, text);
        let args = ["--input", &name];
        watched.check_failed(place.join("health", &args), &args);
    }
    for agreement in ["health.csv", "health.key"] {
        let args = ["--agreement", agreement, "--input", "health.csv"];
        watched.check_failed(place.join("health", &args), &args);
    }
}

#[test]
fn joins_that_fail_between_the_parties_show_nothing() {
    let watched = watched_join();
    let place = &watched.place;
    let mut terms = place.statistics();
    terms.id = "another".into();
    place.agree("other.toml", terms);
    let credit = ["--input", "credit.csv", "--agreement", "other.toml"];
    for ended in place.meet_to_join(&["--input", "health.csv"], &credit) {
        assert_eq!(ended.code, Some(3));
        watched.check_ended(&ended, "different agreements");
    }
}

#[test]
fn records_for_a_join_print_their_number_alone() {
    let watched = watched_join();
    let source = TableSource::open(&watched.place.path("health.csv"), TextEncoding::Utf8).unwrap();
    let keys = [KeyColumn { name: "id".into(), rules: vec![Rule::Trim] }];
    let columns = [ColumnSpec::Number { source: "paid".into(), decimals: 2, min: 0, max: 100_000_000 }];
    let rules = RecordRules { duplicates: Duplicates::Refuse, missing: Missing::Refuse };
    let records = read_records(&source, &keys, &columns, rules, &mut |_| {}, &|| false).unwrap();
    let own = OwnRecords { items: &records.keyed.items, columns: &records.columns };
    watched.check(&format!("{records:?} {records:#?} {own:?}"), "Records");
    assert_eq!(records.columns[0].len(), NANHU + XIHU);
}

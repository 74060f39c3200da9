//! What anybody may see of a run: neither cells of a table nor bytes of a secret key, whether it succeeds or
//! fails, in whatever way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod common;

use std::fs::{self, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use common::{Ended, Place, Running, files_below};
use tidegate::data::normalize::Rule;
use tidegate::data::{KeyColumn, TableSource, TextEncoding, read_keys};
use tidegate::hex::hex;
use tidegate::identity::Identity;
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

    fn check_ended(&self, ended: &Ended, from: &str) {
        self.check(&format!("{}{}", ended.stdout, ended.stderr), from);
    }

    /// Runs a party that fails by itself.
    fn check_failure(&self, party: &str, args: &[&str]) {
        let args = [args, &["--connect", "127.0.0.1:1"]].concat();
        let ended = Running::of(&mut self.place.psi(party, &args)).end();
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
        for file in files_below(&watched.place.path(state)) {
            let shown = format!("{} {}", file.display(), fs::read_to_string(&file).unwrap());
            watched.check(&shown, "the state directory");
        }
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

//! The rules of the tree that no compiler checks: who depends on whom, what every crate inherits, what stays
//! out of the protocols, how long a file may be, and that every documented check exists and is tested.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Most lines of a file, its tests aside.
const MAX_LINES: usize = 600;

/// The arrows between the crates; there is no other.
const ARROWS: [(&str, &[&str]); 4] = [
    ("tidegate", &["tidegate-disclosure", "tidegate-mpc", "tidegate-sandbox"]),
    ("tidegate-disclosure", &[]),
    ("tidegate-mpc", &[]),
    ("tidegate-sandbox", &["tidegate-disclosure"]),
];

/// Where the code of the crates stands.
const SOURCES: [&str; 4] = ["src", "disclosure/src", "mpc/src", "sandbox/src"];

/// The only file beside the root package's with a clock and a thread: guests end by it.
const CLOCK: &str = "sandbox/src/clock.rs";

/// What protocols, disclosure control and the sandbox may not reach for: runtimes, sockets, TLS, files, formats, clocks, the global generator.
const NOT_FOR_PROTOCOLS: [&str; 24] = [
    "arrow",
    "aws-lc-rs",
    "clap",
    "crossbeam-channel",
    "futures",
    "getrandom",
    "hyper",
    "indicatif",
    "jiff",
    "mio",
    "parquet",
    "quinn",
    "rand",
    "ring",
    "rustix",
    "rustls",
    "serde_json",
    "signal-hook",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-rustls",
    "tracing",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps().other_options(["--offline".to_owned()]);
    command.exec().unwrap()
}

/// Names what a package needs to be built and run, tests aside.
fn needs(package: &Package) -> BTreeSet<&str> {
    let normal = package.dependencies.iter().filter(|needed| needed.kind != DependencyKind::Development);
    normal.map(|needed| needed.name.as_str()).collect()
}

/// Returns the files with this ending in a folder of the workspace and below it, in order.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, ending, found);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&root().join(folder), ending, &mut found);
    found.sort_unstable();
    found
}

fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap();
    let inside = path.strip_prefix(root()).unwrap().components().any(|part| part.as_os_str() == "tests");
    inside || name == "tests.rs" || name.ends_with("_tests.rs")
}

/// Splits a source file where its tests begin.
fn split_tests(text: &str) -> (&str, &str) {
    let start = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text.split_at(start)
}

#[test]
fn crates_depend_on_each_other_as_drawn() {
    let metadata = metadata();
    let packages = metadata.workspace_packages();
    let members: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    let drawn: BTreeMap<_, BTreeSet<_>> =
        ARROWS.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let found: BTreeMap<_, BTreeSet<_>> = packages
        .iter()
        .map(|package| (package.name.as_str(), needs(package).intersection(&members).copied().collect()))
        .collect();
    assert_eq!(found, drawn);
}

#[test]
fn libraries_reach_for_nothing_outside() {
    let metadata = metadata();
    let is_pure = |package: &&Package| package.name.as_str() != "tidegate";
    for package in metadata.packages.iter().filter(is_pure) {
        let outside: Vec<_> =
            needs(package).into_iter().filter(|name| NOT_FOR_PROTOCOLS.contains(name)).collect();
        assert!(outside.is_empty(), "{} depends on {outside:?}", package.name);
    }
    let words = ["std::fs", "std::net", "std::env", "std::process", "thread::spawn", "Instant::now"];
    let sources = SOURCES.iter().skip(1).flat_map(|folder| files(folder, "rs"));
    for path in sources.filter(|path| !is_test_file(path) && !path.ends_with(CLOCK)) {
        let text = fs::read_to_string(&path).unwrap();
        let code = split_tests(&text).0.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let found = words.iter().find(|word| line.contains(**word));
            assert_eq!(found, None, "{}: {line}", path.display());
        }
    }
}

#[test]
fn every_crate_inherits_from_the_workspace() {
    for package in metadata().workspace_packages() {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        let manifest: toml::Table = toml::from_str(&manifest).unwrap();
        let inherits = |table: &toml::Value| table.get("workspace").and_then(toml::Value::as_bool);
        assert_eq!(inherits(&manifest["lints"]), Some(true), "lints of {}", package.name);
        for field in ["version", "edition", "rust-version", "license"] {
            let value = &manifest["package"][field];
            assert_eq!(inherits(value), Some(true), "{field} of {}", package.name);
        }
        for (name, dependency) in manifest["dependencies"].as_table().unwrap() {
            assert_eq!(inherits(dependency), Some(true), "dependency {name} of {}", package.name);
        }
    }
}

#[test]
fn files_are_short() {
    for path in SOURCES.iter().flat_map(|folder| files(folder, "rs")) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = split_tests(&text).0.lines().count();
        assert!(is_test_file(&path) || lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}

/// Takes the ids of checks, such as `ECDH-3`, out of a text.
fn check_ids(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| {
        word.split_once('-').is_some_and(|(name, number)| {
            name.len() > 2
                && name.chars().all(|c| c.is_ascii_uppercase())
                && !number.is_empty()
                && number.chars().all(|c| c.is_ascii_digit())
        })
    })
}

#[test]
fn every_documented_check_stands_in_the_code_and_in_a_test() {
    let (mut documented, mut coded, mut tested) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut test_texts = Vec::new();
    for path in SOURCES.iter().flat_map(|folder| files(folder, "rs")) {
        let text = fs::read_to_string(&path).unwrap();
        if is_test_file(&path) {
            test_texts.push(text);
            continue;
        }
        let (code, tests) = split_tests(&text);
        for line in code.lines() {
            let is_doc = ["//!", "///"].iter().any(|mark| line.trim_start().starts_with(mark));
            if line.starts_with("//! | ") {
                let first = line.split('|').nth(1).unwrap();
                documented.extend(check_ids(first).map(str::to_owned));
            } else if !is_doc {
                coded.extend(check_ids(line).map(str::to_owned));
            }
        }
        test_texts.push(tests.to_owned());
    }
    let outside = ["tests", "mpc/tests"].iter().flat_map(|folder| files(folder, "rs"));
    test_texts
        .extend(outside.chain(files("tests/cli", "toml")).map(|path| fs::read_to_string(path).unwrap()));
    let test_texts = test_texts.join("\n");
    tested.extend(check_ids(&test_texts).map(str::to_owned));
    // A test may be named after its check: `ecdh_3_the_senders_key`.
    let is_named = |id: &String| test_texts.contains(&format!("fn {}_", id.to_lowercase().replace('-', "_")));
    assert!(documented.len() > 20, "the tables are not found: {documented:?}");
    let not_coded: Vec<_> = documented.difference(&coded).collect();
    assert!(not_coded.is_empty(), "no code says {not_coded:?}");
    let not_tested: Vec<_> = documented.difference(&tested).filter(|id| !is_named(id)).collect();
    assert!(not_tested.is_empty(), "no test says {not_tested:?}");
}

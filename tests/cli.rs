//! The command line: what each verb prints, and every failure that needs no other party, one file a case.
//!
//! The cases run in copies of `tests/cli/files.in`, with `state` in it as the state directory. The keys there are
//! for these cases alone. Those of ledgers run in copies of `tests/ledger`, which `tests/ledger_golden.rs` makes.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::fs::{Permissions, read_dir, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

#[test]
fn every_case_prints_what_it_should() {
    for folder in ["tests/cli/files.in", "tests/ledger/cases"] {
        close_keys(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    }
    trycmd::TestCases::new()
        .case("tests/cli/*.toml")
        .default_bin_path(env!("CARGO_BIN_EXE_tidegate"))
        .env("TIDEGATE_STATE", "state")
        .timeout(Duration::from_secs(60));
}

/// Gives the key files the mode that the program demands and a checkout does not keep.
fn close_keys(folder: &Path) {
    for entry in read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "key") {
            set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        }
    }
}

//! The golden ledger: made byte for byte from fixed keys and times, checked by this program and by `tests/ledger/verify.py`,
//! and not one byte of it can be altered without notice.
//!
//! With `TIDEGATE_WRITE_GOLDEN` set it is written anew, where the format has changed on purpose.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate::identity::{Identity, PublicKey};
use tidegate::ledger::{
    Dataset, Digest, Entry, Kind, Ledger, LedgerError, Protocol, Reason, Receipt, Time, Witness,
};
use tidegate::state::StateDir;
use tidegate_mpc::testing::seeded_rng;

/// Entries that fill a tile.
const FILLING: u64 = 256;

/// The receipt is that of the release behind it.
const RECEIPT: u64 = FILLING + 5;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger")
}

fn owner() -> Identity {
    Identity::generate(&mut seeded_rng(71))
}

fn partner() -> Identity {
    Identity::generate(&mut seeded_rng(72))
}

fn time(seconds: u64) -> Time {
    Time::from_seconds(1_790_000_000 + seconds).unwrap()
}

fn digest(byte: u8) -> Option<Digest> {
    Some(Digest::from([byte; 32]))
}

/// Makes entries that are short and fill a tile, and one of each kind with all that it may have.
fn entries() -> Vec<Entry> {
    let agreement = digest(1);
    let short = |number| Entry {
        agreement,
        protocol: Some(Protocol::Psi),
        ..Entry::new(Kind::RunStarted, time(number))
    };
    let base = |kind, protocol, seconds| Entry {
        agreement,
        parties: vec!["credit".into(), "health".into()],
        protocol: Some(protocol),
        ..Entry::new(kind, time(seconds))
    };
    let dataset = Some(Dataset { name: "claims".into(), version: digest(9) });
    let purpose = Some("medical bills settled across provinces 跨省结算".to_owned());
    let started = Some(FILLING + 2);
    let full = [
        Entry { purpose: purpose.clone(), ..base(Kind::AgreementSeen, Protocol::Join, 300) },
        Entry {
            grant: digest(2),
            dataset: dataset.clone(),
            purpose: purpose.clone(),
            ..base(Kind::Grant, Protocol::Sandbox, 301)
        },
        Entry { dataset: dataset.clone(), purpose, ..base(Kind::RunStarted, Protocol::Join, 302) },
        Entry { reason: Some(Reason::Withheld), started, ..base(Kind::RunRefused, Protocol::Sum, 303) },
        Entry { reason: Some(Reason::Link), started, ..base(Kind::RunFailed, Protocol::Report, 304) },
        Entry {
            dataset,
            report: digest(3),
            run: Some(4),
            started,
            table: digest(5),
            ..base(Kind::Released, Protocol::Psi, 305)
        },
        Entry {
            checkpoint: digest(6),
            log: Some("tidegate-ledger/11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into()),
            ..Entry::new(Kind::Cosigned, time(306))
        },
    ];
    (0..FILLING).map(short).chain(full).collect()
}

/// Makes the golden folder: ledger, cosignature, receipt and keys.
fn make(folder: &Path) {
    let folder = &folder.join("golden");
    fs::create_dir_all(folder).unwrap();
    let state = tempfile::tempdir().unwrap();
    let ledger = Ledger::at(&folder.join("log"));
    let entries = entries();
    for batch in entries.chunks(100) {
        ledger.append(batch, &owner()).unwrap();
    }
    let (partner, state) = (partner(), StateDir::find(Some(state.path())).unwrap());
    let signed = Witness::new(&partner, &state).cosign(&ledger, &owner().public(), time(400)).unwrap();
    ledger.put_cosigned(&signed).unwrap();
    let verified = ledger.verify(&owner().public()).unwrap();
    let receipt = Receipt::new(&verified, &verified.checkpoint, RECEIPT).unwrap();
    fs::write(folder.join("receipt.json"), receipt.to_json()).unwrap();
    fs::write(folder.join("keys"), format!("{}\n{}\n", owner().public(), partner.public())).unwrap();
    fs::remove_file(folder.join("log/lock")).unwrap();
}

/// Makes what the cases of the command line need beside it: another ledger of the owner, altered and cut ones, and a partner
/// that has cosigned either.
fn make_cases(folder: &Path) {
    let (golden, cases) = (folder.join("golden"), folder.join("cases"));
    fs::create_dir_all(&cases).unwrap();
    partner().save_new(&cases.join("partner.key")).unwrap();
    let [small, altered] = ["small", "altered"].map(|name| Ledger::at(&cases.join(name)));
    for ledger in [&small, &altered] {
        let filling = usize::try_from(FILLING).unwrap();
        ledger.append(&entries()[filling..][..3], &owner()).unwrap();
    }
    let bundle = altered.directory().join("tile/entries/000.p/3");
    let mut bytes = fs::read(&bundle).unwrap();
    bytes[200] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    fs::create_dir(cases.join("cut")).unwrap();
    fs::copy(small.directory().join("checkpoint"), cases.join("cut/checkpoint")).unwrap();
    let receipt = fs::read_to_string(golden.join("receipt.json")).unwrap();
    fs::write(cases.join("altered-receipt.json"), receipt.replace("\"run\":4", "\"run\":5")).unwrap();
    for (name, ledger) in [("seen-golden", Ledger::at(&golden.join("log"))), ("seen-small", small)] {
        let state = StateDir::find(Some(&cases.join(name))).unwrap();
        Witness::new(&partner(), &state).cosign(&ledger, &owner().public(), time(500)).unwrap();
    }
}

/// Names the files below a folder, relative to it, in order.
fn names(folder: &Path) -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { collect(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    collect(folder, &mut found);
    let relative = |path: PathBuf| path.strip_prefix(folder).unwrap().to_owned();
    let mut names: Vec<_> = found.into_iter().map(relative).filter(|path| !path.ends_with("lock")).collect();
    names.sort_unstable();
    names
}

/// Reads the keys that are trusted.
fn keys(folder: &Path) -> Result<[PublicKey; 2], LedgerError> {
    let keys = fs::read_to_string(folder.join("keys")).unwrap_or_default();
    let lines: Vec<_> = keys.split('\n').map(str::parse::<PublicKey>).collect();
    let [Ok(owner), Ok(partner), Err(_)] = lines[..] else { return Err(LedgerError::Proof) };
    Ok([owner, partner])
}

/// Checks the ledger, as whoever trusts the two keys would.
fn check_ledger(folder: &Path) -> Result<(), LedgerError> {
    let [owner, partner] = keys(folder)?;
    let verified = Ledger::at(&folder.join("log")).verify(&owner)?;
    verified.checkpoint.cosigned_at(&partner)?.ok_or(LedgerError::NotCosigned { key: partner }).map(drop)
}

/// Checks the receipt, without the ledger.
fn check_receipt(folder: &Path) -> Result<(), LedgerError> {
    let [owner, partner] = keys(folder)?;
    let receipt = fs::read(folder.join("receipt.json")).map_err(|_| LedgerError::NotAReceipt)?;
    let checkpoint = Receipt::parse(&receipt)?.verify(&owner)?;
    checkpoint.cosigned_at(&partner)?.ok_or(LedgerError::NotCosigned { key: partner }).map(drop)
}

#[test]
fn the_golden_ledger_is_made_again_byte_for_byte() {
    let made = tempfile::tempdir().unwrap();
    make(made.path());
    make_cases(made.path());
    if std::env::var_os("TIDEGATE_WRITE_GOLDEN").is_some() {
        ["golden", "cases"].iter().for_each(|part| drop(fs::remove_dir_all(folder().join(part))));
        for name in names(made.path()) {
            let path = folder().join(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(made.path().join(&name), path).unwrap();
        }
    }
    let kept: Vec<_> = names(&folder()).into_iter().filter(|name| !name.ends_with("verify.py")).collect();
    assert_eq!(names(made.path()), kept);
    for name in names(made.path()) {
        assert!(
            fs::read(made.path().join(&name)).unwrap() == fs::read(folder().join(&name)).unwrap(),
            "{name:?}"
        );
    }
    check_ledger(&folder().join("golden")).unwrap();
    check_receipt(&folder().join("golden")).unwrap();
}

#[test]
fn no_byte_of_the_golden_ledger_can_be_altered() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let golden = dir.path().join("golden");
    for name in names(&golden) {
        let path = golden.join(&name);
        let bytes = fs::read(&path).unwrap();
        let check = if name.ends_with("receipt.json") { check_receipt } else { check_ledger };
        check(&golden).unwrap();
        // Every byte of small files. Those of the full tile and bundle are all alike.
        let step = if bytes.len() > 4096 { 97 } else { 1 };
        for at in (0..bytes.len()).step_by(step) {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << (at % 8);
            fs::write(&path, &altered).unwrap();
            assert!(check(&golden).is_err(), "{name:?}, byte {at}");
        }
        fs::write(&path, &bytes[1..]).unwrap();
        assert!(check(&golden).is_err(), "{name:?}");
        fs::write(&path, [&bytes[..], b"\n"].concat()).unwrap();
        assert!(check(&golden).is_err(), "{name:?}");
        fs::remove_file(&path).unwrap();
        assert!(check(&golden).is_err(), "{name:?}");
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn the_verifier_in_another_language_agrees() {
    let script = folder().join("verify.py");
    let ran =
        Command::new("python3").arg(script).arg("--alter").arg(folder().join("golden")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

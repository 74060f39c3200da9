//! Tests of the ledger on disk: growth across tiles, cuts at every step, damage of every kind.

use std::collections::BTreeMap;

use super::*;
use crate::ledger::entry::tests::full_entries;
use crate::ledger::entry::{Protocol, Time};
use crate::ledger::tree::tests::Leaves;

pub(in crate::ledger) use crate::identity::tests::identity;

pub(in crate::ledger) fn time(seconds: u64) -> Time {
    Time::from_seconds(1_790_000_000 + seconds).unwrap()
}

/// Makes an entry that is unlike any other with another number.
fn numbered(number: u64, place: &Path) -> Entry {
    let name = place.file_name().unwrap().to_str().unwrap();
    Entry {
        agreement: Some(Digest::from([7; 32])),
        protocol: Some(Protocol::Psi),
        purpose: Some(format!("run {number} in {}", name.len())),
        ..Entry::new(Kind::RunStarted, time(number))
    }
}

/// Appends so many entries, which another directory has otherwise, in batches of 1 to 7.
pub(in crate::ledger) fn grow(ledger: &Ledger, owner: &Identity, entries: u64) {
    let size = ledger.checkpoint().map_or(0, |signed| signed.unverified().size);
    let all: Vec<_> = (size..size + entries).map(|number| numbered(number, ledger.directory())).collect();
    let (mut rest, mut batch) = (&all[..], 1);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(batch.min(rest.len()));
        ledger.append(now, owner).unwrap();
        (rest, batch) = (later, batch % 7 + 1);
    }
}

/// Reads all files of a ledger, but for its lock.
fn files(ledger: &Ledger) -> BTreeMap<PathBuf, Vec<u8>> {
    fn collect(directory: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.file_name().unwrap() != "lock" {
                let content = fs::read(&path).unwrap();
                found.insert(path, content);
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(&ledger.directory, &mut found);
    found
}

fn ledger() -> (tempfile::TempDir, Ledger, Identity) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::at(&dir.path().join("log"));
    (dir, ledger, identity(1))
}

#[test]
fn a_ledger_grows_and_has_the_root_of_its_entries_and_the_files_of_its_size() {
    let (_dir, ledger, owner) = ledger();
    assert!(matches!(ledger.checkpoint(), Err(LedgerError::Absent { .. })));
    for size in [1, 2, 7, 200, 253, 256, 257, 300, 511, 512, 520] {
        let before = ledger.checkpoint().map_or(0, |signed| signed.unverified().size);
        grow(&ledger, &owner, size - before);
        let verified = ledger.verify(&owner.public()).unwrap();
        let leaves = (0..size).map(|number| {
            let entry = numbered(number, ledger.directory());
            assert_eq!(verified.entries[usize::try_from(number).unwrap()], entry);
            leaf_hash(&entry.to_bytes().unwrap())
        });
        let expected = root(&mut Leaves(leaves.collect()), size).unwrap();
        assert_eq!((verified.head.size, verified.head.root), (size, expected));
        let needed = Tile::all(size).map(|tile| ledger.directory.join(tile.path()));
        let needed: BTreeSet<_> = needed.chain([ledger.directory.join(CHECKPOINT)]).collect();
        assert_eq!(files(&ledger).into_keys().collect::<BTreeSet<_>>(), needed, "{size}");
    }
}

#[test]
fn an_append_that_is_cut_at_any_step_leaves_the_ledger_as_it_was_or_whole() {
    for (size, added) in [(0, 1), (3, 2), (254, 1), (254, 2), (254, 5), (255, 1), (256, 1), (511, 2)] {
        let (_dir, ledger, owner) = ledger();
        grow(&ledger, &owner, size);
        ledger.begin(&owner).ok();
        if size == 0 {
            create_private(&ledger.directory).unwrap();
            ledger.begin(&owner).unwrap();
        }
        let entries: Vec<_> = (size..size + added).map(|n| numbered(n, ledger.directory())).collect();
        let append = prepare(&entries, size, ledger.tiles(size), &owner).unwrap();
        for cut in 0..=append.writes.len() {
            ledger.carry_out(&append.writes[..cut]).unwrap();
            assert_eq!(
                ledger.verify(&owner.public()).unwrap().head.size,
                size,
                "{size}+{added} cut at {cut}"
            );
            // The next one appends something else and removes what was left.
            let clean = clone_of(&ledger, &owner, size);
            let other = numbered(9999, ledger.directory());
            let copy = copy_of(&ledger);
            Ledger::at(copy.path()).append(std::slice::from_ref(&other), &owner).unwrap();
            Ledger::at(clean.path()).append(&[other], &owner).unwrap();
            let [cut_files, clean_files] = [&copy, &clean].map(|dir| relative(&Ledger::at(dir.path())));
            assert_eq!(cut_files, clean_files, "{size}+{added} cut at {cut}");
        }
        // Cut before old tiles are removed: whole already.
        ledger.put_checkpoint(&append.checkpoint).unwrap();
        assert_eq!(ledger.verify(&owner.public()).unwrap().head.size, size + added);
    }
}

/// Files by their names within the ledger.
fn relative(ledger: &Ledger) -> BTreeMap<PathBuf, Vec<u8>> {
    let strip =
        |(path, content): (PathBuf, _)| (path.strip_prefix(&ledger.directory).unwrap().to_owned(), content);
    files(ledger).into_iter().map(strip).collect()
}

fn copy_of(ledger: &Ledger) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in relative(ledger) {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

/// Makes the same ledger anew, without what a cut append has left.
fn clone_of(ledger: &Ledger, owner: &Identity, size: u64) -> tempfile::TempDir {
    let dir = copy_of(ledger);
    Ledger::at(dir.path()).sweep(size).unwrap();
    Ledger::at(dir.path()).verify(&owner.public()).unwrap();
    dir
}

#[test]
fn nothing_is_appended_to_a_ledger_whose_checkpoint_does_not_verify() {
    let (_dir, ledger, owner) = ledger();
    grow(&ledger, &owner, 5);
    let entry = numbered(5, ledger.directory());
    let append = |owner: &Identity| ledger.append(std::slice::from_ref(&entry), owner);
    assert!(matches!(append(&identity(2)), Err(LedgerError::OtherOwner { .. })));
    let good = fs::read_to_string(ledger.directory.join(CHECKPOINT)).unwrap();
    fs::write(ledger.directory.join(CHECKPOINT), good.replace("\n5\n", "\n4\n")).unwrap();
    assert!(matches!(append(&owner), Err(LedgerError::BadSignature { .. })));
    fs::remove_file(ledger.directory.join(CHECKPOINT)).unwrap();
    assert!(matches!(append(&owner), Err(LedgerError::Damaged { what: "is missing", .. })));
    fs::write(ledger.directory.join(CHECKPOINT), good).unwrap();
    let tile = ledger.directory.join("tile/0/000.p/5");
    let mut hashes = fs::read(&tile).unwrap();
    hashes[0] ^= 1;
    fs::write(&tile, &hashes).unwrap();
    assert!(matches!(append(&owner), Err(LedgerError::Root)));
    fs::write(&tile, &hashes[1..]).unwrap();
    assert!(matches!(append(&owner), Err(LedgerError::Damaged { .. })));
    hashes[0] ^= 1;
    fs::write(&tile, &hashes).unwrap();
    append(&owner).unwrap();
}

#[test]
fn cosignatures_outlast_further_entries() {
    let (_dir, ledger, owner) = ledger();
    let [east, west] = [2, 3].map(identity);
    grow(&ledger, &owner, 5);
    let mut by_east = ledger.checkpoint().unwrap();
    let mut by_west = by_east.clone();
    by_east.cosign(&east, time(0));
    by_west.cosign(&west, time(0));
    ledger.put_cosigned(&by_east).unwrap();
    ledger.put_cosigned(&by_west).unwrap();
    grow(&ledger, &owner, 2);
    for key in [east.public(), west.public()] {
        assert!(ledger.checkpoint().unwrap().cosigned_at(&key).unwrap().is_none());
        assert_eq!(ledger.cosigned_checkpoint(&key).unwrap().unverified().size, 5);
    }
    let unknown = ledger.cosigned_checkpoint(&identity(4).public());
    assert!(matches!(unknown, Err(LedgerError::NotCosigned { .. })));
    // One that comes late is kept as well.
    grow(&ledger, &owner, 2);
    by_east.cosign(&east, time(9));
    ledger.put_cosigned(&by_east).unwrap();
    let kept = ledger.cosigned_checkpoint(&east.public()).unwrap();
    assert_eq!(kept.cosigned_at(&east.public()).unwrap(), Some(time(9)));
}

#[test]
fn appends_at_the_same_time_come_one_after_the_other() {
    let (_dir, ledger, owner) = ledger();
    let mut places: Vec<_> = std::thread::scope(|scope| {
        let append = |number| ledger.append(&[numbered(number, ledger.directory())], &owner).unwrap();
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || append(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    places.sort_unstable();
    assert_eq!(places, (0..8).collect::<Vec<_>>());
    assert_eq!(ledger.verify(&owner.public()).unwrap().entries.len(), 8);
}

#[test]
fn a_run_that_starts_later_than_it_ends_is_refused() {
    let (_dir, ledger, owner) = ledger();
    ledger.append(&full_entries(time(0)), &owner).unwrap();
    let mut late = full_entries(time(0))[5].clone();
    late.started = Some(7);
    ledger.append(&[late], &owner).unwrap();
    assert!(matches!(ledger.verify(&owner.public()), Err(LedgerError::Entry { index: 7, .. })));
}

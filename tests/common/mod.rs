//! Two parties on this machine: their keys, tables and agreements in a directory, and the program itself in a
//! process for each. Nothing waits longer than [`PATIENCE`], and no process outlives its test.
#![allow(dead_code, reason = "each test file uses a part of this one")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

pub(crate) mod sums;
pub(crate) mod tap;

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tidegate::agreement::{Agreement, KeyTerm, PartyTerm, Terms, sign_file, write_new};
use tidegate::data::normalize::Rule;
use tidegate::data::{CopyPlan, SinkOptions, TableSource, TextEncoding, copy_rows};
use tidegate::identity::Identity;
use tidegate::report::{JoinReport, PsiReport};
use tidegate_mpc::testing::seeded_rng;

/// An agreement on statistics, but for the keys.
const STATISTICS: &str = r#"
version = 1
id = "costs-2026"
purpose = "costs by town and work"
protocol = "join-elgamal"
output = ["health", "credit"]
minimum_intersection = 0
max_runs = 9
expires = "2099-12-31"
key = [{ name = "id", rules = ["trim"] }]

[[party]]
name = "health"
key = "HEALTH"
max_records = 20000
dataset = "claims"

[[party]]
name = "credit"
key = "CREDIT"
max_records = 20000
dataset = "scores"

[join]
groups = "columns"
duplicates = "refuse"
missing = "refuse"

[[column]]
kind = "number"
party = "health"
name = "paid"
decimals = 2
min = "0"
max = "1000"

[[column]]
kind = "category"
party = "health"
name = "town"
categories = ["Nanhu", "Xihu"]

[[column]]
kind = "category"
party = "credit"
name = "work"
source = "job"
categories = ["cook", "smith"]

[[statistic]]
name = "paid by town"
kind = "mean"
of = "paid"
by = ["town"]

[[statistic]]
name = "people by work"
kind = "count"
by = ["work"]

[disclosure]
minimum_count = 3
"#;

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A directory in which `health` and `credit` have their keys, as `health.key` and `credit.key`.
pub(crate) struct Place {
    dir: TempDir,
    pub(crate) health: Identity,
    pub(crate) credit: Identity,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [health, credit] = [1, 2].map(|seed| Identity::generate(&mut seeded_rng(seed)));
        health.save_new(&dir.path().join("health.key")).unwrap();
        credit.save_new(&dir.path().join("credit.key")).unwrap();
        Self { dir, health, credit }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Names everything in the directory.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    /// Returns terms for a test to change: output for `health`, no minimum, key `id` with `trim`.
    pub(crate) fn terms(&self) -> Terms {
        let party = |name: &str, identity: &Identity| PartyTerm {
            name: name.into(),
            key: identity.public(),
            endpoint: None,
            max_records: 1_000_000,
            columns: None,
            dataset: None,
            sources: Default::default(),
        };
        Terms {
            version: 1,
            id: "settlement-2026".into(),
            purpose: "bills of one person in two registers".into(),
            protocol: "psi-ecdh".into(),
            output: vec!["health".into()],
            minimum_intersection: 0,
            max_runs: 9,
            expires: Some("2099-12-31".parse().unwrap()),
            key: vec![KeyTerm { name: "id".into(), rules: vec![Rule::Trim] }],
            party: vec![party("health", &self.health), party("credit", &self.credit)],
            hub: None,
            join: None,
            sum: None,
            vector: None,
            column: Vec::new(),
            statistic: Vec::new(),
            disclosure: None,
            report: None,
        }
    }

    /// Writes an agreement with both signatures, and returns its hash.
    pub(crate) fn agree(&self, name: &str, terms: Terms) -> [u8; 32] {
        self.agree_as(name, terms, [&self.health, &self.credit])
    }

    pub(crate) fn agree_as(&self, name: &str, terms: Terms, parties: [&Identity; 2]) -> [u8; 32] {
        let (path, agreement) = (self.path(name), Agreement::new(terms).unwrap());
        write_new(&path, &agreement, false).unwrap();
        for party in parties {
            sign_file(&path, party).unwrap();
        }
        agreement.hash()
    }

    /// Says whether `party` has counted a run.
    pub(crate) fn has_counted(&self, party: &str) -> bool {
        let runs = fs::read_dir(self.path(&format!("{party}-state/runs")));
        runs.is_ok_and(|mut runs| {
            runs.any(|run| run.unwrap().path().extension().is_some_and(|e| e == "json"))
        })
    }

    /// Waits until `party` is in the exchange, which follows the counting.
    pub(crate) fn wait_for_exchange(&self, party: &str) {
        until("the exchange", || self.has_counted(party));
        sleep(Duration::from_millis(200));
    }

    /// Makes the command of a verb, in this directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.current_dir(self.dir.path()).args(args);
        command.env_remove("TIDEGATE_IDENTITY").env("TIDEGATE_STATE", self.path("state"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Makes the command `psi` of a party, as [`Place::verb`] does.
    pub(crate) fn psi(&self, party: &str, args: &[&str]) -> Command {
        self.verb("psi", party, args)
    }

    /// Makes the command `join` of a party, as [`Place::verb`] does.
    pub(crate) fn join(&self, party: &str, args: &[&str]) -> Command {
        self.verb("join", party, args)
    }

    /// Makes a command of a party with its own key and state, under `agreement.toml` unless `args` name another or
    /// the short form.
    fn verb(&self, verb: &str, party: &str, args: &[&str]) -> Command {
        let (key, state) = (format!("{party}.key"), format!("{party}-state"));
        let mut command = self.command(&[verb, "--identity", &key, "--state-dir", &state, "--wait", "50"]);
        if !args.iter().any(|arg| ["--agreement", "--peer-key"].contains(arg)) {
            command.args(["--agreement", "agreement.toml"]);
        }
        command.args(args);
        command
    }

    /// Starts a party that listens, and waits until it does.
    pub(crate) fn listen(&self, party: &str, args: &[&str]) -> Listener {
        Listener::of(self.psi(party, args).args(["--listen", "127.0.0.1:0"]))
    }

    /// Starts a party that connects.
    pub(crate) fn connect(&self, party: &str, address: &str, args: &[&str]) -> Running {
        Running::of(self.psi(party, args).args(["--connect", address]))
    }

    /// Runs both parties to their ends: `health`, which listens, and `credit`.
    pub(crate) fn meet(&self, health: &[&str], credit: &[&str]) -> [Ended; 2] {
        let listener = self.listen("health", health);
        let credit = self.connect("credit", &listener.address, credit);
        [listener.running.end(), credit.end()]
    }

    /// Runs both parties, which succeed.
    pub(crate) fn meet_well(&self, health: &[&str], credit: &[&str]) -> [Ended; 2] {
        self.meet(health, credit).map(Ended::done)
    }

    /// Runs both parties of a join to their ends: `health`, which listens, and `credit`.
    pub(crate) fn meet_to_join(&self, health: &[&str], credit: &[&str]) -> [Ended; 2] {
        let listener = Listener::of(self.join("health", health).args(["--listen", "127.0.0.1:0"]));
        let credit = Running::of(self.join("credit", credit).args(["--connect", &listener.address]));
        [listener.running.end(), credit.end()]
    }

    /// Returns terms for a test to change: what `health` paid by town and how many work where by `credit`, from
    /// three records on.
    pub(crate) fn statistics(&self) -> Terms {
        let [health, credit] = [&self.health, &self.credit].map(|party| party.public().to_string());
        toml::from_str(&STATISTICS.replace("HEALTH", &health).replace("CREDIT", &credit)).unwrap()
    }

    /// Copies a table to another file, whose ending says its format.
    pub(crate) fn convert(&self, from: &str, to: &str) {
        let source = TableSource::open(&self.path(from), TextEncoding::Utf8).unwrap();
        let rows = source.batches(None).unwrap().map(|batch| batch.unwrap().num_rows() as u64).sum();
        let plan = CopyPlan { columns: None, rows, keep: &|_| true, sink: SinkOptions::default() };
        copy_rows(&source, &self.path(to), &plan, &mut |_| {}, &|| false).unwrap();
    }
}

/// Finds a port that nobody listens on now.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Waits until `holds`, and fails the test after [`PATIENCE`].
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        sleep(Duration::from_millis(10));
    }
}

/// A party that waits for the other.
pub(crate) struct Listener {
    pub(crate) running: Running,
    pub(crate) address: String,
}

impl Listener {
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut running = Running::of(command);
        running.wait_for("listening on ");
        let said = running.said();
        let address = said.lines().find_map(|line| line.strip_prefix("listening on ")).unwrap().to_owned();
        Self { running, address }
    }
}

/// A process; killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<()>>,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Running {
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let stdout = child.stdout.take().map(|mut stdout| {
            spawn(move || {
                let mut bytes = Vec::new();
                stdout.read_to_end(&mut bytes).unwrap();
                bytes
            })
        });
        let (mut stderr, heard) = (child.stderr.take().unwrap(), Arc::clone(&said));
        let stderr = spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                match stderr.read(&mut buffer).unwrap() {
                    0 => break,
                    read => heard.lock().unwrap().extend_from_slice(&buffer[..read]),
                }
            }
        });
        Self { child, stdout, stderr: Some(stderr), said }
    }

    /// Returns what was written to standard error so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8(self.said.lock().unwrap().clone()).unwrap()
    }

    /// Waits until a whole line with `text` stands on standard error.
    pub(crate) fn wait_for(&mut self, text: &str) {
        until(text, || {
            let ended = self.child.try_wait().unwrap().is_some();
            let said = self.said();
            let found = said.split_inclusive('\n').any(|line| line.contains(text) && line.ends_with('\n'));
            assert!(found || !ended, "ended without saying {text:?}: {said}");
            found
        });
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let mut code = None;
        until("the end of a process", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        self.stderr.take().unwrap().join().unwrap();
        let stdout = self.stdout.take().map(|stdout| stdout.join().unwrap()).unwrap_or_default();
        let stdout = String::from_utf8(stdout).unwrap();
        Ended { code: code.and_then(|status| status.code()), stdout, stderr: self.said() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Requires success.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Requires this exit code and these words on standard error, and nothing on standard output.
    pub(crate) fn failed(&self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.contains(words), "{words:?} is missing: {self:?}");
        assert_eq!(self.stdout, "");
    }

    /// Returns the report of `join --format json`.
    pub(crate) fn join_report(&self) -> JoinReport {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the report of `psi --format json`.
    pub(crate) fn report(&self) -> PsiReport {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Makes a table with a column `id` of these numbers and a column `name`.
pub(crate) fn numbered(ids: impl IntoIterator<Item = u32>) -> String {
    let rows = ids.into_iter().map(|id| format!("{id:06},name {id}\n"));
    std::iter::once("id,name\n".to_owned()).chain(rows).collect()
}

/// Names what is in `dir` and below.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

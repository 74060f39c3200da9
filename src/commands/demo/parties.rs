//! The parties of a part: their keys, their agreement, and each in a process of its own.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde::de::DeserializeOwned;

use crate::agreement::{Agreement, PartyTerm, Terms, sign_file, write_new};
use crate::cli::DemoArgs;
use crate::error::Error;
use crate::identity::Identity;

/// A party to be.
pub(super) struct PartySketch {
    pub(super) name: &'static str,
    /// The key column of its table, where there is a key.
    pub(super) id_column: Option<&'static str>,
    pub(super) max_records: u64,
}

/// Makes all keys and an agreement signed with them; the first party listens, at the returned address.
pub(super) fn agree(
    dir: &Path,
    file: &str,
    parties: impl IntoIterator<Item = PartySketch>,
    terms: impl FnOnce(Vec<PartyTerm>) -> Terms,
) -> Result<String, Error> {
    let endpoint =
        free_endpoint().map_err(|source| Error::Io { action: "find a free port".into(), source })?;
    let mut listener = Some(endpoint.clone());
    let party = |PartySketch { name, id_column, max_records }| {
        let identity = Identity::generate(&mut rand::rng());
        identity.save_new(&dir.join(format!("{name}.key")))?;
        let term = PartyTerm {
            name: name.into(),
            key: identity.public(),
            endpoint: listener.take(),
            max_records,
            columns: id_column.map(|column| vec![column.to_owned()]),
            dataset: None,
            sources: Default::default(),
        };
        Ok::<_, Error>((identity, term))
    };
    let made = parties.into_iter().map(party).collect::<Result<Vec<_>, _>>()?;
    let (identities, party): (Vec<_>, Vec<_>) = made.into_iter().unzip();
    let path = dir.join(file);
    write_new(&path, &Agreement::new(terms(party))?, false)?;
    identities.iter().try_for_each(|identity| sign_file(&path, identity).map(|_| ()))?;
    Ok(endpoint)
}

/// Finds a port that nobody listens on now.
fn free_endpoint() -> io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Starts a party.
pub(super) fn command(
    dir: &Path,
    args: &DemoArgs,
    verb: &str,
    agreement: &str,
    name: &str,
    flags: &[&str],
) -> Result<Child, Error> {
    let failed = |source| Error::Io { action: format!("start the party {name}"), source };
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.current_dir(dir).args([verb, "--format", "json", "--agreement", agreement, "--wait", "60"]);
    command.args(["--identity", &format!("{name}.key"), "--input", &format!("{name}.csv")]);
    command.args(["--state-dir", &format!("{name}-state")]).args(flags);
    if let Some(threads) = args.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(failed)
}

/// Waits for both parties and returns their reports.
pub(super) fn run_both<R: DeserializeOwned + Send>(
    first: (&str, Child),
    second: (&str, Child),
) -> Result<(R, R), Error> {
    let (first, second) = std::thread::scope(|scope| {
        let second = scope.spawn(|| finish(second));
        (finish(first), second.join())
    });
    let second = second.unwrap_or_else(|_| Err(Error::Demo { what: "waiting for a party failed".into() }));
    Ok((first?, second?))
}

pub(super) fn finish<R: DeserializeOwned>((name, party): (&str, Child)) -> Result<R, Error> {
    let failed = |source| Error::Io { action: format!("wait for the party {name}"), source };
    let Output { stdout, stderr, .. } = party.wait_with_output().map_err(failed)?;
    serde_json::from_slice(&stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&stderr);
        Error::Demo { what: format!("the party {name} said: {}", said.trim_end()) }
    })
}

//! The two parties of the demonstration: their keys, their agreement, and each in a process of its own.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::MINIMUM;
use crate::agreement::{AGREEMENT_VERSION, Agreement, Day, KeyTerm, PartyTerm, Terms, sign_file, write_new};
use crate::cli::DemoArgs;
use crate::data::normalize::Rule;
use crate::error::Error;
use crate::identity::Identity;
use crate::report::PsiReport;
use crate::synthetic::TableKind;

const AGREEMENT: &str = "agreement.toml";

/// Runs the insurance, which gets the output, and the bureau; returns their reports in this order.
pub(super) fn run_both(dir: &Path, args: &DemoArgs) -> Result<(PsiReport, PsiReport), Error> {
    agree(dir)?;
    let mut insurance = party(dir, args, "insurance", &["--output", "matched.csv"])?;
    let credit = party(dir, args, "credit", &["--no-output"]);
    let credit = match credit {
        Ok(credit) => credit,
        Err(error) => {
            let _ = insurance.kill();
            return Err(error);
        }
    };
    let (insurance, credit) = std::thread::scope(|scope| {
        let credit = scope.spawn(|| finish("credit", credit));
        (finish("insurance", insurance), credit.join())
    });
    let credit = credit.unwrap_or_else(|_| Err(Error::Demo { what: "waiting for a party failed".into() }));
    Ok((insurance?, credit?))
}

/// Makes both keys and an agreement signed with both.
fn agree(dir: &Path) -> Result<(), Error> {
    let endpoint =
        free_endpoint().map_err(|source| Error::Io { action: "find a free port".into(), source })?;
    let party = |name: &str, kind: TableKind, endpoint: Option<String>| {
        let identity = Identity::generate(&mut rand::rng());
        identity.save_new(&dir.join(format!("{name}.key")))?;
        let columns = Some(vec![kind.id_column().to_owned()]);
        let term = PartyTerm {
            name: name.into(),
            key: identity.public(),
            endpoint,
            max_records: 10_000_000,
            columns,
            dataset: None,
        };
        Ok::<_, Error>((identity, term))
    };
    let (insurance, insurance_term) = party("insurance", TableKind::Insurance, Some(endpoint))?;
    let (credit, credit_term) = party("credit", TableKind::Credit, None)?;
    let agreement = Agreement::new(Terms {
        version: AGREEMENT_VERSION,
        id: "demonstration".into(),
        purpose: "which insured people have a credit record".into(),
        protocol: "psi-ecdh".into(),
        output: vec!["insurance".into()],
        minimum_intersection: MINIMUM,
        max_runs: 1,
        expires: Some(Day::today().next()),
        key: vec![KeyTerm { name: "id".into(), rules: vec![Rule::ResidentId] }],
        party: vec![insurance_term, credit_term],
        join: None,
        column: Vec::new(),
        statistic: Vec::new(),
        disclosure: None,
    })?;
    let path = dir.join(AGREEMENT);
    write_new(&path, &agreement, false)?;
    sign_file(&path, &insurance)?;
    sign_file(&path, &credit)?;
    Ok(())
}

/// Finds a port that nobody listens on now.
fn free_endpoint() -> io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn party(dir: &Path, args: &DemoArgs, name: &str, output: &[&str]) -> Result<std::process::Child, Error> {
    let failed = |source| Error::Io { action: format!("start the party {name}"), source };
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.current_dir(dir).args(["psi", "--format", "json", "--agreement", AGREEMENT, "--wait", "60"]);
    command.args(["--identity", &format!("{name}.key"), "--input", &format!("{name}.csv")]);
    command.args(["--state-dir", &format!("{name}-state")]);
    if args.count_only {
        command.arg("--count-only");
    } else {
        command.args(output);
    }
    if let Some(threads) = args.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(failed)
}

fn finish(name: &str, party: std::process::Child) -> Result<PsiReport, Error> {
    let failed = |source| Error::Io { action: format!("wait for the party {name}"), source };
    let Output { stdout, stderr, .. } = party.wait_with_output().map_err(failed)?;
    serde_json::from_slice(&stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&stderr);
        Error::Demo { what: format!("the party {name} said: {}", said.trim_end()) }
    })
}

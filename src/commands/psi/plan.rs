//! What the own side is about to do, checked against the agreement.

use tidegate_mpc::{Outputs, PartyId, Protocol, Role, RoleChoice, Terms};

use crate::agreement::{Agreement, Day, PartyTerm, ShortForm, SignedAgreement, to_toml};
use crate::cli::PsiArgs;
use crate::commands::meeting::Standing;
use crate::data::KeyColumn;
use crate::error::Error;
use crate::hex::hex;
use crate::identity::Identity;
use crate::ledger;
use crate::ledger::record::Subject;
use crate::progress::Progress;
use crate::state::StateDir;

/// A run that the agreement allows.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) standing: Standing,
    pub(super) protocol: Protocol,
    pub(super) key_columns: Vec<KeyColumn>,
    role: RoleChoice,
    outputs: Outputs,
}

impl Plan {
    pub(super) fn new(args: &PsiArgs, progress: &Progress) -> Result<Self, Error> {
        let identity = Identity::load(&args.identity)?;
        let agreement = find_agreement(args, &identity, progress)?;
        check_date(args, &identity, &agreement)?;
        let sides = agreement.sides(&identity.public())?;
        let protocol = choose_protocol(args, &agreement)?;
        let own_output = agreement.gets_output(&sides.own_name);
        check_output_flags(args, protocol, own_output, &sides.peer_name)?;
        let (role, outputs) = match (own_output, agreement.gets_output(&sides.peer_name)) {
            (true, true) => (RoleChoice::SmallerReceives, Outputs::Both),
            (true, false) => (RoleChoice::Fixed(Role::Receiver), Outputs::Receiver),
            _ => (RoleChoice::Fixed(Role::Sender), Outputs::Receiver),
        };
        let key_columns = key_columns(args, &agreement, sides.own);
        let standing = Standing::new(ledger::Protocol::Psi, identity, agreement, &args.meeting)?;
        Ok(Self { standing, protocol, key_columns, role, outputs })
    }

    /// Returns the terms of the session over a channel.
    pub(super) fn terms(&self, channel_binding: [u8; 32]) -> Terms {
        let standing = &self.standing;
        Terms {
            protocol: self.protocol,
            agreement: standing.hash,
            channel_binding,
            own: standing.own_name.clone(),
            peer: standing.peer_name.clone(),
            role: self.role,
            outputs: self.outputs,
            minimum: standing.agreement.terms().minimum_intersection,
            max_peer_len: standing.max_peer_records,
        }
    }
}

fn find_agreement(args: &PsiArgs, identity: &Identity, progress: &Progress) -> Result<Agreement, Error> {
    if let Some(file) = &args.agreement {
        let signed = SignedAgreement::load(file)?;
        signed.require_all()?;
        return Ok(signed.agreement().clone());
    }
    let Some(peer) = args.short.peer_key else {
        let what = "neither --agreement nor --peer-key is given".to_owned();
        let hint =
            "name the agreement that both parties signed, or try it out with the other side's --peer-key";
        return Err(Error::Usage { what, hint });
    };
    if peer == identity.public() {
        let what = "--peer-key is this side's own key".to_owned();
        return Err(Error::Usage {
            what,
            hint: "give the key that the other side's `tidegate key show` prints",
        });
    }
    if args.short.on.is_empty() {
        let what = "--peer-key needs a key column".to_owned();
        return Err(Error::Usage { what, hint: "name it with --on, for instance --on id:resident-id" });
    }
    let short = ShortForm {
        own: identity.public(),
        peer,
        protocol: if args.count_only { Protocol::PsiCardinality } else { Protocol::PsiEcdh }.name(),
        key: args.short.on.iter().map(|on| on.term.clone()).collect(),
        output: args.short.output_for,
        minimum_intersection: args.short.minimum,
        max_records: args.short.max_records,
    };
    let agreement = short.agreement()?;
    let hash = hex(&agreement.hash());
    progress.note(&format!("--peer-key stands for this agreement, unsigned, with hash {hash}:\n"));
    progress.note(&to_toml(&agreement));
    Ok(agreement)
}

/// Checks that the agreement is in force, before what the flags ask for is compared with it.
fn check_date(args: &PsiArgs, identity: &Identity, agreement: &Agreement) -> Result<(), Error> {
    let state = &StateDir::find(args.meeting.state_dir.as_deref())?;
    let subject = Subject { identity, agreement, state, protocol: ledger::Protocol::Psi };
    let checked = agreement.check_date(Day::today()).map_err(Error::from);
    subject.checked(checked, ledger::Time::now())
}

/// Under an agreement on the intersection its size alone may be asked for, which tells less.
fn choose_protocol(args: &PsiArgs, agreement: &Agreement) -> Result<Protocol, Error> {
    match agreement.protocol()? {
        Protocol::PsiCardinality if args.output.is_some() => {
            let what = "the agreement allows to learn the number of common keys, not which".to_owned();
            Err(Error::Usage { what, hint: "pass --count-only instead of --output" })
        }
        _ if args.count_only => Ok(Protocol::PsiCardinality),
        agreed => Ok(agreed),
    }
}

fn check_output_flags(
    args: &PsiArgs,
    protocol: Protocol,
    own_output: bool,
    peer: &PartyId,
) -> Result<(), Error> {
    if args.output.is_none() && !args.count_only && !args.no_output {
        let (what, hint) = if own_output {
            ("nothing says where the output goes".to_owned(), output_hint(protocol))
        } else {
            (
                format!("the agreement gives output to {peer} alone"),
                "pass --no-output to take part nevertheless",
            )
        };
        return Err(Error::Usage { what, hint });
    }
    if args.output.is_some() && !own_output {
        let what = format!("the agreement gives output to {peer} alone");
        return Err(Error::Usage { what, hint: "pass --no-output instead of --output" });
    }
    if args.no_output && own_output {
        let what = "the agreement gives output to this side".to_owned();
        return Err(Error::Usage { what, hint: output_hint(protocol) });
    }
    Ok(())
}

fn output_hint(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::PsiCardinality => "pass --count-only",
        _ => "name a file with --output, or pass --count-only",
    }
}

fn key_columns(args: &PsiArgs, agreement: &Agreement, own: &PartyTerm) -> Vec<KeyColumn> {
    let columns = if args.agreement.is_some() {
        agreement.columns_of(own)
    } else {
        args.short.on.iter().map(|on| on.column.clone()).collect()
    };
    let keys = agreement.terms().key.iter();
    columns.into_iter().zip(keys).map(|(name, key)| KeyColumn { name, rules: key.rules.clone() }).collect()
}

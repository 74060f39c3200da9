//! The short form: the agreement for which `--peer-key` stands when two people try things out.

use std::collections::BTreeMap;

use super::{AGREEMENT_VERSION, Agreement, AgreementError, KeyTerm, PartyTerm, Terms};
use crate::identity::PublicKey;

/// Most runs under one short form, counted like those of a signed agreement.
const MAX_RUNS: u32 = 1000;

/// Who gets output under a short form, as one side says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFor {
    /// Both sides.
    Both,
    /// The own side alone.
    Me,
    /// The other side alone.
    Peer,
}

/// What one side says on its command line; the other side must say the same, with `me` against `peer`.
#[derive(Clone, Debug)]
pub struct ShortForm {
    /// The own public key.
    pub own: PublicKey,
    /// The other side's public key.
    pub peer: PublicKey,
    /// Name of the protocol.
    pub protocol: &'static str,
    /// The columns that make up the key.
    pub key: Vec<KeyTerm>,
    /// Who gets output.
    pub output: OutputFor,
    /// Below this number of common keys nothing is released.
    pub minimum_intersection: u64,
    /// Most distinct keys that either side may bring.
    pub max_records: u64,
}

impl ShortForm {
    /// Makes the agreement, the same on both sides; parties are named after their keys.
    ///
    /// # Errors
    /// [`AgreementError::Field`].
    pub fn agreement(&self) -> Result<Agreement, AgreementError> {
        let (own, peer) = (party_name(&self.own), party_name(&self.peer));
        let mut output = match self.output {
            OutputFor::Both => vec![own, peer],
            OutputFor::Me => vec![own],
            OutputFor::Peer => vec![peer],
        };
        output.sort_unstable();
        let mut party: Vec<_> = [self.own, self.peer].map(|key| self.party(key)).into();
        party.sort_unstable_by_key(|party| party.key);
        Agreement::new(Terms {
            version: AGREEMENT_VERSION,
            id: "short form".into(),
            purpose: "a trial between two people, by --peer-key".into(),
            protocol: self.protocol.into(),
            output,
            minimum_intersection: self.minimum_intersection,
            max_runs: MAX_RUNS,
            expires: None,
            key: self.key.clone(),
            party,
            hub: None,
            join: None,
            sum: None,
            vector: None,
            column: Vec::new(),
            statistic: Vec::new(),
            disclosure: None,
            report: None,
        })
    }

    fn party(&self, key: PublicKey) -> PartyTerm {
        let name = party_name(&key);
        PartyTerm {
            name,
            key,
            endpoint: None,
            max_records: self.max_records,
            columns: None,
            dataset: None,
            sources: BTreeMap::new(),
        }
    }
}

fn party_name(key: &PublicKey) -> String {
    format!("party-{}", key.fingerprint())
}

//! Who is part of an agreement: parties with data, and the hub of a sum, which has none.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidegate_mpc::{MAX_SET_LEN, PartyId};

use super::{Agreement, AgreementError, LINE, Terms, field, is_line, require, require_of};
use crate::identity::PublicKey;
use crate::link::is_address;

/// Most parties of a sum.
pub const MAX_PARTIES: usize = 100;

const PARTY_NAME: &str = "is 1 to 64 characters of a-z, 0-9, '-', '_' and '.', the first a letter or digit";
const ENDPOINT: &str = "reads host:port";

/// A party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyTerm {
    /// Its name.
    pub name: String,
    /// Its public key.
    pub key: PublicKey,
    /// Where it listens, as `host:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Most distinct keys that it may bring; most rows under `sum-masked`.
    pub max_records: u64,
    /// Names of the key columns in its table, in the order of the key; by default the names of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Name of what its table is a part of, over which a privacy budget runs; required where there is noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Under `sum-masked`, the names in its table of columns that are named otherwise in the agreement.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, String>,
}

/// Who coordinates a sum without data of its own, and learns the totals alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubTerm {
    /// Its name.
    pub name: String,
    /// Its public key.
    pub key: PublicKey,
    /// Where it listens, as `host:port`.
    pub endpoint: String,
}

/// A side of the agreement and the one across, as one of the parties sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides<'a> {
    /// The own side.
    pub own: &'a PartyTerm,
    /// The other side.
    pub peer: &'a PartyTerm,
    /// The own name.
    pub own_name: PartyId,
    /// The other side's name.
    pub peer_name: PartyId,
}

/// One of those who sign an agreement, as it sees itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The own name.
    pub name: PartyId,
    /// What it is in the agreement.
    pub seat: Seat<'a>,
    /// Whether it coordinates a sum.
    pub is_coordinator: bool,
}

/// What a member is in an agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat<'a> {
    /// A party with data.
    Party {
        /// Its place in [`Terms::party`].
        place: usize,
        /// Its terms.
        term: &'a PartyTerm,
    },
    /// The hub of a sum.
    Hub(&'a HubTerm),
}

impl PartyTerm {
    /// Returns the name in its table of a column of the agreement, which has `default` unless the party says otherwise.
    pub fn source_of<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.sources.get(name).map_or(default, String::as_str)
    }

    fn check(&self) -> Result<(), AgreementError> {
        require(self.name.parse::<PartyId>().is_ok(), "party.name", PARTY_NAME)?;
        require(self.endpoint.as_deref().is_none_or(is_endpoint), "party.endpoint", ENDPOINT)?;
        let records = (1..=MAX_SET_LEN as u64).contains(&self.max_records);
        require(records, "party.max_records", "is between 1 and 2^30")
    }
}

impl Agreement {
    /// Tells the own side, by the key, from the other.
    ///
    /// # Errors
    /// [`AgreementError::NotAParty`], [`AgreementError::OnASum`].
    pub fn sides(&self, own: &PublicKey) -> Result<Sides<'_>, AgreementError> {
        match &self.terms().party[..] {
            [a, b] | [b, a] if a.key == *own => {
                Ok(Sides { own: a, peer: b, own_name: name(&a.name)?, peer_name: name(&b.name)? })
            }
            _ if self.terms().sum.is_some() => Err(AgreementError::OnASum),
            _ => Err(AgreementError::NotAParty { key: own.to_string() }), // AGREE-5
        }
    }

    /// Finds who has this key.
    ///
    /// # Errors
    /// [`AgreementError::NotAParty`].
    pub fn member(&self, own: &PublicKey) -> Result<Member<'_>, AgreementError> {
        let Terms { party, hub, sum, .. } = self.terms();
        if let Some((place, term)) = party.iter().enumerate().find(|(_, party)| party.key == *own) {
            let coordinator = sum.as_ref().and_then(|sum| sum.coordinator.as_deref());
            let is_coordinator = coordinator == Some(&term.name);
            return Ok(Member { name: name(&term.name)?, seat: Seat::Party { place, term }, is_coordinator });
        }
        match hub {
            Some(hub) if hub.key == *own => {
                Ok(Member { name: name(&hub.name)?, seat: Seat::Hub(hub), is_coordinator: true })
            }
            _ => Err(AgreementError::NotAParty { key: own.to_string() }), // AGREE-5
        }
    }

    /// Lists the names and keys of all who sign: the parties in their order, then the hub.
    pub fn members(&self) -> impl Iterator<Item = (&str, &PublicKey)> {
        let Terms { party, hub, .. } = self.terms();
        let parties = party.iter().map(|party| (party.name.as_str(), &party.key));
        parties.chain(hub.iter().map(|hub| (hub.name.as_str(), &hub.key)))
    }
}

fn name(text: &str) -> Result<PartyId, AgreementError> {
    text.parse().map_err(|_| field("party.name", PARTY_NAME))
}

fn is_endpoint(text: &str) -> bool {
    is_line(text) && is_address(text)
}

/// Checks the parties of a protocol between two.
pub(super) fn check_two(terms: &Terms) -> Result<(), AgreementError> {
    let [a, b] = &terms.party[..] else {
        return Err(field("party", "is given for two parties, no more and no fewer"));
    };
    require(a.name != b.name, "party.name", "differs between the parties")?;
    require(a.key != b.key, "party.key", "differs between the parties")?;
    for party in [a, b] {
        party.check()?;
        let columns = party.columns.as_deref();
        require(
            columns.is_none_or(|c| c.len() == terms.key.len()),
            "party.columns",
            "names one for each key column",
        )?;
        require(columns.is_none_or(|c| c.iter().all(|name| is_line(name))), "party.columns", LINE)?;
    }
    Ok(())
}

/// Checks the parties of a sum, and its hub.
pub(super) fn check_many(terms: &Terms) -> Result<(), AgreementError> {
    let count = (2..=MAX_PARTIES).contains(&terms.party.len());
    require(count, "party", "is given for 2 to 100 parties under `sum-masked`")?;
    for party in &terms.party {
        party.check()?;
        require(party.columns.is_none(), "party.columns", "names columns of a key, of which a sum has none")?;
        check_sources(terms, party)?;
    }
    if let Some(hub) = &terms.hub {
        require(hub.name.parse::<PartyId>().is_ok(), "hub.name", PARTY_NAME)?;
        require(is_endpoint(&hub.endpoint), "hub.endpoint", ENDPOINT)?;
        let others = || terms.party.iter();
        require(others().all(|party| party.name != hub.name), "hub.name", "is no party's")?;
        require(others().all(|party| party.key != hub.key), "hub.key", "is no party's")?;
    }
    let (names, keys): (BTreeSet<_>, BTreeSet<_>) = terms.party.iter().map(|p| (&p.name, p.key)).unzip();
    require(names.len() == terms.party.len(), "party.name", "differs between the parties")?;
    require(keys.len() == terms.party.len(), "party.key", "differs between the parties")
}

fn check_sources(terms: &Terms, party: &PartyTerm) -> Result<(), AgreementError> {
    let in_vector = |name: &String| terms.vector.as_ref().is_some_and(|vector| vector.has_column(name));
    let known = party.sources.keys().all(|name| in_vector(name) || terms.column_named(name).is_some());
    require_of(known, "party.sources", &party.name, "names columns of the agreement")?;
    require_of(party.sources.values().all(|name| is_line(name)), "party.sources", &party.name, LINE)
}

//! Rule packs: policies of known institutions as versioned data.

use serde::{Deserialize, Serialize};

use crate::rules::{Policy, PolicyError};

/// Longest document of a pack.
const MAX_BYTES: usize = 64 * 1024;

/// The packs that are part of this crate, by name.
const PACKS: [(&str, &str); 3] = [
    ("acro", include_str!("../rules/acro.toml")),
    ("eurostat", include_str!("../rules/eurostat.toml")),
    ("opensafely", include_str!("../rules/opensafely.toml")),
];

/// A policy with its origin.
///
/// # Examples
/// ```
/// use tidegate_disclosure::RulePack;
///
/// let pack = RulePack::named("opensafely")?;
/// assert_eq!((pack.policy.minimum_count, pack.policy.round_to), (8, Some(5)));
/// # Ok::<(), tidegate_disclosure::RulePackError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulePack {
    /// Its name.
    pub name: String,
    /// Its version; a pack that changes has a new one.
    pub version: u32,
    /// Where the rules and their numbers come from.
    pub source: String,
    /// What the source asks for and the policy cannot say.
    #[serde(default)]
    pub not_expressed: Vec<String>,
    /// The rules.
    pub policy: Policy,
}

/// Why there is no pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulePackError {
    /// No pack has the name.
    #[error("no rule pack `{name}`; packs are {}", RulePack::names().collect::<Vec<_>>().join(", "))]
    Name {
        /// The name.
        name: String,
    },
    /// The document is too long.
    #[error("a rule pack of {found} bytes; at most {MAX_BYTES} are allowed")]
    Length {
        /// The bytes.
        found: usize,
    },
    /// The document is no pack.
    #[error("not a rule pack: {message}")]
    Document {
        /// What is wrong, and where.
        message: String,
    },
    /// The policy breaks its rules.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

impl RulePack {
    /// Lists the names of the packs that are part of this crate.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PACKS.iter().map(|(name, _)| *name)
    }

    /// Returns a pack that is part of this crate.
    ///
    /// # Errors
    /// [`RulePackError::Name`].
    pub fn named(name: &str) -> Result<Self, RulePackError> {
        let found = PACKS.iter().find(|(known, _)| *known == name);
        let (_, document) = found.ok_or_else(|| RulePackError::Name { name: name.to_owned() })?;
        Self::parse(document)
    }

    /// Reads a pack from TOML and checks its policy.
    ///
    /// # Errors
    /// [`RulePackError::Length`], [`RulePackError::Document`], [`RulePackError::Policy`].
    pub fn parse(document: &str) -> Result<Self, RulePackError> {
        if document.len() > MAX_BYTES {
            return Err(RulePackError::Length { found: document.len() });
        }
        let refuse = |error: toml::de::Error| RulePackError::Document { message: error.message().to_owned() };
        let pack: Self = toml::from_str(document).map_err(refuse)?;
        pack.policy.check()?;
        Ok(pack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Dominance;

    #[test]
    fn every_pack_is_read_under_its_name() {
        for name in RulePack::names() {
            let pack = RulePack::named(name).unwrap();
            assert_eq!((pack.name.as_str(), pack.version), (name, 1));
            assert!(!pack.source.is_empty() && !pack.not_expressed.is_empty());
            assert_eq!(RulePack::parse(&toml::to_string(&pack).unwrap()), Ok(pack));
        }
    }

    #[test]
    fn packs_hold_the_numbers_of_their_sources() {
        let acro = RulePack::named("acro").unwrap().policy;
        assert_eq!((acro.minimum_count, acro.p_percent), (10, Some(10)));
        assert_eq!(acro.dominance, Some(Dominance { largest: 2, percent: 90 }));
        assert_eq!(acro.refuses_model(30, 20), None);
        assert!(acro.refuses_model(29, 20).is_some());
        let eurostat = RulePack::named("eurostat").unwrap().policy;
        assert_eq!((eurostat.round_to, eurostat.dominance.unwrap().percent), (Some(10), 85));
    }

    #[test]
    fn bad_packs_are_refused() {
        let unknown = RulePack::named("acr").unwrap_err();
        assert_eq!(unknown.to_string(), "no rule pack `acr`; packs are acro, eurostat, opensafely");
        let long = RulePack::parse(&" ".repeat(MAX_BYTES + 1)).unwrap_err();
        assert_eq!(long, RulePackError::Length { found: MAX_BYTES + 1 });
        let with = |more: &str| {
            let document =
                format!("name = \"x\"\nversion = 1\nsource = \"y\"\n[policy]\nminimum_count = 1\n{more}");
            RulePack::parse(&document)
        };
        assert!(with("").is_ok());
        assert!(matches!(with("minimum = 1"), Err(RulePackError::Document { .. })));
        assert!(matches!(with("round_to = 1"), Err(RulePackError::Policy(_))));
    }
}

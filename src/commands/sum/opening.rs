//! What opens a party's commitment to its figures: a file that it keeps and shows an auditor.

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use tidegate_mpc::aggregation::masked::{Opening, Values};
use zeroize::Zeroizing;

use super::plan::Plan;
use crate::commands::output::write_file_with;
use crate::error::Error;
use crate::hex::hex;

/// The file as it is written: the figures, and what was hashed with them.
#[derive(Serialize)]
struct WrittenOpening<'a> {
    opening_version: u32,
    party: &'a str,
    agreement: String,
    session: String,
    salt: &'a str,
    values: Written<'a>,
}

/// The file as it is read; it belongs to the one whose figures these are, so `Debug` prints none of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptOpening {
    pub(crate) opening_version: u32,
    pub(crate) party: String,
    /// Hash of the agreement, in hexadecimal digits.
    pub(crate) agreement: String,
    /// Session and salt, likewise.
    pub(crate) session: String,
    #[serde(deserialize_with = "read_salt")]
    pub(crate) salt: Zeroizing<String>,
    /// The figures, which are decimal integers in the file.
    #[serde(deserialize_with = "read_values")]
    pub(crate) values: Zeroizing<Vec<i128>>,
}

impl KeptOpening {
    /// Version of the file.
    pub(crate) const VERSION: u32 = 1;
}

impl fmt::Debug for KeptOpening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptOpening").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

/// Writes the file, readable by its owner alone.
pub(super) fn write(plan: &Plan, opening: &Opening, values: Values<'_>) -> Result<(), Error> {
    // Checked before: under commitments there is a place for it.
    let Some((path, force)) = &plan.opening else { return Ok(()) };
    let salt = Zeroizing::new(hex(&*opening.salt));
    let file = WrittenOpening {
        opening_version: KeptOpening::VERSION,
        party: plan.own_name.as_str(),
        agreement: hex(&plan.hash),
        session: hex(&opening.session),
        salt: &salt,
        values: Written(values),
    };
    write_file_with(path, *force, |out| Ok(serde_json::to_writer_pretty(out, &file)?))
}

/// Figures on their way into the file, one at a time.
struct Written<'a>(Values<'a>);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Values::Narrow(values) => serializer.collect_seq(values.iter().map(ToString::to_string)),
            Values::Wide(values) => serializer.collect_seq(values.iter().map(ToString::to_string)),
        }
    }
}

/// Figures on their way out of the file.
struct ReadValues;

impl<'de> Visitor<'de> for ReadValues {
    type Value = Zeroizing<Vec<i128>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of decimal integers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Zeroizing::new(Vec::new());
        while let Some(text) = list.next_element::<String>()? {
            let text = Zeroizing::new(text);
            values.push(text.parse().map_err(|_| de::Error::custom("no decimal integer"))?);
        }
        Ok(values)
    }
}

fn read_salt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

fn read_values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<Vec<i128>>, D::Error> {
    deserializer.deserialize_seq(ReadValues)
}

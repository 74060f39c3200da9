//! What opens a party's commitment to its figures: a file that it keeps and shows an auditor.

use serde::{Serialize, Serializer};
use tidegate_mpc::aggregation::masked::{Opening, Values};

use super::plan::Plan;
use crate::commands::output::write_file_with;
use crate::error::Error;
use crate::hex::hex;

/// Version of the file.
const VERSION: u32 = 1;

/// The file: the figures, and what was hashed with them.
#[derive(Serialize)]
struct OpeningFile<'a> {
    opening_version: u32,
    party: &'a str,
    /// Hash of the agreement, in hexadecimal digits.
    agreement: String,
    /// Session and salt, likewise.
    session: String,
    salt: String,
    /// The figures, as decimal integers.
    values: Figures<'a>,
}

/// Writes the file, readable by its owner alone.
pub(super) fn write(plan: &Plan, opening: &Opening, values: Values<'_>) -> Result<(), Error> {
    // Checked before: under commitments there is a place for it.
    let Some((path, force)) = &plan.opening else { return Ok(()) };
    let file = OpeningFile {
        opening_version: VERSION,
        party: plan.own_name.as_str(),
        agreement: hex(&plan.hash),
        session: hex(&opening.session),
        salt: hex(&*opening.salt),
        values: Figures(values),
    };
    write_file_with(path, *force, |out| Ok(serde_json::to_writer_pretty(out, &file)?))
}

/// Figures on their way into the file, one at a time.
struct Figures<'a>(Values<'a>);

impl Serialize for Figures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Values::Narrow(values) => serializer.collect_seq(values.iter().map(ToString::to_string)),
            Values::Wide(values) => serializer.collect_seq(values.iter().map(ToString::to_string)),
        }
    }
}

//! What opens a party's commitment to its figures: a file that it keeps and shows an auditor.

use serde::{Deserialize, Serialize};
use tidegate_mpc::aggregation::masked::Opening;
use zeroize::Zeroizing;

use super::plan::Plan;
use crate::commands::output::write_file;
use crate::error::Error;
use crate::hex::hex;

/// Version of the file.
const VERSION: u32 = 1;

/// The file: the figures, and what was hashed with them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpeningFile {
    opening_version: u32,
    party: String,
    /// Hash of the agreement, in hexadecimal digits.
    agreement: String,
    /// Session and salt, likewise.
    session: String,
    salt: String,
    /// The figures, as decimal integers.
    values: Vec<String>,
}

/// Writes the file, readable by its owner alone.
pub(super) fn write(plan: &Plan, opening: &Opening, values: &[i128]) -> Result<(), Error> {
    // Checked before: under commitments there is a place for it.
    let Some((path, force)) = &plan.opening else { return Ok(()) };
    let file = OpeningFile {
        opening_version: VERSION,
        party: plan.own_name.to_string(),
        agreement: hex(&plan.hash),
        session: hex(&opening.session),
        salt: hex(&*opening.salt),
        values: values.iter().map(ToString::to_string).collect(),
    };
    let text = serde_json::to_vec_pretty(&file).expect("strings and lists are JSON");
    write_file(path, &Zeroizing::new(text), *force)
}

//! `tidegate key`: the own key file.

use std::fmt;

use serde::Serialize;

use crate::cli::{KeyCommand, ReportFormat};
use crate::error::{Error, exit};
use crate::identity::{Identity, PublicKey};
use crate::report::{self, Report};

#[derive(Serialize)]
struct KeyLine {
    key: PublicKey,
}

impl fmt::Display for KeyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.key)
    }
}

impl Report for KeyLine {}

/// Makes a key file, or shows the public half of one.
pub(super) fn run(verb: &KeyCommand) -> Result<u8, Error> {
    let identity = match verb {
        KeyCommand::New { file } => {
            let identity = Identity::generate(&mut rand::rng());
            identity.save_new(file)?;
            identity
        }
        KeyCommand::Show { file } => Identity::load(file)?,
    };
    report::print(&KeyLine { key: identity.public() }, ReportFormat::Text, false)?;
    Ok(exit::DONE)
}

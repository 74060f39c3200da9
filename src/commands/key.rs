//! `tidegate key`: the own key file.

use std::fmt;

use serde::Serialize;
use tidegate_mpc::aggregation::prio::ReportKey;

use crate::cli::{KeyCommand, ReportFormat};
use crate::error::{Error, exit};
use crate::identity::Identity;
use crate::report::{self, Report};
use crate::report_key::{self, PublicReportKey};

#[derive(Serialize)]
struct KeyLine {
    key: String,
}

impl fmt::Display for KeyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.key)
    }
}

impl Report for KeyLine {}

/// Makes a key file, or shows the public half of one.
pub(super) fn run(verb: &KeyCommand) -> Result<u8, Error> {
    let key = match verb {
        KeyCommand::New { file, report: false } => {
            let identity = Identity::generate(&mut rand::rng());
            identity.save_new(file)?;
            identity.public().to_string()
        }
        KeyCommand::New { file, report: true } => {
            let key = ReportKey::random(&mut rand::rng());
            report_key::save_new(&key, file)?;
            PublicReportKey::from(key.public()).to_string()
        }
        KeyCommand::Show { file, report: false } => Identity::load(file)?.public().to_string(),
        KeyCommand::Show { file, report: true } => {
            PublicReportKey::from(report_key::load(file)?.public()).to_string()
        }
    };
    report::print(&KeyLine { key }, ReportFormat::Text, false)?;
    Ok(exit::DONE)
}

//! Tidegate: privacy-preserving computation between organisations.

pub mod agreement;
pub mod cli;
pub mod commands;
pub mod data;
pub mod decimal;
pub mod error;
pub mod hex;
pub mod identity;
pub mod ledger;
pub mod link;
pub mod progress;
pub mod report;
pub mod report_key;
pub mod reports;
pub mod state;
pub mod statistics;
pub mod synthetic;
mod whole_file;

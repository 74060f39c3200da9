//! Tidegate: privacy-preserving computation between organisations.

pub mod data;
pub mod identity;

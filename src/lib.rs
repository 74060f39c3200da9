//! Tidegate: privacy-preserving computation between organisations.

pub mod identity;
pub mod link;

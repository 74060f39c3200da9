//! Tidegate: privacy-preserving computation between organisations.

pub mod agreement;
pub mod data;
pub mod identity;
pub mod link;

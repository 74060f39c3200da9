//! Protocols of Tidegate (being laid out).
mod error;
mod items;
mod party;

pub use error::Error;
pub use items::{Insertion, ItemSet, ItemSetBuilder, MAX_ITEM_BYTES, MAX_SET_LEN};
pub use party::PartyId;

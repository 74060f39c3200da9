//! Protocols between organisations that may not exchange records, without any input or output of their own.
//!
//! | protocol | parties | adversary | leaks | flights | bytes per item | source | status |
//! |---|---|---|---|---|---|---|---|
//! | [`psi::ecdh`] | 2 | semi-honest; the receiver's items are hidden from a malicious sender | set sizes | 6 and more | 64 receiver, about 8 sender | JKK14, JKX21 | implemented |
//! | [`psi::cardinality`] | 2 | semi-honest | set sizes | 5 | 64 receiver, about 8 sender | DGT12 | implemented |
//! | [`mod@join`] | 2 | semi-honest | set sizes; the number of common records, or that plus noise, to one side | 8 and more | 104 + 32 a column, for a record of each side | IKNP20 | implemented |
//! | [`aggregation::masked`] | 2 to 100 | active, up to the table there; bounds are not proven | the sum, who survived | 6 each way | 4, 8 or 16 a word up and down, 400 a party | BIKMMPRSS17 | implemented |
//! | [`aggregation::prio`] | 2 aggregators, any number of reporters | malicious reporters; one malicious aggregator for privacy, none for correctness | which reports there are and count | 4 and more | 33 and a verifier share each way, for a report | CB17, BBCGI19, draft-irtf-cfrg-vdaf-18 | implemented |
//!
//! The layers, each of which sees only those below it:
//! ```text
//! run                 a protocol over a channel: window, transcript, progress
//! psi join aggregation | transport states and messages | channels in memory and over any byte stream
//! session message     terms, roles, session id | kinds, chunks
//! group elgamal dlog shamir prg secret tags rice transcript codec items party parallel
//! ```
//! A protocol is a chain of states: each takes the messages of one step, and becomes the next state by
//! consuming itself, so a wrong order does not compile. [`run`] drives the states over a
//! [`Channel`](transport::Channel); whoever brings their own loop uses the states directly, as the examples
//! in [`psi::ecdh`] and [`psi::cardinality`] do.
//!
//! Group elements, tags and counts of a peer are checked before use, and every [`Error`] that a peer caused
//! names it. Randomness of protocols is an argument; there is no clock, file or socket here, and no
//! thread but those of the rayon pool in which the caller runs (feature `parallel`).

pub mod aggregation;
pub mod codec;
mod dlog;
mod elgamal;
mod error;
pub mod group;
mod items;
pub mod join;
mod message;
mod parallel;
mod party;
mod prg;
pub mod psi;
mod rice;
pub mod run;
mod secret;
mod session;
mod shamir;
mod tags;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;
mod transcript;
pub mod transport;

pub use error::Error;
pub use group::BadElement;
pub use items::{Insertion, ItemSet, ItemSetBuilder, MAX_ITEM_BYTES, MAX_SET_LEN};
pub use message::{CHUNK_LEN, Elements, Finished, MAX_MESSAGE_BYTES, Message, ReleasedCount};
pub use party::PartyId;
pub use prg::Suite;
pub use secret::SecretScalar;
pub use session::{Hello, Offer, Outputs, Protocol, Role, RoleChoice, Session, Term, Terms, VERSION};

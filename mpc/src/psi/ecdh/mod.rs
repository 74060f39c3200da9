//! Private set intersection by an oblivious pseudo-random function on ristretto255 (2HashDH).
//!
//! # What each party learns
//! The receiver learns which of its items the sender holds too, and the size of the sender's set. The
//! sender learns the size of the receiver's set; under [`Outputs::Both`](crate::Outputs::Both) it also
//! learns which of its items matched, unless fewer than the agreed minimum did.
//!
//! # Source
//! S. Jarecki, A. Kiayias, H. Krawczyk, "Round-Optimal Password-Protected Secret Sharing and T-PAKE in the
//! Password-Only Model", ASIACRYPT 2014 (ePrint 2014/650), 2HashDH \[JKK14\]; S. Jarecki, H. Krawczyk, J. Xu,
//! "On the (In)Security of the Diffie-Hellman Oblivious PRF with Multiplicative Blinding", PKC 2021 (ePrint
//! 2021/273), Mult-2HashDH \[JKX21\]. Group: RFC 9496. Hash to group: RFC 9380, with the suite of RFC 9497
//! §4.1. Tags by Rice coding as in [`crate::psi`].
//!
//! # Flow
//! With nx items of the receiver and ny of the sender, after the [`Hello`](crate::Hello)s:
//! ```text
//! receiver                                   sender
//!          <- SenderKey       K = s·G           33 bytes
//!          -> BlindedItems    B = 2(H(x) + r·G) 32 nx + 1 for each 4096
//!          <- EvaluatedItems  E = (s/2)·B       32 nx + 1 for each 4096   answered as they come
//!          <- Tags            sorted            about ny (bits - log2 ny + 1.6) / 8
//!          <- Finished        transcript        33 bytes
//!          -> Matches, MatchBits                42 + ny/8     (only where both sides learn the result)
//!          -> Finished        transcript        33 bytes
//! ```
//! The receiver computes N = 2(E - r·K) = 2s·H(x), the sender N = 2s·H(y), and both tag an item by the first
//! bits of SHA-512(label, session id, K, item, N). Blinds r are derived from a seed, so neither a blind nor
//! an element is kept while the chunks stream.
//!
//! # Security
//! | party | adversary | assumption | leakage to it |
//! |---|---|---|---|
//! | receiver | semi-honest | one-more gap Diffie-Hellman, random oracles | ny, the intersection |
//! | sender | semi-honest, and malicious for the privacy of x | none: B is uniform | nx, and what `Both` lets it know |
//!
//! A receiver learns nothing about items that it does not enter, and enters at most nx, which the agreement
//! bounds. A malicious sender can make the result wrong, for instance by using another key for some items;
//! where both sides learn the result it then learns whether those items are in the intersection.
//! A malicious receiver cannot claim an item that it does not hold (ECDH-8), but it can hide a match, and the
//! minimum is kept by its own program: the sender cannot check it before its tags are out.
//! What the receiver refuses depends on nothing that it holds, and so tells a sender nothing about x. An N
//! that is the identity is therefore tagged like any other: a sender can force one for an item that it
//! guesses, and a refusal would confirm the guess.
//! The caller supplies an authenticated, confidential channel and an agreed session. Not protected: which
//! items a party enters, repeated runs with chosen sets, collusion. Side channels: group operations and
//! hashes are constant-time in the key and in items of equal length; sorting and merging work on tags, which
//! the receiver knows and the sender sends. A quantum computer that has recorded a run can find s and then
//! test items.
//!
//! # Cost
//! 6 flights (3 round trips), offers and greetings included, and 2 for each further 65,536 items of the
//! receiver ([`flights`](crate::run::flights)). Per item of the receiver: 64 bytes; 1 hash to the group, 2
//! fixed-base and 1 variable-base multiplication, 2 decodings, 3 batched encodings. Per item of the sender:
//! about 7.7 bytes at 2^20 against 2^20; 1 hash to the group, 1 variable-base multiplication, 1 batched
//! encoding.
//! So the side with fewer items should receive.
//!
//! # Deviations from the paper
//! - Elements are doubled on the way, because twice an element is encoded at a tenth of the cost; the key in
//!   force is 2s, uniform as s is. The group has prime order, so doubling is a bijection.
//! - The session id is prefixed to each item before it is hashed to the group and enters the outer hash with
//!   K: evaluations of one session say nothing in another, and K is bound as \[JKX21\] demands for additive
//!   blinding.
//! - The outer hash is cut to [`tag_bits`](crate::psi::tag_bits) bits. The receiver sees ny values of a
//!   random function on items that it did not enter; cutting them takes information away.
//! - Blinds come from ChaCha20 under a fresh seed instead of true randomness.
//!
//! # Checks
//! | check | what is checked | error | test |
//! |---|---|---|---|
//! | ECDH-1 | a chunk holds as many elements as belong there | [`Error::Count`](crate::Error::Count) | `tests/psi_adversary.rs` |
//! | ECDH-2 | elements are canonical and not the identity | [`Error::BadElement`](crate::Error::BadElement) | same |
//! | ECDH-3 | so is the sender's key | same | same |
//! | ECDH-5 | the number of matches is possible | [`Error::ImpossibleCount`](crate::Error::ImpossibleCount) | same |
//! | ECDH-6 | it is not below the minimum | [`Error::BelowMinimum`](crate::Error::BelowMinimum) | same |
//! | ECDH-7 | there is one bit for each tag | [`Error::Count`](crate::Error::Count) | same |
//! | ECDH-8 | the receiver holds what it claims | [`Error::UnprovenMatches`](crate::Error::UnprovenMatches) | same |
//!
//! # Examples
//! Both roles in memory:
//! ```
//! use tidegate_mpc::psi::ecdh::{Receiver, Sender};
//! use tidegate_mpc::testing::{agreed_sessions, seeded_rng};
//! use tidegate_mpc::{ItemSet, Outputs, Protocol};
//!
//! let (ours, theirs) = (ItemSet::new(["alice", "bob", "carol"])?, ItemSet::new(["bob", "dave"])?);
//! let (session, other) = agreed_sessions(Protocol::PsiEcdh, Outputs::Receiver, 0, ours.len(), theirs.len());
//!
//! let (mut sender, key) = Sender::start(&theirs, &other, &mut seeded_rng(1))?;
//! let mut receiver = Receiver::start(&ours, &session, &key, &mut seeded_rng(2))?;
//! while let Some(blinded) = receiver.blind_next() {
//!     receiver.accept(&sender.reply(&blinded)?)?;
//! }
//! while sender.tag_next() > 0 {}
//!
//! let (mut sending, mut awaiting) = (sender.close()?, receiver.close()?);
//! while let Some(tags) = sending.next_chunk() {
//!     awaiting.accept(&tags)?;
//! }
//! let intersection = awaiting.close()?.release().expect("the minimum is 0");
//! assert_eq!(intersection.indices(), [1]);
//! # Ok::<(), tidegate_mpc::Error>(())
//! ```

mod messages;
mod receiver;
mod sender;
mod tagger;

pub use messages::{BlindedItems, EvaluatedItems, MatchBits, Matches, SenderKey};
pub use receiver::{AwaitingTags, Matched, Receiver};
pub use sender::{AwaitingMatchBits, AwaitingMatches, Sender, SendingTags};

#[cfg(test)]
mod tests;

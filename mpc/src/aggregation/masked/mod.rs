//! The sum of the vectors of 2 to 100 parties, by masks that cancel: `sum-masked`.
//!
//! Every party learns the sum over those who stayed, and who they are. The coordinator, a party or a neutral hub, learns
//! the same, and when each message came. Nobody learns another party's vector.
//!
//! # Source
//! - K. Bonawitz, V. Ivanov, B. Kreuter, A. Marcedone, H. B. McMahan, S. Patel, D. Ramage, A. Segal, K. Seth, "Practical
//!   Secure Aggregation for Privacy-Preserving Machine Learning", CCS 2017 (ePrint 2017/281), figure 4 with the steps for
//!   active adversaries. Complete graph.
//! - Shares: Shamir 1979. Keys: Diffie-Hellman on ristretto255 (RFC 9496), HKDF-SHA-256 (RFC 5869). Sealing:
//!   ChaCha20-Poly1305 (RFC 8439). Masks: AES in counter mode or ChaCha20 ([`Suite`](crate::Suite)). Roots: BLAKE3.
//!
//! # Flow
//! n parties, d words of w bytes; up is from one party to the coordinator.
//! ```text
//! RoundKeys      up    161 B               fresh keys, signed with the identity key over the task
//! KeyList        down  162 n B             all of them; the session is the hash of task and list
//! SealedShares   up    176 n B             shares of the mask key and of the own mask's seed, sealed and committed to
//! ShareBundle    down  242 n B             what the others sealed for this party
//! MaskedChunk .. up    d w B               vector + own mask + masks with each other dealer
//! MaskedEnd      up    73 B                root, commitment, masked tag
//! Survivors      down  76 n B              who dealt, and who of them delivered what
//! Consent        up    65 B                signature over that list
//! Consents       down  66 n B              at least the threshold of them
//! Unmasking      up    32 n B              of each survivor the seed's share, of each lost dealer the mask key's
//! TotalChunk ..  down  d w B               the sum
//! TotalEnd       down  9 B                 its tag
//! Finished       up    33 B                digest of session and sum
//! ```
//! Two parties agree on a key; the one with the lower seat adds the mask made of it, the other takes it away. A mask of its
//! own hides a party's vector even from a coordinator that declares it lost and asks for its mask key. A
//! party that vanishes at any step is left out, or its masks are recovered by the others, as long as enough are left.
//!
//! # Security
//! | adversary | learns | can spoil |
//! |---|---|---|
//! | up to t - 1 parties, semi-honest, with or without the coordinator | the sum of the others who survived | nothing |
//! | a coordinator that lies, with up to 2t - n - 1 parties, itself one of them where it is a party ([`Task::tolerated`]) | the same: no t signatures can be had on each of two lists of survivors | the run; the total, where it is a party or one helps it (see below) |
//! | a neutral hub that lies | the same | the run; not the total, whose tag it cannot make |
//! | a party that lies | the same | the total, within what its own words can hold: bounds are its own program's to keep; the run, named: [`Error::BadShare`](crate::Error::BadShare), [`Error::BadDealing`](crate::Error::BadDealing); the run, unnamed, by a false tag or words beyond the bounds that overflow ([`Error::AlteredTotal`](crate::Error::AlteredTotal) says the coordinator) |
//! | more: t parties, or beyond 2t - n - 1 with a lying coordinator | single vectors | all |
//!
//! Assumptions: gap Diffie-Hellman on ristretto255 with HKDF as a random oracle (a seed is public as a multiple of the
//! generator), the cipher as a pseudorandom function, signatures that cannot be forged. The caller supplies
//! [`Identities`], authenticated and confidential channels (who sends what is hidden from nobody else otherwise) and
//! [`AnswerOnce`].
//!
//! The coordinator cannot check the total by itself: it holds once a survivor has confirmed it (`Finished`).
//!
//! *Not protected*: what the sum itself tells. Of the sum of two, each sees the other's part; hence a minimum of three
//! survivors, or noise ([`SumTerms::noisy`]). All but one who collude see the last one's vector. Sums of the same data
//! over different survivors can be subtracted. A total that carries small counts tells of them: what may be released of
//! it is the business of disclosure control, after this protocol. Bounds are declared, checked by each party's own program,
//! and not proven. A commitment ([`SumTerms::commitments`]) binds a party to its vector for an audit; `aggregation::prio`
//! proves bounds for shorter vectors.
//!
//! *Side channels*: masks, shares, tags and keys take time that does not depend on secrets; the check of the own vector's
//! bounds does not branch on values but for counting. Reconstruction runs on what the coordinator learns anyway.
//!
//! # Cost
//! A party: 2 (n - 1) multiplications, n + t signatures to check, n streams of d words. Coordinator: n additions of d
//! words, n + l n streams for l parties lost after they dealt. Memory: of a party its vector and a chunk; of the
//! coordinator the sum and the uploads that its caller lets in at a time. Six flights each way.
//!
//! # Deviations
//! - Keys on ristretto255 and not on a curve of its own for each purpose; what is shared is a scalar, so a recovered secret is
//!   checked against its public key.
//! - Shares are committed to one by one, by hashes, and recovered secrets checked in the exponent, where verifiable secret
//!   sharing (Feldman 1987) would publish t points: a recipient checks its share with one hash instead of t point
//!   operations, the coordinator knows who returned a wrong share, and whose dealing does not fit together. Unlike
//!   Feldman's, an unfit dealing shows when it is needed, and ends that run with the dealer named.
//! - A party whose share from another does not open withdraws and says whom it blames.
//! - The tag, the root, the commitment and the receipt are additions. The parts of the tag's secret travel with the shares.
//! - More than 100 parties would want the k-regular graph of Bell et al. (CCS 2020); they are refused.
//!
//! # Checks
//! Attacks that a check alone does not describe are in `tests/sum_adversary.rs`, every message altered in
//! `tests/sum_sweep.rs`, vectors of an independent implementation in `tests/sum_vectors.rs`.
//!
//! | check | what is checked | error | test |
//! |---|---|---|---|
//! | MASK-1 | terms make a sum that protects, and no sum overflows | [`Error::Sum`](crate::Error::Sum), [`Error::SumOverflow`](crate::Error::SumOverflow) | `tests/sum_party.rs` |
//! | MASK-2 | the own vector has the agreed length and bounds | [`Error::VectorLength`](crate::Error::VectorLength), [`Error::OutOfRange`](crate::Error::OutOfRange) | same |
//! | MASK-3 | seats rise; the own keys are those of this run; everyone signed its own | [`Error::BadSurvivors`](crate::Error::BadSurvivors), [`Error::OtherKeys`](crate::Error::OtherKeys), [`Error::BadSignature`](crate::Error::BadSignature) | same |
//! | MASK-4 | enough parties came | [`Error::TooFewParties`](crate::Error::TooFewParties) | same |
//! | MASK-5 | keys are elements, none twice | [`Error::BadElement`](crate::Error::BadElement), [`Error::SharedKey`](crate::Error::SharedKey) | same |
//! | MASK-6 | those who dealt are of those who came, and enough | [`Error::BadSurvivors`](crate::Error::BadSurvivors), [`Error::TooFewParties`](crate::Error::TooFewParties) | same |
//! | MASK-7 | shares open, and are those committed to | [`Error::BadShare`](crate::Error::BadShare) | same |
//! | MASK-8 | survivors are dealers, this party's vector is as it sent it, enough are left | [`Error::BadSurvivors`](crate::Error::BadSurvivors), [`Error::TooFewParties`](crate::Error::TooFewParties) | same |
//! | MASK-9 | a vector comes in the agreed chunks | [`Error::Count`](crate::Error::Count) | `tests/sum_party.rs`, `tests/sum_hub.rs` |
//! | MASK-10 | enough survivors signed the own list | [`Error::NoConsent`](crate::Error::NoConsent) | `tests/sum_party.rs` |
//! | MASK-11 | the session is answered once | [`Error::AnsweredBefore`](crate::Error::AnsweredBefore) | same |
//! | MASK-12 | the total has the tag of the survivors' vectors | [`Error::AlteredTotal`](crate::Error::AlteredTotal) | same |
//! | MASK-13 | the coordinator hears parties of the sum, in turn, once, in the agreed numbers | [`Error::NotAParty`](crate::Error::NotAParty), [`Error::OutOfTurn`](crate::Error::OutOfTurn), [`Error::Count`](crate::Error::Count), [`Error::BadElement`](crate::Error::BadElement), [`Error::Malformed`](crate::Error::Malformed) | `tests/sum_hub.rs` |
//! | MASK-14 | keys and consents are signed, keys usable | [`Error::BadSignature`](crate::Error::BadSignature), [`Error::BadElement`](crate::Error::BadElement), [`Error::SharedKey`](crate::Error::SharedKey) | same |
//! | MASK-15 | enough parties are left at each step | [`Error::TooFewParties`](crate::Error::TooFewParties) | same |
//! | MASK-16 | root and tag fit what came | [`Error::Transcript`](crate::Error::Transcript), [`Error::Malformed`](crate::Error::Malformed) | same |
//! | MASK-17 | returned shares are those dealt | [`Error::BadShare`](crate::Error::BadShare) | same |
//! | MASK-18 | recovered secrets are those of the public keys | [`Error::BadDealing`](crate::Error::BadDealing) | same |
//! | MASK-19 | a party holds the total that was sent | [`Error::Transcript`](crate::Error::Transcript) | same |

mod binding;
pub mod contributor;
pub mod coordinator;
mod identities;
mod mask;
mod messages;
mod ring;
mod sum;
mod tag;
mod task;
mod vector;

pub use contributor::Opening;
pub use identities::{AnswerOnce, Answered, Identities, SIGNATURE_BYTES};
pub use messages::{
    CHUNK_BYTES, Complaint, Consent, Consents, KeyList, MaskedChunk, MaskedEnd, RoundKeys, SealedShares,
    ShareBundle, Survivors, TotalChunk, TotalEnd, Unmasking, VectorChunk,
};
pub use ring::Ring;
pub use sum::{Evidence, Standing, Sum, listed_commitment, signed_text};
pub use task::{Admitted, MAX_LEN, MAX_PARTIES, SumTerms, Task, Values};

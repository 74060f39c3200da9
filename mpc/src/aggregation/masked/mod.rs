//! Masked sums.
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
pub use sum::{Standing, Sum};
pub use task::{Admitted, MAX_LEN, MAX_PARTIES, SumTerms, Task, Values};

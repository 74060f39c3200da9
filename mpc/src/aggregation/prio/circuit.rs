//! Prio3 of the crate `prio`, behind one face for all kinds of reports.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use prio::codec::{Encode, ParameterizedDecode};
use prio::field::{Field64, Field128, FieldElement};
use prio::flp::gadgets::{Mul, ParallelSum};
use prio::flp::types::{Count, Histogram, Sum, SumVec};
use prio::flp::{Flp, Type};
use prio::vdaf::prio3::{Prio3, Prio3InputShare, Prio3PublicShare, Prio3VerifierShare, optimal_chunk_length};
use prio::vdaf::test_utils::TestVectorClient;
use prio::vdaf::xof::XofTurboShake128;
use prio::vdaf::{Aggregator as Verifier, VdafError, VerifyTransition};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::report::ReportId;
use super::tally::Rejection;
use super::task::{Aggregator, Kind};
use super::vector::{Field, Vector};
use crate::error::Error;

/// Proofs of a report: one suffices in a field of 128 bits, and for circuits without joint randomness.
pub(super) const PROOFS: u8 = 1;

/// Bytes of a seed of Prio3.
pub(super) const SEED_BYTES: usize = 32;

/// Algorithm identifiers. [VDAF-18 §7.4]
const COUNT: u32 = 1;
const SUM: u32 = 2;
const SUM_VEC: u32 = 3;
const HISTOGRAM: u32 = 4;

type Prio3Of<T> = Prio3<T, XofTurboShake128, SEED_BYTES>;
type PublicShare = Prio3PublicShare<SEED_BYTES>;
type InputShare<T> = Prio3InputShare<<T as Flp>::Field, SEED_BYTES>;
type VerifierShare<T> = Prio3VerifierShare<<T as Flp>::Field, SEED_BYTES>;
type VerifyState<T> = <Prio3Of<T> as Verifier<SEED_BYTES, 16>>::VerifyState;

/// The key with which both aggregators draw the queries to a proof; no reporter knows it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct VerifyKey(pub(super) [u8; SEED_BYTES]);

/// Lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) public: usize,
    /// The leader's and the helper's input share.
    pub(super) input: [usize; 2],
    pub(super) verifier: usize,
    /// What an aggregator holds of a report while its proof is verified, at most.
    pub(super) held: usize,
}

/// A measurement in shares.
pub(super) struct Shares {
    pub(super) public: Vec<u8>,
    pub(super) input: [Zeroizing<Vec<u8>>; 2],
}

/// What a share of a report is bound to.
#[derive(Clone, Copy)]
pub(super) struct Bound<'a> {
    pub(super) task: &'a [u8],
    pub(super) id: &'a ReportId,
}

/// A share of a report at an aggregator.
#[derive(Clone, Copy)]
pub(super) struct Received<'a> {
    pub(super) bound: Bound<'a>,
    pub(super) aggregator: Aggregator,
    pub(super) public: &'a [u8],
    pub(super) input: &'a [u8],
}

/// One of the four circuits with its parameters.
pub(super) trait Circuit: fmt::Debug + Send + Sync {
    /// Returns the lengths of all that is encoded.
    fn sizes(&self) -> Sizes;

    /// Returns the length of a field element in bytes.
    fn field_bytes(&self) -> u8;

    /// Returns the length of the chunks in which bits are proven; 0 where there are none.
    fn chunk_len(&self) -> usize;

    /// Shares a measurement that lies within its bounds.
    fn shard(&self, bound: Bound<'_>, values: &[u64], random: &[u8; 4 * SEED_BYTES]) -> Shares;

    /// Begins to verify the proof of a report.
    fn verify(&self, key: &VerifyKey, received: Received<'_>) -> Result<Verifying, Rejection>;

    /// Returns the total of no reports.
    fn zeros(&self) -> Vector;
}

/// A report whose proof waits for the other aggregator, and the own share of what that one needs.
pub(super) struct Verifying {
    pub(super) pending: Box<dyn Pending>,
    pub(super) share: Vec<u8>,
}

/// A report whose proof waits for the other aggregator's verifier share.
pub(super) trait Pending: Send {
    /// Decides about the proof; `None` where the other share is no encoding of one.
    fn finish(self: Box<Self>, other: &[u8]) -> Option<Result<Vector, Rejection>>;
}

/// Makes the circuit of a kind whose parameters were checked.
pub(super) fn of(kind: Kind) -> Result<Arc<dyn Circuit>, Error> {
    let impossible = |_| Error::ReportTask { parameter: "circuit", found: 0, min: 1, max: 1 };
    let circuit: Result<Arc<dyn Circuit>, _> = match kind {
        Kind::Count => Typed::make(COUNT, 0, Ok(Count::<Field64>::new())),
        Kind::Sum { max } => Typed::make(SUM, 0, Sum::<Field64>::new(max)),
        Kind::SumVec { len, max } => {
            let bits = u64::BITS - max.leading_zeros();
            let chunk_len = optimal_chunk_length(len as usize * bits as usize);
            let circuit = SumVec::<_, ParallelSum<Field128, Mul>>::new(max.into(), len as usize, chunk_len);
            Typed::make(SUM_VEC, chunk_len, circuit)
        }
        Kind::Histogram { len } => {
            let chunk_len = optimal_chunk_length(len as usize);
            let circuit = Histogram::<_, ParallelSum<Field128, Mul>>::new(len as usize, chunk_len);
            Typed::make(HISTOGRAM, chunk_len, circuit)
        }
    };
    circuit.map_err(impossible)
}

/// How values become the measurement of a circuit.
trait Measures: Type {
    fn measurement(values: &[u64]) -> Self::Measurement;
}

impl Measures for Count<Field64> {
    fn measurement(values: &[u64]) -> bool {
        values.first() == Some(&1)
    }
}

impl Measures for Sum<Field64> {
    fn measurement(values: &[u64]) -> u64 {
        values.first().copied().unwrap_or_default()
    }
}

impl Measures for SumVec<Field128, ParallelSum<Field128, Mul>> {
    fn measurement(values: &[u64]) -> Vec<u128> {
        values.iter().copied().map(u128::from).collect()
    }
}

impl Measures for Histogram<Field128, ParallelSum<Field128, Mul>> {
    fn measurement(values: &[u64]) -> usize {
        values.first().and_then(|&bucket| usize::try_from(bucket).ok()).unwrap_or(usize::MAX)
    }
}

/// A circuit of a type.
struct Typed<T: Type> {
    vdaf: Arc<Prio3Of<T>>,
    sizes: Sizes,
    chunk_len: usize,
    random_bytes: usize,
    circuit: PhantomData<T>,
}

impl<T: Type> fmt::Debug for Typed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Typed").field("sizes", &self.sizes).finish_non_exhaustive()
    }
}

impl<T: Measures + Send + Sync + 'static> Typed<T>
where
    T::Field: Field,
{
    fn make(
        code: u32,
        chunk_len: usize,
        circuit: Result<T, prio::flp::FlpError>,
    ) -> Result<Arc<dyn Circuit>, VdafError> {
        let circuit = circuit?;
        // Seeds stand only where there is joint randomness, two of them a report. [VDAF-18 §7.2.7]
        let (seeds, random_bytes) = if circuit.joint_rand_len() > 0 { (1, 4) } else { (0, 2) };
        let field = T::Field::ENCODED_SIZE;
        let sizes = Sizes {
            public: 2 * seeds * SEED_BYTES,
            input: [
                field * (circuit.input_len() + circuit.proof_len()) + seeds * SEED_BYTES,
                (1 + seeds) * SEED_BYTES,
            ],
            verifier: field * circuit.verifier_len() + seeds * SEED_BYTES,
            held: field * (circuit.input_len() + 2 * circuit.output_len()) + SEED_BYTES,
        };
        let vdaf = Arc::new(Prio3::new(2, PROOFS, code, circuit)?);
        let random_bytes = random_bytes * SEED_BYTES;
        Ok(Arc::new(Self { vdaf, sizes, chunk_len, random_bytes, circuit: PhantomData }))
    }

    fn begin(&self, key: &VerifyKey, received: Received<'_>) -> Result<Verifying, Rejection> {
        let Received { bound, aggregator, public, input } = received;
        let vdaf = &self.vdaf;
        let number = usize::from(aggregator.number());
        let public = PublicShare::get_decoded_with_param(vdaf, public).map_err(|_| Rejection::Malformed)?;
        let input = InputShare::<T>::get_decoded_with_param(&(vdaf.as_ref(), number), input);
        let input = input.map_err(|_| Rejection::Malformed)?;
        let begun = vdaf.verify_init(&key.0, bound.task, number, &(), bound.id.as_bytes(), &public, &input);
        let (state, own) = begun.map_err(|_| Rejection::Unproven)?;
        let mut share = Vec::with_capacity(self.sizes.verifier);
        own.encode(&mut share).map_err(|_| Rejection::Malformed)?;
        let pending = Waiting { vdaf: Arc::clone(vdaf), task: bound.task.into(), aggregator, state, own };
        Ok(Verifying { pending: Box::new(pending), share })
    }
}

impl<T: Measures + Send + Sync + 'static> Circuit for Typed<T>
where
    T::Field: Field,
{
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn field_bytes(&self) -> u8 {
        T::Field::BYTES
    }

    fn chunk_len(&self) -> usize {
        self.chunk_len
    }

    fn shard(&self, bound: Bound<'_>, values: &[u64], random: &[u8; 4 * SEED_BYTES]) -> Shares {
        let random = random.get(..self.random_bytes).unwrap_or_default();
        let measurement = T::measurement(values);
        let shares = self.vdaf.shard_with_random(bound.task, &measurement, bound.id.as_bytes(), random);
        let (public, input) = shares.expect("the measurement was checked against the bounds of the circuit");
        let encode = |share: Option<&InputShare<T>>| {
            let share = share.expect("there is a share for each of two aggregators");
            Zeroizing::new(share.get_encoded().expect("an own share has an encoding"))
        };
        Shares {
            public: public.get_encoded().expect("an own share has an encoding"),
            input: [encode(input.first()), encode(input.get(1))],
        }
    }

    fn verify(&self, key: &VerifyKey, received: Received<'_>) -> Result<Verifying, Rejection> {
        self.begin(key, received)
    }

    fn zeros(&self) -> Vector {
        T::Field::wrap(vec![T::Field::zero(); self.vdaf.output_len()])
    }
}

/// The state of a report between the two steps of its verification.
struct Waiting<T: Type> {
    vdaf: Arc<Prio3Of<T>>,
    task: Box<[u8]>,
    aggregator: Aggregator,
    state: VerifyState<T>,
    own: VerifierShare<T>,
}

impl<T: Type + Send + Sync> Pending for Waiting<T>
where
    T::Field: Field,
{
    fn finish(self: Box<Self>, other: &[u8]) -> Option<Result<Vector, Rejection>> {
        let Self { vdaf, task, aggregator, state, own } = *self;
        let other = VerifierShare::<T>::get_decoded_with_param(&state, other).ok()?;
        let shares = match aggregator {
            Aggregator::Leader => [own, other],
            Aggregator::Helper => [other, own],
        };
        let message = vdaf.verifier_shares_to_message(&task, &(), shares);
        let finished = message.and_then(|message| vdaf.verify_next(&task, state, message));
        Some(match finished {
            Ok(VerifyTransition::Finish(output)) => Ok(T::Field::wrap(output.as_ref().to_vec())),
            _ => Err(Rejection::Unproven), // PRIO-6
        })
    }
}

#[cfg(test)]
#[path = "circuit_tests.rs"]
mod tests;

//! Vectors over either field: shares of a total, and the total that they add up to.

use std::fmt;

use prio::field::{Field64, Field128, FieldElement, FieldElementWithInteger, NttFriendlyFieldElement};

/// A vector over one of the two fields; wiped on drop.
pub(super) enum Vector {
    /// Modulo 2^64 - 2^32 + 1.
    Narrow(Vec<Field64>),
    /// Modulo 2^128 - 7 * 2^66 + 1.
    Wide(Vec<Field128>),
}

/// A field that vectors are over.
pub(super) trait Field: NttFriendlyFieldElement + Send + Sync {
    /// Length of an element in bytes.
    const BYTES: u8;

    fn wrap(elements: Vec<Self>) -> Vector;
}

impl Field for Field64 {
    const BYTES: u8 = 8;

    fn wrap(elements: Vec<Self>) -> Vector {
        Vector::Narrow(elements)
    }
}

impl Field for Field128 {
    const BYTES: u8 = 16;

    fn wrap(elements: Vec<Self>) -> Vector {
        Vector::Wide(elements)
    }
}

impl Vector {
    /// Adds the vector of the same field and length up.
    pub(super) fn add(&mut self, other: &Self) {
        match (self, other) {
            (Self::Narrow(own), Self::Narrow(other)) => add(own, other),
            (Self::Wide(own), Self::Wide(other)) => add(own, other),
            _ => {}
        }
    }

    /// Adds integers up.
    pub(super) fn add_integers(&mut self, integers: &[i64]) {
        let of = |integer: &i64| (integer.unsigned_abs(), *integer < 0);
        match self {
            Self::Narrow(own) => add_signed(own, integers.iter().map(of), Field64::from),
            Self::Wide(own) => add_signed(own, integers.iter().map(of), |n| Field128::from(u128::from(n))),
        }
    }

    /// Encodes the elements one after the other.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Narrow(own) => encode(own),
            Self::Wide(own) => encode(own),
        }
    }

    /// Decodes as many elements of the same field; `None` where bytes are not the encoding of so many.
    pub(super) fn decode_alike(&self, bytes: &[u8]) -> Option<Self> {
        match self {
            Self::Narrow(own) => decode(own.len(), bytes).map(Self::Narrow),
            Self::Wide(own) => decode(own.len(), bytes).map(Self::Wide),
        }
    }

    /// Returns the integers of least magnitude that the elements stand for.
    pub(super) fn centred(&self) -> Vec<i128> {
        match self {
            Self::Narrow(own) => {
                let modulus = u128::from(Field64::modulus());
                own.iter().map(|&element| centre(u64::from(element).into(), modulus)).collect()
            }
            Self::Wide(own) => {
                own.iter().map(|&element| centre(element.into(), Field128::modulus())).collect()
            }
        }
    }
}

impl Drop for Vector {
    fn drop(&mut self) {
        match self {
            Self::Narrow(own) => wipe(own),
            Self::Wide(own) => wipe(own),
        }
    }
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vector(..)")
    }
}

fn add<F: FieldElement>(own: &mut [F], other: &[F]) {
    own.iter_mut().zip(other).for_each(|(own, &other)| *own += other);
}

fn add_signed<F: FieldElement>(
    own: &mut [F],
    integers: impl Iterator<Item = (u64, bool)>,
    field: impl Fn(u64) -> F,
) {
    for (own, (magnitude, negative)) in own.iter_mut().zip(integers) {
        if negative {
            *own -= field(magnitude);
        } else {
            *own += field(magnitude);
        }
    }
}

fn encode<F: FieldElement>(elements: &[F]) -> Vec<u8> {
    let mut out = Vec::with_capacity(elements.len() * F::ENCODED_SIZE);
    for element in elements {
        element.encode(&mut out).expect("an element of the field has an encoding");
    }
    out
}

fn decode<F: FieldElement>(len: usize, bytes: &[u8]) -> Option<Vec<F>> {
    if bytes.len() != len.checked_mul(F::ENCODED_SIZE)? {
        return None;
    }
    bytes.chunks(F::ENCODED_SIZE).map(|element| F::get_decoded(element).ok()).collect()
}

fn centre(element: u128, modulus: u128) -> i128 {
    let positive = |value: u128| i128::try_from(value).expect("half of a modulus is below 2^127");
    if element > modulus / 2 { -positive(modulus - element) } else { positive(element) }
}

/// Overwrites the elements; the compiler has to believe that somebody looks at them.
fn wipe<F: FieldElement>(elements: &mut [F]) {
    elements.fill(F::zero());
    std::hint::black_box(elements);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_either_sign_come_back() {
        for mut vector in [Vector::Narrow(vec![Field64::zero(); 3]), Vector::Wide(vec![Field128::zero(); 3])]
        {
            vector.add_integers(&[5, -7, 0]);
            vector.add_integers(&[-6, 3, i64::MAX >> 1]);
            assert_eq!(vector.centred(), [-1, -4, i128::from(i64::MAX >> 1)]);
            let again = vector.decode_alike(&vector.encode()).unwrap();
            assert_eq!(again.centred(), vector.centred());
        }
    }

    #[test]
    fn only_canonical_elements_are_decoded() {
        let narrow = Vector::Narrow(vec![Field64::zero()]);
        assert!(narrow.decode_alike(&[0xff; 8]).is_none());
        assert!(narrow.decode_alike(&Field64::modulus().to_le_bytes()).is_none());
        assert!(narrow.decode_alike(&[0; 7]).is_none());
        assert!(narrow.decode_alike(&[0; 16]).is_none());
        let wide = Vector::Wide(vec![Field128::zero()]);
        assert!(wide.decode_alike(&Field128::modulus().to_le_bytes()).is_none());
        assert!(wide.decode_alike(&(Field128::modulus() - 1).to_le_bytes()).is_some());
    }
}

//! The published vectors of RFC 9496, RFC 9380 and RFC 9497 against the public interface.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use serde_json::Value;
use sha2::{Digest, Sha512};
use tidegate_mpc::group::{Element, expand_message_xmd};
use tidegate_mpc::{BadElement, SecretScalar};

/// Reads the cases of a file and requires their number and the success that they expect.
fn cases(text: &str, number: usize, expected: &str) -> (Value, Vec<Value>) {
    let document: Value = serde_json::from_str(text).unwrap();
    let cases = document["cases"].as_array().unwrap().clone();
    assert_eq!(cases.len(), number);
    assert!(cases.iter().all(|case| case["expected"] == expected));
    (document, cases)
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().as_bytes();
    assert_eq!(text.len() % 2, 0);
    text.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn small_scalar(value: u64) -> Option<SecretScalar> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    SecretScalar::from_canonical_bytes(bytes)
}

// GROUP-2
#[test]
fn rfc9496_multiples_of_the_generator() {
    let (_, cases) = cases(include_str!("vectors/rfc9496_ristretto255.json"), 27, "accept");
    let multiples: Vec<_> = cases.iter().filter(|case| case["kind"] == "multiple").collect();
    assert_eq!(multiples.len(), 16);
    let one = Element::generate(&small_scalar(1).unwrap());
    for case in multiples {
        let (scalar, encoding) = (case["scalar"].as_u64().unwrap(), array(&case["encoding"]));
        let Some(secret) = small_scalar(scalar) else {
            // The identity is a vector of the RFC, but no element of a protocol.
            assert_eq!((scalar, encoding), (0, [0; 32]));
            assert_eq!(one.sub(&one).encode(), encoding);
            assert_eq!(Element::decode(&encoding), Err(BadElement::Identity));
            continue;
        };
        let element = Element::generate(&secret);
        assert_eq!(element.encode(), encoding);
        assert_eq!(one.mul(&secret), element);
        assert_eq!((1..scalar).fold(one, |sum, _| sum.add(&one)), element);
        assert_eq!(Element::decode(&encoding), Ok(element));
    }
}

#[test]
fn rfc9496_elements_from_uniform_bytes() {
    let (_, cases) = cases(include_str!("vectors/rfc9496_ristretto255.json"), 27, "accept");
    let derived: Vec<_> = cases.iter().filter(|case| case["kind"] != "multiple").collect();
    assert_eq!(derived.len(), 11);
    for case in derived {
        let element = Element::from_uniform_bytes(&array(&case["input"]));
        assert_eq!(element.encode(), array(&case["encoding"]));
        assert_eq!(Element::decode(&array(&case["encoding"])), Ok(element));
    }
}

// GROUP-1
#[test]
fn rfc9496_bad_encodings_are_refused() {
    let (_, cases) = cases(include_str!("vectors/rfc9496_bad_encoding.json"), 29, "reject");
    for case in cases {
        assert_eq!(Element::decode(&array(&case["encoding"])), Err(BadElement::NotCanonical), "{case}");
    }
}

#[test]
fn rfc9380_expand_message_xmd() {
    let text = include_str!("vectors/rfc9380_expand_message_xmd_sha512.json");
    let (document, cases) = cases(text, 10, "accept");
    let dst = bytes(&document["parameters"]["dst"]);
    for case in cases {
        let (message, uniform) = (bytes(&case["msg"]), bytes(&case["uniform_bytes"]));
        assert_eq!(case["len_in_bytes"], uniform.len());
        let (first, rest) = message.split_at(message.len() / 3);
        for parts in [&[&message[..]][..], &[first, &[], rest][..]] {
            let mut out = vec![0xaa; uniform.len()];
            expand_message_xmd(parts, &dst, &mut out);
            assert_eq!(out, uniform);
        }
    }
}

/// `hash_to_group` of the mode; the crate itself needs mode 0 alone.
fn hash_to_group(input: &[u8], mode: u8) -> Element {
    if mode == 0 {
        return Element::hash(&[input]);
    }
    let dst = [b"HashToGroup-OPRFV1-", &[mode][..], b"-ristretto255-SHA512"].concat();
    let mut uniform = [0; 64];
    expand_message_xmd(&[input], &dst, &mut uniform);
    Element::from_uniform_bytes(&uniform)
}

/// `Finalize` of RFC 9497 §3.3.1, from the unblinded element.
fn finalize(input: &[u8], unblinded: &Element) -> [u8; 64] {
    let mut hash = Sha512::new();
    for part in [input, &unblinded.encode()] {
        hash.update(u16::try_from(part.len()).unwrap().to_be_bytes());
        hash.update(part);
    }
    hash.chain_update(b"Finalize").finalize().into()
}

#[test]
fn rfc9497_oprf() {
    let text = include_str!("vectors/rfc9497_oprf_ristretto255_sha512.json");
    let (document, cases) = cases(text, 6, "accept");
    let keys = document["parameters"]["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for case in cases {
        let key = keys.iter().find(|key| key["mode"] == case["mode"]).unwrap();
        let mode = u8::try_from(key["mode_byte"].as_u64().unwrap()).unwrap();
        let scalar = |value: &Value| SecretScalar::from_canonical_bytes(array(value)).unwrap();
        let (sk, blind, input) = (scalar(&key["sk"]), scalar(&case["blind"]), bytes(&case["input"]));
        if let Some(pk) = key.get("pk") {
            assert_eq!(Element::generate(&sk).encode(), array(pk));
        }
        let hashed = hash_to_group(&input, mode);
        assert_eq!(hashed.mul(&blind).encode(), array(&case["blinded_element"]));
        let blinded = Element::decode(&array(&case["blinded_element"])).unwrap();
        let evaluated = Element::decode(&array(&case["evaluation_element"])).unwrap();
        assert_eq!(blinded.mul(&sk), evaluated);
        let unblinded = hashed.mul(&sk);
        assert_eq!(unblinded.mul(&blind), evaluated);
        assert_eq!(finalize(&input, &unblinded), array::<64>(&case["output"]));
    }
}

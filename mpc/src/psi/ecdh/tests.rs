//! The protocol's own vectors, made by an independent implementation (`tests/vectors/make_ecdh.py`).

use serde_json::Value;

use super::messages::SenderKey;
use super::tagger::Tagger;
use crate::group::{Element, FixedBase};
use crate::secret::SecretScalar;
use crate::session::{Outputs, Protocol};
use crate::testing::agreed_sessions;

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().as_bytes();
    text.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array(value: &Value) -> [u8; 32] {
    hex(value).try_into().unwrap()
}

#[test]
fn own_vectors() {
    let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/psi_ecdh.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 3);
    for case in cases {
        let session_id = array(&case["session_id"]);
        let (session, _) = agreed_sessions(Protocol::PsiEcdh, Outputs::Receiver, 0, 1 << 20, 1 << 20);
        let session = session.with_id(session_id);
        let scalar = |name: &str| SecretScalar::from_canonical_bytes(array(&case[name])).unwrap();
        let (s, r, item) = (scalar("s"), scalar("r"), hex(&case["item"]));

        let h = Element::hash(&[&session_id, &item]);
        assert_eq!(h.encode(), array(&case["h"]));
        let key = Element::generate(&s);
        assert_eq!(key.encode(), array(&case["k"]));
        let [b] = Element::encode_doubled(&[h.add(&Element::generate(&r))])[..] else { panic!() };
        assert_eq!(b, array(&case["b"]));
        let quarter = s.halve().halve();
        let [e] = Element::encode_doubled(&[Element::decode(&b).unwrap().mul(&quarter)])[..] else {
            panic!()
        };
        assert_eq!(e, array(&case["e"]));
        let difference = Element::decode(&e).unwrap().sub(&FixedBase::new(&key).mul(&r));
        let [n] = Element::encode_doubled(&[difference])[..] else { panic!() };
        assert_eq!(n, array(&case["n"]));
        assert_eq!(Element::encode_doubled(&[h.mul(&s)]), [n]);

        let (material, confirmation) =
            Tagger::new(&session, &SenderKey { encoded: key.encode() }).tag(&item, &n);
        let tag = crate::tags::TagLayout::of(&session).cut(material);
        assert_eq!(tag.to_be_bytes()[..], hex(&case["tag"]));
        assert_eq!(confirmation.expose()[..], hex(&case["confirmation"]));
    }
}

//! Signed notes: a text and lines of signatures below it.
//!
//! # Source
//! C2SP signed-note; Ed25519 signatures of types 1 (over the text) and 4 (timestamped, C2SP tlog-cosignature).

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use crate::identity::PublicKey;

/// Longest note, in bytes.
pub(super) const MAX_NOTE_BYTES: usize = 1 << 16;

/// Most signatures of a note; verifiers have to accept 16.
const MAX_SIGNATURES: usize = 64;

/// What a signature line begins with: an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// Kinds of signatures, by the byte that goes into key ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureType {
    /// Ed25519 over the text.
    Plain = 1,
    /// Ed25519 over a time and the text.
    Cosignature = 4,
}

/// A line below the text: who signed, by name and key id, and the signature, which may be of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignatureLine {
    pub(super) name: String,
    pub(super) key_id: [u8; 4],
    pub(super) signature: Vec<u8>,
}

impl SignatureLine {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
        let bytes = Base64::decode_vec(encoded).ok()?;
        let (key_id, signature) = bytes.split_first_chunk::<4>()?;
        let named = is_key_name(name) && !signature.is_empty();
        named.then(|| Self { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
    }

    fn text(&self) -> String {
        let encoded = Base64::encode_string(&[&self.key_id[..], &self.signature].concat());
        format!("{SIGNATURE_MARK}{} {encoded}\n", self.name)
    }
}

/// A text with signatures, none of which is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Ends in a newline.
    pub(super) text: String,
    pub(super) signatures: Vec<SignatureLine>,
}

impl Note {
    /// Reads a note; says what is wrong with it otherwise.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let note = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        if note.len() > MAX_NOTE_BYTES {
            return Err("it is too long");
        }
        if note.chars().any(|c| c.is_ascii_control() && c != '\n') {
            return Err("it has control characters");
        }
        let unsigned = "it has no blank line with signatures below";
        let (text, lines) = note.rsplit_once("\n\n").ok_or(unsigned)?;
        let lines = lines.strip_suffix('\n').ok_or("its last line does not end")?;
        let malformed = "it has a malformed line of a signature";
        let signatures: Option<Vec<_>> = lines.split('\n').map(SignatureLine::parse).collect();
        let signatures = signatures.ok_or(malformed)?;
        if signatures.len() > MAX_SIGNATURES {
            return Err("it has too many signatures");
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// Returns its bytes.
    pub(super) fn to_text(&self) -> String {
        let lines: String = self.signatures.iter().map(SignatureLine::text).collect();
        format!("{}\n{lines}", self.text)
    }

    /// Returns the signatures that claim to be of a key.
    pub(super) fn by(&self, name: &str, kind: SignatureType, key: &PublicKey) -> impl Iterator<Item = &[u8]> {
        let key_id = key_id(name, kind, key);
        let lines = self.signatures.iter().filter(move |line| line.key_id == key_id);
        lines.filter(move |line| line.name == name).map(|line| line.signature.as_slice())
    }
}

/// Returns the id by which a signature names its key.
pub(super) fn key_id(name: &str, kind: SignatureType, key: &PublicKey) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', kind as u8]);
    let digest: [u8; 32] = digest.chain_update(key.as_bytes()).finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Signature;

    /// The note of the documentation of Go's `note` package, whose key is published with it.
    const PETER: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    /// Type, and key, of `PeterNeumann+c74f20a3+..`.
    const PETER_KEY: &str = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    fn peter() -> PublicKey {
        let bytes = Base64::decode_vec(PETER_KEY).unwrap();
        assert_eq!(bytes[0], SignatureType::Plain as u8);
        PublicKey::from_bytes(bytes[1..].try_into().unwrap()).unwrap()
    }

    #[test]
    fn a_published_note_is_read_and_verified() {
        let note = Note::parse(PETER.as_bytes()).unwrap();
        assert_eq!(key_id("PeterNeumann", SignatureType::Plain, &peter()), [0xc7, 0x4f, 0x20, 0xa3]);
        let signatures: Vec<_> = note.by("PeterNeumann", SignatureType::Plain, &peter()).collect();
        let [signature] = signatures[..] else { panic!("{signatures:?}") };
        let signature = Signature::from_bytes(signature.try_into().unwrap());
        peter().verify_note(note.text.as_bytes(), &signature).unwrap();
        assert!(peter().verify_note(b"another text\n", &signature).is_err());
        assert_eq!(note.to_text(), PETER);
        assert_eq!(note.by("PeterNeumann", SignatureType::Cosignature, &peter()).count(), 0);
        assert_eq!(note.by("Peter", SignatureType::Plain, &peter()).count(), 0);
    }

    #[test]
    fn the_note_of_the_specification_is_read() {
        let text =
            "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n";
        let line = "\u{2014} quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
        let note = Note::parse(format!("{text}\n{line}").as_bytes()).unwrap();
        assert_eq!(note.text, text);
        assert_eq!(note.signatures[0].key_id, [0x36, 0x7b, 0xa0, 0x4b]);
    }

    #[test]
    fn malformed_notes_are_refused_by_what_is_wrong() {
        let line = PETER.split_once("\n\n").unwrap().1;
        let many = line.repeat(MAX_SIGNATURES + 1);
        let cases = [
            (b"\xff\n\n\n".to_vec(), "it is not UTF-8"),
            (PETER.replace("think", "th\tnk").into(), "it has control characters"),
            (b"text\n".to_vec(), "it has no blank line with signatures below"),
            (PETER.trim_end().into(), "its last line does not end"),
            (b"text\n\nno signature\n".to_vec(), "it has a malformed line of a signature"),
            (PETER.replace("PeterNeumann", "Peter+Neumann").into(), "it has a malformed line of a signature"),
            (PETER.replace("x08g", "x0 8g").into(), "it has a malformed line of a signature"),
            (PETER.replace("nAM=", "nAN=").into(), "it has a malformed line of a signature"),
            (format!("text\n\n{many}").into(), "it has too many signatures"),
            (format!("{}\n\n{line}", "x".repeat(MAX_NOTE_BYTES)).into(), "it is too long"),
        ];
        for (note, expected) in cases {
            assert_eq!(Note::parse(&note), Err(expected), "{:?}", String::from_utf8_lossy(&note));
        }
    }
}

//! Bytes as text.

/// Returns bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the bytes of so many lower-case hexadecimal digits; none where it is anything else.
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    unhex_all(text)?.try_into().ok()
}

/// Returns the bytes of lower-case hexadecimal digits, however many; none where there is anything else.
pub fn unhex_all(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    rest.is_empty().then(|| bytes.collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_nothing_else_does() {
        assert_eq!(hex(&[0, 0x1f, 0xa9]), "001fa9");
        assert_eq!(unhex("001fa9"), Some([0, 0x1f, 0xa9]));
        for text in ["001fa", "001f", "001fa9b", "001fA9", "001f+9", "001f西"] {
            assert_eq!(unhex::<3>(text), None, "{text}");
        }
    }
}

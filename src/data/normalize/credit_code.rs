//! Unified social credit codes of organisations (GB 32100-2015).
//!
//! Eighteen characters of an alphabet of 31 (digits and letters without I, O, S, V, Z), of which the last is
//! a check character by MOD 31.
//!
//! Normal form: NFKC, white space, dashes and invisible marks dropped, upper case. Checked: the alphabet and
//! the check character. Not checked: whether the registering authority or the organisation exists.

use super::text::{compact, is_space_or_dash};
use super::{Change, RejectReason};

/// The characters of a code; a character's value is its place.
pub const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Weights of the first 17 characters: 3^(i - 1) mod 31.
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/// Computes the check character behind 17 characters; `None` when one is not of the [`ALPHABET`].
///
/// # Examples
/// ```
/// use tidegate::data::normalize::credit_code::check_character;
///
/// assert_eq!(check_character(b"91350100M000100Y4"), Some(b'3'));
/// assert_eq!(check_character(b"91350100M000100I4"), None);
/// ```
pub fn check_character(code: &[u8; 17]) -> Option<u8> {
    let mut sum = 0;
    for (&character, weight) in code.iter().zip(WEIGHTS) {
        sum += value(character)? * weight;
    }
    ALPHABET.get((31 - sum % 31) % 31).copied()
}

fn value(character: u8) -> Option<usize> {
    ALPHABET.iter().position(|&c| c == character)
}

pub(super) fn normalize(text: &str, out: &mut String) -> Result<Change, RejectReason> {
    let mut cells = [0; 18];
    let code = compact(text, is_space_or_dash, &mut cells).ok_or(RejectReason::NotACreditCode)?;
    if code.is_empty() {
        return Err(RejectReason::Empty);
    }
    check(code)?;
    if code == text.as_bytes() {
        return Ok(Change::Same);
    }
    out.extend(code.iter().copied().map(char::from));
    Ok(Change::Rewritten)
}

fn check(code: &[u8]) -> Result<(), RejectReason> {
    let Some((body, &[last])) = code.split_first_chunk::<17>() else {
        return Err(RejectReason::NotACreditCode);
    };
    let expected = check_character(body).ok_or(RejectReason::NotACreditCode)?;
    value(last).ok_or(RejectReason::NotACreditCode)?;
    if last == expected { Ok(()) } else { Err(RejectReason::BadCheckDigit) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::applied;
    use super::*;

    fn run(text: &str) -> Result<String, RejectReason> {
        applied(normalize, text)
    }

    #[test]
    fn a_published_code_passes_in_any_writing() {
        for same in ["91350100M000100Y43", "91350100m000100y43", "９１３５０１００ M000100Y4-3"] {
            assert_eq!(run(same).as_deref(), Ok("91350100M000100Y43"), "{same}");
        }
    }

    #[test]
    fn each_fault_has_its_reason() {
        assert_eq!(run("91350100M000100Y44"), Err(RejectReason::BadCheckDigit));
        for other in ["91350100M000100Y4", "91350100M000100Y433", "91350100M000100I43", "91350100M000100Y4Z"]
        {
            assert_eq!(run(other), Err(RejectReason::NotACreditCode), "{other}");
        }
        assert_eq!(run("\u{3000}"), Err(RejectReason::Empty));
    }

    proptest! {
        #[test]
        fn single_errors_are_caught(body in prop::array::uniform17(prop::sample::select(&ALPHABET[..])), place in 0..18usize) {
            let code = [&body[..], &[check_character(&body).unwrap()]].concat();
            prop_assert!(run(std::str::from_utf8(&code).unwrap()).is_ok());
            for &other in ALPHABET {
                let mut wrong = code.clone();
                wrong[place] = other;
                prop_assert_eq!(run(std::str::from_utf8(&wrong).unwrap()).is_ok(), wrong == code);
            }
        }
    }
}

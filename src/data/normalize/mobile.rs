//! Mobile numbers of mainland China: eleven digits, `1`, then `3` to `9`.
//!
//! Normal form: NFKC, white space, dashes, dots, parentheses and invisible marks dropped, then one of the
//! prefixes `+86`, `0086`, or `86` where thirteen digits stand. Not checked: whether the number is assigned.

use super::text::{compact, is_space_or_dash};
use super::{Change, RejectReason};

pub(super) fn normalize(text: &str, out: &mut String) -> Result<Change, RejectReason> {
    let mut cells = [0; 15];
    let number = compact(text, is_separator, &mut cells).ok_or(RejectReason::NotAMobileNumber)?;
    if number.is_empty() {
        return Err(RejectReason::Empty);
    }
    let number = without_country(number);
    if !is_mobile(number) {
        return Err(RejectReason::NotAMobileNumber);
    }
    if number == text.as_bytes() {
        return Ok(Change::Same);
    }
    out.extend(number.iter().copied().map(char::from));
    Ok(Change::Rewritten)
}

fn is_separator(c: char) -> bool {
    is_space_or_dash(c) || matches!(c, '.' | '(' | ')')
}

/// Drops the country code; what is left must be a whole number, so `86` alone is no prefix of eleven digits.
fn without_country(number: &[u8]) -> &[u8] {
    let rest = [&b"+86"[..], b"0086", b"86"].into_iter().find_map(|code| number.strip_prefix(code));
    rest.filter(|rest| rest.len() == 11).unwrap_or(number)
}

fn is_mobile(number: &[u8]) -> bool {
    matches!(number, [b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 && rest.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::super::applied;
    use super::*;

    fn run(text: &str) -> Result<String, RejectReason> {
        applied(normalize, text)
    }

    #[test]
    fn writing_habits_do_not_matter() {
        for same in [
            "13800138000",
            "138-0013-8000",
            "138 0013 8000",
            "+86 138 0013 8000",
            "(+86)138.0013.8000",
            "008613800138000",
            "8613800138000",
            "＋８６　１３８００１３８０００",
            "\u{202d}13800138000\u{202c}",
        ] {
            assert_eq!(run(same).as_deref(), Ok("13800138000"), "{same}");
        }
    }

    #[test]
    fn other_numbers_are_rejected() {
        for other in [
            "12800138000",
            "1380013800",
            "138001380000",
            "01013800138000",
            "+8513800138000",
            "+86+8613800138000",
            "86138001380",
            "010-62345678",
            "1380013800X",
            "1380013800+",
            "张三",
        ] {
            assert_eq!(run(other), Err(RejectReason::NotAMobileNumber), "{other}");
        }
        assert_eq!(run(" - "), Err(RejectReason::Empty));
    }
}

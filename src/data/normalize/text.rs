//! The rules that know no format: case, width, spaces, Unicode normalization.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

use super::Change;

/// Writes `chars` to `out` and reports a change only when they differ from `text`.
fn rewrite(text: &str, out: &mut String, chars: impl Iterator<Item = char>) -> Change {
    out.extend(chars);
    if out == text { Change::Same } else { Change::Rewritten }
}

pub(super) fn trim(text: &str, out: &mut String) -> Change {
    let trimmed = text.trim();
    if trimmed.len() == text.len() {
        return Change::Same;
    }
    out.push_str(trimmed);
    Change::Rewritten
}

pub(super) fn nfkc(text: &str, out: &mut String) -> Change {
    if text.is_ascii() || is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        return Change::Same;
    }
    rewrite(text, out, text.nfkc())
}

pub(super) fn upper(text: &str, out: &mut String) -> Change {
    rewrite(text, out, text.chars().flat_map(char::to_uppercase))
}

/// Maps character by character, so that a final sigma does not depend on its place in the word.
pub(super) fn lower(text: &str, out: &mut String) -> Change {
    rewrite(text, out, text.chars().flat_map(char::to_lowercase))
}

pub(super) fn half_width(text: &str, out: &mut String) -> Change {
    if text.is_ascii() {
        return Change::Same;
    }
    rewrite(text, out, text.chars().map(to_half_width))
}

fn to_half_width(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

pub(super) fn collapse_spaces(text: &str, out: &mut String) -> Change {
    let mut in_run = false;
    let kept = text.chars().filter_map(|c| {
        let repeated = c.is_whitespace() && in_run;
        in_run = c.is_whitespace();
        (!repeated).then_some(if in_run { ' ' } else { c })
    });
    rewrite(text, out, kept)
}

pub(super) fn digits(text: &str, out: &mut String) -> Change {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Change::Same;
    }
    rewrite(text, out, text.nfkc().filter(char::is_ascii_digit))
}

/// Writes the NFKC form without separators and invisible marks, in upper case where it is ASCII, to
/// `cells`; returns the written part, or nothing when it is not ASCII or longer than `cells`.
///
/// This is the common first step of the rules for identifiers, whose alphabets are ASCII.
pub(super) fn compact<'a>(
    text: &str,
    is_separator: impl Fn(char) -> bool,
    cells: &'a mut [u8],
) -> Option<&'a [u8]> {
    let kept = if text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        copy(text.as_bytes(), cells)
    } else if text.is_ascii() {
        fill(text.chars().filter(|&c| !is_separator(c)), cells)
    } else {
        fill(text.nfkc().filter(|&c| !is_separator(c) && !is_invisible(c)), cells)
    };
    cells.get(..kept?)
}

/// The way of most cells, which need no change but perhaps that of case.
fn copy(text: &[u8], cells: &mut [u8]) -> Option<usize> {
    let cells = cells.get_mut(..text.len())?;
    cells.copy_from_slice(text);
    cells.make_ascii_uppercase();
    Some(text.len())
}

fn fill(chars: impl Iterator<Item = char>, cells: &mut [u8]) -> Option<usize> {
    let mut len = 0;
    for c in chars {
        let byte = u8::try_from(c).ok().filter(u8::is_ascii)?;
        *cells.get_mut(len)? = byte.to_ascii_uppercase();
        len += 1;
    }
    Some(len)
}

/// White space and every dash that people type between groups of digits.
pub(super) fn is_space_or_dash(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Zero-width characters and direction marks, which copying from office programs leaves in numbers.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(rule: fn(&str, &mut String) -> Change, text: &str) -> (Change, String) {
        let mut out = String::new();
        (rule(text, &mut out), out)
    }

    #[test]
    fn case_follows_unicode() {
        assert_eq!(out(upper, "straße").1, "STRASSE");
        assert_eq!(out(lower, "ΟΔΟΣ").1, "οδοσ");
        assert_eq!(out(upper, "AB 12 张").0, Change::Same);
    }

    #[test]
    fn half_width_touches_nothing_else() {
        assert_eq!(out(half_width, "ＡＢ（１）～\u{3000}①ﬁ").1, "AB(1)~ ①ﬁ");
        assert_eq!(out(half_width, "张三").0, Change::Same);
    }

    #[test]
    fn nfkc_composes_and_unfolds() {
        assert_eq!(out(nfkc, "e\u{301}ﬁ①Ａ").1, "éfi1A");
        assert_eq!(out(nfkc, "张三").0, Change::Same);
    }

    #[test]
    fn compact_drops_separators_and_marks_and_bounds_the_length() {
        let mut cells = [0; 4];
        assert_eq!(compact("\u{202d}1 2－x\u{202c}", is_space_or_dash, &mut cells), Some(&b"12X"[..]));
        assert_eq!(compact("12345", is_space_or_dash, &mut cells), None);
        assert_eq!(compact("张", is_space_or_dash, &mut cells), None);
        assert_eq!(compact(" - ", is_space_or_dash, &mut cells), Some(&b""[..]));
    }
}

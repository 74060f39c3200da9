//! Resident identity numbers (GB 11643-1999).
//!
//! Eighteen characters: six digits of the division, eight of the birth date (YYYYMMDD), three of the
//! sequence and a check character by ISO 7064 MOD 11-2, which is a digit or `X`. Before 1999 numbers had
//! fifteen digits, without the century and the check character; they are converted with the century 19, as
//! the registers did when they issued the new numbers.
//!
//! Normal form: NFKC, white space, dashes and invisible marks dropped, `x` in upper case, 18 characters.
//! Checked: the first digit is 1 to 9, the birth date exists and lies between 1850 and 2100, the check
//! character fits. Not checked: whether the division exists or the number was ever issued.

use jiff::civil::Date;

use super::text::{compact, is_space_or_dash};
use super::{Change, RejectReason};

/// Weights of the 17 digits: 2^(18 - i) mod 11.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// Check characters by the weighted sum mod 11.
const CHECK_CHARACTERS: [u8; 11] = *b"10X98765432";

/// Computes the check character behind 17 ASCII digits.
///
/// # Examples
/// ```
/// use tidegate::data::normalize::resident_id::check_character;
///
/// assert_eq!(check_character(b"11010519491231002"), b'X');
/// ```
pub fn check_character(digits: &[u8; 17]) -> u8 {
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(&d, w)| u32::from(d.wrapping_sub(b'0')) * w).sum();
    CHECK_CHARACTERS.get(sum as usize % 11).copied().unwrap_or(b'?')
}

pub(super) fn normalize(text: &str, out: &mut String) -> Result<Change, RejectReason> {
    let mut cells = [0; 18];
    let number = compact(text, is_space_or_dash, &mut cells).ok_or(RejectReason::NotAResidentId)?;
    let number = match number.len() {
        0 => return Err(RejectReason::Empty),
        15 => lengthen(number)?,
        _ => <[u8; 18]>::try_from(number).map_err(|_| RejectReason::NotAResidentId)?,
    };
    check(&number)?;
    if number == text.as_bytes() {
        return Ok(Change::Same);
    }
    out.extend(number.map(char::from));
    Ok(Change::Rewritten)
}

/// Converts a number of the first generation: century 19, then the check character.
fn lengthen(old: &[u8]) -> Result<[u8; 18], RejectReason> {
    let (division, rest) = old.split_at_checked(6).ok_or(RejectReason::NotAResidentId)?;
    let body = <[u8; 17]>::try_from([division, b"19", rest].concat());
    let body = body.map_err(|_| RejectReason::NotAResidentId)?;
    let mut number = [check_character(&body); 18];
    number.iter_mut().zip(body).for_each(|(to, from)| *to = from);
    Ok(number)
}

fn check(number: &[u8; 18]) -> Result<(), RejectReason> {
    let (body, last) = number.split_first_chunk::<17>().ok_or(RejectReason::NotAResidentId)?;
    let starts_well = matches!(body.first(), Some(b'1'..=b'9'));
    let ends_well = matches!(last, [b'0'..=b'9' | b'X']);
    if !starts_well || !ends_well || !body.iter().all(u8::is_ascii_digit) {
        return Err(RejectReason::NotAResidentId);
    }
    if !is_birth_date(body.get(6..14).unwrap_or_default()) {
        return Err(RejectReason::BadBirthDate);
    }
    if last != [check_character(body)] {
        return Err(RejectReason::BadCheckDigit);
    }
    Ok(())
}

fn is_birth_date(digits: &[u8]) -> bool {
    let number = |part: &[u8]| part.iter().fold(0i16, |n, d| n * 10 + i16::from(d.wrapping_sub(b'0')));
    let Some((year, [m1, m2, d1, d2])) = digits.split_first_chunk::<4>() else { return false };
    let (year, month, day) = (number(year), number(&[*m1, *m2]), number(&[*d1, *d2]));
    let date = i8::try_from(month).ok().zip(i8::try_from(day).ok());
    (1850..=2100).contains(&year) && date.is_some_and(|(month, day)| Date::new(year, month, day).is_ok())
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
    fn samples_of_the_standard_pass() {
        for good in ["11010519491231002X", "440524188001010014"] {
            assert_eq!(run(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn writing_habits_do_not_matter() {
        for same in ["11010519491231002x", " 110105-19491231-002X", "１１０１０５１９４９１２３１００２Ｘ"]
        {
            assert_eq!(run(same).as_deref(), Ok("11010519491231002X"), "{same}");
        }
        assert_eq!(run("\u{feff}110105 1949 1231 002X\u{200b}").as_deref(), Ok("11010519491231002X"));
    }

    #[test]
    fn first_generation_numbers_are_lengthened() {
        assert_eq!(run("110105491231002").as_deref(), Ok("11010519491231002X"));
        assert_eq!(run("110105491331002"), Err(RejectReason::BadBirthDate));
        assert_eq!(run("11010549123100X"), Err(RejectReason::NotAResidentId));
    }

    #[test]
    fn each_fault_has_its_reason() {
        use RejectReason::{BadBirthDate, BadCheckDigit, Empty, NotAResidentId};
        for (text, reason) in [
            ("", Empty),
            (" - ", Empty),
            ("1101051949123100", NotAResidentId),
            ("11010519491231002X0", NotAResidentId),
            ("01010519491231002X", NotAResidentId),
            ("1101051949123100XX", NotAResidentId),
            ("11010519491231002Y", NotAResidentId),
            ("张三", NotAResidentId),
            ("110105194902290020", BadBirthDate),
            ("110105184912310020", BadBirthDate),
            ("110105210112310020", BadBirthDate),
            ("110105194900010020", BadBirthDate),
            ("110105194912310021", BadCheckDigit),
        ] {
            assert_eq!(run(text), Err(reason), "{text}");
        }
    }

    /// Valid numbers of every kind of check character.
    fn numbers() -> impl Strategy<Value = [u8; 18]> {
        (110_000..660_000u32, 1850..=2100u32, 1..=12u32, 1..=28u32, 0..1000u32).prop_map(|(a, y, m, d, s)| {
            let body: [u8; 17] = format!("{a}{y:04}{m:02}{d:02}{s:03}").into_bytes().try_into().unwrap();
            [&body[..], &[check_character(&body)]].concat().try_into().unwrap()
        })
    }

    proptest! {
        #[test]
        fn single_errors_and_transpositions_are_caught(number in numbers()) {
            prop_assert!(run(std::str::from_utf8(&number).unwrap()).is_ok());
            for place in 0..18 {
                for other in *b"0123456789X" {
                    let mut wrong = number;
                    wrong[place] = other;
                    prop_assert_eq!(run(std::str::from_utf8(&wrong).unwrap()).is_ok(), wrong == number);
                }
                let mut swapped = number;
                swapped.swap(place, (place + 1).min(17));
                prop_assert_eq!(run(std::str::from_utf8(&swapped).unwrap()).is_ok(), swapped == number);
            }
        }
    }
}

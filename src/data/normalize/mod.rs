//! Normalization of key cells: the named rules that both parties apply before anything is hashed.
//!
//! A rule is public and has a name, so that an agreement can list the rules of every key column and both
//! programs build the same bytes from the same person. Rules are applied in the order in which they are
//! listed; an empty list keeps the exact bytes of the cell. Every rule, applied twice, gives what it gives
//! when applied once.
//!
//! A cell that a rule cannot read is rejected with a [`RejectReason`], which never holds the cell's text.

pub mod credit_code;
pub mod mobile;
pub mod resident_id;
mod text;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tidegate_mpc::MAX_ITEM_BYTES;
use zeroize::Zeroize;

/// Longest key cell that is looked at, in bytes; longer ones are rejected before any rule sees them.
pub const MAX_KEY_CELL_BYTES: usize = 1 << 16;

/// One named step of normalization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Drops white space at both ends.
    Trim,
    /// Unicode NFKC (UAX #15).
    Nfkc,
    /// Upper case, by Unicode's full mapping.
    Upper,
    /// Lower case, by Unicode's full mapping.
    Lower,
    /// Full-width ASCII and the ideographic space to plain ASCII, nothing else.
    HalfWidth,
    /// Every run of white space to one U+0020.
    CollapseSpaces,
    /// NFKC, then the ASCII digits alone.
    Digits,
    /// Resident identity number, see [`resident_id`].
    ResidentId,
    /// Mobile number of mainland China, see [`mobile`].
    MobileCn,
    /// Unified social credit code, see [`credit_code`].
    CreditCode,
}

impl Rule {
    /// Every rule, in the order of the help text.
    pub const ALL: [Self; 10] = [
        Self::Trim,
        Self::Nfkc,
        Self::Upper,
        Self::Lower,
        Self::HalfWidth,
        Self::CollapseSpaces,
        Self::Digits,
        Self::ResidentId,
        Self::MobileCn,
        Self::CreditCode,
    ];

    /// Returns the name used in agreements and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::Nfkc => "nfkc",
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::HalfWidth => "half-width",
            Self::CollapseSpaces => "collapse-spaces",
            Self::Digits => "digits",
            Self::ResidentId => "resident-id",
            Self::MobileCn => "mobile-cn",
            Self::CreditCode => "credit-code",
        }
    }

    /// Says in one line what the rule does.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Trim => "drop white space at both ends",
            Self::Nfkc => "Unicode NFKC: full-width, circled and compatibility characters to plain ones",
            Self::Upper => "upper case",
            Self::Lower => "lower case",
            Self::HalfWidth => "full-width ASCII letters, digits, signs and spaces to plain ASCII",
            Self::CollapseSpaces => "every run of white space to one space",
            Self::Digits => "NFKC, then keep the digits 0-9 alone",
            Self::ResidentId => "GB 11643 resident identity number, checked; 15 digits become 18",
            Self::MobileCn => "mobile number of mainland China: 11 digits, +86 and separators dropped",
            Self::CreditCode => "GB 32100 unified social credit code, checked",
        }
    }

    /// Applies the rule to `text`; `out` is empty and receives the result unless it is `text` itself.
    fn apply(self, text: &str, out: &mut String) -> Result<Change, RejectReason> {
        match self {
            Self::Trim => Ok(text::trim(text, out)),
            Self::Nfkc => Ok(text::nfkc(text, out)),
            Self::Upper => Ok(text::upper(text, out)),
            Self::Lower => Ok(text::lower(text, out)),
            Self::HalfWidth => Ok(text::half_width(text, out)),
            Self::CollapseSpaces => Ok(text::collapse_spaces(text, out)),
            Self::Digits => Ok(text::digits(text, out)),
            Self::ResidentId => resident_id::normalize(text, out),
            Self::MobileCn => mobile::normalize(text, out),
            Self::CreditCode => credit_code::normalize(text, out),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no [`Rule`] bears.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no normalization rule `{name}`; rules are {}", Rule::ALL.map(Rule::name).join(", "))]
pub struct UnknownRule {
    /// The name that was given.
    pub name: String,
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(name: &str) -> Result<Self, UnknownRule> {
        let found = Self::ALL.into_iter().find(|rule| rule.name() == name);
        found.ok_or_else(|| UnknownRule { name: name.escape_debug().take(64).collect() })
    }
}

/// Why a key cell cannot be used; never holds the cell's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RejectReason {
    /// The cell is null.
    Null,
    /// Nothing is left after normalization.
    Empty,
    /// The cell or the composite key is longer than an item may be.
    TooLong,
    /// Not 18 or 15 characters of the right kinds.
    NotAResidentId,
    /// The birth date inside a resident identity number is not one.
    BadBirthDate,
    /// The check character does not fit the rest.
    BadCheckDigit,
    /// Not a mobile number of mainland China.
    NotAMobileNumber,
    /// Not 18 characters of the code's alphabet.
    NotACreditCode,
}

impl RejectReason {
    /// Returns the short name used in reports and rejects files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Empty => "empty",
            Self::TooLong => "too-long",
            Self::NotAResidentId => "not-a-resident-id",
            Self::BadBirthDate => "bad-birth-date",
            Self::BadCheckDigit => "bad-check-digit",
            Self::NotAMobileNumber => "not-a-mobile-number",
            Self::NotACreditCode => "not-a-credit-code",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a rule wrote a new text or found the old one in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Same,
    Rewritten,
}

/// Reusable buffers of [`Normalizer::normalize`], wiped on drop.
#[derive(Default)]
pub struct Scratch {
    text: String,
    next: String,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.text.zeroize();
        self.next.zeroize();
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

/// A list of rules, ready to be applied to the cells of one column.
///
/// # Examples
/// ```
/// use tidegate::data::normalize::{Normalizer, RejectReason, Rule, Scratch};
///
/// let ids = Normalizer::new(&[Rule::ResidentId]);
/// let mut scratch = Scratch::default();
/// assert_eq!(ids.normalize(" 110105 19491231 002x ", &mut scratch), Ok("11010519491231002X"));
/// assert_eq!(ids.normalize("110105194912310021", &mut scratch), Err(RejectReason::BadCheckDigit));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Normalizer {
    rules: Vec<Rule>,
}

impl Normalizer {
    /// Takes the rules in the order in which they are to be applied; none keeps the exact bytes.
    pub fn new(rules: &[Rule]) -> Self {
        Self { rules: rules.to_vec() }
    }

    /// Returns the normal form of a cell, which stands in the cell itself or in `scratch`.
    ///
    /// # Errors
    /// Says why the cell cannot serve as a key: a rule does not know its form, nothing is left of it, or
    /// it is longer than [`MAX_KEY_CELL_BYTES`] before or [`MAX_ITEM_BYTES`] after normalization.
    pub fn normalize<'a>(&self, cell: &'a str, scratch: &'a mut Scratch) -> Result<&'a str, RejectReason> {
        if cell.len() > MAX_KEY_CELL_BYTES {
            return Err(RejectReason::TooLong);
        }
        let mut rewritten = false;
        for rule in &self.rules {
            let Scratch { text, next } = &mut *scratch;
            next.clear();
            let current = if rewritten { text.as_str() } else { cell };
            if rule.apply(current, next)? == Change::Rewritten {
                std::mem::swap(text, next);
                rewritten = true;
            }
        }
        check_length(if rewritten { &scratch.text } else { cell })
    }
}

fn check_length(text: &str) -> Result<&str, RejectReason> {
    match text.len() {
        0 => Err(RejectReason::Empty),
        1..=MAX_ITEM_BYTES => Ok(text),
        _ => Err(RejectReason::TooLong),
    }
}

/// Applies a normalization as [`Rule::apply`] does and returns the text that results, for the rules' own tests.
#[cfg(test)]
fn applied(
    normalize: impl Fn(&str, &mut String) -> Result<Change, RejectReason>,
    text: &str,
) -> Result<String, RejectReason> {
    let mut out = String::new();
    normalize(text, &mut out).map(|change| if change == Change::Same { text.to_owned() } else { out })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(rules: &[Rule], cell: &str) -> Result<String, RejectReason> {
        Normalizer::new(rules).normalize(cell, &mut Scratch::default()).map(str::to_owned)
    }

    #[test]
    fn names_are_the_same_in_text_and_serde() {
        for rule in Rule::ALL {
            assert_eq!(rule.to_string().parse::<Rule>().unwrap(), rule);
            assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{rule}\""));
            assert!(!rule.description().is_empty());
        }
        let unknown = "Trim\n".parse::<Rule>().unwrap_err();
        assert!(unknown.to_string().starts_with("no normalization rule `Trim\\n`; rules are trim, nfkc"));
        for reason in [RejectReason::NotAResidentId, RejectReason::NotACreditCode, RejectReason::TooLong] {
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{reason}\""));
        }
    }

    #[test]
    fn rules_apply_in_order() {
        assert_eq!(run(&[Rule::Trim, Rule::Upper], " ab ").unwrap(), "AB");
        assert_eq!(run(&[Rule::HalfWidth, Rule::Lower, Rule::Trim], "\u{3000}ＡＢ１").unwrap(), "ab1");
        assert_eq!(run(&[Rule::Trim, Rule::CollapseSpaces], " a \t b ").unwrap(), "a b");
        assert_eq!(run(&[Rule::CollapseSpaces], " a \t b ").unwrap(), " a b ");
        assert_eq!(run(&[Rule::Digits], "No. ⑫-３4").unwrap(), "1234");
    }

    #[test]
    fn no_rule_keeps_the_bytes() {
        assert_eq!(run(&[], " 007 ").unwrap(), " 007 ");
        assert_eq!(run(&[], ""), Err(RejectReason::Empty));
    }

    #[test]
    fn lengths_are_bounded_before_and_after() {
        assert_eq!(run(&[Rule::Trim], "  "), Err(RejectReason::Empty));
        assert_eq!(run(&[], &"x".repeat(MAX_ITEM_BYTES + 1)), Err(RejectReason::TooLong));
        assert_eq!(run(&[], &"x".repeat(MAX_ITEM_BYTES)).unwrap().len(), MAX_ITEM_BYTES);
        assert_eq!(run(&[Rule::Trim], &" ".repeat(MAX_KEY_CELL_BYTES + 1)), Err(RejectReason::TooLong));
        assert_eq!(run(&[Rule::Nfkc], &"\u{fdfa}".repeat(1000)), Err(RejectReason::TooLong));
    }

    proptest! {
        #[test]
        fn every_rule_is_idempotent(cell in any::<String>()) {
            for rule in Rule::ALL {
                if let Ok(once) = run(&[rule], &cell) {
                    prop_assert_eq!(run(&[rule], &once), Ok(once), "{}", rule);
                }
            }
        }

        #[test]
        fn any_list_takes_any_text(rules in prop::collection::vec(prop::sample::select(&Rule::ALL[..]), 0..5),
                                   cell in "(\\PC|[0-9Ｘ\u{3000}\u{200b}-])*") {
            if let Ok(text) = run(&rules, &cell) {
                prop_assert!((1..=MAX_ITEM_BYTES).contains(&text.len()));
            }
        }

        #[test]
        fn a_used_scratch_does_not_matter(first in any::<String>(), second in any::<String>()) {
            let rules = Normalizer::new(&[Rule::Nfkc, Rule::Lower, Rule::Trim]);
            let mut scratch = Scratch::default();
            let _ = rules.normalize(&first, &mut scratch);
            let again = rules.normalize(&second, &mut scratch).map(str::to_owned);
            prop_assert_eq!(again, run(&[Rule::Nfkc, Rule::Lower, Rule::Trim], &second));
        }
    }
}

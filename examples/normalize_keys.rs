//! Brings cells that mean the same into one form, and refuses those that cannot be right.
//! Run: `cargo run --example normalize_keys`

use std::error::Error;
use std::io::{Write, stdout};

use tidegate::data::normalize::{Normalizer, RejectReason, Rule, Scratch};

fn main() -> Result<(), Box<dyn Error>> {
    let cases: [(&[Rule], &str, Result<&str, RejectReason>); 9] = [
        // Resident identity numbers: full-width digits, a small x, and 15 digits of the time before 1999.
        (&[Rule::ResidentId], "１１０１０５１９４９１２３１００２Ｘ", Ok("11010519491231002X")),
        (&[Rule::ResidentId], " 11010519491231002x", Ok("11010519491231002X")),
        (&[Rule::ResidentId], "110105491231002", Ok("11010519491231002X")),
        (&[Rule::ResidentId], "110105194912310021", Err(RejectReason::BadCheckDigit)),
        // Mobile numbers, names, codes.
        (&[Rule::MobileCn], "+86 138-0013-8000", Ok("13800138000")),
        (&[Rule::MobileCn], "010-12345678", Err(RejectReason::NotAMobileNumber)),
        (&[Rule::Nfkc, Rule::Trim, Rule::CollapseSpaces], " Ａｎｎ   Ｌｅｅ ", Ok("Ann Lee")),
        (&[Rule::Trim, Rule::Upper], " ab-12 ", Ok("AB-12")),
        (&[Rule::Digits], "no number", Err(RejectReason::Empty)),
    ];
    let mut scratch = Scratch::default();
    for (rules, cell, expected) in cases {
        let found = Normalizer::new(rules).normalize(cell, &mut scratch);
        assert_eq!(found, expected, "{cell}");
        let names: Vec<_> = rules.iter().map(|rule| rule.name()).collect();
        let shown = found.map_or_else(|reason| format!("refused: {reason}"), str::to_owned);
        writeln!(stdout(), "{:28} {cell:?} -> {shown}", names.join(","))?;
    }
    Ok(())
}

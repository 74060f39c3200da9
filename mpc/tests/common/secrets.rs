//! Secrets of a run, searched for in what it prints.
#![allow(dead_code, reason = "each user of this file needs a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

use std::fmt::Debug;

use tidegate_mpc::ItemSet;

/// Byte strings that no output may show, with a word for each.
pub(crate) struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    pub(crate) fn of_items(sets: &[&ItemSet]) -> Self {
        let items = |set: &ItemSet| (0..set.len()).map(|i| set.get(i).unwrap().to_vec()).collect::<Vec<_>>();
        let all = sets.iter().flat_map(|set| items(set));
        Self(all.map(|item| ("an item".to_owned(), item)).collect())
    }

    pub(crate) fn add(&mut self, what: &str, bytes: &[u8]) {
        assert!(bytes.len() >= 5, "shorter ones stand in any output by chance");
        self.0.push((what.to_owned(), bytes.to_vec()));
    }

    /// Requires that `shown` holds none of them: as text, as a list of numbers, in hex, or as one number.
    pub(crate) fn are_absent(&self, shown: &str, from: &str) {
        let packed: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
        let lower = packed.to_lowercase();
        for (what, bytes) in &self.0 {
            let list = |format: fn(&u8) -> String| bytes.iter().map(format).collect::<Vec<_>>();
            let mut forms = vec![
                list(|byte| byte.to_string()).join(","),
                list(|byte| format!("{byte:02x}")).concat(),
                list(|byte| format!("0x{byte:02x}")).join(","),
            ];
            forms.extend(std::str::from_utf8(bytes).ok().map(str::to_lowercase));
            if let Ok(number) = <[u8; 16]>::try_from(&bytes[..]) {
                forms.push(u128::from_be_bytes(number).to_string());
            }
            for form in forms {
                assert!(!lower.contains(&form), "{from} shows {what}: {shown}");
            }
        }
    }

    pub(crate) fn are_hidden_by(&self, value: &impl Debug) {
        let from = std::any::type_name_of_val(value);
        self.are_absent(&format!("{value:?}"), from);
        self.are_absent(&format!("{value:#?}"), from);
    }
}

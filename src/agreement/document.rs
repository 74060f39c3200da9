//! `agreement.toml`: the terms and the parties' signatures in one file.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tidegate_mpc::Protocol;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::{Agreement, AgreementError, Day, Terms, field, shown};
use crate::identity::{Identity, Signature};
use crate::whole_file::{self, Existing};

/// Largest file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Name of the tables that hold signatures.
const SIGNATURE_TABLES: &str = "signature";

/// An agreement with the signatures it has so far, each of which fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAgreement {
    agreement: Agreement,
    signatures: Vec<SignatureEntry>,
}

/// One party's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureEntry {
    /// The party's name.
    pub party: String,
    /// Its signature over the canonical form.
    pub signature: Signature,
}

impl SignedAgreement {
    /// Reads an agreement and checks its terms and the signatures it has; it may lack some.
    ///
    /// # Errors
    /// [`AgreementError::Read`], [`AgreementError::TooLarge`], [`AgreementError::Syntax`], and the errors of
    /// [`Agreement::new`] and [`Agreement::verify`].
    pub fn load(path: &Path) -> Result<Self, AgreementError> {
        Self::parse(path, &read(path)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, AgreementError> {
        let syntax =
            |message: String| AgreementError::Syntax { path: path.to_owned(), message: shown(&message) };
        let mut table: toml::Table = toml::from_str(text).map_err(|e| syntax(e.message().to_owned()))?;
        let signatures = match table.remove(SIGNATURE_TABLES) {
            Some(entries) => {
                entries.try_into().map_err(|e: toml::de::Error| syntax(e.message().to_owned()))?
            }
            None => Vec::new(),
        };
        let is_sum = table.get("protocol").and_then(toml::Value::as_str) == Some(Protocol::SumMasked.name());
        let of_a_sum = |error| if is_sum { AgreementError::OfASum(Box::new(error)) } else { error };
        let terms = table.try_into().map_err(|e: toml::de::Error| of_a_sum(syntax(e.message().to_owned())));
        let terms: Terms = terms?; // AGREE-1
        if terms.expires.is_none() {
            return Err(field("expires", "is missing; it is the last day of the agreement")); // AGREE-2
        }
        let signed = Self { agreement: Agreement::new(terms).map_err(of_a_sum)?, signatures };
        signed.verify()?;
        Ok(signed)
    }

    /// Returns the terms.
    pub fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// Names the parties that have signed.
    pub fn signers(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|entry| entry.party.as_str())
    }

    /// Checks that every party has signed, and the hub where there is one.
    ///
    /// # Errors
    /// [`AgreementError::Unsigned`].
    pub fn require_all(&self) -> Result<(), AgreementError> {
        let names = self.agreement.members().map(|(name, _)| name.to_owned());
        let parties: Vec<_> = names.filter(|name| !self.signers().any(|signer| signer == name)).collect();
        if parties.is_empty() { Ok(()) } else { Err(AgreementError::Unsigned { parties }) } // AGREE-3
    }

    fn verify(&self) -> Result<(), AgreementError> {
        for (index, entry) in self.signatures.iter().enumerate() {
            self.agreement.verify(&entry.party, &entry.signature)?; // AGREE-3
            if self.signers().take(index).any(|earlier| earlier == entry.party) {
                return Err(AgreementError::SignedTwice { party: entry.party.clone() }); // AGREE-3
            }
        }
        Ok(())
    }
}

/// Adds the signature of the owner of `identity` to the file, whose other text stays as it is.
///
/// # Errors
/// Those of [`SignedAgreement::load`], [`AgreementError::NotAParty`], [`AgreementError::Expired`],
/// [`AgreementError::SignedAlready`], and [`AgreementError::Write`].
pub fn sign_file(path: &Path, identity: &Identity) -> Result<SignedAgreement, AgreementError> {
    let text = read(path)?;
    let mut signed = SignedAgreement::parse(path, &text)?;
    let party = signed.agreement.member(&identity.public())?.name.to_string();
    signed.agreement.check_date(Day::today())?;
    if signed.signers().any(|signer| signer == party) {
        return Err(AgreementError::SignedAlready { party });
    }
    let signature = signed.agreement.sign(identity);
    let syntax = |e: toml_edit::TomlError| AgreementError::Syntax {
        path: path.to_owned(),
        message: shown(e.message()),
    };
    let mut document: DocumentMut = text.parse().map_err(syntax)?;
    let entry = document.entry(SIGNATURE_TABLES).or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(tables) = entry.as_array_of_tables_mut() else {
        let message = "`signature` is not a list of tables".to_owned();
        return Err(AgreementError::Syntax { path: path.to_owned(), message });
    };
    tables.push(signature_table(&party, &signature));
    signed.signatures.push(SignatureEntry { party, signature });
    write(path, &document.to_string(), Existing::Replace)?;
    Ok(signed)
}

fn signature_table(party: &str, signature: &Signature) -> Table {
    let mut table = Table::new();
    table.insert("party", value(party));
    table.insert("signature", value(signature.to_string()));
    table
}

/// Writes a new, unsigned agreement.
///
/// # Errors
/// [`AgreementError::Exists`] unless `force`, [`AgreementError::Write`].
pub fn write_new(path: &Path, agreement: &Agreement, force: bool) -> Result<(), AgreementError> {
    let existing = if force { Existing::Replace } else { Existing::Keep };
    write(path, &to_toml(agreement), existing)
}

/// Returns the terms as the text of a file.
pub fn to_toml(agreement: &Agreement) -> String {
    toml::to_string(agreement.terms()).expect("terms are strings, integers, lists and tables")
}

fn read(path: &Path) -> Result<String, AgreementError> {
    let failed = |source| AgreementError::Read { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    let read = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(AgreementError::TooLarge { path: path.to_owned(), max: MAX_FILE_BYTES });
    }
    Ok(text)
}

/// Writes the whole text or nothing.
fn write(path: &Path, text: &str, existing: Existing) -> Result<(), AgreementError> {
    whole_file::write(path, text.as_bytes(), existing).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => AgreementError::Exists { path: path.to_owned() },
        // Only the kind: the text names a temporary file.
        kind => AgreementError::Write { path: path.to_owned(), source: kind.into() },
    })
}

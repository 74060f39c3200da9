//! Bounded, canonical encoding of messages: little-endian integers, u16-prefixed names, no slack.
//!
//! Nothing is allocated here: fields borrow from the message, whose length the transport has bounded.

/// Why bytes are not the encoding of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformation {
    /// They end too early.
    #[error("it ends too early")]
    Truncated,
    /// Bytes follow the end.
    #[error("{extra} bytes follow its end")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// A field holds a value that no honest party sends.
    #[error("its field `{field}` holds no allowed value")]
    Field {
        /// The field's name.
        field: &'static str,
    },
}

/// Reads fields off the front of a message.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Takes `len` bytes.
    ///
    /// # Errors
    /// [`Malformation::Truncated`].
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformation> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformation::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Takes N bytes.
    ///
    /// # Errors
    /// [`Malformation::Truncated`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformation> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformation::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// Takes a byte.
    ///
    /// # Errors
    /// [`Malformation::Truncated`].
    pub fn u8(&mut self) -> Result<u8, Malformation> {
        self.array().map(u8::from_le_bytes)
    }

    /// Takes two bytes, little-endian.
    ///
    /// # Errors
    /// [`Malformation::Truncated`].
    pub fn u16(&mut self) -> Result<u16, Malformation> {
        self.array().map(u16::from_le_bytes)
    }

    /// Takes four bytes, little-endian.
    ///
    /// # Errors
    /// [`Malformation::Truncated`].
    pub fn u32(&mut self) -> Result<u32, Malformation> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes eight bytes, little-endian.
    ///
    /// # Errors
    /// [`Malformation::Truncated`].
    pub fn u64(&mut self) -> Result<u64, Malformation> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes a byte that is 0 or 1.
    ///
    /// # Errors
    /// [`Malformation::Truncated`], [`Malformation::Field`].
    pub fn bool(&mut self, field: &'static str) -> Result<bool, Malformation> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformation::Field { field }),
        }
    }

    /// Reads a text of at most `max` bytes behind its u16 length.
    ///
    /// # Errors
    /// [`Malformation::Truncated`], [`Malformation::Field`].
    pub fn text(&mut self, field: &'static str, max: usize) -> Result<&'a str, Malformation> {
        let len = usize::from(self.u16()?);
        if len > max {
            return Err(Malformation::Field { field });
        }
        std::str::from_utf8(self.bytes(len)?).map_err(|_| Malformation::Field { field })
    }

    /// Returns what is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// [`Malformation::Trailing`].
    pub fn finish(self) -> Result<(), Malformation> {
        match self.0.len() {
            0 => Ok(()),
            extra => Err(Malformation::Trailing { extra }),
        }
    }
}

/// Appends a text behind its u16 length; the program's own texts are short.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    let len = u16::try_from(text.len()).expect("names are at most 64 bytes");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_in_order() {
        let mut bytes = vec![1, 2, 0, 3, 0, 0, 0];
        put_text(&mut bytes, "name");
        let mut reader = Reader::new(&bytes);
        assert_eq!((reader.bool("flag"), reader.u16(), reader.u32()), (Ok(true), Ok(2), Ok(3)));
        assert_eq!((reader.text("name", 4), reader.finish()), (Ok("name"), Ok(())));
    }

    #[test]
    fn short_long_and_wrong_fields_are_told_apart() {
        assert_eq!(Reader::new(&[1]).u16(), Err(Malformation::Truncated));
        assert_eq!(Reader::new(&[1]).finish(), Err(Malformation::Trailing { extra: 1 }));
        assert_eq!(Reader::new(&[2]).bool("flag"), Err(Malformation::Field { field: "flag" }));
        assert_eq!(Reader::new(&[5, 0, 1]).text("name", 4), Err(Malformation::Field { field: "name" }));
        assert_eq!(Reader::new(&[1, 0, 0xff]).text("name", 4), Err(Malformation::Field { field: "name" }));
    }
}

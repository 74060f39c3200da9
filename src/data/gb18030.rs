//! GB 18030 text as a stream of UTF-8 bytes.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult, GB18030};
use zeroize::Zeroize;

/// Bytes of decoded text that are held at once.
const OUT_BYTES: usize = 1 << 16;

/// Decodes GB 18030; malformed bytes are [`io::ErrorKind::InvalidData`], raised behind the last good text.
pub(super) struct Gb18030Reader<R> {
    input: R,
    decoder: Decoder,
    out: Vec<u8>,
    /// The decoded part of `out` that was not consumed.
    start: usize,
    end: usize,
    state: Decoding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Decoding {
    Going,
    Malformed,
    Finished,
}

impl<R: BufRead> Gb18030Reader<R> {
    pub(super) fn new(input: R) -> Self {
        let decoder = GB18030.new_decoder_without_bom_handling();
        Self { input, decoder, out: vec![0; OUT_BYTES], start: 0, end: 0, state: Decoding::Going }
    }

    fn decode(&mut self) -> io::Result<()> {
        let bytes = self.input.fill_buf()?;
        let is_last = bytes.is_empty();
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.out, is_last);
        self.input.consume(read);
        (self.start, self.end) = (0, written);
        self.state = match result {
            DecoderResult::Malformed(..) => Decoding::Malformed,
            DecoderResult::InputEmpty if is_last => Decoding::Finished,
            DecoderResult::InputEmpty | DecoderResult::OutputFull => Decoding::Going,
        };
        Ok(())
    }
}

impl<R: BufRead> BufRead for Gb18030Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.start == self.end && self.state == Decoding::Going {
            self.decode()?;
        }
        if self.start == self.end && self.state == Decoding::Malformed {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(self.out.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.start = (self.start + amount).min(self.end);
    }
}

impl<R: BufRead> Read for Gb18030Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R> Drop for Gb18030Reader<R> {
    fn drop(&mut self) {
        self.out.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8], chunk: usize) -> (String, io::Result<()>) {
        let mut reader = Gb18030Reader::new(BufReader::with_capacity(chunk, bytes));
        let mut text = Vec::new();
        loop {
            match reader.fill_buf() {
                Ok([]) => return (String::from_utf8(text).unwrap(), Ok(())),
                Ok(more) => {
                    text.extend_from_slice(more);
                    let len = more.len();
                    reader.consume(len);
                }
                Err(error) => return (String::from_utf8(text).unwrap(), Err(error)),
            }
        }
    }

    #[test]
    fn text_before_malformed_bytes_is_delivered() {
        for tail in [&b"\xff"[..], b"\x81", b"\x81\x30"] {
            let (text, result) = decode(&[b"\xd5\xc5\xc8\xfd\n".as_slice(), tail].concat(), 3);
            assert_eq!(text, "张三\n");
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>(), repeat in 1..2000usize, chunk in 1..50usize) {
            let text = text.repeat(repeat);
            let (bytes, _, has_gaps) = GB18030.encode(&text);
            prop_assume!(!has_gaps && bytes.len() < 1 << 18);
            prop_assert_eq!(decode(&bytes, chunk).0, text);
        }
    }
}

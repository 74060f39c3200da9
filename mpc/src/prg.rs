//! Mask generation: a key of 32 bytes stretched to a stream that can be entered at any block.
//!
//! | suite | stream | source |
//! |---|---|---|
//! | 1 | AES-128 in counter mode, from the first 16 bytes of the key | FIPS 197, NIST SP 800-38A §6.5 |
//! | 2 | AES-256 in counter mode | same |
//! | 3 | ChaCha20, for machines without AES instructions | RFC 8439 §2.4 |
//!
//! The counter of AES is the first eight bytes of its block, little-endian; that of ChaCha20 is as in its RFC.
//! All start at zero under a nonce of zeros: every key is used for one stream.

use std::fmt;

use aes::{Aes128Enc, Aes256Enc};
use chacha20::{ChaChaCore, R20, variants::Ietf};
use ctr::cipher::consts::U16;
use ctr::cipher::{
    Array, BlockCipherEncrypt, InnerIvInit, KeyInit, KeyIvInit, StreamCipherCore, StreamCipherSeekCore,
};
use ctr::{CtrCore, flavors::Ctr64LE};
use zeroize::Zeroizing;

/// Bytes of a key, whatever the suite takes of them.
pub(crate) const KEY_BYTES: usize = 32;

/// A suite of mask generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// AES-128 in counter mode: the fastest where the processor has AES instructions.
    Aes128Ctr,
    /// AES-256 in counter mode.
    Aes256Ctr,
    /// ChaCha20: for processors without AES instructions.
    ChaCha20,
}

impl Suite {
    /// All suites.
    pub const ALL: [Self; 3] = [Self::Aes128Ctr, Self::Aes256Ctr, Self::ChaCha20];

    /// Returns the name used in agreements and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes128Ctr => "aes128-ctr",
            Self::Aes256Ctr => "aes256-ctr",
            Self::ChaCha20 => "chacha20",
        }
    }

    /// Returns the number that is bound into a task.
    pub(crate) fn id(self) -> u8 {
        match self {
            Self::Aes128Ctr => 1,
            Self::Aes256Ctr => 2,
            Self::ChaCha20 => 3,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

type ChaCha20Core = ChaChaCore<R20, Ietf>;

/// A stream of masks; its key is wiped on drop.
pub(crate) enum Keystream {
    Aes128(Aes128Enc),
    Aes256(Aes256Enc),
    ChaCha20(Zeroizing<[u8; KEY_BYTES]>),
}

impl Keystream {
    pub(crate) fn new(suite: Suite, key: &[u8; KEY_BYTES]) -> Self {
        match suite {
            Suite::Aes128Ctr => {
                let short: &[u8; 16] = key.first_chunk().expect("16 bytes are a part of 32");
                Self::Aes128(Aes128Enc::new(short.into()))
            }
            Suite::Aes256Ctr => Self::Aes256(Aes256Enc::new(key.into())),
            Suite::ChaCha20 => Self::ChaCha20(Zeroizing::new(*key)),
        }
    }

    /// Writes the bytes of the stream from `offset` on; both it and the length are multiples of 64.
    pub(crate) fn fill(&self, offset: usize, out: &mut [u8]) {
        debug_assert!(offset.is_multiple_of(64), "streams are entered at whole blocks");
        match self {
            Self::Aes128(cipher) => write(counter_mode(cipher.clone(), offset), out),
            Self::Aes256(cipher) => write(counter_mode(cipher.clone(), offset), out),
            Self::ChaCha20(key) => {
                let mut core = ChaCha20Core::new((&**key).into(), &Array::default());
                // Vectors are below 2^32 blocks.
                core.set_block_pos(u32::try_from(offset / 64).unwrap_or(u32::MAX));
                write(core, out);
            }
        }
    }
}

fn counter_mode<C>(cipher: C, offset: usize) -> CtrCore<C, Ctr64LE>
where
    C: BlockCipherEncrypt<BlockSize = U16>,
{
    let mut core = CtrCore::inner_iv_init(cipher, &Array::default());
    core.set_block_pos(offset as u64 / 16);
    core
}

fn write<C: StreamCipherCore>(mut core: C, out: &mut [u8]) {
    let (blocks, slack) = Array::<u8, C::BlockSize>::slice_as_chunks_mut(out);
    debug_assert!(slack.is_empty(), "masks are made in whole blocks");
    core.write_keystream_blocks(blocks);
}

impl fmt::Debug for Keystream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keystream(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    fn stream(suite: Suite, key: &str, len: usize) -> Vec<u8> {
        let mut whole = [0; KEY_BYTES];
        let given = bytes(key);
        whole[..given.len()].copy_from_slice(&given);
        let mut out = vec![0; len];
        Keystream::new(suite, &whole).fill(0, &mut out);
        out
    }

    /// The first block of each is the encryption of zeros: the known answers of FIPS 197 and of NIST's
    /// algorithm validation suite; RFC 8439 appendix A.1, vectors 1 and 2.
    #[test]
    fn streams_match_published_vectors() {
        let aes128 = stream(Suite::Aes128Ctr, "00000000000000000000000000000000", 64);
        assert_eq!(aes128[..16], bytes("66e94bd4ef8a2c3b884cfa59ca342b2e"));
        let aes256 = stream(Suite::Aes256Ctr, &"00".repeat(32), 64);
        assert_eq!(aes256[..16], bytes("dc95c078a2408989ad48a21492842087"));
        let chacha = stream(Suite::ChaCha20, &"00".repeat(32), 128);
        assert_eq!(chacha[..32], bytes("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"));
        assert_eq!(chacha[64..96], bytes("9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"));
    }

    /// The counter counts in the first eight bytes, little-endian: the second block of the stream is the encryption
    /// of 01 00 .. 00 by the block cipher alone.
    #[test]
    fn the_counter_is_little_endian() {
        let key = [0; 16];
        let mut block = Array::from([0u8; 16]);
        block[0] = 1;
        Aes128Enc::new(&key.into()).encrypt_block(&mut block);
        assert_eq!(stream(Suite::Aes128Ctr, &"00".repeat(16), 64)[16..32], block[..]);
    }

    #[test]
    fn a_stream_entered_in_the_middle_is_the_same() {
        for suite in Suite::ALL {
            let keystream = Keystream::new(suite, &[7; KEY_BYTES]);
            let mut whole = vec![0; 1 << 12];
            keystream.fill(0, &mut whole);
            for offset in [64, 1024, 4032] {
                let mut part = vec![0; whole.len() - offset];
                keystream.fill(offset, &mut part);
                assert_eq!(part, whole[offset..], "{suite} from {offset}");
            }
        }
    }
}

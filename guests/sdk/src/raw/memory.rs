//! The buffer that belongs to the host, and views into it.
//!
//! An address is good for a view where all of it lies in the buffer, at a multiple of the size of its elements, and
//! in no view that is written to. So a host that hands over nonsense gets [`Stop::CONTRACT`], and never two
//! references to one byte of which one writes.

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::mem::{align_of, size_of};
use core::slice;

use crate::stop::Stop;

/// Alignment of the buffer.
const LINE_BYTES: usize = 64;

/// Most views that are written to: the cells and sixteen measures.
pub(crate) const MAX_WRITTEN: usize = 17;

/// Where the buffer begins outside of WebAssembly, where addresses are wider than the contract's.
#[cfg(not(target_arch = "wasm32"))]
const NATIVE_ADDRESS: u32 = 1 << 16;

#[derive(Clone, Copy)]
#[repr(align(64))]
// Its bytes are read by address.
#[allow(dead_code)]
struct Line([u8; LINE_BYTES]);

/// The buffer: the guest's memory, into which the host writes between calls.
pub(crate) struct Buffer {
    lines: Vec<Line>,
    bytes: u32,
}

impl Buffer {
    /// Returns the buffer that no host has asked for yet.
    pub(crate) const fn none() -> Self {
        Self { lines: Vec::new(), bytes: 0 }
    }

    /// Reserves a buffer of so many bytes; nothing where there is no room.
    pub(crate) fn reserve(bytes: u32) -> Option<Self> {
        let lines_len = (usize::try_from(bytes).ok()? / LINE_BYTES).checked_add(1)?;
        let mut lines = Vec::new();
        lines.try_reserve_exact(lines_len).ok()?;
        lines.resize(lines_len, Line([0; LINE_BYTES]));
        Some(Self { lines, bytes })
    }

    /// Returns the address by which the host knows the buffer.
    pub(crate) fn address(&self) -> u32 {
        #[cfg(target_arch = "wasm32")]
        return self.lines.as_ptr() as u32;
        #[cfg(not(target_arch = "wasm32"))]
        NATIVE_ADDRESS
    }

    /// Lends the whole buffer for one call.
    pub(crate) fn memory(&mut self) -> Memory<'_> {
        let (address, bytes) = (self.address(), self.bytes);
        let region = Region { start: self.lines.as_mut_ptr().cast(), address, bytes, lent: PhantomData };
        Memory { region, written: [(0, 0); MAX_WRITTEN], written_len: 0 }
    }

    /// Returns the bytes, for the one who plays the host.
    #[cfg(feature = "native")]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let bytes = self.bytes as usize;
        // SAFETY: `lines` has more bytes than `bytes` (reserve), all of them initialized, and is borrowed for as long.
        unsafe { slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), bytes) }
    }
}

/// Numbers of which every pattern of bits is a value, without padding.
pub(crate) trait Plain: Copy + private::Sealed {}

mod private {
    pub(crate) trait Sealed {}
}

macro_rules! plain {
    ($($number:ty),*) => { $( impl Plain for $number {} impl private::Sealed for $number {} )* };
}

plain!(u8, u32, i32, i64, f64);

/// The buffer for one call, before views that are written to are set apart.
pub(crate) struct Memory<'a> {
    region: Region<'a>,
    /// From and to, of each view that is written to.
    written: [(u64, u64); MAX_WRITTEN],
    written_len: usize,
}

impl<'a> Memory<'a> {
    /// Reads a number of a description.
    pub(crate) fn word(&self, address: u32) -> Result<u32, Stop> {
        let written = self.written.get(..self.written_len).ok_or(Stop::CONTRACT)?;
        self.region.word(address, written)
    }

    /// Sets `len` numbers apart to be written to.
    pub(crate) fn lend_mut<T: Plain>(&mut self, address: u32, len: u32) -> Result<&'a mut [T], Stop> {
        let written = self.written.get(..self.written_len).ok_or(Stop::CONTRACT)?;
        let view = self.region.locate::<T>(address, len, written)?;
        *self.written.get_mut(self.written_len).ok_or(Stop::CONTRACT)? = (view.from, view.to);
        self.written_len += 1;
        // SAFETY: `locate` found `len` aligned and initialized elements within the buffer, which is borrowed for `'a`,
        // outside of every view set apart before; this one is noted, so none after it overlaps it either.
        // References to be read come out of `seal` alone, which takes `self` and with it this function.
        Ok(unsafe { slice::from_raw_parts_mut(view.start.cast(), view.len) })
    }

    /// Ends setting apart: what is lent from now on is read only.
    pub(crate) fn seal(self) -> Sealed<'a> {
        Sealed { region: self.region, written: self.written, written_len: self.written_len }
    }
}

/// The buffer for one call, to be read beside what was set apart.
pub(crate) struct Sealed<'a> {
    region: Region<'a>,
    written: [(u64, u64); MAX_WRITTEN],
    written_len: usize,
}

impl<'a> Sealed<'a> {
    /// Reads a number of a description.
    pub(crate) fn word(&self, address: u32) -> Result<u32, Stop> {
        self.region.word(address, self.written()?)
    }

    /// Lends `len` numbers to be read.
    pub(crate) fn lend<T: Plain>(&self, address: u32, len: u32) -> Result<&'a [T], Stop> {
        let view = self.region.locate::<T>(address, len, self.written()?)?;
        // SAFETY: `locate` found `len` aligned and initialized elements within the buffer, which is borrowed for `'a`,
        // outside of every view that is written to; there will be no other such view, as `seal` took their source.
        Ok(unsafe { slice::from_raw_parts(view.start.cast(), view.len) })
    }

    fn written(&self) -> Result<&[(u64, u64)], Stop> {
        self.written.get(..self.written_len).ok_or(Stop::CONTRACT)
    }
}

/// Bytes that are borrowed for `'a`.
struct Region<'a> {
    start: *mut u8,
    address: u32,
    bytes: u32,
    lent: PhantomData<&'a mut [u8]>,
}

/// A place in the buffer that was looked at.
struct View {
    start: *mut u8,
    len: usize,
    from: u64,
    to: u64,
}

impl Region<'_> {
    fn word(&self, address: u32, written: &[(u64, u64)]) -> Result<u32, Stop> {
        let view = self.locate::<u32>(address, 1, written)?;
        // SAFETY: `locate` found one aligned and initialized `u32` within the buffer, outside of every view that is
        // written to; it is copied at once.
        Ok(unsafe { view.start.cast::<u32>().read() })
    }

    /// Finds `len` elements at an address; nowhere where there are none, whatever the address.
    fn locate<T: Plain>(&self, address: u32, len: u32, written: &[(u64, u64)]) -> Result<View, Stop> {
        if len == 0 {
            return Ok(View { start: align_of::<T>() as *mut u8, len: 0, from: 0, to: 0 });
        }
        let from = u64::from(address).checked_sub(u64::from(self.address)).ok_or(Stop::CONTRACT)?;
        let to = from + u64::from(len) * size_of::<T>() as u64;
        let overlaps = written.iter().any(|&(start, end)| from < end && start < to);
        if to > u64::from(self.bytes) || overlaps {
            return Err(Stop::CONTRACT);
        }
        let offset = usize::try_from(from).map_err(|_| Stop::CONTRACT)?;
        let start = self.start.wrapping_add(offset);
        if start as usize % align_of::<T>() != 0 {
            return Err(Stop::CONTRACT);
        }
        Ok(View { start, len: usize::try_from(len).map_err(|_| Stop::CONTRACT)?, from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_end_with_the_buffer() {
        let mut buffer = Buffer::reserve(128).unwrap();
        let start = buffer.address();
        let memory = buffer.memory().seal();
        assert_eq!(memory.lend::<f64>(start, 16).unwrap().len(), 16);
        assert_eq!(memory.lend::<f64>(start + 8, 16), Err(Stop::CONTRACT));
        assert_eq!(memory.lend::<u8>(start + 127, 1).unwrap(), [0]);
        assert_eq!(memory.lend::<u8>(start + 128, 1), Err(Stop::CONTRACT));
        assert_eq!(memory.lend::<u8>(start - 1, 1), Err(Stop::CONTRACT));
        assert_eq!(memory.lend::<f64>(u32::MAX, u32::MAX), Err(Stop::CONTRACT));
        assert_eq!(memory.lend::<f64>(start, u32::MAX), Err(Stop::CONTRACT));
    }

    #[test]
    fn nothing_lies_anywhere() {
        let mut buffer = Buffer::reserve(0).unwrap();
        let memory = buffer.memory().seal();
        assert!(memory.lend::<f64>(3, 0).unwrap().is_empty());
        assert_eq!(memory.lend::<u8>(buffer_start(), 1), Err(Stop::CONTRACT));
    }

    fn buffer_start() -> u32 {
        Buffer::none().address()
    }

    #[test]
    fn elements_are_aligned() {
        let mut buffer = Buffer::reserve(128).unwrap();
        let start = buffer.address();
        let memory = buffer.memory().seal();
        assert_eq!(memory.lend::<f64>(start + 4, 1), Err(Stop::CONTRACT));
        assert_eq!(memory.lend::<u32>(start + 4, 1).unwrap(), [0]);
        assert_eq!(memory.word(start + 2), Err(Stop::CONTRACT));
    }

    #[test]
    fn what_is_written_to_is_in_no_other_view() {
        let mut buffer = Buffer::reserve(128).unwrap();
        let start = buffer.address();
        let mut memory = buffer.memory();
        let written = memory.lend_mut::<u32>(start + 32, 4).unwrap();
        written.fill(7);
        assert_eq!(memory.lend_mut::<u32>(start + 44, 4), Err(Stop::CONTRACT));
        assert_eq!(memory.word(start + 32), Err(Stop::CONTRACT));
        let beside = memory.lend_mut::<u32>(start + 48, 4).unwrap();
        let sealed = memory.seal();
        assert_eq!(sealed.lend::<u8>(start + 31, 2), Err(Stop::CONTRACT));
        assert_eq!(sealed.lend::<u8>(start, 128), Err(Stop::CONTRACT));
        assert_eq!(sealed.word(start + 60), Err(Stop::CONTRACT));
        assert_eq!(sealed.lend::<u8>(start, 32).unwrap(), [0; 32]);
        assert_eq!((written[3], beside[0]), (7, 0));
    }

    #[test]
    fn no_more_views_are_written_to_than_are_noted() {
        let mut buffer = Buffer::reserve(128).unwrap();
        let start = buffer.address();
        let mut memory = buffer.memory();
        for place in 0..17 {
            memory.lend_mut::<u8>(start + place, 1).unwrap();
        }
        assert_eq!(memory.lend_mut::<u8>(start + 17, 1), Err(Stop::CONTRACT));
    }
}

//! An algorithm between the calls of its host: the functions of the contract, without addresses of what they return.

use alloc::vec::Vec;

use crate::algorithm::{Aggregate, Derive, Mapper, Merge, Outcome};
use crate::batch::{Batch, Output};
use crate::bytes::{Reader, Writer};
use crate::figures::Figures;
use crate::raw::memory::Buffer;
use crate::setup::Setup;
use crate::stop::Stop;

/// An algorithm and the buffer of its host.
pub(crate) struct Instance<T> {
    pub(crate) buffer: Buffer,
    algorithm: Option<T>,
}

impl<T> Instance<T> {
    pub(crate) const fn new() -> Self {
        Self { buffer: Buffer::none(), algorithm: None }
    }

    /// Reserves the buffer; 0 where there is no room.
    pub(crate) fn reserve(&mut self, bytes: u32) -> u32 {
        match Buffer::reserve(bytes) {
            Some(buffer) => {
                self.buffer = buffer;
                self.buffer.address()
            }
            None => 0,
        }
    }

    pub(crate) fn init(
        &mut self,
        setup: u32,
        new: impl FnOnce(&Setup<'_>) -> Result<T, Stop>,
    ) -> Result<(), Stop> {
        let setup = Setup::read(self.buffer.memory().seal(), setup)?;
        self.algorithm = Some(new(&setup)?);
        Ok(())
    }
}

impl<M: Mapper> Instance<M> {
    pub(crate) fn map(&mut self, batch: u32) -> Result<(), Stop> {
        let (batch, mut output) = Output::read(self.buffer.memory(), batch, M::MEASURES)?;
        self.algorithm.as_mut().ok_or(Stop::ORDER)?.map(&batch, &mut output)
    }
}

impl<M: Derive> Instance<M> {
    pub(crate) fn derive(&mut self, figures: u32) -> Result<Vec<f64>, Stop> {
        let figures = Figures::read(&self.buffer.memory().seal(), figures)?;
        self.algorithm.as_ref().ok_or(Stop::ORDER)?.derive(&figures)
    }
}

impl<A: Aggregate> Instance<A> {
    pub(crate) fn update(&mut self, batch: u32) -> Result<(), Stop> {
        let batch = Batch::read(self.buffer.memory(), batch)?;
        self.algorithm.as_mut().ok_or(Stop::ORDER)?.update(&batch)
    }

    pub(crate) fn finish(&mut self) -> Result<Outcome, Stop> {
        self.algorithm.as_mut().ok_or(Stop::ORDER)?.finish()
    }
}

impl<A: Merge> Instance<A> {
    pub(crate) fn state(&self) -> Result<Vec<u8>, Stop> {
        let mut writer = Writer::new();
        self.algorithm.as_ref().ok_or(Stop::ORDER)?.state(&mut writer);
        Ok(writer.into_bytes())
    }

    pub(crate) fn merge(&mut self, state: u32, len: u32) -> Result<(), Stop> {
        let mut reader = Reader::new(self.buffer.memory().seal().lend(state, len)?);
        self.algorithm.as_mut().ok_or(Stop::ORDER)?.merge(&mut reader)?;
        reader.end()
    }
}

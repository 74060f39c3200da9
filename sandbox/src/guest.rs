//! An instance of a module: its functions, and its memory, of which nothing is believed.

use wasmtime::{Instance, Memory, Store, Trap, TypedFunc, WasmParams};

use crate::error::{Error, Step, Stop};
use crate::layout::{ALIGNMENT, Region};
use crate::limits::Guard;
use crate::module::one_line;
use crate::usage::Run;

#[cfg(target_endian = "big")]
compile_error!("guests see memory as the host writes it, which is little-endian");

/// An instance with a buffer for the host.
pub(crate) struct Guest<'j> {
    run: &'j Run<'j>,
    store: Store<Guard>,
    instance: Instance,
    memory: Memory,
    base: u32,
}

impl<'j> Guest<'j> {
    /// Makes an instance with a buffer of `bytes` bytes.
    pub(crate) fn new(run: &'j Run<'j>, bytes: u64) -> Result<Self, Error> {
        let job = run.job;
        let compiled = &job.module.compiled;
        let mut store = Store::new(compiled.engine(), Guard::new(&job.limits));
        store.limiter(|guard| guard);
        let ticks = run.clock.ticks_left().ok_or_else(|| stop(Step::Instantiate, Stop::Time))?;
        store.set_epoch_deadline(ticks);
        store.set_fuel(job.limits.fuel_per_call).map_err(Error::engine("set fuel"))?;
        let instance = match Instance::new(&mut store, compiled, &[]) {
            Ok(instance) => instance,
            Err(error) => return Err(stopped(Step::Instantiate, &mut store, &error)),
        };
        let memory = instance.get_memory(&mut store, "memory");
        let memory = memory.ok_or(Error::Module(crate::module::Refusal::NoExport("memory")))?;
        let mut guest = Self { run, store, instance, memory, base: 0 };
        guest.base = guest.reserve(bytes)?;
        Ok(guest)
    }

    /// Asks for the host's buffer.
    fn reserve(&mut self, bytes: u64) -> Result<u32, Error> {
        let memory = self.memory.data_size(&self.store);
        let outside = |address| Stop::Outside { what: "buffer", address, len: bytes, memory };
        let asked = i32::try_from(bytes).map_err(|_| stop(Step::Buffer, outside(0)))?;
        let base = self.call(Step::Buffer, asked, 0)?.cast_unsigned();
        if base == 0 || self.at("buffer", base, bytes, ALIGNMENT).is_err() {
            let memory = self.memory.data_size(&self.store);
            return Err(stop(
                Step::Buffer,
                Stop::Outside { what: "buffer", address: base, len: bytes, memory },
            ));
        }
        Ok(base)
    }

    /// Returns the address of the buffer.
    pub(crate) fn base(&self) -> u32 {
        self.base
    }

    /// Returns the address of a region of the buffer.
    pub(crate) fn address(&self, region: Region) -> u32 {
        self.base.saturating_add(region.offset)
    }

    /// Calls a function of one number that returns a status, with fuel for `rows` rows.
    pub(crate) fn take(&mut self, step: Step, address: u32, rows: usize) -> Result<(), Error> {
        match self.call(step, address.cast_signed(), rows)? {
            0 => Ok(()),
            status => Err(stop(step, Stop::Status(status))),
        }
    }

    /// Calls `sbx_merge`.
    pub(crate) fn merge(&mut self, address: u32, len: u32) -> Result<(), Error> {
        match self.call(Step::Merge, (address.cast_signed(), len.cast_signed()), 0)? {
            0 => Ok(()),
            status => Err(stop(Step::Merge, Stop::Status(status))),
        }
    }

    /// Calls a function that returns an address, 0 where the guest gives up.
    pub(crate) fn ask<P: WasmParams>(&mut self, step: Step, parameters: P) -> Result<u32, Error> {
        match self.call(step, parameters, 0)?.cast_unsigned() {
            0 => Err(stop(step, Stop::GaveUp)),
            address => Ok(address),
        }
    }

    fn call<P: WasmParams>(&mut self, step: Step, parameters: P, rows: usize) -> Result<i32, Error> {
        let limits = &self.run.job.limits;
        let fuel = limits.fuel_per_call.saturating_add(limits.fuel_per_row.saturating_mul(rows as u64));
        self.store.set_fuel(fuel).map_err(Error::engine("set fuel"))?;
        let function: TypedFunc<P, i32> = self
            .instance
            .get_typed_func(&mut self.store, step.name())
            .map_err(Error::engine("find an export that was checked"))?;
        let called = function.call(&mut self.store, parameters);
        let left = self.store.get_fuel().unwrap_or(0);
        self.run.count(fuel.saturating_sub(left), self.memory.data_size(&self.store));
        match called {
            Ok(found) => Ok(found),
            Err(error) => Err(stopped(step, &mut self.store, &error)),
        }
    }

    /// Returns a region of the buffer.
    pub(crate) fn region(&mut self, region: Region) -> &mut [u8] {
        let start = self.base as usize + region.offset as usize;
        let bytes = self.memory.data_mut(&mut self.store);
        // The whole buffer was seen to be inside the memory, which never shrinks.
        bytes.get_mut(start..start + region.bytes as usize).unwrap_or_default()
    }

    /// Returns the whole buffer.
    pub(crate) fn buffer(&self) -> &[u8] {
        self.memory.data(&self.store).get(self.base as usize..).unwrap_or_default()
    }

    /// Returns the bytes at an address that the guest gave, if all of them are inside its memory.
    pub(crate) fn at(
        &self,
        what: &'static str,
        address: u32,
        len: u64,
        alignment: u32,
    ) -> Result<&[u8], Stop> {
        let data = self.memory.data(&self.store);
        let outside = Stop::Outside { what, address, len, memory: data.len() };
        let end = u64::from(address).checked_add(len);
        let end = end.and_then(|end| usize::try_from(end).ok()).ok_or_else(|| outside.clone())?;
        let bytes = data.get(address as usize..end).ok_or(outside)?;
        if address.is_multiple_of(alignment) {
            Ok(bytes)
        } else {
            Err(Stop::Alignment { what, address, alignment })
        }
    }

    /// Reads `N` words at an address that the guest gave.
    pub(crate) fn words<const N: usize>(&self, what: &'static str, address: u32) -> Result<[u32; N], Stop> {
        let bytes = self.at(what, address, 4 * N as u64, 4)?;
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Ok(words)
    }

    /// Reads numbers at an address that the guest gave; each is finite or, where it is missing, `None`.
    pub(crate) fn numbers(&self, address: u32, found: u32, len: usize) -> Result<Vec<Option<f64>>, Stop> {
        if found as usize != len {
            let (found, allowed) = (found.into(), len as u64);
            return Err(Stop::Length { what: "result", found, allowed });
        }
        let bytes = self.at("result", address, 8 * len as u64, 8)?;
        let number = |(index, bytes): (usize, &[u8; 8])| match f64::from_le_bytes(*bytes) {
            number if number.is_nan() => Ok(None),
            number if number.is_infinite() => Err(Stop::Infinite(index)),
            number => Ok(Some(number)),
        };
        bytes.as_chunks().0.iter().enumerate().map(number).collect()
    }
}

/// Says that a guest was stopped.
pub(crate) fn stop(step: Step, cause: Stop) -> Error {
    Error::Stopped { step, cause }
}

/// Says why a call ended without a result.
fn stopped(step: Step, store: &mut Store<Guard>, error: &wasmtime::Error) -> Error {
    let cause = match (store.data_mut().refused(), error.downcast_ref::<Trap>()) {
        (Some(refused), _) => refused,
        (None, Some(Trap::OutOfFuel)) => Stop::Fuel,
        (None, Some(Trap::Interrupt)) => Stop::Time,
        (None, Some(Trap::StackOverflow)) => Stop::Stack,
        (None, Some(trap)) => Stop::Trap(one_line(&trap.to_string())),
        (None, None) => Stop::Trap(one_line(&error.to_string())),
    };
    stop(step, cause)
}

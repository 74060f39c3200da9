//! The functions that a module exports, for the macros.

use alloc::vec::Vec;

use crate::algorithm::{Aggregate, Derive, Mapper, Merge, Outcome};
use crate::instance::Instance;
pub use crate::raw::slot::Slot;
use crate::stop::Stop;

const TABLES: u32 = 0;
const CARRY: u32 = 1;

/// An instance, and what it last returned an address of.
pub struct Exported<T> {
    instance: Instance<T>,
    numbers: Vec<f64>,
    bytes: Vec<u8>,
    described: [u32; 3],
}

impl<T> Exported<T> {
    /// Starts with nothing.
    pub const fn new() -> Self {
        Self { instance: Instance::new(), numbers: Vec::new(), bytes: Vec::new(), described: [0; 3] }
    }

    fn give(&mut self, outcome: Outcome) -> u32 {
        self.described = match outcome {
            Outcome::Tables(numbers) => {
                self.numbers = numbers;
                [TABLES, self.numbers.as_ptr() as u32, self.numbers.len() as u32]
            }
            Outcome::Carry(bytes) => {
                self.bytes = bytes;
                [CARRY, self.bytes.as_ptr() as u32, self.bytes.len() as u32]
            }
        };
        self.described.as_ptr() as u32
    }

    fn give_state(&mut self, state: Vec<u8>) -> u32 {
        self.bytes = state;
        self.described = [self.bytes.as_ptr() as u32, self.bytes.len() as u32, 0];
        self.described.as_ptr() as u32
    }
}

type Place<T> = Slot<Exported<T>>;

/// Calls a function of the contract that returns a status.
fn status<T>(place: &Place<T>, call: impl FnOnce(&mut Instance<T>) -> Result<(), Stop>) -> u32 {
    let result = place.with(|exported| call(&mut exported.instance));
    result.unwrap_or(Err(Stop::ORDER)).map_or_else(Stop::code, |()| 0)
}

pub fn buffer<T>(place: &Place<T>, bytes: u32) -> u32 {
    place.with(|exported| exported.instance.reserve(bytes)).unwrap_or(0)
}

pub fn init_mapper<M: Mapper>(place: &Place<M>, setup: u32) -> u32 {
    status(place, |instance| instance.init(setup, M::new))
}

pub fn init_aggregate<A: Aggregate>(place: &Place<A>, setup: u32) -> u32 {
    status(place, |instance| instance.init(setup, A::new))
}

pub fn map<M: Mapper>(place: &Place<M>, batch: u32) -> u32 {
    status(place, |instance| instance.map(batch))
}

pub fn update<A: Aggregate>(place: &Place<A>, batch: u32) -> u32 {
    status(place, |instance| instance.update(batch))
}

pub fn merge<A: Merge>(place: &Place<A>, state: u32, len: u32) -> u32 {
    status(place, |instance| instance.merge(state, len))
}

pub fn derive<M: Derive>(place: &Place<M>, figures: u32) -> u32 {
    let given = place.with(|exported| {
        let numbers = exported.instance.derive(figures).ok()?;
        Some(exported.give(Outcome::Tables(numbers)))
    });
    given.flatten().unwrap_or(0)
}

pub fn state<A: Merge>(place: &Place<A>) -> u32 {
    let given = place.with(|exported| {
        let state = exported.instance.state().ok()?;
        Some(exported.give_state(state))
    });
    given.flatten().unwrap_or(0)
}

pub fn finish<A: Aggregate>(place: &Place<A>) -> u32 {
    let given = place.with(|exported| {
        let outcome = exported.instance.finish().ok()?;
        Some(exported.give(outcome))
    });
    given.flatten().unwrap_or(0)
}

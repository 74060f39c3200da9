//! Secure aggregation: the sum of what many owners hold, and nothing else about any of them.

pub mod prio;

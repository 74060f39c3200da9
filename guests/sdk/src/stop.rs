//! Why an algorithm ends a run.

use core::fmt;

/// First number that an algorithm gives a meaning of its own.
const FIRST_OWN: u32 = 256;

/// A reason to end the run: a number other than zero. The owner of the data sees it, the researcher never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stop(u32);

impl Stop {
    /// What the host handed over is not what the algorithm reads: another type, another length, no such column.
    pub const CONTRACT: Self = Self(1);
    /// A parameter has a value that the algorithm cannot work with.
    pub const PARAMETER: Self = Self(2);
    /// A function was called before the one that has to come first.
    pub const ORDER: Self = Self(3);
    /// A state, or what the last pass left, is not one of this algorithm's.
    pub const STATE: Self = Self(4);

    /// Makes a reason of the algorithm's own, apart from those above.
    pub const fn own(number: u16) -> Self {
        Self(FIRST_OWN + number as u32)
    }

    /// Returns the number that the host is told.
    pub const fn code(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::CONTRACT => formatter.write_str("what was handed over is not what was declared"),
            Self::PARAMETER => formatter.write_str("a parameter has a value that cannot be worked with"),
            Self::ORDER => formatter.write_str("a function was called before the one that comes first"),
            Self::STATE => formatter.write_str("a state is not one of this algorithm's"),
            Self(code) => write!(formatter, "the algorithm stopped with code {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reason_reads_as_go_on_or_as_another() {
        let reasons =
            [Stop::CONTRACT, Stop::PARAMETER, Stop::ORDER, Stop::STATE, Stop::own(0), Stop::own(u16::MAX)];
        for (place, reason) in reasons.iter().enumerate() {
            assert_ne!(reason.code(), 0);
            assert!(reasons[..place].iter().all(|other| other.code() != reason.code()));
        }
    }
}

//! What can go wrong, and whose doing it is.

use crate::declaration::DeclarationError;
use crate::module::Refusal;
use crate::setup::SetupError;

/// Why a job gave no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no module that may run here.
    #[error("the module is refused: {0}")]
    Module(#[from] Refusal),
    /// Its declaration breaks a rule.
    #[error("the module's declaration {0}")]
    Declaration(#[from] DeclarationError),
    /// Parameters or columns do not fit the declaration.
    #[error("{0}")]
    Setup(#[from] SetupError),
    /// The guest was stopped, or its result is none.
    #[error("the guest was stopped in {step}: {cause}")]
    Stopped {
        /// In which of its functions.
        step: Step,
        /// Why.
        cause: Stop,
    },
    /// The records could not be read.
    #[error("the records could not be read: {0}")]
    Records(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The engine itself could not do something.
    #[error("the sandbox could not {what}: {source}")]
    Engine {
        /// What it was doing.
        what: &'static str,
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Tells whether the guest is the one to blame, and not the host or its input.
    pub fn is_guest(&self) -> bool {
        matches!(self, Self::Module(_) | Self::Declaration(_) | Self::Stopped { .. })
    }

    pub(crate) fn engine(what: &'static str) -> impl FnOnce(wasmtime::Error) -> Self {
        move |error| Self::Engine { what, source: error.to_string().into() }
    }
}

/// A function of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Making the instance.
    Instantiate,
    /// `sbx_buffer`.
    Buffer,
    /// `sbx_init`.
    Init,
    /// `sbx_map`.
    Map,
    /// `sbx_derive`.
    Derive,
    /// `sbx_update`.
    Update,
    /// `sbx_state`.
    State,
    /// `sbx_merge`.
    Merge,
    /// `sbx_finish`.
    Finish,
}

impl Step {
    /// Returns the name of the export.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instantiate => "instantiation",
            Self::Buffer => "sbx_buffer",
            Self::Init => "sbx_init",
            Self::Map => "sbx_map",
            Self::Derive => "sbx_derive",
            Self::Update => "sbx_update",
            Self::State => "sbx_state",
            Self::Merge => "sbx_merge",
            Self::Finish => "sbx_finish",
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a guest was stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// It used up its fuel.
    #[error("it used up its fuel")]
    Fuel,
    /// It ran beyond its time.
    #[error("it ran beyond its time")]
    Time,
    /// It asked for more memory than it may have.
    #[error("it asked for {wanted} bytes of memory, of {allowed} allowed")]
    Memory {
        /// What it asked for.
        wanted: usize,
        /// What it may have.
        allowed: usize,
    },
    /// It asked for a larger table than it may have.
    #[error("it asked for a table of {wanted} entries, of {allowed} allowed")]
    Table {
        /// What it asked for.
        wanted: usize,
        /// What it may have.
        allowed: usize,
    },
    /// It used up its stack.
    #[error("it used up its stack")]
    Stack,
    /// It trapped.
    #[error("it trapped: {0}")]
    Trap(String),
    /// It said so itself.
    #[error("it returned status {0}")]
    Status(i32),
    /// It returned the address 0.
    #[error("it gave up")]
    GaveUp,
    /// An address or length that it gave is not inside its memory, not aligned, or not of the expected size.
    #[error("its {what} of {len} bytes at {address} is not inside its memory, which has {memory} bytes")]
    Outside {
        /// What should stand there.
        what: &'static str,
        /// Where it says that it does.
        address: u32,
        /// How long it is.
        len: u64,
        /// Bytes of its memory.
        memory: usize,
    },
    /// An address is not aligned as the contract says.
    #[error("its {what} at {address} is not aligned to {alignment} bytes")]
    Alignment {
        /// What should stand there.
        what: &'static str,
        /// Where it says that it does.
        address: u32,
        /// What the contract says.
        alignment: u32,
    },
    /// A length is not the declared one.
    #[error("its {what} has {found} of them, and {allowed} are declared")]
    Length {
        /// What is too long or too short.
        what: &'static str,
        /// What it has.
        found: u64,
        /// What is declared.
        allowed: u64,
    },
    /// A kind of outcome that the contract does not know.
    #[error("its outcome has kind {0}, which the contract does not know")]
    Outcome(u32),
    /// It asks for another pass after the last.
    #[error("it asks for more than the {0} passes that it declares")]
    Passes(u32),
    /// A number of its result is infinite or beyond the declared range.
    #[error("number {0} of its result is infinite")]
    Infinite(usize),
}

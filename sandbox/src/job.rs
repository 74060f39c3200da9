//! What is run: a module, what it is given, and what it may use.

use crate::layout::Layout;
use crate::limits::Limits;
use crate::module::Module;
use crate::setup::Setup;

/// A module with all that a run needs but records.
#[derive(Debug)]
pub struct Job<'m> {
    pub(crate) module: &'m Module,
    pub(crate) setup: Setup,
    pub(crate) limits: Limits,
    pub(crate) layout: Layout,
}

impl<'m> Job<'m> {
    /// Puts a job together; `setup` was checked against the module's declaration.
    pub fn new(module: &'m Module, setup: Setup, limits: Limits) -> Self {
        let layout = Layout::new(module.declaration(), &setup);
        Self { module, setup, limits, layout }
    }

    /// Returns parameters, labels and the shape of the result.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }
}

/// Copies what fits: regions were sized for what is copied into them.
pub(crate) fn fill(region: &mut [u8], bytes: &[u8]) {
    let len = region.len().min(bytes.len());
    if let (Some(region), Some(bytes)) = (region.get_mut(..len), bytes.get(..len)) {
        region.copy_from_slice(bytes);
    }
}

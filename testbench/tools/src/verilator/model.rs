//! Loading a compiled model: the one place of the project that calls foreign code.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use libloading::Library;
use nitro_simulator::{Engine, PortInfo, image_words};

use super::VerilogDesign;
use crate::ToolError;

type New = unsafe extern "C" fn() -> *mut c_void;
type Act = unsafe extern "C" fn(*mut c_void);
type Set = unsafe extern "C" fn(*mut c_void, u32, *const u64);
type Get = unsafe extern "C" fn(*mut c_void, u32, *mut u64);
type Clock = unsafe extern "C" fn(*mut c_void, *const u64, *mut u64);
type NewProbes = unsafe extern "C" fn(*mut c_void, *mut u32) -> *mut c_void;
type ReadProbes = unsafe extern "C" fn(*const c_void, *mut u64);

/// What [`super::probes`] adds.
#[derive(Debug)]
struct ProbeFunctions {
    new: NewProbes,
    read: ReadProbes,
    free: Act,
    /// Words of all probes together.
    words: usize,
}

/// The compiled model of a design, of which any number of instances can be made.
#[derive(Debug)]
pub struct VerilatedLibrary {
    new: New,
    free: Act,
    set: Set,
    get: Get,
    eval: Act,
    edge: Act,
    clock: Clock,
    inputs: Vec<PortInfo>,
    outputs: Vec<PortInfo>,
    input_words: usize,
    output_words: usize,
    probes: Option<ProbeFunctions>,
    /// Keeps the functions above in memory.
    _library: Library,
}

impl VerilatedLibrary {
    /// Loads what [`super::shim`] and the compiler made for exactly this port list, and for probes of so many words.
    pub(super) fn load(path: &Path, design: &VerilogDesign<'_>, probes: Option<usize>) -> Result<Self, ToolError> {
        let failed = |source| ToolError::Load { path: path.to_owned(), source };
        // SAFETY: the library is compiled from Verilator's output and our shim; its initialisers only set up
        // constants. The symbols have the types that the shim declares, and the cache key covers the shim's text.
        unsafe {
            let library = Library::new(path).map_err(failed)?;
            let probes = match probes {
                None => None,
                Some(words) => Some(ProbeFunctions {
                    new: *library.get::<NewProbes>(b"nitro_probes_new\0").map_err(failed)?,
                    read: *library.get::<ReadProbes>(b"nitro_probes_read\0").map_err(failed)?,
                    free: *library.get::<Act>(b"nitro_probes_free\0").map_err(failed)?,
                    words,
                }),
            };
            Ok(Self {
                new: *library.get::<New>(b"nitro_new\0").map_err(failed)?,
                free: *library.get::<Act>(b"nitro_free\0").map_err(failed)?,
                set: *library.get::<Set>(b"nitro_set\0").map_err(failed)?,
                get: *library.get::<Get>(b"nitro_get\0").map_err(failed)?,
                eval: *library.get::<Act>(b"nitro_eval\0").map_err(failed)?,
                edge: *library.get::<Act>(b"nitro_edge\0").map_err(failed)?,
                clock: *library.get::<Clock>(b"nitro_clock\0").map_err(failed)?,
                inputs: design.inputs.to_vec(),
                outputs: design.outputs.to_vec(),
                input_words: image_words(design.inputs),
                output_words: image_words(design.outputs),
                probes,
                _library: library,
            })
        }
    }

    /// A new instance in its power-up state, all inputs zero.
    #[must_use]
    pub fn instantiate(self: &Arc<Self>) -> VerilatedModel {
        // SAFETY: `nitro_new` takes nothing and returns a model (never null: C++ `new` throws, which ends the process
        // at this boundary) that only the functions of the same library touch.
        VerilatedModel { model: unsafe { (self.new)() }, probes: ptr::null_mut(), library: Arc::clone(self) }
    }

    /// The same with its probes ready, if it was built with some; an `Err` is the number of one that is not there.
    pub(super) fn instantiate_probed(self: &Arc<Self>) -> Result<VerilatedModel, usize> {
        let mut model = self.instantiate();
        if let Some(functions) = &self.probes {
            let mut missing = 0;
            // SAFETY: the model is live, and `missing` is written before the function returns.
            model.probes = unsafe { (functions.new)(model.model, &raw mut missing) };
            if model.probes.is_null() {
                return Err(usize::try_from(missing).unwrap_or(usize::MAX));
            }
        }
        Ok(model)
    }
}

/// One instance of a verilated design.
#[derive(Debug)]
pub struct VerilatedModel {
    model: *mut c_void,
    /// Null without probes; else they point into the model.
    probes: *mut c_void,
    library: Arc<VerilatedLibrary>,
}

// SAFETY: a model has its own Verilator context and is single-threaded; nothing ties it to the thread that made it.
unsafe impl Send for VerilatedModel {}

impl VerilatedModel {
    /// Reads all probes, one after another, each from a word of its own; nothing without probes.
    ///
    /// # Panics
    /// If `image` is shorter than they are.
    pub(super) fn read_probes(&self, image: &mut [u64]) {
        let Some(functions) = self.library.probes.as_ref().filter(|_| !self.probes.is_null()) else { return };
        assert!(image.len() >= functions.words, "{} words for {} of probes", image.len(), functions.words);
        // SAFETY: the probes point into this model, which is live, and the image has the words that they write, as just checked.
        unsafe { (functions.read)(self.probes, image.as_mut_ptr()) }
    }
}

impl Drop for VerilatedModel {
    fn drop(&mut self) {
        if let Some(functions) = self.library.probes.as_ref().filter(|_| !self.probes.is_null()) {
            // SAFETY: the probes came from `nitro_probes_new` of this library and are not used again.
            unsafe { (functions.free)(self.probes) }
        }
        // SAFETY: the model came from `nitro_new` of this library and is not used again.
        unsafe { (self.library.free)(self.model) }
    }
}

impl Engine for VerilatedModel {
    fn inputs(&self) -> &[PortInfo] {
        &self.library.inputs
    }

    fn outputs(&self) -> &[PortInfo] {
        &self.library.outputs
    }

    fn set(&mut self, index: usize, value: &[u64]) {
        assert_eq!(value.len(), self.library.inputs[index].width.div_ceil(64), "words of input {index}");
        let port = u32::try_from(index).unwrap_or(u32::MAX);
        // SAFETY: the port exists and `value` has as many words as the shim reads for it, as just checked.
        unsafe { (self.library.set)(self.model, port, value.as_ptr()) }
    }

    fn settle(&mut self) {
        // SAFETY: the model is live and this thread's own.
        unsafe { (self.library.eval)(self.model) }
    }

    fn get(&self, index: usize, value: &mut [u64]) {
        assert_eq!(value.len(), self.library.outputs[index].width.div_ceil(64), "words of output {index}");
        let port = u32::try_from(index).unwrap_or(u32::MAX);
        // SAFETY: the port exists and `value` has as many words as the shim writes for it, as just checked.
        unsafe { (self.library.get)(self.model, port, value.as_mut_ptr()) }
    }

    fn edge(&mut self) {
        // SAFETY: the model is live and this thread's own.
        unsafe { (self.library.edge)(self.model) }
    }

    fn clock(&mut self, inputs: &[u64], outputs: &mut [u64]) {
        let VerilatedLibrary { input_words, output_words, .. } = *self.library;
        assert!(inputs.len() >= input_words, "{} words of inputs, expected {input_words}", inputs.len());
        assert!(outputs.len() >= output_words, "{} words of outputs, expected {output_words}", outputs.len());
        // SAFETY: the model is live and this thread's own, and the images have the words that the shim reads and writes, as
        // just checked.
        unsafe { (self.library.clock)(self.model, inputs.as_ptr(), outputs.as_mut_ptr()) }
    }
}

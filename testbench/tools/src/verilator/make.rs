//! A model built the way that Verilator's manual says: with its own makefile.

use std::path::Path;

use super::{DESIGN, REMEDY, Verilator, shim, write};
use crate::ToolError;
use crate::process::{run, tail};

impl Verilator {
    /// Generates the C++ of a design in `folder` and has Verilator call `make`, which compiles it and the runtime to
    /// libraries, `jobs` files at a time and with the flags of Verilator's makefile. Nothing is cached; models to run come
    /// from [`Verilator::library`], which is faster. This measures what everybody else waits for.
    ///
    /// # Errors
    /// If Verilator, `make` or the C++ compiler fails or is missing.
    pub fn make(&self, text: &str, top: &str, folder: &Path, jobs: usize) -> Result<(), ToolError> {
        write(&folder.join(DESIGN), text)?;
        let mut command = self.command();
        command.args(["--cc", "--build", "-j", &jobs.to_string(), "-O3", "--no-timing"]);
        command.args(["--x-assign", "fast", "--x-initial", "fast", "--prefix", shim::PREFIX, "--top-module", top]);
        command.args(["-Mdir", "generated", DESIGN]).current_dir(folder);
        // A wheel's makefile names the programs of the machine that it was packed on, and knows no compiler's options.
        let compiler = std::env::var("CXX").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "c++".to_owned());
        if self.moved {
            for setting in ["AR=ar", "PYTHON3=python3", "CFG_CXXFLAGS_PCH_I=-include", &format!("LINK={compiler}")] {
                command.args(["-MAKEFLAGS", setting]);
            }
        }
        command.args(["-MAKEFLAGS", &format!("CXX={compiler}")]);
        let finished = run(&mut command, REMEDY)?;
        if finished.success { Ok(()) } else { Err(ToolError::Compile { output: tail(&finished.errors) }) }
    }
}

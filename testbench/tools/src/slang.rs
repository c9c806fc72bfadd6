//! slang: a second opinion on the Verilog, by a front end that follows IEEE 1364 and 1800 closely.

use std::path::PathBuf;
use std::process::Command;

use crate::ToolError;
use crate::process::{run, tail};

/// Runs slang through its Python module.
#[derive(Clone, Debug)]
pub struct Slang {
    python: PathBuf,
    shim: PathBuf,
    work: PathBuf,
}

impl Slang {
    pub(crate) fn new(python: PathBuf, shim: PathBuf, work: PathBuf) -> Self {
        Self { python, shim, work }
    }

    /// Elaborates Verilog-2005 with every warning on (`-Weverything`): whatever slang says is a failure.
    ///
    /// # Errors
    /// [`ToolError::Lint`] with what it said, or a file error.
    pub fn lint(&self, files: &[(&str, &str)], top: &str) -> Result<(), ToolError> {
        std::fs::create_dir_all(&self.work).map_err(ToolError::file("create", &self.work))?;
        let folder = tempfile::Builder::new()
            .prefix("slang-")
            .tempdir_in(&self.work)
            .map_err(ToolError::file("create a folder in", &self.work))?;
        let mut command = Command::new(&self.python);
        command.arg(&self.shim).arg(top).current_dir(folder.path());
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::write(&path, text).map_err(ToolError::file("write", path))?;
            command.arg(name);
        }
        let finished = run(&mut command, "remove the eda-* folder below the target folder to install it anew")?;
        if finished.success {
            Ok(())
        } else {
            Err(ToolError::Lint { tool: "slang", top: top.to_owned(), output: tail(&finished.output) })
        }
    }
}

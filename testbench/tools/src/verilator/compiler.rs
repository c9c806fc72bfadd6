//! The system's C++ compiler, called directly: `make` and a compiler process per file would cost most of the build.
//!
//! Verilator's runtime is compiled once per set of flags, together with a precompiled form of its main header (which
//! takes two thirds of a small model's compile time).

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Effort;
use crate::ToolError;
use crate::process::{content_key, lock, run, tail};

const REMEDY: &str = "install a C++ compiler (on Debian and Ubuntu: `g++`), or set CXX to its path";
const COMMON_FLAGS: &[&str] =
    &["-std=c++17", "-fPIC", "-fvisibility=hidden", "-pthread", "-w", "-DVL_TIME_CONTEXT", "-DVM_TRACE=0"];
/// GCC marks some template statics unique in the process; models in different libraries must not share them.
const GCC_FLAGS: &[&str] = &["-fno-gnu-unique"];
/// Generated C++ for which another compiler process pays.
const BYTES_PER_UNIT: u64 = 400_000;
const RUNTIME_SOURCES: [&str; 2] = ["verilated", "verilated_threads"];

/// A compiler with the flags of one effort.
pub(super) struct Compiler {
    program: String,
    identity: String,
    is_clang: bool,
    flags: Vec<&'static str>,
}

/// The compiled runtime.
pub(super) struct Runtime {
    include: PathBuf,
    folder: PathBuf,
}

impl Compiler {
    /// `CXX`, or the first of `c++`, `g++`, `clang++` that starts.
    pub(super) fn locate(effort: Effort) -> Result<Self, ToolError> {
        let candidates = match std::env::var("CXX") {
            Ok(program) if !program.is_empty() => vec![program],
            _ => ["c++", "g++", "clang++"].map(str::to_owned).to_vec(),
        };
        let mut failure = None;
        for program in candidates {
            match run(Command::new(&program).arg("--version"), REMEDY) {
                Ok(version) => {
                    let is_clang = version.output.contains("clang");
                    let mut flags = COMMON_FLAGS.to_vec();
                    flags.extend(effort.flags());
                    if !is_clang {
                        flags.extend(GCC_FLAGS);
                    }
                    let version = version.output.lines().next().unwrap_or_default();
                    let identity = format!("{program} {version} {}", flags.join(" "));
                    return Ok(Self { program, identity, is_clang, flags });
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or(ToolError::Compile { output: REMEDY.to_owned() }))
    }

    /// Program, version and flags.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    fn command(&self, runtime: &Runtime) -> Command {
        let mut command = Command::new(&self.program);
        // The second folder has a header that models with readable signals include.
        command.args(&self.flags).arg("-I").arg(&runtime.include).arg("-I").arg(runtime.include.join("vltstd"));
        command
    }

    /// Verilator's runtime, from the cache or compiled now.
    pub(super) fn runtime(&self, include: &Path, cache: &Path, version: &str) -> Result<Runtime, ToolError> {
        let key = content_key(&[version, &self.identity]);
        let runtime = Runtime { include: include.to_owned(), folder: cache.join(format!("runtime-{key}")) };
        if runtime.folder.exists() {
            return Ok(runtime);
        }
        let _lock = lock(&runtime.folder.with_extension("lock"))?;
        if runtime.folder.exists() {
            return Ok(runtime);
        }
        let building = tempfile::Builder::new()
            .prefix("build-")
            .tempdir_in(cache)
            .map_err(ToolError::file("create a folder in", cache))?;
        let ready = building.path().join("ready");
        std::fs::create_dir(&ready).map_err(ToolError::file("create", &ready))?;
        let mut commands = Vec::new();
        for source in RUNTIME_SOURCES {
            let mut command = self.command(&runtime);
            command.arg("-c").arg(include.join(format!("{source}.cpp")));
            command.arg("-o").arg(ready.join(format!("{source}.o")));
            commands.push(command);
        }
        if !self.is_clang {
            let mut command = self.command(&runtime);
            command.args(["-x", "c++-header"]).arg(include.join("verilated.h"));
            command.arg("-o").arg(ready.join("verilated.h.gch"));
            commands.push(command);
        }
        run_all(commands)?;
        std::fs::rename(&ready, &runtime.folder).map_err(ToolError::file("rename", &runtime.folder))?;
        Ok(runtime)
    }

    /// Compiles every generated `.cpp` of `folder` and links them with the runtime to a shared object.
    pub(super) fn link(&self, runtime: &Runtime, folder: &Path, library: &Path) -> Result<(), ToolError> {
        let units = units(folder)?;
        let mut commands = Vec::new();
        let mut objects = Vec::new();
        for (index, unit) in units.iter().enumerate() {
            let source = folder.join(format!("unit{index}.cc"));
            let text: String = unit.files.iter().map(|name| format!("#include \"{name}\"\n")).collect();
            std::fs::write(&source, text).map_err(ToolError::file("write", &source))?;
            let object = source.with_extension("o");
            let mut command = self.command(runtime);
            if unit.slow {
                // A precompiled header is only for the flags that it was compiled with.
                command.arg("-O0");
            } else if !self.is_clang {
                // It is taken only if it is the first thing included.
                command.arg("-include").arg(runtime.folder.join("verilated.h"));
            }
            command.arg("-I").arg(folder).arg("-c").arg(&source).arg("-o").arg(&object);
            commands.push(command);
            objects.push(object);
        }
        run_all(commands)?;
        objects.extend(RUNTIME_SOURCES.map(|source| runtime.folder.join(format!("{source}.o"))));
        let mut command = Command::new(&self.program);
        command.args(["-shared", "-pthread", "-o"]).arg(library).args(objects);
        run_all(vec![command])
    }
}

/// Generated files that one compiler process takes.
struct Unit {
    files: Vec<String>,
    /// They run once a model, if at all. A constructor that lists every signal is one function of thousands of calls, for which
    /// an optimising compiler takes many minutes; Verilator's makefile does not optimise these files either.
    slow: bool,
}

/// The generated files in groups of similar size.
fn units(folder: &Path) -> Result<Vec<Unit>, ToolError> {
    let [mut slow, mut fast] = [Vec::new(), Vec::new()];
    for entry in std::fs::read_dir(folder).map_err(ToolError::file("read", folder))? {
        let entry = entry.map_err(ToolError::file("read", folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".cpp") {
            let size = entry.metadata().map_err(ToolError::file("read", entry.path()))?.len();
            let files = if name.ends_with("__Slow.cpp") { &mut slow } else { &mut fast };
            files.push((size, name));
        }
    }
    let units = |files: Vec<_>, slow| groups(files).into_iter().map(move |files| Unit { files, slow });
    Ok(units(slow, true).chain(units(fast, false)).collect())
}

/// Files with their sizes in groups of similar size.
fn groups(mut files: Vec<(u64, String)>) -> Vec<Vec<String>> {
    let total: u64 = files.iter().map(|(size, _)| size).sum();
    let count = usize::try_from(total.div_ceil(BYTES_PER_UNIT)).unwrap_or(1).clamp(1, files.len().max(1));
    // Largest first into the smallest group.
    files.sort_by(|left, right| right.cmp(left));
    let mut groups: Vec<(u64, Vec<String>)> = vec![(0, Vec::new()); count];
    for (size, name) in files {
        if let Some(group) = groups.iter_mut().min_by_key(|(sum, _)| *sum) {
            group.0 += size;
            group.1.push(name);
        }
    }
    groups.into_iter().map(|(_, names)| names).filter(|names| !names.is_empty()).collect()
}

/// Runs compilers, as many at a time as the machine has processors.
fn run_all(commands: Vec<Command>) -> Result<(), ToolError> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(commands.len());
    let queue = std::sync::Mutex::new(commands);
    let next = || queue.lock().ok().and_then(|mut commands| commands.pop());
    let work = || -> Result<(), ToolError> {
        while let Some(mut command) = next() {
            let finished = run(&mut command, REMEDY)?;
            if !finished.success {
                return Err(ToolError::Compile { output: tail(&finished.output) });
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(ToolError::Compile { output: "a compiler's thread died".to_owned() }))
        })
    })
}

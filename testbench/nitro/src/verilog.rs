//! `nitro verilog`: Verilog-2005 of the card or of one block, with a file list and a FuseSoC core file.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use nitro_card::config::Config;

use crate::args::Verilog;
use crate::blocks;
use crate::failure::Failure;

/// Lists the blocks, or writes the package of one.
pub fn run(options: &Verilog) -> Result<(), Failure> {
    let config = Config::from(options.config);
    if options.list {
        for block in blocks::all(config) {
            println!("{}", block.name);
        }
        return Ok(());
    }
    let Some(out) = &options.out else { return Err(Failure::input("--out DIR is missing")) };
    let block = blocks::find(config, options.block.as_deref())?;
    let package = block.elaborate().map_err(Failure::check)?.verilog();
    let mut lines = 0;
    let mut list = String::new();
    fs::create_dir_all(out).map_err(|error| unwritable(out, &error))?;
    for file in &package.files {
        lines += file.text.lines().count();
        let _ = writeln!(list, "{}", file.name);
        write(&out.join(&file.name), &file.text)?;
    }
    let names: Vec<_> = package.files.iter().map(|file| file.name.as_str()).collect();
    write(&out.join(format!("{}.core", package.top)), &core_file(&package.top, &names))?;
    // The list comes last: a package with its list is complete.
    write(&out.join(format!("{}.f", package.top)), &list)?;
    println!("{}: {} modules, {lines} lines of Verilog in {}", package.top, names.len(), out.display());
    Ok(())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::input(format!("{}: cannot be written: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let partial = path.with_extension("partial");
    fs::write(&partial, text).and_then(|()| fs::rename(&partial, path)).map_err(|error| unwritable(path, &error))
}

/// A FuseSoC core description (CAPI2) with a lint and a synthesis target.
fn core_file(top: &str, files: &[&str]) -> String {
    let mut core = format!(
        "CAPI=2:\n\nname: nitro:card:{top}:{version}\ndescription: VPC network card, block {top}\n\nfilesets:\n  rtl:\n    files:\n",
        version = env!("CARGO_PKG_VERSION"),
    );
    for file in files {
        let _ = writeln!(core, "      - {file}");
    }
    let _ = write!(
        core,
        "    file_type: verilogSource-2005\n\ntargets:\n  default: &default\n    filesets: [rtl]\n    toplevel: {top}\n  \
         lint:\n    <<: *default\n    default_tool: verilator\n    tools:\n      verilator:\n        mode: lint-only\n        \
         verilator_options: [-Wall]\n  synth:\n    <<: *default\n    default_tool: yosys\n    tools:\n      yosys:\n        \
         arch: ecp5\n        output_format: json\n"
    );
    core
}

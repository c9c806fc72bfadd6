//! `nitro verilog`: the card or one block as a package for other people's tools.

use nitro_card::config::Config;
use nitro_package::Package;

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
    let package = Package::new(&block.elaborate().map_err(Failure::check)?, config.name());
    let lines: usize = package
        .files
        .iter()
        .filter(|file| package.sources.contains(&file.path))
        .map(|file| file.text.lines().count())
        .sum();
    package
        .write(out)
        .map_err(|(path, error)| Failure::input(format!("{}: cannot be written: {error}", path.display())))?;
    println!("{}: {} modules, {lines} lines of Verilog in {}", package.top, package.sources.len(), out.display());
    println!("how to simulate, check and synthesise it: {}", out.join("README.md").display());
    Ok(())
}

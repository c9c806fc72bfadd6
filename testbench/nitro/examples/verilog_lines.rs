//! Lines of Verilog: ours (one module a distinct block) against what `rust_hdl` itself prints (one module an instance).
//!
//! `cargo run --release -p nitro --example verilog_lines`

use nitro_card::config::{Config, EdgeCard, LineCard};
use nitro_card::parser::Parser;
use nitro_netlist::{elaborate, with_large_stack};
use rust_hdl::prelude::{Block, generate_verilog_unchecked};

fn lines<B: Block>(name: &'static str, block: &mut B) {
    block.connect_all();
    let own = generate_verilog_unchecked(block);
    match elaborate(block, name) {
        Ok(design) => {
            let package = design.verilog();
            let ours: usize = package.files.iter().map(|file| file.text.lines().count()).sum();
            let modules = own.lines().filter(|line| line.starts_with("module ")).count();
            println!(
                "{name:<8} ours {ours:>8} lines, {:>4} modules    rust_hdl {:>8} lines, {modules:>5} modules",
                package.files.len(),
                own.lines().count(),
            );
        }
        Err(error) => println!("{name:<8} {error}"),
    }
}

fn main() {
    with_large_stack(|| {
        lines("parser", &mut *Box::new(Parser::default()));
        lines("line", &mut *Box::new(LineCard::new(Config::Line.dimensions().capabilities())));
        lines("edge", &mut *Box::new(EdgeCard::new(Config::Edge.dimensions().capabilities())));
    });
}

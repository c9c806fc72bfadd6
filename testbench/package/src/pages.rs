//! The page of a module: what it is, its constants, its ports, and what it consists of.

use std::fmt::Write as _;

use nitro_netlist::Design;
use nitro_netlist::design::{Module, Role};
use nitro_netlist::verilog::plain_text;

/// Cells of a table in Markdown must not hold its border.
fn cell(text: &str) -> String {
    plain_text(text).replace('|', "\\|")
}

/// What the author says of a module, or nothing.
pub fn text(module: &Module) -> String {
    module.about.map_or_else(String::new, |about| cell(about.text))
}

/// The page.
pub fn page(design: &Design, module: &Module) -> String {
    let mut page = format!("# `{}`\n\n", module.name);
    let about = text(module);
    if !about.is_empty() {
        let _ = writeln!(page, "{about}\n");
    }
    if let Some(about) = module.about {
        let _ = writeln!(page, "Emitted from the Rust type `{}`.\n", about.type_name);
    }
    if !module.body.parameters.is_empty() {
        page.push_str("## Constants\n\nThey are part of the text: another value is another module.\n\n| name | width | value |\n|---|---|---|\n");
        for parameter in &module.body.parameters {
            let digits: String = parameter.value.iter().rev().map(|word| format!("{word:016x}")).collect();
            let digits = digits.trim_start_matches('0');
            let digits = if digits.is_empty() { "0" } else { digits };
            let _ = writeln!(page, "| `{}` | {} | 0x{digits} |", parameter.name, parameter.width);
        }
        page.push('\n');
    }
    page.push_str("## Ports\n\n| port | direction | width | meaning |\n|---|---|---|---|\n");
    let mut said = None;
    for &port in &module.body.ports {
        let signal = module.body.signal(port);
        let direction = if signal.role == Role::Output { "out" } else { "in" };
        let group = module.about.and_then(|about| about.port(&signal.name));
        // A stream's text stands once, at the first of its signals.
        let meaning = group.filter(|(place, _)| said != Some(*place)).map_or_else(String::new, |(_, text)| cell(text));
        said = group.map(|(place, _)| place);
        let _ = writeln!(page, "| `{}` | {direction} | {} | {meaning} |", signal.name, signal.width);
    }
    if !module.body.instances.is_empty() {
        page.push_str("\n## Instances\n\n| instance | module |\n|---|---|\n");
        for instance in &module.body.instances {
            let name = &design.modules()[instance.module.0 as usize].name;
            let _ = writeln!(page, "| `{}` | [`{name}`]({name}.md) |", instance.name);
        }
    }
    page
}

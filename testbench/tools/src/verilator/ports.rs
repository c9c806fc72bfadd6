//! Do the Verilog and the port list that the test bench was given name the same ports?

use std::collections::BTreeMap;

use super::VerilogDesign;
use super::shim::member;
use crate::ToolError;

/// Direction (is it an output?) and width in bits of the ports of a module, by C++ name.
type Declared = BTreeMap<String, (bool, usize)>;

/// Compares the ports that Verilator's header declares with those of the design.
pub(super) fn compare(header: &str, design: &VerilogDesign<'_>) -> Result<(), ToolError> {
    let mut declared = parse(header);
    let clock = design.clock.map(|name| (name, false, 1));
    let inputs = design.inputs.iter().map(|port| (port.name.as_str(), false, port.width));
    let outputs = design.outputs.iter().map(|port| (port.name.as_str(), true, port.width));
    let differ = |difference| ToolError::Ports { top: design.top.to_owned(), difference };
    let kind = |is_output: bool, width: usize| format!("{width}-bit {}", if is_output { "output" } else { "input" });
    for (name, is_output, width) in clock.into_iter().chain(inputs).chain(outputs) {
        match declared.remove(&member(name)) {
            Some(found) if found == (is_output, width) => {}
            Some((output, found)) => {
                return Err(differ(format!(
                    "`{name}` is a {} in the Verilog, a {} in the list",
                    kind(output, found),
                    kind(is_output, width)
                )));
            }
            None => return Err(differ(format!("the Verilog has no port `{name}`"))),
        }
    }
    match declared.keys().next() {
        Some(name) => Err(differ(format!("the list has no port `{name}`"))),
        None => Ok(()),
    }
}

/// Reads declarations of the form `VL_OUT8(&name,msb,lsb);`.
fn parse(header: &str) -> Declared {
    let declaration = |line: &str| {
        let line = line.trim();
        let is_output = line.starts_with("VL_OUT");
        if !is_output && !line.starts_with("VL_IN") {
            return None;
        }
        let (_, arguments) = line.split_once("(&")?;
        let mut arguments = arguments.trim_end_matches(");").split(',');
        let name = arguments.next()?.to_owned();
        let msb: usize = arguments.next()?.parse().ok()?;
        let lsb: usize = arguments.next()?.parse().ok()?;
        Some((name, (is_output, msb.checked_sub(lsb)? + 1)))
    };
    header.lines().filter_map(declaration).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A panic is how a test fails.
    use super::*;
    use nitro_simulator::PortInfo;

    const HEADER: &str =
        "    VL_IN8(&clock,0,0);\n    VL_INW(&a,99,0,4);\n    VL_OUT64(&y___05F0,40,0);\n  VL_UNCOPYABLE(V);\n";

    fn difference(inputs: &[(&str, usize)], outputs: &[(&str, usize)]) -> Option<String> {
        let list = |ports: &[(&str, usize)]| -> Vec<PortInfo> {
            ports.iter().map(|&(name, width)| PortInfo { name: name.to_owned(), width }).collect()
        };
        let (inputs, outputs) = (list(inputs), list(outputs));
        let design = VerilogDesign { top: "t", text: "", clock: Some("clock"), inputs: &inputs, outputs: &outputs };
        match compare(HEADER, &design) {
            Ok(()) => None,
            Err(ToolError::Ports { difference, .. }) => Some(difference),
            Err(other) => Some(other.to_string()),
        }
    }

    #[test]
    fn equal_ports_pass_and_every_difference_is_named() {
        assert_eq!(difference(&[("a", 100)], &[("y__0", 41)]), None);
        assert_eq!(
            difference(&[("a", 99)], &[("y__0", 41)]).unwrap(),
            "`a` is a 100-bit input in the Verilog, a 99-bit input in the list"
        );
        assert_eq!(difference(&[("a", 100), ("b", 1)], &[("y__0", 41)]).unwrap(), "the Verilog has no port `b`");
        assert_eq!(difference(&[("a", 100)], &[]).unwrap(), "the list has no port `y___05F0`");
        assert!(difference(&[("a", 100), ("y__0", 41)], &[]).unwrap().contains("41-bit output in the Verilog"));
    }
}

//! Internal signals of a model made readable.
//!
//! The Verilog stays as it is: a configuration file tells Verilator which signals to keep, and the C++ below finds them by scope
//! and name in the tables that Verilator then makes, once a model.

use std::collections::BTreeSet;
use std::fmt::Write;

use nitro_netlist::verilog::VerilogSignal;

/// A signal to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'a> {
    pub(super) signal: &'a VerilogSignal,
    /// Width in bits.
    pub(super) width: u32,
}

impl Probe<'_> {
    pub(super) fn words(&self) -> usize {
        self.width.div_ceil(64) as usize
    }
}

/// Verilator's configuration file.
pub(super) fn configuration(probes: &[Probe<'_>]) -> String {
    let signals: BTreeSet<_> = probes.iter().map(|probe| (&probe.signal.module, &probe.signal.name)).collect();
    let mut text = "`verilator_config\n".to_owned();
    for (module, name) in signals {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "public_flat_rd -module \"{module}\" -var \"{name}\"");
    }
    text
}

/// The C++ that follows the shim's: find all, read all, free. `top` is the top module.
pub(super) fn generate(top: &str, probes: &[Probe<'_>]) -> String {
    let mut names = String::new();
    for Probe { signal, width } in probes {
        let scope: String = signal.scope.iter().map(|name| format!(".{name}")).collect();
        let _ = writeln!(names, "    {{\"top.{top}{scope}\", \"{}\", {width}}},", signal.name);
    }
    // An empty table would be no C++.
    names.push_str("    {nullptr, nullptr, 0},");
    format!(
        r#"
#include "verilated_syms.h"
#include <vector>

namespace {{
struct ProbeName {{
    const char* scope;
    const char* name;
    uint32_t width;
}};
const ProbeName probe_names[] = {{
{names}
}};
struct Probe {{
    const void* data;
    uint32_t width;
}};
}}  // namespace

// Null if a probe is missing or of another width; then `missing` is its number.
NITRO_EXPORT void* nitro_probes_new(void* holder, uint32_t* missing) {{
    VerilatedContext& context = static_cast<Holder*>(holder)->context;
    std::unique_ptr<std::vector<Probe>> probes(new std::vector<Probe>);
    for (const ProbeName* probe = probe_names; probe->scope; ++probe) {{
        *missing = static_cast<uint32_t>(probes->size());
        const VerilatedScope* scope = context.scopeFind(probe->scope);
        const VerilatedVar* var = scope ? scope->varFind(probe->name) : nullptr;
        if (!var || !var->datap()) return nullptr;
        const uint32_t width = probe->width;
        const VerilatedVarType type = width <= 8 ? VLVT_UINT8 : width <= 16 ? VLVT_UINT16 : width <= 32 ? VLVT_UINT32
            : width <= 64 ? VLVT_UINT64 : VLVT_WDATA;
        if (var->vltype() != type || static_cast<uint32_t>(var->entBits()) != width) return nullptr;
        probes->push_back({{var->datap(), width}});
    }}
    return probes.release();
}}

NITRO_EXPORT void nitro_probes_read(const void* probes, uint64_t* words) {{
    for (const Probe& probe : *static_cast<const std::vector<Probe>*>(probes)) {{
        if (probe.width <= 8) *words++ = *static_cast<const CData*>(probe.data);
        else if (probe.width <= 16) *words++ = *static_cast<const SData*>(probe.data);
        else if (probe.width <= 32) *words++ = *static_cast<const IData*>(probe.data);
        else if (probe.width <= 64) *words++ = *static_cast<const QData*>(probe.data);
        else {{
            const EData* parts = static_cast<const EData*>(probe.data);
            const uint32_t count = (probe.width + 31) / 32;
            for (uint32_t part = 0; part < count; part += 2) {{
                *words = parts[part];
                if (part + 1 < count) *words |= static_cast<uint64_t>(parts[part + 1]) << 32;
                ++words;
            }}
        }}
    }}
}}

NITRO_EXPORT void nitro_probes_free(void* probes) {{
    delete static_cast<std::vector<Probe>*>(probes);
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_of_a_module_is_named_once() {
        let signal = |scope: &str, name: &str| VerilogSignal {
            scope: vec![scope.to_owned()],
            module: "inner".to_owned(),
            name: name.to_owned(),
        };
        let signals = [signal("a", "x"), signal("b", "x"), signal("a", "y")];
        let probes: Vec<Probe> = signals.iter().map(|signal| Probe { signal, width: 65 }).collect();
        assert_eq!(configuration(&probes).matches("-var").count(), 2);
        assert!(generate("t", &probes).contains("{\"top.t.b\", \"x\", 65},"));
    }
}

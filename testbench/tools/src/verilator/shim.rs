//! The C++ that gives a verilated model a C interface by port number.

use std::fmt::Write;

use nitro_simulator::PortInfo;

use super::VerilogDesign;

/// Class name of every generated model; each lives in its own library, loaded with local symbols.
pub(super) const PREFIX: &str = "Vmodel";

/// The name that Verilator gives a port in C++: it writes a double underscore as a code, since it uses them itself.
pub(super) fn member(port: &str) -> String {
    port.replace("__", "___05F")
}

/// The text of the shim: new, free, set, eval, edge, get, and clock for all of a clock in one call. Values cross as
/// little-endian 64-bit words; in [`clock`](nitro_simulator::Engine::clock)'s images each port begins at a word of its own.
pub(super) fn generate(design: &VerilogDesign<'_>) -> String {
    let mut sets = String::new();
    let mut zeros = String::new();
    for (index, port) in design.inputs.iter().enumerate() {
        // Writing into a string cannot fail.
        let _ = writeln!(sets, "    case {index}: {} break;", set(port));
        let _ = writeln!(zeros, "    static const uint64_t zero{index}[{}] = {{}};", port.width.div_ceil(64));
        let _ = writeln!(zeros, "    nitro_set(holder, {index}, zero{index});");
    }
    let mut gets = String::new();
    for (index, port) in design.outputs.iter().enumerate() {
        let _ = writeln!(gets, "    case {index}: {} break;", get(port));
    }
    let image = |ports: &[PortInfo], image: &str, access: fn(&PortInfo) -> String| {
        let mut lines = String::new();
        let mut at = 0;
        for port in ports {
            let _ = writeln!(lines, "    words = {image} + {at}; {}", access(port));
            at += port.words();
        }
        lines
    };
    let all_sets = image(design.inputs, "inputs", set);
    let all_gets = image(design.outputs, "outputs", get);
    let (low, rise) = match design.clock {
        Some(clock) => {
            let clock = member(clock);
            (format!("model.{clock} = 0;"), format!("model.{clock} = 1; model.eval(); model.{clock} = 0;"))
        }
        None => (String::new(), String::new()),
    };
    format!(
        r#"// Generated: `{top}` by port number. Words are little-endian, 64 bits each.
#include "{PREFIX}.h"
#include <cstdint>
#include <cstring>
#include <memory>

namespace {{
struct Holder {{
    VerilatedContext context;
    std::unique_ptr<{PREFIX}> model;
    // An edge left the clock low without evaluating it: the next evaluation sees the fall.
    bool pending = false;
}};
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
template <unsigned width, typename T> inline void wide_set(T& port, const uint64_t* words) {{
    std::memcpy(&port[0], words, (width + 31) / 32 * 4);
}}
template <unsigned width, typename T> inline void wide_get(const T& port, uint64_t* words) {{
    words[(width - 1) / 64] = 0;
    std::memcpy(words, &port[0], (width + 31) / 32 * 4);
}}
#else
template <unsigned width, typename T> inline void wide_set(T& port, const uint64_t* words) {{
    for (unsigned part = 0; part * 32 < width; ++part)
        port[part] = static_cast<uint32_t>(words[part / 2] >> (part % 2 * 32));
}}
template <unsigned width, typename T> inline void wide_get(const T& port, uint64_t* words) {{
    for (unsigned word = 0; word * 64 < width; ++word) words[word] = 0;
    for (unsigned part = 0; part * 32 < width; ++part)
        words[part / 2] |= static_cast<uint64_t>(port[part]) << (part % 2 * 32);
}}
#endif
}}  // namespace

#define NITRO_EXPORT extern "C" __attribute__((visibility("default")))

NITRO_EXPORT void nitro_set(void* holder, uint32_t port, const uint64_t* words) {{
    {PREFIX}& model = *static_cast<Holder*>(holder)->model;
    (void)model; (void)words;
    switch (port) {{
{sets}    default: break;
    }}
}}

NITRO_EXPORT void nitro_get(void* holder, uint32_t port, uint64_t* words) {{
    const {PREFIX}& model = *static_cast<Holder*>(holder)->model;
    (void)model; (void)words;
    switch (port) {{
{gets}    default: break;
    }}
}}

NITRO_EXPORT void nitro_eval(void* holder) {{
    static_cast<Holder*>(holder)->model->eval();
    static_cast<Holder*>(holder)->pending = false;
}}

NITRO_EXPORT void nitro_edge(void* holder) {{
    {PREFIX}& model = *static_cast<Holder*>(holder)->model;
    if (static_cast<Holder*>(holder)->pending) model.eval();
    {rise}
    static_cast<Holder*>(holder)->pending = true;
}}

// Two evaluations: outputs may depend on inputs of the same clock, so the inputs are evaluated before the edge.
NITRO_EXPORT void nitro_clock(void* holder, const uint64_t* inputs, uint64_t* outputs) {{
    {PREFIX}& model = *static_cast<Holder*>(holder)->model;
    {{
    const uint64_t* words;
    (void)words; (void)inputs;
{all_sets}    }}
    model.eval();
    {{
    uint64_t* words;
    (void)words; (void)outputs;
{all_gets}    }}
    {rise}
    static_cast<Holder*>(holder)->pending = true;
}}

NITRO_EXPORT void* nitro_new() {{
    Holder* holder = new Holder;
    holder->context.threads(1);
    holder->context.randReset(2);
    holder->context.randSeed(1);
    holder->model.reset(new {PREFIX}(&holder->context, "top"));
    {PREFIX}& model = *holder->model;
    {low}
{zeros}    model.eval();
    return holder;
}}

NITRO_EXPORT void nitro_free(void* holder) {{
    Holder* owned = static_cast<Holder*>(holder);
    owned->model->final();
    owned->model.reset();
    delete owned;
}}
"#,
        top = design.top,
    )
}

fn set(port: &PortInfo) -> String {
    let (name, width) = (member(&port.name), port.width);
    match width {
        0..=8 => format!("model.{name} = static_cast<CData>(words[0]);"),
        9..=16 => format!("model.{name} = static_cast<SData>(words[0]);"),
        17..=32 => format!("model.{name} = static_cast<IData>(words[0]);"),
        33..=64 => format!("model.{name} = words[0];"),
        _ => format!("wide_set<{width}>(model.{name}, words);"),
    }
}

fn get(port: &PortInfo) -> String {
    let (name, width) = (member(&port.name), port.width);
    if width <= 64 { format!("words[0] = model.{name};") } else { format!("wide_get<{width}>(model.{name}, words);") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_underscores_are_coded_from_the_left() {
        assert_eq!(member("a__b"), "a___05Fb");
        assert_eq!(member("c___d"), "c___05F_d");
        assert_eq!(member("_x_"), "_x_");
    }
}

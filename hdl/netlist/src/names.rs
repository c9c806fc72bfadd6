//! Names of signals, ports and fields, the same in the Verilog, in the flat netlist and in every engine.
//!
//! `rust_hdl` joins a path with `$`. Here:
//!
//! * a path is joined with `_`: `rx$tvalid` is `rx_tvalid`, `stage$0` is `stage_0`;
//! * a record (composite type) is split into its leaf fields, in the order of its descriptor, which lists the least
//!   significant field first:
//!   field `length` of `header` is `header_length`, nested records are flattened;
//! * the record of a stream is not named: field `tdata` of `rx$payload` is `rx_tdata`, and a plain
//!   `rx$payload` is `rx_tdata` too;
//! * a name that Verilog or SystemVerilog reserves gets a `_` at its end.

use rust_hdl::prelude::{TypeDescriptor, TypeKind};

/// The signal of a stream interface whose own name is left out.
const STREAM_RECORD: &str = "payload";

/// What a stream's payload is called if it is no record.
const STREAM_DATA: &str = "tdata";

/// One leaf of a signal: a run of its bits that has a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafField {
    /// The finished name.
    pub name: String,
    /// Width in bits, at least 1.
    pub width: usize,
    /// Its lowest bit in the whole signal.
    pub offset: usize,
    /// For an enum the names of its values in order, else empty.
    pub variants: Vec<String>,
}

/// Splits the signal `path` (segments joined with `$`) into its leaves, least significant first. A signal that is
/// no record has one leaf; leaves without bits (an enum of one value) are left out.
#[must_use]
pub fn leaf_fields(path: &str, descriptor: &TypeDescriptor) -> Vec<LeafField> {
    let mut segments: Vec<&str> = path.split('$').filter(|segment| !segment.is_empty()).collect();
    if segments.len() > 1 && segments.last() == Some(&STREAM_RECORD) {
        segments.pop();
        if !matches!(descriptor.kind, TypeKind::Composite(_)) {
            segments.push(STREAM_DATA);
        }
    }
    let mut leaves = Vec::new();
    collect(&segments, descriptor, &mut 0, &mut leaves);
    leaves
}

fn collect<'a>(segments: &[&'a str], descriptor: &'a TypeDescriptor, offset: &mut usize, leaves: &mut Vec<LeafField>) {
    if let TypeKind::Composite(fields) = &descriptor.kind {
        for field in fields {
            let mut path = segments.to_vec();
            path.push(&field.fieldname);
            collect(&path, &field.kind, offset, leaves);
        }
        return;
    }
    let width = descriptor_width(descriptor);
    if width > 0 {
        leaves.push(LeafField {
            name: join_segments(segments),
            width,
            offset: *offset,
            variants: variants(descriptor),
        });
    }
    *offset += width;
}

/// Width in bits of a value of this type.
#[must_use]
pub fn descriptor_width(descriptor: &TypeDescriptor) -> usize {
    match &descriptor.kind {
        TypeKind::Bits(width) | TypeKind::Signed(width) => *width,
        // As rust_hdl's `clog2` counts them.
        TypeKind::Enum(variants) => variants.len().next_power_of_two().trailing_zeros() as usize,
        TypeKind::Composite(fields) => fields.iter().map(|field| descriptor_width(&field.kind)).sum(),
    }
}

/// The names of an enum's values without the enum's own name; empty for any other type.
fn variants(descriptor: &TypeDescriptor) -> Vec<String> {
    let TypeKind::Enum(names) = &descriptor.kind else { return Vec::new() };
    names.iter().map(|name| name.rsplit("::").next().unwrap_or(name).to_owned()).collect()
}

/// Whether the type is `rust_hdl`'s clock.
#[must_use]
pub fn is_clock(descriptor: &TypeDescriptor) -> bool {
    descriptor.name == "clock"
}

/// The name of a path (segments joined with `$`) that is not split: instances, clocks.
#[must_use]
pub fn flat_name(path: &str) -> String {
    join_segments(&path.split('$').filter(|segment| !segment.is_empty()).collect::<Vec<_>>())
}

fn join_segments(segments: &[&str]) -> String {
    let plain: Vec<&str> = segments.iter().map(|segment| segment.strip_prefix("r#").unwrap_or(segment)).collect();
    legal_name(&plain.join("_"))
}

/// What the modules of a block are called: its type in small letters after the stage that it belongs to, which is the outermost
/// module of its crate, and its generic parameters (`nitro_components::fifo::Fifo<a::Ask, 2>`: `fifo_ask_2`).
#[must_use]
pub fn module_name(type_name: &str) -> String {
    let (path, generics) = type_name.split_once('<').unwrap_or((type_name, ""));
    let segments: Vec<&str> = path.split("::").collect();
    let own = snake_case(segments.last().unwrap_or(&path));
    let stage = segments.get(1).filter(|_| segments.len() > 2);
    let mut name = match stage {
        Some(stage) if own != **stage && !own.starts_with(&format!("{stage}_")) => format!("{stage}_{own}"),
        _ => own,
    };
    for word in generics.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        let word = word.rsplit("::").next().unwrap_or(word);
        if !word.is_empty() {
            name = format!("{name}_{}", snake_case(word));
        }
    }
    legal_name(&name)
}

fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let begins = letter.is_uppercase()
            && index > 0
            && (!letters[index - 1].is_uppercase() || letters.get(index + 1).is_some_and(|next| next.is_lowercase()))
            && letters[index - 1] != '_';
        if begins {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// Appends `_` to a name that Verilog or SystemVerilog reserves.
#[must_use]
pub fn legal_name(name: &str) -> String {
    if is_keyword(name) { format!("{name}_") } else { name.to_owned() }
}

/// Whether Verilog-2005 or SystemVerilog-2017 reserves the name.
#[must_use]
pub fn is_keyword(name: &str) -> bool {
    KEYWORDS.binary_search(&name).is_ok()
}

/// Sorted: IEEE 1364-2005 annex B and IEEE 1800-2017 annex B.
const KEYWORDS: &[&str] = &[
    "accept_on",
    "alias",
    "always",
    "always_comb",
    "always_ff",
    "always_latch",
    "and",
    "assert",
    "assign",
    "assume",
    "automatic",
    "before",
    "begin",
    "bind",
    "bins",
    "binsof",
    "bit",
    "break",
    "buf",
    "bufif0",
    "bufif1",
    "byte",
    "case",
    "casex",
    "casez",
    "cell",
    "chandle",
    "checker",
    "class",
    "clocking",
    "cmos",
    "config",
    "const",
    "constraint",
    "context",
    "continue",
    "cover",
    "covergroup",
    "coverpoint",
    "cross",
    "deassign",
    "default",
    "defparam",
    "design",
    "disable",
    "dist",
    "do",
    "edge",
    "else",
    "end",
    "endcase",
    "endchecker",
    "endclass",
    "endclocking",
    "endconfig",
    "endfunction",
    "endgenerate",
    "endgroup",
    "endinterface",
    "endmodule",
    "endpackage",
    "endprimitive",
    "endprogram",
    "endproperty",
    "endsequence",
    "endspecify",
    "endtable",
    "endtask",
    "enum",
    "event",
    "eventually",
    "expect",
    "export",
    "extends",
    "extern",
    "final",
    "first_match",
    "for",
    "force",
    "foreach",
    "forever",
    "fork",
    "forkjoin",
    "function",
    "generate",
    "genvar",
    "global",
    "highz0",
    "highz1",
    "if",
    "iff",
    "ifnone",
    "ignore_bins",
    "illegal_bins",
    "implements",
    "implies",
    "import",
    "incdir",
    "include",
    "initial",
    "inout",
    "input",
    "inside",
    "instance",
    "int",
    "integer",
    "interconnect",
    "interface",
    "intersect",
    "join",
    "join_any",
    "join_none",
    "large",
    "let",
    "liblist",
    "library",
    "local",
    "localparam",
    "logic",
    "longint",
    "macromodule",
    "matches",
    "medium",
    "modport",
    "module",
    "nand",
    "negedge",
    "nettype",
    "new",
    "nexttime",
    "nmos",
    "nor",
    "noshowcancelled",
    "not",
    "notif0",
    "notif1",
    "null",
    "or",
    "output",
    "package",
    "packed",
    "parameter",
    "pmos",
    "posedge",
    "primitive",
    "priority",
    "program",
    "property",
    "protected",
    "pull0",
    "pull1",
    "pulldown",
    "pullup",
    "pulsestyle_ondetect",
    "pulsestyle_onevent",
    "pure",
    "rand",
    "randc",
    "randcase",
    "randsequence",
    "rcmos",
    "real",
    "realtime",
    "ref",
    "reg",
    "reject_on",
    "release",
    "repeat",
    "restrict",
    "return",
    "rnmos",
    "rpmos",
    "rtran",
    "rtranif0",
    "rtranif1",
    "s_always",
    "s_eventually",
    "s_nexttime",
    "s_until",
    "s_until_with",
    "scalared",
    "sequence",
    "shortint",
    "shortreal",
    "showcancelled",
    "signed",
    "small",
    "soft",
    "solve",
    "specify",
    "specparam",
    "static",
    "string",
    "strong",
    "strong0",
    "strong1",
    "struct",
    "super",
    "supply0",
    "supply1",
    "sync_accept_on",
    "sync_reject_on",
    "table",
    "tagged",
    "task",
    "this",
    "throughout",
    "time",
    "timeprecision",
    "timeunit",
    "tran",
    "tranif0",
    "tranif1",
    "tri",
    "tri0",
    "tri1",
    "triand",
    "trior",
    "trireg",
    "type",
    "typedef",
    "union",
    "unique",
    "unique0",
    "unsigned",
    "until",
    "until_with",
    "untyped",
    "use",
    "uwire",
    "var",
    "vectored",
    "virtual",
    "void",
    "wait",
    "wait_order",
    "wand",
    "weak",
    "weak0",
    "weak1",
    "while",
    "wildcard",
    "wire",
    "with",
    "within",
    "wor",
    "xnor",
    "xor",
];

#[cfg(test)]
mod tests {
    use super::*;
    use rust_hdl::prelude::TypeField;

    fn bits(width: usize) -> TypeDescriptor {
        TypeDescriptor { name: format!("Bits::<{width}>"), kind: TypeKind::Bits(width) }
    }

    fn record(fields: &[(&str, TypeDescriptor)]) -> TypeDescriptor {
        let fields = fields
            .iter()
            .map(|(name, kind)| Box::new(TypeField { fieldname: (*name).to_owned(), kind: kind.clone() }))
            .collect();
        TypeDescriptor { name: "Record".into(), kind: TypeKind::Composite(fields) }
    }

    fn shape(path: &str, descriptor: &TypeDescriptor) -> Vec<(String, usize, usize)> {
        leaf_fields(path, descriptor).into_iter().map(|leaf| (leaf.name, leaf.offset, leaf.width)).collect()
    }

    #[test]
    fn modules_are_called_after_types() {
        for (type_name, name) in [
            ("nitro_components::fifo::Fifo<nitro_card::conntrack::record::ConntrackAsk, 2>", "fifo_conntrack_ask_2"),
            ("nitro_components::cuckoo::stash::Stash<24, 5>", "cuckoo_stash_24_5"),
            ("nitro_card::conntrack::queue::InsertQueue", "conntrack_insert_queue"),
            ("nitro_card::control::axi_lite::AxiLite", "control_axi_lite"),
            ("a::b::Ip4Sum<a::Pair<rust_hdl::bits::Bits<9>, bool>, true>", "b_ip4_sum_pair_bits_9_bool_true"),
            ("Wait", "wait_"),
        ] {
            assert_eq!(module_name(type_name), name);
        }
    }

    #[test]
    fn keywords_are_sorted_for_the_binary_search() {
        assert!(KEYWORDS.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(flat_name("wire"), "wire_");
        assert_eq!(flat_name("stage$0$q"), "stage_0_q");
    }

    #[test]
    fn records_split_with_the_first_field_lowest() {
        let nested = record(&[("length", bits(16)), ("address", record(&[("low", bits(3)), ("high", bits(2))]))]);
        assert_eq!(
            shape("header", &nested),
            [
                ("header_length".into(), 0, 16),
                ("header_address_low".into(), 16, 3),
                ("header_address_high".into(), 19, 2)
            ]
        );
    }

    #[test]
    fn the_payload_of_a_stream_is_not_named() {
        let beat = record(&[("tdata", bits(64)), ("tlast", bits(1))]);
        assert_eq!(shape("rx$payload", &beat), [("rx_tdata".into(), 0, 64), ("rx_tlast".into(), 64, 1)]);
        assert_eq!(shape("rx$payload", &bits(8)), [("rx_tdata".into(), 0, 8)]);
        assert_eq!(shape("payload", &bits(8)), [("payload".into(), 0, 8)]);
    }

    #[test]
    fn enums_keep_the_names_of_their_values() {
        let names = ["Mode::Idle", "Mode::Busy", "Mode::Done"].map(String::from).to_vec();
        let mode = TypeDescriptor { name: "Mode".into(), kind: TypeKind::Enum(names) };
        let leaves = leaf_fields("mode", &mode);
        assert_eq!(leaves.len(), 1);
        assert_eq!(leaves[0].width, 2);
        assert_eq!(leaves[0].variants, ["Idle", "Busy", "Done"]);
        let single = TypeDescriptor { name: "One".into(), kind: TypeKind::Enum(vec!["One::Only".into()]) };
        assert!(leaf_fields("one", &single).is_empty());
    }
}

//! The register map as documentation page, C header, SystemRDL and JSON.

use std::fmt::Write as _;

use serde_json::{Value, json as object};

use super::{ADDRESS_BITS, Access, BitField, REGISTERS, Register};
use crate::counters::{self, EniCounter};
use crate::format::Format;
use crate::reason::DropReason;
use crate::tables::Table;

/// Collects formatted lines; writing into a `String` cannot fail.
struct Text(String);

impl Text {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // `String`'s writer never returns an error.
        let _ = self.0.write_fmt(line);
        self.0.push('\n');
    }
}

/// Appends a formatted line.
macro_rules! line {
    ($text:expr) => { $text.line(format_args!("")) };
    ($text:expr, $($argument:tt)*) => { $text.line(format_args!($($argument)*)) };
}

/// Bits of a field as a data sheet writes them.
fn bit_range(field: &BitField) -> String {
    if field.high == field.low { field.low.to_string() } else { format!("{}:{}", field.high, field.low) }
}

/// Name with the array's length.
fn array_name(register: &Register) -> String {
    if register.count == 1 { register.name.to_owned() } else { format!("{}[{}]", register.name, register.count) }
}

/// Addresses as a data sheet writes them.
fn addresses(register: &Register) -> String {
    if register.count == 1 {
        format!("`0x{:03x}`", register.offset)
    } else {
        format!("`0x{:03x}`–`0x{:03x}`", register.offset, register.at(register.count - 1))
    }
}

/// The documentation page: registers, table rows, counters and drop reasons.
#[must_use]
pub fn markdown() -> String {
    let mut text = Text(String::new());
    line!(text, "# Register map");
    line!(text);
    line!(
        text,
        "AXI4-Lite, 32-bit data, {ADDRESS_BITS}-bit addresses, whole words. A write to a read-only register or with a partial"
    );
    line!(
        text,
        "byte strobe is answered `SLVERR` and changes nothing; an address without a register is answered `DECERR` and"
    );
    line!(text, "reads 0. Write-only (`wo`) registers read 0; a one written to a `w1c` register clears that bit.");
    line!(text);
    line!(text, "| address | register | access | bits | field | reset | meaning |");
    line!(text, "|---|---|---|---|---|---|---|");
    for register in REGISTERS {
        line!(
            text,
            "| {} | `{}` | {} | | | | {} |",
            addresses(register),
            array_name(register),
            register.access.name(),
            register.doc
        );
        for field in register.fields {
            let reset = field.reset.map_or_else(|| "–".to_owned(), |reset| format!("{reset:#x}"));
            line!(text, "| | | | {} | `{}` | {reset} | {} |", bit_range(field), field.name, field.doc);
        }
    }
    line!(text);
    line!(text, "## Table rows");
    line!(text);
    line!(text, "Bits within `TABLE_DATA`, whose word 0 holds bits 31:0. IPv4 addresses are v4-mapped.");
    line!(text);
    line!(
        text,
        "A *hash table* has four ways of the same number of rows, a power of two (`CAPABILITIES`). A key may stand in one row of each way: bits"
    );
    line!(
        text,
        "`16 w` and up of SipHash-1-3, under `HASH_KEY`, of its bytes (big-endian, in the order given, zeros behind up to a multiple of 8) are its row in way"
    );
    line!(
        text,
        "`w`. The index is way · rows + row. To make room, write an entry into another one of its rows before its old row is overwritten."
    );
    for table in Table::ALL {
        markdown_row(&mut text, table);
    }
    line!(text);
    line!(text, "## Counters");
    line!(text);
    line!(text, "Both banks (tx 0, rx 1) have packets and bytes of each; index and name:");
    line!(text);
    line!(text, "| index | counter | stage | meaning |");
    line!(text, "|---|---|---|---|");
    for (index, name) in counters::all() {
        let (stage, meaning) = match DropReason::from_code(index) {
            Some(reason) => (reason.stage().name(), reason.description()),
            None if index == counters::PASSED => ("", "Forwarded (tx) or delivered (rx)."),
            None if index == counters::MADE => ("", "Made by the card for a frame that it dropped."),
            None if index == counters::REPLIED => ("", "Answered by the card."),
            None => ("", "Entered the path."),
        };
        line!(text, "| {index} | `{name}` | {stage} | {meaning} |");
    }
    line!(text);
    line!(text, "Each interface has these, with `of_eni` set and `eni` its number:");
    line!(text);
    line!(text, "| index | counter | meaning |");
    line!(text, "|---|---|---|");
    for counter in EniCounter::ALL {
        let meaning = match counter.reason() {
            Some(_) => "Packets dropped for this reason, on both paths.",
            None => "Connections that may yet be tracked for it: a gauge.",
        };
        line!(text, "| {} | `{}` | {meaning} |", counter.index(), counter.name());
    }
    text.0
}

fn markdown_row(text: &mut Text, table: Table) {
    let row = table.row();
    line!(text);
    line!(text, "Table {}, `{}`, {} bits. {}", table.code(), row.name, row.bits, table.description());
    line!(text);
    line!(text, "| bits | field |");
    line!(text, "|---|---|");
    for field in row.fields {
        let high = field.offset + field.width - 1;
        let bits = if field.width == 1 { high.to_string() } else { format!("{high}:{}", field.offset) };
        line!(text, "| {bits} | `{}` |", field.name);
    }
}

/// A C header: addresses, masks and shifts, counter indexes.
#[must_use]
pub fn c_header() -> String {
    let mut text = Text(String::new());
    line!(text, "/* Register map of the nitro card. Generated by `nitro regs --format c`; do not edit. */");
    line!(text, "#ifndef NITRO_REGS_H");
    line!(text, "#define NITRO_REGS_H");
    for register in REGISTERS {
        let name = register.name;
        line!(text);
        line!(text, "/* {} ({}) */", register.doc, register.access.name());
        if register.count == 1 {
            line!(text, "#define NITRO_{name} 0x{:03x}u", register.offset);
        } else {
            line!(text, "#define NITRO_{name}(n) (0x{:03x}u + 4u * (n))", register.offset);
            line!(text, "#define NITRO_{name}_COUNT {}u", register.count);
        }
        for field in register.fields {
            let field_name = format!("NITRO_{name}_{}", field.name.to_uppercase());
            line!(text, "#define {field_name}_MASK 0x{:08x}u", field.mask());
            line!(text, "#define {field_name}_SHIFT {}u", field.low);
        }
    }
    line!(text);
    line!(text, "/* Numbers of the tables in TABLE_COMMAND */");
    for table in Table::ALL {
        line!(text, "#define NITRO_TABLE_{} {}u", format!("{table:?}").to_uppercase(), table.code());
    }
    line!(text);
    line!(text, "/* Indexes of the counters in COUNTER_SELECT; drop reasons have their codes */");
    for (index, name) in counters::all() {
        line!(text, "#define NITRO_COUNTER_{} {index}u", name.to_uppercase());
    }
    line!(text);
    line!(text, "/* Indexes of the counters of an interface */");
    for counter in EniCounter::ALL {
        line!(text, "#define NITRO_ENI_COUNTER_{} {}u", counter.name().to_uppercase(), counter.index());
    }
    line!(text);
    line!(text, "#endif");
    text.0
}

/// A text as a SystemRDL string.
fn rdl_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A SystemRDL 2.0 description.
#[must_use]
pub fn systemrdl() -> String {
    let mut text = Text(String::new());
    line!(text, "// Register map of the nitro card. Generated by `nitro regs --format rdl`; do not edit.");
    line!(text, "addrmap nitro {{");
    line!(text, "    name = \"nitro\";");
    line!(text, "    default regwidth = 32;");
    line!(text, "    default accesswidth = 32;");
    for register in REGISTERS {
        let (software, hardware) = match register.access {
            Access::ReadOnly => ("r", "w"),
            Access::ReadWrite => ("rw", "r"),
            Access::WriteOnly => ("w", "r"),
            Access::WriteOneToClear => ("rw", "r"),
        };
        line!(text);
        line!(text, "    reg {{");
        line!(text, "        desc = {};", rdl_string(register.doc));
        line!(text, "        default sw = {software};");
        line!(text, "        default hw = {hardware};");
        if register.access == Access::WriteOneToClear {
            line!(text, "        default onwrite = woclr;");
            line!(text, "        default hwset;");
        }
        for field in register.fields {
            let reset = field.reset.map_or_else(String::new, |reset| format!(" = {}'h{reset:x}", field.width()));
            line!(
                text,
                "        field {{ desc = {}; }} {}[{}:{}]{reset};",
                rdl_string(field.doc),
                field.name,
                field.high,
                field.low
            );
        }
        let array = if register.count == 1 { String::new() } else { format!("[{}]", register.count) };
        let stride = if register.count == 1 { "" } else { " += 0x4" };
        line!(text, "    }} {}{array} @ 0x{:03x}{stride};", register.name, register.offset);
    }
    line!(text, "}};");
    text.0
}

fn json_format(format: &Format) -> Vec<Value> {
    let field =
        |field: &crate::format::Field| object!({"name": field.name, "offset": field.offset, "width": field.width});
    format.fields.iter().map(field).collect()
}

/// The map for programs.
#[must_use]
pub fn json() -> Value {
    let register = |register: &Register| {
        let field = |field: &BitField| {
            object!({
                "name": field.name,
                "high": field.high,
                "low": field.low,
                "reset": field.reset,
                "description": field.doc,
            })
        };
        object!({
            "name": register.name,
            "offset": register.offset,
            "count": register.count,
            "access": register.access.name(),
            "description": register.doc,
            "fields": register.fields.iter().map(field).collect::<Vec<_>>(),
        })
    };
    let table = |table: Table| object!({"code": table.code(), "name": table.row().name, "description": table.description(), "bits": table.row().bits, "fields": json_format(&table.row())});
    let reason = |reason: &DropReason| {
        object!({
            "code": reason.code(),
            "name": reason.name(),
            "stage": reason.stage().name(),
            "description": reason.description(),
        })
    };
    object!({
        "address_bits": ADDRESS_BITS,
        "registers": REGISTERS.iter().map(register).collect::<Vec<_>>(),
        "tables": Table::ALL.map(table),
        "counters": counters::all().map(|(index, name)| object!({"index": index, "name": name})).collect::<Vec<_>>(),
        "eni_counters": EniCounter::ALL.map(|counter| object!({"index": counter.index(), "name": counter.name()})),
        "drop_reasons": DropReason::ALL.iter().map(reason).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test stops at the first surprise.
    use super::*;

    #[test]
    fn every_output_names_every_register_and_field() {
        let outputs = [markdown(), c_header(), systemrdl(), json().to_string()];
        for register in REGISTERS {
            assert!(outputs.iter().all(|output| output.contains(register.name)), "{}", register.name);
            for field in register.fields {
                assert!(markdown().contains(&format!("`{}`", field.name)));
                assert!(c_header().contains(&format!("{}_{}_MASK", register.name, field.name.to_uppercase())));
            }
        }
        for reason in DropReason::ALL {
            assert!(markdown().contains(reason.name()) && c_header().contains(&reason.name().to_uppercase()));
        }
    }

    #[test]
    fn json_reads_back() {
        let value = json();
        assert_eq!(value["registers"].as_array().unwrap().len(), REGISTERS.len());
        assert_eq!(value["registers"][0]["fields"][0]["reset"], 0x4e49_5452);
        assert_eq!(value["drop_reasons"][48]["name"], "linklocal_allowance_exceeded");
    }
}

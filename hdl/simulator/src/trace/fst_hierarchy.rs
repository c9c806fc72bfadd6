//! The names of an FST file: scopes, signals, and the tables of enums.

use fst_writer::{FstScopeType, FstVarDirection, FstVarType};

use super::digits;
use super::layout::Layout;

/// Kinds of entries; signals begin with their type instead.
const ATTRIBUTE: u8 = 252;
const SCOPE: u8 = 254;
const UP: u8 = 255;
/// The attribute that is a table of names, or with an empty text a reference to one for the signal that follows.
const MISCELLANEOUS: u8 = 0;
const ENUM_TABLE: u8 = 7;

/// The section's content, uncompressed. Signals are numbered from 1 in the order of their first names, as `fst-writer` does.
pub(super) struct Hierarchy {
    bytes: Vec<u8>,
    signals: u64,
}

impl Hierarchy {
    /// Begins with the tables of all enums; a table's number is one more than its index in the layout.
    pub(super) fn new(layout: &Layout) -> Self {
        let mut hierarchy = Self { bytes: Vec::new(), signals: 0 };
        for (number, names) in (1..).zip(&layout.enums) {
            hierarchy.attribute(&enum_table(number, names), number);
        }
        hierarchy
    }

    /// Opens a scope.
    pub(super) fn scope(&mut self, name: &str) {
        self.bytes.extend([SCOPE, FstScopeType::Module as u8]);
        self.text(name);
        self.text("");
    }

    /// Closes it.
    pub(super) fn up(&mut self) {
        self.bytes.push(UP);
    }

    /// Declares a name of signal number `known`, or of the next one, and gives the number; `variants` is the index of an
    /// enum's table.
    pub(super) fn signal(&mut self, name: &str, width: u32, variants: Option<usize>, known: Option<u64>) -> u64 {
        if let Some(variants) = variants {
            self.attribute("", variants as u64 + 1);
        }
        self.bytes.extend([FstVarType::Wire as u8, FstVarDirection::Implicit as u8]);
        self.text(name);
        self.number(width.into());
        self.number(known.unwrap_or(0));
        known.unwrap_or_else(|| {
            self.signals += 1;
            self.signals
        })
    }

    /// The finished content.
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn attribute(&mut self, text: &str, argument: u64) {
        self.bytes.extend([ATTRIBUTE, MISCELLANEOUS, ENUM_TABLE]);
        self.text(text);
        self.number(argument);
    }

    /// Text ends with a zero.
    fn text(&mut self, text: &str) {
        self.bytes.extend(text.bytes().filter(|&byte| byte != 0));
        self.bytes.push(0);
    }

    /// Seven bits a byte, the least significant first; the top bit says that more follow.
    fn number(&mut self, mut number: u64) {
        while number >= 128 {
            self.bytes.push(number.to_le_bytes()[0] | 128);
            number >>= 7;
        }
        self.bytes.push(number.to_le_bytes()[0]);
    }
}

/// Name, number of entries, all names, all values in binary, each after a space.
fn enum_table(number: u64, names: &[String]) -> String {
    let width = names.len().next_power_of_two().trailing_zeros().max(1);
    let mut table = format!("enum{number} {}", names.len());
    for name in names {
        table.push(' ');
        table.extend(name.chars().map(|letter| if letter.is_whitespace() { '_' } else { letter }));
    }
    for value in 0..names.len() as u64 {
        let mut text = Vec::new();
        digits::full(&[value], width, &mut text);
        table.push(' ');
        table.extend(text.into_iter().map(char::from));
    }
    table
}

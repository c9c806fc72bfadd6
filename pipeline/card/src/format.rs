//! The header formats and table rows of `nitro_wire` as records: the same fields at the same places, by name.

use nitro_netlist::Record;
use rust_hdl::prelude::*;

/// The signal type of a field: one bit is a `Bit`, anything wider `Bits`.
macro_rules! field_type {
    (1) => { Bit };
    ($width:tt) => { Bits<$width> };
}

/// Makes a record of each format; a callback of `nitro_wire::formats!` and `nitro_wire::tables!`.
macro_rules! record_from_format {
    ($( $(#[$doc:meta])* $name:ident = $constant:ident {
        $( $(#[$field_doc:meta])* $field:ident: $width:tt, )*
    } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
        pub struct $name { $( $(#[$field_doc])* pub $field: field_type!($width), )* }
    )* };
}

nitro_wire::formats!(record_from_format);
nitro_wire::tables!(record_from_format);

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the width of each record with that of the constant of the same entry.
    macro_rules! widths {
        ($( $(#[$doc:meta])* $name:ident = $constant:ident { $($rest:tt)* } )*) => {
            vec![$( (stringify!($name), <$name as Synth>::BITS) ),*]
        };
    }

    #[test]
    fn records_are_as_wide_as_their_formats() {
        let records: Vec<(&str, usize)> = nitro_wire::formats!(widths);
        let formats: Vec<(&str, usize)> =
            nitro_wire::formats::ALL.iter().map(|format| (format.name, format.bits)).collect();
        assert_eq!(records, formats);
        let records: Vec<(&str, usize)> = nitro_wire::tables!(widths);
        let formats: Vec<(&str, usize)> =
            nitro_wire::tables::ALL.iter().map(|format| (format.name, format.bits)).collect();
        assert_eq!(records, formats);
    }
}

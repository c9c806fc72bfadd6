//! What a format is: named fields of stated widths, the first the most significant, and a packer for software.

use thiserror::Error;

/// A field of a [`Format`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, as in the hardware's record.
    pub name: &'static str,
    /// Width in bits, 1 to 128.
    pub width: usize,
    /// Lowest bit within the format, whose own lowest bit is 0.
    pub offset: usize,
}

/// A header or table row: fields from the most significant (on the wire: first) to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Name, as of the hardware's record.
    pub name: &'static str,
    /// Fields, first on the wire first.
    pub fields: &'static [Field],
    /// Total width in bits.
    pub bits: usize,
}

/// Why values do not make a format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// No field has this name.
    #[error("{format} has no field `{field}`; its fields are {}", .known.join(", "))]
    UnknownField {
        /// The format.
        format: &'static str,
        /// The name that was asked for.
        field: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// A field was given twice.
    #[error("field `{field}` of {format} is given twice")]
    DuplicateField {
        /// The format.
        format: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A value needs more bits than its field has.
    #[error("{value:#x} does not fit field `{field}` of {format}, which is {width} bits wide")]
    TooLarge {
        /// The format.
        format: &'static str,
        /// The field.
        field: &'static str,
        /// The value.
        value: u128,
        /// The field's width in bits.
        width: usize,
    },
    /// There are fewer bytes than the format needs.
    #[error("{format} needs {needed} bytes, only {available} are there")]
    TooShort {
        /// The format.
        format: &'static str,
        /// Bytes needed.
        needed: usize,
        /// Bytes given.
        available: usize,
    },
}

/// Gives each field its offset, from names and widths in order. Used by the tables of formats, at compile time.
#[must_use]
pub const fn layout<const N: usize>(fields: [(&'static str, usize); N]) -> [Field; N] {
    let mut result = [Field { name: "", width: 0, offset: 0 }; N];
    let mut offset = 0;
    let mut index = N;
    while index > 0 {
        index -= 1;
        let (name, width) = fields[index];
        assert!(width >= 1 && width <= 128, "a field has 1 to 128 bits");
        result[index] = Field { name, width, offset };
        offset += width;
    }
    result
}

impl Format {
    /// A format of these fields.
    #[must_use]
    pub const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        let bits = if fields.is_empty() { 0 } else { fields[0].offset + fields[0].width };
        Self { name, fields, bits }
    }

    /// Total length in bytes, rounded up.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bits.div_ceil(8)
    }

    /// Total length in 32-bit words, rounded up.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.bits.div_ceil(32)
    }

    /// The field of a name.
    pub fn field(&self, name: &str) -> Result<&'static Field, FormatError> {
        self.fields.iter().find(|field| field.name == name).ok_or_else(|| FormatError::UnknownField {
            format: self.name,
            field: name.to_owned(),
            known: self.fields.iter().map(|field| field.name).collect(),
        })
    }

    /// The bits of these values, least significant first; fields not given are 0.
    fn pack_bits(&self, values: &[(&str, u128)]) -> Result<Vec<bool>, FormatError> {
        let mut bits = vec![false; self.bits];
        let mut given = Vec::with_capacity(values.len());
        for &(name, value) in values {
            let field = self.field(name)?;
            if given.contains(&field.name) {
                return Err(FormatError::DuplicateField { format: self.name, field: field.name });
            }
            given.push(field.name);
            if field.width < 128 && value >> field.width != 0 {
                return Err(FormatError::TooLarge { format: self.name, field: field.name, value, width: field.width });
            }
            for bit in 0..field.width {
                bits[field.offset + bit] = value >> bit & 1 == 1;
            }
        }
        Ok(bits)
    }

    /// The bytes of these values as on the wire (big-endian); fields not given are 0. A format whose width is no
    /// multiple of 8 is padded with zeros at the front.
    pub fn pack(&self, values: &[(&str, u128)]) -> Result<Vec<u8>, FormatError> {
        let bits = self.pack_bits(values)?;
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
        Ok(bits.chunks(8).rev().map(byte).collect())
    }

    /// The 32-bit words of these values, the least significant first, as the card's table registers take them.
    /// Fields not given are 0.
    pub fn pack_words(&self, values: &[(&str, u128)]) -> Result<Vec<u32>, FormatError> {
        let bits = self.pack_bits(values)?;
        let word = |bits: &[bool]| bits.iter().rev().fold(0, |word, &bit| word << 1 | u32::from(bit));
        Ok(bits.chunks(32).map(word).collect())
    }

    /// The value of one field in bytes as on the wire. Bytes beyond the format are not looked at.
    pub fn get(&self, bytes: &[u8], name: &str) -> Result<u128, FormatError> {
        let field = self.field(name)?;
        let Some(bytes) = bytes.get(..self.bytes()) else {
            return Err(FormatError::TooShort { format: self.name, needed: self.bytes(), available: bytes.len() });
        };
        let bit = |index: usize| bytes[self.bytes() - 1 - index / 8] >> (index % 8) & 1;
        Ok((0..field.width).rev().fold(0, |value, index| value << 1 | u128::from(bit(field.offset + index))))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test stops at the first surprise.
    use super::*;

    const SAMPLE: Format = Format::new("Sample", &layout([("a", 4), ("b", 1), ("c", 19), ("d", 128)]));

    #[test]
    fn first_field_is_most_significant() {
        assert_eq!(SAMPLE.bits, 152);
        let bytes = SAMPLE.pack(&[("a", 0xa), ("b", 1), ("c", 0x12345), ("d", 7)]).unwrap();
        assert_eq!(bytes[..3], [0xa9, 0x23, 0x45]);
        assert_eq!(bytes[18], 7);
        for (name, value) in [("a", 0xa), ("b", 1), ("c", 0x12345), ("d", 7)] {
            assert_eq!(SAMPLE.get(&bytes, name).unwrap(), value);
        }
        let words = SAMPLE.pack_words(&[("d", 1 << 32 | 5), ("a", 1)]).unwrap();
        assert_eq!(words, [5, 1, 0, 0, 1 << 20]);
    }

    #[test]
    fn widths_that_are_no_multiple_of_eight_pad_in_front() {
        const ODD: Format = Format::new("Odd", &layout([("a", 3), ("b", 9)]));
        assert_eq!(ODD.pack(&[("a", 5), ("b", 0x101)]).unwrap(), [0x0b, 0x01]);
        assert_eq!(ODD.get(&[0x0b, 0x01], "a").unwrap(), 5);
    }

    #[test]
    fn wrong_values_are_named() {
        let unknown = SAMPLE.pack(&[("e", 0)]).unwrap_err();
        assert_eq!(unknown.to_string(), "Sample has no field `e`; its fields are a, b, c, d");
        let large = SAMPLE.pack(&[("a", 16)]).unwrap_err();
        assert_eq!(large.to_string(), "0x10 does not fit field `a` of Sample, which is 4 bits wide");
        assert!(matches!(SAMPLE.pack(&[("a", 1), ("a", 1)]), Err(FormatError::DuplicateField { .. })));
        let short = SAMPLE.get(&[0; 18], "a").unwrap_err();
        assert_eq!(short.to_string(), "Sample needs 19 bytes, only 18 are there");
        assert!(SAMPLE.pack(&[("d", u128::MAX)]).is_ok());
    }
}

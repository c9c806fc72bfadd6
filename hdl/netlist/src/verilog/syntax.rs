//! The small change of Verilog: literals, ranges, wrapped lines.

use std::fmt::Write as _;

use crate::words;

/// Columns after which a line is broken.
const LINE: usize = 110;

/// A sized literal.
pub(super) fn literal(value: &[u64], width: u32) -> String {
    if width == 1 {
        return format!("1'b{}", u8::from(words::bit(value, 0)));
    }
    let digits: String = value.iter().rev().map(|word| format!("{word:016x}")).collect();
    let digits = digits.trim_start_matches('0');
    format!("{width}'h{}", if digits.is_empty() { "0" } else { digits })
}

/// The range of a declaration with a space behind it; nothing for one bit.
pub(super) fn range(width: u32) -> String {
    if width == 1 { String::new() } else { format!("[{}:0] ", width - 1) }
}

/// Some bits of a name.
pub(super) fn select(name: &str, whole: u32, offset: u32, width: u32) -> String {
    if offset == 0 && width == whole {
        name.to_owned()
    } else if width == 1 {
        format!("{name}[{offset}]")
    } else {
        format!("{name}[{}:{offset}]", offset + width - 1)
    }
}

/// Breaks a long statement at its spaces; the rest is indented two steps further.
pub(super) fn wrap(indent: usize, statement: &str, out: &mut String) {
    let mut column = indent;
    out.push_str(&" ".repeat(indent));
    for (index, word) in statement.split(' ').enumerate() {
        if index > 0 {
            if column + 1 + word.len() > LINE {
                out.push('\n');
                column = indent + 4;
                out.push_str(&" ".repeat(column));
            } else {
                out.push(' ');
                column += 1;
            }
        }
        out.push_str(word);
        column += word.len();
    }
    out.push('\n');
}

/// Writes a text as comment lines; nothing for an empty one. Of Rust's marks only the words stay.
pub(super) fn comment(indent: usize, text: &str, out: &mut String) {
    let mut line = String::new();
    let mut flush = |line: &mut String| {
        if !line.is_empty() {
            let _ = writeln!(out, "{:indent$}//{line}", "");
            line.clear();
        }
    };
    for word in plain_text(text).split_whitespace() {
        if indent + 3 + line.len() + word.len() > LINE {
            flush(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    flush(&mut line);
}

/// Doc text without links and marks of code.
#[must_use]
pub fn plain_text(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(['[', '`']) {
        out.push_str(&rest[..place]);
        let (mark, behind) = rest[place..].split_at(1);
        rest = behind;
        if mark == "[" {
            let Some((inside, behind)) = rest.split_once(']') else {
                out.push('[');
                continue;
            };
            let target = behind.strip_prefix('(').and_then(|target| target.split_once(')'));
            if target.is_some() || inside.starts_with('`') {
                out.push_str(&inside.replace('`', ""));
                rest = target.map_or(behind, |(_, behind)| behind);
            } else {
                out.push('[');
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_sized() {
        assert_eq!(literal(&[1], 1), "1'b1");
        assert_eq!(literal(&[0], 8), "8'h0");
        assert_eq!(literal(&[5, 0xa], 70), "70'ha0000000000000005");
    }

    #[test]
    fn comments_are_plain_text() {
        let mut out = String::new();
        comment(4, "A [`Ram`](crate::ram::Ram) of `2^A` words; see [`Fifo::LATENCY`], x[3:0].", &mut out);
        comment(0, "", &mut out);
        assert_eq!(out, "    // A Ram of 2^A words; see Fifo::LATENCY, x[3:0].\n");
        comment(0, &["word"; 60].join(" "), &mut out);
        assert!(out.lines().all(|line| line.len() <= LINE && line.trim_start().starts_with("// ")));
    }

    #[test]
    fn long_lines_break_at_spaces() {
        let mut text = String::new();
        wrap(2, &["abcdefghi"; 30].join(" "), &mut text);
        assert!(text.lines().all(|line| line.len() <= LINE));
        assert_eq!(text.split_whitespace().count(), 30);
    }
}

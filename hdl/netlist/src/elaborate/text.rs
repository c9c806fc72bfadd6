//! The textual parts of the syntax tree: indexed names and the constant arithmetic in their brackets.

/// Replaces every `[index]` of a name by `$n`. `lookup` gives the values of loop variables; an `Err` holds the bad index.
pub(super) fn resolve_indices(name: &str, lookup: &dyn Fn(&str) -> Option<u64>) -> Result<String, String> {
    let mut resolved = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(open) = rest.find('[') {
        let mut depth = 0_u32;
        let close = rest[open..].find(|c| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let close = open + close.ok_or_else(|| rest[open..].to_owned())?;
        let text = &rest[open + 1..close];
        let index = evaluate(text, lookup).ok_or_else(|| text.to_owned())?;
        resolved.push_str(&rest[..open]);
        resolved.push('$');
        resolved.push_str(&index.to_string());
        rest = &rest[close + 1..];
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// Evaluates `+ - * / %` and parentheses over literals and loop variables.
fn evaluate(text: &str, lookup: &dyn Fn(&str) -> Option<u64>) -> Option<u64> {
    let mut parser = Parser { rest: text.trim(), lookup };
    let value = parser.sum()?;
    parser.rest.is_empty().then_some(value)
}

/// Parses an integer literal of Rust: any base, underscores and a type suffix allowed.
pub(super) fn integer(text: &str) -> Option<u64> {
    let text = text.replace('_', "");
    let suffix = ["usize", "u128", "u64", "u32", "u16", "u8", "i32", "i64"];
    let (digits, radix) = match text.get(..2) {
        Some("0x") => (&text[2..], 16),
        Some("0b") => (&text[2..], 2),
        Some("0o") => (&text[2..], 8),
        _ => (&text[..], 10),
    };
    let digits = suffix.iter().find_map(|suffix| digits.strip_suffix(suffix)).unwrap_or(digits);
    u64::from_str_radix(digits, radix).ok()
}

struct Parser<'t> {
    rest: &'t str,
    lookup: &'t dyn Fn(&str) -> Option<u64>,
}

impl Parser<'_> {
    fn take(&mut self, accepted: &[char]) -> Option<char> {
        let first = self.rest.trim_start().chars().next().filter(|c| accepted.contains(c))?;
        self.rest = self.rest.trim_start()[1..].trim_start();
        Some(first)
    }

    fn sum(&mut self) -> Option<u64> {
        let mut value = self.product()?;
        while let Some(operator) = self.take(&['+', '-']) {
            let right = self.product()?;
            value = if operator == '+' { value.checked_add(right)? } else { value.checked_sub(right)? };
        }
        Some(value)
    }

    fn product(&mut self) -> Option<u64> {
        let mut value = self.atom()?;
        while let Some(operator) = self.take(&['*', '/', '%']) {
            let right = self.atom()?;
            value = match operator {
                '*' => value.checked_mul(right)?,
                '/' => value.checked_div(right)?,
                _ => value.checked_rem(right)?,
            };
        }
        Some(value)
    }

    fn atom(&mut self) -> Option<u64> {
        for (open, close) in [('(', ')'), ('{', '}')] {
            if self.take(&[open]).is_some() {
                let value = self.sum()?;
                self.take(&[close])?;
                return Some(value);
            }
        }
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        if word.starts_with(|c: char| c.is_ascii_digit()) { integer(word) } else { (self.lookup)(word) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test may panic")]
    use super::*;

    #[test]
    fn indices_are_evaluated_with_loop_variables() {
        let lookup = |name: &str| (name == "i").then_some(3);
        assert_eq!(resolve_indices("st[i+1]$q", &lookup).unwrap(), "st$4$q");
        assert_eq!(resolve_indices("a[2*(i-1)%3][0x1_usize]", &lookup).unwrap(), "a$1$1");
        assert_eq!(resolve_indices("a[N-1]", &lookup), Err("N-1".into()));
        assert_eq!(resolve_indices("plain$q", &lookup).unwrap(), "plain$q");
    }

    #[test]
    fn integers_of_every_base() {
        assert_eq!(integer("0x0800"), Some(0x800));
        assert_eq!(integer("0b1_01u8"), Some(5));
        assert_eq!(integer("12_usize"), Some(12));
        assert_eq!(integer("true"), None);
    }
}

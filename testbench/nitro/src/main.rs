//! nitro
fn main() {}

//! Rules and packets of few kinds, so that rules overlap and packets meet many of them; and what a rule means, written down
//! independently of hardware and model.

use nitro_components::bench::Random;
use nitro_wire::tables::NACL_RULE_ROW;

/// A row as the table has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rule {
    pub valid: bool,
    pub allow: bool,
    pub ipv6: bool,
    pub any_protocol: bool,
    pub protocol: u8,
    pub low: u16,
    pub high: u16,
    pub address: u128,
    pub prefix: u8,
}

/// What the stage looks at in a packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packet {
    pub ipv6: bool,
    pub protocol: u8,
    /// Ports, if it has any, else ICMP's type and code, if it is that.
    pub upper: Upper,
    pub address: u128,
    pub subnet: u8,
    pub in_subnet: bool,
    pub exempt: bool,
    pub solicits: bool,
    pub fragment_offset: u16,
    pub reason: u8,
}

#[derive(Clone, Copy, Debug, Default)]
pub enum Upper {
    #[default]
    Nothing,
    Port(u16),
    Message(u8, u8),
}

impl Rule {
    pub fn image(&self) -> Vec<u32> {
        NACL_RULE_ROW
            .pack_words(&[
                ("valid", u128::from(self.valid)),
                ("allow", u128::from(self.allow)),
                ("ipv6", u128::from(self.ipv6)),
                ("any_protocol", u128::from(self.any_protocol)),
                ("protocol", u128::from(self.protocol)),
                ("low", u128::from(self.low)),
                ("high", u128::from(self.high)),
                ("address", self.address),
                ("prefix", u128::from(self.prefix)),
            ])
            .unwrap()
    }

    pub fn fits(&self, packet: &Packet) -> bool {
        let selector = match packet.upper {
            Upper::Nothing => 0,
            Upper::Port(port) => u32::from(port),
            Upper::Message(kind, code) => 256 * u32::from(kind) + u32::from(code),
        };
        let in_range = u32::from(self.low) <= selector && u32::from(self.high) >= selector;
        // Bit by bit, as the prefix is defined.
        let bits = 0..u32::from(self.prefix).min(128);
        let in_prefix = bits.map(|bit| 127 - bit).all(|bit| self.address >> bit & 1 == packet.address >> bit & 1);
        let of_protocol = self.any_protocol || self.protocol == packet.protocol;
        self.valid && self.ipv6 == packet.ipv6 && of_protocol && in_range && in_prefix
    }
}

pub fn pick<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

fn byte(random: &mut Random, limit: u64) -> u8 {
    u8::try_from(random.below(limit)).unwrap()
}

/// One of a few addresses, at times with one bit of it changed.
fn address(random: &mut Random, ipv6: bool) -> u128 {
    let known: &[u128] = if ipv6 {
        &[0x2001_0db8_0000_0000_0000_0000_0000_0001, 0xfd00_0010_0000_0007_0000_0000_0000_0020, 0xffff_c000_0201, 0, !0]
    } else {
        &[0xffff_0a00_0114, 0xffff_c000_0201, 0xffff_0000_0000, 0xffff_ffff_ffff]
    };
    let bits = if ipv6 { 128 } else { 32 };
    let flip = if random.chance(0.6) { 1 << random.below(bits) } else { 0 };
    pick(random, known) ^ flip
}

/// Selectors of which ranges begin and end, and those beside them.
fn selector(random: &mut Random) -> u16 {
    let border = pick(random, &[0, 22, 80, 443, 0x0300, 0x0304, 0x08ff, 1024, 32_768, 65_535_u16]);
    match random.below(4) {
        0 => border.wrapping_add(1),
        1 => border.wrapping_sub(1),
        _ => border,
    }
}

const PROTOCOLS: [u8; 6] = [1, 6, 6, 17, 58, 47];

pub fn rule(random: &mut Random) -> Rule {
    let ipv6 = random.chance(0.4);
    let (a, b) = (selector(random), selector(random));
    let (low, high) = match random.below(8) {
        0 => (0, u16::MAX),
        1 => (a, a),
        // A range that is none.
        2 => (a.max(b), a.min(b)),
        _ => (a.min(b), a.max(b)),
    };
    let least = if ipv6 { 0 } else { 96 };
    let prefix = match random.below(6) {
        0 => least,
        1 => 128,
        2 => least + byte(random, 9),
        // No prefix is that long; it means 128.
        3 if random.chance(0.2) => 129 + byte(random, 127),
        _ => least + byte(random, u64::from(128 - least) + 1),
    };
    Rule {
        valid: random.chance(0.9),
        allow: random.chance(0.5),
        ipv6,
        any_protocol: random.chance(0.3),
        protocol: pick(random, &PROTOCOLS),
        low,
        high,
        address: address(random, ipv6),
        prefix,
    }
}

/// A packet of one of so many subnets, at times of one beyond them.
pub fn packet(random: &mut Random, subnets: u64) -> Packet {
    let ipv6 = random.chance(0.4);
    let protocol = pick(random, &PROTOCOLS);
    let chosen = selector(random);
    let upper = match protocol {
        6 | 17 => Upper::Port(chosen),
        1 | 58 if ipv6 == (protocol == 58) => Upper::Message(chosen.to_be_bytes()[0], chosen.to_be_bytes()[1]),
        _ => Upper::Nothing,
    };
    let numbers = if random.chance(0.95) { subnets } else { 256 };
    Packet {
        ipv6,
        protocol,
        upper,
        address: address(random, ipv6),
        subnet: byte(random, numbers),
        in_subnet: random.chance(0.05),
        exempt: random.chance(0.05),
        solicits: random.chance(0.05),
        fragment_offset: if random.chance(0.05) { 1 << random.below(13) } else { 0 },
        reason: if random.chance(0.05) { byte(random, 27) } else { 0 },
    }
}

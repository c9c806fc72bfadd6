//! Connections as `docs/policy.md` has them, in a map.

use std::collections::HashMap;

pub const FIN: u64 = 1;
pub const SYN: u64 = 2;
pub const RST: u64 = 4;
pub const ACK: u64 = 16;

/// A flow of the test, by its number; what its key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    pub eni: u64,
    pub local_ip: u128,
    pub remote_ip: u128,
    pub local_port: u64,
    pub remote_port: u64,
    pub protocol: u64,
}

/// Limits of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub most: u64,
    pub tcp_established: u64,
    pub tcp_transient: u64,
    pub udp: u64,
    pub udp_stream: u64,
    pub icmp: u64,
    pub other: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: u64,
    pub generation: u64,
    /// It has begun anew in its place: packets that found the one before count for it.
    pub renewed: bool,
    eni: u64,
    protocol: u64,
    seen: [bool; 2],
    acks: [bool; 2],
    fins: [bool; 2],
    rst: bool,
    /// Of a clock of ticks that never wraps.
    pub deadline: u64,
}

/// What an insertion must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The connection that there is.
    Same {
        id: u64,
        generation: u64,
    },
    /// A new one in the old one's place.
    Anew {
        id: u64,
        generation: u64,
    },
    /// A new one.
    New,
    AllowanceExceeded,
    Full,
}

#[derive(Clone, Debug, Default)]
pub struct Reference {
    pub tick: u64,
    pub capacity: usize,
    pub limits: [Limits; 2],
    pub entries: HashMap<usize, Entry>,
}

fn is_open(protocol: u64, flags: u64) -> bool {
    protocol == 6 && flags & (SYN | ACK) == SYN
}

impl Entry {
    fn closing(&self) -> bool {
        self.rst || self.fins == [true; 2]
    }

    fn packet(&mut self, direction: usize, flags: u64, tick: u64, limits: &Limits) {
        self.seen[direction] = true;
        if self.protocol == 6 {
            self.acks[direction] |= flags & ACK != 0;
            self.fins[direction] |= flags & FIN != 0;
            self.rst |= flags & RST != 0;
        }
        let timeout = match self.protocol {
            6 if self.acks == [true; 2] && !self.closing() => limits.tcp_established,
            6 => limits.tcp_transient,
            17 if self.seen == [true; 2] => limits.udp_stream,
            17 => limits.udp,
            1 | 58 => limits.icmp,
            _ => limits.other,
        };
        self.deadline = tick + timeout + 1;
    }
}

impl Reference {
    /// The connection that a packet finds.
    pub fn find(&self, flow: usize, is_open: bool, tick: u64) -> Option<Entry> {
        let entry = self.entries.get(&flow)?;
        (tick < entry.deadline && !(is_open && entry.closing())).then_some(*entry)
    }

    /// Entries that count.
    pub fn held(&self, eni: Option<u64>) -> usize {
        let counts = |entry: &&Entry| self.tick <= entry.deadline && eni.is_none_or(|eni| entry.eni == eni);
        self.entries.values().filter(counts).count()
    }

    /// What must become of an insertion.
    pub fn insert(&self, number: usize, flow: &Flow, flags: u64) -> Outcome {
        if let Some(entry) = self.entries.get(&number) {
            if self.find(number, is_open(flow.protocol, flags), self.tick).is_some() {
                return Outcome::Same { id: entry.id, generation: entry.generation };
            }
            if self.tick <= entry.deadline {
                return Outcome::Anew { id: entry.id, generation: (entry.generation + 1) % 256 };
            }
        }
        if self.held(Some(flow.eni)) as u64 >= self.limits[flow.eni as usize].most {
            Outcome::AllowanceExceeded
        } else if self.held(None) >= self.capacity {
            Outcome::Full
        } else {
            Outcome::New
        }
    }

    /// A packet made or found its connection by insertion.
    pub fn made(&mut self, number: usize, flow: &Flow, direction: usize, flags: u64, id: u64, generation: u64) {
        let (tick, limits) = (self.tick, self.limits[flow.eni as usize]);
        let old = self.find(number, is_open(flow.protocol, flags), tick);
        let held = self.entries.get(&number).is_some_and(|entry| tick <= entry.deadline && entry.id == id);
        let mut entry = old.unwrap_or(Entry {
            id,
            generation,
            renewed: held,
            eni: flow.eni,
            protocol: flow.protocol,
            seen: [false; 2],
            acks: [false; 2],
            fins: [false; 2],
            rst: false,
            deadline: 0,
        });
        entry.packet(direction, flags, tick, &limits);
        self.entries.insert(number, entry);
    }

    /// A packet of a connection.
    pub fn update(&mut self, number: usize, direction: usize, flags: u64) {
        let (tick, limits) = (self.tick, self.limits);
        if let Some(entry) = self.entries.get_mut(&number) {
            let limits = limits[entry.eni as usize];
            entry.packet(direction, flags, tick, &limits);
        }
    }

    /// Forgets what has been expired for a whole tick.
    pub fn forget(&mut self) {
        let tick = self.tick;
        self.entries.retain(|_, entry| tick <= entry.deadline);
    }
}

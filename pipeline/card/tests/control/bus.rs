//! Software at the port: all five channels, each with pauses, and what they must keep to.

use std::collections::VecDeque;

use nitro_card::config::Config;
use nitro_card::control;
use nitro_components::bench::{self, Random};
use nitro_simulator::{Engine, InterpretedEngine};

pub const OKAY: u64 = 0;
pub const SLVERR: u64 = 2;
pub const DECERR: u64 = 3;

pub fn get(engine: &dyn Engine, port: &str) -> u64 {
    bench::get(engine, port).unwrap()[0]
}

pub fn set(engine: &mut dyn Engine, port: &str, value: u64) {
    bench::set(engine, port, &[value]).unwrap();
}

/// One of these.
pub fn pick<T: Copy>(random: &mut Random, values: &[T]) -> T {
    values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

/// A port that has been reset; `ready` says that the tables have been cleared.
pub fn start(ready: bool) -> InterpretedEngine {
    let entries = control::entries(Config::Line.dimensions().capabilities());
    let entry = entries.into_iter().find(|entry| entry.name == "control").unwrap();
    let mut engine = entry.interpreted().unwrap();
    bench::reset(&mut engine, 2).unwrap();
    set(&mut engine, "ready", u64::from(ready));
    // Counters of interfaces are elsewhere, and always have an answer.
    set(&mut engine, "eni_value_tvalid", 1);
    engine
}

/// An AXI4-Lite channel on which the test offers requests, each after a random pause.
pub struct Requests {
    valid: &'static str,
    ready: &'static str,
    queue: VecDeque<Vec<(&'static str, u64)>>,
    offering: bool,
}

impl Requests {
    pub fn new(valid: &'static str, ready: &'static str) -> Self {
        Self { valid, ready, queue: VecDeque::new(), offering: false }
    }

    fn drive(&mut self, engine: &mut dyn Engine, random: &mut Random, pause: f64) {
        self.offering |= !self.queue.is_empty() && !random.chance(pause);
        set(engine, self.valid, u64::from(self.offering));
        for (port, value) in self.queue.front().into_iter().flatten() {
            set(engine, port, *value);
        }
    }

    fn observe(&mut self, engine: &dyn Engine) {
        if self.offering && get(engine, self.ready) == 1 {
            self.queue.pop_front();
            self.offering = false;
        }
    }
}

/// An AXI4-Lite channel on which the port responds; checks that a response stays until it is taken.
pub struct Responses {
    valid: &'static str,
    ready: &'static str,
    values: &'static [&'static str],
    pending: Option<Vec<u64>>,
    pub taken: Vec<Vec<u64>>,
    accept: bool,
}

impl Responses {
    pub fn new(valid: &'static str, ready: &'static str, values: &'static [&'static str]) -> Self {
        Self { valid, ready, values, pending: None, taken: Vec::new(), accept: false }
    }

    fn drive(&mut self, engine: &mut dyn Engine, random: &mut Random, pause: f64) {
        self.accept = !random.chance(pause);
        set(engine, self.ready, u64::from(self.accept));
    }

    fn observe(&mut self, engine: &dyn Engine) {
        let offered = (get(engine, self.valid) == 1)
            .then(|| self.values.iter().map(|port| get(engine, port)).collect::<Vec<_>>());
        if self.pending.is_some() {
            assert_eq!(self.pending, offered, "{} or what it says changed before it was taken", self.valid);
        }
        self.pending = if self.accept { None } else { offered.clone() };
        if self.accept {
            self.taken.extend(offered);
        }
    }
}

/// Software that keeps all five channels busy.
pub struct Manager {
    write_address: Requests,
    write_data: Requests,
    pub write_response: Responses,
    read_address: Requests,
    pub read_data: Responses,
    random: Random,
    pause: f64,
}

impl Manager {
    pub fn new(pause: f64, seed: u64) -> Self {
        Self {
            write_address: Requests::new("bus_awvalid", "bus_awready"),
            write_data: Requests::new("bus_wvalid", "bus_wready"),
            write_response: Responses::new("bus_bvalid", "bus_bready", &["bus_bresp"]),
            read_address: Requests::new("bus_arvalid", "bus_arready"),
            read_data: Responses::new("bus_rvalid", "bus_rready", &["bus_rdata", "bus_rresp"]),
            random: Random::new(seed),
            pause,
        }
    }

    pub fn write(&mut self, address: u16, data: u32, strobe: u64) {
        self.write_address.queue.push_back(vec![("bus_awaddr", address.into())]);
        self.write_data.queue.push_back(vec![("bus_wdata", data.into()), ("bus_wstrb", strobe)]);
    }

    pub fn read(&mut self, address: u16) {
        self.read_address.queue.push_back(vec![("bus_araddr", address.into())]);
    }

    pub fn clock(&mut self, engine: &mut dyn Engine) {
        for channel in [&mut self.write_address, &mut self.write_data, &mut self.read_address] {
            channel.drive(engine, &mut self.random, self.pause);
        }
        for channel in [&mut self.write_response, &mut self.read_data] {
            channel.drive(engine, &mut self.random, self.pause);
        }
        engine.settle();
        for channel in [&mut self.write_address, &mut self.write_data, &mut self.read_address] {
            channel.observe(engine);
        }
        for channel in [&mut self.write_response, &mut self.read_data] {
            channel.observe(engine);
        }
        engine.edge();
    }

    /// Runs until so many writes and reads have been answered, and takes the answers.
    pub fn finish(&mut self, engine: &mut dyn Engine, writes: usize, reads: usize) -> (Vec<u64>, Vec<(u64, u64)>) {
        let mut clocks = 0;
        while self.write_response.taken.len() < writes || self.read_data.taken.len() < reads {
            self.clock(engine);
            clocks += 1;
            assert!(clocks < 200 * (writes + reads + 1), "no answer");
        }
        let writes = self.write_response.taken.drain(..).map(|values| values[0]).collect();
        let reads = self.read_data.taken.drain(..).map(|values| (values[0], values[1])).collect();
        (writes, reads)
    }
}

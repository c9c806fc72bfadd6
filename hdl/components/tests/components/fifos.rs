//! FIFOs and the spill register: what goes in comes out, in order, at one item per clock.

use nitro_components::bench::{Item, Random, Sink, Source, clock, edge, get, settle};
use nitro_simulator::Engine;

use crate::common::{Block, Outcome, Traffic, patience, traffic};

/// A stream of plain or record payloads through a block.
struct Fifo {
    name: &'static str,
    fields: &'static [&'static str],
    widths: &'static [u32],
    /// Items that it takes while nothing leaves.
    capacity: usize,
    /// Clocks from an item's arrival to its offer.
    latency: usize,
}

const SAMPLE: (&[&str], &[u32]) = (&["kind", "flag", "number"], &[3, 1, 44]);

const FIFOS: [Fifo; 6] = [
    Fifo { name: "spill_8", fields: &["tdata"], widths: &[8], capacity: 2, latency: 1 },
    Fifo {
        name: "spill_512",
        fields: &["tuser", "tlast", "tkeep", "tdata"],
        widths: &[4, 1, 64, 512],
        capacity: 2,
        latency: 1,
    },
    Fifo { name: "fifo_2", fields: &["tdata"], widths: &[8], capacity: 2, latency: 1 },
    Fifo { name: "fifo_16", fields: SAMPLE.0, widths: SAMPLE.1, capacity: 16, latency: 1 },
    Fifo { name: "fifo_block_2", fields: &["tdata"], widths: &[8], capacity: 3, latency: 2 },
    Fifo { name: "fifo_block_16", fields: SAMPLE.0, widths: SAMPLE.1, capacity: 17, latency: 2 },
];

impl Fifo {
    fn items(&self, count: usize, seed: u64) -> Vec<Item> {
        let mut random = Random::new(seed);
        let mut value = |width: u32| match width {
            512 => (0..8).map(|_| random.bits()).collect(),
            width => vec![random.bits() >> (64 - width)],
        };
        (0..count).map(|_| self.widths.iter().map(|&width| value(width)).collect()).collect()
    }

    fn passes(&self, engine: &mut dyn Engine, count: usize, traffic: Traffic) -> Outcome {
        let mut source = Source::new(engine, "rx", self.fields, traffic.idle, traffic.seed)?;
        let mut sink = Sink::new(engine, "tx", self.fields, traffic.backpressure, traffic.seed ^ 1)?;
        let items = self.items(count, traffic.seed);
        items.iter().for_each(|item| source.push(item.clone()));
        let mut received = Vec::new();
        let mut clocks = 0;
        while received.len() < count && clocks < patience(count) {
            settle(engine, &mut [&mut source], &mut [&mut sink])?;
            if let Ok(level) = get(engine, "level") {
                let held = source.sent() as usize - received.len();
                assert!(level[0] as usize == held || level[0] as usize + 1 == held, "level {level:?}, held {held}");
            }
            edge(engine, &mut [&mut source], &mut [&mut sink])?;
            received.extend(sink.pop().map(|(_, item)| item));
            clocks += 1;
        }
        assert_eq!(received, items);
        if traffic.idle == 0.0 && traffic.backpressure == 0.0 {
            // One item a clock; a FIFO as shallow as its own latency cannot do better than its depth allows.
            assert_eq!(clocks, count + self.latency);
        }
        clock(engine, &mut [&mut source], &mut [&mut sink])?;
        assert!(sink.pop().is_none(), "an item too many");
        Ok(())
    }

    fn holds(&self, engine: &mut dyn Engine) {
        let mut source = Source::new(engine, "rx", self.fields, 0.0, 1).unwrap();
        let mut sink = Sink::new(engine, "tx", self.fields, 1.0, 2).unwrap();
        self.items(2 * self.capacity, 3).into_iter().for_each(|item| source.push(item));
        for _ in 0..2 * self.capacity + 4 {
            clock(engine, &mut [&mut source], &mut [&mut sink]).unwrap();
        }
        assert_eq!(source.sent() as usize, self.capacity, "{}", self.name);
    }
}

#[test]
fn items_pass_in_order_and_at_full_rate() {
    for fifo in FIFOS {
        let block = Block::named(fifo.name);
        block
            .check(40, &(1..100_usize, traffic()), move |engine, (count, traffic)| fifo.passes(engine, count, traffic));
    }
}

#[test]
fn a_fifo_holds_what_it_says() {
    for fifo in FIFOS {
        fifo.holds(&mut Block::named(fifo.name).engine());
    }
}

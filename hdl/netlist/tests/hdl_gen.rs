//! This project's `#[hdl_gen]` against `rust_hdl`'s: the same kernel, translated by both, elaborates to the same design.
#![allow(missing_docs, reason = "the derive of rust_hdl makes undocumented items")]

mod common;

use common::blocks::Register;
use nitro_netlist::{Design, Ports, Record, elaborate};
use rust_hdl::prelude::*;

/// A record within a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Inner {
    high: Bits<4>,
    low: Bits<4>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
pub struct Item {
    flag: Bit,
    wide: Bits<80>,
    inner: Inner,
}

#[derive(Clone, Debug, Default, LogicInterface, Ports)]
#[join = "Source"]
pub struct Sink {
    pub item: Signal<In, Item>,
    pub ready: Signal<Out, Bit>,
}

#[derive(Clone, Debug, Default, LogicInterface, Ports)]
#[join = "Sink"]
pub struct Source {
    pub item: Signal<Out, Item>,
    pub ready: Signal<In, Bit>,
}

#[derive(Clone, Copy, PartialEq, Debug, LogicState)]
enum Mode {
    Idle,
    Busy,
    Done,
}

/// The blocks, with the attribute that translates their kernels.
macro_rules! blocks {
    ($hdl_gen:path) => {
        #[derive(LogicBlock)]
        pub struct Pass<const N: usize> {
            pub rx: Sink,
            pub tx: Source,
            pub lanes: Vec<Signal<In, Bits<N>>>,
            pub sum: Signal<Out, Bits<N>>,
            partial: Vec<Signal<Local, Bits<N>>>,
        }

        impl<const N: usize> Default for Pass<N> {
            fn default() -> Self {
                let lanes = (0..4).map(|_| Signal::default()).collect();
                let partial = (0..5).map(|_| Signal::default()).collect();
                Self { rx: Sink::default(), tx: Source::default(), lanes, sum: Signal::default(), partial }
            }
        }

        impl<const N: usize> Logic for Pass<N> {
            #[$hdl_gen]
            fn update(&mut self) {
                self.tx.item.next = self.rx.item.val();
                self.rx.ready.next = self.tx.ready.val();
                self.partial[0].next = bits::<N>(0);
                for i in 0..4 {
                    self.partial[i + 1].next = self.partial[i].val() + self.lanes[i].val();
                }
                self.sum.next = self.partial[4].val();
            }
        }

        #[derive(LogicBlock, Default)]
        pub struct Everything<const N: usize> {
            pub clock: Signal<In, Clock>,
            pub reset: Signal<In, Bit>,
            pub rx: Sink,
            pub tx: Source,
            pub a: Signal<In, Bits<N>>,
            pub b: Signal<In, Bits<N>>,
            pub index: Signal<In, Bits<3>>,
            pub wide: Signal<Out, Bits<80>>,
            pub arithmetic: Signal<Out, Bits<N>>,
            pub compared: Signal<Out, Bits<8>>,
            pub bit: Signal<Out, Bit>,
            pub picked: Signal<Out, Bits<4>>,
            pub part: Signal<Out, Bits<N>>,
            first: Pass<N>,
            second: Pass<N>,
            item: Register<Item>,
            mode: DFF<Mode>,
            count: DFF<Bits<8>>,
        }

        impl<const N: usize> Logic for Everything<N> {
            #[$hdl_gen]
            fn update(&mut self) {
                clock!(self, clock, item);
                dff_setup!(self, clock, mode, count);
                println!("a comment of several words");
                self.item.reset.next = self.reset.val();
                Sink::link(&mut self.rx, &mut self.first.rx);
                Source::join(&mut self.first.tx, &mut self.second.rx);
                Source::link(&mut self.tx, &mut self.second.tx);
                for i in 0..4 {
                    self.first.lanes[i].next = self.a.val();
                    self.second.lanes[i].next = self.first.sum.val();
                }
                self.item.d.next = self.rx.item.val();
                self.item.d.next.flag = !self.rx.item.val().flag || (self.index.val() == 5);
                self.item.d.next.inner.low = bit_cast::<4, 3>(self.index.val());
                self.wide.next = bit_cast::<80, N>(self.a.val()) ^ self.item.q.val().wide;
                self.arithmetic.next = ((self.a.val() + self.b.val()) - 0x1_u64) & (self.a.val() << 2_u64)
                    | (self.b.val() >> self.index.val());
                self.compared.next = bits::<8>(0);
                if self.a.val() < self.b.val() {
                    self.compared.next = 0b1.into();
                } else if (self.a.val() >= self.b.val()) && (self.a.val() != 7) {
                    self.compared.next = 2.into();
                } else {
                    if self.a.val().any() || self.b.val().all() {
                        self.compared.next = 3.into();
                    }
                }
                self.bit.next = self.a.val().get_bit(self.index.val().index()) ^ self.b.val().xor();
                self.part.next = self.a.val().replace_bit(1, self.reset.val()).get_bits::<N>(2);
                self.picked.next = self.item.q.val().wide.get_bits::<4>(self.index.val().index());
                match self.mode.q.val() {
                    Mode::Idle => self.mode.d.next = Mode::Busy,
                    Mode::Busy => {
                        self.mode.d.next = Mode::Done;
                        self.count.d.next = self.count.q.val() + 1;
                    }
                    Mode::Done => {}
                }
            }
        }
    };
}

mod theirs {
    use super::*;
    blocks!(rust_hdl::prelude::hdl_gen);
}

mod ours {
    use super::*;
    blocks!(nitro_netlist::hdl_gen);
}

#[test]
fn both_attributes_mean_the_same() {
    let theirs = elaborate(&theirs::Everything::<16>::default(), "top").unwrap_or_else(|error| panic!("{error}"));
    let ours = elaborate(&ours::Everything::<16>::default(), "top").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ours.flatten(), theirs.flatten());
    // Only this project's attribute says of which type a block is, after which its module is called.
    let text = |design: &Design, module: &str| {
        let text = design.verilog().text();
        assert!(text.contains(&format!("module {module} (")), "{text}");
        ["module", "   "].iter().fold(text, |text, before| text.replace(&format!("{before} {module} "), before))
    };
    assert_eq!(text(&ours, "ours_pass_16"), text(&theirs, "first"));
}

/// Lists signals with whether they are marked as driven.
#[derive(Default)]
struct Marks(Vec<(String, bool)>);

impl Probe for Marks {
    fn visit_atom(&mut self, name: &str, signal: &dyn Atom) {
        self.0.push((name.to_owned(), signal.connected()));
    }
}

fn marks(mut block: impl Block) -> Vec<(String, bool)> {
    block.connect_all();
    let mut marks = Marks::default();
    block.accept("top", &mut marks);
    marks.0
}

#[test]
fn both_attributes_mark_the_same_as_driven() {
    let theirs = marks(theirs::Everything::<16>::default());
    assert!(theirs.iter().any(|(_, driven)| *driven) && theirs.iter().any(|(_, driven)| !*driven));
    assert_eq!(marks(ours::Everything::<16>::default()), theirs);
}

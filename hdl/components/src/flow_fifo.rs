//! The end of a fixed-latency pipeline: a flow becomes a stream again.
//!
//! Ports: `rx` (flow), `tx` (stream). Latency: 1 clock ([`FlowFifo`], distributed RAM) or 2 ([`FlowFifoBlock`], block
//! RAM). There is no way to push back, so a credit gate at the start of the pipeline lets in at most as many items as
//! fit here; what arrives beyond that is lost.

use nitro_netlist::{Pack, Ports, hdl_gen};
use rust_hdl::prelude::*;

use crate::fifo::Fifo;
use crate::fifo_block::FifoBlock;
use crate::stream::{FlowRx, StreamTx};

/// `2^A` items in distributed RAM.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct FlowFifo<T: Pack, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From the pipeline.
    pub rx: FlowRx<T>,
    /// To downstream.
    pub tx: StreamTx<T>,
    fifo: Fifo<T, A>,
}

impl<T: Pack, const A: usize> Logic for FlowFifo<T, A> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, fifo);
        self.fifo.reset.next = self.reset.val();
        self.fifo.rx.payload.next = self.rx.payload.val();
        self.fifo.rx.tvalid.next = self.rx.tvalid.val();
        StreamTx::<T>::link(&mut self.tx, &mut self.fifo.tx);
    }
}

/// `2^A` items in block RAM, and one more in its output.
#[derive(Clone, Debug, Default, LogicBlock, Ports)]
pub struct FlowFifoBlock<T: Pack, const A: usize> {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// From the pipeline.
    pub rx: FlowRx<T>,
    /// To downstream.
    pub tx: StreamTx<T>,
    fifo: FifoBlock<T, A>,
}

impl<T: Pack, const A: usize> Logic for FlowFifoBlock<T, A> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, fifo);
        self.fifo.reset.next = self.reset.val();
        self.fifo.rx.payload.next = self.rx.payload.val();
        self.fifo.rx.tvalid.next = self.rx.tvalid.val();
        StreamTx::<T>::link(&mut self.tx, &mut self.fifo.tx);
    }
}

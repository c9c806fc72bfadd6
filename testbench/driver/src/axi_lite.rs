//! AXI4-Lite transactions on a simulated card (AMBA AXI4-Lite, ARM IHI 0022E, part B), one at a time.

use nitro_simulator::{Engine, PortInfo};

use crate::{BusError, RegisterPort};

/// Clocks that a transaction may take. After reset a card clears its tables, a row a clock, before it takes a write.
const MAX_CLOCKS: u32 = 100_000;

fn index(ports: &[PortInfo], name: &str) -> Result<usize, BusError> {
    ports.iter().position(|port| port.name == name).ok_or_else(|| BusError::NoPort(name.to_owned()))
}

/// Indexes of the AXI4-Lite ports of a card.
#[derive(Clone, Copy, Debug)]
struct Ports {
    awaddr: usize,
    awvalid: usize,
    wdata: usize,
    wstrb: usize,
    wvalid: usize,
    bready: usize,
    araddr: usize,
    arvalid: usize,
    rready: usize,
    awready: usize,
    wready: usize,
    bresp: usize,
    bvalid: usize,
    arready: usize,
    rdata: usize,
    rresp: usize,
    rvalid: usize,
}

/// The register port of a simulated card. Each access runs the card's clock; other inputs keep their values.
pub struct AxiLite<'a> {
    engine: &'a mut dyn Engine,
    ports: Ports,
    clocks: u64,
}

impl<'a> AxiLite<'a> {
    /// The port called `control` of a simulated card.
    ///
    /// # Errors
    /// If the block has no such port.
    pub fn new(engine: &'a mut dyn Engine) -> Result<Self, BusError> {
        let (inputs, outputs) = (engine.inputs(), engine.outputs());
        let input = |name: &str| index(inputs, &format!("control_{name}"));
        let output = |name: &str| index(outputs, &format!("control_{name}"));
        let ports = Ports {
            awaddr: input("awaddr")?,
            awvalid: input("awvalid")?,
            wdata: input("wdata")?,
            wstrb: input("wstrb")?,
            wvalid: input("wvalid")?,
            bready: input("bready")?,
            araddr: input("araddr")?,
            arvalid: input("arvalid")?,
            rready: input("rready")?,
            awready: output("awready")?,
            wready: output("wready")?,
            bresp: output("bresp")?,
            bvalid: output("bvalid")?,
            arready: output("arready")?,
            rdata: output("rdata")?,
            rresp: output("rresp")?,
            rvalid: output("rvalid")?,
        };
        Ok(Self { engine, ports, clocks: 0 })
    }

    /// Clocks that all accesses took so far.
    #[must_use]
    pub fn clocks(&self) -> u64 {
        self.clocks
    }

    fn output(&self, port: usize) -> u32 {
        let mut value = [0];
        self.engine.get(port, &mut value);
        u32::try_from(value[0] & 0xffff_ffff).unwrap_or(0)
    }

    fn edge(&mut self) {
        self.engine.edge();
        self.clocks += 1;
    }

    /// Offers the requests (pairs of valid and ready), each until it is taken, and runs until `answer` is set.
    fn transact(&mut self, offset: u16, requests: &[(usize, usize)], answer: usize) -> Result<(), BusError> {
        let mut pending: Vec<(usize, usize)> = requests.to_vec();
        for &(valid, _) in &pending {
            self.engine.set(valid, &[1]);
        }
        for _ in 0..MAX_CLOCKS {
            self.engine.settle();
            if pending.is_empty() && self.output(answer) != 0 {
                return Ok(());
            }
            let (taken, waiting): (Vec<_>, Vec<_>) = pending.iter().partition(|&&(_, ready)| self.output(ready) != 0);
            self.edge();
            for (valid, _) in taken {
                self.engine.set(valid, &[0]);
            }
            pending = waiting;
        }
        Err(BusError::NoAnswer { offset, clocks: MAX_CLOCKS })
    }

    /// Accepts the answer that is offered now, and gives its response.
    fn accept(&mut self, offset: u16, ready: usize, response: usize) -> Result<(), BusError> {
        let response = self.output(response);
        self.engine.set(ready, &[1]);
        self.engine.settle();
        self.edge();
        self.engine.set(ready, &[0]);
        match response {
            0 => Ok(()),
            response => Err(BusError::Refused { offset, response: u8::try_from(response).unwrap_or(u8::MAX) }),
        }
    }
}

impl RegisterPort for AxiLite<'_> {
    fn write(&mut self, offset: u16, value: u32) -> Result<(), BusError> {
        let ports = self.ports;
        self.engine.set(ports.awaddr, &[u64::from(offset)]);
        self.engine.set(ports.wdata, &[u64::from(value)]);
        self.engine.set(ports.wstrb, &[0xf]);
        self.transact(offset, &[(ports.awvalid, ports.awready), (ports.wvalid, ports.wready)], ports.bvalid)?;
        self.accept(offset, ports.bready, ports.bresp)
    }

    fn read(&mut self, offset: u16) -> Result<u32, BusError> {
        let ports = self.ports;
        self.engine.set(ports.araddr, &[u64::from(offset)]);
        self.transact(offset, &[(ports.arvalid, ports.arready)], ports.rvalid)?;
        let value = self.output(ports.rdata);
        self.accept(offset, ports.rready, ports.rresp)?;
        Ok(value)
    }
}

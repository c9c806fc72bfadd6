//! The link-local address that a MAC makes.
//!
//! Ports: `mac`, `ip`. No clock: wires and an inverter. (RFC 4291, sections 2.5.6 and appendix A.)

use nitro_components::wires::Cast;
use nitro_netlist::{Ports, Record, hdl_gen};
use rust_hdl::prelude::*;

/// The parts of such an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
struct Parts {
    /// fe80::/64.
    prefix: Bits<64>,
    /// First half of the MAC, its universal/local bit inverted.
    high: Bits<24>,
    /// ff:fe.
    middle: Bits<16>,
    /// Second half of the MAC.
    low: Bits<24>,
}

/// fe80::/64 and the modified EUI-64 of a MAC.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct LinkLocal {
    /// A MAC.
    pub mac: Signal<In, Bits<48>>,
    /// Its address.
    pub ip: Signal<Out, Bits<128>>,
    parts: Cast<Parts, Bits<128>>,
    blank: Constant<Parts>,
}

impl Default for LinkLocal {
    fn default() -> Self {
        Self {
            mac: Signal::default(),
            ip: Signal::default(),
            parts: Cast::default(),
            blank: Constant::new(Parts {
                prefix: 0xfe80_0000_0000_0000_u64.to_bits(),
                middle: 0xfffe_u16.to_bits(),
                ..Parts::default()
            }),
        }
    }
}

impl Logic for LinkLocal {
    #[hdl_gen]
    fn update(&mut self) {
        self.parts.i.next = self.blank.val();
        self.parts.i.next.high = self.mac.val().get_bits::<24>(24) ^ bits::<24>(0x02_0000);
        self.parts.i.next.low = self.mac.val().get_bits::<24>(0);
        self.ip.next = self.parts.o.val();
    }
}

//! `control`: what software sees of the card.
//!
//! An AXI4-Lite subordinate ([`axi_lite`]) in front of the registers of `nitro_wire::registers`: identification, the
//! card's addresses and keys, the table window, and the counters ([`counters`]). The decode is made of that table, so it cannot
//! differ from the driver's and the documentation's.
//!
//! Ports: `bus`; the settings, which take effect at the clock after the write's; `table` (one row, at the clock after the write
//! to `TABLE_COMMAND`); `commit` (a pulse, at the clock after the write to `POLICY_COMMIT`; the next write then waits for
//! [`COMMIT_CLOCKS`]); `mapping` (mappings to end, at the clock after the write to `MAPPING_COMMAND`) and `mapping_busy`; `tick` and `now` (the clock of timeouts, [`ticker`]); `tx_received`, `rx_received`, `tx_event`,
//! `rx_event`, `tx_made` (what is counted); `eni_select`, `eni_value` (counters of interfaces, [`crate::allowances`]); `irq`
//! ([`interrupts`]); `ready` (the tables have been cleared after reset). Latency: a read or write takes 3 clocks
//! from its last request channel to its response. After reset writes wait until all tables and counters have been cleared, so
//! nothing that software writes is lost. Drop reasons: none. Counters: those of the paths are here. Responses: OKAY; SLVERR for a write to a
//! read-only register, or of a part of a word; DECERR where no register is.

pub mod address_map;
pub mod axi_lite;
pub mod counters;
pub mod held;
pub mod interrupts;
pub mod settings;
pub mod ticker;

use nitro_components::register::Register;
use nitro_components::stream::{FlowRx, FlowTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_simulator::BlockEntry;
use nitro_wire::{Interrupt, registers as map};
use rust_hdl::prelude::*;

use self::address_map::AddressMap;
use self::axi_lite::{AxiLite, AxiLiteSubordinate, RegisterRead, WORD_ADDRESS};
use self::counters::Counters;
use self::held::{Held, Order};
use self::interrupts::{CAUSES, Interrupts, VerdictCauses};
use self::settings::Settings;
use self::ticker::Ticker;
use crate::allowances::counters::EniCounterSelect;
use crate::lookup::service::MappingCommand;
use crate::record::Event;
use crate::table::TableWrite;
use crate::token::TokenKey;

/// Clocks from a commit to the next write, at least: packets that were being judged by the rules of before have been judged by
/// then, so software may write those rules anew.
pub const COMMIT_CLOCKS: usize = 40;

/// What the card tells of itself in `CAPABILITIES` and `POLICY_CAPABILITIES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Width of the packet ports in bits.
    pub data_width: usize,
    /// Number of ENIs.
    pub enis: usize,
    /// Rows of one way of the local address table, as a power of two.
    pub local_rows_log2: usize,
    /// Rows of one way of the mapping cache, as a power of two.
    pub mapping_rows_log2: usize,
    /// Connections tracked at one time, as a power of two.
    pub connections_log2: usize,
    /// Security group rules compared in a clock, as a power of two.
    pub rules_per_row_log2: usize,
    /// Rows of a direction's security group rule memory, as a power of two.
    pub rule_rows_log2: usize,
}

/// A register's value of these fields.
///
/// # Panics
/// If a number does not fit its field.
fn packed(register: &map::Register, fields: &[(&str, usize)]) -> u32 {
    fields.iter().fold(0, |word, (name, value)| {
        let (field, number) = (register.field(name), u32::try_from(*value));
        match (field, number) {
            (Some(field), Ok(number)) if field.get(field.put(number)) == number => word | field.put(number),
            _ => panic!("{} has no field {name} that holds {value}", register.name),
        }
    })
}

impl Capabilities {
    /// The value of `CAPABILITIES`.
    ///
    /// # Panics
    /// If a number does not fit its field.
    #[must_use]
    pub fn word(&self) -> u32 {
        let fields = [
            ("data_width", self.data_width),
            ("enis", self.enis),
            ("local_rows_log2", self.local_rows_log2),
            ("mapping_rows_log2", self.mapping_rows_log2),
        ];
        packed(&map::CAPABILITIES, &fields)
    }

    /// The value of `POLICY_CAPABILITIES`.
    ///
    /// # Panics
    /// If a number does not fit its field.
    #[must_use]
    pub fn policy_word(&self) -> u32 {
        let fields = [
            ("connections_log2", self.connections_log2),
            ("rules_per_row_log2", self.rules_per_row_log2),
            ("rule_rows_log2", self.rule_rows_log2),
        ];
        packed(&map::POLICY_CAPABILITIES, &fields)
    }
}

/// The control port.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Control {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// The register bus.
    pub bus: AxiLiteSubordinate,
    /// All tables have been cleared after reset.
    pub ready: Signal<In, Bit>,
    /// Rules of replaced sets are still being read.
    pub policy_busy: Signal<In, Bit>,
    /// Mappings are being ended.
    pub mapping_busy: Signal<In, Bit>,
    /// A frame of so many bytes enters the tx path.
    pub tx_received: FlowRx<Bits<14>>,
    /// A frame of so many bytes enters the rx path.
    pub rx_received: FlowRx<Bits<14>>,
    /// Verdicts of the tx path.
    pub tx_event: FlowRx<Event>,
    /// Verdicts of the rx path.
    pub rx_event: FlowRx<Event>,
    /// A frame of so many bytes was made by the tx path.
    pub tx_made: FlowRx<Bits<14>>,
    /// A counter of an interface is read.
    pub eni_select: FlowTx<EniCounterSelect>,
    /// Its value, 1 clock later.
    pub eni_value: FlowRx<Bits<64>>,
    /// Something has happened that software wants to be told.
    pub irq: Signal<Out, Bit>,
    /// Frames are taken in.
    pub enable: Signal<Out, Bit>,
    /// TCP packets without SYN and without a connection are dropped.
    pub strict_tcp: Signal<Out, Bit>,
    /// A miss of the mapping cache asks the mapping service.
    pub query_on_miss: Signal<Out, Bit>,
    /// The card's underlay address.
    pub underlay_ip: Signal<Out, Bits<128>>,
    /// The card's underlay MAC.
    pub underlay_mac: Signal<Out, Bits<48>>,
    /// MAC of the underlay's next hop.
    pub next_hop_mac: Signal<Out, Bits<48>>,
    /// MAC that guests see for their gateway.
    pub gateway_mac: Signal<Out, Bits<48>>,
    /// Token key slot 0.
    pub key_0: Signal<Out, TokenKey>,
    /// Token key slot 1.
    pub key_1: Signal<Out, TokenKey>,
    /// Key of the hash tables, its first byte lowest.
    pub hash_key: Signal<Out, Bits<128>>,
    /// Key of the flow hash, its first byte lowest.
    pub flow_key: Signal<Out, Bits<128>>,
    /// Key of connection tracking's hash, its first byte lowest.
    pub conntrack_key: Signal<Out, Bits<128>>,
    /// Rows for the tables.
    pub table: FlowTx<TableWrite>,
    /// All rule sets that have been written count from the next clock on.
    pub commit: Signal<Out, Bit>,
    /// Mappings to end.
    pub mapping: FlowTx<MappingCommand>,
    /// A tick ends with this clock.
    pub tick: Signal<Out, Bit>,
    /// Ticks since reset.
    pub now: Signal<Out, Bits<24>>,

    axi: AxiLite,
    write_map: AddressMap,
    read_map: AddressMap,
    counters: Counters,
    settings: Settings,
    ticker: Ticker,
    interrupts: Interrupts,
    verdict_causes: VerdictCauses,
    capabilities: Constant<Bits<32>>,
    policy_capabilities: Constant<Bits<32>>,
    id: Constant<Bits<32>>,
    version: Constant<Bits<32>>,
    id_word: Constant<Bits<WORD_ADDRESS>>,
    version_word: Constant<Bits<WORD_ADDRESS>>,
    capabilities_word: Constant<Bits<WORD_ADDRESS>>,
    policy_capabilities_word: Constant<Bits<WORD_ADDRESS>>,
    status_word: Constant<Bits<WORD_ADDRESS>>,
    time_word: Constant<Bits<WORD_ADDRESS>>,
    packets_lo_word: Constant<Bits<WORD_ADDRESS>>,
    packets_hi_word: Constant<Bits<WORD_ADDRESS>>,
    bytes_lo_word: Constant<Bits<WORD_ADDRESS>>,
    bytes_hi_word: Constant<Bits<WORD_ADDRESS>>,
    command_word: Constant<Bits<WORD_ADDRESS>>,
    commit_word: Constant<Bits<WORD_ADDRESS>>,
    mapping_word: Constant<Bits<WORD_ADDRESS>>,
    select_word: Constant<Bits<WORD_ADDRESS>>,
    command_q: Register<Bit>,
    table_q: DFF<Bits<4>>,
    commit_q: Register<Bit>,
    mapping_q: Register<Bit>,
    by_key_q: DFF<Bit>,
    by_vni_q: DFF<Bit>,
    /// Clocks until the next write.
    settling: Register<Bits<8>>,
    commit_clocks: Constant<Bits<8>>,
    /// What a commit has replaced may still be read.
    committing: Register<Bit>,
    commit_done: Signal<Local, Bit>,
    /// The tables had been cleared in the last clock.
    was_ready: Register<Bit>,
    happened: Signal<Local, Bits<CAUSES>>,
    is_ready: Signal<Local, Bit>,
    tables_ready_bit: Constant<Bits<CAUSES>>,
    commit_done_bit: Constant<Bits<CAUSES>>,
    write_reply_valid: Register<Bit>,
    write_reply: DFF<Bits<2>>,
    read_reply_valid: Register<Bit>,
    read_reply: DFF<RegisterRead>,
    accepted: Signal<Local, Bit>,
    read_value: Signal<Local, Bits<32>>,
    status: Signal<Local, Bits<32>>,
    mapping_is_busy: Signal<Local, Bit>,
}

impl Control {
    /// The control port of a card with these capabilities.
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Self {
        let word = |register: &map::Register| Constant::new((u64::from(register.offset) / 4).to_bits());
        let value = |value: u32| Constant::new(u64::from(value).to_bits());
        let cause = |cause: Interrupt| Constant::new(u64::from(cause.mask()).to_bits());
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            bus: AxiLiteSubordinate::default(),
            ready: Signal::default(),
            policy_busy: Signal::default(),
            mapping_busy: Signal::default(),
            tx_received: FlowRx::default(),
            rx_received: FlowRx::default(),
            tx_event: FlowRx::default(),
            rx_event: FlowRx::default(),
            tx_made: FlowRx::default(),
            eni_select: FlowTx::default(),
            eni_value: FlowRx::default(),
            irq: Signal::default(),
            enable: Signal::default(),
            strict_tcp: Signal::default(),
            query_on_miss: Signal::default(),
            underlay_ip: Signal::default(),
            underlay_mac: Signal::default(),
            next_hop_mac: Signal::default(),
            gateway_mac: Signal::default(),
            key_0: Signal::default(),
            key_1: Signal::default(),
            hash_key: Signal::default(),
            flow_key: Signal::default(),
            conntrack_key: Signal::default(),
            table: FlowTx::default(),
            commit: Signal::default(),
            mapping: FlowTx::default(),
            tick: Signal::default(),
            now: Signal::default(),
            axi: AxiLite::default(),
            write_map: AddressMap::default(),
            read_map: AddressMap::default(),
            counters: Counters::default(),
            settings: Settings::default(),
            ticker: Ticker::default(),
            interrupts: Interrupts::default(),
            verdict_causes: VerdictCauses::default(),
            capabilities: value(capabilities.word()),
            policy_capabilities: value(capabilities.policy_word()),
            id: value(map::ID_VALUE),
            version: value(map::VERSION_VALUE),
            id_word: word(&map::ID),
            version_word: word(&map::VERSION),
            capabilities_word: word(&map::CAPABILITIES),
            policy_capabilities_word: word(&map::POLICY_CAPABILITIES),
            status_word: word(&map::STATUS),
            time_word: word(&map::TIME),
            packets_lo_word: word(&map::COUNTER_PACKETS_LO),
            packets_hi_word: word(&map::COUNTER_PACKETS_HI),
            bytes_lo_word: word(&map::COUNTER_BYTES_LO),
            bytes_hi_word: word(&map::COUNTER_BYTES_HI),
            command_word: word(&map::TABLE_COMMAND),
            commit_word: word(&map::POLICY_COMMIT),
            mapping_word: word(&map::MAPPING_COMMAND),
            select_word: word(&map::COUNTER_SELECT),
            command_q: Register::default(),
            table_q: DFF::default(),
            commit_q: Register::default(),
            mapping_q: Register::default(),
            by_key_q: DFF::default(),
            by_vni_q: DFF::default(),
            settling: Register::default(),
            commit_clocks: Constant::new(COMMIT_CLOCKS.to_bits()),
            committing: Register::default(),
            commit_done: Signal::default(),
            was_ready: Register::default(),
            happened: Signal::default(),
            is_ready: Signal::default(),
            tables_ready_bit: cause(Interrupt::TablesReady),
            commit_done_bit: cause(Interrupt::CommitDone),
            write_reply_valid: Register::default(),
            write_reply: DFF::default(),
            read_reply_valid: Register::default(),
            read_reply: DFF::default(),
            accepted: Signal::default(),
            read_value: Signal::default(),
            status: Signal::default(),
            mapping_is_busy: Signal::default(),
        }
    }
}

impl Logic for Control {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, axi, counters, settings, ticker, interrupts);
        dff_setup!(self, clock, commit_q, settling, committing, was_ready);
        dff_setup!(self, clock, mapping_q, by_key_q, by_vni_q);
        self.mapping_q.reset.next = self.reset.val();
        dff_setup!(self, clock, command_q, table_q, write_reply_valid, write_reply, read_reply_valid, read_reply);
        self.axi.reset.next = self.reset.val();
        self.counters.reset.next = self.reset.val();
        self.settings.reset.next = self.reset.val();
        self.ticker.reset.next = self.reset.val();
        self.commit_q.reset.next = self.reset.val();
        self.settling.reset.next = self.reset.val();
        self.interrupts.reset.next = self.reset.val();
        self.committing.reset.next = self.reset.val();
        self.was_ready.reset.next = self.reset.val();
        self.command_q.reset.next = self.reset.val();
        self.write_reply_valid.reset.next = self.reset.val();
        self.read_reply_valid.reset.next = self.reset.val();

        AxiLiteSubordinate::link(&mut self.bus, &mut self.axi.bus);
        FlowRx::<Bits<14>>::link(&mut self.tx_received, &mut self.counters.tx_received);
        FlowRx::<Bits<14>>::link(&mut self.rx_received, &mut self.counters.rx_received);
        FlowRx::<Event>::link(&mut self.tx_event, &mut self.counters.tx_event);
        FlowRx::<Event>::link(&mut self.rx_event, &mut self.counters.rx_event);
        FlowRx::<Bits<14>>::link(&mut self.tx_made, &mut self.counters.tx_made);
        FlowTx::<EniCounterSelect>::link(&mut self.eni_select, &mut self.counters.eni_select);
        FlowRx::<Bits<64>>::link(&mut self.eni_value, &mut self.counters.eni_value);
        self.is_ready.next = self.ready.val() && self.counters.ready.val();
        self.axi.ready.next = self.is_ready.val() && (self.settling.q.val() == 0);

        // Writes.
        self.settings.write.payload.next = self.axi.write.payload.val();
        self.settings.write.tvalid.next = self.axi.write.tvalid.val();
        self.interrupts.write.payload.next = self.axi.write.payload.val();
        self.interrupts.write.tvalid.next = self.axi.write.tvalid.val();

        self.write_map.word.next = self.axi.write.payload.val().word;
        self.accepted.next =
            self.axi.write.tvalid.val() && self.axi.write.payload.val().whole && self.write_map.writable.val();
        self.write_reply_valid.d.next = self.axi.write.tvalid.val();
        if !self.write_map.known.val() {
            self.write_reply.d.next = bits::<2>(3);
        } else if !self.accepted.val() {
            self.write_reply.d.next = bits::<2>(2);
        } else {
            self.write_reply.d.next = bits::<2>(0);
        }
        self.axi.write_reply.tvalid.next = self.write_reply_valid.q.val();
        self.axi.write_reply.payload.next = self.write_reply.q.val();

        // The row's image and index stay as they are until the write is answered.
        self.command_q.d.next = self.accepted.val() && (self.axi.write.payload.val().word == self.command_word.val());
        self.table_q.d.next = self.axi.write.payload.val().data.get_bits::<4>(0);
        self.table.tvalid.next = self.command_q.q.val();
        self.table.payload.next.table = self.table_q.q.val();
        self.table.payload.next.index = self.settings.index.val();
        self.table.payload.next.data = self.settings.row.val();

        self.commit_q.d.next = self.accepted.val() && (self.axi.write.payload.val().word == self.commit_word.val());
        self.commit.next = self.commit_q.q.val();
        self.mapping_q.d.next = self.accepted.val()
            && (self.axi.write.payload.val().word == self.mapping_word.val())
            && self.axi.write.payload.val().data.get_bits::<2>(0).any();
        self.by_key_q.d.next = self.axi.write.payload.val().data.get_bits::<2>(0) == bits::<2>(1);
        self.by_vni_q.d.next = self.axi.write.payload.val().data.get_bits::<2>(0) == bits::<2>(2);
        self.mapping.tvalid.next = self.mapping_q.q.val();
        self.mapping.payload.next.by_key = self.by_key_q.q.val();
        self.mapping.payload.next.by_vni = self.by_vni_q.q.val();
        self.mapping.payload.next.key = self.settings.mapping_key.val();
        self.mapping.payload.next.version = self.settings.mapping_version.val();
        if self.commit_q.q.val() {
            self.settling.d.next = self.commit_clocks.val();
        } else if self.settling.q.val() != 0 {
            self.settling.d.next = self.settling.q.val() - 1;
        }

        // What has happened. A commit is done when its packets have been judged and no scan reads old rules.
        self.was_ready.d.next = self.is_ready.val();
        self.commit_done.next = self.committing.q.val()
            && !self.commit_q.q.val()
            && (self.settling.q.val() == 0)
            && !self.policy_busy.val();
        if self.commit_q.q.val() {
            self.committing.d.next = true;
        } else if self.commit_done.val() {
            self.committing.d.next = false;
        }
        self.verdict_causes.tx_reason.next = bits::<6>(0);
        if self.tx_event.tvalid.val() {
            self.verdict_causes.tx_reason.next = self.tx_event.payload.val().reason;
        }
        self.verdict_causes.rx_reason.next = bits::<6>(0);
        if self.rx_event.tvalid.val() {
            self.verdict_causes.rx_reason.next = self.rx_event.payload.val().reason;
        }
        self.happened.next = self.verdict_causes.causes.val();
        if self.is_ready.val() && !self.was_ready.q.val() {
            self.happened.next = self.happened.val() | self.tables_ready_bit.val();
        }
        if self.commit_done.val() {
            self.happened.next = self.happened.val() | self.commit_done_bit.val();
        }
        self.interrupts.causes.next = self.happened.val();
        self.irq.next = self.interrupts.irq.val();

        self.counters.select.tvalid.next =
            self.accepted.val() && (self.axi.write.payload.val().word == self.select_word.val());
        self.counters.select.payload.next.of_eni = self.axi.write.payload.val().data.get_bit(9);
        self.counters.select.payload.next.eni = self.axi.write.payload.val().data.get_bits::<8>(16);
        self.counters.select.payload.next.bank = self.axi.write.payload.val().data.get_bit(8);
        self.counters.select.payload.next.index = self.axi.write.payload.val().data.get_bits::<6>(0);

        // Reads.
        self.settings.read_word.next = self.axi.read.payload.val();
        self.interrupts.read_word.next = self.axi.read.payload.val();
        self.read_map.word.next = self.axi.read.payload.val();

        // From the command on, so that whoever reads behind it sees it.
        self.mapping_is_busy.next = self.mapping_busy.val() || self.mapping_q.q.val();
        self.status.next = (bit_cast::<32, 12>(self.counters.rx_held.val()) << 16)
            | (bit_cast::<32, 12>(self.counters.tx_held.val()) << 4)
            | (bit_cast::<32, 1>(self.mapping_is_busy.val().into()) << 2)
            | (bit_cast::<32, 1>(self.policy_busy.val().into()) << 1)
            | bit_cast::<32, 1>(self.counters.busy.val().into());
        self.read_value.next = self.settings.read_data.val() | self.interrupts.read_data.val();
        if self.axi.read.payload.val() == self.id_word.val() {
            self.read_value.next = self.id.val();
        } else if self.axi.read.payload.val() == self.version_word.val() {
            self.read_value.next = self.version.val();
        } else if self.axi.read.payload.val() == self.capabilities_word.val() {
            self.read_value.next = self.capabilities.val();
        } else if self.axi.read.payload.val() == self.policy_capabilities_word.val() {
            self.read_value.next = self.policy_capabilities.val();
        } else if self.axi.read.payload.val() == self.time_word.val() {
            self.read_value.next = bit_cast::<32, 24>(self.ticker.now.val());
        } else if self.axi.read.payload.val() == self.status_word.val() {
            self.read_value.next = self.status.val();
        } else if self.axi.read.payload.val() == self.packets_lo_word.val() {
            self.read_value.next = self.counters.snapshot.val().events.get_bits::<32>(0);
        } else if self.axi.read.payload.val() == self.packets_hi_word.val() {
            self.read_value.next = self.counters.snapshot.val().events.get_bits::<32>(32);
        } else if self.axi.read.payload.val() == self.bytes_lo_word.val() {
            self.read_value.next = self.counters.snapshot.val().amount.get_bits::<32>(0);
        } else if self.axi.read.payload.val() == self.bytes_hi_word.val() {
            self.read_value.next = self.counters.snapshot.val().amount.get_bits::<32>(32);
        }
        self.read_reply_valid.d.next = self.axi.read.tvalid.val();
        self.read_reply.d.next.data = self.read_value.val();
        if self.read_map.known.val() {
            self.read_reply.d.next.response = bits::<2>(0);
        } else {
            self.read_reply.d.next.response = bits::<2>(3);
        }
        self.axi.read_reply.tvalid.next = self.read_reply_valid.q.val();
        self.axi.read_reply.payload.next = self.read_reply.q.val();

        // Settings.
        self.enable.next = self.settings.enable.val();
        self.strict_tcp.next = self.settings.strict_tcp.val();
        self.query_on_miss.next = self.settings.query_on_miss.val();
        self.ticker.clocks_per_tick.next = self.settings.clocks_per_tick.val();
        self.tick.next = self.ticker.tick.val();
        self.now.next = self.ticker.now.val();
        self.underlay_ip.next = self.settings.underlay_ip.val();
        self.underlay_mac.next = self.settings.underlay_mac.val();
        self.next_hop_mac.next = self.settings.next_hop_mac.val();
        self.gateway_mac.next = self.settings.gateway_mac.val();
        self.key_0.next = self.settings.key_0.val();
        self.key_1.next = self.settings.key_1.val();
        self.hash_key.next = self.settings.hash_key.val();
        self.flow_key.next = self.settings.flow_key.val();
        self.conntrack_key.next = self.settings.conntrack_key.val();
    }
}

/// The stage's blocks for the catalogue.
#[must_use]
pub fn entries(capabilities: Capabilities) -> Vec<BlockEntry> {
    vec![
        BlockEntry::of("control_axi_lite", axi_lite::AxiLite::default),
        BlockEntry::of("control_address_map", AddressMap::default),
        BlockEntry::of("control_held", || Held::<2, 64>::new(&map::TOKEN_EPOCH, Order::Last)),
        BlockEntry::of("control_settings", Settings::default),
        BlockEntry::of("control_counters", Counters::default),
        BlockEntry::of("control_ticker", Ticker::default),
        BlockEntry::of("control_interrupts", Interrupts::default),
        BlockEntry::of("control", move || Control::new(capabilities)),
    ]
}

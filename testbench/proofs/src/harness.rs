//! The module around a block that says what is assumed and what is asserted. SystemVerilog, for Yosys only.

use std::fmt::Write as _;

use nitro_netlist::Design;
use nitro_netlist::design::{Role, Signal};

use crate::{Proof, ProofError, Property};

/// Its name.
pub const TOP: &str = "proof";

/// A stream among the ports.
struct Stream<'a> {
    name: &'a str,
    enters: bool,
    payload: Vec<&'a Signal>,
}

struct Block<'a> {
    ports: Vec<&'a Signal>,
    streams: Vec<Stream<'a>>,
}

impl<'a> Block<'a> {
    fn of(design: &'a Design) -> Self {
        let top = design.modules().last();
        let ports: Vec<&Signal> =
            top.into_iter().flat_map(|top| top.body.ports.iter().map(|port| top.body.signal(*port))).collect();
        let port = |name: String| ports.iter().copied().find(|port| port.name == name);
        let names = ports.iter().filter_map(|valid| {
            let name = valid.name.strip_suffix("_tvalid")?;
            port(format!("{name}_tready")).map(|_| (name, valid.role))
        });
        let names: Vec<(&str, Role)> = names.collect();
        let belongs =
            |signal: &Signal, name: &str| signal.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'));
        let stream = |&(name, role): &(&'a str, Role)| {
            let longest =
                |signal: &Signal| names.iter().filter(|(other, _)| belongs(signal, other)).map(|(n, _)| n.len()).max();
            let payload = ports.iter().copied().filter(|signal| {
                let handshake = signal.name.ends_with("_tvalid") || signal.name.ends_with("_tready");
                signal.role == role && belongs(signal, name) && longest(signal) == Some(name.len()) && !handshake
            });
            Stream { name, enters: role == Role::Input, payload: payload.collect() }
        };
        let streams = names.iter().map(stream).collect();
        Self { ports, streams }
    }

    fn stream(&self, proof: &Proof, name: &str) -> Result<&Stream<'a>, ProofError> {
        let found = self.streams.iter().find(|stream| stream.name == name);
        found.ok_or_else(|| ProofError::NoPort { block: proof.block, port: format!("{name}_tvalid") })
    }

    fn port(&self, proof: &Proof, name: &str) -> Result<(), ProofError> {
        let found = self.ports.iter().any(|port| port.name == name);
        if found { Ok(()) } else { Err(ProofError::NoPort { block: proof.block, port: name.to_owned() }) }
    }

    /// Inputs that belong to no stream.
    fn side_inputs(&self) -> impl Iterator<Item = &'a Signal> {
        let in_stream = |signal: &Signal| {
            self.streams
                .iter()
                .any(|stream| signal.name.strip_prefix(stream.name).is_some_and(|rest| rest.starts_with('_')))
        };
        self.ports
            .iter()
            .copied()
            .filter(move |port| port.role == Role::Input && port.name != "reset" && !in_stream(port))
    }
}

fn range(width: u32) -> String {
    if width == 1 { String::new() } else { format!("[{}:0] ", width - 1) }
}

/// The module.
pub fn harness(design: &Design, proof: &Proof) -> Result<String, ProofError> {
    let block = Block::of(design);
    let ports: Vec<String> = block
        .ports
        .iter()
        .map(|port| {
            let direction = if port.role == Role::Output { "output" } else { "input" };
            format!("    {direction} {}{}", range(port.width), port.name)
        })
        .collect();
    let connections: Vec<String> = block.ports.iter().map(|port| format!(".{0}({0})", port.name)).collect();
    let mut text = format!(
        "module {TOP} (\n{}\n);\n    {} dut ({});\n    reg past = 1'b0;\n    always @(posedge clock) past <= 1'b1;\n    always @* if (!past) assume(reset);\n",
        ports.join(",\n"),
        design.name(),
        connections.join(", ")
    );
    assume_and_assert_streams(&block, proof, &mut text);
    match proof.property {
        Property::Streams => {}
        Property::Order { capacity } => order(&block, proof, capacity, &mut text)?,
        Property::WholeFrames => whole_frames(&block, proof, &mut text)?,
    }
    text.push_str("endmodule\n");
    Ok(text)
}

/// The rules of streams: of those that come in assumed, of those that go out asserted.
fn assume_and_assert_streams(block: &Block<'_>, proof: &Proof, text: &mut String) {
    text.push_str("    always @(posedge clock) if (past && !$past(reset) && !reset) begin\n");
    let waits = |stream: &Stream<'_>| format!("({0}_tvalid && !{0}_tready)", stream.name);
    let entering: Vec<String> = block.streams.iter().filter(|stream| stream.enters).map(waits).collect();
    // What goes with an item that is offered stays with it.
    if !entering.is_empty() {
        for side in block.side_inputs() {
            let _ =
                writeln!(text, "        if ($past({})) assume({1} == $past({1}));", entering.join(" || "), side.name);
        }
    }
    for stream in &block.streams {
        let verb = match (stream.enters, proof.property) {
            (true, _) => "assume",
            (false, Property::Streams) => "assert",
            (false, _) => continue,
        };
        let _ =
            writeln!(text, "        if ($past{}) begin\n            {verb}({}_tvalid);", waits(stream), stream.name);
        for signal in &stream.payload {
            let _ = writeln!(text, "            {verb}({0} == $past({0}));", signal.name);
        }
        text.push_str("        end\n");
    }
    text.push_str("    end\n");
}

/// The payload of a stream as one value.
fn payload(stream: &Stream<'_>) -> (String, u32) {
    let names: Vec<&str> = stream.payload.iter().map(|signal| signal.name.as_str()).collect();
    (format!("{{{}}}", names.join(", ")), stream.payload.iter().map(|signal| signal.width).sum())
}

/// Items are numbered modulo 16, at both ends. The one of any number `n` is kept when it enters and compared when it leaves.
fn order(block: &Block<'_>, proof: &Proof, capacity: u8, text: &mut String) -> Result<(), ProofError> {
    let (rx, width) = payload(block.stream(proof, "rx")?);
    let (tx, _) = payload(block.stream(proof, "tx")?);
    let _ = writeln!(
        text,
        "    (* anyconst *) reg [3:0] n;
    reg [3:0] entered = 4'h0, left = 4'h0;
    reg [{}:0] kept;
    wire [3:0] inside = entered - left;
    always @(posedge clock) begin
        if (reset) begin
            entered <= 4'h0;
            left <= 4'h0;
        end else begin
            if (rx_tvalid && rx_tready) begin
                entered <= entered + 4'h1;
                if (entered == n) kept <= {rx};
            end
            if (tx_tvalid && tx_tready) left <= left + 4'h1;
        end
        if (past && !reset) begin
            assert(inside <= {capacity});
            if (inside == 0) assert(!tx_tvalid);
            if (tx_tvalid && left == n) assert({tx} == kept);
        end
    end",
        width.saturating_sub(1)
    );
    Ok(())
}

/// Frames that are kept are numbered modulo 8. Of the one of any number `n` the beats are counted at both ends.
fn whole_frames(block: &Block<'_>, proof: &Proof, text: &mut String) -> Result<(), ProofError> {
    for port in ["rx_tvalid", "rx_tready", "rx_tlast", "tx_tvalid", "tx_tready", "tx_tlast", "dropped"] {
        block.port(proof, port)?;
    }
    text.push_str(
        "    (* anyconst *) reg [2:0] n;
    reg [2:0] kept = 3'h0, left = 3'h0;
    reg [4:0] beats_in = 5'h0, beats_out = 5'h0, beats_of_n;
    wire takes = rx_tvalid && rx_tready;
    wire gives = tx_tvalid && tx_tready;
    always @(posedge clock) begin
        if (reset) begin
            kept <= 3'h0;
            left <= 3'h0;
            beats_in <= 5'h0;
            beats_out <= 5'h0;
        end else begin
            if (takes) begin
                if (beats_in != 5'h1f) beats_in <= beats_in + 5'h1;
                if (rx_tlast) begin
                    beats_in <= 5'h0;
                    if (!dropped) begin
                        kept <= kept + 3'h1;
                        if (kept == n) beats_of_n <= beats_in + 5'h1;
                    end
                end
            end
            if (gives) begin
                if (beats_out != 5'h1f) beats_out <= beats_out + 5'h1;
                if (tx_tlast) begin
                    beats_out <= 5'h0;
                    left <= left + 3'h1;
                end
            end
        end
        if (past && !reset) begin
            // Nothing leaves before it is complete.
            if (kept == left) assert(!tx_tvalid);
            if (gives && tx_tlast && left == n) assert(beats_out + 5'h1 == beats_of_n);
            if (gives && !tx_tlast && left == n) assert(beats_out + 5'h1 < beats_of_n);
        end
    end
",
    );
    Ok(())
}

//! What is proven. A proof without a bound holds for ever; where a bound stands, the property was not proven beyond it.

use nitro_tools::ProofEngine;

use crate::{Planted, Proof, Property};

/// Property directed reachability: no bound, and no invariants to be written by hand.
const FOR_EVER: ProofEngine = ProofEngine::Reachability;

const fn proof(block: &'static str, property: Property, text: &'static str, fault: &'static str) -> Proof {
    Proof { block, property, engine: FOR_EVER, planted: Planted { text, fault } }
}

/// All proofs.
#[must_use]
pub fn proofs() -> Vec<Proof> {
    use Property::{Order, Streams, WholeFrames};
    vec![
        proof("spill_8", Streams, "assign back_d_or = tx_tready | ~front_valid_q;", "assign back_d_or = 1'b1;"),
        proof(
            "spill_8",
            Order { capacity: 2 },
            "assign back_d_or = tx_tready | ~front_valid_q;",
            "assign back_d_or = 1'b1;",
        ),
        proof(
            "fifo_2",
            Streams,
            "assign tx_tvalid = ~(count_q == 16'h0);",
            "assign tx_tvalid = ~(count_q == 16'h0) & ~rx_tvalid;",
        ),
        proof("fifo_2", Order { capacity: 2 }, "ram[tail_q] <= rx_tdata;", "ram[head_q] <= rx_tdata;"),
        proof("fifo_block_2", Streams, "valid_q <= pop | (valid_q & ~tx_tready);", "valid_q <= pop;"),
        proof(
            "fifo_block_2",
            Order { capacity: 3 },
            "assign rx_tready = ~(count_q == 16'h2);",
            "assign rx_tready = 1'b1;",
        ),
        proof("merge", Streams, "b_first_q <= takes_b;", "b_first_q <= b_first_d_inverted;"),
        proof("arbiter_2_64", Streams, "busy_q <= ~(tx_tready & tx_tlast);", "busy_q <= 1'b0;"),
        proof(
            "demux_2_64",
            Streams,
            "assign tx_0_tvalid = rx_tready_equal & rx_tvalid;",
            "assign tx_0_tvalid = rx_tready_equal & rx_tvalid & tx_1_tready;",
        ),
        proof("join_64", Streams, "assign tx_tdata = payload_tdata;", "assign tx_tdata = payload_tdata ^ tx_tready;"),
        proof("overlay_64", Streams, "assign tx_tvalid = rx_tvalid;", "assign tx_tvalid = rx_tvalid & ~tx_tready;"),
        proof(
            "strip_64",
            Streams,
            "assign tx_tvalid = flush_q | (produce & rx_tvalid);",
            "assign tx_tvalid = flush_q | (produce & rx_tvalid & ~tx_tready);",
        ),
        Proof {
            // Reachability does not end within minutes: what is carried from beat to beat is 64 bits wide.
            engine: ProofEngine::Bounded { clocks: 20 },
            ..proof(
                "prepend_64",
                Streams,
                "assign tx_tvalid = flush_q | rx_tvalid;",
                "assign tx_tvalid = flush_q | (rx_tvalid & ~tx_tready);",
            )
        },
        proof(
            "dispatch",
            Streams,
            "assign discard_tvalid = discards_tx_tvalid;",
            "assign discard_tvalid = discards_tx_tvalid & ~hold;",
        ),
        proof("packet_fifo_16", Streams, "valid_q <= pop | (valid_q & ~tx_tready);", "valid_q <= pop;"),
        Proof {
            // Reachability has to find that the counters of the harness and the FIFO's agree, and does not within minutes. Frames have up to
            // four beats here, and the FIFO's memory is used twice.
            engine: ProofEngine::Bounded { clocks: 12 },
            ..proof(
                "packet_fifo_16",
                WholeFrames,
                "lost_q <= (lost_q | lost_d_inverted) & ~rx_tlast;",
                "lost_q <= 1'b0;",
            )
        },
    ]
}

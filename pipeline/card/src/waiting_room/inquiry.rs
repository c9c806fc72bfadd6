//! Asks the connection table, and if it has no entry the rules, for the packets whose turn it is.
//!
//! Ports: `rx` (questions), `find`, `found`, `scan`, `scanned`, `tx` (answers), `strict_tcp`. Several questions are under way
//! at one time; answers come in any order, but those of one unit in the order in which it was asked. Drop reasons: `strict_tcp` (a TCP packet that begins no connection, in strict mode, without an entry).

use nitro_components::fifo::Fifo;
use nitro_components::stream::{FlowRx, StreamRx, StreamTx};
use nitro_netlist::{Ports, hdl_gen};
use nitro_wire::DropReason;
use rust_hdl::prelude::*;

use super::slots::Turn;
use super::{Answer, Question};
use crate::conntrack::record::{ConntrackAsk, ConntrackHit};
use crate::reason::{Reason, reason};
use crate::security_group::{ScanAsk, ScanResult};

/// Questions under way at each unit, as a power of two.
const DEPTH: usize = 2;

/// The inquiry.
#[derive(Clone, Debug, LogicBlock, Ports)]
pub struct Inquiry {
    /// The clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous reset, active high.
    pub reset: Signal<In, Bit>,
    /// TCP packets that begin no connection need an entry.
    pub strict_tcp: Signal<In, Bit>,
    /// Questions.
    pub rx: StreamRx<Question>,
    /// To the connection table.
    pub find: StreamTx<ConntrackAsk>,
    /// Its answers, in order.
    pub found: FlowRx<ConntrackHit>,
    /// To the rules.
    pub scan: StreamTx<ScanAsk>,
    /// Their answers, in order.
    pub scanned: StreamRx<ScanResult>,
    /// Answers.
    pub tx: StreamTx<Answer>,
    finding: Fifo<Question, DEPTH>,
    finds: Fifo<ConntrackHit, DEPTH>,
    scanning: Fifo<Turn, DEPTH>,
    answers: Fifo<Answer, DEPTH>,
    asks: Signal<Local, Bit>,
    question: Signal<Local, Question>,
    asked: Signal<Local, Bit>,
    looked_up: Signal<Local, Bit>,
    hit: Signal<Local, Bit>,
    refused: Signal<Local, Bit>,
    to_rules: Signal<Local, Bit>,
    from_rules: Signal<Local, Bit>,
    answered: Signal<Local, Bit>,
    no_answer: Constant<Answer>,
    strict_reason: Reason,
}

impl Default for Inquiry {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            strict_tcp: Signal::default(),
            rx: StreamRx::default(),
            find: StreamTx::default(),
            found: FlowRx::default(),
            scan: StreamTx::default(),
            scanned: StreamRx::default(),
            tx: StreamTx::default(),
            finding: Fifo::default(),
            finds: Fifo::default(),
            scanning: Fifo::default(),
            answers: Fifo::default(),
            asks: Signal::default(),
            question: Signal::default(),
            asked: Signal::default(),
            looked_up: Signal::default(),
            hit: Signal::default(),
            refused: Signal::default(),
            to_rules: Signal::default(),
            from_rules: Signal::default(),
            answered: Signal::default(),
            no_answer: Constant::new(Answer::default()),
            strict_reason: reason(DropReason::StrictTcp),
        }
    }
}

impl Logic for Inquiry {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, finding, finds, scanning, answers);
        self.finding.reset.next = self.reset.val();
        self.finds.reset.next = self.reset.val();
        self.scanning.reset.next = self.reset.val();
        self.answers.reset.next = self.reset.val();

        // The table is asked in the clock in which the question is put down.
        self.asks.next = self.rx.payload.val().has_key;
        self.find.payload.next = self.rx.payload.val().find;
        self.find.tvalid.next = self.rx.tvalid.val() && self.asks.val() && self.finding.rx.tready.val();
        self.finding.rx.payload.next = self.rx.payload.val();
        self.finding.rx.tvalid.next = self.rx.tvalid.val() && (!self.asks.val() || self.find.tready.val());
        self.rx.tready.next = self.finding.rx.tready.val() && (!self.asks.val() || self.find.tready.val());
        // There are as many places as questions.
        self.finds.rx.payload.next = self.found.payload.val();
        self.finds.rx.tvalid.next = self.found.tvalid.val();

        // With the table's answer the question is answered, or goes on to the rules.
        self.question.next = self.finding.tx.payload.val();
        self.asked.next = self.question.val().has_key;
        self.looked_up.next = self.finding.tx.tvalid.val() && (!self.asked.val() || self.finds.tx.tvalid.val());
        self.hit.next = self.asked.val() && self.finds.tx.payload.val().hit;
        self.refused.next = !self.hit.val() && self.strict_tcp.val() && self.question.val().mid_stream;
        self.to_rules.next = self.looked_up.val() && !self.hit.val() && !self.refused.val();
        self.scan.payload.next = self.question.val().ask;
        self.scan.tvalid.next = self.to_rules.val() && self.scanning.rx.tready.val();
        self.scanning.rx.payload.next = self.question.val().turn;
        self.scanning.rx.tvalid.next = self.to_rules.val() && self.scan.tready.val();

        // Answers of the rules come first: they took longest.
        self.from_rules.next = self.scanned.tvalid.val() && self.scanning.tx.tvalid.val();
        self.scanned.tready.next = self.scanning.tx.tvalid.val() && self.answers.rx.tready.val();
        self.scanning.tx.tready.next = self.scanned.tvalid.val() && self.answers.rx.tready.val();
        self.answers.rx.payload.next = self.no_answer.val();
        self.answers.rx.tvalid.next = self.from_rules.val();
        self.answered.next = self.to_rules.val() && self.scan.tready.val() && self.scanning.rx.tready.val();
        if self.from_rules.val() {
            self.answers.rx.payload.next.turn = self.scanning.tx.payload.val();
            self.answers.rx.payload.next.admitted = self.scanned.payload.val().admitted;
            self.answers.rx.payload.next.untracked = self.scanned.payload.val().untracked;
            self.answers.rx.payload.next.groups = self.scanned.payload.val().groups;
        } else if self.looked_up.val() && !self.to_rules.val() {
            self.answers.rx.tvalid.next = true;
            self.answers.rx.payload.next.turn = self.question.val().turn;
            if self.hit.val() {
                self.answers.rx.payload.next.hit = self.finds.tx.payload.val();
            } else if self.refused.val() {
                self.answers.rx.payload.next.reason = self.strict_reason.val();
            }
            self.answered.next = self.answers.rx.tready.val();
        }
        self.finding.tx.tready.next = self.answered.val();
        self.finds.tx.tready.next = self.answered.val() && self.asked.val();
        StreamTx::<Answer>::link(&mut self.tx, &mut self.answers.tx);
    }
}

//! The steady state: clocks per second of every engine on the same recorded stimulus, in interleaved rounds.

use crate::BenchError;
use crate::clock::{Elapsed, TimeBase};
use crate::contestant::{Contestant, Part};
use crate::machine::{Machine, Played};
use crate::recording::Recording;
use crate::report::{Row, median};

/// How it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Rounds; every engine runs once in each.
    pub rounds: usize,
    /// The time that an engine may take in a round, in seconds: a slow one runs less of the traffic.
    pub seconds: f64,
    /// What speeds are measured against.
    pub time: TimeBase,
}

/// Clocks from which an engine's speed is guessed, to know how many it can run in its time.
const TRIAL_CLOCKS: usize = 256;

/// One engine on its place in the rounds.
struct Place<'a> {
    contestant: &'a Contestant<'a>,
    /// Kept between rounds if it can go back to where its part begins.
    machine: Option<Machine>,
    keeps: bool,
    lanes: usize,
    /// Clocks of the traffic that it can run.
    most: usize,
    clocks: usize,
    rounds: Vec<Elapsed>,
    hash: u64,
}

/// Runs a recording on every engine. `progress` is told of each run.
///
/// # Errors
/// If an engine cannot be had, or if one gives other outputs than the recording holds: [`BenchError::Unequal`].
pub fn measure(
    design: &str,
    workload: &str,
    recording: &Recording,
    contestants: &[Contestant<'_>],
    method: Method,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Row>, BenchError> {
    let unequal = |contestant: &Contestant<'_>, found: u64, expected: u64| BenchError::Unequal {
        design: design.to_owned(),
        workload: workload.to_owned(),
        engine: contestant.title(),
        found,
        expected,
    };
    let mut places: Vec<_> = contestants
        .iter()
        .map(|contestant| Place {
            contestant,
            machine: None,
            keeps: false,
            lanes: 1,
            most: 0,
            clocks: 0,
            rounds: Vec::new(),
            hash: 0,
        })
        .collect();
    for round in 0..=method.rounds {
        for place in &mut places {
            progress(&place.contestant.title());
            // The round before the first finds out how much an engine can do, and warms up.
            let clocks = if round == 0 { place.trial_clocks(recording) } else { place.clocks };
            let played = place.run(recording, clocks)?;
            if let Some((found, expected)) = played.difference(place.hashes(recording)) {
                return Err(unequal(place.contestant, found, expected));
            }
            if round == 0 {
                place.plan(clocks, played.elapsed, method);
            } else {
                place.rounds.push(played.elapsed);
                place.hash = played.lanes.first().map_or(0, |(hash, _)| *hash);
            }
        }
    }
    Ok(rows(design, workload, &places, method.time))
}

impl Place<'_> {
    fn trial_clocks(&self, recording: &Recording) -> usize {
        match self.contestant.part {
            Part::Traffic => TRIAL_CLOCKS.min(recording.traffic_hashes.len()),
            Part::Start(clocks) => clocks.min(recording.lead_hashes.len()),
        }
    }

    /// What the recording has for its part.
    fn hashes<'b>(&self, recording: &'b Recording) -> &'b [u64] {
        match self.contestant.part {
            Part::Traffic => &recording.traffic_hashes,
            Part::Start(_) => &recording.lead_hashes,
        }
    }

    /// A machine in the state in which its part begins.
    fn ready(&mut self, recording: &Recording) -> Result<Machine, BenchError> {
        if let Some(mut machine) = self.machine.take() {
            machine.rewind();
            return Ok(machine);
        }
        let mut machine = self.contestant.start()?;
        if self.contestant.part == Part::Traffic {
            machine.lead(recording);
        }
        self.keeps = machine.keep();
        Ok(machine)
    }

    fn run(&mut self, recording: &Recording, clocks: usize) -> Result<Played, BenchError> {
        let mut machine = self.ready(recording)?;
        self.lanes = machine.lanes();
        self.most = machine.most_clocks(recording);
        let played = match self.contestant.part {
            Part::Traffic => machine.traffic(recording, clocks),
            Part::Start(_) => machine.start_of_lead(recording, clocks),
        };
        if let Some(fault) = machine.fault() {
            return Err(fault.clone().into());
        }
        self.machine = self.keeps.then_some(machine);
        Ok(played)
    }

    /// How many clocks fit a round, if `clocks` take as long as they did.
    fn plan(&mut self, clocks: usize, elapsed: Elapsed, method: Method) {
        let most = match self.contestant.part {
            Part::Traffic => self.most,
            Part::Start(_) => clocks,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rough count"
        )]
        let affordable = (method.seconds * clocks as f64 / elapsed.seconds(TimeBase::Wall)) as usize;
        self.clocks = affordable.clamp(clocks.min(most), most);
    }
}

#[expect(clippy::cast_precision_loss, reason = "clocks are far below 2^52")]
fn rows(design: &str, workload: &str, places: &[Place<'_>], time: TimeBase) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for place in places {
        let clocks = place.clocks * place.lanes;
        // The time of this thread says nothing of an engine that has its own.
        let time = if place.contestant.own_thread { TimeBase::Wall } else { time };
        let rounds: Vec<f64> = place.rounds.iter().map(|elapsed| clocks as f64 / elapsed.seconds(time)).collect();
        rows.push(Row {
            design: design.to_owned(),
            workload: workload.to_owned(),
            engine: place.contestant.engine.to_owned(),
            version: place.contestant.version.clone(),
            flags: place.contestant.flags.clone(),
            lanes: place.lanes,
            clocks_per_second: median(&rounds),
            ratio_to_verilator: None,
            rounds,
            clocks: clocks as u64,
            output_hash: format!("{:016x}", place.hash),
        });
    }
    let verilators = rows.iter().zip(places).filter(|(_, place)| place.contestant.is_verilator());
    let fastest = verilators.map(|(row, _)| row.clocks_per_second).max_by(f64::total_cmp);
    for row in &mut rows {
        row.ratio_to_verilator = fastest.map(|fastest| row.clocks_per_second / fastest);
    }
    rows
}

//! Random input values, clock by clock, from a seed.
//!
//! Inputs keep to no protocol: engines must agree whatever arrives. But purely uniform noise would leave most of a block
//! asleep, so values hold still, repeat each other, stay small, or have few bits set, and control inputs get
//! probabilities of their own. The values of a clock depend on the seed and the clock alone, never on how
//! many clocks there will be: a failing case can be cut short.

use nitro_simulator::PortInfo;
use nitro_simulator::random::Random;
use serde::{Deserialize, Serialize};

/// Clocks for which `reset` is set at the start of most cases.
const RESET_CLOCKS: u32 = 2;

/// How data inputs move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Every bit by a coin.
    Uniform,
    /// Mostly zero, now and then a few bits.
    Sparse,
    /// The last value, replaced now and then.
    Held,
    /// One bit set, or none.
    OneHot,
    /// Mostly all ones.
    Ones,
    /// Below eight: addresses meet, counts stay small.
    Small,
    /// Values next to zero, to the largest value and to powers of two.
    Corner,
    /// The value that another input had, so that comparisons match.
    Echo,
    /// Each input has a style of its own and changes it at random.
    Mixed,
}

impl Style {
    /// All styles.
    pub const ALL: [Self; 9] = [
        Self::Mixed,
        Self::Uniform,
        Self::Sparse,
        Self::Held,
        Self::OneHot,
        Self::Ones,
        Self::Small,
        Self::Corner,
        Self::Echo,
    ];
}

/// One run of a block under random inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Decides every value.
    pub seed: u64,
    /// Length of the run.
    pub clocks: u32,
    /// How data inputs move.
    pub style: Style,
}

/// Values for the inputs of a block, one set a clock.
pub trait Stimulus {
    /// Fills in the values of the next clock: for each input its words, as [`nitro_simulator::Engine::set`] takes
    /// them. `values` still holds those of the clock before. Returns false when the stimulus has ended.
    fn next(&mut self, values: &mut [Vec<u64>]) -> bool;
}

/// What an input is used for, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Reset,
    /// One bit that is set with the given chance of 256 a clock.
    Control(u64),
    Data(Style),
}

/// The values of a [`Case`].
#[derive(Clone, Debug)]
pub struct RandomStimulus {
    random: Random,
    style: Style,
    widths: Vec<usize>,
    kinds: Vec<Kind>,
    clock: u32,
    clocks: u32,
    /// Some cases never reset, to see the power-up values at work.
    starts_with_reset: bool,
}

impl RandomStimulus {
    /// The stimulus of `case` for a block with these inputs.
    #[must_use]
    pub fn new(case: &Case, inputs: &[PortInfo]) -> Self {
        let mut random = Random::new(case.seed);
        let starts_with_reset = !random.chance(32);
        let kinds = inputs.iter().map(|port| kind(port, case.style, &mut random)).collect();
        Self {
            random,
            style: case.style,
            widths: inputs.iter().map(|port| port.width).collect(),
            kinds,
            clock: 0,
            clocks: case.clocks,
            starts_with_reset,
        }
    }
}

impl Stimulus for RandomStimulus {
    fn next(&mut self, values: &mut [Vec<u64>]) -> bool {
        if self.clock == self.clocks {
            return false;
        }
        let random = &mut self.random;
        for input in 0..self.widths.len() {
            let width = self.widths[input];
            match self.kinds[input] {
                Kind::Reset => {
                    let set = if self.clock < RESET_CLOCKS { self.starts_with_reset } else { random.chance(1) };
                    values[input].fill(u64::from(set));
                }
                Kind::Control(chance) => {
                    values[input].fill(u64::from(random.chance(chance)));
                    // Busy and idle phases follow each other.
                    if random.chance(4) {
                        self.kinds[input] = Kind::Control(control_chance(random));
                    }
                }
                Kind::Data(style) => {
                    data(random, style, input, width, values);
                    if self.style == Style::Mixed && random.chance(8) {
                        self.kinds[input] = Kind::Data(any_style(random));
                    }
                }
            }
        }
        self.clock += 1;
        true
    }
}

fn kind(port: &PortInfo, style: Style, random: &mut Random) -> Kind {
    if port.width == 1 && (port.name == "reset" || port.name.ends_with("_reset")) {
        Kind::Reset
    } else if port.width == 1 {
        Kind::Control(control_chance(random))
    } else if style == Style::Mixed {
        Kind::Data(any_style(random))
    } else {
        Kind::Data(style)
    }
}

/// Rare, even, usual, or always.
fn control_chance(random: &mut Random) -> u64 {
    [16, 64, 128, 224, 256][random.below(5)]
}

/// Any style but [`Style::Mixed`].
fn any_style(random: &mut Random) -> Style {
    Style::ALL[1 + random.below(Style::ALL.len() - 1)]
}

/// Replaces the value of one input.
fn data(random: &mut Random, style: Style, input: usize, width: usize, values: &mut [Vec<u64>]) {
    let value = &mut values[input];
    match style {
        Style::Uniform | Style::Mixed => value.fill_with(|| random.word()),
        Style::Sparse => {
            value.fill(0);
            if random.chance(64) {
                for _ in 0..=random.below(3) {
                    set_bit(value, random.below(width));
                }
            }
        }
        Style::Held => {
            if random.chance(32) {
                value.fill_with(|| random.word());
            }
        }
        Style::OneHot => {
            value.fill(0);
            if random.chance(224) {
                set_bit(value, random.below(width));
            }
        }
        Style::Ones => {
            if random.chance(192) {
                value.fill(u64::MAX);
            } else {
                value.fill_with(|| random.word());
            }
        }
        Style::Small => {
            value.fill(0);
            value[0] = random.word() & 7;
        }
        Style::Corner => corner(random, width, value),
        Style::Echo => {
            let other = random.below(values.len());
            if random.chance(64) {
                values[input].fill_with(|| random.word());
            } else if other != input {
                let source = std::mem::take(&mut values[other]);
                let value = &mut values[input];
                for (index, word) in value.iter_mut().enumerate() {
                    *word = source.get(index).copied().unwrap_or(0);
                }
                values[other] = source;
            }
        }
    }
    trim(&mut values[input], width);
}

/// Zero, all ones, or a power of two, each give or take one.
fn corner(random: &mut Random, width: usize, value: &mut [u64]) {
    value.fill(0);
    match random.below(3) {
        0 => {}
        1 => value.fill(u64::MAX),
        _ => set_bit(value, random.below(width)),
    }
    let (mut carry, addend) = match random.below(3) {
        0 => (false, 0),
        1 => (true, 0),
        // Adding all ones subtracts one.
        _ => (false, u64::MAX),
    };
    for word in value {
        let (sum, first) = word.overflowing_add(addend);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        (*word, carry) = (sum, first || second);
    }
}

fn set_bit(value: &mut [u64], bit: usize) {
    value[bit / 64] |= 1 << (bit % 64);
}

/// Clears the bits beyond the width.
fn trim(value: &mut [u64], width: usize) {
    if let (Some(last), excess @ 1..) = (value.last_mut(), width % 64) {
        *last &= (1 << excess) - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports() -> Vec<PortInfo> {
        [("reset", 1), ("rx_tvalid", 1), ("rx_tdata", 100), ("address", 3), ("wide", 64)]
            .map(|(name, width)| PortInfo { name: name.to_owned(), width })
            .to_vec()
    }

    fn run(case: Case) -> Vec<Vec<Vec<u64>>> {
        let ports = ports();
        let mut values: Vec<Vec<u64>> = ports.iter().map(|port| vec![0; port.width.div_ceil(64)]).collect();
        let mut stimulus = RandomStimulus::new(&case, &ports);
        let mut seen = Vec::new();
        while stimulus.next(&mut values) {
            seen.push(values.clone());
        }
        seen
    }

    #[test]
    fn a_shorter_case_is_the_beginning_of_a_longer_one() {
        for style in Style::ALL {
            let long = run(Case { seed: 11, clocks: 200, style });
            let short = run(Case { seed: 11, clocks: 50, style });
            assert_eq!(long.len(), 200);
            assert_eq!(short, long[..50]);
        }
    }

    #[test]
    fn values_stay_within_their_widths() {
        for style in Style::ALL {
            for values in run(Case { seed: 5, clocks: 500, style }) {
                for (port, value) in ports().iter().zip(&values) {
                    let mut trimmed = value.clone();
                    trim(&mut trimmed, port.width);
                    assert_eq!(&trimmed, value, "{style:?} {}", port.name);
                }
            }
        }
    }

    #[test]
    fn every_style_moves_data_and_most_cases_begin_with_two_clocks_of_reset() {
        for style in Style::ALL {
            let seen = run(Case { seed: 3, clocks: 400, style });
            let distinct: std::collections::HashSet<_> = seen.iter().map(|values| values[2].clone()).collect();
            assert!(distinct.len() > 3, "{style:?}: {}", distinct.len());
        }
        let resets = (0..100).filter(|&seed| {
            let seen = run(Case { seed, clocks: 3, style: Style::Uniform });
            seen[0][0][0] == 1 && seen[1][0][0] == 1
        });
        assert!((70..100).contains(&resets.count()));
    }

    #[test]
    fn one_below_zero_is_all_ones() {
        let ports = [PortInfo { name: "a".to_owned(), width: 130 }];
        let mut seen = std::collections::HashSet::new();
        let mut values = vec![vec![0; 3]];
        let case = Case { seed: 1, clocks: 2_000, style: Style::Corner };
        let mut stimulus = RandomStimulus::new(&case, &ports);
        while stimulus.next(&mut values) {
            seen.insert(values[0].clone());
        }
        for corner in [[0, 0, 0], [1, 0, 0], [u64::MAX, u64::MAX, 3], [u64::MAX - 1, u64::MAX, 3], [u64::MAX, 0, 0]] {
            assert!(seen.contains(corner.as_slice()), "{corner:?}");
        }
    }
}

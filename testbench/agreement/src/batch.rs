//! Property tests whose cases are lanes: one interpreter runs up to 64 cases of a test bench side by side.
//!
//! A test bench drives an [`Engine`] as ever; here it gets a lane of an interpreter that it shares with the other cases.
//! Each case runs on a stack of its own until it wants the logic to settle or the clock to rise; when all cases have come
//! that far, that happens once, for all of them. A case that fails is run again and cut short on one lane, from a
//! snapshot of the prepared design.

use std::any::Any;
use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use corosensei::{Coroutine, CoroutineResult, Yielder};
use nitro_netlist::Netlist;
use nitro_simulator::{Engine, Interpreter, PortInfo, Snapshot};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, Reason, TestCaseError, TestError, TestRunner};

/// Cases that run side by side.
const LANES: u32 = 64;

/// What a case waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Settle,
    Edge,
}

/// Why a property does not hold.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// A case fails.
    #[error("{reason}\nthe simplest failing case: {case}")]
    Case {
        /// How.
        reason: String,
        /// The case, as simple as it could be made.
        case: String,
    },
    /// A case fails in its lane only: not the design is at fault but the simulator or a test bench that keeps state.
    #[error("{reason}\nbut the case passes alone: {case}")]
    LaneOnly {
        /// How it fails.
        reason: String,
        /// The case.
        case: String,
    },
    /// The strategy cannot make a case.
    #[error("no case could be made: {0}")]
    NoCase(String),
}

/// A prepared design that test benches run on.
pub struct Batch {
    many: Rc<Shared>,
    many_start: Snapshot,
    one: RefCell<Interpreter>,
    one_start: Snapshot,
}

struct Shared {
    interpreter: RefCell<Interpreter>,
    inputs: Vec<PortInfo>,
    outputs: Vec<PortInfo>,
}

/// A lane of an interpreter.
struct Lane<'a> {
    shared: &'a Shared,
    lane: usize,
    yielder: &'a Yielder<(), Wish>,
}

impl Engine for Lane<'_> {
    fn inputs(&self) -> &[PortInfo] {
        &self.shared.inputs
    }
    fn outputs(&self) -> &[PortInfo] {
        &self.shared.outputs
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        self.shared.interpreter.borrow_mut().set(index, self.lane, value);
    }
    fn settle(&mut self) {
        self.yielder.suspend(Wish::Settle);
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        self.shared.interpreter.borrow().get(index, self.lane, value);
    }
    fn edge(&mut self) {
        self.yielder.suspend(Wish::Edge);
    }
}

/// All lanes of an interpreter alike.
struct AllLanes<'a>(&'a mut Interpreter);

impl Engine for AllLanes<'_> {
    fn inputs(&self) -> &[PortInfo] {
        self.0.inputs()
    }
    fn outputs(&self) -> &[PortInfo] {
        self.0.outputs()
    }
    fn set(&mut self, index: usize, value: &[u64]) {
        (0..self.0.lanes()).for_each(|lane| self.0.set(index, lane, value));
    }
    fn settle(&mut self) {
        self.0.settle();
    }
    fn get(&self, index: usize, value: &mut [u64]) {
        self.0.get(index, 0, value);
    }
    fn edge(&mut self) {
        self.0.edge();
    }
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

/// Runs a case; assertions that fail count as failures.
fn outcome<E: Display>(test: impl FnOnce() -> Result<(), E>) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(test)) {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(panic) => Err(message(panic.as_ref())),
    }
}

type Case = Coroutine<(), Wish, Result<(), String>>;

impl Batch {
    /// Compiles a netlist; cases begin at power-up.
    #[must_use]
    pub fn new(netlist: &Netlist) -> Self {
        let (one, many) = (Interpreter::new(netlist, 1), Interpreter::new(netlist, LANES as usize));
        let (many_start, one_start) = (many.snapshot(), one.snapshot());
        let shared =
            Shared { inputs: many.inputs().to_vec(), outputs: many.outputs().to_vec(), interpreter: many.into() };
        Self { many: Rc::new(shared), many_start, one: one.into(), one_start }
    }

    /// Compiles a netlist and brings it into the state that cases begin in: reset, programming.
    ///
    /// # Errors
    /// Those of `prepare`.
    pub fn prepared<E>(netlist: &Netlist, prepare: impl Fn(&mut dyn Engine) -> Result<(), E>) -> Result<Self, E> {
        let mut batch = Self::new(netlist);
        prepare(&mut AllLanes(batch.one.get_mut()))?;
        batch.one_start = batch.one.get_mut().snapshot();
        let mut many = batch.many.interpreter.borrow_mut();
        prepare(&mut AllLanes(&mut many))?;
        batch.many_start = many.snapshot();
        drop(many);
        Ok(batch)
    }

    /// Runs one case alone.
    fn alone<T, E: Display>(&self, test: &impl Fn(&mut dyn Engine, T) -> Result<(), E>, case: T) -> Result<(), String> {
        let mut one = self.one.borrow_mut();
        one.restore(&self.one_start).map_err(|error| error.to_string())?;
        outcome(|| test(&mut AllLanes(&mut one), case))
    }

    /// Runs up to 64 cases, each in a lane; what came of each.
    fn run<T: 'static, E: Display + 'static>(
        &self,
        test: &Rc<impl Fn(&mut dyn Engine, T) -> Result<(), E> + 'static>,
        cases: Vec<T>,
    ) -> Vec<Result<(), String>> {
        if let Err(error) = self.many.interpreter.borrow_mut().restore(&self.many_start) {
            return vec![Err(error.to_string())];
        }
        let mut lanes: Vec<Case> = cases
            .into_iter()
            .enumerate()
            .map(|(lane, case)| {
                let (shared, test) = (Rc::clone(&self.many), Rc::clone(test));
                Coroutine::new(move |yielder: &Yielder<(), Wish>, ()| {
                    outcome(|| test(&mut Lane { shared: &shared, lane, yielder }, case))
                })
            })
            .collect();
        let mut outcomes: Vec<Option<Result<(), String>>> = lanes.iter().map(|_| None).collect();
        let mut wishes = vec![None; lanes.len()];
        let mut due: Vec<usize> = (0..lanes.len()).collect();
        while !due.is_empty() {
            for &lane in &due {
                wishes[lane] = None;
                match lanes[lane].resume(()) {
                    CoroutineResult::Yield(wish) => wishes[lane] = Some(wish),
                    CoroutineResult::Return(outcome) => outcomes[lane] = Some(outcome),
                }
            }
            // Who waits for the edge has settled, and does no worse for settling again.
            let mut interpreter = self.many.interpreter.borrow_mut();
            let next = if wishes.contains(&Some(Wish::Settle)) {
                interpreter.settle();
                Wish::Settle
            } else {
                if wishes.contains(&Some(Wish::Edge)) {
                    interpreter.edge();
                }
                Wish::Edge
            };
            due.clear();
            due.extend((0..lanes.len()).filter(|&lane| wishes[lane] == Some(next)));
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Ok(()))).collect()
    }

    /// Tries a property on random cases, as `proptest` would, and simplifies one that fails.
    ///
    /// # Errors
    /// With the simplest failing case.
    pub fn check<S, E>(
        &self,
        cases: u32,
        strategy: &S,
        test: impl Fn(&mut dyn Engine, S::Value) -> Result<(), E> + 'static,
    ) -> Result<(), BatchError>
    where
        S: Strategy,
        S::Value: Debug + Clone + 'static,
        E: Display + 'static,
    {
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let test = Rc::new(test);
        let mut left = cases;
        while left > 0 {
            let count = left.min(LANES);
            left -= count;
            let mut trees = Vec::new();
            for _ in 0..count {
                let tree = strategy.new_tree(&mut runner);
                trees.push(tree.map_err(|reason| BatchError::NoCase(reason.to_string()))?);
            }
            let values = trees.iter().map(ValueTree::current).collect();
            for (tree, outcome) in trees.into_iter().zip(self.run(&test, values)) {
                if let Err(reason) = outcome {
                    return Err(self.simplest(&mut runner, tree, &test, reason));
                }
            }
        }
        Ok(())
    }

    fn simplest<V, E>(
        &self,
        runner: &mut TestRunner,
        tree: V,
        test: &Rc<impl Fn(&mut dyn Engine, V::Value) -> Result<(), E>>,
        reason: String,
    ) -> BatchError
    where
        V: ValueTree,
        V::Value: Debug,
        E: Display,
    {
        let case = format!("{:?}", tree.current());
        let run = |value| self.alone(&**test, value).map_err(|reason| TestCaseError::fail(Reason::from(reason)));
        match runner.run_one(tree, run) {
            Err(TestError::Fail(reason, value)) => {
                BatchError::Case { reason: reason.to_string(), case: format!("{value:?}") }
            }
            Err(TestError::Abort(_)) | Ok(_) => BatchError::LaneOnly { reason, case },
        }
    }
}

//! What can be wrong with a block.

use thiserror::Error;

/// Why a block cannot be elaborated. `path` is the path of instance names to the block whose kernel is at fault.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ElaborateError {
    /// A name that is no signal, port, loop variable or enum value. Rust constants and const generics look like this.
    #[error(
        "{path}: `{name}` is not declared; a Rust constant or const generic that a kernel uses as a value must be a `Constant` field"
    )]
    UndeclaredName {
        /// The block.
        path: String,
        /// The name as the kernel has it.
        name: String,
    },
    /// A record has no such field.
    #[error("{path}: signal `{signal}` has no field `{field}`")]
    UnknownField {
        /// The block.
        path: String,
        /// The signal.
        signal: String,
        /// The field as the kernel has it.
        field: String,
    },
    /// An array index in brackets that is no constant.
    #[error("{path}: the index of `{name}` must be made of literals and loop variables; `{index}` is not")]
    IndexNotConstant {
        /// The block.
        path: String,
        /// The whole name.
        name: String,
        /// The text between the brackets.
        index: String,
    },
    /// A path through the kernel that does not assign a signal.
    #[error("{path}: a path through the kernel does not assign `{signal}` (a latch); assign a default first")]
    Latch {
        /// The block.
        path: String,
        /// The signal, or the field of a record.
        signal: String,
    },
    /// An output or local signal that no statement assigns.
    #[error("{path}: nothing drives `{signal}`")]
    Undriven {
        /// The block.
        path: String,
        /// The signal, or the field of a record.
        signal: String,
    },
    /// An input of a child that no statement assigns.
    #[error("{path}: nothing drives `{signal}`, an input of `{instance}`")]
    UndrivenInput {
        /// The block.
        path: String,
        /// The child.
        instance: String,
        /// Its input.
        signal: String,
    },
    /// A kernel assigns a signal that something else drives.
    #[error("{path}: `{signal}` has two drivers: the kernel assigns it, but {other} drives it")]
    TwoDrivers {
        /// The block.
        path: String,
        /// The signal.
        signal: String,
        /// The other driver.
        other: String,
    },
    /// Signals that depend on themselves within one clock.
    #[error("combinational loop: {}", signals.join(" <- "))]
    CombinationalLoop {
        /// The signals of the loop, each depending on the next, with their paths.
        signals: Vec<String>,
    },
    /// A block without a kernel that is none of the known primitives.
    #[error(
        "{path}: a leaf of unknown meaning ({found}); only kernels, this project's primitives and rust_hdl's DFF can be elaborated"
    )]
    UnknownLeaf {
        /// The block.
        path: String,
        /// What its `hdl()` gave.
        found: &'static str,
    },
    /// A primitive whose ports are not those that its description needs.
    #[error("{path}: the primitive needs a port `{port}` of {expected} bits; {found}")]
    BadPrimitive {
        /// The block.
        path: String,
        /// The port.
        port: String,
        /// The width it must have.
        expected: usize,
        /// What is there.
        found: String,
    },
    /// Two values of different widths meet.
    #[error("{path}: {operation} of {left} and {right} bits; both sides need one width (use `bit_cast`)")]
    WidthMismatch {
        /// The block.
        path: String,
        /// The operation, or the signal that is assigned.
        operation: String,
        /// Width of the left side in bits.
        left: u32,
        /// Width of the right side in bits.
        right: u32,
    },
    /// A literal that its partner cannot hold.
    #[error("{path}: the literal {literal} does not fit in {width} bits")]
    LiteralTooWide {
        /// The block.
        path: String,
        /// The literal, in hexadecimal.
        literal: String,
        /// The width that Rust gives it here, in bits.
        width: u32,
    },
    /// A literal where nothing gives it a width.
    #[error("{path}: nothing gives the literal {literal} a width here; write `bits::<N>({literal})`")]
    LiteralWithoutWidth {
        /// The block.
        path: String,
        /// The literal, in hexadecimal.
        literal: String,
    },
    /// A bit index or a slice that begins beyond the value's end.
    #[error("{path}: index {index} is beyond the value's {width} bits")]
    IndexOutOfRange {
        /// The block.
        path: String,
        /// The index.
        index: u64,
        /// Width of the value in bits.
        width: u32,
    },
    /// A sum in parentheses as a bit index: the syntax tree does not tell `(a + 1).index()`, which wraps, from `a.index() + 1`.
    #[error(
        "{path}: arithmetic in parentheses inside a bit index may or may not wrap; assign it to a `Local` signal and index with that"
    )]
    AmbiguousIndex {
        /// The block.
        path: String,
    },
    /// A value of no bits.
    #[error("{path}: `{signal}` has no bits")]
    ZeroWidth {
        /// The block.
        path: String,
        /// The signal or expression.
        signal: String,
    },
    /// Signed arithmetic.
    #[error("{path}: `{signal}` is signed; the netlist is unsigned throughout, use `Bits`")]
    SignedNotSupported {
        /// The block.
        path: String,
        /// The signal or expression.
        signal: String,
    },
    /// A tri-state signal.
    #[error("{path}: `{signal}` is an `InOut`; use an `In`, an `Out` and an enable")]
    InOutNotSupported {
        /// The block.
        path: String,
        /// The signal.
        signal: String,
    },
    /// A clock that is not the top's one clock input.
    #[error("{path}: `{signal}` is a clock that does not come from the top's clock input by plain assignments")]
    ClockNotFromRoot {
        /// The block.
        path: String,
        /// The signal.
        signal: String,
    },
    /// A clock used as data, or the reverse.
    #[error("{path}: a clock is used as a value in {context}")]
    ClockAsData {
        /// The block.
        path: String,
        /// Where.
        context: String,
    },
    /// `assert!` in a kernel, which the syntax tree turns into a comment.
    #[error("{path}: `{text}` in a kernel would be lost in hardware; check it in a test bench")]
    AssertInKernel {
        /// The block.
        path: String,
        /// The macro's text.
        text: String,
    },
    /// A construct without a meaning in hardware.
    #[error("{path}: {construct} is not supported in a kernel")]
    Unsupported {
        /// The block.
        path: String,
        /// The construct.
        construct: String,
    },
    /// Two enum types of one name with different values.
    #[error("{path}: `{name}` is a value of two enum types of one name; rename one of them")]
    AmbiguousEnum {
        /// The block.
        path: String,
        /// The value.
        name: String,
    },
    /// Two signals whose paths give one name.
    #[error("{path}: two signals get the name `{name}` (`{first}` and `{second}`); rename one of them")]
    NameCollision {
        /// The block.
        path: String,
        /// The name in Verilog and in traces.
        name: String,
        /// The first signal.
        first: String,
        /// The second signal.
        second: String,
    },
    /// `hdl()` itself panicked, as `bits::<4>(16)` does.
    #[error("{path}: the kernel's syntax tree cannot be built: {message}")]
    KernelPanicked {
        /// The block.
        path: String,
        /// The panic's message.
        message: String,
    },
    /// The elaborator's own thread could not be started.
    #[error("no thread for elaboration: {0}")]
    NoThread(String),
}

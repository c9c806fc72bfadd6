//! `#[hdl_gen]`: a kernel's syntax tree as one line of text, and its `connect`.
//!
//! `rust_hdl`'s own attribute makes Rust code that builds the tree node by node; compiling that code took longer than
//! everything else in a card. This one translates the kernel once, while it expands, into the text that
//! `nitro_netlist::kernel` reads (its grammar is there); only widths that are const generics and the functions behind
//! `link` and `join` are left for the compiler.

use proc_macro2::TokenStream as Tokens;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{BinOp, Block, Expr, GenericArgument, ItemFn, Lit, Macro, Member, Pat, Path, Result, Stmt, Token, UnOp};

/// The whole expansion: the kernel as it is, `connect` and `hdl`.
pub fn expand(kernel: &ItemFn) -> Result<Tokens> {
    if kernel.sig.inputs.len() != 1 {
        return Err(error(&kernel.sig, "a kernel takes `&mut self` and nothing else"));
    }
    let mut writer = Writer::default();
    writer.statements(&kernel.block)?;
    let Writer { text, widths, links } = writer;
    let mut connected = Vec::new();
    let connects = connect_block(&kernel.block, &mut connected)?;
    Ok(quote! {
        #[allow(unreachable_patterns)]
        #kernel

        #[allow(unused_variables)]
        #[automatically_derived]
        fn connect(&mut self) {
            #connects
        }

        #[automatically_derived]
        fn hdl(&self) -> ::rust_hdl::prelude::Verilog {
            {
                #[allow(unused_imports)]
                use ::nitro_netlist::about::{Told as _, Untold as _};
                let inquiry = ::nitro_netlist::about::Inquiry::<Self>(::core::marker::PhantomData);
                ::nitro_netlist::about::tell((&&inquiry).about());
            }
            ::nitro_netlist::kernel::read(#text, &[#(#widths),*], &[#(#links),*])
        }
    })
}

fn error(at: &dyn ToTokens, text: &str) -> syn::Error {
    syn::Error::new_spanned(at.to_token_stream(), text)
}

/// The arguments of `clock!` and `dff_setup!`: `self`, the clock, and what gets it.
struct Clocked {
    this: Expr,
    clock: Expr,
    targets: Vec<Expr>,
}

impl Parse for Clocked {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let this = input.parse()?;
        input.parse::<Token![,]>()?;
        let clock = input.parse()?;
        let mut targets = Vec::new();
        if input.parse::<Option<Token![,]>>()?.is_some() {
            targets = Punctuated::<Expr, Token![,]>::parse_terminated(input)?.into_iter().collect();
        }
        Ok(Self { this, clock, targets })
    }
}

/// A signal's path as `rust_hdl` writes it: without `self.`, `$` for `.` and `::`.
fn name(expression: &dyn ToTokens) -> String {
    let mut name = String::new();
    for token in expression.to_token_stream().to_string().split_whitespace() {
        name.push_str(token);
    }
    name.replace("self.", "").replace("::", "$").replace('.', "$")
}

/// The tree as text, in the order in which it is read.
#[derive(Default)]
struct Writer {
    text: String,
    /// Expressions of the type `usize`, `@0`, `@1`, … in the text.
    widths: Vec<Tokens>,
    /// Functions that describe a link, by their number in the text.
    links: Vec<Tokens>,
}

impl Writer {
    fn put(&mut self, token: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(token);
    }

    fn put_name(&mut self, name: &str) {
        self.put(&format!(":{name}"));
    }

    /// A number that is known now, or a reference to one that the compiler computes.
    fn put_width(&mut self, width: &dyn ToTokens) {
        let tokens = width.to_token_stream();
        let known = syn::parse2::<syn::LitInt>(tokens.clone()).ok().and_then(|lit| lit.base10_parse::<usize>().ok());
        if let Some(known) = known {
            return self.put(&known.to_string());
        }
        let text = tokens.to_string();
        let place = self.widths.iter().position(|width| width.to_string() == text).unwrap_or_else(|| {
            self.widths.push(tokens);
            self.widths.len() - 1
        });
        self.put(&format!("@{place}"));
    }

    fn block(&mut self, block: &Block) -> Result<()> {
        self.put("{");
        self.statements(block)?;
        self.put("}");
        Ok(())
    }

    fn statements(&mut self, block: &Block) -> Result<()> {
        block.stmts.iter().try_for_each(|statement| match statement {
            Stmt::Expr(expression, _) => self.statement(expression),
            Stmt::Macro(invocation) => self.invocation(&invocation.mac),
            _ => Err(error(statement, "a kernel has no local definitions and items")),
        })
    }

    fn statement(&mut self, statement: &Expr) -> Result<()> {
        match statement {
            Expr::Assign(assignment) => {
                self.put("=");
                self.target(&assignment.left)?;
                self.expression(&assignment.right)
            }
            Expr::If(conditional) => self.conditional(conditional),
            Expr::Match(selection) => {
                self.put("match");
                self.expression(&selection.expr)?;
                self.put("{");
                for arm in &selection.arms {
                    self.pattern(&arm.pat)?;
                    match &*arm.body {
                        Expr::Block(body) => self.block(&body.block)?,
                        body => {
                            self.put("{");
                            self.statement(body)?;
                            self.put("}");
                        }
                    }
                }
                self.put("}");
                Ok(())
            }
            Expr::ForLoop(repetition) => self.repetition(repetition),
            Expr::Macro(invocation) => self.invocation(&invocation.mac),
            Expr::Call(call) => self.link(call),
            Expr::Group(group) => self.statement(&group.expr),
            _ => Err(error(statement, "a kernel has assignments, `if`, `match`, `for`, `link` and `join` only")),
        }
    }

    /// What is assigned: `self.signal.next`, or a field of it.
    fn target(&mut self, target: &Expr) -> Result<()> {
        let name = name(target);
        if matches!(target, Expr::Field(_)) && name.split('$').any(|segment| segment == "next") {
            self.put_name(&name);
            return Ok(());
        }
        let text = if matches!(target, Expr::Index(_)) {
            "an assignment to an index does not translate: assign the whole value, made with `replace_bit`"
        } else {
            "a kernel assigns `self.<signal>.next` or a field of it"
        };
        Err(error(target, text))
    }

    fn conditional(&mut self, conditional: &syn::ExprIf) -> Result<()> {
        self.put("if");
        self.expression(&conditional.cond)?;
        self.block(&conditional.then_branch)?;
        match conditional.else_branch.as_ref().map(|(_, branch)| &**branch) {
            None => self.put("-"),
            Some(Expr::Block(block)) => self.block(&block.block)?,
            Some(Expr::If(next)) => self.conditional(next)?,
            Some(other) => return Err(error(other, "only `else { … }` and `else if`")),
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &Pat) -> Result<()> {
        match pattern {
            Pat::Ident(ident) if ident.subpat.is_none() => self.put_name(&ident.ident.to_string()),
            Pat::Lit(_) | Pat::Path(_) => self.put_name(&name(pattern)),
            Pat::Wild(_) => self.put_name("default"),
            _ => return Err(error(pattern, "a kernel matches literals, names and `_` only, without guards")),
        }
        Ok(())
    }

    fn repetition(&mut self, repetition: &syn::ExprForLoop) -> Result<()> {
        let (Pat::Ident(index), Expr::Range(range)) = (&*repetition.pat, &*repetition.expr) else {
            return Err(error(&repetition.pat, "only `for <index> in <from>..<to>`"));
        };
        let (Some(from), Some(to), syn::RangeLimits::HalfOpen(_)) = (&range.start, &range.end, &range.limits) else {
            return Err(error(range, "a loop of a kernel runs over `<from>..<to>`"));
        };
        self.put("for");
        self.put_name(&index.ident.to_string());
        self.put_width(from);
        self.put_width(to);
        self.block(&repetition.body)
    }

    fn link(&mut self, call: &syn::ExprCall) -> Result<()> {
        let Some((function, path)) = linked(call) else {
            return Err(error(call, "a kernel calls `<Type>::link(…)` and `<Type>::join(…)` only"));
        };
        let (Some(own), Some(other)) = (call.args.first(), call.args.get(1)) else {
            return Err(error(call, "two interfaces are linked: `<Type>::link(&mut self.a, &mut self.b)`"));
        };
        let mut path = path.clone();
        if let Some(last) = path.segments.last_mut() {
            last.ident = syn::Ident::new(&format!("{function}_hdl"), last.ident.span());
        }
        self.put(&format!("link {}", self.links.len()));
        self.links.push(quote!(#path));
        for side in [own, other] {
            match side {
                Expr::Reference(reference) => self.put_name(&name(&reference.expr)),
                _ => return Err(error(side, "expected `&mut self.<interface>`")),
            }
        }
        Ok(())
    }

    fn invocation(&mut self, invocation: &Macro) -> Result<()> {
        let is = |name| invocation.path.is_ident(name);
        if is("clock") || is("dff_setup") {
            let Clocked { clock, targets, .. } = invocation.parse_body()?;
            self.put("macro {");
            for target in &targets {
                self.put(&format!("= :{}$clock$next :{}", name(target), name(&clock)));
            }
            for target in targets.iter().filter(|_| is("dff_setup")) {
                let target = name(target);
                self.put(&format!("= :{target}$d$next :{target}$q"));
            }
            self.put("}");
            return Ok(());
        }
        if is("println") || is("comment") || is("assert") {
            // One word: the reader splits at spaces.
            let text = invocation.to_token_stream().to_string();
            self.put(&format!("comment {}", text.split_whitespace().collect::<Vec<_>>().join("\u{a0}")));
            return Ok(());
        }
        Err(error(invocation, "a kernel uses the macros `clock!` and `dff_setup!` only"))
    }

    fn expression(&mut self, expression: &Expr) -> Result<()> {
        match expression {
            Expr::Path(_) | Expr::Field(_) | Expr::Index(_) => {
                let name = name(expression);
                if name.split('$').any(|segment| segment == "next") {
                    return Err(error(expression, "a kernel reads `.val()`, not `.next`"));
                }
                self.put_name(&name);
                Ok(())
            }
            Expr::Paren(inner) => {
                self.put("(");
                self.expression(&inner.expr)
            }
            Expr::Group(inner) => self.expression(&inner.expr),
            Expr::Binary(binary) => {
                self.put(operator(&binary.op).ok_or_else(|| error(binary, "an operator that hardware does not have"))?);
                self.expression(&binary.left)?;
                self.expression(&binary.right)
            }
            Expr::Unary(unary) => {
                self.put(match unary.op {
                    UnOp::Not(_) => "!",
                    UnOp::Neg(_) => "neg",
                    _ => return Err(error(unary, "an operator that hardware does not have")),
                });
                self.expression(&unary.expr)
            }
            Expr::Lit(literal) => self.literal(&literal.lit),
            Expr::Call(call) => self.cast(call),
            Expr::MethodCall(call) => self.method(call),
            _ => Err(error(expression, "this expression has no meaning in hardware")),
        }
    }

    fn literal(&mut self, literal: &Lit) -> Result<()> {
        match literal {
            Lit::Bool(value) => self.put(if value.value { "true" } else { "false" }),
            Lit::Int(value) => {
                let number: u128 = value.base10_parse()?;
                self.put(&number.to_string());
            }
            _ => return Err(error(literal, "a kernel has integers and `bool`s only")),
        }
        Ok(())
    }

    /// `bits::<N>(literal)` and `bit_cast::<N, M>(value)`.
    fn cast(&mut self, call: &syn::ExprCall) -> Result<()> {
        let unknown = || error(call, "a kernel calls `bits::<N>(…)` and `bit_cast::<N, M>(…)` only");
        let Expr::Path(function) = &*call.func else { return Err(unknown()) };
        let (Some(last), Some(argument), 1) = (function.path.segments.last(), call.args.first(), call.args.len())
        else {
            return Err(unknown());
        };
        if last.ident != "bits" && last.ident != "bit_cast" {
            return Err(unknown());
        }
        let width = match &last.arguments {
            syn::PathArguments::AngleBracketed(arguments) => arguments.args.first(),
            _ => None,
        };
        self.put("cast");
        self.put_argument(width.ok_or_else(|| error(call, "say the width: `bits::<8>(…)`"))?)?;
        self.expression(argument)
    }

    /// A width given as a generic argument.
    fn put_argument(&mut self, argument: &GenericArgument) -> Result<()> {
        match argument {
            GenericArgument::Type(width) => self.put_width(width),
            GenericArgument::Const(Expr::Block(block)) if block.block.stmts.len() == 1 => {
                self.put_width(&block.block.stmts[0]);
            }
            GenericArgument::Const(width) => self.put_width(width),
            _ => return Err(error(argument, "expected a width")),
        }
        Ok(())
    }

    fn method(&mut self, call: &syn::ExprMethodCall) -> Result<()> {
        let arguments = |count: usize| {
            let text = format!("`{}` takes {count} here", call.method);
            if call.args.len() == count { Ok(()) } else { Err(error(call, &text)) }
        };
        let method = call.method.to_string();
        match method.as_str() {
            // These change a value's type in Rust and nothing in hardware.
            "val" | "into" | "index" | "to_bits" => {
                arguments(0)?;
                return self.expression(&call.receiver);
            }
            "all" | "any" | "xor" => {
                arguments(0)?;
                self.put(&method);
            }
            "get_bits" => {
                arguments(1)?;
                let width = call.turbofish.as_ref().and_then(|turbofish| turbofish.args.first());
                self.put("slice");
                self.put_argument(width.ok_or_else(|| error(call, "say the width: `get_bits::<8>(…)`"))?)?;
            }
            "get_bit" => {
                arguments(1)?;
                self.put("bit");
            }
            "replace_bit" => {
                arguments(2)?;
                self.put("put");
            }
            _ => return Err(error(&call.method, "this method has no meaning in hardware")),
        }
        self.expression(&call.receiver)?;
        call.args.iter().try_for_each(|argument| self.expression(argument))
    }
}

fn operator(operator: &BinOp) -> Option<&'static str> {
    Some(match operator {
        BinOp::Add(_) => "+",
        BinOp::Sub(_) => "-",
        BinOp::Mul(_) => "*",
        BinOp::And(_) => "&&",
        BinOp::Or(_) => "||",
        BinOp::BitXor(_) => "^",
        BinOp::BitAnd(_) => "&",
        BinOp::BitOr(_) => "|",
        BinOp::Shl(_) => "<<",
        BinOp::Shr(_) => ">>",
        BinOp::Eq(_) => "==",
        BinOp::Ne(_) => "!=",
        BinOp::Lt(_) => "<",
        BinOp::Le(_) => "<=",
        BinOp::Gt(_) => ">",
        BinOp::Ge(_) => ">=",
        _ => return None,
    })
}

/// `link` or `join` and the path of the function, if the call is one.
fn linked(call: &syn::ExprCall) -> Option<(&'static str, &Path)> {
    let Expr::Path(function) = &*call.func else { return None };
    let last = &function.path.segments.last()?.ident;
    let kind = ["link", "join"].into_iter().find(|kind| last == kind)?;
    (function.path.segments.len() >= 2).then_some((kind, &function.path))
}

/// Statements that mark what the kernel drives. `known` lists what the enclosing blocks mark already.
fn connect_block(block: &Block, known: &mut Vec<String>) -> Result<Tokens> {
    let mut tokens = Tokens::new();
    for statement in &block.stmts {
        match statement {
            Stmt::Expr(expression, _) => tokens.extend(connect(expression, known)?),
            Stmt::Macro(invocation) => tokens.extend(connect_macro(&invocation.mac, known)?),
            _ => {}
        }
    }
    Ok(tokens)
}

fn connect(statement: &Expr, known: &mut Vec<String>) -> Result<Tokens> {
    Ok(match statement {
        Expr::Assign(assignment) => match base_of_next(&assignment.left) {
            Some(signal) => mark(&quote!(#signal), known),
            None => Tokens::new(),
        },
        Expr::If(conditional) => {
            let then = connect_block(&conditional.then_branch, known)?;
            let otherwise = match &conditional.else_branch {
                Some((_, branch)) => connect(branch, known)?,
                None => Tokens::new(),
            };
            quote!(#then #otherwise)
        }
        Expr::Block(block) => connect_block(&block.block, known)?,
        Expr::Match(selection) => {
            let arms = selection.arms.iter().map(|arm| connect(&arm.body, known));
            arms.collect::<Result<Tokens>>()?
        }
        Expr::ForLoop(repetition) => {
            // What a loop marks depends on its index, which may mean something else elsewhere.
            let mut inner = Vec::new();
            let body = connect_block(&repetition.body, &mut inner)?;
            let (index, range) = (&repetition.pat, &repetition.expr);
            quote!(for #index in #range { #body })
        }
        Expr::Call(call) => {
            let Some((kind, _)) = linked(call) else { return Ok(Tokens::new()) };
            let (own, other) = (call.args.first(), call.args.get(1));
            if kind == "link" {
                quote! {
                    ::rust_hdl::prelude::LogicLink::link_connect_source(#own);
                    ::rust_hdl::prelude::LogicLink::link_connect_dest(#other);
                }
            } else {
                quote! {
                    ::rust_hdl::prelude::LogicJoin::join_connect(#own);
                    ::rust_hdl::prelude::LogicJoin::join_connect(#other);
                }
            }
        }
        Expr::Macro(invocation) => connect_macro(&invocation.mac, known)?,
        Expr::Group(group) => connect(&group.expr, known)?,
        _ => Tokens::new(),
    })
}

fn connect_macro(invocation: &Macro, known: &mut Vec<String>) -> Result<Tokens> {
    let setup = invocation.path.is_ident("dff_setup");
    if !setup && !invocation.path.is_ident("clock") {
        return Ok(Tokens::new());
    }
    let Clocked { this, targets, .. } = invocation.parse_body()?;
    let mut tokens = Tokens::new();
    for target in &targets {
        tokens.extend(mark(&quote!(#this.#target.clock), known));
        if setup {
            tokens.extend(mark(&quote!(#this.#target.d), known));
        }
    }
    Ok(tokens)
}

/// Marks a signal, once.
fn mark(signal: &Tokens, known: &mut Vec<String>) -> Tokens {
    let text = signal.to_string();
    if known.contains(&text) {
        return Tokens::new();
    }
    known.push(text);
    quote!(::rust_hdl::prelude::Logic::connect(&mut #signal);)
}

/// `self.signal` of `self.signal.next.field`.
fn base_of_next(target: &Expr) -> Option<&Expr> {
    let Expr::Field(field) = target else { return None };
    match &field.member {
        Member::Named(member) if member == "next" => Some(&field.base),
        _ => base_of_next(&field.base),
    }
}

//! Macros of the hardware crates: what blocks, interfaces and records derive, and `#[hdl_gen]`.

mod kernel;

use proc_macro::TokenStream;
use proc_macro2::{Ident, TokenStream as Tokens};
use quote::{format_ident, quote};
use syn::{
    Attribute, Data, DeriveInput, Expr, ExprLit, Field, Lit, Meta, MetaNameValue, Visibility, parse_macro_input,
};

/// The named fields of a struct, or the error to show.
fn named_fields(input: &DeriveInput) -> Result<Vec<(&Ident, &Field)>, Tokens> {
    let error = |text| Err(syn::Error::new_spanned(&input.ident, text).to_compile_error());
    let Data::Struct(data) = &input.data else { return error("only structs with named fields can be derived") };
    data.fields
        .iter()
        .map(|field| field.ident.as_ref().map(|ident| (ident, field)))
        .collect::<Option<Vec<_>>>()
        .map_or_else(|| error("only structs with named fields can be derived"), Ok)
}

/// The doc comment among these attributes, its lines joined.
fn doc_text(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(MetaNameValue { path, value: Expr::Lit(ExprLit { lit: Lit::Str(text), .. }), .. })
            if path.is_ident("doc") =>
        {
            Some(text.value().trim().to_owned())
        }
        _ => None,
    };
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    lines.join(" ").trim().to_owned()
}

/// Derives `nitro_netlist::Ports` for a block or an interface: its public fields are its ports.
#[proc_macro_derive(Ports)]
pub fn ports(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let fields = match named_fields(&input) {
        Ok(fields) => fields,
        Err(error) => return error.into(),
    };
    let ports: Vec<_> = fields
        .iter()
        .filter(|(ident, field)| matches!(field.vis, Visibility::Public(_)) && !ident.to_string().starts_with('_'))
        .collect();
    let texts = ports.iter().map(|(_, field)| doc_text(&field.attrs));
    let ports: Vec<_> = ports.iter().map(|(ident, _)| ident).collect();
    let text = doc_text(&input.attrs);
    let name = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        impl #impl_generics ::nitro_netlist::about::Documented for #name #ty_generics #where_clause {
            const TEXT: &'static str = #text;
            const PORTS: &'static [(&'static str, &'static str)] = &[#((stringify!(#ports), #texts)),*];
        }

        impl #impl_generics ::nitro_netlist::Ports for #name #ty_generics #where_clause {
            fn visit_ports(&mut self, name: &str, visitor: &mut dyn ::nitro_netlist::ports::PortVisitor) {
                #(::nitro_netlist::Ports::visit_ports(
                    &mut self.#ports, &::nitro_netlist::ports::join_name(name, stringify!(#ports)), visitor);)*
            }
        }
    }
    .into()
}

/// Derives `Synth`, `Pack` and the accessors that `#[hdl_gen]` asks for, for a record: a struct of bit fields that
/// travels as one signal. The first field is the most significant, as RFC header diagrams read.
///
/// `rust_hdl`'s own `LogicStruct` can neither be generic nor be read back from bits. Kernels use a record in the same way:
/// `x.val().field`, `x.next.field = ...`.
#[proc_macro_derive(Record)]
pub fn record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let fields = match named_fields(&input) {
        Ok(fields) => fields,
        Err(error) => return error.into(),
    };
    let name = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let idents: Vec<_> = fields.iter().map(|(ident, _)| *ident).collect();
    let types: Vec<_> = fields.iter().map(|(_, field)| &field.ty).collect();
    let widths: Vec<_> = idents.iter().map(|ident| format_ident!("get_my_width_{ident}")).collect();
    let offsets: Vec<_> = idents.iter().map(|ident| format_ident!("get_my_offset_{ident}")).collect();
    let below: Vec<Tokens> = (0..types.len())
        .map(|index| {
            let rest = &types[index + 1..];
            quote!(0_usize #(+ <#rest as ::rust_hdl::prelude::Synth>::BITS)*)
        })
        .collect();
    let (idents_low_first, types_low_first): (Vec<_>, Vec<_>) =
        idents.iter().zip(&types).rev().map(|(ident, ty)| (*ident, *ty)).unzip();
    quote! {
        impl #impl_generics #name #ty_generics #where_clause {
            #(
                #[doc = concat!("Width of `", stringify!(#idents), "` in bits.")]
                #[must_use]
                pub fn #widths(&self) -> usize {
                    <#types as ::rust_hdl::prelude::Synth>::BITS
                }

                #[doc = concat!("Lowest bit of `", stringify!(#idents), "` within the record.")]
                #[must_use]
                pub fn #offsets(&self) -> usize {
                    #below
                }
            )*
        }

        impl #impl_generics ::rust_hdl::prelude::Synth for #name #ty_generics #where_clause {
            const BITS: usize = 0_usize #(+ <#types as ::rust_hdl::prelude::Synth>::BITS)*;

            fn descriptor() -> ::rust_hdl::prelude::TypeDescriptor {
                ::rust_hdl::prelude::TypeDescriptor {
                    name: stringify!(#name).to_string(),
                    // rust_hdl lists the least significant field first.
                    kind: ::rust_hdl::prelude::TypeKind::Composite(vec![#(Box::new(::rust_hdl::prelude::TypeField {
                        fieldname: stringify!(#idents_low_first).to_string(),
                        kind: <#types_low_first as ::rust_hdl::prelude::Synth>::descriptor(),
                    })),*]),
                }
            }

            fn vcd(self) -> ::rust_hdl::prelude::VCDValue {
                ::rust_hdl::prelude::VCDValue::Composite(
                    vec![#(Box::new(::rust_hdl::prelude::Synth::vcd(self.#idents_low_first))),*])
            }

            fn verilog(self) -> ::rust_hdl::prelude::VerilogLiteral {
                ::nitro_netlist::ports::literal(&self)
            }
        }

        impl #impl_generics ::nitro_netlist::Pack for #name #ty_generics #where_clause {
            fn pack(&self, bits: &mut ::nitro_netlist::ports::PortBits) {
                #(
                    let start = self.#offsets();
                    ::nitro_netlist::Pack::pack(&self.#idents, &mut bits[start..start + self.#widths()]);
                )*
            }

            fn unpack(bits: &::nitro_netlist::ports::PortBits) -> Self {
                let mut record = Self::default();
                #(
                    let start = record.#offsets();
                    record.#idents = <#types as ::nitro_netlist::Pack>::unpack(&bits[start..start + record.#widths()]);
                )*
                record
            }
        }
    }
    .into()
}

/// Derives `connect` and `hdl` of a block's `Logic` from its kernel, the method `update`.
///
/// It accepts what `rust_hdl`'s attribute of the same name accepts and means the same, but costs next to nothing to
/// compile; and where `rust_hdl` takes any function `bits…` for a cast and drops the guards of a `match`, it objects.
/// The tree is made for this project's elaborator: fields stay names (`rx$val()$field`), which it resolves.
#[proc_macro_attribute]
pub fn hdl_gen(_: TokenStream, item: TokenStream) -> TokenStream {
    let kernel = parse_macro_input!(item as syn::ItemFn);
    kernel::expand(&kernel).unwrap_or_else(|error| error.to_compile_error()).into()
}

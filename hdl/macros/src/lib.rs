//! Derive macros of the hardware crates.

use proc_macro::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Visibility, parse_macro_input};

/// Derives `nitro_netlist::Ports` for a block or an interface: its public fields are its ports.
#[proc_macro_derive(Ports)]
pub fn ports(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let Data::Struct(data) = &input.data else {
        return syn::Error::new_spanned(&input.ident, "Ports can be derived for structs only")
            .to_compile_error()
            .into();
    };
    let fields: Vec<_> = data
        .fields
        .iter()
        .filter(|field| matches!(field.vis, Visibility::Public(_)))
        .filter_map(|field| field.ident.as_ref())
        .filter(|ident| !ident.to_string().starts_with('_'))
        .collect();
    let name = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        impl #impl_generics ::nitro_netlist::Ports for #name #ty_generics #where_clause {
            fn visit_ports(&mut self, name: &str, visitor: &mut dyn ::nitro_netlist::ports::PortVisitor) {
                #(::nitro_netlist::Ports::visit_ports(
                    &mut self.#fields, &::nitro_netlist::ports::join_name(name, stringify!(#fields)), visitor);)*
            }
        }
    }
    .into()
}

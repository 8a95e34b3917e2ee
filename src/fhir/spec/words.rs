//! The standard's words for the enums of the tables, for the JSON of definitions and the text of tables alike.

use super::{Kind, ParamType, Strength};

macro_rules! words {
    ($type:ident, $doc:literal: $($variant:ident = $word:literal),* $(,)?) => {
        impl $type {
            #[doc = $doc]
            pub fn code(self) -> &'static str {
                match self { $($type::$variant => $word),* }
            }

            /// The one with this code.
            pub fn from_code(code: &str) -> Option<$type> {
                match code { $($word => Some($type::$variant),)* _ => None }
            }
        }
    };
}

words!(Kind, "StructureDefinition.kind, or `backbone`.":
    Primitive = "primitive-type", Complex = "complex-type", Backbone = "backbone", Resource = "resource");

words!(Strength, "Its code (valueset-binding-strength.html).":
    Required = "required", Extensible = "extensible", Preferred = "preferred", Example = "example");

words!(ParamType, "Its code (valueset-search-param-type.html).":
    Number = "number", Date = "date", String = "string", Token = "token", Reference = "reference",
    Composite = "composite", Quantity = "quantity", Uri = "uri", Special = "special");

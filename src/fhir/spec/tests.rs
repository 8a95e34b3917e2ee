//! The tables as R4 has them.

use super::*;

#[test]
fn every_concrete_resource_type_is_there() {
    assert_eq!(r4().resources().count(), 146);
}

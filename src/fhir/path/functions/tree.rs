//! Going down the tree (FHIRPath N1, section "Tree navigation").

use super::super::error::Result;
use super::super::eval::Eval;
use super::super::item::{Item, Items};
use super::super::navigate;
use super::Function;

pub(super) const TABLE: &[Function] = &[
    Function::new("children", 0..=0, |it| {
        let mut all = Items::new();
        children(it.eval, &it.input, &mut all)?;
        Ok(all)
    }),
    Function::new("descendants", 0..=0, |it| {
        let mut all = Items::new();
        children(it.eval, &it.input, &mut all)?;
        let mut done = 0;
        // Level by level: what is appended in one round is gone through in the next.
        while done < all.len() {
            let mut next = Items::new();
            children(it.eval, &all[done..], &mut next)?;
            done = all.len();
            all.append(&mut next);
        }
        Ok(all)
    }),
];

fn children<'a>(eval: &Eval<'a, '_>, items: &[Item<'a>], into: &mut Items<'a>) -> Result<()> {
    for node in items.iter().filter_map(Item::node) {
        eval.spend(1)?;
        navigate::children(node, &mut |child| {
            into.push(Item::Node(child));
            eval.spend(1)
        })?;
    }
    Ok(())
}

//! A [`Spec`] from rows: names become numbers, and what is inherited is filled in.

use super::rows::{CompartmentRow, ConstraintRow, ElementRow, OperationRow, ParamRow, Rows, TypeRow, ValueSetRow};
use super::{
    Binding, Compartment, Component, Constraint, Element, Kind, OperationDef, Property, SearchParam, Spec, SystemCodes,
    Type, TypeId, ValueSet,
};
use crate::terminology::BuiltIn;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Rows that do not fit together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Misfit {
    /// A row names a type that there is no row for.
    #[error("{of} refers to {name}, which is not a type")]
    NoSuchType {
        /// The row.
        of: Box<str>,
        /// The type it names.
        name: Box<str>,
    },
    /// A type specialises itself, perhaps by way of others.
    #[error("{0} specialises itself")]
    Circular(Box<str>),
    /// More types than a [`TypeId`] can number.
    #[error("there are too many types")]
    TooMany,
}

impl Spec {
    /// The tables that these rows make.
    pub fn build(rows: Rows) -> Result<Spec, Misfit> {
        let Rows { types, params, compartments, operations, value_sets } = rows;
        let by_name = number(&types)?;
        let mut spec = Spec {
            types: Builder { rows: &types, by_name: &by_name, done: types.iter().map(|_| None).collect() }
                .build()?
                .into(),
            by_name: by_name.into(),
            value_sets: Arc::new(value_sets.into_iter().map(value_set).map(|it| (it.url.clone(), it)).collect()),
            params: Vec::new(),
            params_by_code: FxHashMap::default(),
            params_by_url: FxHashMap::default(),
            compartments: Vec::new(),
            operations: Vec::new(),
        };
        spec.compartments = compartments.iter().map(|it| spec.build_compartment(it)).collect::<Result<_, _>>()?;
        spec.operations = operations.iter().map(|it| spec.build_operation(it)).collect::<Result<_, _>>()?;
        let params = params.into_iter().map(|it| Ok(Arc::new(spec.build_param(it)?)));
        let params = params.collect::<Result<_, _>>()?;
        Ok(spec.of_params(params))
    }

    /// These tables with a tenant's own parameters behind the standard's.
    pub fn with_params(&self, own: impl IntoIterator<Item = SearchParam>) -> Spec {
        let params = self.params.iter().cloned().chain(own.into_iter().map(Arc::new)).collect();
        self.clone().of_params(params)
    }

    fn of_params(mut self, params: Vec<Arc<SearchParam>>) -> Spec {
        self.params = params;
        self.params_by_url = self.params.iter().enumerate().map(|(at, it)| (it.url.clone(), at)).collect();
        self.params_by_code = self.index_params();
        self
    }

    /// A search parameter whose types are among those of this Spec: one of the standard's, or a tenant's own.
    pub fn build_param(&self, row: ParamRow) -> Result<SearchParam, Misfit> {
        Ok(SearchParam {
            base: ids(&self.by_name, row.code, &row.base)?,
            targets: ids(&self.by_name, row.code, &row.targets)?,
            code: row.code.into(),
            url: row.url.into(),
            kind: row.kind,
            expression: row.expression.into(),
            components: row
                .components
                .into_iter()
                .map(|(definition, expression)| Component {
                    definition: definition.into(),
                    expression: expression.into(),
                })
                .collect(),
            description: row.description.into(),
            own: None,
        })
    }

    fn build_compartment(&self, row: &CompartmentRow) -> Result<Compartment, Misfit> {
        let members = row
            .members
            .iter()
            .map(|(name, codes)| Ok((id(&self.by_name, row.of, name)?, codes.iter().map(|it| (*it).into()).collect())));
        Ok(Compartment { of: id(&self.by_name, row.of, row.of)?, members: members.collect::<Result<_, _>>()? })
    }

    fn build_operation(&self, row: &OperationRow) -> Result<OperationDef, Misfit> {
        Ok(OperationDef {
            code: row.code.into(),
            url: row.url.into(),
            resources: ids(&self.by_name, row.code, &row.resources)?,
            system: row.system,
            on_type: row.on_type,
            instance: row.instance,
            affects_state: row.affects_state,
        })
    }

    /// For every concrete resource type, its own parameters and those of the types it specialises.
    fn index_params(&self) -> FxHashMap<TypeId, FxHashMap<Box<str>, usize>> {
        let mut by_base: FxHashMap<TypeId, Vec<usize>> = FxHashMap::default();
        for (at, param) in self.params.iter().enumerate() {
            for base in &param.base {
                by_base.entry(*base).or_default().push(at);
            }
        }
        let of = |id: TypeId| {
            let found = self.lineage(id).filter_map(|it| by_base.get(&it)).flatten();
            found.map(|at| (self.params[*at].code.clone(), *at)).collect()
        };
        self.resources().map(|id| (id, of(id))).collect()
    }
}

fn number(types: &[TypeRow]) -> Result<FxHashMap<Box<str>, TypeId>, Misfit> {
    let number = |at: usize| u16::try_from(at).map(TypeId).map_err(|_| Misfit::TooMany);
    types.iter().enumerate().map(|(at, row)| Ok((row.name.into(), number(at)?))).collect()
}

fn id(by_name: &FxHashMap<Box<str>, TypeId>, of: &str, name: &str) -> Result<TypeId, Misfit> {
    by_name.get(name).copied().ok_or_else(|| Misfit::NoSuchType { of: of.into(), name: name.into() })
}

fn ids(by_name: &FxHashMap<Box<str>, TypeId>, of: &str, names: &[&str]) -> Result<Vec<TypeId>, Misfit> {
    names.iter().map(|name| id(by_name, of, name)).collect()
}

/// Builds types, a type before those that specialise it.
struct Builder<'a> {
    rows: &'a [TypeRow<'a>],
    by_name: &'a FxHashMap<Box<str>, TypeId>,
    done: Vec<Option<Type>>,
}

impl Builder<'_> {
    fn build(mut self) -> Result<Vec<Type>, Misfit> {
        for at in 0..self.rows.len() {
            for at in self.unbuilt_lineage(at)?.into_iter().rev() {
                self.done[at] = Some(self.build_type(&self.rows[at])?);
            }
        }
        Ok(self.done.into_iter().flatten().collect())
    }

    /// The type and those it specialises, as far as they are not built yet.
    fn unbuilt_lineage(&self, at: usize) -> Result<Vec<usize>, Misfit> {
        let mut lineage = Vec::new();
        let mut next = Some(at);
        while let Some(at) = next.filter(|it| self.done[*it].is_none()) {
            if lineage.contains(&at) {
                return Err(Misfit::Circular(self.rows[at].name.into()));
            }
            lineage.push(at);
            next = self.base(&self.rows[at])?.map(|it| it.0.into());
        }
        Ok(lineage)
    }

    fn base(&self, row: &TypeRow) -> Result<Option<TypeId>, Misfit> {
        row.base.map(|name| id(self.by_name, row.name, name)).transpose()
    }

    fn build_type(&self, row: &TypeRow) -> Result<Type, Misfit> {
        let base = self.base(row)?;
        let inherited = base.and_then(|it| self.done[usize::from(it.0)].as_ref());
        let mut elements = inherited.map_or_else(Vec::new, |it| it.elements.clone());
        for own in &row.elements {
            let element = self.build_element(row.name, own)?;
            match elements.iter_mut().find(|it| it.name == element.name) {
                Some(inherited) => *inherited = element,
                None => elements.push(element),
            }
        }
        let mut constraints = inherited.map_or_else(Vec::new, |it| it.constraints.clone());
        constraints.extend(row.constraints.iter().map(constraint));
        Ok(Type {
            name: row.name.into(),
            kind: row.kind,
            base,
            is_abstract: row.is_abstract,
            properties: self.properties(row.kind, &elements),
            elements,
            constraints,
        })
    }

    fn build_element(&self, of: &str, row: &ElementRow) -> Result<Element, Misfit> {
        Ok(Element {
            name: row.name.into(),
            min: row.min,
            max: row.max,
            is_array: row.is_array,
            is_choice: row.is_choice,
            types: ids(self.by_name, of, &row.types)?,
            targets: ids(self.by_name, of, &row.targets)?,
            binding: row.binding.map(|(strength, url)| Binding { strength, value_set: url.into() }),
            is_summary: row.is_summary,
            is_modifier: row.is_modifier,
            is_attribute: row.is_attribute,
            is_hierarchy: row.is_hierarchy,
            constraints: row.constraints.iter().map(constraint).collect(),
            fixed: row.fixed.as_deref().map(Into::into),
            max_length: row.max_length,
        })
    }

    /// JSON members by name (json.html). A primitive's `value` is the JSON scalar itself, not a member.
    fn properties(&self, kind: Kind, elements: &[Element]) -> FxHashMap<Box<str>, Property> {
        let mut properties = FxHashMap::default();
        for (at, element) in (0u16..).zip(elements) {
            if kind == Kind::Primitive && &*element.name == "value" {
                continue;
            }
            for of in &element.types {
                let name = match element.is_choice {
                    true => choice_name(&element.name, self.rows[usize::from(of.0)].name),
                    false => element.name.clone(),
                };
                properties.insert(name, Property { element: at, of: *of });
            }
        }
        properties
    }
}

/// `deceased` and `dateTime` make `deceasedDateTime` (formats.html#choice).
fn choice_name(element: &str, of: &str) -> Box<str> {
    let (first, rest) = of.split_at(of.chars().next().map_or(0, char::len_utf8));
    [element, &first.to_ascii_uppercase(), rest].concat().into()
}

fn constraint(row: &ConstraintRow) -> Constraint {
    Constraint {
        key: row.key.into(),
        is_error: row.is_error,
        human: row.human.as_ref().into(),
        expression: row.expression.as_ref().into(),
    }
}

fn value_set(row: ValueSetRow) -> ValueSet {
    ValueSet {
        all_of: BuiltIn::all_in(row.url),
        url: row.url.into(),
        codes: row
            .codes
            .into_iter()
            .map(|(system, codes)| SystemCodes {
                system: system.into(),
                codes: codes.into_iter().map(Into::into).collect(),
            })
            .collect(),
        open: row.open.map(Into::into),
    }
}

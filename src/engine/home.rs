//! References to this server's own resources by one of its addresses (references.html#literal). A server has several: by path,
//! by a tenant's own host name, with `X-Tenant-ID`, and without `base-url` by whatever name a client calls it. Whose record
//! something belongs to must not depend on the one that the caller happens to use: so what is stored refers to resources here without an address,
//! and what was stored otherwise is read both ways.

use crate::{Context, Engine};
use fhir::json::{Doc, Value, quote, write_replacing};
use fhir::search::Target;
use fhir::spec::r4;
use fhir::{Failure, Result, walk};
use rustc_hash::FxHashMap;

/// What is known of a server's addresses beside the one that a request used.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// The server's own, `https://fhir.example.org`, where it is known.
    pub origin: Option<String>,
    /// What follows a tenant's name in its own host name.
    pub tenant_hosts: String,
}

impl Addresses {
    /// The bases of a tenant, that which a request used first.
    fn homes(&self, tenant: &str, base: &str) -> Vec<String> {
        let mut homes = vec![base.to_owned()];
        let used = base.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split('/').next()?)));
        let origin = self.origin.clone().or_else(|| used.map(|(scheme, host)| format!("{scheme}://{host}")));
        let Some(origin) = origin else { return homes };
        homes.extend([format!("{origin}/fhir/{tenant}"), format!("{origin}/fhir")]);
        if let Some((scheme, host)) = origin.split_once("://").filter(|_| !self.tenant_hosts.is_empty()) {
            let own = format!("{tenant}.{}", self.tenant_hosts);
            let port = host.rsplit_once(':').map_or("", |(_, port)| port);
            homes.push(format!("{scheme}://{own}/fhir"));
            homes.extend((!port.is_empty()).then(|| format!("{scheme}://{own}:{port}/fhir")));
        }
        homes
    }
}

/// How an address is told to be this server's.
#[derive(Clone, Copy)]
enum Known<'a> {
    /// It is one of these.
    Homes(&'a [String]),
    /// Or may be one by its path, whichever host it names.
    Path(&'a [String], &'a str),
}

impl Known<'_> {
    /// What stands behind the base in a reference to a resource here.
    fn relative<'r>(&self, reference: &'r str) -> Option<&'r str> {
        let (Known::Homes(homes) | Known::Path(homes, _)) = self;
        let below = |home: &str| reference.strip_prefix(home)?.strip_prefix('/');
        let mut known = homes.iter().filter_map(|it| below(it));
        let of_any_host = || match self {
            Known::Homes(_) => None,
            Known::Path(_, tenant) => {
                let rest = reference.strip_prefix("http").map(|it| it.strip_prefix('s').unwrap_or(it))?;
                let (_, path) = rest.strip_prefix("://")?.split_once('/')?;
                path.strip_prefix("fhir/")?.strip_prefix(tenant)?.strip_prefix('/')
            }
        };
        known.find(|it| is_resource(it)).or_else(|| of_any_host().filter(|it| is_resource(it)))
    }
}

fn is_resource(relative: &str) -> bool {
    let target = Target::parse(relative, "");
    matches!(target, Target::Local { of, id } if r4().resource(of).is_some() && fhir::primitive::is_id(id))
}

/// The resource with its references to what is here without an address; `None` where it has no such reference.
fn relative(resource: Value<'_>, known: Known<'_>) -> Option<String> {
    let mut new: FxHashMap<u32, &str> = FxHashMap::default();
    walk::primitives(r4(), resource, &mut |value, of| {
        let is_reference = value.key() == "reference" && &*r4().of(of).name == "string";
        if let Some(relative) = value.as_str().filter(|_| is_reference).and_then(|it| known.relative(it)) {
            new.insert(value.index(), relative);
        }
    });
    let mut out = String::new();
    (!new.is_empty()).then(|| {
        write_replacing(&mut out, resource, &|it| new.get(&it.index()).map(|it| quote(it)));
        out
    })
}

/// A stored resource as these addresses have it be understood.
pub(crate) fn read_by(homes: &[String], doc: Doc) -> Doc {
    let other = doc.source().contains("//").then(|| relative(doc.root(), Known::Homes(homes))).flatten();
    other.and_then(|it| Doc::parse(it).ok()).unwrap_or(doc)
}

impl Engine {
    pub(crate) fn homes(&self, ctx: &Context) -> Vec<String> {
        self.settings.addresses.homes(ctx.tenant.name(), ctx.base())
    }

    /// A resource as it is to be stored, if that is other than it was sent: what it refers to here, it refers to without an address.
    /// A stored Bundle keeps its own: its references lead to its entries, and it may be signed (bundle.html#references).
    pub(crate) fn at_home(&self, ctx: &Context, resource: Value<'_>) -> Result<Option<Doc>> {
        let (homes, raw) = (self.homes(ctx), resource.raw());
        // As it was sent, an address may be written with escapes.
        let may_have_one =
            homes.iter().any(|it| raw.contains(it.as_str())) || raw.contains(r"\/") || raw.contains(r"\u");
        if resource.str("resourceType") == Some("Bundle") || !may_have_one {
            return Ok(None);
        }
        relative(resource, Known::Homes(&homes)).map(|it| self.parse(it.as_bytes())).transpose()
    }

    /// A stored text as the caller's address has it be understood, and, where it says otherwise by another one that may be
    /// this server's, as that has it.
    pub(crate) fn readings(&self, ctx: &Context, text: &str) -> Result<Vec<Doc>> {
        let mut all = vec![Doc::parse(text.to_owned()).map_err(Failure::internal)?];
        let homes = self.homes(ctx);
        let may_differ = homes.iter().any(|it| text.contains(it.as_str()));
        if may_differ || text.contains(&format!("/fhir/{}/", ctx.tenant.name())) {
            let other = all.first().and_then(|it| relative(it.root(), Known::Path(&homes, ctx.tenant.name())));
            all.extend(other.map(Doc::parse).transpose().map_err(Failure::internal)?);
        }
        Ok(all)
    }
}

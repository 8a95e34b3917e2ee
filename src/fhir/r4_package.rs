//! The npm packages `hl7.fhir.r4.examples` and `hl7.fhir.uv.ips`, for tests: where the test script or the caller has put
//! them.

use std::path::{Path, PathBuf};

/// Its folder, if it is there.
pub(crate) fn package() -> Option<PathBuf> {
    folder("MEDISYNC_R4_PACKAGE", "r4-package")
}

/// The folder of the International Patient Summary, if it is there.
pub(crate) fn ips() -> Option<PathBuf> {
    folder("MEDISYNC_IPS_PACKAGE", "ips-package")
}

fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let given = std::env::var_os(variable).map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(name).join("package");
    Some(given.unwrap_or(usual)).filter(|it| it.is_dir())
}

/// Its JSON files, sorted; says so if it is not there.
pub(crate) fn files() -> Option<Vec<PathBuf>> {
    let Some(package) = package() else {
        eprintln!("SKIPPED: no R4 package in MEDISYNC_R4_PACKAGE or target/r4-package/package");
        return None;
    };
    let mut files: Vec<_> =
        std::fs::read_dir(package).expect("the package is readable").map(|it| it.unwrap().path()).collect();
    files.retain(|it| it.extension().is_some_and(|it| it == "json"));
    files.sort();
    Some(files)
}

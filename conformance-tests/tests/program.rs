//! The `medisync` program: its commands, settings, and what `load` takes.

use conformance_tests::{Client, Program, Server, records, samples::*};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;

fn all_output(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Every command tells how it is used.
#[test]
fn every_command_has_help() {
    let Some(program) = Program::fresh() else { return };
    let help = |arguments: &[&str]| {
        let output = program.command(arguments).output().expect("the program runs");
        assert!(output.status.success(), "{arguments:?}: {}", all_output(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let whole = help(&["--help"]);
    for command in ["serve", "tenant", "load", "token", "migrate", "completions"] {
        assert!(whole.contains(command), "{command} is not in the help");
        assert!(help(&[command, "--help"]).contains("Usage"), "{command}");
    }
    for option in ["--config", "--listen", "--database", "--demo", "--no-auth"] {
        assert!(help(&["serve", "--help"]).contains(option), "{option}");
    }
    assert!(help(&["--version"]).starts_with("medisync "));
}

/// A wrong command is told, and the exit code is not 0.
#[test]
fn wrong_arguments_are_told() {
    let Some(program) = Program::fresh() else { return };
    for arguments in [&["dance"][..], &["serve", "--faster"], &["token"], &["load"], &["tenant", "create"]] {
        let output = program.command(arguments).output().expect("the program runs");
        assert!(!output.status.success() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

/// Completions are a script of the shell.
#[test]
fn completions_are_printed() {
    let Some(program) = Program::fresh() else { return };
    for shell in ["bash", "zsh", "fish"] {
        let output = program.command(&["completions", shell]).output().expect("the program runs");
        assert!(output.status.success() && all_output(&output).contains("medisync"), "{shell}");
    }
    let script = program.command(&["completions", "bash"]).output().expect("the program runs").stdout;
    let file = program.directory().join("completions.bash");
    std::fs::write(&file, script).expect("a file");
    let checked = std::process::Command::new("bash").arg("-n").arg(&file).status();
    assert!(checked.is_ok_and(|status| status.success()), "bash can't read its completions");
}

/// A tenant is created once; a second time is told.
#[test]
fn a_tenant_is_created_once() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("clinic");
    let again = program.run(&["tenant", "create", "clinic"]);
    assert!(all_output(&again).contains("already"), "{}", all_output(&again));
    for bad in ["", "UPPER", "a/b", "..", "a b", "-a", &"x".repeat(200)] {
        let output = program.run(&["tenant", "create", "--", bad]);
        assert!(!output.status.success(), "{bad:?} is no name for a tenant");
    }
}

/// A token is for a tenant that is there, and is all that is printed.
#[test]
fn a_token_is_for_a_known_tenant() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("clinic");
    let token = program.succeed(&["token", "--tenant", "clinic", "--scope", "system/*.read"]);
    assert_eq!(token.trim().split('.').count(), 3, "{token}");
    assert_eq!(token.trim().lines().count(), 1);
    let output = program.run(&["token", "--tenant", "absent", "--scope", "system/*.read"]);
    assert!(!output.status.success() && output.stdout.is_empty());
}

/// Migrations can be run at any time, again and again.
#[test]
fn migrate_can_be_repeated() {
    let Some(program) = Program::fresh() else { return };
    program.succeed(&["migrate"]);
    program.create_tenant("clinic");
    program.succeed(&["migrate"]);
}

/// A log that nobody touched is as it was written, and the time that it is kept can be said.
#[test]
fn an_audit_log_is_verified_and_kept() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("clinic");
    let told = program.succeed(&["audit", "verify", "--tenant", "clinic"]);
    assert!(told.contains("The log is as it was written"), "{told}");
    assert!(!program.run(&["audit", "verify", "--tenant", "absent"]).status.success());
    let too_short = program.run(&["audit", "keep", "--tenant", "clinic", "--time", "1d"]);
    assert!(!too_short.status.success() && all_output(&too_short).contains("30 days"), "{}", all_output(&too_short));
    program.succeed(&["audit", "keep", "--tenant", "clinic", "--time", "3653d"]);
    assert!(program.succeed(&["audit", "keep", "--tenant", "clinic"]).contains("3653 days"));
    program.succeed(&["audit", "keep", "--tenant", "clinic", "--default"]);
    assert!(program.succeed(&["audit", "keep", "--tenant", "clinic"]).contains("audit-time"));
}

/// Settings come from flags, then variables, then the file.
#[test]
fn a_flag_goes_before_a_variable_before_the_file() {
    let Some(program) = Program::fresh() else { return };
    let file = program.directory().join("settings.toml");
    let settings = format!("listen = \"127.0.0.3:0\"\ndatabase = \"{}\"\n", program.database());
    std::fs::write(&file, settings).expect("a file");
    let host = |variable: Option<&str>, flag: &[&str]| {
        let mut command = program.command(&["serve", "--config", text(&file)]);
        command.args(flag).envs(variable.map(|value| ("MEDISYNC_LISTEN", value)));
        let server = Server::start(&mut command);
        server.root.trim_start_matches("http://").split(':').next().unwrap_or_default().to_owned()
    };
    assert_eq!(host(None, &[]), "127.0.0.3");
    assert_eq!(host(Some("127.0.0.2:0"), &[]), "127.0.0.2");
    assert_eq!(host(Some("127.0.0.2:0"), &["--listen", "127.0.0.1:0"]), "127.0.0.1");
}

/// A settings file that can't be read, or says what is no setting, stops the start.
#[test]
fn a_wrong_settings_file_is_told() {
    let Some(program) = Program::fresh() else { return };
    let file = program.directory().join("settings.toml");
    let path = text(&file);
    for settings in ["listen = ", "no-such-setting = 1", "listen = 5"] {
        std::fs::write(&file, settings).expect("a file");
        assert!(program.refuse_to_serve(&["--config", path]).contains("settings.toml"), "{settings}");
    }
    assert!(program.refuse_to_serve(&["--config", "/no/such/file.toml"]).contains("/no/such/file.toml"));
}

/// `--no-auth` is for this machine alone.
#[tokio::test]
async fn no_auth_is_for_loopback_only() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("open");
    let told = program.refuse_to_serve(&["--no-auth", "--listen", "0.0.0.0:0", "--database", program.database()]);
    assert!(told.contains("loopback"), "{told}");
    let server = program.serve(&["--no-auth"]);
    let client = Client::new(&server.base("open"), None);
    let id = client.create(&patient("open")).await;
    client.get(&format!("Patient/{id}")).await.expect(200);
}

/// `--demo` makes the tenant `demo` with data, once.
#[tokio::test]
async fn the_demo_has_data_and_is_made_once() {
    let Some(program) = Program::fresh() else { return };
    let mut counts = Vec::new();
    for _ in 0..2 {
        let server = program.serve(&["--demo", "--no-auth"]);
        let client = Client::new(&server.base("demo"), None);
        for kind in ["Patient", "Practitioner", "Observation", "MedicationRequest", "DiagnosticReport"] {
            counts.push(client.page(&format!("{kind}?_summary=count")).await.total().expect("a total"));
        }
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert_eq!(counts[..5], counts[5..]);
}

/// Writes a file below the program's directory.
fn file(program: &Program, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = program.directory().join("files").join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, bytes).expect("a file");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}

fn named(id: &str) -> Value {
    with(patient(id), json!({"id": id}))
}

/// The number of Patients in tenant `clinic`.
async fn patients(program: &Program) -> u64 {
    let token = program.token("clinic", "system/*.*");
    let server = program.serve(&[]);
    let client = Client::new(&server.base("clinic"), Some(token));
    client.page("Patient?_summary=count").await.total().expect("a total")
}

/// A transaction Bundle, a resource, NDJSON, compressed files and folders are taken; a second time adds nothing.
#[tokio::test]
async fn load_takes_every_kind_of_file_once() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("clinic");
    let posted = with(
        entry("POST", "Patient", patient("posted")),
        json!({"fullUrl": "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}),
    );
    let entries = json!([posted, entry("PUT", "Patient/put", named("put"))]);
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries}).to_string();
    file(&program, "bundle.json", &bundle);
    file(&program, "deep/er/resource.json", named("single").to_string());
    file(&program, "lines.ndjson", format!("{}\n\n{}\n", named("line-1"), named("line-2")));
    file(&program, "packed.json.gz", records::gzip(named("gz").to_string().as_bytes()));
    file(&program, "packed.ndjson.bz2", records::bzip2(format!("{}\n{}", named("bz-1"), named("bz-2")).as_bytes()));
    let xml = r#"<Patient xmlns="http://hl7.org/fhir"><id value="from-xml"/></Patient>"#;
    file(&program, "resource.xml.gz", records::gzip(xml.as_bytes()));
    file(&program, "notes.txt", "not FHIR");
    let folder = program.directory().join("files");
    for _ in 0..2 {
        program.succeed(&["load", "--tenant", "clinic", text(&folder)]);
        assert_eq!(patients(&program).await, 9);
    }
    let one = file(&program, "lines.ndjson", named("line-3").to_string());
    program.succeed(&["load", "--tenant", "clinic", text(&one)]);
    assert_eq!(patients(&program).await, 10);
}

/// What is refused is listed with its file and the reason, the rest is loaded, and the exit code is not 0.
#[tokio::test]
async fn load_lists_what_it_refused() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("clinic");
    let bad = json!({"resourceType": "Patient", "id": "bad", "colour": "red"});
    let good = file(&program, "good.json", named("good").to_string());
    let mixed = file(&program, "mixed.ndjson", format!("{}\n{bad}\n{{\n{}\n", named("before"), named("after")));
    let broken = file(&program, "broken.json", "{");
    let torn = file(&program, "torn.json.gz", &records::gzip(b"{\"resourceType\": \"Patient\"}")[..20]);
    let entries = json!([entry("POST", "Patient", patient("half")), entry("POST", "Patient", bad)]);
    let refused = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries}).to_string();
    let refused = file(&program, "refused.json", refused);
    let files = [&good, &mixed, &broken, &torn, &refused].map(|path| text(path));
    let output = program.run(&[&["load", "--tenant", "clinic"], &files[..]].concat());
    assert!(!output.status.success());
    let told = all_output(&output);
    for word in ["mixed.ndjson", "broken.json", "torn.json.gz", "refused.json", "colour"] {
        assert!(told.contains(word), "{word} is not told: {told}");
    }
    assert!(!told.contains("good.json:"), "{told}");
    assert_eq!(patients(&program).await, 3);
}

/// A path or a tenant that is not there is told.
#[test]
fn load_tells_what_is_not_there() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("clinic");
    let output = program.run(&["load", "--tenant", "clinic", "/no/such/folder"]);
    assert!(!output.status.success() && all_output(&output).contains("/no/such/folder"));
    let path = file(&program, "one.json", named("one").to_string());
    let output = program.run(&["load", "--tenant", "absent", text(&path)]);
    assert!(!output.status.success() && all_output(&output).contains("absent"));
}

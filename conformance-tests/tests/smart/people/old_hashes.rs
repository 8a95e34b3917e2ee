//! Users who bring bcrypt hashes of their passwords.

use super::*;

/// bcrypt's of `U*U`, cost 5, from the test vectors of crypt_blowfish.
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// They sign in as before; what is wrong in a file is told by line.
#[tokio::test]
async fn users_bring_their_passwords() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&[]);
    let place = Place::of(&program, &server.root);
    let user = format!("Patient/{}", place.patient("Mine").await);
    let file = program.directory().join("users.ndjson");
    let line = |name: &str, hash: &str| {
        json!({"username": name, "user": user, "password_hash": hash, "email": "maria@example.org"}).to_string()
    };
    let import = ["user", "import", "--tenant", &place.tenant, file.to_str().unwrap()];
    std::fs::write(&file, [line("Maria", HASH), line("bo", HASH)].join("\n")).unwrap();
    assert_eq!(program.succeed(&import).trim(), "made 2 users; 0 were there");
    assert_eq!(program.succeed(&import).trim(), "made 0 users; 2 were there");
    for (name, password, status) in [
        ("maria", "U*V", 401),
        ("nobody", "U*U", 401),
        ("maria", "U*U", 303),
        // The hash is another by now.
        ("maria", "U*U", 303),
        ("bo", "U*U", 303),
    ] {
        assert_eq!(signs_in(&place, name, password).await, status, "{name} {password}");
    }
    for wrong in [
        line("li", "5f4dcc3b5aa765d61d8327deb882cf99"),
        line("li", &HASH.replace("$05$", "$31$")),
        line("li", HASH).replace(&user, "Patient/nobody"),
        "{}".into(),
    ] {
        std::fs::write(&file, format!("{}\n{wrong}", line("bo", HASH))).unwrap();
        let output = program.run(&import);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains("line 2") && !told.contains(HASH), "{told}");
    }
}

use super::*;
use clap::Parser;
use std::path::Path;
use std::time::Duration;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    limits: LimitFlags,
}

fn file(text: &str) -> Result<File> {
    File::parse(Path::new("test.toml"), text)
}

fn http(flags: &[&str], text: &str) -> Result<Http> {
    let flags = Flags::try_parse_from([&["medisync"], flags].concat())?;
    flags.http.resolve(&file(text)?)
}

#[test]
fn every_default_can_be_read() {
    let file = File::default();
    StoreFlags::default().resolve(&file).unwrap();
    LogFlags::default().resolve(&file).unwrap();
    AuthFlags::default().resolve(&file).unwrap();
    AuditLogFlags::default().resolve(&file).unwrap();
    PasswordFlags::default().resolve(&file).unwrap();
    SignInFlags::default().resolve(&file).unwrap();
    NetworkFlags::default().resolve(&file).unwrap();
    MailFlags::default().resolve(&file).unwrap();
    HttpFlags::default().resolve(&file).unwrap();
    LimitFlags::default().resolve(&file).unwrap();
    PackageFlags::default().resolve(&file).unwrap();
}

#[test]
fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
    let text = "max-body = \"1 MiB\"\nworkers = 3";
    assert_eq!(http(&[], "").unwrap().max_body, Size(50 << 20));
    assert_eq!(http(&[], text).unwrap().max_body, Size(1 << 20));
    assert_eq!(http(&[], text).unwrap().workers, Auto::Given(3));
    assert_eq!(http(&["--max-body", "2 KiB"], text).unwrap().max_body, Size(2048));
}

#[test]
fn every_variable_is_named_like_its_flag() {
    use clap::CommandFactory;
    let command = Flags::command();
    for argument in command.get_arguments().filter(|it| it.get_id() != "help") {
        let variable = format!("MEDISYNC_{}", argument.get_id().as_str().to_uppercase());
        assert_eq!(argument.get_env().unwrap().to_str().unwrap(), variable);
    }
}

#[test]
fn an_unknown_key_is_named() {
    let told = file("listen = \"127.0.0.1:0\"\nmax-bodies = 3").unwrap_err().to_string();
    assert!(told.contains("`max-bodies`"), "{told}");
}

#[test]
fn bad_values_are_told_with_their_keys_and_not_repeated() {
    let told = format!("{:#}", http(&[], "max-body = \"much\"\nregistration = \"secret\"").unwrap_err());
    let size = "max-body: it must be a size such as 50 MiB";
    assert_eq!(told, format!("test.toml: {size}; registration: it must be open, approval or closed"));
    assert!(http(&[], "max-body = [1]").is_err());
    assert!(http(&["--listen", "127.0.0.1:0"], "listen = 5").is_err());
}

#[test]
fn sizes_and_times_have_units() {
    assert_eq!("4096".parse(), Ok(Size(4096)));
    assert_eq!("2GiB".parse(), Ok(Size(2 << 30)));
    assert!("99999999999999999999".parse::<Size>().is_err() && "5 km".parse::<Size>().is_err());
    assert_eq!("1h".parse::<Span>().unwrap().duration(), Duration::from_secs(3600));
    assert_eq!("250 ms".parse::<Span>().unwrap().duration(), Duration::from_millis(250));
    assert!("1".parse::<Span>().is_err() && "-1s".parse::<Span>().is_err());
}

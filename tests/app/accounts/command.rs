//! `kilonova user add`, by the binary itself.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use super::{PASSWORD, try_to_sign_in};
use crate::crash::kilonova;
use crate::databases::Home;
use crate::support::Site;

/// Runs it with this on its standard input.
fn add(home: &Home, arguments: &[&str], input: &str) -> Output {
    let data = home.path().to_str().unwrap();
    let mut command = kilonova(&[&["user", "add", "--data-dir", data], arguments].concat());
    command.envs(home.url().map(|url| ("DATABASE_URL", url))).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that refuses its arguments does not wait for what comes.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[actix_web::test]
async fn accounts_are_added_beside_a_running_server() {
    let site = Site::start().await;
    for (arguments, role) in [(&["Ada"][..], "member"), (&["root", "--admin"][..], "admin")] {
        let added = add(site.home(), arguments, "correct horse\r\nnot this line\n");
        assert!(added.status.success(), "{added:?}");
        let told = String::from_utf8(added.stdout).unwrap();
        assert_eq!(told, format!("added the {role} {}\n", arguments[0]));
        let user = try_to_sign_in(&site, arguments[0], PASSWORD).await.json(201)["user"].clone();
        assert_eq!((&user["username"], &user["role"]), (&Value::from(arguments[0]), &json!(role)));
    }
    site.stop().await;
}

#[test]
fn a_refused_account_is_not_added_and_the_reason_is_one_line() {
    let home = Home::new();
    let added = add(&home, &["ada"], "correct horse");
    assert!(added.status.success(), "{added:?}");
    for (arguments, input, words) in [
        (&["ADA"][..], "correct horse\n", "username has already been taken"),
        (&["eve"][..], "short\n", "password should be at least 10 character(s)"),
        (&["eve"][..], "", "password can't be blank"),
        (&["e e"][..], "correct horse\n", "username should have only letters"),
        (&["eve"][..], &"x".repeat(5000), "password should be at most 1024 byte(s)"),
        (&["eve", "--role", "admin"][..], "correct horse\n", "unexpected argument"),
        (
            &["eve", "--database-url", "sqlite:/nowhere/at/all"][..],
            "correct horse\n",
            "/nowhere/at/all",
        ),
    ] {
        let refused = add(&home, arguments, input);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(told.contains(words) && told.lines().count() == 1, "{words}: {told}");
        assert!(!told.contains("correct horse"), "{told}");
    }
}

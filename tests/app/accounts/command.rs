//! `kilonova user`, run as the real binary.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use super::{PASSWORD, try_to_sign_in};
use crate::crash::kilonova;
use crate::databases::Home;
use crate::support::Site;

fn add(home: &Home, arguments: &[&str], input: &str) -> Output {
    user(home, &[&["add"], arguments].concat(), input)
}

/// Runs the command with `input` on its standard input.
pub(crate) fn user(home: &Home, arguments: &[&str], input: &str) -> Output {
    let data = home.path().to_str().unwrap();
    let mut command = kilonova(&[&["user"], arguments, &["--data-dir", data]].concat());
    command.envs(home.url().map(|url| ("DATABASE_URL", url))).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that refuses its arguments does not read its input.
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
        assert_eq!(told, format!("added the {role} {} in {}\n", arguments[0], site.database()));
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
        (&["A.da"][..], "short\n", "password should be at least 10 character(s)"),
        (&["eve", "--role", "king"][..], "correct horse\n", "invalid value 'king'"),
        (&["eve", "--role", "member", "--admin"][..], "correct horse\n", "cannot be used with"),
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

#[test]
fn a_missing_subcommand_is_named() {
    let refused = kilonova(&["user"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("a subcommand is missing") && told.lines().count() == 1, "{told}");
}

#[actix_web::test]
async fn accounts_are_listed_and_changed_beside_a_running_server() {
    let site = Site::start().await;
    let home = site.home();
    let run = |arguments: &[&str], input: &str| {
        let done = user(home, arguments, input);
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    run(&["add", "Ada", "--role", "commenter"], "correct horse\n");
    run(&["add", "eve", "--admin"], "correct horse\n");
    assert_eq!(run(&["role", "ADA", "member"], ""), "Ada is a member\n");
    assert_eq!(run(&["password", "ada"], "another horse\n"), "replaced the password of Ada\n");
    assert_eq!(try_to_sign_in(&site, "ada", PASSWORD).await.status, 401);
    let ada = try_to_sign_in(&site, "ada", "another horse").await.json(201);
    assert_eq!(ada["user"]["role"], "member");
    assert_eq!(run(&["disable", "ada"], ""), "Ada is a member, disabled\n");
    assert_eq!(try_to_sign_in(&site, "ada", "another horse").await.status, 401);
    let list = run(&["list"], "");
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert!(lines[0].starts_with("Ada ") && lines[0].ends_with("(disabled)"), "{list}");
    assert!(lines[1].contains("admin") && lines[1].starts_with("eve "), "{list}");
    assert_eq!(run(&["enable", "ada"], ""), "Ada is a member\n");
    let lost = "eve is an admin, disabled; the site has no admin now\n";
    assert_eq!(run(&["disable", "eve"], ""), lost);
    assert_eq!(run(&["role", "ada", "admin"], ""), "Ada is an admin\n");
    assert_eq!(run(&["enable", "eve"], ""), "eve is an admin\n");
    assert_eq!(run(&["role", "ada", "member"], ""), "Ada is a member\n");
    assert_eq!(try_to_sign_in(&site, "ada", "another horse").await.status, 201);
    for (arguments, input, words) in [
        (&["role", "nobody", "member"][..], "", "no account called nobody"),
        (&["password", "nobody"][..], "correct horse\n", "no account called nobody"),
        (&["password", "ada"][..], "short\n", "should be at least 10 character(s)"),
        (&["role", "ada", "king"][..], "", "invalid value"),
    ] {
        let refused = user(home, arguments, input);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(told.contains(words) && told.lines().count() == 1, "{words}: {told}");
    }
    site.stop().await;
}

//! /login, /register and signing out, as a browser without scripts uses them.

use actix_web::http::Method;
use actix_web::web::Bytes;

use super::{cookie, name_of, register, send_form};
use crate::support::{Answer, Site};

async fn open(site: &Site, cookie: &str, path: &str) -> Answer {
    let headers = [("cookie", cookie), ("accept", "text/html")];
    site.send(Method::GET, path, &headers, Bytes::new()).await
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[actix_web::test]
async fn readers_register_sign_out_and_sign_in_again() {
    let site = Site::start().await;
    assert!(text(&open(&site, "", "/").await).contains("href=\"/login\""));
    let form = "username=Ada&email=&password=correct+horse";
    let made = send_form(&site, "", "/register", form).await;
    assert_eq!((made.status, made.header("location")), (303, Some("/")));
    let first = cookie(&made);
    assert_eq!(name_of(&site, &first).await.as_deref(), Some("Ada"));

    let home = text(&open(&site, &first, "/").await);
    assert!(home.contains("<bdi id=\"signed-in\">Ada</bdi>"), "{home}");
    assert!(home.contains("action=\"/logout\"") && !home.contains("href=\"/login\""), "{home}");
    let left = send_form(&site, &first, "/logout", "").await;
    assert_eq!((left.status, left.header("location")), (303, Some("/")));
    assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(name_of(&site, &first).await, None);
    assert!(text(&open(&site, &first, "/").await).contains("href=\"/login\""));
    // Following a link does not sign out.
    assert_eq!(open(&site, "", "/logout").await.status, 405);

    let again = send_form(&site, "", "/login", "username=ada&password=correct+horse").await;
    assert_eq!((again.status, again.header("location")), (303, Some("/")));
    assert_eq!(again.header("cache-control"), Some("no-store"));
    assert_eq!(name_of(&site, &cookie(&again)).await.as_deref(), Some("Ada"));
    site.stop().await;
}

#[actix_web::test]
async fn a_refused_form_repeats_the_name_and_never_the_password() {
    let site = Site::start().await;
    register(&site, "ada").await;
    for (path, form, status, words) in [
        ("/login", "username=ada&password=my+secret+1", 401, "Invalid username or password."),
        ("/login", "username=ada&password=", 422, "The password can&#39;t be blank."),
        (
            "/register",
            "username=ada&password=my+secret+1",
            422,
            "The user name has already been taken.",
        ),
        (
            "/register",
            "username=ada&password=secret",
            422,
            "The password should be at least 10 character(s).",
        ),
        (
            "/register",
            "username=ada&email=x&password=my+secret+1",
            422,
            "The email address is invalid.",
        ),
    ] {
        let answer = send_form(&site, "", path, form).await;
        assert_eq!(answer.status, status, "{path} {form}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("set-cookie").is_none());
        let page = text(&answer);
        assert!(page.contains(words), "{words}: {page}");
        assert!(page.contains("name=\"username\" value=\"ada\""), "{page}");
        assert!(!page.contains("secret"), "{page}");
        assert!(page.contains("aria-invalid=\"true\""), "{page}");
    }
    let nasty = "username=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&password=x";
    let page = text(&send_form(&site, "", "/login", nasty).await);
    assert!(!page.contains("<script>alert"), "{page}");
    site.stop().await;
}

#[actix_web::test]
async fn a_sign_in_redirects_only_within_this_site() {
    let site = Site::start().await;
    register(&site, "ada").await;
    for (next, to) in [
        ("/posts/1?cursor=1_2%23comment-1", "/posts/1?cursor=1_2#comment-1"),
        ("//evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("https://evil.example", "/"),
        ("/%0D%0ASet-Cookie:%20a=b", "/"),
        ("/%09/evil.example", "/"),
    ] {
        let form = format!("username=ada&password=correct+horse&next={next}");
        let answer = send_form(&site, "", "/login", &form).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{next}");
        let page = text(&open(&site, "", &format!("/login?next={next}")).await);
        assert_eq!(page.contains("name=\"next\""), to != "/", "{next}: {page}");
        assert!(!page.contains("evil"), "{page}");
    }
    // The link to the other form keeps it.
    let page = text(&open(&site, "", "/login?next=/notes").await);
    assert!(page.contains("href=\"/register?next=%2Fnotes\""), "{page}");
    let form = "username=eve&password=correct+horse&next=/notes";
    assert_eq!(send_form(&site, "", "/register", form).await.header("location"), Some("/notes"));
    site.stop().await;
}

#[actix_web::test]
async fn a_page_with_a_name_is_private() {
    let site = Site::start().await;
    let made = send_form(&site, "", "/register", "username=ada&password=correct+horse").await;
    let ada = cookie(&made);
    site.new_post("Read by many").await;
    site.new_note("Read by many").await;
    for path in ["/", "/posts/1", "/posts/new", "/posts/1/edit", "/notes", "/notes/1", "/search"] {
        for (cookie, kept) in [(ada.as_str(), "private, no-cache"), ("", "no-cache")] {
            let answer = open(&site, cookie, path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("cache-control"), Some(kept), "{path}");
            let vary: Vec<_> = answer.headers.get_all("vary").collect();
            assert!(vary.iter().any(|vary| vary.to_str().unwrap().contains("cookie")), "{vary:?}");
            assert_eq!(text(&answer).contains("signed-in"), !cookie.is_empty(), "{path}");
        }
    }
    site.stop().await;
}

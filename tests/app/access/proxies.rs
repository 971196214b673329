//! A site behind proxies: its host names, its path, the clients behind a proxy, and pages of other
//! sites.

use actix_web::http::Method;
use kilonova::config::{Access, Config};
use kilonova::models::user::Role as UserRole;
use kilonova::reach::{PublicUrl, Reach};
use serde_json::{Value, json};

use super::{PASSWORD, set_role};
use crate::support::{Answer, Raw, Site};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const STREAM: (&str, &str) = ("Accept", "text/event-stream");
const OTHER: &str = "https://other.example";

fn reach(public: &str) -> Reach {
    let public = PublicUrl::parse(public).unwrap();
    Reach {
        hosts: vec![public.host.clone()],
        public: Some(public),
        trusted: vec!["127.0.0.0/8".parse().unwrap()],
        allowed_origins: vec![OTHER.to_owned()],
    }
}

/// Starts a site with this public URL, behind a proxy on this machine.
async fn behind(public: &str, change: impl FnOnce(&mut Config)) -> Site {
    Site::start_with(|config| {
        config.access = Access::Accounts;
        config.registration_role = UserRole::Member;
        config.reach = reach(public);
        change(config);
    })
    .await
}

/// Sends a request as the proxy passes it on, for a client with this address.
async fn ask(
    site: &Site,
    from: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (Raw, Answer) {
    let host = site.state().config.reach.hosts[0].clone();
    let mut raw = Raw::connect(site).await;
    let proxied = [("Host", host.as_str()), ("X-Forwarded-For", from)];
    let own = |name: &str| headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
    let proxied = proxied.into_iter().filter(|(name, value)| !own(name) && !value.is_empty());
    let headers: Vec<_> = proxied.chain(headers.iter().copied()).collect();
    let answer = raw.ask(method, path, &headers, body.as_bytes()).await;
    (raw, answer)
}

async fn get(site: &Site, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(site, "203.0.113.5", "GET", path, headers, "").await.1
}

async fn post(site: &Site, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let headers = [&[JSON], headers].concat();
    ask(site, "203.0.113.5", "POST", path, &headers, &body.to_string()).await.1
}

/// Registers an account, signs it in and returns the cookies as the responses set them.
async fn sign_in(site: &Site, prefix: &str, name: &str) -> Vec<String> {
    let fields = json!({"username": name, "password": PASSWORD});
    assert_eq!(post(site, &format!("{prefix}/api/users"), &[], &fields).await.status, 201);
    let answer = post(site, &format!("{prefix}/api/session"), &[], &fields).await;
    assert_eq!(answer.status, 201);
    let set = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap());
    set.map(ToOwned::to_owned).collect()
}

fn pair(cookie: &str) -> &str {
    cookie.split(';').next().unwrap()
}

#[actix_web::test]
async fn the_site_answers_only_for_its_own_names() {
    let site = behind("https://blog.example.org", |_| ()).await;
    assert_eq!(get(&site, "/api/posts", &[]).await.status, 200);
    assert_eq!(get(&site, "/api/posts", &[("Host", "BLOG.example.org:8443")]).await.status, 200);
    for host in ["evil.example", "localhost", "127.0.0.1", "blog.example.org.evil.example"] {
        let refused = get(&site, "/api/posts", &[("Host", host)]).await;
        assert_eq!(refused.error(421), "this site has a different host name");
        assert_eq!(get(&site, "/health/ready", &[("Host", host)]).await.status, 200, "{host}");
    }
    // A proxy that connects by address passes on the requested name in X-Forwarded-Host.
    let told = [("Host", "127.0.0.1:8080"), ("X-Forwarded-Host", "blog.example.org")];
    assert_eq!(get(&site, "/api/posts", &told).await.status, 200);
    // Pages of this site may write although the proxy talks plain HTTP to the node.
    let own = [("Origin", "https://blog.example.org"), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(post(&site, "/api/posts", &own, &json!({})).await.status, 401);
    for origin in ["http://blog.example.org", "https://evil.example", "null"] {
        assert_eq!(post(&site, "/api/posts", &[("Origin", origin)], &json!({})).await.status, 403);
    }
    site.stop().await;
}

#[actix_web::test]
async fn cookies_are_sent_only_to_this_site_over_https() {
    for (public, name, path, secure) in [
        ("https://blog.example.org", "__Host-kilonova_", "/", true),
        ("https://example.org/blog", "__Secure-kilonova_", "/blog", true),
        ("http://blog.example.org", "kilonova_", "/", false),
    ] {
        let site = behind(public, |_| ()).await;
        let prefix = if path == "/" { "" } else { path };
        for cookie in sign_in(&site, prefix, "ada").await {
            assert!(cookie.starts_with(name), "{public}: {cookie}");
            let attributes: Vec<_> = cookie.split("; ").collect();
            assert!(attributes.contains(&format!("Path={path}").as_str()), "{cookie}");
            assert_eq!(attributes.contains(&"Secure"), secure, "{cookie}");
            assert!(attributes.contains(&"HttpOnly"), "{cookie}");
            if let Some((_, token)) = pair(&cookie).split_once("session=") {
                let notes = format!("{prefix}/api/notes");
                let own = get(&site, &notes, &[("Cookie", pair(&cookie))]).await;
                assert_eq!(own.status, 200, "{public}");
                // Over https, a cookie without the prefix, which other hosts can set, is ignored.
                let plain = format!("kilonova_session={token}");
                let plain = get(&site, &notes, &[("Cookie", &plain)]).await;
                assert_eq!(plain.status, if secure { 401 } else { 200 }, "{public}");
            }
        }
        let page = get(&site, &format!("{prefix}/"), &[("Accept", "text/html")]).await;
        assert_eq!(page.header("strict-transport-security").is_some(), secure, "{public}");
        site.stop().await;
    }
}

#[actix_web::test]
async fn the_whole_site_is_below_its_path() {
    let site = behind("https://example.org/a/blog", |_| ()).await;
    let cookies = sign_in(&site, "/a/blog", "ada").await;
    let cookie = ("Cookie", pair(&cookies[0]));
    // Links in the text are written for a site at the root, as in imported texts.
    let file = "/uploads/0123456789abcdef0123456789abcdef01234567.png";
    let body = format!("[this](/posts/1#a) ![]({file}) ![](/elsewhere{file})");
    let new = json!({"title": "Below", "body": body, "tags": ["t"]});
    let made = post(&site, "/a/blog/api/posts", &[cookie], &new).await;
    assert_eq!(made.header("location"), Some("/a/blog/api/posts/1"));
    made.json(201);
    for page in [
        "",
        "/",
        "/posts/1-below",
        "/posts/1/edit",
        "/posts/new",
        "/notes",
        "/search?q=below",
        "/login",
        "/account",
        "/nowhere",
        "/?status=draft",
    ] {
        let headers = [("Accept", "text/html"), cookie];
        // /login redirects a signed-in account.
        let headers = if page == "/login" { &headers[..1] } else { &headers[..] };
        let page = get(&site, &format!("/a/blog{page}"), headers).await;
        let html = String::from_utf8_lossy(&page.body).into_owned();
        assert!(html.contains("<!doctype html>"), "{html}");
        for attribute in ["href=\"/", "src=\"/", "action=\"/", "data-source=\"/"] {
            for (at, _) in html.match_indices(attribute) {
                let rest = &html[at + attribute.len() - 1..];
                assert!(rest.starts_with("/a/blog/"), "{}", &rest[..40.min(rest.len())]);
            }
        }
        assert!(html.contains("data-root=\"/a/blog\""), "{html}");
    }
    let (page, feed) = ("/a/blog/posts/1-below", "/a/blog/feed.xml");
    for (path, link, picture) in [
        (page, "href=\"/a/blog/posts/1#a\"", format!("src=\"/a/blog{file}\"")),
        (feed, "https://example.org/a/blog/posts/1#a", format!("https://example.org/a/blog{file}")),
    ] {
        let answer = get(&site, path, &[]).await;
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.contains(link) && text.matches(&picture).count() == 2, "{text}");
    }
    assert_eq!(get(&site, "/a/blog/static/style.css", &[]).await.status, 200);
    let (_, stream) = ask(&site, "", "GET", "/a/blog/feed", &[STREAM], "").await;
    assert_eq!(stream.status, 200);
    // Forms redirect to addresses below the path.
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let (_, sent) =
        ask(&site, "", "POST", "/a/blog/posts/1", &[cookie, form], "title=Changed").await;
    assert_eq!((sent.status, sent.header("location")), (303, Some("/a/blog/posts/1-below")));
    let bare = get(&site, "/a/blog/posts/1?a=b", &[cookie, ("Accept", "text/html")]).await;
    assert_eq!((bare.status, bare.header("location")), (301, Some("/a/blog/posts/1-below?a=b")));
    let (_, first) =
        ask(&site, "", "GET", "/a/blog/posts/new", &[("Accept", "text/html")], "").await;
    assert_eq!(first.header("location"), Some("/a/blog/login?next=%2Fposts%2Fnew"));
    let fields = format!("username=ada&password={}&next=/posts/new", PASSWORD.replace(' ', "+"));
    let (_, signed_in) = ask(&site, "", "POST", "/a/blog/login", &[form], &fields).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/a/blog/posts/new")));
    // A proxy may strip the path. A path that only starts with the same letters is not below it.
    assert_eq!(get(&site, "/api/posts", &[]).await.status, 200);
    assert_eq!(get(&site, "/a/blogs", &[]).await.status, 404);
    site.stop().await;
}

#[actix_web::test]
async fn limits_count_the_clients_behind_a_proxy() {
    let site = behind("https://blog.example.org", |config| {
        config.max_sockets_per_address = 1;
        config.max_connections_per_address = 3;
    })
    .await;
    let open = async |from: &str| ask(&site, from, "GET", "/feed", &[STREAM], "").await;
    let (_one, answer) = open("203.0.113.5").await;
    assert_eq!(answer.status, 200);
    assert_eq!(open("203.0.113.5").await.1.status, 429);
    // Addresses in front of the one that the proxy adds are the client's claims and are ignored.
    assert_eq!(open("198.51.100.7, 203.0.113.5").await.1.status, 429);
    assert_eq!(open("127.0.0.1,203.0.113.5").await.1.status, 429);
    let (_two, answer) = open("203.0.113.5, 198.51.100.7").await;
    assert_eq!(answer.status, 200);
    // An IPv6 /64 counts as one address.
    let (_three, answer) = open("2001:db8::1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(open("2001:db8::ffff").await.1.status, 429);
    // Loopback is not exempt either.
    let (_four, answer) = open("").await;
    assert_eq!(answer.status, 200);
    assert_eq!(open("").await.1.status, 429);
    assert_eq!(open("127.0.0.1").await.1.status, 429);
    site.stop().await;
}

#[actix_web::test]
async fn pages_of_allowed_origins_read_as_strangers() {
    for access in [Access::Accounts, Access::Open] {
        let site = behind("https://blog.example.org", |config| {
            config.access = access;
            if access == Access::Open {
                config.reach =
                    Reach { allowed_origins: vec![OTHER.to_owned()], ..Reach::default() };
            }
        })
        .await;
        let host = if access == Access::Open { "localhost" } else { "blog.example.org" };
        let headers = |more: &[(&'static str, &'static str)]| {
            [&[("host", host), ("content-type", "application/json")], more].concat()
        };
        let send = async |method: Method, path: &str, headers: &[(&str, &str)], body: &str| {
            let mut raw = Raw::connect(&site).await;
            raw.ask(method.as_str(), path, headers, body.as_bytes()).await
        };
        let user = json!({"username": "ada", "password": PASSWORD}).to_string();
        send(Method::POST, "/api/users", &headers(&[]), &user).await.json(201);
        set_role(&site, "ada", "admin");
        let answer = send(Method::POST, "/api/session", &headers(&[]), &user).await;
        let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap().to_owned();
        let cookie = pair(&cookie);
        let signed_in = [headers(&[]), vec![("cookie", cookie)]].concat();
        for status in ["draft", "published"] {
            let post = json!({"title": "A post", "body": "b", "status": status}).to_string();
            send(Method::POST, "/api/posts", &signed_in, &post).await.json(201);
        }
        assert_eq!(send(Method::GET, "/api/posts/1", &signed_in, "").await.status, 200);

        let from = [signed_in.clone(), vec![("origin", OTHER), ("sec-fetch-site", "cross-site")]];
        let from = from.concat();
        let read = send(Method::GET, "/api/posts/2", &from, "").await;
        assert_eq!(read.status, 200);
        assert_eq!(read.header("access-control-allow-origin"), Some(OTHER));
        assert_eq!(read.header("access-control-allow-credentials"), None);
        let exposed = read.header("access-control-expose-headers").unwrap();
        assert!(["last-event-id", "log-id", "etag"].iter().all(|name| exposed.contains(name)));
        let vary: Vec<_> = read.headers.get_all("vary").map(|on| on.to_str().unwrap()).collect();
        assert!(vary.join(",").contains("origin"), "{vary:?}");
        // The cookie is ignored.
        assert_eq!(send(Method::GET, "/api/posts/1", &from, "").await.status, 404);
        assert_eq!(send(Method::GET, "/api/notes", &from, "").await.status, 401);
        let bearer = [from.clone(), vec![("authorization", "Bearer nonsense")]].concat();
        assert_eq!(send(Method::GET, "/api/posts/2", &bearer, "").await.status, 200);
        let stream = [from.clone(), vec![STREAM]].concat();
        assert_eq!(send(Method::GET, "/feed", &stream, "").await.status, 200);
        let post = json!({"title": "Not theirs", "body": "b"}).to_string();
        assert_eq!(send(Method::POST, "/api/posts", &from, &post).await.status, 403);
        let preflight = [from.clone(), vec![("access-control-request-method", "GET")]].concat();
        let preflight = send(Method::OPTIONS, "/api/posts", &preflight, "").await;
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-origin"), Some(OTHER));
        // Other origins get no response that a browser would hand to their scripts.
        let evil = [signed_in, vec![("origin", "https://evil.example")]].concat();
        let evil_read = send(Method::GET, "/api/posts/2", &evil, "").await;
        assert_eq!(evil_read.header("access-control-allow-origin"), None);
        let evil_stream = [evil, vec![STREAM]].concat();
        assert_eq!(send(Method::GET, "/feed", &evil_stream, "").await.status, 403);
        site.stop().await;
    }
}

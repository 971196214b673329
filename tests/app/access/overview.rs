//! The overview of the nodes: for admins only, on every node, and only while they are admins.

use std::time::{Duration, Instant};

use actix_web::http::Method;
use kilonova_test::raw::opcode;
use serde_json::{Value, json};

use super::ends::UPGRADE;
use super::{Role, on_one_node_and_on_three};
use crate::support::{Raw, within};

const CHANNEL: &str = "/feed?channels=admin,system";

/// The next text frame, or the close code if the socket closes.
async fn next(raw: &mut Raw) -> Result<Value, Option<u16>> {
    loop {
        let Some(frame) = within("a frame", raw.frame()).await else { return Err(None) };
        match frame.opcode {
            opcode::TEXT => return Ok(serde_json::from_slice(&frame.payload).unwrap()),
            opcode::CLOSE => return Err(frame.close_code()),
            _ => {}
        }
    }
}

#[actix_web::test]
async fn the_overview_is_for_admins_and_its_channel_ends_with_the_role() {
    on_one_node_and_on_three(async |accounts| {
        for (role, status) in
            [(Role::Nobody, 401), (Role::Commenter, 403), (Role::Author, 403), (Role::Admin, 200)]
        {
            for path in [CHANNEL, "/feed?channels=posts,admin"] {
                let opened = accounts.open(role, path, "text/event-stream").await;
                assert_eq!(opened.1, status, "{path} for {role:?}");
            }
            // A request with `as=guest` is treated as a guest's.
            let as_guest = format!("{CHANNEL}&as=guest");
            assert_eq!(accounts.open(role, &as_guest, "text/event-stream").await.1, 401);
        }
        // A second admin, so that one can be demoted.
        let path = "/api/users/other";
        let set = async |role: &str| {
            let role = json!({ "role": role });
            accounts.send(Role::Admin, Method::PATCH, path, &role).await.json(200);
        };
        set("admin").await;
        let cookie = super::sign_in(accounts.site(), "other").await;
        let headers = [UPGRADE.as_slice(), &[("Cookie", cookie.as_str())]].concat();
        let mut sockets = Vec::new();
        for site in &accounts.sites {
            let mut raw = Raw::connect(site).await;
            assert_eq!(raw.ask("GET", CHANNEL, &headers, b"").await.status, 101);
            sockets.push(raw);
        }
        // Every node receives samples of all nodes.
        for raw in &mut sockets {
            let mut missing: Vec<_> =
                (0..accounts.sites.len()).map(|node| format!("node-{node}")).collect();
            while !missing.is_empty() {
                let frame = next(raw).await.expect("a frame");
                missing.retain(|node| frame["data"]["node"] != **node);
            }
        }
        let begun = Instant::now();
        set("member").await;
        for raw in &mut sockets {
            let code = loop {
                if let Err(code) = next(raw).await {
                    break code;
                }
            };
            assert_eq!(code, Some(1008));
            assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        }
        let mut raw = Raw::connect(accounts.site()).await;
        let cookie = super::sign_in(accounts.site(), "other").await;
        let headers = [UPGRADE.as_slice(), &[("Cookie", cookie.as_str())]].concat();
        assert_eq!(raw.ask("GET", CHANNEL, &headers, b"").await.status, 403);
    })
    .await;
}

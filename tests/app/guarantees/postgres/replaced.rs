//! A database that is restored to an earlier state or replaced while a node runs.

use crate::crash::Server;
use crate::databases::Home;

#[actix_web::test]
async fn a_node_ends_when_its_database_is_replaced() {
    let Some((cluster, home)) = super::start() else { return };
    for change in [
        "UPDATE kilonova_log SET id = 'of a restored dump'",
        "UPDATE kilonova_log SET position = position - 1",
    ] {
        let server = node(&home).await;
        let note = serde_json::json!({"title": "Seen by somebody", "body": "b", "author": "A"});
        for _ in 0..2 {
            assert_eq!(server.call("POST", "/api/notes", Some(&note)).0, 201);
        }
        home.execute(change);
        assert!(!server.ended().success(), "{change}");
        // After a restart the node accepts the database.
        let server = node(&home).await;
        assert_eq!(server.call("GET", "/api/events?after=0", None).0, 200);
        drop(server);
    }
    drop((home, cluster));
}

async fn node(home: &Home) -> Server {
    crate::guarantees::kills::start(home, 0, None).await
}

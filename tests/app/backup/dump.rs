//! PostgreSQL's own dumps, made and restored as in docs/backup.md and packaging/pg-backup.sh.

use std::path::Path;
use std::process::{Command, Output};

use kilonova_test::postgres::Cluster;
use tempfile::tempdir;

use super::names;
use crate::databases::Home;
use crate::guarantees::postgres;
use crate::support::Site;

/// A PostgreSQL program, or the script that calls one, for the database of a home.
fn on(cluster: &Cluster, home: &Home, program: &Path) -> Command {
    let url = home.url().unwrap();
    let name = url.rsplit('/').next().and_then(|name| name.split('?').next()).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(program);
    command.env("PATH", format!("{}:{path}", cluster.programs().display()));
    command.env("PGHOST", "127.0.0.1").env("PGPORT", cluster.port().to_string());
    command.env("PGUSER", "postgres").env("PGDATABASE", name);
    command
}

fn run(command: &mut Command) -> (bool, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.success(), String::from_utf8_lossy(&stderr).into_owned())
}

#[actix_web::test]
async fn a_dump_restores_as_the_documentation_says() {
    let Some((cluster, home)) = postgres::start() else { return };
    let site = Site::start_in(home, |_| ()).await;
    site.new_post("In the dump").await;
    let log = site.get("/api/posts").await.header("log-id").unwrap().to_owned();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = root.join("packaging/pg-backup.sh");
    let folder = tempdir().unwrap();
    let file = folder.path().join("site.dump");
    let (is_made, told) = run(on(&cluster, site.home(), &script).arg(&file));
    assert!(is_made, "{told}");
    let (is_made, told) = run(on(&cluster, site.home(), &script).arg(&file));
    assert!(!is_made && told.contains("exists; choose another name"), "{told}");
    let away = folder.path().join("away.dump");
    let (is_made, _) = run(on(&cluster, site.home(), &script).arg(&away).env("PGPORT", "1"));
    assert!(!is_made);
    assert_eq!(names(folder.path()), ["site.dump"]);
    let home = site.stop_keeping_data().await;

    let other = Home::on(&cluster.url());
    let database = other.url().unwrap();
    let database = database.rsplit('/').next().and_then(|name| name.split('?').next()).unwrap();
    let documentation = std::fs::read_to_string(root.join("docs/backup.md")).unwrap();
    let at = documentation.find("    pg_restore ").unwrap();
    let commands = &documentation[at..];
    let shell = commands.replace("=kilonova ", &format!("={database} "));
    let shell = shell.replace(" site.dump", &format!(" {}", file.display()));
    let (is_restored, told) = run(on(&cluster, &other, Path::new("sh")).arg("-ec").arg(shell));
    assert!(is_restored, "{told}");
    let site = Site::start_in(other, |_| ()).await;
    let posts = site.get("/api/posts").await;
    assert_eq!(posts.json(200)["posts"][0]["title"], "In the dump");
    assert_ne!(posts.header("log-id").unwrap(), log);
    site.stop().await;
    drop((home, cluster));
}

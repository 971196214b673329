//! Posts.

use serde_json::json;

use super::{created, page};
use crate::description::operation::Needs::{Anyone, Writer};
use crate::description::operation::Operation;
use crate::description::schemas::Schemas;
use crate::description::{bodies, parameters};
use crate::models::post::Post;

const LIST: &str = "/api/posts";
const ONE: &str = "/api/posts/{id}";

pub(super) fn all(schemas: &mut Schemas) -> Vec<Operation> {
    let post = schemas.of::<Post>();
    let list = page("posts", post.clone());
    let new = schemas.add("NewPost", bodies::new_post());
    let changes = schemas.add("PostChanges", bodies::post_changes());
    let stored = created(schemas, post.clone());
    let filters =
        [parameters::status(), parameters::tag(), parameters::limit(), parameters::cursor()];
    let update = |method, id, summary| {
        Operation::new(method, ONE, Writer, ["Posts", id, summary])
            .about("Changes only the fields in the body. For its author and admins.")
            .id("post")
            .conditional()
            .body(changes.clone(), json!({ "title": "Another title" }))
            .stamped(200, "The post.", post.clone(), ["ETag"])
    };
    vec![
        Operation::new("get", LIST, Anyone, ["Posts", "listPosts", "List posts"])
            .about("Newest first.")
            .takes(filters)
            .stamped(200, "A page of posts.", list, []),
        Operation::new("post", LIST, Writer, ["Posts", "createPost", "Write a post"])
            .once()
            .body(new, json!({ "title": "A title", "body": "Some *text*.", "tags": ["first"] }))
            .stamped(201, "The post.", stored, ["ETag", "Location", "Idempotency-Replayed"]),
        Operation::new("get", ONE, Anyone, ["Posts", "getPost", "Read a post"])
            .id("post")
            .conditional()
            .stamped(200, "The post.", post.clone(), ["ETag"]),
        update("put", "putPost", "Change a post with PUT"),
        update("patch", "updatePost", "Change a post"),
        Operation::new("delete", ONE, Writer, ["Posts", "deletePost", "Delete a post"])
            .about("Also deletes its comments. The deletion is permanent; only pages have a bin.")
            .id("post")
            .conditional()
            .done("The post was deleted."),
    ]
}

//! Comments.

use serde_json::json;

use super::{created, page};
use crate::description::operation::Needs::{Anyone, Writer};
use crate::description::operation::Operation;
use crate::description::schemas::Schemas;
use crate::description::{bodies, parameters};
use crate::models::comment::Comment;

const OF_POST: &str = "/api/posts/{id}/comments";
const ONE: &str = "/api/comments/{id}";

pub(super) fn all(schemas: &mut Schemas, has_guests: bool) -> Vec<Operation> {
    let comment = schemas.of::<Comment>();
    let list = page("comments", comment.clone());
    let new = schemas.add("NewComment", bodies::new_comment(has_guests));
    let changes = schemas.add("CommentChanges", bodies::comment_changes());
    let state = schemas.add("NewCommentState", bodies::comment_state());
    let stored = created(schemas, comment.clone());
    let writer = if has_guests { Anyone } else { Writer };
    let shown = [parameters::state(), parameters::limit(), parameters::cursor()];
    let held = [parameters::held(), parameters::limit(), parameters::cursor()];
    vec![
        Operation::new("get", OF_POST, Anyone, ["Comments", "listComments", "List comments"])
            .about("The comments on a post, oldest first.")
            .id("post")
            .takes(shown)
            .stamped(200, "A page of comments.", list.clone(), []),
        Operation::new("post", OF_POST, writer, ["Comments", "createComment", "Write a comment"])
            .about("403 if the comments on the post are locked.")
            .id("post")
            .once()
            .body(new, json!({ "body": "Well *said*." }))
            .stamped(201, "The comment.", stored, ["ETag", "Idempotency-Replayed"]),
        Operation::new(
            "get",
            "/api/comments",
            Writer,
            ["Comments", "listHeldComments", "List comments that await approval"],
        )
        .about("Only comments that the account may moderate, oldest first.")
        .takes(held)
        .stamped(200, "A page of comments.", list, []),
        Operation::new("put", ONE, Writer, ["Comments", "updateComment", "Change a comment"])
            .about("For its author and admins.")
            .id("comment")
            .conditional()
            .body(changes, json!({ "body": "Better said." }))
            .stamped(200, "The comment.", comment.clone(), ["ETag"]),
        Operation::new(
            "patch",
            ONE,
            Writer,
            ["Comments", "moderateComment", "Approve or hide a comment"],
        )
        .about("For the post's author and admins.")
        .id("comment")
        .conditional()
        .body(state, json!({ "state": "visible" }))
        .stamped(200, "The comment.", comment, ["ETag"]),
        Operation::new("delete", ONE, Writer, ["Comments", "deleteComment", "Delete a comment"])
            .about("For its author, the post's author, and admins. The deletion is permanent.")
            .id("comment")
            .conditional()
            .done("The comment was deleted."),
    ]
}

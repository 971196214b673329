//! Accounts: their sign-ins, tokens, passwords and roles.

use serde_json::json;

use crate::description::operation::Needs::{Account, Anyone, Browser, Nothing};
use crate::description::operation::Operation;
use crate::description::schemas::Schemas;
use crate::description::{bodies, parameters};
use crate::models::user::{Listed, User};
use crate::views::answers::{NewToken, Sessions, SignedIn, Tokens};

const TAG: &str = "Accounts";

pub(super) fn all(schemas: &mut Schemas) -> Vec<Operation> {
    let registration = schemas.add("NewUser", bodies::new_user());
    let credentials = schemas.add("Credentials", bodies::credentials());
    let change = schemas.add("PasswordChange", bodies::password_change());
    let token = schemas.add("NewTokenName", bodies::new_token());
    let changes = schemas.add("UserChanges", bodies::user_changes());
    let (ada, word) = ("ada", "please choose another");
    vec![
        Operation::new("post", "/api/users", Nothing, [TAG, "createUser", "Create an account"])
            .about("403 if registration is closed. The site sets the role, not the request.")
            .once()
            .body(registration, json!({ "username": ada, "password": word }))
            .stamped(201, "The account.", schemas.of::<User>(), ["ETag", "Idempotency-Replayed"]),
        Operation::new(
            "patch",
            "/api/users/{username}",
            Account,
            [TAG, "updateUser", "Change an account's role, or disable it"],
        )
        .about("For admins. The account's sockets close; disabling it signs it out everywhere.")
        .takes([parameters::username()])
        .fails([404])
        .body(changes, json!({ "role": "member" }))
        .json(200, "The account.", schemas.of::<Listed>(), &[]),
        Operation::new("post", "/api/session", Nothing, [TAG, "signIn", "Sign in"])
            .about("The response sets the sign-in cookie. Too many failed attempts get 429.")
            .fails([401])
            .body(credentials, json!({ "username": ada, "password": word }))
            .json(201, "The account.", schemas.of::<SignedIn>(), &["Set-Cookie"]),
        Operation::new("delete", "/api/session", Anyone, [TAG, "signOut", "Sign out"])
            .about("Ends the sign-in of the request's cookie or token, and closes its sockets.")
            .done("Signed out, whether or not you were signed in."),
        Operation::new("get", "/api/sessions", Account, [TAG, "listSessions", "List sign-ins"])
            .takes([])
            .json(200, "The browsers.", schemas.of::<Sessions>(), &[]),
        Operation::new(
            "delete",
            "/api/sessions/{id}",
            Account,
            [TAG, "deleteSession", "End a sign-in"],
        )
        .id("sign-in")
        .done("The browser is signed out."),
        Operation::new("get", "/api/tokens", Account, [TAG, "listTokens", "List bearer tokens"])
            .takes([])
            .json(200, "The tokens.", schemas.of::<Tokens>(), &[]),
        Operation::new("post", "/api/tokens", Browser, [TAG, "createToken", "Create a token"])
            .about("The token is shown only in this response. Tokens cannot create tokens.")
            .once()
            .body(token, json!({ "name": "backup script" }))
            .json(201, "The token.", schemas.of::<NewToken>(), &[])
            .fails([409]),
        Operation::new(
            "delete",
            "/api/tokens/{id}",
            Account,
            [TAG, "deleteToken", "Revoke a bearer token"],
        )
        .id("token")
        .done("The token is revoked."),
        Operation::new(
            "put",
            "/api/account/password",
            Account,
            [TAG, "changePassword", "Change the password"],
        )
        .about("Ends every other sign-in and every token of the account.")
        .body(change, json!({ "password": word, "new_password": "and another one here" }))
        .done("The password was changed."),
    ]
}

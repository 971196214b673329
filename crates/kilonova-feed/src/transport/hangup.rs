//! Lets an application end a connection whose client does not read its response.

use actix_web::HttpRequest;

use super::Activity;

/// A handle that ends the connection of a request whose response waits for the client.
#[doc(hidden)]
pub struct Hangup(Activity);

impl Hangup {
    /// The handle for this request's connection; `None` under a server other than
    /// [`Server`](crate::Server).
    pub fn of(request: &HttpRequest) -> Option<Hangup> {
        request.conn_data::<Activity>().cloned().map(Hangup)
    }

    /// Ends the connection if a write is waiting for the client.
    pub fn now(&self) {
        self.0.cut();
    }
}

impl std::fmt::Debug for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hangup")
    }
}

//! The fuzz targets of the application: plain functions that panic if an invariant does not hold
//! for untrusted bytes. Each is next to the module that reads the bytes, where tests drive it;
//! cargo-fuzz drives it from `fuzz/`.

pub use crate::access::fuzzing::audience;
pub use crate::accounts::fuzzing::device;
pub use crate::controllers::fuzzing::{
    channels, credentials, form_body, idempotency_key, json_body, preconditions, query_string,
    return_to,
};
pub use crate::guard::fuzzing::origin;
pub use crate::import::fuzzing::{date, front_matter, ghost_export, html, wordpress_export};
pub use crate::markdown::fuzzing::markdown;
pub use crate::models::fuzzing::{cursor, token};
pub use crate::pictures::fuzzing::picture;
pub use crate::reach::fuzzing::{authority, forwarded, public_url};
pub use crate::search::fuzzing::search_query;

//! The headings under which `--help` shows the server's flags.

pub(super) const ADDRESS: &str = "Address";
pub(super) const ACCESS: &str = "Access";
pub(super) const DATA: &str = "Data";
pub(super) const SITE: &str = "Site";
pub(super) const PROCESS: &str = "Process";
pub(super) const SOCKETS: &str = "Limits on sockets and connections (0 means no limit)";
pub(super) const REQUESTS: &str = "Limits on requests (0 means no limit)";
pub(super) const CLIENTS: &str = "Limits per address and account (0 means no limit)";
pub(super) const RETENTION: &str = "Retention (0 means no limit)";
pub(super) const CLUSTER: &str = "Cluster";

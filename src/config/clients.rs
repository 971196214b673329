//! The flags that limit a single address or account.

use clap::Args;

use super::heading;
use crate::limits::{Allowances, Quotas};

/// The rate limits and quotas.
#[derive(Clone, Debug, Args)]
pub(super) struct ClientArgs {
    /// Bytes of events per minute from one address or IPv6 /64
    ///
    /// Each write counts as 16 KiB more. Further writes get 429. Open access does not count
    /// loopback.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_WRITES_PER_ADDRESS",
        default_value_t = 64 * 1024 * 1024,
        value_name = "BYTES",
    )]
    max_writes_per_address: u32,
    /// Bytes of events per minute of one account
    ///
    /// Each write counts as 16 KiB more. Further writes get 429.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_WRITES_PER_ACCOUNT",
        default_value_t = 64 * 1024 * 1024,
        value_name = "BYTES",
    )]
    max_writes_per_account: u32,
    /// Comments per minute from one address or IPv6 /64
    ///
    /// Further ones get 429. Open access does not count loopback.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_COMMENTS_PER_ADDRESS",
        default_value_t = 60,
        value_name = "N",
    )]
    max_comments_per_address: u32,
    /// Comments per minute of one account
    ///
    /// Further ones get 429.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_COMMENTS_PER_ACCOUNT",
        default_value_t = 30,
        value_name = "N",
    )]
    max_comments_per_account: u32,
    /// Searches per minute from one address or IPv6 /64
    ///
    /// Further ones get 429. Open access does not count loopback.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_SEARCHES_PER_ADDRESS",
        default_value_t = 300,
        value_name = "N",
    )]
    max_searches_per_address: u32,
    /// Searches per minute of one account
    ///
    /// Further ones get 429.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_SEARCHES_PER_ACCOUNT",
        default_value_t = 300,
        value_name = "N",
    )]
    max_searches_per_account: u32,
    /// New accounts per hour from one address or IPv6 /64
    ///
    /// Further ones get 429. Open access does not count loopback.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_REGISTRATIONS_PER_ADDRESS",
        default_value_t = 20,
        value_name = "N",
    )]
    max_registrations_per_address: u32,
    /// Posts of one account
    ///
    /// Admins have no quota.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_QUOTA_POSTS",
        default_value_t = 10_000,
        value_name = "N",
    )]
    quota_posts: u32,
    /// Notes of one account
    ///
    /// Admins have no quota.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_QUOTA_NOTES",
        default_value_t = 10_000,
        value_name = "N",
    )]
    quota_notes: u32,
    /// Comments of one account
    ///
    /// Admins have no quota.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_QUOTA_COMMENTS",
        default_value_t = 10_000,
        value_name = "N",
    )]
    quota_comments: u32,
    /// Bytes of uploads of one account
    ///
    /// Admins have no quota.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_QUOTA_UPLOADS",
        default_value_t = 1024 * 1024 * 1024,
        value_name = "BYTES",
    )]
    quota_uploads: u32,
    /// Unsaved new posts of one account
    ///
    /// A new one beyond that replaces the oldest.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_QUOTA_UNSAVED_POSTS",
        default_value_t = 20,
        value_name = "N",
    )]
    quota_unsaved_posts: u32,
    /// Links per draft that show it to people without an account
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_DRAFT_LINKS",
        default_value_t = 10,
        value_name = "N",
    )]
    max_draft_links: u32,
    /// Comments of guests per hour from one address or IPv6 /64
    ///
    /// Further ones get 429.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_GUEST_COMMENTS_PER_ADDRESS",
        default_value_t = 50,
        value_name = "N",
    )]
    max_guest_comments_per_address: u32,
    /// Comments of guests that wait for approval
    ///
    /// Further ones get 429.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_HELD_COMMENTS",
        default_value_t = 1000,
        value_name = "N",
    )]
    max_held_comments: u32,
}

impl ClientArgs {
    /// The rate limits of one client.
    pub(super) fn allowances(&self) -> Allowances {
        Allowances {
            writes_per_address: self.max_writes_per_address,
            writes_per_account: self.max_writes_per_account,
            comments_per_address: self.max_comments_per_address,
            comments_per_account: self.max_comments_per_account,
            searches_per_address: self.max_searches_per_address,
            searches_per_account: self.max_searches_per_account,
            registrations_per_address: self.max_registrations_per_address,
            guest_comments_per_address: self.max_guest_comments_per_address,
        }
    }

    /// The quotas of one account, and of all guests together.
    pub(super) fn quotas(&self) -> Quotas {
        let quota = |count: u32| (count > 0).then_some(count.into());
        Quotas {
            posts: quota(self.quota_posts),
            notes: quota(self.quota_notes),
            comments: quota(self.quota_comments),
            uploads: quota(self.quota_uploads),
            unsaved_posts: quota(self.quota_unsaved_posts),
            draft_links: quota(self.max_draft_links),
            held_comments: quota(self.max_held_comments),
        }
    }
}

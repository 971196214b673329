//! Rate limits per address and per account, for writes, comments, searches and new accounts. This
//! module owns the rates and the cost of each action. `accounts` limits password guesses, and
//! `guard` decides which requests are admitted.
//!
//! Changing one word in a post of a mebibyte takes a request of 22 bytes, but produces an event of
//! a mebibyte that the log keeps and every reader receives. A write therefore costs the bytes of
//! its events.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest};
use kilonova_feed::limits::{Address, Rates};

use crate::db::Meter;
use crate::error::{AppError, AppResult};
use crate::turns::WorksFor;

/// The cost of each write in bytes, in addition to its events.
pub const EACH: u32 = 16 * 1024;

/// The maximum duration of an ordinary search.
const ORDINARY: Duration = Duration::from_millis(200);

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The configured rate limits, per minute. After an idle minute, a whole minute's amount may be
/// used at once. 0 means no limit.
#[derive(Clone, Copy, Debug)]
pub struct Allowances {
    /// Bytes that one address writes.
    pub writes_per_address: u32,
    /// Bytes that one account writes.
    pub writes_per_account: u32,
    /// Comments from one address.
    pub comments_per_address: u32,
    /// Comments of one account.
    pub comments_per_account: u32,
    /// Searches from one address.
    pub searches_per_address: u32,
    /// Searches of one account.
    pub searches_per_account: u32,
    /// New accounts from one address, per hour.
    pub registrations_per_address: u32,
    /// Comments of guests from one address, per hour.
    pub guest_comments_per_address: u32,
}

/// The quotas of one account, of one draft, and of all guests together; `None` means no limit.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Posts.
    pub posts: Option<i64>,
    /// Notes.
    pub notes: Option<i64>,
    /// Comments.
    pub comments: Option<i64>,
    /// Bytes of uploads.
    pub uploads: Option<i64>,
    /// New posts that are not saved yet.
    pub unsaved_posts: Option<i64>,
    /// Links to one draft.
    pub draft_links: Option<i64>,
    /// Comments of guests that wait for approval.
    pub held_comments: Option<i64>,
}

/// Counts the actions of clients. Loopback peers are not counted by address.
pub struct Limits {
    writes: Limit,
    comments: Limit,
    searches: Limit,
    registrations: Rates,
    guest_comments: Rates,
}

/// The rate limits of one action, by address and by account.
struct Limit {
    by_address: Rates,
    by_account: Rates,
}

impl Limit {
    fn per_minute(address: u32, account: u32, now: Instant) -> Limit {
        let [by_address, by_account] =
            [address, account].map(|count| Rates::new(count, MINUTE, now));
        Limit { by_address, by_account }
    }

    /// Counts one action, or refuses it with 429.
    fn admit(&self, client: Client, what: &'static str) -> AppResult<()> {
        let now = Instant::now();
        let refused = |wait| AppError::too_many(what, wait);
        if let Some(account) = client.account {
            self.by_account.admit(account, now).map_err(refused)?;
        }
        if let Some(address) = client.address
            && let Err(wait) = self.by_address.admit(address, now)
        {
            // A refused action does not count against the account.
            if let Some(account) = client.account {
                self.by_account.give_back(account);
            }
            return Err(refused(wait));
        }
        Ok(())
    }

    /// Adds to the count, even beyond the limit.
    fn charge(&self, client: Client, count: u32) {
        let now = Instant::now();
        if let Some(account) = client.account {
            self.by_account.charge(account, count, now);
        }
        if let Some(address) = client.address {
            self.by_address.charge(address, count, now);
        }
    }
}

/// Returns the client on whose behalf a request's work is done.
pub fn works_for(request: &HttpRequest) -> WorksFor {
    WorksFor::Client(Client::of(request, None).address)
}

/// The client that an action is counted for: its address and its account.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    address: Option<IpAddr>,
    account: Option<i64>,
}

impl Client {
    /// The client of a request made by this account.
    pub fn of(request: &HttpRequest, account: Option<i64>) -> Client {
        let peer = request.peer_addr().map(|peer| peer.ip());
        Client { address: Address::of(peer).counted(), account }
    }
}

impl Limits {
    /// Starts with empty counts.
    pub fn new(allowances: Allowances) -> Limits {
        let now = Instant::now();
        let Allowances {
            writes_per_address,
            writes_per_account,
            comments_per_address,
            comments_per_account,
            searches_per_address,
            searches_per_account,
            registrations_per_address,
            guest_comments_per_address,
        } = allowances;
        Limits {
            writes: Limit::per_minute(writes_per_address, writes_per_account, now),
            comments: Limit::per_minute(comments_per_address, comments_per_account, now),
            searches: Limit::per_minute(searches_per_address, searches_per_account, now),
            registrations: Rates::new(registrations_per_address, HOUR, now),
            guest_comments: Rates::new(guest_comments_per_address, HOUR, now),
        }
    }

    /// Counts a comment. Returns 429 beyond the allowance.
    pub fn comment(&self, client: Client) -> AppResult<()> {
        self.comments.admit(client, "too many comments: try again later")
    }

    /// Counts a guest's comment, which is held for approval. One address must not fill the shared
    /// queue, so it returns 429 beyond the allowance.
    pub fn guest_comment(&self, client: Client) -> AppResult<GuestComment<'_>> {
        let what = "too many comments without an account: sign in, or try again later";
        by_the_hour(&self.guest_comments, client, what)?;
        Ok(GuestComment { limits: self, client, is_written: false })
    }

    /// Counts a search. Returns 429 beyond the allowance.
    pub fn search(&self, client: Client) -> AppResult<()> {
        self.searches.admit(client, "too many searches: try again later")
    }

    /// Counts the duration of a search: one that takes as long as ten ordinary ones costs as much
    /// as ten.
    pub fn searched(&self, client: Client, took: Duration) {
        let more = took.as_millis() / ORDINARY.as_millis();
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        self.searches.charge(client, more);
    }

    /// Counts a new account. Returns 429 beyond the allowance.
    pub fn register(&self, client: Client) -> AppResult<()> {
        by_the_hour(&self.registrations, client, "too many new accounts: try again later")
    }
}

/// A counted comment of a guest. If it is dropped before [`GuestComment::written`] is called, it is
/// removed from the count.
#[must_use]
pub struct GuestComment<'a> {
    limits: &'a Limits,
    client: Client,
    is_written: bool,
}

impl GuestComment<'_> {
    /// Keeps the comment counted, because it was written.
    pub fn written(mut self) {
        self.is_written = true;
    }
}

impl Drop for GuestComment<'_> {
    fn drop(&mut self) {
        if let (Some(address), false) = (self.client.address, self.is_written) {
            self.limits.guest_comments.give_back(address);
        }
    }
}

fn by_the_hour(rates: &Rates, client: Client, what: &'static str) -> AppResult<()> {
    let Some(address) = client.address else { return Ok(()) };
    rates.admit(address, Instant::now()).map_err(|wait| AppError::too_many(what, wait))
}

/// The address charged for the writes of a request, and the account once it is known.
#[derive(Clone)]
pub struct Payer(Arc<Paying>);

struct Paying {
    limits: Data<Limits>,
    address: Option<IpAddr>,
    account: OnceLock<i64>,
}

impl Payer {
    fn new(limits: Data<Limits>, address: Option<IpAddr>) -> AppResult<Payer> {
        if let Some(address) = address {
            let checked = limits.writes.by_address.check(address, Instant::now());
            checked.map_err(|wait| {
                AppError::too_many("too many writes from this address: try again later", wait)
            })?;
            limits.writes.by_address.charge(address, EACH, Instant::now());
        }
        Ok(Payer(Arc::new(Paying { limits, address, account: OnceLock::new() })))
    }

    /// Charges this account too. Returns 429 if it has written too much.
    pub fn join(&self, account: i64) -> AppResult<()> {
        let rates = &self.0.limits.writes.by_account;
        let checked = rates.check(account, Instant::now());
        checked.map_err(|wait| {
            AppError::too_many("too many writes from this account: try again later", wait)
        })?;
        if self.0.account.set(account).is_ok() {
            rates.charge(account, EACH, Instant::now());
        }
        Ok(())
    }

    /// Charges the client for bytes that it wrote.
    pub fn pay(&self, bytes: usize) {
        let client = Client { address: self.0.address, account: self.0.account.get().copied() };
        // No event is that large.
        self.0.limits.writes.charge(client, bytes.try_into().unwrap_or(u32::MAX));
    }
}

/// Refuses a write with 429 if its address has used up its allowance, and counts it otherwise. All
/// work for the request is attributed to its address ([`WorksFor`]).
pub async fn admit<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let address = Client::of(request.request(), None).address;
    let who = works_for(request.request());
    if request.method().is_safe() {
        return who.run(next.call(request)).await.map(ServiceResponse::map_into_left_body);
    }
    let Some(limits) = request.app_data::<Data<Limits>>().cloned() else {
        return Err(AppError::internal("no limits").into());
    };
    let payer = match Payer::new(limits, address) {
        Ok(payer) => payer,
        Err(error) => return Ok(request.error_response(error).map_into_right_body()),
    };
    request.extensions_mut().insert(payer.clone());
    let meter = Meter::new(move |bytes| payer.pay(bytes));
    let handled = meter.measure(next.call(request));
    who.run(handled).await.map(ServiceResponse::map_into_left_body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_takes_long_costs_more() {
        let limits = Limits::new(Allowances {
            writes_per_address: 0,
            writes_per_account: 0,
            comments_per_address: 0,
            comments_per_account: 0,
            searches_per_address: 30,
            searches_per_account: 0,
            registrations_per_address: 0,
            guest_comments_per_address: 0,
        });
        let client = |last| Client { address: Some([192, 0, 2, last].into()), account: None };
        for _ in 0..10 {
            limits.search(client(1)).unwrap();
            limits.searched(client(1), Duration::from_millis(40));
            limits.search(client(2)).unwrap();
        }
        limits.searched(client(2), Duration::from_secs(6));
        assert!(limits.search(client(1)).is_ok());
        assert!(limits.search(client(2)).is_err());
    }
}

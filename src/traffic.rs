//! Counts the requests to each route and the times until their responses begin.
//!
//! A route is identified by the router's pattern, never by the requested path. Each worker counts
//! separately, so that workers do not write to the same memory.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use kilonova_feed::{Distribution, Histogram};

/// The pattern of a resource, which the router adds to its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern(pub &'static str);

/// Requests that reached no route, because the path is unknown or they were refused earlier.
pub const OTHER: &str = "other";

/// The classes of status codes, from 1xx to 5xx.
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The request counts of all workers.
#[derive(Default)]
pub struct Traffic(Mutex<Vec<(&'static str, Arc<Tally>)>>);

/// The requests of one worker to one route.
#[derive(Default)]
struct Tally {
    statuses: [AtomicU64; CLASSES.len()],
    times: Histogram,
}

/// The requests to one route.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requests {
    /// The number of requests for each class of status codes.
    pub statuses: [u64; CLASSES.len()],
    /// The times until the responses began.
    pub times: Distribution,
}

impl Traffic {
    /// Returns the requests to each route, by its pattern; routes without requests are missing.
    pub fn requests(&self) -> BTreeMap<&'static str, Requests> {
        let tallies = self.locked().clone();
        let mut routes = BTreeMap::<&'static str, Requests>::new();
        for (pattern, tally) in tallies {
            let route = routes.entry(pattern).or_default();
            for (count, more) in route.statuses.iter_mut().zip(&tally.statuses) {
                *count += more.load(Ordering::Relaxed);
            }
            route.times.add(&tally.times.distribution());
        }
        routes
    }

    fn locked(&self) -> MutexGuard<'_, Vec<(&'static str, Arc<Tally>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request counts of one worker.
pub struct Worker {
    /// The traffic of all workers.
    all: Arc<Traffic>,
    own: RefCell<HashMap<&'static str, Arc<Tally>>>,
}

impl Worker {
    /// Starts with no requests.
    pub fn new(all: Arc<Traffic>) -> Rc<Worker> {
        Rc::new(Worker { all, own: RefCell::default() })
    }

    fn count(&self, pattern: &'static str, status: StatusCode, time: Duration) {
        let mut own = self.own.borrow_mut();
        let tally = own.entry(pattern).or_insert_with(|| {
            let tally = Arc::<Tally>::default();
            self.all.locked().push((pattern, Arc::clone(&tally)));
            tally
        });
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = tally.statuses.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        tally.times.time(time);
    }
}

/// Handles a request, and counts it for the worker in the application's data.
pub async fn measure<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let (worker, begun) = (request.app_data::<Rc<Worker>>().cloned(), Instant::now());
    let answered = next.call(request).await;
    let (pattern, status) = match &answered {
        Ok(response) => {
            let pattern = response.request().app_data::<Pattern>();
            (pattern.map_or(OTHER, |pattern| pattern.0), response.status())
        }
        Err(error) => (OTHER, error.as_response_error().status_code()),
    };
    if let Some(worker) = worker {
        worker.count(pattern, status, begun.elapsed());
    }
    answered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_of_all_workers_are_added_up() {
        let all = Arc::<Traffic>::default();
        let workers = [Worker::new(Arc::clone(&all)), Worker::new(Arc::clone(&all))];
        let time = Duration::from_millis(1);
        workers[0].count("/", StatusCode::OK, time);
        workers[0].count("/", StatusCode::NOT_FOUND, time);
        workers[1].count("/", StatusCode::OK, time);
        workers[1].count("/posts/{id}", StatusCode::SWITCHING_PROTOCOLS, time);
        let requests = all.requests();
        assert_eq!(requests.keys().collect::<Vec<_>>(), [&"/", &"/posts/{id}"]);
        assert_eq!(requests["/"].statuses, [0, 2, 0, 1, 0]);
        assert_eq!(requests["/"].times.count, 3);
        assert_eq!(requests["/posts/{id}"].statuses, [1, 0, 0, 0, 0]);
    }
}

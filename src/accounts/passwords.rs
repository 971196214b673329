//! Hashes passwords with Argon2id, on a few dedicated threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::sync::oneshot;

use super::line::{Caller, Line};
use crate::error::{AppError, AppResult};
use crate::models::user::Password;

/// The maximum time a password waits: longer than a processor needs for a full queue.
const WAIT: Duration = Duration::from_secs(25);

/// A hash that no password matches, which takes as long to verify as a user's.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes passwords. Each hash occupies a processor for a while and takes 19 MiB, so at most half
/// of the processors hash at once. Other passwords wait in a queue; when the queue is full, one of
/// its callers gets 503.
pub struct Passwords(Arc<Shared>);

struct Shared {
    line: Mutex<Option<Line<Job>>>,
    arrived: Condvar,
}

type Job = Box<dyn FnOnce() + Send>;

impl Passwords {
    /// `waiting` is the maximum length of the queue.
    pub(super) fn new(waiting: usize) -> Passwords {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Passwords::with(processors.div_ceil(2), waiting)
    }

    /// Starts a number of threads. A thread keeps the memory of its hashes.
    fn with(threads: usize, waiting: usize) -> Passwords {
        let shared = Arc::new(Shared {
            line: Mutex::new(Some(Line::new(waiting))),
            arrived: Condvar::new(),
        });
        for _ in 0..threads {
            let shared = Arc::clone(&shared);
            let work = move || {
                while let Some(job) = shared.next() {
                    job();
                }
            };
            if let Err(error) = thread::Builder::new().name("passwords".to_owned()).spawn(work) {
                log::error!("cannot start a thread for passwords: {error}");
            }
        }
        Passwords(shared)
    }

    /// Returns the hash to store for a new password.
    pub async fn hash(&self, caller: Caller, password: Password) -> AppResult<String> {
        self.run(caller, move || hash(&password)).await
    }

    /// Returns whether the password matches the hash. Without a hash it returns false after the
    /// same amount of work, so that timing does not reveal which names exist.
    pub async fn verify(
        &self,
        caller: Caller,
        password: Password,
        hash: Option<String>,
    ) -> AppResult<bool> {
        self.run(caller, move || {
            let matches = verify(&password, hash.as_deref().unwrap_or(NOBODYS))?;
            Ok(matches && hash.is_some())
        })
        .await
    }

    /// The number of waiting passwords.
    pub fn waiting(&self) -> usize {
        self.0.line().as_ref().map_or(0, Line::waiting)
    }

    /// Runs one hash when it reaches the head of the queue, unless its caller is gone by then.
    async fn run<T: Send + 'static>(
        &self,
        caller: Caller,
        work: impl FnOnce() -> AppResult<T> + Send + 'static,
    ) -> AppResult<T> {
        let (done, hashed) = oneshot::channel();
        let job = move || {
            if !done.is_closed() {
                let hashed = catch_unwind(AssertUnwindSafe(work))
                    .unwrap_or_else(|_| Err(AppError::internal("hashing a password panicked")));
                // The caller may be gone.
                drop(done.send(hashed));
            }
        };
        self.0.push(caller, Box::new(job));
        match tokio::time::timeout(WAIT, hashed).await {
            Ok(Ok(hashed)) => hashed,
            // It was evicted from the queue, or waited too long.
            Ok(Err(_)) | Err(_) => {
                Err(AppError::Busy("too many passwords to check: try again later", 5))
            }
        }
    }
}

impl Drop for Passwords {
    fn drop(&mut self) {
        *self.0.line() = None;
        self.0.arrived.notify_all();
    }
}

impl Shared {
    fn push(&self, caller: Caller, job: Job) {
        let left = self.line().as_mut().map(|line| line.push(caller, job));
        self.arrived.notify_one();
        // Drop it outside the lock, because dropping the job wakes its caller.
        drop(left);
    }

    /// Waits for the next job; `None` when the service stops.
    fn next(&self) -> Option<Job> {
        let mut line = self.line();
        loop {
            if let Some(job) = line.as_mut()?.pop() {
                return Some(job);
            }
            line = self.arrived.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn line(&self) -> MutexGuard<'_, Option<Line<Job>>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the hash to store for a new password. Blocks.
pub(super) fn hash(password: &Password) -> AppResult<String> {
    let mut salt = [0; 16];
    SysRng.try_fill_bytes(&mut salt).map_err(AppError::internal)?;
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(AppError::internal)?;
    Ok(hash.to_string())
}

/// Compares in constant time, with the parameters that the hash was made with.
fn verify(password: &Password, hash: &str) -> AppResult<bool> {
    let hash = PasswordHash::new(hash).map_err(AppError::internal)?;
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(AppError::internal(error)),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use serde_json::json;

    use super::*;
    use crate::models::user::Credentials;

    const ANYONE: Caller = Caller::Address(None);

    fn password(text: &str) -> Password {
        let serde_json::Value::Object(params) = json!({"username": "ada", "password": text}) else {
            panic!("an object")
        };
        Credentials::changeset(&params).expect("both are there").password
    }

    #[actix_web::test]
    async fn only_the_right_password_verifies_and_hashes_are_salted() {
        let passwords = Passwords::new(10);
        let right = || password("correct horse");
        let hash = passwords.hash(ANYONE, right()).await.expect("a hash");
        // It takes as much work as the hash that no password matches.
        let work = |hash: &str| hash.rsplitn(3, '$').nth(2).map(str::to_owned);
        assert!(work(&hash).is_some_and(|work| work.starts_with("$argon2id$v=19$m=")), "{hash}");
        assert_eq!((work(&hash), hash.len()), (work(NOBODYS), NOBODYS.len()));
        assert_ne!(
            hash,
            passwords.hash(ANYONE, right()).await.expect("a hash"),
            "they share a salt"
        );
        assert!(passwords.verify(ANYONE, right(), Some(hash.clone())).await.expect("an answer"));
        let wrong = password("correct hors");
        assert!(!passwords.verify(ANYONE, wrong, Some(hash)).await.expect("an answer"));
        assert!(!passwords.verify(ANYONE, right(), None).await.expect("an answer"));
        assert!(passwords.verify(ANYONE, right(), Some("nonsense".to_owned())).await.is_err());
        assert_eq!(format!("{:?}", right()), "Password(…)");
    }

    #[actix_web::test]
    async fn a_full_queue_refuses_with_a_retry_time() {
        let passwords = Passwords::with(0, 1);
        let first = passwords.hash(ANYONE, password("one"));
        let second = passwords.hash(ANYONE, password("two"));
        let answer = tokio::select! { biased; first = first => first, second = second => second };
        let error = answer.expect_err("there is room for one");
        assert_eq!(error.status_code(), 503);
        assert!(error.error_response().headers().contains_key("retry-after"));
    }

    #[actix_web::test]
    async fn a_password_whose_caller_is_gone_is_not_hashed() {
        let passwords = Passwords::with(0, 2);
        let left = passwords.run(ANYONE, || -> AppResult<()> { panic!("it is hashed") });
        let ended = tokio::select! {
            biased;
            _ = left => true,
            () = std::future::ready(()) => false,
        };
        assert!(!ended);
        let job = passwords.0.line().as_mut().and_then(Line::pop).expect("it waits");
        job();
    }

    #[actix_web::test]
    async fn a_panic_is_an_error_and_its_thread_continues() {
        let passwords = Passwords::with(1, 2);
        let error = passwords.run(ANYONE, || -> AppResult<()> { panic!("on purpose") }).await;
        assert_eq!(error.expect_err("it panicked").status_code(), 500);
        assert!(passwords.run(ANYONE, || Ok(1)).await.is_ok());
    }
}

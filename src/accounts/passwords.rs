//! Hashing passwords: with Argon2id, off the event loop, a few at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::sync::{Semaphore, oneshot};

use crate::error::{AppError, AppResult};
use crate::models::user::Password;

/// Most passwords that wait to be hashed: a crowd of as many makes the others wait, not fail.
const WAITING: usize = 512;

/// How long they wait: longer than a processor takes for all of them.
const WAIT: Duration = Duration::from_secs(25);

/// A hash of no password that takes as long to compare as any user's.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes passwords, each of which takes a processor a good while and 19 MiB: at most half of the
/// processors are at it, and who would wait for too long is told 503.
pub struct Passwords {
    /// A thread for each turn: the memory that a hash takes stays with the thread that made it.
    threads: mpsc::Sender<Box<dyn FnOnce() + Send>>,
    turns: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Passwords {
    pub(super) fn new() -> Passwords {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Passwords::with(processors.div_ceil(2), WAITING)
    }

    fn with(turns: usize, waiting: usize) -> Passwords {
        let (threads, jobs) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..turns {
            let jobs = Arc::clone(&jobs);
            let work = move || {
                // Ends with the last `Passwords`.
                while let Ok(job) = { jobs.lock().unwrap_or_else(PoisonError::into_inner).recv() } {
                    if catch_unwind(AssertUnwindSafe(job)).is_err() {
                        log::error!("hashing a password panicked");
                    }
                }
            };
            if let Err(error) = thread::Builder::new().name("passwords".to_owned()).spawn(work) {
                log::error!("a thread for passwords cannot be started: {error}");
            }
        }
        let (turns, waiting) = (Arc::new(Semaphore::new(turns)), Semaphore::new(waiting));
        Passwords { threads, turns, waiting }
    }

    /// The hash to keep of a new password.
    pub async fn hash(&self, password: Password) -> AppResult<String> {
        self.run(move || hash(&password)).await
    }

    /// Whether the password is that of the hash. Without a hash it is not, which takes as long to
    /// find out: who tries names does not learn from the time which ones there are.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> AppResult<bool> {
        self.run(move || {
            let matches = verify(&password, hash.as_deref().unwrap_or(NOBODYS))?;
            Ok(matches && hash.is_some())
        })
        .await
    }

    /// Runs one hash as soon as a slot is free. It finishes, and keeps its slot, even if its caller
    /// goes away.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> AppResult<T> + Send + 'static,
    ) -> AppResult<T> {
        const BUSY: AppError = AppError::Busy("too many passwords to check: try again later", 5);
        let waiting = self.waiting.try_acquire().map_err(|_| BUSY)?;
        let turn = tokio::time::timeout(WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| BUSY)?.map_err(AppError::internal)?;
        drop(waiting);
        let (done, hashed) = oneshot::channel();
        let job = move || {
            let hashed = work();
            // Before the caller asks for the next.
            drop(turn);
            // The caller may have gone away.
            drop(done.send(hashed));
        };
        let sent = self.threads.send(Box::new(job));
        sent.map_err(|_| AppError::internal("no thread hashes passwords"))?;
        hashed.await.map_err(AppError::internal)?
    }
}

/// The hash to keep of a new password. Blocks.
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

    fn password(text: &str) -> Password {
        let serde_json::Value::Object(params) = json!({"username": "ada", "password": text}) else {
            panic!("an object")
        };
        Credentials::changeset(&params).expect("both are there").password
    }

    #[actix_web::test]
    async fn only_the_right_password_verifies_and_hashes_are_salted() {
        let passwords = Passwords::new();
        let right = || password("correct horse");
        let hash = passwords.hash(right()).await.expect("a hash");
        // As much work as the one that stands for nobody's.
        let work = |hash: &str| hash.rsplitn(3, '$').nth(2).map(str::to_owned);
        assert!(work(&hash).is_some_and(|work| work.starts_with("$argon2id$v=19$m=")), "{hash}");
        assert_eq!((work(&hash), hash.len()), (work(NOBODYS), NOBODYS.len()));
        assert_ne!(hash, passwords.hash(right()).await.expect("a hash"), "they share a salt");
        assert!(passwords.verify(right(), Some(hash.clone())).await.expect("an answer"));
        let wrong = password("correct hors");
        assert!(!passwords.verify(wrong, Some(hash)).await.expect("an answer"));
        assert!(!passwords.verify(right(), None).await.expect("an answer"));
        assert!(passwords.verify(right(), Some("nonsense".to_owned())).await.is_err());
        assert_eq!(format!("{:?}", right()), "Password(…)");
    }

    #[actix_web::test]
    async fn waiting_passwords_are_bounded() {
        let passwords = Passwords::with(0, 1);
        let waits = passwords.hash(password("one"));
        let refused = async {
            tokio::task::yield_now().await;
            passwords.hash(password("two")).await
        };
        let first = tokio::select! { biased; first = waits => first, second = refused => second };
        let error = first.expect_err("there is room for one");
        assert_eq!(error.status_code(), 503);
        assert!(error.error_response().headers().contains_key("retry-after"));
    }
}

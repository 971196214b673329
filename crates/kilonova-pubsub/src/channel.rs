//! The name of a channel. Owns how names are shared and compared; leaves their meaning to the
//! application.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a channel: any string, compared byte by byte, cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel(Arc<str>);

impl Channel {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Channel {
    fn from(name: &str) -> Channel {
        Channel(name.into())
    }
}

impl From<String> for Channel {
    fn from(name: String) -> Channel {
        Channel(name.into())
    }
}

impl From<&String> for Channel {
    fn from(name: &String) -> Channel {
        Channel(name.as_str().into())
    }
}

impl From<Arc<str>> for Channel {
    fn from(name: Arc<str>) -> Channel {
        Channel(name)
    }
}

impl From<&Channel> for Channel {
    fn from(channel: &Channel) -> Channel {
        channel.clone()
    }
}

// Sound because the derived `Hash`, `Eq` and `Ord` of an `Arc<str>` are those of the `str`.
impl Borrow<str> for Channel {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Channel {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Channel {
    fn eq(&self, name: &str) -> bool {
        *self.0 == *name
    }
}

impl PartialEq<&str> for Channel {
    fn eq(&self, name: &&str) -> bool {
        *self.0 == **name
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Channel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Channel, D::Error> {
        String::deserialize(deserializer).map(Channel::from)
    }
}

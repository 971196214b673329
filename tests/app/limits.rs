//! Limits: each refuses as it is documented, harms nobody else and leaves nothing behind.

mod bodies;
mod descriptors;
mod embedding;
mod sockets;

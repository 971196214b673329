//! Members that join until they die: subscriptions, and actors that join from their own contexts.
//! Owns how their end is noticed; leaves removing the member to `Groups`.

use std::sync::Weak;

use actix::Recipient;
use tokio::sync::mpsc;

use super::super::inlet::Inlet;
use super::super::subscriber::{Subscriber, Tether, Who};
use super::super::{Channel, Envelope, JoinError, Meta, Subscription};
use super::Groups;

impl Groups {
    /// Makes an actor a member of `channel` unless it is one already. New metadata replaces its old
    /// metadata.
    ///
    /// Returns the tether for a guard in the actor's context, unless the actor already has a guard.
    pub(in super::super) fn attend(
        &mut self,
        channel: Channel,
        member: Recipient<Envelope>,
        meta: Option<Meta>,
    ) -> Result<Option<Tether>, JoinError> {
        let who = Who::Actor(member);
        let known = self.membership.find(&who).cloned();
        let meta_before = self.membership.meta(channel.as_str(), &who);
        match (known, meta_before) {
            (Some(member), Some(before)) => {
                if meta.is_some() && before != meta.as_ref() {
                    let before = before.cloned();
                    self.tell(&channel, &member, false, before);
                    let (member, meta) = self.membership.join_as(channel.clone(), member, 0, meta);
                    self.tell(&channel, &member, true, meta);
                }
            }
            _ => self.join(channel, who.clone(), meta)?,
        }
        Ok(self.membership.find(&who).and_then(Subscriber::tether))
    }

    /// The guard was dropped: the actor is dead, or continues after a restart. If it is still dying
    /// at this moment, the sweep finds it.
    pub(in super::super) fn unguarded(&mut self, member: &Who) {
        if let Some(member) = self.membership.find(member).cloned()
            && !member.is_alive()
        {
            self.bury(&member);
        }
    }

    /// Subscribes to all of these channels, or to none of them.
    pub(in super::super) fn subscribe(
        &mut self,
        channels: Vec<Channel>,
        meta: Option<Meta>,
        capacity: usize,
        inlet: Weak<Inlet>,
    ) -> Result<Subscription, JoinError> {
        self.number += 1;
        let id = self.number;
        let (sender, envelopes) = mpsc::channel(capacity);
        let subscriber = Subscriber::subscription(sender, id);
        self.subscriptions.insert(id, subscriber.clone());
        for channel in channels {
            if let Err(error) = self.join_known(channel, subscriber.clone(), meta.clone()) {
                self.unsubscribe(id);
                return Err(error);
            }
        }
        Ok(Subscription::new(id, envelopes, inlet))
    }

    pub(in super::super) fn unsubscribe(&mut self, id: u64) {
        if let Some(subscriber) = self.subscriptions.remove(&id) {
            self.bury(&subscriber);
        }
    }
}

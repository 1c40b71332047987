//! What the service manager is told (`sd_notify(3)`). Without one, nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

/// Ready to take calls.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload has begun; [`ready`] ends it. The time stamp is what `Type=notify-reload` asks for.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(stamp) => send(&[NotifyState::Reloading, stamp]),
        Err(_) => send(&[NotifyState::Reloading]),
    }
}

/// No more calls are taken. The manager is asked to wait as long as running calls may take.
pub fn stopping(status: &str, limit: Duration) {
    let patience = u32::try_from(limit.as_micros()).unwrap_or(u32::MAX);
    send(&[NotifyState::Stopping, NotifyState::Status(status), NotifyState::ExtendTimeoutUsec(patience)]);
}

pub fn status(status: &str) {
    send(&[NotifyState::Status(status)]);
}

/// Still alive.
pub fn watchdog() {
    send(&[NotifyState::Watchdog]);
}

/// How often the manager wants to hear [`watchdog`]: half of the time after which it would kill us.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2).filter(|half| !half.is_zero())
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

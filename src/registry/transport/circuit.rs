//! Whether a host is asked at all: not for a while once it has failed several times in a row, and fails too at what nobody
//! has chosen. Whoever writes Pods may know several things that a host fails at.
//!
//! Values alone: who calls says what time it is and how long the first pause.

use std::time::Duration;

use tokio::time::Instant;

use crate::{limits, registry::RegistryError};

/// What is known of one host's health. Closed, so that calls pass, to begin with.
#[derive(Debug, Default)]
pub(in crate::registry) struct Circuit {
    state: State,
    /// Grows whenever the circuit opens or closes: what began before says nothing about what is now.
    epoch: u64,
}

#[derive(Debug)]
enum State {
    /// Calls pass; so many have failed since the last that did not.
    Closed { failures: u32 },
    /// It is found out whether the host is to be left alone, or still is. Calls pass as before.
    Doubted { outage: Option<Outage> },
    /// No call passes before this time.
    Open { until: Instant, outage: Outage },
    /// One call is under way to find out.
    Probing { outage: Outage },
}

/// Why no call passes.
#[derive(Clone, Debug)]
struct Outage {
    last: RegistryError,
    /// How many probes have failed.
    probes: u32,
}

/// Leave to make one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::registry) struct Pass {
    epoch: u64,
    is_probe: bool,
}

/// What one call said about its host.
#[derive(Clone, Debug)]
pub(in crate::registry) enum Health {
    /// It answers, whatever its answer is.
    Answers,
    /// It does not.
    Fails(RegistryError),
    /// Nothing can be said.
    Unknown,
}

/// What has become of the circuit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::registry) enum Change {
    Opened,
    Closed,
    /// It is to be found out whether the host answers at all.
    Doubted,
    Same,
}

impl Circuit {
    /// Leave to make a call now, or what failed last.
    pub(in crate::registry) fn admit(&mut self, now: Instant) -> Result<Pass, RegistryError> {
        let is_probe = match &self.state {
            State::Closed { .. } | State::Doubted { outage: None } => false,
            State::Open { until, outage } if *until <= now => {
                let outage = outage.clone();
                self.state = State::Probing { outage };
                true
            }
            State::Open { outage, .. }
            | State::Probing { outage }
            | State::Doubted {
                outage: Some(outage),
            } => {
                return Err(outage.last.clone());
            }
        };
        let epoch = self.epoch;
        Ok(Pass { epoch, is_probe })
    }

    /// What a call has shown.
    pub(in crate::registry) fn learn(
        &mut self,
        pass: Pass,
        health: &Health,
        now: Instant,
    ) -> Change {
        match health {
            Health::Answers => self.close(),
            Health::Fails(_) if pass.epoch == self.epoch => self.fail(),
            Health::Unknown if pass.epoch == self.epoch => {
                self.let_another_probe(pass, now);
                Change::Same
            }
            Health::Fails(_) | Health::Unknown => Change::Same,
        }
    }

    /// What failed last, when no call passes for that.
    pub(in crate::registry) fn last_failure(&self) -> Option<&RegistryError> {
        match &self.state {
            State::Closed { .. } | State::Doubted { outage: None } => None,
            State::Open { outage, .. }
            | State::Probing { outage }
            | State::Doubted {
                outage: Some(outage),
            } => Some(&outage.last),
        }
    }

    /// What came of asking a host in doubt for what nobody has chosen. `pause` is how long it is left alone at first.
    pub(in crate::registry) fn settle(
        &mut self,
        health: Health,
        now: Instant,
        pause: Duration,
    ) -> Change {
        let State::Doubted { outage } = &self.state else {
            return Change::Same;
        };
        let Health::Fails(last) = health else {
            return self.close();
        };
        let probes = outage
            .as_ref()
            .map_or(0, |outage| outage.probes.saturating_add(1));
        let last = as_told_to_others(last);
        self.state = State::Open {
            until: now + doubled(pause, probes),
            outage: Outage { last, probes },
        };
        self.epoch += 1;
        if probes == 0 {
            Change::Opened
        } else {
            Change::Same
        }
    }

    /// Nobody finds out about a host in doubt any more: the next failure is as good a reason to.
    pub(in crate::registry) fn give_up(&mut self, now: Instant) {
        if let State::Doubted { outage } = &self.state {
            self.state = match outage.clone() {
                None => State::Closed {
                    failures: limits::FAILURES_IN_A_ROW.saturating_sub(1),
                },
                Some(outage) => State::Open { until: now, outage },
            };
        }
    }

    fn close(&mut self) -> Change {
        let was_closed = matches!(
            self.state,
            State::Closed { .. } | State::Doubted { outage: None }
        );
        self.state = State::default();
        if was_closed {
            return Change::Same;
        }
        self.epoch += 1;
        Change::Closed
    }

    fn fail(&mut self) -> Change {
        let outage = match &mut self.state {
            State::Closed { failures } => {
                *failures += 1;
                if *failures < limits::FAILURES_IN_A_ROW {
                    return Change::Same;
                }
                None
            }
            State::Probing { outage } => Some(outage.clone()),
            State::Open { .. } | State::Doubted { .. } => return Change::Same,
        };
        self.state = State::Doubted { outage };
        Change::Doubted
    }

    /// The probe was given up before it showed anything: the next caller's is as good.
    fn let_another_probe(&mut self, pass: Pass, now: Instant) {
        if let (true, State::Probing { outage }) = (pass.is_probe, &self.state) {
            let outage = outage.clone();
            self.state = State::Open { until: now, outage };
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// The failure as those hear of it who are not let through: in the words in which everybody else has heard of it. A refused
/// certificate stays one: somebody may be in between, and what passes during an outage must not pass then.
fn as_told_to_others(error: RegistryError) -> RegistryError {
    match error {
        // The time that ran out was not theirs.
        RegistryError::Deadline { host } => RegistryError::Timeout { host },
        error @ (RegistryError::Unavailable { .. }
        | RegistryError::Timeout { .. }
        | RegistryError::Tls { .. }
        | RegistryError::NotFound { .. }
        | RegistryError::Unauthorized { .. }
        | RegistryError::RateLimited { .. }
        | RegistryError::Unusable { .. }
        | RegistryError::AddressRefused { .. }
        | RegistryError::Limit { .. }) => error,
    }
}

/// Doubled with each probe that fails.
fn doubled(pause: Duration, probes: u32) -> Duration {
    pause
        .saturating_mul(2_u32.saturating_pow(probes))
        .min(limits::MAX_CIRCUIT_PAUSE)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn error(detail: &str) -> RegistryError {
        RegistryError::Unavailable {
            host: "r.example".to_owned(),
            detail: detail.to_owned(),
        }
    }

    fn fails() -> Health {
        Health::Fails(error("answered 503"))
    }

    /// A call that shows this. In doubt, the host shows the same.
    fn call(circuit: &mut Circuit, health: Health) -> Change {
        let now = Instant::now();
        let pass = circuit.admit(now).expect("closed");
        match circuit.learn(pass, &health, now) {
            Change::Doubted => circuit.settle(health, now, limits::CIRCUIT_PAUSE),
            other => other,
        }
    }

    fn open() -> Circuit {
        let mut circuit = Circuit::default();
        for _ in 1..limits::FAILURES_IN_A_ROW {
            assert_eq!(call(&mut circuit, fails()), Change::Same);
        }
        assert_eq!(call(&mut circuit, fails()), Change::Opened);
        circuit
    }

    fn refusal(circuit: &mut Circuit) -> Option<String> {
        Some(circuit.admit(Instant::now()).err()?.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_fails_several_times_in_a_row_is_left_alone_and_then_asked_once() {
        let mut circuit = open();
        let told = Some("r.example answered 503".to_owned());
        assert_eq!(refusal(&mut circuit), told);
        advance(limits::CIRCUIT_PAUSE).await;
        let probe = circuit.admit(Instant::now()).expect("one may try");
        assert_eq!(refusal(&mut circuit), told, "one alone");
        let change = circuit.learn(probe, &Health::Answers, Instant::now());
        assert_eq!(change, Change::Closed);
        assert_eq!(call(&mut circuit, fails()), Change::Same, "counted anew");
        assert_eq!(refusal(&mut circuit), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_doubles_up_to_its_limit_while_probes_fail() {
        let mut circuit = open();
        let mut expected = limits::CIRCUIT_PAUSE;
        for _ in 0..10 {
            advance(expected.saturating_sub(Duration::from_millis(1))).await;
            assert!(refusal(&mut circuit).is_some(), "{expected:?}");
            advance(Duration::from_millis(1)).await;
            assert_eq!(call(&mut circuit, fails()), Change::Same);
            expected = (expected * 2).min(limits::MAX_CIRCUIT_PAUSE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_between_begins_the_count_anew() {
        let mut circuit = Circuit::default();
        for _ in 0..3 {
            for _ in 1..limits::FAILURES_IN_A_ROW {
                assert_eq!(call(&mut circuit, fails()), Change::Same);
            }
            assert_eq!(call(&mut circuit, Health::Answers), Change::Same);
        }
        for _ in 0..100 {
            assert_eq!(call(&mut circuit, Health::Unknown), Change::Same);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_makes_room_for_another() {
        let mut circuit = open();
        advance(limits::CIRCUIT_PAUSE).await;
        let probe = circuit.admit(Instant::now()).expect("one may try");
        circuit.learn(probe, &Health::Unknown, Instant::now());
        assert!(circuit.admit(Instant::now()).is_ok());
        assert!(circuit.admit(Instant::now()).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_began_before_the_circuit_changed_cannot_open_it() {
        let mut circuit = Circuit::default();
        let passes: Vec<Pass> = (0..20)
            .map(|_| circuit.admit(Instant::now()).expect("closed"))
            .collect();
        let now = Instant::now();
        for &pass in &passes[..5] {
            circuit.learn(pass, &fails(), now);
        }
        circuit.settle(fails(), now, limits::CIRCUIT_PAUSE);
        assert!(refusal(&mut circuit).is_some());
        // An answer to an old call shows that the host is alive; the failures of old calls no longer show anything.
        let change = circuit.learn(passes[5], &Health::Answers, now);
        assert_eq!(change, Change::Closed);
        for &pass in &passes[6..] {
            assert_eq!(circuit.learn(pass, &fails(), now), Change::Same);
        }
        assert_eq!(refusal(&mut circuit), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_is_as_long_as_its_caller_says() {
        let mut circuit = Circuit::default();
        for _ in 0..limits::FAILURES_IN_A_ROW {
            let pass = circuit.admit(Instant::now()).expect("closed");
            circuit.learn(pass, &fails(), Instant::now());
        }
        circuit.settle(fails(), Instant::now(), limits::CIRCUIT_PAUSE / 2);
        advance(limits::CIRCUIT_PAUSE / 2).await;
        assert_eq!(refusal(&mut circuit), None);
    }

    /// A circuit in doubt: that of a host that has just been left alone and was asked again, or of one that was not.
    fn doubted(mut circuit: Circuit) -> Circuit {
        let mut change = Change::Same;
        while change == Change::Same {
            let pass = circuit.admit(Instant::now()).expect("one may try");
            change = circuit.learn(pass, &fails(), Instant::now());
        }
        assert_eq!(change, Change::Doubted);
        circuit
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_answers_what_nobody_has_chosen_is_not_left_alone() {
        for health in [Health::Answers, Health::Unknown] {
            let mut circuit = doubted(Circuit::default());
            assert_eq!(refusal(&mut circuit), None, "calls pass meanwhile");
            let settled = circuit.settle(health.clone(), Instant::now(), limits::CIRCUIT_PAUSE);
            assert_eq!((settled, refusal(&mut circuit)), (Change::Same, None));
            let mut left_alone = open();
            advance(limits::CIRCUIT_PAUSE).await;
            left_alone = doubted(left_alone);
            assert!(
                refusal(&mut left_alone).is_some(),
                "no call passes meanwhile"
            );
            let settled = left_alone.settle(health, Instant::now(), limits::CIRCUIT_PAUSE);
            assert_eq!((settled, refusal(&mut left_alone)), (Change::Closed, None));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubt_that_nobody_settles_comes_again_with_the_next_failure() {
        let mut circuit = doubted(Circuit::default());
        circuit.give_up(Instant::now());
        let pass = circuit.admit(Instant::now()).expect("closed");
        let change = circuit.learn(pass, &fails(), Instant::now());
        assert_eq!(change, Change::Doubted);
        let mut left_alone = open();
        advance(limits::CIRCUIT_PAUSE).await;
        left_alone = doubted(left_alone);
        left_alone.give_up(Instant::now());
        assert!(left_alone.admit(Instant::now()).is_ok(), "one may try");
        assert!(left_alone.admit(Instant::now()).is_err(), "one alone");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_let_through_hears_what_the_others_have_heard() {
        let host = || "r.example".to_owned();
        let detail = || "UnknownIssuer".to_owned();
        let silent = "r.example did not answer in time";
        for (last, told) in [
            (error("answered 503"), "r.example answered 503"),
            (RegistryError::Timeout { host: host() }, silent),
            (RegistryError::Deadline { host: host() }, silent),
            (
                RegistryError::Tls {
                    host: host(),
                    detail: detail(),
                },
                "TLS with r.example failed: UnknownIssuer",
            ),
        ] {
            let mut circuit = Circuit::default();
            for _ in 0..limits::FAILURES_IN_A_ROW {
                call(&mut circuit, Health::Fails(last.clone()));
            }
            assert_eq!(refusal(&mut circuit).as_deref(), Some(told));
        }
    }
}

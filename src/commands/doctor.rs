//! `assay doctor`: asks whether an installation works, and says what to do where it does not.

mod definitions;
mod lease;
mod objects;
mod service;
#[cfg(test)]
mod tests;
mod webhooks;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde_json::Value;

use super::{CommandError, Exit};
use crate::{
    clock::{Clock, SystemClock},
    cluster::Installation,
    config::DoctorArgs,
    limits,
    policy::crd,
    untrusted::escaped,
};

/// What one look at one part came to.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Finding {
    /// It is as it should be.
    Fine(String),
    /// It works, but somebody may want to know.
    Hint(String),
    /// It does not work.
    Wrong {
        /// What is wrong.
        fact: String,
        /// What to do.
        advice: String,
    },
}

/// Looks at every part and prints a line for each.
pub async fn run(args: DoctorArgs) -> Result<Exit, CommandError> {
    let installation = Installation::new(args.namespace.clone())
        .await
        .map_err(CommandError::failure)?;
    let findings = look(&installation, &args).await?;
    print(&findings, &mut io::stdout().lock()).map_err(CommandError::failure)?;
    Ok(if findings.iter().any(Finding::is_wrong) {
        Exit::Failure
    } else {
        Exit::Success
    })
}

async fn look(
    installation: &Installation,
    args: &DoctorArgs,
) -> Result<Vec<Finding>, CommandError> {
    let expected: BTreeMap<String, Value> = crd::definitions()
        .map_err(CommandError::failure)?
        .into_iter()
        .collect();
    let mut found = BTreeMap::new();
    for name in expected.keys() {
        found.insert(name.clone(), installation.definition(name).await);
    }
    let mut findings = definitions::judge(&expected, &found);

    let name = &args.webhook_configuration;
    let mutating = installation.mutating_configuration(name).await;
    let validating = installation.validating_configuration(name).await;
    let (seen, targets) = webhooks::judge(name, &args.namespace, &mutating, &validating);
    findings.extend(seen);
    for target in &targets {
        let answer = service::ask(target, args.address).await;
        findings.extend(service::judge(target, &args.namespace, answer));
    }

    findings.push(leads(installation, args).await);
    findings.extend(objects::judge(installation.objects().await));
    Ok(findings)
}

/// Looks a second time before it says that nobody leads: another replica may be about to.
async fn leads(installation: &Installation, args: &DoctorArgs) -> Finding {
    let first = installation.lease(&args.lease).await;
    let finding = lease::judge(&args.lease, &first, None, SystemClock.now());
    if !finding.is_wrong() {
        return finding;
    }
    tokio::time::sleep(limits::LEASE_DURATION).await;
    let second = installation.lease(&args.lease).await;
    lease::judge(
        &args.lease,
        &second,
        first.ok().flatten().as_ref(),
        SystemClock.now(),
    )
}

fn print(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        writeln!(out, "{}", finding.line())?;
    }
    out.flush()
}

impl Finding {
    fn wrong(fact: impl Into<String>, advice: impl Into<String>) -> Self {
        let (fact, advice) = (fact.into(), advice.into());
        Self::Wrong { fact, advice }
    }

    fn is_wrong(&self) -> bool {
        match self {
            Self::Wrong { .. } => true,
            Self::Fine(_) | Self::Hint(_) => false,
        }
    }

    /// One line, whatever the texts of the cluster's objects hold.
    fn line(&self) -> String {
        let text = match self {
            Self::Fine(fact) => format!("ok     {fact}"),
            Self::Hint(fact) => format!("hint   {fact}"),
            Self::Wrong { fact, advice } => format!("wrong  {fact}; {advice}"),
        };
        text.chars().flat_map(escaped).collect()
    }
}

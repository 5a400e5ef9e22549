//! A configuration that the filter refuses, on the real Envoy: at validation, at start, on a live update, and where it
//! is told to pass traffic.

use anyhow::{Context, Result, ensure};
use genops_tests::client::{Leave, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup, refuse, validate};
use genops_tests::refused::{BAD, NO_OBJECT};
use genops_tests::scrape::{parse, sum};
use genops_tests::upstream::Upstream;

use crate::envoy_support::{ask, chat, filter};

/// Nothing listens there; a bootstrap that is only validated needs no upstream.
fn nowhere() -> std::net::SocketAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], 9))
}

fn our_line(log: &str) -> Option<&str> {
    log.lines().find(|line| line.contains("genops: configuration"))
}

fn names(log: &str, expected: [&str; 3]) -> Result<()> {
    let line = our_line(log).with_context(|| format!("no line of ours:\n{log}"))?;
    for part in expected {
        ensure!(line.contains(part), "{part:?} is not in {line:?}");
    }
    Ok(())
}

#[test]
#[ignore = "slow tier: an Envoy for each of them, where a start and an update are tried with a few"]
fn validation_fails_and_says_where_what_and_what_is_allowed() -> Result<()> {
    all_refused(BAD)
}

#[test]
fn what_is_no_object_is_refused() -> Result<()> {
    all_refused(NO_OBJECT)
}

fn all_refused(bad: &[(&str, [&str; 3])]) -> Result<()> {
    let shipped = Bootstrap::shipped(&filter()?, nowhere())?;
    for (configuration, expected) in bad {
        let mut bootstrap = shipped.clone();
        bootstrap.listener.configure(configuration)?;
        let output = validate(&bootstrap)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!output.status.success(), "{configuration} is taken:\n{said}");
        names(&said, *expected).with_context(|| (*configuration).to_owned())?;
    }
    Ok(())
}

#[test]
fn startup_fails_in_the_same_words() -> Result<()> {
    let mut bootstrap = Bootstrap::shipped(&filter()?, nowhere())?;
    for (configuration, expected) in BAD.iter().take(3) {
        bootstrap.listener.configure(configuration)?;
        let output = refuse(&bootstrap)?;
        ensure!(!output.status.success(), "{configuration}: it ended well");
        names(&String::from_utf8_lossy(&output.stderr), *expected)?;
    }
    Ok(())
}

#[test]
fn the_shipped_configuration_and_an_empty_one_validate() -> Result<()> {
    let mut bootstrap = Bootstrap::shipped(&filter()?, nowhere())?;
    for configuration in [bootstrap.listener.configuration()?.to_owned(), String::new(), "{}".to_owned()] {
        bootstrap.listener.configure(&configuration)?;
        let output = validate(&bootstrap)?;
        ensure!(output.status.success(), "{configuration:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_live_update_leaves_the_last_good_configuration_counting() -> Result<()> {
    let upstream = Upstream::start().await?;
    let bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    let mut envoy = Envoy::start(&Setup::new(bootstrap.clone()).live().workers(2)).await?;
    upstream.answer("one", chat("gpt-4o-mini", 10, 5));
    let send = |count: usize| send_all(envoy.address(), vec![(ask("one", "gpt-4o-mini", &[]), Leave::AtEnd); count], 4);
    let replies = send(8).await;
    ensure!(replies.iter().all(|r| r.status == Some(200)), "{replies:?}");
    envoy.settled(8).await?;

    for (configuration, expected) in BAD {
        let mut bad = bootstrap.listener.clone();
        bad.configure(configuration)?;
        ensure!(!envoy.replace(&bad).await?, "{configuration} is taken");
        names(envoy.log().lines().rev().collect::<Vec<_>>().join("\n").as_str(), *expected)
            .with_context(|| (*configuration).to_owned())?;
    }
    let replies = send_all(envoy.address(), vec![(ask("one", "gpt-4o-mini", &[]), Leave::AtEnd); 8], 4).await;
    ensure!(replies.iter().all(|r| r.status == Some(200)), "{replies:?}");
    let samples = parse(&envoy.settled(16).await?).map_err(anyhow::Error::msg)?;
    ensure!(sum(&samples, "genops_usage_outcomes_total", &[("outcome", "complete")]) == 16);
    ensure!(sum(&samples, "genops_tokens_input_total", &[]) == 160);

    // A good one is still taken, and goes on from the same figures.
    let mut good = bootstrap.listener.clone();
    good.configure(r#"{"labels": {"team": "changed"}}"#)?;
    ensure!(envoy.replace(&good).await?, "{}", envoy.log());
    send_all(envoy.address(), vec![(ask("one", "gpt-4o-mini", &[]), Leave::AtEnd); 4], 4).await;
    let samples = parse(&envoy.settled(20).await?).map_err(anyhow::Error::msg)?;
    ensure!(sum(&samples, "genops_usage_outcomes_total", &[]) == 20);
    ensure!(sum(&samples, "genops_tokens_input_total", &[("team", "changed")]) == 40);
    envoy.quit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inert_passes_traffic_and_says_so() -> Result<()> {
    let upstream = Upstream::start().await?;
    let mut bootstrap = Bootstrap::shipped(&filter()?, upstream.address())?;
    bootstrap.listener.configure(r#"{"flush_interval_ms": 0}"#)?;
    bootstrap.listener.environment("GENOPS_INVALID_CONFIG", "inert")?;
    let envoy = Envoy::start(&Setup::new(bootstrap)).await?;
    upstream.answer("one", chat("gpt-4o-mini", 10, 5));
    let replies = send_all(envoy.address(), vec![(ask("one", "gpt-4o-mini", &[]), Leave::AtEnd); 4], 2).await;
    ensure!(replies.iter().all(|r| r.status == Some(200) && r.whole), "{replies:?}");
    let scrape = envoy.scrape().await?;
    ensure!(scrape.lines().any(|line| line == "genops_config_invalid{} 1"), "{scrape}");
    let samples = parse(&scrape).map_err(anyhow::Error::msg)?;
    ensure!(sum(&samples, "genops_usage_outcomes_total", &[]) == 0, "{scrape}");
    names(&envoy.log(), ["without metering", "flush_interval_ms", "from 1 to 60000"])?;
    envoy.quit().await?;
    Ok(())
}

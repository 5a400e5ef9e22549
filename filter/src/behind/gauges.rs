//! Gauges about the filter itself, written at once.

use std::rc::Rc;

use genops_core::config::Config;
use genops_core::schema::Own;

use super::Behind;
use crate::host::{self, MetricType};

/// A gauge of what is in use.
#[derive(Debug, Default)]
pub(super) struct Active {
    id: Option<u32>,
    shown: Option<usize>,
}

impl Behind {
    /// Gauges of this VM, with Envoy's ids.
    pub(crate) fn gauges(&self) -> &[(Rc<str>, u32)] {
        &self.gauges
    }

    pub(super) fn show_limits(&mut self, config: &Config) {
        let limits = [
            (Own::SeriesLimit, u64::from(config.max_label_cardinality)),
            (Own::StatsLimit, u64::from(config.max_stats)),
        ];
        for (own, limit) in limits {
            if let Some(id) = self.define_gauge(&config.table.own(own)) {
                let _refused = host::record_metric(id, limit);
            }
        }
        for (at, own) in [Own::SeriesActive, Own::StatsActive].into_iter().enumerate() {
            if self.active.get(at).is_some_and(|gauge| gauge.id.is_none()) {
                let id = self.define_gauge(&config.table.own(own));
                self.active.iter_mut().skip(at).take(1).for_each(|gauge| gauge.id = id);
            }
        }
        self.show_active();
    }

    /// What is in use, where it has changed. Every VM knows of all, so any may say it.
    pub(super) fn show_active(&mut self) {
        let now = [self.admitted.known().len(), self.series.len()];
        for (gauge, now) in self.active.iter_mut().zip(now) {
            if let Some(id) = gauge.id.filter(|_| gauge.shown != Some(now)) {
                gauge.shown = Some(now);
                let _refused = host::record_metric(id, now as u64);
            }
        }
    }

    pub(crate) fn define_gauge(&mut self, name: &str) -> Option<u32> {
        match host::define_metric(MetricType::Gauge, name) {
            Ok(id) => {
                match self.gauges.iter_mut().find(|(known, _)| **known == *name) {
                    Some((_, known)) => *known = id,
                    None => self.gauges.push((name.into(), id)),
                }
                Some(id)
            }
            Err(status) => {
                self.warn_once("metrics", status);
                None
            }
        }
    }
}
